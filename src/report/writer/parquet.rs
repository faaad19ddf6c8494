//! Tables for other programs, as Apache Parquet: exact numbers, with types.

use std::collections::BTreeMap;

use super::tables::tables;
use super::{WriteError, Writer};
use crate::report::Page;
use crate::source::publish;

pub(super) struct Parquet;

impl Writer for Parquet {
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let written = tables(page).into_iter().map(|table| {
            let bytes = publish(&table.columns).map_err(|error| WriteError(format!("{}: {error}", table.name)))?;
            Ok((format!("{}.parquet", table.name), bytes))
        });
        written.collect()
    }

    fn names(&self) -> &'static [&'static str] {
        &["answers.parquet", "parameters.parquet", "predictions.parquet", "draws.parquet"]
    }

    fn shows_rows(&self) -> bool {
        true
    }
}
