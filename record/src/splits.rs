//! Requests that came in pieces: what each was in whole, which is known only once it has come.

use std::collections::BTreeMap;
use std::io::Read;

use crate::error::ReadError;
use crate::limits::MAX_SPLIT_BYTES;
use crate::reader::Reader;
use crate::record::{Bytes, Record};

/// The requests by their numbers, as far as they are known and have not been read.
#[derive(Debug, Default)]
pub(crate) struct Splits(BTreeMap<u64, (Vec<u8>, usize)>);

impl Splits {
    /// Reads all of a recording for them. What is wrong with it is for the second reading to say.
    pub(crate) fn read(source: impl Read) -> Result<Self, ReadError> {
        let mut reader = Reader::new(source)?;
        let mut splits: BTreeMap<u64, (Vec<u8>, usize)> = BTreeMap::new();
        let mut held = 0;
        while let Ok(Some(record)) = reader.record() {
            if let Record::Fill { request, bytes } = record {
                held += bytes.len();
                if held > MAX_SPLIT_BYTES {
                    let what = "requests that came in pieces";
                    return Err(ReadError::TooMuch { most: MAX_SPLIT_BYTES, what });
                }
                splits.entry(request).or_default().0.extend_from_slice(bytes);
            }
        }
        Ok(Self(splits))
    }

    /// The next `size` bytes of a request, with filler for those that never became known.
    pub(crate) fn take(&mut self, request: u64, size: usize) -> Bytes<'_> {
        let Some((bytes, read)) = self.0.get_mut(&request) else {
            return Bytes::filler(size);
        };
        let start = *read;
        *read = bytes.len().min(start + size);
        Bytes { stem: bytes.get(start..*read).unwrap_or_default(), size }
    }
}
