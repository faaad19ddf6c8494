//! One row per group: means, how values scatter around them, and how many they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::average::{after, summarised};
use super::{Fault, Transform, Variables, listed, within};
use crate::dataset::Dataset;

/// The means of variables within each group. For `L` there are also its standard deviation `L_sd` and its standard error
/// `L_se`, and `rows` is the number of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// The variables.
    pub of: Vec<String>,
    /// Variables that are equal in the rows of a group.
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
