//! The published laws, one file each, and the list of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::mixture::{Domains, Vector, for_members, parameters_over};
use super::{Holds, Law, LawError, Parameter, ParameterText, Variable};
use crate::expr::indices;
use crate::quantity::Quantity;
use crate::unit::{Counts, Dimension, Unit};

/// The list: a law's name and its file.
const FILES: &[(&str, &str)] = &[
    ("additive_nd", include_str!("additive_nd.toml")),
    ("additive_ndc", include_str!("additive_ndc.toml")),
    ("bnsl", include_str!("bnsl.toml")),
    ("bnsl_2", include_str!("bnsl_2.toml")),
    ("bnsl_3", include_str!("bnsl_3.toml")),
    ("bounded", include_str!("bounded.toml")),
    ("clark", include_str!("clark.toml")),
    ("context_length", include_str!("context_length.toml")),
    ("coverage", include_str!("coverage.toml")),
    ("deepseek_batch", include_str!("deepseek_batch.toml")),
    ("deepseek_lr", include_str!("deepseek_lr.toml")),
    ("distillation", include_str!("distillation.toml")),
    ("expert_sparsity", include_str!("expert_sparsity.toml")),
    ("farseer", include_str!("farseer.toml")),
    ("fine_tuning_joint", include_str!("fine_tuning_joint.toml")),
    ("gadre", include_str!("gadre.toml")),
    ("gadre_error", include_str!("gadre_error.toml")),
    ("generalised", include_str!("generalised.toml")),
    ("hoffmann", include_str!("hoffmann.toml")),
    ("kaplan_c", include_str!("kaplan_c.toml")),
    ("kaplan_d", include_str!("kaplan_d.toml")),
    ("kaplan_n", include_str!("kaplan_n.toml")),
    ("kaplan_nd", include_str!("kaplan_nd.toml")),
    ("kaplan_nd_floor", include_str!("kaplan_nd_floor.toml")),
    ("krajewski", include_str!("krajewski.toml")),
    ("looped", include_str!("looped.toml")),
    ("lr_annealing", include_str!("lr_annealing.toml")),
    ("m3", include_str!("m3.toml")),
    ("m4", include_str!("m4.toml")),
    ("mixed_modal", include_str!("mixed_modal.toml")),
    ("mixture_exponential", include_str!("mixture_exponential.toml")),
    ("moe_joint", include_str!("moe_joint.toml")),
    ("muennighoff", include_str!("muennighoff.toml")),
    ("multi_power", include_str!("multi_power.toml")),
    ("olmo_sigmoid", include_str!("olmo_sigmoid.toml")),
    ("optimizer", include_str!("optimizer.toml")),
    ("parallel", include_str!("parallel.toml")),
    ("pass_rate", include_str!("pass_rate.toml")),
    ("power", include_str!("power.toml")),
    ("power_floor", include_str!("power_floor.toml")),
    ("precision", include_str!("precision.toml")),
    ("precision_post", include_str!("precision_post.toml")),
    ("rectified", include_str!("rectified.toml")),
    ("reward_best_of_n", include_str!("reward_best_of_n.toml")),
    ("reward_rl", include_str!("reward_rl.toml")),
    ("scale_rl", include_str!("scale_rl.toml")),
    ("sparse_autoencoder", include_str!("sparse_autoencoder.toml")),
    ("sparse_dense", include_str!("sparse_dense.toml")),
    ("sparse_moe", include_str!("sparse_moe.toml")),
    ("step_law_batch", include_str!("step_law_batch.toml")),
    ("step_law_lr", include_str!("step_law_lr.toml")),
    ("transfer", include_str!("transfer.toml")),
    ("vocabulary", include_str!("vocabulary.toml")),
    ("vocabulary_size", include_str!("vocabulary_size.toml")),
    ("zhai", include_str!("zhai.toml")),
];

