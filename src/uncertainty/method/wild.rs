//! The wild bootstrap: every run keeps the size of its own residuals and gets a random sign and factor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, default_level};
use crate::numerics::Random;
use crate::uncertainty::refits::{displaced, over_centred};
use crate::uncertainty::tangent::{Tangent, Uneven};
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

/// Refits with each cluster's residuals multiplied by one of Webb's six factors (Webb 2023, doi:10.1111/caje.12661),
/// corrected for leverage and with the tails of Student's t. The scatter may differ between runs.
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

/// Squares of Webb's factors. Each factor has both signs, and the mean of the squares is 1.
const SQUARES: [f64; 3] = [0.5, 1.0, 1.5];

impl Method for Wild {
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
        over_centred(fitted, |fitted| self.drawn(fitted))
    }
}

impl Wild {
    fn drawn(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let tangent = match Tangent::of(fitted) {
            Ok(tangent) => tangent.with_scatter(),
            Err(refused) => return Ok(refused.draws()),
        };
        let rows = Uneven::of(&tangent);
        displaced(&tangent, fitted, self.resamples, "wild", |random, common| rows.draw(random, common, webb))
    }
}

/// One of Webb's factors.
fn webb(random: &mut Random) -> f64 {
    let drawn = random.below(2 * SQUARES.len());
    let size = SQUARES[drawn / 2].sqrt();
    if drawn.is_multiple_of(2) { size } else { -size }
}
