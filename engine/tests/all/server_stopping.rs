//! Scenarios of a server: it stops, and everyone is told.

use engine::{Action, Census, Event};
use protocol::tcp::{Operation, Request};
use protocol::udp::NoticeText;

use crate::world::{
    self, Client, World, all, answered, closes, deliveries, ip, nothing, notice, person, second,
};

fn stop(world: &mut World) -> Vec<Action<'static>> {
    world.event(Event::Shutdown)
}

#[test]
fn everyone_is_told_in_words_that_it_understands() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let asked = person("部屋", "花子").notices();
    let curious = world.admit(Operation::Join, &asked).client;
    world.join("部屋", "次郎");
    let asked = person("別の部屋", "太郎").notices();
    let other_host = world.admit(Operation::Create, &asked).client;
    let other_guest = world.join("別の部屋", "花子");
    world.present([&host, &curious, &other_host, &other_guest]);
    let counters = *world.server.counters();

    let expected = all([
        notice(NoticeText::RoomClosed, &host, &host),
        notice(NoticeText::Shutdown, &host, &curious),
        notice(NoticeText::Shutdown, &other_host, &other_host),
        notice(NoticeText::RoomClosed, &other_host, &other_guest),
    ]);
    let actions = stop(&mut world);
    assert_eq!((deliveries(&actions), actions.len()), (expected, 4));
    assert_eq!(world.census(), Census::default());
    assert_eq!(world.server.next_deadline(), None);
    assert_eq!(*world.server.counters(), counters);
}

#[test]
fn every_connection_is_closed_once() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.present([&host]);
    let [silent, typing, answered_one] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| {
        world.wait(world::secs(1));
        world.open(ip(text)).0
    });
    assert_eq!(world.receive(typing, b"\x06"), []);
    let actions = world.receive(answered_one, &Request::Rooms.encode());
    answered(answered_one, &actions);

    let actions = stop(&mut world);
    // First the notices, then the connections.
    assert!(matches!(actions[0], Action::Notify { .. }));
    let mut closed = closes(&actions[1..]);
    closed.sort();
    assert_eq!(closed, [silent, typing, answered_one]);
    assert_eq!(world.census(), Census::default());
    assert_eq!(world.server.counters().connections_evicted, 0);
}

#[test]
fn nothing_begins_after_the_end() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    let (connection, _) = world.open(ip("192.0.2.1"));
    stop(&mut world);

    assert_eq!(world.say(&host, "やあ"), nothing());
    assert_eq!(world.say(&guest, ""), nothing());
    let request = person("部屋", "太郎").create();
    assert_eq!(world.receive(connection, &request), []);
    assert_eq!(world.event(Event::Ended { connection }), []);
    assert_eq!(world.event(Event::Closed { connection }), []);
    let (late, closed) = world.open(ip("192.0.2.1"));
    assert_eq!(closed, [late]);
    assert_eq!(world.receive(late, &request), []);
    assert_eq!(world.event(Event::Crowded), []);
    assert_eq!(world.event(Event::Tick), []);
    assert_eq!(stop(&mut world), []);
    assert_eq!(world.tick_at(second(1000)), nothing());
    assert_eq!(world.census(), Census::default());
}

#[test]
fn whoever_was_out_before_is_still_told_and_then_forgotten() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.tick_at(second(140));
    assert_eq!(world.census().remembered_tokens, 1);
    assert_eq!(stop(&mut world), []);
    let closed = |to: &Client| notice(NoticeText::RoomClosed, &host, to);
    assert_eq!(world.say(&host, ""), all([closed(&host)]));
    assert_eq!(world.server.next_deadline(), Some(second(440)));
    assert_eq!(world.tick_at(second(440)), nothing());
    assert_eq!(world.census(), Census::default());
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn an_empty_server_stops_without_a_word() {
    let mut world = World::new();
    assert_eq!(stop(&mut world), []);
    assert_eq!(world.census(), Census::default());
}

#[test]
fn a_sweep_that_is_due_comes_before_the_stop() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    world.now = second(150);
    let closed = |to: &Client| notice(NoticeText::RoomClosed, &host, to);
    let actions = stop(&mut world);
    assert_eq!(deliveries(&actions), all([closed(&host), closed(&guest)]));
    assert_eq!(world.server.counters().timeouts, 2);
    assert_eq!(world.census().remembered_tokens, 2);
}
