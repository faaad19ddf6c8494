//! Files on disk to which programs write; the snapshot is a copy.

use std::path::PathBuf;

use super::{Asked, Live, LiveError, Taken};

/// Files on a disk.
#[derive(Clone, Debug)]
pub struct Files {
    /// The pattern in the spec.
    pub pattern: String,
    /// The path and the name of each.
    pub found: Vec<(PathBuf, String)>,
}

impl Live for Files {
    fn location(&self) -> String {
        self.pattern.clone()
    }

    fn is_table(&self) -> bool {
        false
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let mut left = asked.limits.bytes;
        let take = |(path, name): &(PathBuf, String)| {
            let bytes = crate::file::read(path, left).map_err(|error| LiveError::new(format!("{name}: {error}")))?;
            left -= bytes.len() as u64;
            Ok(Taken { name: name.clone(), suffix: suffix(name), bytes })
        };
        self.found.iter().map(take).collect()
    }
}

/// The path of a file below the snapshot folder of its source: its own path without parts that lead out of the folder.
pub(super) fn suffix(name: &str) -> String {
    let parts =
        name.split(['/', '\\']).filter(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(':'));
    parts.fold(String::new(), |path, part| path + "/" + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_below_the_folder_of_its_source() {
        assert_eq!(suffix("../../runs/./a.csv"), "/runs/a.csv");
        assert_eq!(suffix("s3://bucket/runs/a.csv"), "/bucket/runs/a.csv");
    }
}
