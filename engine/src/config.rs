//! What an operator may set.

use core::time::Duration;

use protocol::limits::MAX_OPERATION_PAYLOAD;
use protocol::tcp::ReplyForm;

/// A server's settings. The default is the seed's behaviour with caps that suit one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A member that has sent nothing valid for longer than this is dropped. Default 120 s.
    pub idle_timeout: Duration,
    /// How often the server looks for such members. Default 20 s.
    pub sweep_interval: Duration,
    /// How replies are laid out. Default framed.
    pub reply_form: ReplyForm,
    /// What is held at most.
    pub caps: Caps,
}

/// A bound for everything that strangers can make grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of a request's payload, at most 2²⁹. Default 64 KiB.
    pub payload: u32,
    /// Rooms at a time. Default 10,000.
    pub rooms: usize,
    /// Members in one room, its host included. Default 2,000. When many of them go at once, all who
    /// stay are told of each.
    pub room_members: usize,
    /// Members in all rooms together. Default 100,000.
    pub members: usize,
    /// TCP connections at a time. Default 4,096. One more, and the one idle longest goes.
    pub connections: usize,
    /// TCP connections at a time from one IP address. Default 1,024. One more, and of that
    /// address's the one idle longest goes.
    pub connections_per_address: usize,
    /// Tokens of members that timed out or whose room closed, for telling them again. Default 16,384.
    pub remembered_tokens: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(120),
            sweep_interval: Duration::from_secs(20),
            reply_form: ReplyForm::Framed,
            caps: Caps::default(),
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            payload: 64 * 1024,
            rooms: 10_000,
            room_members: 2_000,
            members: 100_000,
            connections: 4096,
            connections_per_address: 1024,
            remembered_tokens: 16_384,
        }
    }
}

impl Config {
    /// Whether a server can run like this.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let caps = &self.caps;
        let positive = [
            ("the idle timeout", !self.idle_timeout.is_zero()),
            ("the sweep interval", !self.sweep_interval.is_zero()),
            ("the cap on a payload", caps.payload > 0),
            ("the cap on rooms", caps.rooms > 0),
            ("the cap on a room's members", caps.room_members > 0),
            ("the cap on members", caps.members > 0),
            ("the cap on connections", caps.connections > 0),
            ("the cap on connections from one address", caps.connections_per_address > 0),
        ];
        if let Some((setting, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return Err(ConfigError::Zero { setting });
        }
        if caps.payload > MAX_OPERATION_PAYLOAD {
            return Err(ConfigError::PayloadCap { cap: caps.payload });
        }
        Ok(())
    }
}

/// Why a server cannot run with some settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting that has to be more than nothing.
    #[error("{setting} is zero: give it a larger value")]
    Zero {
        /// Which.
        setting: &'static str,
    },
    /// The wire does not allow payloads of that size.
    #[error("the cap on a payload is {cap} bytes, and the wire allows at most 536870912 (512 MiB)")]
    PayloadCap {
        /// The cap in bytes.
        cap: u32,
    },
}
