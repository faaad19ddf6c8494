//! Tables of a spec with a question as one of their keys: `{ fit = "main", loss = { N = "70B", D = "1T" } }`.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};

use super::Question;
use crate::registry::Remaining;

/// A table of a spec with questions among its keys.
pub trait Asking: Sized {
    /// The name of its type.
    const NAME: &'static str;

    /// All keys of the table, including those of questions.
    fn keys() -> &'static [&'static str];

    /// Reads the table from its other keys.
    ///
    /// # Errors
    /// A value does not have the type of its key, or a key is missing.
    fn from_others<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// The questions of the table, in the order of the registry. A valid table has exactly one.
    fn questions(&mut self) -> &mut Vec<Question>;
}

/// Reads a table with questions among its keys.
///
/// # Errors
/// A value does not have the type of its key, or a key is missing or unknown.
pub fn read<'de, T: Asking, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct TableVisitor<T>(PhantomData<T>);
    impl<'de, T: Asking> Visitor<'de> for TableVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "struct {}", T::NAME)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let mut questions = Vec::new();
            let others = Remaining::new(map, |key: &str, map: &mut A| {
                if !T::keys().contains(&key) {
                    return Err(Error::unknown_field(key, T::keys()));
                }
                let question = Question::read(key, map)?;
                let is_question = question.is_some();
                questions.extend(question);
                Ok(is_question)
            });
            let mut table = T::from_others(MapAccessDeserializer::new(others))?;
            questions.sort_by_key(|question| Question::NAMES.iter().position(|name| *name == question.name()));
            *table.questions() = questions;
            Ok(table)
        }
    }
    deserializer.deserialize_struct(T::NAME, T::keys(), TableVisitor(PhantomData))
}
