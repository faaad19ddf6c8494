//! Reduces histories of runs to rows: the last step, the lowest value, a mean over the last steps, a given step, or
//! all.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Cell;

/// Why rows of a history are dropped that its reduction to a row per run does not take.
pub const NOT_TAKEN: &str = "other steps or parts of steps than are taken";

/// Which steps of a run become rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The last step by which every column was logged. A column that was not logged at that step has its last earlier
    /// value; a setting that was logged once at the start, or a result after the end, belongs to that step too.
    Last,
    /// The step with the lowest loss, which is the only variable in nats or bits.
    Min,
    /// The step with the lowest value of a variable.
    Lowest(String),
    /// The last step, with each loss, accuracy and error rate replaced by the mean of this many of its last values.
    Mean(usize),
    /// The steps that satisfy a condition on `step` and the variables: "step == 20000".
    At(String),
    /// Every step at which all columns were logged.
    All,
}

/// The run and step columns of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Roles<'a> {
    /// The run of each row, as a key.
    pub runs: &'a [Vec<String>],
    /// The step of each row.
    pub steps: &'a [Option<f64>],
    /// Whether the row has no step of its own, but that of a neighbour: a setting above the first step of a log, or a
    /// result below the last one.
    pub is_aside: &'a [bool],
}

/// A step of a run, merged from all of its rows.
pub struct Merged {
    /// Index of its last row.
    pub row: usize,
    /// Index of its run, in order of appearance.
    pub run: usize,
    /// The step.
    pub step: f64,
}

/// Merges rows with the same run and step. Of several values the last one is kept, and one with a step of its own before
/// one without. Sorted by run and step.
pub fn merged(roles: &Roles<'_>, columns: &mut [Vec<Cell>]) -> Vec<Merged> {
    let mut numbers: BTreeMap<&[String], usize> = BTreeMap::new();
    let mut places: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    for (row, (run, step)) in roles.runs.iter().zip(roles.steps).enumerate() {
        let next = numbers.len();
        let run = *numbers.entry(run.as_slice()).or_insert(next);
        if let Some(step) = step {
            places.entry((run, ordered(*step))).or_default().push(row);
        }
    }
    let with_asides_first = |mut rows: Vec<usize>| {
        rows.sort_by_key(|&row| !roles.is_aside[row]);
        rows
    };
    let all: Vec<(usize, Vec<usize>)> =
        places.into_iter().map(|((run, _), rows)| (run, with_asides_first(rows))).collect();
    for column in columns.iter_mut() {
        let value = |rows: &Vec<usize>| {
            let there = rows.iter().rev().find(|&&row| column[row] != Cell::Empty);
            there.map_or(Cell::Empty, |&row| column[row].clone())
        };
        let cells: Vec<Cell> = all.iter().map(|(_, rows)| value(rows)).collect();
        *column = cells;
    }
    all.into_iter()
        .map(|(run, rows)| {
            let row = rows[rows.len() - 1];
            Merged { row, run, step: roles.steps[row].unwrap_or_default() }
        })
        .collect()
}

/// The bits of a number, mapped so that they sort like the numbers.
pub(super) const fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

/// The range of each run among merged steps.
pub fn by_run(steps: &[Merged]) -> Vec<std::ops::Range<usize>> {
    let mut all: Vec<std::ops::Range<usize>> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        match all.last_mut() {
            Some(range) if steps[range.start].run == step.run => range.end = place + 1,
            _ => all.push(place..place + 1),
        }
    }
    all
}

/// Spreads what a run logged once over its steps.
///
/// A value from before or at the first step of the other columns, such as a setting, belongs to every step. A value from
/// after the last step by which the others were logged, such as a result, belongs to that step. `needed` are the
/// indices of the columns that a row needs.
pub fn spread(columns: &mut [Vec<Cell>], needed: &[usize], run: &std::ops::Range<usize>) {
    /// The steps at which a column was logged.
    struct Column {
        at: usize,
        places: Vec<usize>,
        varies: bool,
    }
    let read = |&at: &usize| {
        let cells = &columns[at];
        let places: Vec<usize> = run.clone().filter(|&place| cells[place] != Cell::Empty).collect();
        let varies = places.iter().any(|&place| cells[place] != cells[places[0]]);
        Column { at, places, varies }
    };
    let read: Vec<Column> = needed.iter().map(read).collect();
    let varying = || read.iter().filter(|column| column.varies);
    let first = varying().filter_map(|column| column.places.first()).min();
    let last = varying().filter_map(|column| column.places.last()).min();
    let Some(&end) = last.or_else(|| read.iter().filter_map(|column| column.places.last()).max()) else { return };
    for Column { at, places, varies } in &read {
        let Some(place) = places.first() else { continue };
        let value = columns[*at][*place].clone();
        if !varies && first.is_some_and(|first| place <= first) {
            run.clone().for_each(|place| columns[*at][place] = value.clone());
        } else if first.is_none() || *place > end {
            columns[*at][end] = value;
        }
    }
}

