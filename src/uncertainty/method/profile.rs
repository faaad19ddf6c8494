//! Profile likelihood: how far a parameter can move, with all others refitted, before the objective rises too much.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::posterior::sample;
use super::{Method, default_level};
use crate::law::Order;
use crate::numerics::{Matrix, exp, ln, student_quantile};
use crate::problem::Problem;
use crate::solver::{Minimum, Solver, broadened};
use crate::uncertainty::curvature::{Curvature, Movable, curvature};
use crate::uncertainty::dispersion::{of_clusters, of_rows};
use crate::uncertainty::freedom::{Refused, clusters, freedom};
use crate::uncertainty::{Curve, Draws, Fitted, Region};
use crate::watch::Cancelled;

/// Intervals from the objective itself. They end where the lowest objective over the other parameters has risen by
/// F(1, n - p) times its dispersion (Cox and Snell 1989). For rows that belong to runs the increase is scaled by the
/// sandwich (Pace, Salvan and Sartori 2011). The curves are those of Bates and Watts (1988). Queries use draws from the
/// posterior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Number of draws for queries.
    #[serde(default = "super::default_draws")]
    pub draws: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
    /// Pairs of parameters whose joint region is drawn: `[["alpha", "beta"]]`.
    #[serde(default)]
    pub pairs: Vec<[String; 2]>,
}

impl Method for Profile {
    fn count(&self) -> (&'static str, usize) {
        ("draws", self.draws)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn pairs(&self) -> &[[String; 2]] {
        &self.pairs
    }

    fn describe(&self) -> String {
        format!("profile likelihood, and {} draws from the posterior", self.draws)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let Some(freedom) = freedom(fitted) else { return Ok(Refused::without_freedom(fitted).draws()) };
        let Some(surface) = Surface::of(fitted, freedom) else { return self.of_flat(fitted, freedom) };
        let mut draws = sample(fitted, self.draws)?;
        draws.curves = self.curves(fitted, &surface, freedom)?;
        // Twice the quantile of F(2, freedom), which has a closed form.
        let rise = freedom as f64 * (exp(-2.0 / freedom as f64 * ln(1.0 - self.level)) - 1.0);
        for pair in &self.pairs {
            if (fitted.watch.cancelled)() {
                return Err(Cancelled);
            }
            let places = pair.each_ref().map(|name| fitted.names.iter().position(|known| known == name));
            if let [Some(a), Some(b)] = places {
                draws.regions.extend(surface.region([a, b], rise));
            }
        }
        if surface.is_undercut() {
            draws.warnings.push(
                "Along a profile the objective falls below that of the optimum: the search missed a lower one."
                    .to_owned(),
            );
        }
        Ok(draws)
    }

    fn refit(&self, fitted: &Fitted<'_>) -> Result<(), Cancelled> {
        sample(fitted, self.draws).map(drop)
    }

    /// 1: the curves are kept with the intervals.
    fn rev(&self) -> u32 {
        1
    }
}

impl Profile {
    /// The curve of each coordinate that can move.
    fn curves(&self, fitted: &Fitted<'_>, surface: &Surface<'_>, freedom: usize) -> Result<Vec<Curve>, Cancelled> {
        let t = student_quantile(f64::midpoint(1.0, self.level), freedom);
        let mut curves = Vec::new();
        for coordinate in 0..fitted.problem.size() {
            if (fitted.watch.cancelled)() {
                return Err(Cancelled);
            }
            curves.extend(surface.curve(coordinate, t * t));
            (fitted.watch.tick)(coordinate + 1, fitted.problem.size());
        }
        Ok(curves)
    }

