//! PROTOCOL.md against the code: every worked example is what the writers write and what the
//! decoders read, every annotation in it is true, and the tables name what the code has.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use protocol::limits;
use protocol::tcp::{
    Admission, Answer, Departure, ErrorCode, Feature, Features, FrameDecoder, Limits, Listed,
    Names, Operation, Progress, Reply, ReplyDecoder, ReplyForm, ReplyText, Request, Roster, Secret,
    State,
};
use protocol::udp::{
    Bundle, ClientDatagram, Datagram, Dialect, Incoming, Notice, NoticeText, RelayedChat, Text,
};
use protocol::{Message, RoomName, Token, UserName};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

const ROOM: &str = "部屋";
const ALICE: &str = "alice";
const BOB: &str = "ボブ";
const TOKEN: &str = "AAECAwQFBgcICQoLDA0ODw";

/// Panics unless the code writes and reads just these bytes.
type Check = fn(&[u8]);

/// The examples that the document must have, and what holds of the bytes of each.
const CHECKS: [(&str, Check); 12] = [
    ("create-request", create_request),
    ("leave-request", leave_request),
    ("rooms-request", rooms_request),
    ("create-reply", create_reply),
    ("rooms-reply", rooms_reply),
    ("join-refusal", join_refusal),
    ("bare-reply", bare_reply),
    ("presence", presence),
    ("chat-from-client", chat_from_client),
    ("relayed-chat", relayed_chat),
    ("time-out-notice", time_out_notice),
    ("bundle", bundle),
];

#[test]
fn the_document_has_the_examples_that_are_checked_and_no_others() {
    let mut there: Vec<_> = examples(PROTOCOL).into_iter().map(|(name, _)| name).collect();
    let mut checked: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
    there.sort_unstable();
    checked.sort_unstable();
    assert_eq!(there, checked);
}

#[test]
fn every_example_is_what_the_code_writes_and_reads() {
    for (name, lines) in examples(PROTOCOL) {
        let found = CHECKS.iter().find(|(checked, _)| *checked == name);
        let (_, check) = found.unwrap_or_else(|| panic!("{name} has no check"));
        let bytes: Vec<u8> = lines.into_iter().flat_map(|line| line.bytes).collect();
        println!("{name}");
        check(&bytes);
    }
}

#[test]
fn every_annotation_is_true_of_its_bytes() {
    for (name, lines) in examples(PROTOCOL) {
        for Line { bytes, says } in lines {
            let (field, value) = says
                .split_once(" = ")
                .unwrap_or_else(|| panic!("{name}: {says:?} is not \"field = value\""));
            let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            let is_size_or_code =
                field.ends_with("Size") || ["Operation", "State"].contains(&field);
            let is_true = if is_size_or_code {
                value == number.to_string()
            } else {
                value.as_bytes() == bytes
            };
            assert!(is_true, "{name}: {says}");
        }
    }
}

#[test]
fn the_tables_name_every_limit_code_and_notice() {
    for (what, value, unit) in [
        ("TCP header", limits::TCP_HEADER, " bytes"),
        ("OperationPayloadSize, the field", limits::PAYLOAD_SIZE_BYTES, " bytes"),
        ("payload, by the wire", limits::MAX_OPERATION_PAYLOAD as usize, " bytes"),
        ("bare reply", limits::MAX_BARE_REPLY, " bytes"),
        ("list in a reply, entries", limits::MAX_LISTED, ""),
        ("list in a framed reply", limits::MAX_LIST_BYTES, " bytes"),
        ("framed payload, read by a client", limits::MAX_REPLY_PAYLOAD as usize, " bytes"),
        ("UDP header", limits::UDP_HEADER, " bytes"),
        ("datagram", limits::MAX_DATAGRAM, " bytes"),
        ("bundle of several datagrams", limits::MAX_BUNDLE, " bytes"),
    ] {
        let row = format!("| {what} | {}{unit} |", with_commas(value));
        assert!(PROTOCOL.contains(&row), "{row}");
    }
    for (what, most) in
        [("room name, user name", limits::MAX_NAME), ("token, by the wire", limits::MAX_TOKEN)]
    {
        let row = format!("| {what} | 1–{most} bytes |");
        assert!(PROTOCOL.contains(&row), "{row}");
    }
    for code in [
        ErrorCode::RoomExists,
        ErrorCode::NoSuchRoom,
        ErrorCode::WrongPassword,
        ErrorCode::NameTaken,
        ErrorCode::InvalidRequest,
        ErrorCode::PayloadTooLarge,
        ErrorCode::RoomFull,
        ErrorCode::ServerFull,
        ErrorCode::TryLater,
        ErrorCode::UnknownToken,
    ] {
        assert!(PROTOCOL.contains(&format!("\n| `{code}` | ")), "{code}");
    }
    for notice in NoticeText::ALL {
        let text = notice.as_str();
        assert!(PROTOCOL.contains(&format!("`{text}` |")), "{text}");
    }
}

