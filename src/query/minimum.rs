//! The minimum of a response over one variable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::extremum::{End, Over};
use super::{Fault, Finding, Kind, Model, Moves, Refusal, named, rows_of};
use crate::law::{Law, Roles};

/// The value of a variable at which the response is lowest, and the response there: `{ over = "D" }`.
///
/// For parabolas in ln D, one for each budget, this is the minimum that the isoFLOP method uses (Hoffmann et al.
/// 2022, Approach 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Minimum(pub Over);

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
        (output == "at").then_some(self.0.over.as_str())
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        self.0.check(law)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.0.hold)
    }

    fn moves(&self, _: &Law) -> Option<Moves> {
        None
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it is over one variable; ask `compute_optimal`, which takes limits")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let (place, lowest) = self.0.extremum(End::Lowest, model, inputs)?;
        let mut at = inputs.clone();
        at.insert(self.0.over.clone(), place);
        Ok(Finding { outputs: named([("at", place), ("lowest", lowest)]), at })
    }
}
