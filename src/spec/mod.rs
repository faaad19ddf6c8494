//! What a spec may say, and where it said it.
//!
//! The types are plain: errors carry a path, and [`Places`] finds its bytes when one is drawn.

mod brackets;
mod compose;
mod decode;
mod foreign;
mod indentation;
mod node;
mod place;
mod question;
mod schema;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub use compose::{Base, plain_name};
pub use node::{Format, MAX_BYTES, Node};
pub use place::Places;
pub use question::{ASKED, question};
pub use schema::schema;

use crate::design::{Budget, Candidates, Decisions, Discrepancy, Limits, Machine};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::forecast::Forecast;
use crate::law::ParameterText;
use crate::objective::Objective;
use crate::quantity::Quantity;
use crate::query::{
    Allocate, Compare, ComputeOptimal, Derived, InferenceAware, Isoflop, Loss, Marginal, Minimum, Overtrain, Question,
    Reach, Threshold,
};
use crate::report::{Digits, Millimetres, ReportFormat, ReportOptions, Section, Severity, Theme};
use crate::solver::{Solver, Starts};
use crate::source::{ColumnKind, Missing, Options, Take};
use crate::table::Label;
use crate::uncertainty::Uncertainty;
use crate::unit::{Counts, Unit};

/// The version of the language this lawfit reads.
pub const SPEC_VERSION: u64 = 1;

/// A scaling-law study: data sources, filters, laws, fits, queries, expectations and the report.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of the spec language: 1.
    pub spec: u64,
    /// Another spec that this one extends, relative to this one. Tables are merged; all other values are this one's.
    #[serde(default)]
    pub extends: Option<String>,
    /// Fits and queries that are made once for every combination of listed values.
    #[serde(default)]
    pub matrix: Matrix,
    /// Title, references and seed of the study.
    pub study: Study,
    /// Where observations come from, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// Rows of a source after some steps, by name.
    #[serde(default)]
    pub tables: BTreeMap<String, Table>,
    /// Which rows of a source or table are used, by name.
    #[serde(default)]
    pub filters: BTreeMap<String, Filter>,
    /// Laws of the catalogue with changes, or formulas of your own, by name.
    #[serde(default)]
    pub laws: BTreeMap<String, LawSpec>,
    /// What training costs, by name; where there is one cost, it is that of all fits. Without any, 6 FLOP for each
    /// parameter and token.
    #[serde(default)]
    pub costs: BTreeMap<String, CostSpec>,
    /// Laws fitted to rows, by name.
    #[serde(default)]
    pub fits: BTreeMap<String, Fit>,
    /// Questions put to fits, by name.
    #[serde(default)]
    pub queries: BTreeMap<String, Query>,
    /// Which runs to train next, by name.
    #[serde(default)]
    pub designs: BTreeMap<String, Design>,
    /// Variations of a fit, by its name: they show how far other choices move its answers.
    #[serde(default)]
    pub sensitivity: BTreeMap<String, Sensitivity>,
    /// Conditions that the results must meet.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// How results are written.
    #[serde(default)]
    pub report: Report,
}

/// Entries that are made once for every combination of listed values; expanded before types are read.
///
/// `[matrix.fits.main]` with `law = ["hoffmann", "kaplan_nd"]` and `objective.huber.delta = [1e-3, 1e-2]` makes
/// four fits, the first called `main[law=hoffmann,delta=0.001]`, and as many of each query of `main`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// By the name of a fit, lists of values for its settings.
    #[serde(default)]
    pub fits: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// By the name of a query, lists of values for its settings.
    #[serde(default)]
    pub queries: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// Title, references and seed of a study.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Title of the report.
    pub title: String,
    /// Works that the study builds on: "arXiv:2203.15556", a URL, a citation.
    #[serde(default)]
    pub references: Vec<String>,
    /// A paragraph for the top of the report.
    #[serde(default)]
    pub summary: Option<String>,
    /// Seed of everything random.
    #[serde(default)]
    pub seed: u64,
}

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

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMoreTexts {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMoreTexts {
    /// The texts.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(texts) => texts.clone(),
        }
    }
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

