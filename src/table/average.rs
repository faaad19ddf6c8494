//! One row per group: means or medians of values, their scatter and their number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, Transform, Variables, all_known, groups, is_new, listed, numbers, numeric, only, with_columns, within,
};
use crate::dataset::{Column, Dataset};
use crate::expr::Kind;
use crate::numerics::median;

/// The means of variables within each group. For `L`, the step also adds the standard deviation `L_sd` and the
/// standard error `L_se`; `rows` is the number of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// The variables.
    pub of: Vec<String>,
    /// Variables that define groups.
    pub by: Vec<String>,
}

/// The medians of variables within each group. For `L`, the step also adds `L_sd`, which is 1.4826 times the median
/// distance from the median (the standard deviation of normal values), and `L_se`, which is 1.2533 `L_sd` divided by
/// the square root of the count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Median {
    /// The variables.
    pub of: Vec<String>,
    /// Variables that define groups.
    pub by: Vec<String>,
}

/// Ratio of the standard deviation of a normal variable to its median absolute deviation: 1 / quantile(3/4).
const NORMAL_SPREAD: f64 = 1.482_602_218_505_602;
/// Ratio of the standard error of a median to that of a mean, for normal values: the square root of pi / 2.
const NORMAL_MEDIAN: f64 = 1.253_314_137_315_500_3;

impl Transform for Mean {
    fn describe(&self) -> String {
        format!("mean of {}{}", listed(&self.of), within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        after(&self.of, &self.by, before)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>) -> Result<Dataset, Fault> {
        summarised(data, &self.of, &self.by, |values| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            let sd = (squares / (count - 1.0)).sqrt();
            [mean, sd, sd / count.sqrt()]
        })
    }
}

impl Transform for Median {
    fn describe(&self) -> String {
        format!("median of {}{}", listed(&self.of), within(&self.by))
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        after(&self.of, &self.by, before)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>) -> Result<Dataset, Fault> {
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

fn after(of: &[String], by: &[String], before: &Variables) -> Result<Variables, Fault> {
    of.iter().try_for_each(|name| numeric("of", name, before))?;
    all_known("by", by, before)?;
    if let Some(name) = of.iter().find(|name| by.contains(name)) {
        return Err(Fault::new("of", format!("`{name}` is equal within each group; it has no mean of its own")));
    }
    let mut variables = only(before, by);
    for name in of {
        variables.insert(name.clone(), Kind::Number);
        for beside in beside(name) {
            is_new("of", &beside, before)?;
            variables.insert(beside, Kind::Number);
        }
    }
    is_new("by", COUNT, &variables)?;
    variables.insert(COUNT.to_owned(), Kind::Number);
    Ok(variables)
}

/// The variable with the number of rows of a group.
const COUNT: &str = "rows";

fn beside(name: &str) -> [String; 2] {
    [format!("{name}_sd"), format!("{name}_se")]
}

/// One row per group with the `summary` of each variable's values, without missing values.
fn summarised(
    data: &Dataset,
    of: &[String],
    by: &[String],
    summary: impl Fn(&[f64]) -> [f64; 3],
) -> Result<Dataset, Fault> {
    let groups = groups(data, by);
    let firsts: Vec<usize> = groups.iter().map(|group| group[0]).collect();
    let mut table = with_columns(data, &firsts, by);
    for name in of {
        let values = numbers(data, name)?;
        let summaries: Vec<[f64; 3]> = groups
            .iter()
            .map(|group| {
                let there: Vec<f64> = group.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
                summary(&there)
            })
            .collect();
        let [sd, se] = beside(name);
        for (place, name) in [name, &sd, &se].into_iter().enumerate() {
            table.insert(name, Column::Numbers(summaries.iter().map(|summary| summary[place]).collect()));
        }
    }
    table.insert(COUNT, Column::Numbers(groups.iter().map(|group| group.len() as f64).collect()));
    Ok(table)
}
