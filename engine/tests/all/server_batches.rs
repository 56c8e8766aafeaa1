//! Datagrams that one wake finds: they amount to what each by itself would, in fewer packets.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::world::{Client, World, datagram, nothing, person, second, unbundled};
use engine::{Action, Event, Recipient};
use protocol::limits::MAX_BUNDLE;
use protocol::tcp::Operation;
use protocol::udp::Bundle;
use quickcheck::{Arbitrary, Gen, QuickCheck};

/// Datagrams that are shared out together at most.
const TOGETHER: usize = 64;

/// A room with its host first, all of them at their addresses; whether each asked for bundles.
fn room(world: &mut World, name: &str, bundles: &[bool]) -> Vec<Client> {
    let members = bundles.iter().enumerate().map(|(number, bundles)| {
        let person = person(name, &format!("利用者{number}"));
        let person = if *bundles { person.bundles() } else { person };
        let operation = if number == 0 { Operation::Create } else { Operation::Join };
        world.admit(operation, &person).client
    });
    let members: Vec<Client> = members.collect();
    world.present(&members);
    members
}

/// A datagram and where it comes from.
type Sent = (SocketAddr, Vec<u8>);

fn said(by: &Client, text: &str) -> Sent {
    (by.address, by.datagram(text))
}

/// What `by` said, as it is relayed.
fn relayed(by: &Client, text: &str) -> Vec<u8> {
    datagram(by.room.as_str(), by.user.as_str(), "", text)
}

