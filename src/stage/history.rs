//! History: converts the logged steps of runs to the rows of a source.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::dataset::{Column, Dataset, Origin};
use crate::diagnostic::numbered;
use crate::numeral::exact;
use crate::order::of_names;
use crate::plausible::name_rows;
use crate::source::{
    Cell, Decimal, Merged, NOT_TAKEN, Packed, Rewind, Roles, Take, by_run, last, merged, rewinds, spread,
    written_number,
};
use crate::warning::Warning;

/// Largest number of unfinished runs that are named.
const MOST_NAMED: usize = 3;

/// The columns that identify runs and steps, and the selection of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestHistory {
    /// The columns that name a row's run. If there are none, each file is a run.
    pub run: Vec<String>,
    /// The step number.
    pub step: String,
    /// The steps that become rows.
    pub take: Take,
    /// The columns that are averaged, if a mean is taken.
    pub averaged: Vec<String>,
    /// The column with the planned last step of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<String>,
    /// Whether files without that column are read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_lack_plan: bool,
}

/// The cells of a source's columns, with the place of each row.
pub(super) struct Logged<'a> {
    pub(super) columns: &'a mut BTreeMap<String, Vec<Cell>>,
    pub(super) origins: &'a mut Vec<Origin>,
    /// The columns that need a value in a row: those that the study uses.
    pub(super) needed: Vec<String>,
    /// Variables and their columns.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) files: Vec<String>,
}

/// A selected row: its index among the steps, and the index of each column's value.
struct Taken {
    place: usize,
    values: Option<Vec<usize>>,
}

/// What was left out of a history, and warnings about it.
#[derive(Default)]
pub(super) struct LeftOut {
    /// Number of rows by reason.
    pub(super) reasons: BTreeMap<String, usize>,
    /// Warnings.
    pub(super) warnings: Vec<Warning>,
}

impl IngestHistory {
    /// Keeps the selected rows, and counts the others by reason.
    pub(super) fn reduce(&self, logged: Logged<'_>) -> Result<LeftOut, Failure> {
        let Logged { columns, origins, needed, variables, files } = logged;
        let before = origins.len();
        in_order_of_names(columns, origins, &files);
        let runs: Vec<Vec<String>> = (0..before).map(|row| self.run_of(row, columns, origins[row], &files)).collect();
        let steps: Vec<Option<f64>> =
            columns.get(&self.step).map_or_else(Vec::new, |cells| cells.iter().map(number).collect());
        let mut warnings: Vec<Warning> = self.several_runs(&steps, columns, origins, &files).into_iter().collect();
        let neighbours = neighbours(&runs, &steps, origins);
        let rewinds = self.rewinds(&runs, &steps, columns, origins);
        warnings.extend(begun_again(&rewinds, &runs, origins, &files));
        let replaced: BTreeSet<usize> = rewinds.iter().flat_map(|rewind| rewind.replaced.iter().copied()).collect();
        let is_left =
            |&row: &usize| !replaced.contains(&row) && neighbours[row].is_none_or(|at| !replaced.contains(&at));
        let kept: Vec<usize> = (0..before).filter(is_left).collect();
        let names: Vec<String> = columns.keys().cloned().collect();
        let select = |cells: Vec<Cell>| kept.iter().map(|&row| cells[row].clone()).collect::<Vec<Cell>>();
        let mut cells: Vec<Vec<Cell>> = if kept.len() == before {
            std::mem::take(columns).into_values().collect()
        } else {
            std::mem::take(columns).into_values().map(select).collect()
        };
        *origins = kept.iter().map(|&row| origins[row]).collect();
        let runs: Vec<Vec<String>> = kept.iter().map(|&row| runs[row].clone()).collect();
        let is_aside: Vec<bool> = kept.iter().map(|&row| neighbours[row].is_some()).collect();
        let steps: Vec<Option<f64>> = kept.iter().map(|&row| steps[neighbours[row].unwrap_or(row)]).collect();
        let without_step = steps.iter().filter(|step| step.is_none()).count();
        let steps = merged(&Roles { runs: &runs, steps: &steps, is_aside: &is_aside }, &mut cells);
        let place_of = |name: &String| names.iter().position(|known| known == name);
        let needed: Vec<usize> = needed.iter().filter_map(place_of).collect();
        let ranges = by_run(&steps);
        ranges.iter().for_each(|run| spread(&mut cells, &needed, run));
        warnings.extend(self.unfinished(&steps, &cells, &names, &runs));
        let table = Steps { steps: &steps, cells: &cells, needed: &needed };
        let mut taken = Vec::new();
        let mut lost: BTreeMap<String, usize> = BTreeMap::new();
        for run in &ranges {
            let found = self.of_run(run, &table, &names, &variables)?;
            if found.is_empty() {
                *lost.entry(self.why_lost(run, &table, &names)).or_default() += 1;
            }
            taken.extend(found);
        }
        let averaged: Vec<usize> = self.averaged.iter().filter_map(place_of).collect();
        for (at, name) in names.iter().enumerate() {
            let mean = |taken: &Taken| match (self.take.clone(), averaged.contains(&at)) {
                (Take::Mean(count), true) => {
                    let run = ranges.iter().find(|run| run.contains(&taken.place)).cloned().unwrap_or_default();
                    mean_of_last(&cells[at][run.start..=taken.place], count)
                }
                _ => None,
            };
            let value = |taken: &Taken| {
                let place = taken
                    .values
                    .as_ref()
                    .and_then(|values| needed.iter().position(|&column| column == at).map(|column| values[column]));
                mean(taken).unwrap_or_else(|| cells[at][place.unwrap_or(taken.place)].clone())
            };
            columns.insert(name.clone(), taken.iter().map(value).collect());
        }
        let all = std::mem::take(origins);
        *origins = taken.iter().map(|taken| all[steps[taken.place].row]).collect();
        let mut reasons = BTreeMap::new();
        let mut note = |reason: String, count: usize| {
            if count > 0 {
                reasons.insert(reason, count);
            }
        };
        note("no step is there".to_owned(), without_step);
        note("an earlier attempt, which a later one of the same run repeats".to_owned(), before - kept.len());
        lost.into_iter().for_each(|(reason, count)| note(reason, count));
        let rest = kept.len().saturating_sub(without_step + taken.len());
        note(format!("{NOT_TAKEN} ({})", self.describe()), rest);
        Ok(LeftOut { reasons, warnings })
    }

