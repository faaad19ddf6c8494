//! What a spec may say of tables and filters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::condition;
use crate::quantity::Quantity;
use crate::unit::Unit;

/// Rows of a source after some steps: the best of each group, joined, unpivoted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The source, or another table.
    pub from: String,
    /// The steps, taken in this order; each reports the rows before and after it.
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
    /// Rules, applied in this order; every dropped row is accounted for.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule of a filter: exactly one of `range`, `keep`, `drop`, `drop_highest`, `drop_lowest`, `keep_highest`,
/// `keep_lowest`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Keep rows whose variables lie in these ranges, ends included: `{ N = ["40M", "20B"] }`.
    #[serde(default)]
    pub range: Option<BTreeMap<String, [Quantity; 2]>>,
    /// Keep rows for which this holds.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub keep: Option<String>,
    /// Drop rows for which this holds.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub drop: Option<String>,
    /// Drop the rows with the highest values of this variable.
    #[serde(default)]
    pub drop_highest: Option<String>,
    /// Drop the rows with the lowest values of this variable.
    #[serde(default)]
    pub drop_lowest: Option<String>,
    /// Keep only the rows with the highest values of this variable, of each group `by` where that is given.
    #[serde(default)]
    pub keep_highest: Option<String>,
    /// Keep only the rows with the lowest values of this variable: `{ keep_lowest = "L", by = ["epochs"] }`.
    #[serde(default)]
    pub keep_lowest: Option<String>,
    /// Variables that define groups; the highest or lowest rows are taken from each group.
    #[serde(default)]
    pub by: Vec<String>,
    /// How many of the highest or lowest rows. If rows are kept, the default is 1.
    #[serde(default)]
    pub count: Option<usize>,
    /// Why, for the report.
    #[serde(default)]
    pub because: Option<String>,
}
