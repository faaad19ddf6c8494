//! The published laws, one file each, and the list of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Law, ParameterText, Variable};
use crate::quantity::Quantity;
use crate::unit::{Counts, Unit};

/// The list: a law's name and its file.
const FILES: &[(&str, &str)] = &[
    ("additive_nd", include_str!("additive_nd.toml")),
    ("additive_ndc", include_str!("additive_ndc.toml")),
    ("hoffmann", include_str!("hoffmann.toml")),
    ("kaplan_c", include_str!("kaplan_c.toml")),
    ("kaplan_d", include_str!("kaplan_d.toml")),
    ("kaplan_n", include_str!("kaplan_n.toml")),
    ("kaplan_nd", include_str!("kaplan_nd.toml")),
    ("power", include_str!("power.toml")),
    ("power_floor", include_str!("power_floor.toml")),
];

/// A catalogue file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name by which a spec uses it.
    pub name: String,
    /// Other names by which it is known.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line on what it describes.
    pub title: String,
    /// Formula, with its response.
    pub formula: String,
    /// Where it holds and where it does not, in plain words.
    pub caution: String,
    /// Where it was published.
    pub references: Vec<String>,
    /// The variables by name.
    pub variables: BTreeMap<String, VariableText>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, ParameterText>,
    /// Published values of the parameters by the name of their source.
    #[serde(default)]
    pub constants: BTreeMap<String, Constants>,
    /// Values that a correct implementation gives.
    #[serde(default)]
    pub checks: Vec<Check>,
}

/// What a catalogue file says of a variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableText {
    /// What it means.
    pub meaning: String,
    /// Its unit; none where any will do.
    pub unit: Option<Unit>,
    /// Which parameters it counts, where it is a model size.
    pub counts: Option<Counts>,
}

/// A published set of parameter values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// Where the values were published.
    pub reference: String,
    /// The values by parameter.
    pub values: BTreeMap<String, Quantity>,
}

/// A value that a correct implementation gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which constants.
    pub constants: String,
    /// The variables' values.
    pub at: BTreeMap<String, Quantity>,
    /// The response, as printed: as many digits as are known.
    pub gives: String,
    /// Where the value was printed, or how it was derived.
    pub source: String,
}

/// The names of all laws, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The entry of one law, by its name or an alias.
pub fn find(name: &str) -> Option<Entry> {
    let by_name = FILES.iter().find(|(known, _)| *known == name);
    match by_name {
        Some((_, text)) => toml::from_str(text).ok(),
        None => catalogue().into_iter().find(|entry| entry.aliases.iter().any(|alias| alias == name)),
    }
}

/// Every entry, in order of name.
pub fn catalogue() -> Vec<Entry> {
    FILES.iter().filter_map(|(_, text)| toml::from_str(text).ok()).collect()
}

impl Entry {
    /// The law, all parameters free.
    ///
    /// # Errors
    /// None for a file of the catalogue; a test reads them all.
    pub fn law(&self) -> Result<Law, Vec<super::LawError>> {
        let variables: Vec<Variable> = self
            .variables
            .iter()
            .map(|(name, text)| Variable {
                name: name.clone(),
                unit: text.unit,
                meaning: Some(text.meaning.clone()),
                counts: text.counts,
            })
            .collect();
        let mut law = Law::from_formula(&self.name, &self.formula, &variables)
            .map_err(|error| vec![error])?
            .with_parameters(&self.parameters)?;
        law.caution = Some(self.caution.clone());
        Ok(law)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_reads_and_bears_its_own_name() {
        for (name, text) in FILES {
            let entry: Entry = toml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(entry.name, *name);
            entry.law().unwrap_or_else(|e| panic!("{name}: {e:?}"));
        }
    }

    #[test]
    fn names_and_aliases_are_unique_and_in_order() {
        assert!(names().is_sorted());
        let mut all: Vec<String> = catalogue().into_iter().flat_map(|e| [vec![e.name], e.aliases].concat()).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
