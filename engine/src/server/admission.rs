//! Creating, joining and leaving rooms, and listing them.

use alloc::vec::Vec;
use core::net::IpAddr;

use protocol::limits::{MAX_DATAGRAM, MAX_LISTED};
use protocol::tcp::{
    Admission, Answer, Departure as DepartureRequest, ErrorCode, Feature, Features, Limits, Listed,
    Operation, ReplyForm, Request,
};
use protocol::udp::NoticeText;
use tracing::info;

use super::Server;
use super::directory::{Departure, Newcomer};
use crate::action::{Actions, MemberId};
use crate::entropy::EntropyError;
use crate::event::ConnectionId;

/// The features that this server has.
const SUPPORTED: Features =
    Features::NONE.with(Feature::Notices).with(Feature::Bundle).with(Feature::Pong);

/// Why somebody is not let in.
#[derive(Clone, Copy)]
struct Refused {
    error: ErrorCode,
    message: &'static str,
}

impl From<EntropyError> for Refused {
    fn from(_: EntropyError) -> Self {
        Self {
            error: ErrorCode::TryLater,
            message: "the server has no random numbers for a token right now: try again later",
        }
    }
}

impl Server {
    pub(super) fn request(
        &mut self,
        id: ConnectionId,
        ip: IpAddr,
        request: Request<'_>,
        actions: &mut Actions,
    ) {
        match request {
            Request::Create(admission) => {
                let created = self.create(&admission, ip);
                self.answer_admission(id, Operation::Create, &admission, created, actions);
            }
            Request::Join(admission) => {
                let joined = self.join(&admission, ip);
                self.answer_admission(id, Operation::Join, &admission, joined, actions);
            }
            Request::Leave(departure) => self.leave(id, ip, &departure, actions),
            Request::Rooms => self.list_rooms(id, actions),
        }
    }

    fn create(&mut self, admission: &Admission<'_>, ip: IpAddr) -> Result<MemberId, Refused> {
        if self.directory.room_named(&admission.room).is_some() {
            return Err(Refused {
                error: ErrorCode::RoomExists,
                message: "a room of that name exists already: join it, or choose another name",
            });
        }
        if self.directory.room_count() >= self.config.caps.rooms {
            return Err(Refused {
                error: ErrorCode::ServerFull,
                message: "the server has as many rooms as it may: try again later",
            });
        }
        let host = self.newcomer(admission, ip)?;
        let password = self.credentials.hash(admission.password.expose());
        let name = admission.room.clone();
        let entropy = &mut *self.entropy;
        let host = self.directory.open_room(name, password, host, self.now, entropy)?;
        self.counters.rooms_created += 1;
        info!(room = %admission.room, host = %admission.user, %ip, "room created");
        Ok(host)
    }

    fn join(&mut self, admission: &Admission<'_>, ip: IpAddr) -> Result<MemberId, Refused> {
        let Some((id, room)) = self.directory.room_named(&admission.room) else {
            return Err(Refused {
                error: ErrorCode::NoSuchRoom,
                message: "there is no room of that name: check the spelling, or create it",
            });
        };
        if room.password != self.credentials.hash(admission.password.expose()) {
            return Err(Refused {
                error: ErrorCode::WrongPassword,
                message: "the password is wrong",
            });
        }
        if self.directory.is_taken(id, admission.user.as_str()) {
            return Err(Refused {
                error: ErrorCode::NameTaken,
                message: "someone in the room bears that name: choose another",
            });
        }
        if room.members() >= self.config.caps.room_members {
            return Err(Refused { error: ErrorCode::RoomFull, message: "the room is full" });
        }
        let newcomer = self.newcomer(admission, ip)?;
        let guest = self.directory.admit(id, newcomer, self.now, &mut *self.entropy)?;
        info!(room = %admission.room, user = %admission.user, %ip, "joined");
        Ok(guest)
    }

    /// Who is about to be let in, if there is space for anybody at all.
    fn newcomer(&self, admission: &Admission<'_>, ip: IpAddr) -> Result<Newcomer, Refused> {
        if self.directory.member_count() >= self.config.caps.members {
            return Err(Refused {
                error: ErrorCode::ServerFull,
                message: "the server has as many members as it may: try again later",
            });
        }
        // Who gets a bare reply is not told of features, and so does not get them.
        let features = match self.config.reply_form {
            ReplyForm::Framed => admission.features.and(SUPPORTED),
            ReplyForm::Bare => Features::NONE,
        };
        Ok(Newcomer { name: admission.user.clone(), ip, features })
    }

    fn answer_admission(
        &mut self,
        id: ConnectionId,
        operation: Operation,
        admission: &Admission<'_>,
        outcome: Result<MemberId, Refused>,
        actions: &mut Actions,
    ) {
        let (room, user) = (&admission.room, &admission.user);
        match outcome {
            Ok(member) => {
                self.counters.joins += 1;
                let Some(newcomer) = self.directory.member(member) else { return };
                let room_id = newcomer.room();
                let (token, features) = (newcomer.token.as_str(), newcomer.features);
                let members = self.directory.names_before(member);
                let limits = Limits {
                    idle_timeout: self.config.idle_timeout,
                    sweep_interval: self.config.sweep_interval,
                    max_datagram: MAX_DATAGRAM,
                };
                let answer =
                    Answer::Admitted { operation, room, user, token, members, features, limits };
                self.reply(id, &answer, actions);
                // The newcomer was the last to be admitted, and is not told of itself.
                let others = self.directory.admitted() - 1;
                self.tell_room(room_id, user, NoticeText::Joined, others);
            }
            Err(Refused { error, message }) => {
                self.refuse(id, operation as u8, Some(room), error, message, actions);
            }
        }
    }

    fn leave(
        &mut self,
        id: ConnectionId,
        ip: IpAddr,
        departure: &DepartureRequest<'_>,
        actions: &mut Actions,
    ) {
        let (room, user) = (&departure.room, &departure.user);
        let leaver = self.directory.by_token(departure.token.expose()).filter(|(_, member)| {
            let its_room = self.directory.room(member.room()).map(|room| &room.name);
            member.ip == ip && member.name == *user && its_room == Some(room)
        });
        let Some((leaver, _)) = leaver else {
            let error = ErrorCode::UnknownToken;
            let message = "no member of that room bears that name and token";
            self.refuse(id, Operation::Leave as u8, Some(room), error, message, actions);
            return;
        };
        self.counters.departures += 1;
        info!(%room, %user, "left");
        self.reply(id, &Answer::Departed { room, user }, actions);
        match self.directory.depart(leaver) {
            Some(Departure::Guest { room: room_id, .. }) => {
                let all = self.directory.admitted();
                self.tell_room(room_id, user, NoticeText::Left, all);
            }
            Some(Departure::Host(closed)) => {
                self.tell_closed(closed, Some(leaver), self.now);
            }
            None => {}
        }
    }

    fn list_rooms(&self, id: ConnectionId, actions: &mut Actions) {
        let listed = self.directory.rooms().take(MAX_LISTED).map(|room| Listed {
            name: room.name.as_str(),
            members: room.members(),
            password: room.password.is_set,
        });
        let rooms: Vec<Listed<'_>> = listed.collect();
        let more = self.directory.room_count() > rooms.len();
        self.reply(id, &Answer::Rooms { rooms: &rooms, more }, actions);
    }
}
