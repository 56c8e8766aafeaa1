//! What a driver drives.

use crate::action::Actions;
use crate::counters::Counters;
use crate::event::Event;
use crate::server::Server;
use crate::time::Instant;

/// A server as a driver sees it: a [`Server`], or something around one that looks on.
///
/// Drivers are generic over it, so that a plain server costs what it costs without this trait.
pub trait Machine {
    /// See [`Server::handle_into`].
    fn handle_into(&mut self, event: Event<'_>, now: Instant, actions: &mut Actions);

    /// See [`Server::next_deadline`].
    fn next_deadline(&self) -> Option<Instant>;

    /// See [`Server::counters`].
    fn counters(&self) -> &Counters;
}

impl Machine for Server {
    #[inline]
    fn handle_into(&mut self, event: Event<'_>, now: Instant, actions: &mut Actions) {
        Self::handle_into(self, event, now, actions);
    }

    #[inline]
    fn next_deadline(&self) -> Option<Instant> {
        Self::next_deadline(self)
    }

    #[inline]
    fn counters(&self) -> &Counters {
        Self::counters(self)
    }
}
