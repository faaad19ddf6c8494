//! Starts that do not depend on the rows: starts that a law lists, and points spread over the spans of its
//! parameters.

use super::scatter;
use super::span::Span;
use crate::law::{Law, Scale, UNLISTED};
use crate::problem::Problem;

/// Number of scattered starts.
const SCATTERED: usize = 64;

/// Every combination of the parameters' listed starts, thinned evenly where there are more than `most`. A parameter
/// without listed starts takes a few values along its span.
pub(super) fn listed(problem: &Problem, law: &Law, spans: &[Span], most: usize) -> Vec<Vec<f64>> {
    let coordinates = problem.coordinates();
    let choices: Vec<Vec<f64>> = law
        .free()
        .iter()
        .enumerate()
        .map(|(j, p)| {
            let listed = p.start.iter().map(|start| coordinates[j].of(*start)).collect();
            if p.start.is_empty() { spans[j].values(UNLISTED) } else { listed }
        })
        .collect();
    let total = choices.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
    let count = total.min(most);
    (0..count)
        .map(|i| {
            // Thin evenly where the grid is too large.
            let mut index = if total == count { i } else { (i as f64 * (total as f64 / count as f64)) as usize };
            let chosen = choices.iter().map(|choice| {
                let coordinate = choice[index % choice.len()];
                index /= choice.len();
                coordinate
            });
            chosen.collect()
        })
        .collect()
}

/// The first points of Sobol's sequence over the spans of the parameters.
pub(super) fn scattered(problem: &Problem, spans: &[Span]) -> Vec<Vec<f64>> {
    spread(problem, spans, SCATTERED)
}

/// The first `count` points of Sobol's sequence over the spans of the parameters.
pub(super) fn spread(problem: &Problem, spans: &[Span], count: usize) -> Vec<Vec<f64>> {
    points(problem, spans, count, |j, share| spans[j].at(share))
}

/// The first points of Sobol's sequence over the whole range of the bounds, denser near the lower bounds.
pub(super) fn scattered_wide(problem: &Problem, law: &Law, spans: &[Span]) -> Vec<Vec<f64>> {
    let free = law.free();
    points(problem, spans, SCATTERED, |j, share| {
        let parameter = free[j];
        if parameter.scale == Scale::Linear && parameter.lower.is_finite() && parameter.upper.is_finite() {
            parameter.lower + share * share * (parameter.upper - parameter.lower)
        } else {
            spans[j].at(2.0 * share - 0.5)
        }
    })
}

fn points(problem: &Problem, spans: &[Span], count: usize, at: impl Fn(usize, f64) -> f64) -> Vec<Vec<f64>> {
    scatter::points(spans.len(), if spans.is_empty() { 0 } else { count })
        .map(|shares| {
            let coordinates = problem.coordinates().iter().zip(shares).enumerate();
            coordinates.map(|(j, (c, share))| at(j, share).clamp(c.lower, c.upper)).collect()
        })
        .collect()
}
