//! A single JSON document: a list of objects, an object of columns, one object, or objects by name.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::object::{Fields, Paths, Row, Single, Table, Value, unreadable, with_quoted_nan};
use super::{Asked, Cell, Columns, Fault, Limits, Reader, Settings, SourceError, cell_of_text, text};

pub(super) struct Json;

/// The settings of a JSON document.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Document {
    /// Encoding of a text file that is not UTF-8, for example "latin1".
    encoding: Option<String>,
    /// Path to the list of records in a JSON document, keys separated by points: "log.history".
    records: Option<String>,
}

impl Settings for Document {
    fn check(&self) -> Vec<Fault> {
        text::check(self.encoding.as_deref()).into_iter().collect()
    }
}

impl Reader for Json {
    type Settings = Document;

    fn endings(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Document>) -> Result<Columns, SourceError> {
        let Asked { columns, how, limits, .. } = *asked;
        let bytes = text::text(&bytes, how.encoding.as_deref(), limits)?;
        let bytes = with_quoted_nan(&bytes);
        let path: Vec<&str> = how.records.as_deref().map(|path| path.split('.').collect()).unwrap_or_default();
        let fields = Fields::new(columns);
        let read = |shape| document(&bytes, &path, shape, &fields, columns, limits);
        read(Shape::Columns).or_else(|error| read(Shape::Record).or_else(|_| read(Shape::ByKey)).map_err(|_| error))
    }
}

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Its values are columns.
    Columns,
    /// It is one record.
    Record,
    /// Its values are records, named by their keys.
    ByKey,
}

/// The column with the keys of records.
const KEY: &str = "key";

/// Reads a document: a list of records, or an object of a shape.
fn document(
    bytes: &[u8],
    path: &[&str],
    shape: Shape,
    fields: &Fields,
    columns: &[String],
    limits: &Limits,
) -> Result<Columns, SourceError> {
    let mut table = Table::new(columns, limits);
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let read = Records { path, shape, fields, table: &mut table }.deserialize(&mut document);
    if let Some(fault) = table.fault.take() {
        return Err(fault);
    }
    let found = read.map_err(|error| unreadable(0, &error))?;
    document.end().map_err(|error| {
        SourceError::Unreadable(format!(
            "{} after the first value; for one value per line, write `format = \"ndjson\"`",
            unreadable(0, &error)
        ))
    })?;
    if found == Found::Nothing && !path.is_empty() {
        return Err(SourceError::Unreadable(format!("it has no list `{}`", path.join("."))));
    }
    let sizes: Vec<usize> = table.columns.iter().map(Vec::len).collect();
    if found == Found::Columns && sizes.windows(2).any(|pair| pair[0] != pair[1]) {
        let sizes: Vec<String> = columns.iter().zip(&sizes).map(|(name, size)| format!("{name} {size}")).collect();
        return Err(SourceError::Unreadable(format!("its columns have different lengths: {}", sizes.join(", "))));
    }
    table.finish(|| known(bytes, path))
}

/// The fields of the first records, or the keys of the document if it has no records.
fn known(bytes: &[u8], path: &[&str]) -> Vec<String> {
    let mut all = BTreeSet::new();
    // Reading ends with an error after the first records, or at a fault; the fields before it are listed.
    drop(Known { path, all: &mut all }.deserialize(&mut serde_json::Deserializer::from_slice(bytes)));
    all.into_iter().collect()
}

