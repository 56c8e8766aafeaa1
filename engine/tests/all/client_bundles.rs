//! Hearing several datagrams in one.

use crate::client_world::*;
use engine::client::{Happening, Reason};
use protocol::udp::NoticeText;

/// Somebody whom the server may send bundles.
fn bundling() -> Member {
    limited(r#", "features": ["bundle"]"#)
}

/// A bundle's bytes, valid or not.
fn bundle(datagrams: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0; 3];
    for datagram in datagrams {
        bytes.extend(u16::try_from(datagram.len()).unwrap().to_be_bytes());
        bytes.extend(*datagram);
    }
    bytes
}

fn ignores(member: &mut Member, bytes: &[u8]) {
    let deadline = member.deadline();
    assert_eq!(member.hear(bytes), nothing(), "{bytes:?}");
    assert_eq!((member.is_gone(), member.deadline()), (false, deadline));
}

#[test]
fn what_is_in_a_bundle_is_heard_in_its_order() {
    let mut member = bundling();
    let joined = notice("太郎", NoticeText::Joined);
    let bytes = bundle(&[&relayed("太郎", "一"), &joined, &relayed("次郎", "二")]);
    let did = member.hear(&bytes);
    let joined = shown(Happening::MemberJoined("太郎".to_owned()));
    assert_eq!(did, [chat("太郎", "一"), joined, chat("次郎", "二")]);
    assert_eq!(member.hear(&relayed("太郎", "三")), [chat("太郎", "三")], "or by itself");
    assert_eq!(member.hear(&bundle(&[&relayed("太郎", "四")])), [chat("太郎", "四")]);
}

#[test]
fn an_end_within_a_bundle_is_the_end() {
    for (about, text, reason) in [
        (USER, NoticeText::TimedOut, Reason::TimedOut),
        ("太郎", NoticeText::RoomClosed, Reason::RoomClosed),
        ("太郎", NoticeText::Shutdown, Reason::ServerStopped),
    ] {
        let mut member = bundling();
        let closed = notice("太郎", NoticeText::RoomClosed);
        let bytes = bundle(&[
            &relayed("太郎", "前"),
            &notice(about, text),
            &relayed("太郎", "後"),
            &closed,
        ]);
        assert_eq!(member.hear(&bytes), [chat("太郎", "前")]);
        assert_eq!(member.end(), reason);
    }
}

#[test]
fn what_means_nothing_in_a_bundle_costs_the_rest_nothing() {
    let mut member = bundling();
    let elsewhere = datagram("別の部屋", "太郎", "", "やあ");
    let forged = datagram(ROOM, USER, "someone's", NoticeText::TimedOut.as_str());
    let bytes = bundle(&[&elsewhere, &[255; 9], &forged, &relayed("太郎", "やあ")]);
    assert_eq!(member.hear(&bytes), [chat("太郎", "やあ")]);
}

#[test]
fn padding_is_passed_over() {
    let mut member = bundling();
    let line = relayed("太郎", "やあ");
    let heard = || chat("太郎", "やあ");
    for end in 0..9 {
        let mut bytes = bundle(&[&line]);
        bytes.resize(bytes.len() + end, 0);
        assert_eq!(member.hear(&bytes), [heard()], "{end}");
    }
    let bytes = bundle(&[&[], &line, &[], &[], &line]);
    assert_eq!(member.hear(&bytes), [heard(), heard()]);
    for empty in 3..9 {
        ignores(&mut member, &vec![0; empty]);
    }
}

#[test]
fn a_bundle_that_is_wrong_anywhere_is_ignored_whole() {
    let mut member = bundling();
    let line = relayed("太郎", "やあ");
    let nested = bundle(&[&line, &bundle(&[&line])]);
    let empty_inside = bundle(&[&line, &[0; 3], &line]);
    let whole = bundle(&[&line, &line]);
    ignores(&mut member, &nested);
    ignores(&mut member, &empty_inside);
    let second = 3 + 2 + line.len();
    // Cut within the second datagram, or within its length; a single byte there is padding.
    for size in (0..second).chain(second + 2..whole.len()) {
        ignores(&mut member, &whole[..size]);
    }
    let most = vec![&line[..]; (4096 - 3) / (2 + line.len())];
    let mut longest = bundle(&most);
    longest.resize(4096, 0);
    assert_eq!(member.hear(&longest).len(), most.len());
    longest.push(0);
    ignores(&mut member, &longest);
}

#[test]
fn from_a_server_that_did_not_grant_it_a_bundle_is_nothing() {
    for more in ["", r#", "features": []"#, r#", "features": ["notices"]"#] {
        let mut member = limited(more);
        ignores(&mut member, &bundle(&[&relayed("太郎", "やあ"), &relayed("太郎", "はい")]));
        ignores(&mut member, &bundle(&[&notice("太郎", NoticeText::RoomClosed)]));
    }
    let mut member = on_a_seed();
    ignores(&mut member, &bundle(&[&relayed("太郎", "やあ")]));
}
