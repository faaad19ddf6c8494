//! What a model costs that is smaller, or larger, than the best one of its budget.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{DECIDED, FLOP_PER_PARAMETER_AND_TOKEN, budget_for, can_split, check_budget, moves};
use super::split::{Budget, best_split};
use super::{Fault, Finding, Kind, Model, Moves, Refusal};
use crate::law::Law;
use crate::quantity::{OneOrMany, Quantity};

/// The response of a budget spent on another model than the best: `{ C = 1e22, N = "1B" }`, or `factor = 0.25` for
/// a quarter of the best size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overtrain {
    /// Budgets in FLOP.
    #[serde(rename = "C")]
    pub budgets: OneOrMany<Quantity>,
    /// The model's size.
    #[serde(default, rename = "N", skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// The model's size over the best one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<Quantity>,
    /// Values of the law's other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

impl Kind for Overtrain {
    fn name(&self) -> &'static str {
        "overtrain"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["model_N", "D", "loss", "best_loss", "excess", "equal_C", "overhead"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if !can_split(law) {
            faults.push(Fault::whole(format!("the law `{}` has not both N and D", law.formula)));
        }
        check_budget(law, &self.budgets, &self.hold, &mut faults);
        match (self.size, self.factor) {
            (Some(value), None) | (None, Some(value)) if value.0 > 0.0 && value.0.is_finite() => (),
            (Some(_), Some(_)) => faults.push(Fault::at("factor", "the size is given twice, by `N` and by `factor`")),
            (None, None) => {
                let fault = Fault::whole("the model's size is missing");
                faults.push(fault.hint("write `N = \"1B\"`, or `factor = 0.25` for a quarter of the best size"));
            }
            _ => faults.push(Fault::whole("a size is above zero and finite")),
        }
        super::finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        let sizes =
            self.size.map(|n| ("N".to_owned(), n.0)).into_iter().chain(self.factor.map(|f| ("factor".to_owned(), f.0)));
        let size: Vec<(String, f64)> = sizes.collect();
        let row = |c: &Quantity| size.iter().cloned().chain([("C".to_owned(), c.0)]).collect();
        self.budgets.iter().map(row).collect()
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held: BTreeMap<String, f64> = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let c = inputs["C"];
        let best = best_split(model, Budget::training(c), &model.ordered(&held, &DECIDED)?)?;
        let n = inputs.get("N").copied().unwrap_or_else(|| best.n * inputs["factor"]);
        let d = c / (FLOP_PER_PARAMETER_AND_TOKEN * n);
        let mut at = held.clone();
        at.extend([("N", n), ("D", d), ("C", c)].map(|(name, value)| (name.to_owned(), value)));
        let loss = model.response(&at)?;
        // The compute that the best split would need for the same response: what is above it buys nothing.
        let equal = budget_for(model, loss, &held);
        let mut outputs = BTreeMap::from([
            ("D", d),
            ("loss", loss),
            ("best_loss", best.response),
            ("excess", best.sign * (loss / best.response - 1.0)),
        ]);
        if let Ok(equal) = equal {
            outputs.extend([("equal_C", equal), ("overhead", c / equal)]);
        }
        if !inputs.contains_key("N") {
            outputs.insert("model_N", n);
        }
        Ok(Finding { outputs, at })
    }

    fn splits(&self) -> bool {
        true
    }
}
