//! The server's driver: tells the engine what happens, looks at what it does, and does it.

use std::net::SocketAddr;
use std::time::Duration;

use engine::{Action, Event, Incoming, Instant};

use super::{Happens, Role, Violation, World};
use crate::trace;
use crate::wire::is_bundle;

/// How many of the datagrams that went by are kept for those who listen.
const HEARD: usize = 32;

/// The longest that a turn of a telling takes, in microseconds. Others do things meanwhile.
const TURN: u64 = 60_000;

/// The longest that a busy server leaves a datagram waiting, in microseconds.
const BUSY: u64 = 5_000;

/// Datagrams that one wake finds at most, as with the drivers. What else waits is found at the next.
const WAKE: usize = 64;

/// The longest that a slow timer is late, in microseconds.
const SLOW: u64 = 2_000_000;

impl World<'_> {
    /// Tells the engine and the model of an event, and compares what they make of it.
    pub(super) fn tell(&mut self, event: Event<'_>) -> Result<(), Violation> {
        let now = self.clock();
        self.stats.steps += 1;
        self.stats.between_turns +=
            u64::from(self.judge.model.is_behind() && !matches!(event, Event::Tick));
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.server.handle_into(event, now, &mut actions);
        let mut list: Vec<Action<'_>> = actions.iter().collect();
        (self.tamper)(&mut list);
        let kept = self.judge.look(&self.server, &event, now, &list);
        self.trace_event(&event);
        let judged = kept.map_err(|(rule, how)| self.violation(rule, how));
        for action in &list {
            self.perform(action);
        }
        drop(list);
        self.actions = actions;
        self.set_timer();
        judged
    }

    /// The time as the driver reads it: of two threads one can be a moment behind.
    fn clock(&mut self) -> Instant {
        let behind = if self.timer.u8(..50) == 0 { self.timer.u64(..2_000) } else { 0 };
        Instant::from_micros(self.now.as_micros().saturating_sub(behind))
    }

    fn set_timer(&mut self) {
        let Some(deadline) = self.server.next_deadline() else { return };
        if self.wake_at.is_some_and(|at| at <= deadline) {
            return;
        }
        let is_slow = self.timer.u16(..1000) < self.weather.slow_timer;
        let mut late = if is_slow { self.timer.u64(..SLOW) } else { 0 };
        if self.judge.model.is_behind() {
            late += self.timer.u64(1..TURN);
        }
        self.stats.faults += u64::from(is_slow);
        let at = Instant::from_micros(deadline.max(self.now).as_micros().saturating_add(late));
        self.wake_at = Some(deadline);
        self.wakes += 1;
        self.at(at, Happens::Wake(self.wakes));
    }

    pub(super) fn wake(&mut self) -> Result<(), Violation> {
        self.wake_at = None;
        self.tell(Event::Tick)
    }

    /// A datagram comes to the server, which may have other work and find it a little later, with all
    /// that came meanwhile.
    pub(super) fn arrive(
        &mut self,
        party: usize,
        from: SocketAddr,
        bytes: Vec<u8>,
    ) -> Result<(), Violation> {
        let now = self.now;
        let bystander = &self.judge.bystander;
        self.trace.line(now, || {
            format!("  {party} → server, from {from}: {}", trace::datagram(&bytes, Some(bystander)))
        });
        self.waiting.push((from, bytes));
        if self.waiting.len() > 1 {
            return Ok(());
        }
        if self.timer.u16(..1000) >= self.weather.busy {
            return self.take();
        }
        let late = Duration::from_micros(self.timer.u64(..BUSY));
        self.at(now + late, Happens::Take);
        Ok(())
    }

    /// The server takes what waits for it.
    pub(super) fn take(&mut self) -> Result<(), Violation> {
        let waiting = std::mem::take(&mut self.waiting);
        let incoming = waiting.iter().map(|(from, bytes)| Incoming { from: *from, bytes });
        let all: Vec<Incoming<'_>> = incoming.collect();
        for batch in all.chunks(WAKE) {
            if let [Incoming { from, bytes }] = *batch {
                self.tell(Event::Datagram { from, bytes })?;
            } else {
                self.stats.batches += 1;
                self.tell(Event::Datagrams(batch))?;
            }
        }
        Ok(())
    }

    fn perform(&mut self, action: &Action<'_>) {
        match action {
            Action::Write { connection, bytes } => self.write_down(*connection, bytes),
            Action::HalfClose { connection } => self.end_down(*connection),
            Action::Close { connection } => self.close_at_server(*connection),
            Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. } => {
                for (datagram, to) in action.copies() {
                    self.send_to(to.address, datagram);
                }
            }
        }
    }

    /// Puts a datagram of the server's on its way, if anybody is at that address.
    fn send_to(&mut self, to: SocketAddr, bytes: &[u8]) {
        let (now, weather) = (self.now, self.weather);
        self.stats.bundles += u64::from(is_bundle(bytes));
        let bystander = &self.judge.bystander;
        self.trace.line(now, || {
            format!("    server → {to}: {}", trace::datagram(bytes, Some(bystander)))
        });
        let Some(party) = self.party_at(to) else { return };
        let Some(link) = self.links.get_mut(party) else { return };
        let fate = link.datagram(now, &weather);
        self.stats.faults += fate.faults;
        for at in fate.arrivals.into_iter().flatten() {
            self.at(at, Happens::ToParty { to, bytes: bytes.to_vec() });
        }
    }

    /// A datagram comes to whoever is at an address by now.
    pub(super) fn deliver(&mut self, to: SocketAddr, bytes: &[u8]) {
        let Some(party) = self.party_at(to) else { return };
        match self.roles.get(party) {
            Some(Role::Client(_)) => {
                self.session(party, engine::client::Event::Datagram(bytes));
            }
            Some(Role::Hostile(_)) => self.overhear(to, bytes),
            None => {}
        }
    }

    /// A party sends a datagram, by right from its own address.
    pub(super) fn send(&mut self, party: usize, from: SocketAddr, bytes: Vec<u8>) {
        let (now, weather) = (self.now, self.weather);
        self.overhear(from, &bytes);
        let Some(link) = self.links.get_mut(party) else { return };
        let fate = link.datagram(now, &weather);
        self.stats.faults += fate.faults;
        let is_refused = fate.is_refused || self.is_down;
        if is_refused && matches!(self.roles.get(party), Some(Role::Client(_))) {
            let at = Instant::from_micros(now.as_micros() + weather.delay);
            self.at(at, Happens::Refused(party));
        }
        let [first, second] = if self.is_down { [None; 2] } else { fate.arrivals };
        if let Some(at) = second {
            self.at(at, Happens::ToServer { party, from, bytes: bytes.clone() });
        }
        if let Some(at) = first {
            self.at(at, Happens::ToServer { party, from, bytes });
        }
    }

    fn overhear(&mut self, from: SocketAddr, bytes: &[u8]) {
        if !matches!(self.roles.last(), Some(Role::Hostile(_))) {
            return;
        }
        if self.heard.len() == HEARD {
            self.heard.remove(0);
        }
        self.heard.push((from, bytes.to_vec()));
    }

    fn trace_event(&mut self, event: &Event<'_>) {
        let (now, census) = (self.now, self.server.census());
        self.trace.line(now, || {
            let event = match event {
                Event::Opened { connection, from } => format!("opened {} from {from}", connection.0),
                Event::Received { connection, bytes } => {
                    format!("{} bytes on {}", bytes.len(), connection.0)
                }
                Event::Ended { connection } => format!("{} ended", connection.0),
                Event::Closed { connection } => format!("{} lost", connection.0),
                Event::Crowded => "crowded".to_owned(),
                Event::Datagram { .. } => "datagram".to_owned(),
                Event::Datagrams(batch) => format!("{} datagrams", batch.len()),
                Event::Tick => "tick".to_owned(),
                Event::Shutdown => "shutdown".to_owned(),
            };
            let engine::Census { rooms, members, connections, remembered_tokens } = census;
            format!("  {event} | {rooms} rooms {members} members {connections} connections {remembered_tokens} remembered")
        });
    }
}
