//! Ingest: files to a table of variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Context, External, Failure, Inputs, Stage, json_bytes, name_rows};
use crate::account::{FileSummary, IngestSummary};
use crate::artifact::{Outputs, sha256};
use crate::dataset::{self, Column, Dataset};
use crate::expr::{Expr, parse_printed};
use crate::plausible::{self, Declared};
use crate::schedule::{KNOTS, MOST_STEPS, Schedule};
use crate::source::{Cell, ColumnKind, Format, Limits, Missing, Reading, SourceError, read};
use crate::unit::Unit;

/// Where a variable comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A column of the files.
    Column(String),
    /// An expression of earlier variables, in canonical spelling.
    Expr(String),
}

impl Origin {
    /// The origin in words: the column's name, or `= expression`.
    pub fn describe(&self) -> String {
        match self {
            Self::Column(name) => name.clone(),
            Self::Expr(text) => format!("= {text}"),
        }
    }
}

/// A variable to be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IngestColumn {
    /// Its name.
    pub variable: String,
    /// Where it comes from.
    pub from: Origin,
    /// How its cells are read, where they hold more than it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Factor that brings it to its base unit.
    pub factor: f64,
    /// Its unit, where it has one.
    pub unit: Option<Unit>,
    /// Numbers or texts.
    pub kind: ColumnKind,
}

/// Which variables tell of a learning-rate schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IngestSchedule {
    /// The variable that counts steps.
    pub step: String,
    /// The variable that is the learning rate.
    pub rate: String,
    /// The variables that are equal in rows of one run.
    pub run: Vec<String>,
    /// The last step of warm-up.
    pub warmup: usize,
    /// Momentum of the annealing area.
    pub momentum: f64,
}

/// Reads files into a table of variables.
#[derive(Clone, Debug, Default)]
pub struct Ingest {
    /// The files.
    pub files: Vec<External>,
    /// Their formats.
    pub formats: Vec<Format>,
    /// The variables; an expression stands after what it uses.
    pub columns: Vec<IngestColumn>,
    /// The schedule that rows are steps of, if they are.
    pub schedule: Option<IngestSchedule>,
    /// What to do with a row that cannot be.
    pub missing: Missing,
    /// How large the files may be. What is read does not depend on it.
    pub limits: Limits,
    /// Whether these are all files of the source. What is read does not depend on it.
    pub is_whole: bool,
}

impl Stage for Ingest {
    fn kind(&self) -> &'static str {
        "ingest"
    }

    fn impl_rev(&self) -> u32 {
        2
    }

    fn settings(&self) -> serde_json::Value {
        let mut settings =
            serde_json::json!({ "formats": self.formats, "columns": self.columns, "missing": self.missing });
        if let Some(schedule) = &self.schedule {
            settings["schedule"] = serde_json::json!({ "of": schedule, "rev": SCHEDULE_REV, "knots": KNOTS });
        }
        settings
    }

    fn externals(&self) -> &[External] {
        &self.files
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["summary", "table"]
    }

    fn run(&self, inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, Failure> {
        let (mut data, texts) = self.read_files(inputs)?;
        let mut faults = Faults::default();
        for column in &self.columns {
            let values = match &column.from {
                Origin::Column(_) => texts.numbers(column, &mut faults),
                Origin::Expr(text) => evaluate(&data, column, text, &mut faults)?,
            };
            data.insert(&column.variable, values);
        }
        if let Some(schedule) = &self.schedule {
            add_schedule(schedule, &mut data, &mut faults)?;
        }
        let rows = data.rows();
        let dropped = self.settle(&faults, data.origins())?;
        let kept: Vec<usize> = (0..rows).filter(|row| !faults.rows.contains_key(row)).collect();
        let data = if kept.len() == rows { data } else { data.select(&kept) };
        let summary = self.summary(inputs, rows, dropped, &data);
        let table = crate::source::to_bytes(&data).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(BTreeMap::from([("table".to_owned(), Arc::new(table)), ("summary".to_owned(), json_bytes(&summary)?)]))
    }
}

