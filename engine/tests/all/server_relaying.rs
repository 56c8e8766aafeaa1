//! Scenarios of a server: what a member says, and to whom it goes.

use engine::{Action, Event, Recipient};
use protocol::tcp::Operation;
use protocol::udp::NoticeText;

use crate::world::{Client, World, all, chat, datagram, nothing, notice, person, second, secs};

/// A room of three that have all said that they are there: its host and two guests.
fn room_of_three(world: &mut World) -> [Client; 3] {
    let host = world.create("部屋", "太郎");
    let members = [host, world.join("部屋", "花子"), world.join("部屋", "次郎")];
    world.present(&members);
    members
}

/// The bytes of the one relay in `actions`, and to whom it goes.
fn relayed(actions: &[Action<'_>]) -> (Vec<u8>, Vec<Recipient>) {
    match actions {
        [Action::Relay { datagram, to }] => (datagram.to_vec(), to.to_vec()),
        other => panic!("one relay: {other:?}"),
    }
}

#[test]
fn a_message_goes_to_every_other_member_and_never_to_its_sender() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    let elsewhere = world.create("別の部屋", "太郎");
    world.present([&elsewhere]);

    for (sender, others) in
        [(&host, [&hanako, &jiro]), (&hanako, [&host, &jiro]), (&jiro, [&host, &hanako])]
    {
        let expected = all(others.map(|other| chat(sender, "やあ", other)));
        assert_eq!(world.say(sender, "やあ"), expected);
    }
    assert_eq!(world.say(&elsewhere, "やあ"), nothing());
    let counters = world.server.counters();
    assert_eq!((counters.messages, counters.copies), (4, 6));
    assert_eq!((counters.presences, counters.datagrams), (4, 8));
}

#[test]
fn the_relayed_bytes_are_the_room_the_name_no_token_and_the_text() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    for text in ["やあ", " ", "system_x", " SYSTEM_x", "\u{0}\u{1b}[2J", "😀\n"] {
        let (from, bytes) = (hanako.address, hanako.datagram(text));
        let actions = world.event(Event::Datagram { from, bytes: &bytes });
        let (bytes, to) = relayed(&actions);
        assert_eq!(bytes, datagram("部屋", "花子", "", text));
        assert_eq!(bytes[..3], [6, 6, 0]);
        let mut to: Vec<_> = to.iter().map(|to| to.address).collect();
        to.sort();
        assert_eq!(to, [host.address, jiro.address]);
    }
}

#[test]
fn a_member_without_an_address_is_skipped_until_it_has_one() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    assert_eq!(world.say(&host, "誰かいる？"), nothing());
    let counters = world.server.counters();
    assert_eq!((counters.messages, counters.copies), (1, 0));
    // Its first message registers it, as its presence would.
    assert_eq!(world.say(&guest, "花子がルームに参加しました").len(), 1);
    let heard = world.say(&host, "いた");
    assert_eq!(heard, all([chat(&host, "いた", &guest)]));
}

#[test]
fn presence_registers_and_is_not_relayed() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    assert_eq!(world.say(&host, "やあ"), all([chat(&host, "やあ", &guest)]));
    let counters = world.server.counters();
    assert_eq!((counters.presences, counters.messages), (2, 1));
}

#[test]
fn the_address_follows_the_newest_valid_datagram() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    let moved = hanako.at_port(61_000);
    world.present([&moved]);
    let heard = world.say(&host, "一");
    assert_eq!(heard, all([chat(&host, "一", &moved), chat(&host, "一", &jiro)]));

    // Neither a forged nor a foreign datagram moves anyone, nor one that is cut short.
    let stranger = hanako.at("203.0.113.9:61000");
    for (from, bytes) in [
        (hanako.at_port(62_000).address, hanako.called("次郎").datagram("")),
        (hanako.at_port(62_000).address, hanako.in_room("別").datagram("")),
        (stranger.address, hanako.datagram("")),
        (hanako.at_port(62_000).address, hanako.datagram("")[..20].to_vec()),
    ] {
        assert_eq!(world.datagram(from, &bytes), nothing());
    }
    let heard = world.say(&host, "二");
    assert_eq!(heard, all([chat(&host, "二", &moved), chat(&host, "二", &jiro)]));

    let again = hanako.at_port(63_000);
    let sent = world.say(&again, "三");
    assert_eq!(sent, all([chat(&again, "三", &host), chat(&again, "三", &jiro)]));
    let heard = world.say(&jiro, "四");
    assert_eq!(heard, all([chat(&jiro, "四", &host), chat(&jiro, "四", &again)]));
}

#[test]
fn two_members_behind_one_address_are_two() {
    let mut world = World::new();
    let shared = |user| person("部屋", user).from("192.0.2.1");
    let host = world.admit(Operation::Create, &shared("太郎")).client;
    let guest = world.admit(Operation::Join, &shared("花子")).client;
    let guest = guest.at_port(5001);
    world.present([&host, &guest]);
    assert_eq!(world.say(&host, "一"), all([chat(&host, "一", &guest)]));
    assert_eq!(world.say(&guest, "二"), all([chat(&guest, "二", &host)]));
}

