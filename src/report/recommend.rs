//! The answer to quote, its reliability, and what would change it.

use std::collections::BTreeSet;

use super::belief::{Withheld, better_fit, error_of, farthest, judge, rivals, twins, withheld};
use super::results::{AnswerRow, QueryResult, Recommended, Results};
use super::words::capital;
use super::words::{self, Written};
use super::{AnsweredBy, Belief, Described, DescribedQuery, NamedAnswer, Piece, pieces};
use crate::answer::Verdict;
use crate::diagnostic::{list, numbered};
use crate::numeral;
use crate::numerics::ln;

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
        let weighed: Vec<Weighed> =
            all.iter().map(|(query, _, row)| Weighed::of(described, results, query, row)).collect();
        let best = match of_author(described) {
            Some(_) => 0,
            // The first of equally good answers.
            None => {
                (1..all.len()).fold(0, |best, at| if weighed[at].better(&weighed[best]).is_some() { at } else { best })
            }
        };
        let (query, index, row) = all[best];
        let others = all.iter().zip(&weighed).enumerate().filter(|(at, _)| *at != best);
        let others: Vec<Other> = others.map(|(_, (other, weighed))| (other.0, other.2, weighed)).collect();
        (query, index, row, Some(why(described, (query, row, &weighed[best]), &others)))
    };
    let output = query.quoted();
    let cell = row.outputs.get(&output);
    let (belief, because) = judge(described, results, query, row);
    let withheld = withheld(described, results, query, row).filter(|_| has_value(query, row));
    let cell = cell.filter(|_| withheld.is_none());
    let result = results.queries.get(&query.name);
    let (sentence, what_if) = if let Some(withheld) = &withheld {
        (nothing_to_quote(described, query, row, withheld), None)
    } else {
        let sentence = words::answer(described, query, row);
        let sentence = result.map_or_else(|| sentence.clone(), |result| of_groups(&sentence, result, row));
        (sentence, moved_farthest(described, results, query, row, ["the fit", "it"]))
    };
    Some(Recommended {
        query: query.name.clone(),
        row: index + 1,
        output,
        sentence,
        value: cell.and_then(|cell| cell.value),
        lower: cell.and_then(|cell| cell.lower),
        upper: cell.and_then(|cell| cell.upper),
        interval: result.filter(|_| withheld.is_none()).and_then(|result| result.interval.clone()),
        observed: row.observed.clone(),
        belief,
        because,
        choice,
        what_if,
    })
}

/// The sentence in the place of an answer whose number is not quoted.
fn nothing_to_quote(described: &Described, query: &DescribedQuery, row: &AnswerRow, withheld: &Withheld) -> String {
    let told = format!("no answer to quote, because {}.", withheld.in_short());
    let given = words::given(described, query, row);
    if given.is_empty() { capital(&told) } else { format!("{given}: {told}") }
}

/// The sentence of an answer for one of several groups, with its group and the number of the others.
fn of_groups(sentence: &str, result: &QueryResult, row: &AnswerRow) -> String {
    let Some(group) = &row.group else { return sentence.to_owned() };
    let others: BTreeSet<&String> =
        result.rows.iter().filter_map(|row| row.group.as_ref()).filter(|other| *other != group).collect();
    let verb = if others.len() == 1 { "has" } else { "have" };
    match others.len() {
        0 => sentence.to_owned(),
        count => format!(
            "{} (group `{group}` of fit `{}`; {} {verb} other answers).",
            sentence.trim_end_matches('.'),
            result.fit,
            numbered(count, "other group")
        ),
    }
}

/// The choice that changes an answer the most, in a sentence with names for the fit and the answer.
fn moved_farthest(
    described: &Described,
    results: &Results,
    query: &DescribedQuery,
    row: &AnswerRow,
    [fit, answer]: [&str; 2],
) -> Option<String> {
    let output = query.quoted();
    let (varied, choice, value) = farthest(results, query, row, &output)?;
    let moved = varied
        .moved
        .map_or_else(String::new, |moved| format!(", {} half-widths of its interval away", numeral::rounded(moved, 2)));
    let value = Written::of_output(described, query, &output).value(value);
    Some(match varied.values.len() {
        1 => format!("Another choice for {fit}, `{choice}`, changes {answer}: to {value}{moved}."),
        count => {
            format!("Of {count} other choices for {fit}, `{choice}` changes {answer} the most: to {value}{moved}.")
        }
    })
}

