//! In a room: saying, hearing, staying in, and getting out.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use protocol::tcp::{Admitted, Departure, Feature, Features, Limits, Request, Secret};
use protocol::udp::{Bundle, ClientDatagram, Datagram, Dialect, Incoming, NoticeText};
use protocol::{Message, MessageError, RoomName, Token, UserName};
use zeroize::Zeroizing;

use super::doubt::{self, Doubt};
use super::echo::{self, Echo};
use super::habits::Habits;
use super::happening::{Event, Happening, Output};
use super::outbox::Outbox;
use super::vigil::{self, Vigil};
use crate::time::Instant;

/// Between the last datagram and the leaving, which goes another way and must not overtake it.
const LEAVE_GRACE: Duration = Duration::from_millis(200);

/// The shortest time between presences that keep a member in.
const MIN_KEEPALIVE: Duration = Duration::from_millis(100);

/// In a room.
#[derive(Debug)]
pub struct Joined {
    room: RoomName,
    user: UserName,
    admitted: Admitted,
    dialect: Dialect,
    keepalive: Option<Duration>,
    last_sent: Instant,
    outbox: Outbox,
    vigil: Vigil,
    doubt: Doubt,
    echo: Echo,
    /// Whether the user was told that the server does not answer.
    is_doubted: bool,
    is_leaving: bool,
}

/// In the room still, or no longer.
#[derive(Debug)]
pub enum Session {
    /// In it.
    Joined(Box<Joined>),
    /// Out of it.
    Gone(Gone),
}

/// No longer in a room.
pub struct Gone {
    /// Why.
    pub reason: Reason,
    /// When the user left: the request that tells the server, for a new TCP connection.
    pub farewell: Option<Zeroizing<Vec<u8>>>,
}

/// The farewell bears the token, so it is not shown.
impl core::fmt::Debug for Gone {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gone").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The user left.
    Left,
    /// The server dropped the user for being silent.
    TimedOut,
    /// The host is gone, and the room with it.
    RoomClosed,
    /// The server stopped.
    ServerStopped,
    /// Nobody listens at the server's address any more.
    ServerGone,
}

