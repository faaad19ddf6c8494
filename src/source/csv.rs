//! Comma-separated values.

use std::sync::Arc;

use polars::prelude::*;

use super::{Cell, Limits, Reader, SourceError, cell, first_line, in_memory};

pub(super) struct Csv;

impl Reader for Csv {
    fn endings(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, columns: &[String], limits: &Limits) -> Result<Vec<Vec<Cell>>, SourceError> {
        let unreadable = |error: PolarsError| SourceError::Unreadable(first_line(&error.to_string()));
        // A row has a line at least; counting them is quick, and reading a bomb is not.
        limits.allow_values(bytes.split(|byte| *byte == b'\n').count(), columns.len())?;
        // Every column is read as text, so that no cell is lost to a type guessed from the first rows.
        let scan = LazyCsvReader::new_with_sources(in_memory(bytes)).with_infer_schema_length(Some(0)).finish();
        let mut frame = scan.map_err(unreadable)?;
        let schema = frame.collect_schema().map_err(unreadable)?;
        if let Some(column) = columns.iter().find(|column| !schema.contains(column)) {
            return Err(SourceError::no_column(column, schema.iter_names().map(PlSmallStr::as_str)));
        }
        let selected: Vec<Expr> = columns.iter().map(|name| col(name.as_str())).collect();
        let table = frame.select(selected).collect().map_err(unreadable)?;
        let cells = |name: &String| {
            let texts = table.column(name).and_then(Column::str).map_err(unreadable)?;
            Ok(texts.iter().map(|text| text.map_or(Cell::Empty, cell)).collect())
        };
        columns.iter().map(cells).collect()
    }
}
