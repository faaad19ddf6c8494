//! The first screen: conclusions, reliability, and what would change the answer; the same in every format.

use super::leaderboard::Leaderboard;
use super::results::{AnswerRow, Note, NoteSeverity, Recommended, Results};
use super::words::{self, capital, number, opened};
use super::{Described, belief, recommend};
use crate::expectation::ExpectationResult;
use crate::numeral;

/// The content of the first screen.
pub(super) struct FirstScreen {
    /// The reliability in one word, where there is an answer.
    pub(super) word: Option<&'static str>,
    /// The conclusions: the author's, or the recommended answer, or the law with the best forecasts.
    pub(super) conclusions: Vec<String>,
    /// Facts about the recommended answer: name and text.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Warnings, most serious first.
    pub(super) notes: Vec<Note>,
    /// The warnings in one line.
    pub(super) counted: String,
    /// The expectations in one line.
    pub(super) expected: Option<String>,
}

impl FirstScreen {
    /// The first screen of a study.
    pub(super) fn of(described: &Described, results: &Results) -> Self {
        let mut conclusions = results.statements.clone();
        let leaderboard = Leaderboard::of(described, results).map(|board| board.sentence());
        let recommended = results.recommended.as_ref();
        match recommended {
            Some(answer) => {
                if !conclusions.contains(&answer.sentence) {
                    conclusions.push(answer.sentence.clone());
                }
            }
            None => conclusions.extend(leaderboard.clone()),
        }
        if conclusions.is_empty() {
            conclusions.extend(results.conclusions.first().cloned());
        }
        let mut facts = recommended.map(|answer| facts(described, results, answer)).unwrap_or_default();
        if recommended.is_some() {
            facts.extend(leaderboard.map(|sentence| ("Laws compared", sentence)));
        }
        Self {
            word: recommended.map(|answer| answer.belief.word()),
            conclusions,
            facts,
            notes: results.notes.clone(),
            counted: counted(&results.notes),
            expected: ExpectationResult::summary(&results.expectations),
        }
    }
}

/// Facts about the recommended answer.
fn facts(described: &Described, results: &Results, answer: &Recommended) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if answer.lower.is_some() || answer.upper.is_some() {
        all.extend(answer.interval.clone().map(|interval| ("In brackets", format!("{interval}."))));
    }
    if let Some(observed) = &answer.observed {
        let inside = match (answer.lower, answer.upper) {
            (Some(lower), Some(upper)) if (lower..=upper).contains(&observed.response) => ", inside the interval",
            (Some(_), Some(_)) => ", outside the interval",
            _ => "",
        };
        // Near zero, a ratio says nothing.
        let is_ratio = [Some(observed.response), answer.lower].iter().flatten().all(|end| *end > 0.0);
        let off = answer.value.map_or_else(String::new, |value| match value - observed.response {
            _ if is_ratio => format!("; the answer differs by {:+.2} %", 100.0 * (value / observed.response - 1.0)),
            less if less < 0.0 => format!("; the answer is {} less", number(-less)),
            more => format!("; the answer is {} more", number(more)),
        });
        all.push(("Observed", format!("{}{inside}{off}.", words::observed(observed))));
    }
    all.push(("Whether to believe it", format!("{}: {}.", capital(answer.belief.word()), answer.because.join("; "))));
    all.extend(others_judged(described, results, answer).map(|others| ("Its other answers", others)));
    all.extend(answer.choice.clone().map(|choice| ("Which to quote", choice)));
    let what_if = answer.what_if.clone().unwrap_or_else(|| recommend::what_else(described, results, answer));
    all.push(("What would change it", what_if));
    all
}

/// Maximum number of other answers that are judged one by one.
const MOST_JUDGED: usize = 6;

/// The other answers of the recommended answer's query whose reliability differs from its own, each with a reason.
fn others_judged(described: &Described, results: &Results, answer: &Recommended) -> Option<String> {
    let query = described.query(&answer.query)?;
    let rows = &results.queries.get(&answer.query)?.rows;
    let is_answer = |row: &AnswerRow| query.question.member().is_answer(&row.inputs, &query.roles);
    let others = rows.iter().enumerate().filter(|(index, row)| index + 1 != answer.row && is_answer(row));
    let judged = others.filter_map(|(_, row)| {
        let (belief, because) = belief::judge(described, results, query, row);
        let given = words::given(described, query, row);
        let reason = because.first().map_or_else(String::new, |reason| format!(" ({reason})"));
        (belief != answer.belief).then(|| format!("{given}: {}{reason}", belief.word()))
    });
    let judged: Vec<String> = judged.collect();
    let more = judged.len().saturating_sub(MOST_JUDGED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let shown = judged.iter().take(MOST_JUDGED).map(String::as_str).collect::<Vec<_>>().join("; ");
    (!judged.is_empty()).then(|| format!("{}{more}.", opened(&shown)))
}

/// The number of warnings by severity, worded the same wherever they are counted.
pub fn counted(notes: &[Note]) -> String {
    let count = |severity| notes.iter().filter(|note| note.severity == severity).count();
    let serious = count(NoteSeverity::Serious);
    match (notes.len(), serious) {
        (0, _) => "no warnings".to_owned(),
        (1, 0) => "1 warning".to_owned(),
        (1, _) => "1 warning, serious".to_owned(),
        (all, 0) => format!("{all} warnings"),
        (all, serious) => format!("{all} warnings, {serious} of them serious"),
    }
}

/// The parameters of the fits that reports show, as lines of a table.
pub(super) fn parameters(described: &Described, results: &Results) -> Vec<[String; 5]> {
    let rows = results.shown_fits(described).into_iter().flat_map(|(name, _, fit)| {
        let rows = fit.parameters.iter().map(move |(parameter, estimate)| {
            [
                name.clone(),
                parameter.clone(),
                estimate.value.map_or_else(|| "-".to_owned(), |value| numeral::trimmed(&number(value))),
                words::ends(estimate),
                estimate.status.describe().to_owned(),
            ]
        });
        rows.collect::<Vec<_>>()
    });
    rows.collect()
}
