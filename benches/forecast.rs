//! How well forecasts do on real series: `cargo bench --bench forecast -- ../shared/data`.
//!
//! Learning curves: the default forecast beside single laws of the catalogue, on the split of the benchmark of
//! Alabdulmohsin et al. (arXiv:2209.06640). Tables of two sizes: the default beside least squares, on what lies
//! above a share of the range of ln C. Error rates of tasks and simulated power laws: the default, on larger or longer
//! runs. Errors are root mean squares of ln(forecast / observed), averaged over series; coverage is that of nominal 90 %
//! intervals.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use lawfit::forecast::{Measured, forecast};
use lawfit::law::{Law, find};
use lawfit::numerics::{ln, mean, median, standard_deviation};
use lawfit::objective::{LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::search::search;
use lawfit::solver::Solver;
use lawfit::source::{Cell, Format, Limits, Options, read};
use lawfit::uncertainty::{Fitted, Method, Sandwich};
use lawfit::watch::Watch;

#[path = "forecast/powers.rs"]
mod powers;
#[path = "forecast/shapes.rs"]
mod shapes;
#[path = "forecast/tasks.rs"]
mod tasks;

const LEVEL: f64 = 0.9;
/// The same for a normal deviation on either side.
const DEVIATIONS: f64 = 1.644_853_626_951_472_7;

/// One series: what is fitted, what is asked and what was observed.
#[derive(Default)]
struct Series {
    domain: String,
    name: String,
    sizes: Vec<Vec<f64>>,
    responses: Vec<f64>,
    targets: Vec<Vec<f64>>,
    observed: Vec<f64>,
    ceiling: Option<f64>,
    /// The largest response, for a share.
    whole: Option<f64>,
}

/// How a method did on one series.
#[derive(Clone, Debug)]
struct Score {
    domain: String,
    data_set: String,
    error: f64,
    /// By row: whether inside, and the miss over the half-width.
    misses: Vec<f64>,
    farthest: f64,
    half_width: f64,
    seconds: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let data = PathBuf::from(arguments.first().map_or("../shared/data", String::as_str));
    let verbose = arguments.iter().any(|a| a == "each");
    let curves = learning_curves(&data);
    if curves.is_empty() {
        eprintln!("no learning curves in {}", data.display());
        return ExitCode::from(2);
    }
    println!("## Learning curves, {} series\n", curves.len());
    if let Some(times) = arguments.iter().skip(1).find_map(|a| a.parse::<usize>().ok()) {
        // For a profiler and a clock: the default alone, again and again.
        let started = Instant::now();
        for _ in 0..times {
            curves.iter().for_each(|series| drop(score(series, "default")));
        }
        println!("{:.1} ms a series", 1e3 * started.elapsed().as_secs_f64() / (times * curves.len()) as f64);
        return ExitCode::SUCCESS;
    }
    let names = ["default", "m1", "m2", "m3", "m4", "bnsl"];
    let mut all = Vec::new();
    for name in names {
        let scores: Vec<Score> = curves.iter().filter_map(|series| score(series, name)).collect();
        if verbose {
            for (series, s) in curves.iter().zip(&scores) {
                println!("{name} {} {}: {:.4} {:.4}", series.domain, series.name, s.error, s.half_width);
            }
        }
        all.push((name, scores));
    }
    by_domain(&all);
    let tables = tables(&data);
    println!("\n## Tables of two sizes, {} cuts\n", tables.len());
    let both: Vec<(&str, Vec<Score>)> =
        ["default", "hoffmann"].map(|name| (name, tables.iter().filter_map(|s| score(s, name)).collect())).into();
    by_domain(&both);
    println!("\n## Error rates of tasks\n");
    by_set(&tasks::tasks(&data));
    println!("\n## Simulated power laws without a floor\n");
    by_set(&powers::powers());
    println!("\n## Simulated curves of other shapes\n");
    by_set(&shapes::shapes());
    println!("\n## Coverage by data set\n");
    coverage_by_set(&[&all[0].1[..], &both[0].1[..]].concat(), "default");
    coverage_by_set(&[&all[2].1[..], &both[1].1[..]].concat(), "one law: m2, hoffmann");
    ExitCode::SUCCESS
}

fn by_domain(all: &[(&str, Vec<Score>)]) {
    let mut domains: Vec<String> = all[0].1.iter().map(|s| s.domain.clone()).collect();
    domains.sort();
    domains.dedup();
    println!("| method | {} | covered | farthest | half-width | of IC | ms |", domains.join(" | "));
    println!("|---|{}", "---|".repeat(domains.len() + 5));
    for (name, scores) in all {
        let errors: Vec<String> = domains
            .iter()
            .map(|domain| {
                let own: Vec<f64> = scores.iter().filter(|s| s.domain == *domain).map(|s| s.error).collect();
                format!("{:.4}", mean(&own))
            })
            .collect();
        let inside = |misses: &[f64]| misses.iter().filter(|m| **m <= 1.0).count() as f64 / misses.len() as f64;
        let pooled: Vec<f64> = scores.iter().map(|s| inside(&s.misses)).collect();
        let farthest: Vec<f64> = scores.iter().map(|s| s.farthest).collect();
        let widths: Vec<f64> = scores.iter().map(|s| s.half_width).collect();
        let of_ic: Vec<f64> = scores.iter().filter(|s| s.domain == "IC").map(|s| s.half_width).collect();
        let of_ic = if of_ic.is_empty() { "-".to_owned() } else { format!("{:.4}", median(&of_ic)) };
        let seconds: Vec<f64> = scores.iter().map(|s| s.seconds).collect();
        println!(
            "| {name} | {} | {:.3} | {:.3} | {:.4} | {of_ic} | {:.1} |",
            errors.join(" | "),
            mean(&pooled),
            inside(&farthest),
            median(&widths),
            1e3 * mean(&seconds),
        );
    }
}

/// How the default does on each set of series: how many it answers, and how many observations its intervals hold.
fn by_set(all: &[Series]) {
    let mut sets: BTreeMap<&str, (usize, Vec<Score>)> = BTreeMap::new();
    for series in all {
        let set = sets.entry(&series.domain).or_default();
        set.0 += 1;
        set.1.extend(score(series, "default"));
    }
    println!("| series | answered | covered | at the farthest point | error | half-width |");
    println!("|---|---|---|---|---|---|");
    for (name, (count, scores)) in sets {
        let inside = |misses: &[f64]| misses.iter().filter(|m| **m <= 1.0).count() as f64 / misses.len() as f64;
        let covered: Vec<f64> = scores.iter().map(|s| inside(&s.misses)).collect();
        let farthest: Vec<f64> = scores.iter().map(|s| s.farthest).collect();
        let errors: Vec<f64> = scores.iter().map(|s| s.error).collect();
        let widths: Vec<f64> = scores.iter().map(|s| s.half_width).collect();
        println!(
            "| {name} | {} of {count} | {:.3} | {:.3} | {:.3} | {:.3} |",
            scores.len(),
            mean(&covered),
            inside(&farthest),
            mean(&errors),
            median(&widths)
        );
    }
}

/// Coverage of each data set as it is, and with the inflation that the other sets ask for.
fn coverage_by_set(scores: &[Score], name: &str) {
    let mut sets: BTreeMap<&str, Vec<&Score>> = BTreeMap::new();
    scores.iter().for_each(|s| sets.entry(&s.data_set).or_default().push(s));
    println!("{name}\n\n| data set | series | covered | inflation from the others | covered so | half-width |");
    println!("|---|---|---|---|---|---|");
    // Every series counts the same, however many rows it has.
    let covered = |own: &[&Score], inflation: f64| {
        let shares: Vec<f64> = own
            .iter()
            .map(|s| s.misses.iter().filter(|m| **m <= inflation).count() as f64 / s.misses.len() as f64)
            .collect();
        mean(&shares)
    };
    let (mut plain, mut inflated) = (0.0, 0.0);
    for (set, own) in &sets {
        let others: Vec<&Score> = sets.iter().filter(|(other, _)| *other != set).flat_map(|(_, s)| s.clone()).collect();
        let (mut low, mut high) = (0.1, 20.0);
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if covered(&others, middle) < LEVEL { low = middle } else { high = middle }
        }
        let widths: Vec<f64> = own.iter().map(|s| s.half_width).collect();
        let (raw, with) = (covered(own, 1.0), covered(own, high));
        plain += raw * own.len() as f64 / scores.len() as f64;
        inflated += with * own.len() as f64 / scores.len() as f64;
        println!("| {set} | {} | {raw:.3} | {high:.2} | {with:.3} | {:.4} |", own.len(), median(&widths));
    }
    println!("| pooled | {} | {plain:.3} | | {inflated:.3} | |\n", scores.len());
}

