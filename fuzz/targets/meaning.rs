//! What a record says of its outputs, under a checksum that fits: nothing is taken that the stage does not produce, nor a
//! blob that is not whole.
#![no_main]

#[path = "../checks/meaning.rs"]
mod meaning;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| meaning::check(bytes));
