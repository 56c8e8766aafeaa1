//! Telling members what happened, each in the words that it understands.

use protocol::tcp::{Feature, Features};
use protocol::udp::{Notice, NoticeText};
use protocol::{RoomName, UserName};

use super::Server;
use super::credentials::IssuedToken;
use super::directory::{ClosedRoom, Former, Member};
use super::remembered::Remembered;
use super::telling::Farewell;
use crate::action::{Actions, MemberId, Recipient};
use crate::time::Instant;

impl Server {
    /// Notes that all who were in a room, but not `except`, are to be told that it was closed `at`
    /// some time, and remembers them.
    pub(super) fn tell_closed(
        &mut self,
        closed: ClosedRoom,
        except: Option<MemberId>,
        at: Instant,
    ) {
        for former in closed.members {
            if Some(former.id) != except {
                let notice = NoticeText::RoomClosed;
                self.tell_out(former, &closed.name, &closed.host, notice, at);
            }
        }
    }

    /// Notes that a former member is to be told why it is one since `at`, and remembers it so that
    /// it can be told again.
    pub(super) fn tell_out(
        &mut self,
        former: Former,
        room: &RoomName,
        about: &UserName,
        notice: NoticeText,
        at: Instant,
    ) {
        let Former { id, member, address } = former;
        if let Some(address) = address {
            let (room, about, token) = (room.clone(), about.clone(), member.token.clone());
            let to = Recipient { member: id, address };
            self.tellings.out(Farewell { to, room, about, token, notice });
        }
        let remembered = Remembered {
            id,
            token: member.token,
            ip: member.ip,
            room: room.clone(),
            user: member.name,
            about: about.clone(),
            notice,
        };
        self.memory.remember(remembered, at);
    }

    /// Tells everyone that the server stops, and closes everything.
    pub(super) fn shut_down(&mut self, actions: &mut Actions) {
        self.is_stopping = true;
        let mut all = usize::MAX;
        self.tell(&mut all, actions);
        while let Some((id, _)) = self.directory.idlest() {
            let Some(room) = self.directory.member(id).map(Member::room) else {
                break;
            };
            let Some(closed) = self.directory.close(room) else {
                break;
            };
            for Former { id: member, member: record, address } in closed.members {
                let Some(address) = address else { continue };
                let to = Recipient { member, address };
                if let Some(text) = in_words_of(NoticeText::Shutdown, record.features) {
                    push(to, &closed.name, &closed.host, &record.token, text, actions);
                }
            }
        }
        while let Some(connection) = self.connections.idlest_of_all() {
            self.connections.forget(connection);
            actions.close(connection);
        }
    }
}

/// How a member with `features` is told `what`: whoever did not ask for the additional notices gets
/// what the seed's client understands, or nothing.
pub(super) fn in_words_of(what: NoticeText, features: Features) -> Option<NoticeText> {
    if features.contains(Feature::Notices) {
        return Some(what);
    }
    match what {
        NoticeText::TimedOut | NoticeText::Left => Some(NoticeText::TimedOut),
        NoticeText::RoomClosed | NoticeText::Shutdown => Some(NoticeText::RoomClosed),
        NoticeText::Joined => None,
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
