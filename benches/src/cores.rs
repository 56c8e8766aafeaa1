//! Which processor cores the harness and a server have.
//!
//! Left alone, the kernel now puts both on one core and now on two, and waking a process on another
//! core costs a server two to five times what a message costs it otherwise. Figures that mean the
//! one in this repetition and the other in the next cannot be compared, so a cell says which it is.

use std::io;

use clap::ValueEnum;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Where the two run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Placement {
    /// The harness on one core, the server on all others, as if its clients were elsewhere.
    Apart,
    /// Both on one core: wake-ups cost the least, so what a server does itself shows the most.
    One,
    /// Wherever the kernel puts them.
    Free,
}

/// All the cores there are for both.
#[derive(Debug, Clone, Copy)]
pub struct Cores(CpuSet);

impl Cores {
    /// Those that this process has.
    ///
    /// # Errors
    /// The system's.
    pub fn all() -> io::Result<Self> {
        Ok(Self(sched_getaffinity(None)?))
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.count()
    }

    /// Starts a server, which has its cores from the process that starts it, and keeps this process
    /// to its own.
    ///
    /// # Errors
    /// The system's, and those of `start`.
    pub fn start<T>(
        &self,
        placement: Placement,
        start: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let (harness, server) = self.split(placement);
        sched_setaffinity(None, &server)?;
        let started = start();
        sched_setaffinity(None, &harness)?;
        started
    }

    /// The harness's and the server's.
    fn split(&self, placement: Placement) -> (CpuSet, CpuSet) {
        let all = self.0;
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| all.is_set(*core));
        let Some(last) = last.filter(|_| placement != Placement::Free) else { return (all, all) };
        let (mut alone, mut others) = (CpuSet::new(), all);
        alone.set(last);
        others.unset(last);
        match placement {
            Placement::Apart if others.count() > 0 => (alone, others),
            _ => (alone, alone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        numbers.iter().for_each(|number| set.set(*number));
        set
    }

    #[test]
    fn the_harness_has_the_last_core() {
        let all = Cores(set(&[1, 2, 5]));
        assert!(all.split(Placement::Apart) == (set(&[5]), set(&[1, 2])));
        assert!(all.split(Placement::One) == (set(&[5]), set(&[5])));
        assert!(all.split(Placement::Free) == (set(&[1, 2, 5]), set(&[1, 2, 5])));
        assert!(Cores(set(&[3])).split(Placement::Apart) == (set(&[3]), set(&[3])));
    }

    #[test]
    fn a_server_is_started_where_it_belongs() {
        let all = Cores::all().unwrap();
        let started = all.start(Placement::Apart, || Ok(sched_getaffinity(None)?)).unwrap();
        let (harness, server) = all.split(Placement::Apart);
        assert!(started == server && sched_getaffinity(None).unwrap() == harness);
    }
}
