//! The interval of an output from its draws.

use crate::answer::Interval;
use crate::numerics::central;

/// The value of an output at one draw of the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Drawn {
    /// A number.
    Value(f64),
    /// Smaller than every number: the smallest value is more than enough.
    Smaller,
    /// Larger than every number: no value is large enough.
    Larger,
    /// No answer; the value could be on either side.
    Unknown,
}

/// The interval of an output from its draws at a coverage level. It contains the estimate.
///
/// A draw without an answer counts against both ends. An end is open if more draws than its tail allows may lie beyond
/// every number. The estimate is a number or one of the infinite cases; `on_bound` says that a parameter lies on a
/// bound.
pub(super) fn interval(estimate: Drawn, sample: &[Drawn], level: f64, on_bound: bool) -> Interval {
    let value = place(estimate, f64::NAN);
    let ends = |unknown: f64| {
        let mut values: Vec<f64> = sample.iter().map(|drawn| place(*drawn, unknown)).collect();
        values.sort_by(f64::total_cmp);
        central(&values, value, level, on_bound)
    };
    let finite = |end: f64| Some(end).filter(|end| end.is_finite());
    Interval { value: finite(value), lower: finite(ends(f64::NEG_INFINITY).0), upper: finite(ends(f64::INFINITY).1) }
}

/// The position of a draw among all numbers.
fn place(drawn: Drawn, unknown: f64) -> f64 {
    match drawn {
        Drawn::Value(value) if value.is_nan() => unknown,
        Drawn::Value(value) => value,
        Drawn::Smaller => f64::NEG_INFINITY,
        Drawn::Larger => f64::INFINITY,
        Drawn::Unknown => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: impl IntoIterator<Item = i32>) -> Vec<Drawn> {
        values.into_iter().map(|value| Drawn::Value(f64::from(value))).collect()
    }

    #[test]
    fn an_interval_contains_the_middle_of_the_draws_and_the_estimate() {
        let ends = |value: f64, sample: &[Drawn]| {
            let found = interval(Drawn::Value(value), sample, 0.5, false);
            (found.value, found.lower, found.upper)
        };
        assert_eq!(ends(45.0, &numbers(0..=100)), (Some(45.0), Some(25.0), Some(75.0)));
        // With too few draws on one side, the interval ends at the estimate.
        assert_eq!(ends(-1.0, &numbers(0..=100)), (Some(-1.0), Some(-1.0), Some(50.0)));
        assert_eq!(ends(101.0, &numbers(0..=100)), (Some(101.0), Some(50.0), Some(101.0)));
        assert_eq!(ends(7.5, &numbers([7; 50])), (Some(7.5), Some(7.0), Some(7.5)));
    }

    #[test]
    fn draws_that_do_not_reach_a_target_open_the_end_on_their_side() {
        let with = |drawn: Drawn, count: usize| [numbers(0..=100), vec![drawn; count]].concat();
        let ends = |value: f64, sample: &[Drawn]| {
            let found = interval(Drawn::Value(value), sample, 0.5, false);
            (found.lower, found.upper)
        };
        assert_eq!(ends(75.0, &with(Drawn::Larger, 50)), (Some(37.5), None));
        assert_eq!(ends(25.0, &with(Drawn::Smaller, 50)), (None, Some(62.5)));
        // The side of draws without an answer is unknown.
        assert_eq!(ends(50.0, &with(Drawn::Unknown, 50)), (None, None));
        assert_eq!(ends(50.0, &with(Drawn::Unknown, 20)), (Some(10.0), Some(90.0)));
    }

    #[test]
    fn an_estimate_out_of_reach_has_an_open_interval() {
        let sample = [numbers(0..=100), vec![Drawn::Larger; 301]].concat();
        let found = interval(Drawn::Larger, &sample, 0.8, false);
        assert_eq!((found.value, found.upper), (None, None));
        assert!((found.lower.unwrap() - 40.1).abs() < 1e-9, "{found:?}");
        let found = interval(Drawn::Smaller, &numbers(0..=100), 0.8, false);
        assert_eq!(found, Interval { value: None, lower: None, upper: Some(80.0) });
    }
}