/// What would change the recommended answer, if none of its own choices was varied: another query with the same question,
/// or a variation of one. Answers by several laws have no variations of their own.
pub(super) fn what_else(described: &Described, results: &Results, answer: &Recommended) -> String {
    let name = &answer.query;
    let query = described.query(name);
    let none = || untried(results, query.map_or("", |query| query.fit.as_str()), name);
    let row = results.queries.get(name).and_then(|result| result.rows.get(answer.row.checked_sub(1)?));
    let Some((query, row)) = query.zip(row) else { return none() };
    if row.reach.verdict == Verdict::NotFitted {
        return "A fit to rows: the constants are published ones.".to_owned();
    }
    let is_withheld = answer.value.is_none() && has_value(query, row);
    if is_withheld || row.reach.verdict == Verdict::NotForecast {
        return "Other rows, such as more runs or runs over a wider range: these allow no forecast.".to_owned();
    }
    let twins = twins(described, results, query, row);
    let none = || {
        let rival = Some(query).filter(|_| twins.is_empty() && !results.sensitivity.contains_key(&query.fit));
        rival.and_then(|query| unasked(described, results, query, row)).unwrap_or_else(none)
    };
    let is_varied = query.by != AnsweredBy::Law && results.sensitivity.contains_key(&query.fit);
    if !is_varied {
        return farthest_twin(described, query, row, &twins).unwrap_or_else(none);
    }
    let by = query.by.describe();
    let of_one_law = twins.into_iter().find_map(|(other, _, row)| {
        let told = moved_farthest(described, results, other, row, ["its fit", "its answer"])?;
        Some(format!("Query `{}` answers the same question by {}. {told}", other.name, other.by.describe()))
    });
    of_one_law.map_or_else(
        || {
            format!(
                "`[sensitivity.{}]` varies the fit of one law, but this answer is by {by}, for which no choices were tried.",
                query.fit
            )
        },
        |told| format!("{told} These choices were not tried for the answer by {by}."),
    )
}

/// The other fit of the same rows that no query asks: the one that forecasts clearly better, or the first.
fn unasked(described: &Described, results: &Results, query: &DescribedQuery, row: &AnswerRow) -> Option<String> {
    let better = better_fit(described, results, query, row).map(|better| better.name);
    let fit = better.or_else(|| rivals(described, query).map(|fit| fit.name.as_str()).next())?;
    Some(format!(
        "Perhaps the choice of the law: fit `{fit}` has the same rows, but no query asks it the question of `{}`.",
        query.name
    ))
}

/// What was tried for an answer that no tried choice of its fit answers again.
fn untried(results: &Results, fit: &str, query: &str) -> String {
    if let Some(own) = results.sensitivity.get(fit) {
        let why: Vec<String> = own.unanswered.iter().map(|why| format!(" No answer {why}.")).collect();
        return format!(
            "`[sensitivity.{fit}]` tries {}, none of which gives an answer to compare with this one.{}",
            numbered(own.choices.len(), "other choice"),
            why.concat()
        );
    }
    let others: Vec<&str> = results.sensitivity.keys().map(String::as_str).collect();
    if others.is_empty() {
        return format!(
            "No other choices for the fit of query `{query}` were tried: list them in the spec under `[sensitivity.*]`."
        );
    }
    format!(
        "`[sensitivity]` varies {}, and not the fit `{fit}` of query `{query}`: add `[sensitivity.{fit}]`.",
        list(&others)
    )
}

/// The query with the same question whose answer differs the most, in a sentence.
fn farthest_twin(
    described: &Described,
    query: &DescribedQuery,
    row: &AnswerRow,
    twins: &[(&DescribedQuery, usize, &AnswerRow)],
) -> Option<String> {
    let value = |query: &DescribedQuery, row: &AnswerRow| {
        row.outputs.get(&query.quoted()).and_then(|cell| cell.value).filter(|value| *value > 0.0)
    };
    let own = value(query, row)?;
    let found = twins.iter().filter_map(|(other, _, row)| Some((other, row, ln(value(other, row)? / own).abs())));
    let (other, row, _) = found.max_by(|(.., one), (.., other)| one.total_cmp(other))?;
    let output = other.quoted();
    let law = |query: &DescribedQuery| described.fit(&query.fit).map(|fit| fit.law.form_fingerprint());
    let choice = if other.by == query.by && law(other) == law(query) {
        "Other choices for the fit"
    } else {
        "The choice of the law"
    };
    Some(format!(
        "{choice}: query `{}` (fit `{}`, {}) answers the same question with {}.",
        other.name,
        other.fit,
        other.by.describe(),
        Written::of_output(described, other, &output).whole(row.outputs.get(&output)?)
    ))
}

