//! Columns of the answer of a query that another source reads as a table.

use super::Failure;
use crate::answer::{Answer, Row};
use crate::source::Cell;

/// Number of reasons that a message gives.
const MOST_NOTES: usize = 3;

/// The role of an answer that is read as a table.
pub const ANSWER: &str = "answer";

/// A failure with the reasons why rows of an answer have no numbers.
pub(super) fn with_notes_of(answer: &Answer, failure: Failure) -> Failure {
    let noted = answer.rows.iter().enumerate().filter_map(|(place, row)| Some((place + 1, row.note.as_ref()?)));
    noted
        .take(MOST_NOTES)
        .fold(failure, |failure, (row, note)| failure.hint(format!("row {row} of the answer: {note}")))
}

/// A column of an answer: an input or output by name, an interval limit as `at.lower`, or the group.
pub(super) fn of_answer(answer: &Answer, by: Option<&str>, name: &str) -> Result<Vec<Cell>, Failure> {
    let (output, part) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut is_known = answer.rows.is_empty();
    let mut cell = |row: &Row| {
        let number = |value: Option<f64>| value.map_or(Cell::Empty, Cell::Number);
        let found = if name == "group" || by == Some(name) {
            row.group.as_deref().map(crate::source::cell_of_text)
        } else if let Some(interval) = row.outputs.get(name) {
            Some(number(interval.value))
        } else if let Some(interval) = row.outputs.get(output).filter(|_| part == "lower" || part == "upper") {
            Some(number(if part == "lower" { interval.lower } else { interval.upper }))
        } else {
            row.inputs.get(name).map(|value| Cell::Number(*value))
        };
        is_known |= found.is_some();
        found.unwrap_or(Cell::Empty)
    };
    let cells = answer.rows.iter().map(&mut cell).collect();
    if is_known {
        return Ok(cells);
    }
    if answer.rows.iter().all(|row| row.outputs.is_empty() && row.note.is_some()) {
        let failure = Failure::new("no-column", format!("the query has no answer, so it has no column `{name}`"));
        return Err(with_notes_of(answer, failure));
    }
    let first = answer.rows.iter().flat_map(|row| row.inputs.keys().chain(row.outputs.keys()));
    let mut known: Vec<&str> = first.map(String::as_str).chain(by).chain(["group"]).collect();
    known.sort_unstable();
    known.dedup();
    Err(Failure::new("no-column", format!("the answer has no column `{name}`"))
        .hint(format!("its columns are {}; the ends of intervals are `.lower` and `.upper`", known.join(", "))))
}
