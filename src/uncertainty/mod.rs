//! The uncertainty of a fit: a sample of the parameter vectors that its rows allow.
//!
//! One file per method. Every method gives draws, so that any question put to a fit has an interval.

mod auto;
mod bootstrap;
mod dispersion;
mod freedom;
mod noise;
mod posterior;
mod profile;
mod refits;
mod residual;
mod sandwich;
mod tangent;
mod wild;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use auto::Auto;
pub use bootstrap::Bootstrap;
pub use noise::{noise, scatter_equally};
pub use posterior::Posterior;
pub use profile::Profile;
pub use residual::Residual;
pub use sandwich::Sandwich;
pub use wild::Wild;

use crate::law::Law;
use crate::problem::Problem;
use crate::solver::{Cancelled, Watch};

/// Where intervals come from; the list of methods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Uncertainty {
    /// Refits of resampled rows.
    Bootstrap(Bootstrap),
    /// The curvature of the objective and the spread of the residuals.
    Sandwich(Sandwich),
    /// Refits of the same design with residuals drawn anew.
    Residual(Residual),
    /// Refits with each run's own residuals, signs drawn anew.
    Wild(Wild),
    /// Wherever the rows allow the parameters to be, in every valley.
    Posterior(Posterior),
    /// How far each parameter can be moved before the rows object.
    Profile(Profile),
    /// What the rows can carry, compared with a second method.
    Auto(Auto),
}

/// What a method needs of a fit.
pub struct Fitted<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Its law.
    pub law: &'a Law,
    /// Its optimum, in coordinates.
    pub optimum: &'a [f64],
    /// Other optima of its search that are nearly as good: of other rows one of them may be the best.
    pub rivals: &'a [Vec<f64>],
    /// The names of its coordinates.
    pub names: &'a [String],
    /// Which rows are resampled together, by number from zero.
    pub clusters: &'a [usize],
    /// Seed of the study.
    pub seed: u64,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

impl<'a> Fitted<'a> {
    /// A fit whose coordinates have no names and at which nobody looks.
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

/// Where the parameters may be, as far as the rows tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draws {
    /// One point per draw, in coordinates.
    pub points: Vec<Vec<f64>>,
    /// The scatter of a new row that goes with each draw, in units of the fit's own.
    pub scatter: Vec<f64>,
    /// What a reader should know of them.
    pub warnings: Vec<String>,
    /// The method in words and why, where it was picked.
    pub picked: Option<String>,
    /// The interval of each coordinate, where the method has one of its own; an end is none where the rows never object.
    pub intervals: Vec<Option<[Option<f64>; 2]>>,
    /// Common regions of two coordinates.
    pub regions: Vec<Region>,
    /// Coordinates whose interval a second method makes wider or narrower, with the ratio of the widths.
    pub disagreements: Vec<(usize, f64)>,
}

/// The region in which two coordinates lie together, by points on its border.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The coordinates.
    pub pair: [usize; 2],
    /// The border, once around.
    pub points: Vec<[f64; 2]>,
    /// Whether the rows object on every side.
    pub closed: bool,
}

/// A way to draw parameters.
pub trait Method {
    /// Its name in a spec.
    fn name(&self) -> &'static str;

    /// How many draws it makes, with the key that says so.
    fn count(&self) -> (&'static str, usize);

    /// Coverage of the intervals it is asked for.
    fn level(&self) -> f64;

    /// The method in words, for reports.
    fn describe(&self) -> String;

    /// Draws parameters.
    ///
    /// # Errors
    /// When asked to stop.
    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled>;
}

impl Uncertainty {
    /// The member of the list.
    pub fn method(&self) -> &dyn Method {
        match self {
            Self::Bootstrap(method) => method,
            Self::Sandwich(method) => method,
            Self::Residual(method) => method,
            Self::Wild(method) => method,
            Self::Profile(method) => method,
            Self::Posterior(method) => method,
            Self::Auto(method) => method,
        }
    }
}

/// Coverage of intervals where a spec does not say.
pub(crate) const fn default_level() -> f64 {
    0.9
}

/// Number of draws where a spec does not say.
pub(crate) const fn default_draws() -> usize {
    2000
}

/// Number of resamples where a spec does not say.
pub(crate) const fn default_resamples() -> usize {
    1000
}

#[cfg(test)]
mod tests;
