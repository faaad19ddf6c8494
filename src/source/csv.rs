//! Comma-separated values.

use polars::prelude::*;

use super::{Reader, in_memory};

pub(super) struct Csv;

impl Reader for Csv {
    fn endings(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn scan(&self, bytes: Vec<u8>) -> PolarsResult<LazyFrame> {
        // Every column is read as text, so that no cell is lost to a type guessed from the first rows.
        LazyCsvReader::new_with_sources(in_memory(bytes)).with_infer_schema_length(Some(0)).finish()
    }
}
