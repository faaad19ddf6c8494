//! Which designs waste the least? `cargo bench --bench designs -- DRAWS [TRUTH...]`
//!
//! Ten published loss surfaces are taken for the truth, as they are (`right`), with their two terms coupled (`coupled`) or
//! with small models worse than the law (`small`, and half as much `slightly`). Each design spends 1e20 FLOP on runs with a scatter of 0.004 in ln L;
//! the law of Hoffmann et al. is fitted to them and splits 1e23 FLOP. What the split wastes is the budget less the one
//! whose best split reaches as low a loss. `stop` follows the stop rule for targets of 10 to 1e4 times the pilot.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use lawfit::dataset::{Column, Dataset};
use lawfit::design::{
    Belief, Beliefs, Budget, Candidates, Choice, Decision, Discrepancy, Given, Limits, Settings, drift, usual,
};
use lawfit::fit::{Fit, Noise, Span};
use lawfit::law::{Law, find};
use lawfit::numerics::{Matrix, Random, exp, ln, normal_quantile, quantile};
use lawfit::objective::{LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::quantity::Quantity;
use lawfit::query::{ComputeOptimal, Question};
use lawfit::solver::Solver;

const PILOT: f64 = 1e20;
const TARGET: f64 = 1e23;
const NOISE: f64 = 0.004;
const LEVEL: f64 = 0.9;
/// Draws of the parameters that a design is planned from.
const BELIEFS: usize = 128;
/// How much the two terms act together where the truth is coupled.
const COUPLED: f64 = 0.6;
/// Size below which small models are worse than the law.
const SMALL: f64 = 1e9;

/// Published surfaces L = E + A / N^alpha + B / D^beta: where from, E, A, alpha, B, beta.
const SURFACES: [(&str, [f64; 5]); 10] = [
    ("Hoffmann et al. 2022, equation 10", [1.69, 406.4, 0.34, 410.7, 0.28]),
    ("Hoffmann et al. 2022, source", [1.693_37, 406.403, 0.339_17, 410.722, 0.284_91]),
    ("Besiroglu et al. 2024", [1.816_86, 482.005_72, 0.347_81, 2_085.434_2, 0.365_85]),
    ("Besiroglu et al. 2024, least squares, C < 1e21", [1.905_09, 511.05, 0.351_058, 14_133.7, 0.458_742]),
    ("Llama 3, raw losses", [0.604_67, 59.1411, 0.310_006, 155.1142, 0.313_643]),
    ("Llama 3, exponentiated", [1.840_546, 261.652, 0.348_063, 870.216, 0.359_083]),
    ("ml-scalefit", [1.917_587, 974.067, 0.388_457, 8518.31, 0.433_447]),
    ("Epoch, least squares", [2.061_831, 2219.62, 0.433_62, 843_188.0, 0.650_668]),
    ("Muennighoff et al. 2023", [1.869_15, 520.83, 0.352_66, 1487.7, 0.352_66]),
    ("Krajewski et al. 2024, dense", [0.47, 16.3, 0.126, 26.7, 0.127]),
];

/// A law that runs follow.
#[derive(Clone, Copy)]
struct Truth {
    surface: [f64; 5],
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Right,
    Coupled,
    /// Small models are worse than the law by so much of ln L for each factor of e.
    Small(f64),
}

impl Truth {
    fn loss(&self, size: f64, data: f64) -> f64 {
        let [floor, a, alpha, b, beta] = self.surface;
        let terms = [ln(a) - alpha * ln(size), ln(b) - beta * ln(data)];
        match self.kind {
            Kind::Right => floor + exp(terms[0]) + exp(terms[1]),
            Kind::Coupled => floor + exp(COUPLED * ln(terms.iter().map(|t| exp(t / COUPLED)).sum::<f64>())),
            Kind::Small(by) => (floor + exp(terms[0]) + exp(terms[1])) * exp(by * ln(SMALL / size).max(0.0)),
        }
    }

    /// The best size and loss of a budget, by golden section over its logarithm.
    fn best(&self, flop: f64) -> (f64, f64) {
        let at = |log: f64| self.loss(exp(log), flop / (6.0 * exp(log)));
        let (mut low, mut high) = (ln(1e5), ln(flop / 6e6));
        let step = 0.618_033_988_749_895;
        for _ in 0..60 {
            let (one, other) = (high - step * (high - low), low + step * (high - low));
            if at(one) < at(other) { high = other } else { low = one }
        }
        let log = f64::midpoint(low, high);
        (exp(log), at(log))
    }

    /// The share of a budget that a size wastes.
    fn waste(&self, flop: f64, size: f64) -> f64 {
        let loss = self.loss(size, flop / (6.0 * size));
        let (mut low, mut high) = (ln(flop) - 12.0, ln(flop));
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if self.best(exp(middle)).1 > loss { low = middle } else { high = middle }
        }
        flop / exp(high) - 1.0
    }

    fn run(&self, (size, data): (f64, f64), random: &mut Random) -> [f64; 3] {
        [size, data, self.loss(size, data) * random.log_normal(NOISE)]
    }
}

