//! Ingest: reads files into a table of variables.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answered::{ANSWER, of_answer, with_notes_of};
use super::faults::Faults;
use super::history::{IngestHistory, LeftOut, Logged, named_run};
use super::{External, Failure, Inputs, Laws, NO_ROWS, Stage, WrittenStage, json_bytes, name_rows};
use crate::answer::Answer;
use crate::artifact::{Outputs, sha256};
use crate::dataset::{self, Column, Dataset, UNREAD};
use crate::diagnostic::numbered;
use crate::expr::{Expr, parse_printed};
use crate::plausible::{self, Declared};
use crate::schedule::{KNOTS, MOST_STEPS, Schedule};
use crate::source::{
    Cell, ColumnKind, Decimal, Format, Headings, Limits, Missing, Options, Packed, Reading, SourceError, Tells,
    read_packed,
};
use crate::summary::{FileSummary, IngestSummary};
use crate::unit::Unit;
use crate::warning::Warning;
use crate::watch::Watch;

/// Where a variable comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestColumn {
    /// Its name.
    pub variable: String,
    /// Its origin.
    pub from: Origin,
    /// How the value is extracted from cells that contain more than it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Factor that converts it to its base unit.
    pub factor: f64,
    /// Its unit, if it has one.
    pub unit: Option<Unit>,
    /// Numbers or texts.
    pub kind: ColumnKind,
    /// Whether the study does not use it. Missing values of unused variables drop no rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unused: bool,
}

/// The variables that describe a learning-rate schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestSchedule {
    /// The variable that counts steps.
    pub step: String,
    /// The variable that is the learning rate.
    pub rate: String,
    /// The variables that identify a run: rows with equal values belong to one run.
    pub run: Vec<String>,
    /// The last step of warm-up.
    pub warmup: usize,
    /// Momentum of the annealing area.
    pub momentum: f64,
}

/// Reads files into a table of variables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ingest {
    /// The files.
    pub files: Vec<External>,
    /// Their formats.
    pub formats: Vec<Format>,
    /// The variables; each expression follows the variables it uses.
    pub columns: Vec<IngestColumn>,
    /// The learning-rate schedule, if rows are steps of runs.
    pub schedule: Option<IngestSchedule>,
    /// How to treat a row with an invalid or missing value.
    pub missing: Missing,
    /// Whether the study defines training costs, so that compute need not be 6 N D.
    pub is_priced: bool,
    /// The reading options.
    pub options: Options,
    /// If the source is the answer of a query: the column by which that answer is grouped, if it is.
    #[serde(with = "nested")]
    pub answer: Option<Option<String>>,
    /// How rows are made from histories, if the files are histories.
    pub history: Option<IngestHistory>,
    /// A pattern for headings of columns that become rows.
    pub headings: Option<String>,
    /// The columns that each file name provides.
    pub named: Vec<BTreeMap<String, String>>,
    /// Limit of the files' size. It does not change what is read.
    pub limits: Limits,
    /// Whether these are all files of the source. It does not change what is read.
    pub is_whole: bool,
}

/// A nested option in JSON, which has a single `null`.
mod nested {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, clippy::ref_option, reason = "as the field and serde have it")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Option<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(|inner| [inner]).serialize(serializer)
    }

    #[expect(clippy::option_option, reason = "as the field has it")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
        let written = Option::<[Option<String>; 1]>::deserialize(deserializer)?;
        Ok(written.map(|[inner]| inner))
    }
}

