//! Several datagrams in one: read as the table in PROTOCOL.md has it, and packed so that they are
//! read again.

use protocol::limits::{MAX_BUNDLE, MAX_DATAGRAM, UDP_HEADER};
use protocol::udp::{Bundle, BundleError};

use crate::Reached;
use crate::input::Input;

/// Any bytes.
pub(super) fn read(bytes: &[u8]) -> Reached {
    let plain = entries(bytes);
    assert_eq!(Bundle::is_one(bytes), bytes.starts_with(&[0; UDP_HEADER]));
    let read = Bundle::parse(bytes).map(|bundle| bundle.datagrams().collect::<Vec<_>>());
    assert_eq!(read, plain);
    Reached::from([match read {
        Ok(_) => "bundle",
        Err(BundleError::TooLong) => "bundle too long",
        Err(BundleError::NoBundle) => "no bundle",
        Err(BundleError::Truncated) => "bundle cut short",
        Err(BundleError::Nested) => "bundle in a bundle",
    }])
}

/// The datagrams in a bundle, by the words of PROTOCOL.md.
pub(crate) fn entries(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    if bytes.len() > MAX_DATAGRAM {
        return Err(BundleError::TooLong);
    }
    let mut rest = bytes.strip_prefix(&[0; UDP_HEADER]).ok_or(BundleError::NoBundle)?;
    let mut entries = Vec::new();
    while let [high, low, after @ ..] = rest {
        let size = usize::from(*high) * 256 + usize::from(*low);
        let (entry, after) = after.split_at_checked(size).ok_or(BundleError::Truncated)?;
        if entry.starts_with(&[0; UDP_HEADER]) {
            return Err(BundleError::Nested);
        }
        entries.extend((!entry.is_empty()).then_some(entry));
        rest = after;
    }
    Ok(entries)
}

/// Datagrams of the input's choice, `copies of the text | text` each, in as few bundles as that takes.
pub(super) fn packed(mut input: Input<'_>) -> Reached {
    let mut datagrams = Vec::new();
    while !input.is_over() {
        let copies = usize::from(input.byte() % 16);
        // A name's size is never 0, so no datagram begins like a bundle.
        let datagram = [&[1][..], &input.chunk().repeat(copies)].concat();
        if Bundle::fits(datagram.len()) {
            datagrams.push(datagram);
        }
    }
    let mut out = b"before".to_vec();
    let size = Bundle::pack(datagrams.iter().map(|datagram| &datagram[..]), &mut out);
    let out = out.strip_prefix(b"before").unwrap();
    assert!(size <= MAX_BUNDLE);
    if datagrams.is_empty() {
        assert_eq!((size, out.len()), (0, 0));
        return Reached::from(["nothing packed"]);
    }
    let bundles: Vec<&[u8]> = out.chunks(size).collect();
    let read: Vec<&[u8]> = bundles.iter().flat_map(|bytes| entries(bytes).unwrap()).collect();
    assert_eq!(read, datagrams);
    // As few as it takes: what begins a bundle would not have fitted the one before.
    for pair in bundles.windows(2) {
        let before: usize = entries(pair[0]).unwrap().iter().map(|entry| entry.len() + 2).sum();
        let next = entries(pair[1]).unwrap()[0].len() + 2;
        assert!(UDP_HEADER + before + next > MAX_BUNDLE);
    }
    Reached::from([if bundles.len() > 1 { "bundles packed" } else { "bundle packed" }])
}
