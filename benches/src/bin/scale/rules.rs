//! The rules alone: what is timed, at each size in turn, so that what else the machine does meets all
//! sizes alike.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Clock};

use benches::spread::Spread;
use benches::stop::Stop;
use benches::{Member, Populated, address, join, room_name, user_name};
use engine::{Event, Instant};
use protocol::tcp::Features;

use crate::plot::Series;
use crate::turns::Turns;
use crate::{NEWCOMER, ROOM, SIZES};

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

/// Datagrams timed together, and how often.
const BATCH: usize = 64;
const BATCHES: usize = 80;

/// Joins in one repetition, each timed alone.
const JOINS: usize = 200;

/// From one sweep at which somebody is due to the next, and from everyone's first sign of life in
/// between to that of those who stay.
const PERIOD: Duration = Duration::from_secs(140);
const LATER: Duration = Duration::from_secs(70);

/// What is timed: once each time it is called.
type Timed = fn(&mut World) -> f64;

const TIMED: [(&str, Timed); 5] = [
    ("relay, one busy room", World::busy_room),
    ("relay, all rooms in turn", World::rooms_in_turn),
    ("join, all rooms in turn", World::joins),
    ("sweep, one member due", World::sweep_of_one),
    ("sweep, a tenth due, each", World::sweep_of_a_tenth),
];

