//! What the command line says.

#![allow(rustdoc::broken_intra_doc_links, reason = "these texts are the command's help")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use protocol::limits::MAX_OPERATION_PAYLOAD;
use protocol::tcp::ReplyForm;
use protocol::{RoomName, UserName};

/// Chat in rooms on your own network: a server, a client for the terminal, and a demonstration.
///
/// Start a server with `cli server`. Then, in other terminals, `cli client`: one creates a room and
/// is its host, the others join it with the room's name and password. When the host leaves, the room
/// is closed. New here? `cli demo` shows a whole conversation in one command.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Server(ServerArgs),
    Client(ClientArgs),
    Replay(ReplayArgs),
    Demo(DemoArgs),
}

/// The runtime that carries the bytes. Both behave alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// The smol async runtime, on one thread.
    Smol,
    /// Std's sockets, on two threads.
    Std,
}

/// Run a chat server.
///
/// It listens on one port for both TCP (creating, joining and leaving rooms) and UDP (the chat). It
/// keeps nothing on disk, unless it is to record: when it stops, all rooms are gone. Ctrl-C or
/// SIGTERM stops it, and everyone in a room is told. What happens is logged on standard error; set
/// RUST_LOG=debug for more, RUST_LOG=warn for less.
#[derive(Debug, Parser)]
pub(crate) struct ServerArgs {
    /// The address and port to listen on, for TCP and UDP alike. Use 0.0.0.0:8080 or [::]:8080 to
    /// be reached from other machines; port 0 picks a free one. Where the machine has several
    /// addresses in one network, name the one that clients use: the system picks the address that
    /// datagrams are sent from, and clients listen to the one they know alone.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", env = "CHAT_LISTEN")]
    pub(crate) listen: SocketAddr,

    /// The runtime that carries the bytes.
    #[arg(long, value_enum, default_value = "smol")]
    pub(crate) runtime: Runtime,

    /// How replies are laid out: with a header, or as bare JSON for the original Python clients.
    #[arg(long, value_enum, value_name = "FORM", default_value = "framed")]
    pub(crate) reply: Reply,

    /// Drop who has been silent for longer than this.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = positive_duration)]
    pub(crate) idle_timeout: Duration,

    /// How often to look for the silent.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = positive_duration)]
    pub(crate) sweep_interval: Duration,

    /// The largest payload of a request that is taken.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = payload_size)]
    pub(crate) max_payload: u32,

    /// The most rooms at a time.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = positive)]
    pub(crate) max_rooms: usize,

    /// The most members in one room.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = positive)]
    pub(crate) max_room_members: usize,

    /// The most members in all rooms together.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = positive)]
    pub(crate) max_members: usize,

    /// The most TCP connections at a time; for one more, the one idle longest goes.
    #[arg(long, value_name = "N", default_value = "4096", value_parser = positive)]
    pub(crate) max_pending: usize,

    /// The most TCP connections at a time from one address; for one more, its own idle longest goes.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = positive)]
    pub(crate) max_pending_per_address: usize,

    /// Record everything that happens to the server into this new file, for `cli replay` and for bug
    /// reports. Passwords, tokens and messages are replaced; names, addresses and times are not.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Record passwords, tokens and messages as they are.
    #[arg(long, requires = "record")]
    pub(crate) record_secrets: bool,
}

/// How replies are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reply {
    /// A 32-byte header, the room's name, JSON.
    Framed,
    /// JSON alone, as the original Python programs have it.
    Bare,
}

impl From<Reply> for ReplyForm {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Framed => Self::Framed,
            Reply::Bare => Self::Bare,
        }
    }
}

/// Chat in a room.
///
/// Without flags it asks: your name, whether to create a room (1) or to join one (2), the room's name
/// and its password. Then every line that you type goes to the others in the room. Leave with /quit,
/// Ctrl-D or Ctrl-C. Who says nothing for the server's idle timeout (two minutes, unless it is set
/// otherwise) is dropped; you are warned before, and --keepalive prevents it.
///
/// Input may come from a pipe: the same answers line by line, in the same order and without prompts,
/// then the messages; at its end the client leaves. Messages go to standard output, one a line, and
/// everything else to standard error.
///
/// Exit codes: 0 left, 1 error, 2 usage, 3 server unreachable, 4 refused, 5 room closed, 6 timed out,
/// 130 interrupted.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("room").args(["create", "join"]))]
pub(crate) struct ClientArgs {
    /// The server's address and port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", env = "CHAT_SERVER")]
    pub(crate) server: String,

