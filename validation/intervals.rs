//! Coverage of intervals on formulas that users write.
//!
//! `cargo bench --bench intervals -- RECORD MODELS [only=CLASS] [METHOD...]`
//!
//! Models are drawn at random ([`formulas`]), written to spec and table, and run by the program itself: each with
//! every method of uncertainty, and in rewritten forms with the default method. A new run inside the rows, at twice
//! and at ten times the largest sizes has a known distribution, so the chance that it lies in an interval is exact.
//! RECORD has one line per model. Models already in it are skipped.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod formulas;
mod normal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use formulas::{DISTANCES, FORMS, Model, REWRITINGS};
use lawfit::numerics::{exp, ln, quantile, student_quantile};
use serde_json::{Value, json};

const LEVEL: f64 = 0.9;
/// Number of models per run of the program.
const BATCH: u64 = 18;
const METHODS: [(&str, &str); 7] = [
    ("auto", "\"auto\""),
    ("bootstrap", "{ bootstrap = {} }"),
    ("residual", "{ residual = {} }"),
    ("wild", "{ wild = {} }"),
    ("sandwich", "{ sandwich = {} }"),
    ("posterior", "{ posterior = {} }"),
    ("profile", "{ profile = {} }"),
];
/// Bands of row counts in which models are counted.
const BANDS: [(&str, usize, usize); 3] = [("5-10", 0, 10), ("11-30", 11, 30), ("31-200", 31, usize::MAX)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (Some(record), Some(count)) = (arguments.first(), arguments.get(1).and_then(|a| a.parse::<u64>().ok())) else {
        eprintln!("usage: cargo bench --bench intervals -- RECORD MODELS [only=CLASS] [METHOD...] [rewritten]");
        return ExitCode::from(2);
    };
    let rest = &arguments[2..];
    let only = rest.iter().find_map(|a| a.strip_prefix("only="));
    let one = rest.iter().find_map(|a| a.strip_prefix("model=")?.parse::<u64>().ok());
    let chosen: Vec<(&str, String)> = METHODS
        .iter()
        .filter(|(name, _)| rest.iter().all(|a| a.contains('=') || a == "rewritten") || rest.iter().any(|a| a == name))
        .map(|(name, text)| (*name, (*text).to_owned()))
        .collect();
    let rewritten = rest.is_empty() || rest.iter().any(|a| a == "rewritten");
    let mut lines: Vec<Value> = std::fs::read_to_string(record)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let done: BTreeSet<u64> = lines.iter().filter_map(|line| line["model"].as_u64()).collect();
    let wanted: Vec<u64> = (0..count)
        .filter(|number| !done.contains(number))
        .filter(|number| one.is_none_or(|one| one == *number))
        .filter(|number| only.is_none_or(|class| FORMS[*number as usize % FORMS.len()].class == class))
        .collect();
    for batch in wanted.chunks(BATCH as usize) {
        let Ok(folder) = tempfile::tempdir() else { return ExitCode::FAILURE };
        let found = run(batch, &chosen, rewritten, folder.path());
        if rest.iter().any(|a| a == "keep=all") {
            println!("{}", folder.keep().display());
        }
        let text = found.iter().fold(String::new(), |text, line| text + &line.to_string() + "\n");
        lines.extend(found);
        if std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(record)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .is_err()
        {
            eprintln!("{record}: it cannot be written");
            return ExitCode::FAILURE;
        }
    }
    print!("{}", table(&lines));
    ExitCode::SUCCESS
}

/// Runs the program on some models and returns a line for each.
fn run(batch: &[u64], methods: &[(&str, String)], rewritten: bool, folder: &Path) -> Vec<Value> {
    let models: Vec<(u64, Model)> = batch.iter().map(|&number| (number, Model::draw(number))).collect();
    for (number, model) in &models {
        let own = folder.join(number.to_string());
        let _ = std::fs::create_dir_all(&own);
        let _ = std::fs::write(own.join("runs.csv"), model.table(false));
        let _ = std::fs::write(own.join("scaled.csv"), model.table(true));
        let _ = std::fs::write(own.join(format!("m{number}.toml")), model.spec(methods, rewritten));
    }
    let specs: Vec<String> = models.iter().map(|(number, _)| format!("{number}/m{number}.toml")).collect();
    let run = |specs: &[String]| {
        Command::new(env!("CARGO_BIN_EXE_lawfit")).arg("run").args(specs).arg("--quiet").current_dir(folder).output()
    };
    // A spec that cannot be compiled must not stop the others.
    if run(&specs).is_ok_and(|done| done.status.code() == Some(2)) {
        for spec in &specs {
            if let Ok(done) = run(std::slice::from_ref(spec))
                && !done.status.success()
            {
                let message = String::from_utf8_lossy(&done.stderr);
                eprintln!("{}", message.lines().take(12).collect::<Vec<_>>().join("\n"));
            }
        }
    }
    models.iter().map(|(number, model)| outcome(*number, model, methods, rewritten, folder)).collect()
}