#[test]
fn a_block_that_nothing_names_or_that_is_malformed_is_found() {
    for document in [
        "```hex\n00 ; a = 0\n```",
        "<!-- example: a -->\n\n```hex\n00 ; a = 0\n```",
        "<!-- example: a -->\ntext",
        "<!-- example: a -->",
        "<!-- example: a -->\n```hex\n00 ; a = 0",
        "<!-- example: a -->\n```hex\n0 ; a = 0\n```",
        "<!-- example: a -->\n```hex\n+0 ; a = 0\n```",
        "<!-- example: a -->\n```hex\n00\n```",
        "<!-- example: a -->\n```hex\n; a = 0\n```",
        "  ```hex\n00 ; a = 0\n```",
        "~~~hex\n00 ; a = 0\n~~~",
        "```Hex\n00 ; a = 0\n```",
    ] {
        assert!(parse_examples(document).is_err(), "{document:?}");
    }
    let document = "x\n<!-- example: a -->\n```hex\n00 ff ; b = c\n01 ; d\n```\n```text\n```\n";
    let examples = parse_examples(document).unwrap();
    assert_eq!(examples[0].0, "a");
    assert_eq!(examples[0].1[0].bytes, [0, 255]);
    assert_eq!((examples[0].1[1].says, examples.len()), ("d", 1));
}

fn create_request(bytes: &[u8]) {
    let asked = Request::Create(Admission {
        room: room(),
        user: user(ALICE),
        password: Secret::new("open sesame"),
        features: notices(),
    });
    assert_eq!(*asked.encode(), bytes);
    with_request(bytes, |read| {
        let Request::Create(read) = read else { panic!("{read:?}") };
        assert_eq!((read.room, read.user), (room(), user(ALICE)));
        assert_eq!(read.password.expose(), "open sesame");
        assert_eq!(read.features, notices());
    });
}

fn leave_request(bytes: &[u8]) {
    let asked =
        Request::Leave(Departure { room: room(), user: user(ALICE), token: Secret::new(TOKEN) });
    assert_eq!(*asked.encode(), bytes);
    with_request(bytes, |read| {
        let Request::Leave(read) = read else { panic!("{read:?}") };
        assert_eq!((read.room, read.user), (room(), user(ALICE)));
        assert_eq!(read.token.expose(), TOKEN);
    });
}

fn rooms_request(bytes: &[u8]) {
    assert_eq!(*Request::Rooms.encode(), bytes);
    with_request(bytes, |read| assert!(matches!(read, Request::Rooms)));
}

fn create_reply(bytes: &[u8]) {
    let answer = Answer::Admitted {
        operation: Operation::Create,
        room: &room(),
        user: &user(ALICE),
        token: TOKEN,
        members: Names::default(),
        features: notices(),
        limits: Limits::default(),
    };
    assert_eq!(encoded(&answer, ReplyForm::Framed), bytes);
    let Reply::Done(done) = framed_reply(bytes, Operation::Create, State::Done, ROOM) else {
        panic!("done")
    };
    let admitted = done.admitted().unwrap();
    assert!(admitted.token.matches(TOKEN));
    assert!(admitted.members.is_empty());
    assert_eq!(admitted.features, notices());
    assert_eq!(admitted.limits, Limits::default());
    assert_eq!(admitted.message, "the room is open and you are its host");
}

fn rooms_reply(bytes: &[u8]) {
    let listed = [("lounge", 3, false), (ROOM, 2, true)].map(|(name, members, password)| Listed {
        name,
        members,
        password,
    });
    let answer = Answer::Rooms { rooms: &listed, more: false };
    assert_eq!(encoded(&answer, ReplyForm::Framed), bytes);
    let Reply::Done(done) = framed_reply(bytes, Operation::Rooms, State::Done, "") else {
        panic!("done")
    };
    let listing = done.listing().unwrap();
    let read: Vec<_> =
        listing.rooms.iter().map(|room| (&*room.name, room.members, room.password)).collect();
    assert_eq!(read, [("lounge", 3, false), (ROOM, 2, true)]);
    assert!(!listing.more);
}

