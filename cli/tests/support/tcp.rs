//! Requests and replies, laid out and read by hand: the bytes are what is under test.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, socket};
use serde_json::Value;

use super::PATIENCE;

/// The bytes of a header.
const HEADER: usize = 32;

/// A header of a request.
pub(crate) fn header(room_size: usize, operation: u8, payload_size: usize) -> Vec<u8> {
    let mut header = vec![0; HEADER];
    header[0] = u8::try_from(room_size).unwrap();
    header[1] = operation;
    header[24..].copy_from_slice(&(payload_size as u64).to_be_bytes());
    header
}

/// A whole request.
pub(crate) fn request(operation: u8, room: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    [&header(room.len(), operation, payload.len()), room.as_bytes(), payload.as_bytes()].concat()
}

/// A connection on which no wait is endless.
pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    bounded(TcpStream::connect_timeout(&to, PATIENCE).unwrap())
}

/// A connection to an IPv4 address that comes from another one of this machine.
pub(crate) fn connect_from(ip: &str, to: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(ip.parse::<IpAddr>().unwrap(), 0)).unwrap();
    rustix::net::connect(&socket, &to).unwrap();
    bounded(socket.into())
}

fn bounded(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that the server sends until it ends its half.
pub(crate) fn read_all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server ends its half in time");
    bytes
}

/// The one reply that a connection gets.
pub(crate) fn read_reply(stream: &TcpStream) -> Reply {
    Reply::parse(&read_all(stream))
}

/// Whether the server has closed a connection without a word; waits until it has.
pub(crate) fn is_closed(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(size) => size == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    /// The header's operation, state and room name, in a framed reply.
    pub(crate) frame: Option<(u8, u8, String)>,
    pub(crate) json: Value,
}

impl Reply {
    /// Makes a request on a connection of its own.
    pub(crate) fn to(request: &[u8], at: SocketAddr) -> Self {
        let mut stream = connect(at);
        stream.write_all(request).unwrap();
        read_reply(&stream)
    }

    /// Reads one whole reply, and nothing but it.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        if bytes.len() > 1 && bytes[0] == b'{' && !(1..=4).contains(&bytes[1]) {
            return Self { frame: None, json: serde_json::from_slice(bytes).unwrap() };
        }
        assert!(bytes.len() >= HEADER, "no reply: {:?}", String::from_utf8_lossy(bytes));
        let (header, body) = bytes.split_at(HEADER);
        let (room, payload) = body.split_at(usize::from(header[0]));
        let mut expected = self::header(room.len(), header[1], payload.len());
        expected[2] = header[2];
        assert_eq!(header, expected, "sizes that are true, and nothing after the reply");
        let json: Value = serde_json::from_slice(payload).unwrap();
        assert_eq!((&json["operation"], &json["state"]), (&header[1].into(), &header[2].into()));
        let room = String::from_utf8(room.to_vec()).unwrap();
        Self { frame: Some((header[1], header[2], room)), json }
    }

    /// Makes sure that it says done.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.json["state"], 2, "{}", self.json);
        assert!(self.json.get("error").is_none(), "{}", self.json);
        self
    }

    /// Makes sure that it refuses, and says why to programs and to people.
    pub(crate) fn refused(self, error: &str) -> Self {
        assert_eq!(self.json["state"], 1, "{}", self.json);
        assert_eq!(self.json["error"], error, "{}", self.json);
        assert!(self.json["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(self.json.get("token").is_none(), "{}", self.json);
        self
    }

    /// The strings of a list.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        self.json[key].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap()).collect()
    }

    /// The keys, in their alphabetical order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> =
            self.json.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }
}

/// The reply to a request for the rooms.
pub(crate) fn rooms_of(at: SocketAddr) -> Reply {
    Reply::to(&request(4, "", &serde_json::json!({})), at).done()
}
