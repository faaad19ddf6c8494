//! One JSON object per line.

use polars::prelude::*;

use super::{Reader, in_memory};

pub(super) struct Ndjson;

impl Reader for Ndjson {
    fn endings(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl"]
    }

    fn scan(&self, bytes: Vec<u8>) -> PolarsResult<LazyFrame> {
        // The whole file decides a column's type: a text in the last row must not become nothing.
        LazyJsonLineReader::new_with_sources(in_memory(bytes)).with_infer_schema_length(None).finish()
    }
}
