//! Settings of formats: each format declares its own as keys of a source.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Decimal, Format, SourceError};
use crate::registry::keys_of;

/// The settings of a format: a struct whose fields are keys of a source.
///
/// Every field can be left out. The doc comment of a field is the text that editors show. A key of several formats has
/// the same type and the same meaning in each.
pub trait Settings: Default + Serialize + DeserializeOwned + JsonSchema {
    /// Checks the values, whose types are right.
    fn check(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// The declared decimal separator of numbers in texts.
    fn decimal(&self) -> Option<Decimal> {
        None
    }

    /// The question to a database. A snapshot is valid for one question.
    fn question(&self) -> Option<&str> {
        None
    }
}

/// The settings of a format that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoSettings {}

impl Settings for NoSettings {}

/// A fault of settings that is found before anything is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Code of the diagnostic.
    pub code: &'static str,
    /// Key at fault, where there is one.
    pub key: Option<&'static str>,
    /// Index of the element at fault, where the value is a list.
    pub index: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of the settings as a whole.
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, key: None, index: None, message: message.into(), hint: None }
    }

    /// Places the fault in the value of a key.
    pub(super) fn of_value(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The keys of a format's settings.
pub(super) fn keys<S: Settings>() -> &'static [&'static str] {
    keys_of(|keys| S::deserialize(keys))
}

/// The settings that a spec gives to a source, by key. [`Settings`] of its format are read from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(BTreeMap<String, Value>);

impl Options {
    /// The settings of a format as options.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub fn of<S: Settings>(settings: &S) -> Result<Self, serde_json::Error> {
        let written: BTreeMap<String, Value> = serde_json::from_value(serde_json::to_value(settings)?)?;
        Ok(Self(written.into_iter().filter(|(_, value)| !value.is_null()).collect()))
    }

    /// Whether no setting is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that are given.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The settings of a format; keys of other formats have no effect.
    ///
    /// # Errors
    /// A value does not have the type of its key.
    pub(super) fn read<S: Settings>(&self) -> Result<S, SourceError> {
        let values: Map<String, Value> = self.0.clone().into_iter().collect();
        S::deserialize(Value::Object(values))
            .map_err(|error| SourceError::Unreadable(format!("a setting of the source is invalid: {error}")))
    }

    /// Adds a setting, whose value is the next one of a table.
    ///
    /// # Errors
    /// The value does not have the type of its key.
    pub(super) fn add<'de, S: Settings, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let settings = S::deserialize(MapAccessDeserializer::new(Entry { key: Some(key), map }))?;
        self.0.extend(Self::of(&settings).map_err(A::Error::custom)?.0);
        Ok(())
    }
}

/// The next entry of a table, whose key has been read.
struct Entry<'k, 'm, A> {
    key: Option<&'k str>,
    map: &'m mut A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entry<'_, '_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(key) = self.key.take() else { return Ok(None) };
        let key: StrDeserializer<'_, A::Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The keys of all formats in a table of a spec, for its schema.
pub struct SettingKeys;

impl JsonSchema for SettingKeys {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SettingKeys".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for format in Format::ALL {
            for (key, schema) in of_keys(&format.member().schema(generator)) {
                properties.entry(key).or_insert(schema);
            }
        }
        json_schema!({ "type": "object", "properties": properties })
    }
}

/// The schema of each key of a struct.
fn of_keys(schema: &Schema) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_same_type_and_text_in_all_formats() {
        let mut generator = SchemaGenerator::default();
        let mut known: Map<String, Value> = Map::new();
        for format in Format::ALL {
            let declared = of_keys(&format.member().schema(&mut generator));
            assert_eq!(
                declared.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
                format.member().settings().iter().copied().collect(),
                "the keys of {}",
                format.name()
            );
            for (key, schema) in declared {
                assert_eq!(*known.entry(key.clone()).or_insert(schema.clone()), schema, "{key} of {}", format.name());
            }
        }
        assert_eq!(known["comment"]["description"], "The prefix of comment lines: \"#\".");
        assert_eq!(known.len(), Format::setting_keys().len());
    }

    #[test]
    fn a_value_of_another_type_is_an_error_of_the_reader() {
        let options = Options(BTreeMap::from([("query".to_owned(), Value::from(7))]));
        let columns = ["N".to_owned()];
        let read =
            |format| super::super::read(b"N\n1\n".to_vec(), format, &columns, &options, &super::super::Limits::USUAL);
        let error = read(Format::Sqlite).unwrap_err().to_string();
        assert!(error.starts_with("a setting of the source is invalid: invalid type: integer `7`"), "{error}");
        // The format has no such key.
        assert!(read(Format::Csv).is_ok());
    }
}
