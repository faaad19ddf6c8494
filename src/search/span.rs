//! The range of values in which each coordinate is searched.
//!
//! A parameter with listed starts is searched around those. For any other parameter, the rows determine the range
//! through the parameter's role in the formula (`law/meeting.rs`). A place is searched among the sizes of the rows
//! and outside them, a rate among reciprocals of their differences, and a factor around the value that makes the
//! response, with either sign.

use crate::law::{Chain, Law, Meeting, Parameter, Role, Scale, Side, Terms};
use std::f64::consts::PI;

use crate::numerics::{exp, ln, median};
use crate::objective::ResponseScale;
use crate::problem::Problem;

/// The range of one coordinate: from low to high, with the coordinate's bounds outside it.
#[derive(Clone, Debug)]
pub(super) struct Span {
    spacing: Spacing,
    /// Conversion from the coordinate to the scalar that is spaced.
    chain: Chain,
    /// Whether the rows, and not listed starts, determine the span.
    of_rows: bool,
    /// The part of the spacing, as shares of it, that corresponds to coordinates within the bounds.
    part: (f64, f64),
    /// Bounds outside the range. The exponent of a superfluous term goes there.
    beyond: (Option<f64>, Option<f64>),
}

/// Spacing of the values between low and high.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spacing {
    /// Even.
    Even { low: f64, high: f64 },
    /// Equal factors.
    Factors { low: f64, high: f64 },
    /// Even around zero up to about one unit, and equal factors outside, with both signs.
    Signed { low: f64, high: f64, unit: f64 },
    /// Half of the values evenly between two values, the others in equal factors outside.
    Around { low: f64, high: f64 },
    /// Even, with enough values to try every number of cycles over the rows.
    Cycles { low: f64, high: f64, count: usize },
    /// Equal factors of the distance from a value.
    From { origin: f64, near: f64, far: f64 },
}

/// Smallest exponent that is tried; at this value a power is nearly a logarithm.
const LEAST: f64 = 1e-4;
/// Distance from the listed starts, in logarithms, that the range of a logarithm includes.
const BESIDE_STARTS: f64 = 2.0;
/// Distance from the rows, in logarithms, that the range of a scale includes.
const BESIDE_ROWS: f64 = 3.0;

/// Smallest and largest product of a rate and a difference between rows.
const EXPONENTS: (f64, f64) = (0.02, 50.0);
/// Product of the largest rate and the distance from an outermost row to the next one, at which the row stands out
/// from all others.
const ALONE: f64 = 5.0;
/// Factor by which the range of a factor exceeds the values that the rows suggest.
const BESIDE_SIZE: f64 = 10.0;
/// Distance outside the rows, in units of their extent, at which a place is searched.
const OUTSIDE: f64 = 100.0;
/// Number of shares of a spacing that are checked against the bounds of a coordinate.
const LOOKED_AT: usize = 512;
/// Maximum number of frequencies.
const MOST_CYCLES: usize = 1024;
/// Range of the size of a scalar of which nothing is known.
const UNKNOWN: (f64, f64) = (1e-3, 1e3);

impl Spacing {
    fn at(self, share: f64) -> f64 {
        match self {
            Self::Even { low, high } | Self::Cycles { low, high, .. } => low + share * (high - low),
            Self::Factors { low, high } => low * exp(share * ln(high / low)),
            Self::Signed { low, high, unit } => {
                let (from, to) = (asinh(low / unit), asinh(high / unit));
                unit * sinh(from + share * (to - from))
            }
            Self::Around { low, high } => {
                let (width, place) = (high - low, 2.0 * share - 0.5);
                let outside = |by: f64| width * OUTSIDE * (exp(by * ln(1.0 + OUTSIDE)) - 1.0) / OUTSIDE;
                if place < 0.0 {
                    low - outside(-2.0 * place)
                } else if place > 1.0 {
                    high + outside(2.0 * (place - 1.0))
                } else {
                    low + place * width
                }
            }
            Self::From { origin, near, far } => origin + near * exp(share * ln(far / near)),
        }
    }

