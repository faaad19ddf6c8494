//! The results. The stage that collects them writes `results.json`, whatever the formats of the report.

use std::collections::BTreeMap;

use super::{Page, WriteError, Writer};

/// Only the results.
pub(super) struct Json;

impl Writer for Json {
    fn is_usual(&self) -> bool {
        true
    }

    fn write(&self, _: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        Ok(BTreeMap::new())
    }

    fn names(&self) -> &'static [&'static str] {
        &[]
    }
}
