//! Entering rooms of this wire, and leaving them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use benches::server_process::PATIENCE;
use protocol::tcp::{
    Admission, Departure, Feature, Features, Progress, Reply, ReplyDecoder, Request, Secret,
};
use protocol::{RoomName, Token, UserName};

use crate::link::{self, Link, Reception};

const PASSWORD: &str = "開けごま";

/// A member's place, and what proves that it is its own.
#[derive(Debug)]
pub(crate) struct Place {
    reception: Reception,
    room: RoomName,
    user: UserName,
    token: Token,
}

/// The request by which member number `member` opens a room, if it is the first, or enters it.
pub(crate) fn request(room: &str, member: usize, features: Features) -> io::Result<Vec<u8>> {
    let (room, user) = names(room, member)?;
    let password = Secret::new(PASSWORD);
    let admission = Admission { room, user, password, features };
    let request = if member == 0 { Request::Create(admission) } else { Request::Join(admission) };
    Ok(request.encode().to_vec())
}

/// Lets a member in.
pub(crate) fn enter(
    server: SocketAddr,
    room: &str,
    member: usize,
    reception: Reception,
) -> io::Result<Place> {
    let bundles = (reception == Reception::Bundled).then_some(Feature::Bundle);
    let features = bundles.into_iter().collect();
    let token = match exchange(server, &request(room, member, features)?)? {
        Reply::Done(done) => done.admitted().map_err(io::Error::other)?.token,
        Reply::Refused(refusal) => return Err(io::Error::other(refusal.to_string())),
    };
    let (room, user) = names(room, member)?;
    Ok(Place { reception, room, user, token })
}

impl Place {
    /// A socket to chat from, already registered, unless that was lost on the way.
    pub(crate) fn link(&self, server: SocketAddr) -> io::Result<Box<dyn Link>> {
        let mut link = link::room(server, &self.room, &self.user, &self.token, self.reception)?;
        link.register()?;
        Ok(link)
    }

    /// Leaves; a host takes its room along.
    pub(crate) fn leave(&self, server: SocketAddr) -> io::Result<()> {
        let (room, user) = (self.room.clone(), self.user.clone());
        let departure = Departure { room, user, token: Secret::new(self.token.as_str()) };
        exchange(server, &Request::Leave(departure).encode()).map(|_| ())
    }
}

fn names(room: &str, member: usize) -> io::Result<(RoomName, UserName)> {
    let room = RoomName::new(room).map_err(io::Error::other)?;
    let user = UserName::new(&format!("ユーザー{member}")).map_err(io::Error::other)?;
    Ok((room, user))
}

fn exchange(server: SocketAddr, request: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut decoder, mut buffer) = (ReplyDecoder::default(), [0; 4096]);
    loop {
        let size = stream.read(&mut buffer)?;
        if size == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match decoder.feed(&mut buffer.get(..size).unwrap_or_default()) {
            Progress::Incomplete(same) => decoder = same,
            Progress::Done(text) => return text.parse().map_err(io::Error::other),
            Progress::Invalid(error) => return Err(io::Error::other(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::tcp::FrameDecoder;

    use super::*;

    #[test]
    fn the_first_opens_the_room_and_the_others_enter_it() {
        for member in [0, 1, 99] {
            let request = request("部屋", member, Features::NONE).unwrap();
            let Progress::Done(frame) = FrameDecoder::new(1000).feed(&mut &request[..]) else {
                panic!("a request");
            };
            let (host, who) = match Request::parse(&frame).unwrap() {
                Request::Create(who) => (true, who),
                Request::Join(who) => (false, who),
                _ => panic!("neither"),
            };
            assert_eq!((host, who.room.as_str()), (member == 0, "部屋"));
            assert_eq!(who.user.as_str(), format!("ユーザー{member}"));
        }
        assert!(request("", 0, Features::NONE).is_err());
    }
}
