//! One TCP connection, and what waits to be written to it.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use async_io::Async;
use sockets::{Then, read_now, write_now};

/// A connection that one task at most reads and writes, and that any task may give bytes to.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Rc<TcpStream>,
    /// Its registration, once it has been waited for.
    registered: OnceCell<Async<Rc<TcpStream>>>,
    /// At most one reply, so it is bounded as replies are.
    unsent: RefCell<Vec<u8>>,
    /// How much of it has been written.
    sent: Cell<usize>,
    end: Cell<End>,
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
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Rc::new(socket),
            registered: OnceCell::new(),
            unsent: RefCell::default(),
            sent: Cell::new(0),
            end: Cell::new(End::Open),
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        self.unsent.borrow_mut().extend_from_slice(bytes);
    }

    /// Ends the sending half once all is written.
    pub(super) fn half_close(&self) {
        self.end.set(End::Requested);
    }

    /// Whether its reply has been written and it has never been waited for: all that is awaited is that
    /// the peer closes.
    pub(super) fn is_about_to_close(&self) -> bool {
        self.end.get() == End::Done && self.registered.get().is_none()
    }

    /// Reads what is there; `None` when there is nothing yet.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match read_now(&self.socket, buffer) {
                Ok(size) => return Ok(Some(size)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until something can be read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.registered()?.readable().await
    }

    /// Writes what the kernel takes. Whether that is all.
    pub(super) fn flush_now(&self) -> io::Result<bool> {
        let unsent = self.unsent.borrow();
        let then = if self.end.get() == End::Requested { Then::End } else { Then::Stay };
        while let Some(rest) = unsent.get(self.sent.get()..).filter(|rest| !rest.is_empty()) {
            match write_now(&self.socket, rest, then) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(size) => self.sent.set(self.sent.get() + size),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.end.get() == End::Requested {
            self.end.set(End::Done);
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(true)
    }

    /// Writes all that waits, however often the kernel has to be waited for.
    pub(super) async fn flush(&self) -> io::Result<()> {
        while !self.flush_now()? {
            self.registered()?.writable().await?;
        }
        Ok(())
    }

    fn registered(&self) -> io::Result<&Async<Rc<TcpStream>>> {
        if self.registered.get().is_none() {
            // Empty, as was just seen.
            let _ = self.registered.set(Async::new(Rc::clone(&self.socket))?);
        }
        self.registered.get().ok_or_else(|| ErrorKind::NotConnected.into())
    }
}
