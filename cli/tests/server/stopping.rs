//! How the server starts and stops, and what a port has to do with it.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use protocol::udp::NoticeText;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    Ended, Entry, Member, PROMPTLY, Process, Runtime, Server, connect, is_closed, meet,
    on_both_runtimes, rooms_of,
};

on_both_runtimes!(
    a_signal_stops_it_and_all_members_are_told,
    what_waits_is_taken_before_it_stops,
    a_port_in_use_is_a_clear_error,
    a_port_can_be_used_again_at_once,
    what_makes_no_sense_is_wrong_usage,
);

fn a_signal_stops_it_and_all_members_are_told(runtime: Runtime) {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::start(runtime, &[]);
        let at = server.address();
        let host = Member::create(at, "部屋", "主");
        let asking = Entry::new("部屋", "問").notices().join(at);
        let other_host = Entry::new("広場", "主").notices().create(at);
        meet(&[&host, &asking]);
        let guest = Member::join(at, "広場", "客");
        other_host.is_told(NoticeText::Joined, &guest);
        meet(&[&other_host, &guest]);
        let idle = connect(at);
        rooms_of(at);

        let Ended { code, log, took } = server.stop(signal);
        assert_eq!(code, Some(0), "{log}");
        assert!(took < PROMPTLY, "{took:?}");
        assert!(!log.contains("panicked") && log.contains("stopped"), "{log}");
        host.is_told(NoticeText::RoomClosed, &host);
        asking.is_told(NoticeText::Shutdown, &host);
        other_host.is_told(NoticeText::Shutdown, &other_host);
        guest.is_told(NoticeText::RoomClosed, &other_host);
        assert!(is_closed(&idle));
    }
}

fn what_waits_is_taken_before_it_stops(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let entry = Entry::new("部屋", "主").notices();
    let reply = entry.ask(1, server.address()).done();
    let host = Member::unregistered(&entry, server.address(), &reply);
    server.while_suspended(|| {
        host.is_there();
        server.signal(Signal::TERM);
    });
    assert_eq!(server.end().code, Some(0));
    host.is_told(NoticeText::Shutdown, &host);
}

fn fails_to_listen(runtime: Runtime, at: SocketAddr) {
    let Ended { code, log, .. } = Process::server(runtime, &at.to_string(), &[]).end();
    assert_eq!(code, Some(1), "{log}");
    let line = log.lines().find(|line| line.starts_with("error: ")).unwrap_or(&log);
    assert!(line.contains(&at.to_string()) && line.contains("--listen"), "{log}");
}

fn a_port_in_use_is_a_clear_error(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    fails_to_listen(runtime, server.address());
    rooms_of(server.address());
    let tcp_alone = TcpListener::bind("127.0.0.1:0").unwrap();
    fails_to_listen(runtime, tcp_alone.local_addr().unwrap());
    let udp_alone = UdpSocket::bind("127.0.0.1:0").unwrap();
    fails_to_listen(runtime, udp_alone.local_addr().unwrap());
}

/// Whether connections of a server that was at `port` wait for late packets.
fn has_time_wait(port: u16) -> bool {
    const TIME_WAIT: &str = "06";
    let local = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|fields| {
        fields.get(1).is_some_and(|address| address.ends_with(&local))
            && fields.get(3) == Some(&TIME_WAIT)
    })
}

fn a_port_can_be_used_again_at_once(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    let open = connect(at);
    rooms_of(at);
    assert_eq!(server.stop(Signal::TERM).code, Some(0));
    bob.is_told(NoticeText::RoomClosed, &alice);
    drop(open);
    assert!(has_time_wait(at.port()), "or else this shows nothing");

    let server = Server::start_on(runtime, &at.to_string(), &[]);
    assert_eq!(server.address(), at);
    assert_eq!(rooms_of(at).json["rooms"], json!([]));
    // Tokens from before are nobody's: what bob's socket hears next is from the new room.
    bob.say("もしもし");
    let alice = Member::create(at, "部屋", "アリス");
    let new_bob = Member::join(at, "部屋", "ボブ");
    let new_bob = new_bob.on(bob.socket);
    new_bob.is_there();
    meet(&[&alice, &new_bob]);
}

fn what_makes_no_sense_is_wrong_usage(runtime: Runtime) {
    for options in [
        &["--idle-timeout", "0s"][..],
        &["--sweep-interval", "1us"],
        &["--max-payload", "513MiB"],
        &["--max-pending", "0"],
        &["--reply", "naked"],
    ] {
        let Ended { code, log, .. } = Process::server(runtime, "127.0.0.1:0", options).end();
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(options[0]), "{log}");
    }
}
