//! The response at given variables, or at the end of a learning-rate schedule.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    ByForecast, Fault, Finding, Kind, Model, Moves, Phrase, Question, Refusal, check_names, check_sums, check_values,
    finish, left_out, named, rows_of,
};
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};
use crate::schedule::Planned;

/// The key of a schedule.
const SCHEDULE: &str = "schedule";

/// The response at given variables: `{ N = "280B", D = "300B" }`. Lists of equal length are combined element by
/// element.
///
/// A law over schedules takes a schedule: `{ schedule = { shape = "cosine", peak = 3e-4, end = 3e-5, steps = 1e5 }
/// }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Loss {
    /// The variables.
    #[serde(flatten)]
    pub at: BTreeMap<String, OneOrMany<Quantity>>,
    /// The schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Planned>,
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LossVisitor;
        impl<'de> Visitor<'de> for LossVisitor {
            type Value = Loss;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table of variables and their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loss, A::Error> {
                let mut loss = Loss::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == SCHEDULE {
                        loss.schedule = Some(map.next_value()?);
                    } else {
                        loss.at.insert(key, map.next_value()?);
                    }
                }
                Ok(loss)
            }
        }
        deserializer.deserialize_map(LossVisitor)
    }
}

impl JsonSchema for Loss {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Loss".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = crate::quantity::table_schema(generator);
        let mut planned = generator.subschema_for::<Planned>();
        planned.insert(
            "description".to_owned(),
            "A learning-rate schedule, for a law over schedules; the answer is the loss at its end.".into(),
        );
        schema.insert("properties".to_owned(), serde_json::json!({ SCHEDULE: planned }));
        schema
    }
}

impl Question {
    /// The response at variables.
    pub fn response_at(at: BTreeMap<String, OneOrMany<Quantity>>) -> Self {
        Self::Loss(Loss { at, schedule: None })
    }
}

impl Loss {
    fn check_schedule(&self, law: &Law, faults: &mut Vec<Fault>) {
        match &self.schedule {
            None if law.takes_schedule() => {
                let message = format!("the law `{}` needs a learning-rate schedule", law.name);
                let example = "schedule = { shape = \"cosine\", peak = 3e-4, end = 3e-5, steps = 1e5 }";
                faults.push(Fault::whole(message).hint(format!("as in: loss = {{ {example} }}")));
            }
            None => {}
            Some(_) if !crate::schedule::names().iter().any(|name| law.variable(name).is_some()) => {
                faults.push(Fault::at(SCHEDULE, format!("the law `{}` does not use a schedule", law.formula)));
            }
            Some(schedule) => {
                if let Some((key, message)) = schedule.fault() {
                    faults.push(Fault::at(SCHEDULE, format!("`{key}` of the schedule: {message}")));
                }
            }
        }
    }
}

impl Kind for Loss {
    fn outputs(&self) -> Vec<&str> {
        vec!["loss"]
    }

    fn decides() -> bool {
        true
    }

    fn phrase(&self) -> Phrase {
        Phrase::Response
    }

    fn by_forecast(&self) -> Option<ByForecast<'_>> {
        Some(ByForecast::Response)
    }

    fn takes_schedules(&self) -> bool {
        true
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let with_schedule = law.takes_schedule() || self.schedule.is_some();
        let of_schedule = with_schedule.then(crate::schedule::names).unwrap_or_default();
        let asked = law.variables.iter().map(|v| v.name.as_str()).filter(|name| !of_schedule.iter().any(|s| s == name));
        let known: Vec<&str> = asked.collect();
        check_names(self.at.keys(), &known, law, &mut faults);
        check_values(&self.at, law, &mut faults);
        self.check_schedule(law, &mut faults);
        check_sums(&self.at, law, &mut faults);
        faults.extend(left_out(self.at.keys(), known, law).into_iter().map(|name| Fault::missing(name, law)));
        finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        let of_schedule = self.schedule.as_ref().map(Planned::inputs).unwrap_or_default();
        let mut rows = rows_of(&self.at);
        rows.iter_mut().for_each(|row| row.extend(of_schedule.clone()));
        rows
    }

    fn moves(&self, _: &Law) -> Option<Moves> {
        None
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let value = model.response(inputs)?;
        Ok(Finding { outputs: named([("loss", value)]), at: inputs.clone() })
    }

    fn is_measured(&self) -> bool {
        true
    }
}
