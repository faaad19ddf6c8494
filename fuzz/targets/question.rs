//! A question in one line: it is part of a spec or refused in words, and a spec with it compiles or says what is wrong.
#![no_main]

#[path = "../checks/question.rs"]
mod question;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| question::check(bytes));
