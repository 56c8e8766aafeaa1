//! Several datagrams in one, for members that asked for the feature `bundle`.
//!
//! ```text
//! 0 | 0 | 0 | [length 2][datagram] | [length 2][datagram] | …
//! ```
//!
//! A length of 0 is padding, and so is a single last byte: bundles of messages of any sizes can be
//! made equal in size, which is what handing many of them to the kernel in one call needs.

use alloc::vec::Vec;

use crate::limits::{MAX_BUNDLE, MAX_DATAGRAM, UDP_HEADER};

/// The sizes of a bundle's own fields: nothing else has three times 0, since rooms have names.
const BUNDLE_HEADER: [u8; UDP_HEADER] = [0; UDP_HEADER];

/// Bytes before each datagram in a bundle: its length.
const LENGTH_BYTES: usize = 2;

/// The borrowed view of a bundle, whose lengths all fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle<'a> {
    entries: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// Whether `bytes` are to be read as a bundle, and not as one datagram.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&BUNDLE_HEADER)
    }

    /// Reads a bundle. Costs one step a datagram.
    ///
    /// # Errors
    /// [`BundleError`], and then nothing in it is valid.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(BundleError::TooLong);
        }
        let entries = bytes.strip_prefix(&BUNDLE_HEADER).ok_or(BundleError::NoBundle)?;
        let mut rest = entries;
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let (datagram, after) = after.split_at_checked(length).ok_or(BundleError::Truncated)?;
            if Self::is_one(datagram) {
                return Err(BundleError::Nested);
            }
            rest = after;
        }
        Ok(Self { entries })
    }

    /// The datagrams in it, in their order.
    pub fn datagrams(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.entries;
        core::iter::from_fn(move || {
            loop {
                let (length, after) = rest.split_first_chunk::<LENGTH_BYTES>()?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (datagram, after) = after.split_at_checked(length)?;
                rest = after;
                if !datagram.is_empty() {
                    return Some(datagram);
                }
            }
        })
    }
}

/// Why bytes are no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More than 4,096 bytes.
    #[error("the bundle is longer than 4096 bytes")]
    TooLong,
    /// It does not begin with three times 0.
    #[error("this is no bundle")]
    NoBundle,
    /// A length goes beyond the end.
    #[error("a datagram in the bundle is shorter than its length says")]
    Truncated,
    /// A bundle lies inside.
    #[error("a bundle lies inside the bundle")]
    Nested,
}

impl Bundle<'_> {
    /// Whether a datagram of `size` bytes can share a bundle at all.
    pub const fn fits(size: usize) -> bool {
        UDP_HEADER + LENGTH_BYTES + size <= MAX_BUNDLE
    }

    /// Appends to `out` all of `datagrams`, each of which [fits](Bundle::fits), in their order and in
    /// as few bundles as that takes. Each of these has the size in bytes that it gives, at most
    /// [`MAX_BUNDLE`]; the last one may be shorter. Costs two passes over them.
    pub fn pack<'a>(datagrams: impl Iterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) -> usize {
        let size = largest(datagrams.clone().map(<[u8]>::len));
        let mut fill = Fill::default();
        let mut start = out.len();
        for datagram in datagrams {
            if fill.begins_another(datagram.len()) {
                if fill.bundles > 1 {
                    out.resize(start + size, 0);
                    start += size;
                }
                out.extend_from_slice(&BUNDLE_HEADER);
            }
            let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(datagram);
        }
        size
    }
}

/// The size of the largest bundle that datagrams of such sizes fill.
fn largest(sizes: impl Iterator<Item = usize>) -> usize {
    let mut fill = Fill::default();
    let filled = sizes.map(|size| {
        fill.begins_another(size);
        fill.size
    });
    filled.max().unwrap_or(0)
}

/// How far the bundle that is being filled is.
#[derive(Debug, Default)]
struct Fill {
    bundles: usize,
    size: usize,
}

impl Fill {
    /// Takes a datagram of `size` bytes; whether it begins another bundle.
    fn begins_another(&mut self, size: usize) -> bool {
        let needed = LENGTH_BYTES + size;
        let is_another = self.bundles == 0 || self.size + needed > MAX_BUNDLE;
        if is_another {
            self.bundles += 1;
            self.size = UDP_HEADER;
        }
        self.size += needed;
        is_another
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn datagrams(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
        Bundle::parse(bytes).map(|bundle| bundle.datagrams().collect())
    }

    #[test]
    fn reads_what_lies_between_padding() {
        let bytes = [0, 0, 0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9, 0];
        assert_eq!(datagrams(&bytes), Ok(vec![&[7, 8][..], &[9]]));
        assert_eq!(datagrams(&[0, 0, 0]), Ok(vec![]));
        assert_eq!(datagrams(&[0, 0, 0, 0]), Ok(vec![]));
        assert_eq!(datagrams(&[0, 0, 0, 5]), Ok(vec![]), "a single last byte is padding");
    }

    #[test]
    fn refuses_what_is_none() {
        assert_eq!(datagrams(&[0, 0, 1]), Err(BundleError::NoBundle));
        assert_eq!(datagrams(&[0, 0]), Err(BundleError::NoBundle));
        assert_eq!(datagrams(&[0, 0, 0, 0, 2, 7]), Err(BundleError::Truncated));
        assert_eq!(datagrams(&[0, 0, 0, 0, 3, 0, 0, 0]), Err(BundleError::Nested));
        assert_eq!(datagrams(&[0; MAX_DATAGRAM]), Ok(vec![]));
        assert_eq!(datagrams(&[0; MAX_DATAGRAM + 1]), Err(BundleError::TooLong));
    }

    #[test]
    fn is_filled_to_its_limit_and_padded_to_the_others() {
        let datagrams = [&[1; 595][..], &[2; 598], &[3; 7], &[4; 1195], &[5; 1]];
        let mut out = Vec::new();
        let size = Bundle::pack(datagrams.into_iter(), &mut out);
        assert_eq!((size, out.len()), (1200, 3 * 1200 + 6));
        let bundles = out.chunks(size).map(|bytes| Bundle::parse(bytes).unwrap());
        let counts: Vec<usize> = bundles.map(|bundle| bundle.datagrams().count()).collect();
        assert_eq!(counts, [2, 1, 1, 1]);
        assert!(Bundle::fits(1195) && !Bundle::fits(1196));
    }

    quickcheck::quickcheck! {
        fn what_is_packed_is_read(contents: Vec<Vec<u8>>, long: u8) -> bool {
            let mut contents = contents;
            // A name's size is never 0, so no datagram begins like a bundle.
            contents.iter_mut().for_each(|datagram| datagram.insert(0, 1));
            contents.push(vec![1; usize::from(long) * 4]);
            contents.retain(|datagram| !datagram.is_empty() && Bundle::fits(datagram.len()));
            let mut out = vec![9];
            let size = Bundle::pack(contents.iter().map(|datagram| &datagram[..]), &mut out);
            let out = &out[1..];
            if contents.is_empty() {
                return out.is_empty() && size == 0;
            }
            let bundles: Vec<&[u8]> = out.chunks(size).collect();
            let read: Vec<&[u8]> =
                bundles.iter().flat_map(|bytes| Bundle::parse(bytes).unwrap().datagrams()).collect();
            size <= MAX_BUNDLE && read == contents
        }

        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) -> bool {
            let bytes = [&[0, 0, 0], &bytes[..]].concat();
            match datagrams(&bytes) {
                Ok(read) => read.iter().map(|datagram| datagram.len() + 2).sum::<usize>() <= bytes.len(),
                Err(_) => true,
            }
        }
    }
}
