//! A session, and what its user, its server and its driver have seen of it.

use std::time::Duration;

use engine::Instant;
use engine::client::{Event, Gone, Happening, Joined, Output, Reason, Session};
use protocol::tcp::{Feature, FrameDecoder, Limits, Progress, Request};
use protocol::udp::{Datagram, NoticeText};

use crate::Reached;
use crate::datagrams::bundles::entries;
use crate::datagrams::fields;

/// Messages that may go at once, and the time between those after them.
const BURST: u64 = 32;
const PACE: Duration = Duration::from_millis(2);

/// How often a session may ask to be woken at one and the same moment.
const MOST_AT_ONCE: usize = 4;

/// With nothing to be said, so many wakes take no less than the shortest time between presences.
const IDLE_WAKES: usize = 16;
const IDLE_TIME: Duration = Duration::from_millis(100);

/// Its twin is told the time where the session is told what does not come from their server: if
/// that meant anything, the two would differ.
pub(super) struct Watched {
    /// The session and its twin, until they are gone.
    lives: Option<[Box<Joined>; 2]>,
    room: String,
    user: String,
    token: String,
    is_bare: bool,
    bundles: bool,
    limits: Limits,
    start: Instant,
    now: Instant,
    /// All that the user said and may be said, and how much of it was sent, in bytes.
    said: String,
    sent: usize,
    messages: u64,
    refusals: u32,
    is_doubted: bool,
    is_leaving: bool,
    reached: Reached,
}

impl Watched {
    pub(super) fn new(
        lives: [Box<Joined>; 2],
        token: &str,
        is_bare: bool,
        now: Instant,
        outputs: &[Output],
    ) -> Self {
        let limits = *lives[0].limits();
        let bundles = lives[0].features().contains(Feature::Bundle);
        // Where the reply is the input's own, so is the token: presence shows it.
        let [Output::Send(presence)] = outputs else { panic!("presence comes first: {outputs:?}") };
        let shown = Datagram::parse(presence).unwrap().token().to_owned();
        assert!(token.is_empty() || token == shown);
        let mut watched = Self {
            room: lives[0].room().as_str().to_owned(),
            user: lives[0].user().as_str().to_owned(),
            lives: Some(lives),
            token: shown,
            is_bare,
            bundles,
            limits,
            start: now,
            now,
            said: String::new(),
            sent: 0,
            messages: 0,
            refusals: 0,
            is_doubted: false,
            is_leaving: false,
            reached: Reached::new(),
        };
        watched.look(outputs, 0);
        watched
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn set_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.lives.is_none()
    }

    pub(super) fn takes_input(&self) -> bool {
        self.lives.as_ref().is_some_and(|[session, _]| session.takes_input())
    }

    pub(super) fn reached(&self) -> &Reached {
        &self.reached
    }

    /// Something happens now, and all is looked at that follows from it.
    pub(super) fn happens(&mut self, event: Event<'_>) {
        let Some([session, twin]) = self.lives.take() else { return };
        let believed = match event {
            Event::Datagram(bytes) => self.believed(bytes),
            _ => Vec::new(),
        };
        let is_foreign = matches!(event, Event::Datagram(_)) && believed.is_empty();
        let (deadline, is_quiet) = (session.next_deadline(), matches!(event, Event::Tick));
        self.expect(&event);
        let [mut outputs, mut of_twin] = [Vec::new(), Vec::new()];
        let session = session.handle(event, self.now, &mut outputs);
        let for_twin = if is_foreign { Event::Tick } else { event };
        let twin = twin.handle(for_twin, self.now, &mut of_twin);
        assert_eq!(outputs, of_twin, "a stranger's datagram means something");

        if (is_quiet || is_foreign) && self.now < deadline {
            assert!(outputs.is_empty(), "a tick too early does something");
        }
        self.look(&outputs, believed.len());
        self.heard(&believed, &outputs, matches!(session, Session::Gone(_)));
        match (session, twin) {
            (Session::Joined(session), Session::Joined(twin)) => {
                assert_eq!(session.next_deadline(), twin.next_deadline());
                if (is_quiet || is_foreign) && self.now < deadline {
                    assert_eq!(session.next_deadline(), deadline);
                }
                let is_idle = self.sent == self.said.len() && !self.is_leaving;
                assert!(session.takes_input() || !is_idle, "nothing waits, and nothing is taken");
                assert!(!session.takes_input() || !self.is_leaving);
                self.lives = Some([session, twin]);
                self.settle(&event);
            }
            (Session::Gone(gone), Session::Gone(of_twin)) => {
                assert_eq!(gone.reason, of_twin.reason);
                self.gone(&gone, &event, believed.last());
            }
            _ => panic!("a stranger's datagram ends it"),
        }
    }

