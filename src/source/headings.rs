//! Columns as rows: a pattern for headings, such as `run-3 - loss`, makes a row of each column that matches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;

use super::{
    Asked, Cell, Format, Limits, NO_TEXTS, Options, Packed, SourceError, cell_of_text, pattern, read_packed, read_parts,
};

/// The group that names the column of a value.
const COLUMN: &str = "column";
/// The column of values if the pattern has no such group.
const VALUE: &str = "value";
/// A name that no column has.
const NO_NAME: &str = "\u{0}";

/// A pattern for headings, with named groups.
#[derive(Clone, Debug)]
pub struct Headings(Regex);

/// The columns of a file with the number of the row of each value, counted from 1.
type Rows = (BTreeMap<String, Packed>, Vec<u32>);

/// The columns of one set of labels.
struct Set {
    /// The labels by name.
    labels: BTreeMap<String, String>,
    /// The heading of each column of values.
    headings: BTreeMap<String, String>,
}

impl Headings {
    /// Parses a pattern.
    ///
    /// # Errors
    /// It is no regular expression, or has no group with a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let regex = pattern(text)?;
        if regex.capture_names().flatten().next().is_none() {
            return Err(format!("`{text}` has no group with a name, such as `(?<run>.+)`"));
        }
        Ok(Self(regex))
    }

    /// The columns that the pattern makes besides those of values.
    fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten().filter(|name| *name != COLUMN)
    }

    /// Reads columns of one file with the columns that match the pattern as rows: all rows of the first label, then
    /// those of the second. A row without any of its values is left out.
    ///
    /// # Errors
    /// As [`read_packed`], or no heading matches.
    pub fn read(
        &self,
        bytes: &Arc<Vec<u8>>,
        format: Format,
        columns: &BTreeSet<String>,
        texts: &BTreeSet<String>,
        how: &Options,
        limits: &Limits,
    ) -> Result<Rows, SourceError> {
        let headings = headings(bytes, format, how, limits)?;
        let sets = self.sets(&headings);
        if sets.is_empty() {
            return Err(SourceError::Unreadable(format!(
                "no heading matches `{}`; the headings are {}",
                self.0,
                super::listed(&headings)
            )));
        }
        let is_value = |name: &String| sets.iter().any(|set| set.headings.contains_key(name));
        let is_label = |name: &String| self.labels().any(|label| label == name);
        let values: BTreeSet<&String> = columns.iter().filter(|name| !is_label(name) && is_value(name)).collect();
        let others: BTreeSet<&String> = columns.iter().filter(|name| !is_label(name) && !is_value(name)).collect();
        if let Some(missing) = others.iter().find(|name| !headings.contains(name)) {
            let made = sets.iter().flat_map(|set| set.headings.keys().map(String::as_str)).chain(self.labels());
            let made: BTreeSet<&str> = made.collect();
            let is_other = |heading: &&str| !self.0.is_match(heading);
            let known = headings.iter().map(String::as_str).filter(is_other).chain(made);
            return Err(SourceError::no_column(missing, known));
        }
        let used = sets.iter().flat_map(|set| values.iter().filter_map(|name| set.headings.get(*name)));
        let wanted: BTreeSet<String> = used.chain(others.iter().copied()).cloned().collect();
        let texts_of = |heading: &String| {
            let is_set = |set: &Set| set.headings.iter().any(|(name, own)| own == heading && texts.contains(name));
            texts.contains(heading) || sets.iter().any(is_set)
        };
        let as_texts: BTreeSet<String> = wanted.iter().filter(|heading| texts_of(heading)).cloned().collect();
        let read = read_packed(bytes, format, &wanted, &as_texts, how, limits)?;
        let read: BTreeMap<String, Vec<Cell>> =
            read.into_iter().map(|(name, packed)| (name, packed.into_cells())).collect();
        let height = read.values().map(Vec::len).max().unwrap_or_default();
        let nothing = vec![Cell::Empty; height];
        let mut table: BTreeMap<&String, Vec<Cell>> = columns.iter().map(|name| (name, Vec::new())).collect();
        let mut rows = Vec::new();
        for set in &sets {
            let cells =
                |name: &String| set.headings.get(name).and_then(|heading| read.get(heading)).unwrap_or(&nothing);
            let is_there =
                |row: &usize| values.is_empty() || values.iter().any(|name| cells(name)[*row] != Cell::Empty);
            let kept: Vec<usize> = (0..height).filter(is_there).collect();
            limits.allow_values(rows.len() + kept.len(), columns.len())?;
            for (name, column) in &mut table {
                match set.labels.get(*name) {
                    Some(label) => column.extend(vec![cell_of_text(label); kept.len()]),
                    None if values.contains(name) => column.extend(kept.iter().map(|&row| cells(name)[row].clone())),
                    None => column.extend(kept.iter().filter_map(|&row| Some(read.get(*name)?[row].clone()))),
                }
            }
            rows.extend(kept.iter().map(|&row| row as u32 + 1));
        }
        let table = table.into_iter().map(|(name, cells)| (name.clone(), Packed::from(cells))).collect();
        Ok((table, rows))
    }

    /// The sets of columns with equal labels, in the order of their first headings.
    fn sets(&self, headings: &[String]) -> Vec<Set> {
        let mut sets: Vec<Set> = Vec::new();
        for heading in headings {
            let Some(found) = self.0.captures(heading) else { continue };
            let text = |name: &str| found.name(name).map(|group| group.as_str().trim().to_owned());
            let labels: BTreeMap<String, String> =
                self.labels().map(|name| (name.to_owned(), text(name).unwrap_or_default())).collect();
            let column = text(COLUMN).unwrap_or_else(|| VALUE.to_owned());
            let at = sets.iter().position(|set| set.labels == labels).unwrap_or_else(|| {
                sets.push(Set { labels, headings: BTreeMap::new() });
                sets.len() - 1
            });
            sets[at].headings.entry(column).or_insert_with(|| heading.clone());
        }
        sets
    }
}

