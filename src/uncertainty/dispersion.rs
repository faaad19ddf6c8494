//! The scale on which twice the rise of an objective above its optimum is chi-square.

use super::sandwich::Curvature;
use crate::problem::Problem;
use crate::solver::broadened;

/// How an objective bends over its residuals, and what its rise is measured by.
pub(super) struct Scale {
    /// The mean curvature of the penalty, rows weighted; of a penalty that bends within the noise, over the residuals.
    pub(super) curvature: f64,
    /// The scale on which twice the rise is chi-square: the mean square of the gradient's rows over their mean curvature.
    pub(super) dispersion: f64,
}

/// Size of a residual that is rounding.
const ROUNDING: f64 = 1e-16;

/// The scale of independent rows at a point, with so many rows beyond the parameters; none where nothing scatters.
pub(super) fn of_rows(problem: &Problem, point: &[f64], freedom: usize) -> Option<Scale> {
    let residuals = problem.residuals(point);
    let bending = broadened(problem, point);
    let sum = |of: &Problem, term: &dyn Fn(f64, (f64, f64)) -> f64| -> f64 {
        residuals.iter().zip(of.weights()).map(|(r, weight)| term(weight, of.objective().slopes(*r))).sum()
    };
    let squares = sum(problem, &|weight, (slope, _)| (weight * slope) * (weight * slope));
    let bend = sum(&bending, &|weight, (_, bend)| weight * bend);
    let weights: f64 = problem.weights().sum();
    let curvature = bend / weights;
    // Rows that the law meets exactly scatter by rounding.
    let least = curvature * ROUNDING * ROUNDING;
    let dispersion = (squares / freedom as f64 / (bend / problem.rows() as f64)).max(least);
    let is_scale = |x: f64| x.is_finite() && x > 0.0;
    Some(Scale { curvature, dispersion }).filter(|s| is_scale(s.curvature) && is_scale(s.dispersion))
}

/// The scale along each coordinate that can move, of rows that belong to runs: by how much the sandwich is wider than
/// the curvature alone says.
pub(super) fn of_clusters(curvature: &Curvature) -> Vec<f64> {
    let ratio = |i: usize| curvature.covariance[(i, i)] / curvature.inverse[(i, i)];
    (0..curvature.movable.len()).map(ratio).collect()
}
