//! Reading a fuzzer's bytes as choices. There are always more: past the end come zeros.

/// What is left of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of `of`, by the next byte.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// Whether a thing that seldom happens does.
    pub(crate) fn seldom(&mut self) -> bool {
        self.byte() >= 224
    }

    /// So many bytes as the next one says, or all there are.
    pub(crate) fn chunk(&mut self) -> &'a [u8] {
        let size = usize::from(self.byte());
        let (chunk, rest) = self.0.split_at(size.min(self.0.len()));
        self.0 = rest;
        chunk
    }

    /// A chunk up to where it stops being text.
    pub(crate) fn text(&mut self) -> &'a str {
        text_of(self.chunk())
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// The bytes up to where they stop being text.
pub(crate) fn text_of(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// `bytes` in pieces of the sizes in `cuts`, some of them empty, and one for the rest.
pub(crate) fn pieces<'a>(bytes: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut left = bytes;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = left.split_at(usize::from(cut % 64).min(left.len()));
        pieces.push(piece);
        left = rest;
    }
    pieces.push(left);
    pieces
}
