//! Leaving: after all that was said, or now.

use std::time::Duration;

use engine::client::{Event, Reason};
use protocol::tcp::{FrameDecoder, Operation, Progress, Request};

use crate::client_world::*;

/// Between the last datagram and the leaving.
const GRACE: Duration = Duration::from_millis(200);

/// Makes sure that the member has left, and that its farewell is a request to leave as itself.
fn assert_left(member: &Member) {
    let gone = member.gone();
    assert_eq!(gone.reason, Reason::Left);
    let mut bytes = &gone.farewell.as_ref().expect("a farewell")[..];
    let Progress::Done(frame) = FrameDecoder::new(10_000).feed(&mut bytes) else {
        panic!("a whole request")
    };
    assert!(bytes.is_empty(), "one request and no more");
    assert_eq!(frame.header().operation(), Operation::Leave);
    let Request::Leave(departure) = Request::parse(&frame).unwrap() else { panic!("leave") };
    assert_eq!(departure.room.as_str(), ROOM);
    assert_eq!(departure.user.as_str(), USER);
    assert_eq!(departure.token.expose(), TOKEN);
}

#[test]
fn who_has_been_silent_leaves_at_once() {
    for pause in [GRACE, secs(10)] {
        let mut member = member();
        assert_eq!(member.at(START + pause, Event::Leave), nothing());
        assert_left(&member);
    }
}

#[test]
fn leaving_waits_until_the_last_datagram_has_had_time() {
    // The presence that came first counts as one.
    let mut newcomer = member();
    let almost = before(START + GRACE);
    assert_eq!(newcomer.at(almost, Event::Leave), nothing());
    assert!(!newcomer.is_gone());
    assert_eq!(newcomer.due_at(START + GRACE), nothing());
    assert_left(&newcomer);

    let mut member = member();
    member.now = second(10);
    assert_eq!(member.say("またね"), [said("またね")]);
    assert_eq!(member.event(Event::Leave), nothing());
    assert!(!member.takes_input());
    assert_eq!(member.due_at(second(10) + GRACE), nothing());
    assert_left(&member);
}

#[test]
fn leaving_sends_first_all_that_waits() {
    let mut member = member();
    for number in 0..40 {
        member.say(&format!("{number}行目"));
    }
    assert_eq!(member.event(Event::Leave), nothing());
    assert!(!member.takes_input());
    for number in 32..40 {
        let at = START + millis(2 * (number - 31));
        assert_eq!(member.due_at(at), [said(&format!("{number}行目"))]);
    }
    assert_eq!(member.due_at(START + millis(16) + GRACE), nothing());
    assert_left(&member);
}

#[test]
fn a_queue_longer_than_the_grace_is_flushed_to_its_end() {
    let mut member = member();
    for _ in 0..32 + 250 {
        member.say("x");
    }
    member.event(Event::Leave);
    let end = START + millis(2 * 250);
    let sent = member.run_to(before(end + GRACE), 250);
    assert_eq!(sent.len(), 250);
    assert_eq!(sent.last(), Some(&(end, said("x"))));
    assert_eq!(member.deadline(), end + GRACE);
    assert_eq!(member.tick_at(end + GRACE), nothing());
    assert_left(&member);
}

#[test]
fn a_member_that_is_leaving_still_hears() {
    let mut member = member();
    member.event(Event::Leave);
    assert_eq!(member.hear(&relayed("太郎", "またね")), [chat("太郎", "またね")]);
    assert_eq!(member.event(Event::Leave), nothing(), "leaving twice is leaving");
    assert_eq!(member.due_at(START + GRACE), nothing());
    assert_left(&member);
}

#[test]
fn leaving_now_waits_for_nothing() {
    let mut newcomer = member();
    assert_eq!(newcomer.event(Event::LeaveNow), nothing());
    assert_left(&newcomer);

    let mut talker = member();
    for _ in 0..40 {
        talker.say("x");
    }
    assert_eq!(talker.at(second(1), Event::LeaveNow), nothing());
    assert_left(&talker);

    let mut leaver = member();
    leaver.event(Event::Leave);
    assert_eq!(leaver.event(Event::LeaveNow), nothing());
    assert_left(&leaver);
}

#[test]
fn nothing_is_sent_when_a_leaver_goes() {
    // A keepalive is due at the same moment.
    let mut member = keeping_alive(GRACE);
    member.event(Event::Leave);
    assert_eq!(member.due_at(START + GRACE), nothing());
    assert_left(&member);
}

#[test]
fn who_does_not_leave_stays() {
    let mut member = member();
    assert_eq!(member.tick_at(START + GRACE), nothing());
    assert_eq!(member.deadline(), second(90));
    assert!(member.takes_input());
}

#[test]
fn no_presence_puts_the_leaving_off() {
    let mut member = keeping_alive(millis(100));
    member.event(Event::Leave);
    member.run_to(second(1), 100);
    assert!(member.is_gone());
}

#[test]
fn a_keepalive_of_no_time_is_one_of_a_tenth_of_a_second() {
    let mut member = keeping_alive(millis(0));
    member.run_to(second(1), 11);
    assert!(!member.is_gone());
}
