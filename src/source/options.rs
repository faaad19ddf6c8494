//! How a file is to be read, where neither its name nor its bytes say it.

use std::sync::Arc;

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

use super::{Decimal, Limits, SourceError};

/// What a spec may say of how a file is to be read; each format takes some of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The sign between values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// What lines that are no rows begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The sign before decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// The encoding of texts, by a name that browsers know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The line or row of the header, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<usize>,
    /// Where in a document the list of records is: keys with points between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// The sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The cells of a sheet: `B3:F40`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// A query to a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Regular expressions with named groups: each line that one matches is a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pattern: Vec<String>,
}

impl Options {
    /// The names of what is given.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("separator", self.separator.is_some()),
            ("comment", self.comment.is_some()),
            ("decimal", self.decimal.is_some()),
            ("encoding", self.encoding.is_some()),
            ("header", self.header.is_some()),
            ("records", self.records.is_some()),
            ("sheet", self.sheet.is_some()),
            ("range", self.range.is_some()),
            ("query", self.query.is_some()),
            ("pattern", !self.pattern.is_empty()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The encoding of a name; none where there is no such encoding.
    pub fn encoding_named(name: &str) -> Option<&'static Encoding> {
        Encoding::for_label(name.as_bytes())
    }

    /// Whether a text takes several bytes for each letter, as UTF-16 does, by its mark or as declared.
    pub(super) fn is_wide(&self, bytes: &[u8]) -> bool {
        let declared = || self.encoding.as_deref().and_then(Self::encoding_named);
        let encoding = Encoding::for_bom(bytes).map(|(encoding, _)| encoding).or_else(declared);
        encoding.is_some_and(|encoding| !encoding.is_ascii_compatible())
    }

    /// The bytes of a text file as UTF-8 without a mark of its order.
    pub(super) fn text(&self, bytes: &Arc<Vec<u8>>, limits: &Limits) -> Result<Arc<Vec<u8>>, SourceError> {
        let marked = Encoding::for_bom(bytes);
        let declared = self.encoding.as_deref().and_then(Self::encoding_named);
        let Some(encoding) = marked.map(|(encoding, _)| encoding).or(declared) else {
            return match std::str::from_utf8(bytes) {
                Ok(_) => Ok(Arc::clone(bytes)),
                Err(error) => {
                    let at = error.valid_up_to();
                    Err(SourceError::Unreadable(format!(
                        "byte {at} is 0x{:02x}, which is not UTF-8; if the file is in Latin-1, write `encoding = \"latin1\"`",
                        bytes[at]
                    )))
                }
            };
        };
        let behind_mark = &bytes[marked.map_or(0, |(_, length)| length)..];
        let (text, has_errors) = encoding.decode_without_bom_handling(behind_mark);
        if has_errors {
            return Err(SourceError::Unreadable(format!("it is not in the encoding {}", encoding.name())));
        }
        limits.allow_bytes(text.len() as u64, "decodes to")?;
        Ok(Arc::new(text.into_owned().into_bytes()))
    }
}
