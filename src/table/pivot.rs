//! Converts rows to columns: one column for each measure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unpivot::Labels;
use super::{
    Fault, Transform, Variables, all_known, allow_values, groups, is_new, known, listed, numbers, numeric, only,
    with_columns,
};
use crate::dataset::{Column, Dataset};
use crate::expr::Kind;

/// Rows to columns: one row per group, with a column for every label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pivot {
    /// The variable with the labels.
    pub name: String,
    /// The variable with the values.
    pub value: String,
    /// The new variables: labels that are valid names, or a table from each name to its label, `{ arc =
    /// "arc_easy,acc" }`.
    pub columns: Labels,
    /// Variables that define groups; other variables are left out.
    pub by: Vec<String>,
}

impl Transform for Pivot {
    fn describe(&self) -> String {
        let names: Vec<String> = self.columns.pairs().into_iter().map(|(name, _)| name).collect();
        format!("{} by {} to columns {} for each {}", self.value, self.name, listed(&names), listed(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        known("name", &self.name, before)?;
        numeric("value", &self.value, before)?;
        all_known("by", &self.by, before)?;
        let mut variables = only(before, &self.by);
        for (name, _) in self.columns.pairs() {
            is_new("columns", &name, &variables)?;
            variables.insert(name, Kind::Number);
        }
        Ok(variables)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, most: usize) -> Result<Dataset, Fault> {
        let values = numbers(data, &self.value)?;
        let pairs = self.columns.pairs();
        let places: BTreeMap<String, usize> =
            pairs.iter().enumerate().map(|(place, (_, label))| (label.text(), place)).collect();
        let mut firsts = Vec::new();
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); pairs.len()];
        for group in groups(data, &self.by) {
            let mut row: Vec<Option<f64>> = vec![None; pairs.len()];
            for &at in &group {
                let Some(&place) = places.get(&data.text(&self.name, at)) else { continue };
                if row[place].replace(values[at]).is_some() {
                    let group: Vec<String> = self.by.iter().map(|name| data.text(name, at)).collect();
                    let label = pairs[place].1.text();
                    let message = format!("{} has two rows of {} = {label}", listed(&group), self.name);
                    return Err(Fault::new("by", message)
                        .hint("keep one with `dedupe` or `best` before it, or take their `mean`"));
                }
            }
            if row.iter().any(Option::is_some) {
                firsts.push(group[0]);
                allow_values(firsts.len(), self.by.len() + pairs.len(), most)?;
                columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value.unwrap_or(f64::NAN)));
            }
        }
        let mut table = with_columns(data, &firsts, &self.by);
        for ((name, _), column) in pairs.iter().zip(columns) {
            table.insert(name, Column::Numbers(column));
        }
        Ok(table)
    }
}
