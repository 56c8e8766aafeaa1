//! The server's log, when nobody reads it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests assert, and run processes"
)]

mod command;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command::{PATIENCE, RUNTIMES, cli};

/// Requests that log more than a pipe holds.
const REQUESTS: usize = 2000;

/// A server that logs all it can, and its address. Its standard error is a pipe.
fn server(runtime: &str) -> (Child, String) {
    let mut command = cli(&["server", "--listen", "127.0.0.1:0", "--runtime", runtime]);
    command.env("RUST_LOG", "debug").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (server, line.trim().rsplit(' ').next().unwrap().to_owned())
}

/// A request that is refused, which is logged.
fn ask(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[0; 32]).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(!reply.is_empty());
}

fn stop(mut server: Child) -> Option<i32> {
    Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match server.try_wait().unwrap() {
            Some(status) => return status.code(),
            None if Instant::now() > deadline => {
                server.kill().unwrap();
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    for runtime in RUNTIMES {
        let (server, address) = server(runtime);
        for _ in 0..REQUESTS {
            ask(&address);
        }
        assert_eq!(stop(server), Some(0), "on {runtime}");
    }
}

#[test]
fn a_log_that_nobody_can_read_stops_nothing() {
    for runtime in RUNTIMES {
        let (mut server, address) = server(runtime);
        drop(server.stderr.take());
        for _ in 0..100 {
            ask(&address);
        }
        assert_eq!(stop(server), Some(0), "on {runtime}");
    }
}
