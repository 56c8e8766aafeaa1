//! Datagrams that are told at once: everyone gets what it would get of them one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use engine::{Action, Counters, Event, Incoming, MemberId, Server};
use protocol::limits::{MAX_BUNDLE, MAX_DATAGRAM};

use super::Run;
use crate::datagrams::bundles::entries;

/// What a member was sent in this order, and where.
#[derive(Debug, Default, PartialEq, Eq)]
struct Got {
    datagrams: Vec<Vec<u8>>,
    at: BTreeSet<SocketAddr>,
}

type Sent = BTreeMap<MemberId, Got>;

impl Run {
    /// One twin is told of the datagrams one by one, the other at once.
    pub(super) fn batch(&mut self, batch: &[Incoming<'_>]) {
        let mut one_by_one = Sent::new();
        for Incoming { from, bytes } in batch {
            let event = Event::Datagram { from: *from, bytes };
            let actions = self.judge.tell(&mut self.server, event, self.now);
            let actions = actions.unwrap_or_else(|broken| panic!("{broken}, by {event:?}"));
            assert!(!actions.iter().any(|action| matches!(action, Action::Burst { .. })));
            self.send(&actions, &mut one_by_one);
        }
        let mut at_once = Sent::new();
        let actions = self.twin.handle(Event::Datagrams(batch), self.now);
        self.send(&actions, &mut at_once);
        self.has_shared |= actions.iter().any(|action| matches!(action, Action::Burst { .. }));

        let speakers: BTreeSet<SocketAddr> = batch.iter().map(|incoming| incoming.from).collect();
        for (member, got) in &at_once {
            let wanted = one_by_one.remove(member).unwrap_or_default();
            // Copies go to where a member was heard last: one that was first heard in this batch gets
            // what was said before, and one that was heard from elsewhere gets all of it there.
            let is_new = !self.reachable.contains(member);
            let is_same = got.datagrams == wanted.datagrams;
            assert!(is_same || is_new, "{got:?}, not {wanted:?}");
            assert!(got.datagrams.ends_with(&wanted.datagrams), "{got:?}, not {wanted:?}");
            let has_spoken = !got.at.is_disjoint(&speakers);
            assert!(got.at == wanted.at || has_spoken, "{got:?}, not {wanted:?}");
            assert!(got.datagrams.len() <= batch.len() || is_same);
        }
        self.reachable.extend(at_once.into_keys());
        assert!(one_by_one.is_empty(), "only one by one: {one_by_one:?}");
        assert_eq!(self.twin.census(), self.server.census());
        assert_eq!(self.twin.next_deadline(), self.server.next_deadline());
        assert_eq!(but_for_copies(&self.twin), but_for_copies(&self.server));
    }

    /// Notes what everyone is sent; a bundle is what it holds.
    fn send(&mut self, actions: &[Action<'_>], sent: &mut Sent) {
        for action in actions {
            if let Action::Burst { run, .. } = action {
                let sizes: Vec<usize> = run.datagrams().map(<[u8]>::len).collect();
                let (last, others) = sizes.split_last().expect("a burst has datagrams");
                let size = run.size().get();
                assert!(others.iter().all(|other| *other == size) && *last <= size);
                assert!(!others.is_empty(), "one datagram is no burst");
            }
            for (bytes, to) in action.copies() {
                let got = sent.entry(to.member).or_default();
                got.at.insert(to.address);
                let Ok(entries) = entries(bytes) else {
                    assert!(bytes.len() <= MAX_DATAGRAM);
                    got.datagrams.push(bytes.to_vec());
                    continue;
                };
                assert!(self.has_bundles, "nobody asked for bundles");
                assert!(bytes.len() <= MAX_BUNDLE);
                self.has_bundled = true;
                got.datagrams.extend(entries.into_iter().map(<[u8]>::to_vec));
            }
        }
    }
}

fn but_for_copies(server: &Server) -> Counters {
    let mut counters = *server.counters();
    counters.copies = 0;
    counters
}
