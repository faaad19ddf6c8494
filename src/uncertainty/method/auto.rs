//! Selects a method by the number of independent rows, and compares it with a second method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bootstrap, Method, Posterior, Residual, Sandwich, Wild, default_level};
use crate::numerics::quantile;
use crate::uncertainty::freedom::clusters;
use crate::uncertainty::open_ends::open_ends;
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

/// Selects a method: the bootstrap of rows for many rows. For few rows it is the wild bootstrap if runs have several
/// rows, else the posterior for least squares and the residual bootstrap for other objectives. The sandwich checks
/// the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// Number of resamples.
    #[serde(default = "super::default_resamples")]
    pub resamples: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

/// Independent rows per parameter above which whole rows are resampled. The bootstrap of rows is valid for any
/// scatter, but resamples of fewer rows contain too few distinct rows.
const MANY: usize = 20;
/// Largest relative difference between the widths of two methods' intervals.
const DISAGREEMENT: f64 = 1.0 / 3.0;
/// Number of draws of the second method.
const CHECK_DRAWS: usize = 400;

impl Method for Auto {
    fn count(&self) -> (&'static str, usize) {
        ("resamples", self.resamples)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        "selected by the rows".to_owned()
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let (rows, parameters) = (clusters(fitted), fitted.problem.size());
        let Self { resamples, level } = *self;
        let (method, reason): (Box<dyn Method>, &str) = if rows >= MANY * parameters {
            (Box::new(Bootstrap { resamples, level, search: false }), "enough to resample")
        } else if rows < fitted.clusters.len() {
            (Box::new(Wild { resamples, level }), "too few to resample, and some belong to one run")
        } else if fitted.problem.objective().member().is_square() {
            (Box::new(Posterior { draws: resamples, level }), "too few to resample")
        } else {
            (Box::new(Residual { resamples, level }), "too few to resample")
        };
        let mut draws = method.draw(fitted)?;
        draws.picked = Some(format!(
            "{}, selected because {rows} independent rows for {parameters} parameters are {reason}",
            method.describe()
        ));
        draws.far = open_ends(fitted, &draws, level)?;
        let beside = Sandwich { draws: CHECK_DRAWS, level }.draw(fitted)?;
        if draws.points.is_empty() {
            return Ok(draws);
        }
        if beside.points.is_empty() {
            draws.warnings.push("There is no second method to compare the intervals with: the objective is flat in some direction, or there are too few rows.".to_owned());
            return Ok(draws);
        }
        let apart: Vec<(usize, f64)> = (0..parameters)
            .filter_map(|j| {
                let ratio = width(&draws, j, level)? / width(&beside, j, level)?;
                (ratio.max(1.0 / ratio) > 1.0 + DISAGREEMENT).then_some((j, ratio))
            })
            .collect();
        draws.disagreements = apart;
        Ok(draws)
    }
}

/// The width of a coordinate's interval; `None` where the coordinate never moves.
fn width(draws: &Draws, coordinate: usize, level: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = draws.points.iter().map(|point| point[coordinate]).collect();
    sorted.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some(quantile(&sorted, 1.0 - tail) - quantile(&sorted, tail)).filter(|width| *width > 0.0)
}
