//! `cli demo`: the same story every time, within 80 columns, and with every kind of packet.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

use unicode_width::UnicodeWidthChar;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
    command.arg("demo").args(arguments);
    command
}

/// What it writes; it is to end well and to complain of nothing.
fn output(arguments: &[&str]) -> String {
    let output = demo(arguments).output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*complaints), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// What stands in somebody's column, from top to bottom, without the white space of the layout.
fn column(output: &str, person: usize) -> String {
    let cells = output.lines().filter_map(|line| {
        let (_, cells) = line.split_once(" |")?;
        cells.split(" | ").nth(person)
    });
    let text: String = cells.collect();
    text.replace([' ', '|'], "")
}

/// The packets, each with its heading and its fields.
fn packets(output: &str) -> Vec<&str> {
    output.split("\n\n").filter(|part| part.lines().next().unwrap().contains('→')).collect()
}

#[test]
fn is_the_same_every_time() {
    for arguments in [&[][..], &["--wire"]] {
        assert_eq!(output(arguments), output(arguments));
    }
}

#[test]
fn tells_the_story_as_each_of_them_sees_it() {
    let output = output(&[]);
    let [alice, bob, carol] = [0, 1, 2].map(|person| column(&output, person));
    for (seen, lines) in [
        (
            &alice,
            &[
                "[create広場,password開けゴマ]",
                "*ボブjoined",
                "*caroljoined",
                "carol:Hi!",
                ">ようこそ、広場へ！",
                "ボブ:こんにちは。",
                "*caroltimedout",
                "[leave広場]",
                "*youleft(exitcode0)",
            ][..],
        ),
        (
            &bob,
            &[
                "*youarein広場,withalice",
                "*caroljoined",
                "alice:ようこそ、広場へ！",
                ">こんにちは。",
                "[presence]",
                "*caroltimedout",
                "(exitcode5)",
            ],
        ),
        (
            &carol,
            &[
                "passwordopensesame]",
                "*refused:thepasswordiswrong(wrong_password)",
                "*youarein広場,withalice,ボブ",
                ">Hi!",
                "ボブ:こんにちは。",
                "*30smoreofsilence,andyouaredropped",
                "(exitcode6)",
            ],
        ),
    ] {
        let mut rest = &seen[..];
        for line in lines {
            let Some((_, after)) = rest.split_once(line) else {
                panic!("{line} is not where it should be in {seen}")
            };
            rest = after;
        }
    }
    assert!(!carol.contains("timedout"), "she is told of her own end in other words: {carol}");
}

#[test]
fn the_clock_jumps() {
    let output = output(&[]);
    let at = |time: &str, what: &str| {
        let line = output.lines().find(|line| line.starts_with(time));
        assert!(line.is_some_and(|line| line.contains(what)), "{time} {what}: {line:?}");
    };
    at("00:35", "> Hi!");
    at("02:05", "* 30 s more");
    at("02:40", "* carol timed out");
    assert!(output.contains("s later"));
}

#[test]
fn shows_every_kind_of_packet_field_by_field() {
    let output = output(&["--wire"]);
    let packets = packets(&output);
    for (heading, fields) in [
        ("alice → server, TCP", &["create request", "01  ", "Operation", "1  create"][..]),
        ("server → alice, TCP", &["reply: create done", "State", "2  reply: done", r#""token":""#]),
        ("carol → server, TCP", &["join request", r#""password":"open sesame","#]),
        ("server → carol, TCP", &["reply: refused", "01  ", r#""error":"wrong_password"}"#]),
        ("server → ボブ, TCP", &["reply: join done", r#""members":["alice"],"#]),
        ("alice → server, TCP", &["leave request", r#""token":""#]),
        ("server → alice, TCP", &["reply: leave done"]),
        ("ボブ → server, UDP", &["presence", "e3 83 9c e3 83 96", "UserName", "ボブ"]),
        ("carol → server, UDP", &["chat", "TokenSize", "38", "Hi! 開けゴマ"]),
        ("server → ボブ, UDP", &["relayed chat", "00  ", "TokenSize", "0  tokens are not"]),
        ("server → alice, UDP", &["notice: a guest joined", "SYSTEM_MEMBER_JOINED"]),
        ("server → carol, UDP", &["notice: a guest timed out", "SYSTEM_MESSAGE_TIME_OUT"]),
        ("server → ボブ, UDP", &["notice: the room is closed", "SYSTEM_HOST_MESSAGE_TIME_OUT"]),
    ] {
        let is_it = |packet: &&str| {
            packet.starts_with(heading) && fields.iter().all(|field| packet.contains(field))
        };
        assert!(packets.iter().any(is_it), "{heading} {fields:?}");
    }
    assert!(!output.contains("no valid") && !output.contains("ignored"));
}

#[test]
fn packets_are_shown_only_when_asked_for() {
    let without = output(&[]);
    assert!(packets(&without).is_empty());
    let with = output(&["--wire"]);
    for line in without.lines() {
        assert!(with.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    for arguments in [&[][..], &["--wire"]] {
        for line in output(arguments).lines() {
            let columns: usize = line.chars().map(|c| c.width().unwrap()).sum();
            assert!(columns <= 80, "{columns}: {line}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = demo(&["--wire"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));

    let mut child = demo(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("server"), "{line}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
