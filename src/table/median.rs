//! One row per group: medians, robust standard deviations, standard errors and counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::average::{after, summarised};
use super::{Fault, Transform, Variables, listed, within};
use crate::dataset::Dataset;
use crate::numerics::median;

/// The medians of variables within each group. Each variable `L` adds `L_sd`, which is 1.4826 times the median
/// distance from the median (the standard deviation of normal values), and `L_se`, which is 1.2533 `L_sd` over the
/// root of the count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Median {
    /// The variables.
    pub of: Vec<String>,
    /// Variables that define the groups: rows with equal values form one group.
    pub by: Vec<String>,
}

/// Standard deviation of a normal variable over its median absolute deviation: 1 / quantile(3/4).
const NORMAL_SPREAD: f64 = 1.482_602_218_505_602;
/// Standard error of the median over that of the mean, for normal values: the root of pi / 2.
const NORMAL_MEDIAN: f64 = 1.253_314_137_315_500_3;

impl Transform for Median {
    fn describe(&self) -> String {
        format!("median of {}{}", listed(&self.of), within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        after(&self.of, &self.by, before)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        summarised(data, &self.of, &self.by, |values| {
            if values.is_empty() {
                return [f64::NAN; 3];
            }
            let middle = median(values);
            let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
            let sd = if values.len() > 1 { NORMAL_SPREAD * median(&away) } else { f64::NAN };
            [middle, sd, NORMAL_MEDIAN * sd / (values.len() as f64).sqrt()]
        })
    }
}
