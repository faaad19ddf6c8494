//! Designs on the tasks of `ScaleBench`: `cargo bench --bench scalebench_designs -- RECORD DATA [TASK...] [law=NAME] [share=X]`
//!
//! The benchmark (arXiv:2604.22753) lets a method choose runs of a table within a share of their total cost, fits a law to
//! them, and scores its forecasts of larger runs. Here the program chooses: `lawfit design` with the table as candidates
//! and the held-out settings as the decision, in batches of four. Before the first batch, the cheapest runs are trained:
//! 2.5 per parameter within 2 % of the cost, as the benchmark's methods do. The laws are the benchmark's own
//! (`scalebench/designs.toml`), a fit minimises squared residuals within the benchmark's bounds, and the score is R2 over
//! the test rows of all groups together, limited to at least -1.
//!
//! RECORD has one line per task, law and budget. Laws that it has are not run again, so the work can be done in parts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lawfit::source::{Cell, Format, Limits, Options, read};
use serde::Deserialize;
use serde_json::{Value, json};

const TASKS: &str = include_str!("scalebench/designs.toml");
/// Number of runs of a batch.
const BATCH: usize = 4;
/// Runs per parameter that are trained before the first design, and their largest share of the total cost.
const FIRST: f64 = 2.5;
const FIRST_COST: f64 = 0.02;
/// The part of the remaining budget that one batch may spend, unless its cheapest run costs more.
const SHARE: f64 = 0.5;
/// Number of laws that are run at a time.
const TOGETHER: usize = 2;

/// A task of the benchmark.
#[derive(Deserialize)]
struct Task {
    /// Columns of the files by the names in the laws; `L` is the response.
    columns: BTreeMap<String, String>,
    group: Option<String>,
    cost: Vec<Vec<String>>,
    budgets: Vec<f64>,
    v_optimal: Vec<f64>,
    sl2: Vec<f64>,
    laws: BTreeMap<String, OwnLaw>,
}

/// A law as a formula, with the bounds of its parameters.
#[derive(Deserialize)]
struct OwnLaw {
    formula: String,
    bounds: BTreeMap<String, [f64; 2]>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [record, data, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench scalebench_designs -- RECORD DATA [TASK...] [law=NAME] [share=X]");
        return ExitCode::from(2);
    };
    let tasks: BTreeMap<String, Task> = match toml::from_str(TASKS) {
        Ok(tasks) => tasks,
        Err(error) => {
            eprintln!("designs.toml: {error}");
            return ExitCode::FAILURE;
        }
    };
    let setting = |key: &str| rest.iter().find_map(|a| a.strip_prefix(key)?.strip_prefix('='));
    let share = setting("share").and_then(|text| text.parse().ok()).unwrap_or(SHARE);
    let named: Vec<&String> = rest.iter().filter(|a| !a.contains('=')).collect();
    let mut lines = lines_of(record);
    let jobs: Vec<(&str, &Task, &str)> = tasks
        .iter()
        .filter(|(name, _)| named.is_empty() || named.contains(name))
        .flat_map(|(name, task)| task.laws.keys().map(move |law| (name.as_str(), task, law.as_str())))
        .filter(|(_, _, law)| setting("law").is_none_or(|only| only == *law))
        .filter(|(name, _, law)| !lines.iter().any(|line| line["task"] == **name && line["law"] == **law))
        .collect();
    let (next, written) = (AtomicUsize::new(0), Mutex::new(()));
    let work = || {
        while let Some((name, task, law)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = Benchmark::read(Path::new(data), name, task).and_then(|bench| bench.run(law, share));
            match found {
                Ok(found) => {
                    let _one = written.lock();
                    let text = found.iter().fold(String::new(), |text, line| text + &line.to_string() + "\n");
                    let file = std::fs::OpenOptions::new().create(true).append(true).open(record);
                    if file.and_then(|mut file| file.write_all(text.as_bytes())).is_err() {
                        eprintln!("{record} cannot be written");
                    }
                }
                Err(message) => eprintln!("{name} {law}: {message}"),
            }
        }
    };
    std::thread::scope(|scope| (0..TOGETHER).for_each(|_| drop(scope.spawn(work))));
    lines = lines_of(record);
    print(&tasks, &lines);
    ExitCode::SUCCESS
}

