//! What a client may choose.

use core::time::Duration;

/// How a client behaves where the wire leaves it the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Habits {
    /// Send presence when nothing was sent for this long, but for no less than 100 ms; never, by
    /// default, since the seed drops who is silent.
    pub keepalive: Option<Duration>,
}