    /// The refusal of a flat objective, with the curves that show in which parameters it is flat.
    fn of_flat(&self, fitted: &Fitted<'_>, freedom: usize) -> Result<Draws, Cancelled> {
        let mut draws = Refused::Flat.draws();
        if let Some(surface) = Surface::of_flat(fitted, freedom) {
            draws.curves = self.curves(fitted, &surface, freedom)?;
            draws.curves.iter_mut().for_each(|curve| curve.is_interval = false);
        }
        Ok(draws)
    }
}

/// Number of points of a curve between the estimate and an end of the interval.
const INSIDE: usize = 8;
/// Number of points of a curve beyond an end, up to a quarter of the distance to it.
const BEYOND: usize = 2;
/// Length of a side without an end, in distances at which the curvature alone would end the interval ...
const OPEN: f64 = 4.0;
/// ... and the largest factor that it covers for a parameter on a log scale.
const OPEN_FACTOR: f64 = 1e3;
/// First step along a coordinate of a flat objective, in distances for which the others are held.
const LOOSE: f64 = 8.0;

/// Number of points on the border of a region.
const BORDER: usize = 72;
/// Number of doublings of a step after which a side counts as open.
const MOST_DOUBLINGS: usize = 40;
/// Number of bisections, which shrinks a bracket to a billionth.
const HALVINGS: usize = 30;

/// The objective around its optimum.
struct Surface<'a> {
    problem: &'a Problem,
    optimum: &'a [f64],
    cost: f64,
    curvature: Curvature,
    /// Dispersion along each coordinate: the scale on which the increase of the objective is chi-square.
    dispersions: Vec<f64>,
    /// The lowest objective of any profile.
    lowest: std::cell::Cell<f64>,
}

impl<'a> Surface<'a> {
    fn of(fitted: &Fitted<'a>, freedom: usize) -> Option<Self> {
        let bending = broadened(fitted.problem, fitted.optimum);
        let independent = clusters(fitted) == fitted.problem.rows();
        // A coordinate on its bound can move in one direction only, and the rows determine how far.
        let one_sided = independent.then(|| curvature(fitted, &bending, Movable::Anywhere)).flatten();
        let mut curvature = one_sided.or_else(|| curvature(fitted, &bending, Movable::Inside))?;
        let dispersions = if independent {
            let dispersion = of_rows(fitted.problem, fitted.optimum, freedom)?.dispersion;
            curvature.covariance = curvature.inverse.clone();
            curvature.covariance.cells_mut().iter_mut().for_each(|cell| *cell *= dispersion);
            vec![dispersion; curvature.movable.len()]
        } else {
            of_clusters(&curvature)
        };
        let problem = fitted.problem;
        let cost = problem.cost(fitted.optimum);
        let lowest = std::cell::Cell::new(cost);
        Some(Self { problem, optimum: fitted.optimum, cost, curvature, dispersions, lowest })
    }

    /// The surface around an optimum without a curvature, for independent rows. The steps follow from the curvature along
    /// each coordinate with the others held.
    fn of_flat(fitted: &Fitted<'a>, freedom: usize) -> Option<Self> {
        let (problem, optimum) = (fitted.problem, fitted.optimum);
        if clusters(fitted) != problem.rows() {
            return None;
        }
        let movable: Vec<usize> = (0..problem.size()).filter(|&j| problem.coordinates()[j].is_free()).collect();
        let dispersion = of_rows(problem, optimum, freedom)?.dispersion;
        let hessian = broadened(problem, optimum).evaluation(optimum, Order::GaussNewton).hessian_of(&movable);
        let mut covariance = Matrix::zeros(movable.len());
        for place in 0..movable.len() {
            let alone = LOOSE * LOOSE * dispersion / hessian[(place, place)];
            covariance[(place, place)] = if alone.is_finite() && alone > 0.0 { alone } else { 1.0 };
        }
        let dispersions = vec![dispersion; movable.len()];
        let cost = problem.cost(optimum);
        let curvature = Curvature { movable, inverse: covariance.clone(), covariance };
        Some(Self { problem, optimum, cost, curvature, dispersions, lowest: std::cell::Cell::new(cost) })
    }

    /// Whether a profile reached a lower objective than the optimum, by more than rounding.
    fn is_undercut(&self) -> bool {
        let rounding = 1e-12 * self.problem.unit() * self.problem.unit();
        self.lowest.get() < self.cost - 1e-7 * self.cost.abs().max(rounding)
    }

