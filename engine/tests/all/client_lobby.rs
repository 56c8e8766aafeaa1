//! Asking to be let in, and the answers.

use engine::client::{Answered, Habits, Happening, Joined, Joining, Lobby, Output};
use protocol::RoomName;
use protocol::tcp::{
    Admission, ErrorCode, Feature, Features, Frame, FrameDecoder, HeaderFault, Limits, Operation,
    Progress, ReplyError, Request,
};
use protocol::udp::NoticeText;

use crate::client_world::*;

fn frame(bytes: &[u8]) -> Frame {
    let mut rest = bytes;
    let Progress::Done(frame) = FrameDecoder::new(10_000).feed(&mut rest) else {
        panic!("a whole request")
    };
    assert!(rest.is_empty(), "one request and no more");
    frame
}

fn assert_asks(admission: &Admission<'_>, password: &str) {
    assert_eq!(admission.room.as_str(), ROOM);
    assert_eq!(admission.user.as_str(), USER);
    assert_eq!(admission.password.expose(), password);
    assert_eq!(admission.features, ASKED);
}

/// What comes of a reply in these pieces, each of which but the last leaves it unfinished.
fn answer<'a>(
    joining: Joining,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Answered, Vec<Did>) {
    let mut pieces = pieces.into_iter().peekable();
    let (mut state, mut outputs) = (joining, Vec::new());
    while let Some(piece) = pieces.next() {
        match state.receive(piece, START, &mut outputs) {
            Answered::Waiting(same) if pieces.peek().is_some() => {
                assert!(outputs.is_empty(), "nothing is sent before the reply is whole");
                state = same;
            }
            answer => {
                assert!(pieces.next().is_none(), "the reply was not whole yet");
                return (answer, did(&outputs));
            }
        }
    }
    panic!("no piece")
}

/// What a session that answers to the usual names did.
fn did(outputs: &[Output]) -> Vec<Did> {
    let reply = framed(2, 2, ROOM, &admission(TOKEN, ""));
    let mut ignored = Vec::new();
    let Answered::Joined(joined) = joining(Habits::default()).receive(&reply, START, &mut ignored)
    else {
        panic!("let in")
    };
    Member::of(joined, TOKEN, START).did(outputs)
}

fn whole(reply: &[u8]) -> (Answered, Vec<Did>) {
    answer(joining(Habits::default()), [reply])
}

fn joined(answer: (Answered, Vec<Did>)) -> Box<Joined> {
    let (Answered::Joined(joined), did) = answer else { panic!("let in: {answer:?}") };
    assert_eq!(did, [presence()]);
    joined
}

fn broken(reply: &[u8]) -> ReplyError {
    let (Answered::Broken(_, error), did) = whole(reply) else { panic!("broken") };
    assert_eq!(did, nothing());
    error
}

/// What a client asks for.
const ASKED: Features =
    Features::NONE.with(Feature::Notices).with(Feature::Bundle).with(Feature::Pong);

#[test]
fn asks_to_open_a_room() {
    let (_, bytes) = Lobby::new(Habits::default()).create(room(ROOM), user(USER), "開けゴマ");
    let frame = frame(&bytes);
    assert_eq!(frame.header().operation(), Operation::Create);
    let Request::Create(admission) = Request::parse(&frame).unwrap() else { panic!("create") };
    assert_asks(&admission, "開けゴマ");
    let json = r#"{"user_name":"花子","token":"","password":"開けゴマ","features":["notices","bundle","pong"]}"#;
    assert_eq!(frame.payload(), json.as_bytes());
}

#[test]
fn asks_to_enter_a_room() {
    let (_, bytes) = Lobby::new(Habits::default()).join(room(ROOM), user(USER), "");
    let frame = frame(&bytes);
    assert_eq!(frame.header().operation(), Operation::Join);
    let Request::Join(admission) = Request::parse(&frame).unwrap() else { panic!("join") };
    assert_asks(&admission, "");
}

#[test]
fn a_framed_reply_lets_in_with_all_that_it_says() {
    let more = r#", "members": ["太郎", "次郎"], "features": ["notices", "bundle", "pong"]"#;
    let more = format!("{more}{}", limits(4.0, 1.5, 1200));
    let joined = joined(whole(&framed(2, 2, ROOM, &admission(TOKEN, &more))));
    assert_eq!((joined.room(), joined.user()), (&room(ROOM), &user(USER)));
    assert_eq!(joined.members(), ["太郎", "次郎"]);
    assert_eq!(joined.features(), ASKED);
    let told = Limits { idle_timeout: secs(4), sweep_interval: millis(1500), max_datagram: 1200 };
    assert_eq!(joined.limits(), &told);
    assert!(joined.takes_input());
}

