//! `results.json`: every number of a study, with a shape that other programs may rely on.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Described, Note, SensitivityResult, Severity};
use crate::account::{FilterCounts, IngestSummary, TableCounts};
use crate::answer::{ALL, Account, Answer, Row, Verdict};
use crate::dataset::GroupName;
use crate::expr::{Value as ExprValue, parse_printed};
use crate::fit::{Backtest, Candidate, Choice, Estimate, Evidence, Fit, Holdout, NoiseTrend, Region, Span, Status};
use crate::query::Kind;

/// Version of the shape; it changes only with a note in the changelog.
const FORMAT: u32 = 1;

/// The results of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Version of this shape.
    pub format: u32,
    /// What the study is.
    pub study: StudyResult,
    /// What was read, by source.
    pub sources: BTreeMap<String, SourceResult>,
    /// What was made ready, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableResult>,
    /// What was kept, by filter.
    pub filters: BTreeMap<String, FilterResult>,
    /// What was fitted, by fit.
    pub fits: BTreeMap<String, FitResult>,
    /// What was answered, by query.
    pub queries: BTreeMap<String, QueryResult>,
    /// How far choices move answers, by fit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitivity: BTreeMap<String, SensitivityResult>,
    /// What was expected.
    pub expectations: Vec<ExpectationResult>,
    /// What the study concludes, a sentence per answer.
    pub conclusions: Vec<String>,
    /// What a reader should know before he quotes it: the warnings of fits, queries and sources, each fact once.
    #[serde(default)]
    pub notes: Vec<Note>,
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

/// What was read of a source.
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

/// What a table made of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableResult {
    /// The source or table whose rows it takes.
    pub from: String,
    /// Rows after its last step.
    pub rows: usize,
    /// Its steps, in order.
    pub steps: Vec<StepResult>,
}

/// What a step made of rows.
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

/// What a filter kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilterResult {
    /// Its source.
    pub source: String,
    /// Rows kept.
    pub kept: usize,
    /// Rows dropped, by rule, in order.
    pub dropped: Vec<DroppedRows>,
}

/// What was fitted.
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
    /// Why the optimum can be believed, or not.
    pub evidence: Evidence,
    /// How it does on rows it was not shown.
    pub holdout: Option<Holdout>,
    /// How it would have done in the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
    /// Other laws beside it.
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

