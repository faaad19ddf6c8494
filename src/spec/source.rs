//! What a spec may say of a source.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::OneOrMoreTexts;
use crate::quantity::Quantity;
use crate::source::{ColumnKind, Missing, Options, Take};
use crate::unit::{Counts, Unit};

/// Where observations come from: a file, several, or a URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A file, or a glob such as "runs/*.parquet", relative to the spec. Names in braces are columns:
    /// "runs/{model}-{N}.csv".
    #[serde(default)]
    pub path: Option<String>,
    /// A regular expression whose named groups are columns, read off each file's path: `run-(?<N>[^-]+)-s(?<seed>\d+)`.
    #[serde(default)]
    pub names: Option<String>,
    /// The answer of a query, as a table: "queries.minima". Its columns are the query's inputs and outputs by name, the ends
    /// of intervals as "at.lower" and "at.upper", and the groups of its fit as "group".
    #[serde(default)]
    pub from: Option<String>,
    /// A file on the web; needs `sha256`.
    #[serde(default)]
    pub url: Option<String>,
    /// SHA-256 of the file's bytes, in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Format of the file; by default it follows from the file's name.
    #[serde(default)]
    pub format: Option<crate::source::Format>,
    /// The character between values: ";" or "\t".
    #[serde(default)]
    pub separator: Option<char>,
    /// The decimal separator, "." or ","; the other one then groups thousands.
    #[serde(default)]
    pub decimal: Option<crate::source::Decimal>,
    /// The start of comment lines: "#".
    #[serde(default)]
    pub comment: Option<String>,
    /// Encoding of a text file that is not UTF-8: "latin1".
    #[serde(default)]
    pub encoding: Option<String>,
    /// The line or row of the header, the first being 1.
    #[serde(default)]
    pub header: Option<usize>,
    /// Where in a JSON document the list of records is, keys with points between: "log.history".
    #[serde(default)]
    pub records: Option<String>,
    /// The sheet of a workbook; not needed if only one has content.
    #[serde(default)]
    pub sheet: Option<String>,
    /// The cells of a sheet, header included: "B3:F40", or "B3:F" down to the last row.
    #[serde(default)]
    pub range: Option<String>,
    /// A query to an SQLite database: "SELECT n, loss FROM runs".
    #[serde(default)]
    pub query: Option<String>,
    /// Regular expressions with named groups, one or a list; each line of a log that one matches is a row, and its groups
    /// are columns.
    #[serde(default)]
    pub pattern: Option<OneOrMoreTexts>,
    /// Which steps of a run are rows, for histories of runs: "last", "min", `{ mean = 100 }`, `{ at = "step == 20000" }`,
    /// `{ lowest = "L" }`, "all".
    #[serde(default)]
    pub take: Option<Take>,
    /// Columns that identify a row's run, for `take`. Formats with runs have the column "run"; in others a run is a file.
    #[serde(default)]
    pub run: Vec<String>,
    /// The column that counts steps, for `take`. Formats with runs have the column "step".
    #[serde(default)]
    pub step: Option<String>,
    /// The variables: each is the name of a column, or a table.
    pub columns: BTreeMap<String, Column>,
    /// What to do with a row that has a missing or wrong value.
    #[serde(default)]
    pub missing: Missing,
    /// The variables that describe a learning-rate schedule. They give the variables S1, S2 and SW and, for
    /// `sum_over_knots`, drop, area and rate.
    #[serde(default)]
    pub schedule: Option<Schedule>,
}

impl Source {
    /// Where it is, as written.
    pub fn location(&self) -> String {
        [&self.path, &self.url, &self.from].into_iter().find_map(Clone::clone).unwrap_or_default()
    }

    /// How its files are to be read.
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

/// Rows as steps of training runs, each with its learning rate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The variable that counts steps.
    pub step: String,
    /// The learning rate; it is interpolated linearly between known steps.
    pub rate: String,
    /// Variables that are equal in rows of one run; a run lies within one file.
    #[serde(default)]
    pub run: Vec<String>,
    /// The last step of a linear warm-up; sums begin there.
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
    /// Expression of other variables of this source: "C / (6 * N)"; a comparison in it is 1 or 0: "(N > 1e9) * D".
    #[serde(default)]
    pub expr: Option<String>,
    /// Regular expression of the part of each text that is read: its group, or the whole of what it matches. A number may
    /// have K, M, B or T behind it: `"-([0-9.]+[mb])"` reads 1.6e8 in pythia-160m.
    #[serde(default)]
    pub extract: Option<String>,
    /// Numbers for texts: `{ small = "117M", large = "1.5B" }`.
    #[serde(default)]
    pub values: Option<BTreeMap<String, Quantity>>,
    /// Unit in which the column is written; values are brought to parameters, tokens, FLOP or nats.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Which parameters a model size counts: all, those without embeddings, or active ones.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// Whether the column holds numbers or texts.
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
    /// The column as a table.
    pub fn table(&self) -> ColumnTable {
        match self {
            Self::Name(name) => ColumnTable { column: Some(name.clone()), ..ColumnTable::default() },
            Self::Table(table) => table.clone(),
        }
    }
}
