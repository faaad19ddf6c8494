//! When records were last used, for the collection of unused results.
//!
//! A run writes one list of the keys that it used, named after the day and its content. Nothing is ever rewritten, so
//! any number of runs can write at once. File times would not work, because copying or restoring a cache loses them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::artifact::Digest;
use crate::file;

/// Maximum size of a list: a quarter of a million keys.
const MAX_BYTES: u64 = 16 << 20;

/// Days since 1 January 1970.
pub(super) fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

/// The file name and the text of a list of keys.
pub(super) fn list_of<'a>(day: u64, keys: impl Iterator<Item = &'a Digest>) -> (String, String) {
    let mut keys: Vec<&str> = keys.map(Digest::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    let text = keys.join("\n");
    (format!("{day}-{:.16}", Digest::of(text.as_bytes()).as_str()), text)
}

/// The day on which each key was last used, from all lists in a folder.
pub(super) fn last_used(folder: &Path) -> BTreeMap<String, u64> {
    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let Some(day) = day_of(&entry.file_name().to_string_lossy()) else { continue };
        // An invalid list is ignored; the keys that it names are then as old as their files.
        let Ok(text) = file::read_text(&entry.path(), MAX_BYTES) else { continue };
        for key in text.lines().map(Digest::named).filter(Digest::is_well_formed) {
            let last = days.entry(key.to_string()).or_insert(day);
            *last = day.max(*last);
        }
    }
    days
}

/// The day in a list's name.
pub(super) fn day_of(name: &str) -> Option<u64> {
    name.split_once('-').and_then(|(day, _)| day.parse().ok())
}
