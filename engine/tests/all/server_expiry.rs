//! Scenarios of a server: who is silent for too long is dropped, at moments of the clock.

use std::time::Duration;

use engine::{Config, Instant, SeededEntropy, Server};
use protocol::tcp::{ErrorCode, Operation};
use protocol::udp::NoticeText;

use crate::world::{
    Client, MICROSECOND, World, all, answered, chat, ip, nothing, notice, person, raw_request,
    second, secs,
};

/// One microsecond before so many seconds.
fn just_before(seconds: u64) -> Instant {
    Instant::from_micros(second(seconds).as_micros() - 1)
}

#[test]
fn exactly_120_seconds_of_silence_are_kept_and_a_microsecond_more_is_not() {
    for (joined, gone) in [
        (second(0), 140),
        (just_before(20), 140),
        (second(20), 160),
        (second(20) + MICROSECOND, 160),
        (just_before(40), 160),
    ] {
        let mut world = World::new();
        world.now = joined;
        world.create("部屋", "太郎");
        world.tick_at(second(gone - 20));
        world.tick_at(just_before(gone));
        assert_eq!(world.held(), (1, 1), "joined at {joined:?}");
        world.tick_at(second(gone));
        assert_eq!(world.held(), (0, 0), "joined at {joined:?}");
        assert_eq!(world.server.counters().timeouts, 1);
    }
}

#[test]
fn every_kind_of_datagram_renews() {
    for text in ["", "やあ", "SYSTEM_MESSAGE_TIME_OUT"] {
        for (at, gone) in [(just_before(60), 180), (second(60), 200)] {
            let mut world = World::new();
            let host = world.create("部屋", "太郎");
            world.now = at;
            world.say(&host, text);
            world.tick_at(just_before(gone));
            assert_eq!(world.held(), (1, 1), "{text}");
            world.tick_at(second(gone));
            assert_eq!(world.held(), (0, 0), "{text}");
        }
    }
}

#[test]
fn requests_over_tcp_renew_nobody() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.now = second(100);
    world.rooms();
    let ip = host.address.ip();
    world.ask(ip, &person("部屋", "太郎").join());
    world.ask(ip, &host.called("花子").leave());
    world.ask(ip, &raw_request(2, 0, b"x", b""));
    world.tick_at(second(140));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn a_late_tick_decides_as_one_in_time() {
    let mut world = World::new();
    world.now = second(20);
    world.create("部屋", "太郎");
    // 139.999999 s of silence, but the last sweep was at 140 s: then it was 120.
    world.tick_at(just_before(160));
    assert_eq!(world.held(), (1, 1));
    world.tick_at(second(160));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn a_late_datagram_does_not_save_who_was_due() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let late = world.join("部屋", "花子");
    world.present([&late]);
    world.now = second(20);
    world.present([&host]);
    world.now = second(150);
    // The sweep of 140 s comes first, and then 花子 is somebody unknown, who is told again.
    let told = notice(NoticeText::TimedOut, &late, &late);
    let expected = all([notice(NoticeText::TimedOut, &late, &host), told.clone(), told]);
    assert_eq!(world.say(&late, "やあ"), expected);
    // 太郎 was silent for 120 s at that sweep and is for 130 s now, and is in time.
    assert_eq!(world.say(&host, "やあ"), nothing());
    world.tick_at(second(160));
    assert_eq!(world.held(), (1, 1));
    world.tick_at(second(280));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn a_request_comes_after_the_sweep_that_is_due() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    world.now = second(130);
    let (connection, _) = world.open(ip("192.0.2.1"));
    let again = person("部屋", "花子").create();
    assert_eq!(world.refusal(&again), ErrorCode::RoomExists);
    world.now = second(150);
    let exchange = answered(connection, &world.receive(connection, &again));
    assert!(exchange.admitted().is_ok());
    assert_eq!((world.held(), world.server.counters().timeouts), ((1, 1), 1));
}

#[test]
fn sweeps_that_were_missed_are_one() {
    for (at, held) in [(just_before(880), (0, 0)), (second(880), (1, 1))] {
        for late in [0, 10, 19] {
            let mut world = World::new();
            world.now = at;
            world.create("部屋", "太郎");
            world.tick_at(second(1000 + late));
            assert_eq!(world.held(), held);
        }
    }
}

