//! A cache shared by many machines: a bucket or a web server with the layout of the cache directory.
//!
//! Everything from a remote cache is verified, and a remote cache cannot make a run fail: if it is slow, wrong or
//! unavailable, it only costs time, once. Everyone who may write there is trusted, unless results are sealed with a
//! secret.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::Serialize;

use super::{LAYOUT, Record, record};
use crate::artifact::{Digest, Manifest, Outputs};

/// Settings of a remote cache.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// `s3://bucket/path`, `gs://`, `az://`, `https://` or `file://`.
    pub url: String,
    /// Whether results of this machine are uploaded.
    pub write: bool,
    /// Timeout for one file.
    pub patience: Duration,
    /// A secret that seals results; results without its seal are ignored.
    pub secret: Option<String>,
}

/// Why a remote cache cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RemoteError(pub String);

/// What a remote cache did during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemoteCounts {
    /// Downloaded results.
    pub taken: usize,
    /// Uploaded results.
    pub written: usize,
    /// Results that could not be uploaded.
    pub not_written: usize,
    /// Responses that were wrong, late or missing.
    pub failures: usize,
}

/// A remote cache.
#[derive(Debug)]
pub struct Remote {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    runtime: tokio::runtime::Runtime,
    options: RemoteOptions,
    seal: Option<[u8; 32]>,
    /// Set when the cache is no longer used.
    off: AtomicBool,
    taken: AtomicUsize,
    written: AtomicUsize,
    not_written: AtomicUsize,
    failures: AtomicUsize,
    notices: Mutex<Vec<String>>,
}

/// Number of failures after which the remote cache is no longer used.
const MOST_FAILURES: usize = 3;
/// Context from which the key of a seal is derived.
const SEAL: &str = "lawfit 2026-11-25 seal of results in a remote cache";

