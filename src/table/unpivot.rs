//! Converts columns to rows: one row for each run or size.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, allow_values, is_new, listed, numbers, numeric, take};
use crate::dataset::{Column, Dataset, Origin, is_unread};
use crate::expr::Kind;

/// Columns to rows: each row becomes one row per listed column, with the column's label and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unpivot {
    /// The columns: their names, or a table from each column to its label, `{ d200 = 200, d400 = 400 }`.
    pub columns: Labels,
    /// The name of the variable for labels. It holds numbers if all labels are numbers.
    pub name: String,
    /// The name of the variable for values.
    pub value: String,
}

/// Columns and their labels in the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Labels {
    /// Each label is the column's name.
    Names(Vec<String>),
    /// Labels by column.
    Table(BTreeMap<String, Label>),
}

/// A label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Label {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Labels {
    /// Each column with its label.
    pub(super) fn pairs(&self) -> Vec<(String, Label)> {
        match self {
            Self::Names(names) => names.iter().map(|name| (name.clone(), Label::Text(name.clone()))).collect(),
            Self::Table(table) => table.iter().map(|(name, label)| (name.clone(), label.clone())).collect(),
        }
    }

    fn are_numbers(&self) -> bool {
        self.pairs().iter().all(|(_, label)| matches!(label, Label::Number(_)))
    }
}

impl Label {
    /// The label as a text.
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => crate::numeral::exact(*number),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Transform for Unpivot {
    fn describe(&self) -> String {
        let names: Vec<String> = self.columns.pairs().into_iter().map(|(name, _)| name).collect();
        let shown = if names.len() > 6 { format!("{} columns", names.len()) } else { listed(&names) };
        format!("{shown} to rows of {} and {}", self.name, self.value)
    }

    fn consumed(&self) -> Vec<String> {
        self.columns.pairs().into_iter().map(|(column, _)| column).collect()
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        let pairs = self.columns.pairs();
        if pairs.is_empty() {
            return Err(Fault::new("columns", "no column is named"));
        }
        pairs.iter().try_for_each(|(name, _)| numeric("columns", name, before))?;
        let mut variables = before.clone();
        variables.retain(|name, _| pairs.iter().all(|(other, _)| other != name));
        is_new("name", &self.name, &variables)?;
        let kind = if self.columns.are_numbers() { Kind::Number } else { Kind::Text };
        variables.insert(self.name.clone(), kind);
        is_new("value", &self.value, &variables)?;
        variables.insert(self.value.clone(), Kind::Number);
        Ok(variables)
    }

    fn left_out(&self, data: &Dataset, _: Option<&Dataset>) -> Option<String> {
        let pairs = self.columns.pairs();
        let columns: Vec<&[f64]> = pairs.iter().filter_map(|(name, _)| data.numbers(name)).collect();
        let all = columns.iter().flat_map(|column| column.iter());
        let missing = all.clone().filter(|value| value.is_nan()).count();
        let unread = all.clone().filter(|value| is_unread(**value)).count();
        let texts =
            if unread > 0 { format!(" ({unread} of them with a text that is no number)") } else { String::new() };
        let cells = all.count();
        (missing > 0).then(|| format!("{missing} of {cells} cells have no value and give no row{texts}"))
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, most: usize) -> Result<Dataset, Fault> {
        let pairs = self.columns.pairs();
        let values = pairs.iter().map(|(name, _)| numbers(data, name)).collect::<Result<Vec<_>, _>>()?;
        // A missing value gives no row, because tables of this kind are often sparse.
        let cells: Vec<(usize, usize)> = (0..data.rows())
            .flat_map(|row| (0..pairs.len()).map(move |column| (row, column)))
            .filter(|&(row, column)| !values[column][row].is_nan())
            .collect();
        allow_values(cells.len(), (data.columns().len() + 2).saturating_sub(pairs.len()), most)?;
        let origins: Vec<Origin> = cells.iter().map(|&(row, _)| data.origins()[row]).collect();
        let mut table = Dataset::new(origins);
        for (name, column) in data.columns().iter().filter(|(name, _)| pairs.iter().all(|(other, _)| other != *name)) {
            table.insert(name, take(column, cells.iter().map(|&(row, _)| Some(row))));
        }
        let labels = if self.columns.are_numbers() {
            let number = |label: &Label| if let Label::Number(number) = label { *number } else { f64::NAN };
            Column::Numbers(cells.iter().map(|&(_, column)| number(&pairs[column].1)).collect())
        } else {
            Column::Texts(cells.iter().map(|&(_, column)| pairs[column].1.text()).collect())
        };
        table.insert(&self.name, labels);
        table.insert(&self.value, Column::Numbers(cells.iter().map(|&(row, column)| values[column][row]).collect()));
        Ok(table)
    }
}
