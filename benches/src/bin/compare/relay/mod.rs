//! The members of a slice: they speak in turn, and hear.

mod heard;
mod one_thread;
mod roll;
mod threads;

use std::io;
use std::time::Duration;

use crate::link::Link;
use crate::payload::{Stamp, blank};
use crate::plan::{Hearing, Load};
use crate::sample::Sample;
use crate::server::Server;
use crate::slice::{Slice, nanos};
use crate::window::{Arrival, Window};
use heard::Heard;
use one_thread::OneThread;

/// A copy that has not come after this long is lost. On a busy machine a server may have to wait for
/// its core for a second.
const LOST_AFTER: Duration = Duration::from_secs(3);

/// How long anyone waits at most before looking at the clock.
const WAKE: Duration = Duration::from_millis(100);

/// Measures one slice: `copies` are to come of each message.
pub(crate) fn measure(
    server: &Server,
    links: &mut [Box<dyn Link>],
    load: &Load,
    copies: usize,
    slice: &Slice,
) -> io::Result<Sample> {
    let mut speaker = Speaker { load: *load, next: 0, text: blank(load.sizes.largest()) };
    roll::call(links, &mut speaker, slice)?;
    let talk = Talk { load: *load, slice, window: Window::new(load.window, copies) };
    match load.hearing {
        Hearing::OneThread => talk.measure(server, &mut speaker, OneThread::new(links)?),
        Hearing::Threads => {
            threads::with(links, &talk, |members| talk.measure(server, &mut speaker, members))
        }
    }
}

/// Those who hear what is said, and through whose links it is said.
trait Audience {
    fn say(&mut self, member: usize, text: &[u8]) -> io::Result<()>;

    /// Waits until a message may be over, or for a while.
    fn wait(&mut self, talk: &Talk<'_>) -> io::Result<()>;

    /// What was heard since this was asked last.
    fn take_heard(&mut self) -> Heard;
}

/// What all go by who speak and hear.
struct Talk<'a> {
    load: Load,
    slice: &'a Slice,
    window: Window,
}

/// What was said in a run.
struct Said {
    messages: u64,
    /// Copies that did not come.
    lost: u64,
}

impl Talk<'_> {
    fn measure(
        &self,
        server: &Server,
        speaker: &mut Speaker,
        mut audience: impl Audience,
    ) -> io::Result<Sample> {
        self.run(self.slice.warm_up, speaker, &mut audience)?;
        let before = server.cpu_time_at_rest()?;
        audience.take_heard();
        let start = self.slice.clock.now();
        let Said { messages, lost } = self.run(self.slice.measured, speaker, &mut audience)?;
        let Heard { copies, strays, last, latencies } = audience.take_heard();
        // Up to the last copy, and not the rest that follows.
        let wall = Duration::from_nanos(last.max(start + 1) - start);
        let after = server.cpu_time_at_rest()?;
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

    /// Speaks for so long, and waits for all that was said.
    fn run(
        &self,
        time: Duration,
        speaker: &mut Speaker,
        audience: &mut dyn Audience,
    ) -> io::Result<Said> {
        let Self { load, slice, window } = self;
        let (first, start) = (speaker.next, slice.clock.now());
        let (end, mut look) = (start + nanos(time), start + nanos(WAKE));
        let mut lost = 0;
        loop {
            let mut now = slice.clock.now();
            while now < end && window.has_room(speaker.next) {
                let (sender, size) = (load.sender(speaker.next), load.sizes.of(speaker.next));
                window.open(speaker.next, size, now);
                audience.say(sender, speaker.text(sender, size, now))?;
                now = slice.clock.now();
            }
            if now >= end && window.is_empty() {
                return Ok(Said { messages: speaker.next - first, lost });
            }
            audience.wait(self)?;
            if now >= look {
                look = now + nanos(WAKE);
                slice.stop.check()?;
                lost += window.give_up(now.saturating_sub(nanos(LOST_AFTER)));
            }
        }
    }

    /// Reads once from the link of member `number`. Whether that was all of some message.
    fn hear(
        &self,
        number: usize,
        link: &mut dyn Link,
        buffer: &mut [u8],
        heard: &mut Heard,
    ) -> io::Result<bool> {
        let room = number / self.load.members;
        // One reading of the clock for all that one read brought.
        let (mut came, mut is_over) = (None, false);
        link.hear(buffer, &mut |text| {
            let now = *came.get_or_insert_with(|| self.slice.clock.now());
            let Some(stamp) = Stamp::parse(text) else { return };
            let arrival = if usize::from(stamp.room) == room {
                self.window.arrived(stamp.sequence, text.len())
            } else {
                Arrival::Stray
            };
            match arrival {
                Arrival::Stray => heard.strays += 1,
                Arrival::Awaited | Arrival::Last => heard.copy(stamp.sent, now),
            }
            is_over |= arrival == Arrival::Last;
        })?;
        Ok(is_over)
    }
}

