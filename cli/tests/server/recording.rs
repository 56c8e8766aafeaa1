//! A recorded server, and the replay of its file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use record::{Blocks, limits};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{
    Entry, Member, PATIENCE, Process, Reply, Runtime, Server, connect, meet, on_both_runtimes,
    read_reply, request, rooms_of, settle,
};

on_both_runtimes!(
    a_conversation_is_replayed_exactly_and_without_its_secrets,
    secrets_are_kept_where_that_was_asked_for,
    a_server_that_was_killed_leaves_a_file_that_replays,
    what_was_changed_is_found,
    a_disk_that_is_full_does_not_stop_the_server,
    a_file_that_is_there_is_left_alone,
);

const PASSWORD: &str = "開けゴマhunter2";
const TEXT: &str = "秘密の話です";

/// A directory for one file, and the options that have a server record to it.
struct Place {
    _directory: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("recording");
        Self { _directory: directory, file }
    }

    fn options(&self) -> [&str; 2] {
        ["--record", self.file.to_str().unwrap()]
    }
}

/// What `cli replay` says about a file, and its exit code.
fn replay(file: &Path, options: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
    let output =
        command.arg("replay").arg(file).args(options).stdin(Stdio::piped()).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

/// Everything that a server does, and the tokens that it gave.
fn converse(server: &Server) -> Vec<String> {
    let at = server.address();
    let entry = Entry::new("部屋", "アリス").password(PASSWORD).notices();
    let alice = entry.create(at);
    settle(at);
    // A request in pieces, between which the server does something else.
    let bob = Entry { user: "ボブ", ..entry };
    let mut stream = connect(at);
    for piece in bob.request(2).chunks(23) {
        stream.write_all(piece).unwrap();
        rooms_of(at);
    }
    let bob = Member::admitted(&bob, at, &read_reply(&stream).done());
    let wrong = Entry { user: "客", password: "開けゴマhunter3", ..entry };
    assert_eq!(wrong.ask(2, at).json["error"], "wrong_password");
    let web = b"GET /?password=hunter2 HTTP/1.1\r\nCookie: hunter2\r\n\r\n";
    assert_eq!(Reply::to(web, at).json["error"], "invalid_request");
    alice.is_told(protocol::udp::NoticeText::Joined, &bob);
    meet(&[&alice, &bob]);
    for _ in 0..20 {
        alice.say(TEXT);
    }
    for _ in 0..20 {
        bob.hears(&alice, TEXT);
    }
    bob.leave().done();
    let carol = Entry { user: "キャロル", ..entry }.join(at);
    [alice, bob, carol].map(|member| member.token).into()
}

fn contains(file: &[u8], part: &str) -> bool {
    file.windows(part.len()).any(|window| window == part.as_bytes())
}

fn a_conversation_is_replayed_exactly_and_without_its_secrets(runtime: Runtime) {
    let place = Place::new();
    let server = Server::start(runtime, &place.options());
    let tokens = converse(&server);
    assert_eq!(server.stop(Signal::INT).code, Some(0));

    let (code, verdict) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(0), "{verdict}");
    assert!(verdict.starts_with("same: ") && verdict.lines().count() == 1, "{verdict}");
    let (code, lines) = replay(&place.file, &[]);
    assert_eq!(code, Some(0), "{lines}");
    for part in
        ["create 部屋 as アリス", "refused, wrong_password", "leave 部屋 as ボブ", "shutdown"]
    {
        assert!(lines.contains(part), "no {part:?} in:\n{lines}");
    }
    let chat = format!("部屋/アリス, chat of {} bytes", TEXT.len());
    assert!(lines.contains(&chat), "{lines}");
    let (_, some) = replay(&place.file, &["--from", "2", "--to", "3"]);
    let numbers: Vec<u64> =
        some.lines().filter_map(|line| line.split_once(' ')?.0.parse().ok()).collect();
    assert_eq!(numbers, [2, 3], "{some}");

    let file = fs::read(&place.file).unwrap();
    let tokens = tokens.iter().map(String::as_str);
    for secret in ["hunter", "開け", "ゴマ", "秘密", "の話"].into_iter().chain(tokens) {
        assert!(!contains(&file, secret), "{secret} is in the file");
        assert!(!lines.contains(secret), "{secret} is shown");
    }
}

fn secrets_are_kept_where_that_was_asked_for(runtime: Runtime) {
    let place = Place::new();
    let server = Server::start(runtime, &[&place.options()[..], &["--record-secrets"]].concat());
    let tokens = converse(&server);
    assert_eq!(server.stop(Signal::INT).code, Some(0));
    let (code, verdict) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(0), "{verdict}");
    let file = fs::read(&place.file).unwrap();
    let (_, lines) = replay(&place.file, &[]);
    // The texts that came together are in it one after the other.
    for secret in ["hunter", TEXT, &tokens[0]] {
        assert!(contains(&file, secret), "{secret} is not in the file");
        assert!(!lines.contains(secret), "{secret} is shown");
    }
}

