//! The global search: many starts, each polished by a solver.
//!
//! [`search()`] finds the best known optimum. [`from_listed`] runs a solver from the starts that a spec or a paper
//! lists, so that a published procedure can be repeated.

mod centred;
mod joint;
mod mirror;
mod projection;
mod scatter;
mod span;
mod starts;
mod surroundings;
mod twins;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use centred::walk_centred;
use span::spans;
use surroundings::{Surroundings, along_ridges};

use crate::law::{Law, Symmetries};
use crate::numerics::eigen_symmetric;
use crate::problem::Problem;
use crate::solver::{Minimum, Solver, Status, smoothed_hessian};
use crate::watch::{Cancelled, Watch};

/// The starts of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Starts {
    /// The valleys that a search of the whole space finds.
    #[default]
    Search,
    /// Every combination of the starts listed for the law's parameters, as in papers.
    Grid,
}

/// A local optimum and the number of starts that led to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Optimum {
    /// The coordinates.
    pub point: Vec<f64>,
    /// The objective.
    pub cost: f64,
    /// Whether the solver converged.
    pub converged: bool,
    /// Number of starts that ended here.
    pub starts: usize,
    /// Whether the solver stayed at its start.
    pub unmoved: bool,
}

/// The result of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Search {
    /// The distinct optima, best first.
    pub optima: Vec<Optimum>,
    /// Number of starts.
    pub starts: usize,
    /// Starts from which the solver's line search failed.
    pub failed: usize,
    /// Starts from which the solver reached a point where the law is only rounding error. Such points are not optima.
    pub unresolved: usize,
    /// Number of grid points from which the starts were chosen; zero without a grid.
    pub grid: usize,
    /// Solutions that fit as well as the best optimum and are apart from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Vec<f64>>,
}

impl Search {
    fn of(optima: Vec<Optimum>, ends: &[Minimum], grid: usize) -> Self {
        let count = |status: Status| ends.iter().filter(|end| end.status == status).count();
        let (failed, unresolved) = (count(Status::Failed), count(Status::Unresolved));
        Self { optima, starts: ends.len(), failed, unresolved, grid, twins: Vec::new() }
    }

    /// The optima that are little worse than the best, so that a resample of the rows could put them first.
    ///
    /// Their objective exceeds the best one by at most twenty times the best one's share per degree of freedom, where
    /// `freedom` is the number of rows minus the number of parameters. For least squares the excess is twice the
    /// difference of the log-likelihoods, to first order.
    pub fn rivals(&self, freedom: usize) -> Vec<Vec<f64>> {
        let Some(best) = self.optima.first() else { return Vec::new() };
        let most = best.cost * (1.0 + share_of_rivals(freedom));
        let others = self.optima[1..].iter().filter(|optimum| optimum.converged && optimum.cost <= most);
        others.take(RIVALS).map(|optimum| optimum.point.clone()).collect()
    }

    /// The same search with phases wrapped, and with other solutions that fit as well as the best. Of these, the first in the
    /// order of the coordinates is the optimum, so that the same rows in other groups give the same one.
    fn with_twins(
        mut self,
        problem: &Problem,
        law: &Law,
        symmetries: &Symmetries,
        grid: Option<&projection::Grid<'_>>,
    ) -> Self {
        let Some(best) = self.optima.first_mut().filter(|best| best.converged) else { return self };
        if let Some(point) = grid.and_then(|grid| twins::wrapped(problem, law, grid, &best.point)) {
            best.point = point;
        }
        if problem.is_exact(&best.point) || is_flat(problem, &best.point) {
            return self;
        }
        self.twins = twins::twins(problem, symmetries, grid, (&best.point, best.cost));
        let negative = |point: &[f64]| point.iter().filter(|x| **x < 0.0).count();
        let order = |a: &[f64], b: &[f64]| {
            negative(a).cmp(&negative(b)).then_with(|| {
                a.iter()
                    .zip(b)
                    .map(|(a, b)| a.total_cmp(b))
                    .find(|order| order.is_ne())
                    .unwrap_or(std::cmp::Ordering::Equal)
            })
        };
        let first = (0..self.twins.len()).min_by(|&a, &b| order(&self.twins[a], &self.twins[b]));
        if let Some(first) = first.filter(|&first| order(&self.twins[first], &best.point).is_lt()) {
            std::mem::swap(&mut self.twins[first], &mut best.point);
        }
        self
    }