/// The headings of a file: what it has is told if a column is asked for that it lacks.
fn headings(bytes: &Arc<Vec<u8>>, format: Format, how: &Options, limits: &Limits) -> Result<Vec<String>, SourceError> {
    let columns = [NO_NAME.to_owned()];
    let asked = Asked { columns: &columns, texts: NO_TEXTS, how, limits };
    match read_parts(bytes, format, &asked, &mut |_, _| {}) {
        Err(SourceError::NoColumn { known, .. }) => Ok(known),
        Err(error) => Err(error),
        Ok(()) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, pattern: &str, columns: &[&str]) -> Result<(Vec<Vec<Cell>>, Vec<u32>), SourceError> {
        let names: BTreeSet<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let bytes = Arc::new(text.as_bytes().to_vec());
        let headings = Headings::parse(pattern).unwrap();
        let texts = BTreeSet::new();
        let (mut table, rows) =
            headings.read(&bytes, Format::Csv, &names, &texts, &Options::default(), &Limits::USUAL)?;
        let cells = columns.iter().map(|name| table.remove(*name).unwrap().into_cells()).collect();
        Ok((cells, rows))
    }

    fn numbers(values: &[f64]) -> Vec<Cell> {
        values.iter().copied().map(Cell::Number).collect()
    }

    #[test]
    fn an_exported_chart_has_a_row_for_each_run_and_step() {
        let text = "Step,a - loss,a - loss__MIN,b - loss,b - loss__MIN\n1,5,4.9,6,5.9\n2,4,3.9,,\n3,,,5,4.9\n";
        let (cells, rows) = read(text, "^(?<run>.+) - (?<column>.+)$", &["run", "Step", "loss", "loss__MIN"]).unwrap();
        let name = |name: &str| Cell::Text(name.to_owned());
        assert_eq!(cells[0], [name("a"), name("a"), name("b"), name("b")]);
        assert_eq!(cells[1], numbers(&[1.0, 2.0, 1.0, 3.0]));
        assert_eq!(cells[2], numbers(&[5.0, 4.0, 6.0, 5.0]));
        assert_eq!(cells[3], numbers(&[4.9, 3.9, 5.9, 4.9]));
        assert_eq!(rows, [1, 2, 1, 3]);
    }

    #[test]
    fn sizes_in_headings_become_a_column() {
        let (cells, _) =
            read("tokens,70M,1.4B\n1e9,3.5,3.0\n", r"^(?<size>[\d.]+[MB])$", &["size", "tokens", "value"]).unwrap();
        assert_eq!(cells[0], [Cell::Text("70M".to_owned()), Cell::Text("1.4B".to_owned())]);
        assert_eq!(cells[1..], [numbers(&[1e9, 1e9]), numbers(&[3.5, 3.0])]);
    }

    #[test]
    fn a_pattern_without_a_match_and_a_missing_column_name_what_there_is() {
        let text = "Step,a - loss\n1,5\n";
        let error = read(text, "^(?<run>.+): (?<column>.+)$", &["run"]).unwrap_err().to_string();
        assert!(error.contains("no heading matches") && error.contains("Step, a - loss"), "{error}");
        let error = read(text, "^(?<run>.+) - (?<column>.+)$", &["los"]).unwrap_err();
        let SourceError::NoColumn { known, .. } = error else { panic!("{error}") };
        assert_eq!(known, ["Step", "loss", "run"]);
        assert!(Headings::parse(".+ - .+").unwrap_err().contains("no group with a name"));
        assert!(Headings::parse("(").is_err());
    }
}
