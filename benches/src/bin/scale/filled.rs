//! A whole server, filled over TCP, and what it has in memory at each size.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use benches::{Member, admitted, create, join, room_name, user_name};
use protocol::tcp::Features;

use crate::{ROOM, SIZES};

/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// KiB in memory at each of the sizes.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) runtime: &'static str,
    /// Before anybody came.
    pub(super) empty: u64,
    pub(super) resident: Vec<u64>,
}

impl Filled {
    /// With all of them in.
    pub(super) fn largest(&self) -> u64 {
        self.resident.last().copied().unwrap_or_default()
    }
}

/// Fills a server on either runtime.
pub(super) fn both() -> io::Result<Vec<Filled>> {
    build_the_server()?;
    ["std", "smol"].into_iter().map(fill).collect()
}

fn fill(runtime: &'static str) -> io::Result<Filled> {
    let server = Server::start(runtime)?;
    let empty = server.resident()?;
    // One socket for all: they are told apart by their tokens.
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let (mut resident, mut there) = (Vec::new(), 0);
    for size in SIZES {
        eprintln!("{runtime}: {size} members");
        for number in there..size {
            let member = server.admit(number, socket.local_addr()?)?;
            socket.send_to(&member.presence(), server.address)?;
        }
        there = size;
        resident.push(server.resident()?);
    }
    Ok(Filled { runtime, empty, resident })
}

/// A process, which ends with the value that stands for it.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(runtime: &str) -> io::Result<Self> {
        let executable = env::current_exe()?.with_file_name("cli");
        let mut command = Command::new(executable);
        command.args(["server", "--listen", "127.0.0.1:0", "--runtime", runtime]);
        command.args(["--idle-timeout", "1h"]).env("RUST_LOG", "warn");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = &mut child.stdout {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on ").and_then(|at| at.parse().ok());
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Self { child, address: address.unwrap_or(unknown) };
        match address {
            Some(_) => Ok(server),
            None => Err(io::Error::other(format!("the server said {line:?}"))),
        }
    }

    /// Lets member number `number` in; the first of each room opens it.
    fn admit(&self, number: usize, address: SocketAddr) -> io::Result<Member> {
        let (room, user) = (room_name(number / ROOM), user_name(number));
        let request = if number.is_multiple_of(ROOM) { create } else { join };
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&request(&room, &user, Features::NONE))?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        let token = admitted(&reply).token;
        Ok(Member { room, user, token, address })
    }

    /// KiB that it has in memory.
    fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        parse_resident(&status)
            .ok_or_else(|| io::Error::other("an unknown form of /proc/PID/status"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Builds the server anew, so that what is measured is what the source says. Started without Cargo,
/// the harness takes what is there.
fn build_the_server() -> io::Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "cli"]);
    if command.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
        return Ok(());
    }
    Err(io::Error::other("the server could not be built"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_a_line_of_the_status() {
        assert_eq!(parse_resident("Name:\tcli\nVmRSS:\t   1234 kB\n"), Some(1234));
        assert_eq!(parse_resident("Name:\tcli\n"), None);
    }
}