    /// The share of the spacing at which a value lies.
    fn share(self, value: f64) -> f64 {
        match self {
            Self::Even { low, high } | Self::Cycles { low, high, .. } => (value - low) / (high - low),
            Self::Factors { low, high } => ln(value.max(low) / low) / ln(high / low),
            Self::Signed { low, high, unit } => {
                let (from, to) = (asinh(low / unit), asinh(high / unit));
                (asinh(value / unit) - from) / (to - from)
            }
            Self::Around { low, high } => {
                let width = high - low;
                let outside = |beyond: f64| 0.5 * ln(1.0 + beyond / width) / ln(1.0 + OUTSIDE);
                let place = if value < low {
                    -outside(low - value)
                } else if value > high {
                    1.0 + outside(value - high)
                } else {
                    (value - low) / width
                };
                0.5 * (place + 0.5)
            }
            Self::From { origin, near, far } => ln(((value - origin) / near).max(f64::MIN_POSITIVE)) / ln(far / near),
        }
    }
}

fn asinh(x: f64) -> f64 {
    if x < 0.0 { -asinh(-x) } else { ln(x + (x * x + 1.0).sqrt()) }
}

fn sinh(x: f64) -> f64 {
    0.5 * (exp(x) - exp(-x))
}

impl Span {
    fn listed(spacing: Spacing, beyond: (Option<f64>, Option<f64>)) -> Self {
        Self { spacing, chain: Chain::default(), of_rows: false, part: (0.0, 1.0), beyond }
    }

    /// The span of a parameter's listed starts and a margin, within its bounds; even in the logarithm where the
    /// starts are positive.
    fn of_starts(parameter: &Parameter) -> Self {
        let finite = parameter.start.iter().copied().filter(|s| s.is_finite());
        let (low, high) = extent(finite).unwrap_or((parameter.lower.max(-10.0), parameter.upper.min(10.0)));
        if parameter.scale == Scale::Log {
            let (low, high) = (ln(low) - BESIDE_STARTS, ln(high) + BESIDE_STARTS);
            return Self::listed(Spacing::Even { low, high }, (None, None));
        }
        let (low, high, spacing): (f64, f64, fn(f64, f64) -> Spacing) = if low > 0.0 {
            let (low, high) = ((low / 20.0).max(parameter.lower).max(LEAST), (high * 2.0).min(parameter.upper));
            (low, high, |low, high| Spacing::Factors { low, high })
        } else {
            let margin = 0.25 * (high - low).abs().max(1e-6);
            let (low, high) = ((low - margin).max(parameter.lower), (high + margin).min(parameter.upper));
            (low, high, |low, high| Spacing::Even { low, high })
        };
        // At an exponent of zero, a term has no size of its own.
        let least = if parameter.lower == 0.0 { LEAST } else { parameter.lower };
        let beyond = (
            (least.is_finite() && least < low).then_some(least),
            (parameter.upper.is_finite() && parameter.upper > high).then_some(parameter.upper),
        );
        Self::listed(spacing(low, high), beyond)
    }

    /// The span of a scale with listed starts: the values at which it equals the size of a row, and a margin, within
    /// its bounds.
    ///
    /// Returns `None` where no row has a size.
    fn of_scale(parameter: &Parameter, sizes: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(sizes.filter(|x| x.is_finite()))?;
        let (margin, least, most) = if parameter.scale == Scale::Log {
            (BESIDE_ROWS, ln(parameter.lower.max(0.0)), ln(parameter.upper))
        } else {
            (0.5 * (high - low), parameter.lower, parameter.upper)
        };
        let (low, high) = ((low - margin).max(least), (high + margin).min(most));
        (low < high).then_some(Self::listed(Spacing::Even { low, high }, (None, None)))
    }

    /// The span of a scalar with the given spacing, limited to coordinates within the bounds; `None` if no coordinate is
    /// within them.
    fn of_rows(spacing: Spacing, chain: &Chain, parameter: &Parameter) -> Option<Self> {
        let (lower, upper) = bounds_of(parameter);
        let reached = (0..=LOOKED_AT).map(|i| i as f64 / LOOKED_AT as f64).filter(|share| {
            let coordinate = chain.coordinate(spacing.at(*share));
            coordinate.is_finite() && lower <= coordinate && coordinate <= upper
        });
        let part = extent(reached).filter(|(from, to)| from < to)?;
        let mut span = Self { spacing, chain: chain.clone(), of_rows: true, part, beyond: (None, None) };
        let (low, high) = (span.at(0.0), span.at(1.0));
        if chain.is_empty() && parameter.scale == Scale::Linear {
            let outside = |bound: f64, is_outside: bool| (bound.is_finite() && is_outside).then_some(bound);
            span.beyond = (outside(lower, lower < low), outside(upper, upper > high));
        }
        Some(span)
    }

