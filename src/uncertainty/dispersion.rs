//! The scale on which twice the rise of an objective above its optimum is chi-square.

use super::Fitted;
use super::sandwich::Curvature;
use crate::problem::Problem;

/// The scale on which twice the rise of the objective is chi-square, of independent rows:
/// the mean square of the penalty's slope over its mean curvature, that of a penalty that bends over the residuals.
pub(super) fn of_rows(fitted: &Fitted<'_>, bending: &Problem, freedom: usize) -> Option<f64> {
    let problem = fitted.problem;
    let residuals = problem.residuals(fitted.optimum);
    let sum = |of: &Problem, term: &dyn Fn((f64, f64)) -> f64| -> f64 {
        residuals.iter().zip(of.weights()).map(|(r, weight)| weight * term(of.objective().slopes(*r))).sum()
    };
    let squares = sum(problem, &|(slope, _)| slope * slope);
    let curvature = sum(bending, &|(_, bend)| bend);
    let dispersion = squares / freedom as f64 / (curvature / problem.rows() as f64);
    Some(dispersion).filter(|d| d.is_finite() && *d > 0.0)
}

/// The scale along each coordinate that can move, of rows that belong to runs: by how much the sandwich is wider than
/// the curvature alone says.
pub(super) fn of_clusters(curvature: &Curvature) -> Vec<f64> {
    let ratio = |i: usize| curvature.covariance[(i, i)] / curvature.inverse[(i, i)];
    (0..curvature.movable.len()).map(ratio).collect()
}
