//! `results.json`: every number of a study, with a shape that other programs may rely on.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::Severity;
use crate::answer::{Account, Interval, Verdict};
use crate::dataset::GroupName;
use crate::design::Advice;
use crate::fit::{Backtest, Choice, Estimate, Evidence, Holdout, NoiseTrend, Region, Span, Status};
use crate::law::Roles;
use crate::query::{CAVEATS, GROUP, Kind, NOTE, OBSERVED, REACH};

/// Version of the shape; it changes only with a note in the changelog.
pub(super) const FORMAT: u32 = 1;

/// The results of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Version of this shape.
    pub format: u32,
    /// Title, references and seed.
    pub study: StudyResult,
    /// What was read, by source.
    pub sources: BTreeMap<String, SourceResult>,
    /// The rows of tables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableResult>,
    /// What was kept, by filter.
    pub filters: BTreeMap<String, FilterResult>,
    /// What was fitted, by fit.
    pub fits: BTreeMap<String, FitResult>,
    /// What was answered, by query.
    pub queries: BTreeMap<String, QueryResult>,
    /// Which runs to train next, by design.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub designs: BTreeMap<String, Advice>,
    /// How far choices move answers, by fit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitivity: BTreeMap<String, SensitivityResult>,
    /// What was expected.
    pub expectations: Vec<ExpectationResult>,
    /// What the study concludes, a sentence per answer.
    pub conclusions: Vec<String>,
    /// Warnings of fits, queries and sources, each once, the most serious first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// The one answer to quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<Recommended>,
    /// What the author concludes, with the numbers of these results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

/// The answer that a study recommends to quote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommended {
    /// The query.
    pub query: String,
    /// Its row, from 1.
    pub row: usize,
    /// The output.
    pub output: String,
    /// The answer in a sentence.
    pub sentence: String,
    /// Its value; none where there is no answer.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub lower: Option<f64>,
    /// Upper end of its interval.
    pub upper: Option<f64>,
    /// What the interval covers, in words.
    pub interval: Option<String>,
    /// What was observed there, where the rows hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Whether to believe it.
    pub belief: Belief,
    /// Why.
    pub because: Vec<String>,
    /// Why this answer, where several fits or laws answer the same question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// What would change it: the choice that moves it the farthest, where choices were varied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<String>,
}

/// Whether to believe an answer, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    /// Near the rows, and nothing speaks against it.
    Supported,
    /// Something speaks against it.
    Doubtful,
    /// There is no answer, or the fit cannot carry it.
    Unsupported,
    /// The law was not fitted here.
    Untested,
}

impl Belief {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Doubtful => "doubtful",
            Self::Unsupported => "unsupported",
            Self::Untested => "untested",
        }
    }
}

/// What was observed where a query asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// The response; the mean where several rows lie there.
    pub response: f64,
    /// How many rows.
    pub rows: usize,
    /// Whether they were held out.
    pub held_out: bool,
}

/// What the study is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyResult {
    /// Its title.
    pub title: String,
    /// What it builds on.
    pub references: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
}

/// A source that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceResult {
    /// Rows in its files.
    pub rows: usize,
    /// SHA-256 of its file; of the list of its files' digests where there are several.
    pub sha256: String,
    /// Rows dropped because a value was missing or could not be.
    pub dropped: Vec<DroppedRows>,
    /// Median of C / (6 N D), where it gives all three.
    pub flop_ratio: Option<f64>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// Rows that a rule dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DroppedRows {
    /// The rule, in words.
    pub rule: String,
    /// How many.
    pub rows: usize,
    /// Why, in the spec's words.
    pub because: Option<String>,
}

/// The rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableResult {
    /// The source or table whose rows it takes.
    pub from: String,
    /// Rows after its last step.
    pub rows: usize,
    /// Its steps, in order.
    pub steps: Vec<StepResult>,
}

/// The rows before and after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// Its kind.
    pub step: String,
    /// What it does, in words.
    pub does: String,
    /// Rows before it.
    pub rows_in: usize,
    /// Rows after it.
    pub rows_out: usize,
}

/// The rows of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilterResult {
    /// Its source.
    pub source: String,
    /// Rows kept.
    pub kept: usize,
    /// Rows dropped, by rule, in order.
    pub dropped: Vec<DroppedRows>,
}

