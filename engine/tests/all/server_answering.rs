//! Who asked for it has each presence answered.

use engine::{Event, Incoming};
use protocol::tcp::Operation;
use protocol::udp::NoticeText;

use crate::world::{World, address, all, chat, deliveries, nothing, notice, person, secs};

#[test]
fn a_presence_is_answered_to_its_sender_alone_and_where_it_came_from() {
    let mut world = World::new();
    let host = world.admit(Operation::Create, &person("部屋", "主人").pong()).client;
    let guest = world.admit(Operation::Join, &person("部屋", "花子").pong().notices()).client;
    world.datagram(guest.address, &guest.datagram(""));
    let answer = all([notice(NoticeText::Pong, &host, &host)]);
    assert_eq!(world.datagram(host.address, &host.datagram("")), answer);
    // Its port has changed.
    let mut moved = host.clone();
    moved.address.set_port(host.address.port() + 1);
    let answer = all([notice(NoticeText::Pong, &host, &moved)]);
    assert_eq!(world.datagram(moved.address, &host.datagram("")), answer);
    assert_eq!(world.say(&moved, "やあ"), all([chat(&host, "やあ", &guest)]), "chat is not");
}

#[test]
fn who_did_not_ask_and_who_is_no_member_is_not_answered() {
    let mut world = World::new();
    let host = world.create("部屋", "主人");
    let guest = world.admit(Operation::Join, &person("部屋", "花子").pong()).client;
    assert_eq!(world.datagram(host.address, &host.datagram("")), nothing());
    // From where it did not join, with another's name, with a token that nobody has.
    assert_eq!(world.datagram(address("203.0.113.9:5"), &guest.datagram("")), nothing());
    let mut other = guest.clone();
    other.user = host.user.clone();
    assert_eq!(world.datagram(guest.address, &other.datagram("")), nothing());
    let mut stranger = guest.clone();
    stranger.token = "no such token".to_owned();
    assert_eq!(world.datagram(guest.address, &stranger.datagram("")), nothing());
    // Who is out is told that, and not that all is well.
    world.wait(secs(130));
    world.datagram(host.address, &host.datagram(""));
    world.wait(secs(20));
    world.tick();
    let told = world.datagram(guest.address, &guest.datagram(""));
    assert_eq!(told, all([notice(NoticeText::TimedOut, &guest, &guest)]));
}

#[test]
fn each_presence_of_a_batch_is_answered() {
    let mut world = World::new();
    let host = world.admit(Operation::Create, &person("部屋", "主人").pong()).client;
    let (from, bytes) = (host.address, host.datagram(""));
    let batch = [Incoming { from, bytes: &bytes }; 3];
    let told = deliveries(&world.event(Event::Datagrams(&batch)));
    assert_eq!(told, vec![notice(NoticeText::Pong, &host, &host); 3]);
}
