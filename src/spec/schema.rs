//! The JSON Schema of a spec, generated from its types.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Query, Source, Spec};
use crate::design::Decide;
use crate::query::{Asking, Question};
use crate::uncertainty::FEWEST_DRAWS;

/// The schema in draft-07, which the TOML and YAML language servers of editors support.
pub fn schema() -> serde_json::Value {
    let mut schema = schema_of_whole_specs();
    require_less_of_extensions(&mut schema);
    schema
}

/// The schema of specs that extend no other: every table has its required keys.
pub fn schema_of_whole_specs() -> serde_json::Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Spec>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "lawfit spec".into());
        // Keys that begin with x- are free for the author, for example for YAML anchors.
        object.insert("patternProperties".to_owned(), serde_json::json!({ "^x-": {} }));
    }
    allow_null_nowhere(&mut schema);
    keep_known_formats(&mut schema);
    if let Some(definitions) = schema.get_mut("definitions").and_then(serde_json::Value::as_object_mut) {
        let defaulted = without_required(definitions);
        for kind in ["Objective", "Uncertainty"] {
            definitions.entry(kind).and_modify(|definition| allow_names(definition, &defaulted));
        }
        definitions.entry("Query").and_modify(|query| {
            only_keys(query, Query::keys());
            require_one(query, &Question::NAMES);
        });
        definitions.entry("Source").and_modify(|source| only_keys(source, Source::keys()));
        definitions.entry("Decide").and_modify(|decide| {
            only_keys(decide, Decide::keys());
            require_one(decide, &Question::decisions());
        });
        definitions.entry("Fit").and_modify(complete_law);
        definitions.values_mut().for_each(bound_level);
        definitions.values_mut().for_each(bound_counts);
        for (table, keys) in EXCLUSIVE {
            definitions.entry(table).and_modify(|definition| exclude_each_other(definition, keys));
        }
        for (table, keys) in ONE_OF {
            definitions.entry(table).and_modify(|definition| require_one(definition, keys));
        }
        for (table, key, bound) in ABOVE {
            definitions.entry(table).and_modify(|definition| bound_below(definition, key, bound));
        }
        definitions.entry("Rule").and_modify(count_with_extremes);
    }
    if let Some(required) = schema.get_mut("required").and_then(serde_json::Value::as_array_mut) {
        required.push("fits".into());
    }
    if let Some(version) = schema.pointer_mut("/properties/spec").and_then(serde_json::Value::as_object_mut) {
        version.insert("const".to_owned(), 1.into());
    }
    schema
}

/// Pairs of keys of which a table has one at most.
const EXCLUSIVE: [(&str, [&str; 2]); 6] = [
    ("LawSpec", ["use", "formula"]),
    ("CostSpec", ["use", "compute"]),
    ("Source", ["path", "sha256"]),
    ("ColumnTable", ["column", "expr"]),
    ("ParameterText", ["fixed", "tied"]),
    ("Source", ["path", "url"]),
];
/// Keys of which a table has exactly one; in a spec that extends another one, the other may have it.
const ONE_OF: [(&str, &[&str]); 6] = [
    ("LawSpec", &["use", "formula"]),
    ("Source", &["path", "url", "from", "mlflow", "wandb"]),
    ("CostSpec", &["use", "compute"]),
    ("Rule", &["range", "keep", "drop", "drop_highest", "drop_lowest", "keep_highest", "keep_lowest"]),
    ("Bin", &["width", "per_decade", "edges"]),
    ("Best", &["lowest", "highest"]),
];
/// Numbers that must exceed a bound.
const ABOVE: [(&str, &str, f64); 5] = [
    ("Huber", "delta", 0.0),
    ("AsymmetricHuber", "delta", 0.0),
    ("AsymmetricHuber", "over", 0.0),
    ("Isoflop", "width", 1.0),
    ("Marginal", "factor", 1.0),
];
/// Minimum and maximum of counts, by key.
const COUNTS: [(&str, u64, Option<u64>); 5] = [
    ("resamples", FEWEST_DRAWS as u64, None),
    ("draws", FEWEST_DRAWS as u64, None),
    ("folds", 1, Some(100)),
    ("shards", 1, Some(1000)),
    ("points", 3, None),
];

