//! What the server has to tell its members, and what of it is left for another turn.
//!
//! At one event so many places in rooms have their turn, and nobody says in which order. So while
//! something is left, the model takes from the engine's answer who was told; when nothing is, each of
//! them must have been.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{CLOSED, Copies, Expected, JOINED, LEFT, Model, SHUTDOWN, Seen, TIMED_OUT};
use crate::wire::Fields;

/// Members that have their turn at one event. A place in a room has one even if nobody there is told.
pub(crate) const NOTICES_A_TURN: usize = 1024;

/// All that is left to be told.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// Places that have yet to have their turn.
    places: usize,
    notes: Vec<Note>,
}

/// A notice to one member, or to one who was one.
#[derive(Debug)]
struct Note {
    datagram: Vec<u8>,
    to: To,
    state: State,
}

#[derive(Debug)]
enum To {
    /// A member of a room, wherever it is by then.
    Member { room: String, token: String },
    /// Somebody who is out, where it was last.
    Former(SocketAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Owed,
    Told,
    /// It had its turn when it could not be reached, or not; or it was told, and has another turn or
    /// not since it took the place of one who went.
    Perhaps,
}

impl Telling {
    /// Somebody is no longer in a room, so another may have taken its place.
    pub(super) fn somebody_went(&mut self, from: &str) {
        for note in &mut self.notes {
            if note.state == State::Told
                && matches!(&note.to, To::Member { room, .. } if room == from)
            {
                note.state = State::Perhaps;
            }
        }
    }

    /// In a room that is no more nobody is told anything.
    pub(super) fn forget_room(&mut self, closed: &str) {
        self.notes.retain(|note| !matches!(&note.to, To::Member { room, .. } if room == closed));
    }

    /// Nobody who is in is told anything any more, and whoever is out is told now.
    pub(super) fn end(&mut self) -> Vec<Copies> {
        self.places = 0;
        let former = self.notes.drain(..).filter_map(|note| match note {
            Note { to: To::Former(address), state: State::Owed, datagram } => {
                Some(Copies { datagram, to: vec![address] })
            }
            _ => None,
        });
        former.collect()
    }
}

impl Model {
    /// Whether something is left for another turn.
    pub(crate) fn is_behind(&self) -> bool {
        self.telling.places > 0
    }

    /// Everyone in a room is to be told, if they understand.
    pub(super) fn owe_room(&mut self, name: &str, about: &str, text: &'static str) {
        let Some(room) = self.rooms_list.get(name) else { return };
        self.telling.places += room.members.len();
        for token in room.members.keys() {
            let understands =
                self.token_list.get(token).is_some_and(|record| record.features.notices);
            let Some(text) = in_words_of(text, understands) else { continue };
            let datagram = Fields { room: name, user: about, token, text }.write();
            let to = To::Member { room: name.to_owned(), token: token.clone() };
            self.telling.notes.push(Note { datagram, to, state: State::Owed });
        }
    }

    /// One who is out is to be told, at an address that was its own.
    pub(super) fn owe_former(&mut self, notice: Option<Copies>) {
        let Some(Copies { datagram, to }) = notice else { return };
        for address in to {
            self.telling.places += 1;
            let (datagram, to) = (datagram.clone(), To::Former(address));
            self.telling.notes.push(Note { datagram, to, state: State::Owed });
        }
    }

    /// As many places as there are in `budget` have their turn. What is surely told then goes to
    /// `copies`, and what is told in this turn or another to `perhaps`.
    pub(super) fn tell(
        &mut self,
        budget: &mut usize,
        copies: &mut Vec<Copies>,
        perhaps: &mut Vec<Copies>,
    ) {
        if self.telling.places == 0 || *budget == 0 {
            return;
        }
        let is_last = self.telling.places <= *budget;
        let turn = self.telling.places.min(*budget);
        *budget -= turn;
        self.telling.places -= turn;
        let mut notes = std::mem::take(&mut self.telling.notes);
        for note in &mut notes {
            let to = self.reached_at(&note.to).map(|address| vec![address]);
            let mut datagram = || match is_last {
                true => std::mem::take(&mut note.datagram),
                false => note.datagram.clone(),
            };
            match (note.state, to) {
                (State::Told, _) | (State::Perhaps, None) => {}
                (State::Owed, None) => note.state = State::Perhaps,
                (State::Owed, Some(to)) if is_last => {
                    copies.push(Copies { datagram: datagram(), to });
                }
                (State::Owed | State::Perhaps, Some(to)) => {
                    perhaps.push(Copies { datagram: datagram(), to });
                }
            }
        }
        if !is_last {
            self.telling.notes = notes;
        }
    }

    /// Of what is left for another turn, takes note of what the engine told in this one.
    pub(super) fn note_what_was_told(&mut self, seen: &Seen<'_>, expected: &Expected) {
        if !self.is_behind() || expected.perhaps.is_empty() {
            return;
        }
        let mut told: BTreeMap<&[u8], usize> = BTreeMap::new();
        for (_, datagram) in &seen.notices {
            *told.entry(datagram).or_default() += 1;
        }
        for Copies { datagram, .. } in expected.by_time.iter().chain(&expected.by_event) {
            if let Some(count) = told.get_mut(&datagram[..]) {
                *count = count.saturating_sub(1);
            }
        }
        for note in &mut self.telling.notes {
            if note.state == State::Owed
                && let Some(count) = told.get_mut(&note.datagram[..])
                && *count > 0
            {
                *count -= 1;
                note.state = State::Told;
            }
        }
    }

    fn reached_at(&self, to: &To) -> Option<SocketAddr> {
        match to {
            To::Former(address) => Some(*address),
            To::Member { room, token } => *self.rooms_list.get(room)?.members.get(token)?,
        }
    }
}

/// What is said to a member that understands the additional notices, and to one that does not.
pub(super) fn in_words_of(text: &'static str, understands: bool) -> Option<&'static str> {
    match text {
        _ if understands => Some(text),
        JOINED => None,
        LEFT => Some(TIMED_OUT),
        SHUTDOWN => Some(CLOSED),
        same => Some(same),
    }
}
