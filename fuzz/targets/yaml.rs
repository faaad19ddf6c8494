//! A YAML text: the tree read from it, written as JSON (a subset of YAML), is read as the same tree.
#![no_main]

#[path = "../checks/yaml.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yaml::check(bytes));
