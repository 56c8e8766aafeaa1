//! What a datagram from the server means to the member that got it.

use super::datagram::{Datagram, Text};
use super::notice::NoticeText;
use crate::message::Message;
use crate::names::{RoomName, UserName};
use crate::token::Token;

/// By which rules the server tells a notice from chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A notice bears the recipient's own token and chat bears none, so neither can be forged.
    Tokened,
    /// As the seed does it: whatever equals one of its two notice texts is that notice, whoever
    /// sent it, and chat may bear any token. For servers that answer bare.
    Seed,
}

/// A datagram from the server, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A member said something.
    Chat {
        /// Who: the server's own record of the name, not the sender's word.
        from: &'a str,
        /// What.
        message: Message<'a>,
    },
    /// The server tells that something happened.
    Notice {
        /// Whom it is about.
        about: &'a str,
        /// What happened.
        notice: NoticeText,
    },
}

impl<'a> Incoming<'a> {
    /// Understands `datagram` for the member of `room` that holds `token`; `None` is for what is to
    /// be ignored: another room, another's token, a presence, a notice that this version does not know.
    pub fn of(
        datagram: Datagram<'a>,
        room: &RoomName,
        token: &Token,
        dialect: Dialect,
    ) -> Option<Self> {
        if datagram.room() != room.as_str() {
            return None;
        }
        let about = datagram.user();
        match (dialect, datagram.text()) {
            (_, Text::Presence) => None,
            (Dialect::Tokened, Text::Chat(message)) => {
                datagram.token().is_empty().then_some(Self::Chat { from: about, message })
            }
            (Dialect::Tokened, Text::Reserved(text)) => {
                let notice = NoticeText::parse(text)?;
                token.matches(datagram.token()).then_some(Self::Notice { about, notice })
            }
            (Dialect::Seed, Text::Chat(message)) => Some(Self::Chat { from: about, message }),
            (Dialect::Seed, Text::Reserved(text)) => {
                let notice = NoticeText::parse(text)?;
                matches!(notice, NoticeText::TimedOut | NoticeText::RoomClosed)
                    .then_some(Self::Notice { about, notice })
            }
        }
    }

    /// Whether this notice ends the membership of the user who bears `me`.
    pub fn ends(&self, me: &UserName) -> bool {
        match self {
            Self::Chat { .. } => false,
            Self::Notice { about, notice } => match notice {
                NoticeText::RoomClosed | NoticeText::Shutdown => true,
                NoticeText::TimedOut => *about == me.as_str(),
                NoticeText::Joined | NoticeText::Left | NoticeText::Pong => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn bytes(room: &str, user: &str, token: &str, text: &str) -> Vec<u8> {
        let sizes = [room.len() as u8, user.len() as u8, token.len() as u8];
        [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
    }

    fn understood(dialect: Dialect, fields: [&str; 4]) -> Option<(bool, bool)> {
        let [room, user, token, text] = fields;
        let bytes = bytes(room, user, token, text);
        let mine = Token::new("mine").unwrap();
        let here = RoomName::new("here").unwrap();
        let me = UserName::new("me").unwrap();
        let incoming = Incoming::of(Datagram::parse(&bytes).unwrap(), &here, &mine, dialect)?;
        Some((matches!(incoming, Incoming::Notice { .. }), incoming.ends(&me)))
    }

    const CHAT: Option<(bool, bool)> = Some((false, false));
    const NOTICE: Option<(bool, bool)> = Some((true, false));
    const THE_END: Option<(bool, bool)> = Some((true, true));

    #[test]
    fn a_notice_needs_the_recipients_own_token() {
        let host_gone = NoticeText::RoomClosed.as_str();
        let timed_out = NoticeText::TimedOut.as_str();
        for (fields, meaning) in [
            (["here", "bob", "", "hi"], CHAT),
            (["there", "bob", "", "hi"], None),
            (["here", "bob", "theirs", "hi"], None),
            (["here", "bob", "", ""], None),
            (["here", "bob", "mine", host_gone], THE_END),
            (["here", "bob", "theirs", host_gone], None),
            (["here", "bob", "", host_gone], None),
            (["here", "bob", "mine", timed_out], NOTICE),
            (["here", "me", "mine", timed_out], THE_END),
            (["here", "bob", "mine", "SYSTEM_MEMBER_LEFT"], NOTICE),
            (["here", "me", "mine", "SYSTEM_SERVER_SHUTDOWN"], THE_END),
            (["here", "me", "mine", "SYSTEM_PONG"], NOTICE),
            (["here", "me", "", "SYSTEM_PONG"], None),
            (["here", "me", "mine", "SYSTEM_UNHEARD_OF"], None),
        ] {
            assert_eq!(understood(Dialect::Tokened, fields), meaning, "{fields:?}");
        }
    }

    #[test]
    fn the_seeds_dialect_goes_by_the_text_alone() {
        for (fields, meaning) in [
            (["here", "bob", "theirs", "hi"], CHAT),
            (["here", "bob", "", "hi"], CHAT),
            (["here", "bob", "theirs", "SYSTEM_HOST_MESSAGE_TIME_OUT"], THE_END),
            (["here", "bob", "", "SYSTEM_MESSAGE_TIME_OUT"], NOTICE),
            (["here", "me", "", "SYSTEM_MESSAGE_TIME_OUT"], THE_END),
            (["here", "me", "", "SYSTEM_SERVER_SHUTDOWN"], None),
            (["here", "me", "", "SYSTEM_PONG"], None),
            (["there", "me", "", "SYSTEM_HOST_MESSAGE_TIME_OUT"], None),
        ] {
            assert_eq!(understood(Dialect::Seed, fields), meaning, "{fields:?}");
        }
    }
}
