//! Whether the server answers: a presence is answered only to a member, so what stays unanswered for
//! long enough says that we are out, or might as well be.
//!
//! A client that is cut off while it talks is dropped like one that is silent, and may never be told
//! so: its messages go nowhere, and an unknown token is not answered.

use core::time::Duration;

use protocol::tcp::Limits;

use crate::time::Instant;

/// Who speaks and has heard nothing for this long, or for a quarter of the timeout, asks along with it.
const QUIET: Duration = Duration::from_secs(10);

/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Questions in a row before the user is told; after that, one comes with what the user says.
const ASKS: u32 = 3;

/// Beyond the last moment at which the server could have dropped us.
const MARGIN: Duration = Duration::from_secs(2);

/// What to do when a deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Send a presence.
    Ask,
    /// Tell the user that there is no answer.
    Tell,
    /// Nothing was answered for as long as it takes to be dropped: we are out.
    GiveUp,
}

#[derive(Debug)]
pub(super) struct Echo {
    /// Whether the server answers presences at all.
    is_granted: bool,
    /// After so long without an answer the server has dropped whoever it does not hear.
    patience: Duration,
    quiet: Duration,
    heard: Instant,
    waiting: Option<Waiting>,
    /// When the presence was sent whose answer is timed.
    timed: Option<Instant>,
    round_trip: Option<Duration>,
}

/// A question, asked by presences, that is not answered.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    /// How often it was asked, what comes with the user's words aside.
    asks: u32,
    last_ask: Instant,
    stage: Stage,
    /// When the stage is over.
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// An answer may yet come.
    Asked,
    /// The user knows that none comes.
    Told,
    /// It was asked for the last time.
    AskedLast,
}

impl Echo {
    pub(super) fn new(is_granted: bool, limits: &Limits, now: Instant) -> Self {
        let patience = limits.idle_timeout + limits.sweep_interval + MARGIN;
        let quiet = QUIET.min(limits.idle_timeout / 4);
        let (waiting, timed, round_trip) = (None, None, None);
        Self { is_granted, patience, quiet, heard: now, waiting, timed, round_trip }
    }

    /// A presence was sent. However many are, they put nothing off that is due.
    pub(super) fn asked(&mut self, now: Instant) {
        if !self.is_granted {
            return;
        }
        if self.waiting.is_none() {
            // Whatever was asked before is settled: its answer is not to come, or came unseen.
            self.timed = Some(now);
        }
        let first = Waiting {
            since: now,
            asks: 1,
            last_ask: now,
            stage: Stage::Asked,
            at: now + ANSWER_WAIT,
        };
        self.waiting.get_or_insert(first).last_ask = now;
    }

    /// Something is said now. Whether to ask along with it.
    pub(super) fn is_to_ask(&self, now: Instant) -> bool {
        let quiet_since = match &self.waiting {
            None => self.heard,
            Some(waiting) if waiting.stage == Stage::Told => waiting.last_ask,
            // It asks by itself for now.
            Some(_) => return false,
        };
        self.is_granted && now.since(quiet_since) >= self.quiet
    }

