//! A record with changed outputs and a valid checksum: the store returns only roles that the stage produces, and only
//! complete blobs.
#![no_main]

#[path = "../checks/meaning.rs"]
mod meaning;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| meaning::check(bytes));
