//! One TCP connection, and what waits to be written to it.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};

use async_io::Async;

/// A connection that its own task reads and writes, and that any task may give bytes to.
#[derive(Debug)]
pub(super) struct Stream {
    io: Async<TcpStream>,
    /// At most one reply, so it is bounded as replies are.
    unsent: RefCell<Vec<u8>>,
    ends_after: Cell<bool>,
}

impl Stream {
    pub(super) fn new(io: Async<TcpStream>) -> Self {
        Self { io, unsent: RefCell::default(), ends_after: Cell::new(false) }
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        self.unsent.borrow_mut().extend_from_slice(bytes);
    }

    /// Ends the sending half once all is written.
    pub(super) fn half_close(&self) {
        self.ends_after.set(true);
    }

    /// Waits until something can be read, and lets `take` read it once.
    pub(super) async fn read<T>(
        &self,
        mut take: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match take(self.io.get_ref()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.io.readable().await?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// Writes all that waits, however often the kernel has to be waited for.
    pub(super) async fn flush(&self) -> io::Result<()> {
        let bytes = self.unsent.take();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match self.io.get_ref().write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(size) => rest = rest.get(size..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.io.writable().await?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.ends_after.take() {
            self.io.get_ref().shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}
