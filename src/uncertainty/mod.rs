//! The uncertainty of a fit: a sample of parameter vectors that are consistent with the rows.
//!
//! `method/` has one file per method. Every method gives draws, so that the answer to any query has an interval. The
//! other files are what methods share: noise, degrees of freedom, dispersion, refits, their division, and the linear
//! model at an optimum.

mod curvature;
mod dispersion;
mod division;
mod freedom;
mod group_scatter;
mod levels;
mod method;
mod noise;
mod open_ends;
mod refits;
mod tangent;

pub use division::{Batch, Division, Recorder};
pub use group_scatter::{GroupResiduals, scatter_of_groups};
pub use method::*;
pub use noise::{chi_square_quantile, noise, scatter_equally};

use crate::law::Law;
use crate::numerics::Points;
use crate::problem::Problem;
use crate::watch::Watch;

/// Minimum number of draws or resamples, from which an interval can be read.
pub const FEWEST_DRAWS: usize = 20;

/// The input of a method.
pub struct Fitted<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Its law.
    pub law: &'a Law,
    /// Its optimum in coordinates.
    pub optimum: &'a [f64],
    /// Other optima of its search that are nearly as good, so that with other rows one of them could be the best.
    pub rivals: &'a [Vec<f64>],
    /// The names of its coordinates.
    pub names: &'a [String],
    /// The cluster of each row, numbered from zero; rows of a cluster are resampled together.
    pub clusters: &'a [usize],
    /// Seed of the study.
    pub seed: u64,
    /// Which refits are computed.
    pub division: Division<'a>,
    /// Cancellation and progress.
    pub watch: Watch<'a>,
}

impl<'a> Fitted<'a> {
    /// A fit without names of coordinates, without cancellation and without progress.
    pub const fn unwatched(
        problem: &'a Problem,
        law: &'a Law,
        optimum: &'a [f64],
        clusters: &'a [usize],
        seed: u64,
    ) -> Self {
        let (division, watch) = (Division::Whole, Watch::NOBODY);
        Self { problem, law, optimum, rivals: &[], names: &[], clusters, seed, division, watch }
    }
}

/// A sample of the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draws {
    /// One point per draw, in coordinates.
    pub points: Points,
    /// The scatter of a new row for each draw, relative to that of the fit.
    pub scatter: Vec<f64>,
    /// Warnings for the reader of a report.
    pub warnings: Vec<String>,
    /// Description of the method and why `auto` chose it.
    pub picked: Option<String>,
    /// The profiles of coordinates, where the method computes them.
    pub curves: Vec<Curve>,
    /// Joint regions of two coordinates.
    pub regions: Vec<Region>,
    /// Points far beyond an end of an interval that fit almost as well: there the interval has no end.
    pub far: Vec<Vec<f64>>,
    /// Coordinates whose interval differs in a second method, with the ratio of the widths.
    pub disagreements: Vec<(usize, f64)>,
}

impl Draws {
    /// Removes and returns the points and their scatter, which take the most memory, and the far points.
    #[must_use]
    pub fn take_points(&mut self) -> Self {
        let (points, scatter) = (std::mem::take(&mut self.points), std::mem::take(&mut self.scatter));
        Self { points, scatter, far: std::mem::take(&mut self.far), ..Self::default() }
    }
}

/// The profile of a coordinate: the lowest objective over the other coordinates while this one is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The coordinate.
    pub coordinate: usize,
    /// The rise at which its interval ends: a quantile of F(1, n - p).
    pub threshold: f64,
    /// Where the objective has risen by the threshold: the ends of its interval. An end is `None` where it never rises
    /// enough.
    pub ends: [Option<f64>; 2],
    /// Whether the method gives this interval; it gives none where the objective is flat in some direction.
    pub is_interval: bool,
    /// Points in ascending order, the optimum among them: the coordinate, and the rise of the objective above its
    /// optimum in units of half its dispersion. For least squares the rise is that of the sum of squares over the
    /// variance of the residuals, the square of the profile t of Bates and Watts (1988, section 6.1).
    pub points: Vec<[f64; 2]>,
}

impl Curve {
    /// Whether the curve ends above the threshold on the lower and on the upper side, up to rounding.
    pub fn closed(&self) -> [bool; 2] {
        let is_above = |point: Option<&[f64; 2]>| point.is_some_and(|[_, rise]| *rise >= self.threshold * (1.0 - 1e-6));
        [is_above(self.points.first()), is_above(self.points.last())]
    }
}

/// The joint region of two coordinates, as points on its border.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The coordinates.
    pub pair: [usize; 2],
    /// The border, in order around the region.
    pub points: Vec<[f64; 2]>,
    /// Whether the objective rises enough in every direction.
    pub closed: bool,
}

#[cfg(test)]
mod tests;
