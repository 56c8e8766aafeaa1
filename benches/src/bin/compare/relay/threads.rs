//! Each member a thread of its own, which sleeps until something comes for it, as the programs of people
//! do: to wake it is part of what a copy costs a server.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::heard::Heard;
use super::{Audience, Talk, WAKE};
use crate::link::{Link, READ_BYTES};

/// Bytes of a member's stack: there may be a thousand.
const STACK: usize = 128 * 1024;

/// Runs `work` while all members hear.
pub(super) fn with<T>(
    links: &mut [Box<dyn Link>],
    talk: &Talk<'_>,
    work: impl FnOnce(Threads<'_, '_>) -> io::Result<T>,
) -> io::Result<T> {
    let member = |link| Mutex::new(Member { link, heard: Heard::nothing() });
    let sockets: Vec<_> =
        links.iter().map(|link| link.as_fd().try_clone_to_owned()).collect::<Result<_, _>>()?;
    let members: Vec<_> = links.iter_mut().map(member).collect();
    let (failure, speaker) = (Mutex::new(None), thread::current());
    let (end, ends_them) = io::pipe()?;
    let (end, failure, speaker) = (&end, &failure, &speaker);
    thread::scope(|scope| {
        // They end when this is dropped, in whichever way this scope is left.
        let _ends_them = ends_them;
        for ((number, member), socket) in members.iter().enumerate().zip(sockets) {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, move || {
                if let Err(error) = listen(number, member, &socket, end, talk, speaker) {
                    *lock(failure) = Some(error);
                    speaker.unpark();
                }
            })?;
        }
        work(Threads { members: &members, failure })
    })
}

/// One member: its thread hears through the link, and the speaker's thread speaks.
struct Member<'a> {
    link: &'a mut Box<dyn Link>,
    heard: Heard,
}

fn listen(
    number: usize,
    member: &Mutex<Member<'_>>,
    socket: &OwnedFd,
    end: &PipeReader,
    talk: &Talk<'_>,
    speaker: &Thread,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let mut awaited =
            [PollFd::new(socket, PollFlags::IN), PollFd::new(end, PollFlags::empty())];
        match poll(&mut awaited, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [_, end] = &awaited;
        if !end.revents().is_empty() {
            return Ok(());
        }
        let Member { link, heard } = &mut *lock(member);
        if talk.hear(number, link.as_mut(), &mut buffer, heard)? {
            speaker.unpark();
        }
    }
}

/// All of them, as the speaker's thread has them.
pub(super) struct Threads<'a, 'links> {
    members: &'a [Mutex<Member<'links>>],
    failure: &'a Mutex<Option<io::Error>>,
}

impl Audience for Threads<'_, '_> {
    fn say(&mut self, member: usize, text: &[u8]) -> io::Result<()> {
        self.members.get(member).map_or(Ok(()), |member| lock(member).link.say(text))
    }

    fn wait(&mut self, _: &Talk<'_>) -> io::Result<()> {
        thread::park_timeout(WAKE);
        lock(self.failure).take().map_or(Ok(()), Err)
    }

    fn take_heard(&mut self) -> Heard {
        let mut all = Heard::nothing();
        for member in self.members {
            all.add(&std::mem::replace(&mut lock(member).heard, Heard::nothing()));
        }
        all
    }
}

/// After a panic in one thread the slice ends with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
