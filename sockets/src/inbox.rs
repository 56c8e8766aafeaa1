//! Receiving: what one wake finds.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

use engine::{Event, Incoming};
use protocol::limits::MAX_DATAGRAM;
use rustix::net::{RecvFlags, recvfrom};

/// Datagrams that are taken at one wake at most; what else waits is found at the next.
const MAX_DATAGRAMS: usize = 64;

/// One byte more than a datagram may have, so that one too long is seen to be.
const SPACE: usize = MAX_DATAGRAM + 1;

/// Space for the datagrams of one wake.
#[derive(Debug)]
pub struct Inbox {
    space: Box<[u8]>,
    taken: heapless::Vec<(SocketAddr, usize), MAX_DATAGRAMS>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            space: vec![0; MAX_DATAGRAMS * SPACE].into_boxed_slice(),
            taken: heapless::Vec::new(),
        }
    }
}

impl Inbox {
    /// Forgets what was taken.
    pub fn clear(&mut self) {
        self.taken.clear();
    }

    /// Takes one datagram by `receive`, which is handed the space for it. Whether there is space for
    /// one more.
    ///
    /// # Errors
    /// What `receive` gives.
    pub fn take(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) -> io::Result<bool> {
        let at = self.taken.len() * SPACE;
        let Some(space) = self.space.get_mut(at..at + SPACE) else {
            return Ok(false);
        };
        let (size, from) = receive(space)?;
        // There is space for as many as there is space for their bytes.
        let _ = self.taken.push((from, size.min(SPACE)));
        Ok(!self.taken.is_full())
    }

    /// Takes what else is there by now, up to the inbox's limit, and waits for nothing.
    ///
    /// # Errors
    /// The system's, except that nothing is there. What was taken before it stays.
    pub fn drain(&mut self, socket: &UdpSocket) -> io::Result<()> {
        loop {
            match self.take(|space| receive_now(socket, space)) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Whether there may be more than it holds.
    pub fn is_full(&self) -> bool {
        self.taken.is_full()
    }

    /// Hands what was taken to `tell` as one event, if there is any.
    pub fn tell(&self, tell: impl FnOnce(Event<'_>)) {
        let datagrams = self.taken.iter().zip(self.space.chunks(SPACE));
        let mut incoming = datagrams.map(|((from, size), space)| Incoming {
            from: *from,
            bytes: space.get(..*size).unwrap_or_default(),
        });
        match (self.taken.len(), incoming.next()) {
            (_, None) => {}
            (1, Some(Incoming { from, bytes })) => tell(Event::Datagram { from, bytes }),
            (_, Some(first)) => {
                let batch: heapless::Vec<Incoming<'_>, MAX_DATAGRAMS> =
                    core::iter::once(first).chain(incoming).collect();
                tell(Event::Datagrams(&batch));
            }
        }
    }
}

fn receive_now(socket: &UdpSocket, space: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (size, _, from) = recvfrom(socket, space, RecvFlags::DONTWAIT)?;
    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
    from.map(|from| (size, from)).ok_or_else(|| ErrorKind::AddrNotAvailable.into())
}

/// Whether an error says nothing about the socket itself: nothing there or no space now, a time that
/// is over, a signal, or news that some datagram sent earlier was refused.
pub fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(inbox: &Inbox) -> Vec<Vec<u8>> {
        let mut told = Vec::new();
        inbox.tell(|event| match event {
            Event::Datagram { bytes, .. } => told.push(bytes.to_vec()),
            Event::Datagrams(batch) => {
                assert!(batch.len() > 1);
                told.extend(batch.iter().map(|one| one.bytes.to_vec()));
            }
            other => panic!("{other:?}"),
        });
        told
    }

    #[test]
    fn takes_what_is_there_and_no_more_than_it_holds() {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = other.local_addr().unwrap();
        let mut inbox = Inbox::default();
        inbox.drain(&other).unwrap();
        assert!(inbox.is_empty() && told(&inbox).is_empty());
        let sent: Vec<Vec<u8>> = (0..MAX_DATAGRAMS + 2).map(|i| vec![i as u8; i % 7]).collect();
        for datagram in &sent {
            one.send_to(datagram, to).unwrap();
        }
        assert!(inbox.take(|space| other.recv_from(space)).unwrap());
        assert_eq!(told(&inbox), sent[..1]);
        inbox.drain(&other).unwrap();
        assert_eq!((inbox.len(), told(&inbox)), (MAX_DATAGRAMS, sent[..MAX_DATAGRAMS].to_vec()));
        assert!(!inbox.take(|_| panic!("there is no space")).unwrap());
        inbox.clear();
        inbox.drain(&other).unwrap();
        assert_eq!(told(&inbox), sent[MAX_DATAGRAMS..]);
    }

    #[test]
    fn one_too_long_is_longer_than_a_datagram_may_be() {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        one.send_to(&[7; 5000], other.local_addr().unwrap()).unwrap();
        let mut inbox = Inbox::default();
        inbox.take(|space| other.recv_from(space)).unwrap();
        assert_eq!(told(&inbox), [vec![7; MAX_DATAGRAM + 1]]);
    }
}
