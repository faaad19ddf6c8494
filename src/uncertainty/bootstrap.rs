//! The case bootstrap: whole rows are resampled and the law is fitted again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refits::{collect, refit};
use super::{Draws, Fitted, Method, default_level};
use crate::solver::{Cancelled, Searcher};

/// Refits of rows drawn with replacement (Efron 1979, doi:10.1214/aos/1176344552), each converged from the optimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of resamples.
    #[serde(default = "super::default_resamples")]
    pub resamples: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
    /// Whether each resample is searched for its own best optimum, as the fit was, instead of refitted from that of all rows.
    #[serde(default)]
    pub search: bool,
}

impl Method for Bootstrap {
    fn name(&self) -> &'static str {
        "bootstrap"
    }

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
        let rows = fitted.problem.rows();
        let base: Vec<f64> = fitted.problem.weights().collect();
        let strata = strata(fitted);
        let searcher = self.search.then(|| Searcher::new(fitted.problem, fitted.law, fitted.optimum));
        let mut draws = collect(fitted, self.resamples, "bootstrap", |random| {
            let mut weights = vec![0.0; rows];
            for clusters in &strata {
                for _ in clusters {
                    clusters[random.below(clusters.len())].iter().for_each(|&row| weights[row] += base[row]);
                }
            }
            let resample = fitted.problem.reweighted(&weights);
            match &searcher {
                Some(searcher) => searcher.best(&resample, fitted.watch.cancelled),
                None => Ok(refit(fitted, &resample.without_idle_rows()).0),
            }
        })?;
        let resampled: usize = strata.iter().map(Vec::len).sum();
        if resampled < 4 * fitted.problem.size() {
            draws.warnings.push(format!(
                "The bootstrap resamples {resampled} rows for {} parameters: many resamples hold too few distinct rows, and its intervals are rough.",
                fitted.problem.size()
            ));
        }
        Ok(draws)
    }
}

/// The rows of each cluster, by the block of the problem that they belong to: each keeps its size.
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