/// The law that is fitted, and how.
struct Study {
    law: Law,
}

/// A fit with draws of its parameters.
struct Fitted {
    fit: Fit,
    draws: Vec<Vec<f64>>,
}

impl Study {
    /// Fits runs from the truth's parameters, with draws of a normal distribution of the curvature's covariance.
    fn fit(&self, truth: &Truth, runs: &[[f64; 3]], random: &mut Random) -> Option<Fitted> {
        let column = |i: usize| runs.iter().map(|run| run[i]).collect::<Vec<f64>>();
        let (sizes, data, losses) = (column(0), column(1), column(2));
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
        let columns: Vec<&[f64]> =
            self.law.variables.iter().map(|v| if v.name == "N" { sizes.as_slice() } else { data.as_slice() }).collect();
        let problem = Problem::new(&self.law, &objective, &columns, &losses, None);
        let [floor, a, alpha, b, beta] = truth.surface;
        let known = BTreeMap::from([("E", floor), ("A", a), ("alpha", alpha), ("B", b), ("beta", beta)]);
        let start: Vec<f64> =
            self.law.free().iter().zip(problem.coordinates()).map(|(p, c)| c.of(known[p.name.as_str()])).collect();
        let minimum = Solver::default().minimise(&problem, &start);
        let point = minimum.point;
        let residuals = problem.residuals(&point);
        let freedom = runs.len().checked_sub(point.len()).filter(|f| *f > 0)?;
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        let scatter = (squares / freedom as f64).sqrt();
        let jacobian = problem.jacobian(&point);
        let mut normal = Matrix::zeros(point.len());
        for j in 0..point.len() {
            for k in 0..point.len() {
                normal[(j, k)] = jacobian.iter().map(|row| row[j] * row[k]).sum();
            }
        }
        let (values, vectors) = lawfit::numerics::eigen_symmetric(&normal);
        let draws = (0..BELIEFS)
            .map(|_| {
                let mut at = point.clone();
                for (k, value) in values.iter().enumerate() {
                    let along =
                        random.normal() * scatter / value.max(1e-12 * values[values.len() - 1].max(values[0])).sqrt();
                    (0..at.len()).for_each(|j| at[j] += along * vectors[(k, j)]);
                }
                problem.coordinates().iter().zip(&mut at).for_each(|(c, x)| *x = x.clamp(c.lower, c.upper));
                problem.parameters(&at)
            })
            .collect();
        let span = |values: &[f64]| Span::of(values.iter().copied());
        let spans = [("N", span(&sizes)?), ("D", span(&data)?)].map(|(name, span)| (name.to_owned(), span));
        let mut fit = Fit {
            law: self.law.name.clone(),
            rows: runs.len(),
            free: problem.parameters(&point),
            spans: spans.into_iter().collect(),
            noise: Noise { residuals: vec![-scatter, scatter], ..Noise::default() },
            level: Some(LEVEL),
            ..Fit::default()
        };
        fit.evidence.converged = true;
        Some(Fitted { fit, draws })
    }

