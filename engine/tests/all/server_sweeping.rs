//! Scenarios of a server: everybody who can be due in one sweep, and when the next one is needed.

use engine::{Census, Event, Instant};
use protocol::tcp::Request;
use protocol::udp::NoticeText;

use crate::world::{
    self, Client, World, address, all, answered, closes, ip, nothing, notice, second, secs,
};

/// Every order of four.
fn orders() -> Vec<[usize; 4]> {
    let digits = |number: usize| [number / 64, number / 16 % 4, number / 4 % 4, number % 4];
    let all = (0..256).map(digits);
    all.filter(|order| (0..4).all(|place| order.contains(&place))).collect()
}

/// A room of four, the host first.
fn room_of_four(world: &mut World, room: &str) -> [Client; 4] {
    let host = world.create(room, "太郎");
    let [one, two, three] = ["花子", "次郎", "三郎"].map(|user| world.join(room, user));
    [host, one, two, three]
}

/// What the sweep tells a room whose members are due where `is_due` says so.
fn told_by_sweep(members: &[Client; 4], is_due: impl Fn(usize) -> bool) -> Vec<world::Delivery> {
    if is_due(0) {
        let closed = members.iter();
        return closed.map(|to| notice(NoticeText::RoomClosed, &members[0], to)).collect();
    }
    let mut told = Vec::new();
    for gone in (1..4).filter(|gone| is_due(*gone)) {
        let stay = (0..4).filter(|stay| !is_due(*stay));
        for to in stay.chain([gone]) {
            let (about, to) = (&members[gone], &members[to]);
            told.push(notice(NoticeText::TimedOut, about, to));
        }
    }
    told
}

#[test]
fn whoever_is_due_with_whomever_each_is_told_once_and_nothing_is_left() {
    assert_eq!(orders().len(), 24);
    for due in 0..16_usize {
        for order in orders() {
            let is_due = |member: usize| due >> member & 1 == 1;
            let mut world = World::new();
            let members = room_of_four(&mut world, "部屋");
            let others = room_of_four(&mut world, "別の部屋");
            for member in order {
                world.wait(secs(1));
                world.present([&members[member], &others[member]]);
            }
            world.now = second(100);
            for member in order.into_iter().filter(|member| !is_due(*member)) {
                world.present([&members[member], &others[3 - member]]);
            }
            let told = told_by_sweep(&members, is_due);
            let told_others = told_by_sweep(&others, |member| is_due(3 - member));
            let expected = all([told, told_others].concat());
            assert_eq!(world.tick_at(second(140)), expected, "{due:04b} {order:?}");
            assert_eq!(world.server.counters().timeouts, 2 * u64::from(due.count_ones()));

            let left = |host_is_due: bool| match (host_is_due, 4 - due.count_ones() as usize) {
                (true, _) => (0, 0),
                (false, stay) => (1, stay),
            };
            let (here, there) = (left(is_due(0)), left(is_due(3)));
            let expected = Census {
                rooms: here.0 + there.0,
                members: here.1 + there.1,
                connections: 0,
                remembered_tokens: 8 - here.1 - there.1,
            };
            assert_eq!(world.census(), expected, "{due:04b} {order:?}");

            let timeouts = world.server.counters().timeouts;
            assert_eq!(world.tick_at(second(160)), nothing());
            assert_eq!(world.server.counters().timeouts, timeouts);
            world.tick_at(second(1000));
            world.tick_at(second(2000));
            assert_eq!(world.census(), Census::default());
            assert_eq!(world.server.next_deadline(), None);
            // Each timed out once, but for those whom a host took along before their time.
            let taken_along = |host: usize| {
                let before_time = (0..4).filter(|member| !is_due(*member)).count();
                if is_due(host) { before_time as u64 } else { 0 }
            };
            let expected = 8 - taken_along(0) - taken_along(3);
            assert_eq!(world.server.counters().timeouts, expected);
        }
    }
}

#[test]
fn nothing_needs_to_be_done_where_nobody_is() {
    let mut world = World::new();
    assert_eq!(world.server.next_deadline(), None);
    let host = world.create("部屋", "太郎");
    assert!(world.server.next_deadline().is_some());
    world.leave(&host);
    assert_eq!(world.server.next_deadline(), None);
    // Someone who is typing has all the time there is.
    world.open(ip("192.0.2.1"));
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn the_deadline_is_the_first_sweep_that_finds_someone() {
    for (micros, deadline) in [
        (0, 140),
        (19_999_999, 140),
        (20_000_000, 160),
        (20_000_001, 160),
        (39_999_999, 160),
        (40_000_000, 180),
    ] {
        let mut world = World::new();
        world.now = Instant::from_micros(micros);
        world.create("部屋", "太郎");
        let expected = Some(second(deadline));
        assert_eq!(world.server.next_deadline(), expected, "from {micros}");
    }
}

#[test]
fn the_deadline_is_that_of_whoever_is_silent_longest() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.now = second(30);
    let guest = world.join("部屋", "花子");
    assert_eq!(world.server.next_deadline(), Some(second(140)));
    world.now = second(70);
    world.present([&host]);
    assert_eq!(world.server.next_deadline(), Some(second(160)));
    world.present([&guest]);
    assert_eq!(world.server.next_deadline(), Some(second(200)));
}

