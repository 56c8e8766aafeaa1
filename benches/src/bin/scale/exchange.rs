//! What is said over UDP, and what has to come of it.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;

use benches::Member;
use protocol::limits::MAX_DATAGRAM;

use crate::ROOM;

/// Everyone in the room but the speaker has one.
pub(super) const COPIES: usize = ROOM - 1;

/// Bytes of a message.
const SIZE: usize = 64;

/// What a member says.
pub(super) struct Line {
    datagram: Vec<u8>,
    text: String,
}

impl Line {
    /// The line with that number, by which its copies are known.
    pub(super) fn of(member: &Member, number: usize) -> Self {
        let text = format!("{number:0SIZE$}");
        Self { datagram: member.chat(&text), text }
    }
}

/// Says one line, and waits for all its copies.
pub(super) fn exchange(socket: &UdpSocket, line: &Line) -> io::Result<()> {
    socket.send(&line.datagram)?;
    hear(socket, COPIES, &line.text)
}

/// Waits for so many datagrams with that text, for each as long as the socket's own setting says.
pub(super) fn hear(socket: &UdpSocket, count: usize, text: &str) -> io::Result<()> {
    let mut buffer = [0; MAX_DATAGRAM];
    for come in 0..count {
        let size = socket.recv(&mut buffer).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                io::Error::other(format!("{come} of {count} datagrams came, and then none"))
            }
            _ => error,
        })?;
        let datagram = buffer.get(..size).unwrap_or_default();
        if !datagram.ends_with(text.as_bytes()) {
            let datagram = String::from_utf8_lossy(datagram);
            return Err(io::Error::other(format!("{datagram:?} came instead of {text:?}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use benches::{room_name, user_name};
    use protocol::Token;

    use super::*;

    /// Says the line `said` when so many copies of the line `answered` wait already: on the loopback
    /// interface they are there once they are sent.
    fn answered(said: usize, answered: usize, copies: usize) -> Result<(), String> {
        let address = "127.0.0.1:4000".parse().unwrap();
        let token = Token::new("token").unwrap();
        let member = Member { room: room_name(1), user: user_name(2), token, address };
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(other.local_addr().unwrap()).unwrap();
        one.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let answer = Line::of(&member, answered).datagram;
        for _ in 0..copies {
            other.send_to(&answer, one.local_addr().unwrap()).unwrap();
        }
        let outcome = exchange(&one, &Line::of(&member, said)).map_err(|error| error.to_string());
        assert_eq!(other.recv(&mut [0; MAX_DATAGRAM]).unwrap(), answer.len());
        outcome
    }

    #[test]
    fn a_line_is_over_when_all_copies_have_come() {
        assert_eq!(answered(17, 17, COPIES), Ok(()));
    }

    #[test]
    fn a_lost_copy_is_an_error_and_so_is_another_lines() {
        assert!(answered(17, 17, COPIES - 1).unwrap_err().starts_with("8 of 9 datagrams"));
        assert!(answered(17, 18, COPIES).unwrap_err().contains("came instead of"));
    }
}