/// Times everything so often, and takes the medians.
pub(super) fn measure(repeat: u32, stop: &Stop) -> io::Result<Vec<Series>> {
    let mut worlds: Vec<World> = SIZES.iter().map(|size| World::new(*size)).collect();
    let mut samples = vec![vec![Vec::new(); SIZES.len()]; TIMED.len()];
    // The first round warms up.
    for round in 0..=repeat {
        eprintln!("the rules: round {round} of {repeat}");
        for ((_, timed), samples) in TIMED.iter().zip(&mut samples) {
            for (world, samples) in worlds.iter_mut().zip(samples) {
                stop.check()?;
                let sample = timed(world);
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
    }
    let series = |((name, _), samples): (&(&'static str, Timed), Vec<Vec<f64>>)| Series {
        name,
        dashed: false,
        nanos: samples.into_iter().map(median).collect(),
    };
    Ok(TIMED.iter().zip(samples).map(series).collect())
}

fn median(samples: Vec<f64>) -> f64 {
    Spread::of(samples).expect("something was timed").median
}

/// A server with so many members, and where it is in its rounds.
struct World {
    populated: Populated,
    chats: Vec<Vec<u8>>,
    presences: Vec<Vec<u8>>,
    /// What came at one wake.
    received: Vec<(SocketAddr, Vec<u8>)>,
    turns: Turns,
}

impl World {
    fn new(size: usize) -> Self {
        let populated = Populated::new(size / ROOM, ROOM, Features::NONE);
        let chats = populated.members.iter().map(|who| who.chat(LINE)).collect();
        let presences = populated.members.iter().map(Member::presence).collect();
        let received = vec![(address(0), Vec::new()); BATCH];
        Self { populated, chats, presences, received, turns: Turns::default() }
    }

    fn rooms(&self) -> usize {
        self.populated.members.len() / ROOM
    }

    fn busy_room(&mut self) -> f64 {
        self.talk(ROOM)
    }

    fn rooms_in_turn(&mut self) -> f64 {
        self.talk(self.populated.members.len())
    }

    /// Datagrams come some at a time into buffers that are used again, as a socket's are: what is cold
    /// is what the server holds.
    fn talk(&mut self, speakers: usize) -> f64 {
        let before = self.populated.server.counters().copies;
        let mut took = Duration::ZERO;
        for _ in 0..BATCHES {
            for place in 0..BATCH {
                let speaker = self.turns.next(speakers);
                let from = self.populated.members.get(speaker).expect("a member").address;
                let (source, bytes) = self.received.get_mut(place).expect("a buffer");
                bytes.clone_from(self.chats.get(speaker).expect("a member"));
                *source = from;
            }
            let start = Clock::now();
            for (from, bytes) in &self.received {
                self.populated.datagram(*from, bytes);
            }
            took += start.elapsed();
        }
        let copies = self.populated.server.counters().copies - before;
        assert_eq!(copies, (BATCHES * BATCH * (ROOM - 1)) as u64, "all were relayed");
        took.as_nanos() as f64 / (BATCHES * BATCH) as f64
    }

    /// The median of many: each is timed alone, as the newcomer has to leave again.
    fn joins(&mut self) -> f64 {
        let (user, from) = (user_name(NEWCOMER), address(NEWCOMER));
        let mut times = Vec::with_capacity(JOINS);
        for _ in 0..JOINS {
            let room = room_name(self.turns.next(self.rooms()));
            let request = join(&room, &user, Features::NONE);
            let start = Clock::now();
            self.populated.request(from, &request);
            times.push(start.elapsed().as_nanos() as f64);
            let admitted = self.populated.admitted();
            assert_eq!(admitted.members.len(), ROOM);
            self.populated.hang_up();
            let (user, token) = (user.clone(), admitted.token);
            self.populated.leave(&Member { room, user, token, address: from });
        }
        median(times)
    }

    fn sweep_of_one(&mut self) -> f64 {
        // The last guest of some room.
        let due = self.turns.next(self.rooms()) * ROOM + ROOM - 1;
        self.sweep(|number| number == due)
    }

    fn sweep_of_a_tenth(&mut self) -> f64 {
        self.sweep(|number| number % ROOM == ROOM - 1)
    }

    /// Lets those who are due be silent for too long, times the sweep, and lets them in again. Gives
    /// the time for each of them.
    fn sweep(&mut self, is_due: impl Fn(usize) -> bool) -> f64 {
        let everyone = 0..self.populated.members.len();
        let due: Vec<_> = everyone.clone().filter(|number| is_due(*number)).collect();
        let begin = self.populated.now;
        everyone.clone().for_each(|number| self.renew(number));
        self.populated.now = begin + LATER;
        everyone.filter(|number| !is_due(*number)).for_each(|number| self.renew(number));
        self.populated.now = begin + PERIOD;
        let before = self.populated.server.counters().timeouts;

        let start = Clock::now();
        tick(&mut self.populated, begin + PERIOD);
        let took = start.elapsed();

        let timeouts = self.populated.server.counters().timeouts - before;
        assert_eq!(timeouts, due.len() as u64, "all who were due, and nobody else");
        due.iter().for_each(|number| self.readmit(*number));
        took.as_nanos() as f64 / due.len() as f64
    }

    fn renew(&mut self, number: usize) {
        let from = self.populated.members.get(number).expect("a member").address;
        self.populated.datagram(from, self.presences.get(number).expect("a member"));
    }

    fn readmit(&mut self, number: usize) {
        let (room, user) = (room_name(number / ROOM), user_name(number));
        let request = join(&room, &user, Features::NONE);
        let member = self.populated.admit(room, user, address(number), &request);
        *self.chats.get_mut(number).expect("a member") = member.chat(LINE);
        *self.presences.get_mut(number).expect("a member") = member.presence();
        *self.populated.members.get_mut(number).expect("a member") = member;
        self.renew(number);
    }
}

/// Does what is due, with all the turns of its telling, as a driver would.
fn tick(populated: &mut Populated, now: Instant) {
    loop {
        populated.actions.clear();
        populated.server.handle_into(Event::Tick, now, &mut populated.actions);
        if populated.server.next_deadline() != Some(now) {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_does_what_it_says_and_leaves_the_world_as_it_was() {
        for size in [10, 100] {
            let mut world = World::new(size);
            for _ in 0..2 {
                for (name, timed) in TIMED {
                    assert!(timed(&mut world) > 0.0, "{name}");
                    let census = world.populated.server.census();
                    assert_eq!((census.rooms, census.members), (size / ROOM, size), "{name}");
                }
            }
        }
    }
}
