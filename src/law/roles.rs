//! Which variables of a study are model size, data and compute: by their units, and by letters only where they have none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Variable;
use crate::unit::{Dimension, Unit};

/// The dimensions of the letters that the literature uses, for variables without a unit.
pub const CONVENTIONAL: [(&str, Dimension); 3] =
    [("N", Dimension::Parameters), ("D", Dimension::Tokens), ("C", Dimension::Flop)];
/// The name of compute where a study has no column of it and `C` means something else.
const COMPUTE: &str = "FLOP";

/// The variables that are model size, data and compute, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Model size; none where several variables measure parameters.
    pub size: Option<String>,
    /// Data seen in training; none where several variables measure tokens.
    pub data: Option<String>,
    /// Training compute: the name that a budget has, also where the law does not take it.
    pub compute: String,
    /// Unique tokens, of a law of repeated data.
    pub unique: Option<String>,
}

impl Default for Roles {
    fn default() -> Self {
        let [size, data, compute] = CONVENTIONAL.map(|(name, _)| name.to_owned());
        Self { size: Some(size), data: Some(data), compute, unique: Some("U".to_owned()) }
    }
}

/// The dimension of a variable: that of its unit, or without a unit that of its letter.
pub fn dimension(name: &str, unit: Option<Unit>) -> Option<Dimension> {
    let by_letter = || CONVENTIONAL.iter().find(|(letter, _)| *letter == name).map(|(_, dimension)| *dimension);
    unit.map(|unit| unit.dimension).or_else(by_letter)
}

impl Roles {
    /// The roles of a law's variables in a study with these columns and their units; `self` has the roles that the law has by
    /// itself.
    #[must_use]
    pub fn among(&self, variables: &[Variable], columns: &BTreeMap<String, Option<Unit>>) -> Self {
        let of = |wanted: Dimension| -> Vec<&str> {
            let is = |v: &&Variable| dimension(&v.name, v.unit) == Some(wanted);
            variables.iter().filter(is).map(|v| v.name.as_str()).collect()
        };
        let is_variable = |name: &str| variables.iter().any(|v| v.name == name);
        // Of one variable with the dimension, that one; of several, the law's own; of none, the law's own name if it is free.
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
        }
    }

    /// Whether the variables are called as in the literature.
    pub fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The same with other names for the variables.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        Self {
            size: self.size.as_deref().map(&name),
            data: self.data.as_deref().map(&name),
            compute: name(&self.compute),
            unique: self.unique.as_deref().map(&name),
        }
    }

    /// What a variable, or an output that is called after one such as `equal_C`, measures where it has a role.
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

    /// The name of an output: the roles of `{size}`, `{data}` and `{compute}` by their names in the study.
    pub fn named(&self, output: &str) -> String {
        if !output.contains('{') {
            return output.to_owned();
        }
        let [size, data] = [&self.size, &self.data].map(|name| name.as_deref().unwrap_or_default());
        output.replace("{size}", size).replace("{data}", data).replace("{compute}", &self.compute)
    }

    /// The variables that a split of a budget decides itself: model size, data and compute.
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
    fn roles_follow_from_units_whatever_variables_are_called() {
        let found = roles(&[("params", "parameters"), ("tokens", "tokens")], &[("flops", "FLOP")]);
        assert_eq!(found.sizes(), Some(["params", "tokens"]));
        assert_eq!([found.compute.as_str(), &found.named("equal_{compute}")], ["flops", "equal_flops"]);
        assert_eq!(found.dimension("best_params"), Some(Dimension::Parameters));
        // Without units the letters have those of the literature.
        assert_eq!(roles(&[("N", ""), ("D", "")], &[("C", "")]), Roles::default());
    }

    #[test]
    fn a_letter_with_another_unit_has_no_role() {
        let found = roles(&[("N", "1"), ("D", "parameters")], &[("C", "1")]);
        assert_eq!([found.size.as_deref(), found.data.as_deref()], [Some("D"), None]);
        assert_eq!(found.compute, "FLOP");
    }

    #[test]
    fn of_several_sizes_none_is_taken_unless_one_has_the_letter() {
        let two = [("active", "parameters"), ("total", "parameters"), ("D", "tokens")];
        assert_eq!(roles(&two, &[]).size, None);
        let lettered = [("N", "parameters"), ("total", "parameters"), ("D", "tokens")];
        assert_eq!(roles(&lettered, &[]).size.as_deref(), Some("N"));
    }
}
