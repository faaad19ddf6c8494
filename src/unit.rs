//! Units of variables: what a column counts, and in what multiples.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a variable measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Parameters of a network.
    Parameters,
    /// Tokens or other examples seen.
    Tokens,
    /// Floating-point operations.
    Flop,
    /// A loss in nats.
    Nats,
    /// A loss in bits.
    Bits,
    /// A pure number.
    One,
}

/// The base units: name, dimension, size in the dimension's own unit.
const BASES: [(&str, Dimension, f64); 7] = [
    ("parameters", Dimension::Parameters, 1.0),
    ("tokens", Dimension::Tokens, 1.0),
    ("FLOP", Dimension::Flop, 1.0),
    ("PFday", Dimension::Flop, 8.64e19),
    ("nats", Dimension::Nats, 1.0),
    ("bits", Dimension::Bits, 1.0),
    ("1", Dimension::One, 1.0),
];
const MULTIPLES: [(&str, f64); 4] = [("K", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12)];

/// A unit: `tokens`, `B tokens`, `FLOP`, `PFday`, `nats`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// What it measures.
    pub dimension: Dimension,
    /// Its size in the dimension's own unit: 1e9 for `B tokens`.
    pub size: f64,
    multiple: &'static str,
    base: &'static str,
}

impl Unit {
    /// Reads a unit.
    pub fn parse(text: &str) -> Option<Self> {
        let (multiple, base) = match text.split_once(' ') {
            Some((multiple, base)) => {
                let found = MULTIPLES.iter().find(|(name, _)| *name == multiple)?;
                (*found, base)
            }
            None => (("", 1.0), text),
        };
        let (base, dimension, size) = BASES.into_iter().find(|(name, ..)| *name == base)?;
        Some(Self { dimension, size: size * multiple.1, multiple: multiple.0, base })
    }
}

impl Unit {
    /// The unit in which values of a dimension are kept.
    pub fn base(dimension: Dimension) -> Option<Self> {
        let (base, dimension, size) = BASES.into_iter().find(|(_, d, size)| *d == dimension && *size == 1.0)?;
        Some(Self { dimension, size, multiple: "", base })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.multiple.is_empty() { f.write_str(self.base) } else { write!(f, "{} {}", self.multiple, self.base) }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let names: Vec<&str> = BASES.iter().map(|(name, ..)| *name).collect();
            let near = crate::diagnostic::nearest(&text, names.iter().copied());
            let near = near.map(|n| format!(" did you mean `{n}`?")).unwrap_or_default();
            serde::de::Error::custom(format_args!(
                "there is no unit `{text}`;{near} the units are {}, each with K, M, B or T before it: `B tokens`",
                names.join(", ")
            ))
        })
    }
}

impl JsonSchema for Unit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Unit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = BASES.map(|(name, ..)| name).join("|");
        json_schema!({
            "description": "A unit: parameters, tokens, FLOP, PFday, nats, bits or 1, with K, M, B or T before it: \"B tokens\".",
            "type": "string",
            "pattern": format!("^([KMBT] )?({names})$"),
            "examples": ["parameters", "tokens", "FLOP", "PFday", "B tokens"]
        })
    }
}

/// Which parameters a model size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// All of them.
    Total,
    /// Without embeddings, as in Kaplan et al. 2020.
    NonEmbedding,
    /// Those a token meets, in a mixture of experts.
    Active,
}

impl Counts {
    /// The convention in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Total => "all parameters",
            Self::NonEmbedding => "parameters without embeddings",
            Self::Active => "active parameters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_back_as_they_are_written() {
        for text in ["tokens", "B tokens", "PFday", "M parameters"] {
            assert_eq!(Unit::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Unit::parse("B tokens").unwrap().size, 1e9);
        assert!(Unit::parse("G tokens").is_none() && Unit::parse("token").is_none());
    }
}
