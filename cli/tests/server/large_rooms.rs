//! More people than are told in one go: the last of them is told as well, with nothing else to wake
//! the server.

use std::collections::HashSet;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};

use rustix::process::Signal;

use crate::support::{
    Entry, Member, PATIENCE, Runtime, Server, connect, datagram, on_both_runtimes, read_reply,
    settle, udp_socket,
};

on_both_runtimes!(
    when_its_host_leaves_a_large_room_is_told_to_the_last,
    when_the_server_stops_a_large_room_is_told_to_the_last,
);

/// How many share a socket, so that no buffer of the system is full of what they are told.
const CROWD: usize = 100;

const CROWDS: usize = 14;

/// Guests who hear through one socket.
struct Crowd {
    socket: UdpSocket,
    tokens: Vec<String>,
}

impl Crowd {
    /// Joins the room `部屋`, many at a time.
    fn join(at: SocketAddr, number: usize) -> Self {
        let name = |guest: usize| format!("客{number}-{guest}");
        let streams: Vec<TcpStream> = (0..CROWD)
            .map(|guest| {
                let mut stream = connect(at);
                stream.write_all(&Entry::new("部屋", &name(guest)).request(2)).unwrap();
                stream
            })
            .collect();
        let socket = udp_socket(at);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let tokens = streams.iter().enumerate().map(|(guest, stream)| {
            let reply = read_reply(stream).done();
            let token = reply.json["token"].as_str().unwrap().to_owned();
            socket.send(&datagram("部屋", &name(guest), &token, b"")).unwrap();
            token
        });
        let tokens = tokens.collect();
        Self { socket, tokens }
    }

    /// Each of them is told once that the room is closed, and nothing else.
    fn hears_that_it_is_closed(self) {
        let expected = self
            .tokens
            .iter()
            .map(|token| datagram("部屋", "主", token, "SYSTEM_HOST_MESSAGE_TIME_OUT".as_bytes()));
        let expected: HashSet<Vec<u8>> = expected.collect();
        let mut buffer = [0; 4096];
        let told = (0..CROWD).map(|_| {
            let size = self.socket.recv(&mut buffer).unwrap();
            buffer[..size].to_vec()
        });
        assert!(
            told.collect::<HashSet<_>>() == expected,
            "a guest was not told, or was told twice"
        );
    }
}

/// Fills a room with guests whose addresses the server has.
fn fill(at: SocketAddr) -> (Member, Vec<Crowd>) {
    let host = Member::create(at, "部屋", "主");
    let crowds = (0..CROWDS).map(|number| Crowd::join(at, number)).collect();
    settle(at);
    (host, crowds)
}

fn when_its_host_leaves_a_large_room_is_told_to_the_last(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let (host, crowds) = fill(server.address());
    host.leave().done();
    crowds.into_iter().for_each(Crowd::hears_that_it_is_closed);
}

fn when_the_server_stops_a_large_room_is_told_to_the_last(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let (_host, crowds) = fill(server.address());
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    crowds.into_iter().for_each(Crowd::hears_that_it_is_closed);
}
