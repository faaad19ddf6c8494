//! Numbers as written in a spec: `4e7`, `"40M"`, `"3640 PFday"`, `"inf"`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::expr::{ParseError, parse_constant};
use crate::unit::{Dimension, Unit};

/// A number, or a text that is a constant expression.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Quantity(#[serde(serialize_with = "finite_or_text")] pub f64);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
/// JSON has no infinity, so it is written as text that parses to it.
fn finite_or_text<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_str(&value.to_string()) }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a text such as \"40M\" or \"3640 PFday\"")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
        Ok(Quantity(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
        Ok(Quantity(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Quantity, E> {
        if value.is_nan() { Err(E::custom("`nan` is not a quantity")) } else { Ok(Quantity(value)) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        match text.trim() {
            "inf" | "+inf" => Ok(Quantity(f64::INFINITY)),
            "-inf" => Ok(Quantity(f64::NEG_INFINITY)),
            text => quantity_in(text).map(Quantity).map_err(|error| {
                let own = format!("`{text}` is not a number");
                let why = error.to_string();
                let why = if why == own { String::new() } else { format!(": {why}") };
                E::custom(format_args!(
                    "{own}{why}; write a number, or one with a suffix, such as \"40M\" or \"3640 PFday\""
                ))
            }),
        }
    }
}

/// The number in a text, with a suffix or with a unit of losses, shares or compute.
///
/// # Errors
/// The text is neither a constant expression nor a number with such a unit.
pub fn quantity_in(text: &str) -> Result<f64, ParseError> {
    parse_constant(text).or_else(|error| with_unit(text).ok_or(error))
}

/// Maximum length of a number with a unit, since each of its parts is tried.
const LONGEST: usize = 64;

/// Dimensions whose units may follow a number.
const WITH_UNIT: [Dimension; 3] = [Dimension::Nats, Dimension::Share, Dimension::Flop];

/// A number with a unit of losses, shares or compute, in the base unit: `0.9 bits`, `70 %`, `3e21 FLOP`.
///
/// Plain counts have no unit here, since `7B tokens` for a number of parameters would go unnoticed.
fn with_unit(text: &str) -> Option<f64> {
    if text.len() > LONGEST {
        return None;
    }
    // The longest number first: `0.9 bits` is not 0 times `9 bits`.
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).collect();
    ends.into_iter()
        .rev()
        .filter_map(|at| Some((parse_constant(text[..at].trim_end()).ok()?, Unit::parse(text[at..].trim_start())?)))
        .find(|(_, unit)| WITH_UNIT.contains(&unit.dimension))
        .map(|(number, unit)| number * unit.size)
}

/// A regular expression for texts that are quantities: numbers with operators and functions between them, then a unit. It
/// does not count brackets.
fn pattern() -> String {
    let number = r"[0-9.][0-9_.]*([eE][+-]?[0-9]+)?([KMBT]| *PFday)?";
    let operand = format!(r"[-+(\s]*([a-z0-9_]+\([-+(\s]*)*{number}[)\s]*");
    let units = Unit::names_of(&WITH_UNIT).join("|");
    format!(r"^\s*([+-]?inf|{operand}([-+*/^,]+{operand})*(([KMBT] )?({units}))?)\s*$")
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or a text such as \"40M\", \"280B\", \"3640 PFday\", \"0.9 bits\", \"70 %\".",
            "type": ["number", "string"],
            "pattern": pattern()
        })
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(Vec<T>);

impl<T> OneOrMany<T> {
    /// The values, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T> From<T> for OneOrMany<T> {
    fn from(value: T) -> Self {
        Self(vec![value])
    }
}

impl<'a, T> IntoIterator for &'a OneOrMany<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for OneOrMany<Quantity> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor;
        impl<'de> Visitor<'de> for ManyVisitor {
            type Value = OneOrMany<Quantity>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a list of numbers")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                QuantityVisitor.visit_i64(value).map(|q| OneOrMany(vec![q]))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                QuantityVisitor.visit_u64(value).map(|q| OneOrMany(vec![q]))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                QuantityVisitor.visit_f64(value).map(|q| OneOrMany(vec![q]))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                QuantityVisitor.visit_str(text).map(|q| OneOrMany(vec![q]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(quantity) = list.next_element()? {
                    all.push(quantity);
                }
                if all.is_empty() {
                    return Err(de::Error::custom("the list is empty; write at least one number"));
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(ManyVisitor)
    }
}

impl JsonSchema for OneOrMany<Quantity> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantities".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a text such as \"40M\", or a list of them.",
            "type": ["number", "string", "array"],
            "pattern": pattern(),
            "items": { "type": ["number", "string"], "pattern": pattern() }
        })
    }
}

/// The schema of a table from variables to numbers or lists of numbers.
pub(crate) fn table_schema(generator: &mut SchemaGenerator) -> Schema {
    let quantity = OneOrMany::<Quantity>::json_schema(generator);
    json_schema!({ "type": "object", "additionalProperties": quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_program_accept_the_same_texts() {
        let schema = Quantity::json_schema(&mut SchemaGenerator::default()).to_value();
        let schema = jsonschema::validator_for(&schema).unwrap();
        for text in [
            "7B",
            "40M",
            "3640 PFday",
            "0.9 bits",
            "0.9 bits per byte",
            "70 %",
            "3e21 FLOP",
            "6 * 7B * 1T",
            "inf",
            "-inf",
            "sqrt(2)",
            "(1 + 2) * 3",
            ".5",
            "1_000",
            "-2^3",
            "2 M FLOP",
            " 5 ",
            "7 B",
            "about 1B",
            "big",
            "7B tokens",
            "",
            "1e21 FLOPS!",
            "1,000 tokens",
            "~3",
            "<= 3",
        ] {
            assert_eq!(schema.is_valid(&text.into()), read(text).is_ok(), "{text}");
        }
    }

    fn read(text: &str) -> Result<f64, serde_json::Error> {
        serde_json::from_value::<Quantity>(serde_json::Value::from(text)).map(|quantity| quantity.0)
    }

    #[test]
    fn losses_shares_and_compute_may_have_a_unit() {
        assert_eq!(read("0.9 bits").unwrap(), 0.9 * std::f64::consts::LN_2);
        assert!((read("70 %").unwrap() - 0.7).abs() < 1e-12 && (read("70%").unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(read("3e21 FLOP").unwrap(), 3e21);
        assert_eq!(read("2 ZFLOP").unwrap(), 2e21);
        assert_eq!(read("40M").unwrap(), 4e7);
    }

    #[test]
    fn other_units_and_words_are_no_quantities() {
        for text in ["7B tokens", "7 parameters", "0.9 bitz", "bits", "", "%"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