/// A fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FitResult {
    /// The law's name.
    pub law: String,
    /// Its formula.
    pub formula: String,
    /// Number of rows fitted.
    pub rows: usize,
    /// The minimised sum; none without rows.
    pub objective: Option<f64>,
    /// What was minimised, in words.
    pub objective_kind: String,
    /// The parameters by name.
    pub parameters: BTreeMap<String, Estimate>,
    /// Evidence about the optimum.
    pub evidence: Evidence,
    /// Errors on held-out rows.
    pub holdout: Option<Holdout>,
    /// Errors of past forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
    /// Comparison with other laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Regions in which two parameters lie together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Where intervals come from, in words.
    pub uncertainty: Option<String>,
    /// Coverage of the intervals.
    pub level: Option<f64>,
    /// How the scatter of rows changes along a variable, where they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_trend: Option<NoiseTrend>,
    /// The span of each variable over the fitted rows.
    pub spans: BTreeMap<String, Span>,
    /// The column by whose values rows were fitted in groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The fit of each group, by the column's value; `parameters` then holds those that all have in common.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<GroupName, FitResult>,
}

/// The answer of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryResult {
    /// Its kind.
    pub kind: String,
    /// Its fit.
    pub fit: String,
    /// What the intervals cover, in words.
    pub interval: Option<String>,
    /// One table per question: inputs as numbers, outputs as `{value, lower, upper}` (nothing where the rows do not tell
    /// them), `reach`, and `caveats` that are to be said next to the numbers.
    pub rows: Vec<AnswerRow>,
    /// What went into a forecast by several laws; by group where there are groups, else under `all`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<String, Account>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// One answer of a query: a table in which inputs are numbers and outputs are tables with `value`, `lower` and `upper`.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Map<String, Value>")]
pub struct AnswerRow {
    /// The group whose fit answers, where the fit has groups.
    pub group: Option<String>,
    /// What was asked, by variable.
    pub inputs: BTreeMap<String, f64>,
    /// What was found, by name.
    pub outputs: BTreeMap<String, Interval>,
    /// How far the answer is from the rows.
    pub reach: Reach,
    /// What is to be said next to its numbers.
    pub caveats: Vec<String>,
    /// Why there is no number, where there is none.
    pub note: Option<String>,
    /// What was observed there, where the rows of the fit hold it.
    pub observed: Option<Observed>,
}

/// How far an answer is from the rows of its fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// The verdict.
    pub verdict: Verdict,
    /// The largest factor by which a variable leaves its span; none where there are no rows.
    pub factor: Option<f64>,
    /// That factor by variable.
    pub by_variable: BTreeMap<String, f64>,
    /// The share of the draws in which there is an answer; none where there is one in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<f64>,
}

impl AnswerRow {
    /// Whether the rows of the fit cannot carry the answer.
    pub const fn is_unidentified(&self) -> bool {
        matches!(self.reach.verdict, Verdict::NotIdentified)
    }

    /// The name of the row among those of its query: its group and what was asked, `even,C=1e21`.
    pub fn key(&self) -> String {
        let number = |(name, value): (&String, &f64)| format!("{name}={}", crate::expr::number_text(*value));
        let parts = self.group.clone().into_iter().chain(self.inputs.iter().map(number));
        parts.collect::<Vec<_>>().join(",")
    }
}

impl Serialize for AnswerRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |value: Result<Value, serde_json::Error>| value.map_err(serde::ser::Error::custom);
        let mut table = Map::new();
        if let Some(group) = &self.group {
            table.insert(GROUP.to_owned(), Value::from(group.clone()));
        }
        table.extend(self.inputs.iter().map(|(name, number)| (name.clone(), Value::from(*number))));
        for (name, interval) in &self.outputs {
            table.insert(name.clone(), value(serde_json::to_value(interval))?);
        }
        table.insert(REACH.to_owned(), value(serde_json::to_value(&self.reach))?);
        if !self.caveats.is_empty() {
            table.insert(CAVEATS.to_owned(), Value::from(self.caveats.clone()));
        }
        if let Some(note) = &self.note {
            table.insert(NOTE.to_owned(), Value::from(note.clone()));
        }
        if let Some(observed) = &self.observed {
            table.insert(OBSERVED.to_owned(), value(serde_json::to_value(observed))?);
        }
        table.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnswerRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Map::deserialize(deserializer)?;
        let reach = table.remove(REACH).ok_or_else(|| de::Error::missing_field(REACH))?;
        let mut row = Self {
            group: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            reach: serde_json::from_value(reach).map_err(de::Error::custom)?,
            caveats: Vec::new(),
            note: None,
            observed: None,
        };
        for (name, value) in table {
            match (name.as_str(), value) {
                (_, Value::Number(number)) => {
                    row.inputs.extend(number.as_f64().map(|number| (name, number)));
                }
                (GROUP, Value::String(group)) => row.group = Some(group),
                (NOTE, Value::String(note)) => row.note = Some(note),
                (OBSERVED, value) => row.observed = serde_json::from_value(value).map_err(de::Error::custom)?,
                (CAVEATS, value) => row.caveats = serde_json::from_value(value).map_err(de::Error::custom)?,
                (_, value) => {
                    let interval = serde_json::from_value(value).map_err(de::Error::custom)?;
                    row.outputs.insert(name, interval);
                }
            }
        }
        Ok(row)
    }
}

