//! Requests, whose passwords and tokens come in any pieces: a request is written once it is whole,
//! and anew, from what the server understands of it. What it does not understand is not written.

use std::collections::HashMap;

use engine::ConnectionId;
use protocol::limits::{PAYLOAD_SIZE_BYTES, TCP_HEADER};
use protocol::tcp::{
    Features, Frame, FrameDecoder, HeaderError, HeaderFault, Progress, Request, RequestError,
};
use protocol::{NameError, RoomName};

use super::Tokens;
use super::passwords::Passwords;
use crate::limits::{FILLER, MAX_FILL};
use crate::record::Record;

/// The requests that are coming. As many as the server has connections, and each as large as the
/// server's own copy.
pub(super) struct Requests {
    coming: HashMap<ConnectionId, Coming>,
    max_payload: u32,
    /// How many came in pieces so far, which numbers them.
    split: u64,
}

/// A request of which something may have come.
struct Coming {
    decoder: FrameDecoder,
    header: [u8; TCP_HEADER],
    /// How much of the header has come.
    header_size: usize,
    /// Its number, if it comes in pieces.
    request: Option<u64>,
}

impl Requests {
    pub(super) fn new(max_payload: u32) -> Self {
        Self { coming: HashMap::new(), max_payload, split: 0 }
    }

    pub(super) fn begin(&mut self, connection: ConnectionId) {
        let coming = Coming {
            decoder: FrameDecoder::new(self.max_payload),
            header: [0; TCP_HEADER],
            header_size: 0,
            request: None,
        };
        self.coming.insert(connection, coming);
    }

    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.coming.remove(&connection);
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.coming.len()
    }

    /// Bytes came. Appends to `out` what has become known of the request, its secrets replaced: its
    /// header, and then its body. Gives its number if it comes in pieces; if not, the bytes are what
    /// is in `out`, and after it what the server does not look at.
    pub(super) fn received(
        &mut self,
        connection: ConnectionId,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        replace_body: impl FnOnce(&Frame, &mut Vec<u8>),
    ) -> Option<u64> {
        // What comes after a request, or on no connection, means nothing.
        let Coming { decoder, mut header, mut header_size, request } =
            self.coming.remove(&connection)?;
        let was_known = header_size == TCP_HEADER;
        let lacking = header.get_mut(header_size..).unwrap_or_default();
        let count = lacking.len().min(bytes.len());
        for (place, byte) in lacking.iter_mut().zip(bytes) {
            *place = *byte;
        }
        header_size += count;
        let is_new = !was_known && header_size == TCP_HEADER;
        let next = match decoder.feed(&mut bytes) {
            Progress::Invalid(error) => {
                out.extend_from_slice(&alike(&error, &header));
                None
            }
            Progress::Incomplete(decoder) => {
                if is_new {
                    out.extend_from_slice(&header);
                }
                Some(decoder)
            }
            Progress::Done(frame) => {
                if is_new {
                    out.extend_from_slice(&header);
                }
                replace_body(&frame, out);
                None
            }
        };
        if next.is_none() && request.is_none() {
            return None;
        }
        let number = request.unwrap_or_else(|| {
            self.split += 1;
            self.split
        });
        if let Some(decoder) = next {
            let coming = Coming { decoder, header, header_size, request: Some(number) };
            self.coming.insert(connection, coming);
        }
        Some(number)
    }
}

/// The records that give a request its next bytes.
pub(super) fn fills(request: u64, bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    bytes.chunks(MAX_FILL).map(move |bytes| {
        let mut record = Vec::new();
        Record::Fill { request, bytes }.put(&mut record);
        record
    })
}

