//! Scenarios of a server: connections, which of them have to go, and when.

use std::net::{IpAddr, SocketAddr};

use engine::{Caps, ConnectionId, Event, Instant};
use protocol::tcp::Request;

use crate::world::{self, World, address, answered, closes, ip, person, raw_request, second, secs};

fn capped(connections: usize, connections_per_address: usize) -> World {
    World::capped(Caps { connections, connections_per_address, ..Caps::default() })
}

/// So many connections from `ip`, a second apart, for none of which another has to go.
fn open<const N: usize>(world: &mut World, ip: IpAddr) -> [ConnectionId; N] {
    std::array::from_fn(|_| {
        world.wait(secs(1));
        let (connection, evicted) = world.open(ip);
        assert_eq!(evicted, []);
        connection
    })
}

/// The connection asks for the rooms and has its answer.
fn ask_for_rooms(world: &mut World, connection: ConnectionId) {
    let actions = world.receive(connection, &Request::Rooms.encode());
    answered(connection, &actions);
}

#[test]
fn one_more_than_the_cap_and_the_idlest_of_all_goes() {
    let mut world = capped(3, 3);
    let [one] = open(&mut world, ip("192.0.2.1"));
    let [two] = open(&mut world, ip("192.0.2.2"));
    let [three] = open(&mut world, ip("192.0.2.3"));
    world.wait(secs(1));
    let (four, evicted) = world.open(ip("192.0.2.4"));
    assert_eq!(evicted, [one]);
    assert_eq!(world.census().connections, 3);
    let (_, evicted) = world.open(ip("192.0.2.1"));
    assert_eq!(evicted, [two]);
    // Bytes renew, so that the next to go is the fourth and not the third.
    world.wait(secs(1));
    assert_eq!(world.receive(three, b"\x06"), []);
    let (_, evicted) = world.open(ip("192.0.2.5"));
    assert_eq!(evicted, [four]);
    let counters = world.server.counters();
    assert_eq!((counters.connections, counters.connections_evicted), (6, 3));
    assert_eq!(world.census().connections, 3);
}

#[test]
fn one_more_than_the_cap_of_an_address_and_its_own_idlest_goes() {
    let mut world = capped(10, 2);
    let [other] = open(&mut world, ip("192.0.2.1"));
    let [one, two] = open(&mut world, ip("192.0.2.2"));
    let (three, evicted) = world.open(ip("192.0.2.2"));
    assert_eq!(evicted, [one]);
    world.wait(secs(1));
    assert_eq!(world.receive(two, b"\x06"), []);
    let (_, evicted) = world.open(ip("192.0.2.2"));
    assert_eq!(evicted, [three]);
    assert_eq!(world.census().connections, 3);
    assert_eq!(world.server.counters().connections_evicted, 2);
    // The other's, which was idle longest of all, is still there.
    ask_for_rooms(&mut world, other);
}

#[test]
fn at_both_caps_only_one_goes_and_it_is_the_addresss_own() {
    let mut world = capped(3, 2);
    open::<1>(&mut world, ip("192.0.2.1"));
    let [one, _] = open(&mut world, ip("192.0.2.2"));
    let (_, evicted) = world.open(ip("192.0.2.2"));
    assert_eq!(evicted, [one]);
    assert_eq!(world.census().connections, 3);
}

#[test]
fn an_address_is_the_same_written_as_ipv4_or_as_ipv6() {
    let mut world = capped(10, 2);
    let [one] = open(&mut world, ip("192.0.2.1"));
    let [two] = open(&mut world, ip("::ffff:192.0.2.1"));
    let (_, evicted) = world.open(ip("192.0.2.1"));
    assert_eq!(evicted, [one]);
    let (_, evicted) = world.open(ip("::ffff:192.0.2.1"));
    assert_eq!(evicted, [two]);
    open::<2>(&mut world, ip("::192.0.2.1"));
}

#[test]
fn those_that_went_are_not_counted() {
    let mut world = capped(10, 2);
    let home = ip("192.0.2.1");
    let [one, two] = open(&mut world, home);
    assert_eq!(world.event(Event::Closed { connection: one }), []);
    assert_eq!(world.census().connections, 1);
    let [three] = open(&mut world, home);
    assert_eq!(closes(&world.event(Event::Ended { connection: two })), [two]);
    let [four] = open(&mut world, home);
    ask_for_rooms(&mut world, three);
    assert_eq!(world.census().connections, 2);
    world.wait(secs(10));
    assert_eq!(closes(&world.event(Event::Tick)), [three]);
    open::<1>(&mut world, home);
    let (_, evicted) = world.open(home);
    assert_eq!(evicted, [four]);
}

