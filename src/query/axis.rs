//! The coordinate along which a variable is searched: its logarithm, or for a variable that may be zero or negative, its
//! value.

use crate::fit::Span;
use crate::law::Law;
use crate::numerics::{exp, ln};

/// A coordinate of one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// The logarithm of a positive variable.
    Logarithm,
    /// The value of a variable whose rows are not all positive, such as a date, a temperature or a logarithm.
    Value(Span),
}

/// Distances of the points on an axis of values from the middle of the rows, in widths of their range: they grow like
/// sinh, so that points are close together among the rows and reach far beyond them.
const CLOSE: f64 = 0.125;
const SPACING: f64 = 0.25;
const OUTERMOST: i32 = 68;

impl Axis {
    /// The axis of a variable, from its range over the rows of the fit.
    pub(super) fn of(law: &Law, name: &str, span: Option<Span>) -> Self {
        let is_finite = |span: &Span| span.lowest.is_finite() && span.highest.is_finite();
        let is_value = |span: &Span| span.lowest <= 0.0 && span.lowest < span.highest && is_finite(span);
        match span.filter(is_value) {
            Some(span) if !law.is_count(name) => Self::Value(span),
            _ => Self::Logarithm,
        }
    }

    /// The value of the variable at a coordinate.
    pub(super) fn value(self, coordinate: f64) -> f64 {
        match self {
            Self::Logarithm => exp(coordinate),
            Self::Value(_) => coordinate,
        }
    }

    /// The coordinate of a value.
    pub(super) fn coordinate(self, value: f64) -> f64 {
        match self {
            Self::Logarithm => ln(value),
            Self::Value(_) => value,
        }
    }

    /// Coordinates close together among the rows of a variable that counts nothing, whose values may differ by little: a
    /// year, a temperature, a share.
    pub(super) fn among_rows(self, law: &Law, name: &str, span: Option<Span>) -> Vec<f64> {
        let (Self::Logarithm, Some(span), false) = (self, span, law.is_count(name)) else { return Vec::new() };
        if !(span.lowest < span.highest && span.highest.is_finite()) {
            return Vec::new();
        }
        let values = Self::Value(span).far().unwrap_or_default();
        values.into_iter().filter(|value| *value > 0.0).map(ln).collect()
    }

    /// Ascending coordinates of an axis of values, far beyond the rows on both sides; `None` for an axis of logarithms.
    pub(super) fn far(self) -> Option<Vec<f64>> {
        let Self::Value(span) = self else { return None };
        let (middle, width) = (f64::midpoint(span.lowest, span.highest), span.highest - span.lowest);
        let sinh = |x: f64| 0.5 * (exp(x) - exp(-x));
        let place = |i: i32| middle + width * CLOSE * sinh(SPACING * f64::from(i));
        Some((-OUTERMOST..=OUTERMOST).map(place).collect())
    }
}