/// What a query was answered.
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
    pub rows: Vec<Map<String, Value>>,
    /// What went into a forecast by several laws; by group where there are groups, else under `all`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<String, Account>,
    /// What a reader should know.
    pub warnings: Vec<String>,
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
    /// What it is to fail.
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
    /// Puts artifacts and names together and judges the expectations.
    pub fn new(
        described: &Described,
        summaries: &BTreeMap<String, IngestSummary>,
        tables: &BTreeMap<String, TableCounts>,
        counts: &BTreeMap<String, FilterCounts>,
        fits: &BTreeMap<String, Fit>,
        answers: &BTreeMap<String, Answer>,
        varied: &BTreeMap<String, Answer>,
    ) -> Self {
        let mut results = Self {
            format: FORMAT,
            study: StudyResult {
                title: described.title.clone(),
                references: described.references.clone(),
                seed: described.seed,
            },
            sources: summaries.iter().map(|(name, summary)| (name.clone(), source(summary))).collect(),
            tables: described
                .tables
                .iter()
                .filter_map(|t| Some((t.name.clone(), table(t, tables.get(&t.name)?))))
                .collect(),
            filters: described
                .filters
                .iter()
                .filter_map(|f| Some((f.name.clone(), filter(f, counts.get(&f.name)?))))
                .collect(),
            fits: fits.iter().map(|(name, fit)| (name.clone(), FitResult::from(fit))).collect(),
            queries: described
                .queries
                .iter()
                .filter_map(|q| Some((q.name.clone(), QueryResult::new(&q.fit, answers.get(&q.name)?))))
                .collect(),
            sensitivity: super::sensitivity::results(described, answers, varied),
            expectations: Vec::new(),
            conclusions: Vec::new(),
            notes: Vec::new(),
        };
        let (numbers, unidentified) = (results.numbers(), results.unidentified());
        results.expectations = described.expectations.iter().map(|e| judge(e, &numbers, &unidentified)).collect();
        results.conclusions = super::words::conclusions(&results, described);
        results.notes = super::notes::notes(&results);
        results
    }

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
            let refused = query.rows.iter().enumerate().filter(|(_, row)| super::words::is_unidentified(row));
            for (index, row) in refused {
                let outputs = row.iter().filter(|(_, cell)| cell.get("value").is_some());
                names.extend(outputs.map(|(output, _)| format!("queries.{name}.row{}.{output}", index + 1)));
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
        for (name, sensitivity) in &self.sensitivity {
            let moved = sensitivity.answers.iter().filter_map(|answer| answer.moved).reduce(f64::max);
            all.insert(format!("sensitivity.{name}.moved"), moved);
        }
        for (name, query) in &self.queries {
            for (index, row) in query.rows.iter().enumerate() {
                for (output, value) in row {
                    let Some(interval) = value.as_object().filter(|o| o.contains_key("value")) else { continue };
                    let mut prefixes = vec![format!("queries.{name}.row{}.{output}", index + 1)];
                    if index == 0 {
                        prefixes.push(format!("queries.{name}.{output}"));
                    }
                    for prefix in prefixes {
                        all.insert(prefix.clone(), interval["value"].as_f64());
                        for part in ["lower", "upper"] {
                            all.insert(format!("{prefix}.{part}"), interval[part].as_f64());
                        }
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
pub fn names_of_query(name: &str, kind: &dyn Kind) -> Vec<String> {
    let rows = kind.rows().len();
    let prefixes =
        [format!("queries.{name}")].into_iter().chain((1..=rows).map(|row| format!("queries.{name}.row{row}")));
    prefixes
        .flat_map(|prefix| {
            kind.outputs()
                .iter()
                .flat_map(move |output| ["", ".lower", ".upper"].map(|part| format!("{prefix}.{output}{part}")))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn source(summary: &IngestSummary) -> SourceResult {
    let dropped = summary
        .dropped
        .iter()
        .map(|(reason, rows)| DroppedRows { rule: reason.clone(), rows: *rows, because: None })
        .collect();
    SourceResult {
        rows: summary.rows,
        sha256: summary.sha256.clone(),
        dropped,
        flop_ratio: summary.flop_ratio,
        warnings: summary.warnings.clone(),
    }
}

fn table(described: &super::DescribedTable, counts: &TableCounts) -> TableResult {
    let before = std::iter::once(&counts.rows).chain(&counts.after);
    let steps = described.steps.iter().zip(before.zip(&counts.after));
    let step = |((step, does), (rows_in, rows_out)): (&(String, String), (&usize, &usize))| StepResult {
        step: step.clone(),
        does: does.clone(),
        rows_in: *rows_in,
        rows_out: *rows_out,
    };
    TableResult {
        from: described.from.clone(),
        rows: counts.after.last().copied().unwrap_or(counts.rows),
        steps: steps.map(step).collect(),
    }
}

fn filter(described: &super::DescribedFilter, counts: &FilterCounts) -> FilterResult {
    let dropped = described
        .rules
        .iter()
        .zip(&counts.dropped)
        .map(|((rule, because), rows)| DroppedRows { rule: rule.clone(), rows: *rows, because: because.clone() })
        .collect();
    FilterResult { source: described.source.clone(), kept: counts.kept, dropped }
}

impl From<&Fit> for FitResult {
    fn from(fit: &Fit) -> Self {
        Self {
            law: fit.law.clone(),
            formula: fit.formula.clone(),
            rows: fit.rows,
            objective: fit.objective,
            objective_kind: fit.objective_kind.clone(),
            parameters: fit.parameters.clone(),
            evidence: told_of_evidence(fit),
            holdout: fit.holdout.clone(),
            backtest: fit.backtest.clone().map(Backtest::without_points),
            choice: fit.choice.clone().map(told_of_choice),
            regions: fit.regions.clone(),
            uncertainty: fit.uncertainty.clone(),
            level: fit.level,
            noise_trend: fit.noise.trend.clone(),
            spans: fit.spans.clone(),
            by: fit.by.clone(),
            groups: fit.groups.iter().map(|(group, fit)| (group.clone(), Self::from(fit))).collect(),
        }
    }
}

/// The evidence of a fit without the values of parameters that the rows do not tell.
fn told_of_evidence(fit: &Fit) -> Evidence {
    let mut evidence = fit.evidence.clone();
    if let Some(reference) = &mut evidence.reference {
        let status = |name: &String| fit.parameters.get(name).map(|estimate| estimate.status);
        reference.parameters.retain(|name, _| status(name) != Some(Status::NotIdentified));
    }
    evidence
}

/// A choice of laws without the values of parameters that the rows do not tell.
fn told_of_choice(mut choice: Choice) -> Choice {
    for candidate in &mut choice.laws {
        let Candidate { parameters, unidentified, .. } = candidate;
        parameters.retain(|name, _| !unidentified.contains(name));
    }
    choice
}

impl QueryResult {
    pub(super) fn new(fit: &str, answer: &Answer) -> Self {
        Self {
            kind: answer.kind.clone(),
            fit: fit.to_owned(),
            interval: answer.interval.clone(),
            rows: answer.rows.iter().map(|of| row(of, answer)).collect(),
            forecasts: answer.forecasts.clone(),
            warnings: answer.warnings.clone(),
        }
    }
}

/// The key of a row's group, where its fit has groups.
pub(super) const GROUP: &str = "group";
/// The key of what is to be said next to a row's numbers.
pub(super) const CAVEATS: &str = "caveats";

/// A row as one table: inputs, outputs, and how far it reaches.
fn row(row: &Row, answer: &Answer) -> Map<String, Value> {
    let mut table = Map::new();
    if let Some(group) = &row.group {
        table.insert(GROUP.to_owned(), Value::from(group.clone()));
    }
    for (name, value) in &row.inputs {
        table.insert(name.clone(), Value::from(*value));
    }
    let is_told = row.reach.verdict != Verdict::NotIdentified;
    for (name, interval) in &row.outputs {
        let told = |number: Option<f64>| number.filter(|_| is_told);
        let [value, lower, upper] = [interval.value, interval.lower, interval.upper].map(told);
        table.insert(name.clone(), serde_json::json!({ "value": value, "lower": lower, "upper": upper }));
    }
    let reach = &row.reach;
    let mut extent =
        serde_json::json!({ "verdict": reach.verdict, "factor": reach.factor, "by_variable": reach.by_variable });
    if let Some(answered) = row.answered {
        extent["answered"] = Value::from(answered);
    }
    table.insert("reach".to_owned(), extent);
    let caveats = answer.caveats.get(row.group.as_deref().unwrap_or(ALL)).filter(|caveats| !caveats.is_empty());
    if let Some(caveats) = caveats {
        table.insert(CAVEATS.to_owned(), Value::from(caveats.clone()));
    }
    if let Some(note) = &row.note {
        table.insert("note".to_owned(), Value::from(note.clone()));
    }
    table
}

fn judge(
    expected: &super::Expected,
    numbers: &BTreeMap<String, Option<f64>>,
    unidentified: &BTreeSet<String>,
) -> ExpectationResult {
    let mut actual: BTreeMap<String, Option<f64>> = BTreeMap::new();
    let mut values = Vec::new();
    let holds = parse_printed(&expected.that).ok().and_then(|expr| {
        let resolved = expr.resolve(&mut |name: &String, _| {
            let value = numbers.get(name).copied().flatten();
            actual.insert(name.clone(), value);
            // A number that is not there meets no condition.
            values.push(ExprValue::Number(value.unwrap_or(f64::NAN)));
            Ok::<_, ()>(values.len() - 1)
        });
        resolved.ok()?.truth(&values).ok()
    });
    let known = actual.values().all(Option::is_some);
    let not_told: Vec<&str> = actual.keys().filter(|name| unidentified.contains(*name)).map(String::as_str).collect();
    let reason = (!not_told.is_empty()).then(|| {
        let verb = if not_told.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not identified: the rows do not tell a value", crate::evidence::in_words(&not_told))
    });
    let status = if holds == Some(true) && known { "passed" } else { "failed" };
    ExpectationResult {
        that: expected.that.clone(),
        because: expected.because.clone(),
        status: status.to_owned(),
        severity: expected.severity,
        actual,
        reason,
    }
}
