//! Tables for other programs, as comma-separated values.

use std::collections::BTreeMap;

use super::tables::{Table, tables};
use super::{WriteError, Writer};
use crate::report::Page;
use crate::separated;
use crate::source::Published;

pub(super) struct Csv;

impl Writer for Csv {
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        Ok(tables(page).iter().map(|table| (format!("{}.csv", table.name), text(table).into_bytes())).collect())
    }

    fn names(&self) -> &'static [&'static str] {
        &["answers.csv", "parameters.csv", "predictions.csv", "draws.csv"]
    }

    fn shows_rows(&self) -> bool {
        true
    }
}

fn text(table: &Table) -> String {
    let mut text = separated::line(table.columns.iter().map(|(name, _)| separated::cell(name)));
    let rows = table.columns.first().map_or(0, |(_, column)| column.len());
    for row in 0..rows {
        text += &separated::line(table.columns.iter().map(|(_, column)| cell(column, row)));
    }
    text
}

fn cell(column: &Published, row: usize) -> String {
    match column {
        Published::Numbers(numbers) => separated::number(numbers[row]),
        Published::Counts(counts) => counts[row].to_string(),
        Published::Texts(texts) => separated::cell(&texts[row]),
        Published::Truths(truths) => truths[row].to_string(),
    }
}
