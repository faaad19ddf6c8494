//! The size at which an ability crosses a level.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{ByForecast, Fault, Finding, Kind, Model, Moves, Phrase, Reach, Refusal};
use crate::law::{Law, Roles};

/// The size at which a smooth measure of an ability crosses a level: `{ accuracy = 0.5, solve = "C" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(pub Reach);

impl JsonSchema for Threshold {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Reach::json_schema(generator)
    }
}

impl Kind for Threshold {
    fn outputs(&self) -> Vec<&str> {
        self.0.outputs()
    }

    fn decides() -> bool {
        true
    }

    fn phrase(&self) -> Phrase {
        Phrase::Solution
    }

    fn variable_of(&self, output: &str) -> Option<&str> {
        self.0.variable_of(output)
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        self.0.check(law)
    }

    fn rows(&self, roles: &Roles) -> Vec<BTreeMap<String, f64>> {
        self.0.rows(roles)
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        self.0.moves(law)
    }

    fn by_forecast(&self) -> Option<ByForecast<'_>> {
        self.0.by_forecast()
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it finds the crossing of a level wherever it lies; ask `reach`, which takes limits")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        self.0.solve(model, inputs)
    }

    fn caution(&self) -> Option<&'static str> {
        Some(
            "The forecast assumes a smooth quantity. Rows below a jump cannot predict the jump: the interval is \
             about the crossing of the smooth curve, not about the appearance of the ability.",
        )
    }

    fn remarks_at_estimate(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Vec<String> {
        self.0.remarks_at_estimate(model, inputs)
    }

    fn splits(&self, roles: &Roles) -> bool {
        self.0.splits(roles)
    }
}
