//! Decodes an untyped tree into typed values. All errors are reported at once, each with its path.
//!
//! serde stops at the first error. The offending value is therefore removed from the tree and the rest is decoded
//! again, until no error remains. An error that only follows from an earlier removal is dropped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::{Deserialize, Deserializer};

use super::node::{Node, root};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::objective::Objective;
use crate::query::Question;
use crate::table::Step as Transform;
use crate::uncertainty::Uncertainty;

/// The code of an error about an unknown key.
pub(crate) const UNKNOWN_KEY: &str = "unknown-key";

/// Maximum number of wrong values before decoding stops.
const MOST_ROUNDS: usize = 100;

/// Maximum number of unknown keys reported.
const MOST_UNKNOWN: usize = 1000;

/// Decodes a tree.
///
/// # Errors
/// Every value of a wrong type, every unknown key and every missing key.
pub(super) fn decode<T: for<'de> Deserialize<'de>>(tree: &Node) -> (Option<T>, Vec<Diagnostic>) {
    let mut tree = tree.clone();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut removed: Vec<SpecPath> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    loop {
        let sink = RefCell::new(Vec::new());
        let result = T::deserialize(Decoder { node: &tree, path: root(), unknown: &sink });
        found.extend(sink.into_inner().into_iter().filter(|unknown| known.insert(format!("{:?}", unknown.place))));
        let error = match result {
            Ok(value) => return (Some(value), found),
            Err(error) => error,
        };
        let mut path = error.path.clone().unwrap_or_default();
        // A key or an element of a list that is missing because it was removed has been reported already.
        let missing = error.missing();
        let is_around = |removed: &SpecPath| removed.0.starts_with(&path.0);
        let echo = removed.iter().any(is_around);
        if !echo {
            found.push(error.into_diagnostic());
        }
        // With a stand-in for a missing title or version the rest can still be checked.
        if let Some(stand_in) = missing.and_then(stand_in)
            && path.0.len() <= 1
            && tree.insert(&path.0, missing.unwrap_or_default(), stand_in)
        {
            continue;
        }
        // A removed element leaves an empty place, so that the others keep theirs. Where nothing may not stand, the list goes.
        while removed.contains(&path) {
            path.0.pop();
        }
        // Each round decodes the whole tree again, hence the limit.
        if path.0.is_empty() || removed.len() == MOST_ROUNDS || !tree.remove(&path.0) {
            return (None, found);
        }
        removed.push(path);
    }
}

/// A stand-in for a missing required key at the top of a spec, so that decoding continues.
fn stand_in(key: &str) -> Option<Node> {
    match key {
        "spec" => Some(Node::Integer(1)),
        "study" => Some(Node::Table(vec![("title".to_owned(), Node::Text(String::new()))])),
        "title" => Some(Node::Text(String::new())),
        _ => None,
    }
}

/// An error with the path of the value at fault.
#[derive(Debug)]
struct DecodeError {
    message: String,
    hint: Option<String>,
    path: Option<SpecPath>,
    kind: Fault,
}

/// The kind of error.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// The value has the wrong type or is out of range.
    Wrong,
    /// A key is missing.
    Missing(&'static str),
    /// The key is unknown.
    UnknownKey,
    /// The kind is unknown; the text is its name.
    UnknownKind(String),
}

