//! Keeps the envelope of loss against compute: the rows that no cheaper row beats (Hoffmann et al. 2022, Approach 1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, all_known, groups, numbers, numeric, within};
use crate::dataset::Dataset;

/// Keeps, within each group, the rows with a lower value than every row of the same or less `along`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The cost, such as compute.
    pub along: String,
    /// The variable to minimise, such as a loss.
    pub lowest: String,
    /// Variables that define groups.
    #[serde(default)]
    pub by: Vec<String>,
    /// Keep only the corners of the lower convex hull in the logarithms of both variables.
    #[serde(default)]
    pub convex: bool,
}

impl Transform for Envelope {
    fn describe(&self) -> String {
        let what = if self.convex { "corners of the lower convex hull of ln" } else { "envelope of" };
        let along = if self.convex { format!("ln {}", self.along) } else { self.along.clone() };
        format!("{what} {} against {along}{}", self.lowest, within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        numeric("along", &self.along, before)?;
        numeric("lowest", &self.lowest, before)?;
        all_known("by", &self.by, before)?;
        Ok(before.clone())
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let (along, low) = (numbers(data, &self.along)?, numbers(data, &self.lowest)?);
        let mut kept = Vec::new();
        for mut group in groups(data, &self.by) {
            group.retain(|&row| !along[row].is_nan() && !low[row].is_nan());
            group.sort_by(|&a, &b| along[a].total_cmp(&along[b]).then(low[a].total_cmp(&low[b])));
            let mut front: Vec<usize> = Vec::new();
            for row in group {
                if front.last().is_none_or(|&last| low[row] < low[last]) {
                    front.push(row);
                }
            }
            kept.extend(if self.convex { corners(&front, along, low)? } else { front });
        }
        kept.sort_unstable();
        Ok(data.select(&kept))
    }
}

/// The corners of the lower convex hull of descending points (Andrew's monotone chain).
fn corners(front: &[usize], along: &[f64], low: &[f64]) -> Result<Vec<usize>, Fault> {
    if front.iter().any(|&row| along[row] <= 0.0 || low[row] <= 0.0) {
        return Err(Fault::new("convex", "a value that is not above zero has no logarithm"));
    }
    let point = |row: usize| (crate::numerics::ln(along[row]), crate::numerics::ln(low[row]));
    let mut hull: Vec<usize> = Vec::new();
    for &row in front {
        let (x, y) = point(row);
        while let [.., before, last] = hull.as_slice() {
            let ((x0, y0), (x1, y1)) = (point(*before), point(*last));
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(row);
    }
    Ok(hull)
}