impl Stage for Ingest {
    fn kind(&self) -> &'static str {
        "ingest"
    }

    fn impl_rev(&self) -> u32 {
        13
    }

    fn settings(&self) -> serde_json::Value {
        let mut settings =
            serde_json::json!({ "formats": self.formats, "columns": self.columns, "missing": self.missing });
        if let Some(schedule) = &self.schedule {
            settings["schedule"] = serde_json::json!({ "of": schedule, "rev": SCHEDULE_REV, "knots": KNOTS });
        }
        if !self.options.is_empty() {
            settings["options"] = serde_json::json!(self.options);
        }
        if self.is_priced {
            settings["is_priced"] = true.into();
        }
        if let Some(by) = &self.answer {
            settings["answer"] = serde_json::json!({ "by": by });
        }
        if let Some(history) = &self.history {
            settings["history"] = serde_json::json!(history);
        }
        if let Some(headings) = &self.headings {
            settings["headings"] = headings.as_str().into();
        }
        if self.named.iter().any(|named| !named.is_empty()) {
            settings["named"] = serde_json::json!(self.named);
        }
        settings
    }

    fn externals(&self) -> &[External] {
        &self.files
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Ingest(Box::new(self.clone())))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["summary", "table"]
    }

    fn account(&self, outputs: &Outputs) -> Vec<String> {
        accounted(outputs)
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let (mut data, mut cells, lost) = self.read_files(inputs)?;
        let decimal = self.decimal(&cells, data.origins())?;
        let mut faults = Faults::default();
        for (at, column) in self.columns.iter().enumerate() {
            let mut unheeded = Faults::default();
            let faults = if column.unused { &mut unheeded } else { &mut faults };
            let values = match &column.from {
                Origin::Column(name) => values_of(column, cells.take(name, &self.columns[at + 1..]), decimal, faults),
                Origin::Expr(text) => evaluate(&data, column, text, faults)?,
            };
            data.insert(&column.variable, values);
        }
        if let Some(schedule) = &self.schedule {
            add_schedule(schedule, &mut data, &mut faults)?;
        }
        let rows = data.rows();
        let settled = self.settle(&faults, data.origins());
        let mut dropped = settled.map_err(|failure| self.with_notes(failure, inputs))?;
        let LeftOut { reasons, warnings } = lost;
        let taken_from = rows + reasons.values().sum::<usize>();
        dropped.extend(reasons);
        if self.missing != Missing::Keep && !faults.rows.is_empty() {
            let kept: Vec<usize> = (0..rows).filter(|row| !faults.rows.contains_key(row)).collect();
            data = data.select(&kept);
        }
        let mut summary = self.summary(inputs, taken_from, dropped, &data);
        summary.warnings.extend(warnings);
        summary.warnings.extend(self.kept_texts(&faults, data.origins()));
        let table = crate::source::into_bytes(data).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(BTreeMap::from([("table".to_owned(), Arc::new(table)), ("summary".to_owned(), json_bytes(&summary)?)]))
    }
}

/// The cells of the columns that are read, with all files concatenated.
struct Cells {
    columns: BTreeMap<String, Packed>,
}

impl Cells {
    fn of(&self, column: &IngestColumn) -> Option<&Packed> {
        match &column.from {
            Origin::Column(name) => self.columns.get(name),
            Origin::Expr(_) => None,
        }
    }

    /// The cells of a column, which are removed unless a later variable has the same column.
    fn take(&mut self, name: &str, later: &[IngestColumn]) -> Packed {
        let is_later = later.iter().any(|column| matches!(&column.from, Origin::Column(later) if later == name));
        let cells = if is_later { self.columns.get(name).cloned() } else { self.columns.remove(name) };
        cells.unwrap_or_default()
    }
}

