//! The minimum of a response over one variable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Finding, Kind, Model, Moves, Refusal, named};
use crate::law::{Law, Roles};
use crate::numerics::{exp, ln};
use crate::quantity::Quantity;
use crate::solver::minimise;

/// The value of a variable at which the response is lowest, and the response there: `{ over = "D" }`.
///
/// For parabolas in ln D, one for each budget, this is the minimum that the isoFLOP method uses (Hoffmann et al.
/// 2022, Approach 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// The variable.
    pub over: String,
    /// Values of the law's other variables.
    #[serde(default)]
    pub hold: BTreeMap<String, Quantity>,
}

/// Largest distance of the search outside the rows, as a factor.
const BEYOND: f64 = 1e3;
/// Search range where no rows give one.
const USUAL: [f64; 2] = [1e3, 1e15];
/// Number of points at which the response is evaluated before the minimum is refined.
const POINTS: usize = 257;

impl Kind for Minimum {
    /// `at` in the unit of the variable, `lowest` in that of the response.
    fn outputs(&self) -> Vec<&str> {
        vec!["at", "lowest"]
    }

    fn decides() -> bool {
        true
    }

    fn is_response(&self, output: &str) -> bool {
        output == "lowest"
    }

    fn variable_of(&self, output: &str) -> Option<&str> {
        (output == "at").then_some(self.over.as_str())
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if law.variable(&self.over).is_none() {
            faults.push(Fault::at("over", format!("the law `{}` has no variable `{}`", law.formula, self.over)));
        }
        for variable in &law.variables {
            if variable.name != self.over && !self.hold.contains_key(&variable.name) {
                let message = format!("`{}` has no value", variable.name);
                faults.push(Fault::whole(message).hint(format!("write `hold = {{ {} = ... }}`", variable.name)));
            }
        }
        for name in self.hold.keys().filter(|name| law.variable(name).is_none() || **name == self.over) {
            faults.push(Fault::at("hold", format!("`{name}` is not another variable of the law")));
        }
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        vec![self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect()]
    }

    fn moves(&self, _: &Law) -> Option<Moves> {
        None
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it is over one variable; ask `compute_optimal`, which takes limits")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let span = model.span(&self.over).filter(|span| span.lowest > 0.0 && span.highest.is_finite());
        let [low, high] = span.map_or(USUAL, |span| [span.lowest, span.highest]).map(ln);
        let (low, high) = (low - ln(BEYOND), high + ln(BEYOND));
        let base = model.ordered(inputs, &[&self.over])?;
        let place = model.ready.law.variables.iter().position(|variable| variable.name == self.over);
        let response = |x: f64| {
            let mut at = base.clone();
            place.into_iter().for_each(|place| at[place] = exp(x));
            model.value(&at)
        };
        let point = |index: usize| low + (high - low) * index as f64 / (POINTS - 1) as f64;
        let values = (0..POINTS).map(|index| response(point(index))).collect::<Result<Vec<_>, _>>()?;
        let lowest = (0..POINTS).min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or_default();
        if lowest == 0 || lowest == POINTS - 1 {
            let side = if lowest == 0 { "smaller" } else { "larger" };
            let reason = format!("there is no minimum: the response keeps falling towards {side} {}", self.over);
            return Err(Refusal::Undefined(reason));
        }
        let valley = minimise(|x| response(x).unwrap_or(f64::NAN), point(lowest - 1), point(lowest + 1))
            .map_err(|_| Refusal::Undefined("the law has no finite value around its minimum".to_owned()))?;
        let mut at = inputs.clone();
        at.insert(self.over.clone(), exp(valley));
        Ok(Finding { outputs: named([("at", exp(valley)), ("lowest", response(valley)?)]), at })
    }
}
