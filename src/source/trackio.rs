//! Trackio's store in SQLite: metrics and settings as JSON in rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::database::Database;
use super::history::{History, flattened};
use super::object::with_quoted_nan;
use super::{Cell, Limits, Options, Reader, SourceError};

pub(super) struct Trackio;

impl Reader for Trackio {
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes(&self) -> &'static [&'static str] {
        &[]
    }

    fn needs(&self) -> Option<&'static str> {
        if cfg!(feature = "sqlite") { None } else { Some("sqlite") }
    }

    fn is_history(&self) -> bool {
        true
    }

    fn read(
        &self,
        bytes: Arc<Vec<u8>>,
        columns: &[String],
        _: &Options,
        limits: &Limits,
    ) -> Result<Vec<Vec<Cell>>, SourceError> {
        let database = Database::open(&bytes)?;
        let tables = database.tables()?;
        if tables.iter().all(|table| table != "metrics") {
            return Err(SourceError::Unreadable("it is no store of Trackio: it has no table metrics".to_owned()));
        }
        let mut history = History::default();
        let mut runs: BTreeMap<String, usize> = BTreeMap::new();
        let mut number_of = |history: &mut History, name: &Cell| match name {
            Cell::Text(name) => *runs.entry(name.clone()).or_insert_with(|| history.run(name)),
            Cell::Number(number) => {
                let name = crate::expr::number_text(*number);
                *runs.entry(name.clone()).or_insert_with(|| history.run(&name))
            }
            Cell::Empty => *runs.entry(String::new()).or_insert_with(|| history.run("")),
        };
        let parsed = |text: &Cell| match text {
            Cell::Text(text) => serde_json::from_slice(&with_quoted_nan(text.as_bytes()))
                .map_err(|error| SourceError::Unreadable(format!("a row of it holds no JSON: {error}"))),
            _ => Ok(serde_json::Value::Null),
        };
        if tables.iter().any(|table| table == "configs") {
            database.query(
                "SELECT run_name, config FROM configs",
                |_| Ok(()),
                |cells| {
                    let run = number_of(&mut history, &cells[0]);
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
                let run = number_of(&mut history, &cells[0]);
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
