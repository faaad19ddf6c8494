//! Judges the reliability of an answer in one word with reasons.

use super::results::{AnswerRow, FitResult, QueryResult, Results, VariedAnswer};
use super::words::{number, verdict};
use super::{AnsweredBy, Belief, Described, DescribedFit, DescribedQuery};
use crate::answer::Verdict;
use crate::diagnostic::numbered;
use crate::fit::{Doubt, Holdout};
use crate::numeral;
use crate::query::Question;

/// The reliability of an answer: all reasons against it, or the reasons for it where there are none against.
pub(super) fn judge(
    described: &Described,
    results: &Results,
    query: &DescribedQuery,
    row: &AnswerRow,
) -> (Belief, Vec<String>) {
    let Some(fit) = fit_of(results, query, row) else { return (Belief::Unsupported, Vec::new()) };
    match row.reach.verdict {
        Verdict::NotFitted => {
            return (
                Belief::Untested,
                vec!["the constants are published, and no row of this study tests them".to_owned()],
            );
        }
        Verdict::NotIdentified => {
            return (Belief::Unsupported, vec!["the rows of the fit do not identify it".to_owned()]);
        }
        Verdict::NoAnswer | Verdict::NotForecast | Verdict::NotReachable => {
            return (Belief::Unsupported, vec![row.note.clone().unwrap_or_else(|| verdict(row))]);
        }
        Verdict::Inside | Verdict::Near | Verdict::Far => {}
    }
    if !fit.evidence.converged && fit.objective.is_some() {
        return (Belief::Unsupported, vec!["the fit did not converge".to_owned()]);
    }
    if let Some(withheld) = withheld(described, results, query, row) {
        return (Belief::Unsupported, vec![withheld.in_full()]);
    }
    let mut against = Vec::new();
    if row.reach.verdict == Verdict::Far {
        against.push(format!("it lies {}", verdict(row)));
    }
    against.extend(row.caveats.iter().cloned());
    let output = query.quoted();
    let cell = row.outputs.get(&output);
    if let Some(observed) = &row.observed
        && let Some((lower, upper)) = cell.and_then(|cell| cell.lower.zip(cell.upper))
        && !(lower..=upper).contains(&observed.response)
    {
        against.push(format!("the observed value, {}, lies outside its interval", number(observed.response)));
    }
    against.extend(observed_elsewhere(results, query, row));
    against.extend(refused_elsewhere(described, results, query, row).map(|(_, why)| why));
    against.extend(misses(results, query, fit));
    against.extend(better_fit(described, results, query, row).map(|better| better.in_words()));
    if let Some((varied, choice, value)) = farthest(results, query, row, &output)
        && let Some(moved) = varied.moved.filter(|moved| *moved > 1.0)
    {
        against.push(format!(
            "with {choice}, the fit gives {}: {} half-widths of the interval away",
            super::words::Written::of_output(described, query, &output).value(value),
            numeral::rounded(moved, 2)
        ));
    }
    if cell.is_some_and(|cell| cell.lower.is_none() && cell.upper.is_none()) {
        let why = match &fit.uncertainty {
            None => "the fit has no `uncertainty`",
            Some(_) => "too few rows, or another reason that a warning of the fit gives",
        };
        against.push(format!("it has no interval: {why}"));
    }
    if !against.is_empty() {
        return (Belief::Doubtful, against);
    }
    let inside = format!("it lies {}", verdict(row));
    let tested = tests(results, query, fit).map(|(what, scored, _)| {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let held =
            scored.coverage.map_or_else(String::new, |held| format!(", {} within their intervals", percent(held)));
        format!(
            "{what} missed {} by {:.2} % on average{held}",
            numbered(scored.rows, "row"),
            100.0 * scored.mean_relative_error
        )
    });
    (Belief::Supported, std::iter::once(inside).chain(tested).collect())
}

/// Why the number of an answer is not quoted.
pub(super) enum Withheld {
    /// The default forecast from the same rows refuses the question, for a reason.
    Refused(String),
    /// The rows have no trend, by the fit of a name.
    NoTrend(String),
}

impl Withheld {
    /// The reason in a few words.
    pub(super) const fn in_short(&self) -> &'static str {
        match self {
            Self::Refused(_) => "the rows allow no forecast by several laws",
            Self::NoTrend(_) => "the rows show no trend",
        }
    }

    fn in_full(&self) -> String {
        match self {
            Self::Refused(why) => why.clone(),
            Self::NoTrend(fit) => {
                format!("the rows show no trend: the law of fit `{fit}` explains them no better than their mean")
            }
        }
    }
}

