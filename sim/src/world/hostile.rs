//! Those who write their own bytes: noise, forgeries, replays, guesses, floods and silence.

use std::net::SocketAddr;

use engine::ConnectionId;
use fastrand::Rng;

use super::streams::Purpose;
use super::{Role, World};
use crate::cast;
use crate::plan::{Deed, What};
use crate::wire::{Fields, HEADER, Header, Object, frame};

/// A hostile party, which may have come by a membership of its own.
#[derive(Debug, Default)]
pub(super) struct Hostile {
    memberships: Vec<Membership>,
    /// What it waits for.
    asked: Vec<Asked>,
}

/// Asked to be let in.
#[derive(Debug)]
struct Asked {
    connection: ConnectionId,
    room: String,
    user: String,
    received: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Membership {
    room: String,
    user: String,
    token: String,
}

impl Membership {
    /// That of whoever sent a datagram.
    fn of(datagram: &[u8]) -> Option<Self> {
        let Fields { room, user, token, .. } = Fields::read(datagram)?;
        let [room, user, token] = [room, user, token].map(str::to_owned);
        Some(Self { room, user, token })
    }

    /// Whether it came with a swarm and has an odd number.
    fn is_odd(&self) -> bool {
        let number = self.user.strip_prefix(SWARM).and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| number % 2 == 1)
    }

    fn says(&self, text: &str) -> Vec<u8> {
        let Self { room, user, token } = self;
        Fields { room, user, token, text }.write()
    }

