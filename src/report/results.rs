//! `results.json`: every number of a study, in a stable format for other programs.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::Described;
use crate::answer::{Account, Interval, Stack, Verdict};
use crate::dataset::GroupName;
use crate::design::Advice;
use crate::expectation::ExpectationResult;
use crate::fit::{Backtest, Choice, Estimate, Evidence, Holdout, NoiseTrend, ProfileCurve, Region, Span, Status};
use crate::law::Roles;
use crate::numeral;
use crate::query::{CAVEATS, GROUP, Kind, NOTE, OBSERVED, REACH};
pub use crate::warning::NoteSeverity;
use crate::warning::Warning;

/// Version of the format; it changes only with a note in the changelog.
pub(super) const FORMAT: u32 = 1;

/// The results of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Version of this format.
    pub format: u32,
    /// Title, references and seed.
    pub study: StudyResult,
    /// Sources that were read.
    pub sources: BTreeMap<String, SourceResult>,
    /// Row counts of tables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableResult>,
    /// Row counts of filters, by name.
    pub filters: BTreeMap<String, FilterResult>,
    /// Fits by name.
    pub fits: BTreeMap<String, FitResult>,
    /// Answers by query.
    pub queries: BTreeMap<String, QueryResult>,
    /// The order of the spec; the tables above have no order.
    #[serde(default)]
    pub order: Order,
    /// Which runs to train next, by design.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub designs: BTreeMap<String, Advice>,
    /// Changes of answers under other choices, by fit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitivity: BTreeMap<String, SensitivityResult>,
    /// Expectations and their results.
    pub expectations: Vec<ExpectationResult>,
    /// Conclusions: one sentence per answer.
    pub conclusions: Vec<String>,
    /// Warnings of fits, queries and sources, each once, the most serious first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// The answer to quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<Recommended>,
    /// Conclusions of the author, with the numbers of these results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

/// The names of fits and queries in the order of the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Fits.
    pub fits: Vec<String>,
    /// Queries.
    pub queries: Vec<String>,
}

/// The answer that the study recommends to quote.
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
    /// Its value; `null` where there is no answer.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub lower: Option<f64>,
    /// Upper end of its interval.
    pub upper: Option<f64>,
    /// Description of the interval.
    pub interval: Option<String>,
    /// The observed value, if the rows contain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Reliability.
    pub belief: Belief,
    /// Reasons for the reliability.
    pub because: Vec<String>,
    /// Why this answer is quoted, where several fits or laws answer the same question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// The choice that changes the answer the most, where choices were varied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<String>,
}

/// The reliability of an answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    /// Near the rows, with no reason for doubt.
    Supported,
    /// There is a reason for doubt.
    Doubtful,
    /// There is no answer, or the fit cannot support it.
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

/// The observed value at the place of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// The response; the mean over several rows.
    pub response: f64,
    /// Number of rows.
    pub rows: usize,
    /// Whether the rows were held out.
    pub held_out: bool,
}

/// Description of the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyResult {
    /// Its title.
    pub title: String,
    /// References.
    pub references: Vec<String>,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// A source that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceResult {
    /// Number of rows in its files.
    pub rows: usize,
    /// SHA-256 of its file, or of the list of its files' digests where there are several.
    pub sha256: String,
    /// Rows dropped because a value was missing or invalid.
    pub dropped: Vec<DroppedRows>,
    /// Median of C / (6 N D), where the source has all three.
    pub flop_ratio: Option<f64>,
    /// Warnings, whose severity is in the notes.
    pub warnings: Vec<Warning>,
}

/// Rows that a rule dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DroppedRows {
    /// Description of the rule.
    pub rule: String,
    /// Number of rows.
    pub rows: usize,
    /// Reason, from the spec.
    pub because: Option<String>,
}

/// Row counts of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableResult {
    /// Its source or table.
    pub from: String,
    /// Rows after its last step.
    pub rows: usize,
    /// Its steps in order.
    pub steps: Vec<StepResult>,
}

/// Row counts before and after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// Its kind.
    pub step: String,
    /// Description.
    pub does: String,
    /// Rows before it.
    pub rows_in: usize,
    /// Rows after it.
    pub rows_out: usize,
    /// What it left out beyond what it is meant to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// Row counts of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilterResult {
    /// Its source.
    pub source: String,
    /// Number of rows kept.
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
    /// Number of fitted rows.
    pub rows: usize,
    /// The minimised sum; `null` without rows.
    pub objective: Option<f64>,
    /// Description of the objective.
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
    /// Profiles of the free parameters, for `uncertainty = "profile"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileCurve>,
    /// Joint regions of two parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Description of the method of the intervals.
    pub uncertainty: Option<String>,
    /// Coverage of the intervals.
    pub level: Option<f64>,
    /// The change of the scatter along a variable, if the rows show one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_trend: Option<NoiseTrend>,
    /// The range of each variable over the fitted rows.
    pub spans: BTreeMap<String, Span>,
    /// The column that defines groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The fit of each group, by the column's value; `parameters` then contains the shared ones.
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
    /// Description of the intervals.
    pub interval: Option<String>,
    /// One table per row: inputs as numbers, outputs as `{value, lower, upper}` (empty where the rows do not identify
    /// them), `reach`, and `caveats` to show next to the numbers.
    pub rows: Vec<AnswerRow>,
    /// Compositions of forecasts by several laws, by group, or under `all` where there are no groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<String, Account>,
    /// The laws of answers that several laws gave together, with the answer of each by itself; by group, or under `all`
    /// where there are no groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, Stack>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}

