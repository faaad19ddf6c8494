//! What the rows leave open: a sample of plausible parameters of a law that the rows do not identify.
//!
//! Few rows, or rows along one ray, agree with many curves of a law, and the fit has no distribution of its
//! parameters. A design needs one: it shows where these curves differ, which is where a run tells them apart. The sample
//! here follows a weak proper prior, which the search defines for every law: its starts are spread over the values that
//! the formula and the rows make plausible. Each draw minimises the misfit of the rows, displaced by their scatter, plus
//! the squared distance from a start of its own in units of the spread of all starts (Bardsley et al. 2014,
//! doi:10.1137/140964023). All draws meet the rows; what the rows leave open, they keep from the prior. Such a sample
//! chooses runs well, but its width is that of the prior. So no interval, waste or value is taken from it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::beliefs::{Belief, Beliefs};
use super::candidates::Candidate;
use super::decision::Decision;
use super::given::limited;
use super::state::State;
use crate::dataset::Dataset;
use crate::diagnostic::{list, numbered};
use crate::evidence::is_told;
use crate::fit::{Fit, HELD, Ray};
use crate::law::{Law, Scale};
use crate::numerics::{Points, Random, median, quantile};
use crate::objective::{Objective, ResponseScale};
use crate::problem::{Problem, Pull};
use crate::search::plausible;
use crate::solver::Solver;
use crate::uncertainty::chi_square_quantile;

/// A sample of plausible parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Draws of the free parameters.
    pub draws: Points,
    /// The scatter of a run, on the scale of the residuals.
    pub scatter: f64,
    /// Why the rows do not identify the law, as a clause.
    pub reason: String,
}

/// Minimum number of draws for a distribution.
pub const FEWEST_DRAWS: usize = 20;
/// Number of starts, each of which gives a draw.
const STARTS: usize = 256;
/// The scatter that is expected before any row is seen, as a share of the spread of the responses, and the number of
/// rows that this expectation counts as.
const USUAL_SCATTER: f64 = 0.02;
const COUNTS_AS: f64 = 2.0;
/// The spread of the responses where all rows have the same.
const LEAST_SPREAD: f64 = 0.05;
/// Share of draws from a correct posterior whose misfit exceeds the accepted one.
const REFUSED: f64 = 1e-3;
/// Factors from the middle of the rows at which a law has to depend on a flat direction to be open.
const AWAY: [f64; 2] = [0.1, 10.0];
/// Share by which the ratio of a decision may be outside that of the rows.
const BESIDE: f64 = 0.1;

/// Why the rows do not identify a law with these draws, as a clause; `None` where they do.
pub fn left_open(law: &Law, fit: &Fit, draws: &Points, decisions: &[Decision]) -> Option<String> {
    if fit.free.is_empty() {
        return None;
    }
    let parameters = numbered(fit.free.len(), "parameter");
    if !fit.too_few_settings.is_empty() {
        let settings = numbered(fit.too_few_settings.len(), "different setting");
        return Some(format!("{settings} of the rows cannot determine {parameters}"));
    }
    if let Some(ray) = fit.rays.iter().find(|ray| !stay_on(ray, law, decisions)) {
        return Some(format!("all rows have about the same {}/{}", ray.second, ray.first));
    }
    if draws.len() < FEWEST_DRAWS || (!fit.flat.is_empty() && is_open_away(law, fit)) {
        let free = law.free();
        let is_moved = |place: usize| fit.flat.iter().any(|flat| flat[place].abs() > MOVED);
        let names: Vec<&str> =
            free.iter().enumerate().filter(|(place, _)| is_moved(*place)).map(|(_, p)| p.name.as_str()).collect();
        let rows = numbered(fit.rows, "row");
        return Some(if names.is_empty() {
            format!("{rows} give no distribution of {parameters}")
        } else {
            format!("{rows} leave {} open", list(&names))
        });
    }
    None
}

/// Smallest share of a flat direction at which a parameter counts as moved by it.
const MOVED: f64 = 0.05;

/// Whether all decisions are about settings with the ratio of the rows.
fn stay_on(ray: &Ray, law: &Law, decisions: &[Decision]) -> bool {
    decisions.iter().all(|decision| {
        let [first, second] = [&ray.first, &ray.second].map(|name| decision.inputs.get(name));
        let within =
            |ratio: f64| (1.0 - BESIDE) * ray.ratio.lowest <= ratio && ratio <= (1.0 + BESIDE) * ray.ratio.highest;
        !decision.question.member().splits(&law.roles)
            && first.zip(second).is_some_and(|(first, second)| within(second / first))
    })
}

