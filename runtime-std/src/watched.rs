//! A socket whose readiness is watched for as long as it lives.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use polling::{Event, PollMode, Poller};

/// Owns a socket and its registration, once there is one.
#[derive(Debug)]
pub(crate) struct Watched<S: AsFd> {
    source: S,
    poller: Arc<Poller>,
    key: usize,
    /// What it is registered for.
    interest: Option<Interest>,
}

/// What a socket is watched for. It is reported for as long as it holds, so nothing has to be asked for
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
    Nothing,
}

impl<S: AsFd> Watched<S> {
    /// Will watch `source` under `key`. The system is not told before something is to be watched for.
    pub(crate) fn new(poller: &Arc<Poller>, source: S, key: usize) -> Self {
        Self { source, poller: Arc::clone(poller), key, interest: None }
    }

    /// Watches for `interest` from now on, and for nothing else.
    pub(crate) fn watch(&mut self, interest: Interest) -> io::Result<()> {
        if self.interest == Some(interest) {
            return Ok(());
        }
        let event = match interest {
            Interest::Read => Event::readable(self.key),
            Interest::Write => Event::writable(self.key),
            Interest::Nothing => Event::none(self.key),
        };
        if self.is_watched() {
            self.poller.modify_with_mode(&self.source, event, PollMode::Level)?;
        } else {
            #[expect(unsafe_code, reason = "registering a socket is unsafe in `polling`")]
            // SAFETY: `polling` asks that a source be deleted from the poller before it is closed. It
            // is owned by this value, which hands it out by reference alone, notes below that it is
            // registered, and whose `drop` then deletes it; only after that is the field itself
            // dropped, and so closed.
            unsafe {
                self.poller.add_with_mode(&self.source.as_fd(), event, PollMode::Level)?;
            }
        }
        self.interest = Some(interest);
        Ok(())
    }

    /// Whether it was ever watched for anything.
    pub(crate) fn is_watched(&self) -> bool {
        self.interest.is_some()
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }
}

impl<S: AsFd> Drop for Watched<S> {
    fn drop(&mut self) {
        if self.is_watched() {
            // Fails only for what is not registered, which is all that matters here.
            let _ = self.poller.delete(&self.source);
        }
    }
}
