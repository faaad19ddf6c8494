//! A formula: printing and parsing it again gives the same formula, which is then compiled and evaluated with its
//! derivatives.
#![no_main]

#[path = "../checks/formula.rs"]
mod formula;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| formula::check(bytes));
