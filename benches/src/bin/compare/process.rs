//! A server as a process of its own, which ends with the value that stands for it.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use benches::proc_fs::{self, Memory};
use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

use crate::link::PATIENCE;

/// A server under test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pid: Option<u32>,
    child: Option<Child>,
    /// Kept open, so that what is printed later does not end the process.
    output: Option<BufReader<ChildStdout>>,
    /// Its settings, removed when it is gone.
    _files: Option<TempDir>,
}

impl Server {
    /// Starts one that says on its standard output where it listens.
    pub(crate) fn announced(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let pid = Some(child.id());
        let mut server = Self { address, pid, child: Some(child), output, _files: None };
        let line = server.line()?;
        let address = line.trim_end().strip_prefix("listening on ");
        server.address = address
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| io::Error::other(format!("it said {line:?}")))?;
        Ok(server)
    }

    /// Starts one that is told its port, and waits until it can be reached there.
    pub(crate) fn told(
        command: impl FnOnce(SocketAddr) -> io::Result<(Command, Option<TempDir>)>,
    ) -> io::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (mut command, files) = command(address)?;
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn()?;
        let pid = Some(child.id());
        let mut server = Self { address, pid, child: Some(child), output: None, _files: files };
        let end = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect_timeout(&address, PATIENCE) {
            let ended =
                server.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || Instant::now() > end {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// One that runs already, and goes on.
    pub(crate) fn given(address: SocketAddr, pid: Option<u32>) -> Self {
        Self { address, pid, child: None, output: None, _files: None }
    }

    /// Hands it all the input that it gets, and waits until it says that it has read it.
    pub(crate) fn tell(&mut self, input: &str) -> io::Result<()> {
        let Some(mut stdin) = self.child.as_mut().and_then(|child| child.stdin.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(input.as_bytes())?;
        drop(stdin);
        self.line().map(|_| ())
    }

    fn line(&mut self) -> io::Result<String> {
        let Some(output) = &mut self.output else { return Err(ErrorKind::BrokenPipe.into()) };
        let patience = PATIENCE.try_into().map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(output.get_ref(), PollFlags::IN)], Some(&patience))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut line = String::new();
        match output.read_line(&mut line)? {
            0 => Err(io::Error::other("it ended at once")),
            _ => Ok(line),
        }
    }

    /// Its CPU time once it is idle, so that nothing that it was asked for is left out; `None` when
    /// the process is not known.
    pub(crate) fn cpu_time_at_rest(&self) -> io::Result<Option<Duration>> {
        self.pid.map(proc_fs::cpu_time_at_rest).transpose()
    }

    pub(crate) fn memory(&self) -> io::Result<Option<Memory>> {
        self.pid.map(proc_fs::memory).transpose()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Fails only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_heard_and_ends_with_its_value() {
        let script = "echo listening on 127.0.0.1:4242; read -r line; echo ready; exec sleep 60";
        let mut server = Server::announced(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(server.address, SocketAddr::from(([127, 0, 0, 1], 4242)));
        server.tell("一行\n").unwrap();
        assert!(server.memory().unwrap().unwrap().resident > 0);
        assert!(server.cpu_time_at_rest().unwrap().is_some());
        let pid = server.pid.unwrap();
        drop(server);
        assert!(proc_fs::memory(pid).is_err());
    }

    #[test]
    fn a_server_that_says_nothing_of_use_is_an_error() {
        for script in ["echo hello", "exit 1"] {
            assert!(Server::announced(Command::new("sh").args(["-c", script])).is_err());
        }
        assert!(Server::told(|_| Ok((Command::new("false"), None))).is_err());
    }
}
