//! The rows with the lowest or highest values within each group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, all_known, extremes, numbers, numeric, within};
use crate::dataset::Dataset;

/// The rows with the lowest or highest values of a variable within each group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The variable whose lowest values are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest: Option<String>,
    /// The variable whose highest values are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest: Option<String>,
    /// Variables that define groups.
    #[serde(default)]
    pub by: Vec<String>,
    /// Number of rows to keep in each group.
    #[serde(default = "one")]
    pub count: usize,
}

const fn one() -> usize {
    1
}

impl Best {
    fn of(&self) -> Result<(&'static str, &str), Fault> {
        match (&self.lowest, &self.highest) {
            (Some(name), None) => Ok(("lowest", name)),
            (None, Some(name)) => Ok(("highest", name)),
            _ => Err(Fault::new("lowest", "`best` takes one of `lowest` and `highest`")),
        }
    }
}

impl Transform for Best {
    fn describe(&self) -> String {
        let (which, name) = self.of().unwrap_or(("lowest", ""));
        let rows = if self.count == 1 { String::new() } else { format!("{} rows of ", self.count) };
        format!("{rows}{which} {name}{}", within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        let (key, name) = self.of()?;
        numeric(key, name, before)?;
        all_known("by", &self.by, before)?;
        if self.count == 0 {
            return Err(Fault::new("count", "no rows would be left"));
        }
        Ok(before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let (which, name) = self.of()?;
        Ok(data.select(&extremes(data, numbers(data, name)?, &self.by, self.count, which == "highest")))
    }
}
