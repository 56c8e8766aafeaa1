//! Payloads, which are JSON objects, and parts of them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Reads an object. A derived reader would take a list of the fields' values as well.
pub(super) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let first = bytes.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    if first != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

/// What a value is as JSON.
pub(super) fn text<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Cannot fail: writing to a vector does not, and only text is a key here.
    serde_json::to_vec(value).unwrap_or_default()
}