    /// A warning about a file that is read as one run, but begins again with other values at its first step.
    ///
    /// A resumed run begins again later, and a file may list one metric after another, with nothing to contradict.
    fn several_runs(
        &self,
        steps: &[Option<f64>],
        columns: &BTreeMap<String, Vec<Cell>>,
        origins: &[Origin],
        files: &[String],
    ) -> Option<Warning> {
        if !self.run.is_empty() {
            return None;
        }
        let mut first: BTreeMap<u32, f64> = BTreeMap::new();
        for (step, origin) in steps.iter().zip(origins) {
            let Some(step) = step else { continue };
            first.entry(origin.file).and_modify(|first| *first = first.min(*step)).or_insert(*step);
        }
        let mut at_first: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let is_first = |&row: &usize| steps[row].is_some() && steps[row] == first.get(&origins[row].file).copied();
        (0..steps.len()).filter(is_first).for_each(|row| at_first.entry(origins[row].file).or_default().push(row));
        let differs = |one: usize, other: usize| {
            let cells =
                columns.iter().filter(|(name, _)| **name != self.step).map(|(_, cells)| (&cells[one], &cells[other]));
            cells.filter(|(one, other)| **one != Cell::Empty && **other != Cell::Empty).any(|(one, other)| one != other)
        };
        let (file, rows) = at_first.into_iter().find(|(_, rows)| rows[1..].iter().any(|&row| differs(rows[0], row)))?;
        let again: Vec<Origin> =
            rows[1..].iter().filter(|&&row| differs(rows[0], row)).map(|&row| origins[row]).collect();
        let name = files.get(file as usize).map_or_else(|| "a file".to_owned(), |name| format!("`{name}`"));
        let in_file: Vec<Origin> = again.iter().map(|origin| Origin { file: 0, ..*origin }).collect();
        Some(Warning::serious(format!(
            "{name} is read as one run, because the source has no `run`, but it begins again at its first step with other values ({}): it seems to contain several runs, of which only parts are kept. Name the columns that tell them apart: `run = [\"...\"]`.",
            name_rows(&in_file)
        )))
    }

