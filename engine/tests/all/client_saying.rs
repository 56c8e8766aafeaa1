//! Saying: one datagram or several, at a pace.

use engine::client::{Answered, Habits, Happening, Lobby};
use protocol::MessageError;
use protocol::limits::MAX_DATAGRAM;

use crate::client_world::*;

/// Bytes beside the text in each of the usual member's datagrams.
const OVERHEAD: usize = 3 + ROOM.len() + USER.len() + TOKEN.len();

/// Somebody whose room, name and token are as long as the wire allows.
fn long_named() -> Member {
    let (name, token) = ("部".repeat(85), "t".repeat(255));
    let (joining, _) = Lobby::new(Habits::default()).join(room(&name), user(&name), "");
    let reply = framed(2, 2, &name, &admission(&token, ""));
    let Answered::Joined(joined) = joining.receive(&reply, START, &mut Vec::new()) else {
        panic!("let in")
    };
    Member::of(joined, &token, START)
}

/// The pieces in which `text` goes, all at once or over time.
fn pieces(member: &mut Member, text: &str) -> Vec<String> {
    let mut did = member.say(text);
    // The pace is two milliseconds, so even a full queue is empty long before any warning.
    let end = member.now + secs(60);
    did.extend(member.run_to(end, 100_000).into_iter().map(|(_, did)| did));
    let texts = did.into_iter().map(|did| match did {
        Did::Sent(text) => text,
        Did::Shown(happening) => panic!("{happening:?}"),
    });
    texts.collect()
}

fn not_sent(text: &str, error: MessageError) -> Did {
    let text = text.to_owned();
    shown(Happening::NotSent { text, error })
}

#[test]
fn a_message_is_one_datagram_at_once() {
    let mut member = member();
    assert_eq!(member.say("やあ"), [said("やあ")]);
    assert_eq!(member.say(" SYSTEM_x"), [said(" SYSTEM_x")]);
    assert_eq!(member.say("system_x"), [said("system_x")]);
    assert_eq!(member.say("\u{1b}[2J\n"), [said("\u{1b}[2J\n")]);
}

#[test]
fn what_cannot_be_sent_is_handed_back_and_is_no_activity() {
    let long = format!("SYSTEM_{}", "あ".repeat(3000));
    for (text, error) in [
        ("", MessageError::Empty),
        ("SYSTEM_", MessageError::Reserved),
        ("SYSTEM_MESSAGE_TIME_OUT", MessageError::Reserved),
        ("SYSTEM_やあ", MessageError::Reserved),
        (&long, MessageError::Reserved),
    ] {
        let mut member = member();
        let deadline = member.deadline();
        member.now = second(5);
        assert_eq!(member.say(text), [not_sent(text, error)]);
        assert_eq!(member.deadline(), deadline);
    }
}

#[test]
fn a_text_that_fills_a_datagram_is_not_cut() {
    let mut member = member();
    let fits = MAX_DATAGRAM - OVERHEAD;
    let text = "a".repeat(fits);
    assert_eq!(pieces(&mut member, &text), [text]);
    let text = "a".repeat(fits + 1);
    let (head, tail) = text.split_at(fits);
    assert_eq!(pieces(&mut member, &text), [head, tail]);
}

#[test]
fn the_longest_names_leave_their_share() {
    let mut member = long_named();
    let fits = MAX_DATAGRAM - 3 - 3 * 255;
    let text = "a".repeat(2 * fits + 1);
    let sizes: Vec<_> = pieces(&mut member, &text).iter().map(String::len).collect();
    assert_eq!(sizes, [fits, fits, 1]);
}

#[test]
fn a_cut_never_falls_inside_a_character() {
    let fits = MAX_DATAGRAM - 3 - 3 * 255;
    for lead in ["", "a", "aa", "aaa"] {
        for character in ["é", "部", "🦀"] {
            let text = format!("{lead}{}", character.repeat(2000));
            let pieces = pieces(&mut long_named(), &text);
            assert_eq!(pieces.concat(), text);
            // Each but the last is as full as whole characters allow.
            let (_, full) = pieces.split_last().unwrap();
            let wide = fits - character.len()..=fits;
            assert!(full.iter().all(|piece| wide.contains(&piece.len())));
            assert!(full.iter().all(|piece| piece.len() + character.len() > fits));
        }
    }
}

#[test]
fn no_piece_begins_like_a_notice() {
    let fits = MAX_DATAGRAM - OVERHEAD;
    for last in ["a", "é", "部", "🦀"] {
        let head = format!("{}{last}", "a".repeat(fits - last.len()));
        let text = format!("{head}SYSTEM_MESSAGE_TIME_OUT");
        // The last character before the cut goes with what follows it.
        let (first, second) = text.split_at(fits - last.len());
        assert_eq!(pieces(&mut member(), &text), [first, second]);
    }
}

#[test]
fn a_cut_inside_the_reserved_word_or_next_to_it_stays() {
    let fits = MAX_DATAGRAM - OVERHEAD;
    for lead in [fits - 1, fits + 1, fits - 7] {
        let text = format!("{}SYSTEM_x", "a".repeat(lead));
        let (head, tail) = text.split_at(fits);
        assert_eq!(pieces(&mut member(), &text), [head, tail]);
    }
}

#[test]
fn a_server_that_takes_less_is_sent_less() {
    let mut member = limited(&limits(120.0, 20.0, 100));
    let text = "部".repeat(70);
    let pieces = pieces(&mut member, &text);
    assert_eq!(pieces.concat(), text);
    let most = (100 - OVERHEAD) / 3 * 3;
    let (last, full) = pieces.split_last().unwrap();
    assert!(!full.is_empty() && full.iter().all(|piece| piece.len() == most));
    assert!(last.len() <= most);
}

