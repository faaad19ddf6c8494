//! Bins: replaces nearby values by one value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Transform, Variables, is_new, numbers, numeric};
use crate::dataset::{Column, Dataset};
use crate::expr::Kind;
use crate::numeral::exact;
use crate::quantity::Quantity;

/// A new variable with the middle of the bin of a value. Exactly one of `width`, `per_decade` and `edges` must be
/// given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// The variable.
    pub of: String,
    /// Name of the new variable.
    pub into: String,
    /// Width of bins that start at 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<Quantity>,
    /// Number of bins per factor of ten, equal in ratio, with one of them centred on 1. The middle is the geometric
    /// mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_decade: Option<u32>,
    /// Edges in ascending order. A value on an edge belongs to the bin above it; a value outside all bins is an
    /// error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<Quantity>>,
}

impl Bin {
    /// The middle of a value's bin; `None` where the value lies in no bin.
    fn middle(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return Some(value);
        }
        match (&self.width, self.per_decade, &self.edges) {
            (Some(width), ..) => Some(((value / width.0).floor() + 0.5) * width.0),
            (_, Some(count), _) if value > 0.0 => {
                let step = (libm::log10(value) * f64::from(count)).round() / f64::from(count);
                // A whole power of ten is exact.
                Some(if step.fract() == 0.0 { format!("1e{step}").parse().ok()? } else { libm::pow(10.0, step) })
            }
            (_, _, Some(edges)) => {
                let pair = edges.windows(2).find(|pair| pair[0].0 <= value && value < pair[1].0)?;
                Some(0.5 * (pair[0].0 + pair[1].0))
            }
            _ => None,
        }
    }
}

impl Transform for Bin {
    fn describe(&self) -> String {
        let how = match (&self.width, self.per_decade, &self.edges) {
            (Some(width), ..) => format!("of width {}", exact(width.0)),
            (_, Some(count), _) => format!("of a {count}th of a decade"),
            (_, _, edges) => format!("between {} edges", edges.as_ref().map_or(0, Vec::len)),
        };
        format!("{} is {} in bins {how}", self.into, self.of)
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        numeric("of", &self.of, before)?;
        is_new("into", &self.into, before)?;
        let given = [self.width.is_some(), self.per_decade.is_some(), self.edges.is_some()];
        if given.into_iter().filter(|given| *given).count() != 1 {
            return Err(Fault::new("of", "`bin` takes one of `width`, `per_decade` and `edges`"));
        }
        let ascends = |edges: &Vec<Quantity>| edges.len() > 1 && edges.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if self.width.is_some_and(|width| !(width.0 > 0.0 && width.0.is_finite())) || self.per_decade == Some(0) {
            return Err(Fault::new(if self.width.is_some() { "width" } else { "per_decade" }, "a bin needs a width"));
        }
        if self.edges.as_ref().is_some_and(|edges| !ascends(edges)) {
            return Err(Fault::new("edges", "edges must be two or more numbers in ascending order"));
        }
        let mut variables = before.clone();
        variables.insert(self.into.clone(), Kind::Number);
        Ok(variables)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, _: usize) -> Result<Dataset, Fault> {
        let middle = |value: &f64| {
            self.middle(*value)
                .ok_or_else(|| Fault::new("of", format!("{} is {}, which lies in no bin", self.of, exact(*value))))
        };
        let middles = numbers(data, &self.of)?.iter().map(middle).collect::<Result<Vec<_>, _>>()?;
        let mut table = data.clone();
        table.insert(&self.into, Column::Numbers(middles));
        Ok(table)
    }
}