fn join_refusal(bytes: &[u8]) {
    let answer = Answer::Refused {
        operation: Operation::Join as u8,
        room: Some(&room()),
        error: ErrorCode::WrongPassword,
        message: "the password is wrong",
    };
    assert_eq!(encoded(&answer, ReplyForm::Framed), bytes);
    let Reply::Refused(read) = framed_reply(bytes, Operation::Join, State::Refused, ROOM) else {
        panic!("refused")
    };
    assert_eq!(read.error, ErrorCode::WrongPassword);
    assert_eq!(read.message, "the password is wrong");
}

fn bare_reply(bytes: &[u8]) {
    let members = Roster::from_iter([&user(ALICE)]);
    let answer = Answer::Admitted {
        operation: Operation::Join,
        room: &room(),
        user: &user(BOB),
        token: TOKEN,
        members: members.names(),
        features: notices(),
        limits: Limits::default(),
    };
    assert_eq!(encoded(&answer, ReplyForm::Bare), bytes);
    let text = reply_text(bytes);
    assert!(matches!(text, ReplyText::Bare(_)));
    let Ok(Reply::Done(done)) = text.parse() else { panic!("done") };
    let admitted = done.admitted().unwrap();
    assert!(admitted.token.matches(TOKEN));
    assert!(admitted.members.is_empty());
    assert_eq!(admitted.features, Features::NONE);
    assert_eq!(admitted.limits, Limits::default());
}

fn presence(bytes: &[u8]) {
    assert_eq!(written(|buffer| from_alice(None, buffer)), bytes);
    assert_fields(bytes, [ROOM, ALICE, TOKEN, ""]);
    assert_eq!(Datagram::parse(bytes).unwrap().text(), Text::Presence);
}

fn chat_from_client(bytes: &[u8]) {
    assert_eq!(written(|buffer| from_alice(Some(greeting()), buffer)), bytes);
    assert_fields(bytes, [ROOM, ALICE, TOKEN, "やあ"]);
    assert_eq!(Datagram::parse(bytes).unwrap().text(), Text::Chat(greeting()));
}

fn relayed_chat(bytes: &[u8]) {
    let relayed = RelayedChat { room: &room(), from: &user(ALICE), message: greeting() };
    assert_eq!(written(|buffer| relayed.write(buffer).unwrap()), bytes);
    assert_fields(bytes, [ROOM, ALICE, "", "やあ"]);
    let (from, message) = (ALICE, greeting());
    assert_eq!(understood(bytes), Some(Incoming::Chat { from, message }));
}

fn time_out_notice(bytes: &[u8]) {
    let notice =
        Notice { room: &room(), about: &user(BOB), token: &token(), text: NoticeText::TimedOut };
    assert_eq!(written(|buffer| notice.write(buffer).unwrap()), bytes);
    assert_fields(bytes, [ROOM, BOB, TOKEN, "SYSTEM_MESSAGE_TIME_OUT"]);
    let (about, notice) = (BOB, NoticeText::TimedOut);
    let incoming = understood(bytes);
    assert_eq!(incoming, Some(Incoming::Notice { about, notice }));
    assert!(incoming.is_some_and(|it| it.ends(&user(BOB)) && !it.ends(&user(ALICE))));
}

fn bundle(bytes: &[u8]) {
    let texts = ["やあ", "はい"].map(|text| Message::new(text).unwrap());
    let relayed = texts.map(|message| {
        let (room, from) = (&room(), &user(ALICE));
        written(|buffer| RelayedChat { room, from, message }.write(buffer).unwrap())
    });
    let mut packed = Vec::new();
    let size = Bundle::pack(relayed.iter().map(|datagram| &datagram[..]), &mut packed);
    assert_eq!((size, &packed[..]), (bytes.len(), bytes));
    assert!(Bundle::is_one(bytes));
    let read: Vec<&[u8]> = Bundle::parse(bytes).unwrap().datagrams().collect();
    assert_eq!(read, relayed);
    let heard = read.into_iter().map(|datagram| understood(datagram).unwrap());
    let said = texts.map(|message| Incoming::Chat { from: ALICE, message });
    assert_eq!(heard.collect::<Vec<_>>(), said);
}