    /// The same search with interchangeable parts of the law in a fixed order, and each of the best optima upright among
    /// its mirror images. Problems with several blocks are unchanged.
    fn in_order(mut self, problem: &Problem, symmetries: &Symmetries) -> Self {
        if problem.places().len() == 1 {
            self.optima.iter_mut().for_each(|optimum| symmetries.settle(&mut optimum.point));
            for optimum in self.optima.iter_mut().take(1 + RIVALS) {
                if let Some(image) = mirror::upright(problem, &optimum.point) {
                    optimum.point = image;
                }
            }
        }
        self
    }
}

/// Largest excess of a rival optimum, in shares of the best objective per degree of freedom. Other rows could make
/// such an optimum the best.
const RIVAL: f64 = 20.0;
/// Maximum number of rival optima.
const RIVALS: usize = 32;
/// Maximum number of listed starts in addition to a grid.
const LISTED_BESIDE_GRID: usize = 64;
/// Maximum number of listed starts of a law without a grid; longer lists are thinned evenly.
const LISTED: usize = 2048;
/// Maximum number of listed starts from which alternative descents are tried. A longer list, such as a paper's grid,
/// is used without them.
const FEW_LISTED: usize = 16;
/// Two ends are the same optimum when their objectives differ by a smaller share.
const SAME: f64 = 1e-8;
/// Number of starts that have to agree before the search stops.
const FEWEST: usize = 2;
/// Rows per parameter above which an optimum under other weights shows where to look. With fewer rows, resamples
/// differ too much.
const TELLING: usize = 10;
/// Parameters per row above which the search does not look around the optima that its starts find.
const UNDERDETERMINED: usize = 2;
/// Product of rows and starts above which the work is shared with other threads.
const WORTH_WAKING: usize = 1000;
/// Number of rows above which the search looks for valleys on a part of them.
const MANY_ROWS: usize = 4096;
/// Maximum number of optima of a part of the rows that are polished on all rows.
const CARRIED_OVER: usize = 8;

/// Searches globally for the best optimum.
///
/// # Errors
/// The search was cancelled.
pub fn search(problem: &Problem, law: &Law, solver: Solver, watch: &Watch<'_>) -> Result<Search, Cancelled> {
    if problem.places().len() > 1 {
        return joint::search_blocks(problem, law, solver, watch);
    }
    let rows = problem.rows();
    if rows <= MANY_ROWS {
        return search_valleys(problem, law, &Prepared::of(problem, law), Effort::Enough(None), solver, watch);
    }
    let some: Vec<usize> = (0..MANY_ROWS).map(|i| i * rows / MANY_ROWS).collect();
    let found = search(&problem.of_rows(&some), law, solver, watch)?;
    let starts: Vec<Vec<f64>> = found.optima.iter().take(CARRIED_OVER).map(|o| o.point.clone()).collect();
    let mut optima = distinct(&polish(problem, &starts, solver, watch)?);
    // Report the numbers of all starts, not only of those that were carried over.
    if let (Some(best), Some(of_part)) = (optima.first_mut(), found.optima.first()) {
        best.starts = of_part.starts;
    }
    Ok(Search { optima, twins: Vec::new(), ..found })
}

/// Searches one block of rows without early stopping, and around twice as many optima as [`search`]. The quality of
/// [`search`] is measured against this.
///
/// # Errors
/// The search was cancelled.
pub fn search_on(problem: &Problem, law: &Law, solver: Solver, watch: &Watch<'_>) -> Result<Search, Cancelled> {
    search_valleys(problem, law, &Prepared::of(problem, law), Effort::Utmost, solver, watch)
}

/// Searches problems over the same rows, one after the other, with other weights each time.
pub struct Searcher<'a> {
    law: &'a Law,
    /// Prepared where all problems have the same rows and few of them.
    prepared: Option<Prepared<'a>>,
    known: Known<'a>,
}

/// The known optimum of a problem with other weights.
struct Known<'a> {
    point: &'a [f64],
    /// A weight for each row, smaller for a larger residual at the known optimum.
    trust: Vec<f64>,
}

impl std::fmt::Debug for Searcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Searcher")
    }
}

