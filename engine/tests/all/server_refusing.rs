//! Scenarios of a server: every reason to refuse, in its order, and that nothing is left behind.

use std::time::Duration;

use engine::{
    Caps, Config, ConfigError, EntropyError, Event, Instant, SeededEntropy, Server, StartError,
};
use protocol::tcp::{ErrorCode, Operation, Reply};

use crate::world::{World, answered, ip, person, raw_request, second};

#[test]
fn a_room_cannot_be_opened_twice() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let again = person("部屋", "花子").create();
    assert_eq!(world.refusal(&again), ErrorCode::RoomExists);
    assert_eq!(world.rooms().rooms[0].members, 1);
    world.create("部屋 ２", "花子");
}

#[test]
fn a_room_that_is_not_there_cannot_be_entered() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let request = person("部室", "花子").join();
    assert_eq!(world.refusal(&request), ErrorCode::NoSuchRoom);
}

#[test]
fn a_password_is_needed_where_there_is_one_and_only_there() {
    let mut world = World::new();
    let locked = person("locked", "太郎").password("秘密");
    world.admit(Operation::Create, &locked);
    world.create("open", "太郎");
    for (room, password) in
        [("locked", ""), ("locked", "秘"), ("locked", "秘密 "), ("open", "秘密")]
    {
        let request = person(room, "花子").password(password).join();
        assert_eq!(world.refusal(&request), ErrorCode::WrongPassword, "{room}");
    }
}

#[test]
fn a_name_is_borne_once_in_a_room() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    for taken in ["太郎", "花子"] {
        let request = person("部屋", taken).join();
        assert_eq!(world.refusal(&request), ErrorCode::NameTaken);
    }
    world.leave(&guest);
    world.join("部屋", "花子");
    let request = person("部屋", "花子").join();
    assert_eq!(world.refusal(&request), ErrorCode::NameTaken);
}

#[test]
fn a_room_takes_its_cap_and_its_host_counts() {
    let mut world = World::capped(Caps { room_members: 2, ..Caps::default() });
    world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    let request = person("部屋", "次郎").join();
    assert_eq!(world.refusal(&request), ErrorCode::RoomFull);
    world.leave(&guest);
    world.join("部屋", "次郎");
}

#[test]
fn the_server_takes_its_cap_of_rooms() {
    let mut world = World::capped(Caps { rooms: 2, ..Caps::default() });
    let host = world.create("一", "太郎");
    world.create("二", "太郎");
    let request = person("三", "太郎").create();
    assert_eq!(world.refusal(&request), ErrorCode::ServerFull);
    // Joining opens no room.
    world.join("二", "花子");
    world.leave(&host);
    world.create("三", "太郎");
}

#[test]
fn the_server_takes_its_cap_of_members() {
    let mut world = World::capped(Caps { members: 2, ..Caps::default() });
    world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    let join = person("部屋", "次郎").join();
    assert_eq!(world.refusal(&join), ErrorCode::ServerFull);
    let create = person("別の部屋", "次郎").create();
    assert_eq!(world.refusal(&create), ErrorCode::ServerFull);
    world.leave(&guest);
    world.create("別の部屋", "次郎");
}

#[test]
fn who_does_not_know_the_password_learns_nothing_else() {
    let mut world =
        World::capped(Caps { room_members: 1, members: 1, rooms: 1, ..Caps::default() });
    let host = person("部屋", "太郎").password("秘密");
    world.admit(Operation::Create, &host);
    let stranger = person("部屋", "太郎").password("密").join();
    assert_eq!(world.refusal(&stranger), ErrorCode::WrongPassword);
    // Then, in this order: the name, the room, the server.
    assert_eq!(world.refusal(&host.join()), ErrorCode::NameTaken);
    let other = person("部屋", "花子").password("秘密").join();
    assert_eq!(world.refusal(&other), ErrorCode::RoomFull);
    assert_eq!(world.refusal(&host.create()), ErrorCode::RoomExists);
}

