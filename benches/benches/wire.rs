//! What reading and writing the wire costs, in bytes a second.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark without its fixture is to fail")]

use std::hint::black_box;

use benches::{admission, admitted, criterion, join, room_name, user_name};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use protocol::limits::MAX_DATAGRAM;
use protocol::tcp::{
    Answer, Feature, Features, Frame, FrameDecoder, Limits, Operation, Progress, Reply,
    ReplyDecoder, ReplyForm, ReplyText, Request, Roster,
};
use protocol::udp::{ClientDatagram, Datagram, Notice, NoticeText, RelayedChat, Text};
use protocol::{Message, RoomName, Token, UserName};

criterion_group! {
    name = benches;
    config = criterion();
    targets = requests, replies, datagrams, written
}
criterion_main!(benches);

const NOTICES: Features = Features::NONE.with(Feature::Notices);

/// As long as the server's own.
const TOKEN: &str = "0000000100000001abcdefghijklmnopqrstuv";

fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("request");
    let (room, user) = (room_name(1), user_name(1));
    let bytes = join(&room, &user, NOTICES);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for (name, piece) in [("whole", bytes.len()), ("in_1_byte_pieces", 1)] {
        let check = read_request(
            &bytes,
            piece,
            |request| matches!(request, Request::Join(who) if who.room == room && who.user == user),
        );
        assert!(check, "the request is the one that was encoded");
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| read_request(black_box(&bytes), piece, is_join));
        });
    }
    let request = Request::Join(admission(&room, &user, NOTICES));
    assert_eq!(request.encode()[..], bytes[..]);
    group.bench_function("encode", |b| b.iter(|| black_box(&request).encode()));
    group.finish();
}

/// What a server does with a request that comes in pieces of that many bytes.
fn read_request<T>(bytes: &[u8], piece: usize, then: impl FnOnce(Request<'_>) -> T) -> T {
    let mut decoder = FrameDecoder::new(64 * 1024);
    for mut chunk in bytes.chunks(piece) {
        match decoder.feed(&mut chunk) {
            Progress::Incomplete(same) => decoder = same,
            Progress::Done(frame) => return then(parsed(&frame)),
            Progress::Invalid(error) => panic!("{error}"),
        }
    }
    panic!("the request is not whole");
}

fn is_join(request: Request<'_>) -> bool {
    matches!(black_box(request), Request::Join(_))
}

fn parsed(frame: &Frame) -> Request<'_> {
    Request::parse(frame).expect("a request")
}

fn replies(c: &mut Criterion) {
    let mut group = c.benchmark_group("reply");
    let (room, user) = (room_name(1), user_name(1));
    let names: Vec<UserName> = (0..1000).map(user_name).collect();
    let roster: Roster = names.iter().collect();
    for (name, form, others) in [
        ("bare", ReplyForm::Bare, 9),
        ("framed_10", ReplyForm::Framed, 9),
        ("framed_1000", ReplyForm::Framed, 999),
    ] {
        let answer = Answer::Admitted {
            operation: Operation::Join,
            room: &room,
            user: &user,
            token: TOKEN,
            members: roster.names_before(others),
            features: NOTICES,
            limits: Limits::default(),
        };
        let mut bytes = Vec::new();
        answer.encode(form, &mut bytes);
        let told = if form == ReplyForm::Framed { others } else { 0 };
        let read = admitted(&bytes);
        assert!(read.token.matches(TOKEN) && read.members.len() == told);

        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            let mut out = Vec::new();
            b.iter(|| {
                out.clear();
                black_box(&answer).encode(form, &mut out);
                black_box(out.len())
            });
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| read_reply(black_box(&bytes), bytes.len()));
        });
        group.bench_function(BenchmarkId::new("decode_in_1_byte_pieces", name), |b| {
            b.iter(|| read_reply(black_box(&bytes), 1));
        });
    }
    group.finish();
}

/// What a client does with a reply that comes in pieces of that many bytes.
fn read_reply(bytes: &[u8], piece: usize) -> Reply {
    let mut decoder = ReplyDecoder::default();
    for mut chunk in bytes.chunks(piece) {
        match decoder.feed(&mut chunk) {
            Progress::Incomplete(same) => decoder = same,
            Progress::Done(reply) => return understood(&reply),
            Progress::Invalid(error) => panic!("{error}"),
        }
    }
    panic!("the reply is not whole");
}

fn understood(reply: &ReplyText) -> Reply {
    reply.parse().expect("a reply")
}

/// Text of exactly so many bytes.
fn text(of: &str, bytes: usize) -> String {
    let mut text = of.repeat(bytes / of.len());
    text.push_str(&"a".repeat(bytes - text.len()));
    text
}

/// Names of the same sizes in either script, so that only the script differs.
const SCRIPTS: [(&str, &str, &str, &str); 2] =
    [("ascii", "lounge", "alice.liddel", "a"), ("japanese", "部屋", "ユーザー", "あ")];

const SIZES: [usize; 4] = [16, 64, 1024, 4000];

fn datagrams(c: &mut Criterion) {
    let mut group = c.benchmark_group("datagram_parse");
    let token = Token::new(TOKEN).expect("a token");
    for (script, room, user, character) in SCRIPTS {
        let (room, user) = names(room, user);
        for size in SIZES {
            let text = text(character, size);
            let message = Message::new(&text).expect("a message");
            let mut buffer = [0; MAX_DATAGRAM];
            let chat =
                ClientDatagram { room: &room, user: &user, token: &token, message: Some(message) };
            let written = chat.write(&mut buffer).expect("it fits");
            let bytes = buffer.get(..written).unwrap_or_default();
            let parsed = Datagram::parse(bytes).expect("a datagram");
            assert_eq!((parsed.text(), parsed.raw_text().len()), (Text::Chat(message), size));

            group.throughput(Throughput::Bytes(written as u64));
            group.bench_function(BenchmarkId::new(script, size), |b| {
                b.iter(|| {
                    Datagram::parse(black_box(bytes)).map(|datagram| black_box(datagram.text()))
                });
            });
        }
    }
    group.finish();
}

fn written(c: &mut Criterion) {
    let mut group = c.benchmark_group("datagram_write");
    let mut buffer = [0; MAX_DATAGRAM];
    let [_, (_, room, user, character)] = SCRIPTS;
    let (room, user) = names(room, user);
    for size in SIZES {
        let text = text(character, size);
        let message = Message::new(&text).expect("a message");
        let chat = RelayedChat { room: &room, from: &user, message };
        assert_eq!(chat.write(&mut buffer), Ok(chat.size()));
        group.throughput(Throughput::Bytes(chat.size() as u64));
        group.bench_function(BenchmarkId::new("relayed_chat", size), |b| {
            b.iter(|| black_box(&chat).write(black_box(&mut buffer)));
        });
    }
    let token = Token::<38>::new(TOKEN).expect("a token");
    let notice = Notice { room: &room, about: &user, token: &token, text: NoticeText::TimedOut };
    assert_eq!(notice.write(&mut buffer), Ok(notice.size()));
    group.throughput(Throughput::Bytes(notice.size() as u64));
    group.bench_function("notice", |b| {
        b.iter(|| black_box(&notice).write(black_box(&mut buffer)));
    });
    group.finish();
}

fn names(room: &str, user: &str) -> (RoomName, UserName) {
    (RoomName::new(room).expect("a name"), UserName::new(user).expect("a name"))
}
