//! What can happen, drawn at random.

use quickcheck::{Arbitrary, Gen};

/// Something that happens, by small numbers that the run takes modulo what there is.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Open { connection: u64, home: u8 },
    Ask { connection: u64, request: Asked, cut: u8, spoil: Option<(u8, u8)> },
    Rubbish { connection: u64, bytes: Vec<u8> },
    Ended { connection: u64 },
    Closed { connection: u64 },
    Say { who: u8, text: u8, port: u8, stranger: bool, spoil: Option<(u8, u8)> },
    Noise { home: u8, bytes: Vec<u8> },
    Crowded,
    Tick,
    Later { micros: u32 },
    Earlier { micros: u32 },
    MuchLater { micros: u64 },
    Shutdown,
}

#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Create { room: u8, user: u8, secret: bool, notices: bool },
    Join { room: u8, user: u8, secret: bool, notices: bool },
    Leave { who: u8 },
    Rooms,
    Unknown { operation: u8 },
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let connection = u64::from(u8::arbitrary(g) % 8);
        let rarely = |g: &mut Gen| (u8::arbitrary(g) % 8 == 0).then(|| Arbitrary::arbitrary(g));
        match u16::arbitrary(g) % 400 {
            0..60 => Self::Open { connection, home: u8::arbitrary(g) },
            60..180 => Self::Ask {
                connection,
                request: Asked::arbitrary(g),
                cut: u8::arbitrary(g),
                spoil: rarely(g),
            },
            180..190 => Self::Rubbish { connection, bytes: Vec::arbitrary(g) },
            190..210 => Self::Ended { connection },
            210..220 => Self::Closed { connection },
            220..320 => Self::Say {
                who: u8::arbitrary(g),
                text: u8::arbitrary(g),
                port: u8::arbitrary(g) % 3,
                stranger: u8::arbitrary(g) % 8 == 0,
                spoil: rarely(g),
            },
            320..330 => Self::Noise { home: u8::arbitrary(g), bytes: Vec::arbitrary(g) },
            330..335 => Self::Crowded,
            335..345 => Self::Tick,
            345..388 => Self::Later { micros: u32::arbitrary(g) % 60_000_000 },
            388..398 => Self::Earlier { micros: u32::arbitrary(g) },
            398 => Self::MuchLater { micros: u64::arbitrary(g) },
            _ if u8::arbitrary(g) % 4 == 0 => Self::Shutdown,
            _ => Self::Tick,
        }
    }
}

impl Arbitrary for Asked {
    fn arbitrary(g: &mut Gen) -> Self {
        let (room, user) = (u8::arbitrary(g), u8::arbitrary(g));
        let (secret, notices) = (u8::arbitrary(g) % 8 == 0, bool::arbitrary(g));
        match u8::arbitrary(g) % 16 {
            0..5 => Self::Create { room, user, secret, notices },
            5..12 => Self::Join { room, user, secret, notices },
            12..14 => Self::Leave { who: user },
            14 => Self::Rooms,
            _ => Self::Unknown { operation: user },
        }
    }
}
