//! A fresh server that is told what another was told.

use std::io::Read;
use std::net::SocketAddr;
use std::ops::Range;

use engine::{Actions, Config, ConnectionId, Event, Incoming, Instant, Server};

use crate::draws::ToDraw;
use crate::error::ReadError;
use crate::made_up::MadeUp;
use crate::outcome::Outcome;
use crate::reader::{Reader, out_of_place};
use crate::record::{Bytes, Ending, Record, Told};
use crate::splits::Splits;

/// Feeds a recording to a fresh server, event by event.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    server: Server,
    to_draw: ToDraw,
    splits: Splits,
    made_up: MadeUp,
    program: String,
    is_replaced: bool,
    config: Config,
    ending: Option<Ending>,
    /// The time and the number of the last event.
    now: Instant,
    number: u64,
    /// Its bytes, of which each datagram has its part where several came together.
    bytes: Vec<u8>,
    batch: Vec<(SocketAddr, Range<usize>)>,
    /// What it led to, and the same laid out.
    actions: Actions,
    laid_out: Vec<u8>,
    /// What was found wrong behind the last event.
    error: Option<ReadError>,
}

/// One event of a replay.
#[derive(Debug)]
pub struct Step<'a> {
    /// Its number; the first is 1.
    pub number: u64,
    /// Its time, as the server was told it.
    pub now: Instant,
    happened: Happened<'a>,
    /// What the replaying server answered.
    pub actions: &'a Actions,
    /// The same in short.
    pub replayed: Outcome,
    /// What the recorded server answered; `None` where the recording ends in the midst of it.
    pub recorded: Option<Outcome>,
    /// Whether both drew the same random bytes.
    pub drew_alike: bool,
}

impl Step<'_> {
    /// What happened: one event, or each of the datagrams that came together.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.happened.shape.event(self.happened.bytes).into_iter().chain(self.happened.batch())
    }

    /// How many datagrams came together, if they did.
    pub fn together(&self) -> Option<usize> {
        matches!(self.happened.shape, Shape::Datagrams).then_some(self.happened.batch.len())
    }

    /// Whether the two servers did the same, as far as is known.
    pub fn agrees(&self) -> bool {
        self.recorded.is_none_or(|recorded| recorded == self.replayed && self.drew_alike)
    }
}

impl<R: Read> Replay<R> {
    /// Begins a replay of the recording that both of its arguments read from its start: the first
    /// is read at once, for the requests that came in pieces.
    ///
    /// # Errors
    /// [`ReadError`] when it is no recording, or no server can begin as it says.
    pub fn new(ahead: impl Read, source: R) -> Result<Self, ReadError> {
        let splits = Splits::read(ahead)?;
        let mut reader = Reader::new(source)?;
        let start = reader.start()?;
        let to_draw = ToDraw::default();
        to_draw.prepare(start.draws);
        let server = Server::new(start.config.clone(), to_draw.clone(), start.now)?;
        Ok(Self {
            program: start.program.to_owned(),
            is_replaced: start.is_replaced,
            config: start.config,
            now: start.now,
            reader,
            server,
            to_draw,
            splits,
            made_up: MadeUp::default(),
            ending: None,
            number: 0,
            bytes: Vec::new(),
            batch: Vec::new(),
            actions: Actions::new(),
            laid_out: Vec::new(),
            error: None,
        })
    }

    /// The version of the program that recorded it.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether the secrets are not those that were.
    pub fn is_replaced(&self) -> bool {
        self.is_replaced
    }

