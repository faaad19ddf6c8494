//! Copies outputs from the store to the output folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::files;
use crate::artifact::Digest;
use crate::file;

/// Name of the file that records the owner of an output folder and the files written there.
const OWNER: &str = ".lawfit.json";
/// Maximum size of a file read from an output folder.
const MAX_BYTES: u64 = 1 << 30;

/// The record of an output folder.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    /// Path of the spec, relative to the folder.
    spec: String,
    /// Digests of the written files.
    files: BTreeMap<String, Digest>,
}

/// Why outputs were not written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The folder contains results of another spec.
    #[error("{folder} contains the results of another spec, {spec}")]
    OtherSpec {
        /// The folder.
        folder: PathBuf,
        /// The other spec.
        spec: String,
    },
    /// The folder contains files that lawfit did not write.
    #[error("{folder} is not empty and was not written by lawfit")]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
    /// The name of a file would lead out of the folder.
    #[error("an output may not be called `{0}`")]
    Name(String),
    /// A file could not be written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Reason.
        error: io::Error,
    },
}

/// Writes the files to a folder and removes files of an earlier run that are no longer produced; returns the paths.
///
/// Files with the right bytes are not touched, and files that no run wrote stay.
///
/// # Errors
/// The folder belongs to another spec, or contains files and no mark of a spec; or the disk cannot be written.
pub fn publish(
    folder: &Path,
    spec: &str,
    outputs: &BTreeMap<String, Arc<Vec<u8>>>,
) -> Result<Vec<PathBuf>, PublishError> {
    let owner_path = folder.join(OWNER);
    // The order matters. The owner's mark is written before other files, so files without a mark belong to somebody
    // else.
    let holds_files = holds_files(folder);
    let before = owner_of(folder);
    match &before {
        Some(owner) if owner.spec != spec => {
            return Err(PublishError::OtherSpec { folder: folder.to_owned(), spec: owner.spec.clone() });
        }
        None if holds_files && !owner_path.exists() => {
            return Err(PublishError::NotOurs { folder: folder.to_owned() });
        }
        _ => {}
    }
    if let Some(name) = outputs.keys().find(|name| !is_plain(name)) {
        return Err(PublishError::Name(name.clone()));
    }
    let files: BTreeMap<String, Digest> =
        outputs.iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect();
    // Write the mark first, so that an interrupted run does not leave a folder without an owner.
    let stale: Vec<String> =
        before.into_iter().flat_map(|owner| owner.files.into_keys()).filter(|name| !files.contains_key(name)).collect();
    let owner = Owner { spec: spec.to_owned(), files };
    let mut text = serde_json::to_vec_pretty(&owner).unwrap_or_default();
    text.push(b'\n');
    write_changed(&owner_path, &text, "owner")?;
    let mut paths = Vec::new();
    for (name, bytes) in outputs {
        let path = folder.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| PublishError::Io { path: folder.to_owned(), error })?;
        }
        write_changed(&path, bytes, "output")?;
        paths.push(path);
    }
    for name in stale.iter().filter(|name| is_plain(name)) {
        let path = folder.join(name);
        let _ = std::fs::remove_file(&path);
        // A subfolder is removed once it is empty.
        if let Some(inner) = path.parent().filter(|inner| *inner != folder) {
            let _ = std::fs::remove_dir(inner);
        }
    }
    Ok(paths)
}

/// Rewrites the files of an earlier report through `change`, to say that there is no new report.
///
/// Returns whether there is an earlier report of this spec. The next [`publish`] restores the changed files.
///
/// # Errors
/// The disk cannot be written.
pub fn amend(folder: &Path, spec: &str, change: &dyn Fn(&str, &str) -> Option<String>) -> Result<bool, PublishError> {
    let Some(owner) = owner_of(folder).filter(|owner| owner.spec == spec) else { return Ok(false) };
    for name in owner.files.keys().filter(|name| is_plain(name)) {
        let path = folder.join(name);
        if let Some(text) = file::read_text(&path, MAX_BYTES).ok().and_then(|text| change(name, &text)) {
            write_changed(&path, text.as_bytes(), "output")?;
        }
    }
    Ok(true)
}

/// The record of a folder; `None` where it is missing or invalid.
fn owner_of(folder: &Path) -> Option<Owner> {
    serde_json::from_slice(&file::read(&folder.join(OWNER), MAX_BYTES).ok()?).ok()
}

/// Writes a file, unless it has these bytes already.
fn write_changed(path: &Path, bytes: &[u8], kind: &str) -> Result<(), PublishError> {
    if file::read(path, bytes.len() as u64).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    files::replace(path, bytes, kind).map_err(|error| PublishError::Io { path: path.to_owned(), error })
}

/// Whether a folder contains anything apart from unfinished files of a killed run.
fn holds_files(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.any(|entry| !files::is_unfinished(&entry.file_name().to_string_lossy()))
}

/// Whether a name is that of a file in the folder or in a subfolder.
fn is_plain(name: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
    name.split('/').count() <= 2 && name.split('/').all(is_plain)
}
