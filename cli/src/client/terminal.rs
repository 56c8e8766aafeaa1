//! The terminal's settings, as they were before anything changed them.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// What to put back at the end: an editor, or a question whose answer is not echoed, may be waiting
/// on another thread when the program ends.
#[derive(Debug, Clone)]
pub(super) struct TerminalSettings(Option<Termios>);

impl TerminalSettings {
    /// The settings of standard input, if that is a terminal.
    pub(super) fn remember() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    pub(super) fn restore(&self) {
        let Some(settings) = &self.0 else { return };
        // If it fails there is no terminal any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
    }
}
