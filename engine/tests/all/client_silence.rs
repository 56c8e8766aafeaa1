//! Silence: keepalive, the warning, and finding out whether the server has dropped the member.

use engine::client::{Event, Reason};
use protocol::udp::NoticeText;

use crate::client_world::*;

#[test]
fn silence_is_warned_of_asked_about_and_given_up_on() {
    let mut member = member();
    assert_eq!(member.due_at(second(90)), [warning(30)]);
    assert_eq!(member.due_at(second(142)), [presence()]);
    assert_eq!(member.due_at(second(147)), nothing());
    assert_eq!(member.end(), Reason::TimedOut);
}

#[test]
fn without_a_keepalive_an_hour_of_silence_is_nothing_but_that() {
    let mut member = member();
    let did = member.run_to(second(3600), 3);
    assert_eq!(did, [(second(90), warning(30)), (second(142), presence())]);
    assert_eq!(member.end(), Reason::TimedOut);
}

#[test]
fn an_hour_in_which_others_talk_is_warned_of_and_asked_about_again() {
    // Each question is answered by something that only a member hears, so nothing is given up.
    let mut member = member();
    let mut silent_since = START;
    while silent_since < second(3600) {
        assert_eq!(member.due_at(silent_since + secs(90)), [warning(30)]);
        assert_eq!(member.due_at(silent_since + secs(142)), [presence()]);
        member.now = silent_since + secs(144);
        assert_eq!(member.hear(&relayed("太郎", "まだ？")), [chat("太郎", "まだ？")]);
        silent_since = member.now;
    }
}

#[test]
fn saying_begins_the_silence_anew() {
    let mut member = member();
    assert_eq!(member.at(second(89), Event::Say("いるよ")), [said("いるよ")]);
    assert_eq!(member.due_at(second(89 + 90)), [warning(30)]);
    assert_eq!(member.at(second(200), Event::Say("まだ")), [said("まだ")]);
    assert_eq!(member.due_at(second(290)), [warning(30)], "once a silence");
    assert_eq!(member.due_at(second(200 + 142)), [presence()]);
    assert_eq!(member.at(second(346), Event::Say("おーい")), [said("おーい")]);
    assert_eq!(member.due_at(second(346 + 90)), [warning(30)]);
}

#[test]
fn what_is_said_at_the_deadline_itself_is_in_time() {
    let mut member = member();
    assert_eq!(member.at(second(90), Event::Say("間")), [said("間")]);
    assert_eq!(member.due_at(second(180)), [warning(30)]);
    assert_eq!(member.due_at(second(90 + 142)), [presence()]);
    assert_eq!(member.at(second(90 + 147), Event::Say("間")), [said("間")]);
    assert_eq!(member.deadline(), second(90 + 147 + 90));
}

#[test]
fn hearing_is_no_activity_before_the_question() {
    let mut member = member();
    for at in [1, 89] {
        member.now = second(at);
        assert_eq!(member.hear(&relayed("太郎", "x")), [chat("太郎", "x")]);
        assert_eq!(member.deadline(), second(90));
    }
    assert_eq!(member.due_at(second(90)), [warning(30)]);
    member.now = second(141);
    assert_eq!(member.hear(&relayed("太郎", "x")), [chat("太郎", "x")]);
    assert_eq!(member.deadline(), second(142));
    // What comes with the deadline comes before the question, and does not answer it.
    member.now = second(142);
    let did = member.hear(&relayed("太郎", "x"));
    assert_eq!(did, [chat("太郎", "x"), presence()]);
    assert_eq!(member.deadline(), second(147));
}

#[test]
fn anything_that_only_a_member_hears_answers_the_question() {
    let joined = notice("太郎", NoticeText::Joined);
    for bytes in [relayed("太郎", "やあ"), joined] {
        let mut member = member();
        member.run_to(second(142), 2);
        member.now = second(147);
        assert_eq!(member.hear(&bytes).len(), 1);
        assert_eq!(member.due_at(second(147 + 90)), [warning(30)]);
    }
}

#[test]
fn what_anyone_could_have_sent_answers_nothing() {
    let mut member = member();
    member.run_to(second(142), 2);
    member.now = second(143);
    for bytes in [
        datagram("別の部屋", "太郎", "", "やあ"),
        datagram(ROOM, "太郎", "someone's", "やあ"),
        datagram(ROOM, "太郎", "", ""),
        datagram(ROOM, "太郎", "", "SYSTEM_MEMBER_JOINED"),
        Vec::new(),
    ] {
        assert_eq!(member.hear(&bytes), nothing());
        assert_eq!(member.deadline(), second(147));
    }
}

