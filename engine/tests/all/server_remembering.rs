//! Scenarios of a server: who missed the notice that it is out is told again.

use engine::{Caps, Instant};
use protocol::tcp::Operation;
use protocol::udp::NoticeText;

use crate::world::{self, Client, MICROSECOND, World, all, nothing, notice, person, second};

/// A room whose host stays and whose guest timed out at 140 s; the guest.
fn timed_out_guest(world: &mut World) -> (Client, Client) {
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&guest]);
    world.now = second(100);
    world.present([&host]);
    assert_eq!(world.tick_at(second(140)).len(), 2);
    (host, guest)
}

/// What a guest that timed out is told: about itself, with its own token, where it is now.
fn out(guest: &Client) -> Vec<world::Delivery> {
    all([notice(NoticeText::TimedOut, guest, guest)])
}

/// What anyone is told whose room closed.
fn closed(host: &Client, former: &Client) -> Vec<world::Delivery> {
    all([notice(NoticeText::RoomClosed, host, former)])
}

fn micros_before(moment: Instant, micros: u64) -> Instant {
    Instant::from_micros(moment.as_micros() - micros)
}

#[test]
fn whoever_timed_out_is_told_again_at_most_once_a_second() {
    let mut world = World::new();
    let (_, guest) = timed_out_guest(&mut world);
    let before = *world.server.counters();
    let moved = guest.at_port(61_000);
    let sayings = [
        (second(141), out(&guest), &guest),
        (second(141), nothing(), &guest),
        (micros_before(second(142), 1), nothing(), &guest),
        (second(142), out(&moved), &moved),
        (micros_before(second(143), 1), nothing(), &moved),
        (second(143) + MICROSECOND, out(&guest), &guest),
        (second(144), nothing(), &guest),
        (second(144) + MICROSECOND, out(&guest), &guest),
    ];
    for (now, expected, client) in sayings {
        world.now = now;
        assert_eq!(world.say(client, "やあ"), expected, "{now:?}");
    }
    let counters = world.server.counters();
    assert_eq!(counters.told_again - before.told_again, 4);
    assert_eq!(counters.unknown_token - before.unknown_token, 8);
    assert_eq!(counters.messages, before.messages);
}

#[test]
fn whatever_it_says_it_is_told() {
    for text in ["", "やあ", "SYSTEM_X"] {
        let mut world = World::new();
        let (_, guest) = timed_out_guest(&mut world);
        let before = *world.server.counters();
        assert_eq!(world.say(&guest, text), out(&guest), "{text}");
        let counters = world.server.counters();
        assert_eq!(counters.presences, before.presences);
        assert_eq!(counters.reserved, before.reserved);
    }
}

#[test]
fn nobody_else_is_told() {
    let mut world = World::new();
    let (host, guest) = timed_out_guest(&mut world);
    for other in [
        guest.at("203.0.113.9:5000"),
        guest.called("太郎"),
        guest.called("花"),
        guest.in_room("別の部屋"),
        guest.bearing(&guest.token[..21]),
        guest.bearing(&guest.token.to_lowercase()),
    ] {
        assert_eq!(world.say(&other, "やあ"), nothing());
    }
    let borrowed = world.datagram(host.address, &guest.datagram("やあ"));
    assert_eq!(borrowed, nothing());
    assert_eq!(world.server.counters().told_again, 0);
    // And nobody used up the second of the one who has a right to it.
    assert_eq!(world.say(&guest, "やあ"), out(&guest));
}

#[test]
fn each_token_has_a_second_of_its_own() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.tick_at(second(140));
    assert_eq!(world.say(&guest, ""), closed(&host, &guest));
    assert_eq!(world.say(&host, ""), closed(&host, &host));
    assert_eq!(world.say(&guest, ""), nothing());
    assert_eq!(world.say(&host, ""), nothing());
}

#[test]
fn an_ipv4_address_may_be_written_as_ipv6() {
    for (joined, spoke) in
        [("192.0.2.1", "[::ffff:192.0.2.1]:5000"), ("::ffff:192.0.2.1", "192.0.2.1:5000")]
    {
        let mut world = World::new();
        let host = person("部屋", "太郎").from(joined);
        let host = world.admit(Operation::Create, &host).client.at(spoke);
        world.present([&host]);
        assert_eq!(world.tick_at(second(140)), closed(&host, &host));
        for (seconds, from) in [(1, "192.0.2.1:5001"), (2, "[::ffff:192.0.2.1]:5002")] {
            world.now = second(140 + seconds);
            let host = host.at(from);
            assert_eq!(world.say(&host, ""), closed(&host, &host), "{joined} {from}");
        }
    }
}

