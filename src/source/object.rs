//! Fields of JSON objects; nested fields are named by their path: `train.top1`, or `losses.0` and `losses.-1` in lists.
//!
//! Unused values are skipped without recursion at any depth.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::path::{Element, LAST};
use super::{Cell, Limits, SourceError, cell_of_text};

/// The requested fields as a tree of keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    places: Vec<usize>,
    inside: BTreeMap<String, Self>,
}

impl Fields {
    /// The fields with the given names. A name is a key, or a path of nested keys separated by points.
    pub(super) fn new(columns: &[String]) -> Self {
        let mut root = Self::default();
        for (place, name) in columns.iter().enumerate() {
            root.inside.entry(name.clone()).or_default().places = vec![place];
            if name.contains('.') {
                let node = name.split('.').fold(&mut root, |node, key| node.inside.entry(key.to_owned()).or_default());
                node.places = vec![place];
            }
        }
        root
    }

    /// The subtree of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.inside.get(key)
    }

    /// The columns of this field; none for an inner node.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The fields of both trees.
    fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.places.extend(&other.places);
        for (key, field) in &other.inside {
            let merged = both.inside.get(key).map_or_else(|| field.clone(), |known| known.with(field));
            both.inside.insert(key.clone(), merged);
        }
        both
    }
}

/// Columns that are filled row by row.
pub(super) struct Table<'a> {
    names: &'a [String],
    limits: &'a Limits,
    pub(super) columns: Vec<Vec<Cell>>,
    seen: Vec<bool>,
    rows: usize,
    /// The error that a deserializer's error cannot carry.
    pub(super) fault: Option<SourceError>,
}

impl<'a> Table<'a> {
    pub(super) fn new(names: &'a [String], limits: &'a Limits) -> Self {
        let columns = names.iter().map(|_| Vec::new()).collect();
        Self { names, limits, columns, seen: vec![false; names.len()], rows: 0, fault: None }
    }

    /// Begins an empty row.
    pub(super) fn begin(&mut self) -> Result<(), SourceError> {
        self.rows += 1;
        self.limits.allow_values(self.rows, self.names.len())?;
        self.columns.iter_mut().for_each(|column| column.push(Cell::Empty));
        Ok(())
    }

    /// Stores a value in the current row.
    pub(super) fn enter(&mut self, place: usize, value: Value) {
        match value {
            Value::Cell(cell) => {
                self.seen[place] = true;
                if let Some(last) = self.columns[place].last_mut() {
                    *last = cell;
                }
            }
            Value::Nested(found) if self.fault.is_none() => {
                let column = self.names[place].clone();
                self.fault = Some(SourceError::Nested { column, found: found.to_owned() });
            }
            Value::Nested(_) => {}
        }
    }

    /// Removes what the current row has in the columns of some fields.
    fn clear(&mut self, fields: &Fields) {
        for place in &fields.places {
            if let Some(last) = self.columns[*place].last_mut() {
                *last = Cell::Empty;
            }
        }
        fields.inside.values().for_each(|field| self.clear(field));
    }

    /// Stores a whole column.
    pub(super) fn fill(&mut self, place: usize, cells: Vec<Cell>) {
        self.seen[place] = true;
        self.columns[place] = cells;
    }

    /// The columns, if each one occurred; `known` lists the existing keys for the error.
    pub(super) fn finish(self, known: impl FnOnce() -> Vec<String>) -> Result<Vec<Vec<Cell>>, SourceError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.seen.iter().position(|seen| !seen) {
            Some(place) => Err(SourceError::no_column(&self.names[place], known().iter().map(String::as_str))),
            None => Ok(self.columns),
        }
    }
}

/// The value of a requested key.
#[derive(Clone)]
pub(super) enum Value {
    Cell(Cell),
    /// A list or an object, described in words.
    Nested(&'static str),
}

/// Reads one object as the next row of a table.
pub(super) struct Row<'t, 'a> {
    pub(super) fields: &'t Fields,
    pub(super) table: &'t mut Table<'a>,
}

impl Row<'_, '_> {
    /// Reads the keys of an object that was entered.
    pub(super) fn read<'de, A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        self.begin()?;
        Inside { fields: self.fields, table: self.table }.visit_map(map)
    }

