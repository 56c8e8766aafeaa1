//! Hearing: chat, notices in both dialects, and the ends that others bring about.

use engine::client::{Happening, Reason};
use protocol::udp::{Datagram, NoticeText};

use crate::client_world::*;

/// Hears what means nothing to the member, and says so by doing nothing.
fn ignores(member: &mut Member, bytes: &[u8]) {
    let deadline = member.deadline();
    assert_eq!(member.hear(bytes), nothing(), "{bytes:?}");
    assert_eq!((member.is_gone(), member.deadline()), (false, deadline));
}

/// How the session of `member` ends at these bytes.
fn ends(mut member: Member, bytes: &[u8]) -> Reason {
    assert_eq!(member.hear(bytes), nothing(), "an end is told by the end");
    member.end()
}

#[test]
fn chat_is_shown_as_it_came() {
    let mut member = member();
    for (from, text) in [
        ("太郎", "こんにちは"),
        (USER, "my own name from elsewhere"),
        ("太郎", "\u{1b}[2J system_"),
        ("", "nobody"),
    ] {
        assert_eq!(member.hear(&relayed(from, text)), [chat(from, text)]);
    }
}

#[test]
fn each_notice_about_another_is_shown() {
    let about = || "太郎".to_owned();
    for (text, happening) in [
        (NoticeText::Joined, Happening::MemberJoined(about())),
        (NoticeText::Left, Happening::MemberLeft(about())),
        (NoticeText::TimedOut, Happening::MemberTimedOut(about())),
    ] {
        let mut member = member();
        assert_eq!(member.hear(&notice("太郎", text)), [shown(happening)]);
    }
}

#[test]
fn each_end_has_its_reason() {
    for (about, text, reason) in [
        (USER, NoticeText::TimedOut, Reason::TimedOut),
        ("太郎", NoticeText::RoomClosed, Reason::RoomClosed),
        (USER, NoticeText::RoomClosed, Reason::RoomClosed),
        ("太郎", NoticeText::Shutdown, Reason::ServerStopped),
        (USER, NoticeText::Shutdown, Reason::ServerStopped),
    ] {
        assert_eq!(ends(member(), &notice(about, text)), reason, "{text:?}");
    }
}

#[test]
fn joining_or_leaving_under_ones_own_name_ends_nothing() {
    let mut member = member();
    for (text, happening) in [
        (NoticeText::Joined, Happening::MemberJoined(USER.to_owned())),
        (NoticeText::Left, Happening::MemberLeft(USER.to_owned())),
    ] {
        assert_eq!(member.hear(&notice(USER, text)), [shown(happening)]);
        assert!(!member.is_gone());
    }
}

#[test]
fn a_notice_without_ones_own_token_is_ignored() {
    let mut member = member();
    let longer = format!("{TOKEN}!");
    for token in ["", "合鍵", "合鍵-8", &longer, USER] {
        for text in NoticeText::ALL {
            for about in [USER, "太郎"] {
                ignores(&mut member, &datagram(ROOM, about, token, text.as_str()));
            }
        }
    }
}

#[test]
fn what_is_not_for_this_member_is_ignored() {
    let mut member = member();
    for bytes in [
        datagram("別の部屋", "太郎", "", "やあ"),
        datagram("", "太郎", "", "やあ"),
        datagram("別の部屋", USER, TOKEN, NoticeText::TimedOut.as_str()),
        datagram(ROOM, "太郎", "someone's", "やあ"),
        datagram(ROOM, "太郎", TOKEN, "やあ"),
        datagram(ROOM, "太郎", "", ""),
        datagram(ROOM, USER, TOKEN, ""),
        datagram(ROOM, USER, TOKEN, "SYSTEM_UNHEARD_OF"),
        datagram(ROOM, USER, TOKEN, "SYSTEM_MESSAGE_TIME_OUT "),
        datagram(ROOM, "太郎", "", "SYSTEM_"),
        Vec::new(),
        vec![0; 3],
        vec![255; 4096],
        relayed("太郎", &"a".repeat(4096)),
    ] {
        ignores(&mut member, &bytes);
    }
    let whole = notice(USER, NoticeText::TimedOut);
    for size in 0..whole.len() {
        ignores(&mut member, &whole[..size]);
    }
}