/// Why the number of an answer by laws of the study is not quoted; `None` if it can be, and for several laws of lawfit,
/// which refuse by themselves.
pub(super) fn withheld(
    described: &Described,
    results: &Results,
    query: &DescribedQuery,
    row: &AnswerRow,
) -> Option<Withheld> {
    if query.by == AnsweredBy::Several {
        return None;
    }
    let rows = |query: &DescribedQuery| described.fit(&query.fit).and_then(|fit| fit.rows.as_deref());
    let refused = refused_elsewhere(described, results, query, row).filter(|(other, _)| rows(other) == rows(query));
    if let Some((_, why)) = refused {
        return Some(Withheld::Refused(why));
    }
    // The trend of groups that share parameters is that of all groups.
    let fits = [fit_of(results, query, row), results.fits.get(&query.fit)];
    let has_none = |fit: &FitResult| fit.evidence.doubts.contains(&Doubt::NoTrend);
    fits.into_iter().flatten().any(has_none).then(|| Withheld::NoTrend(query.fit.clone()))
}

/// The query whose default forecast refuses the same question, and why.
fn refused_elsewhere<'a>(
    described: &'a Described,
    results: &'a Results,
    query: &'a DescribedQuery,
    row: &'a AnswerRow,
) -> Option<(&'a DescribedQuery, String)> {
    let twins = twins(described, results, query, row).into_iter();
    let mut refused = twins.filter(|(other, _, row)| {
        other.by == AnsweredBy::Several && row.reach.verdict == Verdict::NotForecast && query.by != AnsweredBy::Several
    });
    let (other, _, row) = refused.next()?;
    let why = row.note.as_deref().unwrap_or_default();
    let why = why.strip_prefix("no forecast: ").unwrap_or(why);
    Some((other, format!("query `{}` finds nothing to forecast: {why}", other.name)))
}

/// Largest share of an answer's error on hidden rows that is clearly smaller than it.
const CLEARLY_SMALLER: f64 = 0.75;

/// A fit of the same rows whose law forecast hidden rows clearly better than that of an answer.
pub(super) struct BetterFit<'a> {
    /// Its name.
    pub(super) name: &'a str,
    law: &'a str,
    hidden: usize,
    /// Mean relative errors on the hidden rows, of this fit and of the answer's.
    error: f64,
    own: f64,
}

impl BetterFit<'_> {
    fn in_words(&self) -> String {
        format!(
            "fit `{}` ({}) missed the same {} by {:.2} % on average, and the fit of this answer by {:.2} %",
            self.name,
            self.law,
            numbered(self.hidden, "hidden row"),
            100.0 * self.error,
            100.0 * self.own
        )
    }
}

/// Other fits of the rows and the response of a query's fit, in the same groups.
pub(super) fn rivals<'a>(described: &'a Described, query: &DescribedQuery) -> impl Iterator<Item = &'a DescribedFit> {
    let own = described.fit(&query.fit);
    let is_rival = move |other: &&DescribedFit| {
        own.is_some_and(|own| {
            other.name != own.name
                && own.rows.is_some()
                && other.rows == own.rows
                && other.by == own.by
                && other.law.response == own.law.response
        })
    };
    described.fits.iter().filter(is_rival)
}

/// The fit of the same rows that forecast hidden rows best, if clearly better than the law that gives an answer.
pub(super) fn better_fit<'a>(
    described: &'a Described,
    results: &'a Results,
    query: &DescribedQuery,
    row: &AnswerRow,
) -> Option<BetterFit<'a>> {
    let own = fit_of(results, query, row).filter(|_| query.by == AnsweredBy::Law)?;
    let of_rival = |rival: &'a DescribedFit| {
        let fit = of_group(results.fits.get(&rival.name)?, row).filter(|fit| fit.evidence.converged)?;
        let (scored, own) = scored_alike(fit, own)?;
        let [error, own] = [scored, own].map(|scored| scored.mean_relative_error);
        let better = BetterFit { name: &rival.name, law: &fit.law, hidden: scored.rows, error, own };
        (error < CLEARLY_SMALLER * own).then_some(better)
    };
    rivals(described, query).filter_map(of_rival).min_by(|one, other| one.error.total_cmp(&other.error))
}