fn score(series: &Series, method: &str) -> Option<Score> {
    let started = Instant::now();
    let predicted = if method == "default" { by_default(series)? } else { by_law(series, method)? };
    let seconds = started.elapsed().as_secs_f64();
    let misses: Vec<f64> =
        predicted.iter().zip(&series.observed).map(|((z, half), y)| (z - ln(*y)).abs() / half).collect();
    let squares: Vec<f64> =
        predicted.iter().zip(&series.observed).map(|((z, _), y)| (z - ln(*y)) * (z - ln(*y))).collect();
    let scale = |i: usize| -> f64 { series.targets[i].iter().map(|x| ln(*x)).sum() };
    let farthest = (0..misses.len()).max_by(|&a, &b| scale(a).total_cmp(&scale(b)))?;
    let widths: Vec<f64> = predicted.iter().map(|(_, half)| *half).collect();
    Some(Score {
        domain: series.domain.clone(),
        data_set: if series.sizes.len() == 1 { "learning curves".to_owned() } else { series.domain.clone() },
        error: mean(&squares).sqrt(),
        farthest: misses[farthest],
        misses,
        half_width: median(&widths),
        seconds,
    })
}

/// ln y and the half-width of its interval, at every target.
fn by_default(series: &Series) -> Option<Vec<(f64, f64)>> {
    let sizes: Vec<&[f64]> = series.sizes.iter().map(Vec::as_slice).collect();
    let measured =
        Measured { sizes: &sizes, responses: &series.responses, ceiling: series.ceiling, whole: series.whole };
    match forecast(&measured, &series.targets, LEVEL) {
        Ok((predictions, _)) => {
            Some(predictions.iter().map(|p| (ln(p.value), 0.5 * (ln(p.upper) - ln(p.lower)))).collect())
        }
        Err(error) => {
            // Most tasks stay at chance level.
            if series.whole.is_none() {
                eprintln!("{} {}: {error}", series.domain, series.name);
            }
            None
        }
    }
}

