//! Comparison of several laws on the same rows, and their combined forecast.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::numerics::exp;

/// A comparison of several laws on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The laws; the fit's own law comes first.
    pub laws: Vec<Candidate>,
    /// The law to quote.
    pub quote: String,
    /// The reason for the choice.
    pub reason: String,
    /// Sizes at which the laws' forecasts are compared: ten times the largest ones.
    pub ahead: BTreeMap<String, f64>,
    /// The laws' forecast there, weighted by their shares. A query with `forecast = "stack"` gives it with an interval.
    pub stack: Option<f64>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// One law of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Name.
    pub law: String,
    /// Free parameters; results contain only identified ones.
    pub parameters: BTreeMap<String, f64>,
    /// Names of parameters that the rows do not identify.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unidentified: Vec<String>,
    /// The minimised sum.
    pub objective: f64,
    /// Akaike's criterion for normal residuals, corrected for few rows (Hurvich and Tsai 1989).
    pub aicc: Option<f64>,
    /// Bayesian information criterion for normal residuals (Schwarz 1978).
    pub bic: f64,
    /// Root mean square of ln(prediction / observation) over rows left out in five parts.
    pub k_fold: Option<f64>,
    /// Root mean square of ln(prediction / observation) over later rows, where only smaller runs are known.
    pub rolling_origin: Option<f64>,
    /// Share of the stacked forecast.
    pub share: f64,
    /// Forecast at ten times the largest sizes, where the rows identify it.
    pub ahead: Option<f64>,
}

/// Combines forecasts of ln y, each with a share: the weighted geometric mean of the forecasts. `None` for an empty list.
pub fn stacked(known: &[(f64, f64)]) -> Option<f64> {
    let sum: f64 = known.iter().map(|(share, _)| share).sum();
    let centre = known.iter().map(|(share, z)| share * z / sum).sum();
    (!known.is_empty()).then(|| exp(centre))
}
