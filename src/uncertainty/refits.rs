//! Refits for several methods: displaced values or resampled rows, in parallel, within the bounds.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::division::{Batch, Ending, Kept};
use super::freedom::stretch;
use super::tangent::Tangent;
use super::{Draws, Fitted};
use crate::numerics::{Points, Random};
use crate::problem::Problem;
use crate::solver::{Minimum, Solver, Status, newton, newton_within, through_approximations, through_infinity};
use crate::watch::Cancelled;

/// A refit, and the scatter of a new row that belongs to it, relative to the scatter of the fit.
pub(super) struct Refit {
    pub(super) minimum: Minimum,
    pub(super) scatter: f64,
}

/// A refit of displaced values.
pub(super) struct Displaced {
    pub(super) refit: Refit,
    /// Whether a displacement was found whose refit stays within the bounds; else the last one was fitted within
    /// them.
    pub(super) is_free: bool,
    /// The problem with the displaced values.
    pub(super) problem: Problem,
    /// The displacement along each direction of the tangent.
    pub(super) along: Vec<f64>,
}

/// Number of times that a replicate whose refit leaves the bounds is drawn again.
///
/// A bound is prior knowledge, so refits outside it do not count. Where the rows prefer a value far outside a bound,
/// the last replicate is fitted within the bounds.
const TRIES: usize = 8;

/// Draws over centred coordinates, in which sizes of terms do not grow without bound where a power goes through zero.
/// Draws over other coordinates would depend on the units of the variables.
pub(super) fn over_centred(
    fitted: &Fitted<'_>,
    draw: impl Fn(&Fitted<'_>) -> Result<Draws, Cancelled>,
) -> Result<Draws, Cancelled> {
    let Some(centred) = fitted.problem.centred(fitted.law, fitted.optimum) else { return draw(fitted) };
    let optimum = centred.enter(fitted.optimum);
    if optimum.iter().any(|x| !x.is_finite()) {
        return draw(fitted);
    }
    let rivals: Vec<Vec<f64>> = fitted.rivals.iter().map(|rival| centred.enter(rival)).collect();
    let mut draws = draw(&Fitted { problem: &centred.problem, optimum: &optimum, rivals: &rivals, ..*fitted })?;
    draws.points = draws.points.iter().map(|point| centred.leave(point)).collect();
    Ok(draws)
}

/// Refits of the law's values, displaced in the tangent plane. `draw` gives a displacement in units of the scatter that
/// all rows have in common, which it is given.
///
/// The common scatter is the square root of the degrees of freedom over their chi-square. Few rows then give the tails
/// of Student's t, exactly so for a law that is linear in some coordinates.
pub(super) fn displaced(
    tangent: &Tangent<'_>,
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    draw: impl Fn(&mut Random, f64) -> Vec<f64> + Sync,
) -> Result<Draws, Cancelled> {
    collect(fitted, count, purpose, |random| Ok(displace(tangent, fitted, random, rivals(fitted), &draw).refit))
}

/// The refits from the centre alone, without rivals, each with the result of `weigh`.
pub(super) fn displaced_weighed(
    tangent: &Tangent<'_>,
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    weigh: impl Fn(&Displaced) -> f64 + Sync,
    draw: impl Fn(&mut Random, f64) -> Vec<f64> + Sync,
) -> Result<(Draws, Vec<f64>), Cancelled> {
    let mut gathered = Gathered::new(fitted, count);
    let mut weights = Vec::new();
    let weighed = |random: &mut Random| {
        let displaced = displace(tangent, fitted, random, &[], &draw);
        let weight = weigh(&displaced);
        Ok((displaced.refit, weight))
    };
    in_parallel(fitted, count, purpose, weighed, |kept| {
        weights.extend(gathered.take(kept).then_some(kept.weight));
    })?;
    Ok((gathered.draws(), weights))
}

/// One displaced refit within the bounds.
fn displace(
    tangent: &Tangent<'_>,
    fitted: &Fitted<'_>,
    random: &mut Random,
    starts: &[Vec<f64>],
    draw: &impl Fn(&mut Random, f64) -> Vec<f64>,
) -> Displaced {
    let mut tries = 0;
    loop {
        tries += 1;
        let scatter = stretch(random, tangent.freedom);
        let along: Vec<f64> = draw(random, scatter).into_iter().map(|t| scatter * t).collect();
        let (problem, minimum) = tangent.refit(&along, starts);
        if is_within(fitted.problem, &minimum.point) {
            return Displaced { refit: Refit { minimum, scatter }, is_free: true, problem, along };
        }
        if tries == TRIES {
            let minimum = Solver::default().minimise(&problem.bounded_as(fitted.problem), fitted.optimum);
            return Displaced { refit: Refit { minimum, scatter }, is_free: false, problem, along };
        }
    }
}

/// Refits of the problems from `draw`, which have no bounds, each with its scatter, drawn again until they stay
/// within the bounds.
pub(super) fn resampled(
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    from: &[f64],
    draw: impl Fn(&mut Random) -> (Problem, f64) + Sync,
) -> Result<Draws, Cancelled> {
    collect(fitted, count, purpose, |random| {
        let mut tries = 0;
        loop {
            tries += 1;
            let (resample, scatter) = draw(random);
            let refit = |problem: &Problem, from: &[f64]| best(problem, from, rivals(fitted));
            let minimum = through_approximations(&resample, from, refit);
            if is_within(fitted.problem, &minimum.point) {
                return Ok(Refit { minimum, scatter });
            }
            if tries == TRIES {
                let within = resample.bounded_as(fitted.problem);
                return Ok(Refit { minimum: through_approximations(&within, fitted.optimum, refit), scatter });
            }
        }
    })
}

/// Maximum number of rivals from which a refit also starts.
const RIVALS: usize = 4;

/// The other optima from which a refit also starts.
pub(super) fn rivals<'a>(fitted: &Fitted<'a>) -> &'a [Vec<f64>] {
    &fitted.rivals[..fitted.rivals.len().min(RIVALS)]
}