    /// Whether the rows, and not listed starts, determine the span.
    pub(super) const fn is_of_rows(&self) -> bool {
        self.of_rows
    }

    /// `count` values from one end to the other, and the bounds outside.
    pub(super) fn values(&self, count: usize) -> Vec<f64> {
        let last = (count.max(2) - 1) as f64;
        let inside = (0..count).map(|i| self.at(i as f64 / last));
        self.beyond.0.into_iter().chain(inside).chain(self.beyond.1).collect()
    }

    /// The coordinate at a share of the span.
    pub(super) fn at(&self, share: f64) -> f64 {
        let (from, to) = self.part;
        self.chain.coordinate(self.spacing.at(if self.of_rows { from + share * (to - from) } else { share }))
    }

    /// The number of values before a coordinate, for values in the order of the span.
    pub(super) fn before(&self, values: &[f64], coordinate: f64) -> usize {
        let at = self.chain.scalar(coordinate);
        values.partition_point(|value| self.chain.scalar(*value) <= at)
    }

    /// The ends of a span that the rows determine, outside which a term is as steep as the rows can show; none for
    /// listed starts.
    pub(super) fn ends(&self) -> Vec<f64> {
        if self.of_rows { [0.0, 1.0].map(|share| self.at(share)).to_vec() } else { Vec::new() }
    }

    /// The distance between two values, as a share of the span.
    pub(super) fn distance(&self, one: f64, other: f64) -> f64 {
        match self.spacing {
            Spacing::Factors { low, high } if !self.of_rows => {
                (ln(one.max(low) / other.max(low)) / ln(high / low)).abs()
            }
            Spacing::Even { low, high } if !self.of_rows => ((one - other) / (high - low)).abs(),
            _ => (self.share(one) - self.share(other)).abs(),
        }
    }

    /// The minimum of the parabola through three neighbouring values; the middle value where the minimum is not
    /// between the others.
    pub(super) fn vertex(&self, x: [f64; 3], costs: [f64; 3]) -> f64 {
        if !self.of_rows {
            return vertex(x, costs);
        }
        let lowest = self.at(vertex(x.map(|x| self.share(x)), costs));
        if lowest.is_finite() { lowest } else { x[1] }
    }

    /// The share of the span at which a coordinate lies.
    fn share(&self, coordinate: f64) -> f64 {
        let (from, to) = self.part;
        (self.spacing.share(self.chain.scalar(coordinate)) - from) / (to - from)
    }

    /// Number of values for this coordinate, where others are searched too.
    pub(super) const fn fineness(&self) -> usize {
        match self.spacing {
            Spacing::Signed { .. } => 32,
            Spacing::Cycles { count, .. } => count,
            Spacing::Around { .. } => 40,
            Spacing::Even { .. } | Spacing::Factors { .. } | Spacing::From { .. } => 24,
        }
    }
}

/// The minimum of the parabola through three points; the middle point where the minimum is not between the others.
fn vertex(x: [f64; 3], y: [f64; 3]) -> f64 {
    let (left, right) = ((y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1]));
    let bend = (right - left) / (x[2] - x[0]);
    let lowest = 0.5 * (x[0] + x[1] - left / bend);
    if bend > 0.0 && x[0] < lowest && lowest < x[2] { lowest } else { x[1] }
}

/// The smallest and the largest of some numbers.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    (low <= high).then_some((low, high))
}

/// The span of each coordinate, for a problem with one block of rows.
pub(super) fn spans(problem: &Problem, law: &Law, terms: Option<&Terms>) -> Vec<Span> {
    let (free, variables, rows) = (law.free(), problem.variables(), problem.rows());
    let mut spans: Vec<Option<Span>> = free.iter().map(|p| (!p.start.is_empty()).then(|| Span::of_starts(p))).collect();
    if let Some(terms) = terms {
        for j in (0..free.len()).filter(|&j| !free[j].start.is_empty()) {
            let mut places = terms.scales().iter().filter(|scale| scale.coordinate == j).peekable();
            if places.peek().is_some() {
                let sizes = places.flat_map(|scale| scale.sizes.values(&scale.sizes.bind(&variables, rows), &[]));
                spans[j] = Span::of_scale(free[j], sizes).or(spans[j].take());
            }
        }
    }
    if spans.iter().any(Option::is_none) {
        by_rows(problem, law, &mut spans);
    }
    spans.into_iter().zip(free).map(|(span, p)| span.unwrap_or_else(|| unknown(p))).collect()
}

