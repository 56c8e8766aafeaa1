//! What it costs to be recorded: the same events to a server that is not, to one that is, and to one
//! whose secrets are kept.

#![allow(clippy::expect_used, reason = "a benchmark without its fixture is to fail")]
#![expect(clippy::disallowed_types, reason = "the command's queue is behind one")]

use std::sync::{Arc, Mutex};

use benches::{Populated, address, criterion, join, room_name, roomy, user_name};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::{Instant, Machine, SeededEntropy, Server};
use protocol::tcp::Features;
use record::limits::BLOCK_TARGET;
use record::{Recorder, Secrets, Sink};

criterion_group! { name = benches; config = criterion(); targets = relay, joins }
criterion_main!(benches);

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

/// The server's end of a queue, as the command has it. Nobody is at the other end: what is there is
/// thrown away when there is a block of it.
#[derive(Debug, Default, Clone)]
struct Queue(Arc<Mutex<Pushed>>);

#[derive(Debug, Default)]
struct Pushed {
    records: Vec<u8>,
    thrown_away: usize,
}

impl Sink for Queue {
    fn push(&mut self, record: &[u8]) -> bool {
        let mut pushed = self.0.lock().expect("nobody panicked");
        pushed.records.extend_from_slice(record);
        if pushed.records.len() >= BLOCK_TARGET {
            pushed.thrown_away += pushed.records.len();
            pushed.records.clear();
        }
        true
    }
}

impl Queue {
    fn bytes(&self) -> usize {
        let pushed = self.0.lock().expect("nobody panicked");
        pushed.thrown_away + pushed.records.len()
    }
}

fn plain() -> Server {
    Server::new(roomy(), SeededEntropy::new(1), Instant::ZERO).expect("settings that work")
}

fn recorded(secrets: Secrets) -> (Recorder<Queue>, Queue) {
    let (queue, entropy) = (Queue::default(), SeededEntropy::new(1));
    let recorder = Recorder::new(roomy(), entropy, Instant::ZERO, secrets, queue.clone());
    (recorder.expect("settings that work"), queue)
}

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("record/relay");
    group.throughput(Throughput::Elements(1));
    for size in [2, 10, 100, 1000] {
        let mut bench = |name: &str, talk: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::new(name, size), |b| b.iter(&mut *talk));
        };
        bench("plain", &mut talk(plain(), size, None));
        for (name, secrets) in [("kept", Secrets::Kept), ("replaced", Secrets::Replaced)] {
            let (server, queue) = recorded(secrets);
            bench(name, &mut talk(server, size, Some(queue)));
        }
    }
    group.finish();
}

/// The members of a room of that size say a line in turn. At the end of it, that they all did and
/// were recorded is checked.
fn talk(server: impl Machine, size: usize, queue: Option<Queue>) -> impl FnMut() {
    let mut populated = Populated::of(server, 1, size, Features::NONE);
    let lines: Vec<_> =
        populated.members.iter().map(|member| (member.address, member.chat(LINE))).collect();
    let before = queue.as_ref().map_or(0, Queue::bytes);
    let mut said = 0u64;
    let mut turn = 0;
    move || {
        if let Some((from, bytes)) = lines.get(turn) {
            populated.datagram(*from, bytes);
        }
        said += 1;
        turn = (turn + 1) % lines.len();
        // Ever more rarely: it is not what is measured.
        if said.is_power_of_two() {
            assert_eq!(populated.server.counters().messages, said, "each was relayed");
            let recorded = queue.as_ref().map_or(usize::MAX, |queue| queue.bytes() - before);
            assert!(recorded / 20 > said as usize, "each was recorded");
        }
    }
}

fn joins(c: &mut Criterion) {
    let mut group = c.benchmark_group("record/join_and_leave");
    group.throughput(Throughput::Elements(1));
    let mut bench = |name: &str, visit: &mut dyn FnMut()| {
        group.bench_function(name, |b| b.iter(&mut *visit));
    };
    bench("plain", &mut visits(plain()));
    for (name, secrets) in [("kept", Secrets::Kept), ("replaced", Secrets::Replaced)] {
        bench(name, &mut visits(recorded(secrets).0));
    }
    group.finish();
}

/// One comes into a room of ten, and leaves again.
fn visits(server: impl Machine) -> impl FnMut() {
    let mut populated = Populated::of(server, 1, 10, Features::NONE);
    let (room, user, from) = (room_name(0), user_name(1_000), address(1_000));
    let request = join(&room, &user, Features::NONE);
    move || {
        let member = populated.admit(room.clone(), user.clone(), from, &request);
        populated.leave(&member);
    }
}
