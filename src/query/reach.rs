//! The variable that reaches a response.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::allocation::{FLOP_PER_PARAMETER_AND_TOKEN, best_split, can_split};
use super::{Fault, Finding, Kind, Model, Refusal, check_names, check_values, finish, rows_of};
use crate::law::Law;
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// The variable that reaches a response, others held: `{ L = 2.0, solve = "C" }`, `{ L = 2.0, solve = "N", D = "1T" }`.
///
/// `solve = "C"` with a law of N and D splits every budget best, or spends it on data where N is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The variable to solve for.
    pub solve: String,
    /// The target, by the response's name, and the variables that are held.
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 1))?;
        map.serialize_entry("solve", &self.solve)?;
        for (name, values) in &self.values {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReachVisitor;
        impl<'de> Visitor<'de> for ReachVisitor {
            type Value = Reach;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { L = 2.0, solve = \"C\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reach, A::Error> {
                let (mut solve, mut values) = (None, BTreeMap::new());
                while let Some(key) = map.next_key::<String>()? {
                    if key == "solve" {
                        solve = Some(map.next_value()?);
                    } else {
                        values.insert(key, map.next_value()?);
                    }
                }
                let solve = solve.ok_or_else(|| de::Error::missing_field("solve"))?;
                Ok(Reach { solve, values })
            }
        }
        deserializer.deserialize_map(ReachVisitor)
    }
}

impl JsonSchema for Reach {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reach".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let quantity = OneOrMany::<Quantity>::json_schema(generator);
        json_schema!({
            "type": "object",
            "properties": { "solve": { "type": "string", "description": "The variable to solve for: N, D, C or another of the law." } },
            "required": ["solve"],
            "additionalProperties": quantity
        })
    }
}

/// Sizes between which a variable is sought.
const SMALLEST: f64 = 1.0;
const LARGEST: f64 = 1e60;

impl Kind for Reach {
    fn name(&self) -> &'static str {
        "reach"
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["solution", "N", "D"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let variables: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).collect();
        let split = self.splits_budget(law);
        let mut solvable = variables.clone();
        if can_split(law) && !solvable.contains(&"C") {
            solvable.push("C");
        }
        if !solvable.contains(&self.solve.as_str()) {
            faults.push(
                Fault::at("solve", format!("the law `{}` cannot be solved for `{}`", law.formula, self.solve))
                    .hint(format!("it can be solved for {}", crate::diagnostic::list(&solvable))),
            );
            return Err(faults);
        }
        let response = law.response.as_str();
        let held: Vec<&str> = variables
            .iter()
            .copied()
            .filter(|name| *name != self.solve && !(split && matches!(*name, "N" | "D" | "C")))
            .collect();
        let mut known = held.clone();
        known.push(response);
        if split {
            known.push("N");
        }
        check_names(self.values.keys(), &known, law, &mut faults);
        check_values(&self.values, &mut faults);
        for name in held.into_iter().chain([response]) {
            if !self.values.contains_key(name) {
                faults.push(Fault::whole(format!("`{name}` is missing: the law is `{}`", law.formula)));
            }
        }
        finish(faults)
    }

    fn rows(&self) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.values)
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let target = inputs[&model.law.response];
        if self.splits_budget(model.law) {
            return self.solve_budget(model, inputs, target);
        }
        let at = |log: f64| {
            let mut variables = inputs.clone();
            variables.insert(self.solve.clone(), exp(log));
            variables
        };
        let found = self.solve_for(target, |log| Ok(model.response(&at(log))))?;
        let mut variables = at(found);
        let value = variables[&self.solve];
        variables.remove(&model.law.response);
        Ok(Finding { outputs: BTreeMap::from([("solution", value)]), at: variables })
    }

    fn splits(&self) -> bool {
        self.solve == "C"
    }
}

impl Reach {
    /// Whether C is a budget that is split between N and D.
    fn splits_budget(&self, law: &Law) -> bool {
        self.solve == "C" && can_split(law)
    }

    fn solve_budget(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>, target: f64) -> Result<Finding, Refusal> {
        let given = inputs.get("N").copied();
        let spend = |log_c: f64| -> Result<(f64, f64, f64), Refusal> {
            let c = exp(log_c);
            match given {
                Some(n) => {
                    let d = c / (FLOP_PER_PARAMETER_AND_TOKEN * n);
                    let mut at = inputs.clone();
                    at.insert("D".to_owned(), d);
                    at.insert("C".to_owned(), c);
                    Ok((n, d, model.response(&at)))
                }
                None => best_split(model, c, inputs).map(|split| (split.n, split.d, split.response)),
            }
        };
        let found = self.solve_for(target, |log| spend(log).map(|(.., response)| response))?;
        let (n, d, _) = spend(found)?;
        let at = BTreeMap::from([("N".to_owned(), n), ("D".to_owned(), d), ("C".to_owned(), exp(found))]);
        Ok(Finding { outputs: BTreeMap::from([("solution", exp(found)), ("N", n), ("D", d)]), at })
    }

    /// The logarithm of the size at which a response that falls or rises throughout meets the target.
    fn solve_for(&self, target: f64, response: impl Fn(f64) -> Result<f64, Refusal>) -> Result<f64, Refusal> {
        let name = &self.solve;
        // A budget of a few FLOP has no split; start where the law first has a value.
        let mut low = ln(SMALLEST);
        let high = ln(LARGEST);
        let mut at_low = response(low);
        while at_low.is_err() && low < 20.0 {
            low += 2.0;
            at_low = response(low);
        }
        let (at_low, limit) = (at_low?, response(high)?);
        let rises = limit > at_low;
        // Seen from a response that falls: turned round where it rises, as accuracies do.
        let turn = |value: f64| if rises { -value } else { value };
        if turn(at_low) <= turn(target) {
            let side = if rises { "above" } else { "below" };
            return Err(Refusal::NotReachable(format!(
                "the response is {side} {target} at every {name}: it is {at_low:.4} at {name} = {:.0}",
                exp(low)
            )));
        }
        if turn(limit) >= turn(target) {
            let end = if rises { "ceiling" } else { "floor" };
            return Err(Refusal::NotReachable(format!("not reachable: the {end} is {limit:.4}, whatever {name}")));
        }
        root(|log| response(log).unwrap_or(f64::NAN) - target, low, high)
            .map_err(|_| Refusal::Undefined(format!("the law has no finite value on the way to {target}")))
    }
}
