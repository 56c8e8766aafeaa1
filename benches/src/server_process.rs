//! A server as a process of its own, which ends with the value that stands for it.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a process is waited for until it can be reached"
)]

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::lines::Lines;
use crate::proc_fs::{self, Memory};

/// How long anything may take that is answered at once when all is well.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// From one try to reach a server to the next.
const RETRY: Duration = Duration::from_millis(5);

/// A server that this process has started.
#[derive(Debug)]
pub struct ServerProcess {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    /// Kept open, so that what is printed later does not end the process.
    output: Option<Lines<ChildStdout>>,
    /// Its settings, removed when it is gone.
    _files: Option<TempDir>,
}

impl ServerProcess {
    /// Starts one that says on its standard output where it listens.
    ///
    /// # Errors
    /// The system's, and when it does not say so in time.
    pub fn announced(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let output = child.stdout.take().map(Lines::of);
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on the process ends, whatever it says.
        let mut server = Self { address: unknown, child, output, _files: None };
        let line = server.line()?;
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        server.address = address.ok_or_else(|| io::Error::other(format!("it said {line:?}")))?;
        Ok(server)
    }

    /// Starts one that is told its port, and waits until it can be reached there.
    ///
    /// # Errors
    /// The system's, those of `command`, and when it cannot be reached in time.
    pub fn told(
        command: impl FnOnce(SocketAddr) -> io::Result<(Command, Option<TempDir>)>,
    ) -> io::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (mut command, files) = command(address)?;
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { address, child: quiet.spawn()?, output: None, _files: files };
        let end = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect_timeout(&address, PATIENCE) {
            if !matches!(server.child.try_wait(), Ok(None)) || Instant::now() > end {
                return Err(error);
            }
            thread::sleep(RETRY);
        }
        Ok(server)
    }

    /// Hands it all the input that it gets, and waits until it says that it has read it.
    ///
    /// # Errors
    /// The system's, and when it does not say so in time.
    pub fn tell(&mut self, input: &str) -> io::Result<()> {
        let mut stdin = self.child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
        stdin.write_all(input.as_bytes())?;
        drop(stdin);
        self.line().map(|_| ())
    }

    fn line(&mut self) -> io::Result<String> {
        self.output.as_mut().ok_or(ErrorKind::BrokenPipe)?.next(PATIENCE)
    }

    /// Its CPU time once it is idle, so that nothing that it was asked for is left out.
    ///
    /// # Errors
    /// Those of [`proc_fs::cpu_time_at_rest`].
    pub fn cpu_time_at_rest(&self) -> io::Result<Duration> {
        proc_fs::cpu_time_at_rest(self.child.id())
    }

    /// What it has in memory.
    ///
    /// # Errors
    /// Those of [`proc_fs::memory`].
    pub fn memory(&self) -> io::Result<Memory> {
        proc_fs::memory(self.child.id())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_heard_and_ends_with_its_value() {
        let script = "echo listening on 127.0.0.1:4242; read -r line; echo ready; exec sleep 60";
        let mut server = ServerProcess::announced(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(server.address, SocketAddr::from(([127, 0, 0, 1], 4242)));
        server.tell("一行\n").unwrap();
        assert!(server.memory().unwrap().resident > 0);
        assert!(server.cpu_time_at_rest().is_ok());
        let pid = server.child.id();
        drop(server);
        assert!(proc_fs::memory(pid).is_err());
    }

    #[test]
    fn a_server_that_says_nothing_of_use_is_an_error() {
        for script in ["echo hello", "exit 1"] {
            assert!(ServerProcess::announced(Command::new("sh").args(["-c", script])).is_err());
        }
        assert!(ServerProcess::told(|_| Ok((Command::new("false"), None))).is_err());
    }
}
