//! Observations: named columns of equal length, with the origin of each row.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Kind, Value};
use crate::order;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; `NaN` where missing.
    Numbers(Vec<f64>),
    /// Texts; empty where missing.
    Texts(Vec<String>),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(rows.iter().map(|&r| numbers[r]).collect()),
            Self::Texts(texts) => Self::Texts(rows.iter().map(|&r| texts[r].clone()).collect()),
        }
    }
}

/// The missing number of a cell whose text is not a number. An empty cell has another one, so that filling empty cells
/// leaves this one alone.
pub const UNREAD: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Whether a number is missing because the text of its cell is not a number.
pub const fn is_unread(number: f64) -> bool {
    number.to_bits() == UNREAD.to_bits()
}

/// The origin of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Index of the file in its source.
    pub file: u32,
    /// Number of the row in the file, from 1, without the header.
    pub row: u32,
}

/// The value that defines a group, as text. Numbers are ordered by size and come before words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GroupName(pub String);

impl PartialOrd for GroupName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GroupName {
    fn cmp(&self, other: &Self) -> Ordering {
        order::of_names(&self.0, &other.0)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table of observations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    columns: BTreeMap<String, Column>,
    origins: Vec<Origin>,
}

impl Dataset {
    /// A table with rows but no columns.
    pub const fn new(origins: Vec<Origin>) -> Self {
        Self { columns: BTreeMap::new(), origins }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.origins.len()
    }

    /// The origin of each row.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The columns by name.
    pub const fn columns(&self) -> &BTreeMap<String, Column> {
        &self.columns
    }

    /// The columns by name, and the origin of each row.
    pub fn into_parts(self) -> (BTreeMap<String, Column>, Vec<Origin>) {
        (self.columns, self.origins)
    }

    /// Adds a column. A column of another length is cut, or extended with missing values.
    pub fn insert(&mut self, name: &str, mut column: Column) {
        match &mut column {
            Column::Numbers(numbers) => numbers.resize(self.rows(), f64::NAN),
            Column::Texts(texts) => texts.resize(self.rows(), String::new()),
        }
        self.columns.insert(name.to_owned(), column);
    }

    /// A column of numbers; `None` where it is missing or has texts.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match self.columns.get(name) {
            Some(Column::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// A value as text. Numbers are written as in specs; a missing column gives an empty text.
    pub fn text(&self, name: &str, row: usize) -> String {
        match self.columns.get(name) {
            Some(Column::Texts(texts)) => texts[row].clone(),
            Some(Column::Numbers(numbers)) => crate::numeral::exact(numbers[row]),
            None => String::new(),
        }
    }

    /// The given rows, in the given order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            columns: self.columns.iter().map(|(name, column)| (name.clone(), column.select(rows))).collect(),
            origins: rows.iter().map(|&r| self.origins[r]).collect(),
        }
    }

    /// Concatenates tables with the same columns, one per file; `None` if the columns differ.
    pub fn stacked(tables: &[Self]) -> Option<Self> {
        let mut origins = Vec::new();
        for (file, table) in tables.iter().enumerate() {
            origins.extend(table.origins.iter().map(|origin| Origin { file: file as u32, row: origin.row }));
        }
        let mut stacked = Self::new(origins);
        for (name, first) in tables.first().map(|table| &table.columns).into_iter().flatten() {
            let parts: Option<Vec<&Column>> = tables.iter().map(|table| table.columns.get(name)).collect();
            let column = match first {
                Column::Numbers(_) => {
                    let numbers = |column: &&Column| match column {
                        Column::Numbers(numbers) => Some(numbers.clone()),
                        Column::Texts(_) => None,
                    };
                    Column::Numbers(parts?.iter().map(numbers).collect::<Option<Vec<_>>>()?.concat())
                }
                Column::Texts(_) => {
                    let texts = |column: &&Column| match column {
                        Column::Texts(texts) => Some(texts.clone()),
                        Column::Numbers(_) => None,
                    };
                    Column::Texts(parts?.iter().map(texts).collect::<Option<Vec<_>>>()?.concat())
                }
            };
            stacked.insert(name, column);
        }
        Some(stacked)
    }

    /// The value of an expression at every row; `None` where it names a missing column or mixes kinds.
    pub fn evaluate(&self, expr: &Expr) -> Option<Column> {
        let names: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        let mut used: Vec<usize> = Vec::new();
        let resolved = expr
            .resolve(&mut |name: &String, _| {
                let index = names.iter().position(|n| n == name).ok_or(())?;
                Ok::<_, ()>(used.iter().position(|&u| u == index).unwrap_or_else(|| {
                    used.push(index);
                    used.len() - 1
                }))
            })
            .ok()?;
        let columns: Vec<&Column> = used.iter().map(|&index| &self.columns[names[index]]).collect();
        let kind = resolved
            .kind(&|&index: &usize| match columns[index] {
                Column::Numbers(_) => Kind::Number,
                Column::Texts(_) => Kind::Text,
            })
            .ok()?;
        let mut numbers = Vec::with_capacity(self.rows());
        let mut texts = Vec::new();
        for row in 0..self.rows() {
            let values: Vec<Value> = columns
                .iter()
                .map(|column| match column {
                    Column::Numbers(all) => Value::Number(all[row]),
                    Column::Texts(all) => Value::Text(all[row].clone()),
                })
                .collect();
            match resolved.evaluate(&values).ok()? {
                Value::Number(number) => numbers.push(number),
                Value::Truth(truth) => numbers.push(f64::from(u8::from(truth))),
                Value::Text(text) => texts.push(text),
            }
        }
        Some(if kind == Kind::Text { Column::Texts(texts) } else { Column::Numbers(numbers) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    #[test]
    fn groups_of_numbers_are_ordered_by_size_and_precede_words() {
        let mut names = ["1e20", "b", "6e18", "1e19", "a", "10", "9"].map(|name| GroupName(name.to_owned()));
        names.sort();
        assert_eq!(names.map(|name| name.0), ["9", "10", "6e18", "1e19", "1e20", "a", "b"]);
    }

    #[test]
    fn expressions_are_evaluated_row_by_row() {
        let mut data = Dataset::new(vec![Origin { file: 0, row: 1 }, Origin { file: 0, row: 2 }]);
        data.insert("N", Column::Numbers(vec![2.0, 4.0]));
        data.insert("family", Column::Texts(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(data.evaluate(&parse("6 * N").unwrap()), Some(Column::Numbers(vec![12.0, 24.0])));
        assert_eq!(data.evaluate(&parse("family == 'b'").unwrap()), Some(Column::Numbers(vec![0.0, 1.0])));
        assert_eq!(data.evaluate(&parse("M").unwrap()), None);
        assert_eq!(data.select(&[1]).origins(), [Origin { file: 0, row: 2 }]);
    }
}
