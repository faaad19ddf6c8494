//! Drops the rows in which a condition holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{check, holds};
use super::{Fault, Transform, Variables};
use crate::dataset::Dataset;

/// Drops the rows in which a condition holds. A condition does not hold where a value is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Drop(pub String);

impl Transform for Drop {
    fn describe(&self) -> String {
        format!("rows with {} are dropped", self.0)
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        check(&self.0, before).map(|()| before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let holds = holds(&self.0, data)?;
        let kept: Vec<usize> = (0..data.rows()).filter(|&row| !holds[row]).collect();
        Ok(data.select(&kept))
    }
}
