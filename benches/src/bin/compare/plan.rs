//! What is measured: the cells of the table.

use benches::cores::Placement;
use clap::ValueEnum;

use crate::args::Args;
use crate::payload::Sizes;

/// One cell: a name for people, and the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) placement: Placement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Messages that go to the others in their room.
    Relay(Load),
    /// Requests to be let in, so many at a time.
    Joins { at_once: usize },
}

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) rooms: usize,
    /// Of each room, senders included.
    pub(crate) members: usize,
    /// Of each room. They take turns, as the rooms do.
    pub(crate) senders: usize,
    /// Messages under way at most, in all rooms together.
    pub(crate) window: usize,
    pub(crate) sizes: Sizes,
    pub(crate) hearing: Hearing,
}

/// How the members wait for what they hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hearing {
    /// Each is a thread of its own, which sleeps until something comes for it: as the programs of people.
    Threads,
    /// One thread waits for all sockets, and does not sleep while there is much to hear: as a gateway.
    OneThread,
}

/// More members than this have no thread each.
const MOST_THREADS: usize = 2000;

/// The size that the table's messages have.
const SIZE: usize = 64;

impl Cell {
    fn new(name: impl Into<String>, work: Work) -> Self {
        Self { name: name.into(), work, placement: Placement::Apart }
    }

    fn relay(load: Load) -> Self {
        Self::new(load.name(), Work::Relay(load))
    }

    fn placed(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self.name += match placement {
            Placement::Apart => "",
            Placement::One => ", one core",
            Placement::Free => ", any core",
        };
        self
    }
}

impl Load {
    /// The number of the member who sends this message; the members are counted room by room.
    pub(crate) fn sender(&self, sequence: u64) -> usize {
        let rooms = self.rooms as u64;
        let room = sequence % rooms;
        let turn = (sequence / rooms) % self.senders as u64;
        (room * self.members as u64 + turn) as usize
    }

    fn name(&self) -> String {
        let Self { rooms, members, senders, window, sizes, hearing } = self;
        let mut name = format!("M={members} W={window}");
        if *rooms > 1 {
            name += &format!(" R={rooms}");
        }
        if *senders > 1 {
            name += &format!(" S={senders}");
        }
        match sizes {
            Sizes::Fixed(SIZE) => {}
            Sizes::Fixed(size) => name += &format!(" {size} B"),
            Sizes::Mixed => name += " mixed",
        }
        if *hearing == Hearing::OneThread {
            name += ", one thread";
        }
        name
    }
}

/// The cells that the arguments ask for.
pub(crate) fn cells(args: &Args) -> Vec<Cell> {
    let cells = wanted(args);
    let Some(placement) = args.cores else { return cells };
    // The cells that are there for another placement would be doubles.
    let cells = cells.into_iter().filter(|cell| cell.placement == Placement::Apart);
    cells.map(|cell| cell.placed(placement)).collect()
}

fn wanted(args: &Args) -> Vec<Cell> {
    if args.joins {
        return joins();
    }
    if !args.describes_a_cell() {
        return [table(), joins()].concat();
    }
    let count = |given: Option<u16>, default| given.map_or(default, usize::from);
    let (rooms, members) = (count(args.rooms, 1), count(args.members, 10));
    let of_so_many =
        if rooms * members > MOST_THREADS { Hearing::OneThread } else { Hearing::Threads };
    let mut cell = Cell::relay(Load {
        rooms,
        members,
        senders: count(args.senders, 1).min(members),
        window: count(args.window, 1),
        sizes: match args.size {
            Some(0) => Sizes::Mixed,
            Some(size) => Sizes::Fixed(size),
            None => Sizes::Fixed(SIZE),
        },
        hearing: args.hearing.unwrap_or(of_so_many),
    });
    if let Some(idle) = args.idle {
        cell.name += &format!(" idle={idle}");
    }
    vec![cell]
}

fn table() -> Vec<Cell> {
    let sizes = Sizes::Fixed(SIZE);
    let load = |(members, window)| Load {
        rooms: 1,
        members,
        senders: 1,
        window,
        sizes,
        hearing: Hearing::Threads,
    };
    let one_room = |size| Cell::relay(load(size));
    let rooms = [(2, 1), (10, 1), (100, 1), (1000, 1), (2, 64), (10, 64), (100, 64)];
    let talk = Load { rooms: 10, senders: 10, sizes: Sizes::Mixed, ..load((10, 64)) };
    let on_one_core = [(2, 1), (10, 1), (10, 64), (100, 64)];
    let on_one_core = on_one_core.map(|size| one_room(size).placed(Placement::One));
    // As people run them: a server with threads to spare makes use of both cores.
    let free = [(2, 64), (10, 64), (100, 64)].map(|size| one_room(size).placed(Placement::Free));
    // Whose members are awake, so that to wake them is no part of what is compared.
    let awake = [(10, 64), (100, 64)]
        .map(|size| Cell::relay(Load { hearing: Hearing::OneThread, ..load(size) }));
    let rooms = rooms.into_iter().map(one_room);
    rooms.chain(on_one_core).chain(free).chain(awake).chain([Cell::relay(talk)]).collect()
}

fn joins() -> Vec<Cell> {
    let cells = [("joins in turn", 1), ("joins, 64 at once", 64)];
    cells.map(|(name, at_once)| Cell::new(name, Work::Joins { at_once })).to_vec()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn names(args: &[&str]) -> Vec<String> {
        let args = Args::try_parse_from([&["compare"], args].concat()).unwrap();
        cells(&args).into_iter().map(|cell| cell.name).collect()
    }

    #[test]
    fn the_table_has_its_cells_and_the_joins() {
        let names = names(&[]);
        assert_eq!(names.len(), 19);
        for name in [
            "M=2 W=1",
            "M=1000 W=1",
            "M=100 W=64",
            "M=2 W=1, one core",
            "M=100 W=64, one core",
            "M=10 W=64, any core",
            "M=10 W=64, one thread",
            "M=10 W=64 R=10 S=10 mixed",
        ] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_described_cell_is_the_only_one() {
        assert_eq!(names(&["--members", "7"]), ["M=7 W=1"]);
        assert_eq!(names(&["--window=3", "--size", "100"]), ["M=10 W=3 100 B"]);
        assert_eq!(names(&["--senders=50", "--size=0"]), ["M=10 W=1 S=10 mixed"]);
        assert_eq!(names(&["--members=10000", "--idle=9"]), ["M=10000 W=1, one thread idle=9"]);
        assert_eq!(names(&["--hearing=one-thread"]), ["M=10 W=1, one thread"]);
        assert_eq!(names(&["--joins"]).len(), 2);
        assert_eq!(names(&["--cores=free"]).len(), 12);
        assert_eq!(names(&["--cores=one", "--members=7"]), ["M=7 W=1, one core"]);
    }

    #[test]
    fn rooms_and_then_senders_take_turns() {
        let (sizes, hearing) = (Sizes::Fixed(SIZE), Hearing::Threads);
        let load = Load { rooms: 2, members: 5, senders: 2, window: 1, sizes, hearing };
        let senders: Vec<_> = (0..6).map(|sequence| load.sender(sequence)).collect();
        assert_eq!(senders, [0, 5, 1, 6, 0, 5]);
    }
}
