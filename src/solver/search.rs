//! The global search: many starts, each polished by Newton.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::newton::{Minimum, Status, newton};
use super::projection;
use crate::law::{Law, Order, Workspace};
use crate::numerics::eigen_symmetric;
use crate::problem::{Evaluation, Problem};

/// A local optimum and how many starts led to it.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// The coordinates.
    pub point: Vec<f64>,
    /// The objective.
    pub cost: f64,
    /// Whether the solver converged there.
    pub converged: bool,
    /// How many starts ended there.
    pub starts: usize,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// The distinct optima, best first.
    pub optima: Vec<Optimum>,
    /// Number of starts.
    pub starts: usize,
    /// Points of the grid that the starts were chosen from; none where there was no grid.
    pub grid: usize,
}

/// Somebody asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

/// Most starts; a larger list is thinned evenly.
const MAX_STARTS: usize = 2048;
/// Most listed starts where a grid was searched already.
const LISTED_BESIDE_GRID: usize = 64;
/// Two ends of the search are the same optimum where their objectives differ by less, relatively.
const SAME: f64 = 1e-8;

/// Searches from many starts for the best optimum.
///
/// # Errors
/// When `cancelled` says so.
pub fn search(
    problem: &Problem<'_>,
    law: &Law,
    cancelled: &(dyn Fn() -> bool + Sync),
    tick: &(dyn Fn(usize, usize) + Sync),
) -> Result<Search, Cancelled> {
    let done = AtomicUsize::new(0);
    let polish = |starts: &[Vec<f64>], total: usize| -> Result<Vec<Minimum>, Cancelled> {
        let ends = starts.par_iter().map(|start| {
            if cancelled() {
                return Err(Cancelled);
            }
            let end = newton(problem, start);
            tick(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(end)
        });
        ends.collect()
    };
    let terms = law.terms().filter(|_| problem.rows() > 0);
    let grid = terms.as_ref().and_then(|terms| projection::Grid::new(problem, law, terms));
    let points = grid.as_ref().map_or(0, projection::Grid::points);
    let (mut ends, starts) = if let Some(grid) = grid {
        let valleys = grid.valleys();
        let mut ends = polish(&valleys, valleys.len())?;
        if agree(problem, &ends) {
            (ends, valleys.len())
        } else {
            // What the spec or the catalogue lists is tried too.
            let mut spread = grid.spread();
            spread.extend(listed(problem, law, LISTED_BESIDE_GRID));
            spread.extend(scattered(problem, law));
            let total = valleys.len() + spread.len();
            ends.extend(polish(&spread, total)?);
            (ends, total)
        }
    } else {
        let mut starts = listed(problem, law, MAX_STARTS);
        starts.extend(scattered(problem, law));
        (polish(&starts, starts.len())?, starts.len())
    };
    insist(problem, &mut ends, cancelled)?;
    Ok(Search { optima: distinct(ends), starts, grid: points })
}

/// Whether all ends are one converged optimum, inside the bounds and on no flat ridge.
fn agree(problem: &Problem<'_>, ends: &[Minimum]) -> bool {
    let best = ends.iter().map(|end| end.cost).fold(f64::INFINITY, f64::min);
    !ends.is_empty()
        && ends.iter().all(|end| {
            let inside = end.point.iter().zip(problem.coordinates()).all(|(x, c)| c.lower < *x && *x < c.upper);
            end.status == Status::Converged && inside && end.cost - best <= SAME * best.abs()
        })
        && ends.first().is_some_and(|end| !is_flat(problem, &end.point))
}

/// Above this ratio of the scaled second derivatives' eigenvalues the objective has a flat ridge.
const FLAT: f64 = 1e7;

fn is_flat(problem: &Problem<'_>, point: &[f64]) -> bool {
    let mut here = Evaluation::default();
    problem.evaluate(point, Order::Hessian, &mut Workspace::default(), &mut here);
    let (values, _) = eigen_symmetric(&here.hessian_matrix().unit_diagonal());
    match (values.first(), values.last()) {
        (Some(low), Some(high)) => !(*low > 0.0 && high / low < FLAT),
        _ => false,
    }
}

/// Most times that a run which ran out of steps is taken up again.
const ENCORES: usize = 8;

/// Takes the best run up again where it ran out of steps: a flat ridge is long.
fn insist(
    problem: &Problem<'_>,
    ends: &mut Vec<Minimum>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(), Cancelled> {
    for _ in 0..ENCORES {
        let best = ends.iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
        let Some(start) =
            best.filter(|end| end.status == Status::Stalled && end.cost.is_finite()).map(|end| end.point.clone())
        else {
            return Ok(());
        };
        if cancelled() {
            return Err(Cancelled);
        }
        ends.push(newton(problem, &start));
    }
    Ok(())
}

/// The ends grouped by objective, best first.
fn distinct(mut ends: Vec<Minimum>) -> Vec<Optimum> {
    ends.retain(|end| end.cost.is_finite());
    // Stable: among equal objectives the earliest start stands for all.
    ends.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut optima: Vec<Optimum> = Vec::new();
    for end in ends {
        let converged = end.status == Status::Converged;
        match optima.last_mut() {
            Some(last) if end.cost - last.cost <= SAME * last.cost.abs() + 1e-300 => {
                last.starts += 1;
                last.converged |= converged;
            }
            _ => optima.push(Optimum { point: end.point, cost: end.cost, converged, starts: 1 }),
        }
    }
    optima
}

/// Every combination of the parameters' listed starts, evenly thinned where there are more than `most`.
fn listed(problem: &Problem<'_>, law: &Law, most: usize) -> Vec<Vec<f64>> {
    let choices: Vec<Vec<f64>> = law
        .free()
        .iter()
        .map(|p| if p.start.is_empty() { vec![inside(p.lower, p.upper)] } else { p.start.clone() })
        .collect();
    let total = choices.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
    let count = total.min(most);
    (0..count)
        .map(|i| {
            // Evenly thinned where the grid is too large.
            let mut index = if total == count { i } else { (i as f64 * (total as f64 / count as f64)) as usize };
            let chosen = choices.iter().zip(problem.coordinates()).map(|(choice, c)| {
                let parameter = choice[index % choice.len()];
                index /= choice.len();
                c.of(parameter)
            });
            chosen.collect()
        })
        .collect()
}

/// Starts that are scattered, where neither a grid nor a list would look.
const SCATTERED: usize = 64;

/// Points of a low-discrepancy sequence over the parameters' spans: the additive recurrence on the
/// generalised golden ratio (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
fn scattered(problem: &Problem<'_>, law: &Law) -> Vec<Vec<f64>> {
    let free = law.free();
    let dimensions = free.len();
    if dimensions == 0 {
        return Vec::new();
    }
    // The ratio solves x^(d+1) = x + 1; iterating it converges.
    let mut ratio = 2.0;
    for _ in 0..64 {
        ratio = libm::pow(1.0 + ratio, 1.0 / (dimensions as f64 + 1.0));
    }
    (1..=SCATTERED)
        .map(|i| {
            let mut step = 1.0;
            let point = free.iter().zip(problem.coordinates()).map(|(parameter, c)| {
                step /= ratio;
                let share = (0.5 + step * i as f64).fract();
                projection::coordinate_at(parameter, share).clamp(c.lower, c.upper)
            });
            point.collect()
        })
        .collect()
}

/// Some value within the bounds.
fn inside(lower: f64, upper: f64) -> f64 {
    if lower <= 1.0 && 1.0 <= upper {
        1.0
    } else if lower.is_finite() && upper.is_finite() {
        f64::midpoint(lower, upper)
    } else if lower.is_finite() {
        lower + 1.0
    } else {
        upper - 1.0
    }
}