/// Collects the fields of the records at the end of a path of keys.
struct Known<'t> {
    path: &'t [&'t str],
    all: &'t mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Known<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Known<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        const RECORDS: usize = 1000;
        for _ in 0..if self.path.is_empty() { RECORDS } else { 0 } {
            if list.next_element_seed(Paths::new(self.all))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else { return Paths::new(self.all).visit_map(map) };
        while let Some(key) = map.next_key::<String>()? {
            if key == *first {
                return map.next_value_seed(Self { path: rest, all: self.all });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// What the path to the records leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Rows,
    Columns,
}

/// The records at the end of a path of keys.
struct Records<'t, 'a> {
    path: &'t [&'t str],
    shape: Shape,
    fields: &'t Fields,
    table: &'t mut Table<'a>,
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.first() {
            Some(key) => write!(f, "an object with `{key}`"),
            None => f.write_str("a list of objects, or an object of columns"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        if let Some(key) = self.path.first() {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            let message = format!("it has a list where `records` expects the key `{key}`");
            self.table.fault.get_or_insert(SourceError::Unreadable(message));
            return Ok(Found::Nothing);
        }
        let (fields, table) = (self.fields, self.table);
        while list.next_element_seed(Row { fields, table: &mut *table })?.is_some() {}
        Ok(Found::Rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return match self.shape {
                Shape::Columns => columns(map, self.fields, self.table),
                Shape::Record => record(map, self.fields, self.table),
                Shape::ByKey => by_key(map, self.fields, self.table),
            };
        };
        let mut found = Found::Nothing;
        while let Some(key) = map.next_key::<String>()? {
            if key == *first {
                found = map.next_value_seed(Records { path: rest, table: &mut *self.table, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Reads an object of columns, each a list of values or an object of values by row.
fn columns<'de, A: MapAccess<'de>>(mut map: A, fields: &Fields, table: &mut Table<'_>) -> Result<Found, A::Error> {
    while let Some(key) = map.next_key::<String>()? {
        match fields.get(&key).map(Fields::places) {
            Some([place]) => {
                let cells = map.next_value_seed(WholeColumn)?;
                table.fill(*place, cells);
            }
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
    }
    Ok(Found::Columns)
}

/// Reads an object as one record.
fn record<'de, A: MapAccess<'de>>(map: A, fields: &Fields, table: &mut Table<'_>) -> Result<Found, A::Error> {
    Row { fields, table }.read(map)?;
    Ok(Found::Rows)
}

/// Reads the values of an object as records; the column `key` has their keys.
fn by_key<'de, A: MapAccess<'de>>(mut map: A, fields: &Fields, table: &mut Table<'_>) -> Result<Found, A::Error> {
    while let Some(key) = map.next_key::<String>()? {
        map.next_value_seed(Row { fields, table: &mut *table })?;
        for place in fields.get(KEY).map(Fields::places).into_iter().flatten() {
            table.enter(*place, Value::Cell(cell_of_text(&key)));
        }
    }
    Ok(Found::Rows)
}

/// A column given as a list of values or as an object of values by row.
struct WholeColumn;

impl<'de> DeserializeSeed<'de> for WholeColumn {
    type Value = Vec<Cell>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Cell>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WholeColumn {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a list of values: a document must be a list of objects or an object of columns; `records = \
             \"key\"` names their place in it",
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Cell>, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element_seed(Single)? {
            cells.push(cell);
        }
        Ok(cells)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Cell>, A::Error> {
        let mut cells = Vec::new();
        while map.next_key::<IgnoredAny>()?.is_some() {
            cells.push(map.next_value_seed(Single)?);
        }
        Ok(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NO_TEXTS;
    use super::*;
    use crate::source::Limits;

    fn read(text: &str, columns: &[&str], records: Option<&str>) -> Result<Vec<Vec<Cell>>, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        let how = Document { records: records.map(str::to_owned), ..Document::default() };
        Json.read(
            Arc::new(text.as_bytes().to_vec()),
            &Asked { columns: &columns, texts: NO_TEXTS, how: &how, limits: &Limits::USUAL },
        )
    }

    #[test]
    fn a_list_of_objects_and_an_object_of_columns_are_the_same_table() {
        let rows = read(r#"[{"N": 1, "m": {"L": 2.5}}, {"N": "4B", "m": {"L": null}}]"#, &["N", "m.L"], None).unwrap();
        assert_eq!(rows[0], [Cell::Number(1.0), Cell::Text("4B".to_owned())]);
        assert_eq!(rows[1], [Cell::Number(2.5), Cell::Empty]);
        for text in [r#"{"N": [1, "4B"], "x": [[], {}]}"#, r#"{"x": 3, "N": {"0": 1, "1": "4B"}}"#] {
            assert_eq!(read(text, &["N"], None).unwrap()[0], rows[0], "{text}");
        }
    }

    #[test]
    fn records_are_found_at_the_path_in_the_spec() {
        let text = r#"{"best": 1, "log": {"history": [{"step": 1}, {"step": 2, "loss": NaN}]}}"#;
        let cells = read(text, &["step", "loss"], Some("log.history")).unwrap();
        assert_eq!(cells[1], [Cell::Empty, Cell::Text("NaN".to_owned())]);
        let error = read(text, &["step"], Some("history")).unwrap_err().to_string();
        assert_eq!(error, "it has no list `history`");
    }

    #[test]
    fn one_object_is_a_record_and_objects_by_name_are_records() {
        let n = Cell::Number;
        let one = r#"{"config": {"n": 7e7}, "metrics": {"loss": 3.0}, "tags": ["a"], "name": "x"}"#;
        let cells = read(one, &["config.n", "metrics.loss", "name"], None).unwrap();
        assert_eq!(cells, [[n(7e7)], [n(3.0)], [Cell::Text("x".to_owned())]]);
        let named = r#"{"runs": {"r0": {"n": 1, "loss": 3.0}, "r1": {"n": 2, "loss": 2.5}}}"#;
        let cells = read(named, &["n", "loss", "key"], Some("runs")).unwrap();
        assert_eq!(cells[..2], [[n(1.0), n(2.0)], [n(3.0), n(2.5)]]);
        assert_eq!(cells[2], ["r0", "r1"].map(|key| Cell::Text(key.to_owned())));
        // As pandas writes a table with `orient="index"`.
        let index = r#"{"0": {"N": 1, "L": 2.5}, "1": {"N": 2, "L": 2.25}}"#;
        assert_eq!(read(index, &["N", "L"], None).unwrap(), [[n(1.0), n(2.0)], [n(2.5), n(2.25)]]);
        let error = read(one, &["config.m"], None).unwrap_err();
        assert!(
            matches!(error, SourceError::NoColumn { ref known, .. } if known.contains(&"config.n".to_owned())),
            "{error}"
        );
    }

    #[test]
    fn a_document_that_is_not_a_table_is_an_error_with_its_position() {
        for (text, said) in [
            ("[1]", "line 1, column 2"),
            ("[{\"N\": 1},\n {\"N\": [2]}]", "lists"),
            ("3", "a list of objects"),
            ("{\"N\": [1], \"L\": [1, 2]}", "different lengths"),
            ("[{\"N\": 1}", "line 1"),
            ("[{\"L\": 1}]", "no column `N`"),
        ] {
            let error =
                read(text, if text.contains('L') { &["N", "L"] } else { &["N"] }, None).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
