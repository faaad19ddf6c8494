//! Student's t likelihood.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Penalty, ResponseScale};
use crate::quantity::Quantity;

/// The negative log-likelihood of residuals with Student's t distribution, without constants: (nu + 1)/2 ln(1 + r^2 /
/// (nu scale^2)) (Lange, Little and Taylor 1989, J. Am. Stat. Assoc. 84, 881).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentT {
    /// Degrees of freedom. Fewer degrees of freedom reduce the influence of outliers.
    #[serde(default = "default_nu")]
    pub nu: Quantity,
    /// Typical size of a residual.
    pub scale: Quantity,
    /// Scale of the residuals.
    #[serde(default)]
    pub on: ResponseScale,
}

fn default_nu() -> Quantity {
    Quantity(4.0)
}

impl Penalty for StudentT {
    fn scale(&self) -> ResponseScale {
        self.on
    }

    #[inline(always)]
    fn at(&self, residual: f64) -> (f64, f64, f64) {
        let nu = self.nu.0;
        let width = nu * self.scale.0 * self.scale.0;
        let square = residual * residual;
        let sum = width + square;
        let cost = 0.5 * (nu + 1.0) * crate::numerics::ln(sum / width);
        (cost, (nu + 1.0) * residual / sum, (nu + 1.0) * (width - square) / (sum * sum))
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![("nu", self.nu.0), ("scale", self.scale.0)]
    }

    fn describe(&self) -> String {
        let number = crate::numeral::exact;
        format!("Student-t({}, scale {}) log-likelihood", number(self.nu.0), number(self.scale.0))
    }
}