impl DecodeError {
    fn at(mut self, path: &SpecPath) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }

    /// The missing key, if this is the error.
    const fn missing(&self) -> Option<&'static str> {
        match self.kind {
            Fault::Missing(key) => Some(key),
            _ => None,
        }
    }

    fn into_diagnostic(self) -> Diagnostic {
        let path = self.path.unwrap_or_default();
        let (code, place) = match self.kind {
            Fault::Missing(_) => ("missing-key", Place::Key(path)),
            Fault::UnknownKey => (UNKNOWN_KEY, Place::Key(path)),
            Fault::UnknownKind(name) => ("unknown-kind", Place::Key(path.key(&name))),
            Fault::Wrong => ("wrong-value", Place::Value(path)),
        };
        Diagnostic::error(code, place, self.message).hint_if(self.hint)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), hint: None, path: None, kind: Fault::Wrong }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Str(text) => format!("the text \"{text}\""),
            Unexpected::Signed(value) => format!("the number {value}"),
            Unexpected::Unsigned(value) => format!("the number {value}"),
            Unexpected::Float(value) => format!("the number {value}"),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a table".to_owned(),
            other => other.to_string(),
        };
        let is_list = expected.to_string() == "a sequence";
        let expected = match expected.to_string().as_str() {
            "f64" | "f32" => "a number".to_owned(),
            "a string" => "a text".to_owned(),
            "a sequence" => "a list".to_owned(),
            "a map" => "a table".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "u64" | "u32" | "usize" => "a whole number, 0 or more".to_owned(),
            other => match (other.strip_prefix("struct "), other.strip_prefix("an array of length ")) {
                (Some(name), _) => table_of(name),
                (_, Some(length)) => format!("a list of {length} values"),
                _ => other.to_owned(),
            },
        };
        let hint = match found.as_str() {
            // Only YAML has keys without a value, usually because the content is not indented.
            "nothing" => Some("indent the content of a key deeper than the key".to_owned()),
            text if is_list && text.starts_with("the ") => {
                let (_, value) = text.split_once(' ').unwrap_or_default();
                let value = value.trim_start_matches("text ").trim_start_matches("number ");
                Some(format!("write it in brackets: `[{value}]`"))
            }
            "a table" if is_list => {
                Some("write a list of tables in brackets, `[{ ... }]`, or each table under `[[name]]`".to_owned())
            }
            _ => None,
        };
        Self { hint, ..Self::custom(format_args!("expected {expected}, found {found}")) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let kind = Fault::UnknownKind(variant.to_owned());
        Self {
            message: format!("there is no kind `{variant}` here"),
            hint: suggestion(variant, expected),
            path: None,
            kind,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("there is no key `{field}` here");
        Self { message, hint: suggestion(field, expected), path: None, kind: Fault::UnknownKey }
    }

    fn missing_field(field: &'static str) -> Self {
        let hint = (field == "spec").then(|| "write `spec = 1`, the version of the language".to_owned());
        Self { message: format!("`{field}` is missing"), hint, path: None, kind: Fault::Missing(field) }
    }
}

/// What each table is expected to contain, by the name of its type.
const TABLES: [(&str, &str); 13] = [
    ("Source", "a table of its own name, `[sources.runs]`"),
    ("Filter", "a table of its own name, `[filters.main]`"),
    ("LawSpec", "a table of its own name, `[laws.mine]`"),
    ("Fit", "a table of its own name, `[fits.main]`"),
    ("Query", "a table of its own name, `[queries.next]`"),
    ("Rule", "a table such as { drop = \"L > 10\" }"),
    ("ParameterText", "a table such as { bounds = [0, 2] }, or { fixed = 0.34 }"),
    ("Huber", "a table such as { delta = 1e-3 }"),
    ("ComputeOptimal", "a table such as { C = 1e21 }"),
    ("Reach", "a table such as { L = 2.0, solve = \"C\" }"),
    ("Budget", "a table such as { FLOP = 3e21 }, { gpu_hours = 1000 } or { usd = 40_000 }"),
    ("Candidates", "a table such as { N = \"40M to 2B\", D = \"1 to 1000 per parameter\" }"),
    ("Backtest", "a table such as { along = \"C\" }"),
];

fn table_of(name: &str) -> String {
    let known = TABLES.iter().find(|(other, _)| *other == name);
    known.map_or("a table", |(_, what)| what).to_owned()
}

/// Where a key belongs that names a kind of something else.
fn belongs_elsewhere(key: &str) -> Option<String> {
    let is = |names: &[&str]| names.contains(&key);
    let place = if is(&Question::NAMES) {
        "a kind of query: it belongs in a table `[queries.NAME]`"
    } else if is(&Objective::NAMES) {
        "an objective: it belongs in `objective` of a fit"
    } else if is(&Uncertainty::NAMES) {
        "a method of uncertainty: it belongs in `uncertainty` of a fit"
    } else if is(&Transform::NAMES) {
        "a step of a table: it belongs in `steps` of a table `[tables.NAME]`"
    } else {
        return None;
    };
    Some(format!("`{key}` is {place}"))
}

/// A "did you mean" hint, or the list of known names.
fn suggestion(name: &str, known: &'static [&'static str]) -> Option<String> {
    Diagnostic::error("", Place::File, "").suggest(name, known.iter().copied()).hints.pop()
}

