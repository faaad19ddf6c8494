//! One JSON object per line.
//!
//! The file is read line by line. Numbers may have any length, and unused nested values are skipped without
//! recursion.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use super::object::{Fields, Paths, Row, Table, unreadable, with_quoted_nan};
use super::{Asked, Cell, Columns, Fault, Format, Reader, Settings, SourceError, text};

pub(super) struct Ndjson;

/// The settings of JSON lines.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Lines {
    /// Encoding of a text file that is not UTF-8, for example "latin1".
    encoding: Option<String>,
}

impl Settings for Lines {
    fn check(&self) -> Vec<Fault> {
        text::check(self.encoding.as_deref()).into_iter().collect()
    }
}

impl Reader for Ndjson {
    type Settings = Lines;

    fn endings(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Lines>) -> Result<Columns, SourceError> {
        let Asked { columns, how, limits, .. } = *asked;
        let bytes = text::text(&bytes, how.encoding.as_deref(), limits)?;
        let bytes = with_quoted_nan(&bytes);
        let is_blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
        let lines = || bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !is_blank(line));
        limits.allow_values(lines().count(), columns.len())?;
        let fields = Fields::new(columns);
        let mut table = Table::new(columns, limits);
        for (number, line) in lines() {
            let mut line = serde_json::Deserializer::from_slice(line);
            let read = Row { fields: &fields, table: &mut table }.deserialize(&mut line);
            if let Some(fault) = table.fault.take() {
                return Err(fault);
            }
            read.and_then(|()| line.end()).map_err(|error| unreadable(number, &error))?;
        }
        table.finish(|| keys(lines().map(|(_, line)| line)))
    }
}

/// The format of snapshots that are tables.
pub const SNAPSHOT: Format = Format::Ndjson;

/// A table with one object per line and sorted keys. The reader of JSON lines reads the same cells from it.
pub fn to_lines(names: &[String], columns: &Columns) -> Vec<u8> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut text = Vec::new();
    for row in 0..rows {
        let cells = names.iter().zip(columns).map(|(name, cells)| (name.clone(), json_of(&cells[row])));
        let object: serde_json::Map<String, serde_json::Value> = cells.collect();
        text.extend_from_slice(serde_json::Value::Object(object).to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// A cell as JSON. Numbers that JSON cannot write become strings, as the reader expects them.
fn json_of(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Number(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Into::into)
        }
        Cell::Text(text) => text.clone().into(),
        Cell::Empty => serde_json::Value::Null,
    }
}

