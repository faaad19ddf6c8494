//! Apache Parquet.

use polars::io::HiveOptions;
use polars::prelude::*;

use super::{Reader, in_memory};

pub(super) struct Parquet;

impl Reader for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &["parquet", "pq"]
    }

    fn scan(&self, bytes: Vec<u8>) -> PolarsResult<LazyFrame> {
        // The path of a file says nothing of its rows; polars has none to look at here.
        let hive_options = HiveOptions::new_disabled();
        LazyFrame::scan_parquet_sources(
            in_memory(bytes),
            ScanArgsParquet { hive_options, ..ScanArgsParquet::default() },
        )
    }
}
