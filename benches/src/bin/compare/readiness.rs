//! Which of many sockets can be read.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Sockets reported by one call at most.
const EVENTS: usize = 256;

/// Sockets by number. They are reported for as long as they can be read.
pub(crate) struct Readiness {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Readiness {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS) })
    }

    /// Watches all of these, numbered as they stand.
    pub(crate) fn of<S: AsFd>(sockets: &[S]) -> io::Result<Self> {
        let readiness = Self::new()?;
        for (number, socket) in sockets.iter().enumerate() {
            readiness.watch(socket, number)?;
        }
        Ok(readiness)
    }

    /// Watches a socket until it is closed.
    pub(crate) fn watch(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        epoll::add(&self.epoll, socket, EventData::new_u64(number as u64), EventFlags::IN)?;
        Ok(())
    }

    /// Waits, and gives the numbers of those that can be read.
    pub(crate) fn wait(
        &mut self,
        patience: Duration,
    ) -> io::Result<impl ExactSizeIterator<Item = usize>> {
        self.events.clear();
        let patience = patience.try_into().map_err(io::Error::other)?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&patience)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.events.iter().map(|event| event.data.u64() as usize))
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_socket_is_reported_until_it_is_read() {
        let (one, other) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
        let (one, other) = (one.unwrap(), other.unwrap());
        let mut readiness = Readiness::new().unwrap();
        readiness.watch(&one, 7).unwrap();
        readiness.watch(&other, 8).unwrap();
        assert_eq!(readiness.wait(Duration::ZERO).unwrap().len(), 0);
        one.send_to(b"x", other.local_addr().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(readiness.wait(Duration::from_secs(10)).unwrap().collect::<Vec<_>>(), [8]);
        }
        other.recv(&mut [0; 1]).unwrap();
        assert_eq!(readiness.wait(Duration::ZERO).unwrap().len(), 0);
    }
}
