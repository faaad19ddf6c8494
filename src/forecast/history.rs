//! The runs of a forecast: logarithms of sizes and responses, in order of scale.

use crate::numerics::exp;

/// The smallest runs are one in this many.
const SMALLEST: usize = 4;

/// One distinct configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Logarithm of each size.
    pub(super) logs: Vec<f64>,
    /// Logarithm of the response: the mean over runs of the same sizes.
    pub(super) z: f64,
}

/// The scatter of ln y as a function of its level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scatter {
    /// Equal at every level.
    Equal,
    /// That of a share, such as an error rate: see [`relative_noise`].
    OfShares,
}

impl Run {
    /// Logarithm of the product of the sizes, which is that of compute up to a constant.
    fn scale(&self) -> f64 {
        self.logs.iter().sum()
    }
}

/// Runs in order of scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct History {
    pub(super) runs: Vec<Run>,
    pub(super) scatter: Scatter,
}

impl History {
    /// The history of some runs; runs of equal sizes are averaged.
    pub(super) fn new(mut runs: Vec<Run>, scatter: Scatter) -> Self {
        runs.sort_by(|a, b| {
            let by_size = || a.logs.iter().zip(&b.logs).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
            a.scale().total_cmp(&b.scale()).then_with(|| by_size().unwrap_or(std::cmp::Ordering::Equal))
        });
        let mut distinct: Vec<(Run, usize)> = Vec::new();
        for run in runs {
            match distinct.last_mut() {
                Some((last, count)) if last.logs == run.logs => {
                    last.z += run.z;
                    *count += 1;
                }
                _ => distinct.push((run, 1)),
            }
        }
        let mean = |(run, count): (Run, usize)| Run { z: run.z / count as f64, ..run };
        Self { runs: distinct.into_iter().map(mean).collect(), scatter }
    }

    /// The history of the first runs.
    pub(super) fn first(&self, count: usize) -> Self {
        Self { runs: self.runs[..count].to_vec(), scatter: self.scatter }
    }

    /// Mean ln y of the smallest quarter of the runs. For a share this is the chance level, as long as its fall has not
    /// begun there.
    pub(super) fn chance_level(&self) -> f64 {
        let smallest = &self.runs[..self.runs.len().div_ceil(SMALLEST)];
        smallest.iter().map(|run| run.z).sum::<f64>() / smallest.len().max(1) as f64
    }

    /// Scatter of ln y at a level, relative to that at the largest run.
    pub(super) fn noise_at(&self, z: f64) -> f64 {
        match self.scatter {
            Scatter::Equal => 1.0,
            Scatter::OfShares => relative_noise(z) / self.last().map_or(1.0, |last| relative_noise(last.z)),
        }
    }

    /// The largest run.
    pub(super) fn last(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// Logarithm of each run's scale relative to the largest: zero or negative.
    pub(super) fn ages(&self) -> Vec<f64> {
        let last = self.last().map_or(0.0, Run::scale);
        self.runs.iter().map(|run| run.scale() - last).collect()
    }

    /// Logarithms of sizes relative to those of the largest run.
    pub(super) fn relative(&self, logs: &[f64]) -> Vec<f64> {
        self.last().map_or_else(Vec::new, |last| logs.iter().zip(&last.logs).map(|(x, origin)| x - origin).collect())
    }

    /// The relative logarithms of some places, by size.
    pub(super) fn columns<'a>(&self, places: impl Iterator<Item = &'a Vec<f64>>) -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::new(); self.last().map_or(0, |last| last.logs.len())];
        for logs in places {
            columns.iter_mut().zip(self.relative(logs)).for_each(|(column, x)| column.push(x));
        }
        columns
    }
}

/// Lower limit of 1 - y in the scatter: a share close to 1 scatters too.
const LEAST_FROM_TOP: f64 = 0.05;

/// Scatter of ln y of a share y, up to a constant factor: sqrt((1 - y) / y), as for the mean of independent answers.
fn relative_noise(z: f64) -> f64 {
    let y = exp(z);
    ((1.0 - y).max(LEAST_FROM_TOP) / y).sqrt()
}
