//! A packet's bytes, field by field, for those who learn the protocol.
//!
//! Any bytes can be annotated: what a packet announces and does not have is said to be missing, and
//! what it has beyond its end is shown as such. The bytes of the fields, joined, are the packet.

use protocol::limits::{MAX_OPERATION_PAYLOAD, PAYLOAD_SIZE_BYTES};
use protocol::tcp::{Operation, State};
use protocol::udp::{Datagram, NoticeText, Text};

use super::columns::{padded, wrapped};
use crate::text::printable;

/// Who sent a datagram: the same layout means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// A packet, understood.
#[derive(Debug)]
pub(super) struct Annotated<'a> {
    pub(super) kind: &'static str,
    pub(super) fields: Vec<Field<'a>>,
}

/// Some of a packet's bytes, in a row.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) name: &'static str,
    pub(super) meaning: String,
}

/// A TCP request or a framed reply.
pub(super) fn frame(packet: &[u8]) -> Annotated<'_> {
    let mut cut = Cut::new(packet);
    let room_size = cut.byte("RoomNameSize", |size| size.to_string());
    let operation = cut.byte("Operation", |byte| {
        let name = Operation::from_byte(byte).map_or("unknown", operation_name);
        format!("{byte}  {name}")
    });
    let state = cut.byte("State", |byte| {
        let name = State::from_byte(byte).map_or("unknown", state_name);
        format!("{byte}  {name}")
    });
    let size = cut.field("OperationPayloadSize", PAYLOAD_SIZE_BYTES, |bytes| {
        payload_size(bytes)
            .map_or_else(|| "more than the wire allows".to_owned(), |n| n.to_string())
    });
    cut.field("RoomName", room_size.into(), text);
    cut.payload(payload_size(size).unwrap_or(usize::MAX));
    cut.field("(beyond the end)", usize::MAX, |_| "read and ignored".to_owned());
    Annotated { kind: frame_kind(operation, state), fields: cut.finished() }
}

/// A datagram.
pub(super) fn datagram(packet: &[u8], sender: Sender) -> Annotated<'_> {
    let kind = DatagramKind::of(packet, sender);
    let mut cut = Cut::new(packet);
    let room_size = cut.byte("RoomNameSize", |size| size.to_string());
    let user_size = cut.byte("UserNameSize", |size| size.to_string());
    let token_size = cut.byte("TokenSize", |size| match kind {
        DatagramKind::Presence | DatagramKind::Chat => format!("{size}  the sender's own token"),
        DatagramKind::Relayed => format!("{size}  tokens are not relayed"),
        DatagramKind::Notice(_) => format!("{size}  the recipient's own token"),
        DatagramKind::Ignored | DatagramKind::Invalid => size.to_string(),
    });
    cut.field("RoomName", room_size.into(), text);
    cut.field("UserName", user_size.into(), |bytes| match kind {
        DatagramKind::Chat | DatagramKind::Relayed => format!("{}  who says it", text(bytes)),
        DatagramKind::Presence => format!("{}  who is there", text(bytes)),
        DatagramKind::Notice(_) => format!("{}  whom it is about", text(bytes)),
        DatagramKind::Ignored | DatagramKind::Invalid => text(bytes),
    });
    cut.field("Token", token_size.into(), text);
    cut.field("Message", usize::MAX, text);
    Annotated { kind: kind.name(), fields: cut.finished() }
}

/// Bytes in a row of hexadecimal.
const ROW: usize = 7;

/// Columns for the hexadecimal of a row.
const HEX_COLUMNS: usize = 3 * ROW - 1;

/// Columns for a field's name: the longest one's.
const NAME_COLUMNS: usize = "OperationPayloadSize".len();

/// Columns for what a field means, which keeps a line, with its margin, within 80.
const MEANING_COLUMNS: usize = 34;

/// What stands for a field of JSON, whose meaning has every byte of it already.
const PAYLOAD: &str = "payload";

impl Annotated<'_> {
    /// The fields as lines: bytes, name, meaning.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.fields.iter().flat_map(Field::lines)
    }
}