fn a_server_that_was_killed_leaves_a_file_that_replays(runtime: Runtime) {
    let place = Place::new();
    let server = Server::start(runtime, &place.options());
    converse(&server);
    // What has happened is in the file soon, without any more happening.
    let since = Instant::now();
    let shown = loop {
        let (_, lines) = replay(&place.file, &[]);
        if lines.contains("join 部屋 as キャロル") {
            break lines;
        }
        assert!(since.elapsed() < PATIENCE, "{lines}");
        thread::sleep(Duration::from_millis(20));
    };
    assert!(shown.contains("runs still"), "{shown}");
    server.kill();
    let (code, verdict) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(0), "{verdict}");
    assert!(verdict.starts_with("it has no end: "), "{verdict}");
}

fn what_was_changed_is_found(runtime: Runtime) {
    let place = Place::new();
    let server = Server::start(runtime, &place.options());
    converse(&server);
    assert_eq!(server.stop(Signal::INT).code, Some(0));
    let file = fs::read(&place.file).unwrap();

    let mut flipped = file.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&place.file, &flipped).unwrap();
    let (code, told) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("damaged"), "{told}");

    fs::write(&place.file, &file[..file.len() - 1]).unwrap();
    let (code, told) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("same: ") && told.contains("in the middle of the block"), "{told}");

    // A room of another name, with a checksum that is right again.
    let mut records = records(&file);
    let name = records.windows(6).position(|part| part == "部屋".as_bytes()).unwrap();
    records[name..name + 6].copy_from_slice("部室".as_bytes());
    let mut blocks = Blocks::new(Vec::new()).unwrap();
    blocks.write_block(&records).unwrap();
    fs::write(&place.file, blocks.abandon().unwrap()).unwrap();
    let (code, told) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(1), "{told}");
    for part in
        ["create 部室 as アリス", "recorded: 2 actions", "replayed: 2 actions", "different: "]
    {
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
    assert_eq!(told.matches("recorded: ").count(), 1, "only the first is shown:\n{told}");

    // A version that would clear the terminal of who looks into a stranger's file.
    records[2..7].copy_from_slice(b"\x1b[2Jx");
    let mut blocks = Blocks::new(Vec::new()).unwrap();
    blocks.write_block(&records).unwrap();
    fs::write(&place.file, blocks.abandon().unwrap()).unwrap();
    let (_, told) = replay(&place.file, &["--check"]);
    assert!(told.contains("recorded by version [2Jx") && !told.contains('\x1b'), "{told:?}");

    fs::write(&place.file, "something else").unwrap();
    let (code, told) = replay(&place.file, &[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("no recording"), "{told}");

    let (code, told) = replay(Path::new("/dev/stdin"), &[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("it is a pipe"), "{told}");
}

/// What is in the blocks of a recording.
fn records(file: &[u8]) -> Vec<u8> {
    let mut rest = &file[limits::MAGIC.len() + 2..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (block, after) = rest[limits::BLOCK_HEADER..].split_at(size);
        records.extend_from_slice(block);
        rest = after;
    }
    records
}

fn a_disk_that_is_full_does_not_stop_the_server(runtime: Runtime) {
    let place = Place::new();
    // One unit of 512 or 1,024 bytes. When it is full there is a signal too, which ends who does not
    // take it.
    let before = "ulimit -f 1";
    let server = Server::start_after(before, runtime, &place.options());
    let at = server.address();
    let since = Instant::now();
    let payload = serde_json::json!({ "user_name": "客", "token": "" });
    // The file has a mark once the recording is over.
    while !replay(&place.file, &["--check"]).1.contains("it was cut short") {
        assert!(since.elapsed() < PATIENCE, "{:?}", replay(&place.file, &[]));
        for _ in 0..20 {
            Reply::to(&request(2, "どこにもない部屋", &payload), at);
        }
    }
    let (code, verdict) = replay(&place.file, &["--check"]);
    assert_eq!(code, Some(0), "{verdict}");
    converse(&server);
    let ended = server.stop(Signal::INT);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(ended.log.matches("the recording ends here").count(), 1, "{}", ended.log);
}

fn a_file_that_is_there_is_left_alone(runtime: Runtime) {
    let place = Place::new();
    fs::write(&place.file, "precious").unwrap();
    let ended = Process::server(runtime, "127.0.0.1:0", &place.options()).end();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("cannot record to"), "{}", ended.log);
    assert_eq!(fs::read(&place.file).unwrap(), b"precious");
}
