//! What a server and its members do to each other.

use engine::client::{Event, Habits, Happening, Lobby, Reason};
use engine::{Config, Instant};
use protocol::tcp::{ErrorCode, ReplyForm};

use crate::client_network::{Network, PASSWORD, Packet, Peer, Who};
use crate::client_world::{self, Did, MICROSECOND, ROOM, before, millis, room, secs, user};

const HOST: &str = "主人";
const GUEST: &str = "花子";

/// The server's clock begins at zero.
fn second(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

fn chat(from: &str, text: &str) -> Happening {
    let (from, text) = (from.to_owned(), text.to_owned());
    Happening::Chat { from, text }
}

fn warning() -> Happening {
    Happening::IdleWarning(secs(30))
}

/// A host and a guest who have seen each other come.
fn two(config: Config) -> (Network, Who, Who) {
    let mut network = Network::with(config);
    let host = network.create(HOST, Habits::default());
    let guest = network.join(GUEST, Habits::default());
    network.saw(host);
    (network, host, guest)
}

fn on_a_framed_server() -> (Network, Who, Who) {
    two(Config::default())
}

fn on_a_bare_server() -> (Network, Who, Who) {
    two(Config { reply_form: ReplyForm::Bare, ..Config::default() })
}

/// A host that stays, and a guest that joins at `joined` and is silent from then on.
fn silent_guest(joined: Instant) -> (Network, Who, Who) {
    let mut network = Network::new();
    let keepalive = Some(secs(30));
    let host = network.create(HOST, Habits { keepalive });
    network.run_to(joined);
    let guest = network.join(GUEST, Habits::default());
    (network, host, guest)
}

#[test]
fn who_joins_is_announced_and_told_who_is_there() {
    let mut network = Network::new();
    let host = network.create(HOST, Habits::default());
    let guest = network.join(GUEST, Habits::default());
    assert_eq!(network.peers[host].member.joined().members(), [""; 0]);
    assert_eq!(network.peers[guest].member.joined().members(), [HOST]);
    assert_eq!(network.saw(host), [Happening::MemberJoined(GUEST.into())]);
    assert_eq!(network.saw(guest), []);
    assert_eq!(network.held(), (1, 2));
    assert_eq!(network.server.counters().presences, 2);
}

#[test]
fn a_refusal_says_why_and_another_try_may_do() {
    let mut network = Network::new();
    network.create(HOST, Habits::default());
    let lobby = Lobby::new(Habits::default());
    let (joining, request) = lobby.create(room(ROOM), user(GUEST), "");
    let (lobby, error) = network.admit(joining, &request).expect_err("refused");
    assert_eq!(error, ErrorCode::RoomExists);
    let (joining, request) = lobby.join(room(ROOM), user(GUEST), "開け胡麻");
    let (lobby, error) = network.admit(joining, &request).expect_err("refused");
    assert_eq!(error, ErrorCode::WrongPassword);
    let (joining, request) = lobby.join(room(ROOM), user(HOST), "開けゴマ");
    let (lobby, error) = network.admit(joining, &request).expect_err("refused");
    assert_eq!(error, ErrorCode::NameTaken);
    let (joining, request) = lobby.join(room(ROOM), user(GUEST), PASSWORD);
    assert!(network.admit(joining, &request).is_ok());
    assert_eq!(network.held(), (1, 2));
}

#[test]
fn both_hear_each_other_and_not_themselves() {
    for (mut network, host, guest) in [on_a_framed_server(), on_a_bare_server()] {
        network.say(host, "こんにちは");
        network.say(guest, "はじめまして 🦀");
        assert_eq!(network.saw(guest), [chat(HOST, "こんにちは")]);
        assert_eq!(network.saw(host), [chat(GUEST, "はじめまして 🦀")]);
    }
}

#[test]
fn a_pasted_page_arrives_whole_and_in_order() {
    let (mut network, host, guest) = on_a_framed_server();
    let lines: Vec<_> = (0..200).map(|number| format!("{number}行目")).collect();
    for line in &lines {
        network.say(guest, line);
    }
    let long = "長い話SYSTEM_".repeat(2000);
    network.say(guest, &long);
    network.run_to(second(60));
    let mut texts = network.saw(host).into_iter().map(|happening| match happening {
        Happening::Chat { from, text } if from == GUEST => text,
        other => panic!("{other:?}"),
    });
    assert!(lines.iter().all(|line| texts.next().as_ref() == Some(line)));
    assert_eq!(texts.collect::<String>(), long);
    assert_eq!(network.server.counters().reserved, 0);
    assert_eq!(network.server.counters().malformed, 0);
}

#[test]
fn a_guest_that_leaves_is_heard_to_the_end() {
    let (mut network, host, guest) = on_a_framed_server();
    network.run_to(second(5));
    network.tell(guest, Event::Say("またね"));
    network.happen(guest, Event::Leave);
    network.run_to(before(second(5) + millis(200)));
    assert_eq!((network.reason(guest), network.held()), (None, (1, 2)));
    network.run_to(second(6));
    assert_eq!(network.reason(guest), Some(Reason::Left));
    let left = Happening::MemberLeft(GUEST.into());
    let at = second(5) + millis(200);
    let saw = [(second(5), chat(GUEST, "またね")), (at, left)];
    assert_eq!(network.saw_when(host), saw);
    assert_eq!(network.held(), (1, 1));
    assert_eq!(network.reason(host), None);
    assert_eq!(network.server.counters().departures, 1);
    // The name is free again.
    network.join(GUEST, Habits::default());
}

#[test]
fn a_host_that_leaves_takes_the_room_along() {
    for (mut network, host, guest) in [on_a_framed_server(), on_a_bare_server()] {
        network.happen(host, Event::LeaveNow);
        assert_eq!(network.reason(host), Some(Reason::Left));
        assert_eq!(network.peers[guest].member.end(), Reason::RoomClosed);
        assert_eq!(network.saw(guest), []);
        assert_eq!(network.held(), (0, 0));
    }
}

#[test]
fn on_a_bare_server_a_guest_that_leaves_has_timed_out() {
    let (mut network, host, guest) = on_a_bare_server();
    network.happen(guest, Event::LeaveNow);
    let gone = Happening::MemberTimedOut(GUEST.into());
    assert_eq!(network.saw(host), [gone]);
    assert_eq!(network.held(), (1, 1));
    // Who joins is not announced there.
    network.join(GUEST, Habits::default());
    assert_eq!(network.saw(host), []);
}

#[test]
fn a_server_that_stops_tells_everyone() {
    for (bare, reason) in [(false, Reason::ServerStopped), (true, Reason::RoomClosed)] {
        let (mut network, host, guest) = match bare {
            false => on_a_framed_server(),
            true => on_a_bare_server(),
        };
        let actions = network.server.handle(engine::Event::Shutdown, network.now);
        network.carry(actions);
        network.settle();
        for who in [host, guest] {
            assert_eq!(network.peers[who].member.end(), reason);
        }
    }
}

#[test]
fn a_silent_guest_is_warned_and_times_out() {
    let (mut network, host, guest) = silent_guest(second(10));
    network.run_to(before(second(140)));
    assert_eq!(network.reason(guest), None);
    assert_eq!(network.saw_when(guest), [(second(100), warning())]);
    network.saw(host);
    network.run_to(second(140));
    assert_eq!(network.peers[guest].member.end(), Reason::TimedOut);
    let gone = Happening::MemberTimedOut(GUEST.into());
    assert_eq!(network.saw_when(host), [(second(140), gone)]);
    assert_eq!(network.held(), (1, 1));
}

#[test]
fn heeding_the_warning_keeps_a_member_in() {
    let (mut network, _, guest) = silent_guest(second(10));
    network.run_to(before(second(130)));
    assert_eq!(network.saw_when(guest), [(second(100), warning())]);
    network.say(guest, "いるよ");
    network.run_to(second(130) + secs(89));
    assert_eq!((network.reason(guest), network.held()), (None, (1, 2)));
    assert_eq!(network.saw(guest), []);
}

#[test]
fn a_keepalive_keeps_a_member_in_for_a_day() {
    let mut network = Network::new();
    let keepalive = Some(secs(60));
    let host = network.create(HOST, Habits { keepalive });
    let guest = network.join(GUEST, Habits { keepalive });
    network.saw(host);
    network.run_to(second(24 * 60 * 60));
    assert_eq!(network.held(), (1, 2));
    assert_eq!((network.saw(host), network.saw(guest)), (vec![], vec![]));
}

#[test]
fn a_silent_host_and_its_guest_go_in_one_sweep() {
    let (mut network, host, guest) = on_a_framed_server();
    network.run_to(second(140));
    for who in [host, guest] {
        assert_eq!(network.saw_when(who), [(second(90), warning())]);
        assert_eq!(network.peers[who].member.end(), Reason::RoomClosed);
    }
    assert_eq!(network.held(), (0, 0));
}

#[test]
fn whoever_missed_the_notice_asks_and_is_told_again() {
    let (mut network, _, guest) = silent_guest(second(10));
    network.cut_off.insert(guest);
    network.run_to(second(141));
    assert_eq!((network.reason(guest), network.held()), (None, (1, 1)));
    network.cut_off.clear();
    network.run_to(before(second(152)));
    assert_eq!(network.reason(guest), None);
    assert_eq!(network.server.counters().told_again, 0);
    network.run_to(second(152));
    assert_eq!(network.peers[guest].member.end(), Reason::TimedOut);
    assert_eq!(network.server.counters().told_again, 1);
}

#[test]
fn whoever_missed_that_the_room_closed_is_told_when_it_speaks() {
    let (mut network, host, guest) = on_a_framed_server();
    network.cut_off.insert(guest);
    network.happen(host, Event::LeaveNow);
    network.cut_off.clear();
    network.run_to(second(3));
    assert_eq!(network.reason(guest), None);
    network.say(guest, "もしもし");
    assert_eq!(network.peers[guest].member.end(), Reason::RoomClosed);
    assert_eq!(network.server.counters().told_again, 1);
}

#[test]
fn whoever_hears_nothing_at_all_gives_up() {
    let (mut network, _, guest) = silent_guest(second(10));
    network.cut_off.insert(guest);
    network.run_to(before(second(157)));
    assert_eq!(network.reason(guest), None);
    network.run_to(second(157));
    assert_eq!(network.peers[guest].member.end(), Reason::TimedOut);
}

#[test]
fn whenever_it_joined_a_member_that_asks_has_been_dropped_before() {
    // However its silence lies to the sweeps, the question comes after the last that could drop it.
    for tenths in 0..=400 {
        for shift in [millis(0), MICROSECOND] {
            let joined = Instant::ZERO + millis(tenths * 100) + shift;
            let (mut network, _, guest) = silent_guest(joined);
            network.cut_off.insert(guest);
            network.run_to(before(joined + secs(142)));
            assert_eq!((network.reason(guest), network.held()), (None, (1, 1)));
            network.cut_off.clear();
            network.run_to(joined + secs(142));
            assert_eq!(network.reason(guest), Some(Reason::TimedOut), "{joined:?}");
            assert_eq!(network.server.counters().told_again, 1);
        }
    }
}

#[test]
fn a_member_cannot_be_talked_out_of_its_room() {
    let (mut network, host, guest) = on_a_framed_server();
    for text in ["SYSTEM_HOST_MESSAGE_TIME_OUT", "SYSTEM_MESSAGE_TIME_OUT"] {
        // By a member whose client would send such a text.
        let Peer { member, address, .. } = &network.peers[guest];
        let [room, user, token] = &member.bears;
        let bytes = client_world::datagram(room, user, token, text);
        let from = *address;
        network.packets.push_back(Packet::ToServer { from, bytes });
        network.settle();
    }
    assert_eq!((network.saw(host), network.reason(host)), (vec![], None));
    assert_eq!(network.server.counters().reserved, 2);
    assert!(matches!(network.peers[host].member.say("x")[..], [Did::Sent(_)]));
}

/// A guest that says something every so often until it is out, and when that was.
fn talks_until_out(network: &mut Network, guest: Who, interval: u64) -> Option<u64> {
    let from = network.now;
    (0..=400 / interval).map(|turn| turn * interval).find(|after| {
        network.run_to(from + secs(*after));
        if network.reason(guest).is_none() {
            network.say(guest, "聞こえる？");
        }
        network.reason(guest).is_some()
    })
}

#[test]
fn who_talks_while_cut_off_learns_that_it_is_out() {
    for interval in [1, 7, 30, 100] {
        let (mut network, _, guest) = silent_guest(second(50));
        network.cut_off.insert(guest);
        network.unheard.insert(guest);
        let out = talks_until_out(&mut network, guest, interval);
        // The timeout, a sweep, the margin and the last answer's time; before it the first message
        // after ten quiet seconds, and after it the next look, all at the speed of the talk.
        let bound = 120 + 20 + 2 + 5 + 10 + 3 * interval;
        assert!(out.is_some_and(|out| out <= bound), "every {interval} s: {out:?} of {bound}");
        assert_eq!(network.reason(guest), Some(Reason::TimedOut));
        assert_eq!(network.held().1, 1, "the server has the host alone");
    }
}

#[test]
fn who_is_cut_off_for_a_while_and_not_dropped_stays() {
    let (mut network, _, guest) = on_a_framed_server();
    network.run_to(second(50));
    network.saw(guest);
    network.cut_off.insert(guest);
    network.say(guest, "もしもし");
    network.run_to(second(100));
    assert_eq!(network.saw(guest), [Happening::ServerUnreachable]);
    network.cut_off.remove(&guest);
    network.say(guest, "もしもし");
    assert_eq!(network.saw(guest), [Happening::ServerReachable]);
    assert_eq!((network.reason(guest), network.held().1), (None, 2));
}

#[test]
fn the_answer_to_a_presence_is_timed_and_not_shown() {
    let (mut network, _, guest) = on_a_framed_server();
    assert_eq!(network.peers[guest].member.joined().round_trip(), Some(secs(0)));
    assert_eq!(network.saw(guest), []);
    let (network, _, guest) = on_a_bare_server();
    assert_eq!(network.peers[guest].member.joined().round_trip(), None);
}