    /// The attempts that later ones replace. The columns of the run and of the step are no results.
    fn rewinds(
        &self,
        runs: &[Vec<String>],
        steps: &[Option<f64>],
        columns: &BTreeMap<String, Vec<Cell>>,
        origins: &[Origin],
    ) -> Vec<Rewind> {
        let results = columns.iter().filter(|(name, _)| **name != self.step && !self.run.contains(name));
        let results: Vec<&[Cell]> = results.map(|(_, cells)| cells.as_slice()).collect();
        let files: Vec<u32> = origins.iter().map(|origin| origin.file).collect();
        rewinds(&Roles { runs, steps, is_aside: &vec![false; steps.len()] }, &files, &results)
    }

    /// A warning about runs that ended before their planned last step.
    ///
    /// A run whose last step is less than one interval of its log before the planned one is finished: steps may be
    /// counted from 0, and the last one may not be logged.
    fn unfinished(
        &self,
        steps: &[Merged],
        cells: &[Vec<Cell>],
        names: &[String],
        runs: &[Vec<String>],
    ) -> Option<Warning> {
        let column = names.iter().position(|name| self.planned.as_ref() == Some(name))?;
        let ranges = by_run(steps);
        let ends = |run: &Range<usize>| {
            let planned = run.clone().rev().find_map(|at| number(&cells[column][at]))?;
            let last = steps[run.end - 1].step;
            let before = if run.len() > 1 { steps[run.end - 2].step } else { last };
            Some((last, planned, last + (last - before).max(1.0) >= planned))
        };
        let ended = |run: &Range<usize>| {
            let (last, planned, _) = ends(run).filter(|(.., is_finished)| !is_finished)?;
            let name = runs[steps[run.start].row].join(" ");
            Some(format!("{name} at {} of {}", exact(last), exact(planned)))
        };
        let unfinished: Vec<String> = ranges.iter().filter_map(ended).collect();
        let share = share_between(ranges.iter().filter_map(ends).map(|(last, planned, done)| (last / planned, done)));
        let planned_part = share.map_or_else(|| "planned".to_owned(), |share| format!("{share} * planned"));
        let shown: Vec<&str> = unfinished.iter().take(MOST_NAMED).map(String::as_str).collect();
        let more = unfinished.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!unfinished.is_empty()).then(|| {
            Warning::from(format!(
                "{} of {} ended before the planned last step ({}{more}): with a decaying learning rate, an unfinished run has too high a loss. To leave such runs out, read the columns `{}` and `{}` as variables and compare them in the filter: `{{ drop = \"step < {planned_part}\", because = \"unfinished\" }}`.",
                unfinished.len(),
                numbered(ranges.len(), "run"),
                shown.join(", "),
                self.step,
                names[column]
            ))
        })
    }

    /// Why a run gives no row.
    fn why_lost(&self, run: &Range<usize>, table: &Steps<'_>, names: &[String]) -> String {
        let is_logged = |column: usize| run.clone().any(|at| table.cells[column][at] != Cell::Empty);
        match table.needed.iter().find(|&&column| !is_logged(column)) {
            Some(&column) => format!("runs that never logged `{}`", names[column]),
            None => format!("runs without a step that is taken ({})", self.describe()),
        }
    }

    fn describe(&self) -> String {
        match &self.take {
            Take::Last => "the last".to_owned(),
            Take::Min => "the lowest".to_owned(),
            Take::Lowest(name) => format!("the lowest {name}"),
            Take::Mean(count) => format!("the mean of the last {count}"),
            Take::At(condition) => condition.clone(),
            Take::All => "all".to_owned(),
        }
    }

    /// The key of a row's run.
    fn run_of(
        &self,
        row: usize,
        columns: &BTreeMap<String, Vec<Cell>>,
        origin: Origin,
        files: &[String],
    ) -> Vec<String> {
        if self.run.is_empty() {
            return vec![files.get(origin.file as usize).map_or("", |file| run_of_file(file)).to_owned()];
        }
        let key = |name: &String| columns.get(name).map(|cells| cells[row].text()).unwrap_or_default();
        self.run.iter().map(key).collect()
    }

    /// The rows of one run.
    fn of_run(
        &self,
        run: &Range<usize>,
        table: &Steps<'_>,
        names: &[String],
        variables: &BTreeMap<String, String>,
    ) -> Result<Vec<Taken>, Failure> {
        let whole = || run.clone().filter(|&place| table.is_whole(place)).map(|place| Taken { place, values: None });
        Ok(match &self.take {
            Take::All => whole().collect(),
            Take::Last | Take::Mean(_) | Take::Min => {
                let wanted: Vec<Vec<Cell>> = table.needed.iter().map(|&column| table.cells[column].clone()).collect();
                last(&wanted, run).map(|(place, values)| Taken { place, values: Some(values) }).into_iter().collect()
            }
            Take::Lowest(variable) => {
                let column = variables.get(variable).and_then(|name| names.iter().position(|known| known == name));
                let value = |taken: &Taken| column.and_then(|at| number(&table.cells[at][taken.place]));
                let there = whole().filter(|taken| value(taken).is_some());
                let lowest = there.min_by(|a, b| value(a).unwrap_or(f64::NAN).total_cmp(&value(b).unwrap_or(f64::NAN)));
                lowest.into_iter().collect()
            }
            Take::At(condition) => {
                let places: Vec<usize> = whole().map(|taken| taken.place).collect();
                let truths = table.truths(condition, &places, names, variables)?;
                let held = places.into_iter().zip(truths).filter(|(_, holds)| *holds);
                held.map(|(place, _)| Taken { place, values: None }).collect()
            }
        })
    }
}