/// The query and row that the author names, or the last answered row of the first query with an answer.
fn chosen<'a>(described: &'a Described, results: &Results) -> Option<(&'a DescribedQuery, usize)> {
    if let Some(answer) = of_author(described) {
        return Some(answer);
    }
    let rows = |query: &DescribedQuery| results.queries.get(&query.name).map(|result| result.rows.as_slice());
    let last = |query: &'a DescribedQuery, counts: &dyn Fn(&AnswerRow) -> bool| {
        let is_answer = |row: &AnswerRow| query.question.member().is_answer(&row.inputs, &query.roles);
        let at = rows(query)?.iter().rposition(|row| is_answer(row) && counts(row))?;
        Some((query, at))
    };
    // The first query with an interval, then the first with a number.
    let first = |counts: &dyn Fn(&DescribedQuery, &AnswerRow) -> bool| {
        described.queries.iter().find_map(|query| last(query, &|row| counts(query, row)))
    };
    first(&has_interval).or_else(|| first(&has_value)).or_else(|| first(&|_, _| true))
}

/// The answer that the author names, or the first one that a conclusion of the author quotes.
fn of_author(described: &Described) -> Option<(&DescribedQuery, usize)> {
    if let Some((query, row)) = &described.answer {
        return Some((described.query(query)?, *row));
    }
    let named = |name: &str| {
        let row = |query: &DescribedQuery| Some(NamedAnswer::of(name, &query.name)?.row.unwrap_or(0));
        described.queries.iter().find_map(|query| Some((query, row(query)?)))
    };
    described.statements.iter().find_map(|statement| {
        pieces(statement).ok()?.into_iter().find_map(|piece| match piece {
            Piece::Name(name, _) => named(name),
            Piece::Text(_) => None,
        })
    })
}

/// Whether an answer has a number with an interval, of which one end may be open.
fn has_interval(query: &DescribedQuery, row: &AnswerRow) -> bool {
    let cell = row.outputs.get(&query.quoted());
    cell.is_some_and(|cell| cell.value.is_some() && (cell.lower.is_some() || cell.upper.is_some()))
}

/// Whether an answer has a number.
fn has_value(query: &DescribedQuery, row: &AnswerRow) -> bool {
    row.outputs.get(&query.quoted()).is_some_and(|cell| cell.value.is_some())
}

/// The rank of the laws behind an answer: several laws with their error, a stack, or one law.
const fn rank_of(by: &AnsweredBy) -> usize {
    match by {
        AnsweredBy::Several => 0,
        AnsweredBy::Stack(_) => 1,
        _ => 2,
    }
}

/// One of several answers to a question, with what speaks for it.
type Other<'a> = (&'a DescribedQuery, &'a AnswerRow, &'a Weighed);

/// What decides between answers to one question, in the order of the fields.
struct Weighed {
    /// Whether it has a number that can be quoted.
    has_value: bool,
    laws: usize,
    has_interval: bool,
    belief: Belief,
    /// The first reason for the belief.
    because: Option<String>,
    /// Mean relative error on rows that were hidden from the fit.
    error: Option<f64>,
    /// Distance from the data, as a factor.
    distance: Option<f64>,
}

/// The first difference between two answers that makes one of them better.
enum Difference {
    Value,
    Laws,
    Interval,
    Belief,
    Error(f64, f64),
    Distance,
}

/// Differences of errors and of distances below this share do not decide.
const NOTABLE: f64 = 0.05;

impl Weighed {
    fn of(described: &Described, results: &Results, query: &DescribedQuery, row: &AnswerRow) -> Self {
        let (belief, because) = judge(described, results, query, row);
        Self {
            has_value: has_value(query, row) && withheld(described, results, query, row).is_none(),
            laws: rank_of(&query.by),
            has_interval: has_interval(query, row),
            belief,
            because: because.into_iter().next(),
            error: error_of(results, query, row),
            distance: row.reach.factor.filter(|factor| factor.is_finite()),
        }
    }

    /// How this answer is better than another; `None` where it is not.
    fn better(&self, other: &Self) -> Option<Difference> {
        let lower = |own: Option<f64>, other: Option<f64>| {
            own.zip(other).filter(|(own, other)| (own - other).abs() > NOTABLE * own.max(*other))
        };
        let doubt = |belief: Belief| match belief {
            Belief::Supported => 0,
            Belief::Untested => 1,
            Belief::Doubtful => 2,
            Belief::Unsupported => 3,
        };
        let found = if self.has_value != other.has_value {
            (self.has_value, Difference::Value)
        } else if self.laws != other.laws {
            (self.laws < other.laws, Difference::Laws)
        } else if self.has_interval != other.has_interval {
            (self.has_interval, Difference::Interval)
        } else if self.belief != other.belief {
            (doubt(self.belief) < doubt(other.belief), Difference::Belief)
        } else if let Some((own, theirs)) = lower(self.error, other.error) {
            (own < theirs, Difference::Error(own, theirs))
        } else if let Some((own, theirs)) = lower(self.distance, other.distance) {
            (own < theirs, Difference::Distance)
        } else {
            return None;
        };
        found.0.then_some(found.1)
    }
}