impl Field<'_> {
    fn lines(&self) -> Vec<String> {
        let hex = self.hex();
        let meaning = wrapped(&printable(&self.meaning), MEANING_COLUMNS, 0);
        let rows = 0..hex.len().max(meaning.len());
        let of = |column: &[String], row: usize| column.get(row).cloned().unwrap_or_default();
        let line = |row| {
            let hex = padded(&of(&hex, row), HEX_COLUMNS);
            let name = padded(if row == 0 { self.name } else { "" }, NAME_COLUMNS);
            format!("{hex}  {name}  {}", of(&meaning, row)).trim_end().to_owned()
        };
        rows.map(line).collect()
    }

    /// The bytes in rows. Zeros in front of a long number, and the middle of a payload, are left out.
    fn hex(&self) -> Vec<String> {
        let shortened = if self.bytes.len() <= ROW {
            None
        } else if self.name == PAYLOAD {
            self.ends()
        } else {
            self.after_zeros()
        };
        shortened.map_or_else(|| self.bytes.chunks(ROW).map(hex).collect(), |row| vec![row])
    }

    fn ends(&self) -> Option<String> {
        let (head, tail) = (self.bytes.first_chunk::<3>()?, self.bytes.last_chunk::<2>()?);
        Some(format!("{} … {}", hex(head), hex(tail)))
    }

    /// The number that many zeros stand before, if there are as many and it is short.
    fn after_zeros(&self) -> Option<String> {
        let (zeros, number) = self.bytes.split_last_chunk::<4>()?;
        let significant = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let number = number.get(significant..)?;
        let is_small = zeros.iter().all(|byte| *byte == 0);
        is_small.then(|| format!("00 … 00 {}", hex(number)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// What a datagram is, as far as its bytes tell.
#[derive(Debug, Clone, Copy)]
enum DatagramKind {
    Presence,
    Chat,
    Relayed,
    Notice(NoticeText),
    /// A valid one that neither a client nor a server acts on.
    Ignored,
    Invalid,
}

impl DatagramKind {
    fn of(packet: &[u8], sender: Sender) -> Self {
        let Ok(datagram) = Datagram::parse(packet) else {
            return Self::Invalid;
        };
        match (sender, datagram.text(), datagram.token().is_empty()) {
            (Sender::Client, Text::Presence, _) => Self::Presence,
            (Sender::Client, Text::Chat(_), _) => Self::Chat,
            (Sender::Server, Text::Chat(_), true) => Self::Relayed,
            (Sender::Server, Text::Reserved(text), false) => {
                NoticeText::parse(text).map_or(Self::Ignored, Self::Notice)
            }
            _ => Self::Ignored,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Chat => "chat",
            Self::Relayed => "relayed chat",
            Self::Notice(NoticeText::Joined) => "notice: a guest joined",
            Self::Notice(NoticeText::Left) => "notice: a guest left",
            Self::Notice(NoticeText::TimedOut) => "notice: a guest timed out",
            Self::Notice(NoticeText::RoomClosed) => "notice: the room is closed",
            Self::Notice(NoticeText::Shutdown) => "notice: the server stops",
            Self::Notice(NoticeText::Pong) => "notice: the answer to a presence",
            Self::Ignored => "a datagram that is ignored",
            Self::Invalid => "no valid datagram",
        }
    }
}

fn frame_kind(operation: u8, state: u8) -> &'static str {
    match (Operation::from_byte(operation), State::from_byte(state)) {
        (Some(Operation::Create), Some(State::Request)) => "create request",
        (Some(Operation::Join), Some(State::Request)) => "join request",
        (Some(Operation::Leave), Some(State::Request)) => "leave request",
        (Some(Operation::Rooms), Some(State::Request)) => "rooms request",
        (Some(Operation::Create), Some(State::Done)) => "reply: create done",
        (Some(Operation::Join), Some(State::Done)) => "reply: join done",
        (Some(Operation::Leave), Some(State::Done)) => "reply: leave done",
        (Some(Operation::Rooms), Some(State::Done)) => "reply: rooms done",
        (_, Some(State::Refused)) => "reply: refused",
        _ => "no valid frame",
    }
}

const fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Join => "join",
        Operation::Leave => "leave",
        Operation::Rooms => "rooms",
    }
}

const fn state_name(state: State) -> &'static str {
    match state {
        State::Request => "request",
        State::Refused => "reply: refused",
        State::Done => "reply: done",
    }
}

