//! The posterior: a sample of all parameter vectors that are consistent with the rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, default_level};
use crate::numerics::{Points, exp, ln, mean};
use crate::uncertainty::refits::{Displaced, displaced_weighed, over_centred, rivals};
use crate::uncertainty::tangent::Tangent;
use crate::uncertainty::{Draws, Fitted};
use crate::watch::Cancelled;

/// Draws from the posterior under the prior that is flat over the law's values at the rows, within the bounds
/// (Jeffreys 1946, doi:10.1098/rspa.1946.0056). This prior does not depend on how the law is written.
///
/// For least squares the density is RSS^(-n/2) sqrt|J'J|, with the scatter integrated out. Other objectives are not
/// likelihoods and use the normal density with the covariance at the optimum. Each draw displaces the law's values along
/// the tangent plane and refits. The density of these refits is known, so a draw gets the ratio of the posterior to that
/// density as its weight (Bardsley et al. 2014, doi:10.1137/140964023). Draws start from every optimum that is nearly as
/// good as the best, so that the intervals of a fit with several valleys cover all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Posterior {
    /// Number of draws.
    #[serde(default = "super::default_draws")]
    pub draws: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

/// Minimum number of effective refits for reliable ends of intervals.
const FEW: f64 = 100.0;

impl Method for Posterior {
    fn count(&self) -> (&'static str, usize) {
        ("draws", self.draws)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        format!("posterior under a prior that is flat over the law's values at the rows, {} draws", self.draws)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        sample(fitted, self.draws)
    }
}

/// Draws from the posterior.
pub(super) fn sample(fitted: &Fitted<'_>, count: usize) -> Result<Draws, Cancelled> {
    over_centred(fitted, |fitted| sample_over(fitted, count))
}

/// Draws from the posterior over the coordinates of the fit.
fn sample_over(fitted: &Fitted<'_>, count: usize) -> Result<Draws, Cancelled> {
    let best = match Tangent::of(fitted) {
        Ok(tangent) => tangent.with_scatter(),
        Err(refused) => return Ok(refused.draws()),
    };
    let spread = best.spread();
    let mut draws = Draws { points: Points::new(fitted.optimum.len()), ..Draws::default() };
    let mut logs = Vec::new();
    let others: Vec<Tangent<'_>> = rivals(fitted).iter().filter_map(|rival| best.at(rival)).collect();
    for (number, tangent) in std::iter::once(&best).chain(&others).enumerate() {
        // Each valley has a density of its own, and its share is the part of the posterior that it holds.
        let weigh = |one: &Displaced| log_weight(&best, tangent, one, spread);
        let purpose = if number == 0 { "posterior".to_owned() } else { format!("posterior {number}") };
        let (valley, own) = displaced_weighed(tangent, fitted, count, &purpose, weigh, |random, common| {
            tangent.displaced_normally(random, common).into_iter().map(|along| spread * along).collect()
        })?;
        if valley.points.is_empty() {
            // Only all refits of a valley tell that it has none.
            if number == 0 && !fitted.division.is_recorded() {
                return Ok(valley);
            }
            continue;
        }
        draws.points.append(&valley.points);
        draws.scatter.extend(valley.scatter);
        draws.warnings.extend(valley.warnings);
        logs.extend(own);
    }
    let weights = shares(&logs);
    let sum: f64 = weights.iter().sum();
    let effective = sum * sum / weights.iter().map(|w| w * w).sum::<f64>();
    if effective.is_nan() {
        // No refit stays within the bounds, so the bounds and not the rows determine the parameters.
        return Ok(draws);
    }
    if effective < FEW.min(0.5 * count as f64) {
        draws.warnings.push(format!(
            "The law is strongly curved over the range that the rows allow: only {effective:.0} refits of {} make up the posterior, and the ends of intervals are approximate.",
            weights.len()
        ));
    }
    let chosen = evenly(&weights, sum, count);
    let mut points = Points::with_capacity(fitted.optimum.len(), count);
    chosen.iter().for_each(|&i| points.push(&draws.points[i]));
    draws.points = points;
    draws.scatter = chosen.iter().map(|&i| draws.scatter[i]).collect();
    Ok(draws)
}

/// The logarithm of the posterior density over the density of a valley's refits, up to a constant of the fit.
fn log_weight(best: &Tangent<'_>, valley: &Tangent<'_>, one: &Displaced, spread: f64) -> f64 {
    if !one.is_free {
        return f64::NEG_INFINITY;
    }
    let (freedom, rows) = (best.freedom as f64, (best.freedom + best.size()) as f64);
    let rise = best.rise(&one.refit.minimum.point) / (spread * spread);
    let length = valley.length(&one.along) / (spread * spread);
    let ratio = ln((1.0 + length / freedom) / (1.0 + (rise / freedom).max(-0.5)));
    0.5 * rows * ratio + valley.log_room(&one.problem, &one.refit.minimum.point)
}

/// Weights of a sample from their logarithms, none above sqrt(n) times their mean (Ionides 2008,
/// doi:10.1198/106186008X320456). The limit keeps a single refit of a rarely drawn region from becoming the whole
/// sample.
fn shares(logs: &[f64]) -> Vec<f64> {
    let highest = logs.iter().copied().filter(|log| log.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| if log.is_finite() { exp(log - highest) } else { 0.0 }).collect();
    let most = mean(&weights) * (weights.len() as f64).sqrt();
    weights.into_iter().map(|weight| weight.min(most)).collect()
}

/// Indices of a sample, each repeated in proportion to its weight, to within one.
fn evenly(weights: &[f64], sum: f64, count: usize) -> Vec<usize> {
    let (mut place, mut passed) = (0, weights.first().copied().unwrap_or(0.0));
    (0..count)
        .map(|i| {
            let at = (i as f64 + 0.5) / count as f64 * sum;
            while passed < at && place + 1 < weights.len() {
                place += 1;
                passed += weights[place];
            }
            place
        })
        .collect()
}
