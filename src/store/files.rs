//! Files that appear whole or not at all.

use std::io::{self, Write};
use std::path::Path;

/// Writes a file under a name that nobody has yet; what is there already stays.
pub(super) fn write_new(path: &Path, bytes: &[u8], read_only: bool) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let temporary = temporary_beside(path, bytes)?;
    if read_only {
        let mut permissions = temporary.as_file().metadata()?.permissions();
        permissions.set_readonly(true);
        temporary.as_file().set_permissions(permissions)?;
    }
    match temporary.persist_noclobber(path) {
        Ok(_) => Ok(()),
        // Somebody was first; content decides the name, so it is the same.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

/// Writes a file in the place of what is there, whole or not at all.
///
/// # Errors
/// Where the disk refuses.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path, bytes)?;
    // A report outlives the cache, so it reaches the disk before it gets its name.
    temporary.as_file().sync_all()?;
    temporary.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn temporary_beside(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lawfit-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut temporary = builder.tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    Ok(temporary)
}

/// Marks a directory as a cache, so that backups pass it over (bford.info/cachedir), and keeps it out of git.
pub(super) fn mark_as_cache(root: &Path) -> io::Result<()> {
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache of lawfit.\n";
    write_new(&root.join("CACHEDIR.TAG"), tag.as_bytes(), false)?;
    write_new(&root.join(".gitignore"), b"*\n", false)
}
