//! A server in a process of its own, and those who talk to it over real sockets.
//!
//! Every wait has a bound. That nothing came is not shown by waiting for it: something is sent that
//! comes later in order, and it has to be what is heard next.

mod member;
mod process;
mod tcp;

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

pub(crate) use member::{Entry, Member, datagram, meet, settle, udp_socket};
pub(crate) use process::{Ended, Process};
pub(crate) use tcp::{
    Reply, connect, connect_from, header, is_closed, read_all, read_reply, request, rooms_of,
};

/// How long anything that has to happen may take, on a machine that has other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a request may take whatever others do to the server.
pub(crate) const PROMPTLY: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Runtime {
    Smol,
    Std,
}

impl Runtime {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smol => "smol",
            Self::Std => "std",
        }
    }
}

/// Makes two tests of each case, one for each runtime.
macro_rules! on_both_runtimes {
    ($($case:ident),+ $(,)?) => {
        mod on_smol {
            $(#[test] fn $case() { super::$case(crate::support::Runtime::Smol); })+
        }
        mod on_std {
            $(#[test] fn $case() { super::$case(crate::support::Runtime::Std); })+
        }
    };
}
pub(crate) use on_both_runtimes;

/// A running server. Whatever a case did to it, in the end it has to stop as it should.
pub(crate) struct Server {
    process: Option<Process>,
    address: SocketAddr,
}

impl Server {
    /// Starts one on a free port of 127.0.0.1.
    pub(crate) fn start(runtime: Runtime, options: &[&str]) -> Self {
        Self::start_on(runtime, "127.0.0.1:0", options)
    }

    pub(crate) fn start_on(runtime: Runtime, listen: &str, options: &[&str]) -> Self {
        Self::await_address(Process::server(runtime, listen, options))
    }

    /// Starts one that may have no more than `descriptors` at a time.
    pub(crate) fn start_with_descriptors(runtime: Runtime, descriptors: usize) -> Self {
        Self::start_after(&format!("ulimit -n {descriptors}"), runtime, &[])
    }

    /// Starts one from a shell, after the command `before`.
    pub(crate) fn start_after(before: &str, runtime: Runtime, options: &[&str]) -> Self {
        Self::await_address(Process::server_after(before, runtime, "127.0.0.1:0", options))
    }

    fn await_address(mut process: Process) -> Self {
        let line = process.first_line();
        let address = line.trim_end().strip_prefix("listening on ");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            panic!("the server began with {line:?}; its log:\n{}", process.kill());
        };
        Self { address, process: Some(process) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port at another of its addresses.
    pub(crate) fn at(&self, ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse::<IpAddr>().unwrap(), self.address.port())
    }

    /// How many sockets it has open.
    pub(crate) fn sockets(&self) -> usize {
        self.process.as_ref().unwrap().sockets()
    }

    /// Waits, without doing anything to it, until it has `count` sockets open.
    pub(crate) fn until_it_has_sockets(&self, count: usize) {
        let since = Instant::now();
        while self.sockets() != count {
            let open = self.sockets();
            assert!(since.elapsed() < 2 * PATIENCE, "{open} are open and not {count}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has it do nothing while `meanwhile` is done: what comes waits for it.
    pub(crate) fn while_suspended(&self, meanwhile: impl FnOnce()) {
        let process = self.process.as_ref().unwrap();
        process.signal(Signal::STOP);
        let since = Instant::now();
        while !process.is_suspended() {
            assert!(since.elapsed() < PATIENCE, "it goes on");
            thread::sleep(Duration::from_millis(1));
        }
        meanwhile();
        process.signal(Signal::CONT);
    }

    /// Ends it at once, without a chance to do anything more.
    pub(crate) fn kill(mut self) {
        self.process.take().unwrap().kill();
    }

    /// Has it stop, and waits until it has.
    pub(crate) fn stop(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.end()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().unwrap().signal(signal);
    }

    /// Waits until it has stopped.
    pub(crate) fn end(mut self) -> Ended {
        self.process.take().unwrap().end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        if thread::panicking() {
            eprintln!("the server's log:\n{}", process.kill());
            return;
        }
        process.signal(Signal::INT);
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(!ended.log.contains("panicked"), "{}", ended.log);
    }
}

/// Bytes without meaning, the same ones for the same seed.
pub(crate) fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}
