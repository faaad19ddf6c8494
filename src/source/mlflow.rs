//! MLflow's store in SQLite: active runs with their metrics, parameters and tags.

use std::sync::Arc;

use super::database::Database;
use super::history::History;
use super::{Asked, Cell, Columns, NoSettings, Reader, SourceError};

pub(super) struct Mlflow;

/// Selects runs that are not deleted.
const RUNS: &str = "SELECT r.run_uuid, r.name, r.status, e.name FROM runs r LEFT JOIN experiments e \
    ON e.experiment_id = r.experiment_id WHERE r.lifecycle_stage = 'active' ORDER BY r.start_time, r.run_uuid";
/// Selects metrics in logging order. MLflow stores NaN as 0 with a flag.
const METRICS: &str = "SELECT run_uuid, key, step, value, is_nan FROM metrics ORDER BY timestamp, step, key";

impl Reader for Mlflow {
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
        if !["runs", "metrics", "params"].iter().all(|wanted| tables.iter().any(|table| table == wanted)) {
            return Err(SourceError::Unreadable(
                "it is not an MLflow store: the tables runs, metrics or params are missing".to_owned(),
            ));
        }
        let mut history = History::default();
        database.query(
            RUNS,
            |_| Ok(()),
            |cells| {
                let id = cells[0].text();
                let run = history.run(&id);
                for (name, cell) in ["run_id", "run_name", "status", "experiment"].into_iter().zip(cells) {
                    history.fact(run, name, if name == "run_id" { Cell::Text(id.clone()) } else { cell });
                }
                Ok(())
            },
        )?;
        for (table, prefix) in [("params", "params"), ("tags", "tags")] {
            let query = format!("SELECT run_uuid, key, value FROM {table}");
            if tables.iter().all(|known| known != table) {
                continue;
            }
            database.query(
                &query,
                |_| Ok(()),
                |cells| {
                    if let (Some(run), [_, key, value]) = (history.known(&cells[0].text()), cells.as_slice()) {
                        history.fact(run, &format!("{prefix}.{}", key.text()), value.clone());
                    }
                    Ok(())
                },
            )?;
        }
        database.query(
            METRICS,
            |_| Ok(()),
            |cells| {
                let [run, key, step, value, is_nan] = cells.as_slice() else { return Ok(()) };
                let Some(run) = history.known(&run.text()) else { return Ok(()) };
                let step = if let Cell::Number(step) = step { *step as i64 } else { 0 };
                let is_nan = matches!(is_nan, Cell::Number(mark) if *mark != 0.0)
                    || matches!(is_nan, Cell::Text(mark) if mark == "true");
                let value = if is_nan { Cell::Text("NaN".to_owned()) } else { value.clone() };
                history.log(run, step, &format!("metrics.{}", key.text()), value, limits)
            },
        )?;
        history.table(columns, limits)
    }
}
