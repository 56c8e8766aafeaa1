//! Datagrams that are not a member's own: dropped, never answered, and no harm to anyone.

use std::net::UdpSocket;

use crate::support::{
    Entry, Member, Runtime, Server, datagram, meet, noise, on_both_runtimes, udp_socket,
};

on_both_runtimes!(
    what_is_forged_or_malformed_goes_nowhere,
    a_stranger_is_never_answered,
    another_ip_address_cannot_speak_for_a_member,
    a_message_like_a_notice_is_not_relayed,
    a_member_whose_socket_is_gone_costs_the_others_nothing,
);

/// What nobody may ever hear.
const LOST: &[u8] = "届いてはならない".as_bytes();

/// Datagrams of a member of `room` that are all invalid. `other` is a token of another room.
fn invalid(member: &Member, other: &str) -> Vec<Vec<u8>> {
    let Member { room, user, token, .. } = member;
    let valid = datagram(room, user, token, LOST);
    let forged = [
        datagram(room, "別人", token, LOST),
        datagram(room, &format!("{user}X"), token, LOST),
        datagram("別の部屋", user, token, LOST),
        datagram("", "", token, LOST),
        datagram(room, user, "", LOST),
        datagram(room, user, &token[1..], LOST),
        datagram(room, user, &format!("{token}A"), LOST),
        datagram(room, user, other, LOST),
        datagram(room, user, &"0".repeat(token.len()), LOST),
    ];
    let cut = (0..3 + room.len() + user.len() + token.len()).map(|size| valid[..size].to_vec());
    let long = [4097, 4098, 9000, 65_507].map(|size| {
        let mut long = valid.clone();
        long.resize(size, b'x');
        long
    });
    // A size that ends inside a character, and one that is more than there is.
    let resized = [(0, -1), (0, 1), (1, -1), (2, 100)].map(|(field, by)| {
        let mut resized = valid.clone();
        resized[field] = resized[field].wrapping_add_signed(by);
        resized
    });
    let not_utf8 = [3, 3 + room.len(), 3 + room.len() + user.len(), valid.len() - 1].map(|at| {
        let mut bytes = valid.clone();
        bytes[at] = 0xff;
        bytes
    });
    let noises = (0..50).map(|seed| noise(seed).take(seed as usize * 7).collect());
    let zeros = [vec![0; 3], vec![0; 4096], vec![0xff; 4096]];
    forged
        .into_iter()
        .chain(cut)
        .chain(long)
        .chain(resized)
        .chain(not_utf8)
        .chain(noises)
        .chain(zeros)
        .collect()
}

fn what_is_forged_or_malformed_goes_nowhere(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let bob = Member::join(at, "部屋", "ボブB");
    let carol = Member::create(at, "別の部屋", "ボブB");
    meet(&[&alice, &bob]);
    for bytes in invalid(&bob, &carol.token) {
        bob.send(&bytes);
        // In order on one socket: had it been relayed, it would be heard first.
        bob.say("柵");
        alice.hears(&bob, "柵");
    }
    alice.say("答えは");
    bob.hears(&alice, "答えは");
}

fn a_stranger_is_never_answered(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let stranger = udp_socket(at);
    for bytes in invalid(&alice, &alice.token[1..]) {
        stranger.send(&bytes).unwrap();
    }
    // The stranger's socket becomes bob's, and what it hears first is alice.
    let entry = Entry::new("部屋", "ボブ");
    let mut bob = Member::unregistered(&entry, at, &entry.ask(2, at).done());
    bob.socket = stranger;
    bob.is_there();
    meet(&[&alice, &bob]);
}

fn another_ip_address_cannot_speak_for_a_member(runtime: Runtime) {
    for (listen, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "127.0.0.1")] {
        let server = Server::start_on(runtime, listen, &[]);
        let at = server.at(host);
        let alice = Member::create(at, "部屋", "アリス");
        let bob = Member::join(at, "部屋", "ボブ");
        meet(&[&alice, &bob]);
        let thief = UdpSocket::bind("127.0.0.2:0").unwrap();
        for text in [LOST, b""] {
            thief.send_to(&datagram("部屋", "ボブ", &bob.token, text), at).unwrap();
        }
        // Neither was it relayed, nor is bob's address now the thief's.
        bob.say("本物です");
        alice.hears(&bob, "本物です");
        thief.send_to(&datagram("部屋", "ボブ", &bob.token, b""), at).unwrap();
        alice.say("本物へ");
        bob.hears(&alice, "本物へ");
    }
}

fn a_message_like_a_notice_is_not_relayed(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let alice = Member::create(server.address(), "部屋", "アリス");
    let bob = Member::join(server.address(), "部屋", "ボブ");
    meet(&[&alice, &bob]);
    for text in ["SYSTEM_HOST_MESSAGE_TIME_OUT", "SYSTEM_MESSAGE_TIME_OUT", "SYSTEM_", "SYSTEM_変"]
    {
        bob.say(text);
        bob.say(" SYSTEM_でない");
        alice.hears(&bob, " SYSTEM_でない");
    }
}

fn a_member_whose_socket_is_gone_costs_the_others_nothing(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let gone: Vec<Member> =
        (0..5).map(|number| Member::join(at, "部屋", &format!("幽霊{number}"))).collect();
    let bob = Member::join(at, "部屋", "ボブ");
    let carol = Member::join(at, "部屋", "キャロル");
    let all: Vec<&Member> = [&alice].into_iter().chain(&gone).chain([&bob, &carol]).collect();
    meet(&all);
    drop(gone);
    // Each round the system reports to the server that nobody is at those ports.
    for round in 0..50 {
        let text = format!("{round}回目");
        alice.say(&text);
        bob.hears(&alice, &text);
        carol.hears(&alice, &text);
    }
    Member::join(at, "部屋", "エレン");
}
