//! A server that is looked at: every event goes to it, and is written down.

use engine::{
    Action, Actions, Config, Counters, Entropy, EntropyError, Event, Incoming, Instant, Machine,
    Server, StartError,
};
use zeroize::Zeroize;

use crate::blocks::{Sink, mark};
use crate::draws::{Draw, Drawn, Watched, wipe};
use crate::limits::{MAX_BATCH, MAX_EVENT_BYTES};
use crate::outcome::Outcome;
use crate::record::{Batch, Bytes, Ending, Record, Start, Told, put_datagram, put_led};
use crate::secrets::Replacer;

/// What becomes of the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Passwords, tokens and messages are replaced before anything is written.
    Replaced,
    /// They are written as they are.
    Kept,
}

/// A server and its recording. A driver drives it like the server itself.
///
/// An event is written before the server sees it and what it led to afterwards, so that an event at
/// which the server panics is the last of its recording.
pub struct Recorder<S> {
    server: Server,
    sink: S,
    /// Whether the sink takes no more.
    is_over: bool,
    /// The time of the last event.
    last: Instant,
    drawn: Drawn,
    replacer: Option<Replacer>,
    // Kept from event to event for their memory alone.
    draws: Vec<Draw>,
    batch: Vec<u8>,
    fills: Vec<Vec<u8>>,
    record: Vec<u8>,
    laid_out: Vec<u8>,
}

impl<S: Sink> Recorder<S> {
    /// A server that begins as by [`Server::new`], and is recorded from there on. Where secrets are
    /// replaced, `entropy` is asked first for a key, which is wiped when the recorder goes.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn new(
        config: Config,
        mut entropy: impl Entropy + Send + 'static,
        now: Instant,
        secrets: Secrets,
        mut sink: S,
    ) -> Result<Self, StartError> {
        let mut replacer = match secrets {
            Secrets::Replaced => Some(replacer(&mut entropy, &config)?),
            Secrets::Kept => None,
        };
        let drawn = Drawn::default();
        let watched = Watched { source: entropy, drawn: drawn.clone() };
        let server = Server::new(config.clone(), watched, now)?;
        let mut draws = Vec::new();
        drawn.take(&mut draws);
        replace_draws(replacer.as_mut(), &mut draws);
        let start = Start {
            program: env!("CARGO_PKG_VERSION"),
            is_replaced: replacer.is_some(),
            config,
            now,
            draws: std::mem::take(&mut draws),
        };
        let mut record = Vec::new();
        Record::Start(start).put(&mut record);
        let is_over = !sink.push(&record);
        Ok(Self {
            server,
            sink,
            is_over,
            last: now,
            drawn,
            replacer,
            draws,
            batch: Vec::new(),
            fills: Vec::new(),
            record,
            laid_out: Vec::new(),
        })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where the records went.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Writes down what is about to happen.
    fn told(&mut self, event: Event<'_>, now: Instant) {
        let later = now.as_micros().wrapping_sub(self.last.as_micros()) as i64;
        self.last = now;
        if is_too_large(event) {
            self.sink.push(&mark(Ending::EventTooLarge));
            self.is_over = true;
            return;
        }
        self.record.clear();
        self.fills.clear();
        self.batch.clear();
        let told = match &mut self.replacer {
            Some(replacer) => replaced(event, replacer, &mut self.batch, &mut self.fills),
            None => kept(event, &mut self.batch),
        };
        told.put(later, &mut self.record);
        let records = self.fills.iter().chain([&self.record]);
        for record in records {
            self.is_over |= !self.sink.push(record);
        }
    }

    /// Writes down what it led to.
    fn led(&mut self, actions: &Actions, before: usize) {
        self.drawn.take(&mut self.draws);
        replace_draws(self.replacer.as_mut(), &mut self.draws);
        let replacer = self.replacer.as_ref();
        let outcome = Outcome::of(actions.iter().skip(before), replacer, &mut self.laid_out);
        self.record.clear();
        put_led(&self.draws, &outcome, &mut self.record);
        self.is_over |= !self.sink.push(&self.record);
        if let Some(replacer) = &mut self.replacer {
            for action in actions.iter().skip(before) {
                if let Action::Close { connection } = action {
                    replacer.closed(connection);
                }
            }
        }
    }
}

