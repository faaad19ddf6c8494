//! Finds the variables of sources that a study uses, so that missing values in unused columns do not drop rows.

use std::collections::BTreeSet;

use super::laws;
use crate::spec::{Node, Spec};

/// All words of a spec outside its sources, and those of the catalogue laws that it names.
///
/// A variable that is not among them is unused. A variable that is among them may be used.
pub(super) fn words(tree: &Node, spec: &Spec) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (path, text) in tree.leaves() {
        if ["sources.", "study.", "report.", "queries.", "designs.", "expect"]
            .iter()
            .any(|table| path.starts_with(table))
        {
            continue;
        }
        words.extend(of_text(&path).chain(of_text(&text)));
    }
    let conventions = spec
        .costs
        .values()
        .filter_map(|cost| crate::law::CONVENTIONS.iter().find(|known| Some(known.name) == cost.convention.as_deref()));
    words.extend(conventions.flat_map(|known| known.variables.iter().map(|(name, _)| (*name).to_owned())));
    let entries = spec.laws.values().filter_map(|law| law.entry.clone());
    let named: Vec<String> = entries.chain(words.iter().cloned()).collect();
    for law in named.iter().filter_map(|name| laws::from_name(name)) {
        words.extend(law.variables.iter().map(|variable| variable.name.clone()));
        words.insert(law.response);
    }
    words
}

/// The words in an expression or a path.
pub(super) fn of_text(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).map(str::to_owned)
}
