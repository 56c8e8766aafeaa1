//! The server's driver: tells the engine what happens, looks at what it does, and does it.

use std::net::SocketAddr;

use engine::{Action, Event, Instant};

use super::{Happens, Role, Violation, World};
use crate::comparison;
use crate::invariants::{self, Step};
use crate::trace;

/// How many of the datagrams that went by are kept for those who listen.
const HEARD: usize = 32;

/// Members who, if half of them go and half of them stay, are told in more than one turn. What an
/// event changes between the turns is then left out of the comparison, by telling the time first.
const CROWD: usize = 60;

/// Turns after which a server that always wants another is left to the rule about being woken.
const MOST_TURNS: usize = 100;

/// The longest that a slow timer is late, in microseconds.
const SLOW: u64 = 2_000_000;

impl World<'_> {
    /// Tells the engine and the model of an event, and compares what they make of it.
    pub(super) fn tell(&mut self, event: Event<'_>) -> Result<(), Violation> {
        let now = self.clock();
        if self.model.token_list.len() > CROWD && self.model.next_need().is_some_and(|at| at <= now)
        {
            self.tell_at(Event::Tick, now)?;
        }
        self.tell_at(event, now)
    }

    fn tell_at(&mut self, event: Event<'_>, now: Instant) -> Result<(), Violation> {
        self.stats.steps += 1;
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.server.handle_into(event, now, &mut actions);
        // What one turn did not tell is due at once, and told before anything else happens.
        let (present, mut turns) = (self.model.now().max(now), 1);
        while turns < MOST_TURNS && self.server.next_deadline().is_some_and(|at| at <= present) {
            turns += 1;
            self.server.handle_into(Event::Tick, now, &mut actions);
        }
        let mut list: Vec<Action<'_>> = actions.iter().collect();
        (self.tamper)(&mut list);
        let judged = self.judge(&event, now, &list, turns);
        for action in &list {
            self.perform(action);
        }
        drop(list);
        self.actions = actions;
        self.set_timer();
        judged
    }

    fn judge(
        &mut self,
        event: &Event<'_>,
        now: Instant,
        actions: &[Action<'_>],
        turns: usize,
    ) -> Result<(), Violation> {
        let seen = comparison::seen(event, actions, self.plan.config.reply_form);
        let expected = self.model.step(*event, now, &seen);
        let step = Step {
            event,
            now: self.model.now(),
            actions,
            turns,
            expected: &expected,
            census: self.server.census(),
            counters: self.server.counters(),
            deadline: self.server.next_deadline(),
            model: &self.model,
        };
        let kept = invariants::check(&mut self.bystander, &step);
        self.trace_event(event);
        kept.map_err(|(rule, how)| self.violation(rule, how))
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
        let late = if is_slow { self.timer.u64(..SLOW) } else { 0 };
        self.stats.faults += u64::from(is_slow);
        let at = Instant::from_micros(deadline.max(self.now).as_micros().saturating_add(late));
        self.wake_at = Some(deadline);
        self.at(at, Happens::Wake);
    }

    pub(super) fn wake(&mut self) -> Result<(), Violation> {
        self.wake_at = None;
        self.tell(Event::Tick)
    }

    /// A datagram comes to the server.
    pub(super) fn arrive(
        &mut self,
        party: usize,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let now = self.now;
        let bystander = &self.bystander;
        self.trace.line(now, || {
            format!("  {party} → server, from {from}: {}", trace::datagram(bytes, Some(bystander)))
        });
        self.tell(Event::Datagram { from, bytes })
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
        let bystander = &self.bystander;
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
