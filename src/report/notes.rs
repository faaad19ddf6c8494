//! Warnings for the reader, each fact once.

use std::collections::{BTreeMap, BTreeSet};

use super::results::{AnswerRow, Note, NoteSeverity, QueryResult, Results, SourceResult, VariedAnswer, group_in};
use super::words::opened;
use super::{Described, DescribedFit, DescribedQuery};
use crate::answer::Verdict;
use crate::diagnostic::numbered;
use crate::numeral;
use crate::query::OUTSIDE;
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

/// Answers, each by its query and its row, counted from 0.
type Affected = BTreeSet<(String, usize)>;

/// All facts of the results, most serious first, then by the number of affected answers.
pub(super) fn notes(described: &Described, results: &Results) -> Vec<Note> {
    let mut found = Found::default();
    of_answers(results, &mut found);
    for (name, fit, result) in results.shown_fits(described) {
        let group = group_in(&name, fit);
        let answers = answers_of(results, fit, group);
        let has_failed = !result.evidence.converged && result.objective.is_some();
        for Warning { text, severity } in &result.evidence.warnings {
            let severity = if has_failed { NoteSeverity::Serious } else { *severity };
            found.add(Part::of(format!("fit {name}")), text, severity, &answers);
        }
    }
    for fit in &described.fits {
        let answers = answers_of(results, &fit.name, None);
        let part = || Part::of(format!("fit {}", fit.name));
        fit.doubts.iter().for_each(|doubt| found.add(part(), doubt, NoteSeverity::Serious, &answers));
    }
    for query in &described.queries {
        let Some(result) = results.queries.get(&query.name) else { continue };
        // The groups of a chain may be those of the other fit alone.
        let groups: BTreeSet<&str> = result.rows.iter().filter_map(|row| row.group.as_deref()).collect();
        for Warning { text, severity } in &result.warnings {
            let of_group =
                groups.iter().find_map(|group| Some((*group, text.strip_prefix(group)?.strip_prefix(": ")?)));
            let (group, text) = of_group.map_or((None, text.as_str()), |(group, text)| (Some(group), text));
            let part = Part { name: format!("query {}", query.name), group: group.map(str::to_owned) };
            let answers = warned(described, query, result, group, text);
            found.add(part, &opened(text), *severity, &answers);
        }
    }
    for (name, source) in &results.sources {
        let answers = answers_from(described, results, name);
        let part = || Part::of(format!("source {name}"));
        if let Some(text) = mostly_dropped(source) {
            found.add(part(), &text, NoteSeverity::Serious, &answers);
        }
        for Warning { text, severity } in &source.warnings {
            found.add(part(), text, *severity, &answers);
        }
    }
    for (name, table) in &results.tables {
        for (step, left_out) in table.steps.iter().filter_map(|step| Some((step, step.left_out.as_ref()?))) {
            let text = format!("{left_out}: {}.", step.does);
            found.add(Part::of(format!("table {name}")), &text, NoteSeverity::Caution, &Affected::new());
        }
    }
    let mut notes = found.told();
    notes.sort_by_key(|note| (note.severity, std::cmp::Reverse(note.answers)));
    notes
}

/// Maximum number of reasons why rows were dropped that are told.
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

/// The part of a study that gives a warning.
struct Part {
    /// Its name: `fit main`, `query budget`.
    name: String,
    /// The group of a query that the warning is about.
    group: Option<String>,
}

impl Part {
    const fn of(name: String) -> Self {
        Self { name, group: None }
    }
}

/// A note in the words of its first part, with the answers that it affects.
struct Wording {
    note: Note,
    /// The group of a query whose words these are.
    group: Option<String>,
    /// Whether other groups of the query have other words.
    differs: bool,
    answers: Affected,
}

/// Collects notes, each fact once.
#[derive(Default)]
struct Found {
    /// The notes of each fact, one for each wording of its numbers.
    facts: Vec<Vec<Wording>>,
    seen: BTreeMap<String, usize>,
}

impl Found {
    fn add(&mut self, part: Part, text: &str, severity: NoteSeverity, answers: &Affected) {
        let next = self.facts.len();
        // Groups of a query say the same with other names.
        let fact = if part.group.is_some() { fact(&without_names(text)) } else { fact(text) };
        let place = *self.seen.entry(fact).or_insert(next);
        if place == next {
            self.facts.push(Vec::new());
        }
        let wordings = &mut self.facts[place];
        // One part of the study says the same of several rows only once.
        let is_told = |told: &Wording| told.note.text == text || told.note.of.contains(&part.name);
        let at = wordings.iter().position(is_told).unwrap_or_else(|| {
            let note = Note { text: text.to_owned(), of: Vec::new(), count: 0, severity, answers: 0 };
            wordings.push(Wording { note, group: part.group.clone(), differs: false, answers: Affected::new() });
            wordings.len() - 1
        });
        let wording = &mut wordings[at];
        wording.differs |= wording.note.text != text && wording.group != part.group;
        wording.take(part.name, 1, severity, answers);
    }

