//! Attempts of a run: a run that was resumed from an earlier step logs some steps again, with other values.

use std::collections::{BTreeMap, BTreeSet};

use super::reduce::ordered;
use super::{Cell, Roles};

/// A run that begins again at a step that an earlier attempt had passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewind {
    /// Index of the first row of the later attempt.
    pub row: usize,
    /// The first step of the later attempt.
    pub from: f64,
    /// The last step of the earlier attempt.
    pub passed: f64,
    /// The rows of the earlier attempt from that step on, which the later attempt replaces.
    pub replaced: Vec<usize>,
}

/// The attempts that later ones replace, in the order of the later ones.
///
/// An attempt ends where the next row of its run has a lower step or stands in another file. A later attempt replaces
/// an earlier one from its own first step on if, at some step, it logged all columns of the earlier one again and some
/// value differs. Values that agree are those of one attempt in two files, and columns that only one of them has are
/// other results of the same attempt. A file that is in no order has no attempts, and one whose steps end where those of
/// another begin was only listed after it.
pub fn rewinds(roles: &Roles<'_>, files: &[u32], columns: &[&[Cell]]) -> Vec<Rewind> {
    let mut runs: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
    for (row, run) in
        roles.runs.iter().enumerate().filter(|(row, _)| !roles.is_aside[*row] && roles.steps[*row].is_some())
    {
        runs.entry(run.as_slice()).or_default().push(row);
    }
    let step = |row: usize| roles.steps[row].unwrap_or_default();
    let mut all: Vec<Rewind> = runs
        .into_values()
        .flat_map(|rows| {
            let attempts = attempts(&rows, |row| (files[row], step(row)));
            let is_ordered = attempts.len() > 1 && 2 * attempts.len() <= rows.len();
            if is_ordered { Run::of(&rows, columns, &step).rewinds(&attempts) } else { Vec::new() }
        })
        .collect();
    all.sort_by_key(|rewind| rewind.row);
    all
}

/// The rows of each attempt.
fn attempts(rows: &[usize], place: impl Fn(usize) -> (u32, f64)) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut before: Option<(u32, f64)> = None;
    for &row in rows {
        let (file, step) = place(row);
        match all.last_mut() {
            Some(attempt) if before.is_some_and(|(other, last)| other == file && last <= step) => attempt.push(row),
            _ => all.push(vec![row]),
        }
        before = Some((file, step));
    }
    all
}

/// The rows of one run.
struct Run<'a> {
    /// The columns that change during the run; a setting that is logged again says nothing about an attempt.
    varying: Vec<&'a [Cell]>,
    step: &'a dyn Fn(usize) -> f64,
}

impl<'a> Run<'a> {
    fn of(rows: &[usize], columns: &[&'a [Cell]], step: &'a dyn Fn(usize) -> f64) -> Self {
        let varies = |column: &&&[Cell]| {
            let mut there = rows.iter().map(|&row| &column[row]).filter(|cell| **cell != Cell::Empty);
            there.next().is_some_and(|first| there.any(|cell| !is_same(cell, first)))
        };
        Self { varying: columns.iter().filter(varies).copied().collect(), step }
    }

    fn rewinds(&self, attempts: &[Vec<usize>]) -> Vec<Rewind> {
        let mut live: Vec<Vec<usize>> = Vec::new();
        let mut at_step: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
        let mut all = Vec::new();
        for (number, attempt) in attempts.iter().enumerate() {
            let again: BTreeMap<usize, BTreeSet<usize>> = self.repeated(attempt, &at_step);
            for (earlier, logged) in again {
                let has_one = |&&row: &&usize| logged.iter().any(|&at| self.varying[at][row] != Cell::Empty);
                let Some(&row) = attempt.iter().find(has_one) else { continue };
                let from = (self.step)(row);
                let ends = attempt.iter().map(|&row| (self.step)(row)).fold(from, f64::max);
                let begins = live[earlier].iter().map(|&row| (self.step)(row)).fold(f64::INFINITY, f64::min);
                let passed = live[earlier].iter().map(|&row| (self.step)(row)).fold(from, f64::max);
                if passed <= from || (from < begins && ends <= begins) {
                    continue;
                }
                let (kept, replaced) = live[earlier].iter().partition(|&&row| (self.step)(row) < from);
                live[earlier] = kept;
                at_step.values_mut().for_each(|rows| {
                    rows.retain(|(of, row)| *of != earlier || (self.step)(*row) < from);
                });
                all.push(Rewind { row, from, passed, replaced });
            }
            for &row in attempt {
                at_step.entry(ordered((self.step)(row))).or_default().push((number, row));
            }
            live.push(attempt.clone());
        }
        all
    }

    /// The earlier attempts of which an attempt logs a row again with another value, and the columns of such rows.
    fn repeated(
        &self,
        attempt: &[usize],
        at_step: &BTreeMap<u64, Vec<(usize, usize)>>,
    ) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut all: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for &row in attempt {
            for &(earlier, other) in at_step.get(&ordered((self.step)(row))).into_iter().flatten() {
                let logged: Vec<usize> =
                    (0..self.varying.len()).filter(|&at| self.varying[at][other] != Cell::Empty).collect();
                let is_covered = logged.iter().all(|&at| self.varying[at][row] != Cell::Empty);
                if is_covered && logged.iter().any(|&at| !is_same(&self.varying[at][row], &self.varying[at][other])) {
                    all.entry(earlier).or_default().extend(logged);
                }
            }
        }
        all
    }
}