/// The errors of two fits on as many hidden rows, in a test that both have.
fn scored_alike<'a>(one: &'a FitResult, other: &'a FitResult) -> Option<(&'a Holdout, &'a Holdout)> {
    let held = one.holdout.as_ref().zip(other.holdout.as_ref());
    let past = || {
        let (one, other) = one.backtest.as_ref().zip(other.backtest.as_ref())?;
        (one.along == other.along).then_some((&one.law.overall, &other.law.overall))
    };
    held.or_else(past).filter(|(one, other)| one.rows == other.rows)
}

/// A sentence about the other answers of a query, if observed values lie outside their intervals.
fn observed_elsewhere(results: &Results, query: &DescribedQuery, row: &AnswerRow) -> Option<String> {
    let output = query.quoted();
    let others = results.queries.get(&query.name)?.rows.iter();
    let others = others.filter(|other| other.group == row.group && other.inputs != row.inputs);
    let tested: Vec<(f64, f64, bool)> = others
        .filter_map(|other| {
            let (observed, cell) = (other.observed.as_ref()?.response, other.outputs.get(&output)?);
            let (lower, upper) = cell.lower.zip(cell.upper)?;
            Some((cell.value?, observed, (lower..=upper).contains(&observed)))
        })
        .collect();
    let missed: Vec<f64> = tested
        .iter()
        .filter(|(.., inside)| !inside)
        .map(|(value, observed, _)| (value / observed - 1.0).abs())
        .collect();
    let worst = missed.iter().copied().fold(0.0, f64::max);
    (!missed.is_empty()).then(|| {
        format!(
            "intervals of this query do not contain {} of {} observed values, which its answers miss by up to {} %",
            missed.len(),
            tested.len(),
            numeral::rounded(100.0 * worst, 2)
        )
    })
}

/// The fit, or the fit of a group, that an answer comes from.
pub(super) fn fit_of<'a>(results: &'a Results, query: &DescribedQuery, row: &AnswerRow) -> Option<&'a FitResult> {
    of_group(results.fits.get(&query.fit)?, row)
}

/// A fit, or its fit of the group of an answer.
fn of_group<'a>(fit: &'a FitResult, row: &AnswerRow) -> Option<&'a FitResult> {
    match &row.group {
        // The groups of a chain may be those of the other fit alone.
        Some(group) if !fit.groups.is_empty() => {
            fit.groups.iter().find(|(name, _)| name.0 == *group).map(|(_, fit)| fit)
        }
        _ => Some(fit),
    }
}

/// Past errors of the forecasts that answer a query: which forecasts, their scores, and the level of their intervals.
fn tests<'a>(
    results: &'a Results,
    query: &DescribedQuery,
    fit: &'a FitResult,
) -> impl Iterator<Item = (String, &'a Holdout, Option<f64>)> {
    let several = query.by == AnsweredBy::Several;
    // A fit without held-out rows is judged by another fit of the same law that has some.
    let law = fit.law.clone();
    let own = std::iter::once(fit).filter(|fit| fit.holdout.is_some() || fit.backtest.is_some());
    let others = results.fits.values().filter(move |other| other.law == law && other.groups.is_empty());
    let has_own = own.clone().next().is_some();
    let fits: Vec<&FitResult> = own.chain(others.filter(|_| !has_own)).collect();
    fits.into_iter().flat_map(move |fit| {
        let held = fit.holdout.as_ref().filter(|_| !several).map(|held| ("the law".to_owned(), held, fit.level));
        let past =
            fit.backtest.as_ref().and_then(|past| if several { past.several_laws.as_ref() } else { Some(&past.law) });
        let name = if several { "the forecast, in the backtest," } else { "the law, in the backtest," };
        held.into_iter().chain(past.map(|past| (name.to_owned(), &past.overall, fit.level)))
    })
}

/// Mean relative error of an answer's laws on rows that were hidden from its own fit.
pub(super) fn error_of(results: &Results, query: &DescribedQuery, row: &AnswerRow) -> Option<f64> {
    let fit = fit_of(results, query, row).filter(|fit| fit.holdout.is_some() || fit.backtest.is_some())?;
    tests(results, query, fit).next().map(|(_, scored, _)| scored.mean_relative_error)
}