/// The keys that occur in the first lines.
fn keys<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    const LINES: usize = 1000;
    let mut all = BTreeSet::new();
    for line in lines.take(LINES) {
        // The keys before a fault are listed too.
        drop(Paths::new(&mut all).deserialize(&mut serde_json::Deserializer::from_slice(line)));
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::NO_TEXTS;
    use super::*;
    use crate::source::Limits;

    fn read(text: &str, columns: &[&str]) -> Result<Vec<Vec<Cell>>, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        Ndjson.read(
            Arc::new(text.as_bytes().to_vec()),
            &Asked { columns: &columns, texts: NO_TEXTS, how: &Lines::default(), limits: &Limits::USUAL },
        )
    }

    #[test]
    fn numbers_of_any_length_are_read_and_blank_lines_are_skipped() {
        let cells = read("{\"N\": 123456789012345678901234567890}\n\n{\"N\": -1e400, \"M\": 1}\r\n", &["N"]);
        let error = cells.unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
        let cells = read("{\"N\": 123456789012345678901234567890}\n\n{\"L\": 1}\r\n", &["N"]).unwrap();
        assert_eq!(cells[0], [Cell::Number(123_456_789_012_345_678_901_234_567_890.0), Cell::Empty]);
    }

    #[test]
    fn nested_fields_are_read_by_their_path() {
        let text = "{\"epoch\": 1, \"train\": {\"top1\": 0.5, \"lr\": null}}\n{\"epoch\": 2, \"train.top1\": 0.25}\n";
        let cells = read(text, &["epoch", "train.top1", "train.lr"]).unwrap();
        assert_eq!(cells[1], [Cell::Number(0.5), Cell::Number(0.25)]);
        assert_eq!(cells[2], [Cell::Empty, Cell::Empty]);
        let error = read(text, &["train.top5"]).unwrap_err().to_string();
        assert_eq!(error, "there is no column `train.top5`");
    }

    #[test]
    fn unused_nested_values_are_skipped_and_requested_ones_are_errors() {
        let deep = format!("{{\"x\": {}{}, \"N\": 1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep, &["N"]).unwrap()[0], [Cell::Number(1.0)]);
        let error = read("{\"N\": [1, {\"a\": 2}]}", &["N"]).unwrap_err();
        assert_eq!(error, SourceError::Nested { column: "N".to_owned(), found: "lists".to_owned() });
        let wanted = read(&deep, &["x"]).unwrap_err();
        assert_eq!(wanted, SourceError::Nested { column: "x".to_owned(), found: "lists".to_owned() });
    }

    #[test]
    fn nan_and_infinity_are_read_as_python_writes_them() {
        let cells =
            read("{\"N\": NaN, \"s\": \"a \\\" NaN\"}\n{\"N\": -Infinity, \"s\": \"b\"}\n", &["N", "s"]).unwrap();
        assert_eq!(cells[0], [Cell::Text("NaN".to_owned()), Cell::Number(f64::NEG_INFINITY)]);
        assert_eq!(cells[1][0], Cell::Text("a \" NaN".to_owned()));
    }

    #[test]
    fn an_element_of_a_list_is_a_column() {
        let lines = r#"{"l": [3.0, 2.0], "e": [{"t": "arc", "s": 0.5}, {"t": "piqa"}], "g": [[1, 2], [3]]}
            {"l": [], "e": [], "g": null}
            {"l": null, "e": [{"t": "mmlu", "s": 0.25}], "g": [[], [4]]}
            {"l": {"0": 7}}"#;
        let (number, text) = (Cell::Number, |text: &str| Cell::Text(text.to_owned()));
        for (column, cells) in [
            ("l.0", [number(3.0), Cell::Empty, Cell::Empty, number(7.0)]),
            ("l.-1", [number(2.0), Cell::Empty, Cell::Empty, Cell::Empty]),
            ("l.9", [Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]),
            ("e.0.t", [text("arc"), Cell::Empty, text("mmlu"), Cell::Empty]),
            ("e.-1.t", [text("piqa"), Cell::Empty, text("mmlu"), Cell::Empty]),
            ("e.-1.s", [Cell::Empty, Cell::Empty, number(0.25), Cell::Empty]),
            ("g.0.1", [number(2.0), Cell::Empty, Cell::Empty, Cell::Empty]),
            ("g.-1.0", [number(3.0), Cell::Empty, number(4.0), Cell::Empty]),
        ] {
            assert_eq!(read(lines, &[column]).unwrap()[0], cells, "{column}");
        }
        let all = read(lines, &["e.-1.t", "e.0.s", "e.0.t", "e.1.t"]).unwrap();
        assert_eq!(
            all.iter().map(|cells| cells[2].clone()).collect::<Vec<_>>(),
            [text("mmlu"), number(0.25), text("mmlu"), Cell::Empty]
        );
        let whole = read(lines, &["l"]).unwrap_err().to_string();
        assert!(whole.ends_with("`l.0` is the first element of each list, `l.-1` the last"), "{whole}");
    }

    #[test]
    fn a_line_that_is_not_an_object_is_named() {
        for (text, place) in
            [("{\"N\": 1}\n[1]\n", "line 2"), ("{\"N\": nan}", "line 1, column 8"), ("{\"N\": 1} x", "line 1")]
        {
            let error = read(text, &["N"]).unwrap_err().to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn cells_that_were_written_are_read_as_they_were() {
        let columns = vec![
            vec![Cell::Number(0.1), Cell::Number(1e300), Cell::Empty],
            vec![Cell::Text("NaN".to_owned()), Cell::Text("é \"b\"".to_owned()), Cell::Number(-0.0)],
        ];
        let names = ["metrics.loss", "run"].map(str::to_owned);
        let lines = String::from_utf8(to_lines(&names, &columns)).unwrap();
        assert_eq!(read(&lines, &["metrics.loss", "run"]).unwrap(), columns, "{lines}");
    }

    #[test]
    fn a_missing_key_is_named_with_the_existing_keys() {
        let error = read("{\"a\": 1}\n{\"b\": 1}\n", &["c"]).unwrap_err();
        assert_eq!(error, SourceError::no_column("c", ["a", "b"]));
    }
}