#[test]
fn a_server_that_claims_to_take_next_to_nothing_gets_eight_bytes_at_a_time() {
    for most in [1, OVERHEAD, OVERHEAD + 8] {
        let mut member = limited(&limits(120.0, 20.0, most));
        assert_eq!(pieces(&mut member, "0123456789"), ["01234567", "89"]);
        let crabs = "🦀🦀SYSTEM_x";
        assert_eq!(pieces(&mut member, crabs), ["🦀", "🦀SYST", "EM_x"]);
    }
    let mut member = limited(&limits(120.0, 20.0, OVERHEAD + 9));
    assert_eq!(pieces(&mut member, "0123456789"), ["012345678", "9"]);
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_a_pace() {
    let mut member = member();
    for number in 1..=32 {
        let text = format!("{number}行目");
        assert_eq!(member.say(&text), [said(&text)]);
    }
    for number in 33..=36 {
        assert_eq!(member.say(&format!("{number}行目")), nothing());
    }
    for number in 33..=36 {
        let at = START + millis(2 * (number - 32));
        assert_eq!(member.due_at(at), [said(&format!("{number}行目"))]);
    }
    assert_eq!(member.deadline(), START + millis(8) + secs(90));
}

#[test]
fn a_pause_earns_a_burst_again_and_never_more_than_one() {
    let mut member = member();
    for pause in [millis(0), millis(64), secs(50)] {
        member.now = member.now + pause;
        for _ in 0..32 {
            assert_eq!(member.say("x"), [said("x")]);
        }
        assert_eq!(member.say("y"), nothing());
        let soon = member.now + millis(2);
        assert_eq!(member.due_at(soon), [said("y")]);
    }
}

#[test]
fn a_short_pause_earns_as_much_of_a_burst() {
    let mut member = member();
    for _ in 0..32 {
        assert_eq!(member.say("x"), [said("x")]);
    }
    member.now = member.now + millis(9);
    for _ in 0..4 {
        assert_eq!(member.say("x"), [said("x")]);
    }
    assert_eq!(member.say("y"), nothing());
    assert_eq!(member.due_at(START + millis(10)), [said("y")]);
}

#[test]
fn a_late_wake_sends_all_that_is_due_in_order() {
    let mut member = member();
    let lines: Vec<_> = (0..100).map(|number| format!("{number}行目")).collect();
    let mut sent = Vec::new();
    for line in &lines {
        sent.extend(member.say(line));
    }
    assert_eq!(sent.len(), 32);
    let late = member.tick_at(START + millis(21));
    assert_eq!(late.len(), 10);
    sent.extend(late);
    assert_eq!(member.deadline(), START + millis(22));
    sent.extend(member.tick_at(START + secs(1)));
    assert_eq!(sent.len(), 32 + 10 + 32, "a pause earns one burst");
    sent.extend(member.run_to(second(2), 26).into_iter().map(|(_, did)| did));
    let all: Vec<_> = lines.iter().map(|line| said(line)).collect();
    assert_eq!(sent, all);
}

#[test]
fn input_is_taken_until_256_messages_wait() {
    let mut member = member();
    for _ in 0..32 + 255 {
        assert!(member.takes_input());
        member.say("x");
    }
    assert!(member.takes_input());
    assert_eq!(member.say("x"), nothing());
    assert!(!member.takes_input(), "256 wait");
    assert_eq!(member.due_at(START + millis(2)), [said("x")]);
    assert!(member.takes_input(), "255 wait");
    // What is said all the same is kept.
    for _ in 0..3 {
        assert_eq!(member.say("y"), nothing());
    }
    assert!(!member.takes_input());
    let sent = member.run_to(second(10), 258);
    assert_eq!(sent.len(), 258);
    assert_eq!(sent.last(), Some(&(START + millis(2 + 2 * 258), said("y"))));
    assert!(member.takes_input());
}

#[test]
fn one_long_text_is_kept_whole() {
    let text = "長い話".repeat(200_000);
    let mut member = member();
    let pieces = pieces(&mut member, &text);
    assert!(pieces.len() > 32 + 256);
    assert_eq!(pieces.concat(), text);
    assert!(member.takes_input());
}

#[test]
fn what_waits_does_not_keep_from_hearing() {
    let mut member = member();
    for _ in 0..40 {
        member.say("x");
    }
    assert_eq!(member.hear(&relayed("太郎", "待って")), [chat("太郎", "待って")]);
    assert_eq!(member.deadline(), START + millis(2));
}

quickcheck::quickcheck! {
    fn any_text_goes_whole_in_pieces_that_are_messages(words: Vec<u8>, size: u8) -> bool {
        // Small datagrams and a crafted text bring every kind of cut about.
        let most = OVERHEAD + 8 + usize::from(size % 16);
        let vocabulary = ["SYSTEM_", "S", "SYSTEM", "部", "🦀", "é", "a", "_"];
        let words = words.iter().map(|word| vocabulary[usize::from(word % 8)]);
        let text = format!("-{}", words.collect::<String>());
        let mut member = limited(&limits(120.0, 20.0, most));
        let pieces = pieces(&mut member, &text);
        pieces.concat() == text
            && pieces.iter().all(|piece| {
                !piece.is_empty() && !piece.starts_with("SYSTEM_") && OVERHEAD + piece.len() <= most
            })
    }
}