fn lines_of(record: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Prints the mean over laws for each task and budget, beside the published ones.
fn print(tasks: &BTreeMap<String, Task>, lines: &[Value]) {
    println!(
        "| task | laws | budget | lawfit | V-optimal | SL2 | best law, worst law | runs | batches | of an open law | without a design |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, task) in tasks {
        for (place, budget) in task.budgets.iter().enumerate() {
            let of: Vec<&Value> = lines.iter().filter(|l| l["task"] == **name && l["budget"] == *budget).collect();
            let numbers = |key: &str| of.iter().filter_map(|line| line[key].as_f64()).collect::<Vec<f64>>();
            let scores = numbers("r2");
            if scores.is_empty() {
                continue;
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let (best, worst) =
                scores.iter().fold((f64::MIN, f64::MAX), |(high, low), r2| (high.max(*r2), low.min(*r2)));
            println!(
                "| `{name}` | {} of {} | {:.0} % | {:.2} | {:.2} | {:.2} | {best:.2}, {worst:.2} | {:.0} | {:.0} | {:.0} | {:.0} |",
                scores.len(),
                task.laws.len(),
                100.0 * budget,
                mean(&scores),
                task.v_optimal[place],
                task.sl2[place],
                mean(&numbers("runs")),
                mean(&numbers("batches")),
                mean(&numbers("open")),
                mean(&numbers("without")),
            );
        }
    }
}

/// A row of a table: the variables by name with the response, the group and the cost.
#[derive(Clone, Debug)]
struct Row {
    values: BTreeMap<String, f64>,
    group: String,
    cost: f64,
}

/// The tables of a task.
struct Benchmark<'a> {
    name: &'a str,
    task: &'a Task,
    train: Vec<Row>,
    test: Vec<Row>,
}

/// The chosen runs of a group.
#[derive(Clone, Debug, Default)]
struct Chosen {
    rows: Vec<usize>,
    spent: f64,
    total: f64,
}

/// Counts of batches: all, those of a law that the rows do not identify, and those without a design.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    batches: usize,
    open: usize,
    without: usize,
    seconds: f64,
}

impl<'a> Benchmark<'a> {
    fn read(data: &Path, name: &'a str, task: &'a Task) -> Result<Self, String> {
        let table = |part: &str| rows(&data.join(format!("{name}.{part}.parquet")), task);
        Ok(Self { name, task, train: table("train")?, test: table("test")? })
    }

    fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = self.train.iter().map(|row| row.group.clone()).collect();
        groups.sort();
        groups.dedup();
        groups
    }

    /// Chooses runs by one law, budget by budget: one line for each budget.
    fn run(&self, law: &str, share: f64) -> Result<Vec<Value>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let own = &self.task.laws[law];
        let mut all: Vec<(String, Chosen)> =
            self.groups().into_iter().map(|g| (g.clone(), self.first(&g, own))).collect();
        let (mut lines, mut counts) = (Vec::new(), Counts::default());
        for &budget in &self.task.budgets {
            let mut pairs = Vec::new();
            for (group, chosen) in &mut all {
                self.spend(group, own, budget, share, chosen, &mut counts, folder.path())?;
                pairs.extend(self.forecasts(group, own, chosen, folder.path())?);
            }
            let (spent, total) = all.iter().fold((0.0, 0.0), |sum, (_, c)| (sum.0 + c.spent, sum.1 + c.total));
            let runs: usize = all.iter().map(|(_, chosen)| chosen.rows.len()).sum();
            let r2 = r_squared(&pairs);
            eprintln!(
                "{} {law} {budget}: R2 {r2:.3} of {runs} runs, {} batches, {} open, {} without",
                self.name, counts.batches, counts.open, counts.without
            );
            lines.push(json!({
                "task": self.name, "law": law, "budget": budget, "r2": r2, "runs": runs, "spent": spent / total,
                "batches": counts.batches, "open": counts.open, "without": counts.without, "seconds": counts.seconds,
            }));
        }
        Ok(lines)
    }

    /// The cheapest runs of a group.
    fn first(&self, group: &str, law: &OwnLaw) -> Chosen {
        let mut own: Vec<usize> = (0..self.train.len()).filter(|&row| self.train[row].group == group).collect();
        own.sort_by(|&a, &b| self.train[a].cost.total_cmp(&self.train[b].cost).then(a.cmp(&b)));
        let total = own.iter().map(|&row| self.train[row].cost).sum();
        let mut chosen = Chosen { total, ..Chosen::default() };
        let count = (FIRST * law.bounds.len() as f64).ceil() as usize;
        for row in own {
            let cost = self.train[row].cost;
            if chosen.rows.is_empty() || (chosen.rows.len() < count && chosen.spent + cost <= FIRST_COST * total) {
                chosen.rows.push(row);
                chosen.spent += cost;
            }
        }
        chosen
    }

    /// Chooses batches until no run is within the budget.
    fn spend(
        &self,
        group: &str,
        law: &OwnLaw,
        budget: f64,
        share: f64,
        chosen: &mut Chosen,
        counts: &mut Counts,
        folder: &Path,
    ) -> Result<(), String> {
        loop {
            let left = budget * chosen.total - chosen.spent;
            let mut pool: Vec<usize> = (0..self.train.len())
                .filter(|row| self.train[*row].group == group && !chosen.rows.contains(row))
                .filter(|&row| self.train[row].cost <= left)
                .collect();
            pool.sort_by(|&a, &b| self.train[a].cost.total_cmp(&self.train[b].cost).then(a.cmp(&b)));
            if pool.is_empty() {
                return Ok(());
            }
            // A batch may always be of the cheapest runs.
            let cheapest: f64 = pool.iter().take(BATCH).map(|&row| self.train[row].cost).sum();
            let most = (share * left).max(cheapest).min(left);
            let begun = Instant::now();
            let (runs, is_open) = match self.designed(group, law, most, chosen, &pool, folder) {
                Ok(found) => found,
                Err(message) => {
                    eprintln!("{}: {message}", self.name);
                    (Vec::new(), false)
                }
            };
            counts.seconds += begun.elapsed().as_secs_f64();
            counts.batches += 1;
            counts.open += usize::from(is_open);
            counts.without += usize::from(runs.is_empty());
            let mut spent = 0.0;
            for row in if runs.is_empty() { pool.into_iter().take(BATCH).collect() } else { runs } {
                if spent + self.train[row].cost <= left {
                    spent += self.train[row].cost;
                    chosen.rows.push(row);
                }
            }
            chosen.spent += spent;
        }
    }

    /// The runs that the program chooses, and whether the rows leave the law open.
    fn designed(
        &self,
        group: &str,
        law: &OwnLaw,
        budget: f64,
        chosen: &Chosen,
        pool: &[usize],
        folder: &Path,
    ) -> Result<(Vec<usize>, bool), String> {
        let names: Vec<&String> = self.variables().collect();
        let columns = |rows: &mut dyn Iterator<Item = (String, &Row)>, response: bool| {
            let mut text = names.iter().fold("config,cost".to_owned(), |text, name| text + "," + name);
            text += if response { ",L\n" } else { "\n" };
            for (config, row) in rows {
                let cells = names.iter().map(|name| row.values[*name]).chain(response.then(|| row.values["L"]));
                let _ = writeln!(
                    text,
                    "{config},{}{}",
                    row.cost,
                    cells.fold(String::new(), |t, v| t + "," + &v.to_string())
                );
            }
            text
        };
        let runs = columns(&mut chosen.rows.iter().map(|&row| (row.to_string(), &self.train[row])), true);
        let listed = columns(&mut pool.iter().map(|&row| (format!("r{row}"), &self.train[row])), false);
        write(folder, "runs.csv", &runs)?;
        write(folder, "pool.csv", &listed)?;
        let same = names.iter().fold(String::new(), |text, name| format!("{text}{name} = \"{name}\", "));
        let mut targets: Vec<Vec<f64>> = self
            .test
            .iter()
            .filter(|r| r.group == group)
            .map(|r| names.iter().map(|n| r.values[*n]).collect())
            .collect();
        targets.sort_by(|a, b| {
            a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        targets.dedup();
        let asked = names.iter().enumerate().fold(String::new(), |text, (place, name)| {
            let values: Vec<String> = targets.iter().map(|target| format!("{:?}", target[place])).collect();
            format!("{text}{name} = [{}], ", values.join(", "))
        });
        let spec = format!(
            "{}[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ {same}L = \"L\" }}\n\
             [sources.pool]\npath = \"pool.csv\"\ncolumns = {{ {same}cost = \"cost\", config = {{ column = \"config\", type = \"text\" }} }}\n\
             {}[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = {{ least_squares = {{ on = \"raw\" }} }}\nuncertainty = {{ sandwich = {{ draws = 200 }} }}\n\
             [designs.next]\nfit = \"main\"\ndecide = {{ loss = {{ {asked}}} }}\nbudget = {{ FLOP = {budget:?} }}\n\
             candidates = {{ rows = \"pool\", cost = \"cost\", name = \"config\" }}\nlimits = {{ runs = {BATCH} }}\n",
            study(),
            law_text(law),
        );
        write(folder, "design.toml", &spec)?;
        let text = program(folder, &["design", "design.toml", "--format", "advice", "--quiet"])?;
        let advice: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let row = |run: &Value| run["name"].as_str()?.strip_prefix('r')?.parse::<usize>().ok();
        let runs = advice["runs"].as_array().map(|runs| runs.iter().filter_map(row).collect()).unwrap_or_default();
        Ok((runs, advice["unidentified"].is_object()))
    }

    /// Observed and forecast responses of the test rows of a group.
    fn forecasts(&self, group: &str, law: &OwnLaw, chosen: &Chosen, folder: &Path) -> Result<Vec<(f64, f64)>, String> {
        let names: Vec<&String> = self.variables().collect();
        let mut text = names.iter().fold("part,L".to_owned(), |text, name| text + "," + name) + "\n";
        let test = self.test.iter().filter(|row| row.group == group).map(|row| ("test", row));
        for (part, row) in chosen.rows.iter().map(|&row| ("train", &self.train[row])).chain(test) {
            let cells = names.iter().fold(String::new(), |text, name| format!("{text},{}", row.values[*name]));
            let _ = writeln!(text, "{part},{}{cells}", row.values["L"]);
        }
        write(folder, "all.csv", &text)?;
        let same = names.iter().fold(String::new(), |text, name| format!("{text}{name} = \"{name}\", "));
        let spec = format!(
            "{}[report]\nformats = [\"csv\"]\n[sources.runs]\npath = \"all.csv\"\ncolumns = {{ {same}L = \"L\", part = {{ column = \"part\", type = \"text\" }} }}\n\
             {}[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = {{ least_squares = {{ on = \"raw\" }} }}\nholdout = \"part == 'test'\"\n",
            study(),
            law_text(law),
        );
        write(folder, "score.toml", &spec)?;
        program(folder, &["run", "score.toml", "--quiet"])?;
        let table = std::fs::read_to_string(folder.join("outputs/score/predictions.csv")).map_err(|e| e.to_string())?;
        let mut lines = table.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let place = |name: &str| header.iter().position(|h| *h == name).ok_or(format!("no column {name}"));
        let (held, observed, forecast) = (place("held_out")?, place("L")?, place("predicted")?);
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        let cells = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|cells| cells[held] == "true");
        Ok(cells.map(|cells| (number(cells[observed]), number(cells[forecast]))).collect())
    }

    fn variables(&self) -> impl Iterator<Item = &String> {
        self.task.columns.keys().filter(|name| *name != "L")
    }
}

