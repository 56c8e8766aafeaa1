//! A server as drivers see it that are generic over what they drive.

use engine::{
    Action, Actions, Config, ConnectionId, Counters, Event, Instant, Machine, SeededEntropy, Server,
};

use crate::world::{address, person, second};

fn server() -> Server {
    Server::new(Config::default(), SeededEntropy::new(7), Instant::ZERO).unwrap()
}

/// All that `machine` answers to `event`.
fn driven(
    machine: &mut impl Machine,
    event: Event<'_>,
    now: Instant,
) -> (Vec<Action<'static>>, Option<Instant>, Counters) {
    let mut actions = Actions::new();
    machine.handle_into(event, now, &mut actions);
    let actions = actions.iter().map(Action::into_owned).collect();
    (actions, machine.next_deadline(), *machine.counters())
}

#[test]
fn a_server_answers_a_generic_driver_as_it_answers_any() {
    let (mut driven_one, mut plain) = (server(), server());
    let connection = ConnectionId(1);
    let request = person("部屋", "太郎").create();
    for (event, now) in [
        (Event::Opened { connection, from: address("192.0.2.1:5000") }, second(1)),
        (Event::Received { connection, bytes: &request }, second(2)),
        (Event::Tick, second(12)),
    ] {
        let actions = plain.handle(event, now);
        let expected = (actions, plain.next_deadline(), *plain.counters());
        assert_eq!(driven(&mut driven_one, event, now), expected, "{event:?}");
    }
    assert_eq!((plain.counters().joins, plain.next_deadline()), (1, Some(second(140))));
}