    /// The driver wakes it so often when it asks to be woken.
    pub(super) fn run_on(&mut self, wakes: usize) {
        let mut times = Vec::new();
        for _ in 0..wakes {
            let Some([session, _]) = &self.lives else { return };
            self.now = self.now.max(session.next_deadline());
            if self.sent < self.said.len() {
                times.clear();
            }
            times.push(self.now);
            if let Some(earlier) = times.len().checked_sub(IDLE_WAKES) {
                let took = self.now.since(times[earlier]);
                assert!(took >= IDLE_TIME, "{IDLE_WAKES} wakes in {took:?}");
            }
            self.happens(Event::Tick);
        }
    }

    /// After an event nothing is due, but for what is due in a few turns at the same moment.
    fn settle(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Tick) {
            return;
        }
        for _ in 0..MOST_AT_ONCE {
            match &self.lives {
                Some([session, _]) if session.next_deadline() <= self.now => {}
                _ => return,
            }
            self.happens(Event::Tick);
        }
        let Some([session, _]) = &self.lives else { return };
        assert!(session.next_deadline() > self.now, "it is woken again and again");
    }

    /// Takes note of what the user and the system do.
    fn expect(&mut self, event: &Event<'_>) {
        match event {
            Event::Say(text) if may_be_said(text) => self.said.push_str(text),
            Event::Unreachable => self.refusals += 1,
            Event::Leave => self.is_leaving = true,
            _ => {}
        }
    }

    /// Every output is right by itself, and there are not too many.
    fn look(&mut self, outputs: &[Output], heard: usize) {
        let (mut messages, mut presences, mut shown) = (0, 0, 0);
        for output in outputs {
            match output {
                Output::Send(bytes) => match self.sent_text(bytes) {
                    0 => presences += 1,
                    _ => messages += 1,
                },
                Output::Show(happening) => {
                    shown += 1;
                    self.shown(happening);
                }
            }
        }
        self.messages += messages;
        assert!(messages <= BURST && presences <= 3 && shown <= 3 + heard, "{outputs:?}");
        let paced = self.now.since(self.start).as_micros() / PACE.as_micros();
        assert!(u128::from(self.messages) <= u128::from(BURST) + paced + 1, "faster than its pace");
    }

    /// A datagram that was sent: its own, within the server's limits, and the next of what was said.
    /// Gives the size of its text.
    fn sent_text(&mut self, bytes: &[u8]) -> usize {
        let datagram = Datagram::parse(bytes).expect("what is sent is valid");
        let bears = [datagram.room(), datagram.user(), datagram.token()];
        assert_eq!(bears, [&*self.room, &*self.user, &*self.token]);
        let text = datagram.raw_text();
        let overhead = bytes.len() - text.len();
        assert!(bytes.len() <= self.limits.max_datagram.max(overhead + 8));
        assert!(text.is_empty() || may_be_said(text));
        let rest = self.said.get(self.sent..).expect("a whole character");
        assert!(rest.starts_with(text), "{text:?} was not said next");
        self.sent += text.len();
        text.len()
    }

    /// What the user is shown makes sense after what was shown before.
    fn shown(&mut self, happening: &Happening) {
        let name = match happening {
            Happening::Chat { .. } => "chat",
            Happening::MemberJoined(_) => "joined",
            Happening::MemberLeft(_) => "left",
            Happening::MemberTimedOut(_) => "timed out",
            Happening::NotSent { text, .. } => {
                assert!(!may_be_said(text));
                "not sent"
            }
            Happening::IdleWarning(left) => {
                assert!(*left <= self.limits.idle_timeout);
                "idle warning"
            }
            Happening::ServerUnreachable => {
                assert!(!std::mem::replace(&mut self.is_doubted, true));
                "unreachable"
            }
            Happening::ServerReachable => {
                assert!(std::mem::replace(&mut self.is_doubted, false));
                "reachable"
            }
        };
        self.reached.insert(name);
    }

    /// What a datagram is by the rules of PROTOCOL.md, or each of a bundle up to the end of it all.
    fn believed(&self, bytes: &[u8]) -> Vec<Believed> {
        let mut believed = Vec::new();
        let entries = match entries(bytes) {
            Ok(entries) if self.bundles => entries,
            Err(_) if self.bundles && bytes.starts_with(&[0; 3]) => Vec::new(),
            _ => vec![bytes],
        };
        for one in entries.into_iter().filter_map(|bytes| self.believed_one(bytes)) {
            let is_end = one.is_end(&self.user);
            believed.push(one);
            if is_end {
                break;
            }
        }
        believed
    }

    /// What one datagram is, if it is its server's and for this member.
    fn believed_one(&self, bytes: &[u8]) -> Option<Believed> {
        let [_, about, token, text] = fields(bytes).ok().filter(|[room, ..]| *room == self.room)?;
        let about = about.to_owned();
        if may_be_said(text) {
            let is_from_server = self.is_bare || token.is_empty();
            return is_from_server.then(|| Believed::Chat { from: about, text: text.to_owned() });
        }
        let notice = NoticeText::ALL.into_iter().find(|notice| notice.as_str() == text)?;
        let is_believed = match notice {
            NoticeText::TimedOut | NoticeText::RoomClosed if self.is_bare => true,
            _ => !self.is_bare && token == self.token,
        };
        is_believed.then_some(Believed::Notice { about, notice })
    }

    /// What is believed is shown in its order, or is the end.
    fn heard(&self, believed: &[Believed], outputs: &[Output], is_over: bool) {
        let wanted: Vec<_> = believed.iter().filter_map(|one| one.shown(&self.user)).collect();
        if believed.last().is_some_and(|one| one.is_end(&self.user)) {
            assert!(is_over, "it was told that it is out");
        }
        let of_others = |output: &Output| match output {
            Output::Show(
                shown @ (Happening::Chat { .. }
                | Happening::MemberJoined(_)
                | Happening::MemberLeft(_)
                | Happening::MemberTimedOut(_)),
            ) => Some(shown.clone()),
            _ => None,
        };
        let shown: Vec<_> = outputs.iter().filter_map(of_others).collect();
        assert_eq!(shown, wanted);
    }

    /// It is over for a reason that there was, and only who leaves says farewell.
    fn gone(&mut self, gone: &Gone, event: &Event<'_>, believed: Option<&Believed>) {
        let is_told =
            |wanted| matches!(believed, Some(Believed::Notice { notice, .. }) if *notice == wanted);
        let name = match gone.reason {
            Reason::Left => {
                let is_hasty = matches!(event, Event::LeaveNow);
                assert!(is_hasty || self.is_leaving && self.sent == self.said.len());
                if is_hasty { "left now" } else { "left in peace" }
            }
            Reason::TimedOut if is_told(NoticeText::TimedOut) => "told of the time-out",
            Reason::TimedOut => {
                assert!(!self.is_bare, "its limits are a guess");
                assert!(self.now.since(self.start) >= self.limits.idle_timeout);
                "no answer"
            }
            Reason::RoomClosed => {
                assert!(is_told(NoticeText::RoomClosed));
                "room closed"
            }
            Reason::ServerStopped => {
                assert!(is_told(NoticeText::Shutdown));
                "server stopped"
            }
            Reason::ServerGone => {
                assert!(matches!(event, Event::Unreachable) && self.refusals >= 4);
                "server gone"
            }
        };
        self.reached.insert(name);
        assert_eq!(gone.farewell.is_some(), gone.reason == Reason::Left);
        let Some(farewell) = &gone.farewell else { return };
        let Progress::Done(frame) = FrameDecoder::new(u32::MAX).feed(&mut &farewell[..]) else {
            panic!("a whole request")
        };
        let Ok(Request::Leave(leaver)) = Request::parse(&frame) else { panic!("a farewell") };
        let names = [leaver.room.as_str(), leaver.user.as_str(), leaver.token.expose()];
        assert_eq!(names, [&*self.room, &*self.user, &*self.token]);
    }
}

