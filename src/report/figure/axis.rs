//! An axis: its range, its scale, and its ticks.

use super::text::{plain, power_of_ten, short};
use crate::numeral;
use crate::numerics::{exp, ln};

/// Relative difference up to which values are drawn as one.
const SAME: f64 = 1e-6;
/// Smallest number above zero.
const SMALLEST: f64 = 5e-324;

/// The scale of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Linear.
    Linear,
    /// Logarithmic.
    Log,
    /// Integers with a name each; 0 is the first.
    Names(Vec<String>),
}

impl Scale {
    /// The scale for sizes: logarithmic, or linear where some value has no logarithm.
    pub(super) fn of_sizes(values: impl IntoIterator<Item = f64>) -> Self {
        if values.into_iter().all(|value| value > 0.0 || !value.is_finite()) { Self::Log } else { Self::Linear }
    }
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Label with unit.
    pub(super) label: String,
    /// Scale.
    pub(super) scale: Scale,
    /// Whether values are counts, which are written as 70B.
    pub(super) counts: bool,
    /// Its low end.
    pub(super) low: f64,
    /// Its high end.
    pub(super) high: f64,
}

impl Axis {
    /// An axis around all values, with a margin; `None` where there are no values.
    pub(super) fn around(label: &str, scale: Scale, values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let log = scale == Scale::Log;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            let place = if log { ln(value) } else { value };
            if place.is_finite() {
                low = low.min(place);
                high = high.max(place);
            }
        }
        if low > high {
            return None;
        }
        // Values that differ by rounding are one value.
        let size = if log { 1.0 } else { low.abs().max(high.abs()) };
        let margin = if high - low > SAME * size { 0.05 * (high - low) } else { 0.1 * low.abs().max(1e-3) };
        // Values may lie at the limits of doubles, where there is no room for a margin.
        let place = |p: f64| if log { exp(p).clamp(SMALLEST, f64::MAX) } else { p };
        let (low, high) = (place(low - margin), place(high + margin));
        let axis = Self { label: label.to_owned(), scale, counts: false, low, high };
        let length = axis.place(axis.high) - axis.place(axis.low);
        (length > 0.0 && length.is_finite()).then_some(axis)
    }

    /// An axis of names.
    pub(super) fn of_names(label: &str, names: Vec<String>) -> Self {
        let high = names.len() as f64 - 0.5;
        Self { label: label.to_owned(), scale: Scale::Names(names), counts: false, low: -0.5, high }
    }

    /// Sets whether values are counts.
    pub(super) fn counting(mut self, counts: bool) -> Self {
        self.counts = counts;
        self
    }

    /// Whether the scale is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.scale == Scale::Log
    }

    /// The value, limited to the range of the axis extended by its own length on either side.
    pub(super) fn nearest_within_reach(&self, value: f64) -> f64 {
        if self.is_log() {
            let length = self.high / self.low;
            return value.clamp(self.low / length, self.high * length);
        }
        let length = self.high - self.low;
        value.clamp(self.low - length, self.high + length)
    }

    /// The position of a value: 0 at the low end, 1 at the high end.
    pub(super) fn share(&self, value: f64) -> f64 {
        (self.place(value) - self.place(self.low)) / (self.place(self.high) - self.place(self.low))
    }

    fn place(&self, value: f64) -> f64 {
        if self.is_log() { ln(value) } else { value }
    }

    /// A value as text.
    pub(super) fn value(&self, value: f64) -> String {
        short(value, self.counts)
    }

    /// About `most` ticks with their texts: powers of ten where there are at least three, else round numbers.
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        if let Scale::Names(names) = &self.scale {
            return names.iter().enumerate().map(|(place, name)| (place as f64, name.clone())).collect();
        }
        let most = most.max(2);
        if self.is_log() {
            let first = (ln(self.low) / std::f64::consts::LN_10).ceil() as i32;
            let last = (ln(self.high) / std::f64::consts::LN_10).floor() as i32;
            let ten = |e: i32| libm::pow(10.0, f64::from(e));
            if last - first >= 2 {
                let step = usize::try_from(last - first).unwrap_or(0) / most + 1;
                return (first..=last).step_by(step).map(|e| (ten(e), self.power(e))).collect();
            }
            if self.high / self.low > 5.0 {
                let leads: &[f64] = if most < 5 { &[1.0, 3.0] } else { &[1.0, 2.0, 5.0] };
                let all = (first - 1..=last).flat_map(|e| leads.iter().map(move |lead| (lead * ten(e), *lead, e)));
                let inside = all.filter(|(value, ..)| (self.low..=self.high).contains(value));
                return inside.map(|(value, lead, e)| (value, self.multiple(value, lead, e))).collect();
            }
        }
        self.round_numbers(most)
    }

    fn power(&self, exponent: i32) -> String {
        let value = libm::pow(10.0, f64::from(exponent));
        if self.counts && (0..16).contains(&exponent) {
            return short(value, true);
        }
        // Small powers are easier to read as plain numbers.
        if (-2..4).contains(&exponent) && self.low >= 5e-3 && self.high < 5e3 {
            return plain(value, usize::try_from(-exponent).unwrap_or(0));
        }
        power_of_ten(exponent)
    }

    fn multiple(&self, value: f64, lead: f64, exponent: i32) -> String {
        if self.counts && (0..16).contains(&exponent) {
            return short(value, true);
        }
        if (-3..5).contains(&exponent) {
            return numeral::trimmed(&plain(value, 3));
        }
        if lead == 1.0 { power_of_ten(exponent) } else { format!("{lead}·{}", power_of_ten(exponent)) }
    }

    fn round_numbers(&self, most: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / most.min(6) as f64;
        let magnitude = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let steps = [0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * magnitude);
        let coarsest = steps.iter().position(|s| *s >= rough * 0.999).unwrap_or(4);
        if steps[0] <= 0.0 || !steps[coarsest].is_finite() {
            return Vec::new();
        }
        let ends = |step: f64| ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        // A single tick shows no scale, so a finer step is taken.
        let several = |step: &f64| ends(*step).0 < ends(*step).1;
        let step = steps[..=coarsest].iter().copied().rev().find(several).unwrap_or(steps[coarsest]);
        let (from, to) = ends(step);
        let values = (from..=to).map(|i| i as f64 * step);
        values.map(|value| (value, self.round(value, step))).collect()
    }

    fn round(&self, value: f64, step: f64) -> String {
        let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
        // Three digits do not tell apart neighbouring ticks of a narrow range.
        let is_small = step < 1e-5 && value.abs() < 100.0 * step;
        if value.abs() >= 1e5 || (self.counts && value.abs() >= 1e3) || is_small || step < 1e-8 {
            return self.value(value);
        }
        plain(value, decimals(step))
    }
}

