//! The bytes of a spec in either language: reading, composing and compiling them never panics.
#![no_main]

#[path = "../checks/spec.rs"]
mod spec;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| spec::check(bytes));
