//! Reading and writing a TCP connection without waiting.

use std::io;
use std::net::TcpStream;

use rustix::net::{RecvFlags, SendFlags, recv, send};

/// What becomes of a connection's sending half after some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It stays as it is.
    Stay,
    /// It is ended as soon as all of them are written.
    End,
}

/// Reads what is there, whether or not the socket blocks otherwise: so it need not be told not to.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when there is nothing, or the system's.
pub fn read_now(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (size, _) = recv(stream, buffer, RecvFlags::DONTWAIT)?;
    Ok(size)
}

/// Writes what the system takes at once, whether or not the socket blocks otherwise. Where it can be
/// told that the end follows (Linux), both go in one segment.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when it takes nothing, or the system's.
pub fn write_now(stream: &TcpStream, bytes: &[u8], then: Then) -> io::Result<usize> {
    Ok(send(stream, bytes, flags(then))?)
}

#[cfg(target_os = "linux")]
fn flags(then: Then) -> SendFlags {
    // What standard Rust writes with: a peer that is gone is an error, and no signal.
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    match then {
        Then::Stay => flags,
        Then::End => flags | SendFlags::MORE,
    }
}

#[cfg(not(target_os = "linux"))]
fn flags(_: Then) -> SendFlags {
    SendFlags::DONTWAIT
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Shutdown, TcpListener};
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (there, _) = listener.accept().unwrap();
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        (here, there)
    }

    #[test]
    fn nothing_is_waited_for() {
        let (here, mut there) = pair();
        let mut buffer = [0; 4];
        assert_eq!(read_now(&here, &mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        there.write_all(b"word").unwrap();
        here.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(here.peek(&mut [0]).unwrap(), 1);
        assert_eq!(read_now(&here, &mut buffer).unwrap(), 4);
        // Until the system's buffers are full.
        let block = vec![0; 1 << 20];
        let full = loop {
            if let Err(error) = write_now(&here, &block, Then::End) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn what_is_written_before_the_end_arrives_with_it() {
        for then in [Then::Stay, Then::End] {
            let (here, mut there) = pair();
            assert_eq!(write_now(&here, b"words", then).unwrap(), 5);
            here.shutdown(Shutdown::Write).unwrap();
            let mut words = String::new();
            there.read_to_string(&mut words).unwrap();
            assert_eq!(words, "words");
        }
    }
}
