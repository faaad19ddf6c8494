//! Compares two fits: the compute for an equal response, and the budget where they cross.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::allocation::{best_at, budget_for, check_budget, moves, spend};
use super::keyed::keyed;
use super::reaching::Path;
use super::{Fault, Finding, Kind, Model, Moves, Phrase, Refusal, Second, check_names, named, rows_of};
use crate::law::{Law, Roles};
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// Compares this fit with another one at budgets: `{ with = "other", C = 1e22 }`. Fits in groups are compared group
/// by group, or all with one group: `{ with = "optimizers", group = "adamw", C = 1e22 }`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Compare {
    /// The other fit.
    pub with: String,
    /// The group of the other fit, if that fit is in groups. Without this key, each group is compared with the group
    /// of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Budgets in FLOP, under the name of compute; split optimally where a law has model size and data.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// Values of the laws' other variables.
    #[schemars(default)]
    pub hold: BTreeMap<String, Quantity>,
}

keyed!(Compare, "{ with = \"other\", C = 1e22 }", {
    "with" => with or return Err(serde::de::Error::missing_field("with")),
    "group" => group or None,
    "hold" => hold or BTreeMap::new(),
});

/// Largest distance of a crossing from the budget, as a factor. The fits say nothing of one farther away.
const REACH: f64 = 1e3;
/// Largest relative difference between equal responses.
const EQUAL: f64 = 1e-9;

impl Kind for Compare {
    fn outputs(&self) -> Vec<&str> {
        vec!["loss", "other_loss", "multiplier", "crossover_{compute}"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        // The two laws can have other variables, each with a value here.
        let own = self.hold.iter().filter(|(name, _)| law.variable(name).is_some());
        let own = own.map(|(name, value)| (name.clone(), *value)).collect();
        check_budget(law, &self.values, Self::KEYS, &own, &mut faults);
        super::finish(faults)
    }

    fn check_both(&self, own: &Law, other: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let variables: Vec<&str> = own.variables.iter().chain(&other.variables).map(|v| v.name.as_str()).collect();
        check_names(self.hold.keys(), &variables, own, &mut faults);
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.values)
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn phrase(&self) -> Phrase {
        Phrase::Comparison
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("the limits could differ between the two fits; ask about each fit in a query of its own")
    }

    /// The multiplier is the compute that the other fit needs for the same response, divided by this budget. It is
    /// above 1 where this fit uses its compute better.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let Some(other) = model.other else {
            return Err(Refusal::Undefined(format!("the fit `{}` has no group of this name", self.with)));
        };
        let held = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let c = inputs[&model.ready.law.roles.compute];
        let own = spend(model, c, &held)?;
        let there = spend(other, c, &held)?;
        let mut outputs = named([("loss", own.response), ("other_loss", there.response)]);
        if let Ok(equal) = budget_for(other, own.response, &held) {
            outputs.insert("multiplier".into(), equal / c);
        }
        if let Some(log) = crossing(model, other, &held, ln(c)) {
            outputs.insert("crossover_{compute}".into(), exp(log));
        }
        Ok(Finding { outputs, at: own.at })
    }

    fn other(&self) -> Option<Second<'_>> {
        Some(Second { fit: &self.with, group: self.group.as_deref() })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}

/// The logarithm of the crossing nearest to a budget, within reach of it: there, the best responses of two laws are equal
/// and change order.
fn crossing(one: &Model<'_>, other: &Model<'_>, held: &BTreeMap<String, f64>, near: f64) -> Option<f64> {
    let paths = [one, other]
        .map(|model| Path::of(model, 0.0, &model.ordered(held, &model.ready.law.roles.decided())?)?.responses(model));
    let [Ok(own), Ok(others)] = paths else { return None };
    let others: BTreeMap<u64, f64> = others.into_iter().map(|(log, response)| (log.to_bits(), response)).collect();
    let is_within = |log: f64| (log - near).abs() <= ln(REACH);
    let apart: Vec<(f64, f64)> = own
        .into_iter()
        .filter(|(log, _)| is_within(*log))
        .filter_map(|(log, response)| Some((log, response - others.get(&log.to_bits())?)))
        .collect();
    let changes = apart.windows(2).filter(|pair| pair[0].1 * pair[1].1 < 0.0);
    let nearest = changes.min_by(|a, b| (a[0].0 - near).abs().total_cmp(&(b[0].0 - near).abs()));
    let Some([(low, before), (high, after)]) = nearest else { return None };
    let turn = if *before < 0.0 { 1.0 } else { -1.0 };
    let difference = |log: f64| match (best_at(one, log, held), best_at(other, log, held)) {
        (Ok(own), Ok(there)) => (turn * (own.response - there.response), turn * (own.slope - there.slope)),
        _ => (f64::NAN, f64::NAN),
    };
    let start = low + (high - low) * before / (before - after);
    let found = root(difference, *low, *high, start).ok();
    // Responses along a path are only nearly the best ones, so a change of sign must be confirmed.
    found.filter(|log| difference(*log).0.abs() <= EQUAL * before.abs().max(after.abs()))
}
