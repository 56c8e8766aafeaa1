//! A socket whose readiness is watched for as long as it lives.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use polling::{Event, Poller};

/// Owns a socket and its registration.
#[derive(Debug)]
pub(crate) struct Watched<S: AsFd> {
    source: S,
    poller: Arc<Poller>,
    key: usize,
}

/// What a socket is watched for, once: after it has happened, it has to be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

impl<S: AsFd> Watched<S> {
    /// Watches `source` under `key`, for nothing yet.
    pub(crate) fn new(poller: &Arc<Poller>, source: S, key: usize) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "registering a socket is unsafe in `polling`")]
        // SAFETY: `polling` asks that a source be deleted from the poller before it is closed. It
        // is owned by the value made here, which hands it out by reference alone and whose `drop`
        // deletes it; only after that is the field itself dropped, and so closed.
        unsafe {
            poller.add(&source.as_fd(), Event::none(key))?;
        }
        Ok(Self { source, poller: Arc::clone(poller), key })
    }

    pub(crate) fn watch(&self, interest: Interest) -> io::Result<()> {
        let event = match interest {
            Interest::Read => Event::readable(self.key),
            Interest::Write => Event::writable(self.key),
        };
        self.poller.modify(&self.source, event)
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }
}

impl<S: AsFd> Drop for Watched<S> {
    fn drop(&mut self) {
        // Fails only for what is not registered, which is all that matters here.
        let _ = self.poller.delete(&self.source);
    }
}
