//! Assembles the results of a study from its artifacts, evaluates expectations and collects warnings.

use std::collections::BTreeMap;

use super::results::{
    AnswerRow, DroppedRows, FORMAT, FilterResult, FitResult, Observed, Order, QueryResult, Reach, Results,
    SourceResult, StepResult, StudyResult, TableResult,
};
use super::{Described, DescribedFilter, DescribedTable, notes, recommend, said, sensitivity, words};
use crate::answer::{ALL, Answer, Interval, Row, Verdict};
use crate::dataset::Dataset;
use crate::design::Advice;
use crate::fit::{Backtest, Candidate, Choice, Evidence, Fit, HELD, Region, Span, Status};
use crate::numerics::mean;
use crate::summary::{FilterCounts, IngestSummary, TableCounts};
use crate::warning::{NoteSeverity, Warning};

/// The artifacts of a study, by name.
#[derive(Clone, Debug, Default)]
pub struct Artifacts {
    /// Summaries of sources.
    pub summaries: BTreeMap<String, IngestSummary>,
    /// Row counts of tables.
    pub tables: BTreeMap<String, TableCounts>,
    /// Row counts of filters.
    pub counts: BTreeMap<String, FilterCounts>,
    /// Fits.
    pub fits: BTreeMap<String, Fit>,
    /// Answers by query.
    pub answers: BTreeMap<String, Answer>,
    /// Designs: which runs to train next.
    pub designs: BTreeMap<String, Advice>,
    /// Answers of varied fits, by role.
    pub varied: BTreeMap<String, Answer>,
    /// Rows of fits whose queries ask for responses, by fit.
    pub rows: BTreeMap<String, Dataset>,
}

/// The results of a study.
pub fn results(described: &Described, artifacts: &Artifacts) -> Results {
    let Artifacts { summaries, tables, counts, fits, answers, designs, varied, .. } = artifacts;
    let tables = described.tables.iter().filter_map(|t| Some((t.name.clone(), table(t, tables.get(&t.name)?))));
    let filters = described.filters.iter().filter_map(|f| Some((f.name.clone(), filter(f, counts.get(&f.name)?))));
    let queries = described.queries.iter();
    let queries = queries.filter_map(|q| Some((q.name.clone(), QueryResult::new(&q.fit, answers.get(&q.name)?))));
    let mut results = Results {
        format: FORMAT,
        study: StudyResult {
            title: described.title.clone(),
            references: described.references.clone(),
            seed: described.seed,
        },
        sources: summaries.iter().map(|(name, summary)| (name.clone(), source(summary))).collect(),
        tables: tables.collect(),
        filters: filters.collect(),
        fits: fits.iter().map(|(name, fit)| (name.clone(), FitResult::from(fit))).collect(),
        queries: queries.collect(),
        order: Order {
            fits: described.fits.iter().map(|fit| fit.name.clone()).collect(),
            queries: described.queries.iter().map(|query| query.name.clone()).collect(),
        },
        designs: designs.clone(),
        sensitivity: sensitivity::results(described, answers, varied),
        expectations: Vec::new(),
        conclusions: Vec::new(),
        notes: Vec::new(),
        recommended: None,
        statements: Vec::new(),
    };
    for query in &described.queries {
        let (Some(result), Some(about)) = (results.queries.get_mut(&query.name), described.fit(&query.fit)) else {
            continue;
        };
        if let (true, Some(rows)) = (query.question.member().is_measured(), artifacts.rows.get(&query.fit)) {
            let by = about.by.as_deref();
            result.rows.iter_mut().for_each(|row| row.observed = observed(row, rows, &about.law.response, by));
        }
    }
    let (numbers, unidentified) = (results.numbers(), results.unidentified());
    results.expectations =
        described.expectations.iter().map(|expected| expected.judge(&numbers, &unidentified)).collect();
    results.conclusions = words::conclusions(&results, described);
    results.conclusions.extend(designs.iter().map(|(name, advice)| format!("Design {name}: {}", advice.advice)));
    results.notes = notes::notes(described, &results);
    results.recommended = recommend::recommended(described, &results);
    strip_severities(&mut results);
    results.statements =
        described.statements.iter().map(|text| said::filled(described, &results, &numbers, text)).collect();
    results
}

/// The answer of a query, with a sentence for each row, and for each row that several laws answered together.
pub fn answer_in_words(described: &Described, query: &str, answer: &Answer) -> Option<(QueryResult, Vec<String>)> {
    let query = described.query(query)?;
    let mut result = QueryResult::new(&query.fit, answer);
    strip(&mut result.warnings);
    let sentences = result.rows.iter().map(|row| words::conclusion(described, query, None, row));
    let sentences = sentences.chain(words::laws_apart(described, query, &result)).collect();
    Some((result, sentences))
}

/// Reduces warnings to their texts: the notes of results contain their severities.
fn strip_severities(results: &mut Results) {
    fn of_fit(fit: &mut FitResult) {
        strip(&mut fit.evidence.warnings);
        fit.groups.values_mut().for_each(of_fit);
    }
    results.sources.values_mut().for_each(|source| strip(&mut source.warnings));
    results.fits.values_mut().for_each(of_fit);
    results.queries.values_mut().for_each(|query| strip(&mut query.warnings));
}

