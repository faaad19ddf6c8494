//! The lock file beside a spec: what a run read, computed and found, so that `git diff` shows what moved.
//!
//! Sorted, without times: the same spec, data and lawfit give the same bytes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::file;
use crate::report::Results;

/// Version of the lock file's shape; a file of another version is passed over as if it were not there.
const VERSION: u32 = 1;
/// Largest lock file that is read or written.
pub const MAX_BYTES: u64 = 64 << 20;
/// Most dots on one line: each may open a table inside the one before.
const MAX_DOTS: usize = 1000;

/// The content of a lock file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of this shape.
    pub lock: u32,
    /// What was read, by source.
    pub sources: BTreeMap<String, LockedSource>,
    /// The numbers of fits and queries, by the names that expectations use.
    pub numbers: BTreeMap<String, f64>,
    /// What was computed, by stage.
    pub stages: BTreeMap<String, LockedStage>,
}

/// What was read of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// Its path or URL, as written.
    pub location: String,
    /// Rows in its files.
    pub rows: usize,
    /// SHA-256 of its file; of the list of its files' digests where there are several.
    pub sha256: String,
}

/// A stage that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStage {
    /// The digest of everything that decides its result.
    pub key: Digest,
    /// Digests of what it produced, by role.
    pub outputs: BTreeMap<String, Digest>,
}

impl Lock {
    /// The lock of a run; `locations` tells where each source is.
    pub fn new(results: &Results, locations: &BTreeMap<String, String>, stages: BTreeMap<String, LockedStage>) -> Self {
        let sources = results
            .sources
            .iter()
            .map(|(name, source)| {
                let location = locations.get(name).cloned().unwrap_or_default();
                (name.clone(), LockedSource { location, rows: source.rows, sha256: source.sha256.clone() })
            })
            .collect();
        // A query's first row has two names; one is enough.
        let headline = |name: &str| match name.split('.').collect::<Vec<_>>().as_slice() {
            ["queries", _, row, ..] => row.starts_with("row"),
            ["fits", ..] => !name.contains(".evidence."),
            _ => false,
        };
        let numbers = results
            .numbers()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .filter(|(name, value)| headline(name) && value.is_finite())
            .collect();
        Self { lock: VERSION, sources, numbers, stages }
    }

    /// The text of a lock file; none where there is no file.
    ///
    /// # Errors
    /// Where it cannot be read, is no regular file or is larger than any lock file.
    pub fn text_of(path: &Path) -> io::Result<Option<String>> {
        match file::read(path, MAX_BYTES) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The lock in a file's text; none where it is of another version or no lock.
    pub fn read(text: &str) -> Option<Self> {
        // Looked at first, so that a large file of something else is not gone through.
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'))?;
        if first != format!("lock = {VERSION}") || text.lines().any(|line| line.matches('.').count() > MAX_DOTS) {
            return None;
        }
        toml::from_str::<Self>(text).ok().filter(|lock| lock.lock == VERSION)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# Written by `lawfit run`; keep it beside the spec under version control.\n{body}")
    }

    /// A number's standard error; from its interval, taken for one of 90 %, where there is none.
    pub fn standard_error(&self, name: &str) -> Option<f64> {
        let part = |part: &str| self.numbers.get(&format!("{name}.{part}")).copied();
        let from_interval = || Some((part("upper")? - part("lower")?) / (2.0 * 1.645));
        part("se").or_else(from_interval).filter(|se| *se > 0.0)
    }
}
