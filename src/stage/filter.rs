//! Filter: selects the rows to use, and accounts for each dropped row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Failure, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::artifact::Outputs;
use crate::dataset::{Column, Dataset};
use crate::diagnostic::numbered;
use crate::summary::FilterCounts;
use crate::table::extremes;
use crate::watch::Watch;

/// The action of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Keeps rows whose variables lie in ranges, ends included.
    Range(#[serde(deserialize_with = "ranges")] BTreeMap<String, [f64; 2]>),
    /// Keeps rows for which a condition holds.
    Keep(String),
    /// Drops rows for which a condition holds.
    Drop(String),
    /// Drops the rows with the highest values of a variable.
    DropHighest(Extreme),
    /// Drops the rows with the lowest values of a variable.
    DropLowest(Extreme),
    /// Keeps the rows with the highest values of a variable.
    KeepHighest(Extreme),
    /// Keeps the rows with the lowest values of a variable.
    KeepLowest(Extreme),
}

/// Parses ranges; an end that is not finite does not limit.
fn ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, [f64; 2]>, D::Error> {
    let written = BTreeMap::<String, [Option<f64>; 2]>::deserialize(deserializer)?;
    let ends = |[low, high]: [Option<f64>; 2]| [low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)];
    Ok(written.into_iter().map(|(variable, range)| (variable, ends(range))).collect())
}

/// The rows at one end of a variable's range, of all rows or of each group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extreme {
    /// The variable.
    pub of: String,
    /// Number of rows.
    pub count: usize,
    /// Variables whose values define the groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

impl Extreme {
    fn describe(&self, does: &str, which: &str) -> String {
        let Self { of, count, by } = self;
        let groups = if by.is_empty() { String::new() } else { format!(" of each {}", by.join(", ")) };
        format!("{does} the {count} {which} {of}{groups}")
    }

    /// Whether each row is selected.
    fn marks(&self, data: &Dataset, highest: bool) -> Result<Vec<bool>, Failure> {
        let mut marks = vec![false; data.rows()];
        let rows = extremes(data, numbers(data, &self.of)?, &self.by, self.count, highest);
        rows.into_iter().for_each(|row| marks[row] = true);
        Ok(marks)
    }
}

/// A rule and its description for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterRule {
    /// The action.
    pub kind: RuleKind,
    /// The reason, from the spec.
    pub because: Option<String>,
}

impl RuleKind {
    /// Description of the rule.
    pub fn describe(&self) -> String {
        let number = crate::numeral::exact;
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
            Self::DropHighest(extreme) => extreme.describe("drop", "highest"),
            Self::DropLowest(extreme) => extreme.describe("drop", "lowest"),
            Self::KeepHighest(extreme) => extreme.describe("keep", "highest"),
            Self::KeepLowest(extreme) => extreme.describe("keep", "lowest"),
        }
    }

    /// Whether each row is dropped.
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
            Self::DropHighest(extreme) => extreme.marks(data, true),
            Self::DropLowest(extreme) => extreme.marks(data, false),
            Self::KeepHighest(extreme) => Ok(extreme.marks(data, true)?.into_iter().map(|is| !is).collect()),
            Self::KeepLowest(extreme) => Ok(extreme.marks(data, false)?.into_iter().map(|is| !is).collect()),
        }
    }
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Filter {
    /// The rules.
    pub rules: Vec<FilterRule>,
}

impl Stage for Filter {
    fn kind(&self) -> &'static str {
        "filter"
    }

    fn impl_rev(&self) -> u32 {
        2
    }

    fn settings(&self) -> serde_json::Value {
        let rules: Vec<&RuleKind> = self.rules.iter().map(|r| &r.kind).collect();
        serde_json::json!({ "rules": rules })
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Filter(self.clone()))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["counts", "table"]
    }

    fn account(&self, outputs: &Outputs) -> Vec<String> {
        let counts = outputs.get("counts").and_then(|bytes| serde_json::from_slice::<FilterCounts>(bytes).ok());
        let dropped = counts.map(|counts| counts.dropped).unwrap_or_default();
        let rules = self.rules.iter().zip(dropped).filter(|(_, rows)| *rows > 0);
        rules.map(|(rule, rows)| format!("`{}` dropped {}", rule.kind.describe(), numbered(rows, "row"))).collect()
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
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
        data.insert("family", Column::Texts(["a", "a", "b", "b", "b"].map(str::to_owned).to_vec()));
        data
    }

    fn kept(kind: &RuleKind) -> Vec<u32> {
        let drops = kind.drops(&data()).unwrap();
        data().origins().iter().zip(drops).filter(|(_, drop)| !drop).map(|(o, _)| o.row).collect()
    }

    #[test]
    fn each_rule_drops_the_rows_that_it_describes() {
        assert_eq!(kept(&RuleKind::Range(BTreeMap::from([("N".to_owned(), [2.0, 4.0])]))), [2, 3, 4]);
        assert_eq!(kept(&RuleKind::Keep("N >= 3".to_owned())), [3, 4, 5]);
        assert_eq!(kept(&RuleKind::Drop("L > 6 and N < 3".to_owned())), [3, 4, 5]);
        let of = |count, by: &[&str]| Extreme {
            of: "L".to_owned(),
            count,
            by: by.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(kept(&RuleKind::DropHighest(of(1, &[]))), [2, 3, 4, 5]);
        assert_eq!(kept(&RuleKind::DropLowest(of(2, &[]))), [1, 2, 3]);
        assert_eq!(kept(&RuleKind::DropLowest(of(9, &[]))), [] as [u32; 0]);
        assert_eq!(kept(&RuleKind::KeepLowest(of(1, &["family"]))), [2, 5]);
        assert_eq!(kept(&RuleKind::KeepHighest(of(2, &["family"]))), [1, 2, 3, 4]);
    }
}
