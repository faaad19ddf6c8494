//! Texts of a spec: names of groups and conditions on rows.

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use crate::table::Label;

/// One value, or a list of values, of the column that groups the fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GroupsAsked {
    /// One.
    One(Label),
    /// Several.
    Many(Vec<Label>),
}

/// Reads a condition on rows.
pub(super) fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct ConditionVisitor;
    impl Visitor<'_> for ConditionVisitor {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a condition on rows, such as \"C > 1e21\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            let share = text.trim().strip_suffix('%').unwrap_or(text).trim();
            if share.parse::<f64>().is_ok() {
                let message = format!("`{text}` is not a condition on rows; write one such as \"C > 1e21\"");
                return Err(E::custom(message));
            }
            Ok(text.to_owned())
        }
    }
    deserializer.deserialize_any(ConditionVisitor).map(Some)
}
