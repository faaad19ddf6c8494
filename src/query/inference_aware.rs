//! The cheapest model over training and serving that reaches a response.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{FLOP_PER_PARAMETER_AND_TOKEN, can_split, check_held};
use super::{Fault, Finding, Kind, Model, Reach, Refusal};
use crate::law::Law;
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// Serving a token costs about 2 FLOP per parameter (Sardana et al. 2024, arXiv:2401.00448).
const FLOP_PER_SERVED_TOKEN: f64 = 2.0;

/// The model and data with the lowest 6 N D + 2 N S for a response and S tokens to serve: `{ loss = 2.0, serve = "10T" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InferenceAware {
    /// The response to reach.
    pub loss: Quantity,
    /// Tokens that will be served.
    pub serve: OneOrMany<Quantity>,
    /// Values of the law's other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

impl Kind for InferenceAware {
    fn name(&self) -> &'static str {
        "inference_aware"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["N", "D", "training_C", "total_C", "saving"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if !can_split(law) {
            faults.push(Fault::whole(format!("the law `{}` has not both N and D", law.formula)));
        }
        check_held(law, &self.hold, &mut faults);
        if let Some(wrong) = self.serve.iter().find(|s| !(s.0 >= 0.0 && s.0.is_finite())) {
            faults.push(Fault::at("serve", format!("`serve` is {}; tokens are zero or more", wrong.0)));
        }
        super::finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        let row = |s: &Quantity| BTreeMap::from([("serve".to_owned(), s.0)]);
        self.serve.iter().map(row).collect()
    }

    /// Along the response's level line dD/dN = -`L_N/L_D`, so 6 N D + 2 N S is stationary where
    /// 6 D + 2 S = 6 N `L_N/L_D`.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held: BTreeMap<String, f64> = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let target = |others: &[(&str, f64)]| -> BTreeMap<String, f64> {
            let own = others.iter().map(|(name, value)| ((*name).to_owned(), *value));
            held.clone().into_iter().chain([(model.law.response.clone(), self.loss.0)]).chain(own).collect()
        };
        let trained = Reach { solve: "C".to_owned(), values: BTreeMap::new() }.solve(model, &target(&[]))?;
        let serve = inputs["serve"];
        let data = |n: f64| -> Result<f64, Refusal> {
            let reach = Reach { solve: "D".to_owned(), values: BTreeMap::new() };
            Ok(reach.solve(model, &target(&[("N", n)]))?.outputs["solution"])
        };
        let cost = |n: f64, d: f64| n * (FLOP_PER_PARAMETER_AND_TOKEN * d + FLOP_PER_SERVED_TOKEN * serve);
        let at = |n: f64, d: f64| -> BTreeMap<String, f64> {
            let sizes = [("N", n), ("D", d), ("C", FLOP_PER_PARAMETER_AND_TOKEN * n * d)];
            held.clone().into_iter().chain(sizes.map(|(name, value)| (name.to_owned(), value))).collect()
        };
        let (index_n, index_d) = (model.law.variable("N"), model.law.variable("D"));
        let unbalance = |log_n: f64| -> Result<f64, Refusal> {
            let n = exp(log_n);
            let d = data(n)?;
            let (_, slopes) = model.tape.slope_at(model.parameters, &model.ordered(&at(n, d)));
            let slope = |index: Option<usize>| index.map_or(f64::NAN, |i| slopes[i]);
            let worth = FLOP_PER_PARAMETER_AND_TOKEN * n * slope(index_n) / slope(index_d);
            Ok(FLOP_PER_PARAMETER_AND_TOKEN * d + FLOP_PER_SERVED_TOKEN * serve - worth)
        };
        let (best_n, best_d) = (trained.outputs["N"], trained.outputs["D"]);
        let n = if serve == 0.0 { best_n } else { exp(smaller(unbalance, ln(best_n))?) };
        let d = if serve == 0.0 { best_d } else { data(n)? };
        let total = cost(n, d);
        let outputs = BTreeMap::from([
            ("N", n),
            ("D", d),
            ("training_C", FLOP_PER_PARAMETER_AND_TOKEN * n * d),
            ("total_C", total),
            ("saving", 1.0 - total / cost(best_n, best_d)),
        ]);
        Ok(Finding { outputs, at: at(n, d) })
    }

    fn splits(&self) -> bool {
        true
    }
}

/// Halvings of the way down before it is given up.
const HALVINGS: usize = 40;

/// The logarithm of the model size below a start at which a balance is met that is positive at the start
/// and falls without bound towards the smallest model that reaches the response at all.
fn smaller(unbalance: impl Fn(f64) -> Result<f64, Refusal>, start: f64) -> Result<f64, Refusal> {
    let (mut low, mut step) = (start, 0.25);
    let mut halvings = 0;
    while halvings < HALVINGS {
        match unbalance(low - step) {
            Ok(value) if value < 0.0 => {
                let found = root(|log_n| unbalance(log_n).unwrap_or(f64::NAN), low - step, low);
                return found.map_err(|_| undefined());
            }
            Ok(value) if value.is_finite() => low -= step,
            _ => {
                step /= 2.0;
                halvings += 1;
            }
        }
    }
    Err(undefined())
}

fn undefined() -> Refusal {
    Refusal::Undefined("no smaller model balances training and serving".to_owned())
}
