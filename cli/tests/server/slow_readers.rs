//! Those who read their reply late, slowly, or never: others do not wait for them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Config, SeededEntropy};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{AddressFamily, SocketType, socket};
use serde_json::{Value, json};

use crate::support::{
    Entry, Member, PATIENCE, PROMPTLY, Reply, Runtime, Server, connect, meet, on_both_runtimes,
    read_reply, request,
};

on_both_runtimes!(
    who_never_reads_keeps_nobody_waiting,
    who_reads_slowly_gets_the_whole_reply,
    a_member_that_never_reads_its_datagrams_costs_the_others_nothing,
);

/// Runs a server in this process while `case` uses it. Its connections hold so little that a long
/// reply has to wait for its reader; those of a server that was started as a program hold all of it.
fn with_narrow_server(runtime: Runtime, case: impl FnOnce(SocketAddr)) {
    let (listener, datagrams) = std::iter::repeat_with(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let datagrams = UdpSocket::bind(listener.local_addr().unwrap());
        (listener, datagrams)
    })
    .find_map(|(listener, datagrams)| Some((listener, datagrams.ok()?)))
    .unwrap();
    // What is accepted inherits it.
    set_socket_send_buffer_size(&listener, 1).unwrap();
    let at = listener.local_addr().unwrap();
    let entropy = SeededEntropy::new(7);
    let server = engine::Server::new(Config::default(), entropy, engine::Instant::ZERO).unwrap();
    match runtime {
        Runtime::Std => {
            let stop = StopsAtTheEnd(runtime_std::server::Stop::new().unwrap());
            let stopped = stop.0.clone();
            let serving = thread::spawn(move || {
                runtime_std::server::serve(listener, datagrams, server, &stopped).unwrap()
            });
            case(at);
            drop(stop);
            serving.join().unwrap();
        }
        Runtime::Smol => {
            let (stop, stopped) = smol::channel::bounded::<()>(1);
            let serving = thread::spawn(move || {
                let stopped = async {
                    let _ = stopped.recv().await;
                };
                smol::block_on(runtime_smol::server::serve(listener, datagrams, server, stopped))
                    .unwrap()
            });
            case(at);
            drop(stop);
            serving.join().unwrap();
        }
    }
}

struct StopsAtTheEnd(runtime_std::server::Stop);

impl Drop for StopsAtTheEnd {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Names that are as long as they may be, so that lists are.
fn long_name(number: usize) -> String {
    format!("{number:03}{}", "名".repeat(84))
}

/// Opens as many rooms as fill a list, several requests at a time.
fn open_rooms(at: SocketAddr, count: usize) {
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(100) {
        let streams: Vec<TcpStream> = some
            .iter()
            .map(|number| {
                let mut stream = connect(at);
                stream.write_all(&Entry::new(&long_name(*number), "主").request(1)).unwrap();
                stream
            })
            .collect();
        for stream in &streams {
            read_reply(stream).done();
        }
    }
}

/// A connection whose own side holds little, so that most of a reply stays with the server.
fn narrow(at: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_recv_buffer_size(&socket, 1).unwrap();
    rustix::net::connect(&socket, &at).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn who_never_reads_keeps_nobody_waiting(runtime: Runtime) {
    with_narrow_server(runtime, |at| {
        open_rooms(at, 900);
        let alice = Member::create(at, "部屋", "アリス");
        let never: Vec<TcpStream> = (0..50)
            .map(|_| {
                let mut stream = narrow(at);
                stream.write_all(&request(4, "", &json!({}))).unwrap();
                stream
            })
            .collect();
        let since = Instant::now();
        let bob = Member::join(at, "部屋", "ボブ");
        meet(&[&alice, &bob]);
        assert!(since.elapsed() < PROMPTLY, "{:?}", since.elapsed());
        // Their replies are whole when they do read at last.
        assert_eq!(read_reply(&never[0]).done().json["more"], true);
        drop(never);
        meet(&[&alice, &bob]);
    });
}

fn who_reads_slowly_gets_the_whole_reply(runtime: Runtime) {
    with_narrow_server(runtime, |at| {
        open_rooms(at, 900);
        let mut stream = narrow(at);
        stream.write_all(&request(4, "", &json!({}))).unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 8192];
        loop {
            let size = stream.read(&mut piece).unwrap();
            if size == 0 {
                break;
            }
            bytes.extend_from_slice(&piece[..size]);
            thread::sleep(Duration::from_millis(1));
        }
        let reply = Reply::parse(&bytes).done();
        let rooms = reply.json["rooms"].as_array().unwrap();
        let names: Vec<&Value> = rooms.iter().map(|room| &room["name"]).collect();
        let expected: Vec<String> = (0..names.len()).map(long_name).collect();
        assert_eq!(names, expected.iter().collect::<Vec<_>>());
        assert_eq!(reply.json["more"], true);
        let size = reply.json["rooms"].to_string().len();
        assert!((200 * 1024..=256 * 1024).contains(&size), "{size}");
    });
}

fn a_member_that_never_reads_its_datagrams_costs_the_others_nothing(runtime: Runtime) {
    let server = Server::start(runtime, &[]);
    let at = server.address();
    let alice = Member::create(at, "部屋", "アリス");
    let deaf = Member::join(at, "部屋", "耳なし");
    set_socket_recv_buffer_size(&deaf.socket, 1).unwrap();
    let bob = Member::join(at, "部屋", "ボブ");
    meet(&[&alice, &deaf, &bob]);
    for round in 0..100 {
        let text = format!("{round}{}", "長".repeat(1000));
        alice.say(&text);
        bob.hears(&alice, &text);
    }
}