/// Whether the law changes along a flat direction somewhere away from the rows. Otherwise its formula has more parameters
/// than it can tell apart, which no run changes and no answer needs.
fn is_open_away(law: &Law, fit: &Fit) -> bool {
    let middle: Vec<f64> = law
        .variables
        .iter()
        .map(|v| fit.spans.get(&v.name).map_or(1.0, |span| 0.5 * (span.lowest + span.highest)))
        .collect();
    let tape = law.tape();
    let away = (0..middle.len()).flat_map(|variable| AWAY.map(|factor| (variable, factor)));
    away.into_iter().any(|(variable, factor)| {
        let mut at = middle.clone();
        at[variable] *= factor;
        let (_, gradient) = tape.gradient_at(&fit.free, &at);
        gradient.iter().all(|slope| slope.is_finite()) && !is_told(law, &fit.flat, &fit.free, &gradient)
    })
}

impl Open {
    /// A sample of the parameters that agree with the rows of a fit.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn of(law: &Law, fit: &Fit, rows: &Dataset, reason: String, seed: u64) -> Result<Self, String> {
        let rows = Rows::of(law, fit, rows)?;
        let plain = rows.problem(law, fit.scale, &rows.response, 1.0);
        let best: Vec<f64> = plain.coordinates().iter().zip(&fit.free).map(|(c, value)| c.of(*value)).collect();
        let scatter = rows.scatter(fit.scale, plain.cost(&best), fit.free.len());
        let weight = 1.0 / (scatter * scatter);
        let mut starts = plausible(&plain, law, STARTS);
        starts.retain(|start| start.iter().all(|x| x.is_finite()));
        let widths: Vec<f64> = (0..best.len()).map(|j| width(&starts, j)).collect();
        let told = rows.problem(law, fit.scale, &rows.response, weight);
        let draw = |(number, start): (usize, &Vec<f64>)| {
            let mut random = Random::new(seed, "open", number as u64);
            let displaced = |y: &f64| fit.scale.value(fit.scale.place(*y) + scatter * random.normal());
            let responses: Vec<f64> = rows.response.iter().map(displaced).collect();
            let pulls: Vec<Pull> = start
                .iter()
                .zip(&widths)
                .map(|(centre, width)| Pull { centre: *centre, strength: 1.0 / (width * width) })
                .collect();
            let problem = rows.problem(law, fit.scale, &responses, weight).with_pulls(&pulls);
            let end = Solver::default().minimise(&problem, start);
            let misfit = if plain.is_resolved(&end.point) { told.cost(&end.point) } else { f64::INFINITY };
            (misfit, end.point)
        };
        let mut ends: Vec<(f64, Vec<f64>)> = starts.par_iter().enumerate().map(draw).collect();
        ends.retain(|(misfit, point)| misfit.is_finite() && point.iter().all(|x| x.is_finite()));
        if ends.len() < FEWEST_DRAWS {
            return Err(format!(
                "{reason}, and only {} of {STARTS} starts of the law `{}` lead to a curve through the rows",
                ends.len(),
                law.name
            ));
        }
        let draws = accepted(ends, fit.free.len()).iter().map(|point| plain.parameters(point)).collect::<Vec<_>>();
        let mut points = Points::with_capacity(fit.free.len(), draws.len());
        draws.iter().for_each(|draw| points.push(draw));
        Ok(Self { draws: points, scatter, reason })
    }
}

/// The points whose misfit exceeds the smallest one by no more than a posterior allows; at least the best few.
fn accepted(ends: Vec<(f64, Vec<f64>)>, parameters: usize) -> Vec<Vec<f64>> {
    let mut sorted: Vec<f64> = ends.iter().map(|(misfit, _)| *misfit).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted[0] + chi_square_quantile(1.0 - REFUSED, parameters as f64);
    let most = usual.max(sorted[FEWEST_DRAWS.min(sorted.len()) - 1]);
    ends.into_iter().filter(|(misfit, _)| *misfit <= most).map(|(_, point)| point).collect()
}

/// The spread of a coordinate over the starts: half the distance of their 16 % and 84 % quantiles.
fn width(starts: &[Vec<f64>], coordinate: usize) -> f64 {
    let mut sorted: Vec<f64> = starts.iter().map(|start| start[coordinate]).collect();
    sorted.sort_by(f64::total_cmp);
    let width = if sorted.is_empty() { 1.0 } else { 0.5 * (quantile(&sorted, 0.84) - quantile(&sorted, 0.16)) };
    if width > 0.0 && width.is_finite() { width } else { 1.0 }
}

/// The fitted rows as columns.
struct Rows {
    variables: Vec<Vec<f64>>,
    response: Vec<f64>,
}

