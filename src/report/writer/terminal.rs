//! Results on a terminal: aligned tables, wrapped to its width.

use crate::report::answers::AnswerTable;
use crate::report::screen::{FirstScreen, parameters};
use crate::report::words::capital;
use crate::report::{Described, NoteSeverity, Results};

/// Properties of a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Width in characters.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

/// Maximum number of answers and parameters; the report lists all.
const MOST_ROWS: usize = 24;
/// Minimum width of a terminal with a plot.
const ROOMY: usize = 110;
/// Minimum width of a wrapped column.
const NARROWEST: usize = 8;
/// Longest word that a column has room for, as long as the table fits.
const LONGEST_WORD: usize = 16;

impl Terminal {
    /// Whether it is wide enough for a plot.
    pub const fn has_room(self) -> bool {
        self.width >= ROOMY
    }

    /// The results of a study; `drawn` is the data file of the main figure, plotted if there is room.
    pub fn show(self, name: &str, described: &Described, results: &Results, drawn: Option<&str>) -> String {
        let first = FirstScreen::of(described, results);
        let mut lines = vec![self.bold(&format!("{} ({name})", results.study.title))];
        for conclusion in &first.conclusions {
            lines.extend(self.wrapped(conclusion, 2));
        }
        for (what, text) in &first.facts {
            lines.extend(self.wrapped(&format!("{what}: {text}"), 4));
        }
        if let Some(plot) = drawn.filter(|_| self.has_room()).and_then(|table| super::plot::plot(table, self.width)) {
            lines.push(String::new());
            lines.extend(plot);
        }
        let mut rows = parameters(described, results);
        // Where not all are shown, those of the fits that queries ask come first.
        if rows.len() > MOST_ROWS {
            let is_asked =
                |fit: &str| described.queries.iter().any(|query| fit.split('[').next() == Some(query.fit.as_str()));
            rows.sort_by_key(|row| !is_asked(&row[0]));
        }
        let shown = most_of(rows.len());
        if shown > 0 {
            lines.push(String::new());
            let head = ["fit", "parameter", "value", "interval", "status"].map(str::to_owned).to_vec();
            lines.extend(self.table(&head, &rows[..shown].iter().map(|row| row.to_vec()).collect::<Vec<_>>()));
            lines.extend(more(rows.len() - shown, "parameters"));
        }
        let all = described.queries.iter().filter_map(|query| results.queries.get(&query.name));
        let all: usize = all.map(|result| result.rows.len()).sum();
        let most = most_of(all);
        let mut answers = 0;
        for query in &described.queries {
            let Some(result) = results.queries.get(&query.name) else { continue };
            let Some(table) = AnswerTable::of(described, query, result) else { continue };
            let left = most.saturating_sub(answers);
            answers += table.rows.len();
            if left == 0 {
                continue;
            }
            lines.push(String::new());
            lines.push(self.bold(&format!("{} ({} of {})", query.name, result.kind, result.fit)));
            let rows: Vec<Vec<String>> = table.rows.iter().take(left).map(|row| table.cells(row)).collect();
            lines.extend(self.table(&table.head(described, query), &rows));
        }
        lines.extend(more(all - most, "answers"));
        lines.push(String::new());
        lines.extend(first.expected.iter().flat_map(|text| self.wrapped(text, 2)));
        lines.extend(self.wrapped(&format!("{}.", capital(&first.counted)), 2));
        for note in first.notes.iter().filter(|note| note.severity == NoteSeverity::Serious) {
            let affected = note.affected();
            let affected = if affected.is_empty() { String::new() } else { format!(" ({affected})") };
            lines.extend(self.wrapped(&format!("! {}{affected}: {}", note.parts(), note.text), 4));
        }
        lines.join("\n")
    }

