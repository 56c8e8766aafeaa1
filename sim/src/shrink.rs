//! Making a failing world small: what is not needed for the failure is left out.

use crate::link::Weather;
use crate::plan::Plan;
use crate::trace::Depth;
use crate::world::Violation;

/// Worlds that are tried at most.
const MOST_TRIES: usize = 600;

/// A world that fails as the large one did, with as little in it as was found.
#[derive(Debug)]
pub struct Shrunk {
    /// What is left of the plan.
    pub plan: Plan,
    /// How it fails.
    pub violation: Violation,
    /// Worlds that were tried.
    pub tries: usize,
}

/// Leaves out of a failing plan whatever can be left out: parties, deeds, bad weather. The rule that
/// is broken stays the same. `None` when the plan does not fail.
pub fn shrink(plan: &Plan) -> Option<Shrunk> {
    shrink_by(plan, |plan| plan.run(Depth::Nothing).violation)
}

/// As [`shrink`], where `fails` says whether and how a plan fails.
fn shrink_by(plan: &Plan, fails: impl Fn(&Plan) -> Option<Violation>) -> Option<Shrunk> {
    let violation = fails(plan)?;
    let last = violation.at;
    let shrunk = Shrunk { plan: plan.clone(), violation, tries: 1 };
    let mut shrinking = Shrinking { shrunk, fails };
    shrinking.attempt(|plan| plan.deeds.retain(|deed| deed.at <= last));
    loop {
        let before = shrinking.shrunk.plan.len();
        for party in 0..plan.parties.len() {
            shrinking.attempt(|plan| plan.deeds.retain(|deed| deed.party != party));
        }
        shrinking.leave_out_runs();
        if shrinking.shrunk.plan.len() == before || shrinking.shrunk.tries >= MOST_TRIES {
            break;
        }
    }
    shrinking.clear_the_weather();
    shrinking.leave_out_runs();
    Some(shrinking.shrunk)
}

/// What is left so far.
struct Shrinking<F> {
    shrunk: Shrunk,
    fails: F,
}

impl<F: Fn(&Plan) -> Option<Violation>> Shrinking<F> {
    /// Leaves out runs of deeds, long ones first.
    fn leave_out_runs(&mut self) {
        let mut size = self.shrunk.plan.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < self.shrunk.plan.len() {
                let run = start..(start + size).min(self.shrunk.plan.len());
                if !self.attempt(|plan| drop(plan.deeds.drain(run.clone()))) {
                    start += size;
                }
            }
            size /= 2;
        }
    }

    fn clear_the_weather(&mut self) {
        self.attempt(|plan| plan.weather = Weather::FINE);
        for clear in [
            |weather: &mut Weather| weather.loss = 0,
            |weather: &mut Weather| weather.duplicate = 0,
            |weather: &mut Weather| weather.late = 0,
            |weather: &mut Weather| weather.stall = 0,
            |weather: &mut Weather| weather.unreachable = 0,
            |weather: &mut Weather| weather.slow_timer = 0,
            |weather: &mut Weather| weather.busy = 0,
            |weather: &mut Weather| weather.piece = 1500,
        ] {
            self.attempt(|plan| clear(&mut plan.weather));
        }
    }

    /// Keeps a change if it leaves something out and the world still fails in the same way.
    fn attempt(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let Shrunk { plan, violation, tries } = &mut self.shrunk;
        let mut smaller = plan.clone();
        change(&mut smaller);
        let is_same = smaller.len() == plan.len() && smaller.weather == plan.weather;
        if is_same || *tries >= MOST_TRIES {
            return false;
        }
        *tries += 1;
        match (self.fails)(&smaller) {
            Some(found) if found.rule == violation.rule => {
                (*plan, *violation) = (smaller, found);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::Instant;

    use super::*;

    #[test]
    fn only_what_is_needed_is_left() {
        let plan = Plan::draw(8);
        let needed = [plan.deeds[3].clone(), plan.deeds[plan.len() - 5].clone()];
        let at = needed[1].at;
        let fails = |plan: &Plan| {
            let has_all = needed.iter().all(|deed| plan.deeds.contains(deed));
            let violation = Violation { rule: "needed", step: 0, at, how: String::new() };
            has_all.then_some(violation)
        };
        let shrunk = shrink_by(&plan, fails).unwrap();
        assert_eq!(shrunk.plan.deeds, needed);
        assert_eq!(shrunk.plan.weather, Weather::FINE);
        assert!(plan.len() > 50 && shrunk.tries < MOST_TRIES, "{}", shrunk.tries);
    }

    #[test]
    fn another_rule_is_another_failure() {
        let plan = Plan::draw(8);
        let whole = plan.len();
        let fails = |plan: &Plan| {
            let rule = if plan.len() == whole { "this" } else { "that" };
            Some(Violation {
                rule,
                step: 0,
                at: Instant::from_micros(u64::MAX),
                how: String::new(),
            })
        };
        assert_eq!(shrink_by(&plan, fails).unwrap().plan.len(), whole);
        assert!(shrink(&Plan::draw(1)).is_none());
    }
}
