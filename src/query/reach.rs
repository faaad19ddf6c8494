//! The variable that reaches a response.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::budget::can_split;
use super::crossing::{all_crossings, cross};
use super::reaching::cheapest;
use super::{
    ByForecast, Fault, Finding, Kind, Limited, Model, Moves, Phrase, Refusal, check_names, check_values, finish,
    left_out, named, rows_of,
};
use crate::evidence::in_words;
use crate::law::{Law, Roles};
use crate::numeral::rounded;
use crate::quantity::{OneOrMany, Quantity};

/// The variable that reaches a response, with the others held: `{ L = 2.0, solve = "C" }`, `{ L = 2.0, solve = "N", D
/// = "1T" }`.
///
/// With `solve = "C"` and a law of model size and data, every budget is split optimally, or spent on data where the
/// size is given. Where the response meets the target more than once, the answer is the smallest value. For a variable
/// that is not a number of parameters, data or compute, it is the smallest among the rows, or else the nearest to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The variable to solve for.
    pub solve: String,
    /// The target, under the name of the response, and the held variables.
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
            "properties": { "solve": { "type": "string", "description": "The variable to solve for: compute, or one of the law." } },
            "required": ["solve"],
            "additionalProperties": quantity
        })
    }
}

impl Kind for Reach {
    fn outputs(&self) -> Vec<&str> {
        vec!["solution", "{size}", "{data}"]
    }

    fn decides() -> bool {
        true
    }

    fn phrase(&self) -> Phrase {
        Phrase::Solution
    }

    fn variable_of(&self, output: &str) -> Option<&str> {
        (output == "solution").then_some(self.solve.as_str())
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let variables: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).collect();
        let split = splits_budget(law, &self.solve);
        let mut solvable = variables.clone();
        let (budget, decided) = (law.roles.compute.as_str(), law.roles.decided());
        if can_split(law) && !solvable.contains(&budget) {
            solvable.push(budget);
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
            .filter(|name| *name != self.solve && !(split && decided.contains(name)))
            .collect();
        let mut known = held.clone();
        known.push(response);
        if split {
            known.push(decided[0]);
        }
        check_names(self.values.keys(), &known, law, &mut faults);
        check_values(&self.values, law, &mut faults);
        let needed = held.into_iter().chain([response]);
        faults.extend(left_out(self.values.keys(), needed, law).into_iter().map(|name| Fault::missing(name, law)));
        finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.values)
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves_to_reach(law, &self.solve, |name| self.values.contains_key(name)))
    }

    fn by_forecast(&self) -> Option<ByForecast<'_>> {
        Some(ByForecast::Reaching(&self.solve))
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Ok(())
    }

    fn limited(&self, law: &Law) -> Option<Limited<'_>> {
        let is_decided = law.roles.decided().contains(&self.solve.as_str());
        (!is_decided).then_some(Limited { variable: &self.solve, takes_lists: false })
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let law = model.ready.law;
        let target = inputs[&law.response];
        let mut at = inputs.clone();
        at.remove(&law.response);
        let value = value_that_reaches(model, &self.solve, target, &mut at)?;
        let mut outputs = named([("solution", value)]);
        if let Some([size, data]) = law.roles.sizes().filter(|_| splits_budget(law, &self.solve)) {
            outputs.extend(named([("{size}", at[size]), ("{data}", at[data])]));
        }
        Ok(Finding { outputs, at })
    }

    fn remarks_at_estimate(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Vec<String> {
        other_solutions(model, &self.solve, inputs).into_iter().collect()
    }

    fn splits(&self, roles: &Roles) -> bool {
        self.solve == roles.compute
    }
}

/// Whether compute is a budget that is split between model size and data.
fn splits_budget(law: &Law, solve: &str) -> bool {
    solve == law.roles.compute && can_split(law)
}

/// The variables that are searched for a target response; `is_held` says which variables have a value.
pub(crate) fn moves_to_reach(law: &Law, solve: &str, is_held: impl Fn(&str) -> bool) -> Moves {
    match law.roles.sizes().filter(|_| splits_budget(law, solve)) {
        None => Moves::one(solve),
        Some([size, data]) if is_held(size) => Moves { names: vec![data.to_owned()], ties_compute: true },
        Some(sizes) => Moves::sizes(sizes),
    }
}

/// The smallest value of a variable that reaches a response, with the other variables held in `at`. The value is
/// added to `at`; for a budget, model size and data are added too.
///
/// # Errors
/// No value reaches the response, or the law has no answer.
pub(crate) fn value_that_reaches(
    model: &Model<'_>,
    solve: &str,
    target: f64,
    at: &mut BTreeMap<String, f64>,
) -> Result<f64, Refusal> {
    let law = model.ready.law;
    let Some([size, data]) = law.roles.sizes().filter(|_| splits_budget(law, solve)) else {
        let value = smallest(model, target, solve, &model.ordered(at, &[solve])?)?;
        at.insert(solve.to_owned(), value);
        model.ready.limits.map_or(Ok(()), |limits| limits.check(&law.roles, at))?;
        return Ok(value);
    };
    let base = model.ordered(at, &law.roles.decided())?;
    let (n, d) = if let Some(&n) = at.get(size) {
        (n, smallest(model, target, data, &base)?)
    } else {
        let split = cheapest(model, target, 0.0, &base)?;
        (split.n, split.d)
    };
    let c = model.curve(&base, 0.0).flop([n, d], 0.0);
    at.extend([(size, n), (data, d), (&law.roles.compute, c)].map(|(name, value)| (name.to_owned(), value)));
    model.ready.limits.map_or(Ok(()), |limits| limits.check(&law.roles, at))?;
    Ok(c)
}

/// The sentence about other values that reach the same response, where one variable is solved for.
fn other_solutions(model: &Model<'_>, solve: &str, inputs: &BTreeMap<String, f64>) -> Option<String> {
    let law = model.ready.law;
    if splits_budget(law, solve) {
        return None;
    }
    let target = *inputs.get(&law.response)?;
    let base = model.ordered(inputs, &[solve]).ok()?;
    let all = all_crossings(model, target, solve, &base).ok()?;
    let listed: Vec<String> = all.iter().map(|value| format!("{solve} = {}", rounded(*value, 4))).collect();
    let is_by_cost = law.is_count(solve) || model.span(solve).is_none();
    let which = if is_by_cost { "smallest" } else { "smallest among the rows, or else the nearest to them" };
    (all.len() > 1).then(|| format!("{} is reached at {}; the answer is the {which}", law.response, in_words(&listed)))
}

/// The smallest value of one variable that reaches a response and keeps the limits.
fn smallest(model: &Model<'_>, target: f64, solve: &str, base: &[f64]) -> Result<f64, Refusal> {
    let value = cross(model, target, solve, base)?;
    model.ready.limits.map_or(Ok(value), |limits| limits.raised(model, target, (solve, value), base))
}
