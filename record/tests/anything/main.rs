//! Whatever happens to a server, its recording replays exactly, and has no secret in it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests assert"
)]

#[path = "../../../engine/tests/all/server_anything/steps.rs"]
mod steps;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use engine::{
    Action, Actions, Caps, Config, ConnectionId, Counters, Event, Incoming, Instant, Machine,
    SeededEntropy,
};
use protocol::tcp::{Progress, Reply, ReplyDecoder, ReplyForm};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use record::{Blocks, Ending, ReadError, Recorder, Replay, Secrets};
use steps::{Asked, Step};

const ROOMS: [&str; 4] = ["部屋", "廊下", "kai", "別の部屋"];
const USERS: [&str; 5] = ["太郎", "花子", "次郎", "三郎", "kai"];
const HOMES: [&str; 4] = ["192.0.2.1", "192.0.2.2", "[2001:db8::1]", "[::ffff:192.0.2.1]"];

/// Nothing else in a recording has these in it.
const PASSWORDS: [&str; 4] =
    ["", "hunter2", "開けゴマ\"\\\n", "correct horse battery staple, and more"];
const TEXTS: [&str; 4] = ["", "秘密の話です", "SYSTEM_OF_SECRETS", "SECRET PLANS"];
const GUESS: &str = "GUESSED TOKEN";

/// What must be in no recording with its secrets replaced, however it was cut when it came.
const TRACES: [&str; 10] =
    ["unter", r"\u0068", "開け", "ゴマ", r"\u958b", "orrec", "秘密", "OF_SE", "SECRET", "GUESS"];

/// A recorded server, and those who know their tokens.
struct Run {
    server: Recorder<Blocks<Vec<u8>>>,
    known: Vec<Known>,
    homes: BTreeMap<ConnectionId, SocketAddr>,
    /// Datagrams that have not been told yet.
    together: Vec<(SocketAddr, Vec<u8>)>,
    now: Instant,
    actions: Actions,
    shapes: Vec<String>,
}

#[derive(Clone)]
struct Known {
    room: &'static str,
    user: &'static str,
    token: String,
    home: SocketAddr,
}

fn config(reply_form: ReplyForm) -> Config {
    let caps = Caps {
        payload: 300,
        rooms: 3,
        room_members: 3,
        members: 6,
        connections: 4,
        connections_per_address: 3,
        remembered_tokens: 3,
    };
    Config { caps, reply_form, ..Config::default() }
}

