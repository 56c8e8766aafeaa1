//! The client with servers that speak as the original Python one does.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests assert, and have sockets"
)]

mod command;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

use command::{PATIENCE, RUNTIMES, Running, cli};
use protocol::udp::{Datagram, Text};

const CREATE: [&str; 2] = ["--create", "部屋"];
const JOIN: [&str; 2] = ["--join", "部屋"];

/// A server that answers one request as the Python one does: JSON alone, with spaces and \u escapes.
/// Gives its UDP socket, and the request's bytes.
fn answer_like_python(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = vec![0; 4096];
    let size = stream.read(&mut request).unwrap();
    request.truncate(size);
    let reply = br#"{"message": "\u30eb\u30fc\u30e0", "operation": 1, "state": 2, "user_name": "me", "token": "0123456789abcdef"}"#;
    stream.write_all(reply).unwrap();
    request
}

fn datagram(fields: [&str; 4]) -> Vec<u8> {
    let [room, user, token, text] = fields;
    let sizes = [room.len() as u8, user.len() as u8, token.len() as u8];
    [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
}

fn bound() -> (TcpListener, UdpSocket) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            return (listener, socket);
        }
    }
}

#[test]
fn it_speaks_with_a_server_like_the_python_one() {
    for runtime in RUNTIMES {
        let (listener, socket) = bound();
        let address = listener.local_addr().unwrap().to_string();
        let args = ["client", "--server", &address, "--runtime", runtime];
        let mut client = Running::start(cli(&args));
        client.type_in("me\n1\n部屋\n秘密\n");
        let request = answer_like_python(&listener);
        assert_eq!(request[..3], [6, 1, 0]);
        let payload = String::from_utf8(request[38..].to_vec()).unwrap();
        assert!(payload.starts_with(r#"{"user_name":"me","token":"","password":"秘密""#));
        client.err("* you are in 部屋 as me");

        let mut buffer = [0; 4096];
        let (size, from) = socket.recv_from(&mut buffer).unwrap();
        let presence = Datagram::parse(&buffer[..size]).unwrap();
        assert_eq!((presence.room(), presence.user()), ("部屋", "me"));
        assert_eq!((presence.token(), presence.text()), ("0123456789abcdef", Text::Presence));
        client.type_in("こんにちは\n");
        let (size, _) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(Datagram::parse(&buffer[..size]).unwrap().raw_text(), "こんにちは");

        // It relays each datagram as it came, the sender's token and all, and empty ones too.
        for text in ["", "やあ\u{1b}[31m", "SYSTEM_MESSAGE_TIME_OUT"] {
            socket.send_to(&datagram(["部屋", "ボブ", "bobs token", text]), from).unwrap();
        }
        assert_eq!(client.out("ボブ"), "ボブ: やあ[31m");
        client.err("* ボブ is gone");
        let closed = datagram(["部屋", "host", "", "SYSTEM_HOST_MESSAGE_TIME_OUT"]);
        socket.send_to(&closed, from).unwrap();
        assert_eq!(client.end().code, Some(5));
    }
}

#[test]
fn it_chats_by_a_bare_server_of_ours() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--reply", "bare", "--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "アリス", CREATE, &[]);
        let mut guest = Running::member(runtime, &address, "ボブ", JOIN, &[]);
        guest.type_in("やあ\n");
        assert_eq!(host.out("やあ"), "ボブ: やあ");
        guest.end_input();
        assert_eq!(guest.end().code, Some(0));
        // Who asked for no notices is told in the seed's words.
        host.err("* ボブ is gone");
        let refused = Running::start(cli(&[
            "client",
            "--server",
            &address,
            "--user",
            "x",
            "--create",
            "部屋",
            "--no-password",
        ]))
        .end();
        assert_eq!(refused.code, Some(4));
        assert!(refused.told().contains("room_exists"));
    }
}

#[test]
fn another_kind_of_server_is_said_to_be_one() {
    let (listener, _socket) = bound();
    let address = listener.local_addr().unwrap().to_string();
    let args = ["client", "--server", &address, "--user", "me", "--create", "r", "--no-password"];
    let client = Running::start(cli(&args));
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    let ended = client.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.told().contains(&address), "{ended:?}");
}
