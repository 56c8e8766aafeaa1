//! `--reply bare`: what the original Python programs understand, and nothing else.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use protocol::udp::NoticeText;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Entry, Reply, Runtime, Server, connect, datagram, header, meet, on_both_runtimes, read_all,
    rooms_of,
};

on_both_runtimes!(
    a_reply_is_one_json_object_of_at_most_1024_bytes,
    a_bare_refusal_says_why,
    a_long_list_of_rooms_is_cut,
    notices_are_in_the_original_words_only,
    an_original_client_can_create_join_and_chat,
);

const BARE: [&str; 2] = ["--reply", "bare"];

/// What comes back for `request`, all of it.
fn answer(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server.address());
    stream.write_all(request).unwrap();
    let bytes = read_all(&stream);
    assert!(bytes.len() <= 1024, "{} bytes", bytes.len());
    String::from_utf8(bytes).unwrap()
}

fn a_reply_is_one_json_object_of_at_most_1024_bytes(runtime: Runtime) {
    let server = Server::start(runtime, &BARE);
    let longest = "名".repeat(85);
    let escaped = "\"\\".repeat(127);
    for (number, user) in ["アリス", &longest, &escaped].into_iter().enumerate() {
        let room = format!("部屋{number}");
        let entry = Entry::new(&room, user).notices();
        let created = answer(&server, &entry.request(1));
        let joined = answer(&server, &Entry { user: "ボブ", ..entry }.request(2));
        for (operation, user, text) in [(1, user, &created), (2, "ボブ", &joined)] {
            let reply = Reply::parse(text.as_bytes()).done();
            assert!(reply.frame.is_none());
            assert_eq!(reply.keys(), ["message", "operation", "state", "token", "user_name"]);
            assert_eq!(
                (&reply.json["operation"], &reply.json["state"]),
                (&operation.into(), &2.into())
            );
            assert_eq!(reply.json["user_name"], user);
        }
        assert!(joined.contains("ボブ") && !created.contains("\\u"), "as they are: {created}");
    }
}

fn a_bare_refusal_says_why(runtime: Runtime) {
    let server = Server::start(runtime, &BARE);
    let entry = Entry::new("部屋", "アリス");
    for (request, error, operation) in [
        (entry.request(2), "no_such_room", 2),
        (header(0, 77, 0), "invalid_request", 77),
        (header(0, 1, 1 << 29), "payload_too_large", 1),
    ] {
        let reply = Reply::parse(answer(&server, &request).as_bytes()).refused(error);
        assert!(reply.frame.is_none());
        assert_eq!(
            (&reply.json["state"], &reply.json["operation"]),
            (&1.into(), &operation.into())
        );
    }
}

fn a_long_list_of_rooms_is_cut(runtime: Runtime) {
    let server = Server::start(runtime, &BARE);
    for number in 0..30 {
        Entry::new(&format!("広い部屋{number:02}"), "主").create(server.address());
    }
    let text = answer(&server, &crate::support::request(4, "", &serde_json::json!({})));
    let reply = Reply::parse(text.as_bytes()).done();
    assert_eq!(reply.json["more"], true);
    let rooms = reply.json["rooms"].as_array().unwrap();
    assert!((1..30).contains(&rooms.len()), "{}", rooms.len());
    for (number, room) in rooms.iter().enumerate() {
        assert_eq!(room["name"], format!("広い部屋{number:02}"));
    }
}

fn notices_are_in_the_original_words_only(runtime: Runtime) {
    let server = Server::start(runtime, &BARE);
    let at = server.address();
    let host = Entry::new("部屋", "主").notices().create(at);
    let guest = Entry::new("部屋", "客").notices().join(at);
    meet(&[&host, &guest]);
    let other = Entry::new("部屋", "他").notices().join(at);
    // Nobody is told of the newcomer: what they hear next is what it says.
    meet(&[&host, &guest, &other]);
    other.leave().done();
    host.is_told(NoticeText::TimedOut, &other);
    guest.is_told(NoticeText::TimedOut, &other);
    assert_eq!(server.stop(Signal::INT).code, Some(0));
    host.is_told(NoticeText::RoomClosed, &host);
    guest.is_told(NoticeText::RoomClosed, &host);
}

/// The original client's way in: it connects before it asks the person, sends everything in one
/// write, and reads once.
fn original_entry(server: &Server, operation: u8, user: &str) -> (UdpSocket, String) {
    let mut stream = connect(server.address());
    thread::sleep(Duration::from_secs(2));
    // Python's `json.dumps` escapes what is not ASCII.
    let escaped: String = user.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let payload = format!(r#"{{"user_name": "{escaped}", "token": "", "password": "pass"}}"#);
    let room = "部屋";
    let head = header(room.len(), operation, payload.len());
    stream.write_all(&[&head, room.as_bytes(), payload.as_bytes()].concat()).unwrap();
    let mut buffer = [0; 1024];
    let size = stream.read(&mut buffer).unwrap();
    let reply: Value = serde_json::from_slice(&buffer[..size]).unwrap();
    assert_eq!((&reply["state"], &reply["user_name"]), (&2.into(), &user.into()));
    assert_eq!(stream.read(&mut buffer).unwrap(), 0, "that was all");
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    (socket, reply["token"].as_str().unwrap().to_owned())
}

fn an_original_client_can_create_join_and_chat(runtime: Runtime) {
    let server = Server::start(runtime, &BARE);
    let at = server.address();
    let says = |user: &str, (socket, token): &(UdpSocket, String), text: &str| {
        socket.send_to(&datagram("部屋", user, token, text.as_bytes()), at).unwrap();
    };
    let hears = |(socket, _): &(UdpSocket, String), user: &str, text: &str| {
        let mut buffer = [0; 4096];
        let (size, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, at);
        assert_eq!(buffer[..size], datagram("部屋", user, "", text.as_bytes()));
    };
    let alice = original_entry(&server, 1, "アリス");
    says("アリス", &alice, "アリス がルームに参加しました");
    let bob = original_entry(&server, 2, "ボブ");
    says("ボブ", &bob, "ボブ がルームに参加しました");
    hears(&alice, "ボブ", "ボブ がルームに参加しました");
    says("アリス", &alice, "ようこそ");
    hears(&bob, "アリス", "ようこそ");
    assert!(rooms_of(at).json["rooms"][0]["password"].as_bool().unwrap());
    let carol = Entry::new("部屋", "キャロル").password("pass").join(at);
    carol.say("私もここに");
    hears(&alice, "キャロル", "私もここに");
    hears(&bob, "キャロル", "私もここに");
}
