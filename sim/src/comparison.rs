//! Whether the engine did what the model expects.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use engine::{Action, Config, ConnectionId};
use protocol::tcp::ReplyForm;
use serde_json::Value;

use crate::model::{Copies, Expected, Features, Reply, Says, Seen};
use crate::wire::{HEADER, Header, Object, opened};

/// What the model has to be told of the engine's answer.
pub(crate) fn seen<'a>(actions: &'a [Action<'_>], form: ReplyForm) -> Seen<'a> {
    let mut seen = Seen::default();
    for action in actions {
        match action {
            Action::Write { bytes, .. } => {
                seen.token = payload_of(bytes, form)
                    .and_then(Object::read)
                    .and_then(|object| object.text("token").map(str::to_owned));
            }
            Action::Close { connection } => {
                seen.closes.insert(*connection);
            }
            Action::Notify { datagram, to } => seen.notices.push((to.address, &datagram[..])),
            Action::HalfClose { .. } | Action::Relay { .. } | Action::Burst { .. } => {}
        }
    }
    seen
}

/// Compares everything that the engine did with what the model expects.
pub(crate) fn compare(
    expected: &Expected,
    actions: &[Action<'_>],
    rules: &Config,
) -> Result<(), String> {
    compare_datagrams(expected, actions)?;
    let closes: Vec<ConnectionId> = actions.iter().filter_map(closed).collect();
    let distinct: BTreeSet<ConnectionId> = closes.iter().copied().collect();
    if distinct != expected.closes || distinct.len() != closes.len() {
        return Err(format!("expected {:?} to be closed, not {closes:?}", expected.closes));
    }
    compare_reply(expected.reply.as_ref(), actions, rules)
}

fn closed(action: &Action<'_>) -> Option<ConnectionId> {
    match action {
        Action::Close { connection } => Some(*connection),
        _ => None,
    }
}

fn compare_datagrams(expected: &Expected, actions: &[Action<'_>]) -> Result<(), String> {
    let mut wanted: Vec<(SocketAddr, &[u8])> = Vec::new();
    for Copies { datagram, to } in expected.by_time.iter().chain(&expected.by_event) {
        wanted.extend(to.iter().map(|to| (*to, &datagram[..])));
    }
    let mut sent: Vec<(SocketAddr, &[u8])> = Vec::new();
    for action in actions {
        for (bytes, to) in action.copies() {
            let datagrams = opened(bytes).ok_or("a bundle that is not sound")?;
            sent.extend(datagrams.into_iter().map(|datagram| (to.address, datagram)));
        }
    }
    wanted.sort_unstable();
    sent.sort_unstable();
    if wanted == sent {
        return Ok(());
    }
    let missing = difference(&wanted, &sent);
    let mut perhaps: Vec<(SocketAddr, &[u8])> = Vec::new();
    for Copies { datagram, to } in &expected.perhaps {
        perhaps.extend(to.iter().map(|to| (*to, &datagram[..])));
    }
    perhaps.sort_unstable();
    let too_much = difference(&difference(&sent, &wanted), &perhaps);
    if missing.is_empty() && too_much.is_empty() {
        return Ok(());
    }
    let mut text = String::from("other datagrams than expected");
    for (what, datagrams) in [("missing", missing), ("too much", too_much)] {
        for (to, bytes) in datagrams {
            let shown = crate::trace::datagram(bytes, None);
            let _ = write!(text, "\n  {what}: to {to}: {shown}");
        }
    }
    Err(text)
}

/// What of sorted `these` is not among sorted `those`, as often as it is there.
fn difference<'a>(
    these: &[(SocketAddr, &'a [u8])],
    those: &[(SocketAddr, &'a [u8])],
) -> Vec<(SocketAddr, &'a [u8])> {
    let mut those = those.iter().peekable();
    let is_left = |item: &&(SocketAddr, &'a [u8])| {
        while those.next_if(|other| other < item).is_some() {}
        those.next_if(|other| other == item).is_none()
    };
    these.iter().filter(is_left).copied().collect()
}

fn compare_reply(
    expected: Option<&(ConnectionId, Reply)>,
    actions: &[Action<'_>],
    rules: &Config,
) -> Result<(), String> {
    let on_streams =
        |action: &&Action<'_>| matches!(action, Action::Write { .. } | Action::HalfClose { .. });
    let mut did = actions.iter().filter(on_streams);
    match (expected, did.next(), did.next(), did.next()) {
        (None, None, None, None) => Ok(()),
        (
            Some((id, reply)),
            Some(Action::Write { connection, bytes }),
            Some(Action::HalfClose { connection: ended }),
            None,
        ) if id == connection && id == ended => says(reply, bytes, rules),
        (expected, ..) => {
            Err(format!("expected the reply {expected:?}, in one write, and its end"))
        }
    }
}

/// The JSON of a reply.
fn payload_of(bytes: &[u8], form: ReplyForm) -> Option<&[u8]> {
    match form {
        ReplyForm::Bare => Some(bytes),
        ReplyForm::Framed => bytes.get(HEADER + Header::read(bytes)?.room_size..),
    }
}

fn says(expected: &Reply, bytes: &[u8], rules: &Config) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(bytes.get(HEADER..).unwrap_or(bytes)).into_owned();
    let check = |what: &str, holds: bool| {
        if holds {
            Ok(())
        } else {
            Err(format!("{what} of the reply {}\n  expected {expected:?}", shown()))
        }
    };
    let form = rules.reply_form;
    let is_framed = form == ReplyForm::Framed;
    let payload = payload_of(bytes, form).unwrap_or_default();
    let state = if matches!(expected.says, Says::Refused(_)) { 1 } else { 2 };
    if is_framed {
        let header = Header::read(bytes);
        let room = bytes.get(HEADER..bytes.len() - payload.len()).unwrap_or_default();
        check("the room", room == expected.room.as_bytes())?;
        check(
            "the header",
            header.is_some_and(|header| {
                (header.operation, header.state) == (expected.operation, state)
                    && header.payload_size == u32::try_from(payload.len()).ok()
            }),
        )?;
    } else {
        check("the size", bytes.len() <= 1024)?;
    }
    let object = Object::read(payload).ok_or_else(|| format!("no JSON: {}", shown()))?;
    let one = |key: &str| object.one(key).ok().flatten();
    let number = |key: &str| one(key).and_then(Value::as_u64);
    check("the operation", number("operation") == Some(expected.operation.into()))?;
    check("the state", number("state") == Some(state.into()))?;
    check(
        "the message",
        object.text("message").is_some_and(|text| !is_framed || !text.is_empty()),
    )?;
    let user = object.text("user_name");
    let has_token = object.text("token").is_some_and(|token| token.len() == 38);
    match &expected.says {
        Says::Refused(error) => {
            check("the error", object.text("error") == Some(error) && one("token").is_none())
        }
        Says::Left { user: leaver } => check("the user", user == Some(leaver)),
        Says::Admitted { user: new, members, features: granted } => {
            check("the user", user == Some(new))?;
            check("the token", has_token)?;
            if !is_framed {
                let additions = ["members", "features", "limits"];
                return check("the keys", additions.iter().all(|key| one(key).is_none()));
            }
            let Features { notices, bundle, pong } = *granted;
            let features = [(notices, "notices"), (bundle, "bundle"), (pong, "pong")];
            let features = features.into_iter().filter_map(|(has, name)| has.then_some(name));
            check("the features", texts(one("features")) == features.collect::<Vec<_>>())?;
            let listed = texts(one("members"));
            let distinct: BTreeSet<String> = listed.iter().map(|&name| name.to_owned()).collect();
            check("the members", listed.len() == members.len() && distinct == *members)?;
            check("the limits", one("limits").is_some_and(|limits| has_limits(limits, rules)))
        }
        Says::Rooms(rooms) => {
            let listed = one("rooms").and_then(Value::as_array);
            let listed = listed.ok_or_else(|| format!("no rooms: {}", shown()))?;
            let more = listed.len() < rooms.len();
            let first = rooms.iter().zip(listed);
            check("the rooms", listed.len() <= rooms.len() && !(is_framed && more))?;
            check("the rooms", first.clone().all(|(room, entry)| is_entry(entry, room)))?;
            check("more", one("more").and_then(Value::as_bool) == Some(more))
        }
    }
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn is_entry(entry: &Value, (name, members, password): &(String, usize, bool)) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(name)
        && entry.get("members").and_then(Value::as_u64) == Some(*members as u64)
        && entry.get("password").and_then(Value::as_bool) == Some(*password)
}

fn has_limits(limits: &Value, rules: &Config) -> bool {
    let is = |key: &str, duration: Duration| {
        let seconds = limits.get(key).and_then(Value::as_f64);
        seconds.is_some_and(|seconds| Duration::from_secs_f64(seconds) == duration)
    };
    is("idle_timeout_s", rules.idle_timeout)
        && is("sweep_interval_s", rules.sweep_interval)
        && limits.get("max_datagram").and_then(Value::as_u64) == Some(4096)
}