/// Number of Newton steps after which parameters count as divergent.
const MANY_STEPS: u64 = 60;

/// The best end from a start and from rivals. If parameters diverge, it also starts from the other side of infinity.
fn best(problem: &Problem, from: &[f64], rivals: &[Vec<f64>]) -> Minimum {
    let mut best = newton_within(problem, from, MANY_STEPS, 0.0);
    let turned = || through_infinity(problem, from, &best.point);
    if let Some(turned) = (best.status != Status::Converged).then(turned).flatten() {
        let end = newton(problem, &turned);
        if end.cost < best.cost {
            best = end;
        }
    }
    if best.status != Status::Converged {
        best = newton(problem, &best.point);
    }
    for rival in rivals {
        let end = newton(problem, rival);
        if end.cost < best.cost {
            best = end;
        }
    }
    best
}

/// Whether a point lies within a problem's bounds.
pub(super) fn is_within(problem: &Problem, point: &[f64]) -> bool {
    point.iter().zip(problem.coordinates()).all(|(x, c)| c.lower <= *x && *x <= c.upper)
}

/// Refits in parallel, with the number of those that did not converge.
pub(super) fn collect(
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    refit: impl Fn(&mut Random) -> Result<Refit, Cancelled> + Sync,
) -> Result<Draws, Cancelled> {
    let mut gathered = Gathered::new(fitted, count);
    let unweighed = |random: &mut Random| Ok((refit(random)?, UNWEIGHED));
    in_parallel(fitted, count, purpose, unweighed, |kept| {
        gathered.take(kept);
    })?;
    Ok(gathered.draws())
}

/// Number of replicates computed before they are reduced. Only a point of each is kept, since there may be millions.
const AT_A_TIME: usize = 8192;
/// The logarithm of the weight of a refit of a method that does not weigh them.
const UNWEIGHED: f64 = 0.0;

