//! The residual bootstrap: the design is kept and residuals are resampled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, default_level};
use crate::numerics::mean;
use crate::uncertainty::refits::{displaced, over_centred};
use crate::uncertainty::tangent::Tangent;
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

/// Refits of the law's values with residuals drawn with replacement (Efron 1979, doi:10.1214/aos/1176344552),
/// corrected for leverage and with the tails of Student's t. Groups that are fitted together, and rows along a variable, keep
/// their own scatter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// Number of resamples.
    #[serde(default = "super::default_resamples")]
    pub resamples: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

impl Method for Residual {
    fn count(&self) -> (&'static str, usize) {
        ("resamples", self.resamples)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        format!("residual bootstrap with Student-t tails, {} resamples", self.resamples)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        over_centred(fitted, |fitted| self.drawn(fitted))
    }
}

impl Residual {
    fn drawn(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let tangent = match Tangent::of(fitted) {
            Ok(tangent) => tangent.with_scatter(),
            Err(refused) => return Ok(refused.draws()),
        };
        let residuals = tangent.standardised();
        let centre = mean(&residuals);
        displaced(&tangent, fitted, self.resamples, "residual", |random, common| {
            let drawn: Vec<f64> = residuals.iter().map(|_| residuals[random.below(residuals.len())] - centre).collect();
            tangent.displaced_by(&drawn, random, common)
        })
    }
}