/// The cells of the columns that are read, all files one after the other.
struct Cells {
    columns: BTreeMap<String, Vec<Cell>>,
}

impl Cells {
    fn numbers(&self, column: &IngestColumn, faults: &mut Faults) -> Column {
        let Origin::Column(name) = &column.from else { return Column::Numbers(Vec::new()) };
        let cells = self.columns.get(name).map(Vec::as_slice).unwrap_or_default();
        let as_numbers = column.kind == ColumnKind::Number;
        let read = column.reading.as_ref().map(|reading| {
            reading.read(cells, as_numbers, |row, reason| {
                faults.add(row, format!("{}: {reason}", column.variable));
            })
        });
        let cells = read.as_deref().unwrap_or(cells);
        if column.kind == ColumnKind::Text {
            let texts = cells.iter().map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Number(number) => crate::expr::number_text(*number),
                Cell::Empty => String::new(),
            });
            return Column::Texts(texts.collect());
        }
        let numbers = cells.iter().enumerate().map(|(row, cell)| match cell {
            Cell::Number(number) if number.is_finite() => number * column.factor,
            Cell::Number(number) => faults.add(row, format!("{} is {number}", column.variable)),
            Cell::Empty => faults.add(row, format!("{} is missing", column.variable)),
            Cell::Text(text) => faults.add_text(row, format!("{} is a text", column.variable), text),
        });
        Column::Numbers(numbers.collect())
    }
}