#[test]
fn the_seeds_notices_go_by_their_text() {
    for token in ["", "someone's", TOKEN] {
        let mut member = on_a_seed();
        let bytes = datagram(ROOM, "太郎", token, "SYSTEM_MESSAGE_TIME_OUT");
        let happening = Happening::MemberTimedOut("太郎".to_owned());
        assert_eq!(member.hear(&bytes), [shown(happening)]);
        let bytes = datagram(ROOM, "太郎", token, "やあ");
        assert_eq!(member.hear(&bytes), [chat("太郎", "やあ")]);

        let bytes = datagram(ROOM, USER, token, "SYSTEM_MESSAGE_TIME_OUT");
        assert_eq!(ends(member, &bytes), Reason::TimedOut);
        for about in [USER, "太郎"] {
            let bytes = datagram(ROOM, about, token, "SYSTEM_HOST_MESSAGE_TIME_OUT");
            assert_eq!(ends(on_a_seed(), &bytes), Reason::RoomClosed);
        }
    }
}

#[test]
fn from_a_seed_the_additional_notices_mean_nothing() {
    let mut member = on_a_seed();
    for text in [NoticeText::Joined, NoticeText::Left, NoticeText::Shutdown] {
        for about in [USER, "太郎"] {
            ignores(&mut member, &notice(about, text));
        }
    }
    ignores(&mut member, &datagram(ROOM, "太郎", "", ""));
    ignores(&mut member, &datagram(ROOM, "太郎", "", "SYSTEM_x"));
    let elsewhere = datagram("別の部屋", USER, "", "SYSTEM_HOST_MESSAGE_TIME_OUT");
    ignores(&mut member, &elsewhere);
}

#[test]
fn an_end_while_leaving_is_that_end() {
    let mut member = member();
    member.event(engine::client::Event::Leave);
    let bytes = notice("太郎", NoticeText::RoomClosed);
    assert_eq!(ends(member, &bytes), Reason::RoomClosed);
}

/// Bytes made of fields that come close to the member's own, or of nothing in particular.
#[derive(Debug, Clone)]
struct Bytes(Vec<u8>);

impl quickcheck::Arbitrary for Bytes {
    fn arbitrary(g: &mut quickcheck::Gen) -> Self {
        let raw = Vec::<u8>::arbitrary(g);
        let mut any: String = String::arbitrary(g);
        any.truncate(any.floor_char_boundary(80));
        let rooms = [ROOM, ROOM, ROOM, "", "部", &any];
        let users = [USER, USER, "太郎", "", &any];
        let tokens = ["", "合鍵", "合鍵-8", "someone's", TOKEN, &any];
        let texts = [
            "SYSTEM_MESSAGE_TIME_OUT",
            "SYSTEM_HOST_MESSAGE_TIME_OUT",
            "SYSTEM_SERVER_SHUTDOWN",
            "SYSTEM_MEMBER_LEFT",
            "SYSTEM_",
            "",
            "やあ",
            &any,
        ];
        let mut pick = |choices: &[&str]| (*g.choose(choices).unwrap()).to_owned();
        let [room, user] = [pick(&rooms), pick(&users)];
        let [token, text] = [pick(&tokens), pick(&texts)];
        let mut bytes = datagram(&room, &user, &token, &text);
        match u8::arbitrary(g) % 8 {
            0 => return Self(raw),
            1 => bytes.truncate(usize::arbitrary(g) % bytes.len()),
            2 => {
                let at = usize::arbitrary(g) % bytes.len();
                bytes[at] = u8::arbitrary(g);
            }
            3 => bytes.extend(raw),
            _ => {}
        }
        Self(bytes)
    }
}

quickcheck::quickcheck! {
    /// Without the member's own token, nothing ends its session and nothing but chat is shown.
    fn no_stranger_ends_a_session(datagrams: Vec<Bytes>) -> bool {
        let mut member = member();
        for Bytes(bytes) in datagrams {
            let parsed = Datagram::parse(&bytes).ok();
            let is_own = parsed.is_some_and(|parsed| parsed.token() == TOKEN);
            let did = member.hear(&bytes);
            if member.is_gone() {
                return is_own && did.is_empty();
            }
            let is_chat = |did: &Did| matches!(did, Did::Shown(Happening::Chat { .. }));
            if !is_own && !did.iter().all(is_chat) {
                return false;
            }
        }
        !member.is_gone()
    }

    fn the_seeds_dialect_answers_any_bytes_too(datagrams: Vec<Bytes>) -> bool {
        let mut member = on_a_seed();
        for Bytes(bytes) in datagrams {
            let did = member.hear(&bytes);
            if member.is_gone() {
                let parsed = Datagram::parse(&bytes).unwrap();
                return did.is_empty() && match parsed.raw_text() {
                    "SYSTEM_HOST_MESSAGE_TIME_OUT" => member.end() == Reason::RoomClosed,
                    "SYSTEM_MESSAGE_TIME_OUT" => {
                        member.end() == Reason::TimedOut && parsed.user() == USER
                    }
                    _ => false,
                };
            }
        }
        true
    }
}
