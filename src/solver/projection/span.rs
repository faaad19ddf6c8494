//! The values at which a coordinate is sought.

use crate::law::{Parameter, Scale};
use crate::numerics::{exp, ln};

/// Values of a coordinate to try: from one end of its span to the other, and its bounds beyond that,
/// where an exponent goes whose term the rows do not want.
pub(in crate::solver) fn along(parameter: &Parameter, count: usize) -> Vec<f64> {
    let last = (count.max(2) - 1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| coordinate_at(parameter, i as f64 / last)).collect();
    if parameter.scale == Scale::Linear {
        // At an exponent of nothing a term has no size.
        let least = if parameter.lower == 0.0 { LEAST } else { parameter.lower };
        let (first, last) = (values[0], values[values.len() - 1]);
        if least.is_finite() && least < first {
            values.insert(0, least);
        }
        if parameter.upper.is_finite() && parameter.upper > last {
            values.push(parameter.upper);
        }
    }
    values
}

/// The least exponent that is tried: where a power is nearly a logarithm.
const LEAST: f64 = 1e-4;

/// The coordinate at a share of the span in which a parameter is sought: that of its starts and somewhat
/// more, within its bounds; even in the logarithm where the starts are positive.
pub(in crate::solver) fn coordinate_at(parameter: &Parameter, share: f64) -> f64 {
    let finite = parameter.start.iter().copied().filter(|s| s.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)));
    let (low, high) = if low > high { (parameter.lower.max(-10.0), parameter.upper.min(10.0)) } else { (low, high) };
    if parameter.scale == Scale::Log {
        let (low, high) = (ln(low) - 2.0, ln(high) + 2.0);
        return low + share * (high - low);
    }
    if low > 0.0 {
        let low = (low / 20.0).max(parameter.lower).max(LEAST);
        let high = (high * 2.0).min(parameter.upper);
        return low * exp(share * ln(high / low));
    }
    let margin = 0.25 * (high - low).abs().max(1e-6);
    let (low, high) = ((low - margin).max(parameter.lower), (high + margin).min(parameter.upper));
    low + share * (high - low)
}
