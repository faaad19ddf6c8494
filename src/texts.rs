//! Values of a spec that are one text or a list of texts.

use schemars::JsonSchema;
use serde::Deserialize;

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMoreTexts {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMoreTexts {
    /// All texts, in order.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(texts) => texts.clone(),
        }
    }
}
