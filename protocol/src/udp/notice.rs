//! The texts by which the server tells members what happened.

/// What a notice says. The text on the wire is [`NoticeText::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeText {
    /// The named user timed out. The seed's own text.
    TimedOut,
    /// The host is gone and the room is closed. The seed's own text.
    RoomClosed,
    /// The named user joined. For members that asked for `notices`.
    Joined,
    /// The named user left. For members that asked for `notices`.
    Left,
    /// The server is stopping. For members that asked for `notices`.
    Shutdown,
    /// The answer to the recipient's presence. For members that asked for `pong`.
    Pong,
}

impl NoticeText {
    /// Every text there is.
    pub const ALL: [Self; 6] =
        [Self::TimedOut, Self::RoomClosed, Self::Joined, Self::Left, Self::Shutdown, Self::Pong];

    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "SYSTEM_MESSAGE_TIME_OUT",
            Self::RoomClosed => "SYSTEM_HOST_MESSAGE_TIME_OUT",
            Self::Joined => "SYSTEM_MEMBER_JOINED",
            Self::Left => "SYSTEM_MEMBER_LEFT",
            Self::Shutdown => "SYSTEM_SERVER_SHUTDOWN",
            Self::Pong => "SYSTEM_PONG",
        }
    }

    /// The notice that `text` is, if it is one that this version knows.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RESERVED_PREFIX;

    #[test]
    fn every_text_is_reserved_and_read_back() {
        for notice in NoticeText::ALL {
            assert!(notice.as_str().starts_with(RESERVED_PREFIX));
            assert_eq!(NoticeText::parse(notice.as_str()), Some(notice));
        }
        assert_eq!(NoticeText::parse("SYSTEM_"), None);
    }
}