/// The 29-byte number, where it is one that the wire allows.
fn payload_size(field: &[u8]) -> Option<usize> {
    let (high, low) = field.split_last_chunk::<4>()?;
    let size = u32::from_be_bytes(*low);
    let is_allowed = size <= MAX_OPERATION_PAYLOAD && high.iter().all(|byte| *byte == 0);
    usize::try_from(size).ok().filter(|_| is_allowed)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A packet that is being cut into fields.
struct Cut<'a> {
    rest: &'a [u8],
    fields: Vec<Field<'a>>,
    /// Bytes that were announced and are not there.
    missing: usize,
}

impl<'a> Cut<'a> {
    fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet, fields: Vec::new(), missing: 0 }
    }

    /// All fields, and after them, without a byte, what is missing.
    fn finished(mut self) -> Vec<Field<'a>> {
        if self.missing > 0 {
            let meaning = format!("{} bytes", self.missing);
            self.fields.push(Field { bytes: &[], name: "(missing)", meaning });
        }
        self.fields
    }

    /// The next field of one byte; 0 where there is none.
    fn byte(&mut self, name: &'static str, meaning: impl FnOnce(u8) -> String) -> u8 {
        let byte = self.rest.first().copied().unwrap_or(0);
        self.field(name, 1, |_| meaning(byte));
        byte
    }

    /// The next field, of `size` bytes or as many as there are; an empty one is not noted.
    /// `usize::MAX` is for whatever is left.
    fn field(
        &mut self,
        name: &'static str,
        size: usize,
        meaning: impl FnOnce(&[u8]) -> String,
    ) -> &'a [u8] {
        self.announce(size);
        let (bytes, rest) = self.rest.split_at(size.min(self.rest.len()));
        self.rest = rest;
        if !bytes.is_empty() {
            self.fields.push(Field { bytes, name, meaning: meaning(bytes) });
        }
        bytes
    }

    /// JSON of `size` bytes, in a field for each key.
    fn payload(&mut self, size: usize) {
        self.announce(size);
        let mut left = size.min(self.rest.len());
        while left > 0 {
            let json = self.rest.get(..left).unwrap_or_default();
            left -= self.field(PAYLOAD, after_key(json), text).len();
        }
    }

    /// `size` bytes are to come; `usize::MAX` is as many as do.
    fn announce(&mut self, size: usize) {
        if size != usize::MAX {
            self.missing += size.saturating_sub(self.rest.len());
        }
    }
}