/// Rows of a source after some steps: the best of each group, joined, unpivoted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The source, or another table.
    pub from: String,
    /// The steps, taken in this order; each reports the rows before and after it.
    #[serde(default)]
    pub steps: Vec<crate::table::Step>,
    /// Units of new variables: `{ C = "FLOP" }`.
    #[serde(default)]
    pub units: BTreeMap<String, Unit>,
}

/// Which rows of a source are used.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The source, or a table.
    pub source: String,
    /// Rules, applied in this order; every dropped row is accounted for.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule of a filter: exactly one of `range`, `keep`, `drop`, `drop_highest`, `drop_lowest`, `keep_highest`,
/// `keep_lowest`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Keep rows whose variables lie in these ranges, ends included: `{ N = ["40M", "20B"] }`.
    #[serde(default)]
    pub range: Option<BTreeMap<String, [Quantity; 2]>>,
    /// Keep rows for which this holds.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub keep: Option<String>,
    /// Drop rows for which this holds.
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub drop: Option<String>,
    /// Drop the rows with the highest values of this variable.
    #[serde(default)]
    pub drop_highest: Option<String>,
    /// Drop the rows with the lowest values of this variable.
    #[serde(default)]
    pub drop_lowest: Option<String>,
    /// Keep only the rows with the highest values of this variable, of each group `by` where that is given.
    #[serde(default)]
    pub keep_highest: Option<String>,
    /// Keep only the rows with the lowest values of this variable: `{ keep_lowest = "L", by = ["epochs"] }`.
    #[serde(default)]
    pub keep_lowest: Option<String>,
    /// Variables that define groups; the highest or lowest rows are taken from each group.
    #[serde(default)]
    pub by: Vec<String>,
    /// How many of the highest or lowest rows. If rows are kept, the default is 1.
    #[serde(default)]
    pub count: Option<usize>,
    /// Why, for the report.
    #[serde(default)]
    pub because: Option<String>,
}

/// A condition on rows.
fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct ConditionVisitor;
    impl Visitor<'_> for ConditionVisitor {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a condition on rows, such as \"C > 1e21\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            let share = text.trim().strip_suffix('%').unwrap_or(text).trim();
            if share.parse::<f64>().is_ok() {
                let message = format!("`{text}` is no condition on rows; write one, such as \"C > 1e21\"");
                return Err(E::custom(message));
            }
            Ok(text.to_owned())
        }
    }
    deserializer.deserialize_any(ConditionVisitor).map(Some)
}

/// What training costs in FLOP: a published convention (`use`) or a formula of your own (`compute`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostSpec {
    /// Name of a published convention: `six_nd`, `active`, `embeddings`, `kaplan_attention`, `palm_attention`, `recurrent`.
    #[serde(default, rename = "use")]
    pub convention: Option<String>,
    /// Training in FLOP, as a formula of variables: `6 * N_active * D`.
    #[serde(default)]
    pub compute: Option<String>,
    /// Serving a token in FLOP, as a formula of variables: `2 * N_active`. A third of what a token of training costs where
    /// nothing is said.
    #[serde(default)]
    pub serve: Option<String>,
    /// Your columns' names for the variables of a convention: `{ N_active = "active_params", D = "tokens" }`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A law: an entry of the catalogue (`use`) or a formula of your own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LawSpec {
    /// Name of a law of the catalogue; `lawfit laws` lists them.
    #[serde(default, rename = "use")]
    #[schemars(schema_with = "schema::law_name")]
    pub entry: Option<String>,
    /// A formula: "L = E + A / N^alpha + B / D^beta".
    #[serde(default)]
    pub formula: Option<String>,
    /// Fix every parameter at published values, by the name of their source: "hoffmann2022".
    #[serde(default)]
    pub constants: Option<String>,
    /// Your columns' names for those of the formula, its response included: `{ x = "C", L = "loss" }`; or, of a formula
    /// of your own, which of its names are variables: `["L"]`. Names of columns are variables without that.
    #[serde(default)]
    pub variables: LawVariables,
    /// Bounds, starts, fixed values and ties of parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterText>,
}