impl Joined {
    pub(super) fn new(
        habits: Habits,
        room: RoomName,
        user: UserName,
        admitted: Admitted,
        dialect: Dialect,
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Self {
        let mut joined = Self {
            vigil: Vigil::new(&admitted.limits, dialect == Dialect::Tokened, now),
            echo: Echo::new(admitted.features.contains(Feature::Pong), &admitted.limits, now),
            room,
            user,
            admitted,
            dialect,
            keepalive: habits.keepalive.map(|interval| interval.max(MIN_KEEPALIVE)),
            last_sent: now,
            outbox: Outbox::default(),
            doubt: Doubt::default(),
            is_doubted: false,
            is_leaving: false,
        };
        joined.send(None, now, outputs);
        joined
    }

    /// The room.
    pub fn room(&self) -> &RoomName {
        &self.room
    }

    /// The user's own name.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// Who was in the room already, as the server told it: at most 1,000, and none from a bare reply.
    pub fn members(&self) -> &[String] {
        &self.admitted.members
    }

    /// What the server holds the user to.
    pub fn limits(&self) -> &Limits {
        &self.admitted.limits
    }

    /// The additions that the server uses.
    pub fn features(&self) -> Features {
        self.admitted.features
    }

    /// How long the server's last answer took, if it answers presences and did so already.
    pub fn round_trip(&self) -> Option<Duration> {
        self.echo.round_trip()
    }

    /// Whether the driver may take more input; while it may not, input waits where it comes from.
    pub fn takes_input(&self) -> bool {
        !self.is_leaving && self.outbox.has_space()
    }

    /// Takes note of `event` at the time `now`, and appends to `outputs` what is to be done about it.
    pub fn handle(
        mut self: Box<Self>,
        event: Event<'_>,
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Session {
        let over = match event {
            Event::Say(text) => {
                self.say(text, outputs);
                None
            }
            Event::Datagram(bytes) => self.hear(bytes, now, outputs),
            Event::Unreachable => self.refused(now, outputs),
            Event::Tick => None,
            Event::Leave => {
                self.is_leaving = true;
                None
            }
            Event::LeaveNow => Some(Reason::Left),
        };
        match over.or_else(|| self.advance(now, outputs)) {
            None => Session::Joined(self),
            Some(reason) => Session::Gone(self.gone(reason)),
        }
    }

    /// When the session needs to be told the time, if nothing else happens.
    pub fn next_deadline(&self) -> Instant {
        let keepalive = self.keepalive_at();
        let leave = (self.is_leaving && self.outbox.is_empty()).then(|| self.leave_at());
        [keepalive, leave, self.outbox.ready_at(), self.doubt.deadline(), self.echo.deadline()]
            .into_iter()
            .flatten()
            .fold(self.vigil.deadline(), Instant::min)
    }

    /// What the passing of time calls for.
    fn advance(&mut self, now: Instant, outputs: &mut Vec<Output>) -> Option<Reason> {
        while let Some(text) = self.outbox.pop(now) {
            self.send(Message::new(&text).ok(), now, outputs);
        }
        if self.is_leaving && self.outbox.is_empty() && self.leave_at() <= now {
            return Some(Reason::Left);
        }
        match self.doubt.due(now) {
            Some(doubt::Due::Ask) => self.send(None, now, outputs),
            // Where questions are answered, that one is not refused is not enough.
            Some(doubt::Due::Cleared) if self.echo.is_waiting() => {}
            Some(doubt::Due::Cleared) => self.show_doubt(false, outputs),
            None => {}
        }
        if self.keepalive_at().is_some_and(|at| at <= now) {
            self.send(None, now, outputs);
        }
        match self.vigil.due(now) {
            Some(vigil::Due::Warn(left)) => {
                outputs.push(Output::Show(Happening::IdleWarning(left)));
            }
            Some(vigil::Due::Ask) => {
                outputs.push(self.datagram(None));
                self.echo.asked(now);
            }
            Some(vigil::Due::GiveUp) => return Some(Reason::TimedOut),
            None => {}
        }
        match self.echo.due(now) {
            Some(echo::Due::Ask) => self.send(None, now, outputs),
            Some(echo::Due::Tell) => self.show_doubt(true, outputs),
            None => {}
            Some(echo::Due::GiveUp) => return Some(Reason::TimedOut),
        }
        None
    }

    fn say(&mut self, text: &str, outputs: &mut Vec<Output>) {
        // A text of any length is cut into messages; whether it may be one is asked of its start.
        let capacity = self.capacity();
        if let Err(error @ (MessageError::Empty | MessageError::Reserved)) = Message::new(text) {
            outputs.push(Output::Show(Happening::NotSent { text: text.to_owned(), error }));
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let (mut piece, mut more) = rest.split_at(rest.floor_char_boundary(capacity));
            if Message::new(more) == Err(MessageError::Reserved) {
                // A piece that happened to begin like a notice would not be relayed.
                let earlier = piece.floor_char_boundary(piece.len().saturating_sub(1));
                (piece, more) = rest.split_at(earlier);
            }
            if piece.is_empty() {
                break;
            }
            self.outbox.push(piece.to_owned());
            rest = more;
        }
    }

    /// The most bytes of text in one message: what is left beside the names and the token.
    fn capacity(&self) -> usize {
        let token = &self.admitted.token;
        let names = protocol::limits::MAX_DATAGRAM
            - ClientDatagram::room_for_text(&self.room, &self.user, token);
        self.admitted.limits.max_datagram.saturating_sub(names).max(MIN_CAPACITY)
    }

    fn hear(&mut self, bytes: &[u8], now: Instant, outputs: &mut Vec<Output>) -> Option<Reason> {
        if self.admitted.features.contains(Feature::Bundle) && Bundle::is_one(bytes) {
            let mut datagrams = Bundle::parse(bytes).ok()?.datagrams();
            return datagrams.find_map(|datagram| self.hear_one(datagram, now, outputs));
        }
        self.hear_one(bytes, now, outputs)
    }

    fn hear_one(
        &mut self,
        bytes: &[u8],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Option<Reason> {
        let datagram = Datagram::parse(bytes).ok()?;
        let token = &self.admitted.token;
        let incoming = Incoming::of(datagram, &self.room, token, self.dialect)?;
        self.doubt.heard();
        self.echo.heard(now);
        self.show_doubt(false, outputs);
        self.vigil.heard(now);
        if matches!(incoming, Incoming::Notice { notice: NoticeText::Pong, .. }) {
            self.echo.answered(now);
        }
        if incoming.ends(&self.user) {
            return Some(reason_of(incoming));
        }
        outputs.extend(happening_of(incoming).map(Output::Show));
        None
    }

    fn refused(&mut self, now: Instant, outputs: &mut Vec<Output>) -> Option<Reason> {
        match self.doubt.refused(now) {
            doubt::Verdict::Begun => self.show_doubt(true, outputs),
            doubt::Verdict::Stays => {}
            doubt::Verdict::Gone => return Some(Reason::ServerGone),
        }
        None
    }

    /// Shows that the server does not answer, or that it does again, if that is news.
    fn show_doubt(&mut self, is_doubted: bool, outputs: &mut Vec<Output>) {
        if self.is_doubted != is_doubted {
            self.is_doubted = is_doubted;
            let happening = match is_doubted {
                true => Happening::ServerUnreachable,
                false => Happening::ServerReachable,
            };
            outputs.push(Output::Show(happening));
        }
    }

    fn send(&mut self, message: Option<Message<'_>>, now: Instant, outputs: &mut Vec<Output>) {
        outputs.push(self.datagram(message));
        if message.is_none() {
            self.echo.asked(now);
        } else if self.echo.is_to_ask(now) {
            outputs.push(self.datagram(None));
            self.echo.asked(now);
        }
        self.last_sent = now;
        self.vigil.active(now);
    }

    fn datagram(&self, message: Option<Message<'_>>) -> Output {
        let Self { room, user, admitted: Admitted { token, .. }, .. } = self;
        let datagram = ClientDatagram { room, user, token, message };
        let mut bytes = vec![0; datagram.size()];
        // Cannot fail: what was said was cut to fit.
        let size = datagram.write(&mut bytes).unwrap_or(0);
        bytes.truncate(size);
        Output::Send(bytes)
    }

    /// When presence is next due; never once the user leaves.
    fn keepalive_at(&self) -> Option<Instant> {
        let interval = self.keepalive.filter(|_| !self.is_leaving)?;
        Some(self.last_sent + interval)
    }

    fn leave_at(&self) -> Instant {
        self.last_sent + LEAVE_GRACE
    }

    fn gone(self: Box<Self>, reason: Reason) -> Gone {
        let farewell = (reason == Reason::Left).then(|| {
            let token: &Token = &self.admitted.token;
            let token = Secret::new(token.as_str());
            Request::Leave(Departure { room: self.room, user: self.user, token }).encode()
        });
        Gone { reason, farewell }
    }
}

/// The least that a message is cut to, whatever datagram size a server claims to take: two of the
/// longest characters, so that a piece can give one to the next.
const MIN_CAPACITY: usize = 8;

/// Why a notice that ends the membership does so.
fn reason_of(incoming: Incoming<'_>) -> Reason {
    match incoming {
        Incoming::Notice { notice: NoticeText::RoomClosed, .. } => Reason::RoomClosed,
        Incoming::Notice { notice: NoticeText::Shutdown, .. } => Reason::ServerStopped,
        Incoming::Notice { .. } | Incoming::Chat { .. } => Reason::TimedOut,
    }
}

/// What a datagram that does not end the membership is to its member.
fn happening_of(incoming: Incoming<'_>) -> Option<Happening> {
    match incoming {
        Incoming::Chat { from, message } => {
            Some(Happening::Chat { from: from.to_owned(), text: message.as_str().to_string() })
        }
        Incoming::Notice { about, notice } => match notice {
            NoticeText::Joined => Some(Happening::MemberJoined(about.to_owned())),
            NoticeText::Left => Some(Happening::MemberLeft(about.to_owned())),
            NoticeText::TimedOut => Some(Happening::MemberTimedOut(about.to_owned())),
            NoticeText::RoomClosed | NoticeText::Shutdown | NoticeText::Pong => None,
        },
    }
}
