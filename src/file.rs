//! Reads whole files: regular files only, up to a maximum size.
//!
//! Reading a pipe without a writer would block, and reading a device could fill the memory.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

/// The absolute path without `.` and `..`.
pub fn from_root(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
        plain
    })
}

/// The content of a file.
///
/// # Errors
/// The file cannot be read, is not a regular file, or is larger than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {}", in_units(most)));
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // The file may have grown, or may not report its size.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// The content of a text file.
///
/// # Errors
/// As [`read`], and where the content is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Opens a regular file for reading.
///
/// # Errors
/// The file cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Check the kind first, because opening a pipe or a device can have side effects.
    regular(&std::fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Special files of the kernel can block like a pipe; with this flag they give an error.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = if metadata.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(io::Error::new(kind, format!("it is {}, not a regular file", describe(metadata.file_type()))))
}

/// The path at which a file can be replaced by another one: that of the file itself where `path` is a link to it.
///
/// # Errors
/// Something else than a regular file is there. Replacing a device or a pipe would break its other users.
pub fn replaceable(path: &Path) -> io::Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(there) => {
            regular(&there)?;
            std::fs::canonicalize(path)
        }
        Err(_) => Ok(path.to_owned()),
    }
}

/// Name of a kind of file.
pub fn describe(kind: FileType) -> &'static str {
    if kind.is_file() {
        return "a regular file";
    } else if kind.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    "something else"
}

/// First bytes of files that are not text, and the kinds of these files.
const MAGIC: [(&[u8], &str); 27] = [
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "packed by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"\xfd7zXZ", "packed by xz"),
    (b"BZh", "packed by bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "packed by 7z"),
    (b"Rar!", "packed by RAR"),
    (b"PK\x03\x04", "packed by zip, as spreadsheets (.xlsx) and arrays (.npz) are too"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document (.xls, .doc)"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"FEA1", "a Feather table"),
    (b"ORC", "an ORC table"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "a text in UTF-16"),
    (b"\xfe\xff", "a text in UTF-16"),
    (b"version https://git-lfs.github.com/spec", "a pointer of Git LFS: the file itself is elsewhere"),
];

/// The kind of a file from its first bytes, to follow the words "the file is"; `None` where it could be valid text.
pub fn what_is(bytes: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(what);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let is_page = || {
        let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
        text.starts_with("<!doctype html") || text.starts_with("<html")
    };
    if head.contains(&0) {
        Some("binary: it has bytes that are zero")
    } else if is_page() {
        Some("a web page, not what it shows")
    } else {
        None
    }
}

/// Number of first bytes that are checked.
const HEAD: usize = 1024;

/// A number of bytes with a unit: `1.5 KiB`.
pub fn in_units(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (bytes.max(1).ilog2() / 10).min(4);
    let value = bytes as f64 / (1_u64 << (10 * power)) as f64;
    let digits = usize::from(value.fract() != 0.0);
    format!("{value:.digits$} {}", units[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read_and_one_that_is_too_large_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        assert_eq!(read(file.path(), 4).unwrap(), b"four");
        assert!(read(file.path(), 3).unwrap_err().to_string().contains("larger than 3 B"));
    }

    #[test]
    fn a_special_file_is_named_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read(&pipe, 9).unwrap_err().to_string().contains("a pipe"));
        assert!(read(Path::new("/dev/zero"), 9).unwrap_err().to_string().contains("a device"));
        assert!(read(folder.path(), 9).unwrap_err().to_string().contains("a folder"));
        assert_eq!(read(&folder.path().join("none"), 9).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_first_bytes_tell_the_kind_of_a_file() {
        assert_eq!(what_is(b"\x89PNG\r\n\x1a\n...."), Some("a PNG image"));
        assert_eq!(what_is(b"\n<!DOCTYPE html><html>"), Some("a web page, not what it shows"));
        assert!(what_is(b"a,b\n1,\x00\n").unwrap().contains("binary"));
        assert_eq!([what_is(b""), what_is(b"N,L\n1,2\n"), what_is("Größe,L\n".as_bytes())], [None; 3]);
    }

    #[test]
    fn sizes_are_printed_in_a_suitable_unit() {
        assert_eq!([in_units(7), in_units(1536), in_units(4 << 30)], ["7 B", "1.5 KiB", "4 GiB"]);
    }
}
