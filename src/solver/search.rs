//! The global search: many starts, each solved for what enters linearly, each polished by Newton.

use rayon::prelude::*;

use super::newton::{Minimum, Status, newton};
use crate::law::Law;
use crate::numerics::{Matrix, median};
use crate::objective::ResponseScale;
use crate::problem::Problem;

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
}

/// Somebody asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

/// Most starts; a larger grid is thinned evenly.
const MAX_STARTS: usize = 2048;
/// Two ends of the search are the same optimum where their objectives differ by less, relatively.
const SAME: f64 = 1e-8;

/// Share of the response that a term starts with where least squares would leave it out.
const TRACE: f64 = 1e-3;

/// Searches from every combination of the parameters' starts.
///
/// Parameters in which the law is jointly linear take no starts: they are solved for.
///
/// # Errors
/// When `cancelled` says so.
pub fn search(
    problem: &Problem<'_>,
    law: &Law,
    cancelled: &(dyn Fn() -> bool + Sync),
    tick: &(dyn Fn(usize, usize) + Sync),
) -> Result<Search, Cancelled> {
    let starts = starts(problem, law);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let ends: Vec<Minimum> = starts
        .par_iter()
        .map(|start| {
            if cancelled() {
                return Err(Cancelled);
            }
            let end = newton(problem, start);
            tick(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, starts.len());
            Ok(end)
        })
        .collect::<Result<_, _>>()?;
    Ok(Search { optima: distinct(ends), starts: starts.len() })
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

/// Every combination of the nonlinear parameters' starts, with the linear ones solved for.
fn starts(problem: &Problem<'_>, law: &Law) -> Vec<Vec<f64>> {
    let free = law.free();
    let linear = if problem.rows() == 0 { Vec::new() } else { problem.plain_tape().linear_set() };
    let choices: Vec<Vec<f64>> = free
        .iter()
        .enumerate()
        .map(|(j, parameter)| {
            let fallback = inside(parameter.lower, parameter.upper);
            if linear.contains(&j) || parameter.start.is_empty() { vec![fallback] } else { parameter.start.clone() }
        })
        .collect();
    let total = choices.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
    let count = total.min(MAX_STARTS);
    (0..count)
        .map(|i| {
            // Evenly thinned where the grid is too large.
            let mut index = if total == count { i } else { (i as f64 * (total as f64 / count as f64)) as usize };
            let mut parameters: Vec<f64> = Vec::with_capacity(choices.len());
            for choice in &choices {
                parameters.push(choice[index % choice.len()]);
                index /= choice.len();
            }
            solve_linear(problem, &linear, &mut parameters);
            problem.coordinates().iter().zip(parameters).map(|(c, p)| c.of(p)).collect()
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

/// Sets the linear parameters to their weighted least-squares values within the bounds.
///
/// On the log scale a residual is nearly (f - y)/y, so rows are weighted by 1/y^2.
fn solve_linear(problem: &Problem<'_>, linear: &[usize], parameters: &mut [f64]) {
    if linear.is_empty() {
        return;
    }
    let on_log = problem.objective().scale() == ResponseScale::Log;
    let responses: Vec<f64> = problem.responses().map(|y| if on_log { crate::numerics::exp(y) } else { y }).collect();
    let mut at_zero = parameters.to_vec();
    linear.iter().for_each(|&j| at_zero[j] = 0.0);
    // The law is affine in the linear parameters: its value at zero, and the change each one makes.
    let offset = problem.values_at(&at_zero);
    let columns: Vec<Vec<f64>> = linear
        .iter()
        .map(|&j| {
            let mut at_one = at_zero.clone();
            at_one[j] = 1.0;
            problem.values_at(&at_one).iter().zip(&offset).map(|(one, zero)| one - zero).collect()
        })
        .collect();
    let weights: Vec<f64> =
        problem.weights().zip(&responses).map(|(w, y)| if on_log { w / (y * y) } else { w }).collect();
    let p = linear.len();
    let mut normal = Matrix::zeros(p);
    let mut right = vec![0.0; p];
    for i in 0..p {
        for j in 0..p {
            normal[(i, j)] = (0..weights.len()).map(|r| weights[r] * columns[i][r] * columns[j][r]).sum();
        }
        right[i] = (0..weights.len()).map(|r| weights[r] * columns[i][r] * (responses[r] - offset[r])).sum();
    }
    let bounds: Vec<(f64, f64)> = linear.iter().map(|&j| problem.bounds(j)).collect();
    let solution = bounded_least_squares(&normal, &right, &bounds);
    if solution.iter().all(|x| x.is_finite()) {
        for ((&j, x), column) in linear.iter().zip(solution).zip(&columns) {
            // On a log scale nothing is infinitely far away; a trace of the response is a start.
            let trace = TRACE * median(&responses) / median(column).abs();
            let log = problem.coordinates()[j].log;
            parameters[j] = if log && x < trace { trace } else { x };
        }
    }
}

/// Minimises x'Nx/2 - r'x within bounds: solve, hold the coordinate that leaves its bounds furthest, repeat.
fn bounded_least_squares(normal: &Matrix, right: &[f64], bounds: &[(f64, f64)]) -> Vec<f64> {
    let p = right.len();
    let mut x: Vec<f64> = bounds.iter().map(|&(lower, upper)| 0.0_f64.clamp(lower, upper)).collect();
    let mut free: Vec<usize> = (0..p).collect();
    while !free.is_empty() {
        let rest: Vec<f64> = free
            .iter()
            .map(|&i| right[i] - (0..p).filter(|j| !free.contains(j)).map(|j| normal[(i, j)] * x[j]).sum::<f64>())
            .collect();
        let mut minor = normal.minor(&free);
        // A trace of damping keeps columns that nearly coincide solvable.
        for i in 0..free.len() {
            minor[(i, i)] *= 1.0 + 1e-10;
        }
        let Some(factor) = minor.cholesky() else { break };
        let solved = factor.solve_factored(&rest);
        let outside = free
            .iter()
            .zip(&solved)
            .map(|(&i, &v)| (i, (bounds[i].0 - v).max(v - bounds[i].1) * normal[(i, i)].sqrt(), v))
            .filter(|(_, excess, _)| *excess > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, _, value)) = outside {
            x[i] = value.clamp(bounds[i].0, bounds[i].1);
            free.retain(|&j| j != i);
        } else {
            free.iter().zip(solved).for_each(|(&i, v)| x[i] = v);
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_parameters_are_solved_within_their_bounds() {
        let mut normal = Matrix::zeros(2);
        normal.cells_mut().copy_from_slice(&[2.0, 0.0, 0.0, 1.0]);
        let free = (f64::NEG_INFINITY, f64::INFINITY);
        assert!((bounded_least_squares(&normal, &[4.0, -3.0], &[free, free])[1] + 3.0).abs() < 1e-6);
        assert_eq!(bounded_least_squares(&normal, &[4.0, -3.0], &[free, (0.0, 1.0)])[1], 0.0);
    }
}
