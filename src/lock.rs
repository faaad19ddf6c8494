//! The lock file next to a spec: what a run read, computed and found, so that `git diff` shows changes.
//!
//! Its content is sorted and has no times: the same spec, data and version of lawfit give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::expectation::{Measure, Moved};
use crate::file;
use crate::numerics::{exp, ln, normal_quantile};
use crate::report::{AnswerRow, NamedAnswer, PARTS, QueryResult, Results};

/// Version of the lock file format; a file of an unknown version is ignored.
const VERSION: u32 = 2;
/// The previous version, which numbered the rows of queries and contained digests of reports.
const EARLIER: u32 = 1;
/// Versions that can be read.
const KNOWN: [u32; 2] = [EARLIER, VERSION];
/// The stage that wrote reports in the previous version.
const REPORT: &str = "report";
/// The stage that collects results.
const RESULTS: &str = "results";
/// Maximum size of a lock file.
pub const MAX_BYTES: u64 = 64 << 20;
/// Maximum number of dots on one line: each can open a nested table.
const MAX_DOTS: usize = 1000;

/// The content of a lock file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of the format.
    pub lock: u32,
    /// Names of numbers that the rows do not identify, which are not among `numbers`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unidentified: BTreeSet<String>,
    /// Sources that were read.
    pub sources: BTreeMap<String, LockedSource>,
    /// The snapshots of live sources, by source, written by `lawfit update`.
    #[serde(default, skip_serializing_if = "Pins::is_empty")]
    pub pins: Pins,
    /// The rows of each query in order, named by group and inputs, so that a row keeps its name when another is
    /// added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, Vec<String>>,
    /// The numbers of fits and queries: `fits.main.alpha`, `queries.budget[C=1e21].N`.
    pub numbers: BTreeMap<String, f64>,
    /// The coverage of intervals by fit or query, where it is not the default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, f64>,
    /// Stages that were computed.
    pub stages: BTreeMap<String, LockedStage>,
}

/// A source that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// Path or URL, as written.
    pub location: String,
    /// Number of rows in the files.
    pub rows: usize,
    /// SHA-256 of the file, or of the list of the files' digests where there are several.
    pub sha256: String,
}

/// The snapshots of live sources, by source.
pub type Pins = BTreeMap<String, Pin>;

/// A snapshot of a live source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The location and the request.
    pub location: String,
    /// The columns of the table; empty if the snapshot is a copy of files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Its files.
    pub files: Vec<PinnedFile>,
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// The name of the original.
    pub name: String,
    /// Its path, relative to the folder of the spec.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A stage that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStage {
    /// Digest of everything that determines the result.
    pub key: Digest,
    /// Digests of the outputs by role.
    pub outputs: BTreeMap<String, Digest>,
}

/// Name of a query's row among the numbers.
fn row_name(query: &str, key: &str) -> String {
    if key.is_empty() { format!("queries.{query}") } else { format!("queries.{query}[{key}]") }
}

/// The rows of a query, named by group and inputs; repeated inputs get a number.
fn keys_of(result: &QueryResult) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let unique = |key: String| {
        let count = seen.entry(key.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { key } else { format!("{key}#{count}") }
    };
    result.rows.iter().map(AnswerRow::key).map(unique).collect()
}

impl Lock {
    /// A lock with snapshots only, for a study that was never run.
    pub fn of_pins(pins: Pins) -> Self {
        Self {
            lock: VERSION,
            sources: BTreeMap::new(),
            pins,
            rows: BTreeMap::new(),
            numbers: BTreeMap::new(),
            unidentified: BTreeSet::new(),
            levels: BTreeMap::new(),
            stages: BTreeMap::new(),
        }
    }

    /// The lock of a run; `locations` gives the location of each source.
    pub fn new(
        results: &Results,
        locations: &BTreeMap<String, String>,
        pins: &Pins,
        stages: BTreeMap<String, LockedStage>,
    ) -> Self {
        let sources = results
            .sources
            .iter()
            .map(|(name, source)| {
                let location = locations.get(name).cloned().unwrap_or_default();
                (name.clone(), LockedSource { location, rows: source.rows, sha256: source.sha256.clone() })
            })
            .collect();
        let is_of_fit = |name: &String| name.starts_with("fits.");
        let mut numbers = results.numbers();
        numbers.retain(|name, _| (is_of_fit(name) && !name.contains(".evidence.")) || name.starts_with("designs."));
        let mut unidentified = results.unidentified();
        unidentified.retain(is_of_fit);
        let mut rows = BTreeMap::new();
        for (query, result) in &results.queries {
            let keys = keys_of(result);
            for (row, key) in result.rows.iter().zip(&keys) {
                for (output, cell) in &row.outputs {
                    let name = format!("{}.{output}", row_name(query, key));
                    numbers.insert(format!("{name}.lower"), cell.lower);
                    numbers.insert(format!("{name}.upper"), cell.upper);
                    numbers.insert(name.clone(), cell.value);
                    if row.is_unidentified() {
                        unidentified.insert(name);
                    }
                }
            }
            rows.insert(query.clone(), keys);
        }
        let numbers = numbers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let numbers = numbers.filter(|(_, value)| value.is_finite()).collect();
        let levels = results.levels().into_iter().filter(|(_, level)| *level != LEVEL).collect();
        Self { lock: VERSION, sources, pins: pins.clone(), rows, numbers, unidentified, levels, stages }
    }

