//! Lock files: what the program writes of a lock equals what a TOML reader finds in the file, and locks can be
//! compared.
#![no_main]

#[path = "../checks/lock.rs"]
mod lock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lock::check(bytes));