/// The steps of all runs with their cells, column by column.
struct Steps<'a> {
    steps: &'a [Merged],
    cells: &'a [Vec<Cell>],
    needed: &'a [usize],
}

impl Steps<'_> {
    fn is_whole(&self, place: usize) -> bool {
        self.needed.iter().all(|&column| self.cells[column][place] != Cell::Empty)
    }

    /// Whether a condition on the step and the variables holds at each of some places.
    fn truths(
        &self,
        condition: &str,
        places: &[usize],
        names: &[String],
        variables: &BTreeMap<String, String>,
    ) -> Result<Vec<bool>, Failure> {
        let mut data = Dataset::new(vec![Origin { file: 0, row: 0 }; places.len()]);
        for (variable, column) in variables {
            let Some(at) = names.iter().position(|name| name == column) else { continue };
            let numbers = places.iter().map(|&place| number(&self.cells[at][place]).unwrap_or(f64::NAN));
            data.insert(variable, Column::Numbers(numbers.collect()));
        }
        let steps = places.iter().map(|&place| self.steps[place].step);
        data.insert(crate::source::STEP, Column::Numbers(steps.collect()));
        let expr = crate::expr::parse_printed(condition).map_err(|error| Failure::internal(error.to_string()))?;
        match data.evaluate(&expr) {
            Some(Column::Numbers(truths)) => Ok(truths.into_iter().map(|truth| truth != 0.0).collect()),
            _ => Err(Failure::internal(format!("`{condition}` cannot be evaluated"))),
        }
    }
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Number(number) if number.is_finite() => Some(*number),
        Cell::Text(text) => written_number(text, Decimal::Point, None),
        _ => None,
    }
}

/// A warning about attempts of which a later one replaces the end.
fn begun_again(rewinds: &[Rewind], runs: &[Vec<String>], origins: &[Origin], files: &[String]) -> Option<Warning> {
    let of_one = |rewind: &Rewind| {
        let Rewind { row, from, passed, .. } = rewind;
        let (from, passed) = (exact(*from), exact(*passed));
        let place = super::name_rows(&[origins[*row]], files);
        format!("`{}` at step {from}, after step {passed} ({place})", runs[*row].join(" "))
    };
    let shown: Vec<String> = rewinds.iter().take(MOST_NAMED).map(of_one).collect();
    let more = rewinds.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let rows = numbered(rewinds.iter().map(|rewind| rewind.replaced.len()).sum(), "row");
    (!rewinds.is_empty()).then(|| {
        Warning::from(format!(
            "A run begins again at an earlier step, with other values: {}{more}. It was probably resumed from a \
             checkpoint, so {rows} that the earlier attempt logged from there on are left out. If these are \
             different runs, name the columns that tell them apart: `run = [\"...\"]`.",
            shown.join("; ")
        ))
    })
}

