//! What the seed's client asks, in its order: flags answer ahead, then the terminal or a pipe does.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use protocol::{NameError, RoomName, UserName};
use zeroize::Zeroizing;

use super::lines;
use crate::args::ClientArgs;
use crate::exit::{Exit, Failure};
use crate::text::tell;

/// The environment variable that may hold the password.
const PASSWORD_VARIABLE: &str = "CHAT_PASSWORD";

/// The longest line of a password file that is read, in bytes.
const MAX_PASSWORD_LINE: u64 = 16 * 1024;

/// Whether to open a room or to enter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Join,
}

/// All the answers.
pub(super) struct Entry {
    pub(super) operation: Operation,
    pub(super) room: RoomName,
    pub(super) user: UserName,
    pub(super) password: Zeroizing<String>,
}

/// The questions, and who answers them.
pub(super) struct Questions<'a> {
    args: &'a ClientArgs,
    /// Flags answer in the first round only: what was refused is not to be asked for again.
    is_first_round: bool,
    is_terminal: bool,
    was_refused: bool,
}

impl<'a> Questions<'a> {
    pub(super) fn new(args: &'a ClientArgs) -> Self {
        let is_terminal = io::stdin().is_terminal();
        Self { args, is_first_round: true, is_terminal, was_refused: false }
    }

    /// The questions before there is a connection.
    pub(super) fn user_and_operation(&self) -> Result<(UserName, Operation), Failure> {
        let flags = self.flags();
        let user = match flags.and_then(|flags| flags.user.clone()) {
            Some(user) => user,
            None => self.name("Your name: ")?,
        };
        let operation = match flags.map(|flags| (&flags.create, &flags.join)) {
            Some((Some(_), _)) => Operation::Create,
            Some((_, Some(_))) => Operation::Join,
            _ => self.operation()?,
        };
        Ok((user, operation))
    }

    /// The questions that remain once there is a connection.
    pub(super) fn entry(&self, user: UserName, operation: Operation) -> Result<Entry, Failure> {
        let room = self.flags().and_then(|flags| flags.create.as_ref().or(flags.join.as_ref()));
        let room = match room {
            Some(room) => room.clone(),
            None => self.name("Room name: ")?,
        };
        Ok(Entry { operation, room, user, password: self.password()? })
    }

    /// The server refused: whether there is anybody to ask again. A pipe whose next lines are
    /// messages, because flags named the room, is not.
    pub(super) fn start_over(&mut self) -> bool {
        let flags_named_the_room = self.args.create.is_some() || self.args.join.is_some();
        let asks_again = self.is_terminal || !flags_named_the_room;
        self.is_first_round = false;
        self.was_refused = true;
        asks_again
    }

    fn flags(&self) -> Option<&'a ClientArgs> {
        self.is_first_round.then_some(self.args)
    }

    fn operation(&self) -> Result<Operation, Failure> {
        loop {
            match self.ask("1 to create a room, 2 to join one: ")?.trim() {
                "1" => return Ok(Operation::Create),
                "2" => return Ok(Operation::Join),
                other => tell(format_args!("{other:?} is neither 1 nor 2")),
            }
        }
    }

    fn name<Kind>(&self, prompt: &str) -> Result<protocol::Name<Kind>, Failure> {
        loop {
            let answer = self.ask(prompt)?;
            match protocol::Name::new(answer.trim()) {
                Ok(name) => return Ok(name),
                Err(error) => tell(format_args!("the name {error}{}", advice(error))),
            }
        }
    }

    fn password(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(flags) = self.flags() {
            if flags.no_password {
                return Ok(Zeroizing::default());
            }
            if let Some(file) = &flags.password_file {
                return read_password(file);
            }
            if let Ok(password) = env::var(PASSWORD_VARIABLE) {
                return Ok(Zeroizing::new(password));
            }
        }
        if !self.is_terminal {
            return self.ask("").map(Zeroizing::new);
        }
        let answer = rpassword::prompt_password("Password (not shown): ");
        answer.map(Zeroizing::new).map_err(|error| self.unanswered(&error))
    }

    /// One answer. The prompt is for people, and goes where messages do not.
    fn ask(&self, prompt: &str) -> Result<String, Failure> {
        if self.is_terminal {
            let _ = write!(io::stderr(), "{prompt}");
        }
        match lines::next() {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(self.unanswered(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::new(Exit::Error, format!("the answer cannot be read: {error}")))
            }
            Err(error) => Err(self.unanswered(&error)),
        }
    }

    /// Nobody answers any more. After a refusal, that refusal is how it ended.
    fn unanswered(&self, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::Interrupted {
            return Failure::new(Exit::Interrupted, "interrupted before all was answered");
        }
        if self.was_refused {
            return Failure::new(Exit::Refused, "refused, and nothing more was asked for");
        }
        let message = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the input ended before all was answered: your name, 1 or 2, the room's name, its \
                 password"
                    .to_owned()
            }
            _ => format!("the input cannot be read: {error}"),
        };
        Failure::new(Exit::Error, message)
    }
}

fn advice(error: NameError) -> &'static str {
    match error {
        NameError::TooLong { .. } => ": choose a shorter one",
        _ => ": choose another one",
    }
}

/// The first line of a file.
fn read_password(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failure = |error: io::Error| {
        let message = format!("the password file {} cannot be read: {error}", path.display());
        Failure::new(Exit::Usage, message)
    };
    let mut line = Zeroizing::new(String::new());
    let file = File::open(path).map_err(failure)?;
    BufReader::new(file.take(MAX_PASSWORD_LINE)).read_line(&mut line).map_err(failure)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    Ok(Zeroizing::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (content, password) in [
            ("秘密\n", "秘密"),
            ("a b \r\nsecond", "a b "),
            ("no end", "no end"),
            ("", ""),
            ("\n", ""),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(&**read_password(&path).unwrap(), password, "{content:?}");
        }
        let missing = read_password(&folder.path().join("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing"));
    }
}
