//! Reading options of a file that neither its name nor its bytes determine.

use std::sync::Arc;

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

use super::{Decimal, Limits, SourceError};

/// Reading options in a spec; each format accepts a subset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The separator between values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The prefix of comment lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The decimal separator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// The text encoding, by its WHATWG label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The line or row of the header, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<usize>,
    /// The path to the list of records in a document, keys separated by points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// The sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The cell range of a sheet: `B3:F40`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// A database query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Regular expressions with named groups; each line that matches one becomes a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pattern: Vec<String>,
}

impl Options {
    /// The names of the options that are set.
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

    /// The encoding with a label; `None` if there is none.
    pub fn encoding_named(name: &str) -> Option<&'static Encoding> {
        Encoding::for_label(name.as_bytes())
    }

    /// Whether a text uses several bytes per character, like UTF-16, by its byte order mark or by declaration.
    pub(super) fn is_wide(&self, bytes: &[u8]) -> bool {
        let declared = || self.encoding.as_deref().and_then(Self::encoding_named);
        let encoding = Encoding::for_bom(bytes).map(|(encoding, _)| encoding).or_else(declared);
        encoding.is_some_and(|encoding| !encoding.is_ascii_compatible())
    }

    /// The bytes of a text file as UTF-8 without a byte order mark.
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
