//! Does the global search ever lose to random starts?
//! `cargo bench --bench search_check -- DATA_SETS STARTS LAW...`; 20, 50 and every law where nothing is said.
//! With `--formulas`, formulas drawn at random in place of the laws of the catalogue ([`drawn`]); `from=NUMBER` begins at
//! another data set than the first.
//! With `--on`, beside it also the search itself made to go on where it would end, which finds what random starts do not;
//! with `--each`, a line for each data set (law, number, rows, noise, objective, starts, ends that are rounding), to
//! compare two versions by.
//!
//! For every law of the catalogue, simulated data sets of 5 to 500 rows at its usual sizes, parameters near the
//! published ones or one of its starts, noise of 0 to 5 %, wide and narrow designs; beside the search, Newton's
//! method from random starts. A miss is a random start that ends lower by more than 1e-8 of the objective.
//! Data sets for which the law gives no positive response are left out and not counted. Everything is seeded.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

#[path = "../validation/drawn_formulas.rs"]
mod drawn;

use drawn::Drawn;
use lawfit::law::{Entry, Law, Parameter, Scale, catalogue};
use lawfit::numerics::{Random, exp, ln};
use lawfit::objective::Objective;
use lawfit::problem::Problem;
use lawfit::quantity::Quantity;
use lawfit::schedule::{Planned, Shape, default_momentum};
use lawfit::search::{Search, search, search_on};
use lawfit::solver::{Solver, newton};
use lawfit::watch::Watch;
use rayon::prelude::*;