/// What a spec says of the variables of a law.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum LawVariables {
    /// Names of a formula that are variables.
    Declared(Vec<String>),
    /// Other names for those of the formula.
    Renamed(BTreeMap<String, String>),
}

impl Default for LawVariables {
    fn default() -> Self {
        Self::Declared(Vec::new())
    }
}

impl<'de> Deserialize<'de> for LawVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VariablesVisitor;
        impl<'de> Visitor<'de> for VariablesVisitor {
            type Value = LawVariables;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of names, or a table such as { x = \"C\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<LawVariables, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(LawVariables::Declared)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LawVariables, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(LawVariables::Renamed)
            }
        }
        deserializer.deserialize_any(VariablesVisitor)
    }
}

/// A law fitted to rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// A filter, a table or a source. Not needed if every parameter is fixed.
    #[serde(default)]
    pub rows: Option<String>,
    /// A law of this spec or of the catalogue.
    pub law: String,
    /// What training costs, of `[costs.NAME]`; where the spec has one cost, that one.
    #[serde(default)]
    pub cost: Option<String>,
    /// What the fit minimises.
    #[serde(default)]
    pub objective: Objective,
    /// The solver. The answer of another solver than Newton's method is compared with the best optimum.
    #[serde(default)]
    pub solver: Solver,
    /// Where the search starts: a global search, or the grid of the law's listed starts.
    #[serde(default)]
    pub starts: Starts,
    /// Method of uncertainty; without it there are no intervals.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
    /// Rows for which this holds are scored, never fitted: "C > 1e21".
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub holdout: Option<String>,
    /// Laws, of this spec or of the catalogue, that are fitted to the same rows and compared with the fit's own.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Forecasts of later rows from earlier ones: `{ along = "C", folds = 5 }`.
    #[serde(default)]
    pub backtest: Option<Backtest>,
    /// Weight of each row, an expression of variables: "D / 1e9".
    #[serde(default)]
    pub weights: Option<String>,
    /// Standard deviation of each row's response; residuals are taken in units of it.
    #[serde(default)]
    pub noise: Option<String>,
    /// Variables that are equal in runs of one configuration: each configuration counts once and is resampled whole.
    #[serde(default)]
    pub replicates: Vec<String>,
    /// Variables that are equal in rows of one run, such as its checkpoints: a run is resampled whole.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// Fit each group of rows that have the same value of this variable.
    #[serde(default)]
    pub by: Option<String>,
    /// Fit all rows without each such group. Set by sensitivity, never by a spec.
    #[serde(skip)]
    pub leave_out: bool,
    /// Whether a fit without rows has no values, rather than being an error. Set by sensitivity, never by a spec.
    #[serde(skip)]
    pub varied: bool,
    /// Parameters that all groups have in common.
    #[serde(default)]
    pub share: Vec<String>,
    /// Variables of the law that other fits forecast: `{ L = "loss" }` for compute to loss to accuracy.
    #[serde(default)]
    pub through: BTreeMap<String, String>,
}

/// Rows up to an origin are fitted and all later ones forecast, at several origins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backtest {
    /// What the rows are ordered by, as an expression of variables: "C", or "N * D".
    pub along: String,
    /// Number of origins, evenly over the later half of the rows.
    #[serde(default = "default_folds")]
    pub folds: usize,
}

const fn default_folds() -> usize {
    5
}

