//! Warnings about sources, fits and answers, with their severity.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The severity of a warning, most serious first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NoteSeverity")]
pub enum NoteSeverity {
    /// An answer may be wrong by more than its interval.
    Serious,
    /// Something to check.
    #[default]
    Caution,
    /// True for every answer of its kind.
    Remark,
}

/// A warning: a text, and its severity. A caution is written as its text alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Warning {
    /// One or more sentences.
    pub text: String,
    /// The severity.
    pub severity: NoteSeverity,
}

/// A warning as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Caution(String),
    Marked { text: String, severity: NoteSeverity },
}

impl From<Written> for Warning {
    fn from(written: Written) -> Self {
        match written {
            Written::Caution(text) => Self { text, severity: NoteSeverity::Caution },
            Written::Marked { text, severity } => Self { text, severity },
        }
    }
}

impl From<Warning> for Written {
    fn from(Warning { text, severity }: Warning) -> Self {
        match severity {
            NoteSeverity::Caution => Self::Caution(text),
            NoteSeverity::Serious | NoteSeverity::Remark => Self::Marked { text, severity },
        }
    }
}

impl Warning {
    /// A serious warning.
    pub fn serious(text: impl Into<String>) -> Self {
        Self { text: text.into(), severity: NoteSeverity::Serious }
    }

    /// A warning that is true for every answer of its kind.
    pub fn remark(text: impl Into<String>) -> Self {
        Self { text: text.into(), severity: NoteSeverity::Remark }
    }
}

/// A text is a caution.
impl From<String> for Warning {
    fn from(text: String) -> Self {
        Self { text, severity: NoteSeverity::Caution }
    }
}

impl From<&str> for Warning {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Results contain the texts alone, because their notes have the severities.
impl JsonSchema for Warning {
    fn schema_name() -> Cow<'static, str> {
        "Warning".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The texts of warnings.
pub fn texts(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(|warning| warning.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_survives_storage_and_a_plain_text_is_a_caution() {
        let all = vec![Warning::from("check"), Warning::serious("wrong"), Warning::remark("always")];
        let stored = serde_json::to_string(&all).unwrap();
        assert!(stored.starts_with("[\"check\",{"), "{stored}");
        assert_eq!(serde_json::from_str::<Vec<Warning>>(&stored).unwrap(), all);
    }
}
