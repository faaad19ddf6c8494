//! Least absolute deviation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Objective, Penalty, ResponseScale};

/// The sum of absolute residuals (Laplace 1793), the limit of a Huber penalty whose delta goes to zero.
///
/// It has no curvature, so solvers minimise a sequence of Huber penalties with smaller and smaller delta instead
/// (Clark and Osborne 1986, doi:10.1093/imanum/6.3.379).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeastAbsolute {
    /// Scale of the residuals.
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

    fn broadened(&self, size: f64) -> Option<(Objective, f64)> {
        Some((Objective::bent(size, self.on), 1.0 / size))
    }

    fn describe(&self) -> String {
        "sum of absolute values".to_owned()
    }
}
