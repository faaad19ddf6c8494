//! The wild bootstrap: every run keeps the size of its own residuals, with a sign and a factor drawn anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::freedom::clusters;
use super::refits::refits;
use super::{Draws, Fitted, Method, default_level};
use crate::solver::Cancelled;

/// Refits with each cluster's residuals times one of Webb's six factors (Webb 2023, doi:10.1111/caje.12661),
/// corrected for few rows; the scatter may differ from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wild {
    /// Number of resamples.
    #[serde(default = "super::default_resamples")]
    pub resamples: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

/// Squares of Webb's factors; each has both signs, and their mean is 1.
const SQUARES: [f64; 3] = [0.5, 1.0, 1.5];

impl Method for Wild {
    fn name(&self) -> &'static str {
        "wild"
    }

    fn count(&self) -> (&'static str, usize) {
        ("resamples", self.resamples)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        format!("wild bootstrap with Student-t tails, {} resamples", self.resamples)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let count = clusters(fitted);
        refits(fitted, self.resamples, "wild", |random, residuals| {
            let factors: Vec<f64> = (0..count)
                .map(|_| {
                    let drawn = random.below(2 * SQUARES.len());
                    let size = SQUARES[drawn / 2].sqrt();
                    if drawn % 2 == 0 { size } else { -size }
                })
                .collect();
            residuals.iter().zip(fitted.clusters).map(|(r, &cluster)| r * factors[cluster]).collect()
        })
    }
}