impl Rows {
    fn of(law: &Law, fit: &Fit, table: &Dataset) -> Result<Self, String> {
        let column = |name: &str| {
            table.numbers(name).ok_or_else(|| format!("the rows of the law `{}` have no column `{name}`", law.name))
        };
        let columns: Vec<&[f64]> = law.variables.iter().map(|v| column(&v.name)).collect::<Result<_, _>>()?;
        let (response, held) = (column(&law.response)?, table.numbers(HELD));
        let is_used = |row: usize| {
            held.is_none_or(|held| held[row] == 0.0)
                && fit.scale.place(response[row]).is_finite()
                && columns.iter().all(|column| column[row].is_finite())
        };
        let used: Vec<usize> = (0..table.rows()).filter(|&row| is_used(row)).collect();
        let of = |column: &[f64]| used.iter().map(|&row| column[row]).collect::<Vec<f64>>();
        Ok(Self { variables: columns.into_iter().map(of).collect(), response: of(response) })
    }

    /// Least squares on a scale, with one weight for all rows.
    fn problem(&self, law: &Law, scale: ResponseScale, response: &[f64], weight: f64) -> Problem {
        let variables: Vec<&[f64]> = self.variables.iter().map(Vec::as_slice).collect();
        let weights = vec![weight; response.len()];
        Problem::new(law, &Objective::least_squares(scale), &variables, response, Some(&weights))
    }

    /// The scatter of a run: that of the residuals, and what is usual, which counts as a few rows.
    fn scatter(&self, scale: ResponseScale, squares: f64, parameters: usize) -> f64 {
        let placed: Vec<f64> = self.response.iter().map(|y| scale.place(*y)).collect();
        let middle = median(&placed);
        let mean_square = placed.iter().map(|y| (y - middle) * (y - middle)).sum::<f64>() / placed.len().max(1) as f64;
        let spread = mean_square.sqrt();
        let usual = USUAL_SCATTER * if spread > 0.0 && spread.is_finite() { spread } else { LEAST_SPREAD };
        let freedom = placed.len().saturating_sub(parameters) as f64;
        let squares = if squares.is_finite() { squares } else { 0.0 };
        ((squares + COUNTS_AS * usual * usual) / (freedom + COUNTS_AS)).sqrt()
    }
}

/// A law that the rows do not identify, and what the runs settle.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Unidentified {
    /// Why the rows do not identify the law, as a clause.
    pub reason: String,
    /// The part of the present spread of each free parameter over plausible curves that remains after all runs. This is
    /// rough, because the spread is that of a weak prior.
    pub left: BTreeMap<String, f64>,
}

/// A parameter counts as settled by the runs if at most this part of its spread remains.
const SETTLED: f64 = 0.25;

impl Unidentified {
    /// What runs with a noise variance settle of a law; `None` where the rows identify the law.
    pub(super) fn of(belief: &Belief<'_>, beliefs: &Beliefs<'_>, runs: &[&Candidate], noise: f64) -> Option<Self> {
        let open = belief.open?;
        let free = belief.law.free();
        let coordinate = |j: usize, value: f64| {
            if free[j].scale == Scale::Log { crate::numerics::ln(value) } else { value }
        };
        let of_draws = |j: usize| belief.draws.iter().map(|draw| coordinate(j, draw[j])).collect::<Vec<f64>>();
        let parameters = (0..free.len()).map(|j| limited(of_draws(j)));
        let responses = beliefs.responses_of(belief, runs).into_iter().map(limited);
        let columns: Vec<Vec<f64>> = parameters.chain(responses).collect();
        let shares = vec![1.0 / belief.draws.len() as f64; belief.draws.len()];
        let noises = (0..columns.len()).map(|column| if column < free.len() { f64::INFINITY } else { noise });
        let mut state = State::new(columns, &shares, noises.collect());
        let before: Vec<f64> = (0..free.len()).map(|j| state.variance(j)).collect();
        (free.len()..free.len() + runs.len()).for_each(|run| state.observe(run));
        let left = |(j, parameter): (usize, &&crate::law::Parameter)| {
            let part = if before[j] > 0.0 { (state.variance(j) / before[j]).max(0.0).sqrt() } else { 0.0 };
            (parameter.name.clone(), part)
        };
        Some(Self { reason: open.reason.clone(), left: free.iter().enumerate().map(left).collect() })
    }

    /// What the runs settle and what they leave open, as a sentence.
    pub(super) fn in_words(&self) -> String {
        let (settled, open): (Vec<_>, Vec<_>) = self.left.iter().partition(|(_, left)| **left <= SETTLED);
        let name = |(name, _): &(&String, &f64)| format!("`{name}`");
        let with_share = |(name, left): &(&String, &f64)| format!("`{name}` ({:.0} %)", 100.0 * **left);
        let settled = crate::evidence::in_words(&settled.iter().map(name).collect::<Vec<_>>());
        let open = crate::evidence::in_words(&open.iter().map(with_share).collect::<Vec<_>>());
        match (settled.is_empty(), open.is_empty()) {
            (true, _) => format!(
                "None of its parameters is determined by them alone; the part of the present spread that remains is {open}."
            ),
            (_, true) => format!("They determine {settled}: at most a quarter of the present spread remains."),
            _ => format!(
                "They determine {settled}: at most a quarter of the present spread remains. More remains of {open}."
            ),
        }
    }
}
