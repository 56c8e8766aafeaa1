//! The file of `--record`, and the thread that writes it: the server never waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use record::limits::BLOCK_TARGET;
use record::{Blocks, Ending, Sink};
use signal_hook::consts::SIGXFSZ;
use tracing::{error, info};

use crate::exit::{Exit, Failure};

/// How often what there is gets written, however little: a server that is killed loses no more.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Bytes that wait to be written at most. When a disk falls behind so far, the recording ends.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// How long a server that stops waits for the last of it to be written.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// A recording that is being made.
pub(super) struct Recording {
    shared: Arc<Shared>,
    path: PathBuf,
    /// Is told when the file is done.
    done: Receiver<()>,
}

/// The server's end of it.
pub(super) struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is a block to write, or nothing more will come.
    has_more: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: Vec<u8>,
    /// Why nothing more is taken.
    ending: Option<Ending>,
    /// Nothing more will come.
    is_over: bool,
}

impl Recording {
    /// Begins one in a file that is not there yet, and that its owner alone may read.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        // A file as large as the process may make one is then an error, as a full disk is, and does not
        // end the process. Nobody asks whether the signal came; if it cannot be taken, all else is well.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let blocks = opened.and_then(Blocks::new).map_err(|error| {
            let path = path.display();
            let hint = match error.kind() {
                io::ErrorKind::AlreadyExists => ". Move it away, or record to another file",
                _ => "",
            };
            Failure::new(Exit::Usage, format!("cannot record to {path}: {error}{hint}"))
        })?;
        let shared = Arc::new(Shared::default());
        let (sender, done) = channel();
        let writing = Writing { shared: Arc::clone(&shared), path: path.to_owned(), blocks };
        let spawned = thread::Builder::new().name("recording".to_owned()).spawn(move || {
            writing.run();
            // Nobody may be waiting any more.
            let _ = sender.send(());
        });
        spawned.map_err(|error| Failure::new(Exit::Error, format!("cannot record: {error}")))?;
        info!(file = %path.display(), "recording; names and addresses are in it as they are");
        Ok(Self { shared, path: path.to_owned(), done })
    }

    pub(super) fn queue(&self) -> Queue {
        Queue(Arc::clone(&self.shared))
    }

    /// Marks that the server stopped as it was told to, and has the last of it written.
    pub(super) fn finish(self) {
        self.shared.lock().ending.get_or_insert(Ending::Stopped);
    }
}

/// Whatever ends the server, what was recorded is written.
impl Drop for Recording {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.has_more.notify_one();
        if self.done.recv_timeout(LAST_WRITE).is_err() {
            let file = self.path.display();
            error!(%file, "the recording's last part is not written: the disk is too slow");
        }
    }
}

impl Sink for Queue {
    fn push(&mut self, record: &[u8]) -> bool {
        let mut waiting = self.0.lock();
        if waiting.ending.is_some() {
            return false;
        }
        if waiting.records.len() + record.len() > MAX_WAITING {
            waiting.ending = Some(Ending::Overrun);
            return false;
        }
        let before = waiting.records.len();
        waiting.records.extend_from_slice(record);
        let after = waiting.records.len();
        if before == 0 || before < BLOCK_TARGET && after >= BLOCK_TARGET {
            self.0.has_more.notify_one();
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        unpoisoned(self.waiting.lock())
    }

    /// Takes what waits, in exchange for an empty buffer, once there are `enough` bytes of it or it
    /// is time. Gives why there will be no more, if there will not.
    fn take(&self, enough: usize, records: &mut Vec<u8>) -> Option<Option<Ending>> {
        let idle = |waiting: &mut Waiting| {
            waiting.records.len() < enough && waiting.ending.is_none() && !waiting.is_over
        };
        let waited = self.has_more.wait_timeout_while(self.lock(), WRITE_EVERY, idle);
        let (mut waiting, _) = unpoisoned(waited);
        std::mem::swap(&mut waiting.records, records);
        let is_last = waiting.is_over || waiting.ending.is_some();
        is_last.then_some(waiting.ending)
    }
}

/// What the thread has.
struct Writing {
    shared: Arc<Shared>,
    path: PathBuf,
    blocks: Blocks<File>,
}

impl Writing {
    fn run(mut self) {
        let mut records = Vec::new();
        // How the server began is written at once: without it the file is of no use.
        let mut enough = 1;
        loop {
            let last = self.shared.take(enough, &mut records);
            enough = BLOCK_TARGET;
            if let Err(error) = self.blocks.write_block(&records) {
                self.fail(&error);
                return;
            }
            records.clear();
            records.shrink_to(2 * BLOCK_TARGET);
            if let Some(ending) = last {
                self.end(ending);
                return;
            }
        }
    }