#[test]
fn a_tick_before_the_deadline_does_nothing() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    let guest = world.join("部屋", "花子");
    world.present([&host, &guest]);
    let deadline = world.server.next_deadline().unwrap();
    let before = (world.census(), *world.server.counters());
    for seconds in (0..140).step_by(10) {
        assert_eq!(world.tick_at(second(seconds)), nothing());
        assert_eq!(world.server.next_deadline(), Some(deadline));
    }
    let last = Instant::from_micros(deadline.as_micros() - 1);
    assert_eq!(world.tick_at(last), nothing());
    assert_eq!((world.census(), *world.server.counters()), before);
    assert_eq!(world.tick_at(deadline).len(), 2);
}

#[test]
fn ticks_at_the_deadlines_alone_lead_to_emptiness() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    world.now = second(30);
    let host = world.create("別の部屋", "花子");
    let guest = world.join("別の部屋", "次郎");
    world.now = second(45);
    world.present([&guest]);
    world.now = second(50);
    world.present([&host]);
    let (connection, _) = world.open(ip("192.0.2.1"));
    world.receive(connection, &Request::Rooms.encode());

    let mut deadlines = Vec::new();
    while let Some(deadline) = world.server.next_deadline() {
        assert!(deadline > world.now && deadlines.len() < 10, "{deadlines:?}");
        deadlines.push(deadline.as_micros() / 1_000_000);
        world.now = deadline;
        let before = (world.census(), world.server.counters().timeouts);
        world.event(Event::Tick);
        assert_ne!((world.census(), world.server.counters().timeouts), before);
    }
    // The connection after its reply; 太郎; both others; and the tokens, five minutes after each.
    assert_eq!(deadlines, [60, 140, 180, 440, 480]);
    assert_eq!(world.census(), Census::default());
}

#[test]
fn the_deadline_for_a_connection_may_lie_between_sweeps() {
    let mut world = World::new();
    world.create("部屋", "太郎");
    world.now = second(133);
    let (connection, _) = world.open(ip("192.0.2.1"));
    let actions = world.receive(connection, &Request::Rooms.encode());
    answered(connection, &actions);
    assert_eq!(world.server.next_deadline(), Some(second(140)));
    world.tick_at(second(140));
    assert_eq!(world.server.next_deadline(), Some(second(143)));
    world.now = second(143);
    assert_eq!(closes(&world.event(Event::Tick)), [connection]);
    assert_eq!(world.server.next_deadline(), Some(second(440)));
}

#[test]
fn a_sweep_of_thousands_is_exact() {
    let mut world = World::new();
    let rooms: Vec<_> = (0..1500)
        .map(|number| {
            let room = format!("部屋{number}");
            (world.create(&room, "太郎"), world.join(&room, "花子"))
        })
        .collect();
    for (host, guest) in &rooms {
        world.present([host, guest]);
    }
    world.now = second(100);
    // In each third room all stay, in the next the guest goes, in the next the host.
    for (number, (host, guest)) in rooms.iter().enumerate() {
        match number % 3 {
            0 => world.present([host, guest]),
            1 => world.present([host]),
            _ => world.present([guest]),
        }
    }
    let mut expected = Vec::new();
    for (number, (host, guest)) in rooms.iter().enumerate() {
        let (about, what) = match number % 3 {
            0 => continue,
            1 => (guest, NoticeText::TimedOut),
            _ => (host, NoticeText::RoomClosed),
        };
        expected.extend([host, guest].map(|to| notice(what, about, to)));
    }
    let mut told = world.tick_at(second(140));
    assert_eq!(world.held(), (1000, 1500), "who is out is decided at once");
    for _ in 0..10 {
        told.extend(world.tick());
    }
    assert_ne!(world.server.next_deadline(), Some(second(140)), "all is told");
    assert_eq!(all(told), all(expected));
    assert_eq!(world.census().remembered_tokens, 1500);
    let stranger = address("203.0.113.9:1");
    assert_eq!(world.datagram(stranger, &rooms[0].0.datagram("やあ")), nothing());
}
