//! The variables of a study that are model size, data and compute. Units decide; letters decide only for variables
//! without a unit.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Law, Variable};
use crate::unit::{Dimension, Unit};

/// Dimensions of the literature's letters, for variables without a unit.
pub const CONVENTIONAL: [(&str, Dimension); 3] =
    [("N", Dimension::Parameters), ("D", Dimension::Tokens), ("C", Dimension::Flop)];
/// Name of compute in a study that has no such column and uses `C` for something else.
const COMPUTE: &str = "FLOP";

/// The names of the variables that are model size, data and compute, and of those that are shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Model size; `None` where several variables are numbers of parameters.
    pub size: Option<String>,
    /// Training data; `None` where several variables are numbers of tokens.
    pub data: Option<String>,
    /// Training compute: the name of a budget, even where the law has no such variable.
    pub compute: String,
    /// Unique tokens, in a law of repeated data.
    pub unique: Option<String>,
    /// Variables that are shares, from 0 to 1.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shares: BTreeSet<String>,
}

impl Default for Roles {
    fn default() -> Self {
        let [size, data, compute] = CONVENTIONAL.map(|(name, _)| name.to_owned());
        Self { size: Some(size), data: Some(data), compute, unique: Some("U".to_owned()), shares: BTreeSet::new() }
    }
}

impl Law {
    /// Whether a variable counts parameters, data or compute. A count is positive, and counts are compared by factors.
    pub fn is_count(&self, name: &str) -> bool {
        let by_unit = self.variables.iter().find(|v| v.name == name).and_then(|v| dimension(name, v.unit));
        let counts = |dimension| matches!(dimension, Dimension::Parameters | Dimension::Tokens | Dimension::Flop);
        self.roles.decided().contains(&name) || by_unit.is_some_and(counts)
    }
}

/// The dimension of a variable: that of its unit, or that of its letter where it has no unit.
pub fn dimension(name: &str, unit: Option<Unit>) -> Option<Dimension> {
    let by_letter = || CONVENTIONAL.iter().find(|(letter, _)| *letter == name).map(|(_, dimension)| *dimension);
    unit.map(|unit| unit.dimension).or_else(by_letter)
}

impl Roles {
    /// The roles of a law's variables in a study with these columns and units. `self` holds the law's own roles.
    #[must_use]
    pub fn among(&self, variables: &[Variable], columns: &BTreeMap<String, Option<Unit>>) -> Self {
        let of = |wanted: Dimension| -> Vec<&str> {
            let is = |v: &&Variable| dimension(&v.name, v.unit) == Some(wanted);
            variables.iter().filter(is).map(|v| v.name.as_str()).collect()
        };
        let is_variable = |name: &str| variables.iter().any(|v| v.name == name);
        // One variable of the dimension has the role. Among several, the law's own has it; without any, the law's own
        // name if unused.
        let role = |wanted: Dimension, known: Option<&String>| match of(wanted).as_slice() {
            [one] => Some((*one).to_owned()),
            several if known.is_some_and(|known| several.contains(&known.as_str())) => known.cloned(),
            [] => known.filter(|known| !is_variable(known)).cloned(),
            _ => None,
        };
        let of_study: Vec<&str> = columns
            .iter()
            .filter(|(name, unit)| dimension(name, **unit) == Some(Dimension::Flop))
            .map(|(name, _)| name.as_str())
            .collect();
        let known = self.compute.as_str();
        let means_else = is_variable(known)
            || columns.get(known).is_some_and(|unit| dimension(known, *unit) != Some(Dimension::Flop));
        let compute = match (of(Dimension::Flop).as_slice(), of_study.as_slice()) {
            ([one], _) | ([], [one]) => (*one).to_owned(),
            (several, all) if several.contains(&known) || all.contains(&known) || !means_else => known.to_owned(),
            _ => COMPUTE.to_owned(),
        };
        Self {
            size: role(Dimension::Parameters, self.size.as_ref()),
            data: role(Dimension::Tokens, self.data.as_ref()),
            compute,
            unique: self.unique.clone(),
            shares: of(Dimension::Share).into_iter().map(str::to_owned).collect(),
        }
    }

