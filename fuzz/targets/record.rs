//! Records and bundles of a cache: whatever they say, nothing is taken that is not whole.
#![no_main]

#[path = "../checks/record.rs"]
mod record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| record::check(bytes));
