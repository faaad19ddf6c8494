//! Specs drawn at random from the schema of specs: every key, with usual, odd or extreme values.

use lawfit::numerics::Random;
use serde_json::{Map, Value, json};

use super::held::Case;
use super::mutated::{NUMBERS, TEXTS, pick};
use super::seeds;
use crate::world::repository;

/// Names that have a meaning in the specs.
const NAMES: [&str; 24] = [
    "N",
    "D",
    "C",
    "L",
    "family",
    "runs",
    "main",
    "other",
    "hoffmann",
    "budget",
    "queries.budget",
    "even",
    "runs.csv",
    "params",
    "tokens",
    "loss",
    "L = E + A / N^alpha",
    "C > 1e22",
    "1 / L",
    "alpha",
    "parameters",
    "FLOP",
    "utf-8",
    "additive_nd",
];

/// Plausible numbers.
const USUAL: [f64; 10] = [1.0, 2.0, 3.0, 0.5, 0.9, 1e-3, 1e9, 1e10, 1e21, 1e23];

/// Specs from seeds 0, 1, ...: a study in which some parts are drawn.
pub(super) fn cases(count: u64) -> Vec<Case> {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(repository().join("schemas/spec.schema.json")).unwrap()).unwrap();
    let (_, base) = seeds::studies().into_iter().find(|(name, _)| *name == "queries.toml").unwrap();
    let base: Value = serde_json::to_value(toml::from_str::<toml::Table>(&base).unwrap()).unwrap();
    let tables = seeds::tables();
    let one = |seed: u64| {
        let mut draw = Draw { schema: &schema, random: Random::new(seed, "drawn spec", 0) };
        let mut spec = base.clone();
        let mut done = Vec::new();
        for _ in 0..=draw.random.below(3) {
            done.push(draw.put_into(&mut spec));
        }
        // JSON is a subset of YAML.
        let text = serde_json::to_string_pretty(&spec).unwrap().into_bytes();
        seeds::case(format!("{seed} {}", done.join(" ")), "yaml", text, &tables)
    };
    (0..count).map(one).collect()
}

struct Draw<'a> {
    schema: &'a Value,
    random: Random,
}

impl Draw<'_> {
    fn one_of(&mut self, count: usize) -> bool {
        self.random.below(count) == 0
    }

    /// Draws a part of the spec, or a key of an existing part, and returns its path.
    fn put_into(&mut self, spec: &mut Value) -> String {
        let parts: Vec<String> = self.schema["properties"].as_object().unwrap().keys().cloned().collect();
        let part = parts[self.random.below(parts.len())].clone();
        let of_part = self.schema["properties"][&part].clone();
        let of_member = of_part.get("additionalProperties").filter(|of| of.is_object()).cloned();
        let (Some(of_member), Some(object)) = (of_member, spec.as_object_mut()) else {
            spec[&part] = self.value(&of_part, 0);
            return part;
        };
        let members = object.entry(part.clone()).or_insert_with(|| json!({}));
        let names: Vec<String> = members.as_object().unwrap().keys().cloned().chain(["drawn".to_owned()]).collect();
        let name = names[self.random.below(names.len())].clone();
        let of_member = self.resolved(&of_member);
        let keys: Vec<String> = of_member
            .get("properties")
            .and_then(Value::as_object)
            .map_or_else(Vec::new, |keys| keys.keys().cloned().collect());
        if keys.is_empty() || !members.get(&name).is_some_and(Value::is_object) {
            members[&name] = self.value(&of_member, 0);
            return format!("{part}.{name}");
        }
        let key = keys[self.random.below(keys.len())].clone();
        members[&name][&key] = self.value(&of_member["properties"][&key].clone(), 0);
        format!("{part}.{name}.{key}")
    }

    /// The schema that a reference points to.
    fn resolved(&self, of: &Value) -> Value {
        if let Some(name) = of.get("$ref").and_then(Value::as_str) {
            return self.resolved(&self.schema["definitions"][name.rsplit('/').next().unwrap()]);
        }
        match of.get("allOf").and_then(|all| all.get(0)) {
            Some(first) => self.resolved(first),
            None => of.clone(),
        }
    }

    fn value(&mut self, of: &Value, depth: usize) -> Value {
        let of = self.resolved(of);
        if self.one_of(40) || depth > 8 {
            return self.odd();
        }
        for several in ["anyOf", "oneOf"] {
            if let Some(kinds) = of.get(several).and_then(Value::as_array) {
                let kind = kinds[self.random.below(kinds.len())].clone();
                return self.value(&kind, depth + 1);
            }
        }
        if let Some(known) = of.get("enum").and_then(Value::as_array) {
            return known[self.random.below(known.len())].clone();
        } else if let Some(constant) = of.get("const") {
            return constant.clone();
        }
        let kind = match &of["type"] {
            Value::Array(kinds) => kinds[self.random.below(kinds.len())].clone(),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("object") => self.object(&of, depth),
            Some("array") => {
                let count = match (of["minItems"].as_u64(), of["maxItems"].as_u64()) {
                    (Some(least), Some(most)) if least == most => least as usize,
                    _ => self.random.below(4),
                };
                let items = of.get("items").cloned().unwrap_or(json!({}));
                (0..count).map(|_| self.value(&items, depth + 1)).collect()
            }
            Some("string") => self.text(),
            Some("boolean") => Value::Bool(self.one_of(2)),
            Some("integer") => {
                json!([0_u64, 1, 2, 5, 40, 1000, 100_000, 10_000_000, 1 << 40, u64::MAX][self.random.below(10)])
            }
            Some("number") => self.number(),
            _ => self.odd(),
        }
    }

    fn object(&mut self, of: &Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required: Vec<&str> =
            of["required"].as_array().map_or_else(Vec::new, |all| all.iter().filter_map(Value::as_str).collect());
        for (key, of) in of["properties"].as_object().into_iter().flatten() {
            if required.contains(&key.as_str()) && !self.one_of(40) || self.one_of(3) {
                object.insert(key.clone(), self.value(of, depth + 1));
            }
        }
        if let Some(of) = of.get("additionalProperties").filter(|of| **of != Value::Bool(false)) {
            for _ in 0..self.random.below(4) {
                let name = pick(&mut self.random, &NAMES).to_owned();
                object.insert(name, self.value(of, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn text(&mut self) -> Value {
        let from: &[&str] = if self.one_of(5) { &TEXTS } else { &NAMES };
        json!(pick(&mut self.random, from))
    }

    fn number(&mut self) -> Value {
        if !self.one_of(3) {
            return json!(USUAL[self.random.below(USUAL.len())]);
        }
        let text = pick(&mut self.random, &NUMBERS);
        serde_json::from_str(text).unwrap_or_else(|_| json!(text.trim_matches('"')))
    }

    /// A value of an unexpected kind.
    fn odd(&mut self) -> Value {
        [Value::Null, json!([]), json!({}), json!([[[]]]), json!(""), json!(true), json!(-1), json!({ "N": null })]
            [self.random.below(8)]
        .clone()
    }
}
