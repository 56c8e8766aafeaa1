//! Those who want to be in a room, and those who are or were.

use std::net::{IpAddr, SocketAddr};

use protocol::tcp::{self, Feature, Features, Request, Secret};
use protocol::{RoomName, UserName};

use super::{address, ip};

/// Somebody who wants to be in a room.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(super) room: RoomName,
    pub(super) user: UserName,
    password: String,
    features: Features,
    pub(super) ip: Option<IpAddr>,
}

/// Somebody who is in a room, or was. Each has an address of its own unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) room: RoomName,
    pub(crate) user: UserName,
    pub(crate) token: String,
    /// Where its datagrams come from.
    pub(crate) address: SocketAddr,
}

pub(crate) fn person(room: &str, user: &str) -> Person {
    Person {
        room: RoomName::new(room).unwrap(),
        user: UserName::new(user).unwrap(),
        password: String::new(),
        features: Features::NONE,
        ip: None,
    }
}

impl Person {
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = password.to_owned();
        self
    }

    /// Asks for the additional notices.
    pub(crate) fn notices(mut self) -> Self {
        self.features = self.features.with(Feature::Notices);
        self
    }

    /// Asks for several datagrams in one.
    pub(crate) fn bundles(mut self) -> Self {
        self.features = self.features.with(Feature::Bundle);
        self
    }

    /// Asks for answers to its presences.
    pub(crate) fn pong(mut self) -> Self {
        self.features = self.features.with(Feature::Pong);
        self
    }

    pub(crate) fn from(mut self, text: &str) -> Self {
        self.ip = Some(ip(text));
        self
    }

    pub(crate) fn create(&self) -> Vec<u8> {
        Request::Create(self.admission()).encode().to_vec()
    }

    pub(crate) fn join(&self) -> Vec<u8> {
        Request::Join(self.admission()).encode().to_vec()
    }

    fn admission(&self) -> tcp::Admission<'_> {
        tcp::Admission {
            room: self.room.clone(),
            user: self.user.clone(),
            password: Secret::new(&self.password),
            features: self.features,
        }
    }
}

impl Client {
    /// The bytes by which it says `text`; nothing is presence.
    pub(crate) fn datagram(&self, text: &str) -> Vec<u8> {
        datagram(self.room.as_str(), self.user.as_str(), &self.token, text)
    }

    pub(crate) fn leave(&self) -> Vec<u8> {
        let departure = tcp::Departure {
            room: self.room.clone(),
            user: self.user.clone(),
            token: Secret::new(&self.token),
        };
        Request::Leave(departure).encode().to_vec()
    }

    /// The same, at another address.
    pub(crate) fn at(&self, text: &str) -> Self {
        Self { address: address(text), ..self.clone() }
    }

    /// The same at its own IP address, from another port.
    pub(crate) fn at_port(&self, port: u16) -> Self {
        Self { address: SocketAddr::new(self.address.ip(), port), ..self.clone() }
    }

    /// Somebody who says that this is its name.
    pub(crate) fn called(&self, user: &str) -> Self {
        Self { user: UserName::new(user).unwrap(), ..self.clone() }
    }

    /// Somebody who says that this is its room.
    pub(crate) fn in_room(&self, room: &str) -> Self {
        Self { room: RoomName::new(room).unwrap(), ..self.clone() }
    }

    /// Somebody who says that this is its token.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }
}

/// A datagram's bytes, valid or not.
pub(crate) fn datagram(room: &str, user: &str, token: &str, text: &str) -> Vec<u8> {
    let sizes = [room, user, token].map(|field| u8::try_from(field.len()).unwrap());
    [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
}

/// A request's bytes, valid or not.
pub(crate) fn raw_request(operation: u8, state: u8, room: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut header = [0; 32];
    header[0] = u8::try_from(room.len()).unwrap();
    (header[1], header[2]) = (operation, state);
    header[28..].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    [&header[..], room, payload].concat()
}
