//! Extraction of numbers and text from cells: a part of each text, or a number for each of a few texts.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{Cell, pattern};
use crate::expr::number_of;
use crate::numeral::exact;

/// How cells of a column are transformed before they become numbers or text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// A regular expression for the part to read: its group, or the whole match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
    /// Numbers that replace texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, f64>>,
}

impl Reading {
    /// Checks a regular expression.
    ///
    /// # Errors
    /// If it is invalid or has more than one group.
    pub fn check(extract: &str) -> Result<(), String> {
        let regex = pattern(extract).map_err(|why| format!("`{extract}` is not a regular expression: {why}"))?;
        match regex.captures_len() - 1 {
            0 | 1 => Ok(()),
            many => Err(format!("`{extract}` has {many} groups; only one is allowed: write `(?:...)` for the others")),
        }
    }

    /// The transformed cells. A cell that cannot be read becomes empty, and `fault` receives its row and the reason.
    ///
    /// `as_numbers` says that the matched part must be a number.
    pub fn read(&self, cells: &[Cell], as_numbers: bool, mut fault: impl FnMut(usize, String)) -> Vec<Cell> {
        let regex = self.extract.as_ref().and_then(|extract| pattern(extract).ok());
        let mut read = |(row, cell): (usize, &Cell)| match self.one(regex.as_ref(), cell, as_numbers) {
            Ok(cell) => cell,
            Err(reason) => {
                fault(row, reason);
                Cell::Empty
            }
        };
        cells.iter().enumerate().map(&mut read).collect()
    }

    fn one(&self, pattern: Option<&Regex>, cell: &Cell, as_numbers: bool) -> Result<Cell, String> {
        let text = match cell {
            Cell::Text(text) => text.trim().to_owned(),
            Cell::Number(number) => exact(*number),
            Cell::Empty => return Ok(Cell::Empty),
        };
        let part = match (pattern, &self.extract) {
            (Some(pattern), Some(extract)) => {
                let found = pattern.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
                let found = found.ok_or_else(|| format!("`{extract}` does not match \"{text:.40}\""))?;
                found.as_str().to_owned()
            }
            _ => text.clone(),
        };
        if let Some(values) = &self.values {
            let value = values.get(&part);
            return value
                .map(|value| Cell::Number(*value))
                .ok_or_else(|| format!("`values` has no entry \"{part:.40}\""));
        }
        if !as_numbers {
            return Ok(Cell::Text(part));
        }
        number_of(&part).map(Cell::Number).ok_or_else(|| format!("\"{part:.40}\" is not a number, in \"{text:.40}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reading: &Reading, texts: &[&str], as_numbers: bool) -> (Vec<Cell>, Vec<String>) {
        let cells: Vec<Cell> = texts.iter().map(|text| super::super::cell(text)).collect();
        let mut faults = Vec::new();
        let read = reading.read(&cells, as_numbers, |row, reason| faults.push(format!("{row}: {reason}")));
        (read, faults)
    }

    #[test]
    fn a_pattern_reads_a_part_of_each_text_as_a_number_or_as_a_text() {
        let size = Reading { extract: Some("-([0-9.]+[mb])$".to_owned()), values: None };
        let (cells, faults) = read(&size, &["pythia-160m", "llama-2-7b", "", "gpt2"], true);
        assert_eq!(cells, [Cell::Number(1.6e8), Cell::Number(7e9), Cell::Empty, Cell::Empty]);
        assert_eq!(faults, ["3: `-([0-9.]+[mb])$` does not match \"gpt2\""]);
        let family = Reading { extract: Some("^[a-z]+".to_owned()), values: None };
        assert_eq!(read(&family, &["pythia-160m"], false).0, [Cell::Text("pythia".to_owned())]);
    }

    #[test]
    fn a_table_maps_texts_to_numbers_and_names_unknown_texts() {
        let values = BTreeMap::from([("small".to_owned(), 1e8), ("3".to_owned(), 7.0)]);
        let table = Reading { extract: None, values: Some(values) };
        let (cells, faults) = read(&table, &["small", "3.0", "tiny"], true);
        assert_eq!(cells, [Cell::Number(1e8), Cell::Number(7.0), Cell::Empty]);
        assert_eq!(faults, ["2: `values` has no entry \"tiny\""]);
    }

    #[test]
    fn an_invalid_pattern_or_one_with_two_groups_is_refused() {
        assert!(Reading::check("(a|b").unwrap_err().contains("unclosed group"));
        assert!(Reading::check("(a)(b)").unwrap_err().contains("2 groups"));
        assert_eq!([Reading::check("(?:a)(b)"), Reading::check("a+")], [Ok(()), Ok(())]);
    }
}
