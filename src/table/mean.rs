//! One row per group: means, standard deviations, standard errors and counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::average::{after, summarised};
use super::{Fault, Transform, Variables, listed, within};
use crate::dataset::Dataset;

/// The means of variables within each group. Each variable `L` adds its standard deviation `L_sd` and its standard
/// error `L_se`. `rows` is the number of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// The variables.
    pub of: Vec<String>,
    /// Variables that define the groups: rows with equal values form one group.
    pub by: Vec<String>,
}

impl Transform for Mean {
    fn describe(&self) -> String {
        format!("mean of {}{}", listed(&self.of), within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        after(&self.of, &self.by, before)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        summarised(data, &self.of, &self.by, |values| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            let sd = (squares / (count - 1.0)).sqrt();
            [mean, sd, sd / count.sqrt()]
        })
    }
}
