//! Removes rows that agree with another row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, all_known, groups, listed};
use crate::dataset::Dataset;

/// Keeps one of the rows that agree in some variables, or in all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dedupe {
    /// The variables in which rows agree; all variables by default.
    #[serde(default)]
    pub by: Vec<String>,
    /// Which row to keep.
    #[serde(default)]
    pub keep: Which,
}

/// Which of several rows to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first one in the table.
    #[default]
    First,
    /// The last one in the table; for a resumed run, the later attempt.
    Last,
}

impl Transform for Dedupe {
    fn describe(&self) -> String {
        let which = if self.keep == Which::First { "first" } else { "last" };
        let by = if self.by.is_empty() { "all variables".to_owned() } else { listed(&self.by) };
        format!("the {which} of rows that agree in {by}")
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        all_known("by", &self.by, before)?;
        Ok(before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let all: Vec<String> = data.columns().keys().cloned().collect();
        let groups = groups(data, if self.by.is_empty() { &all } else { &self.by });
        let one = |group: &Vec<usize>| if self.keep == Which::First { group.first() } else { group.last() }.copied();
        let mut kept: Vec<usize> = groups.iter().filter_map(one).collect();
        kept.sort_unstable();
        Ok(data.select(&kept))
    }
}
