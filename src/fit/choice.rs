//! Comparison of several laws on the same rows, and their combined forecast.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Prediction;
use crate::numerics::{exp, normal_mixture_quantile};

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
    /// The laws' forecast there, weighted by their shares.
    pub stack: Option<Prediction>,
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

/// Smallest error of ln y that is attributed to a law.
const LEAST_ERROR: f64 = 1e-9;

/// Combines forecasts of ln y, each with a share and a past error. The interval is that of their mixture, which
/// includes their disagreement and their errors. Returns `None` for an empty list.
pub fn stacked(known: &[(f64, f64, f64)], level: f64) -> Option<Prediction> {
    let sum: f64 = known.iter().map(|(share, ..)| share).sum();
    if known.is_empty() {
        return None;
    }
    let centre: f64 = known.iter().map(|(share, z, _)| share * z / sum).sum();
    let parts: Vec<(f64, f64, f64)> =
        known.iter().map(|(share, z, error)| (share / sum, *z, error.max(LEAST_ERROR))).collect();
    let end = |p: f64| exp(normal_mixture_quantile(&parts, p));
    let (lower, upper) = (end((1.0 - level) / 2.0), end(f64::midpoint(1.0, level)));
    // A distant law with a small share changes the mean but not the interval.
    Some(Prediction { value: exp(centre).clamp(lower, upper), lower, upper })
}
