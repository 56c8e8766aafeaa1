//! Datagrams of one wake: each is judged by itself, and what one recipient gets of them goes out
//! together.
//!
//! To hand a member ten messages at once costs the system hardly more than to hand it one. Nothing
//! waits for that: only what had come by itself at one wake is shared out together.

use core::ops::Range;

use protocol::Message;
use protocol::udp::{Bundle, RelayedChat};

use super::Server;
use super::directory::{RoomId, Seat};
use super::relay::{Said, trace_relay};
use crate::action::{Actions, MemberId};
use crate::event::Incoming;

/// Datagrams that are shared out together at most; more of them are shared out in several rounds.
const MAX_TOGETHER: usize = 64;

/// Something for each of the datagrams that are shared out together.
type ForEach<T> = heapless::Vec<T, MAX_TOGETHER>;

/// A message for a room.
struct Line<'a> {
    room: RoomId,
    /// Its place among the datagrams that came.
    turn: usize,
    by: MemberId,
    message: Message<'a>,
}

/// A message as it is relayed.
struct Written {
    by: MemberId,
    /// Where its datagram lies among the actions' bytes.
    at: Range<usize>,
}

impl Server {
    /// Takes note of each datagram in turn and relays what is valid. The addresses are those that
    /// were heard last.
    pub(super) fn datagrams(&mut self, batch: &[Incoming<'_>], actions: &mut Actions) {
        for batch in batch.chunks(MAX_TOGETHER) {
            let mut lines = ForEach::new();
            for (turn, Incoming { from, bytes }) in batch.iter().enumerate() {
                if let Some(Said { by, room, message }) = self.judge(*from, bytes, actions) {
                    // There is space for each of the batch.
                    let _ = lines.push(Line { room, turn, by, message });
                }
            }
            lines.sort_unstable_by_key(|line| (line.room, line.turn));
            for lines in lines.chunk_by(|one, next| one.room == next.room) {
                match lines {
                    [] => {}
                    [Line { room, by, message, .. }] => {
                        self.relay(&Said { room: *room, by: *by, message: *message }, actions);
                    }
                    [first, ..] => self.share(first.room, lines, actions),
                }
            }
        }
    }

    /// Relays several messages to one room: to those who only listen all of them, and to each who
    /// said one what the others said.
    fn share(&mut self, room: RoomId, lines: &[Line<'_>], actions: &mut Actions) {
        let Some(room) = self.directory.room(room) else {
            return;
        };
        let mut written = ForEach::<Written>::new();
        let mut speakers = ForEach::<MemberId>::new();
        for Line { by, message, .. } in lines {
            let Some(member) = self.directory.member(*by) else { continue };
            let chat = RelayedChat { room: &room.name, from: &member.name, message: *message };
            let Some(at) = actions.place(chat.size(), |buffer| chat.write(buffer)) else {
                continue;
            };
            // There is space for each of the lines.
            let _ = written.push(Written { by: *by, at });
            if !speakers.contains(by) {
                let _ = speakers.push(*by);
            }
        }
        let all: ForEach<_> = written.iter().map(|one| one.at.clone()).collect();
        let mut copies = 0;
        for bundled in [false, true] {
            let is_listener =
                |seat: &&Seat| seat.bundles() == bundled && !speakers.contains(&seat.member);
            let to = actions
                .address(room.seats().iter().filter(is_listener).filter_map(Seat::recipient));
            copies += deliver(&all, bundled, to, actions);
        }
        for speaker in &speakers {
            let Some(seat) = self.directory.seat_of(*speaker) else { continue };
            let others = written.iter().filter(|one| one.by != *speaker);
            let of_others: ForEach<_> = others.map(|one| one.at.clone()).collect();
            let to = actions.address(seat.recipient().into_iter());
            copies += deliver(&of_others, seat.bundles(), to, actions);
        }
        trace_relay(&room.name, copies);
        self.counters.messages += written.len() as u64;
        self.counters.copies += copies as u64;
    }
}

/// Hands datagrams, which lie at these places, to the recipients at `to`. Gives the number of copies.
fn deliver(
    datagrams: &[Range<usize>],
    bundled: bool,
    to: Range<usize>,
    actions: &mut Actions,
) -> usize {
    let copies = datagrams.len() * to.len();
    if copies == 0 {
        return 0;
    }
    let shares = |datagram: &Range<usize>| bundled && Bundle::fits(datagram.len());
    for datagrams in datagrams.chunk_by(|one, next| shares(one) == shares(next)) {
        match datagrams {
            [first, _, ..] if shares(first) => actions.bundle(datagrams, to.clone()),
            _ => {
                for run in runs(datagrams) {
                    actions.burst(run, to.clone());
                }
            }
        }
    }
    copies
}

/// The longest runs of datagrams that lie side by side and have one size; the last of a run may be
/// shorter.
fn runs(datagrams: &[Range<usize>]) -> impl Iterator<Item = &[Range<usize>]> {
    let mut size = None;
    datagrams.chunk_by(move |one, next| {
        let first = *size.get_or_insert(one.len());
        let goes_on = one.end == next.start && one.len() == first && next.len() <= first;
        if !goes_on {
            size = None;
        }
        goes_on
    })
}
