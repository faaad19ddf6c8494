//! The distance of an answer from the rows of its fit: one measure for all kinds of queries.

use std::collections::BTreeMap;

use crate::answer::{Extent, Verdict};
use crate::fit::Fit;
use crate::law::Law;

/// Largest factor at which an answer counts as near the rows.
const NEAR: f64 = 10.0;
/// Rounding tolerance between compute in the rows and compute that follows from N and D.
const ROUNDING: f64 = 1e-6;
/// Factor by which the ratio of two variables may differ from the constant ratio of all rows.
const OFF_RAY: f64 = 1.5;

/// The distance of a point from the rows of a fit: the largest factor by which a variable of the law, or the compute
/// that follows from model size and data, lies outside its range.
///
/// `splits` says that the answer balances variables against each other.
pub(crate) fn extent(fit: &Fit, at: &BTreeMap<String, f64>, splits: bool, law: &Law) -> Extent {
    if fit.rows == 0 {
        return Extent { verdict: Verdict::NotFitted, factor: None, by_variable: BTreeMap::new() };
    }
    let mut at = at.clone();
    if let (Some(c), None) = (law.flop(&at), at.get(&law.roles.compute)) {
        at.insert(law.roles.compute.clone(), c);
    }
    let factor = |name: &String, value: f64| {
        let span = fit.spans.get(name)?;
        Some(if law.mixture_of(name).is_some() { span.distance(value) } else { span.factor(value) })
    };
    let by_variable: BTreeMap<String, f64> =
        at.iter().filter_map(|(name, &value)| Some((name.clone(), factor(name, value)?))).collect();
    let factor = by_variable.values().copied().fold(1.0, f64::max);
    let off_ray = fit.rays.iter().any(|ray| match (at.get(&ray.first), at.get(&ray.second)) {
        (Some(first), Some(second)) => splits || ray.ratio.factor(second / first) > OFF_RAY,
        _ => false,
    });
    let verdict = match factor {
        _ if off_ray => Verdict::NotIdentified,
        f if f <= 1.0 + ROUNDING => Verdict::Inside,
        f if f <= NEAR => Verdict::Near,
        _ => Verdict::Far,
    };
    Extent { verdict, factor: Some(factor), by_variable }
}
