//! Forecasts from several laws, weighted by their past forecast errors, with a common discrepancy.
//!
//! A forecast of ln y at a target is 3/4 of a stack of members and 1/4 of one member with a discrepancy process. Each
//! member of the stack is fitted with larger weights for larger runs, and has a weight from its errors when the largest
//! runs are hidden (a rolling origin). The variance is the sum of the process variance and the variance between the
//! members.
//! `docs/book/src/validation/forecasts.md` shows the measured accuracy.

mod departure;
mod discrepancy;
mod history;
mod inverse;
mod members;
mod posterior;
mod shares;
mod trend;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Account, Prediction, Share};
use crate::fit::Span;
use crate::numerics::{exp, ln, normal_quantile};
use discrepancy::Process;
use history::{History, Run, Scatter};
pub use inverse::{Budgeted, Line, Reached, ends_of_split, middle_of, split_at};
use members::Member;
use posterior::{Posterior, window};

/// The model that answers a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// The law of the fit alone.
    #[default]
    Law,
    /// Several laws, weighted by their past forecast errors, with a common discrepancy.
    Default,
    /// The fit's law and its alternatives, weighted by their errors when the largest runs were hidden.
    Stack,
}

/// Maximum number of sizes.
pub const MOST_SIZES: usize = 2;

/// The size that represents a variable in a forecast. Compute is a product of two sizes, and the priors are those of
/// one size, so compute is represented by its square root.
pub fn as_size(is_compute: bool, value: f64) -> f64 {
    if is_compute { value.sqrt() } else { value }
}

/// The measured runs.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// One column for each of the one or two sizes.
    pub sizes: &'a [&'a [f64]],
    /// The responses.
    pub responses: &'a [f64],
    /// The response at chance level, where known.
    pub ceiling: Option<f64>,
    /// The largest possible response, if it is a share such as an error rate: 1, 100 for per cent, or more than 1 where
    /// rows exceed 1, as word error rates may.
    pub whole: Option<f64>,
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoForecast(pub String);

/// Minimum number of distinct configurations.
const FEWEST: usize = 4;
/// Narrowest windows of the members, by the number of sizes.
const WINDOWS: [&[f64]; 2] = [&[0.35, 0.8], &[0.4, 0.7]];
/// Logarithms of scale from which the last runs are hidden.
const ORIGINS: [f64; 3] = [0.4, 0.7, 1.1];
/// Minimum number of runs that remain when the last ones are hidden.
const FEWEST_BEFORE: usize = 6;
/// Share of the stack; the rest belongs to the member with the process.
const STACK: f64 = 0.75;
/// Error added to that of each member, so that a member that was right by luck does not get all the weight.
const LEAST_ERROR: f64 = 0.002;

/// Forecasts the response at targets, each given by a list of sizes.
///
/// # Errors
/// There are too few runs, the response does not fall with scale, or it does not fall by more than its scatter.
pub fn forecast(
    measured: &Measured<'_>,
    targets: &[Vec<f64>],
    level: f64,
) -> Result<(Vec<Prediction>, Account), NoForecast> {
    if targets.iter().flatten().any(|x| *x <= 0.0) {
        return Err(without_sizes());
    }
    Forecaster::of(measured)?.at(targets, level)
}

/// Least factor by which a size varies, if it varies at all.
const LEAST_FACTOR: f64 = 1.05;

/// The factor by which a variable varies, if that is too little for a size.
fn hardly_varies(column: &[f64]) -> Option<f64> {
    let Span { lowest, highest } = Span::of(column.iter().copied())?;
    let factor = highest / lowest;
    (factor > 1.0 && factor < LEAST_FACTOR).then_some(factor)
}

/// The members of a forecast, fitted to measured runs.
pub struct Forecaster {
    ensemble: Ensemble,
    history: History,
    posteriors: Vec<Posterior>,
    /// Root mean square error of each member over the origins.
    errors: Vec<Option<f64>>,
    origins: usize,
    process: Process,
    /// The response at ln y = 0: the whole of a share, and 1 for other responses.
    unit: f64,
}

