//! The gain from more compute.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::allocation::{check_budget, moves, spend};
use super::budget::can_split;
use super::keyed::keyed;
use super::{Fault, Finding, Kind, Model, Moves, Refusal, named, rows_of};
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};

/// The response at a budget and at a larger budget: `{ C = 1e22, factor = 10 }`.
///
/// The gain is the improvement: a decrease for a loss, an increase for a response that rises with size, such as an
/// accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Marginal {
    /// Budgets in FLOP, under the name of compute; split optimally where the law has model size and data.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// Ratio of the two budgets; 10 by default.
    #[schemars(default = "usual_factor")]
    pub factor: Quantity,
    /// Values of the law's other variables.
    #[schemars(default)]
    pub hold: BTreeMap<String, Quantity>,
}

const fn usual_factor() -> Quantity {
    Quantity(10.0)
}

keyed!(Marginal, "{ C = 1e22, factor = 10 }", {
    "factor" => factor or usual_factor(),
    "hold" => hold or BTreeMap::new(),
});

impl Kind for Marginal {
    fn outputs(&self) -> Vec<&str> {
        vec!["loss", "next_loss", "gain", "elasticity"]
    }

    fn decides() -> bool {
        true
    }

    fn decided(&self) -> Option<&str> {
        Some("gain")
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        check_budget(law, &self.values, Self::KEYS, &self.hold, &mut faults);
        if !(self.factor.0 > 1.0 && self.factor.0.is_finite()) {
            faults.push(Fault::at("factor", format!("`factor` is {}; it must be above 1", self.factor.0)));
        }
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.values)
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn takes_limits(&self, law: &Law) -> Result<(), &'static str> {
        if can_split(law) {
            Ok(())
        } else {
            Err("the law does not have both a model size and data, so a budget leaves nothing to limit")
        }
    }

    /// The elasticity is d ln L / d ln C along best splits.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let c = inputs[&model.ready.law.roles.compute];
        let here = spend(model, c, &held)?;
        let next = spend(model, c * self.factor.0, &held)?;
        let outputs = named([
            ("loss", here.response),
            ("next_loss", next.response),
            ("gain", here.sign * (here.response - next.response)),
            ("elasticity", here.slope / here.response),
        ]);
        // The answer is as far from the rows as the larger budget.
        Ok(Finding { outputs, at: next.at })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}
