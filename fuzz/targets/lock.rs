//! A lock file: what can be read is written the same, and can be compared.
#![no_main]

#[path = "../checks/lock.rs"]
mod lock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lock::check(bytes));