#[test]
fn a_token_is_remembered_for_five_minutes() {
    for (at, is_told) in [(micros_before(second(440), 1), true), (second(440), false)] {
        let mut world = World::new();
        let (host, guest) = timed_out_guest(&mut world);
        for seconds in (160..440).step_by(60) {
            world.now = second(seconds);
            world.present([&host]);
        }
        world.now = at;
        let told = world.say(&guest, "");
        assert_eq!(told, if is_told { out(&guest) } else { nothing() });
        assert_eq!(world.census().remembered_tokens, usize::from(is_told));
    }
}

#[test]
fn five_minutes_are_counted_from_the_notice_and_not_from_a_sweep() {
    for (at, is_told) in [(micros_before(second(405), 1), true), (second(405), false)] {
        let mut world = World::new();
        let host = world.create("部屋", "太郎");
        let guest = world.join("部屋", "花子");
        world.now = second(105);
        world.leave(&host);
        world.now = at;
        let told = world.say(&guest, "");
        let expected = if is_told { closed(&host, &guest) } else { nothing() };
        assert_eq!(told, expected);
        // It is held until the next sweep, whether it would still be told or not.
        assert_eq!(world.census().remembered_tokens, 1);
        assert_eq!(world.server.next_deadline(), Some(second(420)));
        world.tick_at(micros_before(second(420), 1));
        assert_eq!(world.census().remembered_tokens, 1);
        world.tick_at(second(420));
        assert_eq!(world.census().remembered_tokens, 0);
    }
}

#[test]
fn those_whose_host_timed_out_are_told_so_and_so_is_the_host() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    let asked = person("部屋", "次郎").notices();
    let asked = world.admit(Operation::Join, &asked).client;
    // Nobody had an address, so nobody was told.
    assert_eq!(world.tick_at(second(140)), nothing());
    for former in [&host, &guest, &asked] {
        assert_eq!(world.say(former, "やあ"), closed(&host, former));
    }
}

#[test]
fn those_whose_host_left_are_told_so_and_the_host_is_not() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    assert_eq!(world.leave(&host), closed(&host, &guest));
    assert_eq!(world.census().remembered_tokens, 1);
    assert_eq!(world.say(&guest, "やあ"), closed(&host, &guest));
    assert_eq!(world.say(&host, "やあ"), nothing());
}

#[test]
fn who_left_of_its_own_accord_is_not_remembered() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    world.leave(&guest);
    assert_eq!(world.census().remembered_tokens, 0);
    assert_eq!(world.say(&guest, "やあ"), nothing());
    assert_eq!(world.server.counters().unknown_token, 1);
}

#[test]
fn a_namesake_that_comes_later_is_not_taken_for_the_one_who_is_out() {
    let mut world = World::new();
    let (host, guest) = timed_out_guest(&mut world);
    let again = person("部屋", "花子").from(&guest.address.ip().to_string());
    let again = world.admit(Operation::Join, &again).client;
    assert_ne!(again.token, guest.token);
    world.present([&again, &host]);
    assert_eq!(world.say(&guest, "やあ"), out(&guest));
    let heard = world.say(&again, "やあ");
    assert_eq!(heard, all([world::chat(&again, "やあ", &host)]));
}

#[test]
fn at_the_cap_the_token_that_was_remembered_longest_is_forgotten() {
    let mut world = World::capped(Caps { remembered_tokens: 3, ..Caps::default() });
    let host = world.create("部屋", "太郎");
    let guests = ["一", "二", "三", "四", "五"].map(|user| world.join("部屋", user));
    for (seconds, guest) in (1..).zip(&guests) {
        world.now = second(20 * seconds - 1);
        world.present([guest]);
    }
    for seconds in (120..=240).step_by(20) {
        world.now = second(seconds - 1);
        world.present([&host]);
        world.tick_at(second(seconds));
        let remembered = world.census().remembered_tokens;
        let gone = usize::try_from((seconds - 120) / 20).unwrap();
        assert_eq!(remembered, gone.min(3), "{seconds}");
    }
    assert_eq!(world.held(), (1, 1));
    for forgotten in &guests[..2] {
        assert_eq!(world.say(forgotten, ""), nothing());
    }
    for remembered in &guests[2..] {
        assert_eq!(world.say(remembered, ""), out(remembered));
    }
}

#[test]
fn with_a_cap_of_none_nobody_is_remembered() {
    let mut world = World::capped(Caps { remembered_tokens: 0, ..Caps::default() });
    let (_, guest) = timed_out_guest(&mut world);
    assert_eq!(world.census().remembered_tokens, 0);
    assert_eq!(world.say(&guest, ""), nothing());
}
