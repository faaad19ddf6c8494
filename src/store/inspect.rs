//! Lists and verifies the content of a cache.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::collect::{entries, listed};
use super::record::Flaw;
use super::{DAMAGED_RECORD, Record, Store, record};
use crate::artifact::{Blob, Digest};
use crate::file;

/// The content of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Results, by the kind of stage.
    pub results: BTreeMap<String, usize>,
    /// Blobs.
    pub blobs: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Damaged files that were set aside.
    pub set_aside: usize,
}

/// The result of verifying every file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Intact results.
    pub results: usize,
    /// Intact blobs.
    pub blobs: usize,
    /// Damaged records and blobs, which were set aside.
    pub damaged: usize,
    /// Results without their blobs, and records without a checksum from an older lawfit. These records were removed.
    pub incomplete: usize,
}

impl Store {
    /// The content of the cache.
    ///
    /// # Errors
    /// The cache cannot be listed.
    pub fn contents(&self) -> io::Result<Contents> {
        let mut contents = Contents::default();
        let size = |path: &Path| path.symlink_metadata().map_or(0, |m| m.len());
        for path in listed(&self.records_folder())? {
            contents.bytes += size(&path);
            if let Some(Ok(record)) = record_in(&path) {
                *contents.results.entry(record.kind()).or_default() += 1;
            }
        }
        let blobs = listed(&self.blobs_folder())?;
        contents.blobs = blobs.len();
        let aside = entries(&self.damaged_folder())?;
        contents.set_aside = aside.len();
        contents.bytes += blobs.iter().chain(&aside).map(|path| size(path)).sum::<u64>();
        Ok(contents)
    }

    /// Verifies every file and sets damaged ones aside.
    ///
    /// # Errors
    /// The cache cannot be listed.
    pub fn verify(&self) -> io::Result<Verified> {
        let mut verified = Verified::default();
        let mut sizes: BTreeMap<Digest, u64> = BTreeMap::new();
        // An entry with another kind of name is not part of the cache, or is being written.
        for path in entries(&self.blobs_folder())? {
            let digest = Digest::named(&path.file_name().unwrap_or_default().to_string_lossy());
            if !digest.is_well_formed() {
                continue;
            }
            let size = path.metadata().map_or(0, |m| m.len());
            if self.read(&digest, size).is_some() {
                verified.blobs += 1;
                sizes.insert(digest.clone(), size);
            } else {
                verified.damaged += 1;
            }
        }
        for path in entries(&self.records_folder())? {
            let Some(record) = record_in(&path) else { continue };
            let there = |blob: &Blob| sizes.get(&blob.digest) == Some(&blob.size);
            match record {
                Err(Flaw::Damaged) => {
                    self.set_aside(&path, DAMAGED_RECORD);
                    verified.damaged += 1;
                }
                Ok(record) if record.outputs.values().all(there) => verified.results += 1,
                Ok(_) | Err(Flaw::Unsealed) => {
                    verified.incomplete += 1;
                    let _ = std::fs::remove_file(&path);
                }
            }
        }
        Ok(verified)
    }

    /// All readable records, in order of their keys.
    pub(super) fn records(&self) -> io::Result<Vec<Record>> {
        Ok(listed(&self.records_folder())?.iter().filter_map(|path| record_in(path)?.ok()).collect())
    }
}

/// The record in a file; `None` where the file's name is not a key.
fn record_in(path: &Path) -> Option<Result<Record, Flaw>> {
    let key = Digest::named(path.file_name()?.to_string_lossy().strip_suffix(".json")?);
    if !key.is_well_formed() {
        return None;
    }
    let bytes = file::read(path, record::MAX_BYTES);
    Some(bytes.map_err(|_| Flaw::Damaged).and_then(|bytes| Record::read(&bytes, &key)))
}
