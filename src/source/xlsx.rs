//! Excel workbooks.

use std::sync::Arc;

use super::spreadsheet::{TAKEN, missing_feature, workbook};
use super::{Asked, Columns, Reader, SourceError};

/// Excel workbooks.
pub(super) struct Xlsx;

impl Reader for Xlsx {
    fn endings(&self) -> &'static [&'static str] {
        &["xlsx", "xlsm"]
    }

    fn takes(&self) -> &'static [&'static str] {
        TAKEN
    }

    fn needs(&self) -> Option<&'static str> {
        missing_feature()
    }

    fn is_archive(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        workbook(&bytes, asked, false)
    }
}
