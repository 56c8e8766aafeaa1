//! What waited for the server is handed over together: in bundles to those who asked for them, and one
//! a datagram to the others.

use protocol::udp::Bundle;
use serde_json::json;

use crate::support::{
    Entry, Member, Runtime, Server, datagram, meet, noise, on_both_runtimes, settle,
};

on_both_runtimes!(
    what_waited_is_heard_once_and_in_its_order,
    each_speaker_is_heard_in_its_order,
    a_bundle_that_a_client_sends_is_dropped,
);

/// Messages that wait for the server, few and small enough for any system's buffers.
const MESSAGES: usize = 200;

/// After looks for more that found nothing the server takes so many datagrams by themselves.
const TAKEN_ALONE: usize = 17;

/// Texts of mixed sizes: most are short, and some too long for a bundle.
fn texts() -> Vec<String> {
    let sizes = noise(7).map(|byte| usize::from(byte % 40));
    let text = |(number, size): (usize, usize)| match number % 80 {
        79 => format!("{number} {}", "長".repeat(500)),
        _ => format!("{number} {}", "あ".repeat(size / 3)),
    };
    (0..MESSAGES).zip(sizes).map(text).collect()
}

/// The next `count` messages that come to `member`, and the datagrams in which they came.
fn hear(member: &Member, count: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut messages, mut datagrams) = (Vec::new(), Vec::new());
    while messages.len() < count {
        let bytes = member.next();
        if Bundle::is_one(&bytes) {
            let bundle = Bundle::parse(&bytes).expect("a whole bundle");
            messages.extend(bundle.datagrams().map(<[u8]>::to_vec));
        } else {
            messages.push(bytes.clone());
        }
        datagrams.push(bytes);
    }
    assert_eq!(messages.len(), count);
    (messages, datagrams)
}

/// A room in which two ask for bundles and two do not, besides the host.
fn room(server: &Server) -> (Member, [Member; 2], [Member; 2]) {
    let at = server.address();
    let host = Member::create(at, "部屋", "主");
    let bundling = ["束1", "束2"].map(|user| {
        let entry = Entry::new("部屋", user).bundles();
        let reply = entry.ask(2, at).done();
        assert_eq!(reply.json["features"], json!(["bundle"]));
        Member::admitted(&entry, at, &reply)
    });
    let plain = ["客1", "客2"].map(|user| Member::join(at, "部屋", user));
    settle(at);
    (host, bundling, plain)
}

fn what_waited_is_heard_once_and_in_its_order(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let (host, bundling, plain) = room(&server);
    let texts = texts();
    server.while_suspended(|| texts.iter().for_each(|text| host.say(text)));
    let expected: Vec<_> =
        texts.iter().map(|text| datagram("部屋", "主", "", text.as_bytes())).collect();
    for member in &plain {
        let (messages, datagrams) = hear(member, MESSAGES);
        assert!(messages == expected && datagrams == expected, "{}", member.user);
    }
    for member in &bundling {
        let (messages, datagrams) = hear(member, MESSAGES);
        assert!(messages == expected, "{}", member.user);
        let count = datagrams.len();
        assert!(count <= TAKEN_ALONE + MESSAGES / 10, "{count} datagrams");
        let bundles = datagrams.iter().filter(|bytes| Bundle::is_one(bytes));
        assert!(bundles.clone().count() > 0);
        assert!(bundles.clone().all(|bytes| bytes.len() <= 1200));
    }
    // And nothing after it: the next that anyone hears is what is said next.
    let all: Vec<&Member> = bundling.iter().chain(&plain).chain([&host]).collect();
    meet(&all);
}

fn each_speaker_is_heard_in_its_order(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let (host, bundling, plain) = room(&server);
    let speakers = [&host, &bundling[0], &plain[0]];
    let a_speaker = MESSAGES / speakers.len();
    server.while_suspended(|| {
        for (number, text) in texts().iter().take(a_speaker * speakers.len()).enumerate() {
            speakers[number % speakers.len()].say(text);
        }
    });
    let all: Vec<&Member> = bundling.iter().chain(&plain).chain([&host]).collect();
    for hearer in &all {
        let others: Vec<_> = speakers.iter().filter(|by| by.user != hearer.user).collect();
        let (messages, _) = hear(hearer, others.len() * a_speaker);
        for (number, speaker) in speakers.iter().enumerate() {
            let of_speaker = texts().into_iter().skip(number).step_by(speakers.len());
            let count = if speaker.user == hearer.user { 0 } else { a_speaker };
            let expected = of_speaker
                .take(count)
                .map(|text| datagram("部屋", &speaker.user, "", text.as_bytes()));
            let start = datagram("部屋", &speaker.user, "", b"");
            let heard = messages.iter().filter(|bytes| bytes.starts_with(&start)).cloned();
            assert!(
                heard.collect::<Vec<_>>() == expected.collect::<Vec<_>>(),
                "{} of {}",
                hearer.user,
                speaker.user
            );
        }
    }
    meet(&all);
}

fn a_bundle_that_a_client_sends_is_dropped(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let (host, bundling, plain) = room(&server);
    let all: Vec<&Member> = bundling.iter().chain(&plain).chain([&host]).collect();
    for by in &all {
        let inside = datagram(&by.room, &by.user, &by.token, "束の中".as_bytes());
        let mut bundle = Vec::new();
        Bundle::pack([&inside[..], &inside].into_iter(), &mut bundle);
        by.send(&bundle);
    }
    // Neither relayed nor answered: what is said next is all that anyone hears.
    meet(&all);
}
