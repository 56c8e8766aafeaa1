//! Many connections at once: those that are idle delay nobody, and their number is bounded.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{
    Entry, Member, PROMPTLY, Runtime, Server, connect, connect_from, is_closed, meet,
    on_both_runtimes, read_reply, rooms_of,
};

on_both_runtimes!(
    five_hundred_idle_connections_delay_no_join,
    beyond_the_cap_the_idle_longest_goes_and_the_newest_is_served,
    the_cap_of_an_address_costs_that_address_alone,
    without_descriptors_the_newest_is_served_all_the_same,
    connections_that_are_gone_leave_nothing_behind,
    who_does_not_close_after_the_reply_is_closed_ten_seconds_later,
);

/// How long a connection stays that has had its reply.
const LINGER: Duration = Duration::from_secs(10);

fn five_hundred_idle_connections_delay_no_join(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let idle: Vec<TcpStream> = (0..500).map(|_| connect(at)).collect();
    // Half of them are in the middle of a request.
    for mut stream in idle.iter().step_by(2) {
        stream.write_all(b"\x06\x02").unwrap();
    }
    let since = Instant::now();
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    assert!(since.elapsed() < PROMPTLY, "{:?}", since.elapsed());
    // None of them was closed: each can still finish.
    let rest = &Entry::new("部屋", "ボブ").request(2);
    for (number, mut stream) in idle.iter().enumerate() {
        stream.write_all(if number % 2 == 0 { &rest[2..] } else { rest }).unwrap();
    }
    for stream in &idle {
        read_reply(stream).refused("name_taken");
    }
}

fn beyond_the_cap_the_idle_longest_goes_and_the_newest_is_served(runtime: Runtime) {
    let server = Server::start(runtime, &["--max-pending", "50"]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let idle: Vec<TcpStream> = (0..300).map(|_| connect(at)).collect();
    let since = Instant::now();
    let bob = Member::join(at, "部屋", "ボブ");
    assert!(since.elapsed() < PROMPTLY, "{:?}", since.elapsed());
    meet(&[&alice, &bob]);
    // Bob's own one took the place of one more.
    for stream in &idle[..251] {
        assert!(is_closed(stream));
    }
    let mut newest = idle.last().unwrap();
    newest.write_all(&Entry::new("部屋", "キャロル").request(2)).unwrap();
    read_reply(newest).done();
}

fn the_cap_of_an_address_costs_that_address_alone(runtime: Runtime) {
    let server = Server::start(runtime, &["--max-pending-per-address", "5"]);
    let at = server.address();
    let others = connect_from("127.0.0.2", at);
    let own: Vec<TcpStream> = (0..8).map(|_| connect_from("127.0.0.1", at)).collect();
    for stream in &own[..3] {
        assert!(is_closed(stream));
    }
    // The oldest of all is still there, and so are the newest five.
    let entry = Entry::new("部屋", "アリス");
    for (number, mut stream) in [&others].into_iter().chain(&own[3..]).enumerate() {
        let entry = Entry { room: &format!("部屋{number}"), ..entry };
        stream.write_all(&entry.request(1)).unwrap();
        read_reply(stream).done();
    }
}

fn without_descriptors_the_newest_is_served_all_the_same(runtime: Runtime) {
    let server = Server::start_with_descriptors(runtime, 40);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    let idle: Vec<TcpStream> = (0..100).map(|_| connect(at)).collect();
    meet(&[&alice, &bob]);
    let carol = Member::join(at, "部屋", "キャロル");
    meet(&[&alice, &bob, &carol]);
    assert!(is_closed(&idle[0]), "it was idle longest");
    // It is not a matter of one time: there are more connections than it can ever have.
    let more: Vec<TcpStream> = (0..100).map(|_| connect(at)).collect();
    rooms_of(at);
    assert!(is_closed(idle.last().unwrap()) && is_closed(&more[0]));
    meet(&[&alice, &bob, &carol]);
}

fn connections_that_are_gone_leave_nothing_behind(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let before = server.sockets();
    let request = Entry::new("部屋", "アリス").request(2);
    let mut streams: Vec<TcpStream> = (0..200).map(|_| connect(at)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let size = request.len() * (number % 4) / 3;
        stream.write_all(&request[..size]).unwrap();
    }
    server.until_it_has_sockets(before + streams.len());
    drop(streams);
    server.until_it_has_sockets(before);
}

fn who_does_not_close_after_the_reply_is_closed_ten_seconds_later(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let before = server.sockets();
    let mut idle = connect(at);
    let mut answered = connect(at);
    let entry = Entry::new("部屋", "アリス");
    let since = Instant::now();
    answered.write_all(&entry.request(1)).unwrap();
    read_reply(&answered).done();
    server.until_it_has_sockets(before + 1);
    let took = since.elapsed();
    assert!((LINGER..LINGER + PROMPTLY).contains(&took), "{took:?}");
    // Who has not asked yet has all the time there is.
    idle.write_all(&entry.request(2)).unwrap();
    read_reply(&idle).refused("name_taken");
}