    fn begin<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.table.begin().map_err(|fault| {
            self.table.fault.get_or_insert(fault);
            E::custom("too many rows")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        self.begin()?;
        deserializer.deserialize_map(Inside { fields: self.fields, table: self.table })
    }
}

/// Reads the keys of an object, at any level.
struct Inside<'t, 'a> {
    fields: &'t Fields,
    table: &'t mut Table<'a>,
}

impl<'de> Visitor<'de> for Inside<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Key(self.fields))? {
            match field {
                Some(field) => map.next_value_seed(Wanted { field, table: self.table })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A key, resolved to the requested field of that name.
struct Key<'t>(&'t Fields);

impl<'de, 't> DeserializeSeed<'de> for Key<'t> {
    type Value = Option<&'t Fields>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Key<'t> {
    type Value = Option<&'t Fields>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.get(key))
    }
}

/// The value of a requested key, or of one that contains requested keys.
struct Wanted<'t, 'a> {
    field: &'t Fields,
    table: &'t mut Table<'a>,
}

impl Wanted<'_, '_> {
    fn enter(self, value: &Value) {
        for place in &self.field.places {
            self.table.enter(*place, value.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Wanted<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.enter(&Value::Cell(Cell::Empty));
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.enter(&Value::Cell(Cell::Text(value.to_string())));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.enter(&Value::Cell(Cell::Number(value as f64)));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.enter(&Value::Cell(Cell::Number(value as f64)));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.enter(&Value::Cell(Cell::Number(value)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.enter(&Value::Cell(cell_of_text(text)));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let last = self.field.inside.get(LAST);
        let elements: BTreeMap<usize, &Fields> = self
            .field
            .inside
            .iter()
            .filter_map(|(key, field)| match Element::of(key) {
                Some(Element::At(index)) => Some((index, field)),
                _ => None,
            })
            .collect();
        // An element that a short list lacks is a missing value of a known column.
        for place in elements.values().copied().chain(last).flat_map(|field| &field.places) {
            self.table.seen[*place] = true;
        }
        for index in 0.. {
            let both;
            let field = match (elements.get(&index).copied(), last) {
                (Some(at), Some(last)) => {
                    both = at.with(last);
                    Some(&both)
                }
                (at, last) => at.or(last),
            };
            let is_there = match field {
                Some(field) => list.next_element_seed(Next { field, last, table: &mut *self.table })?.is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                break;
            }
        }
        self.enter(&Value::Nested("lists"));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if !self.field.inside.is_empty() {
            return Inside { fields: self.field, table: self.table }.visit_map(map);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.enter(&Value::Nested("objects"));
        Ok(())
    }
}

/// The next element of a list, which may be the last one.
struct Next<'t, 'a> {
    field: &'t Fields,
    /// The fields of the last element, which the element before it has filled.
    last: Option<&'t Fields>,
    table: &'t mut Table<'a>,
}

impl<'de> DeserializeSeed<'de> for Next<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Some(last) = self.last {
            self.table.clear(last);
        }
        Wanted { field: self.field, table: self.table }.deserialize(deserializer)
    }
}

/// A single cell: a value that is neither a list nor an object.
pub(super) struct Single;

impl<'de> DeserializeSeed<'de> for Single {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Single {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Empty)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(cell_of_text(text))
    }
}

/// Number of paths that are collected for a message.
const MOST_PATHS: usize = 100_000;
/// Depth of the paths, in keys.
const DEEPEST_PATH: usize = 3;

/// Collects the paths of the values in an object without keeping the values.
pub(super) struct Paths<'t> {
    /// The paths so far.
    pub(super) all: &'t mut BTreeSet<String>,
    path: String,
    depth: usize,
}

impl<'t> Paths<'t> {
    /// A collection that starts at an object.
    pub(super) fn new(all: &'t mut BTreeSet<String>) -> Self {
        Self { all, path: String::new(), depth: 0 }
    }

    fn value(self) {
        if !self.path.is_empty() && self.all.len() < MOST_PATHS {
            self.all.insert(self.path);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Paths<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == DEEPEST_PATH {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            self.value();
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Paths<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
            map.next_value_seed(Paths { all: &mut *self.all, path, depth: self.depth + 1 })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.value();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.value();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.value();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.value();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.value();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.value();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.value();
        Ok(())
    }
}

/// The JSON text with `NaN` and `Infinity`, which Python writes without quotes, as strings.
pub fn with_quoted_nan(bytes: &[u8]) -> Cow<'_, [u8]> {
    const ODD: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let holds = |odd: &[u8]| bytes.windows(odd.len()).any(|part| part == odd);
    if !(holds(b"NaN") || holds(b"Infinity")) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let (mut at, mut in_text) = (0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if in_text && byte == b'\\' {
            out.extend(&bytes[at..(at + 2).min(bytes.len())]);
            at += 2;
            continue;
        }
        if byte == b'"' {
            in_text = !in_text;
        }
        if let Some(odd) = ODD.iter().find(|odd| !in_text && bytes[at..].starts_with(odd)) {
            out.push(b'"');
            out.extend(*odd);
            out.push(b'"');
            at += odd.len();
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Cow::Owned(out)
}

/// The error of a JSON parser with its position.
pub(super) fn unreadable(line: usize, error: &serde_json::Error) -> SourceError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    SourceError::Unreadable(format!("line {}, column {}: {message}", line + error.line(), error.column()))
}
