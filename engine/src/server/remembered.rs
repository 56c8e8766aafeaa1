//! Tokens of members that the server removed, for some minutes: whoever still bears one is told
//! again, so that one lost notice leaves nobody talking to a room that is gone.

use alloc::collections::VecDeque;
use core::hash::BuildHasher;
use core::net::IpAddr;
use core::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use protocol::udp::{Datagram, NoticeText};
use protocol::{RoomName, UserName};

use super::credentials::IssuedToken;
use crate::action::MemberId;
use crate::time::Instant;

/// How long a token is remembered.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(5 * 60);

/// The bearer of a token is answered at most once in this time.
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);

/// A removed member, and the notice that it was sent.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) id: MemberId,
    pub(super) token: IssuedToken,
    pub(super) ip: IpAddr,
    pub(super) room: RoomName,
    pub(super) user: UserName,
    /// Whom the notice was about.
    pub(super) about: UserName,
    pub(super) notice: NoticeText,
}

/// The removed members in the order of their removal, at most `cap` of them, and an index by token.
#[derive(Debug)]
pub(super) struct Memory {
    entries: VecDeque<Entry>,
    /// The number of the first entry; the others are numbered on from there.
    first: u64,
    by_token: HashTable<u64>,
    hasher: FixedState,
    cap: usize,
}

#[derive(Debug)]
struct Entry {
    remembered: Remembered,
    since: Instant,
    answered: Option<Instant>,
}

impl Memory {
    pub(super) fn new(cap: usize, hash_seed: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            by_token: HashTable::new(),
            hasher: FixedState::with_seed(hash_seed),
            cap,
        }
    }

    /// Remembers a token; at the cap, the one that was remembered longest is forgotten.
    pub(super) fn remember(&mut self, remembered: Remembered, now: Instant) {
        if self.entries.len() >= self.cap {
            self.forget_first();
        }
        if self.cap == 0 {
            return;
        }
        let number = self.first + self.entries.len() as u64;
        let hash = self.hasher.hash_one(remembered.token.as_str());
        self.entries.push_back(Entry { remembered, since: now, answered: None });
        let Self { entries, first, by_token, hasher, .. } = self;
        by_token.insert_unique(hash, number, |number| {
            entry(entries, *first, *number)
                .map_or(0, |entry| hasher.hash_one(entry.remembered.token.as_str()))
        });
    }

    /// Forgets what is older than [`REMEMBERED_FOR`]. Costs O(those).
    pub(super) fn expire(&mut self, now: Instant) {
        while self.oldest().is_some_and(|since| since + REMEMBERED_FOR <= now) {
            self.forget_first();
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
            self.by_token.shrink_to_fit(|_| 0);
        }
    }

    /// Since when the first of the remembered tokens is.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.since)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Who sent `datagram` from `ip`, if it is one that is remembered and due to be told.
    pub(super) fn recall(
        &mut self,
        datagram: &Datagram<'_>,
        ip: IpAddr,
        now: Instant,
    ) -> Option<&Remembered> {
        let number = self.find(datagram.token())?;
        let entry = self.entries.get_mut(usize::try_from(number - self.first).ok()?)?;
        let Remembered { room, user, ip: joined_from, .. } = &entry.remembered;
        let is_its_own = datagram.room() == room.as_str()
            && datagram.user() == user.as_str()
            && ip == *joined_from;
        let is_young = now < entry.since + REMEMBERED_FOR;
        let is_due = entry.answered.is_none_or(|answered| answered + ANSWER_INTERVAL <= now);
        if !(is_its_own && is_young && is_due) {
            return None;
        }
        entry.answered = Some(now);
        Some(&entry.remembered)
    }

    fn find(&self, token: &str) -> Option<u64> {
        let matches = |number: &u64| {
            entry(&self.entries, self.first, *number)
                .is_some_and(|entry| entry.remembered.token.matches(token))
        };
        self.by_token.find(self.hasher.hash_one(token), matches).copied()
    }

    fn forget_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        let hash = self.hasher.hash_one(entry.remembered.token.as_str());
        if let Ok(found) = self.by_token.find_entry(hash, |number| *number == self.first) {
            found.remove();
        }
        self.first += 1;
    }
}

fn entry(entries: &VecDeque<Entry>, first: u64, number: u64) -> Option<&Entry> {
    entries.get(usize::try_from(number.checked_sub(first)?).ok()?)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);

    fn remembered(number: usize) -> Remembered {
        let user = UserName::new("me").unwrap();
        Remembered {
            id: MemberId::default(),
            token: IssuedToken::new(&format!("token {number}")).unwrap(),
            ip: HOME,
            room: RoomName::new("here").unwrap(),
            about: user.clone(),
            user,
            notice: NoticeText::TimedOut,
        }
    }

    fn told(memory: &mut Memory, fields: [&str; 3], ip: IpAddr, now: Instant) -> bool {
        let sizes: Vec<u8> = fields.iter().map(|field| field.len() as u8).collect();
        let bytes = [&sizes[..], fields.concat().as_bytes()].concat();
        memory.recall(&Datagram::parse(&bytes).unwrap(), ip, now).is_some()
    }

    #[test]
    fn tells_its_bearer_once_a_second_and_nobody_else() {
        let mut memory = Memory::new(10, 7);
        memory.remember(remembered(0), Instant::ZERO);
        let mine = ["here", "me", "token 0"];
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        for other in [["there", "me", "token 0"], ["here", "you", "token 0"], ["here", "me", "x"]] {
            assert!(!told(&mut memory, other, HOME, at(0)));
        }
        assert!(!told(&mut memory, mine, IpAddr::from([127, 0, 0, 2]), at(0)));
        assert!(told(&mut memory, mine, HOME, at(0)));
        assert!(!told(&mut memory, mine, HOME, at(999)));
        assert!(told(&mut memory, mine, HOME, at(1000)));
    }

    #[test]
    fn forgets_after_some_minutes_and_gives_its_memory_back() {
        let mut memory = Memory::new(100, 7);
        for number in 0..50 {
            memory.remember(remembered(number), Instant::ZERO + Duration::from_secs(number as u64));
        }
        let end = Instant::ZERO + REMEMBERED_FOR;
        assert!(!told(&mut memory, ["here", "me", "token 0"], HOME, end));
        memory.expire(end + Duration::from_secs(10));
        assert_eq!(memory.len(), 39);
        assert!(memory.find("token 10").is_none() && memory.find("token 11").is_some());
        memory.expire(end + Duration::from_secs(49));
        assert_eq!((memory.len(), memory.by_token.len(), memory.entries.capacity()), (0, 0, 0));
    }

    #[test]
    fn the_oldest_goes_at_the_cap() {
        let mut memory = Memory::new(3, 7);
        for number in 0..100 {
            memory.remember(remembered(number), Instant::ZERO);
            let known: Vec<_> =
                (0..=number).filter(|n| memory.find(&format!("token {n}")).is_some()).collect();
            assert_eq!(known, (number.saturating_sub(2)..=number).collect::<Vec<_>>());
        }
        let mut none = Memory::new(0, 7);
        none.remember(remembered(0), Instant::ZERO);
        assert_eq!((none.len(), none.by_token.len()), (0, 0));
    }
}
