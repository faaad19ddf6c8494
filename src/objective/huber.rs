//! Huber's penalty.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Objective, Penalty, ResponseScale};
use crate::quantity::Quantity;

/// Quadratic up to `delta` and linear above: r^2/2, then delta (|r| - delta/2) (Huber 1964,
/// doi:10.1214/aoms/1177703732).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Huber {
    /// Residual at which the penalty becomes linear; 1e-3 in Hoffmann et al. 2022.
    #[serde(default = "default_delta")]
    pub delta: Quantity,
    /// Scale of the residuals.
    #[serde(default)]
    pub on: ResponseScale,
}

pub(super) fn default_delta() -> Quantity {
    Quantity(1e-3)
}

/// The default objective of a fit.
pub(super) fn usual() -> Objective {
    Objective::Huber(Huber { delta: default_delta(), on: ResponseScale::Log })
}

impl Objective {
    /// The Huber penalty with this delta, as a smooth stand-in for another penalty.
    pub(super) fn bent(delta: f64, on: ResponseScale) -> Self {
        Self::Huber(Huber { delta: Quantity(delta), on })
    }
}

/// The penalty, its slope and its curvature at a residual.
#[inline(always)]
pub(super) fn bent_at(residual: f64, delta: f64) -> (f64, f64, f64) {
    let size = residual.abs();
    let inside = size <= delta;
    let cost = if inside { 0.5 * residual * residual } else { delta * (size - 0.5 * delta) };
    // Not `clamp`, whose check of its bounds is a branch.
    let first = if residual > delta { delta } else { residual };
    let first = if first < -delta { -delta } else { first };
    (cost, first, if inside { 1.0 } else { 0.0 })
}

impl Penalty for Huber {
    fn scale(&self) -> ResponseScale {
        self.on
    }

    #[inline(always)]
    fn at(&self, residual: f64) -> (f64, f64, f64) {
        bent_at(residual, self.delta.0)
    }

    fn broadened(&self, size: f64) -> Option<(Objective, f64)> {
        (self.delta.0 < size).then(|| (Objective::bent(size, self.on), self.delta.0 / size))
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![("delta", self.delta.0)]
    }

    fn describe(&self) -> String {
        format!("sum of Huber({})", crate::numeral::exact(self.delta.0))
    }
}
