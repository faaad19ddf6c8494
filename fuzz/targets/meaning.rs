//! A record whose outputs are altered under a checksum that fits: the store gives only roles that the stage produces,
//! and only whole blobs.
#![no_main]

#[path = "../checks/meaning.rs"]
mod meaning;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| meaning::check(bytes));
