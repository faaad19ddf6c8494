//! The results alone.

use std::collections::BTreeMap;

use super::{WriteError, Writer};
use crate::report::Page;

pub(super) struct Json;

impl Writer for Json {
    fn file(&self) -> &'static str {
        "results.json"
    }

    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut text = serde_json::to_vec_pretty(&page.results).map_err(|error| WriteError(error.to_string()))?;
        text.push(b'\n');
        Ok(BTreeMap::from([(self.file().to_owned(), text)]))
    }
}
