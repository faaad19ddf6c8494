//! Least absolute deviation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Penalty, ResponseScale};

/// The sum of absolute residuals (Laplace 1793): what a Huber penalty becomes as its delta goes to zero.
///
/// It has no curvature: solvers minimise Huber penalties of ever smaller delta instead (Clark and
/// Osborne 1986, doi:10.1093/imanum/6.3.379).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeastAbsolute {
    /// Scale on which residuals are taken.
    #[serde(default)]
    pub on: ResponseScale,
}

impl Penalty for LeastAbsolute {
    fn scale(&self) -> ResponseScale {
        self.on
    }

    #[inline(always)]
    fn at(&self, residual: f64) -> (f64, f64, f64) {
        (residual.abs(), if residual == 0.0 { 0.0 } else { residual.signum() }, 0.0)
    }

    fn is_kinked(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        "sum of absolute values".to_owned()
    }
}
