//! Checks the unpacked size of a zip archive. The sizes in its directory are not trusted; the entries are unpacked
//! once.
#![cfg(feature = "spreadsheets")]

use std::io::{Read, copy, sink};

use super::{Limits, SourceError};

/// An entry: its name, its compression method and its packed bytes.
struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    packed: &'a [u8],
}

fn damaged() -> SourceError {
    SourceError::Unreadable("it is not a complete zip archive, the form of workbooks".to_owned())
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

/// The entries listed in the directory at the end of an archive.
fn entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let earliest = bytes.len().saturating_sub(22 + usize::from(u16::MAX));
    let end = bytes.get(earliest..)?.windows(4).rposition(|window| window == b"PK\x05\x06")? + earliest;
    let (count, mut at) = (short(bytes, end + 10)?, long(bytes, end + 16)?);
    let mut all = Vec::new();
    for _ in 0..count {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        let (method, size, local) = (short(bytes, at + 10)?, long(bytes, at + 20)?, long(bytes, at + 42)?);
        let (name, extra, comment) = (short(bytes, at + 28)?, short(bytes, at + 30)?, short(bytes, at + 32)?);
        let data = local + 30 + short(bytes, local + 26)? + short(bytes, local + 28)?;
        all.push(Entry {
            name: bytes.get(at + 46..at + 46 + name)?,
            method: u16::try_from(method).ok()?,
            packed: bytes.get(data..data.checked_add(size)?)?,
        });
        at += 46 + name + extra + comment;
    }
    Some(all)
}

/// Rejects an archive whose unpacked size exceeds the limit.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), SourceError> {
    let mut total = 0;
    for entry in entries(bytes).ok_or_else(damaged)? {
        total += match entry.method {
            8 => {
                let unpacker = flate2::read::DeflateDecoder::new(entry.packed);
                copy(&mut unpacker.take(limits.bytes + 1 - total.min(limits.bytes)), &mut sink())
                    .map_err(|_| damaged())?
            }
            _ => entry.packed.len() as u64,
        };
        limits.allow_bytes(total, "unpacks to")?;
    }
    Ok(())
}

/// Rejects a document whose repeated cells exceed the limit; a cell may declare any number of repetitions.
pub(super) fn check_repeats(bytes: &[u8], limits: &Limits) -> Result<(), SourceError> {
    let entries = entries(bytes).ok_or_else(damaged)?;
    let content = entries.iter().find(|entry| entry.name == b"content.xml").ok_or_else(damaged)?;
    let mut text = Vec::new();
    if content.method == 8 {
        let unpacker = flate2::read::DeflateDecoder::new(content.packed);
        unpacker.take(limits.bytes).read_to_end(&mut text).map_err(|_| damaged())?;
    } else {
        text.extend_from_slice(content.packed);
    }
    let (mut total, mut blank) = (0_usize, 0_usize);
    for tag in text.split(|byte| *byte == b'<') {
        let tag = tag.split(|byte| *byte == b'>').next().unwrap_or_default();
        if tag.starts_with(b"table:table-row") {
            blank = 0;
        } else if tag.starts_with(b"table:table-cell") || tag.starts_with(b"table:covered-table-cell") {
            let words = String::from_utf8_lossy(tag);
            let repeats = words.split_once("number-columns-repeated=").map_or(1, |(_, count)| {
                count[1..].split(['"', '\'']).next().and_then(|count| count.parse::<usize>().ok()).unwrap_or(1)
            });
            if tag.ends_with(b"/") && !words.contains("office:value") {
                blank = blank.saturating_add(repeats);
            } else {
                total = total.saturating_add(blank).saturating_add(repeats);
                blank = 0;
            }
        }
        limits.allow_values(total, 1)?;
    }
    Ok(())
}