/// The values of a variable from the cells of its column.
fn values_of(column: &IngestColumn, cells: Packed, decimal: Decimal, faults: &mut Faults) -> Column {
    let as_numbers = column.kind == ColumnKind::Number;
    let mut unread = BTreeSet::new();
    let cells = match &column.reading {
        Some(reading) => Packed::from(reading.read(&cells.into_cells(), as_numbers, |row, reason| {
            unread.insert(row);
            faults.add(row, format!("{}: {reason}", column.variable));
        })),
        None => cells,
    };
    if column.kind == ColumnKind::Text {
        // Spaces around a text are no part of it: ` a` and `a` would be two groups that look alike.
        return Column::Texts(cells.into_cells().iter().map(|cell| cell.text().trim().to_owned()).collect());
    }
    Column::Numbers(cells.into_numbers(|row, cell| {
        match cell {
            Cell::Number(number) if number.is_finite() => number * column.factor,
            Cell::Number(number) => faults.add(row, format!("{} is {number}", column.variable)),
            Cell::Empty if unread.contains(&row) => UNREAD,
            Cell::Empty => faults.add(row, format!("{} is missing", column.variable)),
            Cell::Text(text) => crate::source::written_number(text, decimal, column.unit)
                .unwrap_or_else(|| faults.add_text(row, &column.variable, text)),
        }
    }))
}

/// The values of an expression. A row without a value is a fault unless one of its inputs is one already.
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

/// Must change whenever the values of schedule variables change.
const SCHEDULE_REV: u32 = 1;