/// Makes the required keys conditional. A spec that extends another one may take them from there.
fn require_less_of_extensions(schema: &mut serde_json::Value) {
    let mut wanted = serde_json::Map::new();
    let tables: Vec<(String, String, bool)> = schema
        .get("properties")
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, table)| {
            let of_entries = table.pointer("/additionalProperties/$ref");
            let own = table.get("$ref").or_else(|| table.pointer("/allOf/0/$ref"));
            let reference = of_entries.or(own)?.as_str()?.rsplit('/').next()?;
            Some((name.clone(), reference.to_owned(), of_entries.is_some()))
        })
        .collect();
    for (name, reference, is_of_entries) in tables {
        let definition = schema.pointer_mut(&format!("/definitions/{reference}"));
        let Some(definition) = definition.and_then(serde_json::Value::as_object_mut) else { continue };
        let is_wanted =
            |choice: &serde_json::Value| choice.as_object().is_some_and(|c| c.len() == 1 && c.contains_key("required"));
        let mut own = serde_json::Map::new();
        own.extend(definition.remove("required").map(|keys| ("required".to_owned(), keys)));
        if definition.get("oneOf").and_then(serde_json::Value::as_array).is_some_and(|all| all.iter().all(is_wanted)) {
            own.extend(definition.remove("oneOf").map(|choices| ("oneOf".to_owned(), choices)));
        }
        if !own.is_empty() {
            let own = serde_json::Value::Object(own);
            let mut own = if is_of_entries { serde_json::json!({ "additionalProperties": own }) } else { own };
            own["description"] = "What a spec needs that extends no other.".into();
            wanted.insert(name, own);
        }
    }
    let Some(root) = schema.as_object_mut() else { return };
    let required = root.remove("required").unwrap_or_else(|| serde_json::json!([]));
    root.insert("if".to_owned(), serde_json::json!({ "not": { "required": ["extends"] } }));
    root.insert("then".to_owned(), serde_json::json!({ "required": required, "properties": wanted }));
}

/// Bounds the counts of a table.
fn bound_counts(definition: &mut serde_json::Value) {
    for (key, least, most) in COUNTS {
        let count = definition.pointer_mut(&format!("/properties/{key}")).and_then(serde_json::Value::as_object_mut);
        if let Some(count) = count.filter(|count| count.get("type").is_some_and(|kind| kind == "integer")) {
            count.insert("minimum".to_owned(), least.into());
            count.extend(most.map(|most| ("maximum".to_owned(), most.into())));
        }
    }
}

/// Allows one of two keys at most.
fn exclude_each_other(definition: &mut serde_json::Value, keys: [&str; 2]) {
    let Some(object) = definition.as_object_mut() else { return };
    let all = object.entry("allOf").or_insert_with(|| serde_json::json!([]));
    if let Some(all) = all.as_array_mut() {
        all.push(serde_json::json!({ "not": { "required": keys } }));
    }
}

/// Requires exactly one of several keys.
fn require_one(definition: &mut serde_json::Value, keys: &[&str]) {
    let choices = keys.iter().map(|key| serde_json::json!({ "required": [key] })).collect();
    if let Some(object) = definition.as_object_mut() {
        object.insert("oneOf".to_owned(), serde_json::Value::Array(choices));
    }
}

/// Bounds the number of a key from below; a text is not bounded.
fn bound_below(definition: &mut serde_json::Value, key: &str, bound: f64) {
    let number = definition.pointer_mut(&format!("/properties/{key}")).and_then(serde_json::Value::as_object_mut);
    if let Some(number) = number {
        number.insert("exclusiveMinimum".to_owned(), bound.into());
    }
}

/// Requires a count of rows to drop, and allows one only for the highest or lowest rows.
fn count_with_extremes(rule: &mut serde_json::Value) {
    let extremes = ["drop_highest", "drop_lowest", "keep_highest", "keep_lowest"];
    let one = extremes.map(|key| serde_json::json!({ "required": [key] }));
    if let Some(object) = rule.as_object_mut() {
        let dependencies = serde_json::json!({
            "count": { "anyOf": one },
            "drop_highest": ["count"],
            "drop_lowest": ["count"],
        });
        object.insert("dependencies".to_owned(), dependencies);
    }
}

