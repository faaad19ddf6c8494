//! A solver's variable: a parameter or its logarithm.

use crate::law::{Parameter, Scale};
use crate::numerics::{exp, ln};

/// One free parameter as a solver sees it.
///
/// A solver works in *coordinates*: the parameter itself, or its logarithm where the parameter's scale is `log`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// Whether the coordinate is the logarithm of the parameter.
    pub log: bool,
    /// Lowest value of the coordinate.
    pub lower: f64,
    /// Highest value of the coordinate.
    pub upper: f64,
    /// Bounds of the parameter itself.
    pub bounds: (f64, f64),
}

impl Coordinate {
    /// The coordinate of a parameter.
    pub(super) fn of_parameter(parameter: &Parameter) -> Self {
        let log = parameter.scale == Scale::Log;
        let place = |value: f64| if log { ln(value) } else { value };
        let bounds = (parameter.lower, parameter.upper);
        Self { log, lower: place(bounds.0), upper: place(bounds.1), bounds }
    }

    /// Whether the coordinate may move; a held coordinate has equal bounds.
    pub fn is_free(self) -> bool {
        self.lower < self.upper
    }

    /// The same coordinate without bounds. A held coordinate stays held, and a parameter on a log scale stays above
    /// zero.
    pub(super) fn unbounded(self) -> Self {
        if !self.is_free() {
            return self;
        }
        let lowest = if self.log { 0.0 } else { f64::NEG_INFINITY };
        Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY, bounds: (lowest, f64::INFINITY), ..self }
    }

    /// The coordinate for a value of the parameter, limited to the bounds.
    pub fn of(self, parameter: f64) -> f64 {
        let value = if self.log { ln(parameter) } else { parameter };
        value.clamp(self.lower, self.upper)
    }

    /// The finite bounds. Bounds of a logarithm are left out, because they only keep numbers in range.
    pub fn finite_bounds(self) -> impl Iterator<Item = f64> {
        [self.lower, self.upper].into_iter().filter(move |bound| bound.is_finite() && !self.log)
    }

    /// The parameter's value at a coordinate.
    pub fn parameter(self, coordinate: f64) -> f64 {
        let (lower, upper) = self.bounds;
        // At a bound, return the bound exactly as written and not the exponential of its logarithm.
        if coordinate <= self.lower {
            lower
        } else if coordinate >= self.upper {
            upper
        } else if self.log {
            exp(coordinate)
        } else {
            coordinate
        }
    }
}