fn strip(warnings: &mut [Warning]) {
    warnings.iter_mut().for_each(|warning| warning.severity = NoteSeverity::default());
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

fn table(described: &DescribedTable, counts: &TableCounts) -> TableResult {
    let before = std::iter::once(&counts.rows).chain(&counts.after);
    let rows = before.zip(&counts.after).zip(&counts.left_out);
    let steps = described.steps.iter().zip(rows).map(|((step, does), ((rows_in, rows_out), left_out))| StepResult {
        step: step.clone(),
        does: does.clone(),
        rows_in: *rows_in,
        rows_out: *rows_out,
        left_out: left_out.clone(),
    });
    TableResult {
        from: described.from.clone(),
        rows: counts.after.last().copied().unwrap_or(counts.rows),
        steps: steps.collect(),
    }
}

fn filter(described: &DescribedFilter, counts: &FilterCounts) -> FilterResult {
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
            profiles: fit.profiles.clone(),
            regions: fit.regions.iter().filter(|region| is_told(fit, region)).cloned().collect(),
            uncertainty: fit.uncertainty.clone(),
            level: fit.level,
            noise_trend: fit.noise.trend.clone(),
            spans: fit.spans.clone(),
            by: fit.by.clone(),
            groups: fit.groups.iter().map(|(group, fit)| (group.clone(), Self::from(fit))).collect(),
        }
    }
}

/// Whether the rows identify both parameters of a region.
fn is_told(fit: &Fit, region: &Region) -> bool {
    let status = |name: &String| fit.parameters.get(name).map(|estimate| estimate.status);
    region.parameters.iter().all(|name| status(name) != Some(Status::NotIdentified))
}

/// The evidence of a fit without the values of unidentified parameters.
fn told_of_evidence(fit: &Fit) -> Evidence {
    let mut evidence = fit.evidence.clone();
    if let Some(reference) = &mut evidence.reference {
        let status = |name: &String| fit.parameters.get(name).map(|estimate| estimate.status);
        reference.parameters.retain(|name, _| status(name) != Some(Status::NotIdentified));
    }
    evidence
}

/// A comparison of laws without the values of unidentified parameters.
fn told_of_choice(mut choice: Choice) -> Choice {
    for candidate in &mut choice.laws {
        let Candidate { parameters, unidentified, .. } = candidate;
        parameters.retain(|name, _| !unidentified.contains(name));
    }
    choice
}

impl QueryResult {
    fn new(fit: &str, answer: &Answer) -> Self {
        Self {
            kind: answer.kind.clone(),
            fit: fit.to_owned(),
            interval: answer.interval.clone(),
            rows: answer.rows.iter().map(|of| row(of, answer)).collect(),
            forecasts: answer.forecasts.clone(),
            stacks: answer.stacks.clone(),
            warnings: answer.warnings.clone(),
        }
    }
}

/// A row without numbers that the rows do not identify, and without the numbers of a refused answer.
fn row(row: &Row, answer: &Answer) -> AnswerRow {
    let is_told = match row.reach.verdict {
        Verdict::NotIdentified => false,
        // If some draws reach the target but the estimate does not, the answer has an end of an interval.
        Verdict::NotReachable => true,
        _ => row.partly || row.note.is_none(),
    };
    let told =
        |interval: &Interval| if is_told { *interval } else { Interval { value: None, lower: None, upper: None } };
    AnswerRow {
        group: row.group.clone(),
        inputs: row.inputs.clone(),
        outputs: row.outputs.iter().map(|(name, interval)| (name.clone(), told(interval))).collect(),
        reach: Reach {
            verdict: row.reach.verdict,
            factor: row.reach.factor,
            by_variable: row.reach.by_variable.clone(),
            widths: row.reach.widths.clone(),
            answered: row.answered,
        },
        caveats: answer.caveats.get(row.group.as_deref().unwrap_or(ALL)).cloned().unwrap_or_default(),
        note: row.note.clone(),
        observed: None,
    }
}

/// Largest difference between a row's variable and the value in a query, as a share of the value and of the width of the
/// variable's range.
const SAME: f64 = 0.005;

/// The mean response of a fit's rows at the place of an answer; only held-out rows count where there are some.
fn observed(row: &AnswerRow, rows: &Dataset, response: &str, by: Option<&str>) -> Option<Observed> {
    // The value of each variable and the largest difference from it. Dates of two years differ by a small share of
    // themselves, and only the range of the rows shows that they are far apart.
    let tolerance = |column: &[f64], value: f64| {
        let width = Span::of(column.iter().copied()).map_or(0.0, |span| span.highest - span.lowest);
        SAME * if width > 0.0 { width.min(value.abs()) } else { value.abs() }
    };
    let column = |(name, value): (&String, &f64)| {
        let column = rows.numbers(name)?;
        Some((column, *value, tolerance(column, *value)))
    };
    let columns: Vec<(&[f64], f64, f64)> = row.inputs.iter().map(column).collect::<Option<_>>()?;
    let (responses, held) = (rows.numbers(response)?, rows.numbers(HELD)?);
    let is_there = |at: &usize| {
        columns.iter().all(|(column, value, most)| (column[*at] - value).abs() <= *most)
            && by.zip(row.group.as_deref()).is_none_or(|(by, group)| rows.text(by, *at) == group)
    };
    let all: Vec<usize> = (0..rows.rows()).filter(is_there).collect();
    let hidden: Vec<usize> = all.iter().copied().filter(|at| held[*at] != 0.0).collect();
    let (taken, held_out) = if hidden.is_empty() { (all, false) } else { (hidden, true) };
    let values: Vec<f64> = taken.iter().map(|at| responses[*at]).collect();
    (!columns.is_empty() && !values.is_empty()).then(|| Observed {
        response: mean(&values),
        rows: values.len(),
        held_out,
    })
}
