//! Least squares along curved valleys: Levenberg-Marquardt steps with geodesic acceleration.
//!
//! A straight step leaves a narrow valley where the valley bends, so plain steps have to be short. The acceleration
//! adds the second-order term of the curve that stays in the valley (Transtrum and Sethna 2012, arXiv:1201.5885).

use super::{Minimum, Status};
use crate::numerics::Matrix;
use crate::problem::Problem;

/// Initial damping, as a share of the diagonal.
const DAMPING: f64 = 1e-3;
/// Largest ratio of acceleration to velocity. Above it the second-order term is unreliable and the step is refused.
const MOST_ACCELERATION: f64 = 0.75;
/// Share of the velocity over which its second derivative is estimated.
const PROBE: f64 = 0.1;
/// Damping above which the iteration ends because no step lowers the objective.
const MOST_DAMPING: f64 = 1e12;

/// Minimises a sum of squares from a start in at most `most` steps. It ends when no step is expected to lower the
/// objective by more than `enough`. Bounds are ignored; held coordinates do not move.
pub fn along_canyons(problem: &Problem, start: &[f64], most: u64, enough: f64) -> Minimum {
    let movable: Vec<usize> = (0..problem.size()).filter(|&j| problem.coordinates()[j].is_free()).collect();
    let weights: Vec<f64> = problem.weights().map(f64::sqrt).collect();
    let residuals =
        |point: &[f64]| -> Vec<f64> { problem.residuals(point).iter().zip(&weights).map(|(r, w)| r * w).collect() };
    let moved = |point: &[f64], step: &[f64], share: f64| -> Vec<f64> {
        let mut to = point.to_vec();
        movable.iter().zip(step).for_each(|(&j, s)| to[j] += share * s);
        to
    };
    let (mut point, mut here) = (start.to_vec(), residuals(start));
    let mut cost = square(&here);
    let (mut damping, mut scale) = (DAMPING, vec![0.0_f64; movable.len()]);
    let end = |point: Vec<f64>, cost: f64, status, iterations| Minimum {
        unmoved: point == start,
        point,
        cost,
        status,
        iterations,
    };
    if !cost.is_finite() {
        return end(point, cost, Status::NotFinite, 0);
    }
    for iteration in 0..most {
        let jacobian: Vec<Vec<f64>> = problem
            .jacobian(&point)
            .into_iter()
            .zip(&weights)
            .map(|(row, w)| movable.iter().map(|&j| row[j] * w).collect())
            .collect();
        let (gram, gradient) = normal_equations(&jacobian, &here);
        (0..scale.len()).for_each(|j| scale[j] = scale[j].max(gram[(j, j)]));
        loop {
            let mut damped = gram.clone();
            (0..scale.len()).for_each(|j| damped[(j, j)] += damping * scale[j]);
            let Some(factor) = damped.cholesky() else {
                damping *= 10.0;
                if damping > MOST_DAMPING {
                    return end(point, cost, Status::Stalled, iteration);
                }
                continue;
            };
            let velocity = factor.solve_factored(gradient.iter().map(|g| -g).collect());
            let predicted = -(0..velocity.len()).map(|j| velocity[j] * gradient[j]).sum::<f64>();
            if predicted <= enough + 1e-14 * cost && damping <= DAMPING {
                return end(point, cost, Status::Converged, iteration);
            }
            // The second derivative of the residuals along the velocity.
            let probe = residuals(&moved(&point, &velocity, PROBE));
            let bend: Vec<f64> = (0..here.len())
                .map(|row| {
                    let along: f64 = jacobian[row].iter().zip(&velocity).map(|(j, v)| j * v).sum();
                    2.0 / PROBE * ((probe[row] - here[row]) / PROBE - along)
                })
                .collect();
            let against = normal_equations(&jacobian, &bend).1;
            let acceleration = factor.solve_factored(against.iter().map(|a| -0.5 * a).collect());
            let length = |step: &[f64]| step.iter().zip(&scale).map(|(s, d)| s * s * d).sum::<f64>().sqrt();
            let is_slight = 2.0 * length(&acceleration) <= MOST_ACCELERATION * length(&velocity);
            if is_slight {
                let step: Vec<f64> = velocity.iter().zip(&acceleration).map(|(v, a)| v + a).collect();
                let to = moved(&point, &step, 1.0);
                let there = residuals(&to);
                let lower = square(&there);
                if lower < cost {
                    (point, here, cost) = (to, there, lower);
                    damping = (damping / 5.0).max(1e-12);
                    break;
                }
            }
            damping *= 4.0;
            if damping > MOST_DAMPING {
                return end(point, cost, Status::Stalled, iteration);
            }
        }
    }
    end(point, cost, Status::Stalled, most)
}

fn square(residuals: &[f64]) -> f64 {
    residuals.iter().map(|r| r * r).sum()
}

/// J'J and J'r.
fn normal_equations(jacobian: &[Vec<f64>], residuals: &[f64]) -> (Matrix, Vec<f64>) {
    let size = jacobian.first().map_or(0, Vec::len);
    let (mut gram, mut gradient) = (Matrix::zeros(size), vec![0.0; size]);
    for (row, r) in jacobian.iter().zip(residuals) {
        for i in 0..size {
            gradient[i] += row[i] * r;
            for j in 0..=i {
                gram[(i, j)] += row[i] * row[j];
            }
        }
    }
    for i in 0..size {
        for j in 0..i {
            gram[(j, i)] = gram[(i, j)];
        }
    }
    (gram, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, Variable};
    use crate::numerics::{exp, ln};
    use crate::objective::{LeastSquares, Objective, ResponseScale};
    use crate::solver::newton_within;

    #[test]
    fn a_curved_valley_is_followed_to_its_minimum_in_a_few_steps() {
        // y = A x^-a for x near 1e-15: A and a trade off along a curve on which A changes by decades.
        let x: Vec<f64> = (0..8).map(|i| 1e-15 * exp(0.5 * f64::from(i))).collect();
        let y: Vec<f64> = x.iter().map(|x| 0.5 + 1e-5 * exp(-0.35 * ln(*x))).collect();
        let variable = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("t", "y = E + A * x^-a", &[variable]).unwrap();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
        let problem = Problem::new(&law, &objective, &[&x], &y, None).unbounded();
        let place = |name: &str| law.free().iter().position(|p| p.name == name).unwrap();
        let mut start = vec![0.0; 3];
        (start[place("E")], start[place("A")], start[place("a")]) = (0.4, 4e-5, 0.3);
        let end = along_canyons(&problem, &start, 60, 1e-20);
        assert_eq!(end.status, Status::Converged);
        assert!((end.point[place("a")] - 0.35).abs() < 1e-6, "{:?}", end.point);
        assert!((end.point[place("E")] - 0.5).abs() < 1e-5, "{:?}", end.point);
        // Without acceleration, the same number of steps does not reach the minimum.
        assert!(newton_within(&problem, &start, end.iterations, 1e-20).cost > 10.0 * end.cost);
    }
}
