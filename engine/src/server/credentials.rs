//! Tokens that the server issues, and passwords as it holds them.

use data_encoding::BASE64URL_NOPAD;
use protocol::Token;
use zeroize::Zeroize;

use crate::entropy::{Entropy, EntropyError};

/// Random bytes in a token: 128 bits, which nobody guesses.
const TOKEN_BYTES: usize = 16;

/// Characters of a token: its bytes in base64url without padding.
const TOKEN_CHARS: usize = 22;

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

/// A new token from `entropy`.
pub(super) fn issue(entropy: &mut dyn Entropy) -> Result<IssuedToken, EntropyError> {
    let mut bytes = [0; TOKEN_BYTES];
    entropy.fill(&mut bytes)?;
    let mut text = [0; TOKEN_CHARS];
    BASE64URL_NOPAD.encode_mut(&bytes, &mut text);
    let token = core::str::from_utf8(&text).ok().and_then(Token::new);
    bytes.zeroize();
    text.zeroize();
    token.ok_or(EntropyError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_token_is_128_bits_in_22_characters() {
        let token = issue(&mut |bytes: &mut [u8]| {
            bytes.fill(0xff);
            Ok(())
        });
        assert!(token.unwrap().matches("_____________________w"));
    }

    #[test]
    fn a_source_that_fails_issues_nothing() {
        assert!(issue(&mut |_: &mut [u8]| Err(EntropyError)).is_err());
        assert!(Credentials::new(&mut |_: &mut [u8]| Err(EntropyError)).is_err());
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