    /// The notes. A note of many parts or groups whose numbers differ says to which of them they belong.
    fn told(self) -> Vec<Note> {
        let one = |wordings: Vec<Wording>| {
            if wordings.len() <= APART {
                return wordings.into_iter().map(Wording::told).collect();
            }
            let mut all = wordings.into_iter();
            let Some(mut first) = all.next() else { return Vec::new() };
            if let Some(part) = first.note.of.first() {
                first.note.text = format!("{} {}", first.note.text, details_of(part));
            }
            first.differs = false;
            for Wording { note, answers, .. } in all {
                first.note.count += note.count - note.of.len().min(note.count);
                note.of.into_iter().for_each(|of| first.take(of, 1, note.severity, &answers));
            }
            vec![first.told()]
        };
        self.facts.into_iter().flat_map(one).collect()
    }
}

impl Wording {
    /// Adds a part of the study of which the note was found `count` times.
    fn take(&mut self, of: String, count: usize, severity: NoteSeverity, answers: &Affected) {
        self.note.count += count;
        self.note.severity = self.note.severity.min(severity);
        self.answers.extend(answers.iter().cloned());
        if !self.note.of.contains(&of) {
            self.note.of.push(of);
        }
    }

    /// The note for the reader.
    fn told(self) -> Note {
        let mut note = Note { answers: self.answers.len(), ..self.note };
        if let Some(group) = self.group.filter(|_| self.differs) {
            note.text = format!("{} {}", note.text, details_of(&format!("group {group}")));
        }
        note
    }
}

/// The sentence that says whose numbers a note has.
fn details_of(part: &str) -> String {
    format!("The details are those of {part}; others differ.")
}

/// The answers of a query for which a condition holds.
fn answers_where(name: &str, query: &QueryResult, holds: impl Fn(&AnswerRow) -> bool) -> Affected {
    let rows = query.rows.iter().enumerate().filter(|(_, row)| holds(row));
    rows.map(|(index, _)| (name.to_owned(), index)).collect()
}

/// The answers from a fit, or from the fit of a group.
fn answers_of(results: &Results, fit: &str, group: Option<&str>) -> Affected {
    let queries = results.queries.iter().filter(|(_, query)| query.fit == fit);
    let is_of = |row: &AnswerRow| group.is_none() || row.group.as_deref() == group;
    queries.flat_map(|(name, query)| answers_where(name, query, is_of)).collect()
}

/// The answers from fits of a source's rows; all answers for a source that only adds columns to other rows.
fn answers_from(described: &Described, results: &Results, source: &str) -> Affected {
    let is_above = |fit: &DescribedFit| fit.rows.as_deref().is_some_and(|rows| described.above(rows).contains(&source));
    let fits: BTreeSet<&str> = described.fits.iter().filter(|fit| is_above(fit)).map(|fit| fit.name.as_str()).collect();
    let queries = results.queries.iter().filter(|(_, query)| fits.is_empty() || fits.contains(query.fit.as_str()));
    queries.flat_map(|(name, query)| answers_where(name, query, |_| true)).collect()
}

/// The answers of a query, or of one of its groups, that a warning is about: those that it names, or those that lie where
/// the law does not hold, or else all.
fn warned(
    described: &Described,
    query: &DescribedQuery,
    result: &QueryResult,
    group: Option<&str>,
    text: &str,
) -> Affected {
    let of_group = |row: &AnswerRow| group.is_none() || row.group.as_deref() == group;
    let places: Vec<&str> = places_in(text).map(|places| places.split("; ").collect()).unwrap_or_default();
    let reason = text.strip_prefix(OUTSIDE).and_then(|reason| reason.strip_suffix('.'));
    let is_meant = |row: &AnswerRow| match reason {
        Some(reason) => outside(described, query, row).iter().any(|own| own == reason),
        None => places.contains(&place_of(row).as_str()),
    };
    let meant = answers_where(&query.name, result, |row| of_group(row) && is_meant(row));
    if meant.is_empty() { answers_where(&query.name, result, of_group) } else { meant }
}

/// The places that a warning of a query names: `N = 1e9; N = 2e9`.
fn places_in(text: &str) -> Option<&str> {
    let remark = || Some(text.strip_prefix("At ")?.split_once(": ")?.0);
    let limit = || Some(text.strip_prefix("The answer at ")?.split_once(" lies on these limits")?.0);
    remark().or_else(limit)
}