#[test]
fn an_ipv4_address_may_be_written_as_ipv6() {
    let mut world = World::new();
    let host = person("部屋", "太郎").from("::ffff:192.0.2.1");
    let guest = person("部屋", "花子").from("192.0.2.2");
    let host = world.admit(Operation::Create, &host).client.at("192.0.2.1:5000");
    let guest = world.admit(Operation::Join, &guest).client;
    let guest = guest.at("[::ffff:192.0.2.2]:5000");
    world.present([&host, &guest]);
    // Whoever is sent something is sent it where it said that it is, to the letter.
    assert_eq!(world.say(&host, "一"), all([chat(&host, "一", &guest)]));
    assert_eq!(world.say(&guest, "二"), all([chat(&guest, "二", &host)]));
    assert_eq!(world.server.counters().foreign_address, 0);
}

#[test]
fn ipv6_addresses_are_compared_to_the_last_bit() {
    let mut world = World::new();
    let host = person("部屋", "太郎").from("2001:db8::1");
    let host = world.admit(Operation::Create, &host).client;
    let guest = world.join("部屋", "花子");
    let host = host.at("[2001:db8::1]:5000");
    world.present([&host, &guest]);
    for near in ["[2001:db8::2]:5000", "[2001:db8:0:1::1]:5000", "0.0.0.1:5000"] {
        assert_eq!(world.say(&host.at(near), "やあ"), nothing());
    }
    assert_eq!(world.server.counters().foreign_address, 3);
    assert_eq!(world.say(&guest, "やあ"), all([chat(&guest, "やあ", &host)]));
}

#[test]
fn a_datagram_of_4096_bytes_is_relayed_and_one_more_is_not() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    let header = host.datagram("").len();
    let full = "a".repeat(4096 - header);
    assert_eq!(host.datagram(&full).len(), 4096);
    let expected = [&hanako, &jiro].map(|to| chat(&host, &full, to));
    assert_eq!(world.say(&host, &full), all(expected));
    assert_eq!(world.say(&host, &format!("{full}a")), nothing());
    let counters = world.server.counters();
    assert_eq!((counters.messages, counters.malformed), (1, 1));
}

#[test]
fn what_goes_to_a_member_names_the_same_member_throughout() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    let mut say = |from: &Client| {
        let (from, bytes) = (from.address, from.datagram("やあ"));
        relayed(&world.event(Event::Datagram { from, bytes: &bytes })).1
    };
    let member = |to: &[Recipient], client: &Client| {
        to.iter().find(|to| to.address == client.address).unwrap().member
    };
    let by_host = say(&host);
    let by_jiro = say(&jiro.at_port(5001));
    let by_host_later = say(&host);
    assert_eq!(member(&by_host, &hanako), member(&by_jiro, &hanako));
    let moved = member(&by_host_later, &jiro.at_port(5001));
    assert_eq!(member(&by_host, &jiro), moved);
    let ids = [&host, &hanako].map(|client| member(&by_jiro, client));
    assert!(ids[0] != ids[1] && !ids.contains(&moved));

    // 次郎 goes; the notice to it names the member that it was, and who comes later is another.
    world.now = second(130);
    world.present([&host, &hanako]);
    world.now = second(140);
    let actions = world.event(Event::Tick);
    let last = actions.iter().find_map(|action| match action {
        Action::Notify { to, .. } if to.address.port() == 5001 => Some(to.member),
        _ => None,
    });
    assert_eq!(last, Some(moved));
    let later = world.join("部屋", "次郎");
    world.present([&later]);
    let (from, bytes) = (host.address, host.datagram("やあ"));
    let (_, to) = relayed(&world.event(Event::Datagram { from, bytes: &bytes }));
    assert_eq!(member(&to, &hanako), member(&by_host, &hanako));
    assert!(member(&to, &later) != moved);
}

#[test]
fn those_who_stay_are_reached_whoever_goes() {
    for leaver in 1..5 {
        let mut world = World::new();
        let mut members = vec![world.create("部屋", "零")];
        members.extend(["一", "二", "三", "四"].map(|user| world.join("部屋", user)));
        world.present(&members);
        let gone = members.remove(leaver);
        let expected = members.iter().map(|to| notice(NoticeText::TimedOut, &gone, to));
        assert_eq!(world.leave(&gone), all(expected));
        // Each moves, so that an address noted in another's place would show.
        for member in &mut members {
            *member = member.at_port(5001);
            world.present([&*member]);
        }
        for sender in &members {
            let others = members.iter().filter(|other| other.user != sender.user);
            let expected = all(others.map(|other| chat(sender, "やあ", other)));
            assert_eq!(world.say(sender, "やあ"), expected, "{leaver} went");
        }
        assert_eq!(world.say(&gone, "まだいる"), nothing());
    }
}

#[test]
fn a_late_datagram_is_relayed_to_those_who_are_still_there() {
    let mut world = World::new();
    let [host, hanako, jiro] = room_of_three(&mut world);
    world.wait(secs(100));
    world.present([&host, &hanako]);
    // The sweep at 140 s is due and was not called for: it comes before the message.
    world.now = second(145);
    let mut expected = vec![chat(&host, "やあ", &hanako)];
    expected.extend([&host, &hanako, &jiro].map(|to| notice(NoticeText::TimedOut, &jiro, to)));
    assert_eq!(world.say(&host, "やあ"), all(expected));
}

#[test]
fn a_message_in_a_room_of_a_thousand_goes_to_all_the_others() {
    let mut world = World::new();
    let mut members = vec![world.create("部屋", "太郎")];
    members.extend((1..1000).map(|number| world.join("部屋", &format!("{number}番"))));
    world.present(&members);
    let sender = &members[500];
    let others = members.iter().filter(|other| other.user != sender.user);
    let expected = all(others.map(|other| chat(sender, "やあ", other)));
    assert_eq!(world.say(sender, "やあ"), expected);
    assert_eq!(world.server.counters().copies, 999);
}