/// A question put to a fit: exactly one of `loss`, `reach`, `compute_optimal`, `threshold`, `isoflop`,
/// `inference_aware`, `overtrain`, `marginal`, `minimum`, `compare`, `allocate`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The fit.
    pub fit: String,
    /// The groups of the fit that answer, one or a list; by default all of them.
    #[serde(default)]
    pub group: Option<GroupsAsked>,
    /// The response at given variables: `{ N = "280B", D = "300B" }`.
    #[serde(default)]
    pub loss: Option<Loss>,
    /// The variable that reaches a response: `{ L = 2.0, solve = "C" }`.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// The best model size and data for a budget: `{ C = [1e21, 5.76e23] }`.
    #[serde(default)]
    pub compute_optimal: Option<ComputeOptimal>,
    /// The variable at which a response crosses a level: `{ accuracy = 0.5, solve = "C" }`.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// Splits of budgets: the best one, the curve around it, and what a parabola would say: `{ C = 1e21 }`.
    #[serde(default)]
    pub isoflop: Option<Isoflop>,
    /// The cheapest model over training and serving: `{ loss = 2.0, serve = "10T" }`.
    #[serde(default)]
    pub inference_aware: Option<InferenceAware>,
    /// What a smaller model than the best one costs: `{ C = 1e22, factor = 0.25 }`.
    #[serde(default)]
    pub overtrain: Option<Overtrain>,
    /// The gain from ten times the compute: `{ C = 1e22 }`.
    #[serde(default)]
    pub marginal: Option<Marginal>,
    /// Where the response is lowest over one variable: `{ over = "D" }`.
    #[serde(default)]
    pub minimum: Option<Minimum>,
    /// Comparison with another fit: `{ with = "other", C = 1e22 }`.
    #[serde(default)]
    pub compare: Option<Compare>,
    /// Quantities that follow from the fit's parameters, with intervals: `{ a = "beta / (alpha + beta)" }`; with values of
    /// variables in `at` also those that follow from both.
    #[serde(default)]
    pub derived: Option<Derived>,
    /// A budget spent best on training and serving, a family of sizes or limited data: `{ C = 1e24, serve = "10T" }`.
    #[serde(default)]
    pub allocate: Option<Allocate>,
    /// The laws that answer `loss`: that of the fit, or several laws weighted by their errors on hidden runs.
    #[serde(default)]
    pub forecast: Option<Forecast>,
    /// Response of guessing, for `forecast = "default"`: 1 - 1/k for error rates over k classes.
    #[serde(default)]
    pub ceiling: Option<Quantity>,
}

/// One value of the column by which rows are fitted in groups, or a list of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GroupsAsked {
    /// One.
    One(Label),
    /// Several.
    Many(Vec<Label>),
}

impl Query {
    /// The names of the questions, of which a query has one.
    pub fn kinds() -> [&'static str; 12] {
        Self::default().questions().map(|(kind, _)| kind)
    }

    /// The groups that are asked, as texts; none where all are.
    pub fn groups(&self) -> Vec<String> {
        match &self.group {
            None => Vec::new(),
            Some(GroupsAsked::One(label)) => vec![label.text()],
            Some(GroupsAsked::Many(labels)) => labels.iter().map(Label::text).collect(),
        }
    }

