//! Before a client is in a room: asking to be let in, and reading the answer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use protocol::tcp::{
    Admission, Feature, Features, Progress, Refusal, Reply, ReplyDecoder, ReplyError, ReplyText,
    Request, Secret,
};
use protocol::udp::Dialect;
use protocol::{RoomName, UserName};
use zeroize::Zeroizing;

use super::habits::Habits;
use super::happening::Output;
use super::joined::Joined;
use crate::time::Instant;

/// Not in a room.
#[derive(Debug, Clone)]
pub struct Lobby {
    habits: Habits,
}

impl Lobby {
    /// A client that has not asked for anything yet.
    pub fn new(habits: Habits) -> Self {
        Self { habits }
    }

    /// Asks to open `room`. Gives the request, which is for a new TCP connection.
    pub fn create(
        self,
        room: RoomName,
        user: UserName,
        password: &str,
    ) -> (Joining, Zeroizing<Vec<u8>>) {
        self.ask(room, user, password, Request::Create)
    }

    /// Asks to be let into `room`. Gives the request, which is for a new TCP connection.
    pub fn join(
        self,
        room: RoomName,
        user: UserName,
        password: &str,
    ) -> (Joining, Zeroizing<Vec<u8>>) {
        self.ask(room, user, password, Request::Join)
    }

    fn ask<'a>(
        self,
        room: RoomName,
        user: UserName,
        password: &'a str,
        operation: fn(Admission<'a>) -> Request<'a>,
    ) -> (Joining, Zeroizing<Vec<u8>>) {
        let features =
            Features::NONE.with(Feature::Notices).with(Feature::Bundle).with(Feature::Pong);
        let admission = Admission {
            room: room.clone(),
            user: user.clone(),
            password: Secret::new(password),
            features,
        };
        let request = operation(admission).encode();
        (Joining { lobby: self, room, user, decoder: ReplyDecoder::default() }, request)
    }
}

/// Has asked, and waits for the reply.
#[derive(Debug)]
pub struct Joining {
    lobby: Lobby,
    room: RoomName,
    user: UserName,
    decoder: ReplyDecoder,
}

/// What bytes of a reply led to.
#[derive(Debug)]
pub enum Answered {
    /// The reply is not whole yet.
    Waiting(Joining),
    /// Let in.
    Joined(Box<Joined>),
    /// Refused: ask again, or ask for something else.
    Refused(Lobby, Refusal),
    /// What came is no reply: this is another kind of server.
    Broken(Lobby, ReplyError),
}

impl Joining {
    /// Bytes of the reply came, in any pieces. Once let in, `outputs` has what to send first.
    pub fn receive(
        mut self,
        mut bytes: &[u8],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Answered {
        match self.decoder.feed(&mut bytes) {
            Progress::Incomplete(decoder) => {
                self.decoder = decoder;
                Answered::Waiting(self)
            }
            Progress::Invalid(error) => Answered::Broken(self.lobby, error),
            Progress::Done(text) => {
                let Self { lobby, room, user, .. } = self;
                answered(lobby, room, user, &text, now, outputs)
            }
        }
    }

    /// The server closed the connection before its reply was whole.
    pub fn ended(self) -> Answered {
        let error =
            if self.decoder.has_begun() { ReplyError::Truncated } else { ReplyError::Nothing };
        Answered::Broken(self.lobby, error)
    }
}

fn answered(
    lobby: Lobby,
    room: RoomName,
    user: UserName,
    text: &ReplyText,
    now: Instant,
    outputs: &mut Vec<Output>,
) -> Answered {
    let dialect = match text {
        ReplyText::Framed(_) => Dialect::Tokened,
        ReplyText::Bare(_) => Dialect::Seed,
    };
    let admitted = match text.parse() {
        Ok(Reply::Refused(refusal)) => return Answered::Refused(lobby, refusal),
        Ok(Reply::Done(done)) => done.admitted(),
        Err(error) => Err(error),
    };
    match admitted {
        Ok(admitted) => {
            let joined = Joined::new(lobby.habits, room, user, admitted, dialect, now, outputs);
            Answered::Joined(Box::new(joined))
        }
        Err(error) => Answered::Broken(lobby, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joining() -> Joining {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("me").unwrap());
        Lobby::new(Habits::default()).create(room, user, "pw").0
    }

    fn answered(reply: &[u8]) -> Answered {
        joining().receive(reply, Instant::ZERO, &mut Vec::new())
    }

    #[test]
    fn a_refusal_leads_back_to_the_lobby() {
        let reply = br#"{"state":1,"error":"room_exists","message":"taken"}"#;
        let Answered::Refused(lobby, refusal) = answered(reply) else { panic!("refused") };
        assert_eq!(&refusal.message[..], "taken");
        let (room, user) = (RoomName::new("other").unwrap(), UserName::new("me").unwrap());
        let (joining, _) = lobby.join(room, user, "");
        let reply = br#"{"state":2,"token":"t"}"#;
        let answer = joining.receive(reply, Instant::ZERO, &mut Vec::new());
        assert!(matches!(answer, Answered::Joined(_)));
    }

    #[test]
    fn a_reply_in_pieces_is_waited_for() {
        let (mut state, mut outputs) = (joining(), Vec::new());
        let reply = br#"{"state":2,"token":"t"}"#;
        let (last, first) = reply.split_last().unwrap();
        for byte in first {
            let Answered::Waiting(same) = state.receive(&[*byte], Instant::ZERO, &mut outputs)
            else {
                panic!("not whole yet")
            };
            state = same;
        }
        let answer = state.receive(&[*last], Instant::ZERO, &mut outputs);
        assert!(matches!(answer, Answered::Joined(_)));
    }

    #[test]
    fn what_is_no_reply_is_said_to_be_none() {
        for (reply, error) in [
            (&b"{}"[..], ReplyError::NoState),
            (br#"{"state":2}"#, ReplyError::NoToken),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n....", ReplyError::Truncated),
        ] {
            match answered(reply) {
                Answered::Broken(_, told) if error != ReplyError::Truncated => {
                    assert_eq!(told, error);
                }
                Answered::Broken(_, ReplyError::Header(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(joining().ended(), Answered::Broken(_, ReplyError::Nothing)));
        let Answered::Waiting(begun) = answered(b"{") else { panic!("not whole yet") };
        assert!(matches!(begun.ended(), Answered::Broken(_, ReplyError::Truncated)));
    }
}
