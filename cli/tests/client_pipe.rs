//! The client with its input from a pipe: what scripts see of it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests assert, and run processes"
)]

mod command;

use command::{RUNTIMES, Running, cli};

const CREATE: [&str; 2] = ["--create", "部屋"];
const JOIN: [&str; 2] = ["--join", "部屋"];

#[test]
fn a_conversation_is_messages_on_one_output_and_the_rest_on_the_other() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "アリス", CREATE, &[]);
        let mut guest = Running::member(runtime, &address, "ボブ", JOIN, &[]);
        host.err("* ボブ joined");
        guest.type_in("やあ、アリス\n");
        assert_eq!(host.out("やあ"), "ボブ: やあ、アリス");
        host.type_in("ようこそ\n\n");
        assert_eq!(guest.out("ようこそ"), "アリス: ようこそ");
        guest.end_input();
        let guest = guest.end();
        assert_eq!((guest.code, &guest.out[..]), (Some(0), &["アリス: ようこそ".to_owned()][..]));
        assert!(guest.told().contains("with you: アリス") && !guest.told().contains("Your name"));
        host.err("* ボブ left");
        host.type_in("/quit\n");
        let host = host.end();
        assert_eq!((host.code, &host.out[..]), (Some(0), &["ボブ: やあ、アリス".to_owned()][..]));
    }
}

#[test]
fn what_was_said_last_arrives_before_the_leaving() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "host", CREATE, &[]);
        let mut guest = Running::member(runtime, &address, "guest", JOIN, &[]);
        let lines: String = (0..300).map(|n| format!("line {n}\n")).collect();
        guest.type_in(&lines);
        guest.end_input();
        assert_eq!(guest.end().code, Some(0));
        host.err("* guest left");
        host.end_input();
        let expected: Vec<_> = (0..300).map(|n| format!("guest: line {n}")).collect();
        assert_eq!(host.end().out, expected, "on {runtime}");
    }
}

#[test]
fn the_questions_are_answered_line_by_line_and_again_after_a_refusal() {
    let (_server, address) = Running::server(&[]);
    let mut host = Running::member("smol", &address, "host", CREATE, &[]);
    let mut guest = Running::start(cli(&["client", "--server", &address]));
    // A name and an operation that are none, a wrong password; then all in order.
    guest.type_in(" \nguest\n3\n2\n部屋\nwrong\n");
    guest.err("(wrong_password)");
    guest.type_in("guest\n2\n部屋\n秘密\nhello\n");
    assert_eq!(host.out("hello"), "guest: hello");
    guest.end_input();
    let guest = guest.end();
    assert_eq!(guest.code, Some(0));
    assert!(guest.told().contains("is neither 1 nor 2") && guest.told().contains("is empty"));
}

#[test]
fn every_end_has_its_code() {
    let (_server, address) = Running::server(&[]);
    let at = ["client", "--server", &address];
    let code = |args: &[&str], input: &str| {
        let mut client = Running::start(cli(&[&at[..], args].concat()));
        client.type_in(input);
        client.end_input();
        let ended = client.end();
        assert!(!ended.told().is_empty() && ended.out.is_empty(), "{ended:?}");
        ended.code
    };
    assert_eq!(code(&[], ""), Some(1));
    assert_eq!(code(&["--user", " "], ""), Some(2));
    assert_eq!(code(&["--password-file", "/nowhere/at/all"], "a\n1\nr\n"), Some(2));
    assert_eq!(code(&["--user", "a", "--join", "r", "--no-password"], "hi\n"), Some(4));
    assert_eq!(code(&[], "a\n2\nr\n\n"), Some(4));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(code(&["--server", &free.to_string()], "a\n1\n"), Some(2), "given twice");
    let dead = Running::start(cli(&[
        "client",
        "--server",
        &free.to_string(),
        "--user",
        "a",
        "--create",
        "r",
        "--no-password",
    ]))
    .end();
    assert_eq!(dead.code, Some(3));
    assert!(dead.told().contains(&free.to_string()), "{dead:?}");
}

#[test]
fn a_closed_room_ends_the_guests() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "host", CREATE, &[]);
        let guest = Running::member(runtime, &address, "guest", JOIN, &[]);
        host.err("* guest joined");
        host.end_input();
        assert_eq!(host.end().code, Some(0));
        let guest = guest.end();
        assert_eq!(guest.code, Some(5));
        assert!(guest.told().contains("the host has gone"));
    }
}

