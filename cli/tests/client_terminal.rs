//! The client on a terminal: what a person sees of it.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests assert, and run processes"
)]

mod command;

use std::process::Command;

use command::{PATIENCE, RUNTIMES, Running, cli};
use rexpect::session::{PtySession, spawn_command};

const CREATE: [&str; 2] = ["--create", "部屋"];

fn terminal(mut command: Command) -> PtySession {
    command.env("TERM", "xterm");
    spawn_command(command, Some(PATIENCE.as_millis() as u64)).unwrap()
}

/// The exit code, which the status shows only in words: `Exited(Pid(7), 130)`.
fn code(session: &PtySession) -> i32 {
    let status = format!("{:?}", session.process().wait().unwrap());
    let code = status.strip_prefix("Exited(").and_then(|rest| rest.split_once(", "));
    code.and_then(|(_, code)| code.strip_suffix(')')?.parse().ok()).expect(&status)
}

/// `text` as rexpect shows it: each byte as a character.
fn bytewise(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

/// The command with `args` on a terminal that echoes, after which a line says how it ended and
/// whether the terminal is as it was.
fn watched(args: &[&str], password: Option<&str>) -> PtySession {
    let script = "trap : INT; stty echo; before=$(stty -g); \"$@\"; \
                  echo code $? $(test \"$before\" = \"$(stty -g)\" && echo restored)";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_cli")]).args(args);
    command.env_remove("CHAT_PASSWORD").env_remove("CHAT_USER").env_remove("CHAT_SERVER");
    if let Some(password) = password {
        command.env("CHAT_PASSWORD", password);
    }
    terminal(command)
}

/// Answers the questions in the seed's order.
fn answer(session: &mut PtySession, answers: [&str; 4]) {
    let prompts = ["Your name: ", "1 to create a room, 2 to join one: ", "Room name: ", "Password"];
    for (prompt, answer) in prompts.into_iter().zip(answers) {
        session.exp_string(prompt).unwrap();
        session.send_line(answer).unwrap();
    }
}

#[test]
fn a_person_is_asked_chats_and_quits() {
    for runtime in RUNTIMES {
        let (_server, address) = Running::server(&["--runtime", runtime]);
        let mut host = Running::member(runtime, &address, "アリス", CREATE, &[]);
        let mut person = terminal(cli(&["client", "--server", &address, "--runtime", runtime]));
        answer(&mut person, ["ボブ", "2", "部屋", "違う"]);
        let shown = person.exp_string("(wrong_password)").unwrap();
        assert!(!shown.contains(&bytewise("違う")), "the password is shown: {shown}");
        answer(&mut person, ["ボブ", "2", "部屋", "秘密"]);
        let shown = person.exp_string(&bytewise("with you: アリス")).unwrap();
        assert!(!shown.contains(&bytewise("秘密")), "the password is shown: {shown}");
        person.exp_string("> ").unwrap();
        person.send_line("こんばんは").unwrap();
        assert_eq!(host.out("こん"), "ボブ: こんばんは");
        host.type_in("いらっしゃい\n");
        person.exp_string(&bytewise("アリス: いらっしゃい")).unwrap();
        person.send_line("/quit").unwrap();
        assert_eq!(code(&person), 0);
        host.err("* ボブ left");
    }
}

#[test]
fn ctrl_d_and_ctrl_c_leave() {
    let (_server, address) = Running::server(&[]);
    let mut host = Running::member("smol", &address, "host", CREATE, &[]);
    for (runtime, key, expected) in
        [("smol", 'd', 0), ("std", 'd', 0), ("smol", 'c', 130), ("std", 'c', 130)]
    {
        let args = ["client", "--server", &address, "--runtime", runtime, "--user", "guest"];
        let mut command = cli(&[&args[..], &["--join", "部屋"]].concat());
        command.env("CHAT_PASSWORD", "秘密");
        let mut guest = terminal(command);
        guest.exp_string("> ").unwrap();
        guest.send_control(key).unwrap();
        assert_eq!(code(&guest), expected, "Ctrl-{key} on {runtime}");
        host.err("* guest left");
    }
}

#[test]
fn ctrl_c_ends_the_questions_and_the_terminal_echoes_again() {
    let (_server, address) = Running::server(&[]);
    let mut person = watched(&["client", "--server", &address], None);
    for (prompt, answer) in [("Your name: ", "a"), ("join one: ", "1"), ("Room name: ", "r")] {
        person.exp_string(prompt).unwrap();
        person.send_line(answer).unwrap();
    }
    person.exp_string("Password").unwrap();
    person.send_control('c').unwrap();
    person.exp_string("code 130 restored").unwrap();
}

#[test]
fn the_end_of_a_room_ends_the_client_and_leaves_the_terminal_as_it_was() {
    let (_server, address) = Running::server(&[]);
    let mut host = Running::member("smol", &address, "host", CREATE, &[]);
    let args = ["client", "--server", &address, "--user", "guest", "--join", "部屋"];
    let mut guest = watched(&args, Some("秘密"));
    guest.exp_string("you are in").unwrap();
    host.err("* guest joined");
    host.end_input();
    guest.exp_string("the host has gone").unwrap();
    guest.exp_string("code 5 restored").unwrap();
}