    /// The size that a fit chooses for a budget, from its parameters.
    fn choice(&self, fit: &Fit, flop: f64) -> Option<f64> {
        let at: BTreeMap<&str, f64> =
            self.law.free().iter().map(|p| p.name.as_str()).zip(fit.free.iter().copied()).collect();
        let (alpha, beta) = (at["alpha"], at["beta"]);
        // alpha A N^-alpha = beta B (6 N / C)^beta.
        let log = (ln(alpha * at["A"] / (beta * at["B"])) + beta * ln(flop / 6.0)) / (alpha + beta);
        log.is_finite().then(|| exp(log))
    }

    fn loss(&self, fit: &Fit, size: f64, data: f64) -> f64 {
        let at: Vec<f64> = self.law.variables.iter().map(|v| if v.name == "N" { size } else { data }).collect();
        self.law.tape().value_at(&fit.free, &at)
    }
}

/// Two curves of five sizes each, with a quarter of the budget: what a lab has before it plans.
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

/// Data per parameter of the runs that could be trained: as far as a wide grid goes, and less far.
const WIDE: &str = "0.05 to 8000 per parameter";
const NARROW: &str = "2 to 1500 per parameter";

fn settings(flop: f64, runs: usize, data: &str) -> Settings {
    let range = |text: &str| Choice::Range(text.to_owned());
    Settings {
        decide: Vec::new(),
        budget: Budget { flop: Some(Quantity(flop)), ..Budget::default() },
        machine: None,
        candidates: Candidates {
            values: BTreeMap::from([("size".to_owned(), range("2M to 20B")), ("data".to_owned(), range(data))]),
            ..Candidates::default()
        },
        limits: Limits { runs: Some(runs), ..Limits::default() },
        rounds: 1,
        discrepancy: Discrepancy::default(),
        seed: 0,
    }
}

fn decision(target: f64) -> Decision {
    let question =
        Question::ComputeOptimal(ComputeOptimal(BTreeMap::from([("C".to_owned(), Quantity(target).into())])));
    Decision { question, inputs: BTreeMap::from([("C".to_owned(), target)]), weight: 1.0 }
}

/// What is planned after some runs.
fn planned(study: &Study, fitted: &Fitted, settings: &Settings, target: f64) -> Option<lawfit::design::Chosen> {
    let belief = Belief::new(&study.law, &fitted.fit, &fitted.draws, &BTreeMap::new()).ok()?;
    let beliefs = Beliefs::new(vec![belief]);
    let decisions = vec![decision(target)];
    Given { settings, beliefs: &beliefs, decisions, drift: None, results: None, level: LEVEL }.choose().ok()
}

/// What came of one design in one trial.
#[derive(Default)]
struct Found {
    runs: usize,
    waste: f64,
    /// Error of the forecast of ln L at the target's best split.
    miss: f64,
    /// Predicted variance of ln N*, and its squared error.
    variance: Option<(f64, f64)>,
    drifts: bool,
}

