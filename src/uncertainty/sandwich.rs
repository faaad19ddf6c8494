//! The sandwich: a covariance from the curvature of the objective and the spread of the rows' gradients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::freedom::is_inside;
use super::refits::displaced;
use super::tangent::{Tangent, Uneven};
use super::{Draws, Fitted, Method, default_level};
use crate::law::Order;
use crate::numerics::{Matrix, Random};
use crate::problem::Problem;
use crate::solver::Cancelled;

/// Draws with the covariance H^-1 (sum g g') H^-1 of the optimum (Huber 1967; White 1982, doi:10.2307/1912526).
///
/// Each row's gradient is corrected for its leverage (Bell and `McCaffrey` 2002). The tails are those of Student's t
/// with the number of independent rows minus parameters as degrees of freedom. Draws are displacements of the fitted
/// values, brought back to the law by a refit, so they do not depend on how the law is written and follow curved
/// valleys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sandwich {
    /// Number of draws.
    #[serde(default = "super::default_draws")]
    pub draws: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

impl Method for Sandwich {
    fn name(&self) -> &'static str {
        "sandwich"
    }

    fn count(&self) -> (&'static str, usize) {
        ("draws", self.draws)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        format!("sandwich covariance with Student-t tails, {} draws", self.draws)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let tangent = match Tangent::of(fitted) {
            Ok(tangent) => tangent,
            Err(refused) => return Ok(refused.draws()),
        };
        let rows = Uneven::of(&tangent);
        displaced(&tangent, fitted, self.draws, "sandwich", |random| rows.draw(random, Random::normal))
    }
}

/// The curvature at the optimum and the covariance of the optimum.
pub(super) struct Curvature {
    /// The coordinates that can move.
    pub(super) movable: Vec<usize>,
    /// The inverse of the Hessian by those coordinates.
    pub(super) inverse: Matrix,
    /// The sandwich: the covariance of the optimum.
    pub(super) covariance: Matrix,
}

/// Which coordinates can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movable {
    /// Coordinates that are not on a bound.
    Inside,
    /// All coordinates; one on a bound can move away from it.
    Anywhere,
}

/// The curvature at the optimum of a problem; `None` where the objective is flat in some direction.
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
    // The Newton step H^-1 g of each cluster's rows alone.
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

/// Gradients summed over the rows of each cluster, which are not independent of each other.
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