/// A catalogue file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name in a spec.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line on what the law describes.
    pub title: String,
    /// Formula with its response.
    pub formula: String,
    /// Conditions under which the law holds or fails, for readers.
    pub caution: String,
    /// Conditions under which the law holds, for checks.
    #[serde(default)]
    pub holds: Holds,
    /// Where it was published.
    pub references: Vec<String>,
    /// The variables by name.
    pub variables: BTreeMap<String, VariableText>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, ParameterText>,
    /// Typical values for simulated runs. At typical values of the variables, every term is visible.
    #[serde(default)]
    pub typical: BTreeMap<String, Quantity>,
    /// Domains for examples, of a law of mixtures; a study has domains of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Published values of the parameters, by the name of their source.
    #[serde(default)]
    pub constants: BTreeMap<String, Constants>,
    /// Values that a correct implementation reproduces.
    #[serde(default)]
    pub checks: Vec<Check>,
}

/// A variable in a catalogue file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableText {
    /// Meaning.
    pub meaning: String,
    /// Unit; `None` where any unit is possible.
    pub unit: Option<Unit>,
    /// Which parameters a model size counts.
    pub counts: Option<Counts>,
    /// A typical value, where the unit does not suggest one.
    pub example: Option<Quantity>,
}

impl VariableText {
    /// A typical value: from the file, or from the unit.
    pub fn example(&self) -> f64 {
        let usual = match self.unit.map(|unit| unit.dimension) {
            Some(Dimension::Parameters) => 1e9,
            Some(Dimension::Tokens) => 2e10,
            Some(Dimension::Flop) => 1.2e20,
            _ => 3.0,
        };
        self.example.map_or(usual, |example| example.0)
    }
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

/// A value that a correct implementation reproduces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The schedule, for a law that takes one.
    #[serde(default)]
    pub schedule: Option<crate::schedule::Planned>,
    /// Name of the constants to use.
    pub constants: String,
    /// Values of the variables, apart from those that the schedule gives.
    #[serde(default)]
    pub at: BTreeMap<String, Quantity>,
    /// The response as printed, with all known digits.
    pub gives: String,
    /// Where the value was printed, or how it was derived.
    pub source: String,
}

impl Check {
    /// The value of every variable.
    pub fn inputs(&self) -> BTreeMap<String, f64> {
        let mut inputs = self.schedule.as_ref().map(crate::schedule::Planned::inputs).unwrap_or_default();
        inputs.extend(self.at.iter().map(|(name, value)| (name.clone(), value.0)));
        inputs
    }
}

/// The names of all laws, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Every entry, parsed once.
static ENTRIES: LazyLock<Vec<Entry>> =
    LazyLock::new(|| FILES.iter().filter_map(|(_, text)| toml::from_str(text).ok()).collect());

/// The entry of a law, by its name or an alias.
pub fn find(name: &str) -> Option<&'static Entry> {
    catalogue().iter().find(|entry| entry.name == name || entry.aliases.iter().any(|alias| alias == name))
}

/// Every entry, in order of name.
pub fn catalogue() -> &'static [Entry] {
    &ENTRIES
}

impl Entry {
    /// A typical value of a variable of the law.
    pub fn example(&self, variable: &Variable) -> f64 {
        let of_knot = || match crate::schedule::of_knot(&variable.name) {
            Some("drop") => 2e-5,
            Some("rate") => 2e-4,
            _ => 1.0,
        };
        let domains = Domains { every: self.domains.clone(), ..Domains::default() };
        let described = self.over(&domains).map(|entry| entry.variables).unwrap_or_default();
        described.get(&variable.name).map_or_else(of_knot, VariableText::example)
    }

    /// Values of the free parameters for simulated runs: typical ones, else published ones, else values between the
    /// listed starts.
    pub fn simulated(&self, law: &Law) -> Vec<f64> {
        let published = self.constants.values().next().map(|constants| &constants.values);
        let known = Some(&self.typical).filter(|typical| !typical.is_empty()).or(published);
        let value = |p: &Parameter| known.and_then(|known| known.get(&p.name)).map(|value| value.0);
        law.free().into_iter().map(|p| value(p).unwrap_or_else(|| p.start[p.start.len() / 2] * 1.07)).collect()
    }

