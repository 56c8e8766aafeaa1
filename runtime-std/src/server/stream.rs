//! One TCP connection, and what waits to be written to it.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use polling::Poller;
use sockets::{Then, read_now, write_now};

use crate::watched::{Interest, Watched};

/// A connection that is never waited for by itself.
#[derive(Debug)]
pub(super) struct Stream {
    watched: Watched<TcpStream>,
    /// At most one reply, so it is bounded as replies are.
    unsent: Vec<u8>,
    /// How much of it has been written.
    sent: usize,
    end: End,
}

/// How far the sending half is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may be written.
    Open,
    /// It ends once all is written.
    Requested,
    /// It has ended.
    Done,
}

impl Stream {
    pub(super) fn new(poller: &Arc<Poller>, stream: TcpStream, key: usize) -> Self {
        let watched = Watched::new(poller, stream, key);
        Self { watched, unsent: Vec::new(), sent: 0, end: End::Open }
    }

    /// Reads once; `None` when there is nothing yet.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match read_now(self.watched.source(), buffer) {
            Ok(size) => Ok(Some(size)),
            Err(error) if is_later(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// Ends the sending half once all is written.
    pub(super) fn half_close(&mut self) {
        self.end = End::Requested;
    }

    /// Writes what the kernel takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let then = if self.end == End::Requested { Then::End } else { Then::Stay };
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match write_now(self.watched.source(), rest, then) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(size) => self.sent += size,
                Err(error) if is_later(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if self.end == End::Requested {
            self.end = End::Done;
            self.watched.source().shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.unsent.len()
    }

    /// Watches for what it waits for: while bytes wait to be written, nothing is read.
    pub(super) fn watch(&mut self) -> io::Result<()> {
        self.watched.watch(if self.has_unsent() { Interest::Write } else { Interest::Read })
    }
}

/// Whether to try again when the socket is next ready.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
