//! Connections that say nothing, as those of people who are typing. A process of their own holds them:
//! the descriptors of this one are the members'.

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Connections that a server has beside its work. They end with this.
#[derive(Debug)]
pub(crate) struct Idle {
    holder: Child,
    output: BufReader<ChildStdout>,
    count: usize,
}

impl Idle {
    /// Starts the process, and waits until it has all of them.
    pub(crate) fn connect(server: SocketAddr, count: usize) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--server", &server.to_string(), "--hold", &count.to_string()]);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = holder.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        let mut idle = Self { holder, output: BufReader::new(output), count };
        idle.expect(count)?;
        Ok(idle)
    }

    /// An error if the server has not held all of them.
    pub(crate) fn check(mut self) -> io::Result<()> {
        drop(self.holder.stdin.take());
        self.expect(self.count)
    }

    fn expect(&mut self, count: usize) -> io::Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim_end() == count.to_string() {
            return Ok(());
        }
        Err(io::Error::other(format!("of {} idle connections are held: {line:?}", self.count)))
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Is that process: says how many there are, and at the end of its input how many there are still.
pub(crate) fn hold(server: SocketAddr, count: usize) -> io::Result<()> {
    let held = connect(server, count)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", still_open(&held))?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    writeln!(out, "{}", still_open(&held))
}

fn connect(server: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    let connect = |_| {
        let stream = TcpStream::connect(server)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    (0..count).map(connect).collect()
}

fn still_open(held: &[TcpStream]) -> usize {
    let is_open = |stream: &&TcpStream| {
        stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    held.iter().filter(is_open).count()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn one_that_is_closed_is_missed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = connect(listener.local_addr().unwrap(), 2).unwrap();
        let (_open, _) = listener.accept().unwrap();
        let (closed, _) = listener.accept().unwrap();
        assert_eq!(still_open(&held), 2);
        drop(closed);
        let end = Instant::now() + Duration::from_secs(10);
        while still_open(&held) == 2 && Instant::now() < end {}
        assert_eq!(still_open(&held), 1);
    }
}