    fn bold(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn faint(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A text as lines that fit the width, indented by `indent` spaces, and by two more from the second line on.
    fn wrapped(self, text: &str, indent: usize) -> Vec<String> {
        let lines = wrap(text, self.width.saturating_sub(indent + 2).max(NARROWEST));
        let lines = lines.into_iter().enumerate();
        lines
            .map(|(at, line)| format!("{:width$}{line}", "", width = if at == 0 { indent } else { indent + 2 }))
            .collect()
    }

    /// A table with aligned columns. The last column takes the remaining width and continues on further lines.
    fn table(self, head: &[String], rows: &[Vec<String>]) -> Vec<String> {
        let widest = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).chain(head.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..head.len()).map(widest).collect();
        // As long as the table does not fit, the widest column becomes narrower: at first only as far as its words are whole.
        let free = self.width.saturating_sub(2 + 2 * head.len().saturating_sub(1));
        let words = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).chain(head.get(column));
            let words = cells.flat_map(|cell| cell.split(' ')).map(|word| word.chars().count());
            words.max().unwrap_or(0).clamp(NARROWEST, LONGEST_WORD)
        };
        for least in [(0..head.len()).map(words).collect(), vec![NARROWEST; head.len()]] {
            while widths.iter().sum::<usize>() > free {
                let wide = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
                let Some(widest) = wide.map(|(width, _)| width).max() else { break };
                *widest -= 1;
            }
        }
        let mut lines: Vec<String> = row_lines(head, &widths).iter().map(|line| self.faint(line)).collect();
        lines.extend(rows.iter().flat_map(|row| row_lines(row, &widths)));
        lines
    }
}

/// The lines of a row.
fn row_lines(cells: &[String], widths: &[usize]) -> Vec<String> {
    let wrapped: Vec<Vec<String>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let cells = wrapped.iter().zip(widths).map(|(cell, width)| {
            let text = cell.get(at).map_or("", String::as_str);
            format!("{text}{:pad$}", "", pad = width.saturating_sub(text.chars().count()))
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// How many of some entries are shown: all, if a line about the others would take the room of the only one left out.
fn most_of(entries: usize) -> usize {
    if entries <= MOST_ROWS + 1 { entries } else { MOST_ROWS }
}

/// A line with the number of further entries, if there are any.
fn more(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("  and {count} more {what}: the report lists all"))
}

/// A text as lines of limited length; longer words are cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    // A number and its percent sign stay on one line.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        let mut word = word.replace('\u{a0}', " ");
        let letters = word.chars().count();
        if !line.is_empty() && line.chars().count() + 1 + letters > width {
            lines.push(std::mem::take(&mut line));
        }
        if letters > width {
            let mut rest = word.as_str();
            while let Some((cut, _)) = rest.char_indices().nth(width) {
                // A name is cut after an underscore, if it has one.
                let cut = rest[..cut].rfind('_').map_or(cut, |at| at + 1);
                lines.push(rest[..cut].to_owned());
                rest = &rest[cut..];
            }
            word = rest.to_owned();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_width_and_its_columns_are_aligned() {
        let terminal = Terminal { width: 40, colour: false };
        let head = ["name", "what is said of it"].map(str::to_owned).to_vec();
        let rows = vec![
            ["a", "a sentence that is much longer than the width of the terminal"].map(str::to_owned).to_vec(),
            ["longer", "short"].map(str::to_owned).to_vec(),
        ];
        let lines = terminal.table(&head, &rows);
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:?}");
        let at = lines[0].find("what").unwrap();
        assert!(lines.last().unwrap()[at..].starts_with("short"), "{lines:?}");
        assert!(lines.len() > 3, "the long cell goes on below");
        assert_eq!(lines.concat().matches('\u{1b}').count(), 0);
    }

    #[test]
    fn a_percent_sign_stays_with_its_number() {
        assert_eq!(wrap("covered 80 % of rows", 11), ["covered", "80 % of", "rows"]);
    }

    #[test]
    fn words_longer_than_a_line_are_cut() {
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("params_ratio", 8), ["params_", "ratio"]);
    }

    #[test]
    fn words_of_a_table_are_whole_if_another_column_can_be_narrower() {
        let terminal = Terminal { width: 44, colour: false };
        let head = ["flops", "params_ratio", "what is said of it"].map(str::to_owned).to_vec();
        let rows = vec![["1e20 FLOP", "-", "far outside the data"].map(str::to_owned).to_vec()];
        let lines = terminal.table(&head, &rows);
        assert!(lines[0].contains("params_ratio"), "{lines:?}");
        let narrow = Terminal { width: 30, colour: false }.table(&head, &rows);
        assert!(narrow[0].contains("params_ ") && narrow[1].contains("ratio"), "{narrow:?}");
    }

    #[test]
    fn a_single_entry_is_shown_instead_of_a_line_about_it() {
        assert_eq!([3, MOST_ROWS, MOST_ROWS + 1, MOST_ROWS + 2].map(most_of), [3, MOST_ROWS, MOST_ROWS + 1, MOST_ROWS]);
    }
}
