//! Do intervals hold what they say? `cargo bench --bench coverage -- TABLE REPETITIONS [method=METHOD] LAW...`
//!
//! For every law of the catalogue, data sets that the law itself made: 6 to 60 rows over three decades of every
//! size, 1 % noise, parameters typical of the law, as published, or in the middle of its starts. Each is fitted by least squares with `uncertainty = "auto"`, and a new
//! run at 10 and at 100 times the largest sizes is held against its 90 % prediction interval, and the true parameters
//! against theirs, where they are identified. Everything is seeded; laws that the table holds already are not
//! run again. `stack` in the place of laws holds the stacked forecast of several laws against the runs of each of them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use lawfit::answer::Prediction;
use lawfit::dataset::{Column, Dataset, Origin};
use lawfit::evidence::{Label, shape};
use lawfit::fit::{Fit, Status};
use lawfit::law::{Entry, Law, catalogue, find};
use lawfit::numerics::{Random, exp, ln, quantile};
use lawfit::objective::{LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::solver::{Solver, Watch, search};
use lawfit::source::{Missing, to_bytes};
use lawfit::stage::{Context, FitLaw, FitMethod, Inputs, RowRoles, Stage};
use lawfit::uncertainty::{Auto, Fitted, Method, Posterior, Profile, Residual, noise};
use rayon::prelude::*;

const LEVEL: f64 = 0.9;
const NOISE: f64 = 0.01;
const RESAMPLES: usize = 199;
const HORIZONS: [f64; 2] = [10.0, 100.0];
const HEAD: &str = "| law | data sets | without intervals | 10x: covered | half-width | 100x: covered | half-width | parameters covered | identified |\n|---|---|---|---|---|---|---|---|---|\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(path) = arguments.first() else {
        eprintln!("usage: cargo bench --bench coverage -- TABLE REPETITIONS [method=METHOD] LAW...");
        return ExitCode::from(2);
    };
    let repetitions = arguments.get(1).and_then(|a| a.parse().ok()).unwrap_or(1000);
    let (methods, wanted): (Vec<String>, Vec<String>) =
        arguments.iter().skip(2).cloned().partition(|argument| argument.starts_with("method="));
    let method: Box<dyn Method + Sync> = match methods.first().map(String::as_str) {
        None => Box::new(Auto { resamples: RESAMPLES, level: LEVEL }),
        Some("method=profile") => Box::new(Profile { draws: 999, level: LEVEL, pairs: Vec::new() }),
        Some("method=posterior") => Box::new(Posterior { draws: 999, level: LEVEL }),
        Some("method=residual") => Box::new(Residual { resamples: RESAMPLES, level: LEVEL }),
        Some(other) => {
            eprintln!("{other}: a method is profile, posterior or residual; auto is the default");
            return ExitCode::from(2);
        }
    };
    if wanted.iter().any(|law| law == "stack") {
        let table = stacks(repetitions);
        return std::fs::write(path, table).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let mut table = std::fs::read_to_string(path).unwrap_or_else(|_| HEAD.to_owned());
    for entry in catalogue() {
        let Ok(law) = entry.law() else { continue };
        let is_wanted = wanted.is_empty() || wanted.contains(&law.name);
        if !is_wanted || table.contains(&format!("| `{}` |", law.name)) {
            continue;
        }
        let line = line(&entry, &law, repetitions, method.as_ref());
        print!("{line}");
        table.push_str(&line);
        if let Err(error) = std::fs::write(path, &table) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What came of one data set.
struct Outcome {
    /// Whether the new run lies inside, and the half-width of the interval in ln y; by horizon.
    horizons: Vec<(bool, f64)>,
    /// Whether each identified parameter's interval holds the truth.
    parameters: Vec<bool>,
}

/// Laws of the same variables, each of which is fitted beside the others and makes data sets in turn.
const FAMILIES: [&[&str]; 2] =
    [&["power", "power_floor", "m3"], &["hoffmann", "additive_nd", "kaplan_nd", "generalised"]];
const STACK_HEAD: &str = "| law of the runs | fitted first | data sets | without a stack | 10x: covered | half-width |\n|---|---|---|---|---|---|\n";

/// How the stack of a family's laws does on runs of each of them: a study's own stage, at ten times the largest sizes.
fn stacks(repetitions: usize) -> String {
    let mut table = STACK_HEAD.to_owned();
    for family in FAMILIES {
        let laws: Vec<(&Entry, Arc<Law>)> = family
            .iter()
            .filter_map(|name| find(name))
            .filter_map(|entry| Some((entry.law().ok()?, entry)).map(|(law, entry)| (entry, Arc::new(law))))
            .collect();
        for (entry, truth) in &laws {
            // One after the other: a stage spreads its own work over all threads.
            let with: Vec<(bool, f64)> = (0..repetitions).filter_map(|set| stack(entry, truth, &laws, set)).collect();
            let mut widths: Vec<f64> = with.iter().map(|(_, width)| *width).collect();
            widths.sort_by(f64::total_cmp);
            let line = format!(
                "| `{}` | `{}` | {repetitions} | {} | {:.3} | {:.3} |",
                truth.name,
                laws[0].1.name,
                repetitions - with.len(),
                with.iter().filter(|(inside, _)| *inside).count() as f64 / with.len().max(1) as f64,
                if widths.is_empty() { f64::NAN } else { quantile(&widths, 0.5) },
            );
            println!("{line}");
            let _ = writeln!(table, "{line}");
        }
    }
    table
}

fn stack(entry: &Entry, truth: &Law, laws: &[(&Entry, Arc<Law>)], set: usize) -> Option<(bool, f64)> {
    let mut simulated = Simulated::draw(entry, truth, set)?;
    let rows = simulated.responses.len();
    let mut table = Dataset::new((0..rows).map(|row| Origin { file: 0, row: row as u32 + 1 }).collect());
    for (variable, column) in truth.variables.iter().zip(&simulated.columns) {
        table.insert(&variable.name, Column::Numbers(column.clone()));
    }
    table.insert(&truth.response, Column::Numbers(simulated.responses.clone()));
    let fit = FitLaw {
        law: laws[0].1.clone(),
        alternatives: laws[1..].iter().map(|(_, law)| law.clone()).collect(),
        method: FitMethod {
            objective: Objective::LeastSquares(LeastSquares { on: ResponseScale::Log }),
            ..FitMethod::default()
        },
        roles: RowRoles::default(),
        seed: set as u64,
        missing: Missing::Error,
        has_rows: true,
        files: Vec::new(),
    };
    let artifacts = [("table".to_owned(), Arc::new(to_bytes(&table).ok()?))].into();
    let context = Context { cancelled: &|| false, tick: &|_, _| () };
    let outputs = fit.run(&Inputs { artifacts, files: Vec::new() }, &context).ok()?;
    let fitted: Fit = serde_json::from_slice(&outputs["fit"]).ok()?;
    let choice = fitted.choice?;
    let at: Vec<f64> = truth.variables.iter().map(|v| choice.ahead[&v.name]).collect();
    let observed = truth.tape().value_at(&simulated.truth, &at) * simulated.random.log_normal(NOISE);
    let Prediction { lower, upper, .. } = choice.stack?;
    Some((lower <= observed && observed <= upper, 0.5 * ln(upper / lower)))
}

fn line(entry: &Entry, law: &Law, repetitions: usize, method: &(dyn Method + Sync)) -> String {
    let outcomes: Vec<Option<Outcome>> =
        (0..repetitions).into_par_iter().map(|set| simulate(entry, law, set, method)).collect();
    let with: Vec<&Outcome> = outcomes.iter().flatten().collect();
    let share = |yes: usize, of: usize| if of == 0 { "-".to_owned() } else { format!("{:.3}", yes as f64 / of as f64) };
    let mut line = format!("| `{}` | {repetitions} | {} |", law.name, repetitions - with.len());
    for place in 0..HORIZONS.len() {
        let inside = with.iter().filter(|o| o.horizons[place].0).count();
        let mut widths: Vec<f64> = with.iter().map(|o| o.horizons[place].1).collect();
        widths.sort_by(f64::total_cmp);
        let width = if widths.is_empty() { f64::NAN } else { quantile(&widths, 0.5) };
        let _ = write!(line, " {} | {width:.3} |", share(inside, with.len()));
    }
    let all: Vec<bool> = with.iter().flat_map(|o| o.parameters.iter().copied()).collect();
    let identified = all.len() as f64 / (with.len() * law.free().len()).max(1) as f64;
    let _ = writeln!(line, " {} | {:.0} % |", share(all.iter().filter(|y| **y).count(), all.len()), 100.0 * identified);
    line
}

/// A data set that a law made.
struct Simulated {
    truth: Vec<f64>,
    /// A usual value of each variable.
    usual: Vec<f64>,
    /// The variables, column by column.
    columns: Vec<Vec<f64>>,
    responses: Vec<f64>,
    /// What later draws come from.
    random: Random,
}

/// Sizes go over three decades; bits, batches and losses over what they usually do.
fn is_size(usual: f64) -> bool {
    usual >= 1e4
}

impl Simulated {
    /// A set of the law's own runs; none where the law gives no loss in its usual range.
    fn draw(entry: &Entry, law: &Law, set: usize) -> Option<Self> {
        let mut random = Random::new(1, &format!("coverage {}", law.name), set as u64);
        let truth = entry.simulated(law);
        let least = (law.free().len() + 2).max(6);
        let rows = least + random.below(60_usize.saturating_sub(least) + 1);
        let usual: Vec<f64> = law.variables.iter().map(|v| entry.example(v)).collect();
        let drawn_size = |usual: f64, random: &mut Random| {
            let decades = if is_size(usual) { 3.0 } else { 1.2 };
            usual * exp(ln(10.0) * decades * (random.uniform() - 0.5))
        };
        let mut columns: Vec<Vec<f64>> =
            usual.iter().map(|&usual| (0..rows).map(|_| drawn_size(usual, &mut random)).collect()).collect();
        let tape = law.tape();
        // Where the law gives no loss, as an error rate below none, there was no run: another is drawn.
        for row in 0..rows {
            let is_run = |columns: &[Vec<f64>]| {
                let value = tape.value_at(&truth, &columns.iter().map(|c| c[row]).collect::<Vec<_>>());
                value.is_finite() && value > 0.0
            };
            let mut left = 100;
            while !is_run(&columns) {
                left -= 1;
                if left == 0 {
                    return None;
                }
                columns
                    .iter_mut()
                    .zip(&usual)
                    .for_each(|(column, &usual)| column[row] = drawn_size(usual, &mut random));
            }
        }
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let clean = tape.values(&tape.bind(&views, rows), &truth);
        let responses: Vec<f64> = clean.iter().map(|y| y * random.log_normal(NOISE)).collect();
        Some(Self { truth, usual, columns, responses, random })
    }

    /// The sizes at a multiple of the largest, what is no size at its usual value.
    fn ahead(&self, factor: f64) -> Vec<f64> {
        let largest = |column: &Vec<f64>| column.iter().copied().fold(0.0, f64::max);
        let at = self.columns.iter().zip(&self.usual);
        at.map(|(column, &usual)| if is_size(usual) { largest(column) * factor } else { usual }).collect()
    }
}

fn simulate(entry: &Entry, law: &Law, set: usize, method: &dyn Method) -> Option<Outcome> {
    let mut simulated = Simulated::draw(entry, law, set)?;
    let tape = law.tape();
    let (truth, columns) = (simulated.truth.clone(), simulated.columns.clone());
    let (rows, views) = (simulated.responses.len(), columns.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(law, &objective, &views, &simulated.responses, None);
    let found = search(&problem, law, Solver::Newton, &Watch::NOBODY).ok()?;
    let optimum = &found.optima.first()?.point;
    let clusters: Vec<usize> = (0..rows).collect();
    let rivals = found.rivals(rows - optimum.len());
    let fitted = Fitted { rivals: &rivals, ..Fitted::unwatched(&problem, law, optimum, &clusters, set as u64) };
    let drawn = method.draw(&fitted).ok()?;
    if drawn.points.is_empty() {
        return None;
    }
    let draws: Vec<Vec<f64>> = drawn.points.iter().map(|draw| problem.parameters(draw)).collect();
    let by_name = law.variables.iter().map(|v| v.name.as_str()).zip(views.iter().copied()).collect();
    let mut scatter = noise(&problem.unscaled_residuals(optimum), &by_name, optimum.len());
    scatter.scatter.clone_from(&drawn.scatter);
    if scatter.residuals.is_empty() {
        return None;
    }
    let horizons = HORIZONS.iter().map(|factor| {
        let at = simulated.ahead(*factor);
        let random = &mut simulated.random;
        let size = |name: &str| Some(at[law.variable(name)?]);
        let place = scatter.trend.as_ref().map_or(1.0, |trend| trend.factor(size));
        let observed = ln(tape.value_at(&truth, &at) * random.log_normal(NOISE));
        let mut sample: Vec<f64> = draws
            .iter()
            .enumerate()
            .map(|(i, draw)| ResponseScale::Log.place(tape.value_at(draw, &at)) - place * scatter.draw(i, random))
            .collect();
        sample.sort_by(f64::total_cmp);
        let (lower, upper) = ends(&sample);
        (lower <= observed && observed <= upper, 0.5 * (upper - lower))
    });
    let horizons = horizons.collect();
    let around = shape(&problem, law, &Label::of(law), optimum);
    let parameters = (0..truth.len()).filter(|&j| around.statuses[j] == Status::Estimated).map(|j| {
        // A profile has intervals of its own; an open end is as far as can be.
        if let Some(Some([lower, upper])) = drawn.intervals.get(j) {
            let value = |x: f64| problem.coordinates()[j].parameter(x);
            return lower.is_none_or(|x| value(x) <= truth[j]) && upper.is_none_or(|x| truth[j] <= value(x));
        }
        let mut sample: Vec<f64> = draws.iter().map(|draw| draw[j]).collect();
        sample.sort_by(f64::total_cmp);
        let (lower, upper) = ends(&sample);
        lower <= truth[j] && truth[j] <= upper
    });
    Some(Outcome { horizons, parameters: parameters.collect() })
}

/// The ends of the central interval of a sorted sample.
fn ends(sorted: &[f64]) -> (f64, f64) {
    let tail = (1.0 - LEVEL) / 2.0;
    (quantile(sorted, tail), quantile(sorted, 1.0 - tail))
}