/// The same by one law of the catalogue: least squares of ln y, sandwich draws, and the scatter of the rows.
fn by_law(series: &Series, name: &str) -> Option<Vec<(f64, f64)>> {
    let mut law = find(name)?.law().ok()?;
    if name == "m4" {
        law = with_ceiling(law, series.ceiling);
    }
    let columns: Vec<&[f64]> = series.sizes.iter().map(Vec::as_slice).collect();
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(&law, &objective, &columns, &series.responses, None);
    let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).ok()?;
    let optimum = &found.optima.first()?.point;
    let clusters: Vec<usize> = (0..series.responses.len()).collect();
    let fitted = Fitted::unwatched(&problem, &law, optimum, &clusters, 1);
    let draws = Sandwich { draws: 400, level: LEVEL }.draw(&fitted).ok()?.points;
    let residuals = problem.residuals(optimum);
    let freedom = residuals.len().saturating_sub(optimum.len()).max(1);
    let noise = residuals.iter().map(|r| r * r).sum::<f64>() / freedom as f64;
    let tape = law.tape();
    let at = |point: &[f64], sizes: &[f64]| ln(tape.value_at(&problem.parameters(point), sizes));
    let predictions = series.targets.iter().map(|sizes| {
        let sample: Vec<f64> = draws.iter().map(|draw| at(draw, sizes)).filter(|z| z.is_finite()).collect();
        let spread = if sample.len() > 1 { standard_deviation(&sample) } else { 0.0 };
        (at(optimum, sizes), DEVIATIONS * (spread * spread + noise).sqrt())
    });
    Some(predictions.collect())
}

/// The law with its level of guessing held where it is known.
fn with_ceiling(mut law: Law, ceiling: Option<f64>) -> Law {
    if let (Some(ceiling), Some(parameter)) = (ceiling, law.parameters.iter_mut().find(|p| p.name == "e0")) {
        parameter.treatment = lawfit::law::Treatment::Fixed(ceiling);
    }
    law
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Number(x) => Some(*x),
        Cell::Text(text) => text.parse().ok(),
        Cell::Empty => None,
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Number(x) => x.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Empty => String::new(),
    }
}