    /// The server's settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Why the recording is over, once it is; `None` where the recorded server was killed.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Does the next event; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`]; there is nothing after it.
    pub fn step(&mut self) -> Result<Option<Step<'_>>, ReadError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some((later, shape)) = self.next_told()? else { return Ok(None) };
        self.now = Instant::from_micros(self.now.as_micros().wrapping_add_signed(later));
        self.number += 1;
        let recorded = self.next_led();
        let happened = Happened { shape, bytes: &self.bytes, batch: &self.batch };
        self.actions.clear();
        match shape.event(happened.bytes) {
            Some(event) => self.server.handle_into(event, self.now, &mut self.actions),
            None => {
                let batch: Vec<Incoming<'_>> = happened.incoming().collect();
                let event = Event::Datagrams(&batch);
                self.server.handle_into(event, self.now, &mut self.actions);
            }
        }
        self.made_up.answered(&self.actions);
        let replayed = Outcome::of(self.actions.iter(), None, &mut self.laid_out);
        Ok(Some(Step {
            number: self.number,
            now: self.now,
            happened,
            actions: &self.actions,
            replayed,
            recorded,
            drew_alike: self.to_draw.were_drawn(),
        }))
    }

    /// The next event: how much later it is, what it is, and its bytes in `self.bytes`.
    fn next_told(&mut self) -> Result<Option<(i64, Shape)>, ReadError> {
        loop {
            let offset = self.reader.offset();
            let Some(record) = self.reader.record()? else { return Ok(None) };
            if self.ending.is_some() {
                return Err(out_of_place(offset, "the recording was over"));
            }
            match record {
                Record::Told(later, told) => {
                    self.bytes.clear();
                    self.batch.clear();
                    if let Told::Datagrams(batch) = told {
                        for (from, bytes) in batch.iter() {
                            let start = self.bytes.len();
                            bytes.write(&mut self.bytes);
                            self.batch.push((from, start..self.bytes.len()));
                        }
                    }
                    let (shape, bytes) = Shape::of(told, &mut self.splits);
                    shape.note(bytes.filled(), &mut self.made_up)?;
                    bytes.write(&mut self.bytes);
                    return Ok(Some((later, shape)));
                }
                // Read ahead.
                Record::Fill { .. } => {}
                Record::End(ending) => self.ending = Some(ending),
                Record::Start(_) => return Err(out_of_place(offset, "a server began already")),
                Record::Led(..) => return Err(out_of_place(offset, "no event led to it")),
            }
        }
    }

    /// What the event that was just read led to, and what is to be drawn at it. What is wrong here
    /// is said after the event.
    fn next_led(&mut self) -> Option<Outcome> {
        let is_next = self.reader.is_led_next();
        let led = match is_next {
            Ok(true) => self.reader.record(),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        match led {
            Ok(Some(Record::Led(draws, outcome))) => {
                self.to_draw.prepare(draws);
                Some(outcome)
            }
            Ok(_) => {
                self.to_draw.prepare(Vec::new());
                None
            }
            Err(error) => {
                self.to_draw.prepare(Vec::new());
                self.error = Some(error);
                None
            }
        }
    }
}

/// An event without its bytes.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Received(ConnectionId),
    Datagram(SocketAddr),
    Datagrams,
    Other(Event<'static>),
}

impl Shape {
    fn of<'a>(told: Told<'a>, splits: &'a mut Splits) -> (Self, Bytes<'a>) {
        let event = match told {
            Told::Received(connection, bytes) => return (Self::Received(connection), bytes),
            Told::Piece { connection, size, request } => {
                return (Self::Received(connection), splits.take(request, size));
            }
            Told::Datagram(from, bytes) => return (Self::Datagram(from), bytes),
            Told::Datagrams(_) => return (Self::Datagrams, Bytes::filler(0)),
            Told::Opened(connection, from) => Event::Opened { connection, from },
            Told::Ended(connection) => Event::Ended { connection },
            Told::Closed(connection) => Event::Closed { connection },
            Told::Crowded => Event::Crowded,
            Told::Tick => Event::Tick,
            Told::Shutdown => Event::Shutdown,
        };
        (Self::Other(event), Bytes::filler(0))
    }

    /// Notes how many of its bytes are made up.
    fn note(self, size: usize, made_up: &mut MadeUp) -> Result<(), ReadError> {
        match self {
            Self::Received(connection) => made_up.came(connection, size)?,
            Self::Other(Event::Opened { connection, .. }) => made_up.opened(connection),
            Self::Other(Event::Closed { connection }) => made_up.forget(connection),
            Self::Other(_) | Self::Datagram(_) | Self::Datagrams => {}
        }
        Ok(())
    }

    /// The one event that it is, with its bytes; `None` where several datagrams came together.
    fn event(self, bytes: &[u8]) -> Option<Event<'_>> {
        match self {
            Self::Received(connection) => Some(Event::Received { connection, bytes }),
            Self::Datagram(from) => Some(Event::Datagram { from, bytes }),
            Self::Datagrams => None,
            Self::Other(event) => Some(event),
        }
    }
}

/// An event and its bytes.
#[derive(Debug, Clone, Copy)]
struct Happened<'a> {
    shape: Shape,
    bytes: &'a [u8],
    batch: &'a [(SocketAddr, Range<usize>)],
}

impl<'a> Happened<'a> {
    fn incoming(self) -> impl Iterator<Item = Incoming<'a>> {
        self.batch.iter().map(move |(from, part)| Incoming {
            from: *from,
            bytes: self.bytes.get(part.clone()).unwrap_or_default(),
        })
    }

    fn batch(self) -> impl Iterator<Item = Event<'a>> {
        self.incoming().map(|Incoming { from, bytes }| Event::Datagram { from, bytes })
    }
}
