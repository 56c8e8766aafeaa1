//! Scenarios of a server: opening rooms and entering them, and how the reply looks.

use std::time::Duration;

use engine::{Config, Event};
use protocol::tcp::{Feature, Features, Limits, Operation, ReplyForm, ReplyText, State};
use protocol::udp::NoticeText;

use crate::world::{
    World, all, answered, assert_token, chat, ip, nothing, notice, person, raw_request,
};

#[test]
fn a_host_opens_a_room_and_guests_enter_it() {
    let mut world = World::new();
    let host = world.admit(Operation::Create, &person("部屋", "太郎"));
    assert_eq!(host.reply.members, Vec::<String>::new());
    assert_eq!((world.held(), host.told), ((1, 1), nothing()));

    let first = world.admit(Operation::Join, &person("部屋", "花子"));
    assert_eq!(first.reply.members, ["太郎"]);
    let second = world.admit(Operation::Join, &person("部屋", "次郎"));
    assert_eq!(second.reply.members, ["太郎", "花子"]);
    assert_eq!(world.held(), (1, 3));

    let tokens = [host.client.token, first.client.token, second.client.token];
    tokens.iter().for_each(|token| assert_token(token));
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    let counters = world.server.counters();
    assert_eq!((counters.rooms_created, counters.joins), (1, 3));
    assert_eq!((counters.connections, counters.refusals), (3, 0));
}

#[test]
fn a_reply_tells_what_the_server_will_hold_the_member_to() {
    let limits = limits_told(Config::default());
    assert_eq!(limits, Limits::default());
    let limits = limits_told(Config {
        idle_timeout: Duration::from_millis(2500),
        sweep_interval: Duration::from_secs(1),
        ..Config::default()
    });
    let expected = Limits {
        idle_timeout: Duration::from_millis(2500),
        sweep_interval: Duration::from_secs(1),
        max_datagram: 4096,
    };
    assert_eq!(limits, expected);
}

fn limits_told(config: Config) -> Limits {
    let welcome = World::with(config).admit(Operation::Create, &person("部屋", "太郎"));
    welcome.reply.limits
}

#[test]
fn the_reply_repeats_the_operation_and_the_room() {
    let mut world = World::new();
    for (operation, request) in [
        (Operation::Create, person("部屋", "太郎").create()),
        (Operation::Join, person("部屋", "花子").join()),
    ] {
        let exchange = world.ask(ip("192.0.2.1"), &request);
        let ReplyText::Framed(frame) = exchange.text() else { panic!("a framed reply") };
        assert_eq!(frame.header().operation(), operation);
        assert_eq!(frame.header().state(), State::Done);
        assert_eq!(frame.room(), "部屋".as_bytes());
    }
}

#[test]
fn what_the_server_knows_of_what_was_asked_for_is_granted() {
    let mut world = World::new();
    let plain = world.admit(Operation::Create, &person("部屋", "太郎"));
    assert_eq!(plain.reply.features, Features::NONE);
    let asked = person("部屋", "花子").notices();
    let asked = world.admit(Operation::Join, &asked);
    let notices = Features::NONE.with(Feature::Notices);
    assert_eq!(asked.reply.features, notices);

    let payload = r#"{"user_name":"次郎","features":["teleport","notices"]}"#;
    let request = raw_request(2, 0, "部屋".as_bytes(), payload.as_bytes());
    let reply = world.ask(ip("192.0.2.1"), &request).admitted().unwrap();
    assert_eq!(reply.features, notices);
}

