//! Warnings for the reader, each fact once.

use std::collections::{BTreeMap, BTreeSet};

use super::Described;
use super::results::{AnswerRow, Note, NoteSeverity, Results, SourceResult};
use crate::answer::Verdict;
use crate::diagnostic::numbered;
use crate::source::NOT_TAKEN;
use crate::warning::Warning;

impl Note {
    /// The parts of the study: `fit main`, or `query budget and 7 others`.
    pub fn parts(&self) -> String {
        match self.of.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [one, other] => format!("{one}, {other}"),
            [one, others @ ..] => format!("{one} and {} others", others.len()),
        }
    }

    /// The number of affected answers, as in `affects 2 answers`; empty for zero.
    pub fn affected(&self) -> String {
        match self.answers {
            0 => String::new(),
            1 => "affects 1 answer".to_owned(),
            count => format!("affects {count} answers"),
        }
    }

    /// The fact, and how often it was found if more than once.
    pub fn sentence(&self) -> String {
        match self.count {
            1 => self.text.clone(),
            count => format!("{} ({count} times)", self.text),
        }
    }
}

/// All facts of the results, most serious first, then by the number of affected answers.
pub(super) fn notes(described: &Described, results: &Results) -> Vec<Note> {
    let mut found = Found::default();
    of_answers(results, &mut found);
    for (name, fit, result) in results.shown_fits() {
        let group = name.strip_prefix(fit).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
        let answers = answers_of(results, fit, group);
        let has_failed = !result.evidence.converged && result.objective.is_some();
        for Warning { text, severity } in &result.evidence.warnings {
            let severity = if has_failed { NoteSeverity::Serious } else { *severity };
            found.add(format!("fit {name}"), text, severity, answers);
        }
    }
    for fit in &described.fits {
        let answers = answers_of(results, &fit.name, None);
        fit.doubts
            .iter()
            .for_each(|doubt| found.add(format!("fit {}", fit.name), doubt, NoteSeverity::Serious, answers));
    }
    for query in &described.queries {
        let Some(result) = results.queries.get(&query.name) else { continue };
        // The groups of a chain may be those of the other fit alone.
        let groups = result.rows.iter().filter_map(|row| row.group.as_ref());
        let groups: BTreeSet<String> = groups.map(|group| format!("{group}: ")).collect();
        for Warning { text, severity } in &result.warnings {
            let of_group = groups.iter().find_map(|group| text.strip_prefix(group.as_str()));
            found.add(format!("query {}", query.name), of_group.unwrap_or(text), *severity, result.rows.len());
        }
    }
    for (name, source) in &results.sources {
        let answers = results.queries.values().map(|query| query.rows.len()).sum();
        if let Some(text) = mostly_dropped(source) {
            found.add(format!("source {name}"), &text, NoteSeverity::Serious, answers);
        }
        for Warning { text, severity } in &source.warnings {
            found.add(format!("source {name}"), text, *severity, answers);
        }
    }
    let mut notes = found.notes;
    notes.sort_by_key(|note| (note.severity, std::cmp::Reverse(note.answers)));
    notes
}

/// A sentence about a source that dropped half of its rows or more; `None` for any other.
fn mostly_dropped(source: &SourceResult) -> Option<String> {
    // A history becomes a row for each run on request.
    let all = || source.dropped.iter().filter(|dropped| !dropped.rule.starts_with(NOT_TAKEN));
    let dropped: usize = all().map(|dropped| dropped.rows).sum();
    let most = all().max_by_key(|dropped| dropped.rows).filter(|_| 2 * dropped >= source.rows)?;
    let (rule, rows) = (&most.rule, most.rows);
    Some(format!("{dropped} of {} rows were dropped: {rule} in {}.", source.rows, numbered(rows, "row")))
}

/// Collects notes, each fact once.
#[derive(Default)]
struct Found {
    notes: Vec<Note>,
    seen: BTreeMap<String, usize>,
}

impl Found {
    fn add(&mut self, of: String, text: &str, severity: NoteSeverity, answers: usize) {
        let next = self.notes.len();
        let place = *self.seen.entry(fact(text)).or_insert(next);
        if place == next {
            self.notes.push(Note { text: text.to_owned(), of: Vec::new(), count: 0, severity, answers: 0 });
        }
        let note = &mut self.notes[place];
        note.count += 1;
        note.severity = note.severity.min(severity);
        if !note.of.contains(&of) {
            note.of.push(of);
            note.answers += answers;
        }
    }
}

/// Number of answers from a fit, or from the fit of a group.
fn answers_of(results: &Results, fit: &str, group: Option<&str>) -> usize {
    let rows = results.queries.values().filter(|query| query.fit == fit).flat_map(|query| &query.rows);
    rows.filter(|row| group.is_none() || row.group.as_deref() == group).count()
}

/// Adds notes about kinds of answers: refused ones, those far from the rows, and those that another choice would
/// change.
fn of_answers(results: &Results, found: &mut Found) {
    let is_refused = |verdict| matches!(verdict, Verdict::NotIdentified | Verdict::NotForecast);
    let mut add = |text: &str, counts: &dyn Fn(&AnswerRow) -> bool| {
        for (name, query) in &results.queries {
            let count = query.rows.iter().filter(|row| counts(row)).count();
            if count > 0 {
                found.add(format!("query {name}"), text, NoteSeverity::Serious, count);
            }
        }
    };
    add("There is no answer: the rows do not identify one.", &|row| is_refused(row.reach.verdict));
    add("There is no answer, for the reason given in its place.", &|row| row.reach.verdict == Verdict::NoAnswer);
    add("The answer lies far outside the rows, where the law was not tested.", &|row| {
        row.reach.verdict == Verdict::Far
    });
    for (fit, sensitivity) in &results.sensitivity {
        let count = sensitivity.answers.iter().filter(|answer| answer.moved.is_some_and(|moved| moved > 1.0)).count();
        if count > 0 {
            let text = "Fits under other choices give answers outside the interval.";
            found.add(format!("sensitivity {fit}"), text, NoteSeverity::Serious, count);
        }
    }
}

/// The common part of texts that say the same about different parts: everything before a colon, without numbers.
fn fact(text: &str) -> String {
    let said = text.split_once(": ").map_or(text, |(said, _)| said);
    let mut fact = String::new();
    for letter in said.chars() {
        if !letter.is_ascii_digit() {
            fact.push(letter);
        } else if !fact.ends_with('#') && !fact.ends_with("#.") {
            fact.push('#');
        }
    }
    fact.replace("#.", "#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_only_in_numbers_and_details_are_one_fact() {
        let same = |one: &str, other: &str| fact(one) == fact(other);
        assert!(same("34 of 217 rows lie outside: D = 8.7e8.", "35 of 240 rows lie outside: N = 1.5e7."));
        assert!(same("The floor is 1.25 % off.", "The floor is 10 % off."));
        assert!(!same("A and alpha trade off.", "B and beta trade off."));
    }

    #[test]
    fn a_note_names_its_parts_and_its_count() {
        let note = |of: &[&str], count| Note {
            text: "Mind.".to_owned(),
            of: of.iter().map(|of| (*of).to_owned()).collect(),
            count,
            severity: NoteSeverity::Caution,
            answers: 0,
        };
        assert_eq!(
            (note(&["fit a"], 1).parts(), note(&["fit a"], 1).sentence()),
            ("fit a".to_owned(), "Mind.".to_owned())
        );
        assert_eq!(note(&["fit a", "query b", "query c"], 7).parts(), "fit a and 2 others");
        assert_eq!(note(&["fit a", "query b", "query c"], 7).sentence(), "Mind. (7 times)");
    }
}
