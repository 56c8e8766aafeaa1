//! Who was let in, learned from the replies, and the bytes that they send.

use std::net::{IpAddr, SocketAddr};

use protocol::limits::TCP_HEADER;
use protocol::tcp::ReplyForm;
use serde_json::{Value, json};

/// Names that fit each other's rooms, so that most of what is asked for is granted.
pub(super) const ROOMS: [&str; 4] = ["部屋", "廊下", "kai", "別の部屋"];
pub(super) const USERS: [&str; 8] = ["太郎", "花子", "次郎", "三郎", "kai", "\"}\\{", "a", "b"];
/// The last two are one.
pub(super) const HOMES: [&str; 4] = ["192.0.2.2", "2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1"];

/// Somebody whom the server once let in.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) room: String,
    pub(super) user: String,
    pub(super) token: String,
    pub(super) home: IpAddr,
}

impl Known {
    /// From the reply that lets somebody in, if it is one. A bare one does not repeat the room.
    pub(super) fn read(reply: &[u8], form: ReplyForm, asked: &str, home: IpAddr) -> Option<Self> {
        let (room, json) = match form {
            ReplyForm::Framed => reply[TCP_HEADER..].split_at(usize::from(reply[0])),
            ReplyForm::Bare => (asked.as_bytes(), reply),
        };
        let json: Value = serde_json::from_slice(json).expect("a reply is JSON");
        let text = |key| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let room = String::from_utf8(room.to_vec()).expect("a reply repeats valid names only");
        Some(Self { room, user: text("user_name")?, token: text("token")?, home })
    }

    pub(super) fn datagram(&self, text: &str) -> Vec<u8> {
        datagram([&self.room, &self.user, &self.token, text])
    }

    pub(super) fn leave(&self) -> Vec<u8> {
        let payload = json!({"user_name": self.user, "token": self.token});
        request(3, self.room.as_bytes(), payload.to_string().as_bytes())
    }
}

pub(super) fn admission(
    operation: u8,
    room: &str,
    user: &str,
    password: &str,
    features: &[&str],
) -> Vec<u8> {
    let payload = json!({"user_name": user, "password": password, "features": features});
    request(operation, room.as_bytes(), payload.to_string().as_bytes())
}

/// A request's bytes, valid or not.
pub(super) fn request(operation: u8, room: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [0; TCP_HEADER];
    bytes[0] = u8::try_from(room.len()).unwrap_or(u8::MAX);
    bytes[1] = operation;
    bytes[TCP_HEADER - 4..].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    [&bytes[..], room, payload].concat()
}

fn datagram(fields: [&str; 4]) -> Vec<u8> {
    let sizes = [0, 1, 2].map(|at| u8::try_from(fields[at].len()).unwrap());
    [&sizes[..], fields.concat().as_bytes()].concat()
}

pub(super) fn address(home: u8, port: u16) -> SocketAddr {
    let home = HOMES[usize::from(home) % HOMES.len()].parse().expect("an address");
    SocketAddr::new(home, port)
}
