//! Two fits beside each other: compute for an equal response, and where they cross.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{budget_for, check_budget, spend};
use super::{Fault, Finding, Kind, Model, Refusal, Second};
use crate::law::Law;
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// This fit and another one at budgets: `{ with = "other", C = 1e22 }`. Fits in groups are compared group by group,
/// or all with one: `{ with = "optimizers", group = "adamw", C = 1e22 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The other fit.
    pub with: String,
    /// Which group of the other fit, where it is in groups; without it each group is compared with the one of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Budgets in FLOP, split best where a law has N and D.
    #[serde(rename = "C")]
    pub budgets: OneOrMany<Quantity>,
    /// Values of the laws' other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

/// Budgets between which a crossing is sought.
const SMALLEST: f64 = 1e12;
const LARGEST: f64 = 1e32;
/// Stretches of that range that are looked through for a change of sign.
const STRETCHES: u32 = 80;

impl Kind for Compare {
    fn name(&self) -> &'static str {
        "compare"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["loss", "other_loss", "multiplier", "crossover_C"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        check_budget(law, &self.budgets, &self.hold, &mut faults);
        super::finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        self.budgets.iter().map(|c| BTreeMap::from([("C".to_owned(), c.0)])).collect()
    }

    /// The multiplier is the compute that the other fit needs for the same response, over this budget: above 1 where
    /// this fit makes more of its compute.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let Some(other) = model.other else {
            return Err(Refusal::Undefined(format!("the fit `{}` has no group of this name", self.with)));
        };
        let held = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let c = inputs["C"];
        let (loss, at) = spend(model, c, &held)?;
        let (other_loss, _) = spend(other, c, &held)?;
        let mut outputs = BTreeMap::from([("loss", loss), ("other_loss", other_loss)]);
        if let Ok(equal) = budget_for(other, loss, &held) {
            outputs.insert("multiplier", equal / c);
        }
        let apart = |log_c: f64| match (spend(model, exp(log_c), &held), spend(other, exp(log_c), &held)) {
            (Ok((one, _)), Ok((two, _))) => one - two,
            _ => f64::NAN,
        };
        outputs.extend(crossing(apart, ln(c)).map(|log_c| ("crossover_C", exp(log_c))));
        Ok(Finding { outputs, at })
    }

    fn other(&self) -> Option<Second<'_>> {
        Some(Second { fit: &self.with, group: self.group.as_deref() })
    }

    fn splits(&self) -> bool {
        true
    }
}

/// The logarithm of the budget nearest to one at which a difference changes its sign.
fn crossing(apart: impl Fn(f64) -> f64, near: f64) -> Option<f64> {
    let (low, high) = (ln(SMALLEST), ln(LARGEST));
    let step = (high - low) / f64::from(STRETCHES);
    let values: Vec<(f64, f64)> = (0..=STRETCHES).map(|i| low + step * f64::from(i)).map(|x| (x, apart(x))).collect();
    let changes = values.windows(2).filter(|pair| pair[0].1 * pair[1].1 < 0.0);
    let nearest = changes.min_by(|a, b| (a[0].0 - near).abs().total_cmp(&(b[0].0 - near).abs()))?;
    root(&apart, nearest[0].0, nearest[1].0).ok()
}
