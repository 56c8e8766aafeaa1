//! A datagram: whose it is, and to whom it goes.

use core::net::SocketAddr;

use protocol::udp::{Datagram, RelayedChat, Text};
use protocol::{Message, RoomName};
use tracing::trace;

use super::Server;
use super::directory::RoomId;
use crate::action::{Actions, MemberId, Recipient};

/// Whom a valid datagram is from.
struct Sender {
    member: MemberId,
    room: RoomId,
}

impl Server {
    /// Relays what is valid. Anything else is dropped, counted, and not answered, except that a
    /// member of the past is told again what became of it.
    pub(super) fn datagram(&mut self, from: SocketAddr, bytes: &[u8], actions: &mut Actions) {
        self.counters.datagrams += 1;
        let Ok(datagram) = Datagram::parse(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let Some(sender) = self.sender(&datagram, from, actions) else {
            return;
        };
        self.directory.renew(sender.member, from, self.now);
        match datagram.text() {
            Text::Presence => self.counters.presences += 1,
            Text::Reserved(_) => self.counters.reserved += 1,
            Text::Chat(message) => self.relay(&sender, message, actions),
        }
    }

    /// The member whose datagram this is, if the token, the names and the IP address are its own.
    fn sender(
        &mut self,
        datagram: &Datagram<'_>,
        from: SocketAddr,
        actions: &mut Actions,
    ) -> Option<Sender> {
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
        Some(Sender { member: id, room })
    }

    fn relay(&mut self, sender: &Sender, message: Message<'_>, actions: &mut Actions) {
        let Some(room) = self.directory.room(sender.room) else {
            return;
        };
        let Some(member) = self.directory.member(sender.member) else {
            return;
        };
        let chat = RelayedChat { room: &room.name, from: &member.name, message };
        let others = room.recipients().filter(|recipient| recipient.member != sender.member);
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
fn trace_relay(room: &RoomName, copies: usize) {
    trace!(%room, copies, "relayed");
}