#[test]
fn the_answer_may_be_that_one_is_out() {
    let mut member = member();
    member.run_to(second(142), 2);
    member.now = second(143);
    let closed = notice("太郎", NoticeText::RoomClosed);
    assert_eq!(member.hear(&closed), nothing());
    assert_eq!(member.end(), Reason::RoomClosed);
}

#[test]
fn late_wakes_do_not_put_the_question_off_but_wait_for_its_answer() {
    let mut member = member();
    assert_eq!(member.tick_at(second(100)), [warning(30)]);
    assert_eq!(member.deadline(), second(142));
    assert_eq!(member.tick_at(second(150)), [presence()]);
    assert_eq!(member.due_at(second(155)), nothing());
    assert_eq!(member.end(), Reason::TimedOut);
}

#[test]
fn a_night_asleep_is_no_end_before_the_server_was_asked() {
    let mut member = member();
    assert_eq!(member.tick_at(second(36_000)), [warning(30)]);
    assert_eq!(member.event(Event::Tick), [presence()]);
    assert_eq!(member.due_at(second(36_005)), nothing());
    assert_eq!(member.end(), Reason::TimedOut);
}

#[test]
fn the_servers_own_limits_decide() {
    // Idle timeout, sweep, warning after, left then, question after.
    for (idle_s, sweep_s, warned_ms, left_ms, asked_ms) in [
        (4.0, 1.0, 3000, 1000, 7000),
        (4.0, 20.0, 3000, 1000, 26_000),
        (100.0, 20.0, 75_000, 25_000, 122_000),
        (119.0, 20.0, 89_250, 29_750, 141_000),
        (121.0, 20.0, 91_000, 30_000, 143_000),
        (600.0, 60.0, 570_000, 30_000, 662_000),
        (0.5, 0.25, 375, 125, 2750),
    ] {
        let mut member = limited(&limits(idle_s, sweep_s, 4096));
        let left = shown(engine::client::Happening::IdleWarning(millis(left_ms)));
        assert_eq!(member.due_at(START + millis(warned_ms)), [left]);
        assert_eq!(member.due_at(START + millis(asked_ms)), [presence()]);
        let given_up = START + millis(asked_ms) + secs(5);
        assert_eq!(member.due_at(given_up), nothing());
        assert_eq!(member.end(), Reason::TimedOut);
    }
}

#[test]
fn saying_resets_a_short_timeout_too() {
    let mut member = limited(&limits(4.0, 1.0, 4096));
    for at in 1..100 {
        assert_eq!(member.run_to(second(2 * at), 0), []);
        assert_eq!(member.say("x"), [said("x")]);
    }
    assert_eq!(member.deadline(), second(2 * 99 + 3));
}

#[test]
fn a_keepalive_is_a_presence_exactly_when_nothing_was_sent_for_so_long() {
    let mut member = keeping_alive(secs(30));
    let did = member.run_to(second(3600), 120);
    let every: Vec<_> = (1..=120).map(|n| (second(30 * n), presence())).collect();
    assert_eq!(did, every);
    assert!(!member.is_gone());
}

#[test]
fn saying_puts_the_keepalive_off() {
    let mut member = keeping_alive(secs(30));
    assert_eq!(member.at(second(29), Event::Say("やあ")), [said("やあ")]);
    assert_eq!(member.due_at(second(59)), [presence()]);
    assert_eq!(member.at(second(89), Event::Say("やあ")), [said("やあ")]);
    assert_eq!(member.due_at(second(119)), [presence()]);
    // Hearing does not, and neither does what cannot be sent.
    member.now = second(148);
    assert_eq!(member.hear(&relayed("太郎", "x")), [chat("太郎", "x")]);
    assert_eq!(member.say("").len(), 1);
    assert_eq!(member.due_at(second(149)), [presence()]);
}

#[test]
fn a_late_keepalive_is_one_and_the_next_is_counted_from_it() {
    let mut member = keeping_alive(secs(30));
    assert_eq!(member.tick_at(second(80)), [presence()]);
    assert_eq!(member.due_at(second(110)), [presence()]);
}

#[test]
fn a_keepalive_slower_than_the_warning_is_activity_when_it_comes() {
    let mut member = keeping_alive(secs(100));
    assert_eq!(member.due_at(second(90)), [warning(30)]);
    assert_eq!(member.due_at(second(100)), [presence()]);
    assert_eq!(member.due_at(second(190)), [warning(30)]);
    assert_eq!(member.due_at(second(200)), [presence()]);
}

#[test]
fn a_keepalive_as_slow_as_the_warning_comes_instead_of_it() {
    let mut member = keeping_alive(secs(90));
    assert_eq!(member.due_at(second(90)), [presence()]);
    assert_eq!(member.due_at(second(180)), [presence()]);
}
