//! A datagram's view: the bytes and nothing else, and for its reader what nobody could forge.

pub(crate) mod bundles;

use protocol::limits::{MAX_DATAGRAM, UDP_HEADER};
use protocol::udp::{
    ClientDatagram, Datagram, DatagramError, Dialect, Incoming, Notice, NoticeText, RelayedChat,
    Text, TooSmall,
};
use protocol::{Message, RoomName, Token, UserName};

use crate::Reached;
use crate::input::Input;

/// `layout | reader | bytes`. By `layout` the bytes are the datagram, or three chunks and a text that
/// are its fields, or what a bundle is read or packed from; by `reader` a datagram is read by whom it
/// names, or by somebody else.
pub fn run(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let (layout, reader) = (input.byte(), input.byte());
    match layout {
        2 => return bundles::read(&input.rest().repeat(if reader > 200 { 200 } else { 1 })),
        3 => return bundles::packed(input),
        _ => {}
    }
    let bytes = if layout == 0 { input.rest().to_vec() } else { laid_out(input, layout) };
    let parsed = Datagram::parse(&bytes);
    let plain = fields(&bytes);
    let datagram = match (parsed, plain) {
        (Ok(datagram), Ok(fields)) => {
            let view = [datagram.room(), datagram.user(), datagram.token(), datagram.raw_text()];
            assert_eq!(view, fields);
            datagram
        }
        (Err(error), Err(plain)) => {
            assert_eq!(error, plain);
            return Reached::from([match error {
                DatagramError::TooLong => "too long",
                DatagramError::Truncated => "truncated",
                DatagramError::NotUtf8 => "not text",
            }]);
        }
        (parsed, plain) => panic!("{parsed:?} is plainly {plain:?}"),
    };
    let mut reached = Reached::new();
    written_again(&bytes, &datagram, &mut reached);
    for dialect in [Dialect::Tokened, Dialect::Seed] {
        incoming(&datagram, dialect, reader, &mut reached);
    }
    reached
}

/// The fields as chunks, the text last; a large `layout` repeats it up to the largest datagram.
fn laid_out(mut input: Input<'_>, layout: u8) -> Vec<u8> {
    let fields = [input.chunk(), input.chunk(), input.chunk()];
    let sizes = fields.map(|field| u8::try_from(field.len()).unwrap());
    let text = input.rest().repeat(if layout > 200 { usize::from(layout) } else { 1 });
    let mut bytes = [&sizes[..], &fields.concat(), &text].concat();
    bytes.truncate(MAX_DATAGRAM + 1);
    bytes
}

/// The same, by the table in PROTOCOL.md: field by field.
pub(crate) fn fields(bytes: &[u8]) -> Result<[&str; 4], DatagramError> {
    if bytes.len() > MAX_DATAGRAM {
        return Err(DatagramError::TooLong);
    }
    let (sizes, body) = bytes.split_at_checked(UDP_HEADER).ok_or(DatagramError::Truncated)?;
    let mut rest = body;
    let mut fields = [&b""[..]; 4];
    for (size, field) in sizes.iter().zip(&mut fields) {
        let parts = rest.split_at_checked(usize::from(*size));
        (*field, rest) = parts.ok_or(DatagramError::Truncated)?;
    }
    fields[3] = rest;
    let mut texts = [""; 4];
    for (field, text) in fields.into_iter().zip(&mut texts) {
        *text = std::str::from_utf8(field).map_err(|_| DatagramError::NotUtf8)?;
    }
    Ok(texts)
}

