//! The response at given variables.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{Fault, Finding, Kind, Model, Refusal, check_names, check_values, finish, rows_of};
use crate::law::Law;
use crate::quantity::{OneOrMany, Quantity};

/// The response at given variables: `{ N = "280B", D = "300B" }`; lists go side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Loss(pub BTreeMap<String, OneOrMany<Quantity>>);

impl JsonSchema for Loss {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Loss".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        crate::quantity::table_schema(generator)
    }
}

impl Kind for Loss {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["loss"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let known: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).collect();
        check_names(self.0.keys(), &known, law, &mut faults);
        check_values(&self.0, &mut faults);
        for name in known {
            if !self.0.contains_key(name) {
                faults.push(Fault::whole(format!("`{name}` is missing: the law is `{}`", law.formula)));
            }
        }
        finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.0)
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let value = model.response(inputs);
        if !value.is_finite() {
            return Err(Refusal::Undefined("the law has no finite value there".to_owned()));
        }
        Ok(Finding { outputs: BTreeMap::from([("loss", value)]), at: inputs.clone() })
    }

    fn is_measured(&self) -> bool {
        true
    }
}