/// Rows that cannot be, each with its first reason.
#[derive(Default)]
struct Faults {
    rows: BTreeMap<usize, String>,
    /// How often each text stands where a number should, by the reason.
    texts: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Faults {
    fn add(&mut self, row: usize, reason: String) -> f64 {
        self.rows.entry(row).or_insert(reason);
        f64::NAN
    }

    fn add_text(&mut self, row: usize, reason: String, text: &str) -> f64 {
        *self.texts.entry(reason.clone()).or_default().entry(text.to_owned()).or_default() += 1;
        self.add(row, reason)
    }

    /// A reason with the texts that it is about, the most frequent first.
    fn described(&self, reason: &str) -> String {
        let Some(texts) = self.texts.get(reason) else { return reason.to_owned() };
        let mut counts: Vec<(&String, usize)> = texts.iter().map(|(text, count)| (text, *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let times = |count: usize| if count == 1 { String::new() } else { format!(" {count} times") };
        let shown: Vec<String> =
            counts.iter().take(MOST_TEXTS).map(|(text, count)| format!("\"{text:.40}\"{}", times(*count))).collect();
        let more = counts.len().saturating_sub(MOST_TEXTS);
        let more = if more > 0 { format!(" and {more} other texts") } else { String::new() };
        format!("{reason} ({}{more})", shown.join(", "))
    }

    fn by_reason(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut reasons: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, reason) in &self.rows {
            reasons.entry(reason).or_default().push(*row);
        }
        reasons
    }
}

/// Most texts that a reason names.
const MOST_TEXTS: usize = 5;

/// The values of an expression; a row where it has none is a fault, unless one of its parts already was.
fn evaluate(data: &Dataset, column: &IngestColumn, text: &str, faults: &mut Faults) -> Result<Column, Failure> {
    let expr: Expr = parse_printed(text).map_err(|error| Failure::internal(error.to_string()))?;
    let values = data.evaluate(&expr).ok_or_else(|| Failure::internal(format!("`{text}` cannot be evaluated")))?;
    Ok(match values {
        Column::Numbers(mut numbers) => {
            for (row, number) in numbers.iter_mut().enumerate() {
                *number *= column.factor;
                if !number.is_finite() {
                    faults.add(row, format!("{} = {text} has no value", column.variable));
                }
            }
            Column::Numbers(numbers)
        }
        texts @ Column::Texts(_) => texts,
    })
}

/// Changes whenever what a schedule's variables hold changes.
const SCHEDULE_REV: u32 = 1;

/// Adds the variables that the schedule of each run gives at each of its rows.
fn add_schedule(how: &IngestSchedule, data: &mut Dataset, faults: &mut Faults) -> Result<(), Failure> {
    let no_column = || Failure::internal("a schedule's column is not there");
    let (steps, rates) =
        (data.numbers(&how.step).ok_or_else(no_column)?, data.numbers(&how.rate).ok_or_else(no_column)?);
    let mut runs: BTreeMap<Vec<String>, Vec<(usize, usize)>> = BTreeMap::new();
    for row in 0..data.rows() {
        let (step, rate) = (steps[row], rates[row]);
        let least = how.warmup as f64;
        if faults.rows.contains_key(&row) {
            continue;
        }
        if !(step.fract() == 0.0 && (least..=MOST_STEPS as f64).contains(&step)) {
            faults.add(row, format!("{} is no whole number of steps from the end of warm-up, {least}", how.step));
        } else if rate < 0.0 {
            faults.add(row, format!("{} is below zero", how.rate));
        } else {
            let run = how.run.iter().map(|name| data.text(name, row)).collect();
            runs.entry(run).or_default().push((step as usize, row));
        }
    }
    let names = crate::schedule::names();
    let mut columns: Vec<Vec<f64>> = vec![vec![f64::NAN; data.rows()]; names.len()];
    for (run, mut places) in runs {
        places.sort_unstable();
        let mut known: Vec<(usize, f64)> = Vec::new();
        for &(step, row) in &places {
            match known.last() {
                Some(&(before, rate)) if before == step => {
                    if rate != rates[row] {
                        let run = if run.is_empty() { "the run".to_owned() } else { run.join(", ") };
                        faults.add(row, format!("step {step} of {run} has two values of {}", how.rate));
                    }
                }
                _ => known.push((step, rates[row])),
            }
        }
        let wanted: Vec<usize> = places.iter().map(|(step, _)| *step).collect();
        let features = Schedule::through(how.warmup, &known, how.momentum).features(&wanted);
        for ((_, row), features) in places.iter().zip(features) {
            columns.iter_mut().zip(features.values).for_each(|(column, value)| column[*row] = value);
        }
    }
    names.iter().zip(columns).for_each(|(name, column)| data.insert(name, Column::Numbers(column)));
    Ok(())
}

impl Ingest {
    fn read_files(&self, inputs: &Inputs) -> Result<(Dataset, Cells), Failure> {
        let mut names: Vec<String> = self
            .columns
            .iter()
            .filter_map(|c| match &c.from {
                Origin::Column(name) => Some(name.clone()),
                Origin::Expr(_) => None,
            })
            .collect();
        names.sort();
        names.dedup();
        let mut origins = Vec::new();
        let mut columns: BTreeMap<String, Vec<Cell>> = names.iter().map(|n| (n.clone(), Vec::new())).collect();
        for (index, (file, bytes)) in self.files.iter().zip(&inputs.files).enumerate() {
            let format = self.formats.get(index).copied().unwrap_or(Format::Csv);
            let cells = read(Arc::clone(bytes), format, &names, &self.limits)
                .map_err(|error| unreadable(file, format, &error))?;
            let rows = cells.first().map_or(0, Vec::len);
            origins.extend((0..rows).map(|row| dataset::Origin { file: index as u32, row: row as u32 + 1 }));
            for (name, cells) in names.iter().zip(cells) {
                columns.entry(name.clone()).or_default().extend(cells);
            }
        }
        Ok((Dataset::new(origins), Cells { columns }))
    }

    /// Accounts for the rows that cannot be, or stops.
    fn settle(&self, faults: &Faults, origins: &[dataset::Origin]) -> Result<BTreeMap<String, usize>, Failure> {
        let reasons = faults.by_reason();
        if self.missing == Missing::Drop && self.is_whole && faults.rows.len() == origins.len() && !reasons.is_empty() {
            let failure = Failure::new("no-rows", "no row is left: all were dropped, as `missing = \"drop\"` says");
            return Err(reasons.iter().fold(failure, |failure, (reason, rows)| {
                let rows = if rows.len() == 1 { "1 row".to_owned() } else { format!("{} rows", rows.len()) };
                failure.hint(format!("{}: {rows}", faults.described(reason)))
            }));
        }
        if self.missing == Missing::Drop || reasons.is_empty() {
            return Ok(reasons.into_iter().map(|(reason, rows)| (reason.to_owned(), rows.len())).collect());
        }
        let files: Vec<String> = self.files.iter().map(|f| f.name().to_owned()).collect();
        let total = faults.rows.len();
        let message = format!("{total} row{} cannot be used", if total == 1 { "" } else { "s" });
        let mut failure = Failure::new("bad-value", message);
        for (reason, rows) in reasons {
            let places: Vec<dataset::Origin> = rows.iter().map(|&row| origins[row]).collect();
            failure = failure.hint(format!("{}: {}", faults.described(reason), name_rows(&places, &files)));
        }
        Err(failure.hint("mend the file, or write `missing = \"drop\"` in the source to drop such rows"))
    }

    fn summary(&self, inputs: &Inputs, rows: usize, dropped: BTreeMap<String, usize>, data: &Dataset) -> IngestSummary {
        let mut counts = vec![0; inputs.files.len()];
        data.origins().iter().for_each(|o| counts[o.file as usize] += 1);
        let files: Vec<FileSummary> = inputs
            .files
            .iter()
            .zip(counts)
            .map(|(bytes, rows)| FileSummary {
                rows,
                sha256: sha256(bytes),
                b3: crate::artifact::Digest::of(bytes).to_string(),
            })
            .collect();
        let declared = declared(&self.columns);
        let flop_ratio = plausible::flop_ratio(data, &declared);
        let warnings = plausible::doubts(data, &declared);
        IngestSummary { rows, dropped, sha256: digest_of(&files), files, flop_ratio, warnings }
    }
}

/// The SHA-256 of a file; of the list of their digests where there are several.
pub(super) fn digest_of(files: &[FileSummary]) -> String {
    match files {
        [one] => one.sha256.clone(),
        many => {
            let list: Vec<&str> = many.iter().map(|f| f.sha256.as_str()).collect();
            sha256(format!("{}\n", list.join("\n")).as_bytes())
        }
    }
}

/// What the columns are declared to be.
pub(super) fn declared(columns: &[IngestColumn]) -> Vec<Declared<'_>> {
    let declare = |of| {
        let of: &IngestColumn = of;
        let column = match &of.from {
            Origin::Column(name) if of.kind == ColumnKind::Number => Some(name.as_str()),
            _ => None,
        };
        Declared { variable: &of.variable, column, unit: of.unit }
    };
    columns.iter().map(declare).collect()
}

fn unreadable(file: &External, format: Format, error: &SourceError) -> Failure {
    let name = file.name();
    match error {
        SourceError::NoText(_) => Failure::new("unreadable-file", format!("{name}: {error}"))
            .hint("a source is a table: look whether the path, or what was downloaded, is the one that was meant"),
        SourceError::NoColumn { column, known } => {
            let failure = Failure::new("no-column", format!("{name} has no column `{column}`"));
            let names_variables = column.contains(['+', '*', '/', '^', '(']) && crate::expr::parse(column).is_ok();
            if names_variables {
                return failure.hint(format!("for an expression of other variables write `{{ expr = \"{column}\" }}`"));
            }
            match crate::diagnostic::nearest(column, known.iter().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("its columns are {}", known.join(", "))),
            }
        }
        SourceError::TooLarge(_) => {
            let most = crate::file::in_units(Limits::LARGE.bytes);
            Failure::new("too-large", format!("{name}: {error}"))
                .hint(format!("if it is meant to be so large, allow it: `--allow large` reads up to {most}"))
        }
        other => Failure::new("unreadable-file", format!("{name}: {other}"))
            .hint(format!("it was read as {format:?}; another format is set with `format = ...`").to_lowercase()),
    }
}