/// The place of an answer as warnings of queries name it.
fn place_of(row: &AnswerRow) -> String {
    let inputs = row.inputs.iter().map(|(name, value)| format!("{name} = {}", numeral::exact(*value)));
    inputs.collect::<Vec<_>>().join(", ")
}

/// Reasons why an answer lies outside the conditions of its law.
fn outside(described: &Described, query: &DescribedQuery, row: &AnswerRow) -> Vec<String> {
    let Some(fit) = described.fit(&query.fit) else { return Vec::new() };
    let found = row.outputs.iter().filter_map(|(name, cell)| Some((query.variable_of(name).to_owned(), cell.value?)));
    let at: BTreeMap<String, f64> = row.inputs.clone().into_iter().chain(found).collect();
    fit.law.holds.outside(&at, &fit.law.roles)
}

/// Adds notes about kinds of answers: refused ones, those far from the rows, and those that another choice would
/// change.
fn of_answers(results: &Results, found: &mut Found) {
    let kinds: [(&str, Verdict); 4] = [
        ("There is no answer: the rows do not identify one.", Verdict::NotIdentified),
        ("There is no forecast by several laws, for the reason given in its place.", Verdict::NotForecast),
        ("There is no answer, for the reason given in its place.", Verdict::NoAnswer),
        ("The answer lies far outside the rows, where the law was not tested.", Verdict::Far),
    ];
    for (text, verdict) in kinds {
        for (name, query) in &results.queries {
            let answers = answers_where(name, query, |row| row.reach.verdict == verdict);
            if !answers.is_empty() {
                found.add(Part::of(format!("query {name}")), text, NoteSeverity::Serious, &answers);
            }
        }
    }
    for (fit, sensitivity) in &results.sensitivity {
        let moved = sensitivity.answers.iter().filter(|answer| answer.moved.is_some_and(|moved| moved > 1.0));
        let of = |answer: &VariedAnswer| {
            let query = results.queries.get(&answer.query)?;
            let is_same = |row: &AnswerRow| row.inputs == answer.inputs && row.group == answer.group;
            Some(answers_where(&answer.query, query, is_same))
        };
        let answers: Affected = moved.filter_map(of).flatten().collect();
        if !answers.is_empty() {
            let text = "Fits under other choices give answers outside the interval.";
            found.add(Part::of(format!("sensitivity {fit}")), text, NoteSeverity::Serious, &answers);
        }
    }
}

/// A text without the names between backticks; a list of names counts as one.
fn without_names(text: &str) -> String {
    let text: String = text.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "`" }).collect();
    text.replace("`, `", "`").replace("` and `", "`")
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
                found.add(Part::of((*of).to_owned()), &text, NoteSeverity::Serious, &Affected::new());
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
    fn a_note_of_many_parts_affects_every_answer_of_them_once() {
        let mut found = Found::default();
        for (group, rows) in [(1, 0..2), (2, 1..3), (3, 3..4), (4, 4..9), (5, 9..9)] {
            let answers = rows.map(|row| ("next".to_owned(), row)).collect();
            let text = format!("It covers {group} % of the rows.");
            found.add(Part::of(format!("fit {group}")), &text, NoteSeverity::Serious, &answers);
        }
        let told = found.told();
        assert_eq!((told.len(), told[0].answers, told[0].of.len()), (1, 9, 5), "{told:?}");
    }

    #[test]
    fn what_groups_of_a_query_say_with_other_names_is_one_note() {
        let mut found = Found::default();
        for (row, group, names) in [(0, "code", "`web`"), (1, "math", "`code`"), (2, "web", "`code` and `math`")] {
            let part = Part { name: "query best".to_owned(), group: Some(group.to_owned()) };
            let answers = Affected::from([("best".to_owned(), row)]);
            let text = opened(&format!("the share is zero for {names}."));
            found.add(part, &text, NoteSeverity::Caution, &answers);
        }
        let told = found.told();
        assert_eq!((told.len(), told[0].answers), (1, 3), "{told:?}");
        let text = "The share is zero for `web`. The details are those of group code; others differ.";
        assert_eq!((told[0].text.as_str(), told[0].parts().as_str()), (text, "query best"));
    }

    #[test]
    fn places_that_a_warning_names_are_found_in_it() {
        assert_eq!(
            places_in("At N = 1e9, D = 2e10; N = 3e9, D = 2e10: it is flat."),
            Some("N = 1e9, D = 2e10; N = 3e9, D = 2e10")
        );
        assert_eq!(places_in("The answer at C = 1e21 lies on these limits: N <= 1e9."), Some("C = 1e21"));
        assert_eq!(places_in("The answer lies on these limits: N <= 1e9."), None);
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
