//! The part of a spec about laws and training costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::law::{Domains, ParameterText};

/// Training cost in FLOP: a published convention (`use`) or your own formula (`compute`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostSpec {
    /// Name of a published convention: `six_nd`, `active`, `embeddings`, `kaplan_attention`, `palm_attention`, `recurrent`.
    #[serde(default, rename = "use")]
    pub convention: Option<String>,
    /// Training cost in FLOP, as a formula of variables: `6 * N_active * D`.
    #[serde(default)]
    pub compute: Option<String>,
    /// Cost of serving one token in FLOP, as a formula of variables: `2 * N_active`. Default: one third of the
    /// training cost of a token.
    #[serde(default)]
    pub serve: Option<String>,
    /// Your column names for the variables of a convention: `{ N_active = "active_params", D = "tokens" }`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A law: an entry of the catalogue (`use`) or your own formula.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LawSpec {
    /// Name of a law in the catalogue; `lawfit laws` lists them.
    #[serde(default, rename = "use")]
    #[schemars(schema_with = "super::schema::law_name")]
    pub entry: Option<String>,
    /// A formula: "L = E + A / N^alpha + B / D^beta".
    #[serde(default)]
    pub formula: Option<String>,
    /// Fixes every parameter at published values, named by their source: "hoffmann2022".
    #[serde(default)]
    pub constants: Option<String>,
    /// Your column names for the variables of the formula, response included: `{ x = "C", L = "loss" }`. For your own
    /// formula, alternatively the list of its names that are variables: `["L"]`. Column names are variables in any
    /// case.
    #[serde(default)]
    pub variables: LawVariables,
    /// Bounds, starts, fixed values and ties of parameters. `"t[d]"` stands for those of every domain.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterText>,
    /// The domains of `sum_over(d, t[d] * r[d])`: `["web", "code"]`, or by index: `{ d = ["web", "code"] }`. Default:
    /// those of the columns, as `r_web` and `r_code`.
    #[serde(default)]
    pub domains: LawDomains,
    /// The domain without a column, whose share is what the others leave.
    #[serde(default)]
    pub rest: Option<String>,
}

impl LawSpec {
    /// The declared domains.
    pub fn domains(&self) -> Domains {
        let rest = self.rest.clone();
        match &self.domains {
            LawDomains::OfEvery(every) => Domains { every: every.clone(), rest, ..Domains::default() },
            LawDomains::OfIndex(of_index) => Domains { of_index: of_index.clone(), rest, ..Domains::default() },
        }
    }
}

/// The `domains` of a law in a spec.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum LawDomains {
    /// Those of every index.
    OfEvery(Vec<String>),
    /// Those of each index.
    OfIndex(BTreeMap<String, Vec<String>>),
}

impl Default for LawDomains {
    fn default() -> Self {
        Self::OfEvery(Vec::new())
    }
}

impl<'de> Deserialize<'de> for LawDomains {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DomainsVisitor;
        impl<'de> Visitor<'de> for DomainsVisitor {
            type Value = LawDomains;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of domains, or a table such as { d = [\"web\", \"code\"] }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<LawDomains, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(LawDomains::OfEvery)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LawDomains, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(LawDomains::OfIndex)
            }
        }
        deserializer.deserialize_any(DomainsVisitor)
    }
}

/// The `variables` of a law in a spec.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum LawVariables {
    /// Names in a formula that are variables.
    Declared(Vec<String>),
    /// Other names for the variables of the formula.
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
