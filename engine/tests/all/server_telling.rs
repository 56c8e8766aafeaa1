//! Telling many: the work of one event is bounded, and nobody is passed over.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use engine::{Action, ConnectionId, Event};
use protocol::udp::NoticeText;

use crate::world::{
    Client, Delivery, World, address, all, datagram, deliveries, ip, nothing, notice, person,
    second,
};

/// Members told at most at one event.
const TURN: usize = 1024;

/// A room in which `due` members have been silent since the start and `staying` have not, its host
/// among them, at the sweep that finds them.
fn before_the_sweep(due: usize, staying: usize) -> (World, Vec<Client>, Vec<Client>) {
    let mut world = World::new();
    let host = world.create("広場", "太郎");
    let due: Vec<_> = (0..due).map(|n| world.join("広場", &format!("due {n}"))).collect();
    let mut stay = vec![host];
    stay.extend((1..staying).map(|n| world.join("広場", &format!("stay {n}"))));
    world.present(due.iter().chain(&stay));
    world.now = second(100);
    world.present(&stay);
    world.now = second(140);
    (world, due, stay)
}

/// All turns of the telling that is due now, each of them no longer than a turn.
fn turns(world: &mut World) -> Vec<Delivery> {
    let mut told = Vec::new();
    for _ in 0..100 {
        let turn = world.tick();
        assert!(turn.len() <= TURN, "{} at one event", turn.len());
        told.extend(turn);
        if world.server.next_deadline() != Some(world.now) {
            return told;
        }
    }
    panic!("it goes on for ever")
}

/// A request from `ip`, and all that anyone is sent meanwhile.
fn request(world: &mut World, connection: u64, ip: IpAddr, bytes: &[u8]) -> Vec<Delivery> {
    let connection = ConnectionId(connection);
    let from = SocketAddr::new(ip, 40_000);
    let mut actions = world.event(Event::Opened { connection, from });
    actions.extend(world.event(Event::Received { connection, bytes }));
    deliveries(&actions)
}

fn timed_out(about: &Client, to: &Client) -> Delivery {
    notice(NoticeText::TimedOut, about, to)
}

#[test]
fn many_who_go_at_once_are_told_of_in_turns() {
    let (mut world, due, stay) = before_the_sweep(40, 100);
    let first = world.tick();
    assert_eq!(first.len(), TURN);
    assert_eq!(world.held(), (1, 100), "who is out is decided at once");
    assert_eq!(world.server.next_deadline(), Some(world.now), "the next turn is due at once");
    let told = [first, turns(&mut world)].concat();
    let each =
        due.iter().flat_map(|gone| stay.iter().chain([gone]).map(move |to| timed_out(gone, to)));
    assert_eq!(all(told), all(each));
}

#[test]
fn nobody_is_passed_over_when_seats_change_between_turns() {
    let (mut world, due, mut stay) = before_the_sweep(40, 400);
    let mut told = world.tick();
    // The last ones move into the seats of those who leave, and a newcomer takes the last seat.
    for (number, leaver) in [300, 70, 30, 1].into_iter().enumerate() {
        let leaver = stay.remove(leaver);
        let number = 90_000 + number as u64;
        told.extend(request(&mut world, number, leaver.address.ip(), &leaver.leave()));
    }
    let newcomer = person("広場", "新人").join();
    told.extend(request(&mut world, 95_000, ip("192.0.2.200"), &newcomer));
    assert_eq!(world.server.next_deadline(), Some(world.now), "not all is told yet");
    told.extend(turns(&mut world));
    let told: BTreeSet<Delivery> = told.into_iter().collect();
    for gone in &due {
        for to in stay.iter().chain([gone]) {
            assert!(
                told.contains(&timed_out(gone, to)),
                "{} is not told of {}",
                to.user,
                gone.user
            );
        }
    }
}

#[test]
fn a_room_that_closes_meanwhile_has_nothing_more_to_be_told() {
    let (mut world, due, stay) = before_the_sweep(40, 400);
    let mut told = world.tick();
    let host = &stay[0];
    told.extend(request(&mut world, 90_000, host.address.ip(), &host.leave()));
    assert_eq!(world.held(), (0, 0));
    told.extend(turns(&mut world));
    // Those who stayed hear that the room is closed; those who had gone, that they have.
    let closed = stay.iter().skip(1).map(|to| notice(NoticeText::RoomClosed, host, to));
    let is_of = |delivery: &&Delivery, text: NoticeText| delivery.text == text.as_str();
    let told_closed = told.iter().filter(|delivery| is_of(delivery, NoticeText::RoomClosed));
    assert_eq!(all(told_closed.cloned()), all(closed));
    for gone in &due {
        assert!(told.contains(&timed_out(gone, gone)));
    }
    assert_eq!(turns(&mut world), nothing());
}

#[test]
fn who_comes_back_meanwhile_is_told_neither_of_having_gone_nor_of_coming() {
    let (mut world, due, _) = before_the_sweep(40, 400);
    world.tick();
    let gone = &due[39];
    let back = person("広場", gone.user.as_str()).notices().join();
    let (connection, from) = (ConnectionId(90_000), address("192.0.2.200:5000"));
    world.event(Event::Opened { connection, from });
    let actions = world.event(Event::Received { connection, bytes: &back });
    let reply = actions.iter().find_map(|action| match action {
        Action::Write { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    let token = reply.unwrap().split("\"token\":\"").nth(1).unwrap()[..38].to_owned();
    let mut told = world.datagram(from, &datagram("広場", gone.user.as_str(), &token, ""));
    assert_eq!(world.server.next_deadline(), Some(world.now), "not all is told yet");
    told.extend(turns(&mut world));
    assert!(told.iter().all(|delivery| delivery.to != from && delivery.token != token));
}

#[test]
fn a_server_that_stops_tells_whoever_is_out_and_nothing_else() {
    let (mut world, due, stay) = before_the_sweep(40, 100);
    let first = deliveries(&world.server.handle(Event::Tick, second(140)));
    let rest = deliveries(&world.server.handle(Event::Shutdown, second(140)));
    let farewells = due.iter().map(|gone| timed_out(gone, gone));
    let farewells = farewells.filter(|farewell| !first.contains(farewell));
    let closed = stay.iter().map(|to| notice(NoticeText::RoomClosed, &stay[0], to));
    assert_eq!(rest, all(farewells.chain(closed)));
}

#[test]
fn chat_does_not_pay_for_the_telling() {
    let (mut world, _, stay) = before_the_sweep(40, 100);
    world.tick();
    assert_eq!(world.say(&stay[3], "やあ").len(), 99);
    assert_eq!(world.server.next_deadline(), Some(world.now));
    // Nor do several messages at once.
    let sent: Vec<_> = stay[..3].iter().map(|by| (by.address, by.datagram("やあ"))).collect();
    let heard = deliveries(&world.datagrams(&sent));
    assert_eq!(heard.len(), 3 * 99);
    assert!(heard.iter().all(|delivery| delivery.text == "やあ"), "and no notice");
    assert_eq!(world.server.next_deadline(), Some(world.now));
}
