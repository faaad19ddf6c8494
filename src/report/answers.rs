//! The answers of a query as a table with the same columns in every format.

use super::results::QueryResult;
use super::words::{self, Written, heading};
use super::{Described, DescribedQuery};
use crate::answer::{Interval, Verdict};

/// The answers of a query.
pub(super) struct AnswerTable<'a> {
    /// Whether any answer has an observed value.
    pub(super) has_observed: bool,
    /// Whether rows belong to groups.
    pub(super) has_groups: bool,
    /// The inputs: name and notation.
    pub(super) inputs: Vec<(&'a str, Written)>,
    /// The outputs: name and notation.
    pub(super) outputs: Vec<(String, Written)>,
    /// The rows.
    pub(super) rows: Vec<TableRow<'a>>,
}

/// One answer.
pub(super) struct TableRow<'a> {
    /// Its group; empty where there are no groups.
    pub(super) group: &'a str,
    /// Inputs in order; `None` where this row does not have one.
    pub(super) given: Vec<Option<f64>>,
    /// Outputs in order; `None` where there is no number.
    pub(super) found: Vec<Option<&'a Interval>>,
    /// The observed value.
    pub(super) observed: Option<String>,
    /// Verdict and caveats as text.
    pub(super) standing: String,
    /// The verdict.
    pub(super) verdict: Verdict,
}

impl<'a> AnswerTable<'a> {
    /// The table; `None` if there are no rows.
    pub(super) fn of(described: &Described, query: &DescribedQuery, result: &'a QueryResult) -> Option<Self> {
        result.rows.first()?;
        // Rows of one query can have different inputs, as the points of a curve do.
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in query.order(result.rows.iter().flat_map(|row| &row.inputs)) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let mut found = query.outputs();
        found.retain(|name| result.rows.iter().any(|row| row.outputs.contains_key(name)));
        let rows = result.rows.iter().map(|row| TableRow {
            group: row.group.as_deref().unwrap_or_default(),
            given: names.iter().map(|name| row.inputs.get(*name).copied()).collect(),
            found: found.iter().map(|name| row.outputs.get(name).filter(|cell| !is_empty(cell))).collect(),
            observed: row.observed.as_ref().map(words::observed),
            standing: words::standing(row),
            verdict: row.reach.verdict,
        });
        Some(Self {
            has_observed: result.rows.iter().any(|row| row.observed.is_some()),
            has_groups: result.rows.iter().any(|row| row.group.is_some()),
            rows: rows.collect(),
            inputs: names.iter().map(|name| (*name, Written::of_input(described, query, name))).collect(),
            outputs: found.iter().map(|name| (name.clone(), Written::of_output(described, query, name))).collect(),
        })
    }

    /// The names of the columns: group, inputs, outputs, observed value, reach.
    pub(super) fn head(&self, described: &Described, query: &DescribedQuery) -> Vec<String> {
        let group = self.has_groups.then(|| "group".to_owned());
        let inputs = self.inputs.iter().map(|(name, _)| (*name).to_owned());
        let outputs = self.outputs.iter().map(|(output, _)| heading(described, query, output));
        let observed = self.has_observed.then(|| "observed".to_owned());
        group.into_iter().chain(inputs).chain(outputs).chain(observed).chain(["reach".to_owned()]).collect()
    }

    /// A row as texts, in the order of the columns.
    pub(super) fn cells(&self, row: &TableRow<'_>) -> Vec<String> {
        let group = self.has_groups.then(|| row.group.to_owned());
        let open = || "-".to_owned();
        let given = self.inputs.iter().zip(&row.given);
        let given = given.map(|((_, written), value)| value.map_or_else(open, |value| written.value(value)));
        let found = self.outputs.iter().zip(&row.found);
        let found = found.map(|((_, written), cell)| cell.map_or_else(open, |cell| written.whole(cell)));
        let observed = self.has_observed.then(|| row.observed.clone().unwrap_or_else(open));
        group.into_iter().chain(given).chain(found).chain(observed).chain([row.standing.clone()]).collect()
    }
}

/// Whether a cell has neither a value nor an interval.
fn is_empty(cell: &Interval) -> bool {
    cell.value.is_none() && cell.lower.is_none() && cell.upper.is_none()
}
