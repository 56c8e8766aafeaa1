//! The same calls of async-io, one thread.

use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};

use async_io::{Async, block_on};

use super::{BUFFER, Rooms, reply};

pub(super) fn relay(socket: UdpSocket, rooms: &Rooms) -> io::Result<()> {
    let socket = Async::new(socket)?;
    let mut buffer = [0; BUFFER];
    block_on(async {
        loop {
            // An error is news that a member is gone.
            let Ok((size, from)) = socket.recv_from(&mut buffer).await else { continue };
            let datagram = buffer.get(..size).unwrap_or_default();
            for to in rooms.of(datagram) {
                if *to != from {
                    let _ = socket.send_to(datagram, *to).await;
                }
            }
        }
    })
}

pub(super) fn joins(listener: TcpListener) -> io::Result<()> {
    let listener = Async::new(listener)?;
    let (mut buffer, reply) = ([0; BUFFER], reply());
    block_on(async {
        loop {
            let (stream, _) = listener.accept().await?;
            // An error is of one client alone.
            let read = stream.read_with(|mut stream| stream.read(&mut buffer)).await;
            if read.is_ok() {
                let _ = stream.write_with(|mut stream| stream.write(&reply)).await;
            }
        }
    })
}
