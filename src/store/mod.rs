//! Content-addressed artifacts on disk: records of what a key produced, and the blobs themselves.
//!
//! Blobs are written before the record that names them, each to a temporary file that is then given
//! its name without replacing what is there. Every read is verified; what is damaged is set aside
//! and counts as missing. So no lock is needed, and a killed run leaves nothing to clean up.

mod files;
mod publish;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::artifact::{Blob, Digest, Manifest, Outputs, manifest};

pub use files::replace;
pub use publish::{PublishError, publish};

/// Version of the layout below the cache's root.
const LAYOUT: &str = "v1";

/// A cache directory.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    notices: Mutex<Vec<String>>,
}

/// What a key produced; one JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    key: Digest,
    /// The whole fingerprint, of which the key is the digest: a reader can see why.
    fingerprint: String,
    outputs: Manifest,
}

impl Store {
    /// A store below a directory, which is made when something is first written.
    pub fn new(root: &Path) -> Self {
        Self { root: root.join(LAYOUT), notices: Mutex::new(Vec::new()) }
    }

    /// What a key produced, if its record and all its blobs are there and whole.
    pub fn find(&self, key: &Digest, fingerprint: &str) -> Option<Manifest> {
        let path = self.record_path(key);
        let bytes = std::fs::read(&path).ok()?;
        let record: Option<Record> = serde_json::from_slice(&bytes).ok();
        let whole = record.as_ref().is_some_and(|r| {
            r.key == *key && r.fingerprint == fingerprint && r.outputs.values().all(|b| b.digest.is_well_formed())
        });
        let (Some(record), true) = (record, whole) else {
            self.set_aside(&path, "a record of the cache is damaged");
            return None;
        };
        // All of them are looked at, so that every damaged one is out of the way of a new write.
        let missing = record.outputs.values().filter(|blob| self.read(&blob.digest, blob.size).is_none()).count();
        if missing > 0 {
            // The record promises what is gone; recomputing writes it anew.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        Some(record.outputs)
    }

    /// A blob's bytes, if they are there and are those of the digest.
    pub fn read(&self, digest: &Digest, size: u64) -> Option<Arc<Vec<u8>>> {
        if !digest.is_well_formed() {
            return None;
        }
        let path = self.blob_path(digest);
        let bytes = std::fs::read(&path).ok()?;
        if bytes.len() as u64 == size && Digest::of(&bytes) == *digest {
            return Some(Arc::new(bytes));
        }
        self.set_aside(&path, "a blob of the cache is damaged");
        None
    }

    /// Writes what a key produced.
    ///
    /// # Errors
    /// Where the disk refuses. The run can go on: the outputs are in memory.
    pub fn write(&self, key: &Digest, fingerprint: &str, outputs: &Outputs) -> io::Result<Manifest> {
        let manifest = manifest(outputs);
        files::mark_as_cache(&self.root)?;
        for (role, bytes) in outputs {
            let Blob { digest, size } = &manifest[role];
            // A damaged blob under this name is set aside by the read.
            if self.read(digest, *size).is_some() {
                continue;
            }
            files::write_new(&self.blob_path(digest), bytes, true)?;
        }
        let record = Record { key: key.clone(), fingerprint: fingerprint.to_owned(), outputs: manifest.clone() };
        let text = serde_json::to_vec_pretty(&record).map_err(io::Error::other)?;
        let path = self.record_path(key);
        files::write_new(&path, &text, false)?;
        let there = std::fs::read(&path).ok().and_then(|b| serde_json::from_slice::<Record>(&b).ok());
        if let Some(there) = there.filter(|there| there.outputs != manifest) {
            self.notice(format!(
                "the same inputs gave different bytes twice ({}); the first result is kept in the cache",
                differing(&there.outputs, &manifest).join(", ")
            ));
        }
        Ok(manifest)
    }

    /// Bytes that were downloaded before, by their SHA-256.
    pub fn downloaded(&self, sha256: &str) -> Option<Arc<Vec<u8>>> {
        let (key, fingerprint) = download_key(sha256);
        let manifest = self.find(&key, &fingerprint)?;
        let blob = manifest.get(DOWNLOAD)?;
        self.read(&blob.digest, blob.size).filter(|bytes| crate::artifact::sha256(bytes) == sha256)
    }

    /// Keeps bytes that were downloaded.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn keep_download(&self, sha256: &str, bytes: &Arc<Vec<u8>>) -> io::Result<()> {
        let (key, fingerprint) = download_key(sha256);
        let outputs = BTreeMap::from([(DOWNLOAD.to_owned(), Arc::clone(bytes))]);
        self.write(&key, &fingerprint, &outputs).map(|_| ())
    }

    /// What happened that a user should hear of, since the last call.
    pub fn take_notices(&self) -> Vec<String> {
        self.notices.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default()
    }

    fn notice(&self, text: String) {
        if let Ok(mut all) = self.notices.lock() {
            all.push(text);
        }
    }

    /// Moves a damaged file out of the way and says so once.
    fn set_aside(&self, path: &Path, what: &str) {
        let aside = self.root.join("damaged");
        let moved = std::fs::create_dir_all(&aside)
            .and_then(|()| std::fs::rename(path, aside.join(path.file_name().unwrap_or_default())));
        // A cache that cannot be written is still not believed; the damage is only reported again.
        let done = if moved.is_ok() { "set aside" } else { "passed over" };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.notice(format!("{what} ({name:.16}); it was {done} and is computed again"));
    }

    fn record_path(&self, key: &Digest) -> PathBuf {
        self.root.join("ac").join(format!("{key}.json"))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("cas").join(digest.as_str())
    }
}

const DOWNLOAD: &str = "file";

fn download_key(sha256: &str) -> (Digest, String) {
    let fingerprint = format!("{{\"kind\":\"download\",\"sha256\":\"{sha256}\"}}");
    (Digest::of(fingerprint.as_bytes()), fingerprint)
}

/// The roles whose blobs differ.
fn differing(one: &Manifest, other: &Manifest) -> Vec<String> {
    let roles: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    roles.into_iter().filter(|role| one.get(*role) != other.get(*role)).cloned().collect()
}

#[cfg(test)]
mod tests;
