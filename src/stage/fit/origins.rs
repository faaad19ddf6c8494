//! The origins of a backtest: the settings, and the largest known value at each origin.

use serde::{Deserialize, Serialize};

use super::FitLaw;

/// Settings of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origins {
    /// An expression of variables that orders the rows.
    pub along: String,
    /// Number of origins.
    pub folds: usize,
}

/// Smallest share of the rows before the first origin.
const FIRST: f64 = 0.5;

impl FitLaw {
    /// The largest known value at each origin.
    pub(super) fn cuts(&self, origins: &Origins, along: &[f64]) -> Vec<f64> {
        cuts(along, origins.folds, self.law.free().len() + 2)
    }
}

/// The largest known value at each origin. The origins are spread evenly over the later half of the rows and
/// distinct, each with enough rows before and at least one row after.
pub(in crate::stage) fn cuts(along: &[f64], folds: usize, fewest: usize) -> Vec<f64> {
    let mut sorted = along.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut cuts: Vec<f64> = (0..folds)
        .map(|fold| FIRST + (1.0 - FIRST) * fold as f64 / folds as f64)
        .filter_map(|share| sorted.get(((share * n as f64).ceil() as usize).saturating_sub(1)).copied())
        .filter(|&cut| {
            let known = sorted.partition_point(|&value| value <= cut);
            known >= fewest && known < n
        })
        .collect();
    cuts.dedup();
    cuts
}
