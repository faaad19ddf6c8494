//! Tables for other programs: answers, parameters, predictions with residuals, and draws, as comma-separated values.

use std::collections::BTreeMap;

use super::{WriteError, Writer};
use crate::dataset::{Column, Dataset};
use crate::fit::{HELD, PREDICTED, RESIDUAL};
use crate::report::Page;

/// The file to read first.
const FILE: &str = "answers.csv";

pub(super) struct Csv;

impl Writer for Csv {
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut files = BTreeMap::from([
            (FILE.to_owned(), answers(page)),
            ("parameters.csv".to_owned(), parameters(page)),
            ("predictions.csv".to_owned(), predictions(page)),
            ("draws.csv".to_owned(), draws(page)),
        ]);
        files.retain(|name, text| name == FILE || text.lines().count() > 1);
        Ok(files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect())
    }

    fn names(&self) -> &'static [&'static str] {
        &[FILE, "parameters.csv", "predictions.csv", "draws.csv"]
    }

    fn shows_rows(&self) -> bool {
        true
    }
}

/// A number with all its digits; empty where there is none.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, crate::expr::number_text)
}

/// Cells as a line. A cell with a comma, a quote or a line break is quoted.
fn line(cells: impl IntoIterator<Item = String>) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    };
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    format!("{}\n", cells.join(","))
}

/// A line for each output of each answer. All inputs are in one cell, because queries have different inputs.
fn answers(page: &Page) -> String {
    let head = [
        "query", "fit", "kind", "group", "asked", "output", "value", "lower", "upper", "verdict", "factor", "observed",
    ];
    let mut text = line(head.map(str::to_owned));
    for query in &page.described.queries {
        let Some(result) = page.results.queries.get(&query.name) else { continue };
        for row in &result.rows {
            let asked = row.inputs.iter().map(|(name, value)| format!("{name}={}", crate::expr::number_text(*value)));
            let asked = asked.collect::<Vec<_>>().join(" ");
            for (output, cell) in &row.outputs {
                text += &line([
                    query.name.clone(),
                    result.fit.clone(),
                    result.kind.clone(),
                    row.group.clone().unwrap_or_default(),
                    asked.clone(),
                    output.clone(),
                    number(cell.value),
                    number(cell.lower),
                    number(cell.upper),
                    row.reach.verdict.describe().to_owned(),
                    number(row.reach.factor),
                    number(row.observed.as_ref().map(|observed| observed.response)),
                ]);
            }
        }
    }
    text
}

fn parameters(page: &Page) -> String {
    let head = ["fit", "law", "parameter", "value", "se", "factor", "lower", "upper", "status"];
    let mut text = line(head.map(str::to_owned));
    for (name, _, fit) in page.results.shown_fits() {
        for (parameter, estimate) in &fit.parameters {
            text += &line([
                name.clone(),
                fit.law.clone(),
                parameter.clone(),
                number(estimate.value),
                number(estimate.se),
                number(estimate.factor),
                number(estimate.lower),
                number(estimate.upper),
                estimate.status.describe().to_owned(),
            ]);
        }
    }
    text
}

/// The rows of every fit: variables, observed and predicted values, and whether the row was held out.
fn predictions(page: &Page) -> String {
    let own = |rows: &Dataset| -> Vec<String> {
        rows.columns().keys().filter(|name| !name.starts_with('#')).cloned().collect()
    };
    let mut names: Vec<String> = Vec::new();
    for name in page.fits.iter().flat_map(|data| own(&data.rows)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = ["predicted", "residual", "held_out"].map(str::to_owned);
    let mut text = line(std::iter::once("fit".to_owned()).chain(names.iter().cloned()).chain(more));
    for data in &page.fits {
        let number_of = |name: &str, at: usize| data.rows.numbers(name).and_then(|column| column.get(at).copied());
        for at in 0..data.rows.rows() {
            let cell = |name: &String| match data.rows.columns().get(name) {
                Some(Column::Numbers(numbers)) => number(numbers.get(at).copied()),
                Some(Column::Texts(_)) => data.rows.text(name, at),
                None => String::new(),
            };
            let held = number_of(HELD, at).map_or_else(String::new, |held| (held != 0.0).to_string());
            let more = [number(number_of(PREDICTED, at)), number(number_of(RESIDUAL, at)), held];
            text += &line(std::iter::once(data.name.clone()).chain(names.iter().map(cell)).chain(more));
        }
    }
    text
}

/// A line for each parameter of each draw.
fn draws(page: &Page) -> String {
    let mut text = line(["fit", "draw", "parameter", "value"].map(str::to_owned));
    for data in &page.fits {
        let law = page.described.fit(&data.of).map(|about| about.law.clone());
        for (draw, values) in data.draws.iter().enumerate() {
            let names = law.iter().flat_map(|law| law.free()).map(|parameter| parameter.name.clone());
            for (name, value) in names.zip(values) {
                // Draws of unidentified parameters are left out too.
                let is_told = data.fit.parameters.get(&name).is_none_or(|estimate| estimate.value.is_some());
                if is_told {
                    text += &line([data.name.clone(), draw.to_string(), name, number(Some(*value))]);
                }
            }
        }
    }
    text
}
