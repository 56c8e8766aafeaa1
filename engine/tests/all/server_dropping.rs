//! Scenarios of a server: datagrams that are dropped, counted and never answered.

use engine::Counters;
use protocol::udp::NoticeText;

use crate::world::{Client, World, address, all, chat, datagram, nothing, notice, second, secs};

/// A host and a guest, both at their addresses.
fn pair(world: &mut World) -> (Client, Client) {
    let pair = (world.create("部屋", "太郎"), world.join("部屋", "花子"));
    world.present([&pair.0, &pair.1]);
    pair
}

/// What was counted since `before`, besides the datagrams themselves, of which there were `came`.
fn counted(world: &World, before: Counters, came: u64) -> Counters {
    let now = *world.server.counters();
    assert_eq!(now.datagrams, before.datagrams + came);
    let mut counted = Counters::default();
    counted.messages = now.messages - before.messages;
    counted.copies = now.copies - before.copies;
    counted.presences = now.presences - before.presences;
    counted.told_again = now.told_again - before.told_again;
    counted.malformed = now.malformed - before.malformed;
    counted.unknown_token = now.unknown_token - before.unknown_token;
    counted.mismatched = now.mismatched - before.mismatched;
    counted.foreign_address = now.foreign_address - before.foreign_address;
    counted.reserved = now.reserved - before.reserved;
    counted
}

/// What is counted when `bytes` come from `from`, which nobody is told.
fn dropped(world: &mut World, client: &Client, bytes: &[u8]) -> Counters {
    let before = *world.server.counters();
    let census = world.census();
    assert_eq!(world.datagram(client.address, bytes), nothing());
    assert_eq!(world.census(), census);
    counted(world, before, 1)
}

fn only(set: impl FnOnce(&mut Counters)) -> Counters {
    let mut counters = Counters::default();
    set(&mut counters);
    counters
}

#[test]
fn what_is_no_datagram_is_malformed() {
    let mut world = World::new();
    let (host, _) = pair(&mut world);
    let valid = host.datagram("やあ");
    let too_long = host.datagram(&"a".repeat(4097 - host.datagram("").len()));
    assert_eq!(too_long.len(), 4097);
    let mut huge = too_long.clone();
    huge.resize(65_507, b'a');
    let mut not_text = valid.clone();
    not_text.push(0xff);
    // The room's size ends in the middle of 屋.
    let mut cut_character = valid.clone();
    (cut_character[0], cut_character[1]) = (5, 7);
    for bytes in [
        &b""[..],
        &[0],
        &[0, 0],
        &[255, 255, 255],
        &valid[..20],
        &too_long,
        &huge,
        &not_text,
        &cut_character,
    ] {
        let counters = dropped(&mut world, &host, bytes);
        assert_eq!(counters, only(|counters| counters.malformed = 1));
    }
}

#[test]
fn a_token_that_nobody_bears_is_unknown() {
    let mut world = World::new();
    let (host, guest) = pair(&mut world);
    let shorter = &host.token[..21];
    let longer = format!("{}A", host.token);
    let other_case: String = host.token.chars().map(swapped_case).collect();
    for token in ["", "A", shorter, &longer, &other_case, &"z".repeat(255)] {
        for text in ["", "やあ", "SYSTEM_X"] {
            let bytes = host.bearing(token).datagram(text);
            let counters = dropped(&mut world, &host, &bytes);
            assert_eq!(counters, only(|counters| counters.unknown_token = 1));
        }
    }
    // Three sizes of nothing: no room, no user, no token, no text.
    let counters = dropped(&mut world, &guest, &[0, 0, 0]);
    assert_eq!(counters, only(|counters| counters.unknown_token = 1));
}

