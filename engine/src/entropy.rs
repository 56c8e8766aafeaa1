//! Where the bytes of tokens come from: a source that is handed in.

/// A source of random bytes.
///
/// In production it is the operating system's. [`SeededEntropy`] is for simulations and tests.
/// Any `FnMut(&mut [u8]) -> Result<(), EntropyError>` is one.
pub trait Entropy {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`EntropyError`] when the source has none to give; the join that needed it is then refused
    /// with `try_later`.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source had no bytes to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes failed")]
pub struct EntropyError;

impl<F: FnMut(&mut [u8]) -> Result<(), EntropyError>> Entropy for F {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self(bytes)
    }
}

/// The same bytes from the same seed: for simulations and tests, and no source of secrets.
#[derive(Debug, Clone)]
pub struct SeededEntropy(fastrand::Rng);

impl SeededEntropy {
    /// A source that one number determines.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(bytes);
        Ok(())
    }
}
