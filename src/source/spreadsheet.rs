//! Excel and LibreOffice workbooks: a sheet, a range, a header row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header::{Header, joined};
use super::{Asked, Cell, Columns, Decimal, Fault, Limits, Settings, SourceError};

/// The settings of a workbook.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Workbook {
    /// The sheet of a workbook. Optional if only one sheet has content.
    sheet: Option<String>,
    /// The cell range of a sheet, header included: "B3:F40", or "B3:F" for all rows down to the last.
    range: Option<String>,
    /// Line or row of the header, counted from 1, or several of them: `[1, 2]` joins their texts as `web / loss`.
    header: Option<Header>,
    /// The decimal separator, "." or ","; the other character then groups thousands.
    decimal: Option<Decimal>,
}

impl Settings for Workbook {
    fn check(&self) -> Vec<Fault> {
        let fault = self.header.as_ref().and_then(Header::fault);
        fault.map(|message| Fault::error("bad-setting", message).of_value("header")).into_iter().collect()
    }

    fn decimal(&self) -> Option<Decimal> {
        self.decimal
    }
}

/// The feature that this build lacks to read workbooks; `None` if it has it.
pub(super) const fn missing_feature() -> Option<&'static str> {
    if cfg!(feature = "spreadsheets") { None } else { Some("spreadsheets") }
}

/// Reads an Excel workbook, or a LibreOffice workbook if `is_ods`.
pub(super) fn workbook(bytes: &[u8], asked: &Asked<'_, Workbook>, is_ods: bool) -> Result<Columns, SourceError> {
    let Asked { columns, how, limits, .. } = *asked;
    let sheet = cells(bytes, is_ods, how, limits)?;
    let heads = sheet.heads(&sheet.header(how));
    let table = sheet.columns(columns, how, limits)?;
    let is_empty = |column: &&Vec<Cell>| !column.is_empty() && column.iter().all(|cell| *cell == Cell::Empty);
    let empty = columns.iter().zip(&table).find(|(_, column)| is_empty(column));
    if let Some((name, _)) = empty.filter(|_| !is_ods)
        && let Some((at, _)) = heads.iter().find(|(_, head)| head == name)
        && has_formulas(bytes, how, *at)
    {
        return Err(SourceError::Unreadable(format!(
            "column `{name}` has formulas without values, as a program writes them that does not compute: open the \
             workbook in a spreadsheet program and save it"
        )));
    }
    Ok(table)
}

/// The non-empty cells of a sheet, by row and column from 0.
struct Sheet {
    cells: Vec<((u32, u32), Cell)>,
}

/// The corners of a range, counted from 0; the last row is optional.
struct Corners {
    first: (u32, u32),
    last: (u32, u32),
}

impl Corners {
    /// Parses `B3:F40`, or `B3:F` for all rows from the third on.
    fn of(text: &str) -> Option<Self> {
        let corner = |text: &str| {
            let split = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
            let (letters, digits) = text.split_at(split);
            let is_column = (1..=3).contains(&letters.len()) && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
            let column =
                letters.bytes().fold(0, |sum, byte| 26 * sum + u32::from(byte.to_ascii_uppercase() - b'A') + 1);
            let row = if digits.is_empty() { None } else { Some(digits.parse::<u32>().ok()?.checked_sub(1)?) };
            is_column.then(|| (row, column - 1))
        };
        let (first, last) = text.trim().split_once(':')?;
        let (first, last) = (corner(first)?, corner(last)?);
        Some(Self { first: (first.0.unwrap_or(0), first.1), last: (last.0.unwrap_or(u32::MAX), last.1) })
    }

    const fn holds(&self, (row, column): (u32, u32)) -> bool {
        self.first.0 <= row && row <= self.last.0 && self.first.1 <= column && column <= self.last.1
    }
}

impl Sheet {
    /// The rows of the header, counted from 0.
    fn header(&self, how: &Workbook) -> Vec<u32> {
        match &how.header {
            Some(header) => header.lines().iter().map(|row| row.saturating_sub(1) as u32).collect(),
            None => self.cells.iter().map(|((row, _), _)| *row).min().into_iter().collect(),
        }
    }

