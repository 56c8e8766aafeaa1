//! Sweeps, with all the turns in which those who stay are told.

use benches::Populated;
use engine::{Census, Event, Instant};
use protocol::tcp::Features;

use super::counted;

const ROOM: usize = 10;

/// When those who are not due were last active.
const RENEWED: Instant = Instant::from_micros(70_000_000);

/// The first sweep at which those who joined at zero, and were silent since, are due.
const SWEEP: Instant = Instant::from_micros(140_000_000);

/// So many guests are due, each the last of its room.
pub(super) fn guests(members: usize, due: u32) {
    let is_due = |number: usize| number % ROOM == ROOM - 1 && number / ROOM < due as usize;
    let mut populated = aged(members, is_due);
    sweep(&mut populated);
    let Census { rooms, members: left, .. } = populated.server.census();
    assert_eq!((rooms, left), (members / ROOM, members - due as usize));
}

/// All are due, and their rooms with them.
pub(super) fn everyone(members: u32) {
    let mut populated = aged(members as usize, |_| true);
    sweep(&mut populated);
    assert_eq!((populated.server.census().rooms, populated.server.census().members), (0, 0));
    assert_eq!(populated.server.counters().timeouts, u64::from(members));
}

/// It is time for a sweep, and nobody is due.
pub(super) fn nobody(_: u32) {
    let mut populated = aged(10_000, |_| false);
    sweep(&mut populated);
    assert_eq!(populated.server.census().members, 10_000);
}

fn aged(members: usize, is_due: impl Fn(usize) -> bool) -> Populated {
    let mut populated = Populated::new(members / ROOM, ROOM, Features::NONE);
    populated.now = RENEWED;
    let everyone = std::mem::take(&mut populated.members);
    for (_, who) in everyone.iter().enumerate().filter(|(number, _)| !is_due(*number)) {
        populated.datagram(who.address, &who.presence());
    }
    // Given back, not dropped: else the allocator would clean up after them while it is counted.
    populated.members = everyone;
    populated.actions.clear();
    populated
}

fn sweep(populated: &mut Populated) {
    counted(&mut || {
        // Who is out is decided at the first tick, and told in turns.
        loop {
            populated.server.handle_into(Event::Tick, SWEEP, &mut populated.actions);
            if populated.server.next_deadline() != Some(SWEEP) {
                break;
            }
        }
    });
}
