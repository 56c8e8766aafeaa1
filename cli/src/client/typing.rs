//! What the user types, or a pipe brings, on its way into the session.

use std::io;
use std::sync::Arc;
use std::thread;

use engine::client::Input;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use super::driver::InputSender;
use super::interrupt::Interrupts;
use super::lines;
use super::screen::Screen;
use crate::text::tell;

/// Lines that Up and Down go through.
const HISTORY: usize = 1000;

const PROMPT: &str = "> ";

/// Begins to read, on a thread of its own: from an editor that keeps what is typed apart from what
/// comes in, or plain lines where there is no terminal.
pub(super) fn start(
    screen: &mut Screen,
    sender: Arc<Box<InputSender>>,
    interrupts: Interrupts,
) -> io::Result<()> {
    if screen.is_interactive()
        && let Some(mut editor) = editor()
        && let Ok(printer) = editor.create_external_printer()
    {
        screen.print_by(printer);
        return spawn(move || edit(editor, &**sender, &interrupts));
    }
    spawn(move || read_lines(&**sender))
}

fn spawn(read: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("typing".to_owned()).spawn(read).map(|_| ())
}

fn editor() -> Option<DefaultEditor> {
    let config = Config::builder().max_history_size(HISTORY).ok()?.auto_add_history(true).build();
    DefaultEditor::with_config(config).ok()
}

fn edit(mut editor: DefaultEditor, send: &InputSender, interrupts: &Interrupts) {
    loop {
        let goes_on = match editor.readline(PROMPT) {
            Ok(line) => take(line, send),
            Err(ReadlineError::Interrupted) => {
                interrupts.interrupt();
                false
            }
            Err(_) => {
                send(Input::Leave);
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn read_lines(send: &InputSender) {
    loop {
        let goes_on = match lines::next() {
            Ok(Some(line)) => take(line, send),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tell(format_args!("* not sent: {error}"));
                true
            }
            Ok(None) | Err(_) => {
                send(Input::Leave);
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Passes one line on; whether more are wanted.
fn take(line: String, send: &InputSender) -> bool {
    match line.trim() {
        "" => true,
        "/quit" => {
            send(Input::Leave);
            false
        }
        _ => send(Input::Say(line)),
    }
}
