//! Tables of a spec with a question as one of their keys: `{ fit = "main", loss = { N = "70B", D = "1T" } }`.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};

use super::Question;

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
            let others = Others { map, keys: T::keys(), questions: &mut questions };
            let mut table = T::from_others(MapAccessDeserializer::new(others))?;
            questions.sort_by_key(|question| Question::NAMES.iter().position(|name| *name == question.name()));
            *table.questions() = questions;
            Ok(table)
        }
    }
    deserializer.deserialize_struct(T::NAME, T::keys(), TableVisitor(PhantomData))
}

/// The entries of a table without its questions, which are collected during reading.
struct Others<'a, A> {
    map: A,
    keys: &'static [&'static str],
    questions: &'a mut Vec<Question>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Others<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if !self.keys.contains(&key.as_str()) {
                return Err(A::Error::unknown_field(&key, self.keys));
            }
            if let Some(question) = Question::read(&key, &mut self.map)? {
                self.questions.push(question);
                continue;
            }
            let key: StringDeserializer<A::Error> = key.into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