    /// Your name in the room.
    #[arg(long, value_name = "NAME", env = "CHAT_USER", value_parser = user_name)]
    pub(crate) user: Option<UserName>,

    /// Create this room, and be its host.
    #[arg(long, value_name = "ROOM", value_parser = room_name)]
    pub(crate) create: Option<RoomName>,

    /// Join this room.
    #[arg(long, value_name = "ROOM", value_parser = room_name)]
    pub(crate) join: Option<RoomName>,

    /// Read the room's password from the first line of this file. The environment variable
    /// CHAT_PASSWORD may hold it instead; it is never an argument, which others could see.
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    pub(crate) password_file: Option<PathBuf>,

    /// The room has no password: do not ask for one.
    #[arg(long)]
    pub(crate) no_password: bool,

    /// Tell the server that you are there whenever you have sent nothing for this long, say 25s, so
    /// that it does not drop you.
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) keepalive: Option<Duration>,

    /// The runtime that carries the bytes.
    #[arg(long, value_enum, default_value = "smol")]
    pub(crate) runtime: Runtime,
}

/// Show a whole conversation: a server and three clients, without a network.
///
/// Everything happens in this one process, on a clock that runs as fast as it can: rooms are created
/// and joined, people chat, one times out, the host leaves and the room is closed.
#[derive(Debug, Parser)]
pub(crate) struct DemoArgs {
    /// Show every packet as well, field by field.
    #[arg(long)]
    pub(crate) wire: bool,
}

/// Replay what `cli server --record` recorded.
///
/// Every event goes to a fresh server, which has to do what the recorded one did. Each event is shown
/// in a line, and after it what the server does about it; passwords, tokens and messages are not
/// shown, whether they are in the file or not. The last line is the verdict.
///
/// Exit codes: 0 both did the same, 1 they did not, 2 the file is damaged or no recording.
#[derive(Debug, Parser)]
pub(crate) struct ReplayArgs {
    /// The recording.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Show the verdict alone, and the first event in which they differ.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(crate) check: bool,

    /// Show no event before this one.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) from: u64,

    /// Show no event after this one.
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; a time is a number with a unit, as in 120s or 2m"))?;
    if duration < Duration::from_millis(1) {
        return Err("a time of at least 1ms is needed".to_owned());
    }
    Ok(duration)
}

fn payload_size(text: &str) -> Result<u32, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|error| format!("{error}; a size is a number of bytes, as in 65536 or 64KiB"))?;
    u32::try_from(size.as_u64())
        .ok()
        .filter(|size| (1..=MAX_OPERATION_PAYLOAD).contains(size))
        .ok_or_else(|| "a size from 1 byte to 512MiB is needed".to_owned())
}

fn positive(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|error| format!("{error}"))?;
    if number == 0 {
        return Err("a number of at least 1 is needed".to_owned());
    }
    Ok(number)
}

fn user_name(text: &str) -> Result<UserName, String> {
    UserName::new(text).map_err(|error| format!("the name {error}"))
}

fn room_name(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|error| format!("the name {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        assert_eq!(payload_size("64KiB"), Ok(65_536));
        assert_eq!(payload_size("100"), Ok(100));
        assert_eq!(payload_size("512MiB"), Ok(1 << 29));
        for bad in ["0", "513MiB", "5GiB", "x", "-1", ""] {
            assert!(payload_size(bad).is_err(), "{bad}");
        }
        assert_eq!(positive_duration("120s"), Ok(Duration::from_secs(120)));
        assert_eq!(positive_duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["0s", "1us", "120", "soon"] {
            assert!(positive_duration(bad).is_err(), "{bad}");
        }
        assert!(positive("0").is_err() && positive("-1").is_err() && positive("1").is_ok());
    }
}
