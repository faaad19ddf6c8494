//! The Levenberg-Marquardt method on reweighted least squares.

use super::Minimum;
use super::newton::{MAX_STEPS, damped};
use crate::law::Order;
use crate::problem::Problem;

/// Damped Gauss-Newton steps (Levenberg 1944; Marquardt 1963, doi:10.1137/0111030).
///
/// Rows are reweighted at each step so that a parabola touches the penalty from above (iteratively reweighted least
/// squares). This makes the method work for every penalty.
pub(super) fn levenberg_marquardt(problem: &Problem, start: &[f64]) -> Minimum {
    damped(problem, start, Order::GaussNewton, MAX_STEPS, 0.0)
}