/// One answer of a query: a table in which inputs are numbers, and outputs are tables with `value`, `lower` and
/// `upper`.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Map<String, Value>")]
pub struct AnswerRow {
    /// The group whose fit answers, where the fit has groups.
    pub group: Option<String>,
    /// Inputs by variable.
    pub inputs: BTreeMap<String, f64>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, Interval>,
    /// Distance of the answer from the rows.
    pub reach: Reach,
    /// Cautions to show next to its numbers.
    pub caveats: Vec<String>,
    /// Why there is no number.
    pub note: Option<String>,
    /// The observed value, if the rows of the fit contain one.
    pub observed: Option<Observed>,
}

/// Distance of an answer from the rows of its fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// The verdict.
    pub verdict: Verdict,
    /// The largest factor by which a count, or a variable whose rows span a factor of ten, lies outside its range; `null`
    /// without rows.
    pub factor: Option<f64>,
    /// The factor by variable.
    pub by_variable: BTreeMap<String, f64>,
    /// The distances of other variables from their ranges, in widths of the ranges; none inside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub widths: BTreeMap<String, f64>,
    /// Share of the draws with an answer; absent where all have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<f64>,
}

impl AnswerRow {
    /// Whether the rows of the fit do not identify the answer.
    pub const fn is_unidentified(&self) -> bool {
        matches!(self.reach.verdict, Verdict::NotIdentified)
    }

    /// The name of the row among those of its query: group and inputs, `even,C=1e21`.
    pub fn key(&self) -> String {
        let number = |(name, value): (&String, &f64)| format!("{name}={}", numeral::exact(*value));
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

/// Changes of a fit's answers under other choices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SensitivityResult {
    /// Descriptions of the choices.
    pub choices: Vec<String>,
    /// The answers.
    pub answers: Vec<VariedAnswer>,
    /// Choices without any answer, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
}

/// One answer under every choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariedAnswer {
    /// The query.
    pub query: String,
    /// Inputs by variable.
    pub inputs: BTreeMap<String, f64>,
    /// The group of the fit, where there are groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The output.
    pub output: String,
    /// Its value with the original choices.
    pub value: f64,
    /// Half the width of its interval.
    pub half_width: Option<f64>,
    /// Its value under each choice, in order; `null` where there is no answer.
    pub values: Vec<Option<f64>>,
    /// The largest change, in half-widths of the interval. If all numbers are positive, changes are those of
    /// logarithms, so that factors of ten up and down count the same.
    pub moved: Option<f64>,
}

/// A fact about which one or several parts of a study warn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The fact, in the words of the first part where they differ in numbers.
    pub text: String,
    /// The parts that give the warning: `fit main`, `query budget`, `source runs`.
    pub of: Vec<String>,
    /// Number of warnings.
    pub count: usize,
    /// Severity.
    #[serde(default)]
    pub severity: NoteSeverity,
    /// Number of affected answers.
    #[serde(default)]
    pub answers: usize,
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
    /// The fits in the order of a report, which is that of the spec: shared parameters of groups, then each group; (name, the
    /// spec's name, fit).
    pub fn shown_fits(&self, described: &Described) -> Vec<(String, &str, &FitResult)> {
        let mut shown = Vec::new();
        let place = |name: &str| described.fits.iter().position(|fit| fit.name == name).unwrap_or(described.fits.len());
        let mut fits: Vec<(&String, &FitResult)> = self.fits.iter().collect();
        fits.sort_by_key(|(name, _)| place(name));
        for (name, fit) in fits {
            if fit.groups.is_empty() || !fit.parameters.is_empty() {
                shown.push((name.clone(), name.as_str(), fit));
            }
            shown.extend(fit.groups.iter().map(|(group, fit)| (of_group(name, &group.0), name.as_str(), fit)));
        }
        shown
    }

    /// Names of numbers that are missing because the rows do not identify them.
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

    /// All numbers that an expectation can use.
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

/// The parts of a number that describe its uncertainty.
pub const PARTS: [&str; 4] = ["se", "factor", "lower", "upper"];

/// The name of a group's fit.
pub(super) fn of_group(fit: &str, group: &str) -> String {
    format!("{fit}[{group}]")
}

/// The group in a name that [`of_group`] gives; `None` for the name of the fit itself.
pub(super) fn group_in<'a>(name: &'a str, fit: &str) -> Option<&'a str> {
    name.strip_prefix(fit)?.strip_prefix('[')?.strip_suffix(']')
}

/// A number of a fit.
type Fact = fn(&FitResult) -> Option<f64>;

/// Numbers of a fit, apart from its parameters, that an expectation can use.
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

/// Names of the numbers in a fit's results.
pub fn names_of_fit<'a>(name: &str, parameters: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = FACTS.iter().map(|(fact, _)| format!("fits.{name}.{fact}")).collect();
    for parameter in parameters {
        names.push(format!("fits.{name}.{parameter}"));
        names.extend(PARTS.map(|part| format!("fits.{name}.{parameter}.{part}")));
    }
    names
}

/// Names of the numbers in a query's results.
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