    /// The law with all parameters free. A law of mixtures has the domains of its examples.
    ///
    /// # Errors
    /// None for a file of the catalogue; a test checks all of them.
    pub fn law(&self) -> Result<Law, Vec<LawError>> {
        self.law_over(&Domains { every: self.domains.clone(), ..Domains::default() })
    }

    /// The law of mixtures of some domains, with all parameters free.
    ///
    /// # Errors
    /// The domains are not those of a mixture, or the law is of none.
    pub fn law_over(&self, domains: &Domains) -> Result<Law, Vec<LawError>> {
        let entry = self.over(domains)?;
        let variables: Vec<Variable> = entry
            .variables
            .iter()
            .map(|(name, text)| Variable {
                name: name.clone(),
                unit: text.unit,
                meaning: Some(text.meaning.clone()),
                counts: text.counts,
            })
            .collect();
        let (law, _) =
            Law::over_domains(&self.name, &self.formula, &variables, domains).map_err(|error| vec![error])?;
        let mut law = law.with_parameters(&entry.parameters)?;
        law.caution = Some(self.caution.clone());
        law.holds = self.holds.clone();
        Ok(law)
    }

    /// The entry with its variables and parameters written out for domains; itself where it has none.
    pub(super) fn over(&self, domains: &Domains) -> Result<Self, Vec<LawError>> {
        if self.domains.is_empty() {
            return Ok(self.clone());
        }
        let vectors = self.vectors_over(domains)?;
        let variables = for_members(&self.variables, &vectors, |text, member, _| VariableText {
            meaning: format!("{} ({})", text.meaning, member.domain),
            ..text.clone()
        });
        Ok(Self { variables, parameters: parameters_over(&self.parameters, &vectors), ..self.clone() })
    }

    /// The names with indices in the formula, written out for domains.
    ///
    /// # Errors
    /// The domains are not those of a mixture.
    pub fn vectors_over(&self, domains: &Domains) -> Result<Vec<Vector>, Vec<LawError>> {
        let bases = self.vectors_of_variables().map(Variable::plain);
        let known: Vec<Variable> = bases.chain(self.variables.keys().map(|name| Variable::plain(name))).collect();
        let written = Law::over_domains(&self.name, &self.formula, &known, domains);
        written.map(|(_, vectors)| vectors).map_err(|error| vec![error])
    }

    /// The names with indices in the formula, as the variables that they are in a study: `r`.
    pub fn vectors_of_variables(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().filter_map(|name| indices(name)).map(|(base, _)| base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses_and_has_its_own_name() {
        for (name, text) in FILES {
            let entry: Entry = toml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(entry.name, *name);
            entry.law().unwrap_or_else(|e| panic!("{name}: {e:?}"));
        }
    }

    #[test]
    fn typical_values_name_every_free_parameter_within_its_bounds() {
        for entry in catalogue().iter().filter(|entry| !entry.typical.is_empty()) {
            let law = entry.law().unwrap();
            let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
            assert!(entry.typical.keys().all(|name| free.contains(&name.as_str())), "{}", entry.name);
            for p in law.free() {
                let value = entry.typical.get(&p.name).unwrap_or_else(|| panic!("{}: {}", entry.name, p.name)).0;
                assert!(p.lower <= value && value <= p.upper, "{}: {} = {value}", entry.name, p.name);
            }
        }
    }

    #[test]
    fn names_and_aliases_are_unique_and_in_order() {
        assert!(names().is_sorted());
        let mut all: Vec<String> =
            catalogue().iter().flat_map(|e| [vec![e.name.clone()], e.aliases.clone()].concat()).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