/// Why this answer is quoted instead of others to the same question.
fn why(described: &Described, (query, row, weighed): Other<'_>, others: &[Other<'_>]) -> String {
    let shown = |(query, row, weighed): &Other<'_>| {
        let output = query.quoted();
        let cell = row.outputs.get(&output).filter(|_| weighed.has_value);
        let found = cell
            .map_or_else(|| "no answer".to_owned(), |cell| Written::of_output(described, query, &output).whole(cell));
        format!("`{}` ({}) {found}", query.name, query.by.describe())
    };
    if !weighed.has_value {
        return nothing_of(query, row, others);
    }
    let all: Vec<String> = others.iter().map(shown).collect();
    let own = shown(&(query, row, weighed));
    let best = reason(described, (query, row, weighed), others);
    format!("The same question is answered by {own} and by {}. Quote `{}`: {best}.", all.join(", "), query.name)
}

/// Why nothing is quoted, where the chosen answer to a question has no number to quote.
fn nothing_of(query: &DescribedQuery, row: &AnswerRow, others: &[Other<'_>]) -> String {
    let named = |query: &DescribedQuery| format!("`{}` ({})", query.name, query.by.describe());
    let all: Vec<String> = others.iter().map(|(other, ..)| named(other)).collect();
    let is_refused = others.iter().map(|(other, row, _)| (*other, *row)).chain([(query, row)]).any(is_refusal);
    // The author's choice may be the only one without an answer.
    let rest = match others.iter().find(|(.., other)| other.has_value) {
        Some((other, ..)) => {
            format!("the spec names `{}`, which has no answer to quote; `{}` has one", query.name, other.name)
        }
        None if is_refused => {
            "none of them has an answer to quote, because the rows allow no forecast by several laws, \
                               and the interval of one law does not include the error of the law"
                .to_owned()
        }
        None => "none of them has an answer to quote".to_owned(),
    };
    format!("The same question is asked by {} and by {}: {rest}.", named(query), all.join(", "))
}

/// Whether several laws refuse a forecast.
fn is_refusal((query, row): (&DescribedQuery, &AnswerRow)) -> bool {
    query.by == AnsweredBy::Several && row.reach.verdict == Verdict::NotForecast
}

/// The reason to quote an answer with a number.
fn reason(described: &Described, (_, row, weighed): Other<'_>, others: &[Other<'_>]) -> String {
    if weighed.laws < rank_of(&AnsweredBy::Law) {
        return "its interval includes the error of the laws, which the interval of one law does not".to_owned();
    }
    if others.iter().any(|(.., other)| other.laws < weighed.laws && !other.has_value) {
        return "several laws give no answer, so no interval here includes the error of the law".to_owned();
    }
    if described.answer.is_some() {
        return "the spec names it".to_owned();
    }
    // The strongest of the others is the one to compare with.
    let answered = others.iter().filter(|(.., other)| other.has_value);
    let next = answered.reduce(|best, one| if one.2.better(best.2).is_some() { one } else { best });
    next.and_then(|next| weighed.better(next.2).and_then(|difference| in_words(&difference, row, next)))
        .unwrap_or_else(|| "it comes first in the spec".to_owned())
}

/// How an answer is better than the next one.
fn in_words(difference: &Difference, row: &AnswerRow, (other, other_row, next): &Other<'_>) -> Option<String> {
    let name = &other.name;
    match difference {
        Difference::Value | Difference::Laws => None,
        Difference::Interval => Some(format!("it has an interval, and `{name}` has none")),
        Difference::Belief => {
            let because = next.because.as_ref().map_or_else(String::new, |reason| format!(", because {reason}"));
            Some(format!("`{name}` is {}{because}", next.belief.word().to_lowercase()))
        }
        Difference::Error(own, theirs) => Some(format!(
            "its law missed hidden rows by {:.2} % on average, and that of `{name}` by {:.2} %",
            100.0 * own,
            100.0 * theirs
        )),
        Difference::Distance => {
            Some(format!("it lies {}, and `{name}` {}", words::verdict(row), words::verdict(other_row)))
        }
    }
}
