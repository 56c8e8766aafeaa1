//! What a sweep costs: the members who are due, and not those who are not.
//!
//! Only the sweep is timed. Each finds a server that was filled for it, and is checked after it.

use std::time::Duration;

use benches::{Populated, criterion};
use criterion::measurement::{Measurement, WallTime};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use engine::{Action, Census, Event, Instant};
use protocol::tcp::Features;

criterion_group! { name = benches; config = criterion(); targets = sweep }
criterion_main!(benches);

const ROOM: usize = 10;

/// How many are due where few are.
const FEW: usize = 10;

/// When those who are not due were last active.
const RENEWED: Instant = Instant::from_micros(70_000_000);

/// The first sweep at which those who joined at zero, and were silent since, are due.
const SWEEP: Instant = Instant::from_micros(140_000_000);

fn sweep(c: &mut Criterion) {
    let mut group = c.benchmark_group("sweep");
    // A sample is few sweeps, since the filling takes far longer than what is measured.
    group.sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1)).sample_size(10);
    for members in [1000, 100_000] {
        for (name, due) in [("few_due_of", FEW), ("all_due_of", members)] {
            group.throughput(Throughput::Elements(due as u64));
            group.bench_function(BenchmarkId::new(name, members), |b| {
                b.iter_custom(|rounds| (0..rounds).map(|_| sweep_once(members, due)).sum());
            });
        }
    }
    group.finish();
}

fn sweep_once(members: usize, due: usize) -> Duration {
    let mut populated = aged(members, due);
    let rooms = populated.server.census().rooms;
    let start = WallTime.start();
    // Who is out is decided at the first tick, and told in turns.
    loop {
        populated.server.handle_into(Event::Tick, SWEEP, &mut populated.actions);
        if populated.server.next_deadline() != Some(SWEEP) {
            break;
        }
    }
    let took = WallTime.end(start);

    let Census { rooms: left, members: still, .. } = populated.server.census();
    assert_eq!(populated.server.counters().timeouts, due as u64, "all who were due");
    let told = populated.actions.iter().filter(|a| matches!(a, Action::Notify { .. })).count();
    if due == members {
        assert_eq!((left, still, told), (0, 0, members), "every room is closed, each told once");
    } else {
        let expected = (rooms, members - due, due * ROOM);
        assert_eq!((left, still, told), expected, "its room is told of each, and so is it");
    }
    took
}

/// A server in which `due` members are, at [`SWEEP`], silent for too long: all, or the last guest
/// of as many rooms.
fn aged(members: usize, due: usize) -> Populated {
    let mut populated = Populated::new(members / ROOM, ROOM, Features::NONE);
    populated.now = RENEWED;
    let everyone = std::mem::take(&mut populated.members);
    for (index, member) in everyone.iter().enumerate() {
        let is_due = due == members || (index % ROOM == ROOM - 1 && index / ROOM < due);
        if !is_due {
            populated.datagram(member.address, &member.presence());
        }
    }
    // Given back, not dropped: else the allocator would clean up after them while it is timed.
    populated.members = everyone;
    populated.actions.clear();
    populated
}
