//! What a datagram costs the rules: found, checked, renewed and addressed to the room.

#![allow(clippy::expect_used, reason = "a benchmark without its fixture is to fail")]

use std::net::SocketAddr;

use benches::{Populated, address, criterion};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::Counters;
use protocol::Token;
use protocol::tcp::Features;

criterion_group! { name = benches; config = criterion(); targets = relay, dropped }
criterion_main!(benches);

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("relay");
    group.throughput(Throughput::Elements(1));
    for size in [2, 10, 100, 1000] {
        let mut talk = None;
        group.bench_function(BenchmarkId::new("room_of", size), |b| {
            let talk = talk.get_or_insert_with(|| Talk::new(1, size, size));
            b.iter(|| talk.next());
        });
        check(talk.as_ref(), size);
    }
    // One room of ten among 10,000 of them: what the others cost it. Then all in turn: the same
    // work on memory that is not in a cache.
    for (name, speakers) in [("room_of_10_among_100000", 10), ("rooms_of_10_in_turn", 100_000)] {
        let mut talk = None;
        group.bench_function(name, |b| {
            let talk = talk.get_or_insert_with(|| Talk::new(10_000, 10, speakers));
            b.iter(|| talk.next());
        });
        check(talk.as_ref(), 10);
    }
    group.finish();
}

fn check(talk: Option<&Talk>, size: usize) {
    if let Some(talk) = talk {
        let counters = talk.counters();
        assert!(talk.sent > 0);
        assert_eq!(counters.messages, talk.sent, "each was relayed");
        assert_eq!(counters.copies, talk.sent * (size as u64 - 1), "to all others");
    }
}

fn dropped(c: &mut Criterion) {
    let mut group = c.benchmark_group("dropped");
    group.throughput(Throughput::Elements(1));
    for (rooms, members) in [(1, 10), (10_000, 100_000)] {
        let mut strangers = None;
        group.bench_function(BenchmarkId::new("unknown_token_among", members), |b| {
            let strangers = strangers.get_or_insert_with(|| Talk::of_strangers(rooms, 10));
            b.iter(|| strangers.next());
        });
        if let Some(strangers) = strangers {
            let Counters { unknown_token, messages, .. } = *strangers.counters();
            assert!(strangers.sent > 0 && strangers.populated.actions.is_empty());
            assert_eq!((unknown_token, messages), (strangers.sent, 0));
        }
    }
    group.finish();
}

/// A server, and datagrams that come to it in turn without end.
struct Talk {
    populated: Populated,
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    at: usize,
    sent: u64,
}

/// How far apart in `datagrams` two that follow each other are: a prime, so that all have their
/// turn and, where there are many rooms, each in another room than the one before.
const STRIDE: usize = 7919;

impl Talk {
    /// The first `speakers` members of so many rooms of that size take turns.
    fn new(rooms: usize, size: usize, speakers: usize) -> Self {
        let populated = Populated::new(rooms, size, Features::NONE);
        let members = populated.members.iter().take(speakers);
        let datagrams = members.map(|member| (member.address, member.chat(LINE))).collect();
        Self { populated, datagrams, at: 0, sent: 0 }
    }

    /// Strangers who know a room and a name, but no token.
    fn of_strangers(rooms: usize, size: usize) -> Self {
        let mut populated = Populated::new(rooms, size, Features::NONE);
        let member = populated.members.first_mut().expect("a member");
        let datagrams = (0..1000).map(|number| {
            member.token = Token::new(&format!("{number:038}")).expect("a token");
            (address(number), member.chat(LINE))
        });
        Self { datagrams: datagrams.collect(), populated, at: 0, sent: 0 }
    }

    fn next(&mut self) {
        if let Some((from, bytes)) = self.datagrams.get(self.at) {
            self.populated.datagram(*from, bytes);
            self.sent += 1;
        }
        self.at = (self.at + STRIDE) % self.datagrams.len();
    }

    fn counters(&self) -> &Counters {
        self.populated.server.counters()
    }
}
