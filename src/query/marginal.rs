//! What the next compute buys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{check_budget, spend};
use super::{Fault, Finding, Kind, Model, Refusal};
use crate::law::Law;
use crate::quantity::{OneOrMany, Quantity};

/// The response at a budget, and at one larger by a factor: `{ C = 1e22, factor = 10 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Marginal {
    /// Budgets in FLOP, split best where the law has N and D.
    #[serde(rename = "C")]
    pub budgets: OneOrMany<Quantity>,
    /// The factor; 10 where nothing is said.
    #[serde(default = "default_factor")]
    pub factor: Quantity,
    /// Values of the law's other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

const fn default_factor() -> Quantity {
    Quantity(10.0)
}

impl Kind for Marginal {
    fn name(&self) -> &'static str {
        "marginal"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["loss", "next_loss", "gain", "elasticity"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        check_budget(law, &self.budgets, &self.hold, &mut faults);
        if !(self.factor.0 > 1.0 && self.factor.0.is_finite()) {
            faults.push(Fault::at("factor", format!("`factor` is {}; more compute is above 1", self.factor.0)));
        }
        super::finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        self.budgets.iter().map(|c| BTreeMap::from([("C".to_owned(), c.0)])).collect()
    }

    /// The elasticity is d ln L / d ln C; at the best split N dL/dN = D dL/dD is dL / d ln C.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let (loss, here) = spend(model, inputs["C"], &held)?;
        let (next, there) = spend(model, inputs["C"] * self.factor.0, &held)?;
        let ordered = model.ordered(&here);
        let (_, slopes) = model.tape.slope_at(model.parameters, &ordered);
        let by_log = |name: &str| model.law.variable(name).map_or(0.0, |i| slopes[i] * ordered[i]);
        let outputs = BTreeMap::from([
            ("loss", loss),
            ("next_loss", next),
            ("gain", loss - next),
            ("elasticity", (by_log("N") + by_log("C")) / loss),
        ]);
        // How far the answer leaves the data is how far the larger budget does.
        Ok(Finding { outputs, at: there })
    }

    fn splits(&self) -> bool {
        true
    }
}
