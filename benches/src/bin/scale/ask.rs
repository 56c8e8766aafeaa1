//! What is asked over TCP.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use benches::server_process::PATIENCE;

/// Sends a request on a connection of its own, and gives all that came until its end.
pub(super) fn ask(server: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}
