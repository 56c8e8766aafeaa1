//! The demonstration: a server and three clients in one process, on a simulated clock.

use std::io::{self, Write};

/// Writes the demonstration to `out`; with `wire`, every packet too.
pub(crate) fn run(wire: bool, out: &mut impl Write) -> io::Result<()> {
    let _ = wire;
    writeln!(out)
}