fn study() -> &'static str {
    "spec = 1\n[study]\ntitle = \"ScaleBench\"\nseed = 1\n"
}

/// A law with its bounds as a table of a spec.
fn law_text(law: &OwnLaw) -> String {
    let bounds = law.bounds.iter().fold(String::new(), |text, (name, [low, high])| {
        format!("{text}{name} = {{ bounds = [{low:?}, {high:?}] }}\n")
    });
    format!("[laws.own]\nformula = \"{}\"\n[laws.own.parameters]\n{bounds}", law.formula)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    std::fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))
}

/// Runs the program in a folder and returns what it prints.
fn program(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let path =
        std::env::var_os("LAWFIT_PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_lawfit")), PathBuf::from);
    let done = Command::new(path).args(arguments).args(["--jobs", "1"]).current_dir(folder).output();
    let done = done.map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The rows of a table of the benchmark.
fn rows(path: &Path, task: &Task) -> Result<Vec<Row>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut wanted: Vec<String> =
        task.columns.values().chain(&task.group).chain(task.cost.iter().flatten()).cloned().collect();
    wanted.sort();
    wanted.dedup();
    let cells =
        read(bytes, Format::Parquet, &wanted, &Options::default(), &Limits::USUAL).map_err(|e| e.to_string())?;
    let at = |name: &str, row: usize| wanted.iter().position(|w| w == name).map(|column| &cells[column][row]);
    let number = |name: &str, row: usize| match at(name, row) {
        Some(Cell::Number(value)) => *value,
        _ => f64::NAN,
    };
    let count = cells.first().map_or(0, Vec::len);
    let row = |row: usize| Row {
        values: task.columns.iter().map(|(name, column)| (name.clone(), number(column, row))).collect(),
        group: task.group.as_ref().and_then(|group| at(group, row)).map_or_else(String::new, Cell::text),
        cost: task.cost.iter().map(|product| product.iter().map(|name| number(name, row)).product::<f64>()).sum(),
    };
    Ok((0..count).map(row).collect())
}

/// The share of the variance that forecasts explain, at least -1.
fn r_squared(pairs: &[(f64, f64)]) -> f64 {
    let mean = pairs.iter().map(|(y, _)| y).sum::<f64>() / pairs.len() as f64;
    let total: f64 = pairs.iter().map(|(y, _)| (y - mean) * (y - mean)).sum();
    let missed: f64 = pairs.iter().map(|(y, p)| (y - p) * (y - p)).sum();
    let r2 = (1.0 - missed / total).max(-1.0);
    if r2.is_nan() { -1.0 } else { r2 }
}
