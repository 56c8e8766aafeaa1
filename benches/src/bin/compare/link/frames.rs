//! A member on a TCP wire, whose messages are frames in a stream.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use benches::server_process::PATIENCE;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Ears, Link, READ_BYTES, is_nothing};

/// How a wire lays out its frames.
pub(crate) trait Framing {
    /// What a client sends first. The server's answer to the last of it is [`Heard::Ready`].
    fn greeting(&self, ears: Ears) -> Vec<u8>;

    /// Appends the frame in which `text` is sent to the room.
    fn publish(&self, text: &[u8], out: &mut Vec<u8>);

    /// Reads the first frame of `input`, and says how long it is; `None` when it is not whole.
    fn next<'a>(&self, input: &'a [u8]) -> io::Result<Option<(usize, Heard<'a>)>>;
}

/// What a frame from the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// A message's text.
    Message(&'a [u8]),
    /// The greeting has been taken.
    Ready,
    /// The server waits for these bytes.
    Question(&'static [u8]),
    /// Nothing of use here.
    Other,
}

/// Connects a member, and waits until the server has it in the room.
pub(crate) fn enter(
    server: SocketAddr,
    framing: impl Framing + Send + 'static,
    ears: Ears,
) -> io::Result<Box<dyn Link>> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let greeting = framing.greeting(ears);
    let mut frames = Frames { stream, framing, inbox: Vec::new(), outbox: greeting, ready: false };
    frames.flush()?;
    let (mut buffer, end) = (vec![0; 4096], Instant::now() + PATIENCE);
    while !frames.ready {
        wait_for(&frames.stream, PollFlags::IN)?;
        frames.hear(&mut buffer, &mut |_| ())?;
        if Instant::now() > end {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(Box::new(frames))
}

struct Frames<F> {
    stream: TcpStream,
    framing: F,
    /// The beginning of a frame whose end has not come.
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    ready: bool,
}

impl<F: Framing> Frames<F> {
    fn flush(&mut self) -> io::Result<()> {
        let mut rest = &self.outbox[..];
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(size) => rest = rest.get(size..).unwrap_or_default(),
                Err(error) if is_nothing(&error) => wait_for(&self.stream, PollFlags::OUT)?,
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        Ok(())
    }

    /// Takes the whole frames off the front of `input`; gives how many bytes they are.
    fn take(&mut self, input: &[u8], each: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let mut taken = 0;
        while let Some((size, heard)) = self.framing.next(input.get(taken..).unwrap_or_default())? {
            taken += size;
            match heard {
                Heard::Message(text) => each(text),
                Heard::Ready => self.ready = true,
                Heard::Question(answer) => self.outbox.extend_from_slice(answer),
                Heard::Other => {}
            }
        }
        Ok(taken)
    }
}

impl<F: Framing + Send> Link for Frames<F> {
    fn register(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        self.framing.publish(text, &mut self.outbox);
        self.flush()
    }

    fn hear(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let size = match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(size) => size,
            Err(error) if is_nothing(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let input = buffer.get(..size).unwrap_or_default();
        if self.inbox.is_empty() {
            // Mostly frames are whole, and nothing is copied.
            let taken = self.take(input, each)?;
            self.inbox.extend_from_slice(input.get(taken..).unwrap_or_default());
        } else {
            let mut inbox = std::mem::take(&mut self.inbox);
            inbox.extend_from_slice(input);
            let taken = self.take(&inbox, each)?;
            inbox.drain(..taken);
            self.inbox = inbox;
        }
        if self.inbox.len() > READ_BYTES {
            return Err(io::Error::other("a frame without end"));
        }
        self.flush()
    }
}

impl<F> AsFd for Frames<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn wait_for(stream: &TcpStream, what: PollFlags) -> io::Result<()> {
    let patience = PATIENCE.try_into().map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(stream, what)], Some(&patience)) {
        Ok(0) => Err(ErrorKind::TimedOut.into()),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::super::Nats;
    use super::*;

    #[test]
    fn frames_in_any_pieces_are_heard_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut greeting = [0; 1];
            stream.read_exact(&mut greeting).unwrap();
            stream.set_nodelay(true).unwrap();
            for byte in
                "INFO {}\r\nPONG\r\nMSG 部屋 1 6\r\nやあ\r\nMSG 部屋 1 3\r\nn\r\n\r\n".bytes()
            {
                stream.write_all(&[byte]).unwrap();
            }
            stream
        });
        let mut link = enter(server, Nats::new(0), Ears::Open).unwrap();
        let (mut heard, mut buffer) = (Vec::new(), vec![0; 7]);
        let end = Instant::now() + PATIENCE;
        while heard.len() < 2 && Instant::now() < end {
            link.hear(&mut buffer, &mut |text| heard.push(text.to_vec())).unwrap();
        }
        assert_eq!(heard, ["やあ".as_bytes(), b"n\r\n"]);
        drop(serving.join().unwrap());
        assert!(link.hear(&mut buffer, &mut |_| ()).is_err(), "the end is an error");
    }
}
