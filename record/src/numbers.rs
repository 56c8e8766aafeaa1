//! Numbers, addresses and sizes as the format has them, and a cursor that never reads past the end.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Appends a number in groups of seven bits, the lowest first; all but the last have the high bit.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number that is mostly small, of either sign: 0, -1, 1, -2, … as 0, 1, 2, 3, ….
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends an address: 4 or 6, the IP address, the port. Where an IPv6 address has a flow label or a
/// scope it is 7, and both follow.
pub(crate) fn put_address(out: &mut Vec<u8>, address: &SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            // In one piece: a digest has one for each recipient.
            let ([a, b, c, d], [high, low]) = (v4.ip().octets(), v4.port().to_be_bytes());
            out.extend_from_slice(&[4, a, b, c, d, high, low]);
        }
        SocketAddr::V6(v6) => {
            let is_plain = v6.flowinfo() == 0 && v6.scope_id() == 0;
            out.push(if is_plain { 6 } else { 7 });
            out.extend_from_slice(&v6.ip().octets());
            out.extend_from_slice(&v6.port().to_be_bytes());
            if !is_plain {
                out.extend_from_slice(&v6.flowinfo().to_be_bytes());
                out.extend_from_slice(&v6.scope_id().to_be_bytes());
            }
        }
    }
}

/// Reads from the front of some bytes. `None` where they end too early or are no such thing.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            // The tenth group has one bit left.
            if shift == 63 && group > 1 {
                return None;
            }
            number |= group << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A size, of at most `most`.
    pub(crate) fn size(&mut self, most: usize) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|size| *size <= most)
    }

    /// A size of at most `most`, and so many bytes.
    pub(crate) fn sized(&mut self, most: usize) -> Option<&'a [u8]> {
        let size = self.size(most)?;
        self.bytes(size)
    }

    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        let kind = self.byte()?;
        let ip = match kind {
            4 => IpAddr::from(self.array::<4>()?),
            6 | 7 => IpAddr::from(self.array::<16>()?),
            _ => return None,
        };
        let port = u16::from_be_bytes(self.array()?);
        match (kind, ip) {
            (7, IpAddr::V6(ip)) => {
                let flowinfo = u32::from_be_bytes(self.array()?);
                let scope = u32::from_be_bytes(self.array()?);
                Some(labelled(ip, port, flowinfo, scope))
            }
            _ => Some(SocketAddr::new(ip, port)),
        }
    }
}

fn labelled(ip: Ipv6Addr, port: u16, flowinfo: u32, scope: u32) -> SocketAddr {
    SocketAddrV6::new(ip, port, flowinfo, scope).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    quickcheck::quickcheck! {
        fn numbers_come_back(number: u64, signed: i64) -> bool {
            let mut out = Vec::new();
            put(&mut out, number);
            put_signed(&mut out, signed);
            let mut cursor = Cursor(&out);
            cursor.number() == Some(number) && cursor.signed() == Some(signed) && cursor.is_empty()
        }

        fn addresses_come_back(address: SocketAddr, flowinfo: u32, scope: u32) -> bool {
            let labelled = match address {
                SocketAddr::V6(v6) => labelled(*v6.ip(), v6.port(), flowinfo, scope),
                v4 => v4,
            };
            [address, labelled].into_iter().all(|address| {
                let mut out = Vec::new();
                put_address(&mut out, &address);
                let mut cursor = Cursor(&out);
                cursor.address() == Some(address) && cursor.is_empty()
            })
        }
    }

    #[test]
    fn small_numbers_are_short() {
        for (number, bytes) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xac, 2])]
        {
            let mut out = Vec::new();
            put(&mut out, number);
            assert_eq!(out, bytes);
        }
        let mut out = Vec::new();
        for number in [0, -1, 1, -64, 63] {
            put_signed(&mut out, number);
        }
        assert_eq!(out, [0, 1, 2, 127, 126]);
    }

    #[test]
    fn refuses_what_is_no_number_and_what_ends_too_early() {
        assert_eq!(Cursor(&[0xff; 9]).number(), None);
        let largest = [&[0xff; 9][..], &[1]].concat();
        assert_eq!(Cursor(&largest).number(), Some(u64::MAX));
        let too_large = [&[0xff; 9][..], &[2]].concat();
        assert_eq!(Cursor(&too_large).number(), None);
        assert_eq!(Cursor(&[0xff; 11]).number(), None);
        assert_eq!(Cursor(&[5, 1, 2]).sized(10), None);
        assert_eq!(Cursor(&[3, 1, 2, 3]).sized(2), None);
        assert_eq!(Cursor(&[5, 0]).address(), None);
        assert_eq!(Cursor(&[4, 127, 0, 0, 1, 0]).address(), None);
    }
}