impl<'a> Searcher<'a> {
    /// A search of problems that differ from `problem` by the rows' weights only; `known` is the optimum of
    /// `problem`.
    pub fn new(problem: &'a Problem, law: &'a Law, known: &'a [f64]) -> Self {
        let alike = problem.places().len() == 1 && problem.rows() <= MANY_ROWS;
        let trust = if problem.rows() == 0 { Vec::new() } else { projection::trust(problem.residuals(known)) };
        Self { law, prepared: alike.then(|| Prepared::of(problem, law)), known: Known { point: known, trust } }
    }

    /// The best optimum of a problem over the same rows.
    ///
    /// # Errors
    /// The search was cancelled.
    pub fn best(&self, problem: &Problem, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Minimum, Cancelled> {
        let (solver, watch) = (Solver::default(), Watch { cancelled, tick: &|_, _| () });
        let found = match &self.prepared {
            None => search(problem, self.law, solver, &watch)?,
            Some(prepared) => {
                let effort = Effort::Enough(Some(&self.known));
                search_valleys(problem, self.law, prepared, effort, solver, &watch)?
            }
        };
        Ok(found.optima.into_iter().next().map_or_else(
            || solver.minimise(problem, self.known.point),
            |Optimum { point, cost, converged, unmoved, .. }| {
                let status = if converged { Status::Converged } else { Status::Stalled };
                Minimum { point, cost, status, iterations: 0, unmoved }
            },
        ))
    }
}

/// The parts of a search that do not depend on the rows' weights.
struct Prepared<'a> {
    design: Option<projection::Design<'a>>,
    symmetries: Symmetries,
}

impl<'a> Prepared<'a> {
    fn of(problem: &'a Problem, law: &Law) -> Self {
        let terms = law.terms().filter(|_| problem.rows() > 0);
        let design = terms.map(|terms| projection::Design::new(problem, law, terms));
        Self { design, symmetries: law.symmetries() }
    }
}

/// Parameter vectors that are spread over the spans which the search covers, so that none of them is implausible before
/// the rows are compared. Where the law is a sum of terms, the sizes of the terms are fitted to the rows, given the rest.
pub fn plausible(problem: &Problem, law: &Law, count: usize) -> Vec<Vec<f64>> {
    let first = problem.block(0);
    let spread = |spans: &[span::Span]| starts::spread(&first, spans, count);
    match Prepared::of(&first, law).design {
        Some(design) => {
            let points = spread(design.spans());
            let grid = design.weighted(first.weights().collect());
            points.iter().map(|point| grid.resized(point)).collect()
        }
        None => spread(&spans(&first, law, None)),
    }
}

/// The points with the sizes of the law's terms fitted to the rows, given the other coordinates; the points themselves where
/// no term has a size, or there are several blocks.
pub fn resized(problem: &Problem, law: &Law, points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let is_whole = problem.places().len() == 1 && problem.rows() <= MANY_ROWS;
    let design = if is_whole && !points.is_empty() { Prepared::of(problem, law).design } else { None };
    let Some(design) = design else { return points.to_vec() };
    let grid = design.weighted(problem.weights().collect());
    points.iter().map(|point| grid.resized(point)).collect()
}

/// Runs a solver from every combination of the starts that the law's parameters list, as in papers.
///
/// # Errors
/// The search was cancelled.
pub fn from_listed(problem: &Problem, law: &Law, solver: Solver, watch: &Watch<'_>) -> Result<Search, Cancelled> {
    let first = problem.block(0);
    let block = starts::listed(&first, law, &spans(&first, law, None), usize::MAX);
    // All blocks start from the listed values, also where they share parameters.
    let starts: Vec<Vec<f64>> = block
        .iter()
        .map(|own| {
            let mut start = vec![0.0; problem.size()];
            for places in problem.places() {
                places.iter().zip(own).for_each(|(&place, &x)| start[place] = x);
            }
            start
        })
        .collect();
    let ends = polish(problem, &starts, solver, watch)?;
    let mut all = ends.clone();
    if solver == Solver::default() && starts.len() <= FEW_LISTED && problem.places().len() == 1 {
        all.extend(other_ways(problem, law, &starts, watch)?);
        walk_ridges(problem, &mut all, watch)?;
    }
    Ok(Search::of(distinct(&all), &ends, 0).in_order(problem, &law.symmetries()))
}

