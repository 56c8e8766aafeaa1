//! Blocking calls, one thread.

use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};

use super::{BUFFER, Rooms, reply};

pub(super) fn relay(socket: &UdpSocket, rooms: &Rooms) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        // An error is news that a member is gone.
        let Ok((size, from)) = socket.recv_from(&mut buffer) else { continue };
        let datagram = buffer.get(..size).unwrap_or_default();
        for to in rooms.of(datagram) {
            if *to != from {
                let _ = socket.send_to(datagram, to);
            }
        }
    }
}

pub(super) fn joins(listener: &TcpListener) -> io::Result<()> {
    let (mut buffer, reply) = ([0; BUFFER], reply());
    loop {
        let (mut stream, _) = listener.accept()?;
        // An error is of one client alone.
        if stream.read(&mut buffer).is_ok() {
            let _ = stream.write(&reply);
        }
    }
}
