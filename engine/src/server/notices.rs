//! A notice in the words that its recipient understands.

use protocol::tcp::{Feature, Features};
use protocol::udp::{Notice, NoticeText};
use protocol::{RoomName, UserName};

use super::credentials::IssuedToken;
use crate::action::{Actions, Recipient};

/// How a member with `features` is told `what`: whoever did not ask for the additional notices gets
/// what the seed's client understands, or nothing.
pub(super) fn in_words_of(what: NoticeText, features: Features) -> Option<NoticeText> {
    if features.contains(Feature::Notices) {
        return Some(what);
    }
    match what {
        NoticeText::TimedOut | NoticeText::Left => Some(NoticeText::TimedOut),
        NoticeText::RoomClosed | NoticeText::Shutdown => Some(NoticeText::RoomClosed),
        NoticeText::Joined | NoticeText::Pong => None,
    }
}

/// One notice to one recipient, whose own token shows that it is the server's.
pub(super) fn push(
    to: Recipient,
    room: &RoomName,
    about: &UserName,
    token: &IssuedToken,
    text: NoticeText,
    actions: &mut Actions,
) {
    let notice = Notice { room, about, token, text };
    actions.notify(to, notice.size(), |buffer| notice.write(buffer));
}
