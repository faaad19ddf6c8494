//! A spec file as it was read.

use std::path::{Path, PathBuf};

use crate::spec::Format;

/// A spec file and its bytes.
#[derive(Clone, Debug)]
pub struct SpecFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

impl SpecFile {
    /// The language of the file: YAML for the endings `.yaml` and `.yml`, TOML for all others.
    pub fn format(&self) -> Format {
        Format::of_path(&self.path)
    }

    /// The file name without folder and ending, which names the output folder.
    pub fn stem(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn folder(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    }
}