#[test]
fn a_request_that_makes_no_sense_is_invalid() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    let user = r#"{"user_name":"花子"}"#;
    let long = format!(r#"{{"user_name":"{}"}}"#, "あ".repeat(86));
    let nested = "[".repeat(60_000);
    for (room, payload) in [
        ("部屋", ""),
        ("部屋", "{}"),
        ("部屋", "[]"),
        ("部屋", r#"{"user_name":7}"#),
        ("部屋", r#"{"user_name":"花子""#),
        ("部屋", r#"{"user_name":"花子","password":7}"#),
        ("部屋", r#"{"user_name":"花子","token":[]}"#),
        ("部屋", r#"{"user_name":" 花子"}"#),
        ("部屋", r#"{"user_name":""}"#),
        ("部屋", r#"{"user_name":"a\u001bb"}"#),
        ("部屋", r#"{"user_name":"a\u202eb"}"#),
        ("部屋", &long),
        ("部屋", &nested),
        ("", user),
        ("部屋\u{3000}", user),
        ("部\n屋", user),
    ] {
        for operation in 1..=3 {
            let request = raw_request(operation, 0, room.as_bytes(), payload.as_bytes());
            let error = world.refusal(&request);
            assert_eq!(error, ErrorCode::InvalidRequest, "{operation} {payload:.40}");
        }
    }
    let request = raw_request(2, 0, b"\xe9", user.as_bytes());
    assert_eq!(world.refusal(&request), ErrorCode::InvalidRequest);
    let request = raw_request(2, 0, b"r", b"{\"user_name\":\"\xe9\"}");
    assert_eq!(world.refusal(&request), ErrorCode::InvalidRequest);
}

#[test]
fn an_operation_or_a_state_that_the_wire_does_not_have_is_invalid() {
    let mut world = World::new();
    let user = r#"{"user_name":"太郎"}"#.as_bytes();
    for (operation, state) in [(1, 1), (1, 2), (1, 3), (2, 255), (4, 2), (4, 9)] {
        let request = raw_request(operation, state, b"r", user);
        assert_eq!(world.refusal(&request), ErrorCode::InvalidRequest);
    }
    for operation in [0, 5, 255] {
        let exchange = world.ask(ip("192.0.2.1"), &raw_request(operation, 0, b"r", user));
        // The header repeats the operation as it came, and no room, since none was read.
        assert_eq!(exchange.reply[..3], [0, operation, 1]);
        let json = std::str::from_utf8(&exchange.reply[32..]).unwrap();
        assert!(json.contains(r#""error":"invalid_request""#), "{json}");
        assert!(json.contains(&format!(r#""operation":{operation}"#)));
    }
    assert_eq!((world.held(), world.server.counters().refusals), ((0, 0), 9));
}

#[test]
fn a_refusal_repeats_the_room_where_it_is_valid() {
    let mut world = World::new();
    for (room, payload, size) in
        [("部屋".as_bytes(), "{}", 6), (b"\xff\xff", "{}", 0), (b" r", r#"{"user_name":"a"}"#, 0)]
    {
        let exchange = world.ask(ip("192.0.2.1"), &raw_request(2, 0, room, payload.as_bytes()));
        assert_eq!(exchange.reply[..3], [size, 2, 1]);
    }
    let exchange = world.ask(ip("192.0.2.1"), &person("部屋", "太郎").join());
    assert_eq!(exchange.reply[..3], [6, 2, 1]);
    assert_eq!(&exchange.reply[32..38], "部屋".as_bytes());
}

#[test]
fn a_request_that_ends_too_early_is_invalid() {
    let mut world = World::new();
    let request = person("部屋", "太郎").create();
    for (cut, operation) in [(1, 0), (31, 0), (32, 1), (35, 1), (request.len() - 1, 1)] {
        let (connection, _) = world.open(ip("192.0.2.1"));
        assert_eq!(world.receive(connection, &request[..cut]), []);
        let actions = world.event(Event::Ended { connection });
        let exchange = answered(connection, &actions);
        assert_eq!(exchange.reply[..3], [0, operation, 1], "after {cut}");
        let json = std::str::from_utf8(&exchange.reply[32..]).unwrap();
        assert!(json.contains(r#""error":"invalid_request""#), "{json}");
        assert_eq!(world.receive(connection, &request[cut..]), []);
        world.event(Event::Closed { connection });
    }
    assert_eq!((world.held(), world.server.counters().refusals), ((0, 0), 5));
    assert_eq!(world.census().connections, 0);
}

#[test]
fn a_payload_over_the_cap_is_refused_by_its_header_alone() {
    let mut world = World::new();
    // 2^29, which the wire allows and this server does not; 2^231; one more than the cap.
    for (at, byte) in [(28, 0x20), (3, 0x80), (29, 1)] {
        let mut header = [0; 32];
        (header[0], header[1]) = (6, 1);
        header[at] = byte;
        header[31] = 1;
        let (connection, _) = world.open(ip("192.0.2.1"));
        assert_eq!(world.receive(connection, &header[..31]), []);
        let actions = world.receive(connection, &header[31..]);
        let Reply::Refused(refusal) = answered(connection, &actions).done() else {
            panic!("refused")
        };
        assert_eq!(refusal.error, ErrorCode::PayloadTooLarge, "byte {at}");
        assert!(refusal.message.contains("65536"), "{refusal}");
        assert_eq!(world.receive(connection, "部屋{}".as_bytes()), []);
    }
    assert_eq!((world.held(), world.server.counters().refusals), ((0, 0), 3));
}

#[test]
fn a_payload_of_exactly_the_cap_is_taken() {
    let payload = r#"{"user_name":"太郎"}"#;
    let cap = u32::try_from(payload.len()).unwrap();
    for (cap, error) in [(cap, None), (cap - 1, Some(ErrorCode::PayloadTooLarge))] {
        let mut world = World::capped(Caps { payload: cap, ..Caps::default() });
        let request = raw_request(1, 0, b"r", payload.as_bytes());
        assert_eq!(world.ask(ip("192.0.2.1"), &request).admitted().err(), error);
    }
}

/// A server whose source of randomness fills with these bytes, one each time that it is asked, and
/// fails at `None` and after the last. Two are for the server's keys.
fn world_with_entropy<const N: usize>(fillings: [Option<u8>; N]) -> World {
    let mut fillings = fillings.into_iter();
    let entropy = move |bytes: &mut [u8]| {
        bytes.fill(fillings.next().flatten().ok_or(EntropyError)?);
        Ok(())
    };
    World::of(Server::new(Config::default(), entropy, Instant::ZERO).unwrap())
}

#[test]
fn without_randomness_nobody_is_let_in_for_now() {
    let mut world = world_with_entropy([Some(0), Some(0), None, Some(1), None, Some(2)]);
    let create = person("部屋", "太郎").create();
    assert_eq!(world.refusal(&create), ErrorCode::TryLater);
    world.create("部屋", "太郎");
    let join = person("部屋", "花子").join();
    assert_eq!(world.refusal(&join), ErrorCode::TryLater);
    world.join("部屋", "花子");
    assert_eq!(world.server.counters().joins, 2);
}

#[test]
fn a_source_that_repeats_itself_still_issues_different_tokens() {
    let mut world = world_with_entropy([Some(7); 5]);
    let [host, guest] = [world.create("部屋", "太郎"), world.join("部屋", "花子")];
    assert_ne!(host.token, guest.token);
    assert_eq!(world.tick_at(second(140)), []);
    assert_eq!(world.census().remembered_tokens, 2);
    let again = world.create("部屋", "太郎");
    assert!(again.token != host.token && again.token != guest.token);
}

#[test]
fn a_server_that_could_not_work_does_not_begin() {
    let none = |_: &mut [u8]| Err(EntropyError);
    let error = Server::new(Config::default(), none, Instant::ZERO).unwrap_err();
    assert!(matches!(error, StartError::Entropy(_)), "{error}");
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    type Setting = fn(&mut Config);
    let zeros: [(&str, Setting); 8] = [
        ("idle timeout", |config| config.idle_timeout = Duration::ZERO),
        ("sweep interval", |config| config.sweep_interval = Duration::ZERO),
        ("on a payload", |config| config.caps.payload = 0),
        ("on rooms", |config| config.caps.rooms = 0),
        ("on a room's members", |config| config.caps.room_members = 0),
        ("on members", |config| config.caps.members = 0),
        ("on connections is", |config| config.caps.connections = 0),
        ("from one address", |config| config.caps.connections_per_address = 0),
    ];
    let start = |config| Server::new(config, SeededEntropy::new(7), Instant::ZERO);
    for (named, spoil) in zeros {
        let mut config = Config::default();
        spoil(&mut config);
        let error = start(config).unwrap_err();
        let is_zero = matches!(error, StartError::Config(ConfigError::Zero { .. }));
        assert!(is_zero && error.to_string().contains(named), "{error}");
    }
    for (payload, starts) in [(1 << 29, true), ((1 << 29) + 1, false)] {
        let mut config = Config::default();
        config.caps.payload = payload;
        assert_eq!(start(config).is_ok(), starts);
    }
    let mut config = Config::default();
    config.caps.remembered_tokens = 0;
    assert!(start(config).is_ok());
}
