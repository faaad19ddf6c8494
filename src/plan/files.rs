//! The files that match a pattern: `runs/*.parquet`, `runs/**/loss.csv`.

use std::collections::BTreeSet;
use std::fs::read_dir;
use std::path::{Path, PathBuf};

use glob::Pattern;

/// Maximum number of folder entries examined.
const MOST_SEEN: usize = 1_000_000;
/// Maximum number of files in one source.
const MOST_FILES: usize = 100_000;

/// Why a pattern cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    /// The pattern is invalid.
    #[error("`{0}` is not a pattern: {1}")]
    Syntax(String, &'static str),
    /// The limit of files or folder entries was reached.
    #[error("{0}")]
    TooMany(String),
}

/// The folder above the first wildcard of a pattern.
pub(super) fn fixed_part(folder: &Path, pattern: &str) -> PathBuf {
    let parts = pattern.split('/').take_while(|part| !is_wild(part));
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() };
    parts.fold(start, |path, part| path.join(part))
}

/// Whether a path component has wildcards.
pub(super) fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// The files below a folder that match a pattern, sorted. Links are followed except by `**`.
///
/// # Errors
/// If the pattern is invalid or a limit is reached.
pub(super) fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
    let syntax = |error: glob::PatternError| PatternError::Syntax(pattern.to_owned(), error.msg);
    Pattern::new(pattern).map_err(syntax)?;
    let base = fixed_part(folder, pattern);
    let wild: Vec<&str> = pattern.split('/').skip_while(|part| !is_wild(part)).collect();
    let mut walk = Walk { parts: Vec::new(), found: Vec::new(), entered: BTreeSet::new(), seen: 0 };
    for part in wild {
        walk.parts.push(if part == "**" { None } else { Some(Pattern::new(part).map_err(syntax)?) });
    }
    walk.enter(&base, 0)?;
    let mut found = walk.found;
    found.sort();
    found.dedup();
    Ok(found)
}

/// A search through folders.
struct Walk {
    /// A pattern for each path component; `None` for `**`.
    parts: Vec<Option<Pattern>>,
    found: Vec<PathBuf>,
    /// Visited folders with the pattern part searched in each; several `**` reach the same folder in many ways.
    entered: BTreeSet<(PathBuf, usize)>,
    seen: usize,
}

impl Walk {
    /// Matches the path components from `part` on inside a folder.
    fn enter(&mut self, folder: &Path, part: usize) -> Result<(), PatternError> {
        let Some(pattern) = self.parts.get(part).cloned() else { return Ok(()) };
        if !self.entered.insert((folder.to_owned(), part)) {
            return Ok(());
        }
        let last = part + 1 == self.parts.len();
        // `**` also matches no folder at all.
        if pattern.is_none() && !last {
            self.enter(folder, part + 1)?;
        }
        let Ok(entries) = read_dir(folder) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            self.seen += 1;
            if self.seen > MOST_SEEN {
                return Err(PatternError::TooMany(format!("there are more than {MOST_SEEN} files to search")));
            }
            let (path, name) = (entry.path(), entry.file_name());
            let matches = pattern.as_ref().is_none_or(|pattern| pattern.matches(&name.to_string_lossy()));
            if !matches {
                continue;
            }
            if last && path.is_file() {
                self.found.push(path);
                if self.found.len() > MOST_FILES {
                    return Err(PatternError::TooMany(format!("more than {MOST_FILES} files match")));
                }
            } else if pattern.is_none() && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.enter(&path, part)?;
            } else if pattern.is_some() && !last && path.is_dir() {
                self.enter(&path, part + 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_folders_and_any_depth_without_link_cycles() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "b.txt", "runs/c.csv", "runs/deep/d.csv", "runs/deep/e.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(".", folder.path().join("runs/circle")).unwrap();
        let found = |pattern: &str| -> Vec<String> {
            let found = matching(folder.path(), pattern).unwrap();
            found.iter().map(|p| p.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(found("*.csv"), ["a.csv"]);
        assert_eq!(found("runs/*.csv"), ["runs/c.csv"]);
        assert_eq!(found("**/[cd].csv"), ["runs/c.csv", "runs/deep/d.csv"]);
        assert_eq!(found("runs/**/?.csv"), ["runs/c.csv", "runs/deep/d.csv", "runs/deep/e.csv"]);
        assert_eq!(found("*/deep/e.csv"), ["runs/deep/e.csv"]);
        assert!(found("*.parquet").is_empty());
        // A folder below many `**` is entered once for each of them, and not once for each way to reach it.
        let deep = folder.path().join("x/".repeat(40));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("far.csv"), "").unwrap();
        assert_eq!(found(&format!("{}far.csv", "**/".repeat(30))).len(), 1);
        assert_eq!(found(&format!("{}far.csv", "**/*/".repeat(12))).len(), 1);
        assert!(matches!(matching(folder.path(), "a***b"), Err(PatternError::Syntax(..))));
    }
}
