//! Whose a datagram is, and to whom it goes.

use std::net::{IpAddr, SocketAddr};

use engine::Incoming;

use super::departed::Answer;
use super::{Copies, Expected, Model, Seen};
use crate::wire::Fields;

impl Model {
    /// Each is judged by itself and in its turn; and then, with the addresses as they are by now, what
    /// was said is relayed.
    pub(super) fn datagrams(
        &mut self,
        batch: &[Incoming<'_>],
        seen: &Seen<'_>,
        expected: &mut Expected,
    ) {
        let mut said = Vec::new();
        for Incoming { from, bytes } in batch {
            expected.authentic.push(false);
            said.extend(self.judge(*from, bytes, seen, expected));
        }
        for fields in said {
            self.relay(fields, expected);
        }
    }

    /// What there is to relay of a datagram.
    fn judge<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a [u8],
        seen: &Seen<'_>,
        expected: &mut Expected,
    ) -> Option<Fields<'a>> {
        self.counters.datagrams += 1;
        let Some(fields) = Fields::read(bytes) else {
            self.counters.malformed += 1;
            return None;
        };
        let ip = from.ip().to_canonical();
        let Some(record) = self.token_list.get_mut(fields.token) else {
            self.counters.unknown_token += 1;
            self.tell_again(&fields, from, ip, seen, expected);
            return None;
        };
        if record.room_name != fields.room || record.user_name != fields.user {
            self.counters.mismatched += 1;
            return None;
        }
        if record.ip != ip {
            self.counters.foreign_address += 1;
            return None;
        }
        record.last_access = self.now;
        prove(expected);
        let room = self.rooms_list.get_mut(fields.room)?;
        room.members.insert(fields.token.to_owned(), Some(from));
        if fields.text.is_empty() {
            self.counters.presences += 1;
            if record.features.pong {
                let datagram = Fields { text: "SYSTEM_PONG", ..fields }.write();
                expected.by_event.push(Copies { datagram, to: vec![from] });
            }
        } else if fields.text.starts_with("SYSTEM_") {
            self.counters.reserved += 1;
        } else {
            return Some(fields);
        }
        None
    }

    /// What somebody said goes to all others in the room that can be reached.
    fn relay(&mut self, fields: Fields<'_>, expected: &mut Expected) {
        let Some(room) = self.rooms_list.get(fields.room) else { return };
        let others = room.members.iter().filter(|(token, _)| *token != fields.token);
        let to: Vec<SocketAddr> = others.filter_map(|(_, address)| *address).collect();
        self.counters.messages += 1;
        self.counters.copies += to.len() as u64;
        let datagram = Fields { token: "", ..fields }.write();
        expected.by_event.push(Copies { datagram, to });
    }

    /// Somebody who is no longer a member may be told so once more.
    fn tell_again(
        &mut self,
        fields: &Fields<'_>,
        from: SocketAddr,
        ip: IpAddr,
        seen: &Seen<'_>,
        expected: &mut Expected,
    ) {
        let Some((former, answer)) = self.departed.find(fields.token, self.now) else {
            return;
        };
        if former.room != fields.room || former.user != fields.user || former.ip != ip {
            return;
        }
        prove(expected);
        let is_answered = match answer {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Perhaps => {
                // One may have been due anyway.
                let is_its = |bytes: &[u8]| {
                    Fields::read(bytes).is_some_and(|notice| notice.token == fields.token)
                };
                let sent = seen.notices.iter().filter(|(to, bytes)| *to == from && is_its(bytes));
                let due = expected.by_time.iter().filter(|c| c.to == [from] && is_its(&c.datagram));
                sent.count() > due.count()
            }
        };
        if is_answered {
            former.answered = Some(self.now);
            let notice = Fields { user: &former.about, text: former.text, ..*fields };
            expected.by_event.push(Copies { datagram: notice.write(), to: vec![from] });
            self.counters.told_again += 1;
        }
    }
}

/// The datagram that is being judged is its sender's own.
fn prove(expected: &mut Expected) {
    if let Some(last) = expected.authentic.last_mut() {
        *last = true;
    }
}
