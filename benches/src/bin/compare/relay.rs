//! The members of a slice: they speak in turn, and hear.

use std::io;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::link::{Link, READ_BYTES};
use crate::payload::{Stamp, blank};
use crate::plan::Load;
use crate::process::Server;
use crate::readiness::Readiness;
use crate::sample::Sample;
use crate::slice::{Slice, nanos};
use crate::window::{Arrival, Window};

/// A copy that has not come after this long is lost. On a busy machine a server may have to wait for
/// its core for a second.
const LOST_AFTER: Duration = Duration::from_secs(3);

/// How long the members wait at most before they look at the clock.
const WAKE: Duration = Duration::from_millis(100);

/// How often everyone is called to say who is there.
const ROLL_CALLS: usize = 30;

/// Measures one slice: `copies` are to come of each message.
pub(crate) fn measure(
    server: &Server,
    links: &mut [Box<dyn Link>],
    load: &Load,
    copies: usize,
    slice: &Slice,
) -> io::Result<Sample> {
    let mut talk = Talk::new(links, *load, copies, slice)?;
    talk.call_the_roll()?;
    talk.run(slice.warm_up)?;
    let before = server.cpu_time_at_rest()?;
    talk.heard = Heard::nothing();
    let start = slice.clock.now();
    let messages = talk.run(slice.measured)?;
    // Up to the last copy, and not the rest that follows.
    let wall = Duration::from_nanos(talk.heard.last.max(start + 1) - start);
    let after = server.cpu_time_at_rest()?;
    let Heard { copies, lost, strays, latencies, .. } = talk.heard;
    Ok(Sample {
        messages,
        copies,
        lost,
        strays,
        wall,
        cpu: before.zip(after).map(|(before, after)| after.saturating_sub(before)),
        memory: server.memory()?,
        latencies,
    })
}

/// What came.
struct Heard {
    copies: u64,
    lost: u64,
    strays: u64,
    /// When the last copy came.
    last: u64,
    latencies: Histogram,
}

impl Heard {
    fn nothing() -> Self {
        Self { copies: 0, lost: 0, strays: 0, last: 0, latencies: Histogram::new() }
    }
}

struct Talk<'a> {
    links: &'a mut [Box<dyn Link>],
    load: Load,
    slice: &'a Slice,
    readiness: Readiness,
    window: Window,
    /// The number of the next message.
    next: u64,
    heard: Heard,
    buffer: Vec<u8>,
    text: Vec<u8>,
}

impl<'a> Talk<'a> {
    fn new(
        links: &'a mut [Box<dyn Link>],
        load: Load,
        copies: usize,
        slice: &'a Slice,
    ) -> io::Result<Self> {
        let readiness = Readiness::new()?;
        for (number, link) in links.iter().enumerate() {
            readiness.watch(link.as_fd(), number)?;
        }
        Ok(Self {
            links,
            load,
            slice,
            readiness,
            window: Window::new(load.window, copies),
            next: 0,
            heard: Heard::nothing(),
            buffer: vec![0; READ_BYTES],
            text: blank(load.sizes.largest()),
        })
    }

    /// Speaks for so long, and waits for all that was said. Gives the number of messages.
    fn run(&mut self, time: Duration) -> io::Result<u64> {
        let (first, start) = (self.next, self.slice.clock.now());
        let (end, mut look) = (start + nanos(time), start + nanos(WAKE));
        loop {
            let mut now = self.slice.clock.now();
            while now < end && self.window.has_room(self.next) {
                self.say(now)?;
                now = self.slice.clock.now();
            }
            if now >= end && self.window.is_empty() {
                return Ok(self.next - first);
            }
            self.hear()?;
            if now >= look {
                look = now + nanos(WAKE);
                self.slice.stop.check()?;
                self.heard.lost += self.window.give_up(now.saturating_sub(nanos(LOST_AFTER)));
            }
        }
    }

    fn say(&mut self, now: u64) -> io::Result<()> {
        let size = self.load.sizes.of(self.next);
        self.window.open(self.next, size, now);
        self.speak(self.load.sender(self.next), size, now)
    }

    fn speak(&mut self, sender: usize, size: usize, now: u64) -> io::Result<()> {
        let room = (sender / self.load.members) as u16;
        if self.text.len() != size {
            self.text = blank(size);
        }
        Stamp { sequence: self.next, room, sent: now }.write(&mut self.text);
        self.next += 1;
        match self.links.get_mut(sender) {
            Some(link) => link.say(&self.text),
            None => Ok(()),
        }
    }

    fn hear(&mut self) -> io::Result<()> {
        let Self { links, load, slice, readiness, window, heard, buffer, .. } = self;
        for number in readiness.wait(WAKE)? {
            let Some(link) = links.get_mut(number) else { continue };
            let room = number / load.members;
            // One reading of the clock for all that one read brought.
            let mut came = None;
            link.hear(buffer, &mut |text| {
                let now = *came.get_or_insert_with(|| slice.clock.now());
                let Some(stamp) = Stamp::parse(text) else { return };
                if usize::from(stamp.room) == room
                    && window.arrived(stamp.sequence, text.len()) == Arrival::Awaited
                {
                    heard.copies += 1;
                    heard.last = now;
                    heard.latencies.record(now.saturating_sub(stamp.sent));
                } else {
                    heard.strays += 1;
                }
            })?;
        }
        Ok(())
    }

    /// Calls in every room until all have heard it. Who has not registers once more.
    fn call_the_roll(&mut self) -> io::Result<()> {
        let members = self.load.members;
        let mut present = vec![false; self.links.len()];
        // Who calls is there; should it hear itself, that changes nothing.
        present.iter_mut().step_by(members).for_each(|caller| *caller = true);
        for _ in 0..ROLL_CALLS {
            self.slice.stop.check()?;
            let incomplete = |room: &&[bool]| room.iter().any(|present| !present);
            let rooms = present.chunks(members).enumerate();
            let rooms: Vec<_> =
                rooms.filter(|(_, room)| incomplete(room)).map(|(room, _)| room).collect();
            if rooms.is_empty() {
                return Ok(());
            }
            for room in rooms {
                let now = self.slice.clock.now();
                self.speak(room * members, self.load.sizes.largest(), now)?;
            }
            while present.contains(&false) {
                let ready: Vec<_> = self.readiness.wait(WAKE)?.collect();
                if ready.is_empty() {
                    break;
                }
                for number in ready {
                    let (Some(link), Some(present)) =
                        (self.links.get_mut(number), present.get_mut(number))
                    else {
                        continue;
                    };
                    link.hear(&mut self.buffer, &mut |text| {
                        *present |= Stamp::parse(text).is_some();
                    })?;
                }
            }
            for (link, _) in self.links.iter_mut().zip(&present).filter(|(_, present)| !**present) {
                link.register()?;
            }
        }
        let absent = present.iter().filter(|present| !**present).count();
        Err(io::Error::other(format!("{absent} members hear nothing")))
    }
}