#[test]
fn a_stopping_server_ends_everyone() {
    for runtime in RUNTIMES {
        let (server, address) = Running::server(&["--runtime", runtime]);
        let host = Running::member(runtime, &address, "host", CREATE, &[]);
        server.signal("-TERM");
        assert_eq!(server.end().code, Some(0));
        let host = host.end();
        assert_eq!(host.code, Some(5));
        assert!(host.told().contains("the server is stopping"));
    }
}

#[test]
fn the_silent_are_warned_and_dropped_and_the_kept_alive_stay() {
    for runtime in RUNTIMES {
        let timing = ["--idle-timeout", "2s", "--sweep-interval", "100ms"];
        let (_server, address) = Running::server(&[&timing[..], &["--runtime", runtime]].concat());
        let keepalive = ["--keepalive", "200ms"];
        let mut host = Running::member(runtime, &address, "host", CREATE, &keepalive);
        let silent = Running::member(runtime, &address, "silent", JOIN, &[]);
        let mut kept = Running::member(runtime, &address, "kept", JOIN, &keepalive);
        let silent = silent.end();
        assert_eq!(silent.code, Some(6));
        assert!(silent.told().contains("in 500ms the server drops you"), "{silent:?}");
        host.err("* silent is gone");
        kept.type_in("still here\n");
        assert_eq!(host.out("still"), "kept: still here");
    }
}

#[test]
fn an_interrupt_leaves_the_room() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "host", CREATE, &[]);
        let guest = Running::member(runtime, &address, "guest", JOIN, &[]);
        host.err("* guest joined");
        guest.signal("-INT");
        assert_eq!(guest.end().code, Some(130));
        host.err("* guest left");
    }
}

#[test]
fn a_dead_server_is_noticed() {
    for runtime in RUNTIMES {
        let (server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "host", CREATE, &[]);
        server.signal("-KILL");
        server.end();
        host.type_in("anybody there?\n");
        host.err("* the server does not answer");
        assert_eq!(host.end().code, Some(3));
    }
}

#[test]
fn a_password_comes_from_a_file_as_well() {
    let (_server, address) = Running::server(&[]);
    let _host = Running::member("smol", &address, "host", CREATE, &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "秘密\n").unwrap();
    let file = file.to_str().unwrap();
    let args = ["client", "--server", &address, "--user", "guest", "--join", "部屋"];
    let mut guest = Running::start(cli(&[&args[..], &["--password-file", file]].concat()));
    guest.err("* you are in 部屋 as guest");
}

#[test]
fn what_cannot_be_sent_is_said_and_the_rest_goes_on() {
    let (_server, address) = Running::server(&[]);
    let mut host = Running::member("smol", &address, "host", CREATE, &[]);
    let mut guest = Running::member("smol", &address, "guest", JOIN, &[]);
    host.err("* guest joined");
    guest.type_in("SYSTEM_HOST_MESSAGE_TIME_OUT\n");
    guest.err("* not sent: a message cannot begin with SYSTEM_");
    // Longer than a datagram: it comes in pieces, and nothing of it is lost.
    let long = "あ".repeat(3000);
    guest.type_in(&format!("{long}\n"));
    guest.end_input();
    assert_eq!(guest.end().code, Some(0));
    host.err("* guest left");
    host.end_input();
    let said: String = host.end().out.iter().map(|line| line.replace("guest: ", "")).collect();
    assert!(said == long, "{} bytes of {}", said.len(), long.len());
}

#[test]
fn a_client_whose_notes_nobody_reads_leaves_properly() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "host", CREATE, &[]);
        let mut command = cli(&["client", "--server", &address, "--runtime", runtime]);
        command.args(["--user", "guest", "--join", "部屋"]).env("CHAT_PASSWORD", "秘密");
        command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null());
        let mut guest = command.spawn().unwrap();
        drop(guest.stderr.take());
        host.err("* guest joined");
        // This is a note to the guest, and then one about the other.
        std::io::Write::write_all(&mut guest.stdin.take().unwrap(), b"SYSTEM_x\n").unwrap();
        host.err("* guest left");
        assert_eq!(guest.wait().unwrap().code(), Some(0));
    }
}
