//! What is still to be told: a queue, so that however many go at once, an event's work is bounded.
//!
//! A thousand members who time out of a room in which a thousand stay are a million notices. Who is
//! in and who is out is decided at once; the telling takes its turns.

use alloc::collections::VecDeque;

use protocol::udp::NoticeText;
use protocol::{RoomName, UserName};

use super::Server;
use super::credentials::IssuedToken;
use super::directory::{ClosedRoom, Former, RoomId};
use super::notices::{in_words_of, push};
use super::remembered::Remembered;
use crate::action::{Actions, MemberId, Recipient};
use crate::time::Instant;

/// Members that are told at most at one event; the others are told at the next, which is due at once.
pub(super) const NOTICES_A_TURN: usize = 1024;

/// What waits to be told at most, each entry for one member or for one room. Beyond it the oldest
/// goes untold: as with a datagram that is lost, whoever is out and still talks is told again.
const MAX_TELLINGS: usize = 128 * 1024;

/// What is to be told, and to whom, in its order.
#[derive(Debug, Default)]
pub(super) struct Tellings(VecDeque<Telling>);

#[derive(Debug)]
enum Telling {
    /// To those who were in a room when so many had been `admitted`, that `what` happened to `about`.
    /// Who came later is not told, though it may bear the name of one who went.
    Room {
        id: RoomId,
        about: UserName,
        what: NoticeText,
        admitted: u64,
        /// The seats before this one have yet to be told. They are told from the last to the first:
        /// whoever takes a vacated seat comes from behind, and so is never passed over.
        seats: usize,
    },
    /// To one who is out.
    Out(Farewell),
}

/// What those who were in a room when so many had been `admitted` are told.
struct News<'a> {
    about: &'a UserName,
    what: NoticeText,
    admitted: u64,
}

/// Why a former member is out.
#[derive(Debug)]
struct Farewell {
    to: Recipient,
    room: RoomName,
    about: UserName,
    token: IssuedToken,
    notice: NoticeText,
}

impl Tellings {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what was to be told in rooms, which is of no use when all of them close.
    pub(super) fn keep_farewells(&mut self) {
        self.0.retain(|telling| matches!(telling, Telling::Out(_)));
    }

    fn push(&mut self, telling: Telling) {
        if self.0.len() >= MAX_TELLINGS {
            self.0.pop_front();
        }
        self.0.push_back(telling);
    }
}

impl Server {
    /// Notes that those who were in a room when so many had been `admitted` to any are to be told
    /// that `what` happened to `about`.
    pub(super) fn tell_room(
        &mut self,
        id: RoomId,
        about: &UserName,
        what: NoticeText,
        admitted: u64,
    ) {
        let Some(room) = self.directory.room(id) else { return };
        let (about, seats) = (about.clone(), room.members());
        self.tellings.push(Telling::Room { id, about, what, admitted, seats });
    }

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
            self.tellings.push(Telling::Out(Farewell { to, room, about, token, notice }));
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
                Telling::Room { id, about, what, admitted, seats } => {
                    let turn = seats.min(*budget);
                    *budget -= turn;
                    let left = seats - turn;
                    let news = News { about: &about, what, admitted };
                    self.tell_seats(id, &news, left..seats, actions);
                    if left > 0 {
                        let rest = Telling::Room { id, about, what, admitted, seats: left };
                        self.tellings.0.push_front(rest);
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
        news: &News<'_>,
        seats: core::ops::Range<usize>,
        actions: &mut Actions,
    ) {
        let Some(room) = self.directory.room(id) else { return };
        for seat in seats.rev().filter_map(|place| room.seats().get(place)) {
            let Some(text) = in_words_of(news.what, seat.features) else { continue };
            let Some(to) = seat.recipient() else { continue };
            let member = self.directory.member(to.member);
            if let Some(member) = member.filter(|m| m.is_one_of_the_first(news.admitted)) {
                push(to, &room.name, news.about, &member.token, text, actions);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_more_than_131072_the_oldest_goes_untold() {
        let mut tellings = Tellings::default();
        let about = UserName::new("太郎").unwrap();
        for seats in 0..131_072 + 2 {
            let (id, about, what) = (RoomId::default(), about.clone(), NoticeText::Left);
            tellings.push(Telling::Room { id, about, what, admitted: 0, seats });
        }
        assert_eq!(tellings.0.len(), 131_072);
        assert!(matches!(tellings.0.front(), Some(Telling::Room { seats: 2, .. })));
    }
}
