//! Bundles: one file that moves results between caches. A bundle is a tar archive with zstd compression.
//!
//! Bundles are for CI systems whose caches prefer a few large files to many small ones. The same results give the
//! same bytes. Bundles are verified in the same way as caches.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use super::{Record, Store, files, record};
use crate::artifact::{Blob, Digest};

/// The content of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Results.
    pub results: usize,
    /// Blobs.
    pub blobs: usize,
    /// Entries that were skipped: damaged or unknown ones, and results without their blobs.
    pub passed_over: usize,
}

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The disk failed, the file is truncated, or it is not a bundle.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The local cache failed.
    #[error("the cache cannot be written: {0}")]
    Cache(io::Error),
}

/// Compression level of zstd; 3 is its default.
const EFFORT: i32 = 3;
/// Largest blob in a bundle.
const MAX_BLOB: u64 = 4 << 30;

impl Store {
    /// Writes results with their blobs, for some keys or for all.
    ///
    /// # Errors
    /// The cache cannot be listed, or the bundle cannot be written.
    pub fn export(&self, keys: Option<&BTreeSet<Digest>>, to: impl Write) -> Result<Carried, BundleError> {
        let mut carried = Carried::default();
        let mut archive = tar::Builder::new(zstd::Encoder::new(to, EFFORT)?);
        let mut done = BTreeSet::new();
        for record in self.records()?.into_iter().filter(|r| keys.is_none_or(|keys| keys.contains(&r.key))) {
            let blobs: Option<Vec<_>> =
                record.outputs.values().map(|b| Some((b.digest.clone(), self.read(&b.digest, b.size)?))).collect();
            let Some(blobs) = blobs else {
                carried.passed_over += 1;
                continue;
            };
            // Blobs come before the record that names them, as in the store.
            for (digest, bytes) in blobs {
                if done.insert(digest.clone()) {
                    append(&mut archive, &format!("{BLOBS}{digest}"), &bytes)?;
                    carried.blobs += 1;
                }
            }
            append(&mut archive, &format!("{RECORDS}{}.json", record.key), &record.bytes())?;
            carried.results += 1;
        }
        archive.into_inner()?.finish()?.flush()?;
        Ok(carried)
    }

    /// Copies the results of a bundle into the store after verification.
    ///
    /// # Errors
    /// The file is truncated or not a bundle, or the cache cannot be written. Results before the fault are kept.
    pub fn import(&self, from: impl Read) -> Result<Carried, BundleError> {
        let mut carried = Carried::default();
        let mut archive = tar::Archive::new(zstd::Decoder::new(from)?);
        files::mark_as_cache(&self.root).map_err(BundleError::Cache)?;
        for entry in archive.entries()? {
            let entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let taken = match (name.strip_prefix(BLOBS), name.strip_prefix(RECORDS)) {
                (Some(digest), _) => self.import_blob(&Digest::named(digest), entry, &mut carried)?,
                (_, Some(file)) => self.import_record(file, entry, &mut carried)?,
                _ => false,
            };
            carried.passed_over += usize::from(!taken);
        }
        Ok(carried)
    }

    fn import_blob(&self, digest: &Digest, entry: impl Read, carried: &mut Carried) -> Result<bool, BundleError> {
        let mut bytes = Vec::new();
        entry.take(MAX_BLOB).read_to_end(&mut bytes)?;
        if !digest.is_well_formed() || Digest::of(&bytes) != *digest {
            return Ok(false);
        }
        if self.read(digest, bytes.len() as u64).is_none() {
            files::write_new(&self.blob_path(digest), &bytes, files::BLOB).map_err(BundleError::Cache)?;
        }
        carried.blobs += 1;
        Ok(true)
    }

    fn import_record(&self, file: &str, entry: impl Read, carried: &mut Carried) -> Result<bool, BundleError> {
        let mut bytes = Vec::new();
        entry.take(record::MAX_BYTES).read_to_end(&mut bytes)?;
        let record = file.strip_suffix(".json").map(Digest::named).and_then(|key| Record::read(&bytes, &key).ok());
        let Some(record) = record.filter(|r: &Record| {
            r.key.is_well_formed() && r.outputs.values().all(|Blob { digest, size }| self.read(digest, *size).is_some())
        }) else {
            return Ok(false);
        };
        self.write_record(&record).map_err(BundleError::Cache)?;
        self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(record.key);
        carried.results += 1;
        Ok(true)
    }
}

const BLOBS: &str = "cas/";
const RECORDS: &str = "ac/";

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes)
}