    /// Whether the variables have the names of the literature.
    pub fn are_usual(&self) -> bool {
        Self { shares: BTreeSet::new(), ..self.clone() } == Self::default()
    }

    /// The same roles with other names for the variables.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        Self {
            size: self.size.as_deref().map(&name),
            data: self.data.as_deref().map(&name),
            compute: name(&self.compute),
            unique: self.unique.as_deref().map(&name),
            shares: self.shares.iter().map(|share| name(share)).collect(),
        }
    }

    /// The dimension of a variable with a role, or of an output named after one, such as `equal_C`.
    pub fn dimension(&self, name: &str) -> Option<Dimension> {
        let is = |role: &str| name == role || name.strip_suffix(role).is_some_and(|rest| rest.ends_with('_'));
        if is(&self.compute) {
            Some(Dimension::Flop)
        } else if self.size.as_deref().is_some_and(is) {
            Some(Dimension::Parameters)
        } else {
            self.data.as_deref().is_some_and(is).then_some(Dimension::Tokens)
        }
    }

    /// The name of an output with `{size}`, `{data}` and `{compute}` replaced by the study's names.
    pub fn named(&self, output: &str) -> String {
        if !output.contains('{') {
            return output.to_owned();
        }
        let [size, data] = [&self.size, &self.data].map(|name| name.as_deref().unwrap_or_default());
        output.replace("{size}", size).replace("{data}", data).replace("{compute}", &self.compute)
    }

    /// The variables whose values follow from a split of a budget: model size, data and compute.
    pub fn decided(&self) -> [&str; 3] {
        let [size, data] = [&self.size, &self.data].map(|name| name.as_deref().unwrap_or_default());
        [size, data, &self.compute]
    }

    /// The names of model size and data, where both are known.
    pub fn sizes(&self) -> Option<[&str; 2]> {
        Some([self.size.as_deref()?, self.data.as_deref()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(named: &[(&str, &str)]) -> Vec<Variable> {
        let of = |(name, unit): &(&str, &str)| Variable {
            name: (*name).to_owned(),
            unit: Unit::parse(unit),
            meaning: None,
            counts: None,
        };
        named.iter().map(of).collect()
    }

    fn roles(of_law: &[(&str, &str)], of_study: &[(&str, &str)]) -> Roles {
        let columns = of_study.iter().map(|(name, unit)| ((*name).to_owned(), Unit::parse(unit))).collect();
        Roles::default().among(&variables(of_law), &columns)
    }

    #[test]
    fn roles_follow_from_units_under_any_names() {
        let found = roles(&[("params", "parameters"), ("tokens", "tokens")], &[("flops", "FLOP")]);
        assert_eq!(found.sizes(), Some(["params", "tokens"]));
        assert_eq!([found.compute.as_str(), &found.named("equal_{compute}")], ["flops", "equal_flops"]);
        assert_eq!(found.dimension("best_params"), Some(Dimension::Parameters));
        // Without units, letters have the meaning of the literature.
        assert_eq!(roles(&[("N", ""), ("D", "")], &[("C", "")]), Roles::default());
    }

    #[test]
    fn a_letter_with_another_unit_has_no_role() {
        let found = roles(&[("N", "1"), ("D", "parameters")], &[("C", "1")]);
        assert_eq!([found.size.as_deref(), found.data.as_deref()], [Some("D"), None]);
        assert_eq!(found.compute, "FLOP");
    }

    #[test]
    fn several_sizes_have_no_role_unless_one_has_the_letter() {
        let two = [("active", "parameters"), ("total", "parameters"), ("D", "tokens")];
        assert_eq!(roles(&two, &[]).size, None);
        let lettered = [("N", "parameters"), ("total", "parameters"), ("D", "tokens")];
        assert_eq!(roles(&lettered, &[]).size.as_deref(), Some("N"));
    }
}
