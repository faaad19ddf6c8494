//! Do intervals hold on the catalogue's own laws? `cargo bench --bench catalogue -- TABLE REPETITIONS [METHOD] LAW...`
//!
//! For every law of the catalogue, data sets that the law itself made: 6 to 60 rows over three decades of every size, 1 %
//! noise, parameters typical of the law, as published, or in the middle of its starts. Each is written to a spec and a
//! table and run by the program itself. A new run at 10 and at 100 times the largest sizes has a known distribution, so the
//! chance that its 90 % interval holds it is exact; the true parameters are held against their own intervals, where they
//! are identified. Everything is seeded; laws that TABLE has are not run again. METHOD is a method of uncertainty, `auto`
//! without one. `stack` in the place of laws holds the forecast of several laws against runs of each of them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod normal;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use lawfit::law::{Entry, Law, catalogue, find};
use lawfit::numerics::{Random, exp, ln, quantile};
use normal::below;
use serde_json::Value;

const NOISE: f64 = 0.01;
const HORIZONS: [f64; 2] = [10.0, 100.0];
const METHODS: [&str; 7] = ["auto", "bootstrap", "residual", "wild", "sandwich", "posterior", "profile"];
/// Data sets that one run of the program takes.
const BATCH: usize = 20;
const HEAD: &str = "| law | data sets | without intervals | 10x: covered | half-width | 100x: covered | half-width | parameters covered | identified |\n|---|---|---|---|---|---|---|---|---|\n";
const STACK_HEAD: &str = "| law of the runs | fitted first | data sets | without intervals | 10x: covered | half-width | 100x: covered | half-width | parameters covered | identified |\n|---|---|---|---|---|---|---|---|---|---|\n";
/// Laws of the same variables, each of which is fitted beside the others and makes data sets in turn.
const FAMILIES: [&[&str]; 2] =
    [&["power", "power_floor", "m3"], &["hoffmann", "additive_nd", "kaplan_nd", "generalised"]];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (Some(path), Some(repetitions)) = (arguments.first(), arguments.get(1).and_then(|a| a.parse().ok())) else {
        eprintln!("usage: cargo bench --bench catalogue -- TABLE REPETITIONS [METHOD] LAW...");
        return ExitCode::from(2);
    };
    let method = arguments.iter().skip(2).find_map(|a| METHODS.iter().find(|method| *method == a)).unwrap_or(&"auto");
    let wanted: Vec<&String> = arguments.iter().skip(2).filter(|a| !METHODS.contains(&a.as_str())).collect();
    let is_stack = wanted.iter().any(|law| *law == "stack");
    let mut table = std::fs::read_to_string(path)
        .unwrap_or_else(|_| if is_stack { STACK_HEAD.to_owned() } else { HEAD.to_owned() });
    let lines: Vec<(String, Box<dyn Fn() -> String>)> = if is_stack {
        let families = FAMILIES.iter().flat_map(|family| family.iter().map(move |name| (*family, *name)));
        families
            .filter_map(|(family, name)| {
                let entry = find(name)?;
                let head = format!("| `{name}` | `{}` |", family[0]);
                let question = Question { laws: family.to_vec(), method: "auto" };
                Some((head, Box::new(move || line(entry, &question, repetitions)) as Box<dyn Fn() -> String>))
            })
            .collect()
    } else {
        let laws = catalogue().iter().filter(|entry| wanted.is_empty() || wanted.contains(&&entry.name));
        laws.map(|entry| {
            let question = Question { laws: vec![entry.name.as_str()], method };
            let run = Box::new(move || line(entry, &question, repetitions)) as Box<dyn Fn() -> String>;
            (format!("| `{}` |", entry.name), run)
        })
        .collect()
    };
    for (head, run) in lines {
        if table.contains(&head) {
            continue;
        }
        let line = format!("{head}{}", run());
        print!("{line}");
        table.push_str(&line);
        if let Err(error) = std::fs::write(path, &table) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What is fitted to a data set: a law, or several of which the first has the others beside it.
struct Question {
    laws: Vec<&'static str>,
    method: &'static str,
}

/// A data set that a law made.
struct Simulated {
    truth: Vec<f64>,
    /// A usual value of each variable.
    usual: Vec<f64>,
    /// The variables, column by column.
    columns: Vec<Vec<f64>>,
    responses: Vec<f64>,
}

/// Sizes go over three decades; bits, batches and losses over what they usually do.
fn is_size(usual: f64) -> bool {
    usual >= 1e4
}

impl Simulated {
    /// A set of the law's own runs; none where the law gives no loss in its usual range, or takes schedules.
    fn draw(entry: &Entry, law: &Law, set: usize) -> Option<Self> {
        if law.takes_schedule() {
            return None;
        }
        let mut random = Random::new(1, &format!("coverage {}", law.name), set as u64);
        let truth = entry.simulated(law);
        let least = (law.free().len() + 2).max(6);
        let rows = least + random.below(60_usize.saturating_sub(least) + 1);
        let usual: Vec<f64> = law.variables.iter().map(|v| entry.example(v)).collect();
        let size = |usual: f64, random: &mut Random| {
            let decades = if is_size(usual) { 3.0 } else { 1.2 };
            usual * exp(ln(10.0) * decades * (random.uniform() - 0.5))
        };
        let tape = law.tape();
        let mut columns: Vec<Vec<f64>> = vec![Vec::with_capacity(rows); usual.len()];
        let mut responses = Vec::with_capacity(rows);
        for _ in 0..rows {
            // Where the law gives no loss, as an error rate below none, there was no run: another is drawn.
            let run = (0..100).find_map(|_| {
                let at: Vec<f64> = usual.iter().map(|&usual| size(usual, &mut random)).collect();
                let value = tape.value_at(&truth, &at);
                (value.is_finite() && value > 0.0).then_some((at, value))
            });
            let (at, value) = run?;
            columns.iter_mut().zip(at).for_each(|(column, size)| column.push(size));
            responses.push(value * random.log_normal(NOISE));
        }
        Some(Self { truth, usual, columns, responses })
    }

    /// The sizes at a multiple of the largest, what is no size at its usual value.
    fn ahead(&self, factor: f64) -> Vec<f64> {
        let largest = |column: &Vec<f64>| column.iter().copied().fold(0.0, f64::max);
        let at = self.columns.iter().zip(&self.usual);
        at.map(|(column, &usual)| if is_size(usual) { largest(column) * factor } else { usual }).collect()
    }

    fn table(&self, law: &Law) -> String {
        let names = law.variables.iter().map(|v| v.name.as_str()).chain([law.response.as_str()]);
        let mut text = names.collect::<Vec<_>>().join(",");
        for (row, response) in self.responses.iter().enumerate() {
            text.push('\n');
            self.columns.iter().for_each(|column| {
                let _ = write!(text, "{:e},", column[row]);
            });
            let _ = write!(text, "{response:e}");
        }
        text + "\n"
    }

    fn spec(&self, law: &Law, question: &Question, set: usize) -> String {
        let mut text = format!(
            "spec = 1\n[study]\ntitle = \"simulated\"\nseed = {set}\n[sources.runs]\npath = \"s{set}.csv\"\n[sources.runs.columns]\n"
        );
        for name in law.variables.iter().map(|v| &v.name).chain([&law.response]) {
            let _ = writeln!(text, "{name} = \"{name}\"");
        }
        for (i, name) in question.laws.iter().enumerate() {
            let _ = writeln!(text, "[laws.law{i}]\nuse = \"{name}\"");
        }
        let uncertainty = match question.method {
            "auto" => "\"auto\"".to_owned(),
            method => format!("{{ {method} = {{}} }}"),
        };
        let _ = writeln!(
            text,
            "[fits.main]\nrows = \"runs\"\nlaw = \"law0\"\nobjective = {{ least_squares = {{ on = \"log\" }} }}\nuncertainty = {uncertainty}"
        );
        let others: Vec<String> = (1..question.laws.len()).map(|i| format!("\"law{i}\"")).collect();
        if !others.is_empty() {
            let _ = writeln!(text, "alternatives = [{}]", others.join(", "));
        }
        let places = HORIZONS.map(|factor| self.ahead(factor));
        let at = law.variables.iter().enumerate().map(|(j, variable)| {
            let values: Vec<String> = places.iter().map(|place| format!("{:e}", place[j])).collect();
            format!("{} = [{}]", variable.name, values.join(", "))
        });
        let _ = writeln!(text, "[queries.ahead]\nfit = \"main\"\nloss = {{ {} }}", at.collect::<Vec<_>>().join(", "));
        if !others.is_empty() {
            text.push_str("forecast = \"stack\"\n");
        }
        text + "[report]\nformats = [\"json\"]\n"
    }
}

/// What came of one data set.
struct Outcome {
    /// The chance that the interval holds a new run, and its half-width in ln y; by horizon.
    horizons: Vec<Option<(f64, f64)>>,
    /// Whether each identified parameter's interval holds the truth.
    parameters: Vec<bool>,
}

fn line(entry: &Entry, question: &Question, repetitions: usize) -> String {
    let Ok(law) = entry.law() else { return " - |\n".to_owned() };
    let mut outcomes = Vec::new();
    for batch in (0..repetitions).collect::<Vec<_>>().chunks(BATCH) {
        outcomes.extend(run(entry, &law, question, batch));
    }
    let with: Vec<&Outcome> = outcomes.iter().filter(|o| o.horizons.iter().any(Option::is_some)).collect();
    let mut line = format!(" {} | {} |", outcomes.len(), outcomes.len() - with.len());
    for place in 0..HORIZONS.len() {
        let known: Vec<(f64, f64)> = outcomes.iter().filter_map(|o| *o.horizons.get(place)?).collect();
        let covered = known.iter().map(|(chance, _)| chance).sum::<f64>() / known.len() as f64;
        let mut widths: Vec<f64> = known.iter().map(|(_, width)| *width).collect();
        widths.sort_by(f64::total_cmp);
        let width = if widths.is_empty() { f64::NAN } else { quantile(&widths, 0.5) };
        let _ = write!(line, " {covered:.3} | {width:.3} |");
    }
    let all: Vec<bool> = with.iter().flat_map(|o| o.parameters.iter().copied()).collect();
    let identified = all.len() as f64 / (with.len() * law.free().len()).max(1) as f64;
    let held = all.iter().filter(|held| **held).count() as f64 / all.len() as f64;
    let _ = writeln!(line, " {held:.3} | {:.0} % |", 100.0 * identified);
    line
}

/// Runs the program over some data sets of a law; what came of each.
fn run(entry: &Entry, law: &Law, question: &Question, batch: &[usize]) -> Vec<Outcome> {
    let Ok(folder) = tempfile::tempdir() else { return Vec::new() };
    let folder = folder.path();
    let sets: Vec<(usize, Simulated)> =
        batch.iter().filter_map(|&set| Some((set, Simulated::draw(entry, law, set)?))).collect();
    let specs: Vec<String> = sets.iter().map(|(set, _)| format!("s{set}.toml")).collect();
    for (set, simulated) in &sets {
        let _ = std::fs::write(folder.join(format!("s{set}.csv")), simulated.table(law));
        let _ = std::fs::write(folder.join(format!("s{set}.toml")), simulated.spec(law, question, *set));
    }
    if specs.is_empty() {
        return Vec::new();
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_lawfit"));
    if let Ok(done) = program.arg("run").args(&specs).arg("--quiet").current_dir(folder).output()
        && !done.status.success()
    {
        eprintln!("{}", String::from_utf8_lossy(&done.stderr).lines().take(8).collect::<Vec<_>>().join("\n"));
    }
    sets.iter().map(|(set, simulated)| outcome(law, simulated, *set, folder)).collect()
}

fn outcome(law: &Law, simulated: &Simulated, set: usize, folder: &Path) -> Outcome {
    let path = folder.join(format!("outputs/s{set}/results.json"));
    let results: Value =
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    let tape = law.tape();
    let horizons = HORIZONS.iter().enumerate().map(|(row, factor)| {
        let loss = &results["queries"]["ahead"]["rows"][row]["loss"];
        let (lower, upper) = (loss["lower"].as_f64(), loss["upper"].as_f64());
        if lower.is_none() && upper.is_none() {
            return None;
        }
        let centre = ln(tape.value_at(&simulated.truth, &simulated.ahead(*factor)));
        let place = |end: f64| if end <= 0.0 { f64::NEG_INFINITY } else { (ln(end) - centre) / NOISE };
        let (low, high) = (lower.map_or(f64::NEG_INFINITY, place), upper.map_or(f64::INFINITY, place));
        Some((below(high) - below(low), 0.5 * NOISE * (high - low)))
    });
    let horizons = horizons.collect();
    let free = law.free();
    let parameters = free.iter().zip(&simulated.truth).filter_map(|(parameter, truth)| {
        let estimate = &results["fits"]["main"]["parameters"][&parameter.name];
        if estimate["status"] != "estimated" {
            return None;
        }
        let (lower, upper) = (estimate["lower"].as_f64(), estimate["upper"].as_f64());
        Some(lower.is_none_or(|end| end <= *truth) && upper.is_none_or(|end| *truth <= end))
    });
    Outcome { horizons, parameters: parameters.collect() }
}
