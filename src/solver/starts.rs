//! Starts that know nothing of the rows: those that a law lists, and points scattered over where its parameters may be.

use super::projection::Span;
use super::scatter;
use crate::law::{Law, Parameter, Scale};
use crate::problem::Problem;

/// Starts that are scattered, where neither a grid nor a list would look.
const SCATTERED: usize = 64;

/// Every combination of the parameters' listed starts, evenly thinned where there are more than `most`.
pub(super) fn listed(problem: &Problem, law: &Law, most: usize) -> Vec<Vec<f64>> {
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

/// The first points of Sobol's sequence over the parameters' spans.
pub(super) fn scattered(problem: &Problem, law: &Law) -> Vec<Vec<f64>> {
    points(problem, law, |parameter, share| Span::of(parameter).at(share))
}

/// The same over all that the bounds allow, more of it near the lower ones.
pub(super) fn scattered_wide(problem: &Problem, law: &Law) -> Vec<Vec<f64>> {
    points(problem, law, |parameter, share| {
        if parameter.scale == Scale::Linear && parameter.lower.is_finite() && parameter.upper.is_finite() {
            parameter.lower + share * share * (parameter.upper - parameter.lower)
        } else {
            Span::of(parameter).at(2.0 * share - 0.5)
        }
    })
}

fn points(problem: &Problem, law: &Law, at: impl Fn(&Parameter, f64) -> f64) -> Vec<Vec<f64>> {
    let free = law.free();
    scatter::points(free.len(), if free.is_empty() { 0 } else { SCATTERED })
        .map(|shares| {
            let coordinates = free.iter().zip(problem.coordinates()).zip(shares);
            coordinates.map(|((p, c), share)| at(p, share).clamp(c.lower, c.upper)).collect()
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
