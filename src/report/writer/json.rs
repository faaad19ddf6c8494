//! The results as they are: the stage that gathers them writes `results.json`, whatever formats a report has.

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