/// A header that is refused for the same reason. It may have been anything: a browser's first line.
fn alike(error: &HeaderError, header: &[u8; TCP_HEADER]) -> [u8; TCP_HEADER] {
    let [_, operation, state, ..] = *header;
    let (state, size) = match error.fault {
        HeaderFault::UnknownOperation => (0, 0),
        HeaderFault::UnknownState(state) => (state, 0),
        HeaderFault::PayloadTooLarge { .. } => (state, 0xff),
    };
    let mut other = [0; TCP_HEADER];
    let [_, its_operation, its_state, ..] = &mut other;
    (*its_operation, *its_state) = (operation, state);
    other.iter_mut().rev().take(PAYLOAD_SIZE_BYTES).for_each(|byte| *byte = size);
    other
}

/// Appends a body of the same size that the server answers in the same way. Gives whether the server
/// understands it; if not, what the reply repeats as its room's name is filler here.
pub(super) fn replace_body(
    frame: &Frame,
    tokens: &Tokens,
    passwords: &Passwords,
    out: &mut Vec<u8>,
) -> bool {
    let (room, payload) = (frame.room(), frame.payload().len());
    let request = Request::parse(frame);
    let end = out.len() + room.len() + payload;
    match &request {
        Ok(Request::Rooms) => {}
        Ok(_) => out.extend_from_slice(room),
        Err(_) => hide_room(room, out),
    }
    match &request {
        // Nothing of these is read.
        Ok(Request::Rooms) | Err(RequestError::NotARequest | RequestError::Payload) => {
            out.resize(end, FILLER);
        }
        Ok(Request::Create(admission) | Request::Join(admission)) => {
            let password = admission.password.expose();
            let replaced = passwords.replace(password);
            let password = (!password.is_empty()).then_some(("password", replaced.as_str()));
            put_object(admission.user.as_str(), password, admission.features, out);
        }
        Ok(Request::Leave(departure)) => {
            let mut token = departure.token.expose().as_bytes().to_vec();
            tokens.replace(&mut token);
            // What replaces a token is ASCII.
            let token = std::str::from_utf8(&token).unwrap_or_default();
            let token = (!token.is_empty()).then_some(("token", token));
            put_object(departure.user.as_str(), token, Features::NONE, out);
        }
        Err(RequestError::RoomName(_) | RequestError::NoUserName) => out.extend_from_slice(b"{}"),
        Err(RequestError::UserName(error)) => {
            put_object(&name_refused_for(*error), None, Features::NONE, out);
        }
    }
    // White space after an object means nothing. Nothing is ever cut: what is written is the
    // shortest that says what was said.
    out.resize(end, b' ');
    request.is_ok()
}

fn put_object(user: &str, secret: Option<(&str, &str)>, features: Features, out: &mut Vec<u8>) {
    let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let mut json = format!(r#"{{"user_name":{}"#, text(user));
    if let Some((key, secret)) = secret {
        json += &format!(r#","{key}":{}"#, text(secret));
    }
    if features != Features::NONE {
        json += &format!(r#","features":{}"#, serde_json::to_string(&features).unwrap_or_default());
    }
    json.push('}');
    out.extend_from_slice(json.as_bytes());
}

/// The shortest name that is refused for this reason.
fn name_refused_for(error: NameError) -> String {
    match error {
        NameError::Blank => String::new(),
        NameError::TooLong { bytes } => "x".repeat(bytes),
        NameError::SurroundingSpace => " x".to_owned(),
        NameError::ControlCharacter => "\u{7f}".to_owned(),
        NameError::DirectionOverride => "\u{202a}".to_owned(),
        // Not in JSON that was read.
        NameError::NotUtf8 => String::new(),
    }
}

/// Appends a room's name of the same size that is valid as this is, or refused for the same reason.
fn hide_room(room: &[u8], out: &mut Vec<u8>) {
    let end = out.len() + room.len();
    match RoomName::from_bytes(room) {
        Ok(_) => {}
        Err(NameError::Blank) => out.resize(end, b' '),
        Err(NameError::NotUtf8) => out.resize(end, 0xff),
        Err(error) => out.extend_from_slice(name_refused_for(error).as_bytes()),
    }
    out.resize(end, FILLER);
}
