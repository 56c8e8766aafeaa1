//! Files that are no recordings, or not any more.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests assert"
)]

use engine::{Actions, Config, ConnectionId, Event, Instant, Machine, SeededEntropy};
use protocol::tcp::{Admission, Features, Request, Secret};
use protocol::{RoomName, UserName};
use quickcheck::quickcheck;
use record::limits::{BLOCK_HEADER, MAGIC, MAX_BLOCK, VERSION};
use record::{Blocks, ReadError, Recorder, Replay, Secrets};

/// Where the first block begins.
const HEAD: usize = MAGIC.len() + 2;

/// A room is created, in two pieces, and the server stops.
fn recording() -> Vec<u8> {
    let (start, mut actions) = (Instant::ZERO, Actions::new());
    let blocks = Blocks::new(Vec::new()).unwrap();
    let (config, entropy) = (Config::default(), SeededEntropy::new(1));
    let mut server = Recorder::new(config, entropy, start, Secrets::Replaced, blocks).unwrap();
    let request = Request::Create(Admission {
        room: RoomName::new("部屋").unwrap(),
        user: UserName::new("ボブ").unwrap(),
        password: Secret::new("秘密"),
        features: Features::NONE,
    });
    let connection = ConnectionId(1);
    let from = "192.0.2.1:40000".parse().unwrap();
    server.handle_into(Event::Opened { connection, from }, start, &mut actions);
    for bytes in request.encode().chunks(50) {
        server.handle_into(Event::Received { connection, bytes }, start, &mut actions);
    }
    server.handle_into(Event::Shutdown, start, &mut actions);
    server.into_sink().finish().unwrap()
}

/// The records of a recording in a file of their own, with checksums that are right.
fn sealed(records: &[u8]) -> Vec<u8> {
    let mut blocks = Blocks::new(Vec::new()).unwrap();
    blocks.write_block(records).unwrap();
    blocks.abandon().unwrap()
}

/// Replays as far as it goes: the events, and whether they agreed.
fn run(file: &[u8]) -> Result<Vec<bool>, ReadError> {
    let mut replay = Replay::new(file, file)?;
    let mut agreed = Vec::new();
    while let Some(step) = replay.step()? {
        agreed.push(step.agrees());
    }
    Ok(agreed)
}

#[test]
fn what_is_no_recording_is_refused() {
    for file in [&b""[..], b"chat", b"chatrec\n", b"GET / HTTP/1.1\r\n"] {
        assert!(matches!(run(file), Err(ReadError::NotARecording)), "{file:?}");
    }
    let mut newer = recording();
    newer[MAGIC.len() + 1] += 1;
    let error = run(&newer).unwrap_err().to_string();
    let found = VERSION + 1;
    let expected = format!(
        "the recording has version {found} of the format, and this program reads version {VERSION}: \
         replay it with the version of the program that recorded it"
    );
    assert_eq!(error, expected);
    assert!(matches!(run(&recording()[..HEAD]), Err(ReadError::Truncated { .. })));
}

#[test]
fn a_byte_that_is_flipped_is_found() {
    let file = recording();
    assert_eq!(run(&file).unwrap(), [true; 4]);
    for at in HEAD + BLOCK_HEADER..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1;
        let error = run(&flipped).unwrap_err();
        assert!(matches!(error, ReadError::Damaged { offset } if offset == HEAD as u64), "{error}");
    }
}

/// With its checksum made right again, a flipped byte leads to another outcome, is malformed, or is
/// one that decides nothing; but it never does harm.
#[test]
fn a_forged_record_does_no_harm() {
    let file = recording();
    let records = &file[HEAD + BLOCK_HEADER..];
    let (mut different, mut refused) = (0, 0);
    for at in 0..records.len() {
        for bit in 0..8 {
            let mut forged = records.to_vec();
            forged[at] ^= 1 << bit;
            match run(&sealed(&forged)) {
                Ok(agreed) => different += usize::from(agreed.contains(&false)),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(different > 50 && refused > 50, "{different} {refused}");
}

#[test]
fn a_block_is_not_believed() {
    let mut huge = recording();
    huge.truncate(HEAD);
    huge.extend_from_slice(&(MAX_BLOCK as u32 + 1).to_be_bytes());
    huge.extend_from_slice(&[0; 8]);
    assert!(matches!(run(&huge), Err(ReadError::BlockTooLarge { offset: 10, size: 16_777_217 })));
    huge[HEAD..HEAD + 4].copy_from_slice(&(MAX_BLOCK as u32).to_be_bytes());
    assert!(matches!(run(&huge), Err(ReadError::Truncated { offset: 10 })));
}

#[test]
fn records_have_their_places() {
    let file = recording();
    let records = &file[HEAD + BLOCK_HEADER..];
    let twice = [records, records].concat();
    assert!(matches!(run(&sealed(&twice)), Err(ReadError::OutOfPlace { .. })));
    assert!(matches!(run(&sealed(b"\x17\0")), Err(ReadError::OutOfPlace { .. })));
    let led_to_nothing = [&records[..records.len() - 2], &[5]].concat();
    assert!(matches!(run(&sealed(&led_to_nothing)), Err(ReadError::OutOfPlace { .. })));
    assert!(matches!(run(&sealed(&[records, &[0x30]].concat())), Err(ReadError::Malformed { .. })));
}

quickcheck! {
    fn any_records_are_replayed_or_refused(records: Vec<u8>) -> bool {
        let file = recording();
        let start = &file[HEAD + BLOCK_HEADER..];
        let forged = sealed(&[&start[..start.len() - 2], &records].concat());
        let _ = run(&forged);
        let bare = [&file[..HEAD], &records].concat();
        run(&bare).is_err()
    }
}
