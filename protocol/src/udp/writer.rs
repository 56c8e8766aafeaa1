//! Writing the three kinds of datagram into the caller's buffer.

use super::notice::NoticeText;
use crate::limits::{MAX_DATAGRAM, UDP_HEADER};
use crate::message::Message;
use crate::names::{RoomName, UserName};
use crate::token::Token;

/// From a member: something to relay, or presence.
#[derive(Debug, Clone, Copy)]
pub struct ClientDatagram<'a> {
    /// The member's room.
    pub room: &'a RoomName,
    /// The member's name.
    pub user: &'a UserName,
    /// The member's token.
    pub token: &'a Token,
    /// What it says; `None` is presence.
    pub message: Option<Message<'a>>,
}

impl ClientDatagram<'_> {
    /// The most bytes of text that fit beside these names and this token.
    pub fn room_for_text(room: &RoomName, user: &UserName, token: &Token) -> usize {
        let names = room.as_str().len() + user.as_str().len() + token.as_str().len();
        MAX_DATAGRAM.saturating_sub(UDP_HEADER + names)
    }

    /// The size of the datagram in bytes.
    pub fn size(&self) -> usize {
        self.fields().size()
    }

    /// Writes the datagram at the start of `buffer` and gives its size.
    ///
    /// # Errors
    /// [`TooSmall`] when `buffer`, or [`MAX_DATAGRAM`], does not hold it; nothing is written then.
    pub fn write(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        self.fields().write(buffer)
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            room: self.room,
            user: self.user,
            token: self.token.as_str(),
            text: self.message.map_or("", Message::as_str),
        }
    }
}

/// From the server: what a member said, without the token that it was said with.
#[derive(Debug, Clone, Copy)]
pub struct RelayedChat<'a> {
    /// The room.
    pub room: &'a RoomName,
    /// Who said it, from the server's own record.
    pub from: &'a UserName,
    /// What was said.
    pub message: Message<'a>,
}

impl RelayedChat<'_> {
    /// The size of the datagram in bytes.
    pub fn size(&self) -> usize {
        self.fields().size()
    }

    /// Writes the datagram at the start of `buffer` and gives its size.
    ///
    /// # Errors
    /// [`TooSmall`] when `buffer`, or [`MAX_DATAGRAM`], does not hold it; nothing is written then.
    pub fn write(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        self.fields().write(buffer)
    }

    fn fields(&self) -> Fields<'_> {
        Fields { room: self.room, user: self.from, token: "", text: self.message.as_str() }
    }
}

/// From the server: a notice, which bears the recipient's own token so that no member can forge one.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a, const N: usize> {
    /// The room.
    pub room: &'a RoomName,
    /// Whom it is about.
    pub about: &'a UserName,
    /// The token of the member to whom it goes.
    pub token: &'a Token<N>,
    /// What happened.
    pub text: NoticeText,
}

impl<const N: usize> Notice<'_, N> {
    /// The size of the datagram in bytes.
    pub fn size(&self) -> usize {
        self.fields().size()
    }

    /// Writes the datagram at the start of `buffer` and gives its size.
    ///
    /// # Errors
    /// [`TooSmall`] when `buffer` does not hold it; nothing is written then.
    pub fn write(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        self.fields().write(buffer)
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            room: self.room,
            user: self.about,
            token: self.token.as_str(),
            text: self.text.as_str(),
        }
    }
}

/// The buffer, or a datagram, is too small for what was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the datagram needs {needed} bytes, and there are {available}")]
pub struct TooSmall {
    /// The bytes it needs.
    pub needed: usize,
    /// The bytes there are: the buffer's, and at most [`MAX_DATAGRAM`].
    pub available: usize,
}

/// The layout that all three share.
struct Fields<'a> {
    room: &'a RoomName,
    user: &'a UserName,
    token: &'a str,
    text: &'a str,
}

