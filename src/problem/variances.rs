//! Weights of rows as inverse variances of their responses.

use super::Problem;
use super::block::padded;
use crate::numerics::{Matrix, ln};

/// Smallest share of a residual that its own leverage leaves.
const LEAST_LEFT: f64 = 1e-3;

impl Problem {
    /// The problem with each row's residual divided by one over the root of its weight, in place of the weight, if the
    /// residuals at the optimum agree better with scatter of these sizes than with even scatter; `None` otherwise.
    ///
    /// For least squares this is the same objective, and the weights count as inverse variances, as in weighted least
    /// squares. The two assumptions are compared by the likelihood of normal residuals r with the weights w, each with
    /// its own scale: `1/2 sum ln w - n/2 ln sum w r^2` and `-n/2 ln sum r^2`. Residuals are corrected for leverage.
    pub fn with_weights_as_variances(&self, optimum: &[f64]) -> Option<Self> {
        if !self.objective.member().is_square() {
            return None;
        }
        let weights: Vec<f64> = self.weights().collect();
        let first = *weights.iter().find(|weight| **weight > 0.0)?;
        if weights.iter().all(|weight| *weight == first || *weight == 0.0) {
            return None;
        }
        let leverages = leverages(&self.jacobian(optimum), &weights)?;
        let (mut rows, mut logs, mut weighted, mut even) = (0.0, 0.0, 0.0, 0.0);
        for ((residual, weight), leverage) in self.residuals(optimum).into_iter().zip(&weights).zip(leverages) {
            if *weight > 0.0 {
                let square = residual * residual / (1.0 - leverage).max(LEAST_LEFT);
                rows += 1.0;
                logs += ln(*weight);
                weighted += weight * square;
                even += square;
            }
        }
        let agrees = logs - rows * ln(weighted) > -rows * ln(even);
        agrees.then(|| self.weighed_by_precision())
    }

    /// The same problem with the roots of the weights as precisions. A row without weight keeps none.
    fn weighed_by_precision(&self) -> Self {
        let blocks = self.blocks.iter().zip(&self.weights);
        let (blocks, weights) = blocks
            .map(|(block, weights)| {
                let rows = block.columns.rows();
                let root = |row: usize| if weights[row] > 0.0 { weights[row].sqrt() } else { 1.0 };
                let block = block.with_precisions(padded(rows, |row| block.precision(row) * root(row)));
                (block, padded(rows, |row| f64::from(u8::from(weights[row] > 0.0))))
            })
            .unzip();
        Self { blocks, weights, ..self.clone() }
    }
}

/// The leverage of each row in a weighted fit: `w g' (J' W J)^-1 g`; `None` where the rows do not identify the parameters.
fn leverages(jacobian: &[Vec<f64>], weights: &[f64]) -> Option<Vec<f64>> {
    let size = jacobian.first()?.len();
    let mut normal = Matrix::zeros(size);
    for (slopes, weight) in jacobian.iter().zip(weights) {
        for i in 0..size {
            for k in 0..size {
                normal[(i, k)] += weight * slopes[i] * slopes[k];
            }
        }
    }
    let factor = normal.cholesky()?;
    let of_row = |(slopes, weight): (&Vec<f64>, &f64)| {
        weight * factor.solve_lower(slopes.clone()).iter().map(|part| part * part).sum::<f64>()
    };
    Some(jacobian.iter().zip(weights).map(of_row).collect())
}
