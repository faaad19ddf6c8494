//! How a fit does on rows it was not shown.

use super::super::Failure;
use super::FitLaw;
use crate::dataset::Dataset;
use crate::fit::Holdout;
use crate::numerics::{Random, ln, mean, quantile};
use crate::objective::ResponseScale;

impl FitLaw {
    /// Scores held-out rows; none where there are none.
    pub(super) fn score(
        &self,
        test: &Dataset,
        free: &[f64],
        draws: &[Vec<f64>],
        noise: &[f64],
        level: Option<f64>,
    ) -> Result<Option<Holdout>, Failure> {
        if test.rows() == 0 {
            return Ok(None);
        }
        let tape = self.law.tape();
        let bound = tape.bind(&self.variables(test)?, test.rows());
        let observed = self.response(test)?;
        let predicted = tape.values(&bound, free);
        let logs: Vec<f64> = predicted.iter().zip(observed).map(|(p, o)| ln(p / o)).collect();
        let squares: Vec<f64> = logs.iter().map(|l| l * l).collect();
        let relative: Vec<f64> = predicted.iter().zip(observed).map(|(p, o)| (p / o - 1.0).abs()).collect();
        let coverage = level.filter(|_| !draws.is_empty()).map(|level| {
            let samples: Vec<Vec<f64>> = draws.iter().map(|draw| tape.values(&bound, draw)).collect();
            let inside = (0..test.rows()).filter(|&row| {
                let mut random = Random::new(self.seed, "holdout", row as u64);
                let mut sample: Vec<f64> = samples
                    .iter()
                    .map(|values| {
                        let residual = if noise.is_empty() { 0.0 } else { noise[random.below(noise.len())] };
                        self.transformed(values[row]) - residual
                    })
                    .collect();
                sample.sort_by(f64::total_cmp);
                let at = self.transformed(observed[row]);
                quantile(&sample, (1.0 - level) / 2.0) <= at && at <= quantile(&sample, f64::midpoint(1.0, level))
            });
            inside.count() as f64 / test.rows() as f64
        });
        Ok(Some(Holdout {
            rows: test.rows(),
            rmse_log: mean(&squares).sqrt(),
            mean_relative_error: mean(&relative),
            bias_log: mean(&logs),
            coverage,
        }))
    }

    fn transformed(&self, response: f64) -> f64 {
        match self.method.objective.scale() {
            ResponseScale::Log => ln(response),
            ResponseScale::Raw => response,
        }
    }
}

/// What a reader should know where prediction intervals miss too many of the held-out rows.
pub(super) fn too_narrow(holdout: &Holdout, level: Option<f64>) -> Option<String> {
    let (coverage, level) = (holdout.coverage?, level?);
    // By more than chance would: two standard errors of a share.
    let slack = 2.0 * (level * (1.0 - level) / holdout.rows as f64).sqrt();
    (coverage < level - slack).then(|| {
        format!(
            "Its {:.0} % prediction intervals hold only {:.0} % of the {} held-out rows: they leave out the error of the law itself, so forecasts are less sure than they look.",
            100.0 * level,
            100.0 * coverage,
            holdout.rows
        )
    })
}
