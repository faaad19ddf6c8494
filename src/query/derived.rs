//! Quantities derived from the parameters of a fit, each with an interval.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::model::Solved;
use super::{Fault, Finding, Kind, Model, Moves, ROW_KEYS, Refusal, check_names, check_values, finish, rows_of};
use crate::expr::{Function, Kind as ValueKind, parse};
use crate::law::{Law, Roles, Tape, Treatment};
use crate::quantity::{OneOrMany, Quantity};

/// The key for values of variables.
const AT: &str = "at";

/// Expressions of a fit's parameters by name: `{ a = "beta / (alpha + beta)" }`. They may use variables whose values
/// are given: `{ lr = "c0 * N^a * D^b", at = { N = "7B", D = "2T" } }`.
///
/// The interval comes from the values at the draws of the parameters. The rows may determine an expression of
/// parameters that they do not determine one by one, and the reverse. A quantity has no value if it differs between
/// parameter vectors that fit the rows equally well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Derived {
    /// The expressions.
    #[serde(flatten)]
    pub expressions: BTreeMap<String, String>,
    /// Values of the law's variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<String, OneOrMany<Quantity>>,
}

impl<'de> Deserialize<'de> for Derived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DerivedVisitor;
        impl<'de> Visitor<'de> for DerivedVisitor {
            type Value = Derived;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table such as { a = \"beta / (alpha + beta)\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Derived, A::Error> {
                let mut derived = Derived { expressions: BTreeMap::new(), at: BTreeMap::new() };
                while let Some(key) = map.next_key::<String>()? {
                    if key == AT {
                        derived.at = map.next_value()?;
                    } else {
                        derived.expressions.insert(key, map.next_value()?);
                    }
                }
                Ok(derived)
            }
        }
        deserializer.deserialize_map(DerivedVisitor)
    }
}

impl JsonSchema for Derived {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Derived".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let quantity = OneOrMany::<Quantity>::json_schema(generator);
        json_schema!({
            "description": "Expressions of the fit's parameters by name; `at` gives values of variables.",
            "type": "object",
            "properties": {
                AT: {
                    "description": "Values of the law's variables, for expressions that contain them.",
                    "type": "object",
                    "additionalProperties": quantity
                }
            },
            "additionalProperties": { "type": "string" }
        })
    }
}

impl Derived {
    /// An expression of a law's parameters as a law of its own, with the same free parameters in the same order.
    fn as_law(law: &Law, text: &str) -> Option<Law> {
        Some(Law { body: parse(text).ok()?, ..law.clone() })
    }

    /// The faults of one expression.
    fn check_expression(&self, name: &str, text: &str, law: &Law, faults: &mut Vec<Fault>) {
        let is_taken = name == AT || ROW_KEYS.contains(&name) || law.variable(name).is_some();
        if is_taken || !crate::expr::is_plain_name(name) {
            let fault = Fault::at(name, format!("`{name}` cannot be the name of a derived quantity"));
            faults.push(
                fault.hint(
                    "use letters, digits and `_`, and not the name of a variable of the law or of a key of results",
                ),
            );
        }
        let body = match parse(text) {
            Ok(body) => body,
            Err(error) => {
                let fault = Fault::at(name, error.message);
                faults.push(Fault { hint: error.hint, ..fault });
                return;
            }
        };
        if let Some((function, _)) = body.first_call(&[Function::SumOver, Function::SumOverKnots]) {
            faults.push(Fault::at(name, format!("`{}` is allowed only in formulas of laws", function.name())));
            return;
        }
        if body.kind(&|_| ValueKind::Number) != Ok(ValueKind::Number) {
            faults.push(Fault::at(name, format!("`{text}` is not a number")));
        }
        let parameters: Vec<&str> = law.parameters.iter().map(|p| p.name.as_str()).collect();
        body.visit_symbols(&mut |symbol, _| {
            if law.variable(symbol).is_some() && !self.at.contains_key(symbol) {
                let fault = Fault::at(name, format!("`{symbol}` is a variable without a value"));
                faults.push(fault.hint(format!("give it one: `at = {{ {symbol} = ... }}`")));
            } else if law.variable(symbol).is_none() && !parameters.contains(&symbol.as_str()) {
                let fault = Fault::at(name, format!("the law `{}` has no parameter `{symbol}`", law.formula));
                faults.push(match crate::diagnostic::nearest(symbol, parameters.iter().copied()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!("its parameters are {}", parameters.join(", "))),
                });
            }
        });
    }

    /// The compiled expressions.
    fn tapes(&self, model: &Model<'_>) -> Result<Arc<Vec<Tape>>, Refusal> {
        let tapes = if let Some(tapes) = model.trail.step().and_then(Solved::shared::<Vec<Tape>>) {
            tapes
        } else {
            let tape = |text: &String| Self::as_law(model.ready.law, text).map(|law| law.tape());
            let tapes: Option<Vec<Tape>> = self.expressions.values().map(tape).collect();
            Arc::new(tapes.ok_or_else(|| Refusal::Undefined("an expression cannot be read".to_owned()))?)
        };
        model.trail.lay(|| Some(Solved::of(Arc::clone(&tapes))));
        Ok(tapes)
    }
}

impl Kind for Derived {
    fn outputs(&self) -> Vec<&str> {
        self.expressions.keys().map(String::as_str).collect()
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if self.expressions.is_empty() {
            let fault = Fault::whole("there is no expression");
            faults.push(fault.hint("write one, such as `a = \"beta / (alpha + beta)\"`"));
        }
        for (name, text) in &self.expressions {
            self.check_expression(name, text, law, &mut faults);
        }
        let variables: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).collect();
        check_names(self.at.keys(), &variables, law, &mut faults);
        check_values(&self.at, law, &mut faults);
        finish(faults)
    }

    fn parameters_of<'a>(&self, output: &str, law: &'a Law) -> Vec<&'a str> {
        let Some(Ok(body)) = self.expressions.get(output).map(|text| parse(text)) else { return Vec::new() };
        let mut found: Vec<&'a str> = Vec::new();
        let known = |name: &str| law.parameters.iter().find(|p| p.name == name);
        let add = |name: &String, found: &mut Vec<&'a str>| {
            found.extend(known(name).map(|p| p.name.as_str()).filter(|name| !found.contains(name)));
        };
        body.visit_symbols(&mut |name, _| add(name, &mut found));
        // An expression also depends on the parameters to which its own are tied, over several ties where needed.
        let mut at = 0;
        while let Some(name) = found.get(at).copied() {
            if let Some(Treatment::Tied(tie)) = known(name).map(|p| &p.treatment) {
                tie.visit_symbols(&mut |name, _| add(name, &mut found));
            }
            at += 1;
        }
        found
    }

    fn is_in_parts(&self) -> bool {
        true
    }

    fn takes_several_laws(&self) -> Result<(), &'static str> {
        Err("its expressions contain the parameters of one law, which other laws do not have")
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.at)
    }

    fn moves(&self, _: &Law) -> Option<Moves> {
        None
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it is computed from parameters, and a limit does not change them")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        // Variables without a value are not used by any expression.
        let at: Vec<f64> =
            model.ready.law.variables.iter().map(|v| inputs.get(&v.name).copied().unwrap_or(1.0)).collect();
        let tapes = self.tapes(model)?;
        let values = tapes.iter().map(|tape| tape.value_at(model.parameters, &at));
        let outputs = self.expressions.keys().map(|name| name.clone().into()).zip(values).collect();
        Ok(Finding { outputs, at: inputs.clone() })
    }
}
