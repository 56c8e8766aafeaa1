//! Silence: who is removed, who is told, and that the rest goes on.

use std::time::Duration;

use protocol::udp::NoticeText;
use serde_json::json;

use crate::support::{
    Entry, Member, PATIENCE, Runtime, Server, meet, on_both_runtimes, rooms_of, settle,
};

on_both_runtimes!(
    a_silent_guest_is_removed_and_told_and_so_are_the_others,
    a_silent_host_takes_its_room_with_it,
    host_and_guest_in_one_sweep_are_both_removed,
);

const OPTIONS: [&str; 4] = ["--idle-timeout", "1s", "--sweep-interval", "200ms"];

/// How often those who stay say that they are there.
const PRESENCE: Duration = Duration::from_millis(100);

/// Waits until `silent` is told `notice` about `about`, while `present` keep saying that they are
/// there.
fn until_told(silent: &Member, notice: NoticeText, about: &Member, present: &[&Member]) {
    let rounds = PATIENCE.as_millis() / PRESENCE.as_millis();
    for _ in 0..rounds {
        for member in present {
            member.is_there();
        }
        let mut peeked = [0; 1];
        silent.socket.set_read_timeout(Some(PRESENCE)).unwrap();
        if silent.socket.peek(&mut peeked).is_ok() {
            silent.is_told(notice, about);
            return;
        }
    }
    panic!("{} is still a member", silent.user);
}

fn a_silent_guest_is_removed_and_told_and_so_are_the_others(runtime: Runtime) {
    let server = Server::start(runtime, &OPTIONS);
    let at = server.address();
    let host = Member::create(at, "部屋", "主");
    let asking = Entry::new("部屋", "問").notices().join(at);
    meet(&[&host, &asking]);
    let silent = Member::join(at, "部屋", "無口");
    asking.is_told(NoticeText::Joined, &silent);
    until_told(&silent, NoticeText::TimedOut, &silent, &[&host, &asking]);
    for member in [&host, &asking] {
        member.is_told(NoticeText::TimedOut, &silent);
    }
    meet(&[&host, &asking]);
    // Its token is remembered, and its name is free.
    silent.say("起きました");
    silent.is_told(NoticeText::TimedOut, &silent);
    let back = Member::join(at, "部屋", "無口");
    asking.is_told(NoticeText::Joined, &back);
    meet(&[&host, &asking, &back]);
}

fn a_silent_host_takes_its_room_with_it(runtime: Runtime) {
    let server = Server::start(runtime, &OPTIONS);
    let at = server.address();
    let host = Entry::new("部屋", "主").notices().create(at);
    let elsewhere = Member::create(at, "別の部屋", "主");
    settle(at);
    let guest = Member::join(at, "部屋", "客");
    host.is_told(NoticeText::Joined, &guest);
    until_told(&guest, NoticeText::RoomClosed, &host, &[&guest, &elsewhere]);
    host.is_told(NoticeText::RoomClosed, &host);
    elsewhere.is_there();
    let rooms = rooms_of(at);
    let left = json!([{ "name": "別の部屋", "members": 1, "password": false }]);
    assert_eq!(rooms.json["rooms"], left);
    let successor = Member::create(at, "部屋", "客");
    let newcomer = Member::join(at, "部屋", "主");
    meet(&[&successor, &newcomer]);
}

fn host_and_guest_in_one_sweep_are_both_removed(runtime: Runtime) {
    let server = Server::start(runtime, &OPTIONS);
    let at = server.address();
    // Rooms and guests enough that many are due together.
    let rooms: Vec<String> = (0..10).map(|number| format!("部屋{number}")).collect();
    let hosts: Vec<Member> = rooms.iter().map(|room| Member::create(at, room, "主")).collect();
    let guests: Vec<Member> = rooms.iter().map(|room| Member::join(at, room, "客")).collect();
    for (host, guest) in hosts.iter().zip(&guests) {
        until_told(guest, NoticeText::RoomClosed, host, &[]);
        until_told(host, NoticeText::RoomClosed, host, &[]);
    }
    assert_eq!(rooms_of(at).json["rooms"], json!([]));
    let alice = Member::create(at, "部屋0", "主");
    let bob = Member::join(at, "部屋0", "客");
    meet(&[&alice, &bob]);
    // Nobody was told twice: bob's socket is the old guest's, and hears alice next.
    let again = bob.on(guests[0].socket.try_clone().unwrap());
    again.is_there();
    meet(&[&alice, &again]);
}