/// Whether two cells have the same content; two values that are no numbers are alike.
fn is_same(one: &Cell, other: &Cell) -> bool {
    match (one, other) {
        (Cell::Number(one), Cell::Number(other)) => one == other || (one.is_nan() && other.is_nan()),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: Cell = Cell::Empty;

    fn number(value: f64) -> Cell {
        Cell::Number(value)
    }

    /// The rewinds of one run with the given files, steps and columns.
    fn of(files: &[u32], steps: &[f64], columns: &[Vec<Cell>]) -> Vec<Rewind> {
        let runs = vec![vec!["a".to_owned()]; steps.len()];
        let steps: Vec<Option<f64>> = steps.iter().copied().map(Some).collect();
        let is_aside = vec![false; steps.len()];
        let columns: Vec<&[Cell]> = columns.iter().map(Vec::as_slice).collect();
        rewinds(&Roles { runs: &runs, steps: &steps, is_aside: &is_aside }, files, &columns)
    }

    fn numbers(values: &[f64]) -> Vec<Cell> {
        values.iter().copied().map(number).collect()
    }

    #[test]
    fn a_resumed_attempt_replaces_the_earlier_one_from_its_first_step_on() {
        let steps = [1.0, 2.0, 3.0, 4.0, 2.0, 3.0];
        let loss = numbers(&[5.0, 4.0, 9.0, 9.5, 3.9, 3.0]);
        let wanted = Rewind { row: 4, from: 2.0, passed: 4.0, replaced: vec![1, 2, 3] };
        // In one file and in two.
        assert_eq!(of(&[0; 6], &steps, std::slice::from_ref(&loss)), std::slice::from_ref(&wanted));
        assert_eq!(of(&[0, 0, 0, 0, 1, 1], &steps, &[loss]), [wanted]);
    }

    #[test]
    fn an_attempt_that_goes_on_where_the_other_ended_replaces_nothing() {
        let steps = [1.0, 2.0, 3.0, 3.0, 4.0, 5.0];
        assert_eq!(of(&[0, 0, 0, 1, 1, 1], &steps, &[numbers(&[5.0, 4.0, 3.0, 3.1, 2.0, 1.0])]), []);
        // The same values in two files are one attempt.
        let steps = [1.0, 2.0, 3.0, 4.0, 2.0, 3.0];
        assert_eq!(of(&[0, 0, 0, 0, 1, 1], &steps, &[numbers(&[5.0, 4.0, 3.0, 2.0, 4.0, 3.0])]), []);
    }

    #[test]
    fn other_columns_of_the_same_steps_are_no_attempt() {
        // The losses and the evaluations in two files, each with the time at which it was written.
        let steps = [1.0, 2.0, 3.0, 4.0, 2.0, 4.0];
        let time = numbers(&[1.0, 2.0, 3.0, 4.0, 2.5, 4.5]);
        let loss = vec![number(5.0), number(4.0), number(3.0), number(2.0), N, N];
        let eval = vec![N, N, N, N, number(4.5), number(2.5)];
        assert_eq!(of(&[0, 0, 0, 0, 1, 1], &steps, &[time, loss, eval]), []);
        // A file with one metric after another.
        let steps = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0];
        let (one, two) = (vec![number(3.0), number(2.0), number(1.0), N, N, N], numbers(&[0.5; 6]));
        let other = vec![N, N, N, number(6.0), number(5.0), number(4.0)];
        assert_eq!(of(&[0; 6], &steps, &[one, two, other]), []);
    }

    #[test]
    fn a_setting_that_each_attempt_logs_at_its_start_does_not_move_that_start() {
        let steps = [0.0, 1.0, 2.0, 3.0, 0.0, 2.0, 3.0];
        let size = vec![number(7.0), N, N, N, number(7.0), N, N];
        let loss = vec![N, number(5.0), number(4.0), number(9.0), N, number(3.5), number(3.0)];
        let found = of(&[0, 0, 0, 0, 1, 1, 1], &steps, &[size, loss]);
        assert_eq!(found, [Rewind { row: 5, from: 2.0, passed: 3.0, replaced: vec![2, 3] }]);
    }

    #[test]
    fn an_evaluation_that_only_the_abandoned_attempt_logged_goes_with_it() {
        let steps = [1.0, 2.0, 3.0, 2.0, 3.0];
        let loss = numbers(&[5.0, 4.0, 9.0, 3.5, 3.0]);
        let eval = vec![N, number(4.1), N, N, N];
        assert_eq!(of(&[0, 0, 0, 1, 1], &steps, &[loss, eval])[0].replaced, [1, 2]);
    }

    #[test]
    fn rows_in_no_order_and_files_in_another_order_are_kept() {
        let falling = [5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(of(&[0; 5], &falling, &[numbers(&falling)]), []);
        // The second file was written before the first: its steps end where those of the first begin.
        let steps = [3.0, 4.0, 5.0, 1.0, 2.0, 3.0];
        assert_eq!(of(&[0, 0, 0, 1, 1, 1], &steps, &[numbers(&[3.0, 2.0, 1.0, 5.0, 4.0, 3.1])]), []);
    }
}
