//! Tab-separated values with a header.

use std::sync::Arc;

use super::csv::{PART, Separated, in_parts, separated};
use super::{Asked, Columns, Reader, SourceError, TakeCells};

/// Tab-separated values.
pub(super) struct Tsv;

impl Reader for Tsv {
    type Settings = Separated;

    fn endings(&self) -> &'static [&'static str] {
        &["tsv", "tab"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Separated>) -> Result<Columns, SourceError> {
        separated(&bytes, asked, '\t')
    }

    fn read_parts(
        &self,
        bytes: Arc<Vec<u8>>,
        asked: &Asked<'_, Separated>,
        take: &mut TakeCells<'_>,
    ) -> Result<(), SourceError> {
        in_parts(&bytes, asked, '\t', PART, take)
    }
}
