//! Creating, joining and leaving rooms, and listing them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::connections::room_of;
use super::{Features, JOINED, LEFT, Model, Record, Reply, Room, Says, Seen};
use crate::wire::{Header, Object, is_name};

/// What a payload says, once its keys have the right types.
struct Payload {
    user: String,
    password: String,
    token: String,
    features: Features,
}

/// Who wants into which room.
struct Applicant<'a> {
    room: &'a str,
    payload: Payload,
    ip: IpAddr,
}

impl Model {
    /// Does what a whole request asks for, and gives the reply.
    pub(super) fn request(
        &mut self,
        header: Header,
        room: &[u8],
        payload: &[u8],
        ip: IpAddr,
        seen: &Seen<'_>,
    ) -> Reply {
        let says = self.outcome(header, room, payload, ip, seen);
        let says = says.unwrap_or_else(|error| self.count_refusal(error));
        let room = if matches!(says, Says::Rooms(_)) { String::new() } else { room_of(room) };
        Reply { operation: header.operation, room, says }
    }

    fn outcome(
        &mut self,
        header: Header,
        room: &[u8],
        payload: &[u8],
        ip: IpAddr,
        seen: &Seen<'_>,
    ) -> Result<Says, &'static str> {
        if header.state != 0 {
            return Err("invalid_request");
        }
        if header.operation == 4 {
            return Ok(self.list());
        }
        let payload = Payload::read(payload).ok_or("invalid_request")?;
        let room = room_of(room);
        if room.is_empty() || !is_name(&payload.user) {
            return Err("invalid_request");
        }
        let applicant = Applicant { room: &room, payload, ip };
        match header.operation {
            1 => self.create(applicant, seen),
            2 => self.join(applicant, seen),
            _ => self.leave(&applicant),
        }
    }

    fn create(&mut self, applicant: Applicant<'_>, seen: &Seen<'_>) -> Result<Says, &'static str> {
        if self.rooms_list.contains_key(applicant.room) {
            return Err("room_exists");
        }
        let caps = &self.rules.caps;
        if self.rooms_list.len() >= caps.rooms || self.token_list.len() >= caps.members {
            return Err("server_full");
        }
        self.may_admit()?;
        let password = applicant.payload.password.clone();
        let room = Room { members: BTreeMap::new(), password };
        self.rooms_list.insert(applicant.room.to_owned(), room);
        self.counters.rooms_created += 1;
        Ok(self.admit(applicant, true, seen))
    }

    fn join(&mut self, applicant: Applicant<'_>, seen: &Seen<'_>) -> Result<Says, &'static str> {
        let Some(room) = self.rooms_list.get(applicant.room) else {
            return Err("no_such_room");
        };
        if room.password != applicant.payload.password {
            return Err("wrong_password");
        }
        let bears = |record: &Record| {
            record.room_name == applicant.room && record.user_name == applicant.payload.user
        };
        if self.token_list.values().any(bears) {
            return Err("name_taken");
        }
        if room.members.len() >= self.rules.caps.room_members {
            return Err("room_full");
        }
        if self.token_list.len() >= self.rules.caps.members {
            return Err("server_full");
        }
        self.may_admit()?;
        Ok(self.admit(applicant, false, seen))
    }

    /// A member needs a token, and a token random bytes.
    fn may_admit(&self) -> Result<(), &'static str> {
        if self.has_entropy { Ok(()) } else { Err("try_later") }
    }

    fn admit(&mut self, applicant: Applicant<'_>, is_host: bool, seen: &Seen<'_>) -> Says {
        let Applicant { room, payload, ip } = applicant;
        self.counters.joins += 1;
        let others = self.token_list.values().filter(|record| record.room_name == room);
        let members: BTreeSet<String> = others.map(|record| record.user_name.clone()).collect();
        let features = if self.is_bare() { Features::default() } else { payload.features };
        // Without one in the reply, the comparison of the replies will fail.
        let token = seen.token.clone().unwrap_or_default();
        let record = Record {
            room_name: room.to_owned(),
            user_name: payload.user.clone(),
            last_access: self.now,
            is_host,
            ip,
            features,
        };
        if let Some(room) = self.rooms_list.get_mut(room) {
            room.members.insert(token.clone(), None);
        }
        // It understands nothing yet, so it is not told of itself.
        self.owe_room(room, &payload.user, JOINED);
        self.token_list.insert(token, record);
        Says::Admitted { user: payload.user, members, features }
    }

    fn leave(&mut self, leaver: &Applicant<'_>) -> Result<Says, &'static str> {
        let Payload { user, token, .. } = &leaver.payload;
        let record = self.token_list.get(token).filter(|record| {
            record.room_name == leaver.room && record.user_name == *user && record.ip == leaver.ip
        });
        let is_host = record.ok_or("unknown_token")?.is_host;
        self.counters.departures += 1;
        if is_host {
            self.close_room(leaver.room, Some(token), self.now);
        } else {
            self.remove(token);
            self.owe_room(leaver.room, user, LEFT);
        }
        Ok(Says::Left { user: user.clone() })
    }

    fn list(&self) -> Says {
        let entry = |(name, room): (&String, &Room)| {
            (name.clone(), room.members.len(), !room.password.is_empty())
        };
        Says::Rooms(self.rooms_list.iter().map(entry).collect())
    }
}

impl Payload {
    /// `None` when it is no object, or a known key occurs twice or has a value of another type.
    fn read(bytes: &[u8]) -> Option<Self> {
        let object = Object::read(bytes)?;
        let text = |key| match object.one(key).ok()? {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone())),
            Some(_) => None,
        };
        let features = match object.one("features").ok()? {
            None | Some(Value::Null) => Features::default(),
            Some(Value::Array(names)) => {
                if !names.iter().all(Value::is_string) {
                    return None;
                }
                let has = |feature| names.iter().any(|name| name == feature);
                Features { notices: has("notices"), bundle: has("bundle"), pong: has("pong") }
            }
            Some(_) => return None,
        };
        Some(Self {
            user: text("user_name")?.unwrap_or_default(),
            password: text("password")?.unwrap_or_default(),
            token: text("token")?.unwrap_or_default(),
            features,
        })
    }
}
