//! Steps that transform rows between source and filter: one file per step.
//!
//! A step is first checked against the variables of its input, before anything runs, and later applied to the rows.

mod average;
mod condition;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use dedupe::Which;
pub use unpivot::{Label, Labels};

use crate::dataset::{Column, Dataset};
use crate::expr::Kind;
use crate::registry::registry;

/// The variables of rows and their kinds.
pub type Variables = BTreeMap<String, Kind>;

registry! {
    /// A step of a table.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub enum Step of dyn Transform {
        /// Keep the rows with the lowest or highest values of a variable within each group:
        /// `{ lowest = "L", by = ["N", "D"] }`.
        best::Best,
        /// One row per group with the means of variables, their scatter and the number of rows: `{ of = ["L"], by = ["N"] }`.
        mean::Mean,
        /// One row per group with the medians of variables, their scatter and the number of rows.
        median::Median,
        /// Columns to rows: `{ columns = ["small", "large"], name = "model", value = "L" }`.
        unpivot::Unpivot,
        /// Rows to columns: `{ name = "metric", value = "score", columns = ["mmlu", "arc"], by = ["model"] }`.
        pivot::Pivot,
        /// The columns of another source or table in rows that agree: `{ with = "evals", on = ["model"] }`.
        join::Join,
        /// A new variable that groups nearby values: `{ of = "C", into = "budget", per_decade = 4 }`.
        bin::Bin,
        /// Keep one of rows that agree: `{ by = ["run", "step"], keep = "last" }`.
        dedupe::Dedupe,
        /// Order rows: `{ by = ["run", "step"] }`.
        sort::Sort,
        /// New variables from expressions: `{ C = "6 * N * D" }`.
        derive::Derive,
        /// Values that are missing from the row above, within each group: `{ columns = ["N"] }`.
        fill_down::FillDown,
        /// Keep the rows that no cheaper row beats: `{ along = "C", lowest = "L" }`.
        envelope::Envelope,
        /// Keep the rows in which a condition holds: `"status == 'finished'"`.
        keep::Keep,
        /// Drop the rows in which a condition holds: `"L > 6"`.
        drop::Drop,
    }
}

/// Why a step is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting at fault, where there is one.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key: Some(key), message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Checks that a table has at most `most` values.
fn allow_values(rows: usize, variables: usize, most: usize) -> Result<(), Fault> {
    if rows.saturating_mul(variables) <= most {
        return Ok(());
    }
    let message = format!(
        "the table after it has {rows} rows or more of {variables} variables; at most {most} values are allowed"
    );
    Err(Fault {
        key: None,
        message,
        hint: Some("keep fewer rows or columns before it; `--allow large` permits more".to_owned()),
    })
}

/// A step of one kind.
pub trait Transform {
    /// Description of the step.
    fn describe(&self) -> String;

    /// The variables after the step; `other` are those of the second table, if the step uses one.
    ///
    /// # Errors
    /// The step names a missing or unsuitable variable.
    fn variables(&self, before: &Variables, other: &Variables) -> Result<Variables, Fault>;

    /// The rows after the step, with at most `most` values (rows times variables).
    ///
    /// # Errors
    /// The rows are unsuitable for the step, or exceed the limit.
    fn apply(&self, data: &Dataset, other: Option<&Dataset>, most: usize) -> Result<Dataset, Fault>;

    /// What is left out of the rows, beyond what the step is meant to leave out: `2 of 9 rows have no partner`.
    fn left_out(&self, _data: &Dataset, _other: Option<&Dataset>) -> Option<String> {
        None
    }

    /// The step without the names of other tables, if it has any.
    fn anonymous(&self) -> Option<Step> {
        None
    }

    /// The variables with new values, whose units are no longer known.
    fn redefined(&self) -> Vec<&String> {
        Vec::new()
    }

    /// The variables that become rows and are then gone.
    fn consumed(&self) -> Vec<String> {
        Vec::new()
    }

    /// The second source or table that the step uses, if any.
    fn other(&self) -> Option<&str> {
        None
    }
}