    /// The text of a lock file; `None` where the file is missing.
    ///
    /// # Errors
    /// The file cannot be read, is not a regular file, or is larger than any lock file.
    pub fn text_of(path: &Path) -> io::Result<Option<String>> {
        match file::read(path, MAX_BYTES) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Parses a lock; `None` for an unknown version or another kind of file.
    pub fn read(text: &str) -> Option<Self> {
        // Check the version first, so that a large file of another kind is not parsed.
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let version: u32 = first.strip_prefix("lock = ")?.parse().ok()?;
        if !KNOWN.contains(&version) || text.lines().any(|line| line.matches('.').count() > MAX_DOTS) {
            return None;
        }
        toml::from_str(text).ok()
    }

    /// Whether it has the format of an earlier version.
    pub const fn is_earlier(&self) -> bool {
        self.lock != VERSION
    }

    /// Converts a lock to the present format. Rows of a query of an earlier version get the names of the present
    /// rows, where the numbers of rows agree.
    #[must_use]
    pub fn migrated(mut self, present: &Self) -> Self {
        if !self.is_earlier() {
            return self;
        }
        for (query, keys) in &present.rows {
            let prefix = format!("queries.{query}.row");
            let row_of = |name: &String| name.strip_prefix(&prefix)?.split_once('.')?.0.parse::<usize>().ok();
            let count = self.numbers.keys().chain(&self.unidentified).filter_map(row_of).max().unwrap_or(0);
            if count != keys.len() {
                continue;
            }
            let renamed = |name: String| {
                let key = row_of(&name).and_then(|row| keys.get(row.checked_sub(1)?));
                let rest = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('.')).map(|(_, rest)| rest);
                match (key, rest) {
                    (Some(key), Some(rest)) => format!("{}.{rest}", row_name(query, key)),
                    _ => name,
                }
            };
            self.numbers = self.numbers.into_iter().map(|(name, value)| (renamed(name), value)).collect();
            self.unidentified = self.unidentified.into_iter().map(renamed).collect();
            self.rows.insert(query.clone(), keys.clone());
        }
        self = self.without_report();
        self.stages.extend(present.stages.get(RESULTS).map(|stage| (RESULTS.to_owned(), stage.clone())));
        self.lock = VERSION;
        self
    }

    /// The lock without the stage that wrote reports in an earlier version.
    #[must_use]
    pub fn without_report(mut self) -> Self {
        if self.is_earlier() {
            self.stages.remove(REPORT);
        }
        self
    }

    /// The name of a number in the lock, from its name in expectations: `queries.budget.row2.N` becomes
    /// `queries.budget[C=1e23].N`; without a row the name belongs to the first row.
    pub fn name_of(&self, number: &str) -> String {
        let of_query = |(query, keys): (&String, &Vec<String>)| {
            let NamedAnswer { row, output } =
                NamedAnswer::of(number, query).filter(|named| !named.output.is_empty())?;
            Some(format!("{}.{output}", row_name(query, keys.get(row.unwrap_or(0))?)))
        };
        self.rows.iter().find_map(of_query).unwrap_or_else(|| number.to_owned())
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# Written by `lawfit run`; keep it next to the spec under version control.\n{body}")
    }

    /// The name of the number to which a standard error or an end of an interval belongs; any other name is
    /// unchanged.
    pub fn whole<'a>(&self, name: &'a str) -> &'a str {
        let whole = name.rsplit_once('.').filter(|(_, part)| PARTS.contains(part)).map(|(whole, _)| whole);
        whole.filter(|whole| self.numbers.contains_key(*whole)).unwrap_or(name)
    }

    /// A standard error, or an end of an interval.
    pub fn part(&self, name: &str, part: &str) -> Option<f64> {
        self.numbers.get(&format!("{name}.{part}")).copied()
    }

    /// The unit for changes of a number: its standard error, as a factor where it has one. For a number with only an
    /// interval, it is the standard error of a normal distribution with this interval.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn measure(&self, name: &str) -> Result<Measure, &'static str> {
        let name = self.whole(name);
        if let Some(factor) = self.part(name, "factor") {
            return Measure::Factor(factor).checked();
        }
        if let Some(se) = self.part(name, "se") {
            return Measure::Plain(se).checked();
        }
        match (self.part(name, "lower"), self.part(name, "upper")) {
            (Some(lower), Some(upper)) => {
                let widths = 2.0 * normal_quantile(f64::midpoint(1.0, self.level(name)));
                let positive = Measure::Factor(exp(ln(upper / lower) / widths));
                if lower > 0.0 { positive } else { Measure::Plain((upper - lower) / widths) }.checked()
            }
            (None, None) => Err("it has no standard error"),
            _ => Err("its interval is open on one side"),
        }
    }

    /// A number that an expectation names, in this earlier lock and in a later one.
    pub fn moved(&self, now: &Self, number: &str) -> Moved {
        let then = &self.clone().migrated(now);
        let number = &now.name_of(number);
        let whole = then.whole(number);
        Moved {
            then: then.numbers.get(number).copied(),
            now: now.numbers.get(number).copied(),
            unidentified_then: then.unidentified.contains(whole),
            unidentified_now: now.unidentified.contains(whole),
            measure: then.measure(number),
        }
    }

    /// The coverage of a number's interval.
    fn level(&self, name: &str) -> f64 {
        let ends = name.match_indices(['.', '[']).map(|(at, _)| at);
        ends.filter_map(|end| self.levels.get(&name[..end])).next_back().copied().unwrap_or(LEVEL)
    }
}

/// Default coverage of intervals in a lock.
const LEVEL: f64 = 0.9;
