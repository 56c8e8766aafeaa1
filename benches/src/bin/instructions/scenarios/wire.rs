//! Reading the wire, and what a client does with what it hears.

#![expect(clippy::expect_used, clippy::panic, reason = "a scenario without its fixture is to fail")]

use std::hint::black_box;

use benches::{Member, Populated, join, room_name, user_name};
use engine::client::{Answered, Event, Habits, Happening, Lobby, Output, Session};
use engine::{Action, Instant};
use protocol::limits::MAX_DATAGRAM;
use protocol::tcp::{Features, FrameDecoder, Progress, Request};
use protocol::udp::{Datagram, RelayedChat, Text};
use protocol::{Message, RoomName, Token, UserName};

use super::{LINE, counted};

pub(super) fn datagram_ascii(rounds: u32) {
    let text = "The meeting has been moved to three o'clock this afternoon.";
    datagram("lounge", "alice", text, rounds);
}

pub(super) fn datagram_japanese(rounds: u32) {
    datagram("部屋", "ボブ", LINE, rounds);
}

fn datagram(room: &str, user: &str, text: &str, rounds: u32) {
    let who = Member {
        room: RoomName::new(room).expect("a name"),
        user: UserName::new(user).expect("a name"),
        token: Token::new("0000000100000001abcdefghijklmnopqrstuv").expect("a token"),
        address: benches::address(0),
    };
    let bytes = who.chat(text);
    let mut read = 0;
    counted(&mut || {
        for _ in 0..rounds {
            let datagram = Datagram::parse(black_box(&bytes));
            let is_chat = datagram.is_ok_and(|datagram| {
                black_box((datagram.room(), datagram.user(), datagram.token()));
                matches!(black_box(datagram.text()), Text::Chat(_))
            });
            read += u32::from(is_chat);
        }
    });
    assert_eq!(read, rounds);
}

pub(super) fn request(rounds: u32) {
    let bytes = join(&room_name(1), &user_name(1), Features::NONE);
    let mut read = 0;
    counted(&mut || {
        for _ in 0..rounds {
            let mut rest = black_box(&bytes[..]);
            if let Progress::Done(frame) = FrameDecoder::new(64 * 1024).feed(&mut rest) {
                let request = Request::parse(&frame);
                read += u32::from(matches!(black_box(request), Ok(Request::Join(_))));
            }
        }
    });
    assert_eq!(read, rounds);
}

pub(super) fn copy_at_a_client(rounds: u32) {
    let mut outputs = Vec::new();
    let mut session = Session::Joined(joined(&mut outputs));
    let (room, user) = (room_name(0), user_name(0));
    let message = Message::new(LINE).expect("a message");
    let mut copy = [0; MAX_DATAGRAM];
    let copied = RelayedChat { room: &room, from: &user, message }.write(&mut copy);
    let copy = copy.get(..copied.expect("it fits")).unwrap_or_default();
    let mut hear = |rounds, read: &mut u32| {
        for _ in 0..rounds {
            let Session::Joined(joined) = std::mem::replace(&mut session, GONE) else { return };
            outputs.clear();
            session = joined.handle(Event::Datagram(black_box(copy)), Instant::ZERO, &mut outputs);
            let is_chat = matches!(&outputs[..], [Output::Show(Happening::Chat { .. })]);
            *read += u32::from(is_chat);
        }
    };
    hear(1, &mut 0);
    let mut read = 0;
    counted(&mut || hear(rounds, &mut read));
    assert_eq!(read, rounds);
}

/// What stands where the session is while it is being told something.
const GONE: Session =
    Session::Gone(engine::client::Gone { reason: engine::client::Reason::Left, farewell: None });

/// A client in the first room, by way of a server.
fn joined(outputs: &mut Vec<Output>) -> Box<engine::client::Joined> {
    let mut populated = Populated::new(1, 1, Features::NONE);
    let lobby = Lobby::new(Habits::default());
    let (joining, request) = lobby.join(room_name(0), user_name(1), "開けごま");
    populated.request(benches::address(1), &request);
    let Some(Action::Write { bytes, .. }) = populated.actions.iter().next() else {
        panic!("no reply came");
    };
    match joining.receive(&bytes, Instant::ZERO, outputs) {
        Answered::Joined(joined) => joined,
        other => panic!("not let in: {other:?}"),
    }
}
