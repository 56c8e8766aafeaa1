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

/// After so many looks for more in a row that found nothing it pauses before the next. Not at the first:
/// of what others send together the first may well have come alone.
const PATIENCE: u32 = 4;

/// How often the pause between two looks doubles.
const DOUBLINGS: u32 = 4;

/// The datagrams of one wake.
#[derive(Debug)]
pub struct Inbox {
    space: Box<[u8]>,
    taken: heapless::Vec<(SocketAddr, usize), MAX_DATAGRAMS>,
    misses: u32,
    /// Wakes at which nothing more is looked for.
    pause: u32,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            space: vec![0; MAX_DATAGRAMS * SPACE].into_boxed_slice(),
            taken: heapless::Vec::new(),
            misses: 0,
            pause: 0,
        }
    }
}

impl Inbox {
    /// Forgets what was taken, and takes one datagram by `receive`, which is handed the space for it.
    ///
    /// # Errors
    /// What `receive` gives; nothing is taken then.
    pub fn take(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) -> io::Result<()> {
        self.taken.clear();
        self.push(receive)
    }

    /// Takes along what else is there by now, up to the inbox's limit, and waits for nothing.
    ///
    /// To look for more costs a call to the system, so after some looks that found nothing it looks
    /// less and less often, and in the end at one wake of 17: in a quiet room there never is more, and
    /// in a busy one it is found within as many datagrams.
    ///
    /// # Errors
    /// The system's, except that nothing is there. What was taken before it stays.
    pub fn take_more(&mut self, socket: &UdpSocket) -> io::Result<()> {
        if self.pause > 0 {
            self.pause -= 1;
            return Ok(());
        }
        let outcome = self.drain(socket);
        if self.taken.len() > 1 {
            self.misses = 0;
        } else {
            self.misses = (self.misses + 1).min(PATIENCE + DOUBLINGS);
            self.pause = match self.misses.saturating_sub(PATIENCE) {
                0 => 0,
                doubled => 1 << doubled,
            };
        }
        outcome
    }

    /// Takes what is there, up to the inbox's limit, and waits for nothing. Whether anything was.
    ///
    /// # Errors
    /// The system's, except that nothing is there. What was taken before it stays.
    pub fn take_waiting(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.taken.clear();
        self.drain(socket).map(|()| !self.is_empty())
    }

    fn drain(&mut self, socket: &UdpSocket) -> io::Result<()> {
        while !self.taken.is_full() {
            match self.push(|space| receive_now(socket, space)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if !is_passing(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) -> io::Result<()> {
        let at = self.taken.len() * SPACE;
        if let Some(space) = self.space.get_mut(at..at + SPACE) {
            let (size, from) = receive(space)?;
            // There is space for as many as there is space for their bytes.
            let _ = self.taken.push((from, size.min(SPACE)));
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
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

    fn pair() -> (UdpSocket, UdpSocket) {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(other.local_addr().unwrap()).unwrap();
        (one, other)
    }

    #[test]
    fn takes_what_is_there_and_no_more_than_it_holds() {
        let (one, other) = pair();
        let mut inbox = Inbox::default();
        let sent: Vec<Vec<u8>> = (0..MAX_DATAGRAMS + 2).map(|i| vec![i as u8; i % 7]).collect();
        for datagram in &sent {
            one.send(datagram).unwrap();
        }
        for expected in [&sent[..MAX_DATAGRAMS], &sent[MAX_DATAGRAMS..]] {
            inbox.take(|space| other.recv_from(space)).unwrap();
            assert_eq!(told(&inbox), expected[..1]);
            inbox.take_more(&other).unwrap();
            assert_eq!((inbox.len(), told(&inbox)), (expected.len(), expected.to_vec()));
        }
        one.send(b"one more").unwrap();
        assert!(inbox.take_waiting(&other).unwrap());
        assert_eq!(told(&inbox), [b"one more"]);
        assert!(!inbox.take_waiting(&other).unwrap());
        assert!(inbox.take(|_| Err(ErrorKind::TimedOut.into())).is_err());
        assert!(inbox.is_empty() && told(&inbox).is_empty());
    }

    #[test]
    fn where_there_is_no_more_it_looks_less_often() {
        let (one, other) = pair();
        let mut inbox = Inbox::default();
        let mut looks = Vec::new();
        for wake in 0..100 {
            // Two are there: who looks takes both.
            let come = if wake < 70 { 1 } else { 2 };
            for _ in 0..come {
                one.send(b"x").unwrap();
            }
            inbox.take(|space| other.recv_from(space)).unwrap();
            let paused = inbox.pause > 0;
            inbox.take_more(&other).unwrap();
            if !paused {
                looks.push(wake);
            }
        }
        assert_eq!(looks[..10], [0, 1, 2, 3, 4, 7, 12, 21, 38, 55]);
        assert_eq!(looks[10..], (72..100).collect::<Vec<_>>(), "and always once it found more");
    }

    #[test]
    fn one_too_long_is_longer_than_a_datagram_may_be() {
        let (one, other) = pair();
        one.send(&[7; 5000]).unwrap();
        let mut inbox = Inbox::default();
        inbox.take(|space| other.recv_from(space)).unwrap();
        assert_eq!(told(&inbox), [vec![7; MAX_DATAGRAM + 1]]);
    }
}