/// Fills in the missing spans: first those of coordinates that meet only the variables of rows, then those that meet
/// other coordinates.
fn by_rows(problem: &Problem, law: &Law, spans: &mut [Option<Span>]) {
    let free = law.free();
    let on_log = problem.objective().scale() == ResponseScale::Log;
    let response: Vec<f64> = problem.responses().map(|y| if on_log { exp(y) } else { y }).collect();
    let mut columns = problem.variables();
    columns.push(&response);
    let meetings = law.meetings();
    let mut typical: Vec<f64> = spans.iter().zip(&free).map(|(span, p)| typical_of(span.as_ref(), p)).collect();
    for pass in 0..3 {
        let missing: Vec<usize> = (0..free.len()).filter(|&j| spans[j].is_none()).collect();
        for &j in &missing {
            let own = meetings.iter().filter(|meeting| meeting.coordinate == j && (pass > 0 || !meeting.is_mixed));
            let own = own.filter(|meeting| pass > 1 || !matches!(meeting.role, Role::Open));
            spans[j] = widest(free[j], own, &columns, problem.rows(), &typical);
        }
        for &j in &missing {
            typical[j] = typical_of(spans[j].as_ref(), free[j]);
        }
    }
}

/// A value in the middle of the span, above zero.
fn typical_of(span: Option<&Span>, parameter: &Parameter) -> f64 {
    let usual = if parameter.scale == Scale::Log { 0.0 } else { 1.0_f64.clamp(parameter.lower, parameter.upper) };
    let Some(span) = span else { return usual };
    let share = if matches!(span.spacing, Spacing::Signed { low, .. } if low < 0.0) { 0.75 } else { 0.5 };
    Some(span.at(share)).filter(|x| x.is_finite()).unwrap_or(usual)
}

/// The span of a coordinate's most informative role in the formula, joined with equally informative roles.
fn widest<'m>(
    parameter: &Parameter,
    meetings: impl Iterator<Item = &'m Meeting>,
    columns: &[&[f64]],
    rows: usize,
    typical: &[f64],
) -> Option<Span> {
    let mut best: Option<(u8, Span)> = None;
    for meeting in meetings {
        let values = |tape: &crate::law::Tape| tape.values(&tape.bind(columns, rows), typical);
        let with = values(&meeting.with);
        let (rank, spacing) = match &meeting.role {
            Role::Place(side) => (0, place(&with, *side, parameter.scale)),
            Role::Rate => (1, rate(with)),
            Role::Frequency => (1, frequency(with)),
            Role::Phase => (3, Some(Spacing::Even { low: -PI, high: PI })),
            Role::Factor(size) => (2, factor(&values(size), &with)),
            Role::Shift => (3, shift(&with)),
            Role::Open => (4, Some(Spacing::Signed { low: -UNKNOWN.1, high: UNKNOWN.1, unit: UNKNOWN.0 })),
        };
        let Some(span) = spacing.and_then(|spacing| Span::of_rows(spacing, &meeting.chain, parameter)) else {
            continue;
        };
        best = match best {
            Some((other, before)) if other < rank => Some((other, before)),
            Some((other, before)) if other == rank && before.chain == span.chain => {
                let both = Span::of_rows(joined(before.spacing, span.spacing), &span.chain, parameter);
                Some((rank, both.unwrap_or(before)))
            }
            Some((other, before)) if other == rank => Some((other, before)),
            _ => Some((rank, span)),
        };
    }
    best.map(|(_, span)| span)
}

/// Joins two spacings of one kind; of different kinds, the first.
fn joined(one: Spacing, other: Spacing) -> Spacing {
    match (one, other) {
        (Spacing::Even { low, high }, Spacing::Even { low: l, high: h }) => {
            Spacing::Even { low: low.min(l), high: high.max(h) }
        }
        (Spacing::Around { low, high }, Spacing::Around { low: l, high: h }) => {
            Spacing::Around { low: low.min(l), high: high.max(h) }
        }
        (Spacing::Signed { low, high, unit }, Spacing::Signed { low: l, high: h, unit: u }) => {
            Spacing::Signed { low: low.min(l), high: high.max(h), unit: unit.min(u) }
        }
        _ => one,
    }
}