fn outcome(number: u64, model: &Model, methods: &[(&str, String)], rewritten: bool, folder: &Path) -> Value {
    let path = folder.join(format!("outputs/m{number}/results.json"));
    let results: Value =
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    let mut by_method = BTreeMap::new();
    for (name, _) in methods {
        let fit = &results["fits"][*name];
        let (fitted, own) = parameters(model, fit);
        let rows: Vec<Value> = (0..DISTANCES.len())
            .map(|distance| {
                let (value, ends) = answer(&results, name, distance);
                let textbook = fitted.as_ref().and_then(|fitted| {
                    model.textbook(fitted, &own, distance, |f| student_quantile(f64::midpoint(1.0, LEVEL), f))
                });
                let width = ends.map(|ends| half_width(model, ends));
                let by_textbook = textbook.zip(value).map(|(half, value)| {
                    let ends = if model.form.signed {
                        (value - half, value + half)
                    } else {
                        (value * exp(-half), value * exp(half))
                    };
                    model.chance(distance, ends, model.unit())
                });
                json!({
                    "covered": ends.map(|ends| model.chance(distance, ends, model.unit())),
                    "misses": value.map(|value| model.miss(distance, value)),
                    "excluded": ends.zip(value).is_some_and(|(ends, value)| value < ends.0 || value > ends.1),
                    "ratio": width.zip(textbook).map(|(width, textbook)| width / textbook),
                    "textbook": by_textbook,
                })
            })
            .collect();
        by_method.insert((*name).to_owned(), rows);
    }
    let mut moved = BTreeMap::new();
    if rewritten {
        for rewriting in REWRITINGS {
            let name = format!("{rewriting:?}").to_lowercase();
            if results["queries"][format!("as_{name}")].is_null() {
                continue;
            }
            let units = if name == "units" { model.response_shift() } else { 1.0 };
            let most = (0..DISTANCES.len())
                .map(|distance| {
                    let (_, base) = answer(&results, "auto", distance);
                    let (_, other) = answer(&results, &format!("as_{name}"), distance);
                    match (base, other) {
                        (None, None) => 0.0,
                        (Some(base), Some(other)) => {
                            let other = (other.0 / units, other.1 / units);
                            let width = base.1 - base.0;
                            let ends = [(base.0, other.0), (base.1, other.1)];
                            let moved = |(a, b): (f64, f64)| if a == b { 0.0 } else { (a - b).abs() / width };
                            ends.into_iter().map(moved).fold(0.0, f64::max).min(1e3)
                        }
                        _ => 1e3,
                    }
                })
                .fold(0.0, |a: f64, b: f64| if b.is_nan() { 1e3 } else { a.max(b) });
            moved.insert(name, most);
        }
    }
    json!({
        "model": number,
        "class": model.form.class,
        "rows": model.count(),
        "robust": model.robust,
        "methods": by_method,
        "moved": moved,
    })
}

/// The fitted parameters of the formula, and the own parameter of each group.
fn parameters(model: &Model, fit: &Value) -> (Option<Vec<f64>>, Vec<f64>) {
    let Some(own) = model.form.own else {
        let names = model.form.names.iter();
        return (names.map(|name| fit["parameters"][*name]["value"].as_f64()).collect(), Vec::new());
    };
    let groups = fit["groups"].as_object().map(|groups| groups.values().collect::<Vec<_>>()).unwrap_or_default();
    let names = model.form.names.iter();
    let fitted =
        groups.first().and_then(|first| names.map(|name| first["parameters"][*name]["value"].as_f64()).collect());
    let own = groups.iter().filter_map(|group| group["parameters"][model.form.names[own]]["value"].as_f64()).collect();
    (fitted, own)
}

