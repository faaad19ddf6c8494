//! Solvers, all hosted by argmin. No other folder names argmin.
//!
//! One file per solver. [`search()`] finds the best optimum there is; [`from_listed`] runs a solver from
//! the starts that a spec or a paper lists, so that a published procedure can be repeated.

mod geodesic;
mod infinity;
mod joint;
mod lbfgs;
mod levenberg_marquardt;
mod nelder_mead;
mod newton;
mod projection;
mod scalar;
mod scatter;
mod search;
mod span;
mod starts;
mod surroundings;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use geodesic::along_canyons;
pub use infinity::through_infinity;
pub use newton::{newton, newton_within};
pub use scalar::{ScalarError, minimise, root};
pub use search::{Cancelled, Optimum, Search, Searcher, Watch, from_listed, search, search_on};

use crate::law::Order;
use crate::numerics::{Matrix, median};
use crate::problem::Problem;

/// Why a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No step is expected to lower the objective by more than rounding.
    Converged,
    /// The iterations ran out, or no step lowered the objective although one should.
    Stalled,
    /// The law is not finite at the start.
    NotFinite,
    /// The line search gave up, went round in circles or panicked.
    Failed,
    /// The law cannot be computed there: its value is rounding.
    Unresolved,
}

/// The result of a minimisation.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// The coordinates.
    pub point: Vec<f64>,
    /// The objective.
    pub cost: f64,
    /// How it ended.
    pub status: Status,
    /// Number of steps.
    pub iterations: u64,
    /// Whether it ended where it started.
    pub unmoved: bool,
}

/// A solver that minimises the objective from a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Newton's method with exact second derivatives, damping and bounds.
    #[default]
    Newton,
    /// Limited-memory BFGS with the line search of More and Thuente, as scipy's L-BFGS-B is often used.
    Lbfgs,
    /// The simplex of Nelder and Mead, which needs no derivatives.
    NelderMead,
    /// Levenberg's and Marquardt's damped Gauss-Newton steps on reweighted least squares.
    LevenbergMarquardt,
}

impl Solver {
    /// Its name in a spec.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newton => "newton",
            Self::Lbfgs => "lbfgs",
            Self::NelderMead => "nelder_mead",
            Self::LevenbergMarquardt => "levenberg_marquardt",
        }
    }

    /// Minimises a problem from a start, which is first brought within the bounds.
    ///
    /// An objective whose slope jumps is minimised by way of smooth ones, ever closer to it.
    pub fn minimise(self, problem: &Problem, start: &[f64]) -> Minimum {
        let smooth = |problem: &Problem, start: &[f64]| match self {
            Self::Newton => newton(problem, start),
            Self::Lbfgs => lbfgs::lbfgs(problem, start),
            Self::NelderMead => nelder_mead::nelder_mead(problem, start),
            Self::LevenbergMarquardt => levenberg_marquardt::levenberg_marquardt(problem, start),
        };
        let Some(stand_ins) = stand_ins(problem, start).filter(|_| self != Self::NelderMead) else {
            return smooth(problem, start);
        };
        let mut end: Option<Minimum> = None;
        for objective in stand_ins {
            let from = end.as_ref().map_or(start, |end| &end.point);
            let next = smooth(&problem.minimising(objective), from);
            end = Some(Minimum { iterations: next.iterations + end.as_ref().map_or(0, |e| e.iterations), ..next });
        }
        end.map_or_else(
            || smooth(problem, start),
            |end| Minimum { cost: problem.cost(&end.point), unmoved: end.point == start, ..end },
        )
    }
}

/// The smooth stand-ins of a problem's objective, for residuals as they are at a point.
fn stand_ins(problem: &Problem, point: &[f64]) -> Option<Vec<crate::objective::Objective>> {
    problem.objective().stand_ins(1.0)?;
    let sizes: Vec<f64> = problem.residuals(point).iter().map(|r| r.abs()).filter(|r| r.is_finite()).collect();
    problem.objective().stand_ins(if sizes.is_empty() { 1.0 } else { median(&sizes) })
}

/// The problem with an objective that has a curvature at the point: the coarsest stand-in, or its own.
pub fn smoothed(problem: &Problem, point: &[f64]) -> Problem {
    match stand_ins(problem, point).and_then(|all| all.into_iter().next()) {
        Some(objective) => problem.minimising(objective),
        None => problem.clone(),
    }
}

/// The second derivatives at a point of the smoothed problem.
fn smoothed_hessian(problem: &Problem, point: &[f64]) -> Matrix {
    smoothed(problem, point).evaluation(point, Order::Hessian).hessian_matrix()
}

/// The problem with a penalty that bends over the size of its own residuals.
///
/// Where a penalty turns linear far within the noise, its own second derivatives count the few rows that the law
/// happens to meet, as many as it has parameters among them, and say nothing of how sharp the optimum is. Over the
/// median residual they estimate the density of residuals at zero (Powell 1991), and with it the curvature that the
/// objective has on average.
pub fn broadened(problem: &Problem, point: &[f64]) -> Problem {
    let mut sizes: Vec<f64> = problem.residuals(point).iter().map(|r| r.abs()).filter(|r| r.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let beyond = sizes.get(problem.size()..).filter(|beyond| !beyond.is_empty()).unwrap_or(&sizes);
    let size = if beyond.is_empty() { 1.0 } else { median(beyond).max(1e-12) };
    match problem.objective().broadened(size) {
        Some((objective, factor)) => {
            let weights: Vec<f64> = problem.weights().map(|weight| weight * factor).collect();
            problem.minimising(objective).reweighted(&weights)
        }
        None => problem.clone(),
    }
}

/// Where the search of a fit starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Starts {
    /// From the valleys that a search of the whole space finds.
    #[default]
    Search,
    /// Every combination of the starts that the law's parameters list, as papers do it.
    Grid,
}
