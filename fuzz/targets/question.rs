//! A question in one line: it becomes part of a spec or gives an error message, and a spec with it compiles or gives
//! errors.
#![no_main]

#[path = "../checks/question.rs"]
mod question;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| question::check(bytes));