#[test]
fn idleness_after_a_reply_is_counted_from_the_reply() {
    let mut world = capped(3, 3);
    let home = ip("192.0.2.1");
    let [one, two, three] = open(&mut world, home);
    world.wait(secs(1));
    ask_for_rooms(&mut world, one);
    world.wait(secs(1));
    assert_eq!(world.receive(three, b"\x06"), []);
    // What comes after the reply renews nothing.
    world.wait(secs(1));
    assert_eq!(world.receive(one, b"more"), []);
    for gone in [two, one, three] {
        assert_eq!(world.open(home).1, [gone]);
    }
}

#[test]
fn when_it_is_crowded_the_idlest_goes() {
    let mut world = World::new();
    assert_eq!(world.event(Event::Crowded), []);
    let [one] = open(&mut world, ip("192.0.2.1"));
    let [two] = open(&mut world, ip("192.0.2.2"));
    let [three] = open(&mut world, ip("192.0.2.1"));
    world.wait(secs(1));
    assert_eq!(world.receive(one, b"\x06"), []);
    for gone in [two, three, one] {
        assert_eq!(closes(&world.event(Event::Crowded)), [gone]);
    }
    assert_eq!(world.event(Event::Crowded), []);
    assert_eq!(world.server.counters().connections_evicted, 3);
    assert_eq!(world.census().connections, 0);
}

#[test]
fn a_connection_that_had_to_go_is_forgotten() {
    let mut world = capped(1, 1);
    let [one] = open(&mut world, ip("192.0.2.1"));
    let request = person("部屋", "太郎").create();
    let (head, tail) = request.split_at(40);
    assert_eq!(world.receive(one, head), []);
    let (_, evicted) = world.open(ip("192.0.2.2"));
    assert_eq!(evicted, [one]);
    assert_eq!(world.receive(one, tail), []);
    assert_eq!(world.event(Event::Ended { connection: one }), []);
    assert_eq!(world.event(Event::Closed { connection: one }), []);
    assert_eq!((world.held(), world.census().connections), ((0, 0), 1));
    assert_eq!(world.server.counters().refusals, 0);
}

#[test]
fn a_connection_that_has_had_its_reply_may_stay_for_ten_seconds() {
    for request in [
        person("部屋", "太郎").create(),
        person("部屋", "太郎").join(),
        raw_request(9, 0, b"", b""),
        raw_request(1, 0, b"r", b"rubbish"),
    ] {
        let mut world = World::new();
        let [connection] = open(&mut world, ip("192.0.2.1"));
        world.now = second(5);
        answered(connection, &world.receive(connection, &request));
        assert_eq!(world.server.next_deadline(), Some(second(15)));
        // What still comes is ignored and does not prolong the time.
        world.now = second(14);
        assert_eq!(world.receive(connection, &request), []);
        world.now = Instant::from_micros(second(15).as_micros() - 1);
        assert_eq!(world.event(Event::Tick), []);
        world.now = second(15);
        assert_eq!(closes(&world.event(Event::Tick)), [connection]);
        assert_eq!(world.census().connections, 0);
        assert_eq!(world.event(Event::Ended { connection }), []);
    }
}

