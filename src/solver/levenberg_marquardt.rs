//! The Levenberg-Marquardt method on reweighted least squares.

use super::newton::{MAX_STEPS, damped};
use super::{Minimise, Minimum, Solver};
use crate::law::Order;
use crate::problem::Problem;

/// The Levenberg-Marquardt solver.
pub(super) struct LevenbergMarquardt;

impl Minimise for LevenbergMarquardt {
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum {
        levenberg_marquardt(problem, start)
    }
}

impl Solver {
    /// The solver with damped Gauss-Newton steps, which do not end at a saddle.
    pub(crate) const GAUSS_NEWTON: Self = Self::LevenbergMarquardt;
}

/// Damped Gauss-Newton steps (Levenberg 1944; Marquardt 1963, doi:10.1137/0111030). At each step the rows are
/// reweighted, so that a parabola touches any penalty from above (iteratively reweighted least squares).
fn levenberg_marquardt(problem: &Problem, start: &[f64]) -> Minimum {
    damped(problem, start, Order::GaussNewton, MAX_STEPS, 0.0)
}
