//! A law with estimated parameters, its evidence and its uncertainty.

mod choice;
mod estimate;
mod evidence;
mod finite;
mod noise;
mod tested;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::GroupName;
use crate::numerics::Points;
use crate::objective::ResponseScale;

pub use choice::{Candidate, Choice, stacked};
pub use estimate::{Estimate, ProfileCurve, Region, Status};
pub use evidence::{Doubt, Evidence, LocalOptimum, Ray, Reference, Replicates};
pub use noise::{Noise, NoiseTrend, Seen, Span};
pub use tested::{Backtest, Distance, Fold, Holdout, Past};

/// Column with the law's value. Variables cannot have the names of columns that a fit adds to its rows.
pub const PREDICTED: &str = "#predicted";
/// Column with the logarithm of prediction over observation.
pub const RESIDUAL: &str = "#residual";
/// Column with 1 for held-out rows and 0 for fitted rows.
pub const HELD: &str = "#held";

/// A fitted law.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Name of the law.
    pub law: String,
    /// Formula.
    pub formula: String,
    /// Number of fitted rows.
    pub rows: usize,
    /// The minimised sum; `None` without rows.
    pub objective: Option<f64>,
    /// Description of the objective.
    pub objective_kind: String,
    /// Scale of the residuals.
    pub scale: ResponseScale,
    /// Values of the free parameters in the order of the law.
    pub free: Vec<f64>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, Estimate>,
    /// Evidence about the optimum.
    pub evidence: Evidence,
    /// Errors on held-out rows.
    pub holdout: Option<Holdout>,
    /// Errors of past forecasts.
    pub backtest: Option<Backtest>,
    /// Comparison with other laws on the same rows.
    pub choice: Option<Choice>,
    /// Profiles of the free parameters, where the method of the intervals computes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileCurve>,
    /// Joint regions of two parameters, where requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Description of the method of the intervals.
    pub uncertainty: Option<String>,
    /// Coverage of the intervals.
    pub level: Option<f64>,
    /// The range of each variable over the fitted rows, by name.
    pub spans: BTreeMap<String, Span>,
    /// Pairs of variables whose ratio hardly varies over the rows.
    pub rays: Vec<Ray>,
    /// Directions of the free parameters along which the objective is flat, in coordinates (logarithms of parameters
    /// whose scale is `log`). An answer that changes along one of them is not identified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flat: Vec<Vec<f64>>,
    /// Values of the free parameters apart from the estimate that fit the rows as well. An answer that differs between
    /// them is not identified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<Vec<f64>>,
    /// Values of the free parameters far beyond an end of an interval that fit almost as well. An interval that would leave out
    /// what they give has no end there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub far: Vec<Vec<f64>>,
    /// The different settings of the rows, by the law's variables, where they are too few to determine the law. No answer
    /// at another setting is then identified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_few_settings: Vec<Vec<f64>>,
    /// The scatter of a new row.
    pub noise: Noise,
    /// The range of the response, where it is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The smallest and the largest fitted response; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<[f64; 2]>,
    /// Number of draws of the free parameters.
    pub draws: usize,
    /// The column that defines the groups.
    pub by: Option<String>,
    /// The fit of each group, by the column's value.
    pub groups: BTreeMap<GroupName, Fit>,
}

impl Fit {
    /// The fits with parameters of their own: the groups with their names, or the fit itself.
    pub fn members(&self) -> Vec<(Option<&str>, &Self)> {
        if self.groups.is_empty() {
            vec![(None, self)]
        } else {
            self.groups.iter().map(|(group, fit)| (Some(group.0.as_str()), fit)).collect()
        }
    }

    /// Reads the draws of each member from the bytes of the artifact, with the scatter of each draw.
    pub fn read_draws(&mut self, bytes: &[u8]) -> Vec<Points> {
        let most = bytes.len() / 8;
        let mut values =
            bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(<[u8; 8]>::try_from(chunk).unwrap_or_default()));
        let members: Vec<&mut Self> =
            if self.groups.is_empty() { vec![self] } else { self.groups.values_mut().collect() };
        let read = |fit: &mut Self| {
            let count = if fit.free.is_empty() { 0 } else { fit.draws };
            let mut draws = Points::with_capacity(fit.free.len(), count.min(most));
            let mut draw = vec![0.0; fit.free.len()];
            for _ in 0..count {
                draw.iter_mut().zip(values.by_ref()).for_each(|(value, read)| *value = read);
                draws.push(&draw);
                fit.noise.scatter.extend(values.next());
            }
            draws
        };
        members.into_iter().map(read).collect()
    }
}
