//! Entering a room and chatting in it, over each family of addresses.

use std::net::SocketAddr;

use protocol::udp::NoticeText;
use serde_json::json;

use crate::support::{
    Entry, Member, Runtime, Server, datagram, meet, on_both_runtimes, rooms_of, settle, udp_socket,
};

on_both_runtimes!(
    a_whole_stay,
    over_ipv6,
    ipv4_reaches_a_server_that_listens_on_ipv6,
    chat_reaches_all_others_who_have_an_address_and_nobody_else,
    the_newest_port_counts,
    a_datagram_may_be_as_large_as_the_wire_allows,
    rooms_do_not_hear_each_other,
);

fn a_whole_stay(runtime: Runtime) {
    let options = ["--idle-timeout", "90s", "--sweep-interval", "1500ms"];
    let server = Server::start(runtime, &options);
    let at = server.address();
    let entry = Entry::new("居間 №1", "アリス").password("開けゴマ").notices();

    let created = entry.ask(1, at).done();
    assert_eq!(created.frame, Some((1, 2, "居間 №1".to_owned())));
    assert_eq!(created.json["user_name"], "アリス");
    assert_eq!((created.list("members"), created.list("features")), (vec![], vec!["notices"]));
    let limits = json!({ "idle_timeout_s": 90, "sweep_interval_s": 1.5, "max_datagram": 4096 });
    assert_eq!(created.json["limits"], limits);
    let alice = Member::admitted(&entry, at, &created);
    settle(at);

    let joined = Entry { user: "ボブ", features: &["unheard of"], ..entry }.ask(2, at).done();
    assert_eq!(joined.frame, Some((2, 2, "居間 №1".to_owned())));
    assert_eq!((joined.list("members"), joined.list("features")), (vec!["アリス"], vec![]));
    let bob = Member::admitted(&Entry::new("居間 №1", "ボブ"), at, &joined);
    assert_ne!(alice.token, bob.token);

    alice.is_told(NoticeText::Joined, &bob);
    bob.say("こんにちは");
    alice.hears(&bob, "こんにちは");
    alice.say("いらっしゃい");
    bob.hears(&alice, "いらっしゃい");

    let rooms = rooms_of(at);
    assert_eq!(rooms.frame, Some((4, 2, String::new())));
    let listed = json!([{ "name": "居間 №1", "members": 2, "password": true }]);
    assert_eq!((&rooms.json["rooms"], &rooms.json["more"]), (&listed, &json!(false)));

    let left = bob.leave().done();
    assert_eq!(left.frame, Some((3, 2, "居間 №1".to_owned())));
    assert_eq!(left.json["user_name"], "ボブ");
    assert!(left.json.get("token").is_none());
    alice.leave().done();
    assert_eq!(rooms_of(at).json["rooms"], json!([]));
}

/// Two people at `at` hear each other.
fn two_chat(at: SocketAddr) {
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    bob.leave().done();
    alice.leave().done();
}

fn over_ipv6(runtime: Runtime) {
    let server = Server::start_on(runtime, "[::1]:0", &[]);
    assert!(server.address().is_ipv6());
    two_chat(server.address());
}

fn ipv4_reaches_a_server_that_listens_on_ipv6(runtime: Runtime) {
    let server = Server::start_on(runtime, "[::]:0", &[]);
    let [v4, v6] = ["127.0.0.1", "::1"].map(|ip| server.at(ip));
    two_chat(v4);
    two_chat(v6);
    let alice = Member::create(v4, "部屋", "アリス");
    let bob = Member::join(v6, "部屋", "ボブ");
    let carol = Member::join(v4, "部屋", "キャロル");
    meet(&[&alice, &bob, &carol]);
}

fn chat_reaches_all_others_who_have_an_address_and_nobody_else(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    let carol = Member::join(at, "部屋", "キャロル");
    let entry = Entry::new("部屋", "デイブ");
    let dave = Member::unregistered(&entry, at, &entry.ask(2, at).done());
    meet(&[&alice, &bob, &carol]);

    let text = "改行\nも絵文字👩‍👩‍👧も、そのまま\u{1b}[0m";
    alice.say(text);
    bob.hears(&alice, text);
    carol.hears(&alice, text);
    // Alice hears nothing of her own before bob, and dave nothing from before his presence.
    dave.is_there();
    dave.say("遅れました");
    for member in [&alice, &bob, &carol] {
        member.hears(&dave, "遅れました");
    }
    bob.say("やあ");
    for member in [&alice, &carol, &dave] {
        member.hears(&bob, "やあ");
    }
}

fn the_newest_port_counts(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let alice = Member::create(server.address(), "部屋", "アリス");
    let mut bob = Member::join(server.address(), "部屋", "ボブ");
    meet(&[&alice, &bob]);
    let old = std::mem::replace(&mut bob.socket, udp_socket(server.address()));
    bob.say("移りました");
    alice.hears(&bob, "移りました");
    alice.say("どちらへ");
    bob.hears(&alice, "どちらへ");
    bob.socket = old;
    bob.say("戻りました");
    alice.hears(&bob, "戻りました");
    alice.say("お帰り");
    bob.hears(&alice, "お帰り");
}

fn a_datagram_may_be_as_large_as_the_wire_allows(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let longest = "名".repeat(85);
    let alice = Member::create(server.address(), &longest, &longest);
    let bob = Member::join(server.address(), &longest, "ボブ");
    meet(&[&alice, &bob]);
    for (speaker, hearer) in [(&alice, &bob), (&bob, &alice)] {
        let empty = datagram(&speaker.room, &speaker.user, &speaker.token, b"");
        speaker.say(&"x".repeat(4097 - empty.len()));
        let text = "x".repeat(4096 - empty.len());
        speaker.say(&text);
        hearer.hears(speaker, &text);
    }
}

fn rooms_do_not_hear_each_other(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "é", "アリス");
    // The same name in two code points is another room, and the same user name may be in both.
    let other_alice = Member::create(at, "e\u{301}", "アリス");
    let bob = Member::join(at, "é", "ボブ");
    let other_bob = Member::join(at, "e\u{301}", "ボブ");
    meet(&[&alice, &bob]);
    meet(&[&other_alice, &other_bob]);
    alice.say("こちら");
    other_alice.say("あちら");
    bob.hears(&alice, "こちら");
    other_bob.hears(&other_alice, "あちら");
}