/// Adds the schedule variables of each run at each of its rows.
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
            faults.add(row, format!("{} is not a whole number of steps from the end of warm-up, {least}", how.step));
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
    /// The decimal separator: the declared one, or the one that the texts of the columns reveal.
    ///
    /// # Errors
    /// If the texts reveal a comma, or if one is ambiguous; the spec must then declare the separator.
    fn decimal(&self, cells: &Cells, origins: &[dataset::Origin]) -> Result<Decimal, Failure> {
        if let Some(decimal) = self.formats.iter().find_map(|format| format.member().decimal(&self.options)) {
            return Ok(decimal);
        }
        let (mut has_point, mut comma, mut either) = (false, None, None);
        let numeric = self.columns.iter().filter(|c| c.kind == ColumnKind::Number && c.reading.is_none());
        for column in numeric {
            let (mut shares, mut plain) = (false, None);
            let mut look = |row: usize, cell: &Cell| {
                let told = match cell {
                    Cell::Text(text) => {
                        shares |= crate::source::is_percent(text);
                        crate::source::tells(text)
                    }
                    Cell::Number(number) => {
                        if plain.is_none() && *number != 0.0 {
                            plain = Some((row, *number));
                        }
                        // One such number is enough; most tables consist of them.
                        if has_point { Tells::Nothing } else { crate::source::number_tells(*number) }
                    }
                    Cell::Empty => Tells::Nothing,
                };
                match (told, cell) {
                    (Tells::Point, _) => has_point = true,
                    (Tells::Comma, Cell::Text(text)) if !column.unused => {
                        comma.get_or_insert_with(|| (column, row, text.clone()));
                    }
                    (Tells::Either, Cell::Text(text)) if !column.unused => {
                        either.get_or_insert_with(|| (column, row, text.clone()));
                    }
                    _ => {}
                }
            };
            if let Some(cells) = cells.of(column) {
                cells.each(&mut look);
            }
            if let (true, Some((row, number)), None, false) = (shares, plain, column.unit, column.unused) {
                let number = crate::numeral::exact(number);
                let message = format!(
                    "{} has percents and the plain number {number} ({})",
                    column.variable,
                    self.at(origins[row])
                );
                return Err(Failure::new("two-readings", message).hint(format!(
                    "say what plain numbers are: `{} = {{ column = ..., unit = \"%\" }}`, or `unit = \"share\"`",
                    column.variable
                )));
            }
        }
        let said = |(column, row, text): (&IngestColumn, usize, String), what: &str| {
            Failure::new("two-readings", format!("{} is `{text}` ({}): {what}", column.variable, self.at(origins[row])))
        };
        let takes_decimal = self.formats.iter().all(|format| format.member().settings().contains(&"decimal"));
        match (comma, either) {
            (Some(found), _) if !takes_decimal => Err(said(found, "it seems to have a decimal comma").hint(IN_FILE)),
            (None, Some(found)) if !has_point && !takes_decimal => {
                Err(said(found, "a comma may stand before thousands or before decimals").hint(IN_FILE))
            }
            (Some(found), _) => Err(said(found, "it seems to have a decimal comma")
                .hint("write `decimal = \",\"` in the source if the comma stands before decimals")
                .hint("or `decimal = \".\"` if it does not; then such a cell is no number")),
            (None, Some(found)) if !has_point => {
                Err(said(found, "a comma may stand before thousands or before decimals, and no other cell tells which")
                    .hint("write `decimal = \".\"` in the source if it groups thousands")
                    .hint("or `decimal = \",\"` if it stands before decimals"))
            }
            _ => Ok(Decimal::Point),
        }
    }

    /// The position of a row in words.
    fn at(&self, origin: dataset::Origin) -> String {
        let files: Vec<String> = self.files.iter().map(|f| f.name().to_owned()).collect();
        name_rows(&[origin], &files)
    }

    /// The columns of the files that are texts wherever they are used.
    fn columns_of_texts(&self) -> BTreeSet<String> {
        let named = |kind: ColumnKind| {
            let of_kind = self.columns.iter().filter(move |column| column.kind == kind);
            of_kind.filter_map(|column| match &column.from {
                Origin::Column(name) => Some(name.clone()),
                Origin::Expr(_) => None,
            })
        };
        let numbers: BTreeSet<String> = named(ColumnKind::Number).collect();
        named(ColumnKind::Text).filter(|name| !numbers.contains(name)).collect()
    }

    /// The cells of all files, and the parts of histories that give no row.
    fn read_files(&self, inputs: &Inputs) -> Result<(Dataset, Cells, LeftOut), Failure> {
        let mut names: BTreeSet<String> = self
            .columns
            .iter()
            .filter_map(|c| match &c.from {
                Origin::Column(name) => Some(name.clone()),
                Origin::Expr(_) => None,
            })
            .collect();
        if let Some(history) = &self.history {
            names.extend(history.run.iter().chain([&history.step]).chain(&history.planned).cloned());
        }
        if let Some(by) = &self.answer {
            let answer: Answer = inputs.json(ANSWER)?;
            let origins = (1..=answer.rows.len()).map(|row| dataset::Origin { file: 0, row: row as u32 });
            let mut columns = BTreeMap::new();
            for name in names {
                let cells = of_answer(&answer, by.as_deref(), &name)?;
                columns.insert(name, Packed::from(cells));
            }
            return Ok((Dataset::new(origins.collect()), Cells { columns }, LeftOut::default()));
        }
        let texts = self.columns_of_texts();
        let headings = self.headings.as_deref().map(Headings::parse).transpose().map_err(Failure::internal)?;
        let mut origins = Vec::new();
        // The columns that a file of a history lacks, with the first such file, and those that some file has.
        let (mut absent, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let mut columns: BTreeMap<String, Packed> = names.iter().map(|n| (n.clone(), Packed::default())).collect();
        for (index, (file, bytes)) in self.files.iter().zip(&inputs.files).enumerate() {
            let format = self.formats.get(index).copied().unwrap_or_default();
            let nothing = BTreeMap::new();
            let told = self.named.get(index).unwrap_or(&nothing);
            let inside: BTreeSet<String> = names.iter().filter(|name| !told.contains_key(*name)).cloned().collect();
            let places = RefCell::new(None);
            let read = |wanted: &BTreeSet<String>| match &headings {
                Some(headings) => {
                    let (columns, rows) = headings.read(bytes, format, wanted, &texts, &self.options, &self.limits)?;
                    *places.borrow_mut() = Some(rows);
                    Ok(columns)
                }
                None => read_packed(bytes, format, wanted, &texts, &self.options, &self.limits),
            };
            let found = match &self.history {
                Some(_) => of_runs(inside, &mut absent, index, read),
                None => read(&inside),
            }
            .map_err(|error| self.at_column(unreadable(file, format, &error), &error))?;
            let rows = found.values().next().map_or(0, Packed::len);
            let places = places.into_inner().unwrap_or_else(|| (1..=rows as u32).collect());
            origins.extend(places.into_iter().map(|row| dataset::Origin { file: index as u32, row }));
            for (name, cells) in found {
                let is_run = self.history.is_some() && name == crate::source::RUN;
                let cells = if is_run { named_run(cells, file.name()) } else { cells };
                seen.insert(name.clone());
                columns.entry(name).or_default().append(cells);
            }
            for (name, text) in told {
                let cell = crate::source::cell_of_text(text);
                columns.entry(name.clone()).or_default().extend(vec![cell; rows]);
            }
            let lacking = columns.values_mut().filter(|column| column.len() < origins.len());
            lacking.for_each(|column| column.extend(vec![Cell::Empty; rows]));
        }
        let may_lack =
            |name: &String| self.history.as_ref().is_some_and(|h| h.may_lack_plan && h.planned.as_ref() == Some(name));
        let lacking = absent.into_iter().find(|(name, _)| !seen.contains(name) && !may_lack(name));
        if let Some((_, (index, error))) = lacking {
            let format = self.formats.get(index).copied().unwrap_or_default();
            return Err(self.at_column(unreadable(&self.files[index], format, &error), &error));
        }
        let lost = match &self.history {
            Some(history) => {
                let of_columns = self.columns.iter().filter_map(|column| match &column.from {
                    Origin::Column(name) => Some((column, name.clone())),
                    Origin::Expr(_) => None,
                });
                let of_columns: Vec<(&IngestColumn, String)> = of_columns.collect();
                let mut logged = columns.into_iter().map(|(name, cells)| (name, cells.into_cells())).collect();
                let lost = history.reduce(Logged {
                    columns: &mut logged,
                    origins: &mut origins,
                    needed: of_columns.iter().filter(|(c, _)| !c.unused).map(|(_, name)| name.clone()).collect(),
                    variables: of_columns.iter().map(|(c, name)| (c.variable.clone(), name.clone())).collect(),
                    files: self.files.iter().map(|file| file.name().to_owned()).collect(),
                })?;
                columns = logged.into_iter().map(|(name, cells)| (name, Packed::from(cells))).collect();
                lost
            }
            None => LeftOut::default(),
        };
        Ok((Dataset::new(origins), Cells { columns }, lost))
    }

    /// A failure placed at the key that names a missing column.
    fn at_column(&self, failure: Failure, error: &SourceError) -> Failure {
        let SourceError::NoColumn { column, .. } = error else { return failure };
        let is_it = |of: &&IngestColumn| matches!(&of.from, Origin::Column(name) if name == column);
        if let Some(variable) = self.columns.iter().find(is_it) {
            return failure.below(&["columns", &variable.variable]);
        }
        match &self.history {
            Some(history) if history.step == *column && column != crate::source::STEP => failure.below(&["step"]),
            Some(history) if history.run.contains(column) && column != crate::source::RUN => failure.below(&["run"]),
            _ => failure,
        }
    }

    /// Accounts for rows with an invalid or missing value, or fails.
    fn settle(&self, faults: &Faults, origins: &[dataset::Origin]) -> Result<BTreeMap<String, usize>, Failure> {
        let reasons = faults.by_reason();
        if self.missing == Missing::Keep {
            return Ok(BTreeMap::new());
        }
        if self.missing == Missing::Drop && self.is_whole && faults.rows.len() == origins.len() && !reasons.is_empty() {
            let failure = Failure::new(NO_ROWS, "no row is left: all were dropped, as `missing = \"drop\"` says");
            return Err(reasons.iter().fold(failure, |failure, (reason, rows)| {
                let rows = numbered(rows.len(), "row");
                failure.hint(format!("{reason}: {rows}"))
            }));
        }
        if self.missing == Missing::Drop || reasons.is_empty() {
            return Ok(reasons.into_iter().map(|(reason, rows)| (reason.to_owned(), rows.len())).collect());
        }
        let files: Vec<String> = match &self.answer {
            Some(_) => vec!["the answer's".to_owned()],
            None => self.files.iter().map(|f| f.name().to_owned()).collect(),
        };
        let total = faults.rows.len();
        let message = format!("{total} row{} cannot be used", if total == 1 { "" } else { "s" });
        let mut failure = Failure::new("bad-value", message);
        for (reason, rows) in reasons {
            let places: Vec<dataset::Origin> = rows.iter().map(|&row| origins[row]).collect();
            failure = failure.hint(format!("{reason}: {}", name_rows(&places, &files)));
        }
        let failure = faults.remedies().into_iter().fold(failure, Failure::hint);
        Err(failure.hint("mend the file, or write `missing = \"drop\"` in the source to drop such rows"))
    }

    /// A warning about texts that are no numbers, in rows that are kept without them.
    fn kept_texts(&self, faults: &Faults, origins: &[dataset::Origin]) -> Option<Warning> {
        if self.missing != Missing::Keep {
            return None;
        }
        let files: Vec<String> = self.files.iter().map(|f| f.name().to_owned()).collect();
        let told = faults.by_reason().into_iter().filter(|(reason, _)| !reason.ends_with(" is missing"));
        let told = told.map(|(reason, rows)| {
            let places: Vec<dataset::Origin> = rows.iter().map(|&row| origins[row]).collect();
            format!("{reason} ({})", name_rows(&places, &files))
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| Warning::from(format!("Kept without a value: {}.", told.join("; "))))
    }

    /// A failure with the reasons why rows of the answer that is read have no numbers.
    fn with_notes(&self, failure: Failure, inputs: &Inputs) -> Failure {
        match self.answer.as_ref().and_then(|_| inputs.json::<Answer>(ANSWER).ok()) {
            Some(answer) => with_notes_of(&answer, failure),
            None => failure,
        }
    }

    fn summary(&self, inputs: &Inputs, rows: usize, dropped: BTreeMap<String, usize>, data: &Dataset) -> IngestSummary {
        let answer = self.answer.as_ref().and_then(|_| inputs.artifacts.get(ANSWER));
        let read: Vec<&Arc<Vec<u8>>> = inputs.files.iter().chain(answer).collect();
        let mut counts = vec![0; read.len()];
        data.origins().iter().for_each(|o| counts[o.file as usize] += 1);
        let files: Vec<FileSummary> = read
            .into_iter()
            .zip(counts)
            .map(|(bytes, rows)| FileSummary {
                rows,
                sha256: sha256(bytes),
                b3: crate::artifact::Digest::of(bytes).to_string(),
            })
            .collect();
        let (declared, complete) = checked(&self.columns, data);
        let flop_ratio = plausible::flop_ratio(&complete, &declared);
        let warnings = plausible::doubts(&complete, &declared, self.is_priced);
        IngestSummary { rows, dropped, sha256: digest_of(&files), files, flop_ratio, warnings }
    }
}

/// What to do about a comma in a cell of a format without the setting `decimal`.
const IN_FILE: &str = "write it as a number in the file, or as a text with a decimal point and without commas";

/// Reads a file of runs. Runs may log different metrics, so a column that the file lacks is left out; `absent` gets it,
/// with the index of the first such file.
fn of_runs(
    mut wanted: BTreeSet<String>,
    absent: &mut BTreeMap<String, (usize, SourceError)>,
    index: usize,
    read: impl Fn(&BTreeSet<String>) -> Result<BTreeMap<String, Packed>, SourceError>,
) -> Result<BTreeMap<String, Packed>, SourceError> {
    loop {
        match read(&wanted) {
            Err(SourceError::NoColumn { column, known }) if wanted.remove(&column) => {
                absent.entry(column.clone()).or_insert((index, SourceError::NoColumn { column, known }));
            }
            read => return read,
        }
    }
}

/// What a source dropped, in lines.
pub(super) fn accounted(outputs: &Outputs) -> Vec<String> {
    let summary = outputs.get("summary").and_then(|bytes| serde_json::from_slice::<IngestSummary>(bytes).ok());
    let dropped = summary.map(|summary| summary.dropped).unwrap_or_default();
    dropped
        .into_iter()
        .map(|(reason, rows)| format!("the source dropped {}: {reason}", numbered(rows, "row")))
        .collect()
}

/// The SHA-256 of a single file, or of the list of digests of several files.
pub(super) fn digest_of(files: &[FileSummary]) -> String {
    match files {
        [one] => one.sha256.clone(),
        many => {
            let list: Vec<&str> = many.iter().map(|f| f.sha256.as_str()).collect();
            sha256(format!("{}\n", list.join("\n")).as_bytes())
        }
    }
}

/// The columns and the rows whose units are checked: the columns with a value in at least half of the rows, and the rows
/// with a value in all of them. If these are fewer than half of the rows, only the columns without a gap are checked.
pub(super) fn checked<'a, 'd>(columns: &'a [IngestColumn], data: &'d Dataset) -> (Vec<Declared<'a>>, Cow<'d, Dataset>) {
    let gaps = |column: &IngestColumn| match data.numbers(&column.variable) {
        Some(numbers) => numbers.iter().filter(|number| number.is_nan()).count(),
        None => 0,
    };
    let declare = |column: &'a IngestColumn| {
        let name = match &column.from {
            Origin::Column(name) if column.kind == ColumnKind::Number => Some(name.as_str()),
            _ => None,
        };
        Declared { variable: &column.variable, column: name, unit: column.unit }
    };
    let gaps: Vec<(&IngestColumn, usize)> = columns.iter().map(|column| (column, gaps(column))).collect();
    let of = |most: usize| gaps.iter().filter(move |(_, gaps)| *gaps <= most).map(|(column, _)| *column);
    let numbers: Vec<&[f64]> = of(data.rows() / 2).filter_map(|column| data.numbers(&column.variable)).collect();
    let is_complete = |row: &usize| numbers.iter().all(|column| !column[*row].is_nan());
    let complete: Vec<usize> = (0..data.rows()).filter(is_complete).collect();
    if complete.len() == data.rows() || 2 * complete.len() < data.rows() {
        return (of(0).map(declare).collect(), Cow::Borrowed(data));
    }
    (of(data.rows() / 2).map(declare).collect(), Cow::Owned(data.select(&complete)))
}

