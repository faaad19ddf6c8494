//! Sorts rows.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, all_known, listed};
use crate::dataset::{Column, Dataset};
use crate::order::of_names;

/// Sorts rows by variables, the first one first; rows that are equal in all of them keep their order, and rows without a
/// value come last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// The variables.
    pub by: Vec<String>,
    /// Whether the largest values come first.
    #[serde(default)]
    pub descending: bool,
}

impl Transform for Sort {
    fn describe(&self) -> String {
        format!("ordered by {}{}", listed(&self.by), if self.descending { ", the largest first" } else { "" })
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        all_known("by", &self.by, before)?;
        Ok(before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let compare = |a: usize, b: usize| {
            let columns = self.by.iter().filter_map(|name| data.columns().get(name));
            let directed = |order: Ordering| if self.descending { order.reverse() } else { order };
            let order = columns.map(|column| match column {
                Column::Numbers(numbers) if numbers[a].is_nan() || numbers[b].is_nan() => {
                    numbers[a].is_nan().cmp(&numbers[b].is_nan())
                }
                Column::Numbers(numbers) => directed(numbers[a].total_cmp(&numbers[b])),
                Column::Texts(texts) if texts[a].is_empty() || texts[b].is_empty() => {
                    texts[a].is_empty().cmp(&texts[b].is_empty())
                }
                Column::Texts(texts) => directed(of_names(&texts[a], &texts[b])),
            });
            order.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let mut rows: Vec<usize> = (0..data.rows()).collect();
        rows.sort_by(|&a, &b| compare(a, b));
        Ok(data.select(&rows))
    }
}
