//! A server's settings as the format has them.

use std::time::Duration;

use engine::{Caps, Config};
use protocol::tcp::ReplyForm;

use crate::numbers::{Cursor, put};

/// Appends the settings. One that is added to them has to be added here, with a new version.
pub(crate) fn put_config(out: &mut Vec<u8>, config: &Config) {
    let Config { idle_timeout, sweep_interval, reply_form, caps } = config;
    let Caps {
        payload,
        rooms,
        room_members,
        members,
        connections,
        connections_per_address,
        remembered_tokens,
    } = caps;
    for duration in [idle_timeout, sweep_interval] {
        put(out, duration.as_secs());
        put(out, u64::from(duration.subsec_nanos()));
    }
    out.push(match reply_form {
        ReplyForm::Framed => 0,
        ReplyForm::Bare => 1,
    });
    put(out, u64::from(*payload));
    let counts =
        [rooms, room_members, members, connections, connections_per_address, remembered_tokens];
    for count in counts {
        put(out, *count as u64);
    }
}

pub(crate) fn read_config(cursor: &mut Cursor<'_>) -> Option<Config> {
    Some(Config {
        idle_timeout: duration(cursor)?,
        sweep_interval: duration(cursor)?,
        reply_form: match cursor.byte()? {
            0 => ReplyForm::Framed,
            1 => ReplyForm::Bare,
            _ => return None,
        },
        caps: Caps {
            payload: u32::try_from(cursor.number()?).ok()?,
            rooms: cursor.size(usize::MAX)?,
            room_members: cursor.size(usize::MAX)?,
            members: cursor.size(usize::MAX)?,
            connections: cursor.size(usize::MAX)?,
            connections_per_address: cursor.size(usize::MAX)?,
            remembered_tokens: cursor.size(usize::MAX)?,
        },
    })
}

fn duration(cursor: &mut Cursor<'_>) -> Option<Duration> {
    let (seconds, nanos) = (cursor.number()?, cursor.number()?);
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_comes_back() {
        let other = Config {
            idle_timeout: Duration::from_nanos(1_500_000_001),
            sweep_interval: Duration::MAX,
            reply_form: ReplyForm::Bare,
            caps: Caps {
                payload: u32::MAX,
                rooms: 1,
                room_members: 2,
                members: 3,
                connections: usize::MAX,
                connections_per_address: 5,
                remembered_tokens: 0,
            },
        };
        for config in [Config::default(), other] {
            let mut out = Vec::new();
            put_config(&mut out, &config);
            assert_eq!(read_config(&mut Cursor(&out)), Some(config));
            for end in 0..out.len() {
                assert_eq!(read_config(&mut Cursor(&out[..end])), None);
            }
        }
    }
}
