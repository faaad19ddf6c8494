//! Fetches pinned files from the store, a mirror or the web, and checks their digests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Options;
use crate::artifact::sha256;
use crate::file;
use crate::store::Store;
use crate::web::{Credentials, Web};

/// Why a pinned file could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The file is neither in the store nor in the mirror, and the network may not be used.
    #[error("{url} is neither in the cache nor in a mirror, and --offline forbids fetching it")]
    Offline {
        /// Address of the file.
        url: String,
    },
    /// The request failed.
    #[error("{url} could not be fetched: {reason}")]
    Network {
        /// Address of the file.
        url: String,
        /// Reason.
        reason: String,
    },
    /// A snapshot is not available.
    #[error("the snapshot of {name} is damaged or missing at {path}, and not in the cache", path = path.display())]
    NoSnapshot {
        /// The name of the original.
        name: String,
        /// Its path.
        path: PathBuf,
    },
    /// The content has another digest.
    #[error("{url} has SHA-256 {found}, not {wanted}")]
    Mismatch {
        /// Address of the file.
        url: String,
        /// The pinned digest.
        wanted: String,
        /// The digest of the received content.
        found: String,
    },
}

/// Fetches pinned files.
#[derive(Debug)]
pub struct Fetcher<'a> {
    store: &'a Store,
    options: &'a Options,
}

impl<'a> Fetcher<'a> {
    /// A fetcher that keeps downloads in a store.
    pub const fn new(store: &'a Store, options: &'a Options) -> Self {
        Self { store, options }
    }

    /// The content with a SHA-256, of at most `most` bytes, and a message if the store could not keep it.
    ///
    /// # Errors
    /// The content is not available.
    pub fn get(&self, url: &str, pinned: &str, most: u64) -> Result<(Arc<Vec<u8>>, Option<String>), FetchError> {
        if let Some(bytes) = self.store.downloaded(pinned) {
            return Ok((bytes, None));
        }
        let bytes = match self.options.mirror.as_deref().and_then(|mirror| in_mirror(mirror, url, pinned, most)) {
            Some(bytes) => bytes,
            None if self.options.offline => return Err(FetchError::Offline { url: url.to_owned() }),
            None => download(url, most)?,
        };
        let found = sha256(&bytes);
        if found != pinned {
            return Err(FetchError::Mismatch { url: url.to_owned(), wanted: pinned.to_owned(), found });
        }
        let bytes = Arc::new(bytes);
        let refused =
            self.store.keep_download(pinned, &bytes).err().map(|error| format!("the download is not kept: {error}"));
        Ok((bytes, refused))
    }

    /// The content of a snapshot: from the file at `path` if its digest is right, otherwise from the store or a mirror. The
    /// source itself is never read.
    ///
    /// # Errors
    /// The content is not available.
    pub fn snapshot(&self, path: &Path, name: &str, pinned: &str, most: u64) -> Result<Arc<Vec<u8>>, FetchError> {
        let beside = file::read(path, most).ok().filter(|bytes| sha256(bytes) == pinned);
        if let Some(bytes) = beside {
            return Ok(Arc::new(bytes));
        }
        if let Some(bytes) = self.store.downloaded(pinned) {
            return Ok(bytes);
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let found = self.options.mirror.as_deref().and_then(|mirror| in_mirror(mirror, &file, pinned, most));
        found.map(Arc::new).ok_or_else(|| FetchError::NoSnapshot { name: name.to_owned(), path: path.to_owned() })
    }
}

fn download(url: &str, most: u64) -> Result<Vec<u8>, FetchError> {
    let bytes = Web::file(url, Credentials::None, most);
    bytes.map_err(|error| FetchError::Network { url: url.to_owned(), reason: error.0 })
}

/// A file of the mirror with the pinned content. Files with the same name are tried first.
fn in_mirror(mirror: &Path, url: &str, pinned: &str, most: u64) -> Option<Vec<u8>> {
    let name = url.rsplit('/').next().unwrap_or_default();
    let mut files = Vec::new();
    list(mirror, &mut files, 0);
    files.sort();
    let (same, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|path| path.file_name().is_some_and(|n| n.to_string_lossy() == name));
    same.into_iter().chain(others).find_map(|path| file::read(&path, most).ok().filter(|bytes| sha256(bytes) == pinned))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) {
    // The limit ends circles of links.
    if depth > 16 {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            list(&path, files, depth + 1);
        } else if path.is_file() {
            files.push(path);
        }
    }
}
