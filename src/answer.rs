//! What a fit says to a query.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A number with an interval around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The number; none where it cannot be reached.
    pub value: Option<f64>,
    /// Lower end.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// How an answer stands to the rows that were fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the span of every variable.
    Inside,
    /// Outside by a factor of ten at most.
    Near,
    /// Farther outside.
    Far,
    /// The rows do not tell what the answer rests on.
    NotIdentified,
    /// No value of the variable reaches the target.
    NotReachable,
    /// The law was not fitted: its constants were given.
    NotFitted,
}

impl Verdict {
    /// The verdict in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Inside => "inside the data",
            Self::Near => "near the data",
            Self::Far => "far outside the data",
            Self::NotIdentified => "not identified",
            Self::NotReachable => "not reachable",
            Self::NotFitted => "published constants",
        }
    }
}

/// How far an answer leaves the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The verdict.
    pub verdict: Verdict,
    /// The largest factor by which a variable leaves its span; none where there are no rows.
    pub factor: Option<f64>,
    /// That factor by variable.
    pub by_variable: BTreeMap<String, f64>,
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The group of the fit that was asked, where there are groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What was asked, by variable.
    pub inputs: BTreeMap<String, f64>,
    /// What was found, by name.
    pub outputs: BTreeMap<String, Interval>,
    /// How far it leaves the data.
    pub reach: Extent,
    /// Why there is no value, where there is none.
    pub note: Option<String>,
}

/// What a fit says to a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The kind of query.
    pub kind: String,
    /// What the intervals cover, in words; none where there are none.
    pub interval: Option<String>,
    /// One row per question.
    pub rows: Vec<Row>,
    /// What a reader should know, in words.
    pub warnings: Vec<String>,
}
