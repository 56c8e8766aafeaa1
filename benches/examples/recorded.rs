//! Datagrams to a server that is recorded or not, for counting instructions:
//!
//! ```sh
//! cargo build --release -p benches --example recorded
//! for how in plain kept replaced; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!         target/release/examples/recorded $how 10 50000
//! done
//! ```
//!
//! The count at 0 datagrams is to be taken off: it is that of letting the members in.

#![allow(clippy::expect_used, reason = "a benchmark without its fixture is to fail")]

use benches::{Populated, roomy};
use engine::{Instant, Machine, SeededEntropy, Server};
use protocol::tcp::Features;
use record::{Recorder, Secrets, Sink};

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

/// Keeps the records and throws them away when there is a block of them.
struct Discard(Vec<u8>);

impl Sink for Discard {
    fn push(&mut self, record: &[u8]) -> bool {
        self.0.extend_from_slice(record);
        if self.0.len() >= record::limits::BLOCK_TARGET {
            self.0.clear();
        }
        true
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [how, size, count] = &args[..] else {
        eprintln!("plain, kept or replaced; the room's size; how many datagrams");
        std::process::exit(2);
    };
    let [size, count] = [size, count].map(|text| text.parse().expect("a number"));
    let entropy = SeededEntropy::new(1);
    let secrets = match how.as_str() {
        "kept" => Secrets::Kept,
        "replaced" => Secrets::Replaced,
        _ => {
            let server = Server::new(roomy(), entropy, Instant::ZERO);
            return talk(server.expect("settings that work"), size, count);
        }
    };
    let sink = Discard(Vec::new());
    let server = Recorder::new(roomy(), entropy, Instant::ZERO, secrets, sink);
    talk(server.expect("settings that work"), size, count);
}

/// The members of a room of that size say so many lines in turn.
fn talk(server: impl Machine, size: usize, count: usize) {
    let mut populated = Populated::of(server, 1, size, Features::NONE);
    let lines: Vec<_> =
        populated.members.iter().map(|member| (member.address, member.chat(LINE))).collect();
    for (from, bytes) in lines.iter().cycle().take(count) {
        populated.datagram(*from, bytes);
    }
    assert_eq!(populated.server.counters().messages, count as u64, "each was relayed");
}
