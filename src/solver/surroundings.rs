//! Where a better optimum could be than the best one so far.
//!
//! Where a term hardly matters its exponent may sit anywhere, bounds included, with a valley at each place; a step has
//! one for every place between two rows; and a flat ridge has a dent wherever a residual changes its sign.

use super::{projection, smoothed_hessian};
use crate::law::Law;
use crate::numerics::eigen_symmetric;
use crate::problem::Problem;

/// Places to which each coordinate is moved.
const PLACES: usize = 8;

/// Starts around the best point so far, whose objective is `cost`.
pub(super) fn starts(
    problem: &Problem,
    law: &Law,
    grid: Option<&projection::Grid<'_>>,
    from: &[f64],
    cost: f64,
) -> Vec<Vec<f64>> {
    let mut starts = along_ridges(problem, from, cost);
    starts.extend(moved_coordinates(problem, law, from));
    if let Some(grid) = grid {
        starts.extend(grid.steps(problem, law, from));
        starts.extend(grid.valleys_around(problem, law, from));
    }
    starts
}

/// A point with each coordinate moved along its span, and to its bounds.
fn moved_coordinates(problem: &Problem, law: &Law, from: &[f64]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for (j, parameter) in law.free().into_iter().enumerate() {
        // Where a ridge is flat to its bound, no step from inside gets all the way there.
        for value in projection::along(parameter, PLACES).into_iter().chain(problem.coordinates()[j].finite_bounds()) {
            let mut moved = from.to_vec();
            moved[j] = value;
            all.push(moved);
        }
    }
    all
}

/// By how much the objective would grow where a ridge is walked, if it were a parabola: shares of the best one.
const GROWTHS: [f64; 8] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// Directions that are walked; the flattest one may lead through a bound.
const RIDGES: usize = 2;

/// Points on both sides of one along the directions in which the objective bends least.
fn along_ridges(problem: &Problem, from: &[f64], cost: f64) -> Vec<Vec<f64>> {
    let hessian = smoothed_hessian(problem, from);
    let (values, directions) = eigen_symmetric(&hessian.unit_diagonal());
    let most = values.last().copied().unwrap_or(0.0);
    let mut points = Vec::new();
    for (row, least) in values.iter().enumerate().take(RIDGES) {
        let least = least.abs().max(most * 1e-16);
        for (growth, side) in GROWTHS.iter().flat_map(|growth| [(growth, -1.0), (growth, 1.0)]) {
            let distance = side * (2.0 * growth * cost / least).sqrt();
            let walked = |(j, x): (usize, &f64)| {
                let c = problem.coordinates()[j];
                let unit = 1.0 / hessian[(j, j)].abs().sqrt().max(1e-150);
                (x + distance * directions[(row, j)] * unit).clamp(c.lower, c.upper)
            };
            points.push(from.iter().enumerate().map(walked).collect());
        }
    }
    points.retain(|point: &Vec<f64>| point.iter().all(|x| x.is_finite()));
    points
}
