//! When to stop before the end.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether a signal asked the harness to end, so that it ends its servers first. No signal asks the
/// default.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// What SIGINT and SIGTERM ask. From then on neither ends this process by itself.
    ///
    /// # Errors
    /// The system's.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Looks whether to go on.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] once a signal has come.
    pub fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::low_level::raise;

    use super::*;

    #[test]
    fn either_signal_is_an_error_from_then_on() {
        for signal in [SIGINT, SIGTERM] {
            let stop = Stop::on_signals().unwrap();
            assert!(stop.check().is_ok());
            raise(signal).unwrap();
            for stop in [&stop, &stop.clone()] {
                assert_eq!(stop.check().unwrap_err().kind(), ErrorKind::Interrupted);
            }
        }
        assert!(Stop::default().check().is_ok());
    }
}
