//! Whether the last runs leave what the runs before them say, as where a curve breaks.

use super::history::History;
use super::posterior::{Posterior, window};
use super::{Ensemble, FEWEST_BEFORE, discrepancy};

/// Runs that are hidden in turn, and the largest share of all runs that is.
const HIDDEN: [usize; 3] = [1, 2, 4];
const MOST_HIDDEN: usize = 4;
/// Standard deviations of a forecast beyond which a run has left it. Of the 46 public learning curves that were tried the
/// largest was 2.6; where a curve breaks sharply, as that of digit addition does, it is above 10.
const LEFT: f64 = 4.0;

/// Why nothing can be forecast: the last run lies far from where the runs before it would have it, by the member with the
/// process, whose variance holds the scatter and the error of the law.
///
/// A law that has turned at its last runs says nothing of what comes after them, and members that cannot turn say less.
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

/// By how many standard deviations the last run differs from its forecast by all runs but the last few.
fn deviations(ensemble: &Ensemble, history: &History, hidden: usize) -> Option<f64> {
    let before = history.first(history.runs.len() - hidden);
    let last = history.last()?;
    let member = ensemble.laws[ensemble.with_process];
    let widest = window(&before, *ensemble.windows.last()?);
    let posterior = Posterior::find(member, &before, widest, ensemble.ceiling)?;
    let forecast = discrepancy::forecast(member, &posterior, &before, &[last.logs.clone()])?;
    let deviation = (forecast.variances.first()?).sqrt();
    Some((last.z - forecast.means.first()?) / deviation).filter(|z| z.is_finite())
}