/// Computes replicates in parallel, each with its own stream of random numbers and the logarithm of its weight, and
/// passes them to `take` in order. Known replicates are not computed, and those of a range are recorded.
fn in_parallel(
    fitted: &Fitted<'_>,
    count: usize,
    purpose: &str,
    replicate: impl Fn(&mut Random) -> Result<(Refit, f64), Cancelled> + Sync,
    mut take: impl FnMut(Kept<'_>),
) -> Result<(), Cancelled> {
    let (numbers, size) = (fitted.division.numbers(count), fitted.optimum.len());
    let known = fitted.division.known(purpose, size);
    let done = AtomicUsize::new(0);
    let one = |number: usize| {
        if (fitted.watch.cancelled)() {
            return Err(Cancelled);
        }
        if known.get(number).is_some() {
            return Ok(None);
        }
        let made = replicate(&mut Random::new(fitted.seed, purpose, number as u64))?;
        (fitted.watch.tick)(done.fetch_add(1, Ordering::Relaxed) + 1, numbers.len());
        Ok(Some(made))
    };
    let mut batch = Batch::new(purpose, numbers.start, size, 0);
    let is_recorded = fitted.division.is_recorded();
    for start in numbers.clone().step_by(AT_A_TIME) {
        let some = start..(start + AT_A_TIME).min(numbers.end);
        let made: Vec<Option<(Refit, f64)>> = some.clone().into_par_iter().map(one).collect::<Result<_, _>>()?;
        for (number, made) in some.zip(&made) {
            let made = made.as_ref().map(|(refit, weight)| refit.kept(*weight));
            let Some(kept) = made.or_else(|| known.get(number)) else { continue };
            take(kept);
            if is_recorded {
                batch.push(kept);
            }
        }
    }
    fitted.division.record(batch);
    Ok(())
}

impl Refit {
    /// What a method keeps of the refit.
    fn kept(&self, weight: f64) -> Kept<'_> {
        let ending = match self.minimum.status {
            _ if !self.minimum.cost.is_finite() => Ending::NotFinite,
            Status::Converged => Ending::Converged,
            _ => Ending::Stopped,
        };
        Kept { ending, scatter: self.scatter, weight, point: &self.minimum.point }
    }
}

/// Largest share of refits without a minimum; a larger share means that the rows leave the parameters free along a
/// ridge.
const MOST_UNCONVERGED: f64 = 0.25;

/// Refits that become draws.
struct Gathered {
    /// Number of refits.
    count: usize,
    converged: usize,
    points: Points,
    scatter: Vec<f64>,
}

impl Gathered {
    fn new(fitted: &Fitted<'_>, count: usize) -> Self {
        let count = fitted.division.numbers(count).len();
        let points = Points::with_capacity(fitted.optimum.len(), count);
        Self { count, converged: 0, points, scatter: Vec::with_capacity(count) }
    }

    /// Adds a refit if its objective is finite; returns whether it was added.
    fn take(&mut self, kept: Kept<'_>) -> bool {
        let is_taken = kept.ending != Ending::NotFinite;
        if is_taken {
            self.converged += usize::from(kept.ending == Ending::Converged);
            self.points.push(kept.point);
            self.scatter.push(kept.scatter);
        }
        is_taken
    }

    fn draws(self) -> Draws {
        let Self { count, converged, points, scatter } = self;
        let unconverged = count - converged;
        if unconverged as f64 > MOST_UNCONVERGED * count as f64 {
            let warning = format!(
                "{unconverged} of {count} refits have no minimum: the rows leave the parameters free along a ridge, and there are no intervals."
            );
            return Draws { warnings: vec![warning], ..Draws::default() };
        }
        let mut warnings = Vec::new();
        if unconverged > 0 {
            warnings.push(format!("{unconverged} of {count} refits did not converge; they are kept where they ended."));
        }
        Draws { points, scatter, warnings, ..Draws::default() }
    }
}