fn place(values: &[f64], side: Side, scale: Scale) -> Option<Spacing> {
    let (low, high) = extent(values.iter().copied().filter(|x| x.is_finite()))?;
    let width = if high > low { high - low } else { high.abs().max(f64::MIN_POSITIVE) };
    let far = OUTSIDE * width.max(low.abs()).max(high.abs());
    Some(match side {
        // The logarithm of a scale lies near the logarithms of the rows.
        Side::Either if scale == Scale::Log => Spacing::Even { low: low - BESIDE_ROWS, high: high + BESIDE_ROWS },
        Side::Either if high > low => Spacing::Around { low, high },
        Side::Either => Spacing::Around { low: low - width, high: high + width },
        Side::Above => Spacing::From { origin: high, near: 1e-3 * width, far },
        Side::Below => Spacing::From { origin: low, near: -1e-3 * width, far: -far },
    })
}

fn rate(mut values: Vec<f64>) -> Option<Spacing> {
    values.retain(|x| x.is_finite());
    values.sort_by(f64::total_cmp);
    values.dedup();
    let (low, high) = (*values.first()?, *values.last()?);
    let width = high - low;
    if width <= 0.0 {
        return None;
    }
    let gap = (values[1] - low).min(high - values[values.len() - 2]);
    let most = (EXPONENTS.1 / width).max(ALONE / gap).min(1e3 * EXPONENTS.1 / width);
    Some(Spacing::Signed { low: -most, high: most, unit: EXPONENTS.0 / width })
}

/// Frequencies from a quarter of a cycle over all rows to one cycle over two neighbours.
fn frequency(mut values: Vec<f64>) -> Option<Spacing> {
    values.retain(|x| x.is_finite());
    values.sort_by(f64::total_cmp);
    values.dedup();
    let gaps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let width: f64 = gaps.iter().sum();
    if width <= 0.0 {
        return None;
    }
    let (low, high) = (0.5 * PI / width, PI / median(&gaps));
    let count = (high / low) as usize;
    (low < high).then_some(Spacing::Cycles { low, high, count: count.clamp(32, MOST_CYCLES) })
}

fn factor(sizes: &[f64], with: &[f64]) -> Option<Spacing> {
    let ratios = sizes.iter().zip(with).map(|(size, with)| (size / with).abs());
    let (low, high) = extent(ratios.filter(|ratio| ratio.is_finite() && *ratio > 0.0))?;
    let most = high * BESIDE_SIZE;
    Some(Spacing::Signed { low: -most, high: most, unit: low / BESIDE_SIZE })
}

fn shift(values: &[f64]) -> Option<Spacing> {
    let (low, high) = extent(values.iter().copied().filter(|x| x.is_finite()))?;
    let most = 3.0 * low.abs().max(high.abs()) + 10.0;
    Some(Spacing::Even { low: -most, high: most })
}

/// The span of a coordinate without listed starts and without information from the rows.
fn unknown(parameter: &Parameter) -> Span {
    let spacing = if parameter.scale == Scale::Log {
        Spacing::Even { low: ln(UNKNOWN.0), high: ln(UNKNOWN.1) }
    } else if parameter.lower.is_finite() && parameter.upper.is_finite() {
        Spacing::Even { low: parameter.lower, high: parameter.upper }
    } else {
        Spacing::Signed { low: parameter.lower.max(-UNKNOWN.1), high: parameter.upper.min(UNKNOWN.1), unit: UNKNOWN.0 }
    };
    let part = (0.0, 1.0);
    Span { spacing, chain: Chain::default(), of_rows: true, part, beyond: (None, None) }
}

