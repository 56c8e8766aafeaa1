//! Signals: the first one leaves the room, or ends the questions; the second one ends at once.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use engine::client::Input;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::driver::InputSender;
use super::terminal::TerminalSettings;
use crate::exit::Exit;
use crate::text::tell;

/// Whether the user was interrupted, and what to do then.
#[derive(Clone)]
pub(super) struct Interrupts(Arc<Shared>);

struct Shared {
    happened: AtomicBool,
    /// The session's input; there is none while questions are asked.
    session: Mutex<Option<Arc<Box<InputSender>>>>,
    terminal: TerminalSettings,
}

impl Interrupts {
    /// Begins to watch for signals.
    pub(super) fn watch() -> io::Result<Self> {
        let interrupts = Self(Arc::new(Shared {
            happened: AtomicBool::new(false),
            session: Mutex::default(),
            terminal: TerminalSettings::remember(),
        }));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let watching = interrupts.clone();
        let watch = move || {
            for _ in signals.forever() {
                watching.interrupt();
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
        Ok(interrupts)
    }

    /// From now on an interrupt leaves a session.
    pub(super) fn leave_by(&self, session: Arc<Box<InputSender>>) {
        *self.0.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// The user wants to leave now: by a signal, or by Ctrl-C where the terminal sends none.
    pub(super) fn interrupt(&self) {
        let again = self.0.happened.swap(true, Ordering::AcqRel);
        let session = self.0.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match session {
            // A session that is over has nobody to tell any more.
            Some(session) if !again && session(Input::LeaveNow) => return,
            _ => {}
        }
        self.restore_terminal();
        tell("");
        process::exit(Exit::Interrupted as i32);
    }

    pub(super) fn happened(&self) -> bool {
        self.0.happened.load(Ordering::Acquire)
    }

    pub(super) fn restore_terminal(&self) {
        self.0.terminal.restore();
    }
}