impl Fields<'_> {
    fn size(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum::<usize>() + UDP_HEADER
    }

    fn write(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        let needed = self.size();
        let available = buffer.len().min(MAX_DATAGRAM);
        if needed > available {
            return Err(TooSmall { needed, available });
        }
        let token_size = u8::try_from(self.token.len()).unwrap_or(u8::MAX);
        let sizes = [self.room.size(), self.user.size(), token_size];
        let mut rest = buffer;
        for part in core::iter::once(&sizes[..]).chain(self.parts()) {
            let Some((head, tail)) = rest.split_at_mut_checked(part.len()) else {
                return Err(TooSmall { needed, available });
            };
            head.copy_from_slice(part);
            rest = tail;
        }
        Ok(needed)
    }

    fn parts(&self) -> [&[u8]; 4] {
        [self.room.as_str(), self.user.as_str(), self.token, self.text].map(str::as_bytes)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::super::datagram::{Datagram, Text};
    use super::*;

    fn room() -> RoomName {
        RoomName::new("部屋").unwrap()
    }

    fn user() -> UserName {
        UserName::new("ユーザー").unwrap()
    }

    #[test]
    fn a_notice_reads_back() {
        let token = Token::<6>::new("secret").unwrap();
        let (room, about, text) = (room(), user(), NoticeText::TimedOut);
        let notice = Notice { room: &room, about: &about, token: &token, text };
        let mut buffer = [0; 100];
        let size = notice.write(&mut buffer).unwrap();
        assert_eq!(size, notice.size());
        let datagram = Datagram::parse(&buffer[..size]).unwrap();
        assert_eq!(datagram.room(), "部屋");
        assert_eq!(datagram.user(), "ユーザー");
        assert_eq!(datagram.token(), "secret");
        assert_eq!(datagram.text(), Text::Reserved("SYSTEM_MESSAGE_TIME_OUT"));
    }

    #[test]
    fn a_relayed_message_bears_no_token() {
        let message = Message::new("やあ").unwrap();
        let relayed = RelayedChat { room: &room(), from: &user(), message };
        let mut buffer = [0; 100];
        let size = relayed.write(&mut buffer).unwrap();
        assert_eq!((size, relayed.size()), (3 + 6 + 12 + 6, size));
        assert_eq!(buffer[2], 0);
        assert_eq!(Datagram::parse(&buffer[..size]).unwrap().text(), Text::Chat(message));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let text = "a".repeat(4093);
        let token = Token::new("t").unwrap();
        let (room, user) = (room(), user());
        let fits = ClientDatagram::room_for_text(&room, &user, &token);
        let mut buffer = [0; 5000];
        for (len, written) in [(fits, Ok(4096)), (fits + 1, Err(()))] {
            let message = Some(Message::new(&text[..len]).unwrap());
            let datagram = ClientDatagram { room: &room, user: &user, token: &token, message };
            assert_eq!(datagram.write(&mut buffer).map_err(|_| ()), written);
        }
        let datagram = ClientDatagram { room: &room, user: &user, token: &token, message: None };
        let mut small = [7; 21];
        assert_eq!(datagram.write(&mut small), Err(TooSmall { needed: 22, available: 21 }));
        assert_eq!(small, [7; 21]);
    }

    quickcheck::quickcheck! {
        fn what_is_written_is_read(
            room: RoomName, user: UserName, token: String, text: String
        ) -> bool {
            let Some(token) = Token::new(&token) else { return true };
            let message = Message::new(&text).ok();
            let datagram = ClientDatagram { room: &room, user: &user, token: &token, message };
            let mut buffer = [0; MAX_DATAGRAM];
            let size = datagram.write(&mut buffer).unwrap();
            let view = Datagram::parse(&buffer[..size]).unwrap();
            size == datagram.size()
                && view.room() == room.as_str()
                && view.user() == user.as_str()
                && token.matches(view.token())
                && view.text() == message.map_or(Text::Presence, Text::Chat)
        }
    }
}
