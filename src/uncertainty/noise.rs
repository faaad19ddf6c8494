//! The scatter of a new row around a fitted law.

use crate::numerics::{LANES, mean, median, quantile, student_quantile};

/// Fewest rows whose own residuals stand for those of a new row.
const ENOUGH: usize = 50;
/// Most residuals that are kept.
const KEPT: usize = 200;

/// Equally likely residuals of a new row.
///
/// The rows' own residuals, widened for the parameters that were fitted to them; of fewer than fifty rows, which
/// hardly show the tails, those of Student's t with their standard deviation.
pub fn noise(residuals: &[f64], parameters: usize) -> Vec<f64> {
    let n = residuals.len();
    if n <= parameters {
        return Vec::new();
    }
    let widening = (n as f64 / (n - parameters) as f64).sqrt();
    let count = n.clamp(LANES, KEPT);
    let place = |i: usize| (i as f64 + 0.5) / count as f64;
    if n < ENOUGH {
        let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
        let deviation = mean(&squares).sqrt() * widening;
        let quantile = |i: usize| student_quantile((i as f64 + 0.5) / KEPT as f64, n - parameters);
        return (0..KEPT).map(|i| deviation * quantile(i)).collect();
    }
    let centre = median(residuals);
    let mut sorted: Vec<f64> = residuals.iter().map(|r| centre + (r - centre) * widening).collect();
    sorted.sort_by(f64::total_cmp);
    (0..count).map(|i| quantile(&sorted, place(i))).collect()
}