#[test]
fn a_bare_reply_lets_in_with_the_seeds_limits() {
    let joined = joined(whole(admission(TOKEN, "").as_bytes()));
    assert_eq!((joined.room(), joined.user()), (&room(ROOM), &user(USER)));
    assert!(joined.members().is_empty());
    assert_eq!(joined.features(), Features::NONE);
    assert_eq!(joined.limits(), &Limits::default());
}

#[test]
fn who_opened_the_room_is_let_in_too() {
    let (joining, _) = Lobby::new(Habits::default()).create(room(ROOM), user(USER), "pw");
    let reply = framed(1, 2, ROOM, &admission(TOKEN, ""));
    joined(answer(joining, [&reply[..]]));
}

#[test]
fn a_reply_cut_anywhere_is_the_same_reply() {
    for reply in [
        framed(2, 2, ROOM, &admission(TOKEN, r#", "members": ["太郎{"]"#)),
        framed(2, 2, "", &admission(TOKEN, "")),
        admission(TOKEN, r#", "extra": {"a": "}\"{"}"#).into_bytes(),
    ] {
        for cut in 0..reply.len() {
            let (head, tail) = reply.split_at(cut);
            joined(answer(joining(Habits::default()), [head, tail]));
        }
        joined(answer(joining(Habits::default()), reply.chunks(1)));
    }
}

#[test]
fn a_framed_reply_whose_first_byte_is_a_brace_is_framed() {
    let name = "あ".repeat(41);
    assert_eq!(name.len(), usize::from(b'{'));
    let reply = framed(2, 2, &name, &admission(TOKEN, ""));
    for cut in 0..reply.len() {
        let ask = || Lobby::new(Habits::default()).join(room(&name), user(USER), "");
        let (head, tail) = reply.split_at(cut);
        let mut outputs = Vec::new();
        let Answered::Waiting(state) = ask().0.receive(head, START, &mut outputs) else {
            panic!("not whole yet")
        };
        let Answered::Joined(joined) = state.receive(tail, START, &mut outputs) else {
            panic!("let in")
        };
        let mut member = Member::of(joined, TOKEN, START);
        assert_eq!(member.did(&outputs), [presence()]);
        // Notices need the token, as with every framed reply.
        let forged = datagram(&name, USER, "", NoticeText::TimedOut.as_str());
        assert_eq!(member.hear(&forged), nothing());
        assert!(!member.is_gone());
    }
}

#[test]
fn what_comes_after_the_reply_means_nothing() {
    for mut reply in [framed(2, 2, ROOM, &admission(TOKEN, "")), admission(TOKEN, "").into_bytes()]
    {
        reply.extend_from_slice(b"\r\n{\"state\": 1}");
        joined(whole(&reply));
    }
}

#[test]
fn a_refusal_in_either_form_cut_anywhere_leads_back_to_the_lobby() {
    let json = r#"{"message": "満員です", "operation": 2, "state": 1, "error": "room_full"}"#;
    for reply in [framed(2, 1, "", json), json.as_bytes().to_vec()] {
        for cut in 0..reply.len() {
            let (head, tail) = reply.split_at(cut);
            let answer = answer(joining(Habits::default()), [head, tail]);
            let (Answered::Refused(_, refusal), did) = answer else { panic!("refused") };
            assert_eq!(refusal.error, ErrorCode::RoomFull);
            assert_eq!(refusal.message, "満員です");
            assert_eq!(did, nothing());
        }
    }
}

#[test]
fn habits_survive_a_refusal_and_a_broken_reply() {
    let keepalive = Some(secs(7));
    let refusal = framed(2, 1, "", r#"{"message": "no"}"#);
    let (Answered::Refused(lobby, _), _) = answer(joining(Habits { keepalive }), [&refusal[..]])
    else {
        panic!("refused")
    };
    let (again, _) = lobby.create(room("別の部屋"), user("次郎"), "");
    let (Answered::Broken(lobby, _), _) = answer(again, [&b"{}"[..]]) else { panic!("broken") };
    let Answered::Broken(lobby, _) = lobby.join(room(ROOM), user(USER), "").0.ended() else {
        panic!("broken")
    };
    let (last, _) = lobby.join(room(ROOM), user(USER), "");
    let joined = joined(answer(last, [admission(TOKEN, "").as_bytes()]));
    assert_eq!(joined.next_deadline(), second(7));
}

#[test]
fn the_names_are_those_of_the_newest_request() {
    let refusal = framed(2, 1, "", r#"{"message": "no"}"#);
    let (Answered::Refused(lobby, _), _) = whole(&refusal) else { panic!("refused") };
    let elsewhere: RoomName = room("別の部屋");
    let (joining, request) = lobby.create(elsewhere.clone(), user("次郎"), "");
    assert_eq!(frame(&request).room(), "別の部屋".as_bytes());
    let reply = framed(1, 2, "別の部屋", &admission(TOKEN, ""));
    let mut outputs = Vec::new();
    let Answered::Joined(joined) = joining.receive(&reply, START, &mut outputs) else {
        panic!("let in")
    };
    assert_eq!((joined.room(), joined.user()), (&elsewhere, &user("次郎")));
    assert_eq!(Member::of(joined, TOKEN, START).did(&outputs), [presence()]);
}

#[test]
fn what_is_no_reply_is_said_to_be_none() {
    let long = framed(2, 2, ROOM, &admission(&"t".repeat(256), ""));
    let mut huge = framed(2, 2, ROOM, "");
    huge[3] = 1;
    let unknown = HeaderFault::UnknownOperation;
    for (reply, error) in [
        (&b"{}"[..], ReplyError::NoState),
        (br#"{"state": 0}"#, ReplyError::NoState),
        (&framed(2, 0, ROOM, "{}"), ReplyError::NoState),
        (br#"{"state": 2}"#, ReplyError::NoToken),
        (&framed(2, 2, ROOM, r#"{"token": ""}"#), ReplyError::NoToken),
        (&long, ReplyError::NoToken),
        (br#"{"state": "2"}"#, ReplyError::Payload),
        (&framed(2, 2, ROOM, "[]"), ReplyError::Payload),
        (&framed(2, 1, ROOM, "no"), ReplyError::Payload),
        (&[b' '; 32], ReplyError::Header(unknown)),
        (&framed(2, 3, ROOM, "{}"), ReplyError::Header(HeaderFault::UnknownState(3))),
        (&huge, ReplyError::Header(HeaderFault::PayloadTooLarge { cap: 1 << 20 })),
        (&[b'{'; 20_000], ReplyError::TooLong),
    ] {
        assert_eq!(broken(reply), error, "{reply:?}");
    }
}

#[test]
fn a_reply_that_ends_early_is_broken() {
    let replies = [framed(2, 2, ROOM, &admission(TOKEN, "")), admission(TOKEN, "").into_bytes()];
    for reply in &replies {
        for size in 0..reply.len() {
            let mut outputs = Vec::new();
            let joining = joining(Habits::default());
            let Answered::Waiting(state) = joining.receive(&reply[..size], START, &mut outputs)
            else {
                panic!("not whole yet")
            };
            let ended = state.ended();
            assert!(matches!(
                ended,
                Answered::Broken(_, ReplyError::Truncated | ReplyError::Nothing)
            ));
            assert!(outputs.is_empty());
        }
    }
}

#[test]
fn the_form_of_the_reply_decides_how_notices_are_told_from_chat() {
    let forged = datagram(ROOM, "太郎", "", NoticeText::TimedOut.as_str());
    assert_eq!(member().hear(&forged), nothing());
    let about = Happening::MemberTimedOut("太郎".to_owned());
    assert_eq!(on_a_seed().hear(&forged), [shown(about)]);
}

quickcheck::quickcheck! {
    fn a_reply_in_any_pieces_lets_in(is_framed: bool, cuts: Vec<u8>) -> bool {
        let json = admission(TOKEN, r#", "members": ["\"太郎\\", "}{"]"#);
        let reply = if is_framed { framed(2, 2, ROOM, &json) } else { json.into_bytes() };
        let (mut left, mut pieces) = (&reply[..], Vec::new());
        for cut in cuts {
            let (piece, more) = left.split_at(usize::from(cut % 64).min(left.len() - 1));
            pieces.push(piece);
            left = more;
        }
        pieces.push(left);
        joined(answer(joining(Habits::default()), pieces)).room().as_str() == ROOM
    }

    fn any_bytes_are_answered(bytes: Vec<u8>, pieces: u8) -> bool {
        let mut state = joining(Habits::default());
        for piece in bytes.chunks(usize::from(pieces) + 1) {
            match state.receive(piece, START, &mut Vec::new()) {
                Answered::Waiting(same) => state = same,
                Answered::Broken(..) => return true,
                Answered::Joined(_) | Answered::Refused(..) => return false,
            }
        }
        match state.ended() {
            Answered::Broken(_, ReplyError::Nothing) => bytes.is_empty(),
            Answered::Broken(_, ReplyError::Truncated) => !bytes.is_empty(),
            _ => false,
        }
    }
}
