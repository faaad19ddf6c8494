//! Run times of stages, for dividing work over machines. No result depends on them.
//!
//! A run writes one list of the stages that it computed, as [`usage`](super::usage) does for the keys that it used. A
//! stage is identified by the digest of its settings, because the same stage takes about as long on other rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;

use super::usage::{day_of, today};
use super::{Store, files};
use crate::artifact::Digest;
use crate::file;

/// Maximum size of a list: a quarter of a million stages.
const MAX_BYTES: u64 = 24 << 20;

impl Store {
    /// Records the run time, in seconds, of a stage with these settings; [`Store::keep_usage`] writes it.
    pub fn note_took(&self, settings: Digest, seconds: f64) {
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.insert(settings, seconds);
    }

    /// The run time of stages when they were last computed, in seconds, by the digest of their settings.
    pub fn took(&self) -> BTreeMap<String, f64> {
        let mut all: BTreeMap<String, (u64, f64)> = BTreeMap::new();
        for entry in std::fs::read_dir(self.took_folder()).into_iter().flatten().filter_map(Result::ok) {
            let Some(day) = day_of(&entry.file_name().to_string_lossy()) else { continue };
            for (stage, seconds) in list_in(&entry.path()) {
                let known = all.entry(stage).or_insert((day, seconds));
                // Of several times on one day, use the longest, so that the order of the files does not matter.
                match day.cmp(&known.0) {
                    Ordering::Greater => *known = (day, seconds),
                    Ordering::Equal => known.1 = known.1.max(seconds),
                    Ordering::Less => {}
                }
            }
        }
        all.into_iter().map(|(stage, (_, seconds))| (stage, seconds)).collect()
    }

    /// Writes the list of this run.
    pub(super) fn keep_took(&self) {
        let took = std::mem::take(&mut *self.took.lock().unwrap_or_else(PoisonError::into_inner));
        if took.is_empty() || !self.root.exists() {
            return;
        }
        let lines = took.iter().map(|(stage, seconds)| format!("{stage} {seconds:.4}\n"));
        let text = lines.collect::<String>();
        let name = format!("{}-{:.16}", today(), Digest::of(text.as_bytes()).as_str());
        let _ = files::write_new(&self.took_folder().join(name), text.as_bytes(), "took");
    }
}

/// The lines of a list with a digest and seconds.
fn list_in(path: &Path) -> Vec<(String, f64)> {
    let Ok(text) = file::read_text(path, MAX_BYTES) else { return Vec::new() };
    let lines = text.lines().filter_map(|line| {
        let (stage, seconds) = line.split_once(' ')?;
        let seconds = seconds.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
        Digest::named(stage).is_well_formed().then(|| (stage.to_owned(), seconds))
    });
    lines.collect()
}