impl Forecaster {
    /// Fits the members to runs.
    ///
    /// # Errors
    /// As [`forecast`].
    pub fn of(measured: &Measured<'_>) -> Result<Self, NoForecast> {
        if measured.sizes.iter().copied().flatten().any(|x| *x <= 0.0) {
            return Err(without_sizes());
        }
        if let Some(factor) = measured.sizes.iter().find_map(|column| hardly_varies(column)) {
            return Err(NoForecast(format!(
                "one of the law's variables varies by no more than a factor of {factor:.4} over the rows, as years do: a \
                 forecast by several laws is over sizes, and the law of the fit alone (`forecast = \"law\"`) takes any variable"
            )));
        }
        let history = measured.history();
        if history.runs.len() < FEWEST {
            return Err(NoForecast(format!(
                "a forecast needs at least {FEWEST} configurations of different size, and there are {}",
                history.runs.len()
            )));
        }
        if let Some(reason) = trend::turns(&history).or_else(|| trend::no_trend(&history)) {
            return Err(NoForecast(reason));
        }
        let ensemble = Ensemble::of(measured, history.runs.len());
        if let Some(reason) = departure::leaves(&ensemble, &history) {
            return Err(NoForecast(reason));
        }
        let posteriors = ensemble.fit(&history)?;
        let (errors, origins) = ensemble.rolling_errors(&history)?;
        let anchor = ensemble.anchor(&posteriors).ok_or_else(unfounded)?;
        let process = Process::of(ensemble.laws[ensemble.with_process], anchor, &history, ensemble.ceiling)
            .ok_or_else(unfounded)?;
        let unit = measured.whole.unwrap_or(1.0);
        Ok(Self { ensemble, history, posteriors, errors, origins, process, unit })
    }

    /// Forecasts the response at targets, each given by a list of sizes above zero.
    ///
    /// # Errors
    /// No member is finite at all targets.
    pub fn at(&self, targets: &[Vec<f64>], level: f64) -> Result<(Vec<Prediction>, Account), NoForecast> {
        let targets: Vec<Vec<f64>> = targets.iter().map(|sizes| sizes.iter().map(|x| ln(*x)).collect()).collect();
        let stack = self.stack(&targets)?;
        let anchor = self.ensemble.anchor(&self.posteriors).ok_or_else(unfounded)?;
        let process = self.process.at(anchor, &targets).ok_or_else(unfounded)?;
        let z = normal_quantile(f64::midpoint(1.0, level));
        let predictions = (0..targets.len())
            .map(|i| {
                let mean = STACK * stack.means[i] + (1.0 - STACK) * process.means[i];
                // The process assumes one law with an error; the members disagree about the law.
                let half = z * (process.variances[i] + stack.spreads[i]).sqrt();
                let [value, lower, upper] = [mean, mean - half, mean + half].map(|z| self.unit * exp(z));
                Prediction { value, lower, upper }
            })
            .collect();
        let mut shares = stack.shares;
        shares.sort_by(|a, b| b.share.total_cmp(&a.share));
        let account = Account {
            members: shares,
            origins: self.origins,
            discrepancy: process.tau,
            configurations: self.history.runs.len(),
        };
        Ok((predictions, account))
    }

    /// The weights of the members: their own, divided by their squared errors.
    fn raw_weights(&self) -> Vec<f64> {
        let weight = |error: &Option<f64>| error.map_or(1.0, |e| 1.0 / ((e + LEAST_ERROR) * (e + LEAST_ERROR)));
        let windows = self.ensemble.windows.len();
        let own = self.ensemble.laws.iter().flat_map(|law| std::iter::repeat_n(law.weight, windows));
        self.errors.iter().map(weight).zip(own).map(|(by_error, own)| own * by_error).collect()
    }

    fn stack(&self, targets: &[Vec<f64>]) -> Result<Stack, NoForecast> {
        let columns = self.history.columns(targets.iter());
        let values: Vec<Vec<f64>> = self.posteriors.iter().map(|member| member.values(&columns)).collect();
        // A member that is not finite at a target gets no weight.
        let raw: Vec<f64> = self
            .raw_weights()
            .into_iter()
            .zip(&values)
            .map(|(w, v)| if v.iter().all(|z| z.is_finite()) { w } else { 0.0 })
            .collect();
        let sum: f64 = raw.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(unfounded());
        }
        let weights: Vec<f64> = raw.into_iter().map(|w| w / sum).collect();
        let over = |of: &dyn Fn(&Vec<f64>) -> f64| -> f64 {
            weights.iter().zip(&values).filter(|(w, _)| **w > 0.0).map(|(w, v)| w * of(v)).sum()
        };
        let means: Vec<f64> = (0..targets.len()).map(|i| over(&|v| v[i])).collect();
        let spreads = (0..targets.len()).map(|i| over(&|v| (v[i] - means[i]) * (v[i] - means[i]))).collect();
        let Ensemble { laws, windows, .. } = &self.ensemble;
        let names = laws.iter().flat_map(|m| windows.iter().map(|&least| (m.name, window(&self.history, least))));
        let shares = names
            .zip(weights.iter().zip(&self.errors))
            .map(|((law, window), (&share, &error))| Share { law: law.to_owned(), window, share, error })
            .collect();
        Ok(Stack { means, spreads, shares })
    }
}

