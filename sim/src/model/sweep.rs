//! Who is silent for too long, and what the end of a room, or of the server, means.

use engine::Instant;

use super::departed::Former;
use super::telling::in_words_of;
use super::{CLOSED, Expected, Model, SHUTDOWN, TIMED_OUT};

impl Model {
    /// Sweeps, if a moment of the grid has come since the last time. Of several it is the last.
    /// Whether one has.
    pub(super) fn sweep_if_due(&mut self) -> bool {
        let interval = self.interval();
        let since_start = self.now.as_micros() - self.start.as_micros();
        let moment = self.now.as_micros() - since_start % interval;
        let moment = Instant::from_micros(moment);
        let is_due = moment > self.swept;
        if is_due {
            self.swept = moment;
            self.sweep(moment);
        }
        is_due
    }

    /// The first sweep to come that is not before `at`.
    pub(super) fn sweep_from(&self, at: Instant) -> Instant {
        let interval = self.interval();
        let mut sweep = self.swept.as_micros() + interval;
        if sweep < at.as_micros() {
            sweep += (at.as_micros() - sweep).div_ceil(interval) * interval;
        }
        Instant::from_micros(sweep)
    }

    fn interval(&self) -> u64 {
        self.rules.sweep_interval.as_micros() as u64
    }

    fn sweep(&mut self, moment: Instant) {
        self.departed.expire(moment);
        let timeout = self.rules.idle_timeout;
        let due: Vec<String> = self
            .token_list
            .iter()
            .filter(|(_, record)| record.last_access + timeout < moment)
            .map(|(token, _)| token.clone())
            .collect();
        self.counters.timeouts += due.len() as u64;

        let hosts = due.iter().filter_map(|token| self.token_list.get(token));
        let rooms: Vec<String> =
            hosts.filter(|host| host.is_host).map(|host| host.room_name.clone()).collect();
        for room in rooms {
            self.close_room(&room, None, moment);
        }
        let mut guests = Vec::new();
        for token in &due {
            // Told while its address is known, which goes with the record.
            let to_itself = self.token_list.get(token).map(|record| record.user_name.clone());
            let to_itself = to_itself.and_then(|user| self.notice(token, &user, TIMED_OUT));
            if let Some(record) = self.remove(token) {
                guests.push((token.clone(), record, to_itself));
            }
        }
        for (token, record, to_itself) in guests {
            self.owe_room(&record.room_name, &record.user_name, TIMED_OUT);
            self.owe_former(to_itself);
            let former = Former {
                token,
                about: record.user_name.clone(),
                room: record.room_name,
                user: record.user_name,
                ip: record.ip,
                text: TIMED_OUT,
                answered: None,
            };
            self.departed.remember(former, moment);
        }
    }

    /// The room is no more. All in it are told but `leaver`, and remembered.
    pub(super) fn close_room(&mut self, room: &str, leaver: Option<&str>, at: Instant) {
        let tokens = self.tokens_of(room);
        let host = self.host_of(room);
        for token in tokens {
            let notice = self.notice(&token, &host, CLOSED);
            let Some(record) = self.remove(&token) else { continue };
            if Some(&*token) == leaver {
                continue;
            }
            self.owe_former(notice);
            let former = Former {
                token,
                room: record.room_name,
                user: record.user_name,
                ip: record.ip,
                about: host.clone(),
                text: CLOSED,
                answered: None,
            };
            self.departed.remember(former, at);
        }
        self.rooms_list.remove(room);
        self.telling.forget_room(room);
    }

    pub(super) fn shut_down(&mut self, expected: &mut Expected) {
        self.is_stopping = true;
        expected.by_event.extend(self.telling.end());
        let rooms: Vec<String> = self.rooms_list.keys().cloned().collect();
        for room in rooms {
            let host = self.host_of(&room);
            for token in self.tokens_of(&room) {
                let understands =
                    self.token_list.get(&token).is_some_and(|record| record.features.notices);
                let text = in_words_of(SHUTDOWN, understands);
                let notice = text.and_then(|text| self.notice(&token, &host, text));
                expected.by_event.extend(notice);
                self.remove(&token);
            }
            self.rooms_list.remove(&room);
        }
        expected.closes.extend(self.connections.keys());
        self.connections.clear();
    }

    fn tokens_of(&self, room: &str) -> Vec<String> {
        self.rooms_list
            .get(room)
            .map(|room| room.members.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn host_of(&self, room: &str) -> String {
        let mut records = self.token_list.values();
        let host = records.find(|record| record.is_host && record.room_name == room);
        host.map(|host| host.user_name.clone()).unwrap_or_default()
    }
}