/// The last step of a run by which every column has a value, and the index of each column's latest value there.
pub fn last(columns: &[Vec<Cell>], run: &std::ops::Range<usize>) -> Option<(usize, Vec<usize>)> {
    let value_before = |column: &Vec<Cell>, end: usize| (run.start..end).rev().find(|&at| column[at] != Cell::Empty);
    let lasts: Option<Vec<usize>> = columns.iter().map(|column| value_before(column, run.end)).collect();
    let end = lasts?.into_iter().min()?;
    let places: Option<Vec<usize>> = columns.iter().map(|column| value_before(column, end + 1)).collect();
    Some((end, places?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::type_complexity, reason = "the runs, the steps and the columns of one table")]
    fn history() -> (Vec<Vec<String>>, Vec<Option<f64>>, Vec<Vec<Cell>>) {
        let n = Cell::Number;
        let runs = ["a", "a", "b", "a", "a", "b", "a"].map(|run| vec![run.to_owned()]).to_vec();
        let steps = [1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 2.0].map(Some).to_vec();
        // The second step of run a occurs three times, with training and evaluation in separate rows.
        let loss = vec![n(3.0), n(2.0), n(9.0), Cell::Empty, n(1.5), n(8.0), n(2.5)];
        let eval = vec![Cell::Empty, Cell::Empty, n(9.5), n(2.25), Cell::Empty, Cell::Empty, Cell::Empty];
        (runs, steps, vec![loss, eval])
    }

    #[test]
    fn rows_of_one_step_are_merged_and_the_last_value_is_kept() {
        let (runs, steps, mut columns) = history();
        let merged = merged(&Roles { runs: &runs, steps: &steps, is_aside: &[false; 7] }, &mut columns);
        assert_eq!(
            merged.iter().map(|m| (m.run, m.step)).collect::<Vec<_>>(),
            [(0, 1.0), (0, 2.0), (0, 3.0), (1, 1.0), (1, 2.0)]
        );
        assert_eq!(columns[0][1], Cell::Number(2.5));
        assert_eq!(columns[1][1], Cell::Number(2.25));
        assert_eq!(by_run(&merged), [0..3, 3..5]);
        // The last step with both values is the second; no evaluation belongs to the loss of the third.
        assert_eq!(last(&columns, &(0..3)), Some((1, vec![1, 1])));
        assert_eq!(last(&columns, &(3..5)), Some((3, vec![3, 3])));
    }

    #[test]
    fn a_row_without_a_step_adds_to_its_neighbour_and_replaces_nothing() {
        let (n, e) = (Cell::Number, Cell::Empty);
        let runs = vec![vec!["a".to_owned()]; 3];
        let steps = [Some(1.0), Some(1.0), Some(1.0)];
        let mut columns = vec![vec![n(5.0), n(3.0), n(9.0)], vec![e.clone(), e, n(2.5)]];
        let merged = merged(&Roles { runs: &runs, steps: &steps, is_aside: &[false, false, true] }, &mut columns);
        assert_eq!((merged.len(), merged[0].row), (1, 1));
        assert_eq!(columns, [[n(3.0)], [n(2.5)]]);
    }

    #[test]
    fn a_setting_belongs_to_every_step_and_a_result_to_the_last_one() {
        let (n, e) = (Cell::Number, Cell::Empty);
        let size = vec![n(7.0), e.clone(), e.clone(), e.clone()];
        let loss = vec![e.clone(), n(3.0), n(2.0), e.clone()];
        let result = vec![e.clone(), e.clone(), e.clone(), n(2.5)];
        let mut columns = vec![size, loss, result];
        spread(&mut columns, &[0, 1, 2], &(0..4));
        assert_eq!(columns[0], vec![n(7.0); 4]);
        assert_eq!(columns[2], [e.clone(), e.clone(), n(2.5), n(2.5)]);
        assert_eq!(last(&columns, &(0..4)), Some((2, vec![2, 2, 2])));
        // An evaluation in the middle belongs to its step, and values that were all logged once to the last of them.
        let mut columns = vec![vec![n(3.0), n(2.0), n(1.0)], vec![e.clone(), n(5.0), e.clone()]];
        spread(&mut columns, &[0, 1], &(0..3));
        assert_eq!(last(&columns, &(0..3)), Some((1, vec![1, 1])));
        let mut columns = vec![vec![n(3.0), e.clone()], vec![e, n(5.0)]];
        spread(&mut columns, &[0, 1], &(0..2));
        assert_eq!(last(&columns, &(0..2)), Some((1, vec![1, 1])));
    }
}
