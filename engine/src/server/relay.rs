//! A datagram: whose it is, and to whom it goes.

use core::net::SocketAddr;

use protocol::tcp::Feature;
use protocol::udp::{Datagram, NoticeText, RelayedChat, Text};
use protocol::{Message, RoomName};
use tracing::trace;

use super::Server;
use super::directory::RoomId;
use crate::action::{Actions, MemberId, Recipient};

/// A message that is to be relayed.
pub(super) struct Said<'a> {
    pub(super) room: RoomId,
    pub(super) by: MemberId,
    pub(super) message: Message<'a>,
}

impl Server {
    /// Relays what is valid.
    pub(super) fn datagram(&mut self, from: SocketAddr, bytes: &[u8], actions: &mut Actions) {
        if let Some(said) = self.judge(from, bytes, actions) {
            self.relay(&said, actions);
        }
    }

    /// Takes note of who is there and where, and gives what there is to relay. What is not valid is
    /// dropped, counted, and not answered, except that a member of the past is told again what became
    /// of it.
    pub(super) fn judge<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a [u8],
        actions: &mut Actions,
    ) -> Option<Said<'a>> {
        self.counters.datagrams += 1;
        let Ok(datagram) = Datagram::parse(bytes) else {
            self.counters.malformed += 1;
            return None;
        };
        let (by, room) = self.sender(&datagram, from, actions)?;
        self.directory.renew(by, from, self.now);
        match datagram.text() {
            Text::Presence => {
                self.counters.presences += 1;
                self.answer(by, from, actions);
            }
            Text::Reserved(_) => self.counters.reserved += 1,
            Text::Chat(message) => return Some(Said { room, by, message }),
        }
        None
    }

    /// Answers a presence, if its sender asked for that.
    fn answer(&self, by: MemberId, from: SocketAddr, actions: &mut Actions) {
        let Some(member) = self.directory.member(by) else { return };
        let Some(room) = self.directory.room(member.room()) else { return };
        if member.features.contains(Feature::Pong) {
            let to = Recipient { member: by, address: from };
            let text = NoticeText::Pong;
            super::notices::push(to, &room.name, &member.name, &member.token, text, actions);
        }
    }

    /// The member whose datagram this is, and its room, if the token, the names and the IP address
    /// are its own.
    fn sender(
        &mut self,
        datagram: &Datagram<'_>,
        from: SocketAddr,
        actions: &mut Actions,
    ) -> Option<(MemberId, RoomId)> {
        let ip = from.ip().to_canonical();
        let Some((id, member)) = self.directory.by_token(datagram.token()) else {
            self.counters.unknown_token += 1;
            self.tell_again(datagram, from, ip, actions);
            return None;
        };
        let room = member.room();
        let room_name = self.directory.room(room).map(|room| room.name.as_str());
        if member.name.as_str() != datagram.user() || room_name != Some(datagram.room()) {
            self.counters.mismatched += 1;
            return None;
        }
        if member.ip != ip {
            self.counters.foreign_address += 1;
            return None;
        }
        Some((id, room))
    }

    /// Relays one message to all in the room but who said it.
    pub(super) fn relay(&mut self, said: &Said<'_>, actions: &mut Actions) {
        let Said { room, by, message } = *said;
        let (Some(room), Some(member)) = (self.directory.room(room), self.directory.member(by))
        else {
            return;
        };
        let chat = RelayedChat { room: &room.name, from: &member.name, message };
        let others = room.recipients().filter(|recipient| recipient.member != by);
        let copies = actions.relay(others, chat.size(), |buffer| chat.write(buffer));
        trace_relay(&room.name, copies);
        self.counters.messages += 1;
        self.counters.copies += copies as u64;
    }

    fn tell_again(
        &mut self,
        datagram: &Datagram<'_>,
        from: SocketAddr,
        ip: core::net::IpAddr,
        actions: &mut Actions,
    ) {
        let Some(former) = self.memory.recall(datagram, ip, self.now) else {
            return;
        };
        let to = Recipient { member: former.id, address: from };
        super::notices::push(
            to,
            &former.room,
            &former.about,
            &former.token,
            former.notice,
            actions,
        );
        self.counters.told_again += 1;
    }
}

/// Apart, so that what formats it stays out of the hot path.
#[inline]
pub(super) fn trace_relay(room: &RoomName, copies: usize) {
    trace!(%room, copies, "relayed");
}
