//! Where a solver moves: a parameter, or its logarithm.

use crate::law::{Parameter, Scale};
use crate::numerics::{exp, ln};

/// The place of one free parameter in a solver's vector.
///
/// A solver moves in *coordinates*: the parameter itself, or its logarithm where its scale is `log`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// Whether the coordinate is the logarithm of the parameter.
    pub log: bool,
    /// Lowest value of the coordinate.
    pub lower: f64,
    /// Highest value of the coordinate.
    pub upper: f64,
    /// The parameter's own bounds.
    pub bounds: (f64, f64),
}

impl Coordinate {
    /// That of a parameter.
    pub(super) fn of_parameter(parameter: &Parameter) -> Self {
        let log = parameter.scale == Scale::Log;
        let place = |value: f64| if log { ln(value) } else { value };
        let bounds = (parameter.lower, parameter.upper);
        Self { log, lower: place(bounds.0), upper: place(bounds.1), bounds }
    }

    /// Whether it may move: a coordinate that is held has one value.
    pub fn is_free(self) -> bool {
        self.lower < self.upper
    }

    /// The same coordinate without bounds, unless it is held; a logarithm's parameter stays above zero.
    pub(super) fn unbounded(self) -> Self {
        if !self.is_free() {
            return self;
        }
        let lowest = if self.log { 0.0 } else { f64::NEG_INFINITY };
        Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY, bounds: (lowest, f64::INFINITY), ..self }
    }

    /// The coordinate of a parameter's value, brought within the bounds.
    pub fn of(self, parameter: f64) -> f64 {
        let value = if self.log { ln(parameter) } else { parameter };
        value.clamp(self.lower, self.upper)
    }

    /// The bounds of the coordinate that are finite and not those of a logarithm, which only keep numbers in range.
    pub fn finite_bounds(self) -> impl Iterator<Item = f64> {
        [self.lower, self.upper].into_iter().filter(move |bound| bound.is_finite() && !self.log)
    }

    /// The parameter's value at a coordinate.
    pub fn parameter(self, coordinate: f64) -> f64 {
        let (lower, upper) = self.bounds;
        // A bound is given back as it was written, not as the exponential of its logarithm.
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