/// Removes formats that JSON Schema does not define, such as the widths of Rust integers.
fn keep_known_formats(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            let is_rust = |format: &serde_json::Value| {
                format.as_str().is_some_and(|format| {
                    ["double", "float"].contains(&format) || format.starts_with("uint") || format.starts_with("int")
                })
            };
            if object.get("format").is_some_and(is_rust) {
                object.remove("format");
            }
            object.values_mut().for_each(keep_known_formats);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(keep_known_formats),
        _ => {}
    }
}

/// References to tables without required keys.
fn without_required(definitions: &serde_json::Map<String, serde_json::Value>) -> Vec<String> {
    let is_free = |definition: &serde_json::Value| definition.get("required").is_none();
    let free = definitions.iter().filter(|(_, definition)| is_free(definition));
    free.map(|(name, _)| format!("#/definitions/{name}")).collect()
}

/// Allows a kind whose settings all have defaults to be written as its name: `objective = "huber"`.
fn allow_names(definition: &mut serde_json::Value, defaulted: &[String]) {
    let Some(choices) = definition.get_mut("oneOf").and_then(serde_json::Value::as_array_mut) else { return };
    let names = choices.iter().filter_map(|choice| {
        let (name, settings) = choice.get("properties")?.as_object()?.iter().next()?;
        let reference = settings.get("$ref").or_else(|| settings.pointer("/allOf/0/$ref"))?.as_str()?;
        defaulted.iter().any(|free| free == reference).then(|| name.clone())
    });
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        choices.push(serde_json::json!({
            "description": "The name alone, with default settings.", "type": "string", "enum": names,
        }));
    }
}

/// A table has these keys and no others.
fn only_keys(definition: &mut serde_json::Value, keys: &[&str]) {
    let Some(object) = definition.as_object_mut() else { return };
    object.insert("additionalProperties".to_owned(), false.into());
    if let Some(properties) = object.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        properties.retain(|key, _| keys.contains(&key.as_str()));
    }
}

/// Completes the names of catalogue laws; names defined by the spec remain valid.
fn complete_law(definition: &mut serde_json::Value) {
    let Some(law) = definition.pointer_mut("/properties/law").and_then(serde_json::Value::as_object_mut) else {
        return;
    };
    law.remove("type");
    law.insert("anyOf".to_owned(), serde_json::json!([{ "enum": law_names() }, { "type": "string" }]));
}

/// Restricts the coverage of an interval to (0, 1).
fn bound_level(definition: &mut serde_json::Value) {
    let level = definition.pointer_mut("/properties/level").and_then(serde_json::Value::as_object_mut);
    if let Some(level) = level.filter(|level| level.get("type").is_some_and(|kind| kind == "number")) {
        level.insert("exclusiveMinimum".to_owned(), 0.into());
        level.insert("exclusiveMaximum".to_owned(), 1.into());
    }
}

/// Removes `null` from optional keys, which are left out instead.
fn allow_null_nowhere(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            if let Some(serde_json::Value::Array(types)) = object.get_mut("type") {
                types.retain(|t| t != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            for key in ["anyOf", "oneOf"] {
                if let Some(serde_json::Value::Array(choices)) = object.get_mut(key) {
                    choices.retain(|choice| choice.get("type").is_none_or(|t| t != "null"));
                }
            }
            if object.get("default") == Some(&serde_json::Value::Null) {
                object.remove("default");
            }
            object.values_mut().for_each(allow_null_nowhere);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(allow_null_nowhere),
        _ => {}
    }
}

/// A law name: one of the catalogue.
pub(super) fn law_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": law_names() })
}

/// The names of the laws in the catalogue, aliases included.
fn law_names() -> Vec<String> {
    crate::law::catalogue().iter().flat_map(|e| [vec![e.name.clone()], e.aliases.clone()].concat()).collect()
}
