//! Content-addressed artifacts on disk: records of what a key produced, and the blobs themselves.
//!
//! Blobs are written before the record that names them, each to a temporary file that is then given
//! its name without replacing what is there. Every read is verified; what is damaged is set aside
//! and counts as missing. So no lock is needed, and a killed run leaves nothing to clean up.

mod bundle;
mod collect;
mod files;
mod inspect;
mod publish;
mod record;
mod remote;
mod step;
mod took;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::artifact::{Blob, Digest, Manifest, Outputs, manifest};
use crate::file;
use record::Flaw;

pub use bundle::{BundleError, Carried};
pub use collect::{Collected, Keep};
pub use files::replace;
pub use inspect::{Contents, Verified};
pub use publish::{PublishError, amend, publish};
pub use record::Record;
pub use remote::{Remote, RemoteCounts, RemoteError, RemoteOptions};

/// Version of the layout below the cache's root.
const LAYOUT: &str = "v1";

/// A cache directory, and a remote one behind it where there is one.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    remote: Option<Remote>,
    used: Mutex<BTreeSet<Digest>>,
    took: Mutex<BTreeMap<Digest, f64>>,
    notices: Mutex<Vec<String>>,
}

impl Store {
    /// A store below a directory, which is made when something is first written.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.join(LAYOUT),
            remote: None,
            used: Mutex::new(BTreeSet::new()),
            took: Mutex::new(BTreeMap::new()),
            notices: Mutex::new(Vec::new()),
        }
    }

    /// The store with a remote cache behind it.
    #[must_use]
    pub fn behind(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    /// What a key produced, if its record and all its blobs are there and whole; from the remote cache where
    /// they are not here. `produces` tells whether it may have produced these roles at all.
    pub fn find(&self, key: &Digest, produces: &dyn Fn(&Manifest) -> bool) -> Option<Manifest> {
        let outputs = self.find_here(key, produces).or_else(|| self.take(key, produces))?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Some(outputs)
    }

    /// The record of a key, whether or not its blobs are there.
    pub fn record(&self, key: &Digest) -> Option<Record> {
        Record::read(&file::read(&self.record_path(key), record::MAX_BYTES).ok()?, key).ok()
    }

    fn find_here(&self, key: &Digest, produces: &dyn Fn(&Manifest) -> bool) -> Option<Manifest> {
        let path = self.record_path(key);
        let bytes = self.read_or_set_aside(&path, record::MAX_BYTES, DAMAGED_RECORD)?;
        let record = match Record::read(&bytes, key) {
            Ok(record) if produces(&record.outputs) => record,
            Err(Flaw::Unsealed) => {
                let _ = std::fs::remove_file(&path);
                return None;
            }
            Ok(_) | Err(Flaw::Damaged) => {
                self.set_aside(&path, DAMAGED_RECORD);
                return None;
            }
        };
        step::step("find").ok()?;
        // All of them are looked at, so that every damaged one is out of the way of a new write.
        let missing = record.outputs.values().filter(|blob| self.read(&blob.digest, blob.size).is_none()).count();
        if missing > 0 {
            // The record promises what is gone; recomputing writes it anew.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        Some(record.outputs)
    }

    /// Brings what a key produced from the remote cache here.
    fn take(&self, key: &Digest, produces: &dyn Fn(&Manifest) -> bool) -> Option<Manifest> {
        let remote = self.remote.as_ref()?;
        let taken = remote.record(key, produces).and_then(|record| {
            for Blob { digest, size } in record.outputs.values() {
                if self.read(digest, *size).is_none() {
                    let bytes = remote.blob(digest, *size)?;
                    files::write_new(&self.blob_path(digest), &bytes, files::BLOB).ok()?;
                }
            }
            self.write_record(&record).ok()?;
            remote.count_taken();
            Some(record.outputs)
        });
        remote.take_notices().into_iter().for_each(|text| self.notice(text));
        taken
    }

    /// A blob's bytes, if they are there and are those of the digest.
    pub fn read(&self, digest: &Digest, size: u64) -> Option<Arc<Vec<u8>>> {
        if !digest.is_well_formed() {
            return None;
        }
        let path = self.blob_path(digest);
        let bytes = self.read_or_set_aside(&path, size, DAMAGED_BLOB)?;
        if bytes.len() as u64 == size && Digest::of(&bytes) == *digest {
            return Some(Arc::new(bytes));
        }
        self.set_aside(&path, DAMAGED_BLOB);
        None
    }

    /// A file's bytes; what cannot be the file, such as a folder or a link to nothing, is set aside.
    fn read_or_set_aside(&self, path: &Path, most: u64, damaged: &str) -> Option<Vec<u8>> {
        let error = match file::read(path, most) {
            Ok(bytes) => return Some(bytes),
            Err(error) => error,
        };
        let is_other =
            matches!(error.kind(), ErrorKind::FileTooLarge | ErrorKind::IsADirectory | ErrorKind::InvalidInput);
        // A link that leads nowhere, or around in a circle.
        let leads_nowhere = || path.is_symlink() && std::fs::metadata(path).is_err();
        // Anything else, such as too many open files, says nothing of this one.
        if is_other || leads_nowhere() {
            self.set_aside(path, damaged);
        }
        None
    }

    /// Writes what a key produced, here and, where that is allowed, in the remote cache.
    ///
    /// # Errors
    /// Where the disk refuses. The run can go on: the outputs are in memory.
    pub fn write(&self, key: &Digest, fingerprint: &str, outputs: &Outputs) -> io::Result<Manifest> {
        let manifest = manifest(outputs);
        let record = Record { key: key.clone(), fingerprint: fingerprint.to_owned(), outputs: manifest.clone() };
        let written = self.write_here(&record, outputs);
        if let Some(remote) = &self.remote {
            remote.offer(&record, outputs);
            remote.take_notices().into_iter().for_each(|text| self.notice(text));
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        written.map(|()| manifest)
    }

    fn write_here(&self, record: &Record, outputs: &Outputs) -> io::Result<()> {
        files::mark_as_cache(&self.root)?;
        for (role, bytes) in outputs {
            let Blob { digest, size } = &record.outputs[role];
            let path = self.blob_path(digest);
            // A damaged blob under this name is set aside by the read.
            if self.read(digest, *size).is_some() {
                keep_young(&path);
            } else {
                files::write_new(&path, bytes, files::BLOB)?;
            }
        }
        self.write_record(record)
    }

    fn write_record(&self, record: &Record) -> io::Result<()> {
        let path = self.record_path(&record.key);
        if files::write_new(&path, &record.bytes(), "record")? {
            return Ok(());
        }
        match self.record(&record.key) {
            Some(there) if there.outputs != record.outputs => {
                self.notice(format!(
                    "the stage {} is not deterministic: the same inputs gave different bytes twice ({}); the first result is kept in the cache",
                    there.kind(),
                    differing(&there.outputs, &record.outputs).join(", ")
                ));
                Ok(())
            }
            Some(_) => Ok(()),
            // What stands there is no record of this key.
            None => {
                let _ = self.read_or_set_aside(&path, record::MAX_BYTES, DAMAGED_RECORD);
                replace(&path, &record.bytes(), "record")
            }
        }
    }

    /// The key under which a download is kept, where it is.
    pub fn download_of(&self, sha256: &str) -> Option<Digest> {
        let (key, _) = download_key(sha256);
        self.record(&key).map(|record| record.key)
    }

    /// Bytes that were downloaded before, by their SHA-256.
    pub fn downloaded(&self, sha256: &str) -> Option<Arc<Vec<u8>>> {
        let (key, _) = download_key(sha256);
        let manifest = self.find(&key, &|outputs| outputs.keys().eq([DOWNLOAD]))?;
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

    /// Notes for `cache gc` what was used since the last call, and how long it took. A cache that cannot be written forgets it.
    pub fn keep_usage(&self) {
        self.keep_took();
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() || !self.root.exists() {
            return;
        }
        let (name, text) = usage::list_of(usage::today(), used.iter());
        let _ = files::write_new(&self.usage_folder().join(name), text.as_bytes(), "usage");
    }

    /// What happened that a user should hear of, since the last call.
    pub fn take_notices(&self) -> Vec<String> {
        self.notices.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default()
    }

    /// What the remote cache did, where there is one.
    pub fn remote_counts(&self) -> Option<RemoteCounts> {
        self.remote.as_ref().map(Remote::counts)
    }

    fn notice(&self, text: String) {
        if let Ok(mut all) = self.notices.lock() {
            all.push(text);
        }
    }

    /// Moves a damaged file out of the way and says so once.
    fn set_aside(&self, path: &Path, what: &str) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.damaged_folder();
        // What was set aside before under this name stays: a folder could not be replaced.
        let free = (0..MOST_ASIDE).map(|count| aside.join(format!("{name}.{count}"))).find(|path| !is_taken(path));
        let moved =
            std::fs::create_dir_all(&aside).and_then(|()| std::fs::rename(path, free.ok_or(ErrorKind::AlreadyExists)?));
        // Another process may have been first; then there is nothing to tell.
        if moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return;
        }
        // A cache that cannot be written is still not believed; the damage is only reported again.
        let done = if moved.is_ok() { "set aside" } else { "passed over" };
        self.notice(format!("{what} ({name:.16}); it was {done} and is computed again"));
    }

    fn record_path(&self, key: &Digest) -> PathBuf {
        self.records_folder().join(format!("{key}.json"))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_folder().join(digest.as_str())
    }

    fn records_folder(&self) -> PathBuf {
        self.root.join("ac")
    }

    fn blobs_folder(&self) -> PathBuf {
        self.root.join("cas")
    }

    fn usage_folder(&self) -> PathBuf {
        self.root.join("used")
    }

    fn took_folder(&self) -> PathBuf {
        self.root.join("took")
    }

    fn damaged_folder(&self) -> PathBuf {
        self.root.join("damaged")
    }
}

const DAMAGED_RECORD: &str = "a record of the cache is damaged";
const DAMAGED_BLOB: &str = "a blob of the cache is damaged";
/// Most files of one name that are set aside.
const MOST_ASIDE: usize = 100;

/// Whether there is anything of this name, if only a link to nothing.
fn is_taken(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Lets a blob that is about to be named by a new record count as new, so that no collection takes it first.
fn keep_young(path: &Path) {
    let _ = std::fs::File::open(path).and_then(|file| file.set_modified(std::time::SystemTime::now()));
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
