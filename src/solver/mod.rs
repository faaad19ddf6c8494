//! Solvers, run by argmin. No other folder uses argmin.
//!
//! One file per solver, which goes from one start to an optimum.

mod geodesic;
mod infinity;
mod scalar;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use geodesic::along_canyons;
pub use infinity::through_infinity;
pub use newton::{newton, newton_within};
pub use scalar::{ScalarError, minimise, root};

use crate::law::Order;
use crate::numerics::{Matrix, median};
use crate::problem::Problem;
use crate::registry::registry;

/// Why a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No step is expected to lower the objective by more than rounding.
    Converged,
    /// The iterations ran out, or no step lowered the objective although a decrease was expected.
    Stalled,
    /// The law is not finite at the start.
    NotFinite,
    /// The line search gave up, looped forever or panicked.
    Failed,
    /// The law cannot be computed at the point because its value is rounding error.
    Unresolved,
}

/// The result of a minimisation.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// The coordinates.
    pub point: Vec<f64>,
    /// The objective.
    pub cost: f64,
    /// The reason for its end.
    pub status: Status,
    /// Number of steps.
    pub iterations: u64,
    /// Whether the end is the start.
    pub unmoved: bool,
}

registry! {
    /// A solver that minimises the objective from a start.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Solver to dyn Minimise {
        /// Newton's method with exact second derivatives, damping and bounds.
        #[default]
        newton::Newton,
        /// Limited-memory BFGS with the line search of More and Thuente, as scipy's L-BFGS-B is often used.
        lbfgs::Lbfgs,
        /// The simplex of Nelder and Mead, which needs no derivatives.
        nelder_mead::NelderMead,
        /// Levenberg's and Marquardt's damped Gauss-Newton steps on reweighted least squares.
        levenberg_marquardt::LevenbergMarquardt,
    }
}

/// A way to minimise a problem from a start.
pub trait Minimise {
    /// Minimises from a start within the bounds.
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum;

    /// Whether the solver uses no slopes, so that an objective whose slope jumps needs no smooth stand-in.
    fn needs_no_slopes(&self) -> bool {
        false
    }
}

impl Solver {
    /// Minimises a problem from a start, which is first brought within the bounds.
    ///
    /// An objective whose slope jumps is minimised through a sequence of smooth approximations.
    pub fn minimise(self, problem: &Problem, start: &[f64]) -> Minimum {
        let member = self.member();
        if member.needs_no_slopes() {
            return member.minimise(problem, start);
        }
        through_approximations(problem, start, |problem, start| member.minimise(problem, start))
    }
}

/// The minimum that `smooth` finds. An objective whose slope jumps is minimised through a sequence of smooth
/// approximations, each from the end of the one before.
pub fn through_approximations(
    problem: &Problem,
    start: &[f64],
    smooth: impl Fn(&Problem, &[f64]) -> Minimum,
) -> Minimum {
    let mut end: Option<Minimum> = None;
    for objective in stand_ins(problem, start).unwrap_or_default() {
        let from = end.as_ref().map_or(start, |end| &end.point);
        let next = smooth(&problem.minimising(objective), from);
        end = Some(Minimum { iterations: next.iterations + end.as_ref().map_or(0, |e| e.iterations), ..next });
    }
    end.map_or_else(
        || smooth(problem, start),
        |end| Minimum { cost: problem.cost(&end.point), unmoved: end.point == start, ..end },
    )
}

/// Smooth approximations to a problem's objective, for residuals of the size that they have at a point.
fn stand_ins(problem: &Problem, point: &[f64]) -> Option<Vec<crate::objective::Objective>> {
    problem.objective().stand_ins(1.0)?;
    let sizes: Vec<f64> = problem.residuals(point).iter().map(|r| r.abs()).filter(|r| r.is_finite()).collect();
    problem.objective().stand_ins(if sizes.is_empty() { 1.0 } else { median(&sizes).max(1e-12 * problem.unit()) })
}

/// The problem with an objective that has curvature at the point: the coarsest smooth approximation where the slope
/// jumps, else its own.
pub fn smoothed(problem: &Problem, point: &[f64]) -> Problem {
    match stand_ins(problem, point).and_then(|all| all.into_iter().next()) {
        Some(objective) => problem.minimising(objective),
        None => problem.clone(),
    }
}

/// The second derivatives at a point of the smoothed problem.
pub(crate) fn smoothed_hessian(problem: &Problem, point: &[f64]) -> Matrix {
    smoothed(problem, point).evaluation(point, Order::Hessian).hessian_matrix()
}

/// The problem with a penalty that is curved over the size of its own residuals.
///
/// A penalty may become linear far inside the noise. Its second derivative then comes only from the rows that the law
/// fits almost exactly. Their number is about that of the parameters, and they do not determine the curvature of the
/// optimum. With the curved part as wide as the median residual, the Hessian estimates the density of residuals at
/// zero (Powell 1991), and with it the average curvature of the objective.
pub fn broadened(problem: &Problem, point: &[f64]) -> Problem {
    let mut sizes: Vec<f64> = problem.residuals(point).iter().map(|r| r.abs()).filter(|r| r.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let beyond = sizes.get(problem.size()..).filter(|beyond| !beyond.is_empty()).unwrap_or(&sizes);
    let size = if beyond.is_empty() { 1.0 } else { median(beyond).max(1e-12 * problem.unit()) };
    match problem.objective().member().broadened(size) {
        Some((objective, factor)) => {
            let weights: Vec<f64> = problem.weights().map(|weight| weight * factor).collect();
            problem.minimising(objective).reweighted(&weights)
        }
        None => problem.clone(),
    }
}
