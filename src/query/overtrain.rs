//! The cost of a model that is smaller or larger than the best one for its budget.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::allocation::{budget_for, check_budget, moves, nothing_to_split};
use super::budget::{Budget, can_split};
use super::keyed::keyed;
use super::split::best_split;
use super::{Fault, Finding, Kind, Model, Moves, Refusal, check_values, named, rows_of};
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};

/// The response when a budget is spent on a model that is not the best one: `{ C = 1e22, N = "1B" }`, or `factor =
/// 0.25` for a quarter of the best size.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Overtrain {
    /// Budgets in FLOP, and the size of the model, under the names of compute and of model size.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// The size of the model as a multiple of the best one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<Quantity>,
    /// Values of the law's other variables.
    #[schemars(default)]
    pub hold: BTreeMap<String, Quantity>,
}

keyed!(Overtrain, "{ C = 1e22, factor = 0.25 }", {
    "factor" => factor or None,
    "hold" => hold or BTreeMap::new(),
});

impl Kind for Overtrain {
    fn outputs(&self) -> Vec<&str> {
        vec!["model_{size}", "{data}", "loss", "best_loss", "excess", "equal_{compute}", "overhead"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let Some([size, _]) = law.roles.sizes().filter(|_| can_split(law)) else {
            return Err(vec![nothing_to_split(law)]);
        };
        let others: Vec<&str> = Self::KEYS.iter().copied().chain([size]).collect();
        check_budget(law, &self.values, &others, &self.hold, &mut faults);
        check_values(&self.values, law, &mut faults);
        match (self.values.contains_key(size), self.factor) {
            (true, Some(_)) => {
                faults.push(Fault::at("factor", format!("the size is given twice, by `{size}` and by `factor`")));
            }
            (false, None) => {
                let fault = Fault::whole("the model's size is missing");
                let hint = format!("write `{size} = \"1B\"`, or `factor = 0.25` for a quarter of the best size");
                faults.push(fault.hint(hint));
            }
            (_, Some(wrong)) if !(wrong.0 > 0.0 && wrong.0.is_finite()) => {
                faults.push(Fault::at("factor", "a size must be positive and finite"));
            }
            _ => (),
        }
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        let factor = self.factor.map(|factor| ("factor".to_owned(), factor.0));
        let row = |sizes: BTreeMap<String, f64>| sizes.into_iter().chain(factor.clone()).collect();
        rows_of(&self.values).into_iter().map(row).collect()
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it already fixes the model size; ask `compute_optimal` with a limit of size")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held: BTreeMap<String, f64> = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let [size, data, compute] = model.ready.law.roles.decided();
        let c = inputs[compute];
        let base = model.ordered(&held, &[size, data, compute])?;
        let best = best_split(model, Budget::training(c), &base)?;
        let n = inputs.get(size).copied().unwrap_or_else(|| best.n * inputs["factor"]);
        let d = model.curve(&base, 0.0).data_for(c, n);
        let mut at = held.clone();
        at.extend([(size, n), (data, d), (compute, c)].map(|(name, value)| (name.to_owned(), value)));
        let loss = model.response(&at)?;
        // The compute that the best split needs for the same response; the rest is wasted.
        let equal = budget_for(model, loss, &held);
        let mut outputs = named([
            ("{data}", d),
            ("loss", loss),
            ("best_loss", best.response),
            ("excess", best.sign * (loss / best.response - 1.0)),
        ]);
        if let Ok(equal) = equal {
            outputs.extend(named([("equal_{compute}", equal), ("overhead", c / equal)]));
        }
        if !inputs.contains_key(size) {
            outputs.insert("model_{size}".into(), n);
        }
        Ok(Finding { outputs, at })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}
