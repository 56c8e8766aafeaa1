//! A member on a UDP wire: this project's, or no wire at all.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use protocol::limits::{MAX_DATAGRAM, UDP_HEADER};
use protocol::udp::{Bundle, ClientDatagram};
use protocol::{RoomName, Token, UserName};
use sockets::Coalesced;

use super::{Link, Reception, is_nothing};

/// A member of a room of this wire.
pub(crate) fn room(
    server: SocketAddr,
    room: &RoomName,
    user: &UserName,
    token: &Token,
    reception: Reception,
) -> io::Result<Box<dyn Link>> {
    let mut presence = vec![0; MAX_DATAGRAM];
    let datagram = ClientDatagram { room, user, token, message: None };
    let size = datagram.write(&mut presence).map_err(io::Error::other)?;
    presence.truncate(size);
    let socket = socket(server)?;
    let coalesced = reception.of(&socket);
    Ok(Box::new(Datagrams { socket, coalesced, presence, head: chat_head }))
}

/// A member of a bare loop, whose messages are the datagrams; and where it is.
pub(crate) fn bare(
    server: SocketAddr,
    reception: Reception,
) -> io::Result<(Box<dyn Link>, SocketAddr)> {
    let socket = socket(server)?;
    let coalesced = reception.of(&socket);
    let address = socket.local_addr()?;
    Ok((Box::new(Datagrams { socket, coalesced, presence: Vec::new(), head: |_| 0 }), address))
}

impl Reception {
    fn of(self, socket: &UdpSocket) -> Option<Coalesced> {
        (self != Self::Plain).then(|| Coalesced::on(socket))
    }
}

fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let loopback = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    };
    let socket = UdpSocket::bind(loopback)?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

struct Datagrams {
    socket: UdpSocket,
    /// For a member that does not receive one by one.
    coalesced: Option<Coalesced>,
    /// What comes before the text in each datagram of this member; alone it is a presence.
    presence: Vec<u8>,
    /// How many bytes come before the text in a relayed datagram.
    head: fn(&[u8]) -> usize,
}

impl Link for Datagrams {
    fn register(&mut self) -> io::Result<()> {
        if self.presence.is_empty() { Ok(()) } else { self.say(&[]) }
    }

    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        let head = self.presence.len();
        self.presence.extend_from_slice(text);
        let sent = match self.socket.send(&self.presence) {
            // The news is of an earlier datagram; this one has not been sent yet.
            Err(error) if is_nothing(&error) => self.socket.send(&self.presence),
            sent => sent,
        };
        self.presence.truncate(head);
        match sent {
            // It counts as lost, and is reported as such.
            Err(error) if is_nothing(&error) => Ok(()),
            sent => sent.map(|_| ()),
        }
    }

    fn hear(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let Self { socket, coalesced, head, .. } = self;
        let mut each = |datagram: &[u8]| each(datagram.get(head(datagram)..).unwrap_or_default());
        let received = match coalesced {
            None => socket.recv(buffer).map(|size| each(buffer.get(..size).unwrap_or_default())),
            Some(coalesced) => coalesced.receive(socket).map(|()| {
                for datagram in coalesced.datagrams() {
                    match Bundle::parse(datagram) {
                        Ok(bundle) => bundle.datagrams().for_each(&mut each),
                        Err(_) => each(datagram),
                    }
                }
            }),
        };
        match received {
            Err(error) if !is_nothing(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

impl AsFd for Datagrams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Bytes before the message. Nothing else is checked: that costs the members' side time, which is
/// all on one core, and the stamp shows what a message is.
fn chat_head(datagram: &[u8]) -> usize {
    let sizes = datagram.get(..UDP_HEADER).unwrap_or_default();
    UDP_HEADER + sizes.iter().map(|size| usize::from(*size)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use benches::server_process::PATIENCE;

    use super::*;

    #[test]
    fn the_text_is_behind_the_sizes_the_names_and_the_token() {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("ボブ").unwrap());
        let token = Token::new("token").unwrap();
        let message = Some(protocol::Message::new("やあ").unwrap());
        let mut bytes = [0; 100];
        let datagram = ClientDatagram { room: &room, user: &user, token: &token, message };
        let size = datagram.write(&mut bytes).unwrap();
        assert_eq!(&bytes[chat_head(&bytes)..size], "やあ".as_bytes());
        assert_eq!(chat_head(&[]), UDP_HEADER);
    }

    #[test]
    fn members_speak_and_hear_through_a_socket() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut link, address) = bare(server.local_addr().unwrap(), Reception::Plain).unwrap();
        link.say("やあ".as_bytes()).unwrap();
        let mut buffer = [0; 100];
        let (size, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..size], from), ("やあ".as_bytes(), address));

        server.send_to("ボブ".as_bytes(), address).unwrap();
        let mut heard = Vec::new();
        while heard.is_empty() {
            link.hear(&mut buffer, &mut |text| heard.push(text.to_vec())).unwrap();
        }
        assert_eq!(heard, ["ボブ".as_bytes()]);
    }
}
