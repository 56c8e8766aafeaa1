//! Scenarios of a server: the listing of the rooms.

use engine::{Caps, Config};
use protocol::tcp::{Operation, Reply, ReplyForm, ReplyText, RoomEntry, State};

use crate::world::{World, ip, person, raw_request, second};

fn entry(name: &str, members: usize, password: bool) -> RoomEntry {
    RoomEntry { name: name.to_owned(), members, password }
}

#[test]
fn where_there_is_no_room_the_listing_is_empty() {
    let mut world = World::new();
    let listing = world.rooms();
    assert_eq!((listing.rooms, listing.more), (vec![], false));
}

#[test]
fn rooms_come_in_the_order_of_their_names_with_their_members_and_locks() {
    let mut world = World::new();
    for (room, password) in [("部屋", ""), ("b", "秘密"), ("B", ""), ("あ", " "), ("a b", "")]
    {
        let host = person(room, "太郎").password(password);
        world.admit(Operation::Create, &host);
    }
    world.join("部屋", "花子");
    world.join("部屋", "次郎");
    world.admit(Operation::Join, &person("b", "花子").password("秘密"));
    let listing = world.rooms();
    let expected = [
        entry("B", 1, false),
        entry("a b", 1, false),
        entry("b", 2, true),
        entry("あ", 1, true),
        entry("部屋", 3, false),
    ];
    assert_eq!((listing.rooms, listing.more), (expected.to_vec(), false));
    assert_eq!(world.server.counters().refusals, 0);
}

#[test]
fn the_listing_follows_who_comes_and_goes() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.create("廊下", "太郎");
    world.leave(&guest);
    assert_eq!(world.rooms().rooms, [entry("廊下", 1, false), entry("部屋", 1, false)]);
    world.leave(&host);
    assert_eq!(world.rooms().rooms, [entry("廊下", 1, false)]);
    world.tick_at(second(140));
    assert_eq!(world.rooms().rooms, []);
}

#[test]
fn a_thousand_are_listed_and_of_more_it_is_said_that_there_are_more() {
    let mut world = World::new();
    for number in (0..1000).rev() {
        world.create(&format!("部屋{number:04}"), "太郎");
    }
    let names = |rooms: &[RoomEntry]| -> Vec<String> {
        rooms.iter().map(|room| room.name.clone()).collect()
    };
    let thousand: Vec<_> = (0..1000).map(|number| format!("部屋{number:04}")).collect();
    let listing = world.rooms();
    assert_eq!((names(&listing.rooms), listing.more), (thousand.clone(), false));

    world.create("部屋1000", "太郎");
    let listing = world.rooms();
    assert_eq!((names(&listing.rooms), listing.more), (thousand, true));
    let first = world.create("0", "太郎");
    assert_eq!(world.rooms().rooms[0].name, "0");
    world.leave(&first);
    assert_eq!(world.rooms().rooms[999].name, "部屋0999");
}

#[test]
fn a_join_lists_a_thousand_members_at_most() {
    let mut world = World::capped(Caps { room_members: 1003, ..Caps::default() });
    world.create("部屋", "太郎");
    for number in 0..1000 {
        let welcome = world.admit(Operation::Join, &person("部屋", &format!("{number}")));
        assert_eq!(welcome.reply.members.len(), number + 1);
    }
    let welcome = world.admit(Operation::Join, &person("部屋", "千一"));
    assert_eq!(welcome.reply.members.len(), 1000);
    assert!(!welcome.reply.members.contains(&"千一".to_owned()));
    assert_eq!(world.rooms().rooms, [entry("部屋", 1002, false)]);
}

#[test]
fn a_listing_is_answered_whatever_the_request_carries() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    for (room, payload) in [("", ""), ("", "{}"), ("部屋", "rubbish"), (" ", "[")] {
        let request = raw_request(4, 0, room.as_bytes(), payload.as_bytes());
        let exchange = world.ask(ip("192.0.2.1"), &request);
        let ReplyText::Framed(frame) = exchange.text() else { panic!("a framed reply") };
        assert_eq!(frame.header().operation(), Operation::Rooms);
        assert_eq!((frame.header().state(), frame.room()), (State::Done, &b""[..]));
        let Reply::Done(done) = exchange.done() else { panic!("done") };
        assert_eq!(done.listing().unwrap().rooms, [entry("部屋", 1, false)]);
    }
}

#[test]
fn a_bare_listing_keeps_within_1024_bytes_and_says_that_there_are_more() {
    let mut world = World::with(Config { reply_form: ReplyForm::Bare, ..Config::default() });
    for number in 10..60 {
        world.create(&format!("部屋{number}"), "太郎");
    }
    let listing = world.rooms();
    assert!(listing.more && !listing.rooms.is_empty());
    assert_eq!(listing.rooms[0], entry("部屋10", 1, false));
    let exchange = world.ask(ip("192.0.2.1"), &raw_request(4, 0, b"", b""));
    assert!(exchange.reply.len() <= 1024 && exchange.reply.starts_with(b"{"));
}
