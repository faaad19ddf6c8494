//! The part of a spec about tables and filters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::condition;
use crate::quantity::Quantity;
use crate::unit::Unit;

/// Rows of a source after processing steps such as best per group, join or unpivot.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The source, or another table.
    pub from: String,
    /// The steps, in order. Each reports the number of rows before and after it.
    #[serde(default)]
    pub steps: Vec<crate::table::Step>,
    /// Units of new variables: `{ C = "FLOP" }`.
    #[serde(default)]
    pub units: BTreeMap<String, Unit>,
}

/// Which rows of a source are used.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The source, or a table.
    pub source: String,
    /// Rules, applied in order. The report accounts for every dropped row.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule of a filter: exactly one of `range`, `keep`, `drop`, `drop_highest`, `drop_lowest`, `keep_highest`,
/// `keep_lowest`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Keep rows whose variables lie in these ranges, limits included: `{ N = ["40M", "20B"] }`.
    #[serde(default)]
    pub range: Option<BTreeMap<String, [Quantity; 2]>>,
    /// Keep rows that satisfy this condition.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub keep: Option<String>,
    /// Drop rows that satisfy this condition.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub drop: Option<String>,
    /// Drop the rows with the highest values of this variable.
    #[serde(default)]
    pub drop_highest: Option<String>,
    /// Drop the rows with the lowest values of this variable.
    #[serde(default)]
    pub drop_lowest: Option<String>,
    /// Keep only the rows with the highest values of this variable, within each group if `by` is given.
    #[serde(default)]
    pub keep_highest: Option<String>,
    /// Keep only the rows with the lowest values of this variable, within each group if `by` is given: `{ keep_lowest
    /// = "L", by = ["epochs"] }`.
    #[serde(default)]
    pub keep_lowest: Option<String>,
    /// Variables that define groups. The highest or lowest rows are selected within each group.
    #[serde(default)]
    pub by: Vec<String>,
    /// Number of highest or lowest rows. Default for `keep_highest` and `keep_lowest`: 1.
    #[serde(default)]
    pub count: Option<usize>,
    /// The reason, shown in the report.
    #[serde(default)]
    pub because: Option<String>,
}
