//! Filter: a table to the rows that are used, each dropped row accounted for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Context, Failure, Inputs, Stage, json_bytes};
use crate::account::FilterCounts;
use crate::artifact::Outputs;
use crate::dataset::{Column, Dataset};

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Keeps rows whose variables lie in ranges, ends included.
    Range(BTreeMap<String, [f64; 2]>),
    /// Keeps rows for which a condition holds.
    Keep(String),
    /// Drops rows for which a condition holds.
    Drop(String),
    /// Drops the rows with the highest values of a variable.
    DropHighest(String, usize),
    /// Drops the rows with the lowest values of a variable.
    DropLowest(String, usize),
}

/// A rule and its words for the report.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterRule {
    /// What it does.
    pub kind: RuleKind,
    /// Why.
    pub because: Option<String>,
}

impl RuleKind {
    /// The rule in words.
    pub fn describe(&self) -> String {
        let number = crate::expr::number_text;
        match self {
            Self::Range(ranges) => {
                let all: Vec<String> = ranges
                    .iter()
                    .map(|(name, [low, high])| format!("{name} in [{}, {}]", number(*low), number(*high)))
                    .collect();
                format!("range {}", all.join(", "))
            }
            Self::Keep(condition) => format!("keep {condition}"),
            Self::Drop(condition) => format!("drop {condition}"),
            Self::DropHighest(name, count) => format!("drop the {count} highest {name}"),
            Self::DropLowest(name, count) => format!("drop the {count} lowest {name}"),
        }
    }

    /// Whether each of the rows goes.
    fn drops(&self, data: &Dataset) -> Result<Vec<bool>, Failure> {
        match self {
            Self::Range(ranges) => {
                let mut drops = vec![false; data.rows()];
                for (name, [low, high]) in ranges {
                    for (drop, value) in drops.iter_mut().zip(numbers(data, name)?) {
                        *drop |= !(low <= value && value <= high);
                    }
                }
                Ok(drops)
            }
            Self::Keep(condition) => Ok(truths(data, condition)?.into_iter().map(|holds| !holds).collect()),
            Self::Drop(condition) => truths(data, condition),
            Self::DropHighest(name, count) => Ok(extreme(numbers(data, name)?, *count, true)),
            Self::DropLowest(name, count) => Ok(extreme(numbers(data, name)?, *count, false)),
        }
    }
}

/// Marks the `count` highest or lowest values; of equal ones, the first in the table.
fn extreme(values: &[f64], count: usize, highest: bool) -> Vec<bool> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| if highest { values[b].total_cmp(&values[a]) } else { values[a].total_cmp(&values[b]) });
    let mut marks = vec![false; values.len()];
    order.iter().take(count).for_each(|&row| marks[row] = true);
    marks
}

fn numbers<'a>(data: &'a Dataset, name: &str) -> Result<&'a [f64], Failure> {
    data.numbers(name).ok_or_else(|| Failure::internal(format!("no column of numbers `{name}`")))
}

fn truths(data: &Dataset, condition: &str) -> Result<Vec<bool>, Failure> {
    let expr = crate::expr::parse_printed(condition).map_err(|error| Failure::internal(error.to_string()))?;
    match data.evaluate(&expr) {
        Some(Column::Numbers(truths)) => Ok(truths.into_iter().map(|t| t != 0.0).collect()),
        _ => Err(Failure::internal(format!("`{condition}` cannot be evaluated"))),
    }
}

/// Applies rules in order.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The rules.
    pub rules: Vec<FilterRule>,
}

impl Stage for Filter {
    fn kind(&self) -> &'static str {
        "filter"
    }

    fn impl_rev(&self) -> u32 {
        1
    }

    fn settings(&self) -> serde_json::Value {
        let rules: Vec<&RuleKind> = self.rules.iter().map(|r| &r.kind).collect();
        serde_json::json!({ "rules": rules })
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["counts", "table"]
    }

    fn run(&self, inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, Failure> {
        let mut data = inputs.table("table")?;
        let mut dropped = Vec::new();
        for rule in &self.rules {
            let drops = rule.kind.drops(&data)?;
            let kept: Vec<usize> = (0..data.rows()).filter(|&row| !drops[row]).collect();
            dropped.push(data.rows() - kept.len());
            data = data.select(&kept);
        }
        let counts = FilterCounts { kept: data.rows(), dropped };
        let table = crate::source::to_bytes(&data).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(BTreeMap::from([("table".to_owned(), Arc::new(table)), ("counts".to_owned(), json_bytes(&counts)?)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Origin;

    fn data() -> Dataset {
        let mut data = Dataset::new((1..=5).map(|row| Origin { file: 0, row }).collect());
        data.insert("N", Column::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0]));
        data.insert("L", Column::Numbers(vec![9.0, 7.0, 9.0, 5.0, 4.0]));
        data
    }

    fn kept(kind: &RuleKind) -> Vec<u32> {
        let drops = kind.drops(&data()).unwrap();
        data().origins().iter().zip(drops).filter(|(_, drop)| !drop).map(|(o, _)| o.row).collect()
    }

    #[test]
    fn each_rule_drops_what_it_says() {
        assert_eq!(kept(&RuleKind::Range(BTreeMap::from([("N".to_owned(), [2.0, 4.0])]))), [2, 3, 4]);
        assert_eq!(kept(&RuleKind::Keep("N >= 3".to_owned())), [3, 4, 5]);
        assert_eq!(kept(&RuleKind::Drop("L > 6 and N < 3".to_owned())), [3, 4, 5]);
        assert_eq!(kept(&RuleKind::DropHighest("L".to_owned(), 1)), [2, 3, 4, 5]);
        assert_eq!(kept(&RuleKind::DropLowest("L".to_owned(), 2)), [1, 2, 3]);
        assert_eq!(kept(&RuleKind::DropLowest("L".to_owned(), 9)), [] as [u32; 0]);
    }
}
