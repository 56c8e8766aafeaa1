//! Scenarios of a server: leaving a room, and closing it by leaving.

use protocol::tcp::{ErrorCode, Operation, Reply, ReplyText, State};
use protocol::udp::NoticeText;

use crate::world::{Client, World, all, chat, ip, nothing, notice, person, second};

/// Makes sure that nobody leaves by a request that `claimed` makes from `from`.
fn refused(world: &mut World, from: &str, claimed: &Client) {
    let before = (world.census(), *world.server.counters());
    let exchange = world.ask(ip(from), &claimed.leave());
    assert_eq!(exchange.admitted().unwrap_err(), ErrorCode::UnknownToken);
    assert_eq!(exchange.told, nothing());
    assert_eq!(world.census(), before.0);
    let counters = world.server.counters();
    assert_eq!(counters.refusals, before.1.refusals + 1);
    assert_eq!(counters.departures, before.1.departures);
}

#[test]
fn a_guest_leaves_and_the_others_are_told_in_words_that_they_understand() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let asked = |user| person("部屋", user).notices();
    let curious = world.admit(Operation::Join, &asked("花子")).client;
    let leaver = world.admit(Operation::Join, &asked("次郎")).client;
    let unheard = world.admit(Operation::Join, &asked("三郎")).client;
    let elsewhere = world.create("別の部屋", "次郎");
    world.present([&host, &curious, &leaver, &elsewhere]);

    let expected = all([
        notice(NoticeText::TimedOut, &leaver, &host),
        notice(NoticeText::Left, &leaver, &curious),
    ]);
    assert_eq!(world.leave(&leaver), expected);
    assert_eq!(world.held(), (2, 4));
    assert_eq!(world.census().remembered_tokens, 0);
    assert_eq!(world.server.counters().departures, 1);
    assert_eq!(world.server.counters().timeouts, 0);

    assert_eq!(world.say(&leaver, "まだいる"), nothing());
    assert_eq!(world.say(&host, "やあ"), all([chat(&host, "やあ", &curious)]));
    world.present([&unheard]);
    assert_eq!(world.say(&host, "やあ").len(), 2);
}

#[test]
fn the_reply_names_who_left_which_room_and_gives_no_token() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    let exchange = world.ask(guest.address.ip(), &guest.leave());
    let ReplyText::Framed(frame) = exchange.text() else { panic!("a framed reply") };
    assert_eq!(frame.header().operation(), Operation::Leave);
    assert_eq!(frame.header().state(), State::Done);
    assert_eq!(frame.room(), "部屋".as_bytes());
    let json = std::str::from_utf8(frame.payload()).unwrap();
    assert!(json.contains(r#""operation":3,"state":2,"user_name":"花子"}"#), "{json}");
}

#[test]
fn a_host_that_leaves_closes_the_room_and_all_others_are_told_once() {
    let mut world = World::new();
    let asked = person("部屋", "太郎").notices();
    let host = world.admit(Operation::Create, &asked).client;
    let plain = world.join("部屋", "花子");
    let asked = person("部屋", "次郎").notices();
    let curious = world.admit(Operation::Join, &asked).client;
    let unheard = world.join("部屋", "三郎");
    let elsewhere = world.create("別の部屋", "太郎");
    world.present([&host, &plain, &curious, &elsewhere]);

    let closed = |to| notice(NoticeText::RoomClosed, &host, to);
    assert_eq!(world.leave(&host), all([closed(&plain), closed(&curious)]));
    assert_eq!(world.held(), (1, 1));
    assert_eq!(world.census().remembered_tokens, 3);
    let counters = *world.server.counters();
    assert_eq!((counters.departures, counters.timeouts), (1, 0));
    assert_eq!(world.say(&unheard, ""), all([closed(&unheard)]));

    // The name is free at once, with any password.
    let heir = person("部屋", "花子").password("秘密");
    let heir = world.admit(Operation::Create, &heir);
    assert_eq!(heir.reply.members, Vec::<String>::new());
    world.tick_at(second(120));
    assert_eq!(world.held(), (2, 2));
}

#[test]
fn the_last_one_is_told_nothing() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.present([&host]);
    assert_eq!(world.leave(&host), nothing());
    assert_eq!(world.held(), (0, 0));
    assert_eq!(world.census().remembered_tokens, 0);
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn nobody_leaves_in_anothers_name() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    let namesake = world.create("別の部屋", "花子");
    world.present([&host, &guest, &namesake]);
    let home = guest.address.ip().to_string();
    refused(&mut world, "203.0.113.9", &guest);
    refused(&mut world, &host.address.ip().to_string(), &guest);
    for claimed in [
        guest.called("太郎"),
        guest.called("花"),
        guest.in_room("別の部屋"),
        guest.in_room("無い部屋"),
        guest.bearing(""),
        guest.bearing(&host.token),
        guest.bearing(&namesake.token),
        guest.bearing(&guest.token[..21]),
        guest.bearing(&format!("{}A", guest.token)),
        host.clone(),
        namesake.clone(),
    ] {
        refused(&mut world, &home, &claimed);
    }
    // All are still members.
    assert_eq!(world.say(&guest, "やあ"), all([chat(&guest, "やあ", &host)]));
    assert_eq!(world.say(&host, "やあ"), all([chat(&host, "やあ", &guest)]));
    assert_eq!(world.held(), (2, 3));
}

#[test]
fn an_ipv4_address_may_be_written_as_ipv6() {
    let mut world = World::new();
    let host = person("部屋", "太郎").from("192.0.2.1");
    let host = world.admit(Operation::Create, &host).client;
    let exchange = world.ask(ip("::ffff:192.0.2.1"), &host.leave());
    assert!(matches!(exchange.done(), Reply::Done(_)));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn one_leaves_only_once() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.leave(&guest);
    refused(&mut world, &guest.address.ip().to_string(), &guest);
    // Under the same name it is another.
    let again = person("部屋", "花子").from(&guest.address.ip().to_string());
    let again = world.admit(Operation::Join, &again).client;
    assert_ne!(again.token, guest.token);
    refused(&mut world, &guest.address.ip().to_string(), &guest);
    world.leave(&host);
    refused(&mut world, &again.address.ip().to_string(), &again);
    refused(&mut world, &host.address.ip().to_string(), &host);
}

#[test]
fn who_timed_out_cannot_leave() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.now = second(150);
    world.tick();
    refused(&mut world, &host.address.ip().to_string(), &host);
}

#[test]
fn guests_come_and_go_and_the_listing_of_members_is_right() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let [one, two, _] = ["一", "二", "三"].map(|user| world.join("部屋", user));
    world.leave(&one);
    let four = world.admit(Operation::Join, &person("部屋", "四"));
    let mut members = four.reply.members;
    members.sort();
    assert_eq!(members, ["三", "二", "太郎"]);
    world.leave(&two);
    world.leave(&four.client);
    let mut members = world.admit(Operation::Join, &person("部屋", "一")).reply.members;
    members.sort();
    assert_eq!(members, ["三", "太郎"]);
    assert_eq!(world.held(), (1, 3));
}
