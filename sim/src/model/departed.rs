//! Those who timed out or whose room closed: they are told again.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use engine::Instant;

/// How long a token is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// The time between two answers to one token.
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);

/// Somebody who is no longer a member.
#[derive(Debug)]
pub(crate) struct Former {
    pub(crate) token: String,
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) ip: IpAddr,
    pub(crate) about: String,
    pub(crate) text: &'static str,
    pub(crate) answered: Option<Instant>,
}

/// Those who went at one moment. The rules do not order them, so when the cap takes some of them
/// away, it is not known which are left.
#[derive(Debug)]
struct Group {
    since: Instant,
    kept: usize,
    formers: Vec<Former>,
}

/// All who are remembered, the first who went first.
#[derive(Debug)]
pub(crate) struct Departed {
    groups: Vec<Group>,
    cap: usize,
    /// The tokens that are forgotten, or may be.
    forgotten: BTreeSet<String>,
}

/// Whether a token is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// The cap took some who went with it away.
    Perhaps,
}

impl Departed {
    pub(crate) fn new(cap: usize) -> Self {
        Self { groups: Vec::new(), cap, forgotten: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.iter().map(|group| group.kept).sum()
    }

    /// Whether nothing is known any more of a token that was a member's.
    pub(crate) fn may_be_forgotten(&self, token: &str) -> bool {
        self.forgotten.contains(token)
    }

    /// When the first of them is to be forgotten.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.groups.first().map(|group| group.since + REMEMBERED_FOR)
    }

    pub(super) fn expire(&mut self, moment: Instant) {
        while self.next_end().is_some_and(|end| end <= moment) {
            let group = self.groups.remove(0);
            self.forgotten.extend(group.formers.into_iter().map(|former| former.token));
        }
    }

    pub(super) fn remember(&mut self, former: Former, since: Instant) {
        if self.cap == 0 {
            self.forgotten.insert(former.token);
            return;
        }
        if self.len() >= self.cap {
            self.forget_one(since);
        }
        match self.groups.last_mut() {
            Some(group) if group.since == since => {
                if group.kept < group.formers.len() {
                    self.forgotten.insert(former.token.clone());
                }
                group.kept += 1;
                group.formers.push(former);
            }
            _ => self.groups.push(Group { since, kept: 1, formers: vec![former] }),
        }
    }

    /// Makes space for one who went `since` some moment, which may be the first group's own.
    fn forget_one(&mut self, since: Instant) {
        if let Some(group) = self.groups.first_mut() {
            group.kept -= 1;
            self.forgotten.extend(group.formers.iter().map(|former| former.token.clone()));
            if group.kept == 0 && group.since != since {
                self.groups.remove(0);
            }
        }
    }

    /// The one who bears `token`, and whether it is to be answered now.
    pub(super) fn find(&mut self, token: &str, now: Instant) -> Option<(&mut Former, Answer)> {
        let group = self
            .groups
            .iter_mut()
            .find(|group| group.formers.iter().any(|former| former.token == token))?;
        let certain = group.kept == group.formers.len();
        let is_young = now < group.since + REMEMBERED_FOR;
        let former = group.formers.iter_mut().find(|former| former.token == token)?;
        let is_due = former.answered.is_none_or(|answered| answered + ANSWER_INTERVAL <= now);
        let answer = match (is_young && is_due, certain) {
            (false, _) => Answer::No,
            (true, true) => Answer::Yes,
            (true, false) => Answer::Perhaps,
        };
        Some((former, answer))
    }
}
