//! Least squares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Objective, Penalty, ResponseScale};

/// The square of the residual; the objective is the residual sum of squares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeastSquares {
    /// Scale of the residuals.
    #[serde(default)]
    pub on: ResponseScale,
}

impl Objective {
    /// The sum of squared residuals on a scale.
    pub const fn least_squares(on: ResponseScale) -> Self {
        Self::LeastSquares(LeastSquares { on })
    }
}

impl Penalty for LeastSquares {
    fn scale(&self) -> ResponseScale {
        self.on
    }

    #[inline(always)]
    fn at(&self, residual: f64) -> (f64, f64, f64) {
        (residual * residual, 2.0 * residual, 2.0)
    }

    fn is_square(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        "sum of squares".to_owned()
    }
}
