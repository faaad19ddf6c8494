//! Minima on the other side of infinity, for parameters that diverge.
//!
//! With b near 0 and B large, `E + B x^-b` is nearly `u - v ln x`. The curve bends one way for b > 0, and the other
//! way for b < 0 with the opposite sign of B. To get from one to the other, parameters have to pass infinity, which
//! no descent does.

use crate::numerics::ln;
use crate::problem::Problem;

/// Smallest growth factor of a parameter that counts as divergent.
const RUN: f64 = 1.2;

/// Distance of the new point from zero, in units of the divergent parameter's value at the start.
const AWAY: f64 = 3.0;

/// A point on the other side of infinity, where a descent from `start` diverged to `end`; `None` where it did not
/// diverge.
///
/// Along the descent one parameter s grows without limit. The others behave like a + b s or c / s, and continue in
/// the same way on the other side, where s has the opposite sign.
pub fn through_infinity(problem: &Problem, start: &[f64], end: &[f64]) -> Option<Vec<f64>> {
    let can_turn = |j: &usize| problem.coordinates()[*j].is_free() && !problem.coordinates()[*j].log;
    let growth = |j: usize| ln(end[j].abs() / start[j].abs());
    let largest = (0..start.len()).filter(can_turn).max_by(|&i, &j| growth(i).total_cmp(&growth(j)))?;
    let (from, to) = (start[largest], end[largest]);
    let has_run = growth(largest) > ln(RUN) && to.is_finite() && from != 0.0;
    let runs = |j: &usize| can_turn(j) && growth(*j) > 0.5 * growth(largest);
    let size = (0..start.len()).filter(runs).map(|j| start[j].abs()).fold(0.0, f64::max);
    let beyond = -AWAY * size * to.signum();
    let turned = |j: usize| {
        if runs(&j) {
            start[j] + (end[j] - start[j]) / (to - from) * (beyond - from)
        } else if can_turn(&j) && growth(j) < -0.5 * growth(largest) {
            end[j] * to / beyond
        } else {
            start[j]
        }
    };
    has_run.then(|| (0..start.len()).map(turned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, Variable};
    use crate::numerics::{exp, ln};
    use crate::objective::{LeastSquares, Objective, ResponseScale};
    use crate::solver::Solver;

    #[test]
    fn a_curve_of_opposite_curvature_is_reached_through_infinity() {
        let x: Vec<f64> = (0..8).map(|i| exp(0.5 * f64::from(i))).collect();
        // ln y falls faster and faster in ln x, so b < 0. The start has the opposite curvature.
        let y: Vec<f64> = x.iter().map(|x| 5.0 - 1.0 * exp(0.2 * ln(*x))).collect();
        let variable = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("t", "y = E + B / x^b", &[variable]).unwrap();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
        let problem = Problem::new(&law, &objective, &[&x], &y, None).unbounded();
        let place = |name: &str| law.free().iter().position(|p| p.name == name).unwrap();
        let mut start = vec![0.0; 3];
        (start[place("E")], start[place("B")], start[place("b")]) = (1.0, 3.0, 0.2);
        let alone = Solver::Newton.minimise(&problem, &start);
        assert!(alone.cost > 1e-6, "{alone:?}");
        let turned = through_infinity(&problem, &start, &alone.point).unwrap();
        let end = Solver::Newton.minimise(&problem, &turned);
        assert!(end.cost < 1e-20, "{end:?}");
        assert!((end.point[place("b")] + 0.2).abs() < 1e-6, "{:?}", end.point);
    }
}
