//! Removes results that have not been used for some time. This is safe while other processes run.
//!
//! Records are removed before the blobs that they name, and recent files are kept, so that a process that is about to
//! name a blob still finds it. If a process does lose a blob, that counts as a miss and the result is computed again.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Store, files, record, usage};
use crate::artifact::Digest;
use crate::file;

/// What a collection keeps.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Keep results that were used within this time.
    pub used_within: Duration,
    /// Maximum size in bytes; the most recently used results are kept.
    pub most_bytes: Option<u64>,
    /// Only report what would be removed.
    pub dry_run: bool,
}

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Results.
    pub records: usize,
    /// Files of all kinds.
    pub files: usize,
    /// Bytes in these files.
    pub bytes: u64,
    /// Remaining bytes.
    pub left: u64,
}

/// Minimum age of a file that is removed, unless a shorter time is requested.
const GRACE: Duration = Duration::from_hours(24);

/// A result that may be removed.
struct Candidate {
    path: PathBuf,
    key: String,
    day: u64,
    age: Duration,
    blobs: Vec<(Digest, u64)>,
}

impl Store {
    /// Removes results that have not been used for some time, and blobs that no result names.
    ///
    /// # Errors
    /// The cache cannot be listed. A file that cannot be removed stays.
    pub fn collect(&self, keep: &Keep) -> io::Result<Collected> {
        let mut collected = Collected::default();
        if !self.root.exists() {
            return Ok(collected);
        }
        let grace = GRACE.min(keep.used_within);
        let now = SystemTime::now();
        let take_out = |path: &Path, collected: &mut Collected| {
            let size = path.symlink_metadata().map_or(0, |m| m.len());
            if keep.dry_run || remove(path).is_ok() {
                collected.files += 1;
                collected.bytes += size;
            }
        };
        let mut candidates = self.candidates(now)?;
        // Most recent use first; the key decides ties, so that two collections agree.
        candidates.sort_by(|a, b| (b.day, &a.key).cmp(&(a.day, &b.key)));
        let mut named: BTreeSet<Digest> = BTreeSet::new();
        let mut total = 0;
        for candidate in candidates {
            let unused = Duration::from_secs(86_400 * usage::today().saturating_sub(candidate.day));
            // The record itself counts too, and is often larger than its blobs.
            let own = candidate.path.metadata().map_or(0, |m| m.len());
            let more: u64 =
                own + candidate.blobs.iter().filter(|(d, _)| !named.contains(d)).map(|(_, size)| size).sum::<u64>();
            let fits = keep.most_bytes.is_none_or(|most| total + more <= most);
            if (candidate.age < grace && keep.most_bytes.is_none()) || (unused < keep.used_within && fits) {
                named.extend(candidate.blobs.into_iter().map(|(digest, _)| digest));
                total += more;
            } else {
                take_out(&candidate.path, &mut collected);
                collected.records += 1;
            }
        }
        for path in entries(&self.blobs_folder())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // A folder with another kind of name is not part of the cache.
            if path.is_dir() && !Digest::named(&name).is_well_formed() {
                continue;
            }
            if !named.contains(&Digest::named(&name)) && age(&path, now) >= grace {
                take_out(&path, &mut collected);
            }
        }
        let lists = [self.usage_folder(), self.took_folder()];
        for folder in [self.root.clone(), self.records_folder(), self.damaged_folder()].iter().chain(&lists) {
            for path in entries(folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let left_over = files::is_unfinished(&name) || *folder == self.damaged_folder();
                let old_list = usage::day_of(&name).filter(|_| lists.contains(folder)).is_some_and(|day| {
                    Duration::from_secs(86_400 * usage::today().saturating_sub(day)) > keep.used_within
                });
                if (left_over && age(&path, now) >= grace) || old_list {
                    take_out(&path, &mut collected);
                }
            }
        }
        collected.left = self.contents()?.bytes;
        if keep.dry_run {
            collected.left = collected.left.saturating_sub(collected.bytes);
        }
        Ok(collected)
    }

    fn candidates(&self, now: SystemTime) -> io::Result<Vec<Candidate>> {
        let used = usage::last_used(&self.usage_folder());
        let mut candidates = Vec::new();
        for path in entries(&self.records_folder())? {
            let Some(key) = path.file_name().and_then(|n| n.to_string_lossy().strip_suffix(".json").map(str::to_owned))
            else {
                continue;
            };
            let age = age(&path, now);
            let bytes = file::read(&path, record::MAX_BYTES).ok();
            let record = bytes.and_then(|b| super::Record::read(&b, &Digest::named(&key)).ok());
            // A record that cannot be read counts as oldest.
            let day = if record.is_none() {
                0
            } else {
                used.get(&key).copied().unwrap_or_else(|| usage::today().saturating_sub(age.as_secs() / 86_400))
            };
            let blobs = record.into_iter().flat_map(|r| r.outputs.into_values()).map(|b| (b.digest, b.size)).collect();
            candidates.push(Candidate { path, key, day, age, blobs });
        }
        Ok(candidates)
    }
}

/// The files of a folder in order; empty where the folder is missing.
pub(super) fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()));
    Ok(paths)
}

/// All entries of a folder in order; empty where the folder is missing.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Removes a file, or another entry in its place.
fn remove(path: &Path) -> io::Result<()> {
    let is_folder = path.symlink_metadata()?.is_dir();
    if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}

/// The age of a file; zero for a file that was removed in the meantime.
fn age(path: &Path, now: SystemTime) -> Duration {
    let modified = path.symlink_metadata().and_then(|m| m.modified()).ok();
    modified.and_then(|modified| now.duration_since(modified).ok()).unwrap_or_default()
}