fn judge(study: &Study, truth: &Truth, runs: &[[f64; 3]], random: &mut Random) -> Option<Found> {
    let fitted = study.fit(truth, runs, random)?;
    let size = study.choice(&fitted.fit, TARGET)?.clamp(1e7, 1e13);
    let (best, loss) = truth.best(TARGET);
    let miss = ln(study.loss(&fitted.fit, best, TARGET / (6.0 * best)) / loss);
    let logs: Vec<f64> = fitted
        .draws
        .iter()
        .filter_map(|draw| study.choice(&Fit { free: draw.clone(), ..Fit::default() }, TARGET))
        .map(ln)
        .collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let variance = logs.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / logs.len() as f64;
    let mut rows = Dataset::default();
    for (i, name) in ["N", "D", "L"].into_iter().enumerate() {
        rows.insert(name, Column::Numbers(runs.iter().map(|run| run[i]).collect()));
    }
    let belief = Belief::new(&study.law, &fitted.fit, &fitted.draws, &BTreeMap::new()).ok()?;
    Some(Found {
        runs: runs.len(),
        waste: truth.waste(TARGET, size).clamp(0.0, 100.0),
        miss,
        variance: Some((variance, ln(size / best) * ln(size / best))),
        drifts: drift(&belief, &rows).is_some_and(|drift| drift.is_real()),
    })
}

/// The designs by name.
const DESIGNS: [&str; 5] =
    ["20 tokens per parameter", "isoFLOP grid", "one batch", "three rounds", "three rounds, 2 to 1500 per parameter"];

