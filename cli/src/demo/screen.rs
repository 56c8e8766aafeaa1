//! How the demonstration is laid out: the time, and a column for each of the three.

use std::io::{self, Write};
use std::time::Duration;

use engine::{Census, Instant};

use super::columns::{padded, wrapped};
use super::person::Who;
use super::stage::{Carrier, Packet, Step, Way};
use super::wire::{self, Sender};
use crate::text::printable;

/// Columns of a line. Terminals have at least as many.
pub(super) const LINE: usize = 80;

/// Columns for each of the three: what the time and the bars leave.
const CELL: usize = (LINE - TIME - Who::ALL.len() * BAR.len()) / Who::ALL.len();

/// Columns for the time, as `mm:ss`.
const TIME: usize = 5;

/// Between columns. No box-drawing: East Asian terminals may take that for full-width.
const BAR: &str = " | ";

/// From so much time without a line on, it is said how much has passed.
const LONG: Duration = Duration::from_secs(20);

/// Where the demonstration goes.
#[derive(Debug)]
pub(super) struct Screen<'a, W> {
    out: &'a mut W,
    /// Whether packets are shown.
    wire: bool,
    last: Instant,
    census: Option<Census>,
    is_after_packets: bool,
}

impl<'a, W: Write> Screen<'a, W> {
    pub(super) fn new(out: &'a mut W, wire: bool) -> Self {
        Self { out, wire, last: Instant::ZERO, census: None, is_after_packets: false }
    }

    pub(super) fn prose(&mut self, text: &str) -> io::Result<()> {
        for line in wrapped(text, LINE, 0) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// A line that is not to be broken.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    pub(super) fn heading(&mut self, heading: &str) -> io::Result<()> {
        self.is_after_packets = false;
        writeln!(self.out)?;
        self.line(&format!("== {heading} =="))
    }

    /// The heading of a scene, and of its columns.
    pub(super) fn scene(&mut self, heading: &str) -> io::Result<()> {
        self.heading(heading)?;
        self.row("", Who::ALL.map(|who| who.name().to_owned()))
    }

    /// What came of a step: what everyone sees, what the server holds, and the packets.
    pub(super) fn step(&mut self, step: &Step) -> io::Result<()> {
        if std::mem::take(&mut self.is_after_packets) {
            writeln!(self.out)?;
        }
        self.pass_to(step.at)?;
        let cells = Who::ALL.map(|who| cell(step, who));
        let rows = cells.iter().map(Vec::len).max().unwrap_or(0);
        let mut time = clock(step.at);
        for row in 0..rows {
            let line = cells.each_ref().map(|cell| cell.get(row).cloned().unwrap_or_default());
            self.row(&time, line)?;
            time.clear();
        }
        self.census(&time, step.census)?;
        if !self.wire || step.packets.is_empty() {
            return Ok(());
        }
        for packet in &step.packets {
            self.packet(packet)?;
        }
        self.is_after_packets = true;
        Ok(())
    }

    fn pass_to(&mut self, at: Instant) -> io::Result<()> {
        let passed = at.since(self.last);
        self.last = at;
        if passed >= LONG {
            writeln!(self.out, "{:TIME$}   ... {} s later ...", "", passed.as_secs())?;
        }
        Ok(())
    }

    fn row(&mut self, time: &str, cells: [String; 3]) -> io::Result<()> {
        let cells = cells.map(|cell| padded(&cell, CELL));
        let line = format!("{time:TIME$}{BAR}{}", cells.join(BAR));
        writeln!(self.out, "{}", line.trim_end())
    }

    /// What the server holds, where that is something new.
    fn census(&mut self, time: &str, census: Census) -> io::Result<()> {
        if self.census == Some(census) {
            return Ok(());
        }
        self.census = Some(census);
        let (rooms, members) = (counted(census.rooms, "room"), counted(census.members, "member"));
        writeln!(self.out, "{time:TIME$}   (the server has {rooms} and {members})")
    }

    fn packet(&mut self, packet: &Packet) -> io::Result<()> {
        let (client, bytes) = (packet.client, &packet.bytes[..]);
        let (ends, sender) = match packet.way {
            Way::ToServer => (format!("{client} → server"), Sender::Client),
            Way::ToClient => (format!("server → {client}"), Sender::Server),
        };
        let (carrier, annotated) = match packet.carrier {
            Carrier::Tcp(_) => ("TCP", wire::frame(bytes)),
            Carrier::Udp => ("UDP", wire::datagram(bytes, sender)),
        };
        let (kind, size) = (annotated.kind, bytes.len());
        writeln!(self.out, "\n{ends}, {carrier}, {size} bytes: {kind}")?;
        for line in annotated.lines() {
            writeln!(self.out, "  {line}")?;
        }
        Ok(())
    }
}

/// What one of them sees in a step, in lines of a column.
fn cell(step: &Step, who: Who) -> Vec<String> {
    let own = step.sights.iter().filter(|(seer, _)| *seer == who);
    own.flat_map(|(_, sight)| wrapped(&printable(&sight.to_string()), CELL, 2)).collect()
}

fn clock(at: Instant) -> String {
    let seconds = at.since(Instant::ZERO).as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
