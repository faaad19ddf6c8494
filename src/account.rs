//! What was read and what was dropped, row by row accounted for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IngestSummary {
    /// Rows in the files.
    pub rows: usize,
    /// Rows dropped because a value was missing or could not be, by reason.
    pub dropped: BTreeMap<String, usize>,
    /// SHA-256 of the file; of the list of the files' digests where there are several.
    pub sha256: String,
    /// The files, in order.
    pub files: Vec<FileSummary>,
    /// Median of C / (6 N D), where a source gives all three.
    pub flop_ratio: Option<f64>,
    /// What a reader should doubt of its values, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSummary {
    /// Its rows.
    pub rows: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// BLAKE3 of its bytes.
    pub b3: String,
}

/// How many rows each rule dropped, in order, and how many are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterCounts {
    /// Rows left.
    pub kept: usize,
    /// Rows dropped by each rule.
    pub dropped: Vec<usize>,
}

/// How many rows a table took and had after each of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCounts {
    /// Rows before the first step.
    pub rows: usize,
    /// Rows after each step.
    pub after: Vec<usize>,
}