    /// The columns with their headings, from the rows of the header.
    fn heads(&self, headers: &[u32]) -> Vec<(u32, String)> {
        let first = self.cells.iter().map(|((_, column), _)| *column).min().unwrap_or(0);
        let mut lines = vec![Vec::new(); headers.len()];
        for ((row, column), cell) in &self.cells {
            let Some(line) = headers.iter().position(|header| header == row) else { continue };
            let (line, at): (&mut Vec<String>, usize) = (&mut lines[line], (column - first) as usize);
            if line.len() <= at {
                line.resize(at + 1, String::new());
            }
            line[at] = cell.text();
        }
        let headings = joined(&lines).into_iter().zip(first..);
        headings.filter(|(heading, _)| !heading.is_empty()).map(|(heading, column)| (column, heading)).collect()
    }

    /// The named columns below the header.
    fn columns(mut self, names: &[String], how: &Workbook, limits: &Limits) -> Result<Vec<Vec<Cell>>, SourceError> {
        if let Some(range) = &how.range {
            let corners = Corners::of(range)
                .ok_or_else(|| SourceError::Unreadable(format!("`{range}` is not a range of cells such as B3:F40")))?;
            self.cells.retain(|(place, _)| corners.holds(*place));
        }
        let headers = self.header(how);
        let header = headers.last().copied().unwrap_or(0);
        let heads = self.heads(&headers);
        let known = || heads.iter().map(|(_, name)| name.as_str());
        let last = self.cells.iter().map(|((row, _), _)| *row).max().unwrap_or(header).max(header);
        let rows = (last - header) as usize;
        limits.allow_values(rows, names.len().max(1))?;
        let mut table: Vec<Vec<Cell>> = Vec::new();
        let mut places: Vec<(u32, usize)> = Vec::new();
        for name in names {
            let mut found = heads.iter().filter(|(_, head)| head == name);
            let Some((column, _)) = found.next() else { return Err(SourceError::no_column(name, known())) };
            if found.next().is_some() {
                return Err(SourceError::Unreadable(format!(
                    "two columns are named `{name}`; select one with `range`"
                )));
            }
            places.push((*column, table.len()));
            table.push(vec![Cell::Empty; rows]);
        }
        let mut is_blank = vec![true; rows];
        for ((row, column), cell) in self.cells {
            let Some(at) = row.checked_sub(header + 1).map(|at| at as usize) else { continue };
            is_blank[at] = false;
            for (_, place) in places.iter().filter(|(wanted, _)| *wanted == column) {
                table[*place][at] = cell.clone();
            }
        }
        // A blank row is only a visual separator.
        if is_blank.iter().any(|blank| *blank) {
            for column in &mut table {
                let mut at = 0..;
                column.retain(|_| !is_blank[at.next().unwrap_or_default()]);
            }
        }
        Ok(table)
    }
}

#[cfg(not(feature = "spreadsheets"))]
fn cells(_: &[u8], _: bool, _: &Workbook, _: &Limits) -> Result<Sheet, SourceError> {
    Err(SourceError::NoReader { feature: "spreadsheets" })
}

#[cfg(feature = "spreadsheets")]
fn cells(bytes: &[u8], is_ods: bool, how: &Workbook, limits: &Limits) -> Result<Sheet, SourceError> {
    super::archive::check(bytes, limits)?;
    if is_ods { ods(bytes, how, limits) } else { xlsx(bytes, how, limits) }
}

/// Whether a column of a sheet, counted from 0, has a formula; `false` also if that cannot be found out.
#[cfg(feature = "spreadsheets")]
fn has_formulas(bytes: &[u8], how: &Workbook, column: u32) -> bool {
    use calamine::{Reader as _, Xlsx};
    let Ok(mut book) = Xlsx::new(std::io::Cursor::new(bytes)) else { return false };
    let names = book.sheet_names();
    let name = how.sheet.clone().or_else(|| names.into_iter().next());
    let formulas = name.and_then(|name| book.worksheet_formula(&name).ok());
    formulas.is_some_and(|formulas| {
        let (_, first) = formulas.start().unwrap_or_default();
        formulas.used_cells().any(|(_, at, formula)| first + at as u32 == column && !formula.is_empty())
    })
}

#[cfg(not(feature = "spreadsheets"))]
fn has_formulas(_: &[u8], _: &Workbook, _: u32) -> bool {
    false
}

