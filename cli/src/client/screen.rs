//! What the user sees: messages on standard output, everything else beside them.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use engine::client::{Happening, Input, Joined};
use rustyline::ExternalPrinter;

use super::driver::InputSender;
use crate::text::{printable, tell};

/// Names of members that are shown on entering; of the others, only how many they are.
const MAX_NAMES_SHOWN: usize = 20;

pub(super) struct Screen {
    /// Prints above the line that is being typed, where there is one.
    printer: Option<Box<dyn ExternalPrinter + Send>>,
    is_interactive: bool,
    sender: Arc<Box<InputSender>>,
    is_broken: bool,
}

impl Screen {
    pub(super) fn open(sender: Arc<Box<InputSender>>) -> Self {
        Self { printer: None, is_interactive: is_interactive(), sender, is_broken: false }
    }

    pub(super) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    pub(super) fn print_by(&mut self, printer: impl ExternalPrinter + Send + 'static) {
        self.printer = Some(Box::new(printer));
    }

    /// Says where the user is, and with whom.
    pub(super) fn welcome(&mut self, joined: &Joined) {
        let (room, user) = (printable(joined.room().as_str()), printable(joined.user().as_str()));
        self.note(&format!("you are in {room} as {user}"));
        let names: Vec<_> = joined.members().iter().map(|name| printable(name)).collect();
        if let Some(shown) = names.get(..names.len().min(MAX_NAMES_SHOWN)).filter(|n| !n.is_empty())
        {
            let others = match names.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            self.note(&format!("with you: {}{others}", shown.join(", ")));
        }
        if self.is_interactive {
            self.note("type a message and press Enter; /quit, Ctrl-D or Ctrl-C leaves");
        }
    }

    pub(super) fn show(&mut self, happening: Happening) {
        match happening {
            Happening::Chat { from, text } => {
                self.message(&format!("{}: {}", printable(&from), printable(&text)));
            }
            Happening::MemberJoined(name) => self.note(&format!("{} joined", printable(&name))),
            Happening::MemberLeft(name) => self.note(&format!("{} left", printable(&name))),
            Happening::MemberTimedOut(name) => {
                self.note(&format!("{} is gone", printable(&name)));
            }
            Happening::NotSent { text, error } => {
                self.note(&format!("not sent: {error}: {}", printable(&text)));
            }
            Happening::IdleWarning(left) => self.note(&format!(
                "say something: in {} the server drops you for being silent (--keepalive 25s \
                 prevents this)",
                humantime::format_duration(left)
            )),
            Happening::ServerUnreachable => {
                self.note("the server does not answer; what you said last may be lost");
            }
            Happening::ServerReachable => self.note("the server answers again"),
        }
    }

    /// Something somebody said.
    fn message(&mut self, line: &str) {
        if let Some(printer) = &mut self.printer {
            // If it fails the terminal is gone, and a signal says so.
            let _ = printer.print(format!("{line}\n"));
            return;
        }
        let mut out = io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() && !self.is_broken {
            // Nobody reads any more.
            self.is_broken = true;
            (self.sender)(Input::LeaveNow);
        }
    }

    /// Something about the chat, and no part of it.
    fn note(&mut self, line: &str) {
        match &mut self.printer {
            Some(printer) => {
                let _ = printer.print(format!("* {line}\n"));
            }
            None => tell(format_args!("* {line}")),
        }
    }
}

/// Whether a person types on a terminal and reads there.
fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Something for the user after which nothing comes: no editor prints it any more, so it takes the
/// place of the prompt.
pub(super) fn last_note(line: &str) {
    let over_the_prompt = if is_interactive() { CLEAR_LINE } else { "" };
    tell(format_args!("{over_the_prompt}* {line}"));
}

/// To the start of the line, and clear what is there.
const CLEAR_LINE: &str = "\r\x1b[K";
