//! Leaving by request: who is told, what is free again, and what becomes of tokens.

use std::iter;
use std::time::Duration;

use protocol::udp::NoticeText;
use serde_json::json;

use crate::support::{
    Entry, Member, Reply, Runtime, Server, meet, on_both_runtimes, request, rooms_of, udp_socket,
};

on_both_runtimes!(
    when_the_host_leaves_all_are_told_and_the_name_is_free,
    when_a_guest_leaves_the_rest_go_on,
    only_the_member_itself_can_leave,
    who_comes_is_announced_to_those_who_asked,
    a_remembered_token_is_told_again_at_most_once_a_second,
);

fn when_the_host_leaves_all_are_told_and_the_name_is_free(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let host = Entry::new("部屋", "主").create(at);
    let plain = Member::join(at, "部屋", "素");
    let asking = Entry::new("部屋", "問").notices().join(at);
    meet(&[&host, &plain, &asking]);
    host.leave().done();
    assert_eq!(rooms_of(at).json["rooms"], json!([]));
    for guest in [&plain, &asking] {
        guest.is_told(NoticeText::RoomClosed, &host);
        guest.leave().refused("unknown_token");
    }
    // Another room of that name, into which the old tokens lead nobody.
    let successor = Member::create(at, "部屋", "主");
    let guest = Member::join(at, "部屋", "素");
    meet(&[&successor, &guest]);
    host.say("まだいます");
    plain.say("私も");
    plain.is_told(NoticeText::RoomClosed, &host);
    successor.say("新しい部屋です");
    guest.hears(&successor, "新しい部屋です");
    guest.say("静かですね");
    successor.hears(&guest, "静かですね");
}

fn when_a_guest_leaves_the_rest_go_on(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let host = Member::create(at, "部屋", "主");
    let asking = Entry::new("部屋", "問").notices().join(at);
    meet(&[&host, &asking]);
    let leaver = Member::join(at, "部屋", "去る人");
    asking.is_told(NoticeText::Joined, &leaver);
    meet(&[&host, &asking, &leaver]);
    leaver.leave().done();
    host.is_told(NoticeText::TimedOut, &leaver);
    asking.is_told(NoticeText::Left, &leaver);
    leaver.leave().refused("unknown_token");
    leaver.say("忘れ物");
    meet(&[&host, &asking]);
    // The name is free at once, and who left is not told again: it hears the others first.
    let mut back = Member::join(at, "部屋", "去る人");
    asking.is_told(NoticeText::Joined, &back);
    back.socket = leaver.socket;
    back.is_there();
    meet(&[&host, &asking, &back]);
}

fn only_the_member_itself_can_leave(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    for (room, user, token) in [
        ("部屋", "アリス", &*bob.token),
        ("部屋", "ボブ", &*alice.token),
        ("別の部屋", "アリス", &*alice.token),
        ("部屋", "アリス", ""),
        ("部屋", "アリス", &alice.token[1..]),
    ] {
        let payload = json!({ "user_name": user, "token": token });
        let reply = Reply::to(&request(3, room, &payload), at);
        assert_eq!(reply.refused("unknown_token").frame, Some((3, 1, room.to_owned())));
    }
    meet(&[&alice, &bob]);
}

fn who_comes_is_announced_to_those_who_asked(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let host = Member::create(at, "部屋", "主");
    let asking = Entry::new("部屋", "問").notices().join(at);
    meet(&[&host, &asking]);
    let newcomer = Entry::new("部屋", "新人").notices().join(at);
    asking.is_told(NoticeText::Joined, &newcomer);
    meet(&[&host, &asking, &newcomer]);
}

fn a_remembered_token_is_told_again_at_most_once_a_second(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let host = Member::create(at, "部屋", "主");
    let guest = Member::join(at, "部屋", "客");
    meet(&[&host, &guest]);
    host.leave().done();
    guest.is_told(NoticeText::RoomClosed, &host);
    // From a new port, where the first notice never came.
    let moved = guest.on(udp_socket(at));
    for _ in 0..20 {
        moved.say("もしもし");
    }
    moved.is_told(NoticeText::RoomClosed, &host);
    let next = iter::repeat_with(|| {
        moved.is_there();
        moved.next_within(Duration::from_millis(100))
    });
    // Twenty more in the same second had no answer; the next second's first has one.
    let unanswered = next.take(30).take_while(Option::is_none).count();
    assert!((2..30).contains(&unanswered), "{unanswered} went without an answer");
}
