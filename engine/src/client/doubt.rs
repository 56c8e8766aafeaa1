//! When the system says that nobody listens where the server was: ask a few times, then give up.

use core::time::Duration;

use crate::time::Instant;

/// The time from one question to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// Refusals in a row after which the server counts as gone.
const MAX_REFUSALS: u32 = 4;

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first one: the user should know.
    Begun,
    /// One more.
    Stays,
    /// Enough.
    Gone,
}

/// What to do when a deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Send a presence, and see whether it is refused.
    Ask,
    /// The last one was not refused: the server is there again.
    Cleared,
}

/// Whether the server can be reached.
#[derive(Debug, Default)]
pub(super) struct Doubt(Option<State>);

#[derive(Debug)]
struct State {
    refusals: u32,
    /// Whether what was sent last was refused.
    refused: bool,
    at: Instant,
}

impl Doubt {
    /// What was sent last was refused.
    pub(super) fn refused(&mut self, now: Instant) -> Verdict {
        match &mut self.0 {
            None => {
                self.0 = Some(State { refusals: 1, refused: true, at: now + INTERVAL });
                Verdict::Begun
            }
            // One question counts once, however much was sent with it.
            Some(State { refused: true, .. }) => Verdict::Stays,
            Some(state) => {
                state.refusals += 1;
                state.refused = true;
                if state.refusals >= MAX_REFUSALS { Verdict::Gone } else { Verdict::Stays }
            }
        }
    }

    /// Something came from the server.
    pub(super) fn heard(&mut self) {
        self.0 = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.as_ref().map(|state| state.at)
    }

    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let state = self.0.as_mut().filter(|state| state.at <= now)?;
        if state.refused {
            state.refused = false;
            state.at = now + INTERVAL;
            return Some(Due::Ask);
        }
        self.0 = None;
        Some(Due::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn gives_up_after_refusals_in_a_row() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.refused(at(0)), Verdict::Begun);
        for second in [1, 2] {
            assert_eq!(doubt.deadline(), Some(at(second)));
            assert_eq!(doubt.due(at(second)), Some(Due::Ask));
            assert_eq!(doubt.refused(at(second)), Verdict::Stays);
            assert_eq!(doubt.refused(at(second)), Verdict::Stays, "the same question");
        }
        assert_eq!(doubt.due(at(3)), Some(Due::Ask));
        assert_eq!(doubt.refused(at(3)), Verdict::Gone);
    }

    #[test]
    fn clears_when_a_question_is_not_refused_or_something_comes() {
        let mut doubt = Doubt::default();
        doubt.refused(at(0));
        assert_eq!(doubt.due(at(1)), Some(Due::Ask));
        assert_eq!(doubt.due(at(2)), Some(Due::Cleared));
        assert_eq!((doubt.due(at(3)), doubt.deadline()), (None, None));
        assert_eq!(doubt.refused(at(4)), Verdict::Begun);
        doubt.heard();
        assert_eq!(doubt.refused(at(5)), Verdict::Begun);
    }
}