/// The answer of the first group at a distance: the value and the ends of its interval. An open end is infinite.
fn answer(results: &Value, query: &str, distance: usize) -> (Option<f64>, Option<(f64, f64)>) {
    let rows = results["queries"][query]["rows"].as_array().cloned().unwrap_or_default();
    let own: Vec<&Value> = rows.iter().filter(|row| row["group"].as_str().is_none_or(|group| group == "g0")).collect();
    let Some(row) = own.get(distance) else { return (None, None) };
    let loss = &row["loss"];
    let value = loss["value"].as_f64();
    let (lower, upper) = (loss["lower"].as_f64(), loss["upper"].as_f64());
    if lower.is_none() && upper.is_none() {
        return (value, None);
    }
    (value, Some((lower.unwrap_or(f64::NEG_INFINITY), upper.unwrap_or(f64::INFINITY))))
}

/// Half the width of an interval on the scale of the residuals.
fn half_width(model: &Model, (lower, upper): (f64, f64)) -> f64 {
    if model.form.signed {
        0.5 * (upper - lower)
    } else if lower <= 0.0 {
        f64::INFINITY
    } else {
        0.5 * (ln(upper) - ln(lower))
    }
}

/// The sums over models that are counted together.
#[derive(Default)]
struct Count {
    covered: Vec<f64>,
    without: usize,
    asked: usize,
    gross: usize,
    excluded: usize,
    ratios: Vec<f64>,
    textbook: Vec<f64>,
}

impl Count {
    fn add(&mut self, row: &Value, inside: bool) {
        self.asked += 1;
        match row["covered"].as_f64() {
            Some(covered) => self.covered.push(covered),
            None => self.without += 1,
        }
        self.excluded += usize::from(row["excluded"] == json!(true));
        // An estimate inside the rows that is off by five standard deviations of the noise.
        self.gross += usize::from(inside && row["misses"].as_f64().is_none_or(|misses| misses > 5.0));
        self.textbook.extend(row["textbook"].as_f64());
        if row["covered"].is_number() && row["textbook"].is_number() {
            self.ratios.push(row["ratio"].as_f64().unwrap_or(f64::INFINITY));
        }
    }

    fn line(&self) -> String {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        let wide = ratios.iter().filter(|ratio| **ratio > 2.0).count() as f64 / ratios.len().max(1) as f64;
        let at = |p: f64| if ratios.is_empty() { f64::NAN } else { quantile(&ratios, p) };
        format!(
            "{:.3} | {:.3} | {} of {} | {:.2} | {:.2} | {:.1} % | {} | {} |",
            mean(&self.covered),
            mean(&self.textbook),
            self.without,
            self.asked,
            at(0.5),
            at(0.9),
            100.0 * wide,
            self.excluded,
            self.gross
        )
    }
}

fn table(lines: &[Value]) -> String {
    let mut text = String::new();
    let head = "covered | textbook | without | width: median | 90th | twice | excludes | gross |\n";
    for (method, _) in METHODS {
        let mut counts: BTreeMap<(usize, String), Count> = BTreeMap::new();
        for line in lines {
            let Some(rows) = line["methods"][method].as_array() else { continue };
            let band = BANDS.iter().find(|(_, low, high)| {
                let rows = line["rows"].as_u64().unwrap_or(0) as usize;
                (*low..=*high).contains(&rows)
            });
            for (distance, row) in rows.iter().enumerate() {
                let objective = if line["robust"] == json!(true) { "default objective" } else { "least squares" };
                let keys = [
                    (0, "all".to_owned()),
                    (1, DISTANCES[distance].0.to_owned()),
                    (2, band.map_or("", |band| band.0).to_owned()),
                    (3, objective.to_owned()),
                    (4, line["class"].as_str().unwrap_or_default().to_owned()),
                ];
                keys.into_iter().for_each(|key| counts.entry(key).or_default().add(row, distance == 0));
            }
        }
        if counts.is_empty() {
            continue;
        }
        let _ = write!(text, "\n| {method} | {head}|---|---|---|---|---|---|---|---|---|\n");
        for ((_, name), count) in &counts {
            let _ = writeln!(text, "| {name} | {}", count.line());
        }
    }
    let mut moved: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (name, by) in lines.iter().filter_map(|line| line["moved"].as_object()).flatten() {
        let entry = moved.entry(name.clone()).or_default();
        entry.1 += 1;
        entry.0 += usize::from(by.as_f64().is_none_or(|by| by > 0.1));
    }
    if !moved.is_empty() {
        text.push_str("\n| rewriting | moves an end by a tenth of the width |\n|---|---|\n");
        for (name, (far, all)) in &moved {
            let _ = writeln!(text, "| {name} | {far} of {all} ({:.1} %) |", 100.0 * *far as f64 / (*all).max(1) as f64);
        }
    }
    text
}