    /// What is asked, by name; sound where exactly one is there.
    pub fn questions(&self) -> [(&'static str, Option<Question>); 12] {
        [
            ("loss", self.loss.clone().map(Question::Loss)),
            ("reach", self.reach.clone().map(Question::Reach)),
            ("compute_optimal", self.compute_optimal.clone().map(Question::ComputeOptimal)),
            ("threshold", self.threshold.clone().map(Question::Threshold)),
            ("isoflop", self.isoflop.clone().map(Question::Isoflop)),
            ("inference_aware", self.inference_aware.clone().map(Question::InferenceAware)),
            ("overtrain", self.overtrain.clone().map(Question::Overtrain)),
            ("marginal", self.marginal.clone().map(Question::Marginal)),
            ("minimum", self.minimum.clone().map(Question::Minimum)),
            ("compare", self.compare.clone().map(Question::Compare)),
            ("derived", self.derived.clone().map(Question::Derived)),
            ("allocate", self.allocate.clone().map(Question::Allocate)),
        ]
    }
}

/// Which runs to train next: those that make a decision the surest for their price, within every limit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The fit, or several whose laws may each be right.
    pub fit: OneOrMoreTexts,
    /// What the runs are to decide: `{ compute_optimal = { C = 1e24 } }`, or a list of such.
    pub decide: Decisions,
    /// What may be spent: `{ usd = 40_000 }`, `{ FLOP = 1e21 }`, `{ gpu_hours = 5000 }`; of several all hold.
    pub budget: Budget,
    /// Where the runs are trained; needed for hours and money.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// The runs that could be trained.
    #[serde(default)]
    pub candidates: Candidates,
    /// Limits besides the budget.
    #[serde(default)]
    pub limits: Limits,
    /// In how many rounds they are trained; each is planned anew from what came out before.
    #[serde(default = "one_round")]
    pub rounds: usize,
    /// How far runs much smaller than the largest are believed to follow the law.
    #[serde(default)]
    pub discrepancy: Discrepancy,
    /// What came out of runs of this design: a CSV file, relative to the spec, with `name` (or the sizes), the response
    /// and, where runs failed, `status`. What is left is planned anew.
    #[serde(default)]
    pub results: Option<String>,
}

const fn one_round() -> usize {
    1
}

/// Variations of a fit: one choice is changed at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Other objectives, or the same with other settings: `[{ huber = { delta = 1e-2 } }, { least_squares = {} }]`.
    #[serde(default)]
    pub objectives: Vec<Objective>,
    /// Other laws.
    #[serde(default)]
    pub laws: Vec<String>,
    /// Other filters, tables or sources.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Conditions: the rows for which one holds are left out, one condition at a time: `["family == 'a'", "C > 1e20"]`.
    #[serde(default)]
    pub without: Vec<String>,
    /// Variables: the rows of each value are left out in turn. `["family"]` refits without each family.
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// A condition that the results must meet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A condition on numbers of the results: "fits.main.alpha in [0.31, 0.38]".
    pub that: String,
    /// Why, for the report.
    #[serde(default)]
    pub because: Option<String>,
    /// Whether a run fails if it does not hold, or only warns.
    #[serde(default)]
    pub severity: Severity,
}

/// How results are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Formats of the report; `results.json` is always written.
    #[serde(default = "default_formats")]
    pub formats: Vec<ReportFormat>,
    /// Width of a paper's column in millimetres: files of figures are drawn for it, with text of seven points.
    #[serde(default)]
    pub column_width: Option<Millimetres>,
    /// What the study concludes, with numbers of the results in braces: "13B reaches {queries.forecast.row2}"; one text or
    /// a list.
    #[serde(default)]
    pub conclusion: Option<OneOrMoreTexts>,
    /// The answer to quote: "queries.budget.row2". The default is the last answered row of the first query.
    #[serde(default)]
    pub answer: Option<String>,
    /// The sections to write; all by default. The first screen is always written.
    #[serde(default)]
    pub sections: Option<Vec<Section>>,
    /// Light, dark, or as the reader's system.
    #[serde(default)]
    pub theme: Theme,
    /// Significant digits of answers. `results.json` has full precision.
    #[serde(default)]
    pub precision: Digits,
}

fn default_formats() -> Vec<ReportFormat> {
    vec![ReportFormat::Html, ReportFormat::Markdown, ReportFormat::Json]
}

impl Report {
    /// How results are written.
    pub fn options(&self) -> ReportOptions {
        let sections = self.sections.as_ref().map_or_else(|| Section::ALL.into(), |all| all.iter().copied().collect());
        ReportOptions {
            formats: self.formats.iter().copied().collect(),
            column_width: self.column_width,
            sections,
            theme: self.theme,
            precision: self.precision,
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self {
            formats: default_formats(),
            column_width: None,
            conclusion: None,
            answer: None,
            sections: None,
            theme: Theme::default(),
            precision: Digits::default(),
        }
    }
}

/// What could be read of a spec, with all errors.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The typed spec, without entries that have errors.
    pub spec: Option<Spec>,
    /// The tree; it has the names of entries that were left out.
    pub tree: Node,
    /// The tree as the file itself has it.
    own: Node,
    /// What is laid over it.
    asked: Option<Node>,
    /// The specs that it extends, the nearest first.
    pub bases: Vec<Base>,
    /// The errors.
    pub problems: Vec<Diagnostic>,
}

