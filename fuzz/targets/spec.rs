//! The bytes of a spec, in either language: read, composed and compiled, never a panic.
#![no_main]

#[path = "../checks/spec.rs"]
mod spec;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| spec::check(bytes));
