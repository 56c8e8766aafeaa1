//! An event and its actions in lines. What may be a secret is a number of bytes.

use std::fmt::{self, Display};
use std::io::{self, Write};

use engine::{Action, Event, Recipient};
use protocol::limits::MAX_OPERATION_PAYLOAD;
use protocol::tcp::{FrameDecoder, Progress, Reply, ReplyDecoder, Request};
use protocol::udp::{Bundle, Datagram, Text};
use record::Step;

use crate::text::printable;

/// A line for the event, one for each datagram of several, and one for each action; where the
/// recorded server did otherwise, what is known of that.
pub(super) fn step(step: &Step<'_>, out: &mut impl Write) -> io::Result<()> {
    let micros = step.now.as_micros();
    write!(out, "{} {}.{:06} ", step.number, micros / 1_000_000, micros % 1_000_000)?;
    match step.together() {
        Some(count) => {
            writeln!(out, "{count} datagrams together")?;
            for event in step.events() {
                writeln!(out, "  {}", Happened(event))?;
            }
        }
        None => step.events().try_for_each(|event| writeln!(out, "{}", Happened(event)))?,
    }
    for action in step.actions.iter() {
        writeln!(out, "  -> {}", Done(&action))?;
    }
    if !step.agrees() {
        let recorded = step.recorded.unwrap_or_default();
        writeln!(out, "  recorded: {recorded}")?;
        writeln!(out, "  replayed: {}", step.replayed)?;
        if !step.drew_alike {
            writeln!(out, "  and other random bytes were drawn")?;
        }
    }
    Ok(())
}

struct Happened<'a>(Event<'a>);

impl Display for Happened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Opened { connection, from } => {
                write!(f, "connection {} opened from {from}", connection.0)
            }
            Event::Received { connection, bytes } => {
                write!(f, "connection {} received {} bytes", connection.0, bytes.len())?;
                request(bytes, f)
            }
            Event::Ended { connection } => write!(f, "connection {} ended", connection.0),
            Event::Closed { connection } => write!(f, "connection {} was lost", connection.0),
            Event::Crowded => f.write_str("too many descriptors are open"),
            Event::Datagram { from, bytes } => {
                write!(f, "datagram of {} bytes from {from}: {}", bytes.len(), Said(bytes))
            }
            Event::Datagrams(batch) => write!(f, "{} datagrams together", batch.len()),
            Event::Tick => f.write_str("tick"),
            Event::Shutdown => f.write_str("shutdown"),
        }
    }
}

/// What is asked, where all of it came at once.
fn request(mut bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Progress::Done(frame) = FrameDecoder::new(MAX_OPERATION_PAYLOAD).feed(&mut bytes) else {
        return Ok(());
    };
    match Request::parse(&frame) {
        Ok(Request::Create(who)) => write!(f, ": create {} as {}", who.room, who.user),
        Ok(Request::Join(who)) => write!(f, ": join {} as {}", who.room, who.user),
        Ok(Request::Leave(who)) => write!(f, ": leave {} as {}", who.room, who.user),
        Ok(Request::Rooms) => f.write_str(": list the rooms"),
        Err(error) => write!(f, ": {error}"),
    }
}

struct Done<'a>(&'a Action<'a>);

impl Display for Done<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Write { connection, bytes } => {
                write!(f, "write {} bytes to connection {}", bytes.len(), connection.0)?;
                reply(bytes, f)
            }
            Action::HalfClose { connection } => {
                write!(f, "end sending to connection {}", connection.0)
            }
            Action::Close { connection } => write!(f, "close connection {}", connection.0),
            Action::Relay { datagram, to } => {
                write!(f, "relay {} bytes to {}: {}", datagram.len(), To(to), Said(datagram))
            }
            Action::Burst { run, to } => {
                let (bytes, count) = (run.bytes().len(), run.datagrams().count());
                write!(f, "relay {count} datagrams of {bytes} bytes in all to {}", To(to))
            }
            Action::Notify { datagram, to } => {
                let to = std::slice::from_ref(to);
                write!(f, "notify {}: {}", To(to), Said(datagram))
            }
        }
    }
}

fn reply(mut bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let reply = match ReplyDecoder::default().feed(&mut bytes) {
        Progress::Done(text) => text.parse().ok(),
        _ => None,
    };
    match reply {
        Some(Reply::Done(_)) => f.write_str(": done"),
        Some(Reply::Refused(refusal)) => write!(f, ": refused, {}", refusal.error),
        None => Ok(()),
    }
}

/// Recipients: one by its address, more by their number.
struct To<'a>(&'a [Recipient]);

impl Display for To<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "{}", one.address),
            many => write!(f, "{} recipients", many.len()),
        }
    }
}

/// A datagram's names and what its text is.
struct Said<'a>(&'a [u8]);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(bundle) = Bundle::parse(self.0) {
            let count = bundle.datagrams().count();
            if count > 0 {
                return write!(f, "bundle of {count}");
            }
        }
        let datagram = match Datagram::parse(self.0) {
            Ok(datagram) => datagram,
            Err(error) => return write!(f, "{error}"),
        };
        let [room, user] = [datagram.room(), datagram.user()].map(printable);
        write!(f, "{room}/{user}, ")?;
        match datagram.text() {
            Text::Presence => f.write_str("presence"),
            Text::Chat(message) => write!(f, "chat of {} bytes", message.as_str().len()),
            // What begins like the server's own words is shown where it is those.
            Text::Reserved(text) => match protocol::udp::NoticeText::parse(text) {
                Some(notice) => f.write_str(notice.as_str()),
                None => write!(f, "reserved text of {} bytes", text.len()),
            },
        }
    }
}
