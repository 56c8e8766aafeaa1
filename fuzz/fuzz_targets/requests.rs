//! For cargo-fuzz; in an ordinary build it is empty.

#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::requests::run(input)));
#[cfg(not(fuzzing))]
fn main() {}