impl Run {
    fn new(secrets: Secrets, form: ReplyForm) -> Self {
        let start = Instant::from_micros(77);
        let mut source = SeededEntropy::new(7);
        let mut draws = 0;
        // Now and then it fails.
        let entropy = move |bytes: &mut [u8]| {
            draws += 1;
            let outcome = engine::Entropy::fill(&mut source, bytes);
            if draws % 11 == 10 { Err(engine::EntropyError) } else { outcome }
        };
        let blocks = Blocks::new(Vec::new()).unwrap();
        let server = Recorder::new(config(form), entropy, start, secrets, blocks).unwrap();
        Self {
            server,
            known: Vec::new(),
            homes: BTreeMap::new(),
            together: Vec::new(),
            now: start,
            actions: Actions::new(),
            shapes: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        self.actions.clear();
        self.server.handle_into(event, self.now, &mut self.actions);
        self.shapes.push(shape_of(&self.actions));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Open { connection, home } => {
                let (connection, from) = (ConnectionId(*connection), home_of(*home, 40_000));
                self.homes.insert(connection, from);
                self.event(Event::Opened { connection, from });
            }
            Step::Ask { connection, request, cut, spoil } => {
                let (mut bytes, who) = self.request(request, *cut);
                spoiled(&mut bytes, *spoil);
                // In up to three pieces, cut anywhere.
                let first = usize::from(*cut).min(bytes.len());
                let second = (first + usize::from(*cut) % 13).min(bytes.len());
                for bytes in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    let connection = ConnectionId(*connection);
                    self.event(Event::Received { connection, bytes });
                }
                self.learn(who, ConnectionId(*connection));
            }
            Step::Rubbish { connection, bytes } => {
                let connection = ConnectionId(*connection);
                self.event(Event::Received { connection, bytes });
            }
            Step::Ended { connection } => {
                self.event(Event::Ended { connection: ConnectionId(*connection) });
            }
            Step::Closed { connection } => {
                self.event(Event::Closed { connection: ConnectionId(*connection) });
            }
            Step::Say { who, text, port, stranger, spoil } => {
                let text = TEXTS[usize::from(*text) % TEXTS.len()];
                let Some(known) = chosen(&self.known, *who).cloned() else { return };
                let token = if *stranger { GUESS } else { &known.token };
                let mut bytes = datagram(known.room, known.user, token, text);
                spoiled(&mut bytes, *spoil);
                let port = 5000 + u16::from(*port);
                let is_abroad = *who >= 240;
                let home = SocketAddr::new(known.home.ip(), port);
                let from = if is_abroad { home_of(*who, port) } else { home };
                self.datagram(from, bytes, *who);
            }
            Step::Noise { home, bytes } => {
                self.datagram(home_of(*home, 5000), bytes.clone(), *home);
            }
            Step::Crowded => self.event(Event::Crowded),
            Step::Tick => self.event(Event::Tick),
            Step::Later { micros } => self.now = self.now + Duration::from_micros((*micros).into()),
            Step::MuchLater { micros } => self.now = self.now + Duration::from_micros(*micros),
            Step::Earlier { micros } => {
                let now = self.now.as_micros();
                self.now = Instant::from_micros(now.saturating_sub(u64::from(*micros)));
            }
            Step::Shutdown => self.event(Event::Shutdown),
        }
    }

    /// One comes by itself, or together with those before.
    fn datagram(&mut self, from: SocketAddr, bytes: Vec<u8>, number: u8) {
        self.together.push((from, bytes));
        if number & 3 != 0 {
            return;
        }
        let together = std::mem::take(&mut self.together);
        if let [(from, bytes)] = &together[..] {
            self.event(Event::Datagram { from: *from, bytes });
        } else {
            let batch: Vec<_> =
                together.iter().map(|(from, bytes)| Incoming { from: *from, bytes }).collect();
            self.event(Event::Datagrams(&batch));
        }
    }

    /// A request's bytes, and who may be let in by it.
    fn request(&self, asked: &Asked, more: u8) -> (Vec<u8>, Option<(&'static str, &'static str)>) {
        let escaped = more & 4 == 0;
        match *asked {
            Asked::Create { room, user, secret, notices }
            | Asked::Join { room, user, secret, notices } => {
                let (room, user) = names(room, user);
                let password = PASSWORDS[usize::from(secret) * usize::from(more % 4)];
                let features = if notices {
                    r#","features":["notices","bundle","GUESSED TOKEN"]"#
                } else {
                    ""
                };
                let password = if escaped { all_escaped(password) } else { quoted(password) };
                let payload = format!(
                    r#"{{ "user_name": {}, "token": "", "password":{password}{features}, "more": "{GUESS}"}}"#,
                    quoted(user)
                );
                let operation = if matches!(asked, Asked::Create { .. }) { 1 } else { 2 };
                let bytes = raw_request(operation, 0, room.as_bytes(), payload.as_bytes());
                (bytes, Some((room, user)))
            }
            Asked::Leave { who } => {
                let known = chosen(&self.known, who);
                let (room, user) = known.map_or((ROOMS[0], USERS[0]), |k| (k.room, k.user));
                let token = known.map_or(GUESS, |known| known.token.as_str());
                let payload = format!(r#"{{"token":"{token}","user_name":{}}}"#, all_escaped(user));
                (raw_request(3, 0, room.as_bytes(), payload.as_bytes()), None)
            }
            Asked::Rooms => (raw_request(4, 0, b"SECRET", br#"["SECRET"]"#), None),
            Asked::Unknown { operation } => {
                let payload =
                    [b"SECRET ROOM".as_slice(), br#"{"user_name":"\u0008","a":"SECRET"}"#]
                        [usize::from(operation % 2)];
                let room = [&b" SECRET"[..], b"SECRET\xff", b"SE\x01CRET", b"kai"];
                let room = room[usize::from(operation / 2 % 4)];
                (raw_request(operation % 6, operation / 8 % 4, room, payload), None)
            }
        }
    }

    fn learn(&mut self, who: Option<(&'static str, &'static str)>, on: ConnectionId) {
        let Some((room, user)) = who else { return };
        for action in self.actions.iter() {
            if let Action::Write { bytes, .. } = action
                && let Progress::Done(reply) = ReplyDecoder::default().feed(&mut &bytes[..])
                && let Ok(Reply::Done(done)) = reply.parse()
                && let Ok(admitted) = done.admitted()
            {
                let token = admitted.token.as_str().to_owned();
                self.known.push(Known { room, user, token, home: self.homes[&on] });
            }
        }
    }
}

/// What a driver would do, but for the contents.
fn shape_of(actions: &Actions) -> String {
    let each = actions.iter().map(|action| match action {
        Action::Write { connection, bytes } => format!("write {} to {connection:?}", bytes.len()),
        Action::Relay { datagram, to } => format!("relay {} to {to:?}", datagram.len()),
        Action::Burst { run, to } => {
            format!("burst {} by {} to {to:?}", run.bytes().len(), run.size())
        }
        Action::Notify { datagram, to } => format!("notify {} to {to:?}", datagram.len()),
        other => format!("{other:?}"),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A datagram's bytes, valid or not.
fn datagram(room: &str, user: &str, token: &str, text: &str) -> Vec<u8> {
    let sizes = [room, user, token].map(|field| u8::try_from(field.len()).unwrap());
    [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
}

/// A request's bytes, valid or not.
fn raw_request(operation: u8, state: u8, room: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut header = [0; 32];
    header[0] = u8::try_from(room.len()).unwrap();
    (header[1], header[2]) = (operation, state);
    header[28..].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    [&header[..], room, payload].concat()
}

fn names(room: u8, user: u8) -> (&'static str, &'static str) {
    (ROOMS[usize::from(room) % ROOMS.len()], USERS[usize::from(user) % USERS.len()])
}

fn chosen(known: &[Known], number: u8) -> Option<&Known> {
    known.iter().rev().nth(usize::from(number % 8))
}

fn home_of(number: u8, port: u16) -> SocketAddr {
    address(&format!("{}:{port}", HOMES[usize::from(number) % HOMES.len()]))
}

/// One byte is another, mostly one of those that say where the others begin.
fn spoiled(bytes: &mut [u8], spoil: Option<(u8, u8)>) {
    if let Some((at, byte)) = spoil {
        let at = usize::from(at);
        let at = if at % 4 == 0 { at % bytes.len() } else { at % 3 };
        bytes[at] = byte % 128;
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    format!(r#""{escaped}""#)
}

/// The same text in another JSON.
fn all_escaped(text: &str) -> String {
    let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!(r#""{escaped}""#)
}

fn contains(file: &[u8], part: &str) -> bool {
    file.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Replays a recording, which has to agree, and gives what its actions look like and what it counted.
fn replay(file: &[u8]) -> (Vec<String>, Counters) {
    let mut replay = Replay::new(file, file).unwrap();
    let mut shapes = Vec::new();
    while let Some(step) = replay.step().unwrap() {
        assert!(step.recorded.is_some() && step.agrees(), "{step:?}");
        shapes.push(shape_of(step.actions));
    }
    assert_eq!(replay.ending(), Some(Ending::Stopped));
    (shapes, *replay.server().counters())
}

fn check(steps: &[Step], secrets: Secrets, form: ReplyForm) -> Vec<u8> {
    let mut run = Run::new(secrets, form);
    steps.iter().for_each(|step| run.step(step));
    let Run { server, known, shapes, .. } = run;
    let counters = *server.counters();
    let file = server.into_sink().finish().unwrap();
    assert_eq!(replay(&file), (shapes, counters));
    if secrets == Secrets::Replaced {
        for secret in TRACES {
            assert!(!contains(&file, secret), "{secret} is in the file");
        }
        for Known { token, .. } in &known {
            // The first characters say where the member's record is, and stay.
            let random = &token[16..];
            assert!(!contains(&file, random), "{token} is in the file");
            let drawn = BASE64URL_NOPAD.decode(random.as_bytes()).unwrap();
            assert!(!file.windows(16).any(|window| window == drawn), "{token} was drawn");
        }
    }
    file
}

#[test]
fn whatever_happened_replays_exactly_and_without_its_secrets() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck gives it away")]
    fn replays(steps: Vec<Step>, is_bare: bool) -> bool {
        let form = if is_bare { ReplyForm::Bare } else { ReplyForm::Framed };
        check(&steps, Secrets::Replaced, form);
        check(&steps, Secrets::Kept, form);
        true
    }
    QuickCheck::new().tests(400).quickcheck(replays as fn(Vec<Step>, bool) -> bool);
}

/// Long enough that everything comes to pass, and the secrets are there to be found.
#[test]
fn a_long_life_replays() {
    let mut g = Gen::from_size_and_seed(100, 1);
    let steps: Vec<Step> = std::iter::repeat_with(|| Step::arbitrary(&mut g))
        .filter(|step| !matches!(step, Step::Shutdown | Step::MuchLater { .. }))
        .take(20_000)
        .collect();
    let kept = check(&steps, Secrets::Kept, ReplyForm::Framed);
    let replaced = check(&steps, Secrets::Replaced, ReplyForm::Framed);
    for trace in TRACES {
        assert!(contains(&kept, trace), "{trace} was never said");
    }
    let (_, counters) = replay(&replaced);
    let reached = [
        counters.joins,
        counters.copies,
        counters.told_again,
        counters.timeouts,
        counters.departures,
        counters.connections_evicted,
        counters.mismatched,
        counters.foreign_address,
        counters.malformed,
        counters.reserved,
        counters.unknown_token,
    ];
    assert!(reached.iter().all(|count| *count > 0), "{counters:?}");
}

/// Messages that come at one wake go out side by side, or in bundles to whom asked for them.
#[test]
fn what_came_together_replays() {
    for secrets in [Secrets::Replaced, Secrets::Kept] {
        let mut run = Run::new(secrets, ReplyForm::Framed);
        for (number, features) in [(0u8, ""), (1, r#""bundle""#), (2, "")] {
            let connection = ConnectionId(number.into());
            run.step(&Step::Open { connection: connection.0, home: number });
            let (room, user) = names(0, number);
            let payload = format!(r#"{{"user_name":"{user}","features":[{features}]}}"#);
            let operation = if number == 0 { 1 } else { 2 };
            let bytes = raw_request(operation, 0, room.as_bytes(), payload.as_bytes());
            run.event(Event::Received { connection, bytes: &bytes });
            run.learn(Some((room, user)), connection);
        }
        let known = run.known.clone();
        for known in &known {
            run.datagram(known.home, datagram(known.room, known.user, &known.token, ""), 0);
        }
        for turn in 0..5 {
            let text = format!("SECRET {turn}");
            let bytes = datagram(known[0].room, known[0].user, &known[0].token, &text);
            run.datagram(known[0].home, bytes, u8::from(turn < 4));
        }
        let together = run.shapes.last().unwrap().clone();
        assert!(together.contains("burst") && together.contains("relay"), "{together}");
        let file = run.server.into_sink().finish().unwrap();
        assert_eq!(replay(&file).0, run.shapes);
        assert_eq!(contains(&file, "SECRET"), secrets == Secrets::Kept);
    }
}

/// A file that is cut anywhere gives what was whole, and says where it ends.
#[test]
fn a_cut_file_gives_what_was_whole() {
    let mut g = Gen::new(100);
    let steps: Vec<Step> = (0..150).map(|_| Step::arbitrary(&mut g)).collect();
    let file = check(&steps, Secrets::Replaced, ReplyForm::Framed);
    let (all, _) = replay(&file);
    let mut most = 0;
    for end in 0..file.len() {
        let cut = &file[..end];
        let mut replay = match Replay::new(cut, cut) {
            Ok(replay) => replay,
            Err(error) => {
                let is_cut =
                    matches!(error, ReadError::NotARecording | ReadError::Truncated { offset: 10 });
                assert!(is_cut, "{error}");
                continue;
            }
        };
        let mut shapes = Vec::new();
        let error = loop {
            match replay.step() {
                Ok(Some(step)) => {
                    assert!(step.agrees());
                    shapes.push(shape_of(step.actions));
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert!(matches!(error, Some(ReadError::Truncated { offset: 10 })), "{error:?} at {end}");
        // The last one may have ended in the midst of it: then its draws are not known.
        let whole = shapes.len().saturating_sub(1);
        assert_eq!(shapes[..whole], all[..whole]);
        assert!(shapes.len() >= most);
        most = shapes.len();
    }
    assert_eq!(most, all.len());
}
