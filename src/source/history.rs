//! Histories of runs, the common form of tracker data: the settings of each run and the values it logged at each
//! step.

use std::collections::BTreeMap;

use super::{Cell, Limits, SourceError};

/// The runs of one file.
#[derive(Clone, Debug, Default)]
pub struct History {
    runs: Vec<Run>,
    /// The index of each run by its name.
    places: BTreeMap<String, usize>,
    values: usize,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    name: String,
    /// Values that hold for the whole run: its settings.
    facts: BTreeMap<String, Cell>,
    /// The logged values, in the order of logging.
    steps: Vec<(i64, BTreeMap<String, Cell>)>,
    /// The index of the latest values of each step.
    latest: BTreeMap<i64, usize>,
}

/// Name of the column that identifies a run, in every history.
pub const RUN: &str = "run";
/// Name of the column that counts steps, in every history.
pub const STEP: &str = "step";

impl History {
    /// The index of a run by name; creates the run if it does not exist.
    pub fn run(&mut self, name: &str) -> usize {
        self.known(name).unwrap_or_else(|| {
            self.runs.push(Run { name: name.to_owned(), ..Run::default() });
            self.places.insert(name.to_owned(), self.runs.len() - 1);
            self.runs.len() - 1
        })
    }

    /// The index of an existing run.
    pub(super) fn known(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Records a setting of a run.
    pub fn fact(&mut self, run: usize, name: &str, value: Cell) {
        if let Some(run) = self.runs.get_mut(run) {
            run.facts.insert(name.to_owned(), value);
        }
    }

    /// Records a value at a step. If the step has another value of this name, as after a run was resumed, both are kept,
    /// in separate rows.
    ///
    /// # Errors
    /// If the history exceeds the limits.
    pub fn log(&mut self, run: usize, step: i64, name: &str, value: Cell, limits: &Limits) -> Result<(), SourceError> {
        self.values += 1;
        limits.allow_values(self.values, 1)?;
        let Some(run) = self.runs.get_mut(run) else { return Ok(()) };
        let known = run.latest.get(&step).copied();
        match known.and_then(|at| run.steps.get_mut(at)) {
            Some((_, values)) if values.get(name).is_none_or(|other| *other == value) => {
                values.insert(name.to_owned(), value);
            }
            _ => {
                run.latest.insert(step, run.steps.len());
                run.steps.push((step, BTreeMap::from([(name.to_owned(), value)])));
            }
        }
        Ok(())
    }

    /// A row for each step of each run with the requested columns, in the order of logging. A run without logged values
    /// has one row.
    ///
    /// # Errors
    /// No run has one of the columns, or there are too many rows.
    pub fn table(&self, columns: &[String], limits: &Limits) -> Result<Vec<Vec<Cell>>, SourceError> {
        let rows: usize = self.runs.iter().map(|run| run.steps.len().max(1)).sum();
        limits.allow_values(rows, columns.len())?;
        columns.iter().map(|name| self.column(name)).collect()
    }

    fn column(&self, name: &str) -> Result<Vec<Cell>, SourceError> {
        let mut cells = Vec::new();
        let mut found = name == RUN || name == STEP;
        for run in &self.runs {
            let fact = run.facts.get(name);
            let nothing = BTreeMap::new();
            let steps: Vec<(Option<i64>, &BTreeMap<String, Cell>)> = if run.steps.is_empty() {
                vec![(None, &nothing)]
            } else {
                run.steps.iter().map(|(step, values)| (Some(*step), values)).collect()
            };
            for (step, values) in steps {
                let value = values.get(name).or(fact);
                found |= value.is_some();
                cells.push(match (value, name) {
                    (Some(value), _) => value.clone(),
                    (None, RUN) => Cell::Text(run.name.clone()),
                    (None, STEP) => step.map_or(Cell::Empty, |step| Cell::Number(step as f64)),
                    (None, _) => Cell::Empty,
                });
            }
        }
        if found { Ok(cells) } else { Err(SourceError::no_column(name, self.names().iter().map(String::as_str))) }
    }

    /// The names of all columns.
    fn names(&self) -> Vec<String> {
        let of_runs = self
            .runs
            .iter()
            .flat_map(|run| run.facts.keys().chain(run.steps.iter().flat_map(|(_, values)| values.keys())));
        let mut names: Vec<String> = of_runs.cloned().chain([RUN.to_owned(), STEP.to_owned()]).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A JSON value as a cell; `None` for lists and objects.
pub(super) fn cell_of_json(value: &serde_json::Value) -> Option<Cell> {
    match value {
        serde_json::Value::Null => Some(Cell::Empty),
        serde_json::Value::Bool(truth) => Some(Cell::Text(truth.to_string())),
        serde_json::Value::Number(number) => Some(Cell::Number(number.as_f64()?)),
        serde_json::Value::String(text) => Some(super::cell_of_text(text)),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
    }
}

/// The values in a JSON object, by the path of their keys: `optimizer.lr`.
pub fn flattened(value: &serde_json::Value, prefix: &str) -> Vec<(String, Cell)> {
    fn walk(value: &serde_json::Value, path: &str, depth: usize, all: &mut Vec<(String, Cell)>) {
        match value {
            serde_json::Value::Object(object) if depth < 16 => {
                for (key, value) in object {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(value, &path, depth + 1, all);
                }
            }
            other => all.extend(cell_of_json(other).map(|cell| (path.to_owned(), cell))),
        }
    }
    let mut all = Vec::new();
    walk(value, prefix, 0, &mut all);
    all
}