#[test]
fn a_bare_reply_is_short_json_without_the_additions_and_grants_none() {
    let mut world = World::with(Config { reply_form: ReplyForm::Bare, ..Config::default() });
    let host = world.admit(Operation::Create, &person("部屋", "太郎").notices());
    assert_eq!(host.reply.features, Features::NONE);
    let exchange = world.ask(ip("192.0.2.1"), &person("部屋", "花子").notices().join());
    assert!(matches!(exchange.text(), ReplyText::Bare(_)));
    assert!(exchange.reply.len() <= 1024);
    let json = std::str::from_utf8(&exchange.reply).unwrap();
    assert!(json.contains(r#""operation":2,"state":2,"user_name":"花子","token":""#));
    for addition in ["members", "features", "limits", "error"] {
        assert!(!json.contains(addition), "{json}");
    }

    // Nobody was told that there are additional notices, so nobody gets one.
    world.present([&host.client]);
    let guest = world.admit(Operation::Join, &person("部屋", "次郎").notices());
    assert_eq!(guest.told, nothing());
    let told = world.leave(&guest.client);
    let timed_out = notice(NoticeText::TimedOut, &guest.client, &host.client);
    assert_eq!(told, all([timed_out]));
}

#[test]
fn a_bare_refusal_says_why() {
    let mut world = World::with(Config { reply_form: ReplyForm::Bare, ..Config::default() });
    let exchange = world.ask(ip("192.0.2.1"), &person("部屋", "太郎").join());
    let json = std::str::from_utf8(&exchange.reply).unwrap();
    assert!(json.starts_with('{') && json.contains(r#""operation":2,"state":1,"#));
    assert!(json.contains(r#""error":"no_such_room""#) && !json.contains("token"));
}

#[test]
fn those_who_asked_for_notices_are_told_who_joined() {
    let mut world = World::new();
    let host = world.admit(Operation::Create, &person("部屋", "太郎").notices());
    let curious = world.admit(Operation::Join, &person("部屋", "花子").notices());
    let plain = world.admit(Operation::Join, &person("部屋", "次郎"));
    let elsewhere = world.admit(Operation::Create, &person("別の部屋", "三郎").notices());
    let unheard = world.admit(Operation::Join, &person("部屋", "四郎").notices());
    let (host, curious) = (host.client, curious.client);
    // Whoever has no address yet is not told.
    assert_eq!(unheard.told, nothing());
    world.present([&host, &curious, &plain.client, &elsewhere.client]);

    let newcomer = world.admit(Operation::Join, &person("部屋", "五郎").notices());
    let joined = |to| notice(NoticeText::Joined, &newcomer.client, to);
    assert_eq!(newcomer.told, all([joined(&host), joined(&curious)]));
    assert_eq!(newcomer.reply.members.len(), 4);
}

#[test]
fn a_user_name_may_be_borne_in_many_rooms() {
    let mut world = World::new();
    let here = world.create("部屋", "太郎");
    let there = world.create("別の部屋", "太郎");
    let neighbour = world.join("別の部屋", "花子");
    assert_eq!(world.held(), (2, 3));
    world.present([&here, &there, &neighbour]);
    let heard = world.say(&there, "やあ");
    assert_eq!(heard, all([chat(&there, "やあ", &neighbour)]));
}

#[test]
fn a_missing_password_is_the_empty_one() {
    let mut world = World::new();
    world.ask(ip("192.0.2.1"), &raw_request(1, 0, b"open", br#"{"user_name":"a"}"#));
    world.admit(Operation::Join, &person("open", "b").password(""));
    world.admit(Operation::Create, &person("also open", "a").password(""));
    let without = raw_request(2, 0, b"also open", br#"{"user_name":"b"}"#);
    assert!(world.ask(ip("192.0.2.1"), &without).admitted().is_ok());
    assert_eq!(world.held(), (2, 4));
}

#[test]
fn a_password_lets_in_who_knows_it() {
    let mut world = World::new();
    let secret = |user| person("部屋", user).password("開けゴマ");
    world.admit(Operation::Create, &secret("太郎"));
    let guest = world.admit(Operation::Join, &secret("花子"));
    assert_eq!(guest.reply.members, ["太郎"]);
}

#[test]
fn a_request_may_come_one_byte_at_a_time() {
    let mut world = World::new();
    let (connection, _) = world.open(ip("192.0.2.1"));
    let request = person("部屋", "太郎").password("秘密").create();
    let (last, head) = request.split_last().unwrap();
    for byte in head {
        assert_eq!(world.receive(connection, &[*byte]), []);
        assert_eq!(world.held(), (0, 0));
    }
    let actions = world.receive(connection, &[*last]);
    assert!(answered(connection, &actions).admitted().is_ok());
    assert_eq!(world.held(), (1, 1));
}

#[test]
fn what_follows_a_request_is_ignored_and_there_is_one_reply_only() {
    let mut world = World::new();
    let (connection, _) = world.open(ip("192.0.2.1"));
    let another = person("別の部屋", "太郎").create();
    let both = [person("部屋", "太郎").create(), another.clone()].concat();
    let actions = world.receive(connection, &both);
    assert!(answered(connection, &actions).admitted().is_ok());
    assert_eq!(world.receive(connection, &another), []);
    assert_eq!(world.held(), (1, 1));
    assert_eq!(world.rooms().rooms[0].name, "部屋");
}

#[test]
fn connections_do_not_mix() {
    let mut world = World::new();
    let requests = [person("一", "太郎").create(), person("二", "太郎").create()];
    let [(one, _), (two, _)] = [world.open(ip("192.0.2.1")), world.open(ip("192.0.2.1"))];
    let [(head_one, tail_one), (head_two, tail_two)] =
        [requests[0].split_at(33), requests[1].split_at(20)];
    assert_eq!(world.receive(one, head_one), []);
    assert_eq!(world.receive(two, head_two), []);
    let reply = answered(two, &world.receive(two, tail_two));
    assert!(reply.admitted().is_ok());
    let reply = answered(one, &world.receive(one, tail_one));
    assert!(reply.admitted().is_ok());
    assert_eq!(world.held(), (2, 2));
    let actions = world.event(Event::Closed { connection: one });
    assert_eq!((actions.len(), world.census().connections), (0, 1));
}
