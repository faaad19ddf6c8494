//! What a reader should know before he quotes a study, each fact once.

use std::collections::BTreeMap;

use super::results::{Note, Results};

impl Note {
    /// The parts in words: `fit main`, or `query budget and 7 others`.
    pub fn parts(&self) -> String {
        match self.of.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [one, other] => format!("{one}, {other}"),
            [one, others @ ..] => format!("{one} and {} others", others.len()),
        }
    }

    /// The fact, and how often it is warned of where that is more than once for each part.
    pub fn sentence(&self) -> String {
        let again = self.count - 1;
        match again {
            0 => self.text.clone(),
            1 => format!("{} (and once more)", self.text),
            _ => format!("{} (and {again} times more)", self.text),
        }
    }
}

/// Every fact of the results, in the order of fits, queries and sources.
pub(super) fn notes(results: &Results) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |of: String, text: &str| {
        let next = notes.len();
        let place = *seen.entry(fact(text)).or_insert(next);
        if place == next {
            notes.push(Note { text: text.to_owned(), of: Vec::new(), count: 0 });
        }
        notes[place].count += 1;
        if notes[place].of.last() != Some(&of) {
            notes[place].of.push(of);
        }
    };
    for (name, _, fit) in results.shown_fits() {
        fit.evidence.warnings.iter().for_each(|text| add(format!("fit {name}"), text));
    }
    for (name, query) in &results.queries {
        let groups = results.fits.get(&query.fit).into_iter().flat_map(|fit| fit.groups.keys());
        let groups: Vec<String> = groups.map(|group| format!("{group}: ")).collect();
        for text in &query.warnings {
            let of_group = groups.iter().find_map(|group| text.strip_prefix(group.as_str()));
            add(format!("query {name}"), of_group.unwrap_or(text));
        }
    }
    for (name, source) in &results.sources {
        source.warnings.iter().for_each(|text| add(format!("source {name}"), text));
    }
    notes
}

/// What two texts have in common that say the same of different parts: all before a colon, numbers apart.
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
    fn texts_that_differ_in_numbers_and_particulars_are_one_fact() {
        let same = |one: &str, other: &str| fact(one) == fact(other);
        assert!(same("34 of 217 rows lie outside: D = 8.7e8.", "35 of 240 rows lie outside: N = 1.5e7."));
        assert!(same("The floor is 1.25 % off.", "The floor is 10 % off."));
        assert!(!same("A and alpha trade off.", "B and beta trade off."));
    }

    #[test]
    fn a_note_names_its_parts_and_how_often_it_is_said() {
        let note = |of: &[&str], count| Note {
            text: "Mind.".to_owned(),
            of: of.iter().map(|of| (*of).to_owned()).collect(),
            count,
        };
        assert_eq!(
            (note(&["fit a"], 1).parts(), note(&["fit a"], 1).sentence()),
            ("fit a".to_owned(), "Mind.".to_owned())
        );
        assert_eq!(note(&["fit a", "query b", "query c"], 7).parts(), "fit a and 2 others");
        assert_eq!(note(&["fit a", "query b", "query c"], 7).sentence(), "Mind. (and 6 times more)");
    }
}