/// The sheet to read: the named one, or the only one with content.
#[cfg(feature = "spreadsheets")]
fn chosen(
    names: Vec<String>,
    how: &Workbook,
    mut is_empty: impl FnMut(&str) -> Result<bool, SourceError>,
) -> Result<String, SourceError> {
    if let Some(wanted) = &how.sheet {
        return if names.contains(wanted) {
            Ok(wanted.clone())
        } else {
            Err(SourceError::Unreadable(format!("it has no sheet `{wanted}`; its sheets are {}", names.join(", "))))
        };
    }
    if let [only] = names.as_slice() {
        return Ok(only.clone());
    }
    let mut filled = Vec::new();
    for name in names {
        if !is_empty(&name)? {
            filled.push(name);
        }
    }
    match filled.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(SourceError::Unreadable("its sheets are empty".to_owned())),
        many => Err(SourceError::Unreadable(format!(
            "it has the sheets {}; choose one: `sheet = \"{}\"`",
            super::listed(many),
            many[0]
        ))),
    }
}

#[cfg(feature = "spreadsheets")]
fn unreadable(error: impl std::fmt::Display) -> SourceError {
    SourceError::Unreadable(super::first_line(&error.to_string()))
}

#[cfg(feature = "spreadsheets")]
fn xlsx(bytes: &[u8], how: &Workbook, limits: &Limits) -> Result<Sheet, SourceError> {
    use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).map_err(|error: XlsxError| unreadable(error))?;
    let names = book.sheet_names();
    let name = chosen(names, how, |name| {
        let mut reader = book.worksheet_cells_reader(name).map_err(unreadable)?;
        Ok(reader.next_cell().map_err(unreadable)?.is_none())
    })?;
    let mut reader = book.worksheet_cells_reader(&name).map_err(unreadable)?;
    let mut cells = Vec::new();
    while let Some(found) = reader.next_cell().map_err(unreadable)? {
        let cell = match found.get_value() {
            DataRef::Int(integer) => Cell::Number(*integer as f64),
            DataRef::Float(number) => Cell::Number(*number),
            DataRef::String(text) => super::cell_of_text(text),
            DataRef::SharedString(text) => super::cell_of_text(text),
            DataRef::Bool(truth) => Cell::Text(truth.to_string()),
            // A date is stored as a number but is not a quantity of a study.
            DataRef::DateTime(date) => Cell::Text(in_iso(*date)),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
            DataRef::Error(error) => Cell::Text(error.to_string()),
            DataRef::Empty => continue,
        };
        if cell != Cell::Empty {
            cells.push((found.get_position(), cell));
        }
        limits.allow_values(cells.len(), 1)?;
    }
    Ok(Sheet { cells })
}

#[cfg(feature = "spreadsheets")]
fn ods(bytes: &[u8], how: &Workbook, limits: &Limits) -> Result<Sheet, SourceError> {
    use calamine::{Data, Ods, OdsError, Reader as _};
    super::archive::check_repeats(bytes, limits)?;
    let mut book: Ods<_> = Ods::new(std::io::Cursor::new(bytes)).map_err(|error: OdsError| unreadable(error))?;
    let names = book.sheet_names();
    let name = chosen(names, how, |name| Ok(book.worksheet_range(name).map_err(unreadable)?.is_empty()))?;
    let range = book.worksheet_range(&name).map_err(unreadable)?;
    let (row, column) = range.start().unwrap_or_default();
    let mut cells = Vec::new();
    for (at_row, at_column, data) in range.used_cells() {
        let cell = match data {
            Data::Int(integer) => Cell::Number(*integer as f64),
            Data::Float(number) => Cell::Number(*number),
            Data::String(text) => super::cell_of_text(text),
            Data::Bool(truth) => Cell::Text(truth.to_string()),
            Data::DateTime(date) => Cell::Text(in_iso(*date)),
            Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Text(text.clone()),
            Data::Error(error) => Cell::Text(error.to_string()),
            Data::Empty => continue,
        };
        cells.push(((row + at_row as u32, column + at_column as u32), cell));
        limits.allow_values(cells.len(), 1)?;
    }
    Ok(Sheet { cells })
}

/// A date as other formats write it, 2024-03-01T12:00:00; a duration as its number of days.
#[cfg(feature = "spreadsheets")]
fn in_iso(date: calamine::ExcelDateTime) -> String {
    if date.is_duration() {
        return format!("{} days", date.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_spreadsheet_notation() {
        let corners = |text: &str| Corners::of(text).map(|c| (c.first, c.last));
        assert_eq!(corners("B3:F40"), Some(((2, 1), (39, 5))));
        assert_eq!(corners("aa1:AB"), Some(((0, 26), (u32::MAX, 27))));
        assert_eq!([corners("B3"), corners("3:4"), corners("B0:C2")], [None, None, None]);
    }
}
