//! Text files: their encoding, and whether they are text at all.

use std::sync::Arc;

use encoding_rs::Encoding;

use super::settings::Fault;
use super::{Limits, SourceError};

/// The encoding with a WHATWG label; `None` if there is none.
fn named(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes())
}

/// The fault of a declared encoding that does not exist.
pub(super) fn check(encoding: Option<&str>) -> Option<Fault> {
    let label = encoding.filter(|label| named(label).is_none())?;
    let fault = Fault::error("bad-setting", format!("there is no encoding `{label}`"));
    Some(fault.of_value("encoding").hint("usual ones are utf-8, latin1, windows-1252, utf-16le, gbk and shift_jis"))
}

/// The bytes of a text file as UTF-8 without a byte order mark. An image or a program is refused.
pub(super) fn text(bytes: &Arc<Vec<u8>>, encoding: Option<&str>, limits: &Limits) -> Result<Arc<Vec<u8>>, SourceError> {
    // A text in a wide encoding looks like binary data until it is decoded.
    match crate::file::what_is(bytes).filter(|_| !is_wide(bytes, encoding)) {
        Some(what) => Err(SourceError::NoText(what)),
        None => decoded(bytes, encoding, limits),
    }
}

/// Whether a text uses several bytes per character, like UTF-16, by its byte order mark or by declaration.
fn is_wide(bytes: &[u8], encoding: Option<&str>) -> bool {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = marked.or_else(|| encoding.and_then(named));
    encoding.is_some_and(|encoding| !encoding.is_ascii_compatible())
}

/// The bytes of a file as UTF-8 without a byte order mark.
pub(super) fn decoded(
    bytes: &Arc<Vec<u8>>,
    encoding: Option<&str>,
    limits: &Limits,
) -> Result<Arc<Vec<u8>>, SourceError> {
    let marked = Encoding::for_bom(bytes);
    let Some(encoding) = marked.map(|(encoding, _)| encoding).or_else(|| encoding.and_then(named)) else {
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
