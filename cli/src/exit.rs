//! How the command ends: a code for programs, and a line for people.

use std::fmt;
use std::process::ExitCode;

use crate::text::tell;

/// Exit codes. Wrong usage is 2, which clap gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went as it was asked to.
    Clean = 0,
    /// Something failed that has no code of its own, or a replay differs.
    Error = 1,
    /// An argument, or a file that one names, is wrong.
    Usage = 2,
    /// The server cannot be reached, or not any more.
    Unreachable = 3,
    /// The server refused to let the user in.
    Refused = 4,
    /// The host left, or the server stopped: the room is closed.
    RoomClosed = 5,
    /// The server dropped the user for being silent.
    TimedOut = 6,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An end that is not clean, with what happened, to what, and what to do now.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Tells the user, and gives the code.
    pub(crate) fn report(&self) -> Exit {
        tell(format_args!("error: {self}"));
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
