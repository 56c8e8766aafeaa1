//! How long a slice is, and when to stop.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use benches::cores::Cores;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The time that a slice is given, and the clock it is measured by.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    /// Not measured: the caches are filled, and the processor wakes up.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) cores: Cores,
    /// Connections that say nothing, beside the work.
    pub(crate) idle: usize,
}

/// Nanoseconds since the harness started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Whether a signal asked the harness to end, so that it ends its servers first.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self(stop))
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(())
    }
}
