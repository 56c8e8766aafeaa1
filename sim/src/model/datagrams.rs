//! Whose a datagram is, and to whom it goes.

use std::net::{IpAddr, SocketAddr};

use super::departed::Answer;
use super::{Copies, Expected, Model, Seen};
use crate::wire::Fields;

impl Model {
    pub(super) fn datagram(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        seen: &Seen,
        expected: &mut Expected,
    ) {
        self.counters.datagrams += 1;
        let Some(fields) = Fields::read(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let ip = from.ip().to_canonical();
        let Some(record) = self.token_list.get_mut(fields.token) else {
            self.counters.unknown_token += 1;
            self.tell_again(&fields, from, ip, seen, expected);
            return;
        };
        if record.room_name != fields.room || record.user_name != fields.user {
            self.counters.mismatched += 1;
            return;
        }
        if record.ip != ip {
            self.counters.foreign_address += 1;
            return;
        }
        record.last_access = self.now;
        expected.is_authentic = true;
        let Some(room) = self.rooms_list.get_mut(fields.room) else { return };
        room.members.insert(fields.token.to_owned(), Some(from));
        if fields.text.is_empty() {
            self.counters.presences += 1;
            if record.pong {
                let datagram = Fields { text: "SYSTEM_PONG", ..fields }.write();
                expected.by_event.push(Copies { datagram, to: vec![from] });
            }
        } else if fields.text.starts_with("SYSTEM_") {
            self.counters.reserved += 1;
        } else {
            let others = room.members.iter().filter(|(token, _)| *token != fields.token);
            let to: Vec<SocketAddr> = others.filter_map(|(_, address)| *address).collect();
            self.counters.messages += 1;
            self.counters.copies += to.len() as u64;
            let datagram = Fields { token: "", ..fields }.write();
            expected.by_event.push(Copies { datagram, to });
        }
    }

    /// Somebody who is no longer a member may be told so once more.
    fn tell_again(
        &mut self,
        fields: &Fields<'_>,
        from: SocketAddr,
        ip: IpAddr,
        seen: &Seen,
        expected: &mut Expected,
    ) {
        let Some((former, answer)) = self.departed.find(fields.token, self.now) else {
            return;
        };
        if former.room != fields.room || former.user != fields.user || former.ip != ip {
            return;
        }
        expected.is_authentic = true;
        let is_answered = match answer {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Perhaps => {
                let is_one = |copies: &&Copies| {
                    let token = Fields::read(&copies.datagram).map(|notice| notice.token);
                    copies.to == [from] && token == Some(fields.token)
                };
                seen.notices > expected.by_time.iter().filter(is_one).count()
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
