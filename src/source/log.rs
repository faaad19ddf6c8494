//! Text logs: each line that matches a regular expression becomes a row; the named groups become columns.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Asked, Cell, Columns, Decimal, Fault, Reader, Settings, SourceError, cell, pattern, text};
use crate::texts::OneOrMoreTexts;

pub(super) struct Log;

/// The settings of a log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Lines {
    /// One or more regular expressions with named groups. Each line of a log that matches one becomes a row; the
    /// groups become columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    #[schemars(with = "Option<OneOrMoreTexts>")]
    pattern: Vec<String>,
    /// Encoding of a text file that is not UTF-8, for example "latin1".
    encoding: Option<String>,
    /// The decimal separator, "." or ","; the other character then groups thousands.
    decimal: Option<Decimal>,
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    OneOrMoreTexts::deserialize(deserializer).map(|texts| texts.all())
}

impl Settings for Lines {
    fn check(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = text::check(self.encoding.as_deref()).into_iter().collect();
        for (index, message) in
            self.pattern.iter().enumerate().filter_map(|(at, text)| Some((at, pattern(text).err()?)))
        {
            let fault = Fault::error("bad-pattern", message).of_value("pattern");
            faults.push(Fault { index: (self.pattern.len() > 1).then_some(index), ..fault });
        }
        if self.pattern.is_empty() {
            faults.push(
                Fault::error("no-pattern", "a log needs a `pattern` with named groups")
                    .hint("such as `pattern = 'step (?<step>\\d+) .* loss (?<loss>[0-9.]+)'`"),
            );
        }
        faults
    }

    fn decimal(&self) -> Option<Decimal> {
        self.decimal
    }
}

impl Reader for Log {
    type Settings = Lines;

    fn endings(&self) -> &'static [&'static str] {
        &["log", "out"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Lines>) -> Result<Columns, SourceError> {
        let Asked { columns, how, limits, .. } = *asked;
        let patterns = how.pattern.iter().map(|text| pattern(text)).collect::<Result<Vec<_>, _>>();
        let patterns = patterns.map_err(SourceError::Unreadable)?;
        if patterns.is_empty() {
            return Err(SourceError::Unreadable("a log needs a `pattern` with named groups".to_owned()));
        }
        let names = || patterns.iter().flat_map(|pattern| pattern.capture_names().flatten());
        if let Some(column) = columns.iter().find(|column| names().all(|name| name != column.as_str())) {
            return Err(SourceError::no_column(column, names()));
        }
        // Programs print progress bars and arbitrary bytes into logs; a line that is not UTF-8 is skipped.
        let bytes = match how.encoding.as_deref() {
            None => bytes,
            encoding => text::decoded(&bytes, encoding, limits)?,
        };
        let mut table: Vec<Vec<Cell>> = vec![Vec::new(); columns.len()];
        let mut rows = 0;
        for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(|line| std::str::from_utf8(line).ok())
        {
            for found in patterns.iter().filter_map(|pattern| pattern.captures(line)) {
                rows += 1;
                limits.allow_values(rows, columns.len())?;
                for (name, column) in columns.iter().zip(&mut table) {
                    column.push(found.name(name).map_or(Cell::Empty, |text| cell(text.as_str())));
                }
            }
        }
        if rows == 0 {
            return Err(SourceError::Unreadable("no line matches the pattern".to_owned()));
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NO_TEXTS;
    use super::*;
    use crate::source::Limits;

    #[test]
    fn lines_that_match_are_rows_and_groups_are_columns() {
        let text = b"starting\n iteration      100/  500 | consumed samples: 25,600 | lm loss: 1.3E+00 |\n\
            \xff\xfe\n iteration      200/  500 | consumed samples: 51200 | lm loss: 1.1E+00 |\nval at 200: 1.2\n";
        let how = Lines {
            pattern: vec![
                r"iteration +(?<step>\d+)/.*samples: (?<seen>[\d,]+).*loss: (?<loss>\S+)".to_owned(),
                r"val at (?<step>\d+): (?<val>\S+)".to_owned(),
            ],
            ..Lines::default()
        };
        let columns = ["step", "seen", "loss", "val"].map(str::to_owned);
        let cells = Log
            .read(
                Arc::new(text.to_vec()),
                &Asked { columns: &columns, texts: NO_TEXTS, how: &how, limits: &Limits::USUAL },
            )
            .unwrap();
        assert_eq!(cells[0], [Cell::Number(100.0), Cell::Number(200.0), Cell::Number(200.0)]);
        assert_eq!(cells[1][0], Cell::Text("25,600".to_owned()));
        assert_eq!(cells[2], [Cell::Number(1.3), Cell::Number(1.1), Cell::Empty]);
        assert_eq!(cells[3][2], Cell::Number(1.2));
        let error = Log
            .read(
                Arc::new(b"x".to_vec()),
                &Asked { columns: &columns, texts: NO_TEXTS, how: &how, limits: &Limits::USUAL },
            )
            .unwrap_err();
        assert_eq!(error.to_string(), "no line matches the pattern");
    }
}
