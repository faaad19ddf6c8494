//! The JSON Schema of a spec, generated from its types.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::Spec;

/// The schema, in the draft that editors' YAML and TOML servers know (draft-07).
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Spec>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "lawfit spec".into());
        // Keys that begin with x- are left to the author: YAML anchors live there.
        object.insert("patternProperties".to_owned(), serde_json::json!({ "^x-": {} }));
    }
    allow_null_nowhere(&mut schema);
    schema
}

/// An optional key is left out, not set to null.
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

/// A law's name: one of the catalogue's.
pub(super) fn law_name(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<String> =
        crate::law::catalogue().iter().flat_map(|e| [vec![e.name.clone()], e.aliases.clone()].concat()).collect();
    json_schema!({ "type": "string", "enum": names })
}
