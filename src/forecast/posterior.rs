//! The most probable parameters of a member, given its priors and the runs, of which larger ones have more weight.

use super::history::History;
use super::members::{Centre, Compiled, Member};
use crate::law::{Columns, Order, Tape, Workspace};
use crate::numerics::exp;
use crate::problem::{Evaluation, Pull};
use crate::solver::newton;

/// A member at its most probable parameters.
pub(super) struct Posterior {
    tape: &'static Tape,
    pub(super) point: Vec<f64>,
    /// The scatter of ln y around the member near the largest run.
    pub(super) scatter: f64,
}

/// Number of rounds that alternate between the scatter and the parameters.
const ROUNDS: usize = 3;
/// Scatter of ln y in the first round.
const FIRST_SCATTER: f64 = 0.01;
/// Lower limit of the scatter.
const LEAST_SCATTER: f64 = 1e-3;
/// Maximum number of parameters for which the scatter is corrected; priors determine the others.
const COUNTED_PARAMETERS: f64 = 3.0;
/// Number of starts that are minimised, after all are evaluated.
const POLISHED: usize = 4;

impl Posterior {
    /// Fits a member. A run has the weight exp(age / window). Its age is the logarithm of its scale relative to the
    /// largest run, so smaller runs count less.
    ///
    /// Returns `None` where the member's formula is not a law.
    pub(super) fn find(member: &'static Member, history: &History, window: f64, ceiling: Option<f64>) -> Option<Self> {
        let Compiled { tape, problem } = member.compiled()?;
        let centres = member.centres(history, ceiling);
        let weights: Vec<f64> = history.ages().into_iter().map(|age| exp(age / window)).collect();
        let columns = history.columns(history.runs.iter().map(|run| &run.logs));
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let z: Vec<f64> = history.runs.iter().map(|run| run.z).collect();
        let held: Vec<(usize, f64)> = (member.priors.len()..centres.len()).map(|j| (j, centres[j])).collect();
        let problem = problem.over(&views, &z, &weights).holding(&held);
        let pulled = |scatter: f64| {
            let pull = |(j, &centre): (usize, &f64)| Pull {
                centre,
                strength: member.priors.get(j).map_or(0.0, |p| scatter * scatter / (p.deviation * p.deviation)),
            };
            problem.with_pulls(&centres.iter().enumerate().map(pull).collect::<Vec<_>>())
        };
        let first = pulled(FIRST_SCATTER);
        let (mut workspace, mut out) = (Workspace::default(), Evaluation::default());
        let mut cost = |start: &[f64]| {
            first.evaluate(start, Order::Value, &mut workspace, &mut out);
            out.cost()
        };
        let mut starts: Vec<(f64, Vec<f64>)> =
            lattice(member, &centres).into_iter().map(|start| (cost(&start), start)).collect();
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ends = starts.iter().take(POLISHED).map(|(_, start)| newton(&first, start));
        let mut point = ends.min_by(|a, b| a.cost.total_cmp(&b.cost)).map_or_else(|| centres.clone(), |end| end.point);
        let around = |point: &[f64]| scatter(&problem.residuals(point), &weights, member.priors.len());
        for _ in 1..ROUNDS {
            point = newton(&pulled(around(&point)), &point).point;
        }
        Some(Self { tape, scatter: around(&point), point })
    }

    /// ln y at places given by columns of relative logarithms.
    pub(super) fn values(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        self.tape.values(&self.bind(columns), &self.point)
    }

    /// ln y at prepared columns.
    pub(super) fn values_at(&self, columns: &Columns) -> Vec<f64> {
        self.tape.values(columns, &self.point)
    }

    /// ln y at prepared columns and other parameters.
    pub(super) fn values_with(&self, columns: &Columns, point: &[f64]) -> Vec<f64> {
        self.tape.values(columns, point)
    }

    /// Columns prepared for the member.
    pub(super) fn bind(&self, columns: &[Vec<f64>]) -> Columns {
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        self.tape.bind(&views, columns.first().map_or(0, Vec::len))
    }

    /// ln y and its slopes by the parameters, for each row, at other parameters.
    pub(super) fn slopes_at(&self, columns: &Columns, point: &[f64]) -> Vec<(f64, Vec<f64>)> {
        self.tape.rows(columns, point)
    }
}

/// Every combination of each shape's centre and one deviation to either side, with levels at their centres.
fn lattice(member: &Member, centres: &[f64]) -> Vec<Vec<f64>> {
    let mut all = vec![Vec::new()];
    for (j, &centre) in centres.iter().enumerate() {
        let deviation = member.priors.get(j).filter(|p| p.centre != Centre::LastResponse).map(|p| p.deviation);
        let values = deviation.map_or_else(|| vec![centre], |d| vec![centre, centre - d, centre + d]);
        all = all
            .into_iter()
            .flat_map(|start: Vec<f64>| {
                values.iter().map(move |&value| [&start[..], &[value]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

/// The scatter of weighted residuals, corrected for the parameters by the effective number of rows.
fn scatter(residuals: &[f64], weights: &[f64], parameters: usize) -> f64 {
    let sum: f64 = weights.iter().sum();
    let squares: f64 = residuals.iter().zip(weights).map(|(r, w)| w * r * r).sum();
    let effective = effective_rows(weights);
    let left = (effective - (parameters as f64).min(COUNTED_PARAMETERS)).max(1.0);
    (squares / sum * effective / left).sqrt().max(LEAST_SCATTER)
}

/// The effective number of rows of equal weight: (sum w)^2 / sum w^2.
fn effective_rows(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|w| w * w).sum::<f64>()
}

/// Minimum number of effective rows in a window, where there are as many.
const FEWEST_ROWS: f64 = 8.0;
/// Factor by which a window is widened, and the maximum number of times.
const WIDENING: f64 = 1.25;
const WIDENINGS: i32 = 24;
/// A window in which every run has almost the same weight.
const ALL: f64 = 99.0;

/// The narrowest window, starting at `least`, with enough rows.
pub(super) fn window(history: &History, least: f64) -> f64 {
    let ages = history.ages();
    let wanted = FEWEST_ROWS.min(0.85 * ages.len() as f64);
    let holds_enough = |window: &f64| {
        let weights: Vec<f64> = ages.iter().map(|age| exp(age / window)).collect();
        effective_rows(&weights) >= wanted
    };
    let mut windows = (0..=WIDENINGS).scan(least, |window, _| {
        let this = *window;
        *window *= WIDENING;
        Some(this)
    });
    windows.find(holds_enough).unwrap_or(ALL)
}
