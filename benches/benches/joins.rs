//! What it costs to let somebody in or out: the connection, the request, the reply and the notices.
//!
//! Only the join, or the leaving, is timed. Each guest is checked and leaves again, or comes back,
//! outside of the time, so that the next one finds as many in the room.

use std::time::Duration;

use benches::{Populated, address, create, criterion, join, room_name, user_name};
use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::Action;
use protocol::tcp::{Feature, Features};

criterion_group! { name = benches; config = criterion(); targets = joining, creating, leaving }
criterion_main!(benches);

const NOTICES: Features = Features::NONE.with(Feature::Notices);

/// The number of a user who is in no fixture.
const NEWCOMER: usize = 1_000_000;

fn joining(c: &mut Criterion) {
    let mut group = c.benchmark_group("join");
    group.throughput(Throughput::Elements(1));
    for size in [1, 100, 1000] {
        for (name, features) in [("room_of", Features::NONE), ("told_room_of", NOTICES)] {
            let mut populated = None;
            group.bench_function(BenchmarkId::new(name, size), |b| {
                let populated = populated.get_or_insert_with(|| Populated::new(1, size, features));
                b.iter_custom(|rounds| join_each(populated, 1, size, features, rounds));
            });
        }
    }
    let mut populated = None;
    group.bench_function("rooms_of_10_among_100000", |b| {
        let populated = populated.get_or_insert_with(|| Populated::new(10_000, 10, NOTICES));
        b.iter_custom(|rounds| join_each(populated, 10_000, 10, NOTICES, rounds));
    });
    group.finish();
}

/// `rounds` joins into the rooms in turn.
fn join_each(
    populated: &mut Populated,
    rooms: usize,
    size: usize,
    features: Features,
    rounds: u64,
) -> Duration {
    let (user, from) = (user_name(NEWCOMER), address(NEWCOMER));
    let numbers = (0..rooms).step_by(7).cycle().zip(0..rounds);
    let mut total = WallTime.zero();
    for (number, _) in numbers {
        let room = room_name(number);
        let request = join(&room, &user, features);
        let start = WallTime.start();
        populated.request(from, &request);
        total += WallTime.end(start);

        let told = if features == NOTICES { size } else { 0 };
        assert_eq!(notices(populated), told, "the others were told, if they asked to be");
        depart(populated, room, size);
    }
    total
}

fn creating(c: &mut Criterion) {
    let mut group = c.benchmark_group("create");
    group.throughput(Throughput::Elements(1));
    for (name, rooms) in [("first_room", 0), ("room_among_10000", 10_000)] {
        let mut populated = None;
        group.bench_function(name, |b| {
            let populated = populated.get_or_insert_with(|| Populated::new(rooms, 10, NOTICES));
            b.iter_custom(|rounds| create_each(populated, rounds));
        });
    }
    group.finish();
}

fn create_each(populated: &mut Populated, rounds: u64) -> Duration {
    let (user, from) = (user_name(NEWCOMER), address(NEWCOMER));
    let rooms = populated.server.census().rooms;
    let mut total = WallTime.zero();
    for number in (NEWCOMER..).zip(0..rounds).map(|(number, _)| number) {
        let room = room_name(number);
        let request = create(&room, &user, NOTICES);
        let start = WallTime.start();
        populated.request(from, &request);
        total += WallTime.end(start);

        assert_eq!(populated.server.census().rooms, rooms + 1, "a room was opened");
        depart(populated, room, 0);
    }
    total
}

fn leaving(c: &mut Criterion) {
    let mut group = c.benchmark_group("leave");
    group.throughput(Throughput::Elements(1));
    for size in [10, 1000] {
        let mut populated = None;
        group.bench_function(BenchmarkId::new("room_of", size), |b| {
            let populated =
                populated.get_or_insert_with(|| Populated::new(1, size, Features::NONE));
            b.iter_custom(|rounds| leave_each(populated, rounds));
        });
    }
    group.finish();
}

/// The guests leave in turn, from wherever they sit, and each comes back before the next one leaves.
fn leave_each(populated: &mut Populated, rounds: u64) -> Duration {
    let others = populated.members.len() - 1;
    let mut total = WallTime.zero();
    for (guest, _) in (1..=others).cycle().zip(0..rounds) {
        let left = populated.server.counters().departures;
        let member = populated.members.swap_remove(guest);
        let request = member.departure();
        let start = WallTime.start();
        populated.request(member.address, &request);
        total += WallTime.end(start);

        assert_eq!(populated.server.counters().departures, left + 1, "a guest left");
        assert_eq!(notices(populated), others, "the others were told");
        populated.hang_up();
        let benches::Member { room, user, address, .. } = member;
        let request = join(&room, &user, Features::NONE);
        let member = populated.admit(room, user, address, &request);
        populated.datagram(address, &member.presence());
        populated.members.push(member);
    }
    total
}

/// The newcomer, who was told of `others`, leaves as it came.
fn depart(populated: &mut Populated, room: protocol::RoomName, others: usize) {
    let admitted = populated.admitted();
    assert_eq!(admitted.members.len(), others, "it was told who is there");
    populated.hang_up();
    let (user, address) = (user_name(NEWCOMER), address(NEWCOMER));
    populated.leave(&benches::Member { room, user, token: admitted.token, address });
}

fn notices(populated: &Populated) -> usize {
    populated.actions.iter().filter(|action| matches!(action, Action::Notify { .. })).count()
}
