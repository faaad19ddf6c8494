//! The case bootstrap: whole rows are resampled and the law is fitted again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, default_level};
use crate::numerics::Random;
use crate::search::Searcher;
use crate::uncertainty::freedom::stretch;
use crate::uncertainty::refits::{Refit, collect, over_centred, resampled};
use crate::uncertainty::tangent::{Tangent, centred};
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

/// Refits of rows drawn with replacement (Efron 1979, doi:10.1214/aos/1176344552), each converged from the optimum,
/// with the tails of Student's t.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of resamples.
    #[serde(default = "super::default_resamples")]
    pub resamples: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
    /// Whether each resample has a search of its own, like the fit, instead of a refit from the optimum of all rows.
    #[serde(default)]
    pub search: bool,
}

impl Method for Bootstrap {
    fn count(&self) -> (&'static str, usize) {
        ("resamples", self.resamples)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        let how = if self.search { ", each searched globally" } else { "" };
        format!("case bootstrap, {} resamples{how}", self.resamples)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        // A search has the coordinates of the law.
        if self.search { self.drawn(fitted) } else { over_centred(fitted, |fitted| self.drawn(fitted)) }
    }
}

impl Bootstrap {
    fn drawn(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let strata = strata(fitted);
        let resampled_rows: usize = strata.iter().map(Vec::len).sum();
        let size = fitted.problem.size();
        if resampled_rows < FEWEST * size {
            return Ok(too_few(resampled_rows, size));
        }
        let freedom = match Tangent::of(fitted) {
            Ok(tangent) => tangent.freedom,
            Err(refused) => return Ok(refused.draws()),
        };
        let weights: Vec<f64> = fitted.problem.weights().collect();
        let (free, centre) = centred(fitted);
        let residuals = free.residuals(&centre);
        let searcher = self.search.then(|| Searcher::new(fitted.problem, fitted.law, fitted.optimum));
        let draw = |random: &mut Random| {
            let mut drawn = vec![0.0; weights.len()];
            for clusters in &strata {
                for _ in clusters {
                    clusters[random.below(clusters.len())].iter().for_each(|&row| drawn[row] += weights[row]);
                }
            }
            let scatter = stretch(random, freedom);
            let missed: Vec<f64> = residuals.iter().map(|r| scatter * r).collect();
            (free.missed_by(&centre, &missed).reweighted(&drawn), scatter)
        };
        match searcher {
            None => resampled(fitted, self.resamples, "bootstrap", &centre, |random| {
                let (resample, scatter) = draw(random);
                (resample.without_idle_rows(), scatter)
            }),
            Some(searcher) => collect(fitted, self.resamples, "bootstrap", |random| {
                let (resample, scatter) = draw(random);
                let minimum = searcher.best(&resample.bounded_as(fitted.problem), fitted.watch.cancelled)?;
                Ok(Refit { minimum, scatter })
            }),
        }
    }
}

/// Minimum number of independent rows per parameter. Resamples of fewer rows have too few distinct rows to determine
/// the parameters.
const FEWEST: usize = 3;

/// Draws without points and with a warning, because resamples would contain too few distinct rows.
fn too_few(rows: usize, parameters: usize) -> Draws {
    let warning = format!(
        "The case bootstrap gives no intervals from {rows} independent rows for {parameters} parameters: its \
         resamples would contain too few distinct rows. It needs {FEWEST} rows for each parameter; `auto`, \
         `residual` and `posterior` need fewer."
    );
    Draws { warnings: vec![warning], ..Draws::default() }
}

/// The rows of each cluster, by the block of the problem to which they belong, so that each block keeps its size.
fn strata(fitted: &Fitted<'_>) -> Vec<Vec<Vec<usize>>> {
    let mut from = 0;
    let blocks = fitted.problem.block_rows().into_iter().map(|rows| {
        let mut clusters: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        (from..from + rows).for_each(|row| clusters.entry(fitted.clusters[row]).or_default().push(row));
        from += rows;
        clusters.into_values().collect()
    });
    blocks.collect()
}
