//! Scenarios of a server: datagrams that one wake found, which are shared out together.

use engine::{Action, Event, Incoming};
use protocol::tcp::Operation;
use protocol::udp::Bundle;
use quickcheck::{Arbitrary, Gen};

use crate::world::{Client, World, address, heard, person};

/// A room whose host and guests have all said that they are there. Every second one asked for
/// bundles, the host not.
fn room_of<const N: usize>(world: &mut World, room: &str) -> [Client; N] {
    let members = std::array::from_fn(|seat| {
        let person = person(room, &format!("{seat}番"));
        let person = if seat % 2 == 1 { person.bundles() } else { person };
        let operation = if seat == 0 { Operation::Create } else { Operation::Join };
        world.admit(operation, &person).client
    });
    world.present(&members);
    members
}

/// All that was said is found at one wake.
fn together(world: &mut World, said: &[(&Client, &str)]) -> Vec<Action<'static>> {
    let bytes: Vec<_> = said.iter().map(|(by, text)| (by.address, by.datagram(text))).collect();
    let batch: Vec<_> = bytes.iter().map(|(from, bytes)| Incoming { from: *from, bytes }).collect();
    world.event(Event::Datagrams(&batch))
}

/// The sizes of the texts in each datagram that `to` is sent, where nobody's name is longer than
/// another's.
fn sizes(actions: &[Action<'_>], to: &Client) -> Vec<Vec<usize>> {
    let header = 3 + "部屋".len() + "0番".len();
    let mine =
        actions.iter().filter(|action| action.copies().any(|(_, at)| at.address == to.address));
    let runs = mine.map(|action| {
        let copies = action.copies().filter(|(_, at)| at.address == to.address);
        copies.map(|(bytes, _)| bytes.len() - header).collect()
    });
    runs.collect()
}

/// Somebody in one of two rooms, or nobody at all, says one of a few texts.
#[derive(Debug, Clone)]
struct Line {
    by: usize,
    text: String,
}

impl Arbitrary for Line {
    fn arbitrary(g: &mut Gen) -> Self {
        let text = match u8::arbitrary(g) % 8 {
            0 => String::new(),
            1 => "SYSTEM_X".to_owned(),
            2 => "長".repeat(usize::from(u8::arbitrary(g)) + 200),
            size => "あ".repeat(usize::from(size % 3) + 1),
        };
        Self { by: usize::arbitrary(g), text }
    }
}

quickcheck::quickcheck! {
    fn what_comes_together_is_what_comes_one_by_one(lines: Vec<Line>) -> bool {
        let [mut one_by_one, mut at_once] = [World::new(), World::new()];
        let crowd = |world: &mut World| {
            let mut people = Vec::from(room_of::<5>(world, "部屋"));
            people.extend(room_of::<4>(world, "別の部屋"));
            // Nobody knows where to reach this one, and the last is nobody.
            world.join("部屋", "無口");
            people.push(people[0].bearing("nobody's"));
            people
        };
        let people = crowd(&mut one_by_one);
        let same_people = crowd(&mut at_once);
        // Up to two hundred: more than are shared out in one round.
        let lines = [&lines[..], &lines].concat();
        let by = |line: &Line| line.by % people.len();

        let each = lines.iter().flat_map(|line| {
            let (from, bytes) = (people[by(line)].address, people[by(line)].datagram(&line.text));
            one_by_one.event(Event::Datagram { from, bytes: &bytes })
        });
        let expected = heard(&each.collect::<Vec<_>>());
        let said: Vec<_> = lines.iter().map(|line| (&same_people[by(line)], &*line.text)).collect();
        let actions = together(&mut at_once, &said);

        heard(&actions) == expected
            && at_once.server.counters() == one_by_one.server.counters()
            && at_once.census() == one_by_one.census()
    }
}

#[test]
fn messages_of_one_size_are_a_burst_to_all_who_only_listen() {
    let mut world = World::new();
    let [host, _, second, _, fourth] = room_of(&mut world, "部屋");
    let actions = together(&mut world, &[(&host, "一"), (&host, "二"), (&host, "三")]);
    let bursts = actions.iter().filter_map(|action| match action {
        Action::Burst { run, to } => Some((run, to)),
        _ => None,
    });
    let [(run, to)] = bursts.collect::<Vec<_>>()[..] else { panic!("one burst: {actions:?}") };
    let mut addresses: Vec<_> = to.iter().map(|to| to.address).collect();
    addresses.sort();
    assert_eq!(addresses, [second.address, fourth.address]);
    let datagrams: Vec<_> = run.datagrams().collect();
    assert_eq!(datagrams.concat(), run.bytes());
    assert!(datagrams.iter().all(|bytes| bytes.len() == run.size().get()));
    assert!(datagrams[0].ends_with("一".as_bytes()) && datagrams[2].ends_with("三".as_bytes()));
    let counters = world.server.counters();
    assert_eq!((counters.messages, counters.copies), (3, 12));
}

#[test]
fn a_run_ends_with_a_shorter_message_and_before_a_longer_one() {
    for (said, runs) in [
        (&["bb", "bb", "a"][..], &[&[2, 2, 1][..]][..]),
        (&["bb", "a", "a"], &[&[2, 1], &[1]]),
        (&["a", "bb", "bb"], &[&[1], &[2, 2]]),
        (&["a", "bb", "ccc"], &[&[1], &[2], &[3]]),
        (&["bb", "bb", "a", "bb", "a", "a"], &[&[2, 2, 1], &[2, 1], &[1]]),
    ] {
        let mut world = World::new();
        let [host, _, guest] = room_of(&mut world, "部屋");
        let said: Vec<_> = said.iter().map(|text| (&host, *text)).collect();
        assert_eq!(sizes(&together(&mut world, &said), &guest), runs, "{said:?}");
    }
}

#[test]
fn who_asked_for_bundles_gets_one_datagram() {
    let mut world = World::new();
    let [host, bundler, _] = room_of(&mut world, "部屋");
    let actions = together(&mut world, &[(&host, "a"), (&host, "bb"), (&host, "ccc")]);
    let bundles = actions.iter().filter_map(|action| match action {
        Action::Relay { datagram, to } if to[0].address == bundler.address => Some(datagram),
        _ => None,
    });
    let [bundle] = bundles.collect::<Vec<_>>()[..] else { panic!("one datagram: {actions:?}") };
    let texts = Bundle::parse(bundle).unwrap().datagrams().map(<[u8]>::len);
    let header = 3 + "部屋".len() + "0番".len();
    assert_eq!(texts.collect::<Vec<_>>(), [header + 1, header + 2, header + 3]);
}

#[test]
fn more_than_a_bundle_holds_is_a_burst_of_bundles_of_one_size() {
    let mut world = World::new();
    let [host, bundler, _] = room_of(&mut world, "部屋");
    let long = "n".repeat(500);
    let actions = together(&mut world, &[(&host, &*long); 5]);
    let sizes: Vec<_> = sizes(&actions, &bundler);
    let [run] = &sizes[..] else { panic!("one burst: {sizes:?}") };
    assert_eq!((run.len(), run[0] == run[1], run[1] > run[2]), (3, true, true), "{run:?}");
}

#[test]
fn what_no_bundle_holds_goes_by_itself_in_its_turn() {
    let mut world = World::new();
    let [host, bundler, _] = room_of(&mut world, "部屋");
    let header = 3 + "部屋".len() + "0番".len();
    for (size, shares) in [(1195 - header, true), (1196 - header, false)] {
        let long = "n".repeat(size);
        let said = [(&host, "a"), (&host, "a"), (&host, &*long), (&host, "z"), (&host, "z")];
        let actions = together(&mut world, &said);
        let bundled = actions.iter().flat_map(Action::copies);
        let mine = bundled.filter(|(_, to)| to.address == bundler.address);
        let are_bundles: Vec<_> = mine.map(|(bytes, _)| Bundle::is_one(bytes)).collect();
        assert_eq!(are_bundles, [true, shares, true], "{size}");
        let texts = heard(&actions).remove(&bundler.address).unwrap();
        assert_eq!(
            texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>(),
            ["a", "a", &long, "z", "z"]
        );
    }
}

#[test]
fn who_speaks_hears_the_others_and_not_itself() {
    let mut world = World::new();
    let [host, bundler, guest] = room_of(&mut world, "部屋");
    let said = [(&host, "a"), (&bundler, "b"), (&host, "c"), (&guest, "d")];
    let heard = heard(&together(&mut world, &said));
    for (who, expected) in [(&host, "bd"), (&bundler, "acd"), (&guest, "abc")] {
        let texts: String = heard[&who.address].iter().map(|(_, text)| &**text).collect();
        assert_eq!(texts, expected, "{}", who.user);
    }
    let counters = world.server.counters();
    assert_eq!((counters.messages, counters.copies), (4, 8));
}

#[test]
fn one_message_among_presences_is_a_relay() {
    let mut world = World::new();
    let [host, bundler, guest] = room_of(&mut world, "部屋");
    let said = [(&bundler, ""), (&host, "やあ"), (&guest, "")];
    let actions = together(&mut world, &said);
    let [Action::Relay { datagram, to }] = &actions[..] else { panic!("one relay: {actions:?}") };
    assert_eq!((to.len(), Bundle::is_one(datagram)), (2, false));
    assert_eq!(world.server.counters().presences, 5);
}

#[test]
fn a_message_goes_where_its_recipient_was_heard_last() {
    let mut world = World::new();
    let [host, _, guest] = room_of(&mut world, "部屋");
    let moved = guest.at_port(6000);
    let heard = heard(&together(&mut world, &[(&host, "a"), (&host, "b"), (&moved, "")]));
    assert!(!heard.contains_key(&guest.address));
    assert_eq!(heard[&moved.address].len(), 2);
}

#[test]
fn each_is_judged_by_itself() {
    let mut world = World::new();
    let [host, _, guest] = room_of(&mut world, "部屋");
    let stranger = host.bearing("no token of anybody's");
    let elsewhere = Client { address: address("203.0.113.9:1"), ..host.clone() };
    let said =
        [(&stranger, "x"), (&host, "a"), (&elsewhere, "x"), (&host, "SYSTEM_X"), (&host, "b")];
    let heard = heard(&together(&mut world, &said));
    let texts: Vec<_> = heard[&guest.address].iter().map(|(_, text)| &**text).collect();
    assert_eq!(texts, ["a", "b"]);
    let counters = world.server.counters();
    assert_eq!(
        (counters.unknown_token, counters.foreign_address, counters.reserved, counters.messages),
        (1, 1, 1, 2)
    );
}

#[test]
fn of_nothing_comes_nothing() {
    let mut world = World::new();
    let [host, _] = room_of(&mut world, "部屋");
    assert_eq!(together(&mut world, &[]), []);
    assert_eq!(together(&mut world, &[(&host, ""), (&host, "")]), []);
}