impl Remote {
    /// A remote cache at a URL. No request is made yet.
    ///
    /// # Errors
    /// The URL is invalid, or its credentials cannot be read.
    pub fn new(options: RemoteOptions) -> Result<Self, RemoteError> {
        let url = url(&options.url)?;
        // Credentials and endpoints come from the usual variables: AWS_..., GOOGLE_..., AZURE_...
        let known = ["AWS_", "GOOGLE_", "AZURE_"];
        let mut settings: Vec<(String, String)> = std::env::vars()
            .filter(|(name, _)| known.iter().any(|prefix| name.starts_with(prefix)))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        if url.scheme() == "http" {
            settings.push(("allow_http".to_owned(), "true".to_owned()));
        }
        let (store, prefix) =
            object_store::parse_url_opts(&url, settings).map_err(|error| RemoteError(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RemoteError(error.to_string()))?;
        let seal = options.secret.as_ref().map(|secret| blake3::derive_key(SEAL, secret.as_bytes()));
        Ok(Self {
            store,
            prefix,
            runtime,
            options,
            seal,
            off: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            not_written: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            notices: Mutex::new(Vec::new()),
        })
    }

    /// The record for a key, if it has roles that the stage produces.
    pub(super) fn record(&self, key: &Digest, produces: &dyn Fn(&Manifest) -> bool) -> Option<Record> {
        let name = record_name(key);
        let bytes = self.get(&name, record::MAX_BYTES)?;
        let Some(record) = Record::read(&bytes, key).ok().filter(|record| produces(&record.outputs)) else {
            self.fail(&format!("{name} is damaged"), false);
            return None;
        };
        if let Some(seal) = &self.seal {
            let given = self.get(&seal_name(key), 64)?;
            let given = std::str::from_utf8(&given).ok().and_then(|hex| blake3::Hash::from_hex(hex).ok());
            // The comparison takes constant time.
            if given != Some(blake3::keyed_hash(seal, &record.bytes())) {
                self.fail(&format!("{name} is not sealed with the secret"), false);
                return None;
            }
        }
        Some(record)
    }

    /// The blob of a digest.
    pub(super) fn blob(&self, digest: &Digest, size: u64) -> Option<Vec<u8>> {
        let name = blob_name(digest);
        let bytes = self.get(&name, size)?;
        if bytes.len() as u64 == size && Digest::of(&bytes) == *digest {
            return Some(bytes);
        }
        self.fail(&format!("{name} is damaged"), false);
        None
    }

    /// Uploads a result, if that is allowed and the result is not there yet.
    pub(super) fn offer(&self, record: &Record, outputs: &Outputs) {
        if !self.options.write || self.off.load(Ordering::Relaxed) {
            self.not_written.fetch_add(usize::from(self.options.write), Ordering::Relaxed);
            return;
        }
        if let Some(there) = self.record(&record.key, &|_| true) {
            if there.outputs != record.outputs {
                let kind = there.kind();
                self.notice(format!("the stage {kind} is not deterministic: the remote cache has other bytes for it"));
            }
            return;
        }
        let blobs =
            outputs.iter().map(|(role, bytes)| (blob_name(&record.outputs[role].digest), bytes.as_ref().clone()));
        let seal = self.seal.as_ref().map(|seal| {
            let seal = blake3::keyed_hash(seal, &record.bytes()).to_hex().to_string();
            (seal_name(&record.key), seal.into_bytes())
        });
        // The record is written last, so that every visible record has its blobs.
        let files = blobs.chain(seal).chain([(record_name(&record.key), record.bytes())]);
        let written = files.into_iter().all(|(name, bytes)| self.put(&name, bytes));
        let count = if written { &self.written } else { &self.not_written };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a downloaded result.
    pub(super) fn count_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// What the cache did so far.
    pub(super) fn counts(&self) -> RemoteCounts {
        RemoteCounts {
            taken: self.taken.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed),
            not_written: self.not_written.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    /// Notices for the user since the last call.
    pub(super) fn take_notices(&self) -> Vec<String> {
        self.notices.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default()
    }

    fn get(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        if self.off.load(Ordering::Relaxed) {
            return None;
        }
        let path = self.path(name);
        let answer = self.in_time(async {
            let found = self.store.get(&path).await?;
            // A file of the wrong size is not read.
            if found.meta.size > most {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        });
        match answer {
            Ok(Ok(Some(bytes))) => Some(bytes.to_vec()),
            Ok(Ok(None)) => {
                self.fail(&format!("{name} is larger than it can be"), false);
                None
            }
            Ok(Err(object_store::Error::NotFound { .. })) => None,
            Ok(Err(error)) => {
                self.fail(&first_line(&error.to_string()), false);
                None
            }
            Err(late) => {
                self.fail(&late, true);
                None
            }
        }
    }

    fn put(&self, name: &str, bytes: Vec<u8>) -> bool {
        if self.off.load(Ordering::Relaxed) {
            return false;
        }
        let path = self.path(name);
        match self.in_time(async { self.store.put(&path, PutPayload::from(bytes)).await }) {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => self.fail(&first_line(&error.to_string()), false),
            Err(late) => self.fail(&late, true),
        }
        false
    }

    fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, String> {
        self.runtime
            .block_on(async { tokio::time::timeout(self.options.patience, work).await })
            .map_err(|_| format!("it took longer than {} s", self.options.patience.as_secs_f64()))
    }

    /// Counts a failure. After a timeout or the third failure, the cache is no longer used.
    fn fail(&self, why: &str, late: bool) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let gives_up = late || failures >= MOST_FAILURES;
        if gives_up && !self.off.swap(true, Ordering::Relaxed) {
            self.notice(format!("the remote cache is no longer used in this run: {why}"));
        } else if failures == 1 {
            self.notice(format!("the remote cache failed: {why}"));
        }
    }

    fn notice(&self, text: String) {
        if let Ok(mut all) = self.notices.lock() {
            all.push(text);
        }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone().join(LAYOUT), Path::join)
    }
}

fn record_name(key: &Digest) -> String {
    format!("ac/{key}.json")
}

fn seal_name(key: &Digest) -> String {
    format!("ac/{key}.seal")
}

fn blob_name(digest: &Digest) -> String {
    format!("cas/{digest}")
}

fn url(text: &str) -> Result<reqwest::Url, RemoteError> {
    let url = reqwest::Url::parse(text).map_err(|error| RemoteError(format!("`{text}` is not a URL: {error}")))?;
    let known = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https", "file"];
    if known.contains(&url.scheme()) {
        return Ok(url);
    }
    Err(RemoteError(format!("`{}://` is not a remote cache; use s3, gs, az, https, http and file", url.scheme())))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
