//! The uncertainty of a fit: a sample of parameter vectors that are consistent with the rows.
//!
//! One file per method. Every method gives draws, so that the answer to any query has an interval.

mod curvature;
mod dispersion;
mod freedom;
mod noise;
mod refits;
mod tangent;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use noise::{chi_square_quantile, noise, scatter_equally};

use crate::law::Law;
use crate::numerics::Points;
use crate::problem::Problem;
use crate::registry::registry;
use crate::watch::{Cancelled, Watch};

registry! {
    /// The method of uncertainty, from which intervals come.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub enum Uncertainty of dyn Method {
        /// Refits of resampled rows.
        bootstrap::Bootstrap,
        /// The curvature of the objective and the spread of the residuals.
        sandwich::Sandwich,
        /// Refits of the same design with resampled residuals.
        residual::Residual,
        /// Refits with the residuals of each run multiplied by random signs and factors.
        wild::Wild,
        /// A sample of all parameters that are consistent with the rows, from every valley.
        posterior::Posterior,
        /// The distance over which each parameter can move before the objective rises too much.
        profile::Profile,
        /// A method selected by the number of rows, and compared with a second method.
        auto::Auto,
    }
}

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
        Self { problem, law, optimum, rivals: &[], names: &[], clusters, seed, watch: Watch::NOBODY }
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
    /// The interval of each coordinate, where the method gives one directly. An end is `None` where the objective
    /// never rises enough.
    pub intervals: Vec<Option<[Option<f64>; 2]>>,
    /// Joint regions of two coordinates.
    pub regions: Vec<Region>,
    /// Coordinates whose interval differs in a second method, with the ratio of the widths.
    pub disagreements: Vec<(usize, f64)>,
}

impl Draws {
    /// Removes and returns the points and their scatter, which take the most memory.
    #[must_use]
    pub fn take_points(&mut self) -> Self {
        let (points, scatter) = (std::mem::take(&mut self.points), std::mem::take(&mut self.scatter));
        Self { points, scatter, ..Self::default() }
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

/// A method that draws parameters.
pub trait Method {
    /// Number of draws, with the name of its key.
    fn count(&self) -> (&'static str, usize);

    /// Coverage of the intervals.
    fn level(&self) -> f64;

    /// Pairs of parameters whose joint region is drawn.
    fn pairs(&self) -> &[[String; 2]] {
        &[]
    }

    /// The method in words, for reports.
    fn describe(&self) -> String;

    /// Draws parameters.
    ///
    /// # Errors
    /// The run was cancelled.
    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled>;
}

/// Default coverage of intervals.
pub(crate) const fn default_level() -> f64 {
    0.9
}

/// Default number of draws.
pub(crate) const fn default_draws() -> usize {
    2000
}

/// Default number of resamples.
pub(crate) const fn default_resamples() -> usize {
    1000
}

#[cfg(test)]
mod tests;
