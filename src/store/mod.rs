//! Content-addressed artifacts on disk: a record of the outputs for each key, and the outputs as blobs.
//!
//! Blobs are written before the record that names them. Each is written to a temporary file, which is then renamed
//! without replacing an existing file. Every read is verified; damaged files are set aside and count as missing. The
//! store therefore needs no lock, and a killed run leaves nothing to clean up.

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

/// Version of the directory layout.
const LAYOUT: &str = "v1";

/// A cache directory, with an optional remote cache behind it.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    remote: Option<Remote>,
    used: Mutex<BTreeSet<Digest>>,
    took: Mutex<BTreeMap<Digest, f64>>,
    notices: Mutex<Vec<String>>,
}

impl Store {
    /// A store in a directory, which is created on the first write.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.join(LAYOUT),
            remote: None,
            used: Mutex::new(BTreeSet::new()),
            took: Mutex::new(BTreeMap::new()),
            notices: Mutex::new(Vec::new()),
        }
    }

    /// The same store with a remote cache behind it.
    #[must_use]
    pub fn behind(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    /// The outputs for a key, if the record and all blobs are present and intact; also from the remote cache.
    /// `produces` checks whether the key's stage produces these roles.
    pub fn find(&self, key: &Digest, produces: &dyn Fn(&Manifest) -> bool) -> Option<Manifest> {
        let outputs = self.find_here(key, produces).or_else(|| self.take(key, produces))?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Some(outputs)
    }

    /// The record for a key, whether or not its blobs are present.
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
        // Check all blobs, so that every damaged one is set aside before a new write.
        let missing = record.outputs.values().filter(|blob| self.read(&blob.digest, blob.size).is_none()).count();
        if missing > 0 {
            // The record names missing blobs; computing again will write a new one.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        Some(record.outputs)
    }

    /// Copies the outputs for a key from the remote cache.
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

    /// The bytes of a blob, if it is present and matches its digest.
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

    /// The bytes of a file. An entry that cannot be that file, such as a folder or a broken link, is set aside.
    fn read_or_set_aside(&self, path: &Path, most: u64, damaged: &str) -> Option<Vec<u8>> {
        let error = match file::read(path, most) {
            Ok(bytes) => return Some(bytes),
            Err(error) => error,
        };
        let is_other =
            matches!(error.kind(), ErrorKind::FileTooLarge | ErrorKind::IsADirectory | ErrorKind::InvalidInput);
        // A broken or circular link.
        let leads_nowhere = || path.is_symlink() && std::fs::metadata(path).is_err();
        // Other errors, such as too many open files, say nothing about this file.
        if is_other || leads_nowhere() {
            self.set_aside(path, damaged);
        }
        None
    }

    /// Writes the outputs for a key here and, where allowed, to the remote cache.
    ///
    /// # Errors
    /// The disk cannot be written. The run can continue, because the outputs are in memory.
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
            // The read sets aside a damaged blob of this name.
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
            // The existing file is not a record of this key.
            None => {
                let _ = self.read_or_set_aside(&path, record::MAX_BYTES, DAMAGED_RECORD);
                replace(&path, &record.bytes(), "record")
            }
        }
    }

    /// The key under which a download is stored, if it is.
    pub fn download_of(&self, sha256: &str) -> Option<Digest> {
        let (key, _) = download_key(sha256);
        self.record(&key).map(|record| record.key)
    }

    /// Earlier downloaded content, by its SHA-256.
    pub fn downloaded(&self, sha256: &str) -> Option<Arc<Vec<u8>>> {
        let (key, _) = download_key(sha256);
        let manifest = self.find(&key, &|outputs| outputs.keys().eq([DOWNLOAD]))?;
        let blob = manifest.get(DOWNLOAD)?;
        self.read(&blob.digest, blob.size).filter(|bytes| crate::artifact::sha256(bytes) == sha256)
    }

    /// Stores downloaded content.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn keep_download(&self, sha256: &str, bytes: &Arc<Vec<u8>>) -> io::Result<()> {
        let (key, fingerprint) = download_key(sha256);
        let outputs = BTreeMap::from([(DOWNLOAD.to_owned(), Arc::clone(bytes))]);
        self.write(&key, &fingerprint, &outputs).map(|_| ())
    }

    /// Writes which keys were used since the last call, for `cache gc`, and how long stages took. If the cache cannot
    /// be written, this information is lost.
    pub fn keep_usage(&self) {
        self.keep_took();
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() || !self.root.exists() {
            return;
        }
        let (name, text) = usage::list_of(usage::today(), used.iter());
        let _ = files::write_new(&self.usage_folder().join(name), text.as_bytes(), "usage");
    }

    /// Notices for the user since the last call.
    pub fn take_notices(&self) -> Vec<String> {
        self.notices.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default()
    }

    /// What the remote cache did, if there is one.
    pub fn remote_counts(&self) -> Option<RemoteCounts> {
        self.remote.as_ref().map(Remote::counts)
    }

    fn notice(&self, text: String) {
        if let Ok(mut all) = self.notices.lock() {
            all.push(text);
        }
    }

    /// Moves a damaged file aside and reports it once.
    fn set_aside(&self, path: &Path, what: &str) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.damaged_folder();
        // Earlier files of this name stay, because a folder cannot be replaced.
        let free = (0..MOST_ASIDE).map(|count| aside.join(format!("{name}.{count}"))).find(|path| !is_taken(path));
        let moved =
            std::fs::create_dir_all(&aside).and_then(|()| std::fs::rename(path, free.ok_or(ErrorKind::AlreadyExists)?));
        // Another process moved it first, so there is nothing to report.
        if moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return;
        }
        // The damaged file is ignored even if it cannot be moved; it will only be reported again.
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
/// Maximum number of files of one name that are set aside.
const MOST_ASIDE: usize = 100;

/// Whether an entry of this name exists, even a broken link.
fn is_taken(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Renews the age of a blob that a new record is about to name, so that no collection removes it first.
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