    /// Something came that only a member gets.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.waiting = None;
    }

    /// Whether an answer is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// An answer came.
    pub(super) fn answered(&mut self, now: Instant) {
        if let Some(sent) = self.timed.take() {
            self.round_trip = Some(now.since(sent));
        }
    }

    /// How long the last answer took that was timed.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.at)
    }

    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let dropped_at = self.waiting.as_ref()?.since + self.patience;
        let waiting = self.waiting.as_mut().filter(|waiting| waiting.at <= now)?;
        match waiting.stage {
            Stage::AskedLast => Some(Due::GiveUp),
            Stage::Asked | Stage::Told if dropped_at <= now => {
                waiting.stage = Stage::AskedLast;
                waiting.at = now + ANSWER_WAIT;
                Some(Due::Ask)
            }
            Stage::Asked if waiting.asks < ASKS => {
                waiting.asks += 1;
                waiting.at = now + ANSWER_WAIT;
                Some(Due::Ask)
            }
            Stage::Asked | Stage::Told => {
                waiting.stage = Stage::Told;
                waiting.at = dropped_at;
                Some(Due::Tell)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn echo() -> Echo {
        Echo::new(true, &Limits::default(), at(0))
    }

    /// What is due at each second of a time in which every question is asked.
    fn dues(echo: &mut Echo, seconds: core::ops::Range<u64>) -> alloc::vec::Vec<(u64, Due)> {
        let mut dues = alloc::vec::Vec::new();
        for second in seconds {
            while let Some(due) = echo.due(at(second)) {
                dues.push((second, due));
                match due {
                    Due::Ask => echo.asked(at(second)),
                    Due::Tell => {}
                    Due::GiveUp => return dues,
                }
            }
        }
        dues
    }

    #[test]
    fn asks_tells_and_gives_up_in_this_order() {
        let mut echo = echo();
        echo.asked(at(1));
        let expected =
            [(6, Due::Ask), (11, Due::Ask), (16, Due::Tell), (143, Due::Ask), (148, Due::GiveUp)];
        assert_eq!(dues(&mut echo, 1..1000), expected);
    }

    #[test]
    fn who_asks_all_the_time_gives_up_no_later() {
        let mut echo = echo();
        let mut end = None;
        for second in 1..1000 {
            echo.asked(at(second));
            if echo.due(at(second)) == Some(Due::GiveUp) {
                end.get_or_insert(second);
            }
        }
        assert_eq!(end, Some(148));
    }

    #[test]
    fn an_answer_ends_the_waiting() {
        let mut echo = echo();
        echo.asked(at(1));
        echo.heard(at(2));
        assert_eq!((echo.deadline(), echo.due(at(500))), (None, None));
        echo.asked(at(501));
        dues(&mut echo, 501..520);
        assert!(echo.is_waiting());
        echo.heard(at(520));
        assert!(!echo.is_waiting());
        echo.asked(at(600));
        dues(&mut echo, 600..744);
        echo.heard(at(745));
        assert_eq!(echo.deadline(), None, "even the last question can be answered");
    }

    #[test]
    fn who_speaks_into_silence_asks_along_with_it() {
        let mut echo = echo();
        assert!(!echo.is_to_ask(at(9)) && echo.is_to_ask(at(10)));
        echo.asked(at(10));
        assert!(!echo.is_to_ask(at(20)), "it asks by itself for now");
        dues(&mut echo, 10..26);
        assert!(!echo.is_to_ask(at(29)) && echo.is_to_ask(at(30)));
        echo.heard(at(30));
        assert!(!echo.is_to_ask(at(39)) && echo.is_to_ask(at(40)));
    }

    #[test]
    fn times_the_answer_to_the_first_question() {
        let mut echo = echo();
        assert_eq!(echo.round_trip(), None);
        echo.asked(at(1));
        echo.asked(at(2));
        echo.answered(at(4));
        assert_eq!(echo.round_trip(), Some(Duration::from_secs(3)));
        echo.answered(at(9));
        assert_eq!(echo.round_trip(), Some(Duration::from_secs(3)), "to no question");
    }

    #[test]
    fn an_answer_that_is_lost_is_not_taken_for_a_slow_one() {
        let mut echo = echo();
        echo.asked(at(1));
        echo.heard(at(2));
        echo.asked(at(26));
        echo.heard(at(27));
        echo.answered(at(27));
        assert_eq!(echo.round_trip(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_server_that_does_not_answer_is_never_asked() {
        let mut echo = Echo::new(false, &Limits::default(), at(0));
        echo.asked(at(1));
        assert!(!echo.is_to_ask(at(100)));
        assert_eq!(echo.deadline(), None);
    }
}