impl<S: Sink> Machine for Recorder<S> {
    fn handle_into(&mut self, event: Event<'_>, now: Instant, actions: &mut Actions) {
        let before = if actions.is_empty() { 0 } else { actions.iter().count() };
        if !self.is_over {
            self.told(event, now);
        }
        self.server.handle_into(event, now, actions);
        if self.is_over {
            self.give_up();
        } else {
            self.led(actions, before);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.server.next_deadline()
    }

    fn counters(&self) -> &Counters {
        self.server.counters()
    }
}

impl<S> Recorder<S> {
    /// Holds nothing for a recording that is over.
    fn give_up(&mut self) {
        self.replacer = None;
        self.drawn.take(&mut self.draws);
        wipe(&mut self.draws);
    }
}

impl<S> std::fmt::Debug for Recorder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("server", &self.server)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

fn replacer(entropy: &mut impl Entropy, config: &Config) -> Result<Replacer, EntropyError> {
    let mut secret = [0; 32];
    entropy.fill(&mut secret)?;
    let replacer = Replacer::new(&secret, config);
    secret.zeroize();
    Ok(replacer)
}

fn replace_draws(replacer: Option<&mut Replacer>, draws: &mut [Draw]) {
    let Some(replacer) = replacer else { return };
    for draw in draws {
        let replaced = replacer.draw(draw);
        if let Some(bytes) = draw {
            bytes.zeroize();
        }
        *draw = replaced;
    }
}

fn is_too_large(event: Event<'_>) -> bool {
    match event {
        Event::Received { bytes, .. } | Event::Datagram { bytes, .. } => {
            bytes.len() > MAX_EVENT_BYTES
        }
        Event::Datagrams(batch) => {
            let bytes: usize = batch.iter().map(|incoming| incoming.bytes.len()).sum();
            batch.len() > MAX_BATCH || bytes > MAX_EVENT_BYTES
        }
        _ => false,
    }
}

/// An event as it is; what came together is laid out in `batch`.
fn kept<'a>(event: Event<'a>, batch: &'a mut Vec<u8>) -> Told<'a> {
    match event {
        Event::Datagrams(datagrams) => {
            for Incoming { from, bytes } in datagrams {
                put_datagram(*from, &Bytes::whole(bytes), batch);
            }
            Told::Datagrams(Batch { count: datagrams.len(), datagrams: batch })
        }
        Event::Received { connection, bytes } => Told::Received(connection, Bytes::whole(bytes)),
        Event::Datagram { from, bytes } => Told::Datagram(from, Bytes::whole(bytes)),
        Event::Opened { connection, from } => Told::Opened(connection, from),
        Event::Ended { connection } => Told::Ended(connection),
        Event::Closed { connection } => Told::Closed(connection),
        Event::Crowded => Told::Crowded,
        Event::Tick => Told::Tick,
        Event::Shutdown => Told::Shutdown,
    }
}

/// The same without its secrets.
fn replaced<'a>(
    event: Event<'a>,
    replacer: &'a mut Replacer,
    batch: &'a mut Vec<u8>,
    fills: &mut Vec<Vec<u8>>,
) -> Told<'a> {
    match event {
        Event::Opened { connection, .. } => replacer.opened(connection),
        Event::Closed { connection } => replacer.closed(connection),
        Event::Received { connection, bytes } => {
            return replacer.received(connection, bytes, fills);
        }
        Event::Datagram { from, bytes } => return Told::Datagram(from, replacer.datagram(bytes)),
        Event::Datagrams(datagrams) => {
            for Incoming { from, bytes } in datagrams {
                put_datagram(*from, &replacer.datagram(bytes), batch);
            }
            return Told::Datagrams(Batch { count: datagrams.len(), datagrams: batch });
        }
        Event::Ended { .. } | Event::Crowded | Event::Tick | Event::Shutdown => {}
    }
    kept(event, batch)
}

#[cfg(test)]
mod tests {
    use engine::{Caps, ConnectionId, SeededEntropy};

    use super::*;
    use crate::blocks::Blocks;

    /// Strangers cannot make a recorder hold more connections than its server.
    #[test]
    fn holds_no_more_connections_than_the_server() {
        let caps = Caps { connections: 4, ..Caps::default() };
        let config = Config { caps, ..Config::default() };
        let blocks = Blocks::new(Vec::new()).unwrap();
        let (entropy, now) = (SeededEntropy::new(1), Instant::ZERO);
        let mut recorder = Recorder::new(config, entropy, now, Secrets::Replaced, blocks).unwrap();
        let mut actions = Actions::new();
        let from = "192.0.2.1:1".parse().unwrap();
        for number in 0..100 {
            let connection = ConnectionId(number);
            recorder.handle_into(Event::Opened { connection, from }, now, &mut actions);
            let bytes = &[0; 7][..];
            recorder.handle_into(Event::Received { connection, bytes }, now, &mut actions);
            let held = recorder.replacer.as_ref().map(Replacer::connections);
            assert_eq!(held, Some(recorder.server.census().connections));
        }
        recorder.handle_into(Event::Shutdown, now, &mut actions);
        assert_eq!(recorder.replacer.as_ref().map(Replacer::connections), Some(0));
    }
}
