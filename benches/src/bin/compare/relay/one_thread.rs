//! All members in the thread that speaks: it waits for all sockets at once, as a gateway does that serves
//! many people. While there is much to hear it never sleeps, so a server need not wake it.

use std::io;

use super::heard::Heard;
use super::{Audience, Talk, WAKE};
use crate::link::{Link, READ_BYTES};
use crate::readiness::Readiness;

pub(super) struct OneThread<'a> {
    links: &'a mut [Box<dyn Link>],
    readiness: Readiness,
    heard: Heard,
    buffer: Vec<u8>,
}

impl<'a> OneThread<'a> {
    pub(super) fn new(links: &'a mut [Box<dyn Link>]) -> io::Result<Self> {
        let readiness = Readiness::of(links)?;
        Ok(Self { links, readiness, heard: Heard::nothing(), buffer: vec![0; READ_BYTES] })
    }
}

impl Audience for OneThread<'_> {
    fn say(&mut self, member: usize, text: &[u8]) -> io::Result<()> {
        self.links.get_mut(member).map_or(Ok(()), |link| link.say(text))
    }

    fn wait(&mut self, talk: &Talk<'_>) -> io::Result<()> {
        let Self { links, readiness, heard, buffer } = self;
        for number in readiness.wait(WAKE)? {
            if let Some(link) = links.get_mut(number) {
                talk.hear(number, link.as_mut(), buffer, heard)?;
            }
        }
        Ok(())
    }

    fn take_heard(&mut self) -> Heard {
        std::mem::replace(&mut self.heard, Heard::nothing())
    }
}