/// How a fit's answers move when it is made in other ways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SensitivityResult {
    /// The choices, in words.
    pub choices: Vec<String>,
    /// The answers.
    pub answers: Vec<VariedAnswer>,
    /// Which choices have no answer at all, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
}

/// One answer under every choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariedAnswer {
    /// The query.
    pub query: String,
    /// What was asked, by variable.
    pub inputs: BTreeMap<String, f64>,
    /// The group of the fit, where there are groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The output.
    pub output: String,
    /// Its value as the fit is.
    pub value: f64,
    /// Half the width of its interval.
    pub half_width: Option<f64>,
    /// Its value under each choice, in their order; none where there is no answer.
    pub values: Vec<Option<f64>>,
    /// The farthest of them, in half-widths of the interval; of logarithms where all numbers are above zero, so that a
    /// size that is ten times larger has moved as far as one ten times smaller.
    pub moved: Option<f64>,
}

/// A fact that one or several parts of a study warn of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The fact; in the words of the first part, where they differ in numbers.
    pub text: String,
    /// The parts that warn of it: `fit main`, `query budget`, `source runs`.
    pub of: Vec<String>,
    /// How often they do.
    pub count: usize,
    /// How grave it is.
    #[serde(default)]
    pub severity: NoteSeverity,
    /// How many answers it is about.
    #[serde(default)]
    pub answers: usize,
}

/// How grave a note is; the gravest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteSeverity {
    /// An answer may be wrong by more than its interval.
    Serious,
    /// Something to look at.
    #[default]
    Caution,
    /// True of every answer of its kind.
    Remark,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationResult {
    /// The condition.
    pub that: String,
    /// Why, in the spec's words.
    pub because: Option<String>,
    /// `passed` or `failed`.
    pub status: String,
    /// Whether a failure ends the run with an error or only warns.
    #[serde(default)]
    pub severity: Severity,
    /// The numbers it names.
    pub actual: BTreeMap<String, Option<f64>>,
    /// Why it fails, where not by its numbers: the rows do not tell one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The JSON Schema of `results.json`.
pub fn results_schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Results>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "lawfit results".into());
    }
    schema
}

impl Results {
    /// The fits as a report shows them: what groups share, then each group; (name, the spec's name, fit).
    pub fn shown_fits(&self) -> Vec<(String, &str, &FitResult)> {
        let mut shown = Vec::new();
        for (name, fit) in &self.fits {
            if fit.groups.is_empty() || !fit.parameters.is_empty() {
                shown.push((name.clone(), name.as_str(), fit));
            }
            shown.extend(fit.groups.iter().map(|(group, fit)| (of_group(name, &group.0), name.as_str(), fit)));
        }
        shown
    }

    /// The names of numbers that are not given because the rows do not tell them.
    pub fn unidentified(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (name, fit) in &self.fits {
            let groups = fit.groups.iter().map(|(group, fit)| (format!("fits.{name}.groups.{group}"), fit));
            for (prefix, fit) in [(format!("fits.{name}"), fit)].into_iter().chain(groups) {
                let not_told = fit.parameters.iter().filter(|(_, estimate)| estimate.status == Status::NotIdentified);
                names.extend(not_told.map(|(parameter, _)| format!("{prefix}.{parameter}")));
            }
        }
        for (name, query) in &self.queries {
            let refused = query.rows.iter().enumerate().filter(|(_, row)| row.is_unidentified());
            for (index, row) in refused {
                names.extend(row.outputs.keys().map(|output| format!("queries.{name}.row{}.{output}", index + 1)));
            }
        }
        names
    }

    /// The coverage of the intervals of fits and queries, by their names.
    pub fn levels(&self) -> BTreeMap<String, f64> {
        let fits = self.fits.iter().filter_map(|(name, fit)| Some((format!("fits.{name}"), fit.level?)));
        let queries = self
            .queries
            .iter()
            .filter_map(|(name, query)| Some((format!("queries.{name}"), self.fits.get(&query.fit)?.level?)));
        fits.chain(queries).collect()
    }

