//! Common designs for the same cost: a grid of isoFLOP curves, and a ray of constant tokens per parameter.

use crate::numerics::{exp, ln};
use crate::query::RunCost;

/// A common design: its name, and the model size and data of its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// Name.
    pub name: &'static str,
    /// Runs.
    pub runs: Vec<(f64, f64)>,
}

/// A grid of isoFLOP curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Number of curves.
    pub curves: usize,
    /// Number of sizes on each curve.
    pub on_curve: usize,
    /// Decades of size on either side of the middle.
    pub decades: f64,
    /// Number of largest curves whose middle run is trained twice.
    pub twice: usize,
}

/// The usual grid.
pub const USUAL: Grid = Grid { curves: 4, on_curve: 6, decades: 1.2, twice: 2 };
/// Ratio of the budgets of neighbouring curves.
const APART: f64 = 3.0;
/// Number of runs of a ray, and the ratio of neighbouring sizes.
const ON_RAY: usize = 10;
const ALONG: f64 = 2.0;
/// Tokens per parameter of the ray (Hoffmann et al. 2022, arXiv:2203.15556, table 3).
const USUAL_RATIO: f64 = 20.0;

impl Grid {
    /// The share of the grid's compute that one of its largest runs takes.
    pub fn largest_share(self) -> f64 {
        let budgets = weights(self.curves, APART);
        budgets.last().copied().unwrap_or(1.0) / self.whole(&budgets)
    }

    /// Runs of a curve.
    fn runs_of(self, curve: usize) -> usize {
        self.on_curve + usize::from(curve + self.twice >= self.curves)
    }

    /// Total of all runs, where every run of a curve spends the budget of the curve.
    fn whole(self, budgets: &[f64]) -> f64 {
        budgets.iter().enumerate().map(|(curve, budget)| budget * self.runs_of(curve) as f64).sum()
    }

    /// The runs, as model size and data. The middle of each curve has `ratio` tokens per parameter, and all runs
    /// together spend `flop`.
    pub fn runs(self, flop: f64, ratio: f64, cost: &RunCost) -> Vec<(f64, f64)> {
        let budgets = weights(self.curves, APART);
        let whole = self.whole(&budgets);
        let mut runs = Vec::new();
        for (curve, budget) in budgets.iter().enumerate() {
            let budget = budget * flop / whole;
            let steps = (self.on_curve - 1).max(1) as f64;
            for i in 0..self.on_curve {
                let off = ln(10.0) * self.decades * (2.0 * i as f64 / steps - 1.0);
                // A step in the size changes the ratio by two steps.
                runs.push(cost.run_of(budget, ratio * exp(-2.0 * off)));
            }
            if self.runs_of(curve) > self.on_curve {
                runs.push(cost.run_of(budget, ratio));
            }
        }
        // A cost may have no run of a ratio.
        runs.retain(|(size, data)| size.is_finite() && data.is_finite());
        runs
    }
}

/// Successive powers of a factor.
fn weights(count: usize, apart: f64) -> Vec<f64> {
    (0..count).map(|i| exp(i as f64 * ln(apart))).collect()
}

/// The usual designs that spend `flop`. The middles of the grid have `ratio` tokens per parameter.
pub fn usual(flop: f64, ratio: f64, cost: &RunCost) -> [Usual; 2] {
    let along = weights(ON_RAY, ALONG);
    let whole: f64 = along.iter().sum();
    let run = |part: &f64| cost.run_of(part * flop / whole, USUAL_RATIO);
    let ray = along.iter().map(run).filter(|(size, data)| size.is_finite() && data.is_finite()).collect();
    let grid = USUAL.runs(flop, ratio, cost);
    [Usual { name: "isoFLOP grid", runs: grid }, Usual { name: "20 tokens per parameter", runs: ray }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_designs_spend_exactly_the_given_compute() {
        for design in usual(1e20, 20.0, &RunCost::default()) {
            let spent: f64 = design.runs.iter().map(|(n, d)| 6.0 * n * d).sum();
            assert!((spent / 1e20 - 1.0).abs() < 1e-12, "{} {spent:e}", design.name);
        }
    }

    #[test]
    fn a_grid_is_symmetric_in_the_logarithm_of_size() {
        let [grid, _] = usual(1e20, 20.0, &RunCost::default());
        let first: Vec<f64> = grid.runs[..USUAL.on_curve].iter().map(|(n, _)| *n).collect();
        let middle = (first[0] * first[USUAL.on_curve - 1]).sqrt();
        assert!((first[USUAL.on_curve - 1] / first[0] / libm::pow(10.0, 2.4) - 1.0).abs() < 1e-9);
        assert!(
            (grid.runs[0].1 * grid.runs[USUAL.on_curve - 1].1 / (20.0 * middle) / (20.0 * middle) - 1.0).abs() < 1e-9
        );
    }
}