/// The number of decimals that shows a step exactly.
fn decimals(step: f64) -> usize {
    (0..9).find(|d| (step * libm::pow(10.0, f64::from(*d))).fract().abs() < 1e-6).unwrap_or(9) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, low: f64, high: f64) -> Axis {
        Axis { label: String::new(), scale, counts: false, low, high }
    }

    fn ticks(axis: &Axis) -> Vec<String> {
        axis.ticks(8).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_suit_the_span() {
        assert_eq!(ticks(&axis(Scale::Log, 5e18, 3e23)), ["10¹⁹", "10²⁰", "10²¹", "10²²", "10²³"]);
        assert_eq!(ticks(&axis(Scale::Log, 1.9, 3.1)), ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]);
        assert_eq!(ticks(&axis(Scale::Log, 0.8, 12.0)), ["1", "2", "5", "10"]);
        let linear = axis(Scale::Linear, -0.021, 0.034);
        assert_eq!(ticks(&linear), ["−0.02", "−0.01", "0.00", "0.01", "0.02", "0.03"]);
    }

    #[test]
    fn a_narrow_axis_has_at_least_two_ticks() {
        for (low, high) in [(-0.005, 0.099), (3.08, 3.29), (-0.01, 0.19), (0.96, 1.04), (196.0, 204.0), (0.995, 1.021)]
        {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = axis(scale, if low > 0.0 { low } else { 0.01 }, high);
                let ticks = axis.ticks(2);
                assert!((2..6).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            }
        }
    }

    #[test]
    fn ticks_of_a_narrow_range_differ() {
        assert_eq!(ticks(&axis(Scale::Linear, 0.744_001, 0.744_009)), ["0.744002", "0.744004", "0.744006", "0.744008"]);
        let same = Axis::around("x", Scale::Log, [0.744, 0.744 * (1.0 + 1e-9)]).unwrap();
        let texts = ticks(&same);
        assert!(texts.len() > 1 && texts.windows(2).all(|pair| pair[0] != pair[1]), "{texts:?}");
    }

    #[test]
    fn counts_are_written_in_millions_and_billions() {
        assert_eq!(ticks(&axis(Scale::Log, 3e7, 2e11).counting(true)), ["100M", "1B", "10B", "100B"]);
        assert_eq!(ticks(&axis(Scale::Log, 3e9, 2e10).counting(true)), ["5B", "10B", "20B"]);
    }

    #[test]
    fn an_axis_of_one_value_has_room_around_it() {
        let axis = Axis::around("x", Scale::Log, [2.0]).unwrap();
        assert!(axis.low < 2.0 && axis.high > 2.0);
        assert!(Axis::around("x", Scale::Log, [f64::NAN]).is_none());
    }

    #[test]
    fn extreme_values_give_an_axis_or_none_and_never_hang() {
        let values = [5e-324, 1e-310, 1e-300, 1e-30, 1.0, 1e30, 1e300, f64::MAX];
        for scale in [Scale::Log, Scale::Linear] {
            for low in values {
                for high in values.into_iter().filter(|high| *high >= low) {
                    for sign in if scale == Scale::Log { vec![1.0] } else { vec![1.0, -1.0] } {
                        if let Some(axis) = Axis::around("x", scale.clone(), [sign * low, high]) {
                            assert!(axis.ticks(8).len() < 100, "{low} {high}");
                            assert!(axis.share(high).is_finite(), "{low} {high}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn long_intervals_do_not_squeeze_the_rows() {
        let axis = axis(Scale::Log, 2.0, 4.0);
        assert_eq!(axis.nearest_within_reach(1.5), 1.5);
        assert_eq!(axis.nearest_within_reach(1e9), 8.0);
        assert_eq!(axis.nearest_within_reach(0.0), 1.0);
    }
}
