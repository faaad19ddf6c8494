//! Expectations: conditions on results, and limits on how far a number moves from one run to the next.
//!
//! The planner parses and checks them, the stage of results judges conditions, and the command line judges drifts,
//! since only it knows the lock file of the earlier run.

mod condition;
mod drift;
mod outcome;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use condition::near;
pub use drift::{Drift, DriftUnit, ExpectedDrift, Measure, Moved};
pub use outcome::{Judged, judged};

/// The effect of a failed expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run ends with 6.
    #[default]
    Error,
    /// The run prints a warning.
    Warn,
}

/// An expectation, in canonical spelling.
#[derive(Clone, Debug, Serialize)]
pub struct Expected {
    /// The condition.
    pub that: String,
    /// Whether a failed expectation ends the run with an error or only warns.
    pub severity: Severity,
    /// Reason.
    pub because: Option<String>,
}

/// The result of an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationResult {
    /// The condition.
    pub that: String,
    /// Reason, from the spec.
    pub because: Option<String>,
    /// `passed` or `failed`.
    pub status: String,
    /// Whether a failed expectation ends the run with an error or only warns.
    #[serde(default)]
    pub severity: Severity,
    /// The numbers in the condition.
    pub actual: BTreeMap<String, Option<f64>>,
    /// Why it fails, if not by its numbers: one of them is not identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
