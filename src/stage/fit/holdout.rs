//! Scores a fit on held-out rows.

use super::super::Failure;
use super::FitLaw;
use crate::dataset::Dataset;
use crate::fit::{Holdout, Noise};
use crate::numerics::{Points, Random, central, ln, mean};
use crate::objective::ResponseScale;

/// The forecast error of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miss {
    /// ln(prediction / observation).
    pub(super) log: f64,
    /// prediction / observation - 1.
    pub(super) relative: f64,
    /// Whether the interval contains the observation, and its half-width in ln y; `None` without an interval.
    pub(super) interval: Option<(bool, f64)>,
}

/// A summary of forecast errors.
pub(super) fn summary(misses: &[Miss]) -> Holdout {
    let of = |f: fn(&Miss) -> f64| misses.iter().map(f).collect::<Vec<f64>>();
    let inside: Vec<f64> = misses.iter().filter_map(|m| Some(f64::from(u8::from(m.interval?.0)))).collect();
    Holdout {
        rows: misses.len(),
        rmse_log: mean(&of(|m| m.log * m.log)).sqrt(),
        mean_relative_error: mean(&of(|m| m.relative.abs())),
        bias_log: mean(&of(|m| m.log)),
        coverage: (!inside.is_empty()).then(|| mean(&inside)),
    }
}

/// Maximum number of values of the law in memory.
const CELLS: usize = 1 << 22;

impl FitLaw {
    /// Scores held-out rows; `None` if there are none.
    pub(super) fn score(
        &self,
        test: &Dataset,
        free: &[f64],
        draws: &Points,
        noise: &Noise,
        level: Option<f64>,
    ) -> Result<Option<Holdout>, Failure> {
        let misses = self.misses(test, free, draws, noise, level)?;
        Ok((!misses.is_empty()).then(|| summary(&misses)))
    }

    /// The forecast error of each row of a table.
    pub(super) fn misses(
        &self,
        test: &Dataset,
        free: &[f64],
        draws: &Points,
        noise: &Noise,
        level: Option<f64>,
    ) -> Result<Vec<Miss>, Failure> {
        let tape = self.law.tape();
        let variables = self.variables(test)?;
        let observed = self.response(test)?;
        let predicted = tape.values(&tape.bind(&variables, test.rows()), free);
        let scale = self.method.objective.scale();
        let on_bound = self.law.is_on_bound(free);
        let interval = |row: usize, of_draws: &[f64], level: f64| {
            let at = |name: &str| Some(test.numbers(name)?[row]);
            let scatter = noise.trend.as_ref().map_or(1.0, |trend| trend.factor(at));
            let mut random = Random::new(self.seed, "holdout", row as u64);
            let placed = of_draws.iter().map(|value| scale.place(*value)).enumerate();
            let mut sample: Vec<f64> = placed.map(|(i, at)| at - scatter * noise.draw(i, &mut random)).collect();
            sample.sort_by(f64::total_cmp);
            let (lower, upper) = central(&sample, scale.place(predicted[row]), level, on_bound);
            let at = scale.place(observed[row]);
            let half = match scale {
                ResponseScale::Log => 0.5 * (upper - lower),
                ResponseScale::Raw => 0.5 * (upper - lower) / observed[row],
            };
            (lower <= at && at <= upper, half)
        };
        // Process some rows at a time, because all rows by all draws may not fit in memory.
        let at_a_time = (CELLS / draws.len().max(1)).clamp(1, test.rows().max(1));
        let mut misses = Vec::with_capacity(test.rows());
        for start in (0..test.rows()).step_by(at_a_time) {
            let rows = start..(start + at_a_time).min(test.rows());
            let part: Vec<&[f64]> = variables.iter().map(|column| &column[rows.clone()]).collect();
            let bound = tape.bind(&part, rows.len());
            let samples: Vec<Vec<f64>> = draws.iter().map(|draw| tape.values(&bound, draw)).collect();
            misses.extend(rows.map(|row| {
                let of_draws: Vec<f64> = samples.iter().map(|values| values[row - start]).collect();
                Miss {
                    log: ln(predicted[row] / observed[row]),
                    relative: predicted[row] / observed[row] - 1.0,
                    interval: level.filter(|_| !draws.is_empty()).map(|level| interval(row, &of_draws, level)),
                }
            }));
        }
        Ok(misses)
    }
}
