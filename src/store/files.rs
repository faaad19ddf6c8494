//! Atomic writing of files.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::step::step;

/// Writes a file under a new name; an existing file stays. Returns whether the file was written.
pub(super) fn write_new(path: &Path, bytes: &[u8], kind: &str) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let temporary = temporary_beside(path, bytes, kind)?;
    if kind == BLOB {
        let mut permissions = temporary.as_file().metadata()?.permissions();
        permissions.set_readonly(true);
        temporary.as_file().set_permissions(permissions)?;
    }
    match temporary.persist_noclobber(path) {
        Ok(_) => {}
        // Another process wrote it first. The name follows from the content, so the content is the same.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error.error),
    }
    step(&format!("{kind}.named"))?;
    Ok(true)
}

/// The kind of a blob's file for [`write_new`], which makes it read-only.
pub(super) const BLOB: &str = "blob";

/// Replaces a file atomically; `kind` names it in crash tests.
///
/// # Errors
/// The file cannot be written.
pub fn replace(path: &Path, bytes: &[u8], kind: &str) -> io::Result<()> {
    let temporary = temporary_beside(path, bytes, kind)?;
    // A report outlives the cache, so it is flushed to disk before it gets its name.
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    sweep(folder_of(path));
    step(&format!("{kind}.named"))
}

/// Age after which an unfinished file counts as left by a killed run.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// Removes unfinished files that killed runs left in a folder.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_unfinished(&entry.file_name().to_string_lossy()) && age().is_some_and(|age| age > LEFT_BEHIND) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a name is that of an unfinished file.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_beside(path: &Path, bytes: &[u8], kind: &str) -> io::Result<tempfile::NamedTempFile> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut temporary = builder.tempfile_in(folder)?;
    let half = bytes.len() / 2;
    temporary.write_all(&bytes[..half])?;
    step(&format!("{kind}.half"))?;
    temporary.write_all(&bytes[half..])?;
    step(&format!("{kind}.written"))?;
    Ok(temporary)
}

/// Start of the names of unfinished files.
const TEMPORARY: &str = ".lawfit-";

/// Marks a directory as a cache, so that backups skip it (bford.info/cachedir), and excludes it from git.
pub(super) fn mark_as_cache(root: &Path) -> io::Result<()> {
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache of lawfit.\n";
    write_new(&root.join("CACHEDIR.TAG"), tag.as_bytes(), "mark")?;
    write_new(&root.join(".gitignore"), b"*\n", "mark").map(drop)
}
