//! The runs of a design as files for launchers: CSV, JSON and YAML.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::advice::{Advice, Run};
use crate::separated::quoted;

/// The keys and values of a run, in order. The law's variables keep their names; another key of the same name begins with
/// `run_`.
fn fields(advice: &Advice, run: &Run) -> Vec<(String, Value)> {
    let settings = advice.settings(run);
    let own: Vec<String> = settings.iter().map(|(name, _)| (*name).to_owned()).collect();
    let told = |(name, value): (&str, Value)| {
        (if own.iter().any(|own| own == name) { format!("run_{name}") } else { name.to_owned() }, value)
    };
    let before = [
        ("name", json!(run.name)),
        ("order", json!(run.order)),
        ("round", json!(run.round)),
        ("purpose", json!(run.purpose)),
        ("worth_it", json!(run.is_worth_it)),
    ];
    let after = [
        ("layers", json!(run.layers)),
        ("width", json!(run.width)),
        ("batch", json!(run.batch)),
        ("steps", json!(run.steps)),
        ("trunk", json!(run.trunk)),
        ("FLOP", json!(run.cost.flop)),
        ("gpu_hours", json!(run.cost.gpu_hours)),
        ("usd", json!(run.cost.usd)),
        ("hours", json!(run.hours)),
        ("slot", json!(run.slot)),
        ("start", json!(run.start)),
        ("forecast", json!(run.forecast.map(|forecast| forecast.value))),
        ("forecast_lower", json!(run.forecast.map(|forecast| forecast.lower))),
        ("forecast_upper", json!(run.forecast.map(|forecast| forecast.upper))),
    ];
    let settings = own.iter().cloned().zip(settings.iter().map(|(_, value)| json!(value)));
    before.into_iter().map(told).chain(settings).chain(after.into_iter().map(told)).collect()
}

/// A value as a CSV cell; empty where there is none.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// One line per run, with a header.
pub fn csv(advice: &Advice) -> String {
    let mut text = String::new();
    for run in &advice.runs {
        let fields = fields(advice, run);
        if text.is_empty() {
            let names: Vec<String> = fields.iter().map(|(name, _)| quoted(name)).collect();
            let _ = writeln!(text, "{}", names.join(","));
        }
        let cells: Vec<String> = fields.iter().map(|(_, value)| cell(value)).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}

/// A list of objects.
pub fn json(advice: &Advice) -> String {
    let runs: Vec<serde_json::Map<String, Value>> =
        advice.runs.iter().map(|run| fields(advice, run).into_iter().collect()).collect();
    let mut text = serde_json::to_string_pretty(&runs).unwrap_or_default();
    text.push('\n');
    text
}

/// Whether a key needs no quotes in YAML.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A list of mappings. Every scalar is written as JSON, which is valid YAML.
pub fn yaml(advice: &Advice) -> String {
    let mut text = String::new();
    for run in &advice.runs {
        for (place, (name, value)) in fields(advice, run).into_iter().enumerate() {
            let name = if is_plain(&name) { name } else { json!(name).to_string() };
            let _ = writeln!(text, "{} {name}: {value}", if place == 0 { "-" } else { " " });
        }
    }
    if text.is_empty() { "[]\n".to_owned() } else { text }
}
