//! The distance of an answer from the rows of its fit: one measure for all kinds of queries.

use std::collections::BTreeMap;

use crate::answer::{Extent, Verdict};
use crate::fit::Fit;
use crate::law::Law;

/// Largest factor at which a variable that is compared by factors is near the rows. Rows that span less than this factor
/// show nothing about a factor, unless the variable is a count.
const NEAR: f64 = 10.0;
/// Largest distance at which another variable is near the rows, in widths of its range.
const NEAR_IN_WIDTHS: f64 = 1.0;
/// Rounding tolerance of factors: of compute in the rows against compute that follows from N and D, and of values that
/// were rounded when they were written.
const ROUNDING: f64 = 1e-6;
/// Factor by which the ratio of two variables may differ from the constant ratio of all rows.
const OFF_RAY: f64 = 1.5;

/// The distance of a point from the rows of a fit. For counts of parameters, data and compute, and for variables whose
/// rows span a factor of ten, it is the largest factor by which one lies outside its range. A factor means nothing for a
/// date, a temperature or a logarithm, so for all other variables it is the largest distance from the range in widths of
/// the range.
///
/// `splits` says that the answer balances variables against each other.
pub(crate) fn extent(fit: &Fit, at: &BTreeMap<String, f64>, splits: bool, law: &Law) -> Extent {
    if fit.rows == 0 {
        return Extent::without_distance(Verdict::NotFitted);
    }
    let mut at = at.clone();
    if let (Some(c), None) = (law.flop(&at), at.get(&law.roles.compute)) {
        at.insert(law.roles.compute.clone(), c);
    }
    let (mut factor, mut by_variable, mut widths) = (1.0_f64, BTreeMap::new(), BTreeMap::new());
    for (name, &value) in &at {
        let Some(span) = fit.spans.get(name) else { continue };
        by_variable.insert(name.clone(), span.factor(value));
        let spans_a_factor = span.lowest > 0.0 && value > 0.0 && span.highest >= NEAR * span.lowest;
        if law.is_count(name) || spans_a_factor {
            factor = factor.max(span.factor(value));
        } else if span.widths(value) > ROUNDING {
            widths.insert(name.clone(), span.widths(value));
        }
    }
    let farthest = widths.values().copied().fold(0.0, f64::max);
    let off_ray = fit.rays.iter().any(|ray| match (at.get(&ray.first), at.get(&ray.second)) {
        (Some(first), Some(second)) => splits || ray.ratio.factor(second / first) > OFF_RAY,
        _ => false,
    });
    let verdict = if off_ray {
        Verdict::NotIdentified
    } else if factor <= 1.0 + ROUNDING && widths.is_empty() {
        Verdict::Inside
    } else if factor <= NEAR * (1.0 + ROUNDING) && farthest <= NEAR_IN_WIDTHS * (1.0 + ROUNDING) {
        Verdict::Near
    } else {
        Verdict::Far
    };
    Extent { verdict, factor: Some(factor), by_variable, widths }
}
