//! What a spec may say of laws and of what training costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::law::ParameterText;

/// What training costs in FLOP: a published convention (`use`) or a formula of your own (`compute`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostSpec {
    /// Name of a published convention: `six_nd`, `active`, `embeddings`, `kaplan_attention`, `palm_attention`, `recurrent`.
    #[serde(default, rename = "use")]
    pub convention: Option<String>,
    /// Training in FLOP, as a formula of variables: `6 * N_active * D`.
    #[serde(default)]
    pub compute: Option<String>,
    /// Serving a token in FLOP, as a formula of variables: `2 * N_active`. A third of what a token of training costs where
    /// nothing is said.
    #[serde(default)]
    pub serve: Option<String>,
    /// Your columns' names for the variables of a convention: `{ N_active = "active_params", D = "tokens" }`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A law: an entry of the catalogue (`use`) or a formula of your own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LawSpec {
    /// Name of a law of the catalogue; `lawfit laws` lists them.
    #[serde(default, rename = "use")]
    #[schemars(schema_with = "super::schema::law_name")]
    pub entry: Option<String>,
    /// A formula: "L = E + A / N^alpha + B / D^beta".
    #[serde(default)]
    pub formula: Option<String>,
    /// Fix every parameter at published values, by the name of their source: "hoffmann2022".
    #[serde(default)]
    pub constants: Option<String>,
    /// Your columns' names for those of the formula, its response included: `{ x = "C", L = "loss" }`; or, of a formula
    /// of your own, which of its names are variables: `["L"]`. Names of columns are variables without that.
    #[serde(default)]
    pub variables: LawVariables,
    /// Bounds, starts, fixed values and ties of parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterText>,
}

/// What a spec says of the variables of a law.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum LawVariables {
    /// Names of a formula that are variables.
    Declared(Vec<String>),
    /// Other names for those of the formula.
    Renamed(BTreeMap<String, String>),
}

impl Default for LawVariables {
    fn default() -> Self {
        Self::Declared(Vec::new())
    }
}

impl<'de> Deserialize<'de> for LawVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VariablesVisitor;
        impl<'de> Visitor<'de> for VariablesVisitor {
            type Value = LawVariables;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of names, or a table such as { x = \"C\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<LawVariables, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(LawVariables::Declared)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LawVariables, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(LawVariables::Renamed)
            }
        }
        deserializer.deserialize_any(VariablesVisitor)
    }
}
