//! The value of designs of runs: `cargo bench --bench designs -- RECORD DRAWS [WORLD...] [only=DESIGN;...]`
//!
//! Ten published loss surfaces are the truth in turn ([`surfaces`]). Each design spends 1e20 FLOP on runs with a
//! scatter of 0.004 in ln L. The program plans the runs, reads their results, and splits 1e23 FLOP. The waste of the
//! split is the budget divided by the one whose best split reaches the same loss, minus one. The program is used only
//! through specs and tables, as a user writes them.
//!
//! Worlds: `right`, `coupled`, `small` and `slightly` (small models are worse than the law), and `stop`, which
//! follows the advice to stop for targets of 10 to 1e4 times the pilot. RECORD has one line per draw of a world.
//! Draws already in it are skipped, so the work can be done in parts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod surfaces;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lawfit::design::usual;
use lawfit::numerics::{Random, exp, ln, normal_quantile, quantile};
use lawfit::query::RunCost;
use serde_json::{Value, json};
use surfaces::{Kind, SURFACES, Truth};

const PILOT: f64 = 1e20;
const TARGET: f64 = 1e23;
const LEVEL: f64 = 0.9;
/// Number of draws made together; the program runs their specs in one call.
const BATCH: usize = 10;
/// The share of the pilot that is spent before the first plan, and the maximum number of planned runs.
const FIRST: f64 = 0.25;
const PLANNED_RUNS: usize = 20;
/// Ratios of target to pilot at which the advice to stop is followed.
const RATIOS: [f64; 4] = [1e1, 1e2, 1e3, 1e4];
/// Tokens per parameter of the candidates, as wide as the usual grid.
const RANGE: &str = "0.05 to 8000 per parameter";

const WORLDS: [(&str, Kind); 4] =
    [("right", Kind::Right), ("coupled", Kind::Coupled), ("small", Kind::Small(0.04)), ("slightly", Kind::Small(0.02))];

/// A design: its name, the laws of its fits, and whether the program plans it.
struct Design {
    name: &'static str,
    laws: &'static [&'static str],
    is_planned: bool,
    /// The scale of the discrepancy; `None` for the default of the program.
    scale: Option<f64>,
}

const BOTH: &[&str] = &["hoffmann", "generalised"];
const ONE: &[&str] = &["hoffmann"];
const DESIGNS: [Design; 9] = [
    planned("lawfit", BOTH, None),
    usual_one("isoFLOP grid", BOTH),
    usual_one("20 tokens per parameter", BOTH),
    planned("lawfit, one law", ONE, None),
    usual_one("isoFLOP grid, one law", ONE),
    usual_one("20 tokens per parameter, one law", ONE),
    planned("lawfit, scale 0.75", BOTH, Some(0.75)),
    planned("lawfit, scale 3", BOTH, Some(3.0)),
    planned("lawfit, all runs alike", BOTH, Some(1e9)),
];

const fn planned(name: &'static str, laws: &'static [&'static str], scale: Option<f64>) -> Design {
    Design { name, laws, is_planned: true, scale }
}

const fn usual_one(name: &'static str, laws: &'static [&'static str]) -> Design {
    Design { name, laws, is_planned: false, scale: None }
}

/// Runs with their results: size, data and loss.
type Runs = Vec<[f64; 3]>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (Some(record), Some(draws)) = (arguments.first(), arguments.get(1).and_then(|a| a.parse::<u64>().ok())) else {
        eprintln!(
            "usage: cargo bench --bench designs -- RECORD DRAWS [right] [coupled] [small] [slightly] [stop] [only=DESIGN;...]"
        );
        return ExitCode::from(2);
    };
    let rest = &arguments[2..];
    let only = rest.iter().find_map(|a| a.strip_prefix("only="));
    let designs: Vec<&Design> = DESIGNS
        .iter()
        .filter(|d| only.map_or(d.scale.is_none(), |only| only.split(';').any(|name| name == d.name)))
        .collect();
    let asks = |world: &str| rest.iter().all(|a| a.contains('=')) || rest.iter().any(|a| a == world);
    let mut lines: Vec<Value> = std::fs::read_to_string(record)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let is_there = |lines: &[Value], world: &str, draw: u64, design: &str| {
        lines.iter().any(|l| l["world"] == world && l["draw"] == draw && l["design"] == design)
    };
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for draw in 0..draws {
        for (world, kind) in WORLDS.into_iter().filter(|(world, _)| asks(world)) {
            let missing = designs.iter().filter(|design| !is_there(&lines, world, draw, design.name));
            jobs.extend(missing.map(|design| Job { world, draw, design, truth: truth(kind, draw), target: TARGET }));
        }
        for ratio in RATIOS.into_iter().filter(|_| asks("stop") && only.is_none()) {
            let name = format!("{ratio:.0e}");
            if !is_there(&lines, "stop", draw, &name) {
                let design = &DESIGNS[3];
                jobs.push(Job { world: "stop", draw, design, truth: truth(Kind::Right, draw), target: ratio * PILOT });
            }
        }
    }
    for batch in jobs.chunks(BATCH) {
        let Ok(folder) = tempfile::tempdir() else { return ExitCode::FAILURE };
        let found = made(batch, folder.path());
        if rest.iter().any(|a| a == "keep=all") {
            println!("{}", folder.keep().display());
        }
        let text = found.iter().fold(String::new(), |text, line| text + &line.to_string() + "\n");
        lines.extend(found);
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(record)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        if let Err(error) = written {
            eprintln!("{record}: {error}");
            return ExitCode::FAILURE;
        }
    }
    print!("{}", table(&lines));
    ExitCode::SUCCESS
}

/// The true surface of a draw; the surfaces take turns.
fn truth(kind: Kind, draw: u64) -> Truth {
    Truth { surface: SURFACES[draw as usize % SURFACES.len()].1, kind }
}

/// One draw of a world for one design.
struct Job<'a> {
    world: &'static str,
    draw: u64,
    design: &'a Design,
    truth: Truth,
    target: f64,
}

