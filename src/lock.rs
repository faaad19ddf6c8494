//! The lock file beside a spec: what a run read, computed and found, so that `git diff` shows what moved.
//!
//! Sorted, without times: the same spec, data and lawfit give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::file;
use crate::numerics::{exp, ln, normal_quantile};
use crate::report::{PARTS, Results};

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
    /// The names of numbers that the rows do not tell: they are not among the numbers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unidentified: BTreeSet<String>,
    /// What was read, by source.
    pub sources: BTreeMap<String, LockedSource>,
    /// The numbers of fits and queries, by the names that expectations use.
    pub numbers: BTreeMap<String, f64>,
    /// The coverage of intervals, by the name of the fit or query, where it is not the usual one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, f64>,
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
        let unidentified = results.unidentified();
        let levels = results.levels().into_iter().filter(|(_, level)| *level != LEVEL).collect();
        Self { lock: VERSION, sources, numbers, unidentified, levels, stages }
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

    /// The number of which a name is a part: its standard error or an end of its interval; the name itself where it is none.
    pub fn whole<'a>(&self, name: &'a str) -> &'a str {
        let whole = name.rsplit_once('.').filter(|(_, part)| PARTS.contains(part)).map(|(whole, _)| whole);
        whole.filter(|whole| self.numbers.contains_key(*whole)).unwrap_or(name)
    }

    /// A part of a number: its standard error, or an end of its interval.
    pub fn part(&self, name: &str, part: &str) -> Option<f64> {
        self.numbers.get(&format!("{name}.{part}")).copied()
    }

    /// What the moves of a number are counted in: its standard error, as a factor where it has one; of a number with an
    /// interval alone, what a normal distribution of that interval has.
    ///
    /// # Errors
    /// Where it has none; in words.
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

    /// The coverage of the interval of a number.
    fn level(&self, name: &str) -> f64 {
        let ends = name.match_indices('.').map(|(at, _)| at);
        ends.filter_map(|end| self.levels.get(&name[..end])).next_back().copied().unwrap_or(LEVEL)
    }
}

/// Coverage of intervals of which the lock does not say it.
const LEVEL: f64 = 0.9;

/// What the moves of a number are counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// A standard error in the number's own unit.
    Plain(f64),
    /// A standard error as a factor: the number times or divided by it.
    Factor(f64),
}

impl Measure {
    fn checked(self) -> Result<Self, &'static str> {
        let (size, least) = match self {
            Self::Plain(se) => (se, 0.0),
            Self::Factor(factor) => (factor, 1.0),
        };
        match size {
            size if !size.is_finite() => Err("its standard error is not finite"),
            size if size <= least => Err("its standard error is zero"),
            _ => Ok(self),
        }
    }

    /// How far a number has moved, in standard errors; not finite where it changed its sign on a scale of factors.
    pub fn moved(self, then: f64, now: f64) -> f64 {
        match self {
            Self::Plain(se) => (now - then) / se,
            Self::Factor(factor) if then > 0.0 && now > 0.0 => ln(now / then) / ln(factor),
            Self::Factor(_) => f64::INFINITY,
        }
    }
}
