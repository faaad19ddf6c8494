//! The Levenberg-Marquardt method on reweighted least squares.

use super::newton::{MAX_STEPS, damped};
use super::{Minimise, Minimum, Solver};
use crate::law::Order;
use crate::problem::Problem;

/// The member of the list of solvers.
pub(super) struct LevenbergMarquardt;

impl Minimise for LevenbergMarquardt {
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum {
        levenberg_marquardt(problem, start)
    }
}

impl Solver {
    /// The solver with damped steps of Gauss and Newton, which do not end at a saddle.
    pub(crate) const GAUSS_NEWTON: Self = Self::LevenbergMarquardt;
}

/// Damped Gauss-Newton steps (Levenberg 1944; Marquardt 1963, doi:10.1137/0111030), rows reweighted at each
/// so that any penalty is touched from above by a parabola (iteratively reweighted least squares).
fn levenberg_marquardt(problem: &Problem, start: &[f64]) -> Minimum {
    damped(problem, start, Order::GaussNewton, MAX_STEPS, 0.0)
}