/// A job in progress.
struct Study<'a> {
    job: &'a Job<'a>,
    folder: PathBuf,
    runs: Runs,
    spent: f64,
    random: Random,
    /// The last plan.
    plan: Value,
}

/// Makes some draws and returns a line for each.
fn made(batch: &[Job<'_>], folder: &Path) -> Vec<Value> {
    let mut studies: Vec<Study<'_>> =
        batch.iter().enumerate().map(|(place, job)| Study::new(job, folder.join(place.to_string()))).collect();
    // Two rounds after the first; each is planned from all earlier results.
    for rounds_left in [2, 1] {
        let mut planned: Vec<&mut Study<'_>> = studies
            .iter_mut()
            .filter(|study| study.job.design.is_planned && (study.job.world != "stop" || rounds_left == 2))
            .collect();
        let rounds = |study: &Study<'_>| if study.job.world == "stop" { 1 } else { rounds_left };
        for study in &planned {
            study.write("plan", &study.spec(&study.design(rounds(study))));
        }
        let results = run(folder, planned.iter().map(|study| study.path("plan")));
        for (study, results) in planned.iter_mut().zip(results) {
            study.train(&results["designs"]["next"], rounds_left > 1 && rounds(study) > 1);
        }
    }
    for study in &studies {
        let stopping = study.job.world == "stop";
        study.write("judge", &if stopping { study.prefixes() } else { study.spec(&study.judging()) });
    }
    let results = run(folder, studies.iter().map(|study| study.path("judge")));
    studies.iter().zip(results).map(|(study, results)| study.line(&results)).collect()
}

/// Runs the program over specs in one call and returns the results of each.
fn run(folder: &Path, specs: impl Iterator<Item = String>) -> Vec<Value> {
    let specs: Vec<String> = specs.collect();
    if specs.is_empty() {
        return Vec::new();
    }
    let done =
        Command::new(env!("CARGO_BIN_EXE_lawfit")).arg("run").args(&specs).arg("--quiet").current_dir(folder).output();
    if let Ok(done) = done
        && !done.status.success()
    {
        let message = String::from_utf8_lossy(&done.stderr);
        eprintln!("{}", message.lines().take(12).collect::<Vec<_>>().join("\n"));
    }
    let results = |spec: &String| {
        let name = Path::new(spec).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let text = std::fs::read_to_string(folder.join(format!("outputs/{name}/results.json")));
        text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
    };
    specs.iter().map(results).collect()
}

/// Two curves of five sizes each, as the runs of a lab before it plans.
fn first_round(flop: f64) -> Vec<(f64, f64)> {
    let whole: f64 = [1.0, 3.0].iter().map(|b| 5.0 * b).sum();
    let mut runs = Vec::new();
    for budget in [1.0, 3.0] {
        for i in -2..=2 {
            let size = (budget * flop / whole / 120.0).sqrt() * exp(ln(10.0) * 0.5 * f64::from(i));
            runs.push((size, budget * flop / whole / (6.0 * size)));
        }
    }
    runs
}

impl<'a> Study<'a> {
    fn new(job: &'a Job<'a>, folder: PathBuf) -> Self {
        let random = Random::new(job.draw, &format!("designs {}", job.world), job.design.is_planned.into());
        let mut study = Self { job, folder, runs: Vec::new(), spent: 0.0, random, plan: Value::Null };
        let [grid, ray] = usual(PILOT, 20.0, &RunCost::default());
        let runs = match job.design.name {
            _ if job.design.is_planned => first_round(FIRST * PILOT),
            name if name.starts_with("isoFLOP") => grid.runs,
            _ => ray.runs,
        };
        runs.into_iter().for_each(|(size, data)| study.add(size, data));
        study
    }

    fn add(&mut self, size: f64, data: f64) {
        let loss = self.job.truth.run(size, data, &mut self.random);
        self.spent += 6.0 * size * data;
        self.runs.push([size, data, loss]);
    }

    /// Trains the runs of a plan, or those of its first round.
    fn train(&mut self, plan: &Value, first_round_only: bool) {
        for run in plan["runs"].as_array().into_iter().flatten() {
            if let (Some(size), Some(data), true) =
                (run["size"].as_f64(), run["data"].as_f64(), !first_round_only || run["round"] == 1)
            {
                self.add(size, data);
            }
        }
        self.plan = plan.clone();
    }

    fn path(&self, name: &str) -> String {
        let place = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // The name of a spec is that of its output folder.
        format!("{place}/{name}{place}.toml")
    }

    fn write(&self, name: &str, spec: &str) {
        let mut table = "run,N,D,L\n".to_owned();
        for (place, [size, data, loss]) in self.runs.iter().enumerate() {
            let _ = writeln!(table, "{},{size},{data},{loss}", place + 1);
        }
        let _ = std::fs::create_dir_all(&self.folder);
        let _ = std::fs::write(self.folder.join("runs.csv"), table);
        if let Some(root) = self.folder.parent() {
            let _ = std::fs::write(root.join(self.path(name)), spec);
        }
    }

    /// The part of the spec with the rows, without a fit.
    fn head(&self) -> String {
        format!(
            "spec = 1\n[study]\ntitle = \"designs\"\nseed = {}\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\nrun = {{ column = \"run\" }}\nN = {{ column = \"N\", unit = \"parameters\" }}\nD = {{ column = \"D\", unit = \"tokens\" }}\nC = {{ expr = \"6 * N * D\", unit = \"FLOP\" }}\nL = {{ column = \"L\" }}\n",
            self.job.draw
        )
    }

    /// The spec with a fit of each law and the given entries.
    fn spec(&self, asked: &str) -> String {
        let fit = |law: &&str| {
            format!(
                "[fits.{law}]\nrows = \"runs\"\nlaw = \"{law}\"\nobjective = {{ least_squares = {{ on = \"log\" }} }}\nuncertainty = \"auto\"\n"
            )
        };
        self.head() + &self.job.design.laws.iter().map(fit).collect::<String>() + asked
    }

    /// The design for the remaining budget.
    fn design(&self, rounds: usize) -> String {
        let scale = self.job.design.scale;
        let discrepancy = scale.map_or_else(String::new, |scale| format!("discrepancy = {{ scale = {scale:e} }}\n"));
        format!(
            "[designs.next]\n{discrepancy}fit = {:?}\ndecide = {{ compute_optimal = {{ C = {:e} }} }}\nbudget = {{ FLOP = {:e} }}\ncandidates = {{ N = \"2M to 20B\", D = \"{RANGE}\" }}\nlimits = {{ runs = {} }}\nrounds = {rounds}\n",
            self.job.design.laws,
            self.job.target,
            PILOT - self.spent,
            first_round(1.0).len() + PLANNED_RUNS - self.runs.len(),
        )
    }

    /// The decision from all runs and a forecast at the best split of the truth. The design itself has one candidate
    /// run.
    fn judging(&self) -> String {
        let (size, _) = self.job.truth.best(TARGET);
        format!(
            "[designs.next]\nfit = {:?}\ndecide = [{{ compute_optimal = {{ C = {TARGET:e} }} }}, {{ loss = {{ N = {size:e}, D = {:e} }} }}]\nbudget = {{ FLOP = {PILOT:e} }}\ncandidates = {{ N = [1e8], D = [1e9, 1e10] }}\nlimits = {{ runs = 1 }}\n",
            self.job.design.laws,
            TARGET / (6.0 * size),
        )
    }

    /// For each number of runs, a fit of the first runs and a query for the split.
    fn prefixes(&self) -> String {
        let mut text = self.head();
        for count in first_round(1.0).len()..=self.runs.len() {
            let _ = write!(
                text,
                "[filters.f{count}]\nsource = \"runs\"\nrules = [{{ keep = \"run <= {count}\" }}]\n[fits.f{count}]\nrows = \"f{count}\"\nlaw = \"hoffmann\"\nobjective = {{ least_squares = {{ on = \"log\" }} }}\n[queries.f{count}]\nfit = \"f{count}\"\ncompute_optimal = {{ C = {:e} }}\n",
                self.job.target
            );
        }
        text
    }

    /// The result as a line of the record.
    fn line(&self, results: &Value) -> Value {
        let Job { world, draw, design, truth, target } = self.job;
        if *world == "stop" {
            return self.stopped(results);
        }
        let judged = &results["designs"]["next"];
        let at = |decision: usize, key: &str| judged["decisions"][decision]["now"][key].as_f64();
        let (best, loss) = truth.best(*target);
        let foretold = &self.plan["decisions"][0]["after"];
        json!({
            "world": world,
            "draw": draw,
            "design": design.name,
            "runs": self.runs.len(),
            "spent": self.spent,
            "point_waste": self.point(results).map(|size| truth.waste(*target, size).clamp(0.0, 100.0)),
            "waste": at(0, "value").map(|size| truth.waste(*target, size).clamp(0.0, 100.0)),
            "foretold": at(0, "waste"),
            "off": at(0, "value").map(|size| ln(size / best)),
            "width": at(0, "upper").zip(at(0, "lower")).map(|(upper, lower)| ln(upper / lower)),
            "held": at(0, "upper").zip(at(0, "lower")).map(|(upper, lower)| lower <= best && best <= upper),
            "planned_width": foretold["upper"].as_f64().zip(foretold["lower"].as_f64()).map(|(upper, lower)| ln(upper / lower)),
            "miss": at(1, "value").map(|value| ln(value / loss)),
            "loss_held": at(1, "upper").zip(at(1, "lower")).map(|(upper, lower)| lower <= loss && loss <= upper),
            "t": judged["drift"]["t"],
            "limit": judged["drift"]["limit"],
            "laws": judged["laws"],
        })
    }

    /// The size of the split by the first law's estimate, regardless of its interval.
    fn point(&self, results: &Value) -> Option<f64> {
        let fitted = &results["fits"][self.job.design.laws[0]]["parameters"];
        let of = |name: &str| fitted[name]["value"].as_f64();
        let [a, alpha, b, beta] = [of("A")?, of("alpha")?, of("B")?, of("beta")?];
        // At the optimum, alpha A N^-alpha = beta B D^-beta with C = 6 N D.
        let log = (ln(alpha * a / (beta * b)) + beta * ln(self.job.target / 6.0)) / (alpha + beta);
        log.is_finite().then(|| exp(log))
    }

    /// The compute spent and wasted together for each number of planned runs, and the advised number.
    fn stopped(&self, results: &Value) -> Value {
        let Job { world, draw, truth, target, .. } = self.job;
        let first = first_round(1.0).len();
        let flop = |count: usize| self.runs[..count].iter().map(|[size, data, _]| 6.0 * size * data).sum::<f64>();
        let total = |count: usize| {
            let size = results["queries"][format!("f{count}")]["rows"][0]["N"]["value"].as_f64()?;
            Some(flop(count) + target * truth.waste(*target, size).clamp(0.0, 10.0))
        };
        let totals: Vec<Option<f64>> = (first..=self.runs.len()).map(total).collect();
        json!({
            "world": world,
            "draw": draw,
            "design": format!("{:.0e}", target / PILOT),
            "totals": totals,
            "stop": self.plan["value"]["stop_after"],
        })
    }
}

/// A number with some decimals and its unit; empty if it is not finite.
fn shown(value: f64, digits: usize, unit: &str) -> String {
    if value.is_finite() { format!("{value:.digits$}{unit}") } else { String::new() }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn share(values: &[bool]) -> f64 {
    100.0 * values.iter().filter(|v| **v).count() as f64 / values.len() as f64
}

/// The tables of all worlds.
fn table(lines: &[Value]) -> String {
    let mut text = String::new();
    for (world, _) in WORLDS {
        let own: Vec<&Value> = lines.iter().filter(|line| line["world"] == world).collect();
        if own.is_empty() {
            continue;
        }
        let _ = write!(
            text,
            "\n| {world} | draws | undecided | runs | waste: mean | median | 90th percentile | predicted | by `hoffmann` alone | rms error of ln L | predicted over observed variance: by the plan | by the fit | the interval of N covers | of L | drift warnings |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        );
        for design in &DESIGNS {
            let own: Vec<&Value> = own.iter().copied().filter(|line| line["design"] == design.name).collect();
            if !own.is_empty() {
                text.push_str(&row(design, &own));
            }
        }
    }
    text + &stopping(lines)
}

/// A row of the table of a world.
fn row(design: &Design, lines: &[&Value]) -> String {
    let numbers = |key: &str| lines.iter().filter_map(|line| line[key].as_f64()).collect::<Vec<f64>>();
    let said = |key: &str| lines.iter().filter_map(|line| line[key].as_bool()).collect::<Vec<bool>>();
    let mut wastes = numbers("waste");
    wastes.sort_by(f64::total_cmp);
    let rms = mean(&numbers("miss").iter().map(|miss| miss * miss).collect::<Vec<f64>>()).sqrt();
    // Ratio of variances: widths are converted to variances, and a mean of ratios keeps one surface from dominating.
    let z = normal_quantile(f64::midpoint(1.0, LEVEL));
    let ratio = |width: &str| {
        let of = |line: &&Value| {
            let sd = line[width].as_f64()? / (2.0 * z);
            let off = line["off"].as_f64()?;
            Some(off * off / (sd * sd))
        };
        1.0 / mean(&lines.iter().filter_map(of).collect::<Vec<f64>>())
    };
    let told: Vec<bool> =
        lines.iter().filter_map(|line| Some(line["t"].as_f64()?.abs() > line["limit"].as_f64()?)).collect();
    let percent = |value: f64| shown(100.0 * value, 3, " %");
    let at = |p: f64| if wastes.is_empty() { f64::NAN } else { quantile(&wastes, p) };
    let cells = [
        design.name.to_owned(),
        lines.len().to_string(),
        (lines.len() - wastes.len()).to_string(),
        shown(mean(&numbers("runs")), 1, ""),
        percent(mean(&wastes)),
        percent(at(0.5)),
        percent(at(0.9)),
        percent(mean(&numbers("foretold"))),
        percent(mean(&numbers("point_waste"))),
        shown(rms, 4, ""),
        shown(ratio("planned_width"), 2, ""),
        shown(ratio("width"), 2, ""),
        shown(share(&said("held")), 1, " %"),
        shown(share(&said("loss_held")), 1, " %"),
        shown(share(&told), 1, " %"),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The cost of following the advice to stop, runs and waste together, divided by that of the best number of runs. The
/// oracle knows the mean total of each number over all draws.
fn stopping(lines: &[Value]) -> String {
    let mut by_ratio: BTreeMap<String, Vec<(Vec<f64>, usize)>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["world"] == "stop") {
        let totals: Option<Vec<f64>> =
            line["totals"].as_array().and_then(|totals| totals.iter().map(Value::as_f64).collect());
        if let (Some(totals), Some(stop), Some(ratio)) = (totals, line["stop"].as_u64(), line["design"].as_str())
            && !totals.is_empty()
        {
            by_ratio.entry(ratio.to_owned()).or_default().push((totals, stop as usize));
        }
    }
    if by_ratio.is_empty() {
        return String::new();
    }
    let mut text = "\n| target over pilot | draws | runs by the advice | by the oracle | total over the oracle's | total of all runs over the oracle's |\n|---|---|---|---|---|---|\n".to_owned();
    for (ratio, paths) in by_ratio {
        let longest = paths.iter().map(|(totals, _)| totals.len()).max().unwrap_or(0);
        let at = |totals: &[f64], count: usize| totals[count.min(totals.len() - 1)];
        let of_count = |count: usize| mean(&paths.iter().map(|(totals, _)| at(totals, count)).collect::<Vec<f64>>());
        let best = (0..longest).min_by(|&a, &b| of_count(a).total_cmp(&of_count(b))).unwrap_or(0);
        let by_advice = mean(&paths.iter().map(|(totals, stop)| at(totals, *stop)).collect::<Vec<f64>>());
        let stops = mean(&paths.iter().map(|(_, stop)| *stop as f64).collect::<Vec<f64>>());
        let oracle = of_count(best);
        let _ = writeln!(
            text,
            "| {ratio} | {} | {stops:.1} | {best} | {:.3} | {:.3} |",
            paths.len(),
            by_advice / oracle,
            of_count(longest.saturating_sub(1)) / oracle
        );
    }
    text
}