impl Reading {
    /// A diagnostic in the place where what it is about is written; with that base's path where a base writes it.
    pub fn placed(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let (Place::Key(path) | Place::Value(path) | Place::Inside(path, _)) = &mut diagnostic.place else {
            return diagnostic;
        };
        if self.is_asked(path) {
            diagnostic.place = Place::Question;
            return diagnostic;
        }
        let (written, base) = compose::written(path, &self.own, &self.bases);
        *path = written;
        diagnostic.file = base.map(|base| base.path.clone());
        diagnostic
    }
}

impl Reading {
    /// Whether an entry is one of those that are laid over the spec.
    fn is_asked(&self, path: &SpecPath) -> bool {
        let [Step::Key(table), Step::Key(name), ..] = path.0.as_slice() else { return false };
        self.asked
            .as_ref()
            .is_some_and(|asked| asked.get(table).is_some_and(|entries| entries.get(plain_name(name)).is_some()))
    }
}

/// Reads a spec that stands alone, gathering all errors.
pub fn read(bytes: &[u8], format: Format) -> Reading {
    let name = if format == Format::Yaml { "spec.yaml" } else { "spec.toml" };
    read_at(bytes, Path::new(name))
}

/// Reads the spec of a path, with those that it extends, gathering all errors.
pub fn read_at(bytes: &[u8], path: &Path) -> Reading {
    read_over(bytes, path, None)
}

/// As [`read_at`], with a tree laid over the spec before it is expanded.
pub fn read_over(bytes: &[u8], path: &Path, more: Option<&Node>) -> Reading {
    let composed = text_of(bytes)
        .and_then(|text| node::read(text, Format::of_path(path)))
        .and_then(|own| Ok((own.clone(), compose::extended(own, path)?)));
    let (own, (tree, bases)) = match composed {
        Ok(composed) => composed,
        Err(problems) => {
            let problems = foreign::error(bytes, path).map_or(problems, |error| vec![error]);
            let empty = Node::Table(Vec::new());
            return Reading { spec: None, tree: empty.clone(), own: empty, asked: None, bases: Vec::new(), problems };
        }
    };
    if !matches!(own, Node::Table(_))
        && let Some(error) = foreign::error(bytes, path)
    {
        let empty = Node::Table(Vec::new());
        return Reading { spec: None, tree: empty.clone(), own: empty, asked: None, bases, problems: vec![error] };
    }
    let tree = more.into_iter().fold(tree, |tree, more| tree.under(more.clone()));
    let (tree, of_matrix) = compose::expanded(tree);
    let (spec, mut problems): (Option<Spec>, _) = decode::decode(&tree);
    problems.extend(of_matrix);
    if let Some(Node::Integer(version)) = tree.get("spec")
        && u64::try_from(*version) != Ok(SPEC_VERSION)
    {
        problems.push(
            Diagnostic::error(
                "spec-version",
                Place::Value(SpecPath::of(&["spec"])),
                format!("this lawfit reads version {SPEC_VERSION} of the spec language, not {version}"),
            )
            .hint(format!("write `spec = {SPEC_VERSION}`, or use the lawfit that wrote this spec")),
        );
    }
    Reading { spec, tree, own, asked: more.cloned(), bases, problems }
}

/// The bytes of a spec as text.
fn text_of(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!("the spec is not UTF-8: byte {at} is 0x{:02x}", bytes[at]);
            Err(vec![Diagnostic::error("not-utf8", Place::File, message).hint("save the file as UTF-8")])
        }
    }
}

#[cfg(test)]
mod tests;
