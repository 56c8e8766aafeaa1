//! A world before it begins: who is in it, and who does what when. It is drawn from one number; a
//! smaller one is made by leaving deeds out.

mod draw;

use std::net::IpAddr;
use std::time::Duration;

use engine::{Config, Instant};
use protocol::tcp::{Limits, ReplyForm};

use crate::link::Weather;
use crate::trace;

/// All that determines a world.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number that it was drawn from.
    pub seed: u64,
    /// How bad the network is.
    pub weather: Weather,
    pub(crate) config: Config,
    pub(crate) parties: Vec<Party>,
    /// In the order of their times.
    pub(crate) deeds: Vec<Deed>,
    /// When the faults are healed and the hostile parties stop.
    pub(crate) calm_at: Instant,
    /// Whether the server is stopped at the end, or everyone goes.
    pub(crate) shuts_down: bool,
}

/// Somebody with an address.
#[derive(Debug, Clone)]
pub(crate) struct Party {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    /// Whether the server's sockets tell an IPv4 address as one of IPv6.
    pub(crate) is_mapped: [bool; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs the client's session.
    Client { keepalive: Option<Duration>, asks: Asks },
    /// Writes its own bytes.
    Hostile,
}

/// Which features a client's program knows and asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    All,
    Notices,
    Bundles,
    Nothing,
}

/// Somebody does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) at: Instant,
    pub(crate) party: usize,
    pub(crate) what: What,
    /// For what the deed itself draws.
    pub(crate) seed: u64,
}

/// What somebody does, or what befalls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Goes into a room, opening it if need be.
    Enter {
        room: usize,
        knows_password: bool,
    },
    Say(usize),
    /// Says several things at once.
    Chatter {
        first: usize,
        count: u8,
    },
    Leave,
    LeaveNow,
    /// Is gone; its host may reset its connections, or say nothing.
    Crash {
        resets: bool,
    },
    /// Gets another port from its NAT.
    Rebind,
    /// Nothing passes for so long.
    Cut(Duration),
    /// Its connections are reset.
    Reset,
    /// Sends random bytes.
    Noise,
    /// Sends somebody's datagram with a byte changed.
    Mangle,
    /// Sends somebody's datagram once more, from its own address or from the sender's.
    Replay {
        spoofs: bool,
    },
    /// Sends a datagram that is wrong in one field.
    Forge,
    /// Joins with a wrong password.
    Guess {
        room: usize,
    },
    /// Sends many datagrams at once.
    Flood(u16),
    /// Opens connections and says nothing.
    Hoard(u8),
    /// Asks for something odd.
    Ask(usize),
    /// Sends part of a request and ends.
    Break(usize),
    /// Joins or opens a room as the original client does.
    Intrude {
        room: usize,
        creates: bool,
    },
    /// Joins many times, is present, and falls silent.
    Swarm {
        room: usize,
        count: u8,
    },
    /// Says that it is present as every member that it is, but for half of a swarm.
    Stir,
    /// So many of a swarm leave, of the half that stirs.
    Disperse(u8),
    /// Asks to leave as somebody whose token it has, but from elsewhere or under another name.
    Oust,
    /// Says something as a member that it is.
    Speak(usize),
    /// Says something as many of the members that it is.
    Chorus(u8),
    /// The server has too many files open.
    Crowd,
    /// The server gets no random bytes for so long.
    Starve(Duration),
}

/// The time that a plan needs after its faults are healed until everyone has to know whether it is
/// in: a silent client asks after its timeout, a sweep and two seconds, and waits for five. A bare
/// reply does not tell the limits, so the client then goes by the default ones.
pub(crate) fn settling(config: &Config) -> Duration {
    let told = config.idle_timeout + config.sweep_interval;
    let assumed = Limits::default();
    let assumed = match config.reply_form {
        ReplyForm::Bare => assumed.idle_timeout + assumed.sweep_interval,
        // Who finds out by itself asks first when the server may have dropped it, and then, if its
        // user speaks just then, waits as long again.
        ReplyForm::Framed => told * 2 + Duration::from_secs(12),
    };
    told.max(assumed) + Duration::from_secs(12)
}

impl Plan {
    /// When everyone has to know whether it is in.
    pub(crate) fn asked_at(&self) -> Instant {
        self.calm_at + settling(&self.config)
    }

    /// How many deeds there are.
    pub fn len(&self) -> usize {
        self.deeds.len()
    }

    /// Whether nobody does anything.
    pub fn is_empty(&self) -> bool {
        self.deeds.is_empty()
    }

    /// The plan as text, a line for each deed.
    pub fn describe(&self) -> String {
        let Config { idle_timeout, sweep_interval, reply_form, caps } = &self.config;
        let mut text = format!(
            "world {}: timeout {idle_timeout:?}, sweep {sweep_interval:?}, replies {reply_form:?}\n{caps:?}\n{:?}\n",
            self.seed, self.weather
        );
        for deed in &self.deeds {
            let name = self.parties.get(deed.party).map_or("", |party| &party.name);
            text.push_str(&format!(
                "{} {}: {:?}\n",
                trace::time(deed.at),
                trace::short(name),
                deed.what
            ));
        }
        text
    }
}