/// Some columns of a file, row by row.
fn rows(path: &Path, names: &[&str]) -> Vec<Vec<Cell>> {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let format = path.to_str().and_then(Format::of_name);
    let columns = std::fs::read(path)
        .ok()
        .zip(format)
        .and_then(|(bytes, format)| read(bytes, format, &names, &Options::default(), &Limits::USUAL).ok());
    let Some(columns) = columns else { return Vec::new() };
    (0..columns[0].len()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect()
}

fn learning_curves(data: &Path) -> Vec<Series> {
    let mut series: BTreeMap<(String, String), Series> = BTreeMap::new();
    for file in ["benchmark.vision.part.csv", "benchmark.lang.part.csv"] {
        let path = data.join("alabdulmohsin2022").join(file);
        for row in rows(&path, &["Domain", "Task", "Model", "Seen Examples", "Loss", "Training"]) {
            let (Some(x), Some(y), Some(training)) = (number(&row[3]), number(&row[4]), number(&row[5])) else {
                continue;
            };
            let (domain, name) = (text(&row[0]), format!("{} {}", text(&row[1]), text(&row[2])));
            let own = series.entry((domain.clone(), name.clone())).or_insert_with(|| Series {
                domain,
                name,
                sizes: vec![Vec::new()],
                ..Series::default()
            });
            if training == 1.0 {
                own.sizes[0].push(x);
                own.responses.push(y);
            } else {
                own.targets.push(vec![x]);
                own.observed.push(y);
            }
        }
    }
    let mut all: Vec<Series> = series.into_values().collect();
    for one in &mut all {
        // Of error rates the level of guessing is known: (nearly) every answer wrong.
        let highest = one.responses.iter().copied().fold(0.0, f64::max);
        one.ceiling = match one.domain.as_str() {
            "IC" => Some((1.001 * highest).max(0.999)),
            "BB" => Some((1.01 * highest).max(1.0)),
            _ => None,
        };
    }
    all
}

/// Shares of the range of ln C up to which rows are fitted.
const CUTS: [f64; 3] = [0.5, 0.7, 0.85];

fn tables(data: &Path) -> Vec<Series> {
    let mut all: BTreeMap<(&str, String), Vec<[f64; 3]>> = BTreeMap::new();
    let mut add = |domain: &'static str, name: String, row: [Option<f64>; 3]| {
        if let [Some(n), Some(d), Some(l)] = row {
            all.entry((domain, name)).or_default().push([n, d, l]);
        }
    };
    for r in
        rows(&data.join("besiroglu2024_chinchilla/svg_extracted_data.csv"), &["Model Size", "Training FLOP", "loss"])
    {
        let n = number(&r[0]);
        let d = number(&r[1]).zip(n).map(|(c, n)| c / (6.0 * n));
        add("chinchilla", String::new(), [n, d, number(&r[2])]);
    }
    for r in rows(&data.join("porian2024/isoflop_points.csv"), &["file", "config", "params", "tokens", "loss"]) {
        add("porian", format!("{} {}", text(&r[0]), text(&r[1])), [number(&r[2]), number(&r[3]), number(&r[4])]);
    }
    for r in rows(&data.join("gadre2024_overtrain/losses.csv"), &["train_dataset", "params", "tokens", "loss_c4_val"]) {
        add("gadre", text(&r[0]), [number(&r[1]), number(&r[2]), number(&r[3])]);
    }
    for r in rows(&data.join("muennighoff2023_dataconstrained/runs.csv"), &["params", "tokens", "epochs", "loss"]) {
        if number(&r[2]).is_some_and(|epochs| epochs <= 4.0) {
            add("muennighoff", String::new(), [number(&r[0]), number(&r[1]), number(&r[3])]);
        }
    }
    let hot = data.join("gemstones2025/wandb_df_for_fitting_hot.jsonl");
    for r in rows(&hot, &["params_active_precise", "tokens", "final_loss"]) {
        add("gemstones", String::new(), [number(&r[0]), number(&r[1]), number(&r[2])]);
    }
    let mut series = Vec::new();
    for ((domain, name), rows) in all {
        let scales: Vec<f64> = rows.iter().map(|[n, d, _]| ln(n * d)).collect();
        let low = scales.iter().copied().fold(f64::INFINITY, f64::min);
        let high = scales.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for cut in CUTS {
            let mut one = Series {
                domain: domain.to_owned(),
                name: format!("{name} {cut}"),
                sizes: vec![Vec::new(); 2],
                ..Series::default()
            };
            for (row, scale) in rows.iter().zip(&scales) {
                if *scale <= low + cut * (high - low) + 1e-9 {
                    one.sizes[0].push(row[0]);
                    one.sizes[1].push(row[1]);
                    one.responses.push(row[2]);
                } else {
                    one.targets.push(vec![row[0], row[1]]);
                    one.observed.push(row[2]);
                }
            }
            if one.responses.len() >= 8 && !one.targets.is_empty() {
                series.push(one);
            }
        }
    }
    series
}