fn main() {
    let (options, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let has = |option: &str| options.iter().any(|given| given == option);
    let shown = Shown { on: has("--on"), each: has("--each") };
    let count = |place: usize, otherwise: usize| arguments.get(place).and_then(|a| a.parse().ok()).unwrap_or(otherwise);
    let (sets, starts) = (count(0, 20), count(1, 50));
    let wanted = arguments.get(2..).unwrap_or_default();
    if has("--formulas") {
        let from = wanted.iter().find_map(|a| a.strip_prefix("from=")?.parse().ok()).unwrap_or(0);
        return formulas(from, sets, starts, shown);
    }
    println!(
        "| law | data sets | random starts each | misses | worst | starts of the search | random starts that arrive |{}",
        if shown.on { " misses, made to go on | worst |" } else { "" }
    );
    println!("|---|---|---|---|---|---|---|{}", if shown.on { "---|---|" } else { "" });
    for entry in catalogue() {
        let Ok(law) = entry.law() else { continue };
        if !wanted.is_empty() && !wanted.contains(&law.name) {
            continue;
        }
        let results: Vec<Outcome> =
            (0..sets).into_par_iter().filter_map(|set| compare(entry, &law, set, starts, shown)).collect();
        print_row(&format!("`{}`", law.name), &results, starts, shown);
    }
}

/// Formulas drawn at random, counted by their number of terms and by what is fitted.
fn formulas(from: usize, sets: usize, starts: usize, shown: Shown) {
    println!(
        "| formulas | data sets | random starts each | misses | worst | starts of the search | random starts that arrive |{}",
        if shown.on { " misses, made to go on | worst |" } else { "" }
    );
    println!("|---|---|---|---|---|---|---|{}", if shown.on { "---|---|" } else { "" });
    let results: Vec<(String, Outcome)> = (from..from + sets)
        .into_par_iter()
        .filter_map(|set| {
            let drawn = Drawn::draw(set as u64)?;
            let name = format!("set {set}, {}", drawn.formula);
            let views: Vec<&[f64]> = drawn.columns.iter().map(Vec::as_slice).collect();
            let problem = Problem::new(&drawn.law, &drawn.objective, &views, &drawn.response, None);
            let mut random = Random::new(2, "starts", set as u64);
            let outcome = beside(&name, &drawn.law, &problem, starts, shown, || drawn.start(&mut random));
            Some((drawn.kind(), outcome))
        })
        .collect();
    let mut kinds: Vec<&String> = results.iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    kinds.dedup();
    for kind in &kinds {
        let own: Vec<&Outcome> =
            results.iter().filter(|(other, _)| other == *kind).map(|(_, outcome)| outcome).collect();
        print_row(kind, &own, starts, shown);
    }
    print_row("all", &results.iter().map(|(_, outcome)| outcome).collect::<Vec<_>>(), starts, shown);
}

fn print_row(name: &str, results: &[impl std::borrow::Borrow<Outcome>], starts: usize, shown: Shown) {
    let results: Vec<&Outcome> = results.iter().map(std::borrow::Borrow::borrow).collect();
    let misses = |loss: fn(&Outcome) -> f64| {
        let missed = results.iter().map(|r| loss(r)).filter(|loss| *loss > 1e-8);
        format!("{} | {:.1e}", missed.count(), results.iter().map(|r| loss(r)).fold(0.0, f64::max))
    };
    let polished: usize = results.iter().map(|r| r.polished).sum();
    let sets = results.len();
    let arrived = 100.0 * results.iter().map(|r| r.arrived).sum::<f64>() / sets as f64;
    let arrived = if starts == 0 { "none tried".to_owned() } else { format!("{arrived:.0} %") };
    println!(
        "| {name} | {sets} | {starts} | {} | {:.1} | {arrived} |{}",
        misses(|r| r.loss),
        polished as f64 / sets as f64,
        if shown.on { format!(" {} |", misses(|r| r.loss_to_itself)) } else { String::new() }
    );
}

/// What is shown beside the table of random starts.
#[derive(Clone, Copy)]
struct Shown {
    on: bool,
    each: bool,
}

struct Outcome {
    /// By how much the best random start is lower, relative to the objective.
    loss: f64,
    /// By how much the search made to go on is lower, likewise.
    loss_to_itself: f64,
    polished: usize,
    arrived: f64,
}

fn compare(entry: &Entry, law: &Law, set: usize, starts: usize, shown: Shown) -> Option<Outcome> {
    let mut random = Random::new(1, &law.name, set as u64);
    let rows = exp(ln(5.0) + random.uniform() * ln(100.0)) as usize;
    let noise = [0.0, 1e-3, 1e-2, 5e-2][set % 4];
    let width = if set.is_multiple_of(2) { 2.0 } else { 0.5 };
    let published = entry.constants.values().next();
    let tape = law.tape();
    let usual: Vec<f64> = law.variables.iter().map(|v| entry.example(v)).collect();
    let mut drawn = || {
        let near = |p: &Parameter, random: &mut Random| {
            let value = published.map_or_else(|| p.start[random.below(p.start.len())], |c| c.values[&p.name].0);
            (value * random.log_normal(0.1)).clamp(p.lower, p.upper)
        };
        let truth: Vec<f64> = law.free().iter().map(|p| near(p, &mut random)).collect();
        let random = &mut random;
        let mut row = || {
            let at: Vec<f64> = if law.takes_schedule() {
                let of_schedule = schedule(width, random).inputs();
                law.variables.iter().map(|v| of_schedule[&v.name]).collect()
            } else {
                let size = |usual: &f64| usual * random.log_normal(if *usual >= 1e4 { width } else { 0.3 * width });
                usual.iter().map(size).collect()
            };
            let value = tape.value_at(&truth, &at) * random.log_normal(noise);
            (at, value)
        };
        let (at, response): (Vec<Vec<f64>>, Vec<f64>) = (0..rows).map(|_| row()).unzip();
        response.iter().all(|y| y.is_finite() && *y > 0.0).then_some((at, response))
    };
    let (at, response) = (0..100).find_map(|_| drawn())?;
    let columns: Vec<Vec<f64>> =
        (0..law.variables.len()).map(|variable| at.iter().map(|at| at[variable]).collect()).collect();
    let objective = Objective::default();
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let problem = Problem::new(law, &objective, &views, &response, None);
    let largest = response.iter().copied().fold(0.0, f64::max);
    let start = || {
        let of = |p: &&Parameter| match p.scale {
            Scale::Log => ln(1e-3) + random.uniform() * (ln(1e18) - ln(1e-3)),
            Scale::Linear if p.upper.is_finite() => random.uniform() * 2.0,
            Scale::Linear => random.uniform() * 1.2 * largest,
        };
        law.free().iter().map(of).collect()
    };
    let name = format!("{} {set}, {rows} rows, noise {noise}", law.name);
    Some(beside(&name, law, &problem, starts, shown, start))
}

/// The search beside random starts.
fn beside(
    name: &str,
    law: &Law,
    problem: &Problem,
    starts: usize,
    shown: Shown,
    mut start: impl FnMut() -> Vec<f64>,
) -> Outcome {
    let Ok(found) = search(problem, law, Solver::Newton, &Watch::NOBODY) else {
        return Outcome { loss: 0.0, loss_to_itself: 0.0, polished: 0, arrived: 0.0 };
    };
    let cost = |found: &Search| found.optima.first().map_or(f64::INFINITY, |o| o.cost);
    let best = cost(&found);
    let further = if shown.on { search_on(problem, law, Solver::Newton, &Watch::NOBODY).ok() } else { None };
    if shown.each {
        println!("{name}: {best:e} {} {}", found.starts, found.unresolved);
    }
    let (mut lowest, mut lowest_at, mut arrived) = (f64::INFINITY, Vec::new(), 0);
    for _ in 0..starts {
        let end = newton(problem, &start());
        if end.cost < lowest && problem.is_resolved(&end.point) {
            (lowest, lowest_at) = (end.cost, end.point);
        }
        arrived += usize::from(end.cost <= best * (1.0 + 1e-6) + 1e-25);
    }
    // Below this a noiseless fit is at the rounding of its data.
    let floor = 1e-24 * problem.rows() as f64;
    let loss_to = |other: f64| if best <= floor { 0.0 } else { (best - other) / best };
    let (loss, loss_to_itself) = (loss_to(lowest), further.as_ref().map_or(0.0, |further| loss_to(cost(further))));
    if loss_to_itself > 1e-8 {
        eprintln!("{name}: {best:e}, made to go on {loss_to_itself:e} lower");
    }
    if loss > 1e-8 {
        let at = |point: &[f64]| problem.parameters(point);
        let ours = found.optima.first().map_or_else(Vec::new, |o| at(&o.point));
        eprintln!("{name}: {best:e} at {ours:?}, random {lowest:e} at {:?}", at(&lowest_at));
    }
    let (loss, loss_to_itself) = (loss.max(0.0), loss_to_itself.max(0.0));
    Outcome { loss, loss_to_itself, polished: found.starts, arrived: arrived as f64 / starts as f64 }
}

/// A learning-rate schedule about as long as those of Luo et al. 2025 (arXiv:2503.12811), of any shape.
fn schedule(width: f64, random: &mut Random) -> Planned {
    let shape = [Shape::Constant, Shape::Cosine, Shape::Linear, Shape::Exponential][random.below(4)];
    let (peak, warmup) = (3e-4 * random.log_normal(0.3 * width), 500.0);
    let steps = (warmup + 12_000.0 * random.log_normal(0.5 * width)).min(200_000.0).floor();
    let level_until = (warmup + random.uniform() * (steps - warmup - 1.0)).floor();
    let end = (shape != Shape::Constant).then(|| Quantity(peak * exp(-3.0 * random.uniform())));
    let (warmup, level_until) = (Some(Quantity(warmup)), Some(Quantity(level_until)));
    Planned {
        shape,
        peak: Quantity(peak),
        end,
        warmup,
        steps: Quantity(steps),
        level_until,
        momentum: default_momentum(),
    }
}
