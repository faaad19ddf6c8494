//! A formula: parsed, printed, read again the same, compiled and evaluated with its derivatives.
#![no_main]

#[path = "../checks/formula.rs"]
mod formula;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| formula::check(bytes));
