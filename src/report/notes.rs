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
    for (name, fit, result) in results.shown_fits(described) {
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
    for (name, table) in &results.tables {
        for step in table.steps.iter().filter(|step| step.step == JOIN && step.rows_out < step.rows_in) {
            let lost = step.rows_in - step.rows_out;
            let text =
                format!("{lost} of {} have no partner and are left out: {}.", numbered(step.rows_in, "row"), step.does);
            found.add(format!("table {name}"), &text, NoteSeverity::Caution, 0);
        }
        for (step, text) in table.steps.iter().filter_map(|step| Some((step, step.left_out.as_ref()?))) {
            found.add(format!("table {name}"), &format!("`{}`: {text}", step.step), NoteSeverity::Caution, 0);
        }
    }
    let mut notes = found.told();
    notes.sort_by_key(|note| (note.severity, std::cmp::Reverse(note.answers)));
    notes
}

/// The kind of the step that joins a table with another one.
const JOIN: &str = "join";

/// Maximum number of reasons in that sentence.
const MOST_REASONS: usize = 4;

/// A sentence about a source that dropped half of its rows or more; `None` for any other.
fn mostly_dropped(source: &SourceResult) -> Option<String> {
    // A history becomes a row for each run on request.
    let all = || source.dropped.iter().filter(|dropped| !dropped.rule.starts_with(NOT_TAKEN));
    let dropped: usize = all().map(|dropped| dropped.rows).sum();
    if dropped == 0 || 2 * dropped < source.rows {
        return None;
    }
    let mut reasons: Vec<(&str, usize)> = all().map(|dropped| (dropped.rule.as_str(), dropped.rows)).collect();
    reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let told = |(rule, rows): &(&str, usize)| format!("{rule} in {}", numbered(*rows, "row"));
    let told: Vec<String> = reasons.iter().take(MOST_REASONS).map(told).collect();
    let more = reasons.len().saturating_sub(MOST_REASONS);
    let more = if more > 0 { format!("; and {} more", numbered(more, "reason")) } else { String::new() };
    Some(format!("{dropped} of {} rows were dropped: {}{more}.", source.rows, told.join("; ")))
}

/// Maximum number of notes about one fact with other numbers each; more are one note.
const APART: usize = 3;

/// Collects notes, each fact once.
#[derive(Default)]
struct Found {
    /// The notes of each fact, one for each wording of its numbers.
    facts: Vec<Vec<Note>>,
    seen: BTreeMap<String, usize>,
}

impl Found {
    fn add(&mut self, of: String, text: &str, severity: NoteSeverity, answers: usize) {
        let next = self.facts.len();
        let place = *self.seen.entry(fact(text)).or_insert(next);
        if place == next {
            self.facts.push(Vec::new());
        }
        let wordings = &mut self.facts[place];
        // One part of the study says the same of several rows only once.
        let is_told = |note: &Note| note.text == text || note.of.contains(&of);
        let wording = wordings.iter().position(is_told).unwrap_or_else(|| {
            wordings.push(Note { text: text.to_owned(), of: Vec::new(), count: 0, severity, answers: 0 });
            wordings.len() - 1
        });
        wordings[wording].take(of, 1, severity, answers);
    }

    /// The notes. A note of many parts whose numbers differ says to which part they belong.
    fn told(self) -> Vec<Note> {
        let one = |wordings: Vec<Note>| {
            if wordings.len() <= APART {
                return wordings;
            }
            let mut all = wordings.into_iter();
            let Some(mut first) = all.next() else { return Vec::new() };
            if let Some(part) = first.of.first() {
                first.text = format!("{} The details are those of {part}; others differ.", first.text);
            }
            for Note { of, count, severity, answers, .. } in all {
                let each = answers / of.len().max(1);
                first.count += count - of.len().min(count);
                of.into_iter().for_each(|of| first.take(of, 1, severity, each));
            }
            vec![first]
        };
        self.facts.into_iter().flat_map(one).collect()
    }
}

impl Note {
    /// Adds a part of the study of which the note was found `count` times.
    fn take(&mut self, of: String, count: usize, severity: NoteSeverity, answers: usize) {
        self.count += count;
        self.severity = self.severity.min(severity);
        if !self.of.contains(&of) {
            self.of.push(of);
            self.answers += answers;
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
    fn a_fact_with_other_numbers_elsewhere_says_whose_numbers_it_has() {
        let told = |shares: &[(&str, u32)]| -> Vec<String> {
            let mut found = Found::default();
            for (of, share) in shares {
                let text = format!("It covers {share} % of the rows.");
                found.add((*of).to_owned(), &text, NoteSeverity::Serious, 1);
            }
            found.told().iter().map(|note| format!("{}: {}", note.parts(), note.sentence())).collect()
        };
        let few = told(&[("fit a", 40), ("fit b", 60), ("fit c", 40)]);
        assert_eq!(few, ["fit a, fit c: It covers 40 % of the rows. (2 times)", "fit b: It covers 60 % of the rows."]);
        let many = told(&[("fit a", 40), ("fit b", 60), ("fit c", 50), ("fit d", 30)]);
        let whole =
            "fit a and 3 others: It covers 40 % of the rows. The details are those of fit a; others differ. (4 times)";
        assert_eq!(many, [whole]);
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
