//! Levenberg's and Marquardt's method on reweighted least squares.

use super::Minimum;
use super::newton::{MAX_STEPS, damped};
use crate::law::Order;
use crate::problem::Problem;

/// Damped Gauss-Newton steps (Levenberg 1944; Marquardt 1963, doi:10.1137/0111030), rows reweighted at each
/// so that any penalty is touched from above by a parabola (iteratively reweighted least squares).
pub(super) fn levenberg_marquardt(problem: &Problem, start: &[f64]) -> Minimum {
    damped(problem, start, Order::GaussNewton, MAX_STEPS, 0.0)
}