/// Sorts rows by the numbers in the names of their files, as people count them: `part2` before `part10`.
fn in_order_of_names(columns: &mut BTreeMap<String, Vec<Cell>>, origins: &mut Vec<Origin>, files: &[String]) {
    let mut named: Vec<usize> = (0..files.len()).collect();
    named.sort_by(|&a, &b| of_names(&files[a], &files[b]));
    let mut ranks = vec![0; files.len()];
    named.into_iter().enumerate().for_each(|(rank, file)| ranks[file] = rank);
    let rank = |row: usize| ranks.get(origins[row].file as usize).copied().unwrap_or_default();
    let mut order: Vec<usize> = (0..origins.len()).collect();
    if order.is_sorted_by_key(|&row| rank(row)) {
        return;
    }
    order.sort_by_key(|&row| rank(row));
    for cells in columns.values_mut() {
        *cells = order.iter().map(|&row| cells[row].clone()).collect();
    }
    *origins = order.iter().map(|&row| origins[row]).collect();
}

/// For each row without a step the row of the same run and file whose step it has: the one before, or the first one for
/// a row above it.
fn neighbours(runs: &[Vec<String>], steps: &[Option<f64>], origins: &[Origin]) -> Vec<Option<usize>> {
    if steps.iter().all(Option::is_some) {
        return vec![None; steps.len()];
    }
    let mut latest: BTreeMap<(&[String], u32), usize> = BTreeMap::new();
    let mut first: BTreeMap<(&[String], u32), usize> = BTreeMap::new();
    let mut all = vec![None; steps.len()];
    for (row, step) in steps.iter().enumerate() {
        let key = (runs[row].as_slice(), origins[row].file);
        if step.is_some() {
            latest.insert(key, row);
            first.entry(key).or_insert(row);
        } else {
            all[row] = latest.get(&key).copied();
        }
    }
    for (row, neighbour) in all.iter_mut().enumerate().filter(|(row, _)| steps[*row].is_none()) {
        *neighbour = neighbour.or_else(|| first.get(&(runs[row].as_slice(), origins[row].file)).copied());
    }
    all
}

/// A round number between the shares of the planned steps that unfinished and finished runs have; `None` if there is
/// none.
fn share_between(runs: impl Iterator<Item = (f64, bool)>) -> Option<f64> {
    let (mut unfinished, mut finished) = (0.0_f64, 1.0_f64);
    runs.for_each(
        |(share, is_done)| {
            if is_done { finished = finished.min(share) } else { unfinished = unfinished.max(share) }
        },
    );
    [10.0, 100.0, 1000.0, 10_000.0].into_iter().find_map(|parts| {
        let share = (finished * parts).floor() / parts;
        (share > unfinished && share < 1.0).then_some(share)
    })
}

/// The mean of the last numeric values; `None` where one of them is a text.
fn mean_of_last(cells: &[Cell], count: usize) -> Option<Cell> {
    let there: Vec<&Cell> = cells.iter().rev().filter(|cell| **cell != Cell::Empty).take(count).collect();
    let numbers: Vec<f64> = there.iter().filter_map(|cell| number(cell)).collect();
    let is_mean = !numbers.is_empty() && numbers.len() == there.len();
    is_mean.then(|| Cell::Number(numbers.iter().sum::<f64>() / numbers.len() as f64))
}

/// Files that have the same name in every run. Their folder names the run.
const NAMED_ALIKE: [&str; 2] = ["trainer_state.json", "metrics.csv"];

/// The run of a file with one run: its folder if files of all runs have this name, or else its path.
fn run_of_file(file: &str) -> &str {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let is_named_alike = name.contains("tfevents") || NAMED_ALIKE.contains(&name);
    if is_named_alike { folder } else { file }
}

/// The runs of a file's rows, with the run of the file where the file does not name one.
pub(super) fn named_run(cells: Packed, file: &str) -> Packed {
    let named = |cell: Cell| match cell {
        Cell::Text(text) if text.is_empty() => Cell::Text(run_of_file(file).to_owned()),
        cell => cell,
    };
    Packed::from(cells.into_cells().into_iter().map(named).collect::<Vec<_>>())
}