    /// Every number an expectation can name.
    pub fn numbers(&self) -> BTreeMap<String, Option<f64>> {
        let mut all = BTreeMap::new();
        for (name, source) in &self.sources {
            all.insert(format!("sources.{name}.rows"), Some(source.rows as f64));
        }
        for (name, table) in &self.tables {
            all.insert(format!("tables.{name}.rows"), Some(table.rows as f64));
        }
        for (name, filter) in &self.filters {
            all.insert(format!("filters.{name}.kept"), Some(filter.kept as f64));
            let dropped: usize = filter.dropped.iter().map(|d| d.rows).sum();
            all.insert(format!("filters.{name}.dropped"), Some(dropped as f64));
        }
        for (name, fit) in &self.fits {
            let groups = fit.groups.iter().map(|(group, fit)| (format!("fits.{name}.groups.{group}"), fit));
            for (prefix, fit) in [(format!("fits.{name}"), fit)].into_iter().chain(groups) {
                for (parameter, estimate) in &fit.parameters {
                    let Estimate { value, se, factor, lower, upper, .. } = *estimate;
                    all.insert(format!("{prefix}.{parameter}"), value);
                    for (part, value) in PARTS.into_iter().zip([se, factor, lower, upper]) {
                        all.insert(format!("{prefix}.{parameter}.{part}"), value);
                    }
                }
                all.extend(FACTS.iter().map(|(fact, of)| (format!("{prefix}.{fact}"), of(fit))));
            }
        }
        for (name, design) in &self.designs {
            let numbers = design.numbers().into_iter();
            all.extend(numbers.map(|(key, value)| (format!("designs.{name}.{key}"), value)));
        }
        for (name, sensitivity) in &self.sensitivity {
            let moved = sensitivity.answers.iter().filter_map(|answer| answer.moved).reduce(f64::max);
            all.insert(format!("sensitivity.{name}.moved"), moved);
        }
        for (name, query) in &self.queries {
            for (index, row) in query.rows.iter().enumerate() {
                for (output, interval) in &row.outputs {
                    let mut prefixes = vec![format!("queries.{name}.row{}.{output}", index + 1)];
                    if index == 0 {
                        prefixes.push(format!("queries.{name}.{output}"));
                    }
                    for prefix in prefixes {
                        all.insert(prefix.clone(), interval.value);
                        all.insert(format!("{prefix}.lower"), interval.lower);
                        all.insert(format!("{prefix}.upper"), interval.upper);
                    }
                }
            }
        }
        all
    }
}

/// What the results say of a number besides its value: how sure it is.
pub const PARTS: [&str; 4] = ["se", "factor", "lower", "upper"];

/// The name of a group's fit.
pub(super) fn of_group(fit: &str, group: &str) -> String {
    format!("{fit}[{group}]")
}

/// A number of a fit.
type Fact = fn(&FitResult) -> Option<f64>;

/// The numbers of a fit, besides its parameters, that an expectation can name.
const FACTS: [(&str, Fact); 13] = [
    ("rows", |f| Some(f.rows as f64)),
    ("objective", |f| f.objective),
    ("evidence.starts", |f| Some(f.evidence.starts as f64)),
    ("evidence.starts_at_best", |f| Some(f.evidence.starts_at_best as f64)),
    ("evidence.condition_number", |f| f.evidence.condition_number),
    ("holdout.rows", |f| f.holdout.as_ref().map(|h| h.rows as f64)),
    ("holdout.rmse_log", |f| f.holdout.as_ref().map(|h| h.rmse_log)),
    ("holdout.mean_relative_error", |f| f.holdout.as_ref().map(|h| h.mean_relative_error)),
    ("holdout.bias_log", |f| f.holdout.as_ref().map(|h| h.bias_log)),
    ("holdout.coverage", |f| f.holdout.as_ref().and_then(|h| h.coverage)),
    ("backtest.rmse_log", |f| f.backtest.as_ref().map(|b| b.law.overall.rmse_log)),
    ("backtest.bias_log", |f| f.backtest.as_ref().map(|b| b.law.overall.bias_log)),
    ("backtest.coverage", |f| f.backtest.as_ref().and_then(|b| b.law.overall.coverage)),
];

/// The names of numbers that a fit's results have.
pub fn names_of_fit<'a>(name: &str, parameters: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = FACTS.iter().map(|(fact, _)| format!("fits.{name}.{fact}")).collect();
    for parameter in parameters {
        names.push(format!("fits.{name}.{parameter}"));
        names.extend(PARTS.map(|part| format!("fits.{name}.{parameter}.{part}")));
    }
    names
}

/// The names of numbers that a query's results have.
pub fn names_of_query(name: &str, kind: &dyn Kind, roles: &Roles) -> Vec<String> {
    let rows = kind.rows(roles).len();
    let prefixes =
        [format!("queries.{name}")].into_iter().chain((1..=rows).map(|row| format!("queries.{name}.row{row}")));
    prefixes
        .flat_map(|prefix| {
            kind.outputs()
                .iter()
                .map(|output| roles.named(output))
                .flat_map(|output| ["", ".lower", ".upper"].map(|part| format!("{prefix}.{output}{part}")))
                .collect::<Vec<_>>()
        })
        .collect()
}