#[test]
fn who_is_late_to_close_is_closed_in_the_order_of_the_replies() {
    let mut world = World::new();
    let [one, two, three, reading] = open(&mut world, ip("192.0.2.1"));
    for connection in [two, one, three] {
        world.wait(secs(1));
        ask_for_rooms(&mut world, connection);
    }
    // The replies were at 5, 6 and 7 s.
    assert_eq!(world.server.next_deadline(), Some(second(15)));
    world.now = second(16);
    let connection = reading;
    let actions = world.event(Event::Received { connection, bytes: b"\x06" });
    assert_eq!(closes(&actions), [two, one]);
    assert_eq!(world.server.next_deadline(), Some(second(17)));
    world.now = second(1000);
    assert_eq!(closes(&world.event(Event::Tick)), [three]);
    // Whoever has yet to ask has all the time there is.
    assert_eq!(world.census().connections, 1);
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn a_request_that_was_cut_short_is_answered_and_then_given_its_time() {
    let mut world = World::new();
    let [connection] = open(&mut world, ip("192.0.2.1"));
    assert_eq!(world.receive(connection, &[6, 1]), []);
    world.now = second(5);
    let actions = world.event(Event::Ended { connection });
    assert_eq!(answered(connection, &actions).reply[..3], [0, 0, 1]);
    assert_eq!(world.server.next_deadline(), Some(second(15)));
    assert_eq!(world.census().connections, 1);
    let actions = world.event(Event::Ended { connection });
    assert_eq!(closes(&actions), [connection]);
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn who_ends_before_any_byte_is_closed_silently() {
    let mut world = World::new();
    let [connection] = open(&mut world, ip("192.0.2.1"));
    let actions = world.event(Event::Ended { connection });
    assert_eq!(closes(&actions), [connection]);
    let counters = world.server.counters();
    assert_eq!((counters.connections, counters.refusals), (1, 0));
    assert_eq!((world.census().connections, counters.connections_evicted), (0, 0));
}

#[test]
fn a_connection_that_broke_is_forgotten_with_what_it_had_sent() {
    let mut world = World::new();
    let request = person("部屋", "太郎").create();
    let connection = ConnectionId(77);
    let from = SocketAddr::new(ip("192.0.2.1"), 40_000);
    world.event(Event::Opened { connection, from });
    assert_eq!(world.receive(connection, &request[..50]), []);
    assert_eq!(world.event(Event::Closed { connection }), []);
    assert_eq!(world.census().connections, 0);
    // The number may be used again, for a connection that begins anew.
    world.event(Event::Opened { connection, from });
    let actions = world.receive(connection, &request);
    assert!(answered(connection, &actions).admitted().is_ok());
}

#[test]
fn a_number_that_is_used_again_while_it_is_open_is_a_new_connection() {
    let mut world = capped(2, 2);
    let request = person("部屋", "太郎").create();
    let connection = ConnectionId(77);
    let [old, new] = ["192.0.2.1", "192.0.2.2"].map(|text| SocketAddr::new(ip(text), 1));
    world.event(Event::Opened { connection, from: old });
    assert_eq!(world.receive(connection, &request[..50]), []);
    assert_eq!(world.event(Event::Opened { connection, from: new }), []);
    assert_eq!(world.census().connections, 1);
    let actions = world.receive(connection, &request);
    let reply = answered(connection, &actions).admitted().unwrap();

    // Whom it let in is at the new address, and the old one is counted no more.
    let datagram = world::datagram("部屋", "太郎", reply.token.as_str(), "");
    assert_eq!(world.datagram(old, &datagram), []);
    assert_eq!(world.server.counters().foreign_address, 1);
    assert_eq!(world.datagram(new, &datagram), []);
    assert_eq!(world.server.counters().presences, 1);
    assert_eq!(closes(&world.event(Event::Ended { connection })), [connection]);
    open::<2>(&mut world, ip("192.0.2.1"));
    assert_eq!(world.census().connections, 2);
}

#[test]
fn what_is_told_about_an_unknown_connection_is_ignored() {
    let mut world = World::new();
    let request = person("部屋", "太郎").create();
    let connection = ConnectionId(99);
    assert_eq!(world.receive(connection, &request), []);
    assert_eq!(world.event(Event::Ended { connection }), []);
    assert_eq!(world.event(Event::Closed { connection }), []);
    assert_eq!((world.held(), world.census().connections), ((0, 0), 0));
    assert_eq!(*world.server.counters(), engine::Counters::default());
}

#[test]
fn a_number_that_is_used_again_is_not_closed_for_what_bore_it_before() {
    let mut world = capped(10, 10);
    let connection = ConnectionId(7);
    let from = address("192.0.2.1:5000");
    world.event(Event::Opened { connection, from });
    ask_for_rooms(&mut world, connection);
    world.wait(secs(60));
    assert_eq!(world.event(Event::Opened { connection, from }), []);
    assert_eq!(world.census().connections, 1);
}

#[test]
fn a_connection_that_is_said_to_be_gone_is_not_closed() {
    let mut world = capped(10, 10);
    let connection = ConnectionId(7);
    world.event(Event::Opened { connection, from: address("192.0.2.1:5000") });
    ask_for_rooms(&mut world, connection);
    world.wait(secs(60));
    assert_eq!(world.event(Event::Closed { connection }), []);
    assert_eq!(world.census().connections, 0);
}
