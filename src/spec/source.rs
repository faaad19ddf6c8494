//! The part of a spec about sources.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::OneOrMoreTexts;
use crate::live::{Live, Mlflow, Wandb};
use crate::quantity::Quantity;
use crate::source::{ColumnKind, Missing, Options, Take};
use crate::unit::{Counts, Unit};

/// Where observations come from: one file, several files, or a URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
    /// The answer of a query as a table: "queries.minima". Its columns are the query's inputs and outputs, the
    /// interval limits as "at.lower" and "at.upper", and the groups of its fit as "group".
    #[serde(default)]
    pub from: Option<String>,
    /// A file on the web, or objects of a bucket: "s3://bucket/runs/*.csv", gs://, az://. Without `sha256` it is a live
    /// source: `lawfit update` takes a snapshot of it.
    #[serde(default)]
    pub url: Option<String>,
    /// Runs on an MLflow server: `{ url = "http://localhost:5000" }`. `lawfit update` takes a snapshot of them.
    #[serde(default)]
    pub mlflow: Option<Mlflow>,
    /// Runs of a W&B project: `{ project = "team/scaling" }`. `lawfit update` takes a snapshot of them.
    #[serde(default)]
    pub wandb: Option<Wandb>,
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
    pub format: Option<crate::source::Format>,
    /// The character between values: ";" or "\t".
    #[serde(default)]
    pub separator: Option<char>,
    /// The decimal separator, "." or ","; the other character then groups thousands.
    #[serde(default)]
    pub decimal: Option<crate::source::Decimal>,
    /// The prefix of comment lines: "#".
    #[serde(default)]
    pub comment: Option<String>,
    /// Encoding of a text file that is not UTF-8, for example "latin1".
    #[serde(default)]
    pub encoding: Option<String>,
    /// Line or row of the header, counted from 1.
    #[serde(default)]
    pub header: Option<usize>,
    /// Path to the list of records in a JSON document, keys separated by points: "log.history".
    #[serde(default)]
    pub records: Option<String>,
    /// The sheet of a workbook. Optional if only one sheet has content.
    #[serde(default)]
    pub sheet: Option<String>,
    /// The cell range of a sheet, header included: "B3:F40", or "B3:F" for all rows down to the last.
    #[serde(default)]
    pub range: Option<String>,
    /// A query to an SQLite database: "SELECT n, loss FROM runs".
    #[serde(default)]
    pub query: Option<String>,
    /// One or more regular expressions with named groups. Each line of a log that matches one becomes a row; the
    /// groups become columns.
    #[serde(default)]
    pub pattern: Option<OneOrMoreTexts>,
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
    /// The variables. Each is given by a column name or a table.
    pub columns: BTreeMap<String, Column>,
    /// How to treat a row with a missing or invalid value.
    #[serde(default)]
    pub missing: Missing,
    /// The variables that describe a learning-rate schedule. They define the variables S1, S2 and SW and, for
    /// `sum_over_knots`, drop, area and rate.
    #[serde(default)]
    pub schedule: Option<Schedule>,
}

impl Source {
    /// The path, URL or query of the source, as written.
    pub fn location(&self) -> String {
        let servers = [self.mlflow.as_ref().map(Live::location), self.wandb.as_ref().map(Live::location)];
        if let Some(location) = servers.into_iter().flatten().next() {
            return location;
        }
        [&self.path, &self.url, &self.from].into_iter().find_map(Clone::clone).unwrap_or_default()
    }

    /// The options for reading its files.
    pub fn options(&self) -> Options {
        Options {
            separator: self.separator,
            comment: self.comment.clone(),
            decimal: self.decimal,
            encoding: self.encoding.clone(),
            header: self.header,
            records: self.records.clone(),
            sheet: self.sheet.clone(),
            range: self.range.clone(),
            query: self.query.clone(),
            pattern: self.pattern.as_ref().map(OneOrMoreTexts::all).unwrap_or_default(),
        }
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