#[test]
fn the_sweeps_are_counted_from_the_servers_start() {
    let start = second(7);
    let server = Server::new(Config::default(), SeededEntropy::new(7), start).unwrap();
    let mut world = World::of(server);
    world.now = second(27);
    world.create("部屋", "太郎");
    assert_eq!(world.server.next_deadline(), Some(second(167)));
    world.tick_at(just_before(167));
    assert_eq!(world.held(), (1, 1));
    world.tick_at(second(167));
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn the_times_are_the_configurations() {
    let mut world = World::with(Config {
        idle_timeout: Duration::from_millis(1000),
        sweep_interval: Duration::from_millis(300),
        ..Config::default()
    });
    world.create("部屋", "太郎");
    let deadline = Instant::ZERO + Duration::from_millis(1200);
    assert_eq!(world.server.next_deadline(), Some(deadline));
    world.tick_at(Instant::from_micros(deadline.as_micros() - 1));
    assert_eq!(world.held(), (1, 1));
    world.tick_at(deadline);
    assert_eq!(world.held(), (0, 0));
}

#[test]
fn a_guest_that_times_out_is_told_and_so_are_those_who_stay() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let asked = person("部屋", "花子").notices();
    let asked = world.admit(Operation::Join, &asked).client;
    let silent = person("部屋", "次郎").notices();
    let silent = world.admit(Operation::Join, &silent).client;
    let unheard = world.join("部屋", "三郎");
    let elsewhere = world.create("別の部屋", "次郎");
    world.present([&silent]);
    world.wait(secs(100));
    world.present([&host, &asked, &elsewhere]);

    let mut expected = Vec::new();
    for to in [&host, &asked] {
        expected.push(notice(NoticeText::TimedOut, &silent, to));
        expected.push(notice(NoticeText::TimedOut, &unheard, to));
    }
    expected.push(notice(NoticeText::TimedOut, &silent, &silent));
    assert_eq!(world.tick_at(second(140)), all(expected));
    assert_eq!(world.held(), (2, 3));
    assert_eq!(world.census().remembered_tokens, 2);
    assert_eq!(world.server.counters().timeouts, 2);
    assert_eq!(world.server.counters().departures, 0);
    assert_eq!(world.tick_at(second(160)), nothing());

    // It is gone from the fan-out and its name is free.
    assert_eq!(world.say(&host, "やあ"), all([chat(&host, "やあ", &asked)]));
    world.join("部屋", "次郎");
}

#[test]
fn a_host_that_times_out_takes_the_room_along() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let plain = world.join("部屋", "花子");
    let asked = person("部屋", "次郎").notices();
    let asked = world.admit(Operation::Join, &asked).client;
    let unheard = world.join("部屋", "三郎");
    let elsewhere = world.create("別の部屋", "太郎");
    world.present([&host]);
    world.wait(secs(100));
    world.present([&plain, &asked, &elsewhere]);
    let unheard_too = world.join("部屋", "四郎");

    let closed = |to| notice(NoticeText::RoomClosed, &host, to);
    let expected = all([closed(&host), closed(&plain), closed(&asked)]);
    assert_eq!(world.tick_at(second(140)), expected);
    assert_eq!(world.held(), (1, 1));
    // Two were silent for too long: the host, and 三郎, whom it took along with the others.
    assert_eq!(world.server.counters().timeouts, 2);
    assert_eq!(world.census().remembered_tokens, 5);

    // The room's name is free at once, and whoever was in the old room is not in the new one.
    let heir = world.create("部屋", "花子");
    world.present([&heir]);
    for former in [&plain, &asked, &unheard, &unheard_too] {
        assert_eq!(world.say(former, "やあ"), all([closed(former)]));
    }
    assert_eq!(world.say(&heir, "やあ"), nothing());
    assert_eq!(world.rooms().rooms.len(), 2);
}

#[test]
fn time_that_goes_backwards_counts_as_the_latest() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.now = second(100);
    world.present([&host]);
    let deadline = world.server.next_deadline();
    for earlier in [99, 50, 0] {
        assert_eq!(world.tick_at(second(earlier)), nothing());
        assert_eq!(world.server.next_deadline(), deadline);
    }
    world.present([&guest]);
    // As at 100 s: 120 s later both are kept, and at the next sweep neither is.
    assert_eq!(world.tick_at(second(220)), nothing());
    assert_eq!(world.held(), (1, 2));
    assert_eq!(world.tick_at(second(30)), nothing());
    let closed = |to: &Client| notice(NoticeText::RoomClosed, &host, to);
    let expected = all([closed(&host), closed(&guest)]);
    assert_eq!(world.tick_at(second(240)), expected);
    // Nor does the past bring anyone back.
    assert_eq!(world.tick_at(second(0)), nothing());
    assert_eq!(world.held(), (0, 0));
}
