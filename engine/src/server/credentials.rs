//! Tokens that the server issues, and passwords as it holds them.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use protocol::Token;
use slotmap::{Key, KeyData};
use zeroize::Zeroize;

use crate::action::MemberId;
use crate::entropy::{Entropy, EntropyError};

/// The first characters of a token: where its member's record is, in hexadecimal digits.
const PLACE_CHARS: usize = 16;

/// Random bytes in a token: 128 bits, which nobody guesses.
const RANDOM_BYTES: usize = 16;

/// The other characters: the random bytes in base64url without padding.
const RANDOM_CHARS: usize = 22;

const TOKEN_CHARS: usize = PLACE_CHARS + RANDOM_CHARS;

/// A token as this server issues them.
pub(super) type IssuedToken = Token<TOKEN_CHARS>;

/// A password as the server holds it: keyed with a key of this process alone, so that it says
/// nothing outside of it. Two are compared in constant time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PasswordHash {
    hash: blake3::Hash,
    /// Whether there is a password at all, which the listing of the rooms tells.
    pub(super) is_set: bool,
}

/// The key of this process.
pub(super) struct Credentials {
    key: [u8; blake3::KEY_LEN],
}

impl Credentials {
    pub(super) fn new(entropy: &mut dyn Entropy) -> Result<Self, EntropyError> {
        let mut key = [0; blake3::KEY_LEN];
        entropy.fill(&mut key)?;
        Ok(Self { key })
    }

    /// Microseconds, not the tens of milliseconds of a password hash for storage: these are never
    /// stored, and a join must stay cheap.
    pub(super) fn hash(&self, password: &str) -> PasswordHash {
        let hash = blake3::keyed_hash(&self.key, password.as_bytes());
        PasswordHash { hash, is_set: !password.is_empty() }
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// A new token for `member`, with random bytes from `entropy`. No two are the same, whatever these are:
/// no two members have the same id.
///
/// It says where its member's record is, so that a datagram costs no search for it. That tells its owner
/// hardly more than how many members there are, which the list of the rooms tells everyone.
pub(super) fn issue(
    member: MemberId,
    entropy: &mut dyn Entropy,
) -> Result<IssuedToken, EntropyError> {
    let mut random = [0; RANDOM_BYTES];
    entropy.fill(&mut random)?;
    let mut text = [0; TOKEN_CHARS];
    let (first, others) = text.split_at_mut(PLACE_CHARS);
    HEXLOWER.encode_mut(&member.data().as_ffi().to_be_bytes(), first);
    BASE64URL_NOPAD.encode_mut(&random, others);
    let token = core::str::from_utf8(&text).ok().and_then(Token::new);
    random.zeroize();
    text.zeroize();
    token.ok_or(EntropyError)
}

/// Whose a token says it is. Anybody may have made it up, and it may lead anywhere: only who bears all
/// of it is meant.
pub(super) fn alleged_bearer(token: &str) -> Option<MemberId> {
    let digits = token.as_bytes().first_chunk::<PLACE_CHARS>()?;
    // Of what is no digit something comes as well, where no member bears it.
    let value = |digit: &u8| u64::from(digit & 0xf) + 9 * u64::from(digit >> 6);
    let place = digits.iter().fold(0, |place, digit| (place << 4) | value(digit));
    Some(KeyData::from_ffi(place).into())
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use slotmap::SlotMap;

    use super::*;
    use crate::entropy::SeededEntropy;

    fn filled_with(filling: u8) -> impl FnMut(&mut [u8]) -> Result<(), EntropyError> {
        move |bytes| {
            bytes.fill(filling);
            Ok(())
        }
    }

    #[test]
    fn a_token_is_a_place_and_128_bits_in_38_characters() {
        let place = 0x89ab_cdef_0123_4567;
        let token = issue(KeyData::from_ffi(place).into(), &mut filled_with(0xff)).unwrap();
        assert!(token.matches("89abcdef01234567_____________________w"));
    }

    #[test]
    fn a_token_leads_back_to_its_member() {
        let mut members: SlotMap<MemberId, ()> = SlotMap::with_key();
        for round in 0..3 {
            let ids: Vec<_> = (0..100).map(|_| members.insert(())).collect();
            for id in &ids {
                let token = issue(*id, &mut filled_with(round)).unwrap();
                assert_eq!(alleged_bearer(token.as_str()), Some(*id));
            }
            members.clear();
        }
    }

    #[test]
    fn what_is_no_token_leads_nowhere_or_anywhere() {
        for short in ["", "000000010000000", "ああああa"] {
            assert_eq!(alleged_bearer(short), None, "{short}");
        }
        for wild in ["~".repeat(255), "\0".repeat(16), "あ".repeat(85)] {
            assert!(alleged_bearer(&wild).is_some());
        }
    }

    #[test]
    fn a_source_that_fails_issues_nothing() {
        let mut none = |_: &mut [u8]| Err(EntropyError);
        assert!(issue(MemberId::default(), &mut none).is_err());
        assert!(Credentials::new(&mut none).is_err());
    }

    #[test]
    fn a_hash_is_of_the_password_and_of_this_process() {
        let credentials = |seed| Credentials::new(&mut SeededEntropy::new(seed)).unwrap();
        let hash = credentials(1).hash("secret");
        assert!(hash == credentials(1).hash("secret") && hash.is_set);
        assert!(hash != credentials(1).hash("Secret"));
        assert!(hash != credentials(2).hash("secret"));
        assert!(!credentials(1).hash("").is_set);
    }
}
