//! The answer of a fit to a query.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::warning::Warning;

/// A number with an interval around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The number; `None` where it cannot be reached.
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

/// How far an answer lies from the fitted rows, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Inside the range of every variable.
    Inside,
    /// Outside by at most a factor of ten, for a variable that is compared by factors; by at most the width of its range,
    /// for any other variable.
    Near,
    /// Outside by more.
    Far,
    /// The rows do not identify the parameters on which the answer depends.
    NotIdentified,
    /// The law has no answer at this point.
    NoAnswer,
    /// No value of the variable reaches the target.
    NotReachable,
    /// The law was not fitted; its constants were given.
    NotFitted,
    /// The rows do not allow a forecast by several laws.
    NotForecast,
}

impl Verdict {
    /// Description of the verdict.
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

/// Distance of an answer from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The verdict.
    pub verdict: Verdict,
    /// The largest factor by which a variable lies outside its range: a count of parameters, data or compute, or one whose
    /// rows span a factor of ten. `None` where there are no rows.
    pub factor: Option<f64>,
    /// The factor by variable.
    pub by_variable: BTreeMap<String, f64>,
    /// The distances of other variables from their ranges, in widths of the ranges; none inside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub widths: BTreeMap<String, f64>,
}

impl Extent {
    /// A verdict without a distance.
    pub const fn without_distance(verdict: Verdict) -> Self {
        Self { verdict, factor: None, by_variable: BTreeMap::new(), widths: BTreeMap::new() }
    }
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The group whose fit answers, where there are groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Inputs by variable.
    pub inputs: BTreeMap<String, f64>,
    /// Results by name.
    pub outputs: BTreeMap<String, Interval>,
    /// Distance from the data.
    pub reach: Extent,
    /// Why there is no value.
    pub note: Option<String>,
    /// Whether the note concerns only missing outputs, and the others have values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partly: bool,
    /// Share of the draws with an answer; `None` where all have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<f64>,
}

/// Key of entries without a group.
pub const ALL: &str = "all";

/// The composition of a forecast by several laws.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The members and their shares, largest first.
    pub members: Vec<Share>,
    /// Number of times that the last runs were hidden.
    pub origins: usize,
    /// Standard deviation of the discrepancy process, in ln y.
    pub discrepancy: f64,
    /// Number of distinct configurations.
    pub configurations: usize,
}

/// The part of a member in a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Name of the law.
    pub law: String,
    /// Logarithm of scale over which the weight of a run falls by a factor of e.
    pub window: f64,
    /// Share of the stack.
    pub share: f64,
    /// Root mean square error in ln y when the last runs were hidden.
    pub error: Option<f64>,
}

/// The laws that answered a question together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stack {
    /// The sizes along which the errors of the laws grow, with their largest values in the rows.
    pub beyond: BTreeMap<String, f64>,
    /// The laws; that of the fit comes first.
    pub laws: Vec<StackedLaw>,
}

/// One of several laws that answered a question together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackedLaw {
    /// Name of the law.
    pub law: String,
    /// Its share of the answer.
    pub share: f64,
    /// Root mean square error in ln y when the largest runs were hidden.
    pub error: Option<f64>,
    /// Standard deviation of its error in ln y for each unit of ln x beyond the rows, where x is one of the sizes.
    pub beyond: f64,
    /// Its answers by itself, in the order of the rows of the group.
    pub answers: Vec<LawAnswer>,
}

/// The answer of one law to one row of a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LawAnswer {
    /// Results by name.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub outputs: BTreeMap<String, Interval>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Share of the draws with an answer; absent where all have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<f64>,
}

impl From<&Row> for LawAnswer {
    /// A row without numbers that the rows do not identify.
    fn from(row: &Row) -> Self {
        let is_told = match row.reach.verdict {
            Verdict::NotIdentified => false,
            Verdict::NotReachable => true,
            _ => row.partly || row.note.is_none(),
        };
        let outputs = if is_told { row.outputs.clone() } else { BTreeMap::new() };
        Self { outputs, note: row.note.clone(), answered: row.answered }
    }
}

/// The answer of a fit to a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The kind of query.
    pub kind: String,
    /// Description of the intervals; `None` where there are none.
    pub interval: Option<String>,
    /// One row for each set of inputs.
    pub rows: Vec<Row>,
    /// Compositions of forecasts by several laws, by group, or under `all` where there are no groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<String, Account>,
    /// The laws of answers that several laws gave together, by group, or under `all` where there are no groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, Stack>,
    /// Cautions to show next to each number, such as parameters on bounds or not identified; by group, or under `all`
    /// where there are no groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caveats: BTreeMap<String, Vec<String>>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}
