//! Excel workbooks.

use std::sync::Arc;

use super::spreadsheet::{Workbook, missing_feature, workbook};
use super::{Asked, Columns, Reader, SourceError};

/// Excel workbooks.
pub(super) struct Xlsx;

impl Reader for Xlsx {
    type Settings = Workbook;

    fn endings(&self) -> &'static [&'static str] {
        &["xlsx", "xlsm"]
    }

    fn needs(&self) -> Option<&'static str> {
        missing_feature()
    }

    fn is_archive(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Workbook>) -> Result<Columns, SourceError> {
        workbook(&bytes, asked, false)
    }
}