/// A datagram of its server's.
enum Believed {
    Chat { from: String, text: String },
    Notice { about: String, notice: NoticeText },
}

impl Believed {
    /// Whether it says that the user is out.
    fn is_end(&self, me: &str) -> bool {
        match self {
            Self::Chat { .. } => false,
            Self::Notice { about, notice } => match notice {
                NoticeText::TimedOut => about == me,
                NoticeText::RoomClosed | NoticeText::Shutdown => true,
                NoticeText::Joined | NoticeText::Left | NoticeText::Pong => false,
            },
        }
    }

    /// What the user sees of it, if anything.
    fn shown(&self, me: &str) -> Option<Happening> {
        match self {
            Self::Chat { from, text } => {
                Some(Happening::Chat { from: from.clone(), text: text.clone() })
            }
            Self::Notice { about, notice } => match notice {
                NoticeText::Joined => Some(Happening::MemberJoined(about.clone())),
                NoticeText::Left => Some(Happening::MemberLeft(about.clone())),
                NoticeText::TimedOut if about != me => {
                    Some(Happening::MemberTimedOut(about.clone()))
                }
                NoticeText::TimedOut | NoticeText::RoomClosed | NoticeText::Shutdown => None,
                NoticeText::Pong => None,
            },
        }
    }
}

fn may_be_said(text: &str) -> bool {
    !text.is_empty() && !text.starts_with("SYSTEM_")
}
