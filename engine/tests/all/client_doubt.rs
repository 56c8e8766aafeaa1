//! When nobody listens at the server's address.

use engine::client::{Event, Happening, Reason};
use protocol::udp::NoticeText;

use crate::client_world::*;

fn unreachable() -> Did {
    shown(Happening::ServerUnreachable)
}

fn reachable() -> Did {
    shown(Happening::ServerReachable)
}

/// A member whose datagram was refused ten seconds after it was let in.
fn in_doubt() -> Member {
    let mut member = member();
    assert_eq!(member.at(second(10), Event::Unreachable), [unreachable()]);
    member
}

#[test]
fn four_refusals_in_a_row_a_second_apart_are_the_end() {
    let mut member = in_doubt();
    for at in [11, 12] {
        assert_eq!(member.due_at(second(at)), [presence()]);
        assert_eq!(member.event(Event::Unreachable), nothing(), "told once");
        assert!(!member.is_gone());
    }
    assert_eq!(member.due_at(second(13)), [presence()]);
    assert_eq!(member.event(Event::Unreachable), nothing());
    assert_eq!(member.end(), Reason::ServerGone);
}

#[test]
fn a_refusal_is_heard_of_late_and_the_questions_keep_their_pace() {
    let mut member = in_doubt();
    assert_eq!(member.due_at(second(11)), [presence()]);
    member.now = second(11) + millis(700);
    assert_eq!(member.event(Event::Unreachable), nothing());
    assert_eq!(member.due_at(second(12)), [presence()]);
    // A wake that is late puts the next question off.
    member.event(Event::Unreachable);
    assert_eq!(member.tick_at(second(14)), [presence()]);
    assert_eq!(member.deadline(), second(15));
}

#[test]
fn a_question_that_is_not_refused_clears_the_doubt() {
    let mut member = in_doubt();
    assert_eq!(member.due_at(second(11)), [presence()]);
    assert_eq!(member.due_at(second(12)), [reachable()]);
    assert_eq!(member.deadline(), second(11 + 90), "the question was activity");
}

#[test]
fn refusals_before_the_doubt_was_cleared_do_not_count() {
    let mut member = in_doubt();
    let mut at = 10;
    for _ in 0..5 {
        for _ in 0..2 {
            at += 1;
            assert_eq!(member.due_at(second(at)), [presence()]);
            assert_eq!(member.event(Event::Unreachable), nothing());
        }
        at += 1;
        assert_eq!(member.due_at(second(at)), [presence()]);
        at += 1;
        assert_eq!(member.due_at(second(at)), [reachable()]);
        assert_eq!(member.event(Event::Unreachable), [unreachable()], "anew");
    }
}

#[test]
fn a_datagram_clears_the_doubt_before_it_is_shown() {
    let mut member = in_doubt();
    assert_eq!(member.due_at(second(11)), [presence()]);
    for _ in 0..2 {
        assert_eq!(member.event(Event::Unreachable), nothing());
    }
    let did = member.hear(&relayed("太郎", "戻った？"));
    assert_eq!(did, [reachable(), chat("太郎", "戻った？")]);
    assert_eq!(member.deadline(), second(11 + 90));
    assert_eq!(member.hear(&relayed("太郎", "ね")), [chat("太郎", "ね")]);
    assert_eq!(member.event(Event::Unreachable), [unreachable()]);
}

#[test]
fn many_refusals_at_once_are_one() {
    let mut member = in_doubt();
    for _ in 0..10 {
        assert_eq!(member.event(Event::Unreachable), nothing());
    }
    assert_eq!(member.due_at(second(11)), [presence()]);
    for _ in 0..10 {
        assert_eq!(member.event(Event::Unreachable), nothing());
    }
    assert!(!member.is_gone());
}

#[test]
fn what_anyone_could_have_sent_does_not_clear_it() {
    let mut member = in_doubt();
    for bytes in [
        Vec::new(),
        datagram(ROOM, "太郎", "someone's", "やあ"),
        datagram("別の部屋", "太郎", "", "やあ"),
        datagram(ROOM, USER, "", NoticeText::TimedOut.as_str()),
    ] {
        assert_eq!(member.hear(&bytes), nothing());
        assert_eq!(member.deadline(), second(11));
    }
}

#[test]
fn an_end_clears_it_on_the_way_out() {
    let mut member = in_doubt();
    let did = member.hear(&notice(USER, NoticeText::Shutdown));
    assert_eq!(did, [reachable()]);
    assert_eq!(member.end(), Reason::ServerStopped);
}

#[test]
fn questions_go_on_while_the_user_talks() {
    let mut member = in_doubt();
    member.now = second(10) + millis(500);
    assert_eq!(member.say("聞こえる？"), [said("聞こえる？")]);
    assert_eq!(member.due_at(second(11)), [presence()]);
    assert_eq!(member.at(second(12), Event::Say("ねえ")), [said("ねえ"), reachable()]);
    assert_eq!(member.deadline(), second(12 + 90));
}

#[test]
fn a_question_counts_as_keepalive() {
    let mut member = keeping_alive(secs(30));
    assert_eq!(member.at(second(29), Event::Unreachable), [unreachable()]);
    assert_eq!(member.due_at(second(30)), [presence()], "one for both");
    assert_eq!(member.due_at(second(31)), [reachable()]);
    assert_eq!(member.due_at(second(60)), [presence()]);
}

#[test]
fn what_was_never_refused_is_not_said_to_be_reachable() {
    let mut member = member();
    assert_eq!(member.hear(&relayed("太郎", "x")), [chat("太郎", "x")]);
    assert_eq!(member.run_to(second(89), 0), []);
}

#[test]
fn who_leaves_a_server_that_is_gone_leaves() {
    let mut member = in_doubt();
    assert_eq!(member.event(Event::Leave), nothing());
    assert_eq!(member.gone().reason, Reason::Left);
    assert!(member.gone().farewell.is_some());
}
