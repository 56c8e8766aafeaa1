//! What is counted. Each scenario is a process: what one leaves behind in the allocator is no part of
//! another's count.

mod datagrams;
mod doors;
mod sweeps;
mod wire;

use std::io;

use protocol::tcp::{Feature, Features};

use crate::callgrind::only_this_is_counted as counted;
use crate::kept::Count;

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

/// Something whose instructions are counted.
pub(super) struct Scenario {
    /// What it is called in the table.
    pub(super) name: &'static str,
    /// How often it is done, which the count is divided by.
    pub(super) rounds: u32,
    /// Prepares it, does it that often and asserts that it was done.
    run: fn(u32),
}

const fn scenario(name: &'static str, rounds: u32, run: fn(u32)) -> Scenario {
    Scenario { name, rounds, run }
}

/// All of them, in the order of the table.
pub(super) const ALL: &[Scenario] = &[
    scenario("datagram/room_of/2", 1000, |rounds| datagrams::chat(2, rounds)),
    scenario(ROOM_OF_10, 1000, |rounds| datagrams::chat(10, rounds)),
    scenario("datagram/room_of/100", 200, |rounds| datagrams::chat(100, rounds)),
    scenario(ROOM_OF_1000, 100, |rounds| datagrams::chat(1000, rounds)),
    scenario("datagram/room_of_10_among/1000_rooms", 1000, datagrams::among_many),
    scenario("datagram/of_64_at_a_wake_to_10", 1280, |rounds| datagrams::batch(BARE, rounds)),
    scenario("datagram/of_64_at_a_wake_bundled", 1280, |rounds| datagrams::batch(BUNDLED, rounds)),
    scenario("datagram/presence", 1000, datagrams::presence),
    scenario("datagram/malformed", 1000, datagrams::malformed),
    scenario("datagram/unknown_token", 1000, datagrams::unknown_token),
    scenario("datagram/mismatched", 1000, datagrams::mismatched),
    scenario("join/among/10_rooms", 100, |rounds| doors::join(10, rounds)),
    scenario("join/among/1000_rooms", 100, |rounds| doors::join(1000, rounds)),
    scenario("join/among/10000_rooms", 100, |rounds| doors::join(10_000, rounds)),
    scenario("create/among/10_rooms", 100, |rounds| doors::create(10, rounds)),
    scenario("create/among/10000_rooms", 100, |rounds| doors::create(10_000, rounds)),
    scenario("leave/room_of/10", 100, doors::leave),
    scenario("sweep/guest_due_of/1000_members", 50, |rounds| sweeps::guests(1000, rounds)),
    scenario("sweep/guest_due_of/10000_members", 50, |rounds| sweeps::guests(10_000, rounds)),
    scenario("sweep/member_of_a_room_that_closes", 1000, sweeps::everyone),
    scenario("sweep/nobody_due_of/10000_members", 1, sweeps::nobody),
    scenario("decode/datagram_ascii", 1000, wire::datagram_ascii),
    scenario("decode/datagram_japanese", 1000, wire::datagram_japanese),
    scenario("decode/request", 1000, wire::request),
    scenario("client/reads_a_copy", 1000, wire::copy_at_a_client),
];

const BARE: Features = Features::NONE;
const BUNDLED: Features = Features::NONE.with(Feature::Bundle);

const ROOM_OF_10: &str = "datagram/room_of/10";
const ROOM_OF_1000: &str = "datagram/room_of/1000";

/// Runs the scenario of that name.
pub(super) fn run(name: &str) -> io::Result<()> {
    let scenario = ALL.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.ok_or_else(|| io::Error::other(format!("no scenario {name:?}")))?;
    (scenario.run)(scenario.rounds);
    Ok(())
}

/// Adds what follows from two counts: what each recipient takes, and a datagram without them.
pub(super) fn with_derived(mut counts: Vec<Count>) -> Vec<Count> {
    let of = |name| counts.iter().find(|count| count.name == name).map(|count| count.instructions);
    if let Some((few, many)) = of(ROOM_OF_10).zip(of(ROOM_OF_1000)) {
        let recipient = (many - few) / 990.0;
        let derived = [
            ("datagram/each_recipient", recipient),
            ("datagram/without_recipients", few - 9.0 * recipient),
        ];
        let derived =
            derived.map(|(name, instructions)| Count { name: name.to_owned(), instructions });
        counts.splice(0..0, derived);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_does_what_it_says() {
        let mut names: Vec<_> = ALL.iter().map(|scenario| scenario.name).collect();
        // The large ones take a minute where nothing is optimized; all run under valgrind anyway.
        for name in names.iter().filter(|name| !name.contains("0000")) {
            run(name).unwrap();
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len(), "each name is of one alone");
        assert!(run("nothing").is_err());
    }

    #[test]
    fn a_recipient_is_the_difference_of_two_rooms() {
        let counts = [(ROOM_OF_10, 190.0), (ROOM_OF_1000, 10_090.0)];
        let counts = counts.map(|(name, instructions)| Count { name: name.into(), instructions });
        let all = with_derived(counts.to_vec());
        let derived: Vec<_> = all[..2].iter().map(|count| count.instructions).collect();
        assert_eq!((derived, all.len()), (vec![10.0, 100.0], 4));
        assert!(with_derived(Vec::new()).is_empty());
    }
}
