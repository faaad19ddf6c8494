//! The sandwich: a covariance from the curvature of the objective and the spread of the rows' gradients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, default_level};
use crate::numerics::Random;
use crate::uncertainty::refits::{displaced, over_centred};
use crate::uncertainty::tangent::{Tangent, Uneven};
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

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
        over_centred(fitted, |fitted| self.drawn(fitted))
    }
}

impl Sandwich {
    fn drawn(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let tangent = match Tangent::of(fitted) {
            Ok(tangent) => tangent.with_scatter(),
            Err(refused) => return Ok(refused.draws()),
        };
        let rows = Uneven::of(&tangent);
        displaced(&tangent, fitted, self.draws, "sandwich", |random, common| rows.draw(random, common, Random::normal))
    }
}
