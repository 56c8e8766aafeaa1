//! The sweep: who has been silent for too long.

use alloc::vec::Vec;
use core::time::Duration;

use protocol::udp::NoticeText;
use tracing::info;

use super::Server;
use super::directory::{Departure, Former, RoomId};
use super::remembered::REMEMBERED_FOR;
use crate::action::MemberId;
use crate::time::Instant;

impl Server {
    /// Removes all who had been silent for too long at `moment`, as one set: first the rooms whose
    /// hosts are in it, then the guests that are left, and only then are those told who stay. Costs
    /// O(those who are due); the telling costs what it costs, in turns.
    pub(super) fn sweep(&mut self, moment: Instant) {
        self.memory.expire(moment);

        let mut due = core::mem::take(&mut self.due);
        let idle_timeout = self.config.idle_timeout;
        let is_due = |since: Instant| since + idle_timeout < moment;
        let by_idleness = self.directory.by_idleness();
        due.extend(by_idleness.take_while(|(_, since)| is_due(*since)).map(|(id, _)| id));
        self.counters.timeouts += due.len() as u64;

        self.close_rooms_of(&due, moment);
        self.remove_guests(&due, moment);
        due.clear();
        due.shrink_to(KEPT_DUE);
        self.due = due;
    }

    /// When a sweep will next find something, if nothing else happens.
    pub(super) fn next_needed_sweep(&self) -> Option<Instant> {
        let silent = self.directory.idlest().map(|(_, since)| since + self.config.idle_timeout);
        // A member is due when more than the timeout has passed, a token as soon as its time has.
        let silent = silent.map(|at| at + Duration::from_micros(1));
        let forgotten = self.memory.oldest().map(|since| since + REMEMBERED_FOR);
        let at = silent.into_iter().chain(forgotten).min()?;
        Some(self.sweeps.first_at_or_after(at))
    }

    fn close_rooms_of(&mut self, due: &[MemberId], moment: Instant) {
        for id in due {
            if !self.directory.is_host(*id) {
                continue;
            }
            if let Some(Departure::Host(closed)) = self.directory.depart(*id) {
                info!(room = %closed.name, host = %closed.host, "host timed out, room closed");
                self.tell_closed(closed, None, moment);
            }
        }
    }

    fn remove_guests(&mut self, due: &[MemberId], moment: Instant) {
        let mut removed: Vec<(RoomId, Former)> = Vec::new();
        for id in due {
            if let Some(Departure::Guest { room, former }) = self.directory.depart(*id) {
                removed.push((room, former));
            }
        }
        for (id, former) in removed {
            let Some(room) = self.directory.room(id).map(|room| room.name.clone()) else {
                continue;
            };
            let about = former.member.name.clone();
            info!(%room, user = %about, "timed out");
            self.tell_room(id, &about, NoticeText::TimedOut, self.directory.admitted());
            self.tell_out(former, &room, &about, NoticeText::TimedOut, moment);
        }
    }
}

/// How much of the list of those who are due is kept for the next sweep.
const KEPT_DUE: usize = 1024;
