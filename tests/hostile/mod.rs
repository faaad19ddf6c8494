//! Specs and data files that are mutated, drawn at random or pathological: each run stays within limits and ends as
//! documented.
//!
//! A usual test run takes one in 13 of the mutated and drawn specs, and skips the pathological specs and the data
//! files. All of them run if `LAWFIT_HOSTILE` is set, as `just hostile` does. All random choices come from seeds.

#![allow(clippy::format_collect, clippy::too_many_lines, reason = "the cases are lists of texts that are made")]
#![allow(clippy::expect_used, reason = "the checks of the fuzz targets say what they expect")]

mod bombs;
mod data;
mod drawn;
mod fuzzed;
mod held;
mod mutated;
mod packed;
mod parquet;
mod schema;
mod seeds;

use held::{hold, thorough};

#[test]
fn mutated_specs_are_answered_within_limits() {
    hold("mutated specs", &mutated::cases(400), 13);
}

#[test]
fn specs_drawn_from_the_schema_are_answered_within_limits() {
    hold("drawn specs", &drawn::cases(200), 13);
}

#[test]
fn pathological_specs_are_answered_within_limits() {
    if thorough() {
        hold("specs made to hurt", &bombs::cases(), 1);
    } else {
        println!("hostile: specs made to hurt are skipped, `just hostile` tries them");
    }
}

#[test]
fn odd_files_of_every_format_are_answered_within_limits() {
    if thorough() {
        hold("odd files", &data::cases(), 1);
    } else {
        println!("hostile: odd files are skipped, `just hostile` tries them");
    }
}