fn room() -> RoomName {
    RoomName::new(ROOM).unwrap()
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

fn greeting() -> Message<'static> {
    Message::new("やあ").unwrap()
}

fn notices() -> Features {
    Features::NONE.with(Feature::Notices)
}

/// Hands the request in `bytes` to `check`; nothing may be left over.
fn with_request(mut bytes: &[u8], check: impl FnOnce(Request<'_>)) {
    let Progress::Done(frame) = FrameDecoder::new(64 * 1024).feed(&mut bytes) else {
        panic!("not a whole frame")
    };
    assert!(bytes.is_empty());
    check(Request::parse(&frame).unwrap());
}

fn encoded(answer: &Answer<'_>, form: ReplyForm) -> Vec<u8> {
    let mut bytes = Vec::new();
    answer.encode(form, &mut bytes);
    bytes
}

/// The reply in `bytes`; nothing may be left over.
fn reply_text(mut bytes: &[u8]) -> ReplyText {
    let Progress::Done(text) = ReplyDecoder::default().feed(&mut bytes) else {
        panic!("not a whole reply")
    };
    assert!(bytes.is_empty());
    text
}

fn framed_reply(bytes: &[u8], operation: Operation, state: State, room: &str) -> Reply {
    let text = reply_text(bytes);
    let ReplyText::Framed(frame) = &text else { panic!("not framed") };
    let header = frame.header();
    assert_eq!((header.operation(), header.state()), (operation, state));
    assert_eq!(frame.room(), room.as_bytes());
    text.parse().unwrap()
}

fn written(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut buffer = [0; limits::MAX_DATAGRAM];
    let size = write(&mut buffer);
    buffer[..size].to_vec()
}

fn from_alice(message: Option<Message<'_>>, buffer: &mut [u8]) -> usize {
    let datagram = ClientDatagram { room: &room(), user: &user(ALICE), token: &token(), message };
    datagram.write(buffer).unwrap()
}

fn assert_fields(bytes: &[u8], fields: [&str; 4]) {
    let read = Datagram::parse(bytes).unwrap();
    assert_eq!([read.room(), read.user(), read.token(), read.raw_text()], fields);
}

/// What a datagram from the server means to a member that holds the token of the examples.
fn understood(bytes: &[u8]) -> Option<Incoming<'_>> {
    let datagram = Datagram::parse(bytes).unwrap();
    Incoming::of(datagram, &room(), &token(), Dialect::Tokened)
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8(groups.join(&b","[..])).unwrap()
}

/// One line of an example.
struct Line<'a> {
    bytes: Vec<u8>,
    says: &'a str,
}

type Example<'a> = (&'a str, Vec<Line<'a>>);

fn examples(document: &str) -> Vec<Example<'_>> {
    parse_examples(document).unwrap()
}

/// The hex blocks of `document` by the names in the comments right before them. What is nearly one
/// is an error, so that no block goes unchecked.
fn parse_examples(document: &str) -> Result<Vec<Example<'_>>, String> {
    let mut examples = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(name) = example_name(line) else {
            let fence = line.trim_start().trim_start_matches(['`', '~']);
            let is_hex = fence.len() < line.trim_start().len()
                && fence.trim_start().to_lowercase().starts_with("hex");
            if is_hex || line.contains("<!-- example") {
                return Err(format!("{line:?} has no name before it"));
            }
            continue;
        };
        if lines.next() != Some("```hex") {
            return Err(format!("no block follows the name {name}"));
        }
        let mut block = Vec::new();
        loop {
            match lines.next() {
                None => return Err(format!("{name} does not end")),
                Some("```") => break,
                Some(line) => block.push(parse_line(line).ok_or(format!("{name}: {line:?}"))?),
            }
        }
        examples.push((name, block));
    }
    Ok(examples)
}

fn example_name(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- example: ")?.strip_suffix(" -->")
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let (hex, says) = line.split_once(" ; ")?;
    let bytes: Option<Vec<u8>> = hex.split(' ').map(parse_byte).collect();
    bytes.map(|bytes| Line { bytes, says })
}

fn parse_byte(digits: &str) -> Option<u8> {
    let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}