/// Alternative descents from a few starts: Gauss-Newton steps, which do not end at a saddle, and starts whose sizes
/// are fitted to their shapes. Each end is polished.
fn other_ways(problem: &Problem, law: &Law, starts: &[Vec<f64>], watch: &Watch<'_>) -> Result<Vec<Minimum>, Cancelled> {
    let mut from = starts.to_vec();
    if let Some(design) = Prepared::of(problem, law).design {
        let grid = design.weighted(problem.weights().collect());
        from.extend(starts.iter().map(|start| grid.resized(start)));
    }
    let mut ends = polish(problem, &from[starts.len()..], Solver::default(), watch)?;
    let first: Vec<Vec<f64>> =
        polish(problem, &from, Solver::GAUSS_NEWTON, watch)?.into_iter().map(|end| end.point).collect();
    ends.extend(polish(problem, &first, Solver::default(), watch)?);
    Ok(ends)
}

/// Follows the best end along the directions of least curvature, as long as that leads to a better end. Two terms
/// that have merged end at a saddle, and on a long ridge the steps may run out.
fn walk_ridges(problem: &Problem, ends: &mut Vec<Minimum>, watch: &Watch<'_>) -> Result<(), Cancelled> {
    for _ in 0..BETTER {
        continue_best(problem, Solver::default(), ends, watch)?;
        let Some(best) = best_of(ends) else { return Ok(()) };
        let cost = best.cost;
        let starts = along_ridges(problem, &best.point, cost);
        ends.extend(polish(problem, &starts, Solver::default(), watch)?);
        if best_of(ends).is_none_or(|better| better.cost >= cost - SAME * cost.abs()) {
            return Ok(());
        }
    }
    Ok(())
}

/// The stopping rule of a search.
#[derive(Clone, Copy)]
enum Effort<'a> {
    /// Stop when starts agree and no distant point of the grid is nearly as good.
    Enough(Option<&'a Known<'a>>),
    /// Stop after all starts.
    Utmost,
}

/// Searches one block of rows, with a grid where the law has one and the rows are few enough.
fn search_valleys(
    problem: &Problem,
    law: &Law,
    prepared: &Prepared<'_>,
    effort: Effort<'_>,
    solver: Solver,
    watch: &Watch<'_>,
) -> Result<Search, Cancelled> {
    let (known, around) = match effort {
        Effort::Enough(known) => (known, LOOKED_AROUND),
        Effort::Utmost => (None, 2 * LOOKED_AROUND),
    };
    // A known optimum gives the trust of the rows; without one, the first pass over the grid gives it to the second.
    let told = known.filter(|_| problem.weights().filter(|w| *w > 0.0).count() >= TELLING * problem.size());
    let trusted = |known: &Known<'_>| problem.weights().zip(&known.trust).map(|(w, t)| w * t).collect();
    let weights = told.map_or_else(|| problem.weights().collect(), trusted);
    let grid = prepared.design.as_ref().map(|design| design.weighted(weights)).filter(projection::Grid::is_defined);
    // The grid was built from all rows and keeps them.
    let problem = &problem.without_idle_rows();
    let mut run = Polished { problem, solver, watch, tried: BTreeSet::new(), ends: Vec::new() };
    // Whether the rows leave the place of the optimum open, even where a few starts agree.
    let mut open = matches!(effort, Effort::Utmost);
    if let Some(grid) = &grid {
        let mut valleys = if told.is_some() { grid.plain_valleys() } else { grid.valleys() };
        valleys.extend(known.map(|known| known.point.to_vec()));
        // A single valley would always agree with itself.
        valleys.extend(grid.elsewhere(FEWEST.saturating_sub(valleys.len())));
        run.start_from(valleys)?;
        if run.is_exact() {
            return Ok(
                Search::of(distinct(&run.ends), &run.ends, grid.points()).in_order(problem, &prepared.symmetries)
            );
        }
        if told.is_none() {
            run.start_from(promising_steps(problem, law, grid, &run.ends))?;
            open |= grid.leaves_open(share_of_rivals(problem.rows().saturating_sub(problem.size())));
        }
        if open || !agree(problem, &run.ends) {
            // Listed starts of the spec or the catalogue are tried too.
            let mut spread: Vec<Vec<f64>> = grid.spread().collect();
            spread.extend(starts::listed(problem, law, grid.spans(), LISTED_BESIDE_GRID));
            spread.extend(starts::scattered(problem, grid.spans()));
            spread.extend(starts::scattered_wide(problem, law, grid.spans()).iter().map(|point| grid.resized(point)));
            run.start_from(spread)?;
        }
    } else {
        let spans = spans(problem, law, None);
        let mut all = starts::listed(problem, law, &spans, LISTED);
        all.extend(known.map(|known| known.point.to_vec()));
        all.extend(starts::scattered(problem, &spans));
        all.extend(starts::scattered_wide(problem, law, &spans));
        run.start_from(all)?;
    }
    let points = grid.as_ref().map_or(0, projection::Grid::points);
    // With far more parameters than rows, countless optima fit equally well.
    let is_underdetermined = problem.size() > UNDERDETERMINED * problem.rows();
    if !is_underdetermined && (open || !agree(problem, &run.ends)) {
        look_around(around, law, grid.as_ref(), &mut run)?;
    }
    let mut all = run.ends.clone();
    continue_best(problem, solver, &mut all, watch)?;
    walk_centred(problem, law, solver, &mut all, watch)?;
    let found = Search::of(distinct(&all), &run.ends, points).in_order(problem, &prepared.symmetries);
    Ok(if known.is_none() { found.with_twins(problem, law, &prepared.symmetries, grid.as_ref()) } else { found })
}

