//! Watching one's own silence: warn before the server drops who is silent, and find out afterwards
//! whether it did, in case its notice was lost.

use core::time::Duration;

use protocol::tcp::Limits;

use crate::time::Instant;

/// The warning comes this long before the timeout, or at three quarters of it if that is later.
const WARNING: Duration = Duration::from_secs(30);

/// How long after the last moment at which the server could have dropped us it is asked, by a
/// presence, whether it did.
const MARGIN: Duration = Duration::from_secs(2);

/// How long an answer to that is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// What to do when a deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Warn: silent for so much longer, and the server drops us.
    Warn(Duration),
    /// Send a presence: whoever was dropped is told again.
    Ask,
    /// Nothing came back: we are out.
    GiveUp,
}

#[derive(Debug)]
pub(super) struct Vigil {
    idle_timeout: Duration,
    sweep_interval: Duration,
    /// Whether the server told its limits, so that no answer to a question means being out.
    is_certain: bool,
    stage: Stage,
    /// When the stage is over.
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Active,
    Warned,
    Asked,
}

impl Vigil {
    pub(super) fn new(limits: &Limits, is_certain: bool, now: Instant) -> Self {
        let Limits { idle_timeout, sweep_interval, .. } = *limits;
        let stage = Stage::Active;
        let mut vigil = Self { idle_timeout, sweep_interval, is_certain, stage, at: now };
        vigil.active(now);
        vigil
    }

    /// Something was sent that the server counts as activity.
    pub(super) fn active(&mut self, now: Instant) {
        self.stage = Stage::Active;
        self.at = now + (self.idle_timeout - self.warning());
    }

    /// Something came that only a member gets.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.stage == Stage::Asked {
            self.active(now);
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.at
    }

    /// What is due, once for each stage.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if now < self.at {
            return None;
        }
        Some(match self.stage {
            Stage::Active => {
                self.stage = Stage::Warned;
                self.at = self.at + self.warning() + self.sweep_interval + MARGIN;
                Due::Warn(self.warning())
            }
            Stage::Warned if self.is_certain => {
                self.stage = Stage::Asked;
                self.at = now + ANSWER_WAIT;
                Due::Ask
            }
            Stage::Warned => {
                // Its limits are a guess: who is still in has said so by asking.
                self.active(now);
                Due::Ask
            }
            Stage::Asked => Due::GiveUp,
        })
    }

    fn warning(&self) -> Duration {
        WARNING.min(self.idle_timeout / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn warns_asks_and_gives_up_in_this_order() {
        let mut vigil = Vigil::new(&Limits::default(), true, at(0));
        assert_eq!((vigil.deadline(), vigil.due(at(89))), (at(90), None));
        assert_eq!(vigil.due(at(90)), Some(Due::Warn(Duration::from_secs(30))));
        assert_eq!((vigil.due(at(141)), vigil.deadline()), (None, at(142)));
        assert_eq!(vigil.due(at(142)), Some(Due::Ask));
        assert_eq!(vigil.due(at(146)), None);
        assert_eq!(vigil.due(at(147)), Some(Due::GiveUp));
    }

    #[test]
    fn activity_begins_it_anew_and_hearing_answers_the_question() {
        let mut vigil = Vigil::new(&Limits::default(), true, at(0));
        vigil.due(at(90));
        vigil.heard(at(100));
        assert_eq!(vigil.deadline(), at(142), "hearing is no activity");
        vigil.active(at(100));
        assert_eq!(vigil.deadline(), at(190));
        vigil.due(at(190));
        vigil.due(at(242));
        vigil.heard(at(243));
        assert_eq!(vigil.deadline(), at(333));
    }

    #[test]
    fn where_the_limits_are_a_guess_a_question_is_never_the_end() {
        let mut vigil = Vigil::new(&Limits::default(), false, at(0));
        vigil.due(at(90));
        assert_eq!(vigil.due(at(142)), Some(Due::Ask));
        assert_eq!(vigil.due(at(147)), None);
        assert_eq!(vigil.deadline(), at(232));
    }

    #[test]
    fn a_short_timeout_is_warned_of_at_three_quarters() {
        let limits = Limits { idle_timeout: Duration::from_secs(4), ..Limits::default() };
        let mut vigil = Vigil::new(&limits, true, at(0));
        assert_eq!(vigil.deadline(), at(3));
        assert_eq!(vigil.due(at(3)), Some(Due::Warn(Duration::from_secs(1))));
    }
}
