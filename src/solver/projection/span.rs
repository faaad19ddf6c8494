//! The values at which a coordinate is sought.

use crate::law::{Parameter, Scale};
use crate::numerics::{exp, ln};

/// Where a coordinate is sought: from a low to a high value, and its bounds beyond that.
#[derive(Clone, Debug)]
pub(in crate::solver) struct Span {
    low: f64,
    high: f64,
    /// Whether values are even in the logarithm.
    by_factors: bool,
    /// The bounds outside, where an exponent goes whose term the rows do not want.
    beyond: (Option<f64>, Option<f64>),
}

/// The least exponent that is tried: where a power is nearly a logarithm.
const LEAST: f64 = 1e-4;
/// How far beyond the listed starts a logarithm is sought.
const BESIDE_STARTS: f64 = 2.0;
/// How far beyond the rows the logarithm of a scale is sought.
const BESIDE_ROWS: f64 = 3.0;

impl Span {
    /// That of a parameter's listed starts and somewhat more, within its bounds; even in the logarithm where they are
    /// positive.
    pub(in crate::solver) fn of(parameter: &Parameter) -> Self {
        let finite = parameter.start.iter().copied().filter(|s| s.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)));
        let (low, high) =
            if low > high { (parameter.lower.max(-10.0), parameter.upper.min(10.0)) } else { (low, high) };
        if parameter.scale == Scale::Log {
            let (low, high) = (ln(low) - BESIDE_STARTS, ln(high) + BESIDE_STARTS);
            return Self { low, high, by_factors: false, beyond: (None, None) };
        }
        let by_factors = low > 0.0;
        let (low, high) = if by_factors {
            ((low / 20.0).max(parameter.lower).max(LEAST), (high * 2.0).min(parameter.upper))
        } else {
            let margin = 0.25 * (high - low).abs().max(1e-6);
            ((low - margin).max(parameter.lower), (high + margin).min(parameter.upper))
        };
        // At an exponent of nothing a term has no size.
        let least = if parameter.lower == 0.0 { LEAST } else { parameter.lower };
        let beyond = (
            (least.is_finite() && least < low).then_some(least),
            (parameter.upper.is_finite() && parameter.upper > high).then_some(parameter.upper),
        );
        Self { low, high, by_factors, beyond }
    }

    /// That of a coordinate that sets a scale: where it equals the size of a row, and somewhat more, within its bounds;
    /// none where no row has a size.
    pub(in crate::solver) fn of_scale(parameter: &Parameter, sizes: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = sizes.filter(|x| x.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (margin, least, most) = if parameter.scale == Scale::Log {
            (BESIDE_ROWS, ln(parameter.lower.max(0.0)), ln(parameter.upper))
        } else {
            (0.5 * (high - low), parameter.lower, parameter.upper)
        };
        let (low, high) = ((low - margin).max(least), (high + margin).min(most));
        (low < high).then_some(Self { low, high, by_factors: false, beyond: (None, None) })
    }

    /// So many values from one end to the other, and the bounds beyond.
    pub(in crate::solver) fn values(&self, count: usize) -> Vec<f64> {
        let last = (count.max(2) - 1) as f64;
        let inside = (0..count).map(|i| self.at(i as f64 / last));
        self.beyond.0.into_iter().chain(inside).chain(self.beyond.1).collect()
    }

    /// The coordinate at a share of the span.
    pub(in crate::solver) fn at(&self, share: f64) -> f64 {
        if self.by_factors {
            self.low * exp(share * ln(self.high / self.low))
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    /// How far apart two values are, as a share of the span.
    pub(in crate::solver) fn distance(&self, one: f64, other: f64) -> f64 {
        if self.by_factors {
            (ln(one.max(self.low) / other.max(self.low)) / ln(self.high / self.low)).abs()
        } else {
            ((one - other) / (self.high - self.low)).abs()
        }
    }
}
