//! Huber's penalty with a larger weight on one side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::huber::bent_at;
use super::{Objective, Penalty, ResponseScale};
use crate::quantity::Quantity;

/// Huber's penalty, multiplied by `over` where the law predicts too much, so that the fit follows the lower envelope
/// of the runs. Pull request 554 of `OLMo-core` found that such fits predict better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AsymmetricHuber {
    /// Residual at which the penalty becomes linear.
    #[serde(default = "super::huber::default_delta")]
    pub delta: Quantity,
    /// Weight of residuals above zero (predictions that are too high) relative to those below zero.
    pub over: Quantity,
    /// Scale of the residuals.
    #[serde(default)]
    pub on: ResponseScale,
}

impl Penalty for AsymmetricHuber {
    fn scale(&self) -> ResponseScale {
        self.on
    }

    #[inline(always)]
    fn at(&self, residual: f64) -> (f64, f64, f64) {
        let (cost, first, second) = bent_at(residual, self.delta.0);
        let factor = if residual > 0.0 { self.over.0 } else { 1.0 };
        (factor * cost, factor * first, factor * second)
    }

    fn is_envelope(&self) -> bool {
        true
    }

    fn broadened(&self, size: f64) -> Option<(Objective, f64)> {
        let broad = || Objective::AsymmetricHuber(Self { delta: Quantity(size), ..self.clone() });
        (self.delta.0 < size).then(|| (broad(), self.delta.0 / size))
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![("delta", self.delta.0), ("over", self.over.0)]
    }

    fn describe(&self) -> String {
        let number = crate::numeral::exact;
        format!("sum of Huber({}), {} times as dear above,", number(self.delta.0), number(self.over.0))
    }
}
