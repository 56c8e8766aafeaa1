//! A server that answers presences, and one that stops to.

use engine::client::{Event, Happening, Reason};
use protocol::udp::NoticeText;

use crate::client_world::*;

/// A member whose presences are answered, if all is well.
fn answered() -> Member {
    limited(r#", "features": ["pong"]"#)
}

fn pong() -> Vec<u8> {
    notice(USER, NoticeText::Pong)
}

fn unreachable() -> Did {
    shown(Happening::ServerUnreachable)
}

fn reachable() -> Did {
    shown(Happening::ServerReachable)
}

#[test]
fn the_first_presence_is_repeated_until_it_is_answered() {
    let mut member = answered();
    assert_eq!(member.due_at(second(5)), [presence()]);
    assert_eq!(member.due_at(second(10)), [presence()]);
    assert_eq!(member.hear(&pong()), nothing());
    assert_eq!(member.due_at(second(10 + 90)), [warning(30)]);
}

#[test]
fn silence_is_shown_once_and_so_is_its_end() {
    let mut member = answered();
    member.due_at(second(5));
    member.due_at(second(10));
    assert_eq!(member.due_at(second(15)), [unreachable()]);
    // The system says so too, and takes it back: neither is news.
    assert_eq!(member.event(Event::Unreachable), nothing());
    assert_eq!(member.due_at(second(16)), [presence()]);
    assert_eq!(member.due_at(second(17)), nothing());
    assert_eq!(member.hear(&relayed("太郎", "やあ")), [reachable(), chat("太郎", "やあ")]);
    assert_eq!(member.hear(&pong()), nothing());
}

#[test]
fn what_is_said_into_silence_comes_with_a_question() {
    let mut member = answered();
    member.hear(&pong());
    member.now = second(9);
    assert_eq!(member.say("一"), [said("一")]);
    member.now = second(10);
    assert_eq!(member.say("二"), [said("二"), presence()]);
    assert_eq!(member.say("三"), [said("三")], "it asks by itself for now");
    assert_eq!(member.due_at(second(15)), [presence()]);
}

#[test]
fn who_hears_nothing_for_as_long_as_the_server_waits_is_out() {
    let mut member = answered();
    let last = second(120 + 20 + 2 + 5);
    while member.deadline() < last {
        let at = member.deadline();
        member.tick_at(at);
        member.say("もしもし");
        assert!(!member.is_gone(), "{at:?}");
    }
    member.tick_at(last);
    assert_eq!(member.end(), Reason::TimedOut);
}