fn trial(study: &Study, truth: &Truth, name: &str, random: &mut Random) -> Option<Found> {
    let drawn =
        |runs: &[(f64, f64)], random: &mut Random| runs.iter().map(|r| truth.run(*r, random)).collect::<Vec<_>>();
    let [grid, ray] = usual(PILOT, 20.0);
    match name {
        "isoFLOP grid" => judge(study, truth, &drawn(&grid.runs, random), random),
        "20 tokens per parameter" => judge(study, truth, &drawn(&ray.runs, random), random),
        _ => {
            let rounds: &[f64] = if name == "one batch" { &[0.75] } else { &[0.35, 0.40] };
            let data = if name.ends_with("per parameter") { NARROW } else { WIDE };
            let mut runs = drawn(&first_round(0.25 * PILOT), random);
            for part in rounds {
                let fitted = study.fit(truth, &runs, random)?;
                let settings = settings(part * PILOT, 20 / rounds.len(), data);
                let chosen = planned(study, &fitted, &settings, TARGET)?;
                let next: Vec<(f64, f64)> = chosen.runs.iter().map(|(run, _)| (run.size, run.data)).collect();
                runs.extend(drawn(&next, random));
            }
            judge(study, truth, &runs, random)
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(draws) = arguments.first().and_then(|a| a.parse::<u64>().ok()) else {
        eprintln!("usage: cargo bench --bench designs -- DRAWS [right] [coupled] [small] [slightly] [stop]");
        return ExitCode::from(2);
    };
    let Some(law) = find("hoffmann").and_then(|entry| entry.law().ok()) else { return ExitCode::FAILURE };
    let study = Study { law };
    let wanted = |name: &str| arguments.len() == 1 || arguments[1..].iter().any(|a| a == name);
    let kinds = [
        ("right", Kind::Right),
        ("coupled", Kind::Coupled),
        ("small", Kind::Small(0.04)),
        ("slightly", Kind::Small(0.02)),
    ];
    for (name, kind) in kinds {
        if wanted(name) {
            println!(
                "\n{name}, {} trials\n\n| design | runs | waste mean | median | 90th percentile | rms error of ln L | foretold over found variance | interval holds | drift told |\n|---|---|---|---|---|---|---|---|---|",
                10 * draws
            );
            DESIGNS.iter().for_each(|design| println!("{}", row(&study, kind, design, draws)));
        }
    }
    if wanted("stop") {
        stopping(&study, draws);
    }
    ExitCode::SUCCESS
}

/// A line of the table.
fn row(study: &Study, kind: Kind, design: &str, draws: u64) -> String {
    let mut found = Vec::new();
    for (place, (_, surface)) in SURFACES.iter().enumerate() {
        for draw in 0..draws {
            let mut random = Random::new(place as u64, "designs", draw);
            found.extend(trial(study, &Truth { surface: *surface, kind }, design, &mut random));
        }
    }
    let count = found.len() as f64;
    let mut wastes: Vec<f64> = found.iter().map(|f| f.waste).collect();
    wastes.sort_by(f64::total_cmp);
    let mean = wastes.iter().sum::<f64>() / count;
    let rms = (found.iter().map(|f| f.miss * f.miss).sum::<f64>() / count).sqrt();
    let variances: Vec<(f64, f64)> = found.iter().filter_map(|f| f.variance).collect();
    // A mean of ratios, so that no surface counts for all.
    let ratio = variances.len() as f64 / variances.iter().map(|(v, s)| s / v).sum::<f64>();
    let z = normal_quantile(f64::midpoint(1.0, LEVEL));
    let holds = variances.iter().filter(|(v, s)| *s <= z * z * v).count() as f64 / variances.len() as f64;
    let drifts = found.iter().filter(|f| f.drifts).count() as f64 / count;
    let runs = found.iter().map(|f| f.runs as f64).sum::<f64>() / count;
    format!(
        "| {design} | {runs:.1} | {:.3} % | {:.3} % | {:.3} % | {rms:.4} | {ratio:.2} | {:.1} % | {:.1} % |",
        100.0 * mean,
        100.0 * quantile(&wastes, 0.5),
        100.0 * quantile(&wastes, 0.9),
        100.0 * holds,
        100.0 * drifts
    )
}

/// What following the stop rule costs, pilot and waste together, over what the best number of runs does.
fn stopping(study: &Study, draws: u64) {
    println!(
        "\nstop, {} trials\n\n| target over pilot | runs by the rule | by the oracle | total over the oracle's |\n|---|---|---|---|",
        10 * draws
    );
    for ratio in [10.0, 1e2, 1e3, 1e4] {
        let target = ratio * PILOT;
        let (mut by_rule, mut stops, mut paths) = (0.0, 0.0, Vec::<Vec<f64>>::new());
        for (place, (_, surface)) in SURFACES.iter().enumerate() {
            let truth = Truth { surface: *surface, kind: Kind::Right };
            for draw in 0..draws {
                let mut random = Random::new(place as u64, "stops", draw);
                let Some((path, stop)) = path(study, &truth, target, &mut random) else { continue };
                by_rule += path[stop.min(path.len() - 1)];
                stops += stop as f64;
                paths.push(path);
            }
        }
        let longest = paths.iter().map(Vec::len).max().unwrap_or(0);
        let mean = |m: usize| paths.iter().map(|path| path[m.min(path.len() - 1)]).sum::<f64>() / paths.len() as f64;
        let best = (0..longest).min_by(|&a, &b| mean(a).total_cmp(&mean(b))).unwrap_or(0);
        let count = paths.len() as f64;
        println!("| {ratio:.0e} | {:.1} | {best} | {:.3} |", stops / count, by_rule / count / mean(best));
    }
}

/// The compute of the first round and of every further run, with what is then wasted of the target; and where the rule stops.
fn path(study: &Study, truth: &Truth, target: f64, random: &mut Random) -> Option<(Vec<f64>, usize)> {
    let mut runs: Vec<[f64; 3]> = first_round(0.25 * PILOT).into_iter().map(|r| truth.run(r, random)).collect();
    let fitted = study.fit(truth, &runs, random)?;
    let chosen = planned(study, &fitted, &settings(0.75 * PILOT, 20, WIDE), target)?;
    let mut spent = 0.25 * PILOT;
    let mut path = Vec::new();
    let total = |runs: &[[f64; 3]], spent: f64, random: &mut Random| {
        let fitted = study.fit(truth, runs, random)?;
        let size = study.choice(&fitted.fit, target)?.clamp(1e6, 1e13);
        Some(spent + target * truth.waste(target, size).clamp(0.0, 10.0))
    };
    path.push(total(&runs, spent, random)?);
    for (run, _) in &chosen.runs {
        runs.push(truth.run((run.size, run.data), random));
        spent += run.flop;
        path.push(total(&runs, spent, random)?);
    }
    Some((path, chosen.stop_after?))
}
