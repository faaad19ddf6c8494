//! `trainer_state.json` of Hugging Face's Trainer: the training and evaluation logs of each step.

use std::sync::Arc;

use super::history::{History, cell_of_json, flattened};
use super::object::{unreadable, with_quoted_nan};
use super::{Asked, Columns, NoSettings, Reader, SourceError};

pub(super) struct HfTrainer;

impl Reader for HfTrainer {
    type Settings = NoSettings;

    fn is_named(&self, file: &str) -> bool {
        file == "trainer_state.json"
    }

    fn is_history(&self) -> bool {
        true
    }

    fn planned_steps(&self) -> Option<&'static str> {
        Some("max_steps")
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let state: serde_json::Value =
            serde_json::from_slice(&with_quoted_nan(&bytes)).map_err(|error| unreadable(0, &error))?;
        let Some(logged) = state.get("log_history").and_then(serde_json::Value::as_array) else {
            return Err(SourceError::Unreadable("it has no list `log_history`".to_owned()));
        };
        let mut history = History::default();
        let run = history.run("");
        for (name, value) in state.as_object().into_iter().flatten() {
            if let Some(cell) = cell_of_json(value) {
                history.fact(run, name, cell);
            }
        }
        for (at, entry) in logged.iter().enumerate() {
            let Some(step) = entry.get("step").and_then(serde_json::Value::as_i64) else {
                return Err(SourceError::Unreadable(format!("entry {} of `log_history` has no step", at + 1)));
            };
            for (name, cell) in flattened(entry, "") {
                history.log(run, step, &name, cell, limits)?;
            }
        }
        history.table(columns, limits)
    }
}