/// The datagrams that each recipient is sent, in their order. One that has gone and come back under
/// its old address is two.
fn sent(actions: &[Action<'_>]) -> BTreeMap<(SocketAddr, String), Vec<Vec<u8>>> {
    let mut all: BTreeMap<_, Vec<Vec<u8>>> = BTreeMap::new();
    for action in actions {
        for (datagram, Recipient { member, address }) in action.copies() {
            all.entry((address, format!("{member:?}"))).or_default().push(datagram.to_vec());
        }
    }
    all
}

/// The same, with the bundles opened.
fn heard(actions: &[Action<'_>]) -> BTreeMap<(SocketAddr, String), Vec<Vec<u8>>> {
    let open = |datagrams: Vec<Vec<u8>>| {
        datagrams.iter().flat_map(|bytes| unbundled(bytes)).map(<[u8]>::to_vec).collect()
    };
    sent(actions).into_iter().map(|(to, datagrams)| (to, open(datagrams))).collect()
}

/// What one of them is sent.
fn sent_to(actions: &[Action<'_>], to: &Client) -> Vec<Vec<u8>> {
    let all = sent(actions).into_iter().filter(|((address, _), _)| *address == to.address);
    all.flat_map(|(_, datagrams)| datagrams).collect()
}

/// The sizes of the datagrams of each action, and the number of its recipients.
fn shapes(actions: &[Action<'_>]) -> Vec<(Vec<usize>, usize)> {
    let shape = |action: &Action<'_>| match action {
        Action::Relay { datagram, to } => (vec![datagram.len()], to.len()),
        Action::Burst { run, to } => (run.datagrams().map(<[u8]>::len).collect(), to.len()),
        other => panic!("{other:?}"),
    };
    actions.iter().map(shape).collect()
}

#[test]
fn messages_of_one_size_are_one_burst() {
    let mut world = World::new();
    let all = room(&mut world, "部屋", &[false; 4]);
    let actions = world.datagrams(&[said(&all[0], "やあ"), said(&all[0], "はい")]);
    let [Action::Burst { run, to }] = &actions[..] else { panic!("{actions:?}") };
    let texts = ["やあ", "はい"].map(|text| relayed(&all[0], text));
    assert_eq!(run.datagrams().collect::<Vec<_>>(), texts);
    assert_eq!((run.size().get(), run.bytes().len()), (texts[0].len(), 2 * texts[0].len()));
    let addresses: Vec<_> = to.iter().map(|to| to.address).collect();
    assert_eq!(addresses, [all[1].address, all[2].address, all[3].address]);
}

#[test]
fn a_shorter_message_ends_a_run_and_a_longer_one_begins_another() {
    let mut world = World::new();
    let all = room(&mut world, "r", &[false; 2]);
    let overhead = relayed(&all[0], "").len();
    for (texts, runs) in [
        (&[3, 3, 3][..], &[&[3, 3, 3][..]][..]),
        (&[3, 3, 2], &[&[3, 3, 2]]),
        (&[3, 2, 3], &[&[3, 2], &[3]]),
        (&[3, 2, 2], &[&[3, 2], &[2]]),
        (&[2, 3], &[&[2], &[3]]),
        (&[1, 2, 2, 1, 1, 1], &[&[1], &[2, 2, 1], &[1, 1]]),
        (&[3, 2, 1], &[&[3, 2], &[1]]),
    ] {
        let batch: Vec<_> = texts.iter().map(|size| said(&all[0], &"a".repeat(*size))).collect();
        let actions = world.datagrams(&batch);
        let expected = runs.iter().map(|run| (run.iter().map(|size| size + overhead).collect(), 1));
        assert_eq!(shapes(&actions), expected.collect::<Vec<_>>(), "{texts:?}");
    }
}

#[test]
fn who_speaks_gets_what_the_others_said() {
    for bundles in [false, true] {
        let mut world = World::new();
        let all = room(&mut world, "部屋", &[bundles; 3]);
        let lines = [(0, "一"), (1, "二"), (0, "三"), (1, "四"), (0, "五")];
        let batch: Vec<_> = lines.iter().map(|(by, text)| said(&all[*by], text)).collect();
        let heard = heard(&world.datagrams(&batch));
        for (number, member) in all.iter().enumerate() {
            let others = lines.iter().filter(|(by, _)| *by != number);
            let expected: Vec<_> = others.map(|(by, text)| relayed(&all[*by], text)).collect();
            let mut own = heard.iter().filter(|((to, _), _)| *to == member.address);
            assert_eq!(own.next().unwrap().1, &expected, "{number}");
        }
        assert_eq!((world.server.counters().messages, world.server.counters().copies), (5, 10));
    }
}

#[test]
fn only_those_who_asked_get_bundles() {
    let mut world = World::new();
    let all = room(&mut world, "部屋", &[false, true, false, true]);
    let texts = ["やあ", "", "はい", "そうですか"];
    let actions =
        world.datagrams(&texts.iter().map(|text| said(&all[0], text)).collect::<Vec<_>>());
    let plain: Vec<_> =
        texts.iter().filter(|text| !text.is_empty()).map(|text| relayed(&all[0], text)).collect();
    assert_eq!(sent_to(&actions, &all[2]), plain);
    for bundler in [&all[1], &all[3]] {
        let [bundle] = &sent_to(&actions, bundler)[..] else { panic!("one bundle") };
        let mut expected = vec![0; 3];
        for datagram in &plain {
            expected.extend(u16::try_from(datagram.len()).unwrap().to_be_bytes());
            expected.extend(datagram);
        }
        assert_eq!(*bundle, expected);
    }
    assert_eq!(sent_to(&actions, &all[0]), Vec::<Vec<u8>>::new());
}

#[test]
fn bundles_are_full_and_of_one_size_but_the_last() {
    let mut world = World::new();
    let all = room(&mut world, "r", &[true, true]);
    let batch: Vec<_> =
        (0..60).map(|number| said(&all[0], &"あ".repeat(20 + number % 3 * 20))).collect();
    let actions = world.datagrams(&batch);
    let [Action::Burst { run, .. }] = &actions[..] else { panic!("{actions:?}") };
    let total: usize = run.datagrams().map(<[u8]>::len).sum();
    let bundles: Vec<&[u8]> = run.datagrams().collect();
    let (last, full) = bundles.split_last().unwrap();
    assert!((1000..=MAX_BUNDLE).contains(&run.size().get()), "{}", run.size());
    assert!(full.iter().all(|bundle| bundle.len() == run.size().get()));
    assert!(last.len() <= run.size().get() && total == run.bytes().len());
    let of_all: usize = batch.iter().map(|(_, bytes)| bytes.len() - 22 + 2).sum();
    assert!(total < of_all + bundles.len() * 200, "hardly more than what is in them");
}

#[test]
fn what_is_alone_or_too_large_goes_plain_at_its_place() {
    let mut world = World::new();
    let all = room(&mut world, "r", &[true, true]);
    let overhead = relayed(&all[0], "").len();
    // The largest message that shares a bundle, and one more byte.
    let (fits, over) = (MAX_BUNDLE - 5 - overhead, MAX_BUNDLE - 4 - overhead);
    for (texts, is_bundle) in [
        (&[9, over, 9, 9][..], &[false, false, true][..]),
        (&[over, over, 9], &[false, false, false]),
        (&[9, 9, over, 8, 8, over], &[true, false, true, false]),
        (&[9, fits], &[true, true]),
        (&[fits, over], &[false, false]),
        (&[4000], &[false]),
    ] {
        let texts: Vec<String> = texts.iter().map(|size| "a".repeat(*size)).collect();
        let batch: Vec<_> = texts.iter().map(|text| said(&all[0], text)).collect();
        let actions = world.datagrams(&batch);
        let datagrams = sent_to(&actions, &all[1]);
        let found: Vec<bool> = datagrams.iter().map(|bytes| Bundle::is_one(bytes)).collect();
        assert_eq!(found, is_bundle);
        let expected: Vec<_> = texts.iter().map(|text| relayed(&all[0], text)).collect();
        assert_eq!(heard(&actions).into_values().next().unwrap(), expected);
    }
}

#[test]
fn a_batch_of_one_is_a_datagram_by_itself() {
    for text in ["やあ", "", "SYSTEM_x", &"a".repeat(4000)] {
        for forged in [false, true] {
            let [one, other] = [false, true].map(|together| {
                let mut world = World::new();
                let all = room(&mut world, "部屋", &[true, false, true]);
                let by = if forged { all[0].bearing("？") } else { all[0].clone() };
                let (from, bytes) = said(&by, text);
                let actions = match together {
                    true => world.datagrams(&[(from, bytes)]),
                    false => world.event(Event::Datagram { from, bytes: &bytes }),
                };
                (actions, *world.server.counters(), world.census())
            });
            assert_eq!(one, other);
        }
    }
    let mut world = World::new();
    assert_eq!(world.datagrams(&[]), []);
}

#[test]
fn more_than_are_shared_out_together_go_in_rounds() {
    let mut world = World::new();
    let all = room(&mut world, "r", &[false, false, true]);
    let texts: Vec<String> = (100..250).map(|number| number.to_string()).collect();
    let batch: Vec<_> = texts.iter().map(|text| said(&all[0], text)).collect();
    let actions = world.datagrams(&batch);
    let mut plain = Vec::new();
    for action in &actions {
        if let Action::Burst { run, to } = action
            && to[0].address == all[1].address
        {
            plain.push(run.datagrams().count());
        }
    }
    assert_eq!(plain, [TOGETHER, TOGETHER, 150 - 2 * TOGETHER]);
    let expected: Vec<_> = texts.iter().map(|text| relayed(&all[0], text)).collect();
    assert_eq!(heard(&actions).into_values().collect::<Vec<_>>(), [&expected[..], &expected]);
}

#[test]
fn the_addresses_are_those_that_were_heard_last() {
    let mut world = World::new();
    let all = room(&mut world, "部屋", &[false; 3]);
    let moved = all[2].at_port(9);
    let actions = world.datagrams(&[
        said(&all[0], "前"),
        said(&all[2], ""),
        said(&all[0], "後"),
        said(&moved, ""),
    ]);
    assert_eq!(sent_to(&actions, &all[2]), Vec::<Vec<u8>>::new());
    assert_eq!(sent_to(&actions, &moved).len(), 2);
    assert_eq!(sent_to(&actions, &all[1]).len(), 2);
}

#[test]
fn a_bundle_from_a_client_is_dropped_and_counted() {
    let mut world = World::new();
    let all = room(&mut world, "部屋", &[true, false]);
    let inside = all[0].datagram("やあ");
    let mut bundle = vec![0; 3];
    Bundle::pack([&inside[..], &inside].into_iter(), &mut bundle);
    let before = *world.server.counters();
    let bundle = &bundle[3..];
    assert!(Bundle::parse(bundle).is_ok());
    assert_eq!(world.datagram(all[0].address, bundle), nothing());
    let several = vec![(all[0].address, bundle.to_vec()); 3];
    assert_eq!(world.datagrams(&several), []);
    let mut expected = before;
    expected.datagrams += 4;
    expected.unknown_token += 4;
    assert_eq!(*world.server.counters(), expected);
}

/// Who is there, and what one wake finds. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
struct Wake {
    /// For each member its room, and whether it asked for bundles.
    members: Vec<(u8, bool)>,
    rooms: u8,
    batch: Vec<Came>,
}

#[derive(Debug, Clone)]
struct Came {
    by: u8,
    /// Bytes of text.
    size: usize,
    is_japanese: bool,
    kind: u8,
}

impl Arbitrary for Wake {
    fn arbitrary(g: &mut Gen) -> Self {
        let members = (0..2 + u8::arbitrary(g) % 11).map(|_| Arbitrary::arbitrary(g)).collect();
        let mut batch: Vec<Came> =
            (0..1 + u8::arbitrary(g) % 150).map(|_| Came::arbitrary(g)).collect();
        if bool::arbitrary(g) {
            let first = batch[0].clone();
            batch.iter_mut().for_each(|came| {
                (came.size, came.is_japanese) = (first.size, first.is_japanese);
            });
        }
        Self { members, rooms: 1 + u8::arbitrary(g) % 3, batch }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let smaller = self.batch.shrink().filter(|batch| !batch.is_empty());
        Box::new(smaller.map(move |batch| Self { batch, ..whole.clone() }))
    }
}

impl Arbitrary for Came {
    fn arbitrary(g: &mut Gen) -> Self {
        let most = *g.choose(&[3, 60, 300, 1300, 4000]).unwrap();
        let size = 1 + usize::arbitrary(g) % most;
        let kind = u8::arbitrary(g) % 32;
        Self { by: u8::arbitrary(g), size, is_japanese: bool::arbitrary(g), kind }
    }
}

/// The world of a wake, in which somebody has gone that is remembered; and what is to come.
fn world_of(wake: &Wake) -> (World, Vec<Sent>, Vec<Client>) {
    let mut world = World::new();
    let mut all = Vec::new();
    for number in 0..wake.rooms {
        let inside = wake.members.iter().filter(|(room, _)| room % wake.rooms == number);
        let bundles: Vec<bool> = inside.map(|(_, bundles)| *bundles).collect();
        all.extend(room(&mut world, &format!("部屋{number}"), &bundles));
    }
    let gone = room(&mut world, "過去", &[false, false]);
    world.leave(&gone[0]);
    world.now = second(7);
    let batch = wake.batch.iter().map(|came| {
        let by = &all[usize::from(came.by) % all.len()];
        let text: String = match came.is_japanese {
            true => "あ".repeat(came.size.div_ceil(3)),
            false => "a".repeat(came.size),
        };
        match came.kind {
            0 => said(by, ""),
            1 => said(by, "SYSTEM_MESSAGE_TIME_OUT"),
            2 => (by.address, vec![255; came.size]),
            3 => said(&by.bearing("unknown"), &text),
            4 => said(&by.at("192.0.2.9:5000"), &text),
            5 => said(&by.called("別人"), &text),
            6 => said(&gone[1], &text),
            7 => (by.address, [&[0, 0, 0, 0, 1], text.as_bytes()].concat()),
            _ => said(by, &text),
        }
    });
    let batch = batch.collect();
    (world, batch, all)
}

#[test]
fn together_they_amount_to_what_each_by_itself_would() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck gives it away")]
    fn amounts_to_the_same(wake: Wake) -> bool {
        let (mut together, batch, all) = world_of(&wake);
        let (mut alone, ..) = world_of(&wake);
        let actions = together.datagrams(&batch);
        let one_by_one: Vec<_> = batch
            .iter()
            .flat_map(|(from, bytes)| alone.event(Event::Datagram { from: *from, bytes }))
            .collect();
        assert_eq!(heard(&actions), heard(&one_by_one));
        assert_eq!(together.server.counters(), alone.server.counters());
        assert_eq!(together.census(), alone.census());
        assert_eq!(together.server.next_deadline(), alone.server.next_deadline());
        check_bundles(&actions, &wake, &all);
        true
    }
    QuickCheck::new().tests(200).quickcheck(amounts_to_the_same as fn(Wake) -> bool);
}

/// Only those who asked get bundles, and each of these has its size and something in it.
fn check_bundles(actions: &[Action<'_>], wake: &Wake, all: &[Client]) {
    let asked = (0..wake.rooms).flat_map(|number| {
        let inside = wake.members.iter().filter(move |(room, _)| room % wake.rooms == number);
        inside.map(|(_, bundles)| *bundles)
    });
    let asked: BTreeMap<SocketAddr, bool> =
        all.iter().map(|member| member.address).zip(asked).collect();
    for action in actions {
        let sizes: Vec<usize> = match action {
            Action::Burst { run, .. } => run.datagrams().map(<[u8]>::len).collect(),
            _ => Vec::new(),
        };
        if let Some((last, others)) = sizes.split_last() {
            assert!(!others.is_empty(), "a burst is of several");
            assert!(others.iter().all(|size| size == &sizes[0]) && *last <= sizes[0]);
        }
        for (bytes, to) in action.copies().filter(|(bytes, _)| Bundle::is_one(bytes)) {
            assert!(asked[&to.address] && bytes.len() <= MAX_BUNDLE);
            let count = Bundle::parse(bytes).unwrap().datagrams().count();
            // In a burst one can be alone, where it and its neighbours are too large to share.
            assert!(count >= if sizes.is_empty() { 2 } else { 1 });
        }
    }
}
