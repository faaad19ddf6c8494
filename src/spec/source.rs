//! The part of a spec about sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::live::{Live, Tracker, TrackerKeys};
use crate::quantity::Quantity;
use crate::registry::{Remaining, keys_of};
use crate::source::{ColumnKind, Format, Missing, Options, SettingKeys, Take};
use crate::unit::{Counts, Unit};

/// Where observations come from: one file, several files, or a URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schemars(!remote, !deny_unknown_fields)]
#[expect(clippy::doc_markdown, reason = "the schema shows the text as it is")]
pub struct Source {
    /// A file, or a glob such as "runs/*.parquet", relative to the spec. Names in braces become columns:
    /// "runs/{model}-{N}.csv".
    #[serde(default)]
    pub path: Option<String>,
    /// A regular expression applied to each file's path; its named groups become columns:
    /// `run-(?<N>[^-]+)-s(?<seed>\d+)`.
    #[serde(default)]
    pub names: Option<String>,
    /// A regular expression for the headings of columns that become rows: `^(?<run>.+) - (?<column>.+)$`. Its named
    /// groups become columns. The group `column` names the column of the values; without it they are in the column
    /// `value`.
    #[serde(default)]
    pub headings: Option<String>,
    /// The answer of a query as a table: "queries.minima". Its columns are the query's inputs and outputs, the
    /// interval limits as "at.lower" and "at.upper", and the groups of its fit as "group".
    #[serde(default)]
    pub from: Option<String>,
    /// A file on the web, or objects of a bucket: "s3://bucket/runs/*.csv", gs://, az://. Without `sha256` it is a live
    /// source: `lawfit update` takes a snapshot of it.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether programs write to the files of `path`. `lawfit update` then takes a snapshot of them, which runs read.
    #[serde(default)]
    pub live: bool,
    /// Columns that identify a row when `lawfit update` counts changes.
    #[serde(default)]
    pub key: Vec<String>,
    /// SHA-256 of the file's content, in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Format of the file. Default: determined by the file name.
    #[serde(default)]
    pub format: Option<Format>,
    /// Which steps of a run become rows, for histories of runs: "last", "min", `{ mean = 100 }`, `{ at = "step ==
    /// 20000" }`, `{ lowest = "L" }`, "all".
    #[serde(default)]
    pub take: Option<Take>,
    /// Columns that identify the run of a row, for `take`. Formats that know runs provide the column "run"; in other
    /// formats each file is one run.
    #[serde(default)]
    pub run: Vec<String>,
    /// The column that counts steps, for `take`. Formats that know runs provide the column "step".
    #[serde(default)]
    pub step: Option<String>,
    /// The column with the planned last step of a run, for `take`: runs that ended before it are reported. For Hugging
    /// Face's Trainer it is `max_steps`.
    #[serde(default)]
    pub planned: Option<String>,
    /// The variables. Each is given by a column name or a table.
    pub columns: BTreeMap<String, Column>,
    /// How to treat a row with a missing or invalid value.
    #[serde(default)]
    pub missing: Missing,
    /// The variables that describe a learning-rate schedule. They define the variables S1, S2 and SW and, for
    /// `sum_over_knots`, drop, area and rate.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// The settings of its format. The file of each format declares them.
    #[serde(skip)]
    #[schemars(!skip, flatten, with = "SettingKeys")]
    pub options: Options,
    /// The trackers whose runs it reads; a valid source has at most one.
    #[serde(skip)]
    #[schemars(!skip, flatten, with = "TrackerKeys")]
    pub trackers: Vec<Tracker>,
}

impl Source {
    /// The path, URL or query of the source, as written.
    pub fn location(&self) -> String {
        if let Some(tracker) = self.trackers.first() {
            return tracker.location();
        }
        [&self.path, &self.url, &self.from].into_iter().find_map(Clone::clone).unwrap_or_default()
    }

    /// The keys of a source, those of trackers and of formats' settings included.
    pub fn keys() -> &'static [&'static str] {
        static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            [keys_of(|keys| Source::deserialize(keys)), Format::setting_keys(), &Tracker::NAMES].concat()
        });
        &KEYS
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SourceVisitor;
        impl<'de> Visitor<'de> for SourceVisitor {
            type Value = Source;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("struct Source")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
                let (mut options, mut trackers) = (Options::default(), Vec::new());
                let take = |key: &str, map: &mut A| {
                    let tracker = Tracker::read(key, map)?;
                    let is_tracker = tracker.is_some();
                    trackers.extend(tracker);
                    Ok(is_tracker || Format::read_setting(key, map, &mut options)?)
                };
                // The derived function reads the keys of the source itself.
                let source = Source::deserialize(MapAccessDeserializer::new(Remaining::new(map, take)))?;
                trackers.sort_by_key(|tracker| Tracker::NAMES.iter().position(|name| *name == tracker.name()));
                Ok(Source { options, trackers, ..source })
            }
        }
        deserializer.deserialize_struct("Source", Self::keys(), SourceVisitor)
    }
}

/// Rows that are steps of training runs, each with its learning rate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The variable that counts steps.
    pub step: String,
    /// The learning rate. It is interpolated linearly between known steps.
    pub rate: String,
    /// Variables that identify a run: rows with equal values belong to one run. A run lies within one file.
    #[serde(default)]
    pub run: Vec<String>,
    /// The last step of a linear warm-up, where the sums begin.
    #[serde(default)]
    pub warmup: Option<Quantity>,
    /// Momentum of the annealing area S2.
    #[serde(default = "crate::schedule::default_momentum")]
    pub momentum: f64,
}

/// Where a variable comes from.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Column {
    /// The name of a column of numbers.
    Name(String),
    /// A column or an expression, with its unit and convention.
    Table(ColumnTable),
}

/// A column or an expression, with its unit and convention.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    /// Name of the column in the file.
    #[serde(default)]
    pub column: Option<String>,
    /// Expression of other variables of this source: "C / (6 * N)". A comparison evaluates to 1 or 0: "(N > 1e9) *
    /// D".
    #[serde(default)]
    pub expr: Option<String>,
    /// Regular expression for the part of each text to read: its group, or the whole match. A number may have the
    /// suffix K, M, B or T: `"-([0-9.]+[mb])"` reads 1.6e8 from pythia-160m.
    #[serde(default)]
    pub extract: Option<String>,
    /// Numbers that replace texts: `{ small = "117M", large = "1.5B" }`.
    #[serde(default)]
    pub values: Option<BTreeMap<String, Quantity>>,
    /// Unit of the values in the column. Values are converted to parameters, tokens, FLOP or nats.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Which parameters a model size counts: all, non-embedding, or active.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// Whether the column holds numbers or text.
    #[serde(default, rename = "type")]
    pub kind: ColumnKind,
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnVisitor;
        impl<'de> Visitor<'de> for ColumnVisitor {
            type Value = Column;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a column, or a table with `column` or `expr`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Column, E> {
                Ok(Column::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Column, A::Error> {
                ColumnTable::deserialize(MapAccessDeserializer::new(map)).map(Column::Table)
            }
        }
        deserializer.deserialize_any(ColumnVisitor)
    }
}

impl Column {
    /// The column in its table form.
    pub fn table(&self) -> ColumnTable {
        match self {
            Self::Name(name) => ColumnTable { column: Some(name.clone()), ..ColumnTable::default() },
            Self::Table(table) => table.clone(),
        }
    }
}
