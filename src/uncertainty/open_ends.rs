//! Points far from an optimum that fit almost as well: where the rows give a parameter no end on one side.
//!
//! The plateau of a curve that is seen only while it rises may be anywhere above the rows, and a step may be steeper than the
//! rows are close. Refits of displaced or resampled rows do not go there, because each of them has an optimum of its own, and
//! their quantiles would give the parameter an end.

use super::dispersion::of_rows;
use super::freedom::{clusters, freedom, is_inside};
use super::{Draws, Fitted};
use crate::numerics::{quantile, student_quantile};
use crate::problem::Problem;
use crate::solver::newton;
use crate::watch::Cancelled;

/// Distances of points beyond an end, in distances of the end that the draws give.
const FAR: [f64; 2] = [10.0, 100.0];
/// Shares of a parameter on the way to zero.
const SMALL: [f64; 2] = [0.1, 0.01];

/// Points at which one coordinate is held far beyond the end of its interval, or close to zero, and the objective stays below
/// the threshold that would end the interval: the profile of the coordinate has no end there. `level` is the coverage.
///
/// # Errors
/// The fit was cancelled.
pub(super) fn open_ends(fitted: &Fitted<'_>, draws: &Draws, level: f64) -> Result<Vec<Vec<f64>>, Cancelled> {
    let (problem, optimum) = (fitted.problem, fitted.optimum);
    let independent = clusters(fitted) == problem.rows();
    let freedom = freedom(fitted).filter(|_| independent && !draws.points.is_empty());
    let scale = freedom.and_then(|freedom| Some((freedom, of_rows(problem, optimum, freedom)?)));
    let Some((freedom, scale)) = scale else { return Ok(Vec::new()) };
    let t = student_quantile(f64::midpoint(1.0, level), freedom);
    // The rise of the objective is half of a chi-square times the dispersion.
    let most = problem.cost(optimum) + 0.5 * t * t * scale.dispersion;
    let mut found = Vec::new();
    for j in (0..problem.size()).filter(|&j| is_inside(fitted, j)) {
        if (fitted.watch.cancelled)() {
            return Err(Cancelled);
        }
        let own = optimum[j];
        let mut sorted: Vec<f64> = draws.points.iter().map(|point| point[j]).collect();
        sorted.sort_by(f64::total_cmp);
        let tail = (1.0 - level) / 2.0;
        for end in [quantile(&sorted, tail), quantile(&sorted, 1.0 - tail)] {
            let reach = end - own;
            let outermost = draws.points.iter().max_by(|a, b| (a[j] * reach).total_cmp(&(b[j] * reach)));
            let start = outermost.map_or_else(|| optimum.to_vec(), <[f64]>::to_vec);
            if reach != 0.0 {
                found.extend(held_at(problem, j, FAR.map(|distance| own + distance * reach), start, most));
            }
        }
        let is_apart_from_zero = sorted
            .first()
            .zip(sorted.last())
            .is_some_and(|(low, high)| low * high > 0.0 && low.abs().min(high.abs()) > SMALL[0] * own.abs());
        if is_apart_from_zero && !problem.coordinates()[j].log {
            found.extend(held_at(problem, j, SMALL.map(|share| share * own), optimum.to_vec(), most));
        }
    }
    Ok(found)
}

/// The best points with a coordinate held at each of some places, one after the other; none where the objective exceeds
/// `most` at one of them, or a place is out of bounds.
fn held_at(problem: &Problem, j: usize, places: [f64; 2], mut start: Vec<f64>, most: f64) -> Vec<Vec<f64>> {
    let bounds = problem.coordinates()[j];
    let mut found = Vec::new();
    for place in places {
        if !(bounds.lower < place && place < bounds.upper) {
            return Vec::new();
        }
        start[j] = place;
        let end = newton(&problem.holding(&[(j, place)]), &start);
        let is_near = end.cost <= most;
        if !is_near {
            return Vec::new();
        }
        start.clone_from(&end.point);
        found.push(end.point);
    }
    found
}