fn without_sizes() -> NoForecast {
    NoForecast("a forecast by several laws needs sizes above zero".to_owned())
}

fn unfounded() -> NoForecast {
    NoForecast("no member of the forecast has a finite fit to these rows".to_owned())
}

impl Measured<'_> {
    fn history(&self) -> History {
        let run = |row: usize| Run {
            logs: self.sizes.iter().map(|column| ln(column[row])).collect(),
            z: ln(self.responses[row] / self.whole.unwrap_or(1.0)),
        };
        let scatter = if self.whole.is_some() { Scatter::OfShares } else { Scatter::Equal };
        History::new((0..self.responses.len()).map(run).collect(), scatter)
    }
}

/// The members that take part: laws, each with several windows.
struct Ensemble {
    laws: Vec<&'static Member>,
    windows: &'static [f64],
    /// Index of the law with the process.
    with_process: usize,
    /// Logarithm of the response at chance level, in parts of the whole for a share.
    ceiling: Option<f64>,
}

/// The combined forecast of the members.
struct Stack {
    means: Vec<f64>,
    /// Weighted variance of the members around their mean.
    spreads: Vec<f64>,
    shares: Vec<Share>,
}

impl Ensemble {
    /// The members for measured runs of a number of configurations.
    fn of(measured: &Measured<'_>, configurations: usize) -> Self {
        let ceiling = measured.ceiling.map(|ceiling| ln(ceiling / measured.whole.unwrap_or(1.0)));
        let two = measured.sizes.len() == 2;
        let is_of_shares = measured.whole.is_some();
        let all: &[&'static Member] = if two { &members::TWO } else { &members::ONE };
        let takes_part = |member: &&'static Member| configurations >= member.fewest;
        let mut laws: Vec<&'static Member> = all.iter().copied().filter(takes_part).collect();
        let process = if is_of_shares {
            // It falls from a chance level that need not be given.
            laws.retain(|member| !member.needs_ceiling);
            laws.push(shares::bending(measured.sizes.len(), ceiling.is_some()));
            laws[laws.len() - 1].name
        } else {
            laws.retain(|member| ceiling.is_some() || !member.needs_ceiling);
            if two { members::TWO_SIZES.name } else { members::SHIFTED.name }
        };
        let with_process = laws.iter().position(|member| member.name == process).unwrap_or(0);
        Self { laws, windows: WINDOWS[usize::from(two)], with_process, ceiling }
    }

    /// Fits every member with every window to a history.
    fn fit(&self, history: &History) -> Result<Vec<Posterior>, NoForecast> {
        let windows: Vec<f64> = self.windows.iter().map(|&least| window(history, least)).collect();
        let all: Vec<(&'static Member, f64)> =
            self.laws.iter().flat_map(|&member| windows.iter().map(move |&window| (member, window))).collect();
        let fits = all.into_par_iter().map(|(member, window)| Posterior::find(member, history, window, self.ceiling));
        fits.collect::<Option<Vec<_>>>().ok_or_else(unfounded)
    }

    /// The fit to which the process is added: the law with its widest window.
    fn anchor<'a>(&self, posteriors: &'a [Posterior]) -> Option<&'a Posterior> {
        posteriors.get((self.with_process + 1) * self.windows.len() - 1)
    }

    /// Root mean square error of each member over the origins, and the number of origins.
    fn rolling_errors(&self, history: &History) -> Result<(Vec<Option<f64>>, usize), NoForecast> {
        let n = history.runs.len();
        let ages = history.ages();
        let sizes = history.last().map_or(1, |last| last.logs.len()) as f64;
        let mut counts: Vec<usize> = ORIGINS
            .iter()
            .enumerate()
            .map(|(j, origin)| ages.iter().filter(|age| **age <= -origin * sizes).count().min(n - (j + 1).min(n)))
            .filter(|&count| count >= FEWEST_BEFORE)
            .collect();
        counts.dedup();
        let mut squares = vec![0.0; self.laws.len() * self.windows.len()];
        for &count in &counts {
            let before = history.first(count);
            let hidden = &history.runs[count..];
            let columns = before.columns(hidden.iter().map(|run| &run.logs));
            for (sum, member) in squares.iter_mut().zip(self.fit(&before)?) {
                let errors = member.values(&columns).into_iter().zip(hidden).map(|(z, run)| (z - run.z) * (z - run.z));
                *sum += errors.sum::<f64>() / hidden.len() as f64;
            }
        }
        let origins = counts.len();
        let error = |sum: f64| (origins > 0).then(|| (sum / origins as f64).sqrt());
        Ok((squares.into_iter().map(error).collect(), origins))
    }
}

#[cfg(test)]
mod tests;