/// Whatever could have been written by one of the writers is written again to the same bytes.
fn written_again(bytes: &[u8], datagram: &Datagram<'_>, reached: &mut Reached) {
    let names = (RoomName::new(datagram.room()), UserName::new(datagram.user()));
    let (Ok(room), Ok(user)) = names else {
        reached.insert("bad names");
        return;
    };
    let token = <Token>::new(datagram.token());
    let message = match datagram.text() {
        Text::Chat(message) => Some(message),
        Text::Presence => None,
        Text::Reserved(text) => {
            assert!(text.starts_with("SYSTEM_"));
            let (Some(token), Some(text)) = (token, NoticeText::parse(text)) else { return };
            let notice = Notice { room: &room, about: &user, token: &token, text };
            same(bytes, notice.size(), |buffer| notice.write(buffer));
            reached.insert("notice written");
            return;
        }
    };
    if let Some(token) = token {
        let said = ClientDatagram { room: &room, user: &user, token: &token, message };
        same(bytes, said.size(), |buffer| said.write(buffer));
        let most = ClientDatagram::room_for_text(&room, &user, &token);
        assert!(datagram.raw_text().len() <= most);
        reached.insert(if message.is_some() { "chat written" } else { "presence written" });
    } else if let Some(message) = message {
        let relayed = RelayedChat { room: &room, from: &user, message };
        same(bytes, relayed.size(), |buffer| relayed.write(buffer));
        reached.insert("relay written");
    }
}

/// A writer gives `bytes`, in a buffer that is just large enough and in no smaller one.
fn same(bytes: &[u8], size: usize, write: impl Fn(&mut [u8]) -> Result<usize, TooSmall>) {
    assert_eq!(size, bytes.len());
    let mut buffer = vec![0xaa; size + 1];
    assert_eq!(write(&mut buffer[..size]), Ok(size));
    assert_eq!(&buffer[..size], bytes);
    assert_eq!(buffer[size], 0xaa);
    let mut small = vec![0xaa; size - 1];
    assert_eq!(write(&mut small), Err(TooSmall { needed: size, available: size - 1 }));
    assert!(small.iter().all(|byte| *byte == 0xaa), "nothing is written where all does not fit");
}

/// What it is to a member: chat bears no token and a notice the member's own, or, from a server like
/// the original, the text alone decides.
fn incoming(datagram: &Datagram<'_>, dialect: Dialect, reader: u8, reached: &mut Reached) {
    let theirs = |text: &str, own| if own { text.to_owned() } else { format!("{text}x") };
    let room = RoomName::new(&theirs(datagram.room(), reader & 1 == 0));
    let token = <Token>::new(&theirs(datagram.token(), reader & 2 == 0));
    let user = UserName::new(&theirs(datagram.user(), reader & 4 == 0));
    let token = token.or_else(|| Token::new("t"));
    let (Ok(room), Some(token), Ok(user)) = (room, token, user) else { return };

    let text = datagram.raw_text();
    let notice = NoticeText::ALL.into_iter().find(|notice| notice.as_str() == text);
    let is_chat = Message::new(text).is_ok();
    let of_seed = [NoticeText::TimedOut, NoticeText::RoomClosed];
    let (hears, believes) = match dialect {
        Dialect::Tokened => (datagram.token().is_empty(), token.as_str() == datagram.token()),
        Dialect::Seed => (true, notice.is_some_and(|notice| of_seed.contains(&notice))),
    };
    let is_here = room.as_str() == datagram.room();
    let read = Incoming::of(*datagram, &room, &token, dialect);
    match read {
        Some(Incoming::Chat { from, message }) => {
            assert!(is_here && is_chat && hears);
            assert_eq!((from, message.as_str()), (datagram.user(), text));
            reached.insert("chat heard");
        }
        Some(Incoming::Notice { about, notice: read }) => {
            assert!(is_here && believes && Some(read) == notice && about == datagram.user());
            reached.insert("notice believed");
        }
        None => {
            assert!(!is_here || !(is_chat && hears || notice.is_some() && believes));
            reached.insert("nothing heard");
        }
    }
    let is_about_me = datagram.user() == user.as_str();
    let ends = match read {
        Some(Incoming::Notice { notice: NoticeText::TimedOut, .. }) => is_about_me,
        Some(Incoming::Notice { notice, .. }) => {
            [NoticeText::RoomClosed, NoticeText::Shutdown].contains(&notice)
        }
        Some(Incoming::Chat { .. }) | None => false,
    };
    assert_eq!(read.is_some_and(|incoming| incoming.ends(&user)), ends);
    if ends {
        reached.insert("the end");
    }
}