fn swapped_case(c: char) -> char {
    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

#[test]
fn a_room_or_a_name_that_is_not_the_tokens_is_a_mismatch() {
    let mut world = World::new();
    let (host, guest) = pair(&mut world);
    world.create("別の部屋", "太郎");
    for (room, user) in [
        ("部屋", "花子"),
        ("部屋", ""),
        ("部屋", "太郎 "),
        ("別の部屋", "太郎"),
        ("", "太郎"),
        ("部", "屋太郎"),
        ("部屋太郎", ""),
    ] {
        for text in ["", "やあ", "SYSTEM_X"] {
            let bytes = datagram(room, user, &host.token, text);
            let counters = dropped(&mut world, &host, &bytes);
            assert_eq!(counters, only(|counters| counters.mismatched = 1));
        }
    }
    // Another member's token under one's own name, from one's own address.
    let bytes = guest.bearing(&host.token).datagram("やあ");
    let counters = dropped(&mut world, &guest, &bytes);
    assert_eq!(counters, only(|counters| counters.mismatched = 1));
}

#[test]
fn a_datagram_from_another_address_is_foreign() {
    let mut world = World::new();
    let (host, guest) = pair(&mut world);
    for from in ["203.0.113.9:5000", "0.0.0.0:5000", "[::1]:5000", "127.0.0.1:5000"] {
        for text in ["", "やあ", "SYSTEM_X"] {
            let counters = dropped(&mut world, &host.at(from), &host.datagram(text));
            assert_eq!(counters, only(|counters| counters.foreign_address = 1));
        }
    }
    let counters = dropped(&mut world, &guest, &host.datagram("やあ"));
    assert_eq!(counters, only(|counters| counters.foreign_address = 1));
    assert_eq!(world.say(&guest, "やあ"), all([chat(&guest, "やあ", &host)]));
}

#[test]
fn a_text_like_the_servers_own_is_not_relayed() {
    let mut world = World::new();
    let (host, _) = pair(&mut world);
    for text in
        ["SYSTEM_", "SYSTEM_MESSAGE_TIME_OUT", "SYSTEM_HOST_MESSAGE_TIME_OUT", "SYSTEM_やあ"]
    {
        let counters = dropped(&mut world, &host, &host.datagram(text));
        assert_eq!(counters, only(|counters| counters.reserved = 1));
    }
}

#[test]
fn a_text_like_the_servers_own_is_activity_and_tells_the_address() {
    let mut world = World::new();
    let (host, guest) = (world.create("部屋", "太郎"), world.join("部屋", "花子"));
    world.wait(secs(20));
    world.present([&host]);
    assert_eq!(world.say(&guest, "SYSTEM_X"), nothing());
    assert_eq!(world.tick_at(second(140)), nothing());
    assert_eq!(world.held(), (1, 2));
    assert_eq!(world.say(&host, "やあ"), all([chat(&host, "やあ", &guest)]));
}

#[test]
fn what_is_dropped_is_no_activity() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&guest]);
    world.wait(secs(100));
    world.present([&guest]);
    let stranger = address("203.0.113.9:5000");
    for (from, bytes) in [
        (host.address, host.called("花子").datagram("やあ")),
        (host.address, host.in_room("別の部屋").datagram("やあ")),
        (host.address, host.datagram("やあ")[..30].to_vec()),
        (host.address, host.datagram(&"a".repeat(4096))),
        (stranger, host.datagram("やあ")),
        (guest.address, host.datagram("やあ")),
    ] {
        assert_eq!(world.datagram(from, &bytes), nothing());
    }
    let closed = notice(NoticeText::RoomClosed, &host, &guest);
    assert_eq!(world.tick_at(second(140)), all([closed]));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn a_flood_of_rubbish_makes_nothing_grow() {
    let mut world = World::new();
    let (host, _) = pair(&mut world);
    let place = &host.token[..16];
    let before = (world.census(), *world.server.counters());
    for number in 0..5_000_u64 {
        let from = address("203.0.113.9:1");
        // What leads nowhere, and what leads to the host's record.
        for token in [format!("{number:038}"), format!("{place}{number:022}")] {
            let bytes = host.bearing(&token).datagram("やあ");
            assert_eq!(world.datagram(from, &bytes), nothing());
        }
    }
    assert_eq!(world.census(), before.0);
    let counters = counted(&world, before.1, 10_000);
    assert_eq!(counters, only(|counters| counters.unknown_token = 10_000));
}
