//! The server under test, whoever started it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use benches::proc_fs::{self, Memory};
use benches::server_process::ServerProcess;

/// A server under test.
#[derive(Debug)]
pub(crate) enum Server {
    /// One that ends with this value.
    Started(ServerProcess),
    /// One that ran before, and goes on. Its process may not be known.
    Given { address: SocketAddr, pid: Option<u32> },
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Started(process) => process.address,
            Self::Given { address, .. } => *address,
        }
    }

    /// Hands it all the input that it gets, and waits until it says that it has read it.
    pub(crate) fn tell(&mut self, input: &str) -> io::Result<()> {
        match self {
            Self::Started(process) => process.tell(input),
            Self::Given { .. } => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Its CPU time once it is idle, so that nothing that it was asked for is left out; `None` when
    /// the process is not known.
    pub(crate) fn cpu_time_at_rest(&self) -> io::Result<Option<Duration>> {
        match self {
            Self::Started(process) => process.cpu_time_at_rest().map(Some),
            Self::Given { pid, .. } => pid.map(proc_fs::cpu_time_at_rest).transpose(),
        }
    }

    /// What it has in memory, likewise.
    pub(crate) fn memory(&self) -> io::Result<Option<Memory>> {
        match self {
            Self::Started(process) => process.memory().map(Some),
            Self::Given { pid, .. } => pid.map(proc_fs::memory).transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_given_server_is_measured_what_is_known() {
        let address = "127.0.0.1:4242".parse().unwrap();
        let mut unknown = Server::Given { address, pid: None };
        assert!(unknown.memory().unwrap().is_none());
        assert!(unknown.cpu_time_at_rest().unwrap().is_none());
        assert!(unknown.tell("一行\n").is_err());
        let known = Server::Given { address, pid: Some(std::process::id()) };
        assert!(known.memory().unwrap().is_some_and(|memory| memory.resident > 0));
        assert!(known.cpu_time_at_rest().unwrap().is_some());
        assert_eq!(known.address(), address);
    }
}
