//! Forecasts on the held-out parts of the `ScaleBench` tasks: `cargo bench --bench scalebench -- ../shared/data/scalebench [TASK...]`
//!
//! Each spec in `scalebench/` fits candidate laws to the training part of a task (arXiv:2604.22753). `main` is a fit with
//! `alternatives`, whose choice among the candidates uses the training part alone; every candidate also has a fit of its
//! own name, which forecasts the test part. The score is that of the benchmark: R2 over the test rows of all groups
//! together, limited to at least -1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::Value;

/// A task: its name, its spec, and the published mean of R2 over laws fitted to the whole training part.
struct Task {
    name: &'static str,
    spec: &'static str,
    published: f64,
}

macro_rules! tasks {
    ($($name:literal: $published:literal,)+) => {
        &[$(Task { name: $name, spec: include_str!(concat!("scalebench/", $name, ".toml")), published: $published },)+]
    };
}

/// The tasks with the values of table 2 of arXiv:2604.22753, column "all data".
const TASKS: &[Task] = tasks! {
    "data_constrained": 0.79,
    "domain_mixture": 0.81,
    "farseer": 0.91,
    "lr_bsz": 0.04,
    "moe": 0.81,
    "parallel": 0.99,
    "sparsity": 0.37,
    "vocab": 0.93,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some((data, wanted)) = arguments.split_first() else {
        eprintln!("usage: cargo bench --bench scalebench -- DATA [TASK...]");
        return ExitCode::from(2);
    };
    println!("| task | law chosen by lawfit | R2 of the choice | best candidate | published | candidates |");
    println!("|---|---|---|---|---|---|");
    let mut scores = Vec::new();
    for task in TASKS.iter().filter(|task| wanted.is_empty() || wanted.iter().any(|name| name == task.name)) {
        match score(task, Path::new(data)) {
            Ok(scored) => {
                println!("{}", scored.line(task));
                scores.push((scored.of_choice, task.published));
            }
            Err(message) => {
                eprintln!("{}: {message}", task.name);
                return ExitCode::FAILURE;
            }
        }
    }
    let count = scores.len() as f64;
    let (chosen, published) = scores.iter().fold((0.0, 0.0), |sums, scores| (sums.0 + scores.0, sums.1 + scores.1));
    println!("\nmean over {count} tasks: {:.3} for the choice, {:.2} published", chosen / count, published / count);
    ExitCode::SUCCESS
}

/// The scores of one task.
struct Scored {
    /// The chosen laws, one per group.
    choice: Vec<String>,
    of_choice: f64,
    /// R2 of each candidate.
    candidates: BTreeMap<String, f64>,
}

impl Scored {
    fn line(&self, task: &Task) -> String {
        let mut names: Vec<&str> = self.choice.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let best = self.candidates.values().copied().fold(f64::NEG_INFINITY, f64::max);
        let all: Vec<String> = self.candidates.iter().map(|(name, r2)| format!("{name} {r2:.3}")).collect();
        let (names, all) = (names.join(", "), all.join(", "));
        format!("| {} | {names} | {:.3} | {best:.3} | {:.2} | {all} |", task.name, self.of_choice, task.published)
    }
}

/// Test rows of a group: observed and forecast responses.
type Pairs = Vec<(f64, f64)>;

/// Runs the spec of a task by the program and scores its forecasts.
fn score(task: &Task, data: &Path) -> Result<Scored, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).map_err(|e| e.to_string());
    for part in ["train", "test"] {
        let name = format!("{}.{part}.parquet", task.name);
        let bytes = std::fs::read(data.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        write(&name, &bytes)?;
    }
    write("task.toml", task.spec.as_bytes())?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_lawfit"));
    let done = program.args(["run", "task.toml", "--quiet"]).current_dir(folder.path()).output();
    let done = done.map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    let read = |name: &str| std::fs::read(folder.path().join("outputs/task").join(name)).map_err(|e| e.to_string());
    let results: Value = serde_json::from_slice(&read("results.json")?).map_err(|error| error.to_string())?;
    let forecasts = forecasts(&String::from_utf8_lossy(&read("predictions.csv")?))?;
    let choices = choices(&results["fits"]["main"])?;
    let mut of_choice = Pairs::new();
    let mut candidates: BTreeMap<String, Pairs> = BTreeMap::new();
    for ((law, group), pairs) in forecasts.iter().filter(|((law, _), _)| law != "main") {
        candidates.entry(law.clone()).or_default().extend(pairs);
        if choices.get(group) == Some(law) {
            of_choice.extend(pairs);
        }
    }
    Ok(Scored {
        choice: choices.into_values().collect(),
        of_choice: r_squared(&of_choice),
        candidates: candidates.into_iter().map(|(law, pairs)| (law, r_squared(&pairs))).collect(),
    })
}

/// The law that lawfit recommends for each group; an empty name stands for a fit without groups.
fn choices(fit: &Value) -> Result<BTreeMap<String, String>, String> {
    let quoted = |value: &Value| {
        value["choice"]["quote"].as_str().map(str::to_owned).ok_or("the fit `main` recommends no law".to_owned())
    };
    match fit["groups"].as_object() {
        Some(groups) => groups.iter().map(|(name, fit)| Ok((name.clone(), quoted(fit)?))).collect(),
        None => Ok(BTreeMap::from([(String::new(), quoted(fit)?)])),
    }
}

/// The forecasts of the held-out rows in a table of predictions, by fit and group.
fn forecasts(table: &str) -> Result<BTreeMap<(String, String), Pairs>, String> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| header.iter().position(|h| *h == name).ok_or(format!("no column {name}"));
    let (fit, held, observed, forecast) = (place("fit")?, place("held_out")?, place("L")?, place("predicted")?);
    let mut all: BTreeMap<(String, String), Pairs> = BTreeMap::new();
    for cells in lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|cells| cells[held] == "true") {
        let (law, group) = cells[fit].trim_end_matches(']').split_once('[').unwrap_or((cells[fit], ""));
        let number = |at: usize| cells[at].parse::<f64>().map_err(|error| format!("{}: {error}", cells[at]));
        all.entry((law.to_owned(), group.to_owned())).or_default().push((number(observed)?, number(forecast)?));
    }
    Ok(all)
}

/// The share of the variance that forecasts explain, at least -1.
fn r_squared(pairs: &[(f64, f64)]) -> f64 {
    let mean = pairs.iter().map(|(y, _)| y).sum::<f64>() / pairs.len() as f64;
    let total: f64 = pairs.iter().map(|(y, _)| (y - mean) * (y - mean)).sum();
    let missed: f64 = pairs.iter().map(|(y, p)| (y - p) * (y - p)).sum();
    (1.0 - missed / total).max(-1.0)
}
