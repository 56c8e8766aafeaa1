//! The systems that are compared, and how each is started and entered.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use benches::chat_server;
use benches::server_process::ServerProcess;
use clap::ValueEnum;

use crate::link::{self, Ears, Link, Mqtt, Nats, Reception};
use crate::payload::Sizes;
use crate::plan::{Load, Work};
use crate::room::{self, Place};
use crate::server::Server;

/// A system under test. The order is that of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// This server on std's sockets, for members as the seed has them.
    Std,
    /// The same for members that receive what the kernel coalesced, and get no bundles.
    StdGro,
    /// The same for members that ask for bundles, and receive what the kernel coalesced.
    StdBundles,
    /// The floor of `std`: the same blocking calls, and no logic.
    BareStd,
    /// The floor of both where much comes and members receive one by one: what came is drained and goes
    /// to each member side by side, handed to the kernel in one call.
    BareRuns,
    /// The floor of both with bundles: what came is drained and goes to each member in bundles of one
    /// size, handed to the kernel in one call.
    BareBundles,
    /// This server on smol.
    Smol,
    /// The same for members that receive what the kernel coalesced, and get no bundles.
    SmolGro,
    /// The same for members that ask for bundles, and receive what the kernel coalesced.
    SmolBundles,
    /// The floor of `smol`: the same calls of async-io, and no logic.
    BareSmol,
    /// The NATS server, over TCP.
    Nats,
    /// The MQTT broker Mosquitto, over TCP, at quality of service 0.
    Mosquitto,
    /// The server that --server names.
    #[value(skip)]
    Given(SocketAddr, Option<u32>),
}

impl System {
    /// All that the harness can start.
    pub(crate) const ALL: [Self; 12] = [
        Self::Std,
        Self::BareStd,
        Self::Smol,
        Self::BareSmol,
        Self::BareRuns,
        Self::StdGro,
        Self::SmolGro,
        Self::StdBundles,
        Self::SmolBundles,
        Self::BareBundles,
        Self::Nats,
        Self::Mosquitto,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Std => "std",
            Self::StdGro => "std, GRO",
            Self::SmolGro => "smol, GRO",
            Self::StdBundles => "std, bundles",
            Self::SmolBundles => "smol, bundles",
            Self::BareRuns => "bare, runs",
            Self::BareBundles => "bare, bundles",
            Self::BareStd => "bare std",
            Self::Smol => "smol",
            Self::BareSmol => "bare smol",
            Self::Nats => "nats-server",
            Self::Mosquitto => "mosquitto",
            Self::Given(..) => "given",
        }
    }

    /// The loop that does the same system calls and nothing else.
    pub(crate) fn floor(self) -> Option<Self> {
        match self {
            Self::Std | Self::StdGro => Some(Self::BareStd),
            Self::Smol | Self::SmolGro => Some(Self::BareSmol),
            Self::StdBundles | Self::SmolBundles => Some(Self::BareBundles),
            _ => None,
        }
    }

    /// How its members receive.
    fn reception(self) -> Reception {
        match self {
            Self::StdGro | Self::SmolGro => Reception::Coalesced,
            Self::StdBundles | Self::SmolBundles | Self::BareBundles => Reception::Bundled,
            _ => Reception::Plain,
        }
    }

    pub(crate) fn can(self, work: Work) -> bool {
        match work {
            // It sends what came as it came, which is a run only where all are of one size.
            Work::Relay(load) if self == Self::BareRuns => {
                load.window > 1 && matches!(load.sizes, Sizes::Fixed(_))
            }
            // Alone a message is a datagram, whatever else could be received.
            Work::Relay(load) => load.window > 1 || self.reception() == Reception::Plain,
            Work::Joins { .. } => {
                matches!(self, Self::Std | Self::BareStd | Self::Smol | Self::BareSmol)
            }
        }
    }

    /// Whether it is a server of this wire, which takes connections.
    pub(crate) fn is_chat(self) -> bool {
        !matches!(
            self,
            Self::BareStd
                | Self::BareSmol
                | Self::BareRuns
                | Self::BareBundles
                | Self::Nats
                | Self::Mosquitto
        )
    }

    /// What has to be done before this can be started, if anything.
    pub(crate) fn missing(self) -> Option<&'static str> {
        match self {
            Self::Nats if !is_installed("nats-server") => Some("apt-get install nats-server"),
            Self::Mosquitto if !is_installed("mosquitto") => Some("apt-get install mosquitto"),
            Self::Given(..) => None,
            _ if self.is_chat() && !chat_server::executable().is_ok_and(|path| path.exists()) => {
                Some("cargo build --release -p cli")
            }
            _ => None,
        }
    }

    /// Starts it for such work.
    pub(crate) fn start(self, work: Work) -> io::Result<Server> {
        let started = match (self, work) {
            (Self::Std | Self::StdGro | Self::StdBundles, _) => roomy_server("std"),
            (Self::Smol | Self::SmolGro | Self::SmolBundles, _) => roomy_server("smol"),
            (Self::BareRuns, _) => bare_loop("relay-runs"),
            (Self::BareBundles, _) => bare_loop("relay-bundles"),
            (Self::BareStd, Work::Relay(_)) => bare_loop("relay-std"),
            (Self::BareSmol, Work::Relay(_)) => bare_loop("relay-smol"),
            (Self::BareStd, Work::Joins { .. }) => bare_loop("joins-std"),
            (Self::BareSmol, Work::Joins { .. }) => bare_loop("joins-smol"),
            (Self::Nats, _) => ServerProcess::told(|address| {
                let mut command = Command::new("nats-server");
                command.args(["--addr", "127.0.0.1", "--port", &address.port().to_string()]);
                Ok((command, None))
            }),
            (Self::Mosquitto, _) => ServerProcess::told(mosquitto),
            (Self::Given(address, pid), _) => return Ok(Server::Given { address, pid }),
        };
        started.map(Server::Started)
    }

    /// How many arrive of each message.
    pub(crate) fn copies(self, load: &Load) -> usize {
        // MQTT 3.1.1 brings a speaker its own words, if it is to hear those of others.
        let echoes = self == Self::Mosquitto && load.senders > 1;
        load.members - usize::from(!echoes)
    }

    /// Connects all the members, room by room.
    pub(crate) fn enter(self, server: &mut Server, load: &Load) -> io::Result<Guests> {
        let everyone = (0..load.rooms * load.members).map(|index| index / load.members);
        let address = server.address();
        let only_speaks = |index: usize| load.senders == 1 && index.is_multiple_of(load.members);
        let (mut places, reception) = (Vec::new(), self.reception());
        let links = match self {
            _ if self.is_chat() => {
                for (index, room) in everyone.enumerate() {
                    let (room, member) = (room_name(room), index % load.members);
                    places.push(room::enter(address, &room, member, reception)?);
                }
                places.iter().map(|place| place.link(address)).collect()
            }
            Self::Nats => {
                everyone.map(|room| link::enter(address, Nats::new(room), Ears::Open)).collect()
            }
            Self::Mosquitto => everyone
                .enumerate()
                .map(|(index, room)| {
                    let ears = if only_speaks(index) { Ears::Closed } else { Ears::Open };
                    link::enter(address, Mqtt::new(room, index, ears), ears)
                })
                .collect(),
            _ => {
                let (links, list) = bare_members(address, load, reception)?;
                server.tell(&list)?;
                Ok(links)
            }
        }?;
        // A server of our own ends with the slice; nobody has to leave it.
        places.retain(|_| matches!(self, Self::Given(..)));
        Ok(Guests { links, places, address })
    }
}