/// The bounds of a parameter's coordinate.
fn bounds_of(parameter: &Parameter) -> (f64, f64) {
    let place = |bound: f64| if parameter.scale == Scale::Log { ln(bound) } else { bound };
    (place(parameter.lower), place(parameter.upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Variable;
    use crate::objective::{LeastSquares, Objective};

    /// The span of a parameter in a law of x, over rows x with responses y.
    fn span(formula: &str, name: &str, x: &[f64], y: &[f64]) -> Span {
        let variable = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("test", formula, &[variable]).unwrap();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
        let problem = Problem::new(&law, &objective, &[x], y, None);
        let place = law.free().iter().position(|p| p.name == name).unwrap();
        spans(&problem, &law, None).swap_remove(place)
    }

    /// Asserts that the positive part of a span goes from below `low` to above `high`.
    fn holds(span: &Span, low: f64, high: f64) {
        let values: Vec<f64> = span.values(400).into_iter().filter(|x| *x > 0.0).collect();
        let (least, most) = extent(values.into_iter()).unwrap();
        assert!(least < low && high < most, "{least:e} to {most:e} for {low:e} to {high:e}");
    }

    #[test]
    fn spans_follow_the_rows_in_any_unit() {
        for unit in [1e-16, 1.0, 1e26] {
            let x: Vec<f64> = (1..=20).map(|i| unit * f64::from(i)).collect();
            let y = vec![3.0; 20];
            let is = |formula: &str, low: f64, high: f64| holds(&span(formula, "k", &x, &y), low, high);
            is("y = a + b * exp(-x / k)", 0.3 * unit, 100.0 * unit);
            is("y = a + b * exp(-x * k)", 0.01 / unit, 3.0 / unit);
            is("y = a + b * (x - k)^2", unit, 20.0 * unit);
            is("y = a + b / (1 + exp(-(x - m) / k))", 0.7 * unit, 20.0 * unit);
            is("y = a + b * exp(-(x - m)^2 / k^2)", 0.7 * unit, 20.0 * unit);
            is("y = a * x / (k + x)", unit, 100.0 * unit);
            is("y = a / (1 + k * x)", 0.01 / unit, 3.0 / unit);
        }
    }

    #[test]
    fn a_rate_has_the_same_span_in_every_spelling() {
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let y = vec![3.0; 20];
        let at = |formula: &str, of: fn(f64) -> f64| {
            let span = span(formula, "k", &x, &y);
            let rates: Vec<f64> = span.values(8).into_iter().map(of).collect();
            extent(rates.into_iter().filter(|rate| *rate > 0.0)).unwrap()
        };
        let (low, high) = at("y = a + b * exp(-k * x)", |k| k);
        for (formula, of) in [
            ("y = a + b * exp(-x / k)", (|k| 1.0 / k) as fn(f64) -> f64),
            ("y = a + b * exp(-exp(k) * x)", exp),
            ("y = a + b * exp(-k^2 * x)", |k| k * k),
            ("y = a + b * exp(-x * k / 1.6e-16)", |k| k / 1.6e-16),
        ] {
            let found = at(formula, of);
            assert!(found.0 < 3.0 * low && (found.1 / high - 1.0).abs() < 0.02, "{formula}: {found:?} {low} {high}");
        }
    }

    #[test]
    fn a_place_is_on_the_side_that_a_logarithm_allows() {
        let x: Vec<f64> = (1..=20).map(f64::from).collect();
        let y = vec![3.0; 20];
        let values = span("y = a * (x - d)^b", "d", &x, &y).values(50);
        assert!(values.iter().all(|d| *d < 1.0) && values.iter().any(|d| *d > 0.9), "{values:?}");
        let values = span("y = a * (x + d)^b", "d", &x, &y).values(50);
        assert!(values.iter().all(|d| *d > -1.0) && values.iter().any(|d| *d > 50.0), "{values:?}");
        let values = span("y = a * ln(d - x)", "d", &x, &y).values(50);
        assert!(values.iter().all(|d| *d > 20.0), "{values:?}");
    }

    #[test]
    fn spans_stay_within_given_bounds() {
        let x: Vec<f64> = (1..=20).map(f64::from).collect();
        let variable = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let bounds = |low: f64, high: f64| crate::law::ParameterText {
            bounds: Some([crate::quantity::Quantity(low), crate::quantity::Quantity(high)]),
            ..Default::default()
        };
        for (low, high) in [(0.0, f64::INFINITY), (2.0, 3.0), (-4.0, -3.0), (1e6, 1e7)] {
            let law = Law::from_formula("test", "y = a + b * exp(-x / k)", std::slice::from_ref(&variable)).unwrap();
            let law = law.with_parameters(&[("k".to_owned(), bounds(low, high))].into()).unwrap();
            let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
            let problem = Problem::new(&law, &objective, &[&x], &[3.0; 20], None);
            let place = law.free().iter().position(|p| p.name == "k").unwrap();
            let values = spans(&problem, &law, None)[place].values(60);
            assert!(values.iter().all(|k| low <= *k && *k <= high), "{low} to {high}: {values:?}");
            assert!(values.len() > 10);
        }
    }
}
