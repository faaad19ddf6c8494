//! The cheapest model over training and serving that reaches a response.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{check_held, moves, nothing_to_split};
use super::budget::{Budget, FLOP_PER_PARAMETER_AND_TOKEN, FLOP_PER_SERVED_TOKEN, can_split};
use super::price::Curve;
use super::reaching::cheapest;
use super::{Fault, Finding, Kind, Model, Moves, Refusal, Waste, named};
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};

/// The model and data with the lowest 6 N D + 2 N S that reach a response, for S tokens to serve: `{ loss = 2.0,
/// serve = "10T" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InferenceAware {
    /// The response to reach.
    pub loss: Quantity,
    /// Tokens to serve.
    pub serve: OneOrMany<Quantity>,
    /// Values of the law's other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

impl Kind for InferenceAware {
    fn outputs(&self) -> Vec<&str> {
        vec!["{size}", "{data}", "training_{compute}", "total_{compute}", "saving"]
    }

    fn decides() -> bool {
        true
    }

    fn waste(&self) -> Option<Waste<'_>> {
        Some(Waste::OfServing { response: self.loss.0, hold: &self.hold })
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if !can_split(law) {
            faults.push(nothing_to_split(law));
        }
        check_held(law, &self.hold, &mut faults);
        if let Some(wrong) = self.serve.iter().find(|s| !(s.0 >= 0.0 && s.0.is_finite())) {
            faults.push(Fault::at("serve", format!("`serve` is {}; it must be zero or more", wrong.0)));
        }
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        let row = |s: &Quantity| BTreeMap::from([("serve".to_owned(), s.0)]);
        self.serve.iter().map(row).collect()
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("its cost includes serving; ask `reach` or `compute_optimal`, which take limits")
    }

    /// The cheapest model and data for a response are the best split, for training and serving, of the smallest
    /// budget whose best split reaches the response.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held: BTreeMap<String, f64> = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let base = model.ordered(&held, &model.ready.law.roles.decided())?;
        let serve = inputs["serve"];
        let alone = cheapest(model, self.loss.0, 0.0, &base)?;
        let served = cheapest(model, self.loss.0, Budget::as_training(serve), &base)?;
        let of_training = Budget::as_training(serve);
        let [alone_of, both] = [0.0, of_training].map(|served| model.curve(&base, served));
        let cost = |n: f64, d: f64| match &both {
            Curve::SixNd => n * (FLOP_PER_PARAMETER_AND_TOKEN * d + FLOP_PER_SERVED_TOKEN * serve),
            priced @ Curve::Priced(..) => priced.flop([n, d], of_training),
        };
        let (n, d) = (served.n, served.d);
        let (training, total) = (alone_of.flop([n, d], 0.0), cost(n, d));
        let outputs = named([
            ("{size}", n),
            ("{data}", d),
            ("training_{compute}", training),
            ("total_{compute}", total),
            ("saving", 1.0 - total / cost(alone.n, alone.d)),
        ]);
        let names = model.ready.law.roles.decided().map(str::to_owned);
        Ok(Finding { outputs, at: held.into_iter().chain(names.into_iter().zip([n, d, training])).collect() })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}