/// The ends of a search's starts, each polished once.
struct Polished<'a> {
    problem: &'a Problem,
    solver: Solver,
    watch: &'a Watch<'a>,
    /// The starts tried so far, by their bits.
    tried: BTreeSet<Vec<u64>>,
    ends: Vec<Minimum>,
}

impl Polished<'_> {
    /// Whether an end fits all rows exactly, with more rows than parameters. No start can then lead to a better end.
    fn is_exact(&self) -> bool {
        let is_told = self.problem.rows() > self.problem.size();
        is_told && best_of(&self.ends).is_some_and(|end| self.problem.is_exact(&end.point))
    }

    /// Polishes the starts that are new.
    fn start_from(&mut self, mut starts: Vec<Vec<f64>>) -> Result<(), Cancelled> {
        starts.retain(|start| self.tried.insert(start.iter().map(|x| x.to_bits()).collect()));
        self.ends.extend(polish(self.problem, &starts, self.solver, self.watch)?);
        Ok(())
    }
}

/// Largest excess of a rival over the best objective, as a share of it, for `freedom` rows more than parameters.
fn share_of_rivals(freedom: usize) -> f64 {
    RIVAL / freedom.max(1) as f64
}

/// A step is polished only where its objective before polishing is at most this multiple of the best one.
const PROMISING: f64 = 1.5;

/// Steps of the law between two rows whose objective is close to the best end.
fn promising_steps(problem: &Problem, law: &Law, grid: &projection::Grid<'_>, ends: &[Minimum]) -> Vec<Vec<f64>> {
    let Some(best) = best_of(ends) else { return Vec::new() };
    let mut steps = grid.steps(problem, law, &best.point);
    steps.retain(|step| problem.cost(step) <= PROMISING * best.cost);
    steps
}

/// The result with the lowest objective.
fn best_of(ends: &[Minimum]) -> Option<&Minimum> {
    ends.iter().filter(|end| end.cost.is_finite()).min_by(|a, b| a.cost.total_cmp(&b.cost))
}

/// Number of distant optima around which the search looks for better ones.
const LOOKED_AROUND: usize = 4;
/// Maximum number of times that the search continues around a better optimum.
const BETTER: usize = 20;

/// Starts around the best end as long as that leads to a better one, then around the best ends that are apart from
/// those already used. Neighbouring ends, such as the two ends of a ridge, have the same surroundings.
fn look_around(
    optima: usize,
    law: &Law,
    grid: Option<&projection::Grid<'_>>,
    run: &mut Polished<'_>,
) -> Result<(), Cancelled> {
    let surroundings = Surroundings::new(run.problem, law, grid);
    let (mut looked, mut apart): (Vec<Optimum>, usize) = (Vec::new(), 0);
    while looked.len() < optima + BETTER {
        let ends = distinct(&run.ends);
        let is_new = |o: &Optimum| looked.iter().all(|l| (o.cost - l.cost).abs() > SAME * l.cost.abs());
        let is_apart = |o: &Optimum| looked.iter().all(|l| surroundings.are_apart(&o.point, &l.point));
        let better = ends.first().filter(|o| is_new(o));
        let other = || ends.iter().find(|o| apart < optima && is_new(o) && is_apart(o));
        let Some(next) = better.or_else(other).cloned() else { break };
        apart += usize::from(is_apart(&next));
        run.start_from(surroundings.starts((&next.point, next.cost), run.watch))?;
        looked.push(next);
    }
    Ok(())
}

