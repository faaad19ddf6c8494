//! The answer to quote, its reliability, and what would change it.

use super::belief::{farthest, judge, twins};
use super::results::{AnswerRow, Recommended, Results};
use super::words::{self, Written, digits, trimmed};
use super::{AnsweredBy, Described, DescribedQuery};

/// The recommended answer of a study; `None` if there are no queries.
pub(super) fn recommended(described: &Described, results: &Results) -> Option<Recommended> {
    let (query, index) = chosen(described, results)?;
    let row = results.queries.get(&query.name)?.rows.get(index)?;
    // The author's choice has precedence; otherwise it is the best answer to the same question.
    let twins = twins(described, results, query, row);
    let (query, index, row, choice) = if twins.is_empty() {
        (query, index, row, None)
    } else {
        let mut all = twins;
        all.insert(0, (query, index, row));
        let best = if described.answer.is_some() {
            0
        } else {
            let rank =
                |(query, _, row): &(&DescribedQuery, usize, &AnswerRow)| (!has_value(query, row), weight(&query.by));
            (0..all.len()).min_by_key(|&at| rank(&all[at])).unwrap_or(0)
        };
        let (query, index, row) = all[best];
        let others = all.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, other)| (other.0, other.2));
        (query, index, row, Some(why(described, query, row, &others.collect::<Vec<_>>())))
    };
    let output = query.quoted();
    let cell = row.outputs.get(&output);
    let (belief, because) = judge(described, results, query, row);
    let what_if = farthest(results, query, row, &output).map(|(varied, choice, value)| {
        let written = Written::of_output(described, query, &output);
        let moved = varied.moved.map_or_else(String::new, |moved| {
            format!(", {} half-widths of its interval away", trimmed(&digits(moved, 2)))
        });
        format!(
            "Of {} other choices for the fit, `{choice}` changes it the most: to {}{moved}.",
            varied.values.len(),
            written.value(value)
        )
    });
    Some(Recommended {
        query: query.name.clone(),
        row: index + 1,
        output,
        sentence: words::answer(described, query, row),
        value: cell.and_then(|cell| cell.value),
        lower: cell.and_then(|cell| cell.lower),
        upper: cell.and_then(|cell| cell.upper),
        interval: results.queries.get(&query.name).and_then(|result| result.interval.clone()),
        observed: row.observed.clone(),
        belief,
        because,
        choice,
        what_if,
    })
}

/// The query and row that the author names, or the last answered row of the first query with an answer.
fn chosen<'a>(described: &'a Described, results: &Results) -> Option<(&'a DescribedQuery, usize)> {
    if let Some((query, row)) = &described.answer {
        return Some((described.query(query)?, *row));
    }
    let rows = |query: &DescribedQuery| results.queries.get(&query.name).map(|result| result.rows.as_slice());
    let last = |query: &'a DescribedQuery, counts: &dyn Fn(&AnswerRow) -> bool| {
        let at = rows(query)?.iter().rposition(counts)?;
        Some((query, at))
    };
    let told = described.queries.iter().find_map(|query| last(query, &|row| has_value(query, row)));
    told.or_else(|| described.queries.iter().find_map(|query| last(query, &|_| true)))
}

/// Whether an answer has a number.
fn has_value(query: &DescribedQuery, row: &AnswerRow) -> bool {
    row.outputs.get(&query.quoted()).is_some_and(|cell| cell.value.is_some())
}

/// The rank of an answer among several to one question, by the laws behind it; the lowest is quoted.
const fn weight(by: &AnsweredBy) -> usize {
    match by {
        AnsweredBy::Several => 0,
        AnsweredBy::Stack(_) => 1,
        _ => 2,
    }
}

/// Why this answer is quoted instead of others to the same question.
fn why(
    described: &Described,
    query: &DescribedQuery,
    row: &AnswerRow,
    others: &[(&DescribedQuery, &AnswerRow)],
) -> String {
    let shown = |query: &DescribedQuery, row: &AnswerRow| {
        let output = query.quoted();
        let cell = row.outputs.get(&output).filter(|_| has_value(query, row));
        let found = cell
            .map_or_else(|| "no answer".to_owned(), |cell| Written::of_output(described, query, &output).whole(cell));
        format!("`{}` ({}) {found}", query.name, query.by.describe())
    };
    let all: Vec<String> = others.iter().map(|(query, row)| shown(query, row)).collect();
    let best = if weight(&query.by) < 2 {
        "its interval includes the error of the laws, which the interval of one law does not"
    } else if others.iter().any(|(other, row)| weight(&other.by) < weight(&query.by) && !has_value(other, row)) {
        "the rows allow no forecast by several laws, so no interval here includes the error of the law"
    } else if described.answer.is_some() {
        "the spec names it"
    } else {
        "it comes first in the spec"
    };
    let own = shown(query, row);
    format!("The same question is answered by {own} and by {}. Quote `{}`: {best}.", all.join(", "), query.name)
}
