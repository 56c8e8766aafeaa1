//! What is still to be told: a queue, so that however many go at once, an event's work is bounded.
//!
//! A thousand members who time out of a room in which a thousand stay are a million notices. Who is
//! in and who is out is decided at once; the telling takes its turns.

use alloc::collections::VecDeque;

use protocol::udp::NoticeText;
use protocol::{RoomName, UserName};

use super::Server;
use super::credentials::IssuedToken;
use super::directory::{Member, RoomId};
use super::notices::{in_words_of, push};
use crate::action::{Actions, Recipient};

/// Members that are told at most at one event; the others are told at the next, which is due at once.
pub(super) const NOTICES_A_TURN: usize = 1024;

/// What is to be told, and to whom, in its order. There are never more entries than there were
/// members to go.
#[derive(Debug, Default)]
pub(super) struct Tellings(VecDeque<Telling>);

#[derive(Debug)]
enum Telling {
    /// To those who are in a room, that `what` happened to `about`.
    Room {
        id: RoomId,
        about: UserName,
        what: NoticeText,
        /// The seats before this one have yet to be told. They are told from the last to the first:
        /// whoever takes a vacated seat comes from behind, and so is never passed over.
        seats: usize,
    },
    /// To one who is out.
    Out(Farewell),
}

/// Why a former member is out.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) to: Recipient,
    pub(super) room: RoomName,
    pub(super) about: UserName,
    pub(super) token: IssuedToken,
    pub(super) notice: NoticeText,
}

impl Tellings {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn out(&mut self, farewell: Farewell) {
        self.0.push_back(Telling::Out(farewell));
    }
}

impl Server {
    /// Notes that those in a room are to be told that `what` happened to `about`.
    pub(super) fn tell_room(&mut self, id: RoomId, about: &UserName, what: NoticeText) {
        let Some(room) = self.directory.room(id) else { return };
        let (about, seats) = (about.clone(), room.members());
        self.tellings.0.push_back(Telling::Room { id, about, what, seats });
    }

    /// Tells what is to be told, to at most `budget` members, and takes them off it.
    pub(super) fn tell(&mut self, budget: &mut usize, actions: &mut Actions) {
        while *budget > 0
            && let Some(telling) = self.tellings.0.pop_front()
        {
            match telling {
                Telling::Out(farewell) => {
                    *budget -= 1;
                    let Farewell { to, room, about, token, notice } = &farewell;
                    push(*to, room, about, token, *notice, actions);
                }
                Telling::Room { id, about, what, seats } => {
                    let turn = seats.min(*budget);
                    *budget -= turn;
                    let left = seats - turn;
                    self.tell_seats(id, &about, what, left..seats, actions);
                    if left > 0 {
                        self.tellings.0.push_front(Telling::Room { id, about, what, seats: left });
                    }
                }
            }
        }
        if self.tellings.is_empty() {
            self.tellings.0.shrink_to(NOTICES_A_TURN);
        }
    }

    fn tell_seats(
        &self,
        id: RoomId,
        about: &UserName,
        what: NoticeText,
        seats: core::ops::Range<usize>,
        actions: &mut Actions,
    ) {
        let Some(room) = self.directory.room(id) else { return };
        for to in seats.rev().filter_map(|seat| room.recipient(seat)) {
            let Some(Member { features, token, .. }) = self.directory.member(to.member) else {
                continue;
            };
            if let Some(text) = in_words_of(what, *features) {
                push(to, &room.name, about, token, text, actions);
            }
        }
    }
}
