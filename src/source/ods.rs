//! LibreOffice workbooks.

use std::sync::Arc;

use super::spreadsheet::{TAKEN, missing_feature, workbook};
use super::{Asked, Columns, Reader, SourceError};

/// LibreOffice workbooks.
pub(super) struct Ods;

impl Reader for Ods {
    fn endings(&self) -> &'static [&'static str] {
        &["ods"]
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
        workbook(&bytes, asked, true)
    }
}