/// A sentence for each test in which intervals of this kind covered fewer rows than their level.
fn misses(results: &Results, query: &DescribedQuery, fit: &FitResult) -> Vec<String> {
    let narrow = tests(results, query, fit).filter_map(|(what, scored, level)| {
        scored.too_narrow(level)?;
        let (coverage, level) = (scored.coverage?, level?);
        Some(format!(
            "intervals of {what} covered {:.0} % of {} hidden rows, not {:.0} %",
            100.0 * coverage,
            scored.rows,
            100.0 * level
        ))
    });
    narrow.collect()
}

/// The choice that changes an output of an answer the most: the answer under all choices, that choice, and its value.
pub(super) fn farthest<'a>(
    results: &'a Results,
    query: &DescribedQuery,
    row: &AnswerRow,
    output: &str,
) -> Option<(&'a VariedAnswer, &'a str, f64)> {
    let sensitivity = results.sensitivity.get(&query.fit)?;
    let varied = sensitivity.answers.iter().find(|varied| {
        varied.query == query.name
            && varied.output == output
            && varied.inputs == row.inputs
            && varied.group == row.group
    })?;
    let distance = |value: f64| {
        if value > 0.0 && varied.value > 0.0 {
            crate::numerics::ln(value / varied.value).abs()
        } else {
            (value - varied.value).abs()
        }
    };
    let values = sensitivity.choices.iter().zip(&varied.values);
    let values = values.filter_map(|(choice, value)| Some((choice.as_str(), (*value)?)));
    let (choice, value) = values.max_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)))?;
    Some((varied, choice, value))
}

/// Other queries with the same question: each with the index of the matching row, from 0, and the row.
pub(super) fn twins<'a>(
    described: &'a Described,
    results: &'a Results,
    query: &'a DescribedQuery,
    row: &'a AnswerRow,
) -> Vec<(&'a DescribedQuery, usize, &'a AnswerRow)> {
    let kind = query.question.name();
    let response = |query: &DescribedQuery| described.fit(&query.fit).map(|fit| fit.law.response.clone());
    let settings = |query: &DescribedQuery| (settings_beyond(&query.question, row), query.subject_to.clone());
    let same = described.queries.iter().filter(|other| {
        other.name != query.name
            && other.question.name() == kind
            && response(other) == response(query)
            && is_of_same_rows(described, results, &other.fit, &query.fit)
            && settings(other) == settings(query)
    });
    let find = |other: &'a DescribedQuery| {
        let result: &QueryResult = results.queries.get(&other.name)?;
        let found = result.rows.iter().enumerate();
        let mut found = found.filter(|(_, own)| own.inputs == row.inputs && own.group == row.group);
        found.next().map(|(index, own)| (other, index, own))
    };
    same.filter_map(find).collect()
}

/// Whether two fits are about the same runs: of the same rows, of rows of which the other has a part, or of two parts that
/// overlap. Losses on two benchmarks, or of two optimizers, are two questions. Published constants are about any runs.
fn is_of_same_rows(described: &Described, results: &Results, one: &str, other: &str) -> bool {
    let rows = |fit: &str| described.fit(fit).and_then(|fit| fit.rows.as_deref());
    let (Some(one), Some(other)) = (rows(one), rows(other)) else { return true };
    let (above_one, above_other) = (described.above(one), described.above(other));
    if above_one.contains(&other) || above_other.contains(&one) {
        return true;
    }
    let kept = |filter: &str| {
        let filter = results.filters.get(filter)?;
        Some((filter.kept, filter.kept + filter.dropped.iter().map(|dropped| dropped.rows).sum::<usize>()))
    };
    let parents = [above_one.get(1), above_other.get(1)];
    let is_of_one = parents[0].is_some() && parents[0] == parents[1];
    matches!((kept(one), kept(other)), (Some((a, all)), Some((b, _))) if is_of_one && a + b > all)
}

/// The settings of a question apart from the inputs of a row, at any depth, and apart from the lists of other rows.
fn settings_beyond(question: &Question, row: &AnswerRow) -> serde_json::Value {
    fn without(value: serde_json::Value, row: &AnswerRow) -> serde_json::Value {
        match value {
            serde_json::Value::Object(table) => {
                let kept = table.into_iter().filter(|(key, _)| !row.inputs.contains_key(key));
                serde_json::Value::Object(kept.map(|(key, value)| (key, without(value, row))).collect())
            }
            other => other,
        }
    }
    serde_json::to_value(question).map_or(serde_json::Value::Null, |value| without(value, row))
}
