//! Clients that connect, ask to be let in, and close.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use benches::chat_server::check;
use benches::server_process::PATIENCE;
use protocol::tcp::Features;

use crate::histogram::Histogram;
use crate::readiness::Readiness;
use crate::room;
use crate::sample::Sample;
use crate::server::Server;
use crate::slice::{Slice, nanos};

/// Members of each room: the first opens it.
const MEMBERS: usize = 10;

/// More are not asked for in one slice, however fast the server is.
const MOST: u64 = 200_000;

/// How long the clients wait at most before they look at the clock.
const WAKE: Duration = Duration::from_millis(100);

/// Measures one slice, with so many clients at a time.
pub(crate) fn measure(server: &Server, at_once: usize, slice: &Slice) -> io::Result<Sample> {
    let mut clients: Vec<_> = (0..at_once).map(Client::new).collect();
    run(server.address(), &mut clients, slice, slice.warm_up)?;
    let before = server.cpu_time_at_rest()?;
    let start = slice.clock.now();
    let latencies = run(server.address(), &mut clients, slice, slice.measured)?;
    let wall = Duration::from_nanos(slice.clock.now() - start);
    let after = server.cpu_time_at_rest()?;
    let joins = latencies.total();
    Ok(Sample {
        messages: joins,
        copies: joins,
        lost: 0,
        strays: 0,
        wall,
        cpu: before.zip(after).map(|(before, after)| after.saturating_sub(before)),
        memory: server.memory()?,
        latencies,
    })
}

fn run(
    server: SocketAddr,
    clients: &mut [Client],
    slice: &Slice,
    time: Duration,
) -> io::Result<Histogram> {
    let mut latencies = Histogram::new();
    let start = slice.clock.now();
    let goes_on =
        |latencies: &Histogram| slice.clock.now() < start + nanos(time) && latencies.total() < MOST;
    if let [client] = clients {
        while goes_on(&latencies) {
            slice.stop.check()?;
            let asked = slice.clock.now();
            client.ask(server)?;
            while !client.listen()? {}
            latencies.record(slice.clock.now() - asked);
        }
        return Ok(latencies);
    }
    let mut readiness = Readiness::new()?;
    let mut under_way = clients.len();
    let mut asked = vec![0; clients.len()];
    for (number, (client, asked)) in clients.iter_mut().zip(&mut asked).enumerate() {
        *asked = slice.clock.now();
        readiness.watch(client.ask(server)?, number)?;
    }
    while under_way > 0 {
        slice.stop.check()?;
        let ready: Vec<_> = readiness.wait(WAKE)?.collect();
        for number in ready {
            let (Some(client), Some(asked)) = (clients.get_mut(number), asked.get_mut(number))
            else {
                continue;
            };
            if !client.listen()? {
                continue;
            }
            let now = slice.clock.now();
            latencies.record(now - *asked);
            if goes_on(&latencies) {
                *asked = now;
                readiness.watch(client.ask(server)?, number)?;
            } else {
                under_way -= 1;
            }
        }
    }
    Ok(latencies)
}

/// One that joins again and again, as the next member of the next room: its own ones, since others
/// may be slower.
struct Client {
    number: usize,
    joins: usize,
    stream: Option<TcpStream>,
    reply: Vec<u8>,
}

impl Client {
    fn new(number: usize) -> Self {
        Self { number, joins: 0, stream: None, reply: Vec::new() }
    }

    /// Connects and sends the request.
    fn ask(&mut self, server: SocketAddr) -> io::Result<&TcpStream> {
        let (room, member) = (self.joins / MEMBERS, self.joins % MEMBERS);
        let request =
            room::request(&format!("部屋{}-{room}", self.number), member, Features::NONE)?;
        self.joins += 1;
        self.reply.clear();
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&request)?;
        Ok(self.stream.insert(stream))
    }

    /// Reads once. Whether the reply is over; then the connection is closed.
    fn listen(&mut self) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => {
                self.stream = None;
                check(&self.reply).map(|()| true)
            }
            Ok(size) => {
                self.reply.extend_from_slice(buffer.get(..size).unwrap_or_default());
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_client_opens_a_room_and_fills_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let mut operations = Vec::new();
            for _ in 0..MEMBERS + 1 {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                operations.push(request[1]);
                stream.write_all(&[0, request[1], 2]).unwrap();
            }
            operations
        });
        let mut client = Client::new(3);
        for _ in 0..MEMBERS + 1 {
            client.ask(server).unwrap();
            while !client.listen().unwrap() {}
        }
        assert_eq!(serving.join().unwrap(), [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    }
}
