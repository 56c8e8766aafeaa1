//! Deadlines: whoever wakes a session when it asks to be woken never spins, and never wakes it early
//! for anything.

use engine::client::Event;

use crate::client_world::*;

/// One thing that happens in a session's life, and how long after the one before.
#[derive(Debug, Clone)]
struct Step {
    what: u8,
    pause_ms: u32,
}

impl quickcheck::Arbitrary for Step {
    fn arbitrary(g: &mut quickcheck::Gen) -> Self {
        let pauses = [0, 0, 0, 1, 2, 50, 200, 999, 1000, 30_000, 60_000, 90_000];
        Self { what: u8::arbitrary(g), pause_ms: *g.choose(&pauses).unwrap() }
    }
}

fn happen(member: &mut Member, what: u8) {
    match what % 16 {
        0..=3 => drop(member.say("やあ")),
        4 => drop(member.say(&"長い話".repeat(3000))),
        5 => drop((0..50).map(|_| member.say("x")).collect::<Vec<_>>()),
        6..=8 => drop(member.hear(&relayed("太郎", "やあ"))),
        9 => drop(member.hear(b"\x01nonsense")),
        10..=12 => drop(member.event(Event::Unreachable)),
        13 => drop(member.event(Event::Leave)),
        14 => drop(member.say("")),
        _ => drop(member.event(Event::Tick)),
    }
}

/// Wakes the member at each deadline up to `end`; whether each wake was needed and none came early.
fn wakes_are_needed(member: &mut Member, end: engine::Instant) -> bool {
    while !member.is_gone() && member.deadline() <= end {
        let at = member.deadline();
        if before(at) > member.now {
            let early = member.tick_at(before(at));
            if !early.is_empty() || member.is_gone() || member.deadline() != at {
                return false;
            }
        }
        member.tick_at(at);
        if !member.is_gone() && member.deadline() <= at {
            return false;
        }
    }
    member.now = end;
    true
}

fn lives_without_spinning(mut member: Member, steps: &[Step]) -> bool {
    for Step { what, pause_ms } in steps {
        let then = member.now + millis(u64::from(*pause_ms));
        if !wakes_are_needed(&mut member, then) {
            return false;
        }
        if member.is_gone() {
            return true;
        }
        happen(&mut member, *what);
        if member.is_gone() {
            return true;
        }
        if member.deadline() <= member.now {
            return false;
        }
    }
    let end = member.now + secs(400);
    wakes_are_needed(&mut member, end)
}

quickcheck::quickcheck! {
    fn a_tick_at_the_deadline_moves_it_on(steps: Vec<Step>) -> bool {
        lives_without_spinning(member(), &steps)
    }

    fn so_it_does_with_a_keepalive(steps: Vec<Step>, seconds: u8) -> bool {
        lives_without_spinning(keeping_alive(secs(u64::from(seconds) + 1)), &steps)
    }

    fn so_it_does_with_short_limits(steps: Vec<Step>, idle: u8, sweep: u8) -> bool {
        let [idle, sweep] = [idle, sweep].map(|tenths| f64::from(tenths) / 10.0 + 0.1);
        lives_without_spinning(limited(&limits(idle, sweep, 200)), &steps)
    }

    /// Who wakes late, after a suspension, say, catches up in a few wakes at one moment.
    fn a_late_wake_catches_up(steps: Vec<Step>, late_s: u16) -> bool {
        let mut member = keeping_alive(secs(100));
        for Step { what, pause_ms } in steps {
            member.now = member.now + millis(u64::from(pause_ms));
            happen(&mut member, what);
            if member.is_gone() {
                return true;
            }
        }
        member.now = member.now + secs(late_s.into());
        for _ in 0..4 {
            member.event(Event::Tick);
            if member.is_gone() || member.deadline() > member.now {
                return true;
            }
        }
        false
    }
}