/// The kind of a variable; a missing variable is an error.
fn known(key: &'static str, name: &str, variables: &Variables) -> Result<Kind, Fault> {
    variables.get(name).copied().ok_or_else(|| {
        let fault = Fault::new(key, format!("there is no variable `{name}` here"));
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        let near = crate::diagnostic::nearest(name, names.iter().copied());
        fault.hint(
            near.map_or_else(|| format!("there are {}", names.join(", ")), |near| format!("did you mean `{near}`?")),
        )
    })
}

fn all_known(key: &'static str, names: &[String], variables: &Variables) -> Result<(), Fault> {
    names.iter().try_for_each(|name| known(key, name, variables).map(drop))
}

/// Checks that a variable exists and has numbers.
fn numeric(key: &'static str, name: &str, variables: &Variables) -> Result<(), Fault> {
    if known(key, name, variables)?.can_be(Kind::Number) {
        return Ok(());
    }
    Err(Fault::new(key, format!("`{name}` holds texts, not numbers")))
}

/// Checks that a name can be used for a new variable.
fn is_new(key: &'static str, name: &str, variables: &Variables) -> Result<(), Fault> {
    if !crate::expr::is_plain_name(name) || name.contains('.') {
        return Err(
            Fault::new(key, format!("`{name}` cannot be the name of a variable")).hint("use letters, digits and `_`")
        );
    }
    if variables.contains_key(name) {
        return Err(Fault::new(key, format!("there is a variable `{name}` already")).hint("give it another name"));
    }
    Ok(())
}

/// A column of numbers that was checked before.
fn numbers<'a>(data: &'a Dataset, name: &str) -> Result<&'a [f64], Fault> {
    data.numbers(name).ok_or_else(|| Fault { key: None, message: format!("no column of numbers `{name}`"), hint: None })
}

/// Groups of rows that agree in some variables, in order of appearance.
pub fn groups(data: &Dataset, by: &[String]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in 0..data.rows() {
        let key = by.iter().map(|name| data.text(name, row)).collect();
        let next = groups.len();
        let place = *places.entry(key).or_insert(next);
        if place == next {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    groups
}

/// The `count` lowest or highest rows of each group, in the order of the table. Among equal rows, the first ones are
/// taken; missing values come last.
pub fn extremes(data: &Dataset, values: &[f64], by: &[String], count: usize, highest: bool) -> Vec<usize> {
    let sign = if highest { -1.0 } else { 1.0 };
    let key = |row: usize| if values[row].is_nan() { f64::INFINITY } else { sign * values[row] };
    let mut kept: Vec<usize> = Vec::new();
    for mut group in groups(data, by) {
        group.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
        kept.extend(group.into_iter().take(count));
    }
    kept.sort_unstable();
    kept
}

/// Some of the variables.
fn only(variables: &Variables, names: &[String]) -> Variables {
    names.iter().filter_map(|name| Some((name.clone(), *variables.get(name)?))).collect()
}

/// The rows with only some of the columns.
fn with_columns(data: &Dataset, rows: &[usize], names: &[String]) -> Dataset {
    let chosen = data.select(rows);
    let mut table = Dataset::new(chosen.origins().to_vec());
    for name in names {
        if let Some(column) = chosen.columns().get(name) {
            table.insert(name, column.clone());
        }
    }
    table
}

/// Names joined by commas.
fn listed(names: &[String]) -> String {
    names.join(", ")
}

/// `within each N, D`, or an empty text where all rows are one group.
fn within(by: &[String]) -> String {
    if by.is_empty() { String::new() } else { format!(" within each {}", listed(by)) }
}

/// A new column with the values at `rows` of a column.
fn take(column: &Column, rows: impl Iterator<Item = Option<usize>>) -> Column {
    match column {
        Column::Numbers(numbers) => Column::Numbers(rows.map(|row| row.map_or(f64::NAN, |r| numbers[r])).collect()),
        Column::Texts(texts) => {
            Column::Texts(rows.map(|row| row.map_or_else(String::new, |r| texts[r].clone())).collect())
        }
    }
}

#[cfg(test)]
mod tests;
