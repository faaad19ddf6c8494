//! The answers of a query as a table: the same columns in every format.

use super::results::QueryResult;
use super::words::{self, Written, heading};
use super::{Described, DescribedQuery, Digits, Page};
use crate::answer::{Interval, Verdict};

/// A query's answers.
pub(super) struct AnswerTable<'a> {
    /// Whether any answer can be compared with what was observed.
    pub(super) has_observed: bool,
    /// Whether rows belong to groups.
    pub(super) has_groups: bool,
    /// What was asked: its name, and how its values are written.
    pub(super) inputs: Vec<(&'a str, Written)>,
    /// What was found: its name, and how its values are written.
    pub(super) outputs: Vec<(String, Written)>,
    /// The rows.
    pub(super) rows: Vec<TableRow<'a>>,
}

/// One answer.
pub(super) struct TableRow<'a> {
    /// The group it is of; empty where there are none.
    pub(super) group: &'a str,
    /// What was asked, in the order of the inputs; none where this row leaves one open.
    pub(super) given: Vec<Option<f64>>,
    /// What was found, in the order of the outputs; none where there is no number.
    pub(super) found: Vec<Option<&'a Interval>>,
    /// What was observed there.
    pub(super) observed: Option<String>,
    /// How it stands.
    pub(super) standing: String,
    /// The verdict.
    pub(super) verdict: Verdict,
}

impl<'a> AnswerTable<'a> {
    /// The table; none of no rows.
    pub(super) fn of(page: &Page, query: &DescribedQuery, result: &'a QueryResult) -> Option<Self> {
        Self::with_digits(&page.described, query, result, page.options.precision)
    }

    /// The table with numbers of so many significant digits.
    pub(super) fn with_digits(
        described: &Described,
        query: &DescribedQuery,
        result: &'a QueryResult,
        Digits(count): Digits,
    ) -> Option<Self> {
        result.rows.first()?;
        // Rows of one query may be asked by different variables, as the points of a curve are.
        let mut names: Vec<&str> = Vec::new();
        for name in result.rows.iter().flat_map(|row| row.inputs.keys()) {
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
            outputs: found
                .iter()
                .map(|name| (name.clone(), Written::of_output(described, query, name).with_digits(count)))
                .collect(),
        })
    }

    /// The names of the columns: group, what was asked, what was found, what was observed, how it stands.
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

/// Whether a cell has neither a value nor an end.
fn is_empty(cell: &Interval) -> bool {
    cell.value.is_none() && cell.lower.is_none() && cell.upper.is_none()
}
