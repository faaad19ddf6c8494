//! Whether a response falls with scale at all: curves that turn are outside every law here.

use super::history::{History, Run};
use crate::numerics::{median, quantile};

/// How many times the scatter a rise has to be ...
const TIMES_SCATTER: f64 = 6.0;
/// ... and what share of the whole fall, before it is one.
const SHARE_OF_FALL: f64 = 0.1;

/// Share of the runs that may lie above smaller ones: along one size, and over two, where runs that were
/// badly tuned at one end of a budget lie above smaller ones without any turn.
const ALLOWED_SHARE: [f64; 2] = [0.05, 0.25];

/// Why a history cannot be forecast, in words; none where it can.
pub(super) fn turns(history: &History) -> Option<String> {
    let scatter = scatter(history);
    let z: Vec<f64> = history.runs.iter().map(|run| run.z).collect();
    let mut sorted = z.clone();
    sorted.sort_by(f64::total_cmp);
    let range = quantile(&sorted, 0.95) - quantile(&sorted, 0.05);
    let allowed = (TIMES_SCATTER * scatter).max(SHARE_OF_FALL * range);
    let (first, last) = (history.runs.first()?, history.last()?);
    if smaller(first, last) && last.z - first.z > allowed {
        return Some("the response rises with scale; a forecast is of what falls, such as a loss or an error rate (write 1 - accuracy for an accuracy)".to_owned());
    }
    let turned = rises(history, allowed);
    // One run that did not converge is no trend.
    let share = ALLOWED_SHARE[usize::from(last.logs.len() > 1)];
    (turned as f64 >= 2.0 + share * history.runs.len() as f64).then(|| {
        format!("the response does not fall throughout: {turned} of {} runs lie above smaller ones by more than their scatter, as where a curve has a second descent or overfits", history.runs.len())
    })
}

fn smaller(one: &Run, other: &Run) -> bool {
    one.logs.iter().zip(&other.logs).all(|(x, y)| x <= y)
}

/// Runs that lie above one that is smaller in every size, by more than what is allowed.
fn rises(history: &History, allowed: f64) -> usize {
    let rises =
        history.runs.iter().enumerate().filter(|(j, run)| {
            history.runs[..*j].iter().any(|before| smaller(before, run) && run.z - before.z > allowed)
        });
    rises.count()
}

/// How much neighbours differ beside the trend: from second differences, which a smooth curve hardly has.
fn scatter(history: &History) -> f64 {
    let differences: Vec<f64> =
        history.runs.windows(3).map(|w| (f64::midpoint(w[0].z, w[2].z) - w[1].z).abs() / 1.5_f64.sqrt()).collect();
    if differences.is_empty() { 0.0 } else { median(&differences) / 0.6745 }
}
