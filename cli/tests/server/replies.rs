//! Requests in any pieces and at any pace, and what is answered to what is none.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use serde_json::json;

use crate::support::{
    Entry, Reply, Runtime, Server, connect, header, noise, on_both_runtimes, read_all, read_reply,
    request, rooms_of,
};

on_both_runtimes!(
    a_request_may_come_a_byte_at_a_time,
    a_request_may_come_in_any_two_pieces,
    a_reply_arrives_whatever_was_sent_after_the_request,
    sizes_over_the_cap_are_refused_from_the_header_alone,
    what_ends_too_soon_is_refused,
    a_connection_without_a_request_is_closed_without_a_reply,
    any_bytes_are_refused_or_answered,
    a_payload_may_be_as_large_as_the_cap_and_no_larger,
    a_reply_does_not_wait_for_the_end_of_the_request,
);

fn a_request_may_come_a_byte_at_a_time(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let mut stream = connect(server.address());
    stream.set_nodelay(true).unwrap();
    for byte in Entry::new("部屋", "アリス").request(1) {
        stream.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_micros(100));
    }
    read_reply(&stream).done();
}

fn a_request_may_come_in_any_two_pieces(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let whole = request(4, "部屋", &json!({}));
    for at in 1..whole.len() {
        let (first, second) = whole.split_at(at);
        let mut stream = connect(server.address());
        stream.set_nodelay(true).unwrap();
        stream.write_all(first).unwrap();
        // Another's request in between makes it likely that the pieces are read as two.
        rooms_of(server.address());
        stream.write_all(second).unwrap();
        read_reply(&stream).done();
    }
}

fn a_reply_arrives_whatever_was_sent_after_the_request(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let more = vec![b'x'; 1024 * 1024];
    let too_large = header(0, 1, 1 << 29);
    let unknown = header(0, 77, 2);
    let rooms = request(4, "", &json!({}));
    let wrong = request(2, "部屋", &json!({ "user_name": "アリス" }));
    for (bytes, error) in [
        (too_large, Some("payload_too_large")),
        (unknown, Some("invalid_request")),
        (rooms, None),
        (wrong, Some("no_such_room")),
    ] {
        let mut stream = connect(server.address());
        // All is in flight, and most of it unread, when the reply is made.
        stream.write_all(&[&bytes[..], &more].concat()).unwrap();
        stream.write_all(&more).unwrap();
        let reply = read_reply(&stream);
        match error {
            Some(error) => reply.refused(error),
            None => reply.done(),
        };
        // The server goes on reading, and the end is an end and not a reset.
        stream.write_all(&more).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&stream), b"");
    }
}

fn sizes_over_the_cap_are_refused_from_the_header_alone(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let largest = {
        let mut header = header(6, 1, 0);
        header[3..].fill(0xff);
        header
    };
    let highest_bit = {
        let mut header = header(6, 1, 0);
        header[3] = 0x80;
        header
    };
    // The last four bytes alone would be a size that is fine.
    let just_above_64_bits = {
        let mut header = header(6, 2, 10);
        header[23] = 1;
        header
    };
    let above_32_bits = header(6, 2, (1 << 32) + 10);
    let sizes = [1 << 29, (1 << 29) + 1, 1 << 31, 65_537].map(|size| header(255, 2, size));
    let special = [largest, highest_bit, just_above_64_bits, above_32_bits];
    for header in special.into_iter().chain(sizes) {
        let mut stream = connect(server.address());
        stream.write_all(&header).unwrap();
        let reply = read_reply(&stream).refused("payload_too_large");
        assert_eq!(reply.frame, Some((header[1], 1, String::new())));
    }
}

fn what_ends_too_soon_is_refused(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let whole = Entry::new("部屋", "アリス").request(2);
    for size in [1, 2, 3, 31, 32, 33, 37, 38, 39, whole.len() - 1] {
        let mut stream = connect(server.address());
        stream.write_all(&whole[..size]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let reply = read_reply(&stream).refused("invalid_request");
        let operation = if size < 32 { 0 } else { 2 };
        assert_eq!(reply.frame, Some((operation, 1, String::new())), "{size} bytes");
    }
    // A whole one is answered, whether or not its sender has ended its half.
    let mut stream = connect(server.address());
    stream.write_all(&whole).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_reply(&stream).refused("no_such_room");
}

fn a_connection_without_a_request_is_closed_without_a_reply(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    for _ in 0..50 {
        drop(connect(server.address()));
        let stream = connect(server.address());
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        drop(stream);
    }
    let stream = connect(server.address());
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), b"");
    // A reset in the middle of a request, and one that leaves a reply unread.
    for request in [&b"\x06\x01"[..], &Entry::new("部屋", "アリス").request(2)] {
        let mut stream = connect(server.address());
        stream.write_all(request).unwrap();
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    rooms_of(server.address());
}

fn any_bytes_are_refused_or_answered(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    for seed in 0..200 {
        let mut bytes: Vec<u8> = noise(seed).take(seed as usize * 3).collect();
        // Half of them have a header that is taken.
        if seed % 2 == 0 && bytes.len() >= 32 {
            let size = bytes.len() % 64;
            let taken = header(usize::from(bytes[0]), bytes[1] % 4 + 1, size);
            bytes[..32].copy_from_slice(&taken);
        }
        let mut stream = connect(server.address());
        // The server reads on whatever it made of the first of them.
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        match read_all(&stream) {
            nothing if bytes.is_empty() => assert_eq!(nothing, b""),
            reply => {
                let reply = Reply::parse(&reply);
                // Operation 4 has nothing to be wrong about.
                if reply.frame.as_ref().is_none_or(|(operation, ..)| *operation != 4) {
                    assert_eq!(reply.json["state"], 1, "{seed}: {}", reply.json);
                }
            }
        }
    }
}

fn a_payload_may_be_as_large_as_the_cap_and_no_larger(runtime: Runtime) {
    for (options, cap) in
        [(&[][..], 65_536), (&["--max-payload", "100"], 100), (&["--max-payload", "4MiB"], 4 << 20)]
    {
        let server = Server::start(runtime, options);
        let mut payload = br#"{"user_name":"\u30a2"}"#.to_vec();
        for (size, error) in [(cap, None), (cap + 1, Some("payload_too_large"))] {
            payload.resize(size, b' ');
            let room = "部屋".as_bytes();
            let request = [&header(room.len(), 1, size), room, &payload].concat();
            match (Reply::to(&request, server.address()), error) {
                (reply, None) => assert_eq!(reply.done().json["user_name"], "ア"),
                (reply, Some(error)) => assert!(reply.refused(error).frame.is_some()),
            }
        }
    }
}

fn a_reply_does_not_wait_for_the_end_of_the_request(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let entry = Entry::new("部屋", "アリス");
    let mut streams: Vec<_> = (0..20).map(|_| connect(server.address())).collect();
    for stream in &mut streams {
        stream.write_all(&entry.request(1)).unwrap();
    }
    let replies: Vec<Reply> = streams.iter().map(read_reply).collect();
    let done = replies.iter().filter(|reply| reply.json["state"] == 2).count();
    assert_eq!(done, 1, "one of them opened the room");
}
