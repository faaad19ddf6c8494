//! What a fit says to a query.

use std::collections::BTreeMap;

use schemars::JsonSchema;
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

/// A forecast of a response with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The response.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl From<Prediction> for Interval {
    fn from(Prediction { value, lower, upper }: Prediction) -> Self {
        Self { value: Some(value), lower: Some(lower), upper: Some(upper) }
    }
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
    /// The law has no answer there.
    NoAnswer,
    /// No value of the variable reaches the target.
    NotReachable,
    /// The law was not fitted: its constants were given.
    NotFitted,
    /// The rows do not allow a forecast by several laws.
    NotForecast,
}

impl Verdict {
    /// The verdict in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Inside => "inside the data",
            Self::Near => "near the data",
            Self::Far => "far outside the data",
            Self::NotIdentified => "not identified",
            Self::NoAnswer => "no answer",
            Self::NotReachable => "not reachable",
            Self::NotFitted => "published constants",
            Self::NotForecast => "not forecast",
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
    /// Whether the note is on outputs that are left out alone, and the others have their values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partly: bool,
    /// The share of the draws in which there is an answer; none where there is one in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<f64>,
}

/// The key of what belongs to no group.
pub const ALL: &str = "all";

/// What went into a forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The members with their shares, largest share first.
    pub members: Vec<Share>,
    /// How often the last runs were hidden.
    pub origins: usize,
    /// The size of the discrepancy process, in ln y.
    pub discrepancy: f64,
    /// Distinct configurations.
    pub configurations: usize,
}

/// A member's part in a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The law.
    pub law: String,
    /// Logarithm of scale over which a run's weight falls by e.
    pub window: f64,
    /// Its share of the stack.
    pub share: f64,
    /// Root mean square of its errors in ln y when the last runs were hidden.
    pub error: Option<f64>,
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
    /// What went into a forecast by several laws; by group where there are groups, else under `all`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<String, Account>,
    /// What is to be said next to each number: parameters on bounds and not identified, by group where there are groups,
    /// else under `all`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caveats: BTreeMap<String, Vec<String>>,
    /// What a reader should know, in words.
    pub warnings: Vec<String>,
}
