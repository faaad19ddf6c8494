//! The runs in figures: a number for each run on the page, and its data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::Described;
use super::FitData;
use super::view::View;
use crate::dataset::{Column, Origin};
use crate::fit::{HELD, PREDICTED, RESIDUAL};
use crate::numerics::exp;

/// The drawn runs of a fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FitRuns {
    /// The fit, as named in the report.
    pub fit: String,
    /// Names of the values that follow the number and the row of a run.
    pub columns: Vec<String>,
    /// Which of these are counts, written as 70B.
    pub counts: Vec<bool>,
    /// The runs: number on the page, row in its file, and values.
    pub runs: Vec<(u32, u32, Vec<serde_json::Value>)>,
}

/// The number of each row's run. Rows from the same place in a source have the same number.
pub(super) fn numbered(described: &Described, fits: &[&FitData]) -> Vec<Vec<u32>> {
    let mut known: BTreeMap<(&str, Origin), u32> = BTreeMap::new();
    let number = |data: &&FitData| {
        let source =
            described.fit(&data.of).and_then(|fit| fit.rows.as_deref()).map_or("", |rows| source_of(described, rows));
        let of = |origin: &Origin| {
            let next = known.len() as u32;
            *known.entry((source, *origin)).or_insert(next)
        };
        data.rows.origins().iter().map(of).collect()
    };
    fits.iter().map(number).collect()
}

/// The source behind a filter; a table or source is its own source.
fn source_of<'a>(described: &'a Described, rows: &'a str) -> &'a str {
    described.filters.iter().find(|filter| filter.name == rows).map_or(rows, |filter| filter.source.as_str())
}

impl FitRuns {
    pub(super) fn of(view: &View<'_>, numbers: &[u32]) -> Self {
        let rows = &view.data.rows;
        let law = &view.about.law;
        let texts = rows.columns().iter().filter(|(_, column)| matches!(column, Column::Texts(_)));
        let mut columns: Vec<String> = texts.map(|(name, _)| name.clone()).collect();
        let variables = law.variables.iter().filter(|v| !v.is_of_knot()).map(|v| v.name.clone());
        columns.extend(variables.chain([law.response.clone()]));
        let known = columns.len();
        let has_compute = view.derives_compute();
        columns.extend(has_compute.then(|| view.price.words()));
        columns.extend(["predicted".to_owned(), "residual %".to_owned(), "part".to_owned()]);
        let compute = if has_compute { view.compute() } else { Vec::new() };
        let run = |&row: &usize| {
            let mut values: Vec<serde_json::Value> = columns[..known]
                .iter()
                .map(|name| match rows.numbers(name) {
                    Some(numbers) => rounded(numbers[row]),
                    None => rows.text(name, row).into(),
                })
                .collect();
            values.extend(compute.get(row).map(|compute| rounded(*compute)));
            values.push(rounded(view.column(PREDICTED)[row]));
            values.push(rounded(100.0 * (exp(view.column(RESIDUAL)[row]) - 1.0)));
            values.push(if view.column(HELD)[row] == 0.0 { "fitted" } else { "held out" }.into());
            (numbers[row], rows.origins()[row].row, values)
        };
        let runs = view.shown().iter().map(run).collect();
        let counts = columns.iter().map(|name| view.counts(name)).collect();
        Self { fit: view.data.name.clone(), columns, counts, runs }
    }
}

/// A number with six digits; the CSV table has full precision.
fn rounded(value: f64) -> serde_json::Value {
    format!("{value:.5e}").parse::<f64>().ok().filter(|value| value.is_finite()).into()
}
