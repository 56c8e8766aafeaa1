//! Floods on one side of the server do not stop the other.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use protocol::udp::NoticeText;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

use crate::support::{
    Member, PATIENCE, PROMPTLY, Runtime, Server, datagram, meet, noise, on_both_runtimes, rooms_of,
    settle, udp_socket,
};

on_both_runtimes!(
    a_flood_of_connections_does_not_stop_chat,
    a_flood_of_datagrams_stops_no_join,
    no_flood_keeps_it_from_stopping,
);

/// How long a flood goes on.
const FLOOD: Duration = Duration::from_secs(1);

/// What a flood needs to have been to be one.
const FLOOD_SIZE: usize = 500;

/// Does `drop_of` over and over on two threads while `meanwhile` is done over and over.
fn while_flooded(drop_of: impl Fn(usize) + Sync, mut meanwhile: impl FnMut(usize)) {
    let (is_over, drops) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flood = || {
        while !is_over.load(Ordering::Relaxed) {
            drop_of(drops.fetch_add(1, Ordering::Relaxed));
        }
    };
    thread::scope(|scope| {
        let _ends_also_by_a_panic = EndsFlood(&is_over);
        scope.spawn(flood);
        scope.spawn(flood);
        let since = Instant::now();
        let mut rounds = 0;
        while since.elapsed() < FLOOD || drops.load(Ordering::Relaxed) < FLOOD_SIZE {
            assert!(since.elapsed() < PATIENCE, "{drops:?} is no flood");
            meanwhile(rounds);
            rounds += 1;
        }
        assert!(rounds > 5, "only {rounds} rounds");
    });
}

struct EndsFlood<'a>(&'a AtomicBool);

impl Drop for EndsFlood<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn a_flood_of_connections_does_not_stop_chat(runtime: Runtime) {
    let server = Server::start(runtime, &["--max-pending", "100"]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &bob]);
    let connection = |number: usize| {
        let Ok(mut stream) = TcpStream::connect_timeout(&at, PATIENCE) else { return };
        // Ends by a reset, so that no flood of connections in TIME_WAIT stays with the system.
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        let bytes: Vec<u8> = noise(number as u64).take(number % 3000).collect();
        // It may have been closed as the one idle longest.
        let _ = stream.write_all(&bytes);
    };
    while_flooded(connection, |round| {
        let text = format!("{round}回目");
        let since = Instant::now();
        alice.say(&text);
        bob.hears(&alice, &text);
        assert!(since.elapsed() < PROMPTLY, "{:?}", since.elapsed());
    });
    rooms_of(at);
}

fn a_flood_of_datagrams_stops_no_join(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let socket = udp_socket(at);
    let alice = Member::create(at, "部屋", "アリス");
    let forged = datagram("部屋", "アリス", &"A".repeat(alice.token.len()), &[b'x'; 1000]);
    let garbage = |number: usize| {
        let bytes: Vec<u8> = noise(number as u64).take(number % 200).collect();
        let _ = socket.send(if number.is_multiple_of(2) { &bytes } else { &forged });
    };
    let mut guests = Vec::new();
    while_flooded(garbage, |round| {
        let since = Instant::now();
        guests.push(Member::join(at, "部屋", &format!("客{round}")));
        assert!(since.elapsed() < PROMPTLY, "{:?}", since.elapsed());
    });
    // What is sent while the flood's last datagrams still wait may be lost, and later nothing is.
    let newcomer = Member::join(at, "部屋", "新人");
    let since = Instant::now();
    while newcomer.next_within(Duration::from_millis(50)).is_none() {
        assert!(since.elapsed() < PATIENCE, "the server is deaf");
        newcomer.is_there();
        alice.say("聞こえますか");
    }
    let (newcomer, alice) = (newcomer.on(udp_socket(at)), alice.on(udp_socket(at)));
    newcomer.is_there();
    alice.is_there();
    meet(&[&alice, &newcomer]);
}

fn no_flood_keeps_it_from_stopping(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    settle(at);
    let socket = udp_socket(at);
    let mut server = Some(server);
    let both = |number: usize| {
        let _ = socket.send(&datagram("部屋", "アリス", "A", &[b'x'; 100]));
        if number.is_multiple_of(10)
            && let Ok(stream) = TcpStream::connect_timeout(&at, PATIENCE)
        {
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    };
    while_flooded(both, |round| {
        thread::sleep(Duration::from_millis(50));
        if round == 10 {
            let ended = server.take().unwrap().stop(Signal::INT);
            assert_eq!(ended.code, Some(0), "{}", ended.log);
            assert!(ended.took < PROMPTLY, "{:?}", ended.took);
        }
    });
    assert!(server.is_none());
    alice.is_told(NoticeText::RoomClosed, &alice);
}
