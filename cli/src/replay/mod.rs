//! `cli replay`.

mod lines;

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;

use record::{Ending, ReadError, Replay, Step};

use crate::args::ReplayArgs;
use crate::exit::{Exit, Failure};
use crate::text::printable;

/// Replays a recording, shows it, and tells whether the servers agree.
pub(crate) fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let shown = show(args, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    match shown {
        Ok(exit) => Ok(exit),
        // Whoever pipes it into `head` has seen enough.
        Err(Stopped::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Clean),
        Err(Stopped::Output(error)) => Err(Failure::new(Exit::Error, format!("{error}"))),
        Err(Stopped::Pipe) => {
            let file = args.file.display();
            let why = "it is a pipe, and a recording is read twice: put it into a file first";
            Err(Failure::new(Exit::Usage, format!("{file}: {why}")))
        }
        Err(Stopped::File(error)) => {
            // What was whole before is shown before what is wrong.
            let _ = out.flush();
            Err(Failure::new(Exit::Usage, format!("{}: {error}", args.file.display())))
        }
    }
}

/// Why a replay goes no further.
enum Stopped {
    Pipe,
    File(ReadError),
    Output(io::Error),
}

/// What the events came to.
#[derive(Default)]
struct Tally {
    events: u64,
    actions: u64,
    different: u64,
    is_last_unfinished: bool,
}

fn show(args: &ReplayArgs, out: &mut impl Write) -> Result<Exit, Stopped> {
    // Looked at before it is opened, which would wait for whoever writes it.
    if fs::metadata(&args.file).is_ok_and(|it| it.file_type().is_fifo()) {
        return Err(Stopped::Pipe);
    }
    let open = || File::open(&args.file).map_err(ReadError::from);
    let mut replay = Replay::new(io::BufReader::new(open()?), open()?)?;
    let mut tally = Tally::default();
    let broken = loop {
        match replay.step() {
            Ok(None) => break None,
            Err(error) => break Some(error),
            Ok(Some(step)) => {
                let is_first_difference = !step.agrees() && tally.different == 0;
                let is_asked_for = !args.check
                    && step.number >= args.from
                    && args.to.is_none_or(|to| step.number <= to);
                if is_asked_for || is_first_difference {
                    lines::step(&step, out)?;
                }
                tally.count(&step);
            }
        }
    };
    tally.tell(&replay, out)?;
    match broken {
        // That they differ is told by the code, whatever else is wrong.
        Some(error) if tally.different == 0 => Err(error.into()),
        Some(error) => {
            writeln!(out, "after that: {error}")?;
            Ok(Exit::Error)
        }
        None if tally.different > 0 => Ok(Exit::Error),
        None => Ok(Exit::Clean),
    }
}

impl Tally {
    fn count(&mut self, step: &Step<'_>) {
        self.events += 1;
        self.actions += step.replayed.actions;
        self.different += u64::from(!step.agrees());
        self.is_last_unfinished = step.recorded.is_none();
    }

    /// One line with the verdict, before it those that explain it.
    fn tell<R: io::Read>(&self, replay: &Replay<R>, out: &mut impl Write) -> io::Result<()> {
        let Self { events, actions, different, is_last_unfinished } = self;
        let (program, mine) = (replay.program(), env!("CARGO_PKG_VERSION"));
        if program != mine {
            let program = printable(program);
            writeln!(out, "recorded by version {program}, replayed by version {mine}")?;
        }
        if *is_last_unfinished {
            writeln!(out, "the recording ends in the midst of event {events}")?;
        }
        let end = match replay.ending() {
            Some(Ending::Stopped) => "",
            Some(Ending::Overrun) => "it was cut short: the disk was too slow\n",
            Some(Ending::WriteFailed) => "it was cut short: it could not be written\n",
            Some(Ending::EventTooLarge) => "it was cut short: too much came at once\n",
            None => "it has no end: the recorded server was killed, or runs still\n",
        };
        out.write_all(end.as_bytes())?;
        if *different == 0 {
            writeln!(out, "same: {events} events, {actions} actions")
        } else {
            writeln!(out, "different: {different} of {events} events")
        }
    }
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
