//! Results of lm-evaluation-harness: one row per task, metric and filter, with its standard error.

use std::sync::Arc;

use serde_json::Value;

use super::history::cell_of_json;
use super::object::{unreadable, with_quoted_nan};
use super::{Asked, Cell, Columns, NoSettings, Reader, SourceError};

pub(super) struct LmEval;

/// The columns of every row.
const COLUMNS: [&str; 9] = ["model", "parameters", "task", "alias", "metric", "filter", "value", "stderr", "n_shot"];

impl Reader for LmEval {
    type Settings = NoSettings;

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let document: Value =
            serde_json::from_slice(&with_quoted_nan(&bytes)).map_err(|error| unreadable(0, &error))?;
        let Some(tasks) = document.get("results").and_then(Value::as_object) else {
            return Err(SourceError::Unreadable("it has no object `results`".to_owned()));
        };
        if let Some(column) = columns.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
            return Err(SourceError::no_column(column, COLUMNS));
        }
        let model = [&["model_name"][..], &["config", "model_args"], &["config", "model"]]
            .iter()
            .find_map(|path| path.iter().try_fold(&document, |value, key| value.get(key))?.as_str())
            .unwrap_or_default();
        let parameters = document.get("config").and_then(|config| config.get("model_num_parameters"));
        let parameters = parameters.and_then(cell_of_json).unwrap_or(Cell::Empty);
        let mut table: Vec<Vec<Cell>> = vec![Vec::new(); columns.len()];
        for (task, measured) in tasks.iter().filter_map(|(task, measured)| Some((task, measured.as_object()?))) {
            let alias = measured.get("alias").and_then(Value::as_str).unwrap_or(task).trim_start_matches([' ', '-']);
            let shots = document.get("n-shot").and_then(|shots| shots.get(task)).and_then(cell_of_json);
            for (key, value) in measured {
                // Keys come in pairs such as "acc,none" and "acc_stderr,none".
                let (metric, filter) = key.split_once(',').unwrap_or((key, ""));
                if !value.is_number() || metric.ends_with("_stderr") {
                    continue;
                }
                let beside =
                    if filter.is_empty() { format!("{metric}_stderr") } else { format!("{metric}_stderr,{filter}") };
                let error = measured.get(&beside).and_then(cell_of_json).filter(|cell| matches!(cell, Cell::Number(_)));
                for (name, column) in columns.iter().zip(&mut table) {
                    let text = |text: &str| Cell::Text(text.to_owned());
                    column.push(match name.as_str() {
                        "model" => text(model),
                        "parameters" => parameters.clone(),
                        "task" => text(task),
                        "alias" => text(alias),
                        "metric" => text(metric),
                        "filter" => text(filter),
                        "value" => cell_of_json(value).unwrap_or(Cell::Empty),
                        "stderr" => error.clone().unwrap_or(Cell::Empty),
                        _ => shots.clone().unwrap_or(Cell::Empty),
                    });
                }
                limits.allow_values(table.first().map_or(0, Vec::len), columns.len())?;
            }
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
    fn each_metric_of_a_task_is_a_row_with_its_standard_error() {
        let text = r#"{"model_name": "m-1B", "config": {"model_num_parameters": 1e9}, "n-shot": {"arc_easy": 5},
            "results": {"arc_easy": {"alias": " - arc_easy", "acc,none": 0.5, "acc_stderr,none": 0.01,
            "acc_norm,none": 0.25, "acc_norm_stderr,none": "N/A"}}}"#;
        let columns =
            ["task", "metric", "filter", "value", "stderr", "n_shot", "model", "parameters"].map(str::to_owned);
        let how = NoSettings {};
        let cells = LmEval
            .read(
                Arc::new(text.as_bytes().to_vec()),
                &Asked { columns: &columns, texts: NO_TEXTS, how: &how, limits: &Limits::USUAL },
            )
            .unwrap();
        let row = |at: usize| -> Vec<Cell> { cells.iter().map(|column| column[at].clone()).collect() };
        let text = |text: &str| Cell::Text(text.to_owned());
        let rest = [Cell::Number(5.0), text("m-1B"), Cell::Number(1e9)];
        let first = [text("arc_easy"), text("acc"), text("none"), Cell::Number(0.5), Cell::Number(0.01)];
        assert_eq!(row(0), [&first[..], &rest].concat());
        let second = [text("arc_easy"), text("acc_norm"), text("none"), Cell::Number(0.25), Cell::Empty];
        assert_eq!(row(1), [&second[..], &rest].concat());
    }
}