/// Minimises from each start, in parallel; the ends are in order of the starts.
fn polish(
    problem: &Problem,
    starts: &[Vec<f64>],
    solver: Solver,
    watch: &Watch<'_>,
) -> Result<Vec<Minimum>, Cancelled> {
    let done = AtomicUsize::new(0);
    let run = |start: &Vec<f64>| {
        if (watch.cancelled)() {
            return Err(Cancelled);
        }
        let end = resolved(problem, solver.minimise(problem, start));
        (watch.tick)(done.fetch_add(1, Ordering::Relaxed) + 1, starts.len());
        Ok(end)
    };
    // Waking another thread takes as long as one or two starts over few rows.
    if starts.len() * problem.rows() < WORTH_WAKING {
        starts.iter().map(run).collect()
    } else {
        starts.par_iter().map(run).collect()
    }
}

/// An end with an infinite objective where the law is only rounding error.
fn resolved(problem: &Problem, end: Minimum) -> Minimum {
    if end.cost.is_finite() && !problem.is_resolved(&end.point) {
        Minimum { cost: f64::INFINITY, status: Status::Unresolved, ..end }
    } else {
        end
    }
}

/// Whether all ends are one converged optimum, inside the bounds and not on a flat ridge.
fn agree(problem: &Problem, ends: &[Minimum]) -> bool {
    let best = ends.iter().map(|end| end.cost).fold(f64::INFINITY, f64::min);
    !ends.is_empty()
        && ends.iter().all(|end| {
            let inside = end.point.iter().zip(problem.coordinates()).all(|(x, c)| c.lower < *x && *x < c.upper);
            end.status == Status::Converged && inside && end.cost - best <= SAME * best.abs()
        })
        && ends.first().is_some_and(|end| !is_flat(problem, &end.point))
}

/// Above this ratio of the eigenvalues of the scaled Hessian, the objective has a flat ridge.
const FLAT: f64 = 1e7;

fn is_flat(problem: &Problem, point: &[f64]) -> bool {
    let (values, _) = eigen_symmetric(&smoothed_hessian(problem, point).unit_diagonal());
    match (values.first(), values.last()) {
        (Some(low), Some(high)) => !(*low > 0.0 && high / low < FLAT),
        _ => false,
    }
}

/// Maximum number of times that a run out of steps is continued.
const ENCORES: usize = 64;

/// Continues the best run where it ran out of steps, as happens on a long flat ridge.
fn continue_best(
    problem: &Problem,
    solver: Solver,
    ends: &mut Vec<Minimum>,
    watch: &Watch<'_>,
) -> Result<(), Cancelled> {
    for _ in 0..ENCORES {
        let best = ends.iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
        let Some(start) =
            best.filter(|end| end.status == Status::Stalled && end.cost.is_finite()).map(|end| end.point.clone())
        else {
            return Ok(());
        };
        if (watch.cancelled)() {
            return Err(Cancelled);
        }
        ends.push(resolved(problem, solver.minimise(problem, &start)));
    }
    Ok(())
}

/// The ends grouped by objective, best first.
fn distinct(ends: &[Minimum]) -> Vec<Optimum> {
    let mut ends: Vec<&Minimum> = ends.iter().filter(|end| end.cost.is_finite()).collect();
    // The sort is stable: among equal objectives, the earliest start represents the group.
    ends.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut optima: Vec<Optimum> = Vec::new();
    for end in ends {
        let converged = end.status == Status::Converged;
        match optima.last_mut() {
            Some(last) if end.cost - last.cost <= SAME * last.cost.abs() + 1e-300 => {
                last.starts += 1;
                last.converged |= converged;
                last.unmoved &= end.unmoved;
            }
            _ => optima.push(Optimum {
                point: end.point.clone(),
                cost: end.cost,
                converged,
                starts: 1,
                unmoved: end.unmoved,
            }),
        }
    }
    optima
}

#[cfg(test)]
mod tests;
