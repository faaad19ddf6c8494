//! Fills missing values from the row above.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, all_known, groups, listed, within};
use crate::dataset::{Column, Dataset, is_unread};

/// Fills empty cells with the last value above them within each group. A cell with a text that is no number, such as `n/a`,
/// is not empty: neither it nor an empty cell below it gets a value. The source must keep such rows: `missing = "keep"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FillDown {
    /// The variables.
    pub columns: Vec<String>,
    /// Variables that define groups. A value does not carry over from one group to another.
    #[serde(default)]
    pub by: Vec<String>,
}

impl Transform for FillDown {
    fn describe(&self) -> String {
        format!("{} filled from above{}", listed(&self.columns), within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        all_known("columns", &self.columns, before)?;
        all_known("by", &self.by, before)?;
        Ok(before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let groups = groups(data, &self.by);
        let mut table = data.clone();
        for name in &self.columns {
            let Some(mut column) = data.columns().get(name).cloned() else { continue };
            for group in &groups {
                for pair in group.windows(2) {
                    match &mut column {
                        Column::Numbers(numbers) if numbers[pair[1]].is_nan() && !is_unread(numbers[pair[1]]) => {
                            numbers[pair[1]] = numbers[pair[0]];
                        }
                        Column::Texts(texts) if texts[pair[1]].is_empty() => {
                            let above = texts[pair[0]].clone();
                            texts[pair[1]] = above;
                        }
                        _ => {}
                    }
                }
            }
            table.insert(name, column);
        }
        Ok(table)
    }
}
