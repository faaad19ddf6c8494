//! Tests whether the last runs depart from the forecast of the earlier ones, as at a break in a curve.

use super::discrepancy::Process;
use super::history::History;
use super::posterior::{Posterior, window};
use super::trend::seems_to_rise;
use super::{Ensemble, FEWEST_BEFORE};

/// Numbers of last runs that are hidden in turn.
const HIDDEN: [usize; 3] = [1, 2, 4];
/// At most one in this many runs is hidden.
const RUNS_PER_HIDDEN: usize = 4;
/// Largest accepted deviation of the last run, in standard deviations of its forecast.
///
/// Among the 46 available learning curves of Alabdulmohsin et al. 2022, the largest deviation was 2.6. On curves
/// simulated from the broken power law of digit addition (Caballero et al. 2022), with scatter of 0.5 % and the last
/// run beyond the break, the deviations were 11 and 16. None of the 63 cuts of the public benchmark over two sizes
/// exceeds the limit.
const LIMIT: f64 = 4.0;
/// The same for a last run above its forecast where the last runs seem to rise: of two signs of a turn, each may be
/// weaker.
const LIMIT_OF_RISE: f64 = 2.0;

/// The reason why no forecast is possible, if the last run lies far from its forecast by the earlier runs. The forecast
/// is that of the member with the process, whose variance includes the scatter and the error of the law.
///
/// If a curve has turned at its last runs, these do not determine how it continues, and members that cannot turn
/// forecast it even less well.
pub(super) fn leaves(ensemble: &Ensemble, history: &History) -> Option<String> {
    let n = history.runs.len();
    let counts = HIDDEN.into_iter().filter(|&hidden| n >= FEWEST_BEFORE + hidden && RUNS_PER_HIDDEN * hidden <= n);
    let left = counts.filter_map(|hidden| Some((hidden, deviations(ensemble, history, hidden)?)));
    let (hidden, deviations) = left.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    if deviations > LIMIT_OF_RISE && deviations <= LIMIT && seems_to_rise(history) {
        return Some(format!(
            "the response does not fall throughout: the last of {n} runs rise, and the last one lies {deviations:.1} standard \
             deviations above its forecast from the first {}",
            n - hidden
        ));
    }
    if deviations.abs() <= LIMIT {
        return None;
    }
    let side = if deviations < 0.0 { "below" } else { "above" };
    Some(format!(
        "the last run lies {:.0} standard deviations {side} its forecast from the first {} of {n} runs: the curve breaks, or \
         the run is unlike the others",
        deviations.abs(),
        n - hidden
    ))
}

/// Deviation, in standard deviations, of the last run from its forecast by all runs except the last few.
fn deviations(ensemble: &Ensemble, history: &History, hidden: usize) -> Option<f64> {
    let before = history.first(history.runs.len() - hidden);
    let last = history.last()?;
    let member = ensemble.laws[ensemble.with_process];
    let widest = window(&before, *ensemble.windows.last()?);
    let posterior = Posterior::find(member, &before, widest, ensemble.ceiling)?;
    let process = Process::of(member, &posterior, &before, ensemble.ceiling)?;
    let forecast = process.at(&posterior, std::slice::from_ref(&last.logs))?;
    let deviation = (forecast.variances.first()?).sqrt();
    Some((last.z - forecast.means.first()?) / deviation).filter(|z| z.is_finite())
}