/// A deserializer over a tree that tracks its path and records unknown keys.
struct Decoder<'a> {
    node: &'a Node,
    path: SpecPath,
    unknown: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> Decoder<'a> {
    fn entry(&self, step: Step, node: &'a Node) -> Self {
        Self { node, path: self.path.then(step), unknown: self.unknown }
    }

    fn map<'de, V: Visitor<'de>>(&self, entries: &'a [(String, Node)], visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(Entries { decoder: self, entries: entries.iter(), value: None }).map_err(|e| e.at(&self.path))
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let path = self.path.clone();
        let result = match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Truth(value) => visitor.visit_bool(*value),
            Node::Integer(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_str(text),
            Node::List(list) => visitor.visit_seq(Items { decoder: &self, items: list.iter().enumerate() }),
            Node::Table(entries) => self.map(entries, visitor),
        };
        result.map_err(|error| error.at(&path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        // An optional key is omitted; a key without a value is a mistake.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node {
            // Visitors of a fixed length do not look at what follows.
            Node::List(list) if list.len() != length => {
                let found = list.len();
                let error: DecodeError =
                    de::Error::custom(format_args!("expected a list of {length} values, found {found}"));
                Err(error.at(&self.path))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let entries = match self.node {
            Node::Table(entries) => entries,
            // Keys of a table have no order, so a list cannot stand for them.
            Node::List(_) => {
                let error: DecodeError = de::Error::invalid_type(Unexpected::Seq, &visitor);
                return Err(error.at(&self.path));
            }
            _ => return self.deserialize_any(visitor),
        };
        let mut known = Vec::new();
        for (key, value) in entries {
            if fields.contains(&key.as_str()) {
                known.push((key.clone(), value.clone()));
            } else if !(self.path.0.is_empty() && key.starts_with("x-")) && self.unknown.borrow().len() < MOST_UNKNOWN {
                let table = if self.path.0.is_empty() { "a spec".to_owned() } else { format!("`{}`", self.path) };
                self.unknown.borrow_mut().push(
                    Diagnostic::error(
                        UNKNOWN_KEY,
                        Place::Key(self.path.key(key)),
                        format!("{table} has no key `{key}`"),
                    )
                    .suggest(key, fields.iter().copied())
                    .hint_if(belongs_elsewhere(key)),
                );
            }
        }
        self.map(&known, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let kinds = crate::diagnostic::list(variants);
        let result = match self.node {
            Node::Text(text) => visitor.visit_enum(Kind { name: text, value: None, decoder: &self }),
            Node::Table(entries) => {
                if let [(name, value)] = entries.as_slice() {
                    visitor.visit_enum(Kind { name, value: Some(value), decoder: &self })
                } else {
                    let found = entries.iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>();
                    let found = if found.is_empty() { "none".to_owned() } else { crate::diagnostic::list(&found) };
                    Err(de::Error::custom(format_args!(
                        "expected exactly one key that names the kind, found {found}; the kinds are {kinds}"
                    )))
                }
            }
            other => Err(de::Error::custom(format_args!(
                "expected a kind, found {}; the kinds are {kinds}",
                other.describe()
            ))),
        };
        result.map_err(|error| error.at(&self.path))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple_struct map identifier ignored_any
    }
}

struct Items<'a, I> {
    decoder: &'a Decoder<'a>,
    items: I,
}

impl<'de, 'a, I: Iterator<Item = (usize, &'a Node)>> SeqAccess<'de> for Items<'a, I> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        match self.items.next() {
            Some((index, node)) => seed.deserialize(self.decoder.entry(Step::Index(index), node)).map(Some),
            None => Ok(None),
        }
    }
}

struct Entries<'a> {
    decoder: &'a Decoder<'a>,
    entries: std::slice::Iter<'a, (String, Node)>,
    value: Option<&'a (String, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.value = self.entries.next();
        match self.value {
            Some((key, _)) => {
                let name: StrDeserializer<'_, DecodeError> = key.as_str().into_deserializer();
                let path = || self.decoder.path.key(key);
                seed.deserialize(name).map(Some).map_err(|error| error.at(&path()))
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        match self.value.take() {
            Some((key, node)) => seed.deserialize(self.decoder.entry(Step::Key(key.clone()), node)),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// A kind with its settings: `huber`, or `{ huber = { delta = 1e-3 } }`.
struct Kind<'a> {
    name: &'a str,
    value: Option<&'a Node>,
    decoder: &'a Decoder<'a>,
}

impl<'de> EnumAccess<'de> for Kind<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|mut error| {
            // A kind written as plain text has no key to point at.
            if self.value.is_none() {
                error.kind = Fault::Wrong;
            }
            error
        })?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Kind<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.value {
            None | Some(Node::Null) => Ok(()),
            Some(Node::Table(entries)) if entries.is_empty() => Ok(()),
            Some(other) => {
                Err(de::Error::custom(format_args!("`{}` takes no settings, found {}", self.name, other.describe())))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        // A kind given by name alone has all default settings.
        let defaults = Node::Table(Vec::new());
        let node = self.value.unwrap_or(&defaults);
        let step = Step::Key(self.name.to_owned());
        let path = if self.value.is_some() { self.decoder.path.then(step) } else { self.decoder.path.clone() };
        seed.deserialize(Decoder { node, path, unknown: self.decoder.unknown })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom("a kind needs a table of settings"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let defaults = Node::Table(Vec::new());
        let node = self.value.unwrap_or(&defaults);
        let path = self.decoder.path.key(self.name);
        Decoder { node, path, unknown: self.decoder.unknown }.deserialize_struct("kind", fields, visitor)
    }
}