    fn end(mut self, ending: Option<Ending>) {
        let file = self.path.display();
        if ending == Some(Ending::Overrun) {
            error!(%file, "the recording ends here: the disk is too slow. The server goes on");
        }
        if let Some(ending) = ending
            && let Err(error) = self.blocks.end(ending)
        {
            error!(%file, %error, "the recording's end could not be written");
        }
    }

    /// Says so once, and leaves a file that ends with a whole block and, if it can be written, with
    /// a mark of what happened. It can where the disk was full: the part of a block gives space back.
    fn fail(mut self, error: &io::Error) {
        self.shared.lock().ending = Some(Ending::WriteFailed);
        let file = self.path.display();
        error!(%file, %error, "the recording ends here: it cannot be written. The server goes on");
        let whole = self.blocks.whole();
        let file = self.blocks.writer();
        let cut = file.set_len(whole).and_then(|()| file.seek(SeekFrom::Start(whole)));
        if cut.is_ok() {
            // If it cannot be written, the file ends as if the server had been killed.
            let _ = self.blocks.end(Ending::WriteFailed);
        }
    }
}

/// Nothing is done under the lock that could leave it half done.
fn unpoisoned<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use engine::{Actions, Config, ConnectionId, Event, Instant, Machine, SeededEntropy};
    use record::{Recorder, Replay, Secrets};

    use super::*;

    /// A disk that takes nothing does not hold the server up, and the file says what happened.
    #[test]
    fn when_the_disk_is_too_slow_the_server_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recording");
        let blocks = Blocks::new(File::create(&path).unwrap()).unwrap();
        let shared = Arc::new(Shared::default());
        let queue = Queue(Arc::clone(&shared));
        let (entropy, start) = (SeededEntropy::new(1), Instant::ZERO);
        let mut server =
            Recorder::new(Config::default(), entropy, start, Secrets::Kept, queue).unwrap();
        let mut actions = Actions::new();
        let (connection, bytes) = (ConnectionId(1), &[0; 16 * 1024][..]);
        let events = 2 * (MAX_WAITING / bytes.len()) as u64;
        for _ in 0..events {
            let from = "192.0.2.1:1".parse().unwrap();
            server.handle_into(Event::Opened { connection, from }, start, &mut actions);
            server.handle_into(Event::Received { connection, bytes }, start, &mut actions);
        }
        assert_eq!(server.counters().connections, events, "it was told all of them");
        let waiting = shared.lock().records.len();
        assert!(waiting <= MAX_WAITING && waiting > MAX_WAITING - 2 * bytes.len());

        Writing { shared, path: path.clone(), blocks }.run();
        let file = fs::read(&path).unwrap();
        let mut replay = Replay::new(&file[..], &file[..]).unwrap();
        let mut steps = 0;
        while let Some(step) = replay.step().unwrap() {
            assert!(step.agrees());
            steps += 1;
        }
        assert_eq!(replay.ending(), Some(Ending::Overrun));
        assert!(steps > events / 2 && steps < 2 * events);
    }
}
