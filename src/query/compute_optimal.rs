//! The best model size and data for a budget of compute.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::allocation::{moves, nothing_to_split};
use super::budget::{Budget, can_split};
use super::split::best_split;
use super::{
    ByForecast, Fault, Finding, Kind, Model, Moves, Phrase, Refusal, Waste, check_names, check_values, finish,
    left_out, named, rows_of,
};
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};

/// The best model size and data for budgets of compute: `{ C = [1e21, 5.76e23] }`. Further variables of the law are
/// held.
///
/// The best response is the lowest one for a law that falls as sizes grow, such as a loss or an error, and the
/// highest one for a law that rises, such as an accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ComputeOptimal(pub BTreeMap<String, OneOrMany<Quantity>>);

impl JsonSchema for ComputeOptimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ComputeOptimal".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        crate::quantity::table_schema(generator)
    }
}

impl Kind for ComputeOptimal {
    fn outputs(&self) -> Vec<&str> {
        vec!["{size}", "{data}", "loss"]
    }

    fn decides() -> bool {
        true
    }

    fn phrase(&self) -> Phrase {
        Phrase::Split
    }

    fn waste(&self) -> Option<Waste<'_>> {
        Some(Waste::OfBudget)
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        if !can_split(law) {
            return Err(vec![nothing_to_split(law)]);
        }
        let mut faults = Vec::new();
        let (budget, decided) = (law.roles.compute.as_str(), law.roles.decided());
        let held = law.variables.iter().map(|v| v.name.as_str()).filter(|name| !decided.contains(name));
        let known: Vec<&str> = [budget].into_iter().chain(held).collect();
        check_names(self.0.keys(), &known, law, &mut faults);
        check_values(&self.0, law, &mut faults);
        for name in left_out(self.0.keys(), known, law) {
            let fault = Fault::missing(name, law);
            faults.push(if name == budget {
                fault.hint(format!("write the budget in FLOP: {{ {budget} = 5.76e23 }}"))
            } else {
                fault.hint(format!("give it with the budget: {{ {budget} = 5.76e23, {name} = ... }}"))
            });
        }
        finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.0)
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn by_forecast(&self) -> Option<ByForecast<'_>> {
        Some(ByForecast::Splitting)
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Ok(())
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let law = model.ready.law;
        let base = model.ordered(inputs, &law.roles.decided())?;
        let split = best_split(model, Budget::training(inputs[&law.roles.compute]), &base)?;
        let mut at = inputs.clone();
        at.extend(split.sizes(law));
        if model.ready.limits.is_some() {
            // It may be less than what was asked for.
            at.insert(law.roles.compute.clone(), split.compute);
        }
        let outputs = named([("{size}", split.n), ("{data}", split.d), ("loss", split.response)]);
        Ok(Finding { outputs, at })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}