    /// The optimum moved along some coordinates and limited to their bounds.
    fn moved(&self, along: &[usize], step: &[f64], by: f64) -> Vec<f64> {
        let mut point = self.optimum.to_vec();
        for (&j, step) in along.iter().zip(step) {
            let c = self.problem.coordinates()[j];
            point[j] = (point[j] + by * step).clamp(c.lower, c.upper);
        }
        point
    }

    /// The profile of a coordinate, whose interval ends where the objective has risen by `threshold` times half its
    /// dispersion; `None` if the coordinate is fixed.
    fn curve(&self, coordinate: usize, threshold: f64) -> Option<Curve> {
        let place = self.curvature.movable.iter().position(|&j| j == coordinate)?;
        let step = self.curvature.covariance[(place, place)].sqrt() * threshold.sqrt();
        let unit = 0.5 * self.dispersions[place];
        let side = |sign: f64| {
            let end = self.profile_crossing(&[coordinate], &[sign * step], threshold * unit);
            (end, self.walk(coordinate, sign * step, &self.distances(coordinate, sign * step, end), unit))
        };
        let ((lower, below), (upper, above)) = (side(-1.0), side(1.0));
        let at = |by: f64| self.optimum[coordinate] + by * step;
        let here = [self.optimum[coordinate], 0.0];
        Some(Curve {
            coordinate,
            threshold,
            ends: [lower.map(|by| at(-by)), upper.map(at)],
            is_interval: true,
            points: below.into_iter().rev().chain([here]).chain(above).collect(),
        })
    }

    /// The distances of the points of a curve on one side, in steps, for an interval that ends at `end`.
    fn distances(&self, coordinate: usize, step: f64, end: Option<f64>) -> Vec<f64> {
        let limit = self.limit(coordinate, step);
        let evenly = |count: usize, from: f64, to: f64| {
            (1..=count).map(move |i| from + (to - from) * (i as f64 / count as f64)).filter(move |by| *by > from)
        };
        if let Some(end) = end {
            let beyond = (end * (1.0 + BEYOND as f64 / INSIDE as f64)).min(limit);
            return evenly(INSIDE, 0.0, end).chain(evenly(BEYOND, end, beyond)).collect();
        }
        let is_log = self.problem.coordinates()[coordinate].log;
        let most = if is_log { ln(OPEN_FACTOR) / step.abs() } else { f64::INFINITY };
        evenly(INSIDE + BEYOND, 0.0, OPEN.min(most).min(limit)).collect()
    }

    /// The points of a curve at distances from the optimum: the coordinate, and the rise of the lowest objective in
    /// units. It ends where the objective is not finite.
    fn walk(&self, coordinate: usize, step: f64, distances: &[f64], unit: f64) -> Vec<[f64; 2]> {
        let mut from = self.optimum.to_vec();
        let mut passed: Vec<(f64, Minimum)> = Vec::new();
        for by in distances {
            let held = self.moved(&[coordinate], &[step], *by)[coordinate];
            // Start from the end at the previous distance, because valleys bend.
            let end = self.lowest_at(coordinate, held, &from);
            if !end.cost.is_finite() {
                break;
            }
            from.clone_from(&end.point);
            passed.push((held, end));
        }
        // Where the objective falls on the way out, it was missed before; the way back starts from the lower one.
        for place in (1..passed.len()).rev() {
            let (held, inner) = &passed[place - 1];
            let outer = &passed[place].1;
            if outer.cost < inner.cost {
                let again = self.lowest_at(coordinate, *held, &outer.point);
                if again.cost < inner.cost {
                    passed[place - 1].1 = again;
                }
            }
        }
        let lowest = passed.iter().map(|(_, end)| end.cost).fold(self.lowest.get(), f64::min);
        self.lowest.set(lowest);
        passed.into_iter().map(|(held, end)| [held, (end.cost - self.cost) / unit]).collect()
    }

