//! Trackio's SQLite store: metrics and settings as JSON in rows.

use std::sync::Arc;

use super::database::Database;
use super::history::{History, flattened};
use super::object::with_quoted_nan;
use super::{Asked, Cell, Columns, NoSettings, Reader, SourceError};

pub(super) struct Trackio;

impl Reader for Trackio {
    type Settings = NoSettings;

    fn is_database(&self) -> bool {
        true
    }

    fn needs(&self) -> Option<&'static str> {
        Database::needs()
    }

    fn is_history(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let database = Database::open(&bytes)?;
        let tables = database.tables()?;
        if tables.iter().all(|table| table != "metrics") {
            return Err(SourceError::Unreadable("it is not a Trackio store: the table metrics is missing".to_owned()));
        }
        let mut history = History::default();
        let parsed = |text: &Cell| match text {
            Cell::Text(text) => serde_json::from_slice(&with_quoted_nan(text.as_bytes()))
                .map_err(|error| SourceError::Unreadable(format!("a row is not valid JSON: {error}"))),
            _ => Ok(serde_json::Value::Null),
        };
        if tables.iter().any(|table| table == "configs") {
            database.query(
                "SELECT run_name, config FROM configs",
                |_| Ok(()),
                |cells| {
                    let run = history.run(&cells[0].text());
                    for (path, cell) in flattened(&parsed(&cells[1])?, "config") {
                        history.fact(run, &path, cell);
                    }
                    Ok(())
                },
            )?;
        }
        let query = "SELECT run_name, step, metrics FROM metrics ORDER BY timestamp, id";
        database.query(
            query,
            |_| Ok(()),
            |cells| {
                let run = history.run(&cells[0].text());
                let step = if let Cell::Number(step) = cells[1] { step as i64 } else { 0 };
                for (path, cell) in flattened(&parsed(&cells[2])?, "") {
                    history.log(run, step, &path, cell, limits)?;
                }
                Ok(())
            },
        )?;
        history.table(columns, limits)
    }
}