fn unreadable(file: &External, format: Format, error: &SourceError) -> Failure {
    let name = file.name();
    match error {
        SourceError::NoText(_) => Failure::new("unreadable-file", format!("{name}: {error}"))
            .hint("a source is a table: look whether the path, or what was downloaded, is the one that was meant"),
        SourceError::NoColumn { column, known } => {
            let failure = Failure::new("no-column", format!("{name} has no column `{column}`"));
            // Names such as `final/loss` are expressions too.
            let names_variables = column.contains(['+', '*', '/', '^', '(']) && crate::expr::parse(column).is_ok();
            let failure = failure.hint(SourceError::meant(column, known));
            if names_variables {
                return failure.hint(format!("for an expression of other variables write `{{ expr = \"{column}\" }}`"));
            }
            failure
        }
        SourceError::NoReader { feature } => {
            Failure::new("no-reader", format!("{name}: {error}")).hint(crate::source::ways_to_feature(feature))
        }
        SourceError::TooLarge(_) => {
            let most = crate::file::in_units(Limits::LARGE.bytes);
            Failure::new("too-large", format!("{name}: {error}"))
                .hint(format!("if this size is intended, allow it: `--allow large` reads up to {most}"))
        }
        other => Failure::new("unreadable-file", format!("{name}: {other}"))
            .hint(format!("it was read as {}; another format is set with `format = ...`", format.name())),
    }
}