/// Where to cut `json` so that a field has one key: behind the first comma, or the brace of an inner
/// object, that is in no string and no list. The end where there is none; at least 1 for what is not
/// empty.
fn after_key(json: &[u8]) -> usize {
    let (mut in_string, mut is_escaped, mut lists) = (false, false, 0_usize);
    for (at, byte) in json.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' => lists += 1,
            b']' => lists = lists.saturating_sub(1),
            b',' if lists == 0 => return at + 1,
            b'{' if lists == 0 && at > 0 => return at + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use protocol::tcp::{Departure, Request, Secret};
    use protocol::udp::{ClientDatagram, Notice, RelayedChat};
    use protocol::{Message, RoomName, Token, UserName};

    use super::super::columns::width;
    use super::*;

    const SENDERS: [Sender; 2] = [Sender::Client, Sender::Server];

    /// The same bytes, read in each way that there is.
    fn all_annotations(packet: &[u8]) -> [Annotated<'_>; 3] {
        let [client, server] = SENDERS.map(|sender| datagram(packet, sender));
        [frame(packet), client, server]
    }

    fn is_the_packet(packet: &[u8]) -> bool {
        all_annotations(packet).iter().all(|annotated| {
            let fields: Vec<_> = annotated.fields.iter().map(|field| field.bytes).collect();
            fields.concat() == packet && annotated.lines().all(|line| width(&line) <= 78)
        })
    }

    fn shown(annotated: &Annotated<'_>) -> Vec<(String, &'static str, String)> {
        let fields = annotated.fields.iter();
        fields.map(|field| (field.hex().join(" / "), field.name, field.meaning.clone())).collect()
    }

    fn row(hex: &str, name: &'static str, meaning: &str) -> (String, &'static str, String) {
        (hex.to_owned(), name, meaning.to_owned())
    }

    fn leave() -> Vec<u8> {
        let room = RoomName::new("部屋").unwrap();
        let user = UserName::new("ボ,\"ブ").unwrap();
        let token = Secret::new("tok");
        Request::Leave(Departure { room, user, token }).encode().to_vec()
    }

    fn written(size: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut bytes = vec![0; size];
        write(&mut bytes);
        bytes
    }

    #[test]
    fn a_request_is_cut_into_its_fields() {
        let packet = leave();
        let annotated = frame(&packet);
        assert_eq!(annotated.kind, "leave request");
        let json = [r#"{"user_name":"ボ,\"ブ","#, r#""token":"tok"}"#];
        assert_eq!(
            shown(&annotated),
            [
                row("06", "RoomNameSize", "6"),
                row("03", "Operation", "3  leave"),
                row("00", "State", "0  request"),
                row("00 … 00 27", "OperationPayloadSize", "39"),
                row("e9 83 a8 e5 b1 8b", "RoomName", "部屋"),
                row("7b 22 75 … 22 2c", PAYLOAD, json[0]),
                row("22 74 6f … 22 7d", PAYLOAD, json[1]),
            ]
        );
    }

    #[test]
    fn datagrams_are_told_apart() {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("ボブ").unwrap());
        let token: Token = Token::new("token").unwrap();
        let message = Message::new("やあ").unwrap();
        let said = |message| {
            let sent = ClientDatagram { room: &room, user: &user, token: &token, message };
            written(sent.size(), |bytes| assert!(sent.write(bytes).is_ok()))
        };
        let relayed = RelayedChat { room: &room, from: &user, message };
        let relayed = written(relayed.size(), |bytes| {
            assert!(relayed.write(bytes).is_ok());
        });
        let notice =
            Notice { room: &room, about: &user, token: &token, text: NoticeText::TimedOut };
        let notice = written(notice.size(), |bytes| assert!(notice.write(bytes).is_ok()));
        for (packet, sender, kind) in [
            (said(None), Sender::Client, "presence"),
            (said(Some(message)), Sender::Client, "chat"),
            (relayed.clone(), Sender::Server, "relayed chat"),
            (notice.clone(), Sender::Server, "notice: a guest timed out"),
            (notice, Sender::Client, "a datagram that is ignored"),
            (vec![1, 2, 3], Sender::Client, "no valid datagram"),
        ] {
            assert_eq!(datagram(&packet, sender).kind, kind);
        }
        assert_eq!(
            shown(&datagram(&relayed, Sender::Server)),
            [
                row("06", "RoomNameSize", "6"),
                row("06", "UserNameSize", "6"),
                row("00", "TokenSize", "0  tokens are not relayed"),
                row("e9 83 a8 e5 b1 8b", "RoomName", "部屋"),
                row("e3 83 9c e3 83 96", "UserName", "ボブ  who says it"),
                row("e3 82 84 e3 81 82", "Message", "やあ"),
            ]
        );
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_said() {
        let packet = [&leave()[..], b"xyz"].concat();
        let annotated = frame(&packet);
        assert_eq!(
            shown(&annotated).last(),
            Some(&row("78 79 7a", "(beyond the end)", "read and ignored"))
        );
        let cut = datagram(&[9, 0, 0, b'a'], Sender::Client);
        assert_eq!(shown(&cut).last(), Some(&row("", "(missing)", "8 bytes")));
        for end in 0..packet.len() {
            assert!(is_the_packet(&packet[..end]), "{end}");
        }
        let header = [&[0, 1, 0][..], &[0xff; 29]].concat();
        assert!(shown(&frame(&header)).contains(&row(
            &format!("{} / ff", ["ff ff ff ff ff ff ff"; 4].join(" / ")),
            "OperationPayloadSize",
            "more than the wire allows"
        )));
    }

    quickcheck::quickcheck! {
        fn any_bytes_are_their_fields(packet: Vec<u8>) -> bool {
            is_the_packet(&packet)
        }

        fn any_body_is_its_fields(room: u8, operation: u8, state: u8, size: u8, body: Vec<u8>) -> bool {
            let head = [&[room % 9, operation % 6, state % 4][..], &[0; 28], &[size]].concat();
            let json = [&b"{\"a\":[1,2],"[..], &body].concat();
            is_the_packet(&[&head[..], &body].concat()) && is_the_packet(&[&head[..], &json].concat())
        }

        fn any_datagram_is_its_fields(sizes: (u8, u8, u8), body: Vec<u8>) -> bool {
            let head = [sizes.0 % 9, sizes.1 % 9, sizes.2 % 9];
            is_the_packet(&[&head[..], &body].concat())
        }
    }
}
