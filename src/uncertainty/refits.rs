//! What the bootstraps share: refits in parallel, and the small-sample correction of those that draw residuals.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::freedom::{clusters, freedom, stretch, without_freedom};
use super::{Draws, Fitted};
use crate::numerics::Random;
use crate::problem::Problem;
use crate::solver::{Cancelled, Minimum, Solver, Status};

/// Draws residuals `count` times and refits; `draw` makes a row's residuals from those of the fit.
///
/// Residuals are widened by sqrt(n / (n - p)), and every draw is stretched around the optimum by the root of
/// freedom over its chi-square, so that few rows give the tails of Student's t.
pub(super) fn refits(
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    draw: impl Fn(&mut Random, &[f64]) -> Vec<f64> + Sync,
) -> Result<Draws, Cancelled> {
    let problem = fitted.problem;
    let Some(freedom) = freedom(fitted) else { return Ok(without_freedom(fitted)) };
    let n = clusters(fitted);
    let widening = (n as f64 / freedom as f64).sqrt();
    let residuals: Vec<f64> = problem.residuals(fitted.optimum).into_iter().map(|r| r * widening).collect();
    collect(fitted, count, purpose, |random| {
        let drawn = draw(random, &residuals);
        let (mut refit, from) = refit(fitted, &problem.missed_by(fitted.optimum, &drawn));
        let stretch = stretch(random, freedom);
        for ((x, at), c) in refit.point.iter_mut().zip(from).zip(problem.coordinates()) {
            *x = (at + stretch * (*x - at)).clamp(c.lower, c.upper);
        }
        Ok(refit)
    })
}

/// Most rivals that a refit starts from too.
const RIVALS: usize = 4;

/// The best refit from the optimum and its rivals, and from which of them.
pub(super) fn refit<'a>(fitted: &Fitted<'a>, resample: &Problem) -> (Minimum, &'a [f64]) {
    let mut best = (Solver::Newton.minimise(resample, fitted.optimum), fitted.optimum);
    for rival in fitted.rivals.iter().take(RIVALS) {
        let end = Solver::Newton.minimise(resample, rival);
        if end.cost < best.0.cost {
            best = (end, rival);
        }
    }
    best
}

/// Refits in parallel, each with a stream of random numbers of its own; says how many did not converge.
pub(super) fn collect(
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    refit: impl Fn(&mut Random) -> Result<Minimum, Cancelled> + Sync,
) -> Result<Draws, Cancelled> {
    let done = AtomicUsize::new(0);
    let refits = (0..count)
        .into_par_iter()
        .map(|replicate| {
            if (fitted.watch.cancelled)() {
                return Err(Cancelled);
            }
            let refit = refit(&mut Random::new(fitted.seed, purpose, replicate as u64))?;
            (fitted.watch.tick)(done.fetch_add(1, Ordering::Relaxed) + 1, count);
            Ok(refit)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let unconverged = refits.iter().filter(|r| r.status != Status::Converged).count();
    let mut warnings = Vec::new();
    if unconverged > 0 {
        warnings.push(format!(
            "{unconverged} of {count} bootstrap refits did not converge; they are kept where they ended."
        ));
    }
    let points = refits.into_iter().filter(|r| r.cost.is_finite()).map(|r| r.point).collect();
    Ok(Draws { points, warnings, ..Draws::default() })
}