    /// The lowest objective with a coordinate held, from a start. Where the penalty is linear far from zero, the search
    /// also starts from the optimum of least squares, because a far start may have no curvature to follow.
    fn lowest_at(&self, coordinate: usize, held: f64, from: &[f64]) -> Minimum {
        let problem = self.problem.holding(&[(coordinate, held)]);
        let end = Solver::default().minimise(&problem, from);
        if problem.objective().member().is_square() {
            return end;
        }
        let weights: Vec<f64> = problem.weights().collect();
        let squared = Solver::default().minimise(&problem.squared(&weights), from);
        let other = Solver::default().minimise(&problem, &squared.point);
        if other.cost < end.cost || !end.cost.is_finite() { other } else { end }
    }

    /// The distance of a coordinate from its bound, in steps in the direction of the step.
    fn limit(&self, coordinate: usize, step: f64) -> f64 {
        let c = self.problem.coordinates()[coordinate];
        let bound = if step > 0.0 { c.upper } else { c.lower };
        if step == 0.0 { f64::INFINITY } else { (bound - self.optimum[coordinate]) / step }
    }

    /// The joint region of two coordinates.
    fn region(&self, pair: [usize; 2], rise: f64) -> Option<Region> {
        let places = pair.map(|coordinate| self.curvature.movable.iter().position(|&j| j == coordinate));
        let [Some(a), Some(b)] = places else { return None };
        let root = self.curvature.covariance.minor(&[a, b]).cholesky()?;
        let wanted = 0.5 * rise * f64::midpoint(self.dispersions[a], self.dispersions[b]);
        let mut closed = true;
        let border = (0..BORDER).map(|turn| {
            let angle = TAU * turn as f64 / BORDER as f64;
            let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
            let step = [root[(0, 0)] * cosine, root[(1, 0)] * cosine + root[(1, 1)] * sine].map(|s| s * rise.sqrt());
            let by = self.profile_crossing(&pair, &step, wanted);
            closed &= by.is_some();
            // An open side is drawn at the distance that the curvature gives.
            let point = self.moved(&pair, &step, by.unwrap_or(1.0));
            pair.map(|j| point[j])
        });
        let points = border.collect();
        Some(Region { pair, points, closed })
    }

    /// How far some coordinates can move, with the others refitted, until the objective has risen by `wanted`.
    fn profile_crossing(&self, along: &[usize], step: &[f64], wanted: f64) -> Option<f64> {
        let last = std::cell::RefCell::new(self.optimum.to_vec());
        let risen = |by: f64| {
            let held: Vec<(usize, f64)> =
                along.iter().zip(step).map(|(&j, step)| (j, self.optimum[j] + by * step)).collect();
            // Start from the end at the previous distance, because valleys bend.
            let from = last.borrow().clone();
            let end = Solver::default().minimise(&self.problem.holding(&held), &from);
            self.lowest.set(self.lowest.get().min(end.cost));
            let risen = end.cost - self.cost >= wanted || !end.cost.is_finite();
            if !risen {
                last.replace(end.point);
            }
            risen
        };
        // Go at most to the bounds; an objective that has not risen enough there never will.
        let limit = along.iter().zip(step).map(|(&j, step)| self.limit(j, *step));
        let limit = limit.fold(f64::INFINITY, f64::min);
        if limit.is_finite() && !risen(limit) {
            return None;
        }
        last.replace(self.optimum.to_vec());
        crossing(&|by| by >= limit || risen(by), limit.min(1.0))
    }
}

/// The distance at which a condition that is false at zero becomes true, searched from `start`; `None` where it never
/// does.
fn crossing(holds: &dyn Fn(f64) -> bool, start: f64) -> Option<f64> {
    let (mut low, mut high) = (0.0, start);
    let mut doublings = 0;
    while !holds(high) {
        if doublings == MOST_DOUBLINGS {
            return None;
        }
        doublings += 1;
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(f64::midpoint(low, high))
}
