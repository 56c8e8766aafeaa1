//! Keys in the order of their last activity: the one idle longest first.

use slotmap::{Key, SecondaryMap};

use crate::time::Instant;

/// A list threaded through the slots of its keys. Every operation costs O(1), so renewing a deadline
/// at each datagram is cheap and finding who is due is no search.
///
/// The times must not decrease from one call to the next; then the list is in their order.
#[derive(Debug)]
pub(crate) struct Recency<K: Key> {
    links: SecondaryMap<K, Link<K>>,
    /// The ends of the list; null when it is empty.
    oldest: K,
    newest: K,
}

#[derive(Debug)]
struct Link<K> {
    older: K,
    newer: K,
    at: Instant,
}

impl<K: Key> Default for Recency<K> {
    fn default() -> Self {
        Self { links: SecondaryMap::new(), oldest: K::null(), newest: K::null() }
    }
}

impl<K: Key> Recency<K> {
    /// Puts `key` at the end, whether it was in the list or not.
    pub(crate) fn touch(&mut self, key: K, now: Instant) {
        if self.newest == key
            && let Some(link) = self.links.get_mut(key)
        {
            link.at = now;
            return;
        }
        self.remove(key);
        let link = Link { older: self.newest, newer: K::null(), at: now };
        self.links.insert(key, link);
        match self.links.get_mut(self.newest) {
            Some(previous) => previous.newer = key,
            None => self.oldest = key,
        }
        self.newest = key;
    }

    /// Takes `key` out, if it is in.
    pub(crate) fn remove(&mut self, key: K) {
        let Some(link) = self.links.remove(key) else {
            return;
        };
        match self.links.get_mut(link.older) {
            Some(older) => older.newer = link.newer,
            None => self.oldest = link.newer,
        }
        match self.links.get_mut(link.newer) {
            Some(newer) => newer.older = link.older,
            None => self.newest = link.older,
        }
    }

    /// The key idle longest, and since when.
    pub(crate) fn oldest(&self) -> Option<(K, Instant)> {
        self.iter().next()
    }

    /// All keys and since when they are idle, the longest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, Instant)> {
        let mut next = self.oldest;
        core::iter::from_fn(move || {
            let link = self.links.get(next)?;
            let item = (next, link.at);
            next = link.newer;
            Some(item)
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use slotmap::{DefaultKey, SlotMap};

    use super::*;

    quickcheck::quickcheck! {
        /// Against a plain vector that is searched each time. A step's low bits choose a key, its
        /// high bit whether it is removed.
        fn agrees_with_a_vector(steps: Vec<u8>) -> bool {
            let mut slots: SlotMap<DefaultKey, ()> = SlotMap::new();
            let keys: Vec<DefaultKey> = (0..8).map(|_| slots.insert(())).collect();
            let mut recency = Recency::default();
            let mut model: Vec<(DefaultKey, Instant)> = Vec::new();
            steps.iter().zip(0..).all(|(step, time)| {
                let (key, now) = (keys[usize::from(step % 8)], Instant::from_micros(time));
                model.retain(|(other, _)| *other != key);
                if *step >= 128 {
                    recency.remove(key);
                } else {
                    recency.touch(key, now);
                    model.push((key, now));
                }
                recency.iter().eq(model.iter().copied())
                    && recency.oldest() == model.first().copied()
                    && recency.links.len() == model.len()
            })
        }
    }
}
