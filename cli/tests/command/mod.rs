//! The command, run as a person or a script would run it.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests assert, and run processes"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) const RUNTIMES: [&str; 2] = ["smol", "std"];

/// The command with `args`, apart from the environment that would answer for it.
pub(crate) fn cli(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
    command.args(args).env_remove("CHAT_PASSWORD").env_remove("CHAT_USER");
    command.env_remove("CHAT_SERVER").env_remove("RUST_LOG");
    command
}

/// A process whose output is read as it comes.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Lines,
    err: Lines,
}

/// Lines of an output: those that have been looked at, and those to come.
struct Lines {
    seen: Vec<String>,
    coming: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        Self { child, stdin, out, err }
    }

    /// A server with `args`, and its address.
    pub(crate) fn server(args: &[&str]) -> (Self, String) {
        let args = [&["server", "--listen", "127.0.0.1:0"], args].concat();
        let mut server = Self::start(cli(&args));
        let line = server.out("listening on ");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        (server, address)
    }

    /// A client of the server at `address`, who is in a room once this returns.
    pub(crate) fn member(
        runtime: &str,
        address: &str,
        user: &str,
        how: [&str; 2],
        more: &[&str],
    ) -> Self {
        let args =
            ["client", "--server", address, "--runtime", runtime, "--user", user, how[0], how[1]];
        let args = [&args, more].concat();
        let mut command = cli(&args);
        command.env("CHAT_PASSWORD", "秘密");
        let mut member = Self::start(command);
        member.err("* you are in ");
        member
    }

    /// Types lines, as through a pipe.
    pub(crate) fn type_in(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line on standard output that contains `part`.
    pub(crate) fn out(&mut self, part: &str) -> String {
        self.out.wait_for(part, &self.err)
    }

    /// Waits for a line on standard error that contains `part`.
    pub(crate) fn err(&mut self, part: &str) -> String {
        self.err.wait_for(part, &self.out)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for the end, and gives the exit code and all that was written.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("still running: {:?}", self.err.seen),
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        Ended { code: status.code(), out: self.out.rest(), err: self.err.rest() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Ended {
    /// All of standard error as one text.
    pub(crate) fn told(&self) -> String {
        self.err.join("\n")
    }
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, coming) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { seen: Vec::new(), coming }
    }

    fn wait_for(&mut self, part: &str, other: &Self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.coming.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(error) => {
                    let over = if error == RecvTimeoutError::Timeout { "late" } else { "over" };
                    let others: Vec<_> = other.coming.try_iter().collect();
                    panic!("no {part:?} ({over}) in {:?}; beside it {others:?}", self.seen)
                }
            }
        }
    }

    fn rest(&mut self) -> Vec<String> {
        self.seen.extend(self.coming.iter());
        std::mem::take(&mut self.seen)
    }
}