    fn leaves(&self) -> Vec<u8> {
        let Self { room, user, token } = self;
        let payload = format!(r#"{{"user_name":"{user}","token":"{token}"}}"#);
        frame(3, 0, room.as_bytes(), payload.as_bytes())
    }
}

/// How many memberships, or questions, one keeps in mind.
const KEPT: usize = 400;

/// How the names begin of those who come as a swarm. They say that they are present.
const SWARM: &str = "群れ";

impl World<'_> {
    pub(super) fn hostile_does(&mut self, party: usize, deed: &Deed) {
        let mut rng = Rng::with_seed(deed.seed);
        let own = self.address(party, 1);
        self.stats.faults += 1;
        match deed.what {
            What::Noise => {
                let size = if rng.u8(..8) == 0 { rng.usize(4000..5000) } else { rng.usize(..80) };
                let bytes = (0..size).map(|_| rng.u8(..)).collect();
                self.send(party, own, bytes);
            }
            What::Mangle => {
                let Some((from, mut bytes)) = self.overheard(&mut rng) else { return };
                let at = rng.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if rng.bool() { byte.wrapping_add(1) } else { rng.u8(..) };
                }
                let from = if rng.bool() { from } else { own };
                self.send(party, from, bytes);
            }
            What::Replay { spoofs } => {
                let Some((mut from, bytes)) = self.overheard(&mut rng) else { return };
                if rng.u8(..4) == 0 {
                    from.set_port(rng.u16(60_000..));
                }
                self.send(party, if spoofs { from } else { own }, bytes);
            }
            What::Forge => self.forge(party, own, &mut rng),
            What::Guess { room } => {
                let password = rng.choice(cast::WRONG_PASSWORDS).unwrap_or_default();
                let payload = format!(r#"{{"user_name":"悪者","password":"{password}"}}"#);
                let request = frame(2, 0, cast::room(room).as_bytes(), payload.as_bytes());
                self.connect(party, Purpose::Other, &request);
            }
            What::Flood(count) => {
                for _ in 0..count {
                    self.forge(party, own, &mut rng);
                }
            }
            What::Hoard(count) => {
                for _ in 0..count {
                    self.connect(party, Purpose::Other, b"");
                }
            }
            What::Ask(number) => {
                let request = odd_request(number, &mut rng);
                self.connect(party, Purpose::Other, &request);
            }
            What::Break(number) => {
                let mut request = odd_request(number, &mut rng);
                request.truncate(rng.usize(..=request.len()));
                let id = self.connect(party, Purpose::Other, &request);
                self.end_up(id);
            }
            What::Intrude { room, creates } => {
                let features = rng.choice(["", r#","features":["bundle"]"#]).unwrap_or_default();
                self.intrude(party, room, self.user(party), creates, features);
            }
            What::Swarm { room, count } => {
                for number in 0..count {
                    self.intrude(party, room, format!("{SWARM}{number}"), false, "");
                }
            }
            What::Stir => {
                for member in self.memberships(party).iter().filter(|member| !member.is_odd()) {
                    self.send(party, own, member.says(""));
                }
            }
            What::Disperse(count) => {
                let mut swarm = self.memberships(party);
                swarm.retain(|member| member.user.starts_with(SWARM) && !member.is_odd());
                let first = rng.usize(..=swarm.len());
                for member in swarm.iter().skip(first).take(count.into()) {
                    let request = member.leaves();
                    self.connect(party, Purpose::Other, &request);
                }
            }
            What::Oust => {
                let own = rng.choice(self.memberships(party)).filter(|_| rng.bool());
                let ousted = match own {
                    Some(own) => Some(Membership { user: "別人".to_owned(), ..own }),
                    None => self.overheard(&mut rng).and_then(|(_, bytes)| Membership::of(&bytes)),
                };
                let Some(ousted) = ousted else { return };
                self.connect(party, Purpose::Other, &ousted.leaves());
            }
            What::Chorus(count) => {
                for (number, member) in
                    self.memberships(party).into_iter().take(count.into()).enumerate()
                {
                    self.send(party, own, member.says(&cast::text(number)));
                }
            }
            What::Speak(number) => {
                let Some(member) = rng.choice(self.memberships(party)) else { return };
                let text = if rng.u8(..4) == 0 { String::new() } else { cast::text(number) };
                self.send(party, own, member.says(&text));
            }
            _ => {}
        }
    }

    /// Its name as the original client would send it.
    fn user(&self, party: usize) -> String {
        self.plan.parties.get(party).map(|party| party.name.clone()).unwrap_or_default()
    }

    /// Those whom it has come to be.
    fn memberships(&self, party: usize) -> Vec<Membership> {
        match self.roles.get(party) {
            Some(Role::Hostile(hostile)) => hostile.memberships.clone(),
            _ => Vec::new(),
        }
    }

    /// Joins as the original client does: no presence, no leaving, and no features but those it says.
    fn intrude(&mut self, party: usize, room: usize, user: String, creates: bool, features: &str) {
        let password = cast::password(room);
        let room = cast::room(room);
        let payload =
            format!(r#"{{"user_name":"{user}","token":"","password":"{password}"{features}}}"#);
        let operation = if creates { 1 } else { 2 };
        let request = frame(operation, 0, room.as_bytes(), payload.as_bytes());
        let id = self.connect(party, Purpose::Other, &request);
        let Some(Role::Hostile(hostile)) = self.roles.get_mut(party) else { return };
        if hostile.asked.len() == KEPT {
            hostile.asked.remove(0);
        }
        hostile.asked.push(Asked { connection: id, room, user, received: Vec::new() });
    }

    /// A datagram that is wrong in one field.
    fn forge(&mut self, party: usize, own: SocketAddr, rng: &mut Rng) {
        let random: String = (0..22).map(|_| rng.alphanumeric()).collect();
        let bytes = match self.overheard(rng) {
            Some((_, bytes)) => bytes,
            None => Fields { room: "部屋", user: "花子", token: &random, text: "x" }.write(),
        };
        let Some(fields) = Fields::read(&bytes) else { return };
        // As long as a token, and to a member's record if the other one leads there.
        let token = format!("{}{random}", fields.token.get(..16).unwrap_or("0000000100000001"));
        let forged = match rng.u8(..6) {
            0 => Fields { token: &token, ..fields },
            1 => Fields { room: "別の部屋", ..fields },
            2 => Fields { user: "別人", ..fields },
            3 => Fields { text: "SYSTEM_HOST_MESSAGE_TIME_OUT", ..fields },
            4 => Fields { token: "", ..fields },
            _ => Fields { room: "", user: "", ..fields },
        };
        self.send(party, own, forged.write());
    }

    fn overheard(&self, rng: &mut Rng) -> Option<(SocketAddr, Vec<u8>)> {
        rng.choice(&self.heard).cloned()
    }

    /// Bytes of a reply came.
    pub(super) fn hostile_reads(&mut self, party: usize, id: ConnectionId, bytes: &[u8]) {
        let Some(Role::Hostile(hostile)) = self.roles.get_mut(party) else { return };
        let Some(at) = hostile.asked.iter().position(|asked| asked.connection == id) else {
            return;
        };
        let Some(asked) = hostile.asked.get_mut(at) else { return };
        asked.received.extend_from_slice(bytes);
        let Some(token) = token_in(&asked.received) else { return };
        let Asked { room, user, .. } = hostile.asked.remove(at);
        if hostile.memberships.len() == KEPT {
            hostile.memberships.remove(0);
        }
        let presence = Fields { room: &room, user: &user, token: &token, text: "" };
        let presence = user.starts_with(SWARM).then(|| presence.write());
        hostile.memberships.push(Membership { room, user, token });
        if let Some(presence) = presence {
            let own = self.address(party, 1);
            self.send(party, own, presence);
        }
    }
}

/// The token in what came of a reply so far, framed or bare.
fn token_in(received: &[u8]) -> Option<String> {
    let payload = match received.first() {
        Some(b'{') if !matches!(received.get(1), Some(1..=4)) => received,
        _ => received.get(HEADER + Header::read(received)?.room_size..)?,
    };
    Object::read(payload)?.text("token").map(str::to_owned)
}

/// A request that is odd in one way or another, or not at all.
fn odd_request(number: usize, rng: &mut Rng) -> Vec<u8> {
    let payload = cast::PAYLOADS.get(number % cast::PAYLOADS.len()).copied().unwrap_or_default();
    let long = |count| format!(r#"{{"user_name":"{}"}}"#, "字".repeat(count));
    let payload = match rng.u8(..12) {
        0 => long(85),
        1 => long(86),
        2 => long(200),
        _ => payload.to_owned(),
    };
    let room = match rng.u8(..8) {
        0 => Vec::new(),
        1 => b"\xff\xfe".to_vec(),
        2 => " 部屋".as_bytes().to_vec(),
        _ => cast::room(rng.usize(..8)).into_bytes(),
    };
    let operation = match rng.u8(..8) {
        0 => rng.u8(..),
        1 | 2 => 1,
        3 => 3,
        4 => 4,
        _ => 2,
    };
    let state = if rng.u8(..8) == 0 { rng.u8(..5) } else { 0 };
    let mut request = frame(operation, state, &room, payload.as_bytes());
    if rng.u8(..8) == 0 {
        // A size that nobody has, or nobody takes.
        let at = rng.usize(3..HEADER);
        if let Some(byte) = request.get_mut(at) {
            *byte = rng.u8(..);
        }
    }
    request
}