/// All the members of a slice. Those of a server that goes on leave it when they are dropped.
pub(crate) struct Guests {
    pub(crate) links: Vec<Box<dyn Link>>,
    places: Vec<Place>,
    address: SocketAddr,
}

impl Drop for Guests {
    fn drop(&mut self) {
        // Guests before their host, who would take the room along. Who cannot leave times out.
        for place in self.places.iter().rev() {
            let _ = place.leave(self.address);
        }
    }
}

/// A name that a server that goes on has not had from another run.
fn room_name(room: usize) -> String {
    format!("部屋{room} {}", std::process::id())
}

/// The members' links, and their addresses, a line for each room. Who only speaks is not listed.
fn bare_members(
    server: SocketAddr,
    load: &Load,
    reception: Reception,
) -> io::Result<(Vec<Box<dyn Link>>, String)> {
    let (mut links, mut list) = (Vec::new(), String::new());
    for _ in 0..load.rooms {
        for member in 0..load.members {
            let (link, address) = link::bare(server, reception)?;
            links.push(link);
            if member > 0 || load.senders > 1 {
                let _ = write!(list, "{address} ");
            }
        }
        list.push('\n');
    }
    Ok((links, list))
}

/// This project's server, with room for all that any cell has.
fn roomy_server(runtime: &str) -> io::Result<ServerProcess> {
    let options = [
        ["--max-rooms", "1000000"],
        ["--max-members", "10000000"],
        ["--max-room-members", "1000000"],
        ["--max-pending", "1000000"],
        ["--max-pending-per-address", "1000000"],
    ];
    chat_server::start(runtime, options.as_flattened())
}

fn bare_loop(name: &str) -> io::Result<ServerProcess> {
    ServerProcess::announced(Command::new(env::current_exe()?).args(["--serve", name]))
}

fn mosquitto(address: SocketAddr) -> io::Result<(Command, Option<tempfile::TempDir>)> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("mosquitto.conf");
    // As fast as it can be: it need not keep anything, and sends at once.
    let settings = "allow_anonymous true\npersistence false\nset_tcp_nodelay true\nuser root\n";
    fs::write(&path, format!("listener {} 127.0.0.1\n{settings}", address.port()))?;
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(path);
    Ok((command, Some(directory)))
}

fn is_installed(program: &str) -> bool {
    let places = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&places).any(|place| place.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Hearing;

    const ONE_SPEAKS: Load = Load {
        rooms: 1,
        members: 3,
        senders: 1,
        window: 1,
        sizes: Sizes::Fixed(64),
        hearing: Hearing::Threads,
    };

    #[test]
    fn a_bare_loop_is_told_who_hears() {
        let server = "127.0.0.1:9".parse().unwrap();
        let load = Load { rooms: 2, ..ONE_SPEAKS };
        let (links, list) = bare_members(server, &load, Reception::Plain).unwrap();
        let heard: Vec<_> = list.lines().map(|room| room.split_whitespace().count()).collect();
        assert_eq!((links.len(), &heard[..]), (6, &[2, 2][..]));
        let (_, list) =
            bare_members(server, &Load { senders: 2, ..load }, Reception::Plain).unwrap();
        assert_eq!(list.split_whitespace().count(), 6);
    }

    #[test]
    fn copies_are_for_the_others() {
        let one = ONE_SPEAKS;
        let all = Load { senders: 3, ..one };
        for system in System::ALL {
            assert_eq!(system.copies(&one), 2, "{system:?}");
            let echo = usize::from(system == System::Mosquitto);
            assert_eq!(system.copies(&all), 2 + echo, "{system:?}");
        }
    }

    #[test]
    fn what_is_on_the_path_is_installed() {
        assert!(is_installed("sh") && !is_installed("no such program"));
    }
}
