//! The server's process: started, watched, and in any case ended.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use super::{PATIENCE, Runtime};

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

pub(crate) struct Process {
    child: Child,
    /// Collects the log, so that a full pipe never holds the server up.
    log: JoinHandle<String>,
}

/// How a server ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it wrote to standard error in its life.
    pub(crate) log: String,
    /// How long its end was waited for.
    pub(crate) took: Duration,
}

impl Process {
    pub(crate) fn server(runtime: Runtime, listen: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
        add_arguments(&mut command, runtime, listen, options);
        Self::start(command)
    }

    /// The same in a shell, after the command `before`.
    pub(crate) fn server_after(
        before: &str,
        runtime: Runtime,
        listen: &str,
        options: &[&str],
    ) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!(r#"{before}; exec "$0" "$@""#));
        command.arg(env!("CARGO_BIN_EXE_cli"));
        add_arguments(&mut command, runtime, listen, options);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        raise_descriptor_limit();
        command.env_remove("CHAT_LISTEN").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        Self { child, log }
    }

    /// The first line of its standard output; empty where none comes.
    pub(crate) fn first_line(&mut self) -> String {
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            sender.send(line)
        });
        line.recv_timeout(PATIENCE).unwrap_or_default()
    }

    pub(crate) fn sockets(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        // One that is closed meanwhile is none.
        let links = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    /// Whether every thread of it is stopped by a signal, to go on later.
    pub(crate) fn is_suspended(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.map(|thread| thread.unwrap().path().join("stat")).all(|stat| {
            // One that has ended meanwhile does nothing either.
            let stat = fs::read_to_string(stat).unwrap_or_default();
            stat.rsplit(") ").next().is_none_or(|rest| rest.starts_with('T') || rest.is_empty())
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. One that was told to stop has this call right after.
    pub(crate) fn end(mut self) -> Ended {
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = self.log.join().unwrap();
                return Ended { code: status.code(), log, took: asked.elapsed() };
            }
            thread::sleep(POLL);
        }
        panic!("the server does not end; its log:\n{}", self.kill());
    }

    /// Ends it at once and gives its log.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.join().unwrap()
    }
}

/// Asks for as many descriptors as this process may have: some cases open hundreds at a time.
fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

fn add_arguments(command: &mut Command, runtime: Runtime, listen: &str, options: &[&str]) {
    command.args(["server", "--runtime", runtime.name(), "--listen", listen]).args(options);
}
