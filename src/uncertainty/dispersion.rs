//! The scale on which twice the increase of an objective above its optimum has a chi-square distribution.

use super::curvature::Curvature;
use crate::problem::Problem;
use crate::solver::broadened;

/// The curvature and the dispersion of an objective.
pub(super) struct Scale {
    /// The weighted mean of the penalty's second derivative over the residuals. A penalty that is curved only inside
    /// the noise is broadened first.
    pub(super) curvature: f64,
    /// The scale on which twice the increase is chi-square: the mean square of the rows' gradients divided by their
    /// mean curvature.
    pub(super) dispersion: f64,
}

/// Residuals of this share of the largest response are rounding errors.
const ROUNDING: f64 = 1e-16;

/// The scale for independent rows at a point, with `freedom` rows more than parameters; `None` where there is no
/// scatter.
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
    // The residuals of rows that the law meets exactly are rounding errors.
    let rounding = ROUNDING * problem.unit();
    let least = curvature * rounding * rounding;
    let dispersion = (squares / freedom as f64 / (bend / problem.rows() as f64)).max(least);
    let is_scale = |x: f64| x.is_finite() && x > 0.0;
    Some(Scale { curvature, dispersion }).filter(|s| is_scale(s.curvature) && is_scale(s.dispersion))
}

/// The scale along each movable coordinate, for rows that belong to runs: the ratio of the sandwich variance to the
/// variance from the curvature alone.
pub(super) fn of_clusters(curvature: &Curvature) -> Vec<f64> {
    let ratio = |i: usize| curvature.covariance[(i, i)] / curvature.inverse[(i, i)];
    (0..curvature.movable.len()).map(ratio).collect()
}
