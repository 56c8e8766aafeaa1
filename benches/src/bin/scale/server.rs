//! A whole server: a process, which ends with the value that stands for it.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use benches::cores::{Cores, Placement};
use benches::proc_fs;

/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts one on the core that this process has from then on: no wake-up crosses cores, so what
    /// the server does itself shows the most.
    pub(super) fn start(runtime: &str, cores: Cores) -> io::Result<Self> {
        let executable = env::current_exe()?.with_file_name("cli");
        let mut command = Command::new(executable);
        command.args(["server", "--listen", "127.0.0.1:0", "--runtime", runtime]);
        // The newcomer is one more than the default admits.
        command.args(["--idle-timeout", "1h", "--max-members", "100001"]);
        command.env("RUST_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = cores.start(Placement::One, || command.spawn())?;
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

    /// Sends a request on a connection of its own, and gives the reply.
    pub(super) fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request)?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        Ok(reply)
    }

    /// KiB that it has in memory.
    pub(super) fn resident(&self) -> io::Result<u64> {
        proc_fs::memory(self.child.id()).map(|memory| memory.resident)
    }

    /// Its CPU time once it is idle.
    pub(super) fn cpu_time(&self) -> io::Result<Duration> {
        proc_fs::cpu_time_at_rest(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
