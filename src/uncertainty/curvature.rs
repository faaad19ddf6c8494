//! The curvature of the objective at an optimum, and the covariance of its scores.

use super::Fitted;
use super::freedom::is_inside;
use crate::law::Order;
use crate::numerics::Matrix;
use crate::problem::Problem;

/// The curvature of the objective at an optimum, and the covariance of the optimum.
pub(super) struct Curvature {
    /// The movable coordinates.
    pub(super) movable: Vec<usize>,
    /// The inverse Hessian over the movable coordinates.
    pub(super) inverse: Matrix,
    /// The sandwich covariance of the optimum.
    pub(super) covariance: Matrix,
}

/// Which coordinates are movable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movable {
    /// Coordinates that are not on a bound.
    Inside,
    /// All free coordinates; one on a bound can move away from it.
    Anywhere,
}

/// The curvature of `problem` at the optimum; `None` if the Hessian is not positive definite.
pub(super) fn curvature(fitted: &Fitted<'_>, problem: &Problem, which: Movable) -> Option<Curvature> {
    let can_move = |j: &usize| {
        let c = fitted.problem.coordinates()[*j];
        match which {
            Movable::Inside => is_inside(fitted, *j),
            Movable::Anywhere => c.lower < c.upper,
        }
    };
    let movable: Vec<usize> = (0..problem.size()).filter(can_move).collect();
    let hessian = problem.evaluation(fitted.optimum, Order::Hessian).hessian_of(&movable);
    let factor = hessian.cholesky()?;
    let m = movable.len();
    let mut inverse = Matrix::zeros(m);
    for column in 0..m {
        let unit: Vec<f64> = (0..m).map(|row| f64::from(u8::from(row == column))).collect();
        for (row, value) in factor.solve_factored(unit).into_iter().enumerate() {
            inverse[(row, column)] = value;
        }
    }
    // Each cluster contributes the step H^-1 g of its own rows.
    let mut covariance = Matrix::zeros(m);
    let scores = by_cluster(fitted.problem.scores(fitted.optimum), fitted.clusters);
    for score in &scores {
        let gradient: Vec<f64> = movable.iter().map(|&j| score[j]).collect();
        let step = factor.solve_factored(gradient);
        for i in 0..m {
            for k in 0..m {
                covariance[(i, k)] += step[i] * step[k];
            }
        }
    }
    let n = scores.len() as f64;
    covariance.cells_mut().iter_mut().for_each(|cell| *cell *= n / (n - m as f64));
    Some(Curvature { movable, inverse, covariance })
}

/// Gradients summed over the rows of each cluster.
fn by_cluster(scores: Vec<Vec<f64>>, clusters: &[usize]) -> Vec<Vec<f64>> {
    let mut sums: Vec<Vec<f64>> = vec![Vec::new(); clusters.iter().max().map_or(0, |last| last + 1)];
    for (score, &cluster) in scores.into_iter().zip(clusters) {
        let sum = &mut sums[cluster];
        if sum.is_empty() {
            *sum = score;
        } else {
            sum.iter_mut().zip(score).for_each(|(s, g)| *s += g);
        }
    }
    sums
}
