//! Counts of rows that were read and dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::warning::Warning;

/// Summary of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IngestSummary {
    /// Rows in the files.
    pub rows: usize,
    /// Rows dropped because a value was missing or invalid, by reason.
    pub dropped: BTreeMap<String, usize>,
    /// SHA-256 of the file, or of the list of the files' digests where there are several.
    pub sha256: String,
    /// The files in order.
    pub files: Vec<FileSummary>,
    /// Median of C / (6 N D), where a source has all three.
    pub flop_ratio: Option<f64>,
    /// Warnings about implausible values.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSummary {
    /// Number of rows.
    pub rows: usize,
    /// SHA-256 of its content.
    pub sha256: String,
    /// BLAKE3 of its content.
    pub b3: String,
}

/// Number of rows that each rule dropped, in order, and number of remaining rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterCounts {
    /// Remaining rows.
    pub kept: usize,
    /// Rows dropped by each rule.
    pub dropped: Vec<usize>,
}

/// Number of rows of a table before and after each of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCounts {
    /// Rows before the first step.
    pub rows: usize,
    /// Rows after each step.
    pub after: Vec<usize>,
    /// What each step left out beyond what it is meant to leave out.
    pub left_out: Vec<Option<String>>,
}
