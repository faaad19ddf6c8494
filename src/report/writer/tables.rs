//! Tables for other programs: answers, parameters, predictions with residuals, and draws. A format writes them.

use crate::answer::Interval;
use crate::dataset::{Column, Dataset};
use crate::fit::{HELD, PREDICTED, RESIDUAL};
use crate::numeral;
use crate::report::{AnswerRow, DescribedQuery, Page, words};
use crate::source::Published;

/// A table: its name, and its columns in order.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<(String, Published)>,
}

/// The names of all tables; the first is always written.
pub(super) const NAMES: [&str; 4] = ["answers", "parameters", "predictions", "draws"];

/// The tables of a page: the answers, and those of the others that have rows.
pub(super) fn tables(page: &Page) -> Vec<Table> {
    let [first, others @ ..] = [answers(page), parameters(page), predictions(page), draws(page)];
    let others = others.into_iter().filter(|table| table.columns.iter().any(|(_, column)| column.len() > 0));
    std::iter::once(first).chain(others).collect()
}

/// Columns of texts followed by columns of numbers, from their rows.
fn columns<const T: usize, const N: usize>(
    texts: [&str; T],
    text_rows: &[[String; T]],
    numbers: [&str; N],
    number_rows: &[[Option<f64>; N]],
) -> Vec<(String, Published)> {
    let text = |at: usize| Published::Texts(text_rows.iter().map(|row| row[at].clone()).collect());
    let number = |at: usize| Published::Numbers(number_rows.iter().map(|row| row[at].unwrap_or(f64::NAN)).collect());
    let named = texts.iter().enumerate().map(|(at, name)| ((*name).to_owned(), text(at)));
    named.chain(numbers.iter().enumerate().map(|(at, name)| ((*name).to_owned(), number(at)))).collect()
}

/// A row for each output of each answer, with the reason where it has no number. All inputs are in one cell, because queries have different inputs.
fn answers(page: &Page) -> Table {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for query in &page.described.queries {
        let Some(result) = page.results.queries.get(&query.name) else { continue };
        for row in &result.rows {
            let asked = row.inputs.iter().map(|(name, value)| format!("{name}={}", numeral::exact(*value)));
            let asked = asked.collect::<Vec<_>>().join(" ");
            for (output, cell) in outputs_of(query, row) {
                let reason = if cell.value.is_none() { words::standing(row) } else { String::new() };
                texts.push([
                    query.name.clone(),
                    result.fit.clone(),
                    result.kind.clone(),
                    row.group.clone().unwrap_or_default(),
                    asked.clone(),
                    output,
                    row.reach.verdict.describe().to_owned(),
                    reason,
                ]);
                let observed = row.observed.as_ref().map(|observed| observed.response);
                numbers.push([cell.value, cell.lower, cell.upper, row.reach.factor, observed]);
            }
        }
    }
    let mut columns = columns(
        ["query", "fit", "kind", "group", "asked", "output", "verdict", "reason"],
        &texts,
        ["value", "lower", "upper", "factor", "observed"],
        &numbers,
    );
    // The reason comes last.
    let reason = columns.remove(7);
    columns.push(reason);
    // The verdict follows the columns that it is about.
    let verdict = columns.remove(6);
    columns.insert(9, verdict);
    Table { name: NAMES[0], columns }
}

/// The outputs of an answer. An answer that was refused has the output by which its query is quoted, without a number.
fn outputs_of(query: &DescribedQuery, row: &AnswerRow) -> Vec<(String, Interval)> {
    if row.outputs.is_empty() {
        return vec![(query.quoted(), Interval { value: None, lower: None, upper: None })];
    }
    row.outputs.iter().map(|(output, cell)| (output.clone(), *cell)).collect()
}

fn parameters(page: &Page) -> Table {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for (name, _, fit) in page.results.shown_fits(&page.described) {
        for (parameter, estimate) in &fit.parameters {
            let status = estimate.status.describe().to_owned();
            texts.push([name.clone(), fit.law.clone(), parameter.clone(), status]);
            numbers.push([estimate.value, estimate.se, estimate.factor, estimate.lower, estimate.upper]);
        }
    }
    let mut columns =
        columns(["fit", "law", "parameter", "status"], &texts, ["value", "se", "factor", "lower", "upper"], &numbers);
    let status = columns.remove(3);
    columns.push(status);
    Table { name: NAMES[1], columns }
}

/// The rows of every fit: variables, observed and predicted values, and whether the row was held out.
fn predictions(page: &Page) -> Table {
    let own = |rows: &Dataset| -> Vec<String> {
        rows.columns().keys().filter(|name| !name.starts_with('#')).cloned().collect()
    };
    let mut names: Vec<String> = Vec::new();
    for name in page.fits.iter().flat_map(|data| own(&data.rows)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of_all = |name: &str| -> Vec<f64> {
        let of_fit = |data: &crate::report::FitData| {
            data.rows.numbers(name).map_or_else(|| vec![f64::NAN; data.rows.rows()], <[f64]>::to_vec)
        };
        page.fits.iter().flat_map(of_fit).collect()
    };
    let fits = page.fits.iter().flat_map(|data| std::iter::repeat_n(data.name.clone(), data.rows.rows()));
    let mut columns = vec![("fit".to_owned(), Published::Texts(fits.collect()))];
    for name in names {
        // A column that is text in one fit is text in all.
        let is_text = |data: &crate::report::FitData| matches!(data.rows.columns().get(&name), Some(Column::Texts(_)));
        let column = if page.fits.iter().any(is_text) {
            let of_fit = |data: &crate::report::FitData| {
                (0..data.rows.rows()).map(|row| data.rows.text(&name, row)).collect::<Vec<_>>()
            };
            Published::Texts(page.fits.iter().flat_map(of_fit).collect())
        } else {
            Published::Numbers(of_all(&name))
        };
        columns.push((name, column));
    }
    columns.push(("predicted".to_owned(), Published::Numbers(of_all(PREDICTED))));
    columns.push(("residual".to_owned(), Published::Numbers(of_all(RESIDUAL))));
    let held = of_all(HELD).into_iter().map(|held| held != 0.0).collect();
    columns.push(("held_out".to_owned(), Published::Truths(held)));
    Table { name: NAMES[2], columns }
}

/// A row for each parameter of each draw.
fn draws(page: &Page) -> Table {
    let (mut fits, mut counts, mut parameters, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for data in &page.fits {
        let law = page.described.fit(&data.of).map(|about| about.law.clone());
        for (draw, drawn) in data.draws.iter().enumerate() {
            let names = law.iter().flat_map(|law| law.free()).map(|parameter| parameter.name.clone());
            for (name, value) in names.zip(drawn) {
                // Draws of unidentified parameters are left out too.
                let is_told = data.fit.parameters.get(&name).is_none_or(|estimate| estimate.value.is_some());
                if is_told {
                    fits.push(data.name.clone());
                    counts.push(draw as u64);
                    parameters.push(name);
                    values.push(*value);
                }
            }
        }
    }
    let columns = [
        ("fit", Published::Texts(fits)),
        ("draw", Published::Counts(counts)),
        ("parameter", Published::Texts(parameters)),
        ("value", Published::Numbers(values)),
    ];
    Table { name: NAMES[3], columns: columns.map(|(name, column)| (name.to_owned(), column)).into() }
}
