//! Tests whether the last runs depart from the forecast of the earlier ones, as at a break in a curve.

use super::history::History;
use super::posterior::{Posterior, window};
use super::{Ensemble, FEWEST_BEFORE, discrepancy};

/// Numbers of runs that are hidden in turn, and the largest fraction of all runs that is.
const HIDDEN: [usize; 3] = [1, 2, 4];
const MOST_HIDDEN: usize = 4;
/// Number of standard deviations beyond which a run departs from its forecast. The largest value among 46 public
/// learning curves was 2.6; at a sharp break, such as that of digit addition, it is above 10.
const LEFT: f64 = 4.0;

/// Why no forecast is possible: the last run lies far from the forecast of the earlier runs. The forecast is that of
/// the member with the process, whose variance includes the scatter and the error of the law.
///
/// A law that has turned at its last runs does not determine what follows, and members that cannot turn say even
/// less.
pub(super) fn leaves(ensemble: &Ensemble, history: &History) -> Option<String> {
    let n = history.runs.len();
    let counts = HIDDEN.into_iter().filter(|&hidden| n >= FEWEST_BEFORE + hidden && MOST_HIDDEN * hidden <= n);
    let left = counts.filter_map(|hidden| Some((hidden, deviations(ensemble, history, hidden)?)));
    let (hidden, deviations) = left.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    if deviations.abs() <= LEFT {
        return None;
    }
    let side = if deviations < 0.0 { "below" } else { "above" };
    let without = if hidden == 1 { String::new() } else { format!(" without the last {hidden}") };
    Some(format!(
        "the last run lies {:.0} standard deviations {side} what the other runs{without} forecast there: the curve breaks, or that run is not like the others",
        deviations.abs()
    ))
}

/// Deviation, in standard deviations, of the last run from its forecast by all runs except the last few.
fn deviations(ensemble: &Ensemble, history: &History, hidden: usize) -> Option<f64> {
    let before = history.first(history.runs.len() - hidden);
    let last = history.last()?;
    let member = ensemble.laws[ensemble.with_process];
    let widest = window(&before, *ensemble.windows.last()?);
    let posterior = Posterior::find(member, &before, widest, ensemble.ceiling)?;
    let forecast = discrepancy::forecast(member, &posterior, &before, std::slice::from_ref(&last.logs))?;
    let deviation = (forecast.variances.first()?).sqrt();
    Some((last.z - forecast.means.first()?) / deviation).filter(|z| z.is_finite())
}
