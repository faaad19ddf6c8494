//! Degrees of freedom: independent rows minus fitted parameters.

use super::{Draws, Fitted};
use crate::numerics::Random;

/// Number of independent rows.
pub(super) fn clusters(fitted: &Fitted<'_>) -> usize {
    fitted.clusters.iter().max().map_or(0, |last| last + 1)
}

/// Whether a coordinate of the optimum can move both ways.
pub(super) fn is_inside(fitted: &Fitted<'_>, coordinate: usize) -> bool {
    let c = fitted.problem.coordinates()[coordinate];
    fitted.optimum[coordinate] > c.lower && fitted.optimum[coordinate] < c.upper
}

/// Independent rows minus coordinates that can move; `None` where that is not positive.
pub(super) fn freedom(fitted: &Fitted<'_>) -> Option<usize> {
    let free = (0..fitted.problem.size()).filter(|&j| is_inside(fitted, j)).count();
    clusters(fitted).checked_sub(free).filter(|left| *left > 0)
}

/// The factor that makes a normal vector one of Student's t: the square root of the degrees of freedom over a
/// chi-square.
pub(super) fn stretch(random: &mut Random, freedom: usize) -> f64 {
    (freedom as f64 / chi_square(random, freedom)).sqrt()
}

/// A random number from chi-square with `freedom` degrees of freedom.
pub(super) fn chi_square(random: &mut Random, freedom: usize) -> f64 {
    (0..freedom).map(|_| random.normal()).map(|z| z * z).sum()
}

/// Why a method has no draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are at least as many parameters as independent rows.
    NoFreedom {
        /// Independent rows.
        rows: usize,
        /// Parameters.
        parameters: usize,
    },
    /// Some direction of the parameters leaves the values of the law unchanged.
    Flat,
}

impl Refused {
    /// The refusal of a fit with too few rows.
    pub(super) fn without_freedom(fitted: &Fitted<'_>) -> Self {
        Self::NoFreedom { rows: clusters(fitted), parameters: fitted.problem.size() }
    }

    /// Draws without points and with a warning that gives the reason.
    pub(super) fn draws(self) -> Draws {
        let warning = match self {
            Self::NoFreedom { rows, parameters } => format!(
                "{rows} independent rows leave no degrees of freedom for {parameters} parameters: there are no intervals."
            ),
            Self::Flat => "The objective is flat in some direction at the optimum: there are no intervals.".to_owned(),
        };
        Draws { warnings: vec![warning], ..Draws::default() }
    }
}
