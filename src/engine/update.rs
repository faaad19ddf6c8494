//! Takes snapshots of live sources: stores them in the cache and next to the spec, and returns their digests.

use std::path::Path;
use std::sync::Arc;

use super::{Fetcher, Options};
use crate::artifact::sha256;
use crate::live::{Asked, LiveError, Moved, RowKey, Taken, moved};
use crate::lock::{Pin, PinnedFile};
use crate::plan::LiveSource;
use crate::source::{Cell, Columns, Format, SourceError, read};
use crate::stage::Failure;
use crate::store::{Store, replace};

/// A new snapshot.
#[derive(Clone, Debug)]
pub struct Updated {
    /// Its entry in the lock file.
    pub pin: Pin,
    /// The differences from the previous snapshot; without one, everything is new.
    pub moved: Moved,
    /// Why the store could not keep it, if it could not.
    pub refused: Option<String>,
}

/// Takes a snapshot of a live source. If the spec cannot read the content, the previous snapshot stays.
///
/// # Errors
/// The source cannot be reached or read, or the snapshot cannot be written.
pub fn update(source: &LiveSource, before: Option<&Pin>, store: &Store) -> Result<Updated, Failure> {
    let asked = Asked { columns: &source.columns, limits: &source.limits };
    let taken = source.live.read(&asked).map_err(|error| not_read(source, error))?;
    let after = table(source, &taken)?;
    let earlier = before.and_then(|pin| earlier(source, pin, store));
    let key: Option<Vec<usize>> =
        source.key.iter().map(|key| source.columns.iter().position(|column| column == key)).collect();
    let key = match key.as_deref() {
        None | Some([]) => RowKey::Content,
        Some(places) => RowKey::Columns(places),
    };
    let nothing = vec![Vec::new(); source.columns.len()];
    let moved = moved(earlier.as_ref().unwrap_or(&nothing), &after, key);
    let mut refused = None;
    let mut files = Vec::new();
    for Taken { name, suffix, bytes } in taken {
        let (path, sha256, bytes) = (format!("{}{suffix}", source.place), sha256(&bytes), Arc::new(bytes));
        refused = store.keep_download(&sha256, &bytes).err().map(|error| error.to_string()).or(refused);
        write(&source.folder.join(&path), &bytes)
            .map_err(|error| Failure::new("not-updated", format!("{path}: {error}")))?;
        files.push(PinnedFile { name, path, sha256 });
    }
    let columns = if source.live.is_table() { source.columns.clone() } else { Vec::new() };
    Ok(Updated { pin: Pin { location: source.live.location(), columns, files }, moved, refused })
}

/// Writes a file of a snapshot, unless it exists with the same content.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if crate::file::read(path, bytes.len() as u64).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    replace(path, bytes, "snapshot")
}

fn not_read(source: &LiveSource, error: LiveError) -> Failure {
    let message = format!("{}: {}", source.live.location(), error.message);
    error.hint.into_iter().fold(Failure::new("not-updated", message), Failure::hint)
}

/// The columns of a snapshot, with the rows of all files in order.
fn table(source: &LiveSource, files: &[Taken]) -> Result<Columns, Failure> {
    let mut all: Columns = vec![Vec::new(); source.columns.len()];
    for file in files {
        let unreadable = |error: SourceError| {
            let error = LiveError::from(error);
            let failure = Failure::new("not-updated", format!("{}: {}", file.name, error.message));
            error.hint.into_iter().fold(failure, Failure::hint)
        };
        let format = source.format.or_else(|| Format::of_name(&file.name));
        let no_format = || {
            Failure::new("not-updated", format!("{}: the format does not follow from the file name", file.name))
                .hint("write `format = ...` in the source")
        };
        let cells = columns(source, format.ok_or_else(no_format)?, &file.bytes).map_err(unreadable)?;
        all.iter_mut().zip(cells).for_each(|(column, cells)| column.extend(cells));
    }
    Ok(all)
}

fn columns(source: &LiveSource, format: Format, bytes: &[u8]) -> Result<Vec<Vec<Cell>>, SourceError> {
    read(bytes.to_vec(), format, &source.columns, &source.options, &source.limits)
}

/// The table of an earlier snapshot; `None` if it is lost or lacks a column.
fn earlier(source: &LiveSource, pin: &Pin, store: &Store) -> Option<Columns> {
    let options = Options::default();
    let fetcher = Fetcher::new(store, &options);
    let files: Option<Vec<Taken>> = pin
        .files
        .iter()
        .map(|file| {
            let path = source.folder.join(&file.path);
            let bytes = fetcher.snapshot(&path, &file.name, &file.sha256, source.limits.bytes).ok()?;
            Some(Taken { name: file.name.clone(), suffix: String::new(), bytes: bytes.to_vec() })
        })
        .collect();
    table(source, &files?).ok()
}
