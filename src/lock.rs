//! The lock file beside a spec: what a run read, computed and found, so that `git diff` shows what moved.
//!
//! Sorted, without times: the same spec, data and lawfit give the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::report::Results;

/// Version of the lock file's shape; a file of another version is passed over as if it were not there.
const VERSION: u32 = 1;

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

    /// The lock in a file's text; none where it is of another version or no lock.
    pub fn read(text: &str) -> Option<Self> {
        toml::from_str::<Self>(text).ok().filter(|lock| lock.lock == VERSION)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# Written by `lawfit run`; keep it beside the spec under version control.\n{body}")
    }

    /// What is otherwise than in an earlier lock, in words: rows that came or went, numbers in units of
    /// their standard error.
    pub fn moved_since(&self, earlier: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        for (name, now) in &self.sources {
            let Some(then) = earlier.sources.get(name) else { continue };
            if now.rows != then.rows {
                let (count, what) =
                    if now.rows > then.rows { (now.rows - then.rows, "new") } else { (then.rows - now.rows, "fewer") };
                moved.push(format!("sources.{name}: {count} {what} rows, {} in all", now.rows));
            } else if now.sha256 != then.sha256 {
                moved.push(format!("sources.{name}: other content, as many rows"));
            }
        }
        for (name, &now) in self.numbers.iter().filter(|(name, _)| !is_part(name)) {
            let Some(&then) = earlier.numbers.get(name) else {
                moved.push(format!("{name}: new, {}", short(now)));
                continue;
            };
            if now == then {
                continue;
            }
            let by = earlier.standard_error(name).map_or_else(
                || format!("{:+.2} %", 100.0 * (now / then - 1.0)),
                |se| format!("{:+.2} se", (now - then) / se),
            );
            moved.push(format!("{name}: {} -> {} ({by})", short(then), short(now)));
        }
        let gone = earlier.numbers.keys().filter(|name| !is_part(name) && !self.numbers.contains_key(*name));
        moved.extend(gone.map(|name| format!("{name}: no longer there")));
        moved
    }

    /// A number's standard error; from its interval, taken for one of 90 %, where there is none.
    fn standard_error(&self, name: &str) -> Option<f64> {
        let part = |part: &str| self.numbers.get(&format!("{name}.{part}")).copied();
        let from_interval = || Some((part("upper")? - part("lower")?) / (2.0 * 1.645));
        part("se").or_else(from_interval).filter(|se| *se > 0.0)
    }
}

/// Whether a name is of a number's standard error or interval.
fn is_part(name: &str) -> bool {
    [".se", ".lower", ".upper"].iter().any(|part| name.ends_with(part))
}

fn short(value: f64) -> String {
    if (1e-3..1e6).contains(&value.abs()) { format!("{value:.5}") } else { format!("{value:.4e}") }
}
