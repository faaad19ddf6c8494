//! One row per group, for means and medians: the average, its scatter, its standard error and the count.

use super::{Fault, Variables, all_known, groups, is_new, numbers, numeric, only, with_columns};
use crate::dataset::{Column, Dataset};
use crate::expr::Kind;

/// The variables after the step.
pub(super) fn after(of: &[String], by: &[String], before: &Variables) -> Result<Variables, Fault> {
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

/// The variable with the number of rows of a group that have all averaged values.
const COUNT: &str = "rows";

fn beside(name: &str) -> [String; 2] {
    [format!("{name}_sd"), format!("{name}_se")]
}

/// One row per group with the `summary` of each variable's values. Missing values are left out.
pub(super) fn summarised(
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
    let columns = of.iter().map(|name| numbers(data, name)).collect::<Result<Vec<_>, _>>()?;
    let is_whole = |row: &&usize| columns.iter().all(|values| !values[**row].is_nan());
    let count = |group: &Vec<usize>| group.iter().filter(is_whole).count() as f64;
    table.insert(COUNT, Column::Numbers(groups.iter().map(count).collect()));
    Ok(table)
}
