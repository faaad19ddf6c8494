//! One JSON object per line.
//!
//! Line by line: a number may be as long as it likes, and what is nested is passed over without a stack.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Cell, Limits, Reader, SourceError, cell};

pub(super) struct Ndjson;

impl Reader for Ndjson {
    fn endings(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, columns: &[String], limits: &Limits) -> Result<Vec<Vec<Cell>>, SourceError> {
        let is_blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
        let lines = || bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !is_blank(line));
        let rows = lines().count();
        limits.allow_values(rows, columns.len())?;
        let places: BTreeMap<&str, usize> =
            columns.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut table: Vec<Vec<Cell>> = columns.iter().map(|_| Vec::with_capacity(rows)).collect();
        let mut seen = vec![false; columns.len()];
        for (row, (number, line)) in lines().enumerate() {
            table.iter_mut().for_each(|column| column.push(Cell::Empty));
            let mut line = serde_json::Deserializer::from_slice(line);
            let object = Object {
                places: &places,
                enter: &mut |place, value| {
                    seen[place] = true;
                    let value = match value {
                        Value::Cell(cell) => cell,
                        Value::Nested(found) => {
                            return Err(SourceError::Nested {
                                column: columns[place].clone(),
                                found: found.to_owned(),
                            });
                        }
                    };
                    table[place][row] = value;
                    Ok(())
                },
            };
            let read = object.deserialize(&mut line).and_then(|read| line.end().map(|()| read));
            read.map_err(|error| unreadable(number, &error))??;
        }
        match seen.iter().position(|seen| !seen) {
            Some(place) => Err(SourceError::no_column(
                &columns[place],
                keys(lines().map(|(_, line)| line)).iter().map(String::as_str),
            )),
            None => Ok(table),
        }
    }
}

/// The error of a line, with its place in the file.
fn unreadable(line: usize, error: &serde_json::Error) -> SourceError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    SourceError::Unreadable(format!("line {}, column {}: {message}", line + 1, error.column()))
}

/// The keys of the first lines.
fn keys<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    const LINES: usize = 1000;
    let objects = lines.take(LINES).filter_map(|line| serde_json::from_slice::<Keys>(line).ok());
    let mut keys: Vec<String> = objects.flat_map(|keys| keys.0).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The keys of an object.
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            keys.push(key);
        }
        Ok(Keys(keys))
    }
}

/// A value of a key that is read.
enum Value {
    Cell(Cell),
    /// A list or an object, in words.
    Nested(&'static str),
}

/// An object of which some keys are entered by their place.
struct Object<'a> {
    places: &'a BTreeMap<&'a str, usize>,
    enter: &'a mut dyn FnMut(usize, Value) -> Result<(), SourceError>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Result<(), SourceError>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Result<(), SourceError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object per line")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut done = Ok(());
        while let Some(place) = map.next_key_seed(Key(self.places))? {
            match place {
                Some(place) => {
                    let value = map.next_value_seed(Any)?;
                    if done.is_ok() {
                        done = (self.enter)(place, value);
                    }
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(done)
    }
}

/// A key, as the place of what is read.
struct Key<'a>(&'a BTreeMap<&'a str, usize>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.get(key).copied())
    }
}

/// Any value.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Cell(Cell::Empty))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Cell(Cell::Text(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Cell(Cell::Number(value as f64)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Cell(Cell::Number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Cell(Cell::Number(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Cell(cell(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested("lists"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Nested("objects"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &[&str]) -> Result<Vec<Vec<Cell>>, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        Ndjson.read(Arc::new(text.as_bytes().to_vec()), &columns, &Limits::USUAL)
    }

    #[test]
    fn numbers_of_any_length_are_read_and_blank_lines_are_none() {
        let cells = read("{\"N\": 123456789012345678901234567890}\n\n{\"N\": -1e400, \"M\": 1}\r\n", &["N"]);
        let error = cells.unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
        let cells = read("{\"N\": 123456789012345678901234567890}\n\n{\"L\": 1}\r\n", &["N"]).unwrap();
        assert_eq!(cells[0], [Cell::Number(123_456_789_012_345_678_901_234_567_890.0), Cell::Empty]);
    }

    #[test]
    fn what_is_nested_is_passed_over_however_deep_or_named_where_it_is_wanted() {
        let deep = format!("{{\"x\": {}{}, \"N\": 1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep, &["N"]).unwrap()[0], [Cell::Number(1.0)]);
        let error = read("{\"N\": [1, {\"a\": 2}]}", &["N"]).unwrap_err();
        assert_eq!(error, SourceError::Nested { column: "N".to_owned(), found: "lists".to_owned() });
        let wanted = read(&deep, &["x"]).unwrap_err();
        assert_eq!(wanted, SourceError::Nested { column: "x".to_owned(), found: "lists".to_owned() });
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        for (text, place) in
            [("{\"N\": 1}\n[1]\n", "line 2"), ("{\"N\": NaN}", "line 1, column 7"), ("{\"N\": 1} x", "line 1")]
        {
            let error = read(text, &["N"]).unwrap_err().to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn a_missing_key_is_named_beside_those_there_are() {
        let error = read("{\"a\": 1}\n{\"b\": 1}\n", &["c"]).unwrap_err();
        assert_eq!(error, SourceError::no_column("c", ["a", "b"]));
    }
}
