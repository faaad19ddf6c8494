//! The curvature of the objective at an optimum, and the covariance of its scores.

use super::Fitted;
use super::freedom::is_inside;
use crate::law::Order;
use crate::numerics::Matrix;
use crate::problem::Problem;

/// How the objective bends at its optimum, and how far the optimum could be elsewhere.
pub(super) struct Curvature {
    /// The coordinates that may be elsewhere.
    pub(super) movable: Vec<usize>,
    /// The inverse of the second derivatives by them.
    pub(super) inverse: Matrix,
    /// The sandwich: the covariance of the optimum.
    pub(super) covariance: Matrix,
}

/// Which coordinates may be elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movable {
    /// Those that are not on a bound.
    Inside,
    /// Those on a bound too, away from it.
    Anywhere,
}

/// The curvature at the optimum of a problem that bends there; none where it is flat in some direction.
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
    // Cluster by cluster: the step H^-1 g that its rows alone ask for.
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

/// Gradients summed over rows that are not independent of each other.
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
