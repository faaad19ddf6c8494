//! A text of YAML: what is read is read the same when it is written as JSON, which is YAML too.
#![no_main]

#[path = "../checks/yaml.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yaml::check(bytes));
