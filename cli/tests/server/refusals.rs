//! Every reason for which a whole request is refused.

use serde_json::{Value, json};

use crate::support::{
    Entry, Member, Reply, Runtime, Server, header, meet, on_both_runtimes, request, rooms_of,
};

on_both_runtimes!(
    who_may_not_enter_is_told_why,
    what_is_full_takes_nobody_until_somebody_goes,
    a_bad_payload_or_name_is_refused,
    an_unknown_operation_or_state_is_refused_and_repeated,
);

fn who_may_not_enter_is_told_why(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Entry::new("部屋", "アリス").password("開けゴマ").create(at);
    let bob = Entry::new("部屋", "ボブ").password("開けゴマ");
    for (operation, entry, error) in [
        (1, bob, "room_exists"),
        (2, Entry { room: "へや", ..bob }, "no_such_room"),
        (2, bob.password(""), "wrong_password"),
        (2, bob.password("開けごま"), "wrong_password"),
        (2, Entry { user: "アリス", ..bob }, "name_taken"),
        // The first reason counts.
        (2, Entry { user: "アリス", password: "", ..bob }, "wrong_password"),
    ] {
        let reply = entry.ask(operation, at).refused(error);
        assert_eq!(reply.frame, Some((operation, 1, entry.room.to_owned())));
        assert_eq!(reply.keys(), ["error", "message", "operation", "state"]);
    }
    let bob = bob.join(at);
    meet(&[&alice, &bob]);
    // A room without a password takes the empty one alone.
    Member::create(at, "広場", "アリス");
    Entry::new("広場", "ボブ").password("x").ask(2, at).refused("wrong_password");
    Member::join(at, "広場", "ボブ");
}

fn what_is_full_takes_nobody_until_somebody_goes(runtime: Runtime) {
    let options = ["--max-rooms", "2", "--max-room-members", "3", "--max-members", "4"];
    let server = Server::start(runtime, &options);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブ");
    Member::join(at, "部屋", "キャロル");
    Entry::new("部屋", "デイブ").ask(2, at).refused("room_full");
    let other = Member::create(at, "広場", "アリス");
    Entry::new("庭", "ボブ").ask(1, at).refused("server_full");
    Entry::new("広場", "ボブ").ask(2, at).refused("server_full");
    bob.leave().done();
    Member::join(at, "部屋", "デイブ");
    other.leave().done();
    Member::create(at, "庭", "ボブ");
    alice.leave().done();
    Member::create(at, "部屋", "エレン");
    assert_eq!(rooms_of(at).json["rooms"].as_array().unwrap().len(), 2);
}

fn a_bad_payload_or_name_is_refused(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let refused = |room: &[u8], payload: &[u8]| {
        let request = [&header(room.len(), 1, payload.len()), room, payload].concat();
        Reply::to(&request, at).refused("invalid_request").frame.unwrap()
    };
    for payload in [
        &b""[..],
        b"{",
        b"[]",
        b"\"a\"",
        b"{}",
        b"{}{}",
        b"\x00",
        br#"{"user_name":7}"#,
        br#"{"user_name":null}"#,
        br#"{"user_name":"a","user_name":"a"}"#,
        br#"{"user_name":"a","password":1}"#,
        br#"{"user_name":"a","features":"notices"}"#,
        br#"{"user_name":"a"}x"#,
        b"{\"user_name\":\"\xff\"}",
        &[br#"{"x":"#, &[b'['; 60_000][..]].concat(),
    ] {
        assert_eq!(refused("部屋".as_bytes(), payload), (1, 1, "部屋".to_owned()));
    }
    let too_long = "名".repeat(86);
    for name in ["", " ", "\u{3000}", " a", "a\u{3000}", "a\nb", "\u{7f}", "a\u{202e}b", &too_long]
    {
        let payload = json!({ "user_name": name }).to_string();
        assert_eq!(refused("部屋".as_bytes(), payload.as_bytes()), (1, 1, "部屋".to_owned()));
    }
    let named = json!({ "user_name": "アリス" }).to_string();
    for room in [&b""[..], b" ", b"\xe9\x83", b"\xff", b"a\x00b", "\u{2066}a".as_bytes()] {
        assert_eq!(refused(room, named.as_bytes()), (1, 1, String::new()));
    }
    assert_eq!(rooms_of(at).json["rooms"], json!([]));
}

fn an_unknown_operation_or_state_is_refused_and_repeated(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let body = json!({ "user_name": "アリス" });
    for operation in [0, 5, 77, 255] {
        let reply = Reply::to(&request(operation, "部屋", &body), at).refused("invalid_request");
        assert_eq!(reply.frame, Some((operation, 1, String::new())));
    }
    for state in [1, 2, 3, 255] {
        let mut request = request(1, "部屋", &body);
        request[2] = state;
        Reply::to(&request, at).refused("invalid_request");
    }
    // What is unknown within the payload is not a reason.
    let more = json!({ "user_name": "アリス", "password": Value::Null, "x": [{ "y": 1 }] });
    Reply::to(&request(1, "部屋", &more), at).done();
}