/// Who speaks: its messages are numbered, whichever member says them.
struct Speaker {
    load: Load,
    /// The number of the next message.
    next: u64,
    text: Vec<u8>,
}

impl Speaker {
    /// The text of the next message, which member number `sender` says `now`.
    fn text(&mut self, sender: usize, size: usize, now: u64) -> &[u8] {
        let room = (sender / self.load.members) as u16;
        if self.text.len() != size {
            self.text = blank(size);
        }
        Stamp { sequence: self.next, room, sent: now }.write(&mut self.text);
        self.next += 1;
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::thread;

    use benches::cores::Cores;
    use benches::server_process::PATIENCE;
    use benches::stop::Stop;

    use super::*;
    use crate::link::{self, Reception};
    use crate::payload::Sizes;
    use crate::slice::Clock;

    const MEMBERS: usize = 3;

    /// Says "end" to a relay that runs in a thread of its own.
    struct Relay(UdpSocket);

    impl Drop for Relay {
        fn drop(&mut self) {
            let _ = self.0.send(b"end");
        }
    }

    /// Talks for a moment through a relay that loses every message whose number `is_lost` picks.
    fn talk(hearing: Hearing, is_lost: fn(u64) -> bool) -> (Said, Heard) {
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
        relay.set_read_timeout(Some(PATIENCE)).unwrap();
        let server = relay.local_addr().unwrap();
        let ender = UdpSocket::bind("127.0.0.1:0").unwrap();
        ender.connect(server).unwrap();
        let members = (0..MEMBERS).map(|_| link::bare(server, Reception::Plain).unwrap());
        let (mut links, addresses): (Vec<_>, Vec<_>) = members.unzip();
        let (sizes, clock) = (Sizes::Mixed, Clock::start());
        let load = Load { rooms: 1, members: MEMBERS, senders: 2, window: 4, sizes, hearing };
        let slice = Slice {
            warm_up: Duration::ZERO,
            measured: Duration::from_millis(50),
            clock,
            stop: Stop::default(),
            cores: Cores::all().unwrap(),
            idle: 0,
        };
        let mut speaker = Speaker { load, next: 0, text: Vec::new() };
        let talk = Talk { load, slice: &slice, window: Window::new(load.window, MEMBERS - 1) };
        thread::scope(|scope| {
            let _ended = Relay(ender);
            scope.spawn(|| {
                let mut buffer = [0; 2000];
                loop {
                    let (size, from) = relay.recv_from(&mut buffer).unwrap();
                    let Some(stamp) = Stamp::parse(&buffer[..size]) else { return };
                    let others = addresses.iter().filter(|to| **to != from);
                    for to in others.filter(|_| !is_lost(stamp.sequence)) {
                        relay.send_to(&buffer[..size], to).unwrap();
                    }
                }
            });
            roll::call(&mut links, &mut speaker, &slice).unwrap();
            let mut speak = |audience: &mut dyn Audience| {
                let said = talk.run(slice.measured, &mut speaker, audience).unwrap();
                (said, audience.take_heard())
            };
            match hearing {
                Hearing::OneThread => speak(&mut OneThread::new(&mut links).unwrap()),
                Hearing::Threads => {
                    threads::with(&mut links, &talk, |mut members| Ok(speak(&mut members))).unwrap()
                }
            }
        })
    }

    #[test]
    fn every_copy_is_heard_once_however_the_members_wait() {
        for hearing in [Hearing::Threads, Hearing::OneThread] {
            let (said, heard) = talk(hearing, |_| false);
            assert!(said.messages > 0, "{hearing:?}");
            let copies = said.messages * (MEMBERS as u64 - 1);
            assert_eq!((said.lost, heard.copies, heard.strays), (0, copies, 0), "{hearing:?}");
            assert_eq!(heard.latencies.total(), copies);
        }
    }

    #[test]
    fn copies_that_do_not_come_are_counted_as_lost() {
        let (said, heard) = talk(Hearing::Threads, |sequence| sequence == 5);
        assert_eq!(said.lost, MEMBERS as u64 - 1);
        assert_eq!(heard.copies + said.lost, said.messages * (MEMBERS as u64 - 1));
    }
}
