//! The smallest budget whose best split reaches a response.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::budget::{Budget, FLOP_PER_PARAMETER_AND_TOKEN, can_split};
use super::model::{Model, Solved};
use super::price::Curve;
use super::split::{Grid, Split, lowest};
use super::surface::{Local, Surface};
use super::{Beyond, Refusal};
use crate::law::{Columns, Law};
use crate::numerics::{exp, ln};
use crate::solver::root;

/// The largest budget of the search, in FLOP.
const LARGEST: f64 = 1e60;
/// Distance of neighbouring budgets, in ln C.
const STEP: f64 = 1.0;
/// Maximum number of Newton steps from one budget's best split to another's.
const STEPS: usize = 40;
/// Longest Newton step, in ln N and ln D.
const LONGEST: f64 = 2.0;
/// A step shorter than this is the last; the remaining error is its square.
const LAST_STEP: f64 = 1e-9;
/// Maximum number of times that the splits of a path are moved, and the length below which a move is small.
const MOST_MOVES: usize = 4;
const SMALL_MOVE: f64 = 0.02;
/// Tolerance of Newton's method, as a share of the distance to the target.
const LEFT: f64 = 1e-12;
/// A response has reached its limit when it changes by less than this share of itself per e-fold of compute.
const LEVEL: f64 = 1e-3;

/// The best splits of budgets from the smallest to the largest, at the estimate.
#[derive(Clone, Debug)]
pub(super) struct Path {
    served: f64,
    base: Vec<f64>,
    sign: f64,
    /// Logarithms of the budgets divided by six.
    budgets: Vec<f64>,
    /// ln N and ln D of the best splits; ln C and zero for a law of compute alone.
    points: Vec<[f64; 2]>,
    columns: Columns,
    is_split: bool,
}

impl Path {
    /// The estimate's path. At the estimate, this is the best split of each budget, without the budgets that have
    /// none.
    pub(super) fn of(model: &Model<'_>, served: f64, base: &[f64]) -> Result<Arc<Self>, Refusal> {
        let path = match model.trail.step().and_then(Solved::shared::<Self>) {
            Some(path) if path.served == served && path.base == base => path,
            _ => Arc::new(Self::new(model, served, base)?),
        };
        model.trail.lay(|| Some(Solved::of(Arc::clone(&path))));
        Ok(path)
    }

    fn new(model: &Model<'_>, served: f64, base: &[f64]) -> Result<Self, Refusal> {
        let surface = model.surface()?;
        let is_split = can_split(model.ready.law);
        let sign = model.sign(base, &model.ready.law.roles.decided());
        let (mut budgets, mut points) = (Vec::new(), Vec::new());
        let curve = model.curve(base, served);
        let first = if is_split { curve.budget([0.0, 0.0], served).log } else { ln(1.0 + served) };
        let last = ln(LARGEST / FLOP_PER_PARAMETER_AND_TOKEN);
        let steps = ((last - first) / STEP).ceil().max(1.0);
        for i in 1..=steps as usize {
            let log = first + (last - first) * (i as f64 / steps);
            let point = if is_split {
                let near = points.last().map(|[n, d]: &[f64; 2]| n - d);
                let grid = Grid::new(model, Budget { log, served }, base, sign);
                let Ok(split) = grid.and_then(|grid| lowest(model, surface, &grid, near)) else { continue };
                [split.n, split.d].map(ln)
            } else {
                [log + ln(FLOP_PER_PARAMETER_AND_TOKEN), 0.0]
            };
            budgets.push(log);
            points.push(point);
        }
        let columns = surface.bind_with_bends(base, &points);
        Ok(Self { served, base: base.to_vec(), sign, columns, budgets, points, is_split })
    }

    /// The logarithms of the budgets, each with the best response near the estimate's split.
    ///
    /// Newton's method moves the splits until the remaining error is of third order.
    pub(super) fn responses(&self, model: &Model<'_>) -> Result<Vec<(f64, f64)>, Refusal> {
        let surface = model.surface()?;
        let mut here = surface.over_with_bends(model.parameters, &self.columns);
        let (mut points, curve) = (self.points.clone(), model.curve(&self.base, self.served));
        for _ in 0..if self.is_split { MOST_MOVES } else { 0 } {
            let mut farthest = 0.0_f64;
            for ((point, here), log) in points.iter_mut().zip(&here).zip(&self.budgets) {
                let step = self.step(&curve, *point, here);
                *point = match &curve {
                    Curve::SixNd => [point[0] + step, point[1] - step],
                    priced @ Curve::Priced(..) => {
                        priced.at(&Budget { log: *log, served: self.served }, point[0] - point[1] + 2.0 * step)
                    }
                };
                farthest = farthest.max(step.abs());
            }
            here = surface.over_with_bends(model.parameters, &surface.bind_with_bends(&self.base, &points));
            if farthest <= SMALL_MOVE {
                break;
            }
        }
        let logs = self.budgets.iter().map(|log| log + ln(FLOP_PER_PARAMETER_AND_TOKEN));
        Ok(logs.zip(here.iter().map(|here| here.value)).collect())
    }

    /// Half of Newton's step along the curve of a budget in ln(N / D); zero where the response has no minimum there.
    fn step(&self, curve: &Curve, point: [f64; 2], here: &Local) -> f64 {
        let ([by_n, by_d], [first, mixed, second]) = (here.slope, here.bend);
        let (slope, bend) = match curve {
            Curve::SixNd => (by_n - by_d, first - 2.0 * mixed + second),
            Curve::Priced(..) => {
                let [v, v_by_n, v_by_d] = curve.exchange(self.served, point);
                let along = v * (v * first - mixed + v_by_n * by_n) - (v * mixed - second + v_by_d * by_n);
                (v * by_n - by_d, 2.0 * along / (1.0 + v))
            }
        };
        let (slope, bend) = (self.sign * slope, self.sign * bend);
        let step = -slope / bend;
        if bend > 0.0 && step.is_finite() { step.clamp(-1.0, 1.0) } else { 0.0 }
    }
}

impl Split {
    /// Model size and data by their names in a law.
    pub(super) fn sizes(&self, law: &Law) -> BTreeMap<String, f64> {
        law.roles
            .sizes()
            .into_iter()
            .flat_map(|names| names.map(str::to_owned).into_iter().zip([self.n, self.d]))
            .collect()
    }
}

/// The smallest budget, for training and for serving `3 served` tokens, whose best split reaches a target.
///
/// # Errors
/// No budget reaches the target (the error names the side on which it lies), or the law has no best split there.
pub(super) fn cheapest(model: &Model<'_>, target: f64, served: f64, base: &[f64]) -> Result<Split, Refusal> {
    let free = cheapest_freely(model, target, served, base);
    match model.ready.limits {
        Some(limits) => limits.cheapest(model, target, base, free),
        None => free,
    }
}

fn cheapest_freely(model: &Model<'_>, target: f64, served: f64, base: &[f64]) -> Result<Split, Refusal> {
    let path = Path::of(model, served, base)?;
    Search { model, surface: model.surface()?, path: &path, target }.run()
}

struct Search<'a> {
    model: &'a Model<'a>,
    surface: &'a Surface,
    path: &'a Path,
    target: f64,
}

impl Search<'_> {
    fn run(&self) -> Result<Split, Refusal> {
        let all = self.surface.over_with_bends(self.model.parameters, &self.path.columns);
        let values: Vec<f64> = all.iter().map(|here| here.value).collect();
        let first = values.iter().position(|&value| self.is_reached(value));
        match first {
            Some(0) => Err(self.at_once(values[0])),
            // The best split at the estimate is nearly the best one at a draw. Newton's steps lead to the draw's own
            // split, which is then verified.
            Some(k) => match self.polished(self.path.points[k - 1], &values) {
                Some(split) => Ok(split),
                None => self.bracketed(k),
            },
            None => {
                let last = self.path.budgets.len().checked_sub(1).ok_or_else(no_split)?;
                let split = self.split(self.path.budgets[last])?;
                if self.is_reached(split.response) { self.bracketed(last) } else { Err(self.out_of_reach(&split)) }
            }
        }
    }

    fn is_reached(&self, response: f64) -> bool {
        self.path.sign * response <= self.path.sign * self.target
    }

    /// The best split of a budget, searched without a warm start.
    fn split(&self, log: f64) -> Result<Split, Refusal> {
        let grid = Grid::new(self.model, Budget { log, served: self.path.served }, &self.path.base, self.path.sign)?;
        lowest(self.model, self.surface, &grid, None)
    }

    /// The split, found from a nearby one, at which the response equals the target and no other split of its budget
    /// is better.
    fn polished(&self, start: [f64; 2], values: &[f64]) -> Option<Split> {
        let [mut n, mut d] = start;
        let served = self.path.served;
        let curve = self.model.curve(&self.path.base, served);
        let mut last = false;
        for _ in 0..STEPS {
            let here = self.surface.at(self.model.parameters, &self.path.base, [n, d]);
            let ([by_n, by_d], [first, mixed, second]) = (here.slope, here.bend);
            let [v, v_by_n, v_by_d] = curve.exchange(served, [n, d]);
            // The response equals the target, and is stationary along the curve of its budget.
            let missing = [self.target - here.value, by_d - v * by_n];
            let rows = [[by_n, by_d], [v * first - mixed + v_by_n * by_n, v * mixed - second + v_by_d * by_n]];
            let determinant = rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0];
            let step = [
                (missing[0] * rows[1][1] - missing[1] * rows[0][1]) / determinant,
                (missing[1] * rows[0][0] - missing[0] * rows[1][0]) / determinant,
            ];
            let size = step[0].abs().max(step[1].abs());
            if !size.is_finite() {
                return None;
            }
            let share = (LONGEST / size).min(1.0);
            n += share * step[0];
            d += share * step[1];
            if size <= LAST_STEP * n.abs().max(1.0) {
                last = true;
                break;
            }
        }
        if !last || n < 0.0 || d < 0.0 {
            return None;
        }
        let budget = curve.budget([n, d], served);
        let grid = Grid::new(self.model, budget, &self.path.base, self.path.sign).ok()?;
        let split = lowest(self.model, self.surface, &grid, Some(n - d)).ok()?;
        let is_target = (split.response - self.target).abs() <= LEFT * self.target.abs();
        (is_target && !self.is_reached_before(budget.log, values)).then_some(split)
    }

    /// Whether a budget smaller by more than a step reaches the target, among those with a split on the path.
    fn is_reached_before(&self, log: f64, values: &[f64]) -> bool {
        let before = self.path.budgets.partition_point(|budget| *budget < log - STEP);
        values[..before].iter().any(|&value| self.is_reached(value))
    }

    /// The solution at or below the budget with index `reached`, which reaches the target or precedes a budget that
    /// does.
    fn bracketed(&self, reached: usize) -> Result<Split, Refusal> {
        let Path { sign, budgets, .. } = self.path;
        // The draw's best splits are no worse than those on the path, so a draw may reach the target at a smaller
        // budget.
        let reaches = |k: usize| self.split(budgets[k]).is_ok_and(|split| self.is_reached(split.response));
        let (mut low, mut high) = (0, reached);
        if reaches(0) {
            return Err(self.at_once(self.split(budgets[0])?.response));
        }
        while high - low > 1 {
            let middle = if high == reached { high - 1 } else { usize::midpoint(low, high) };
            *(if reaches(middle) { &mut high } else { &mut low }) = middle;
        }
        let mut refusal = None;
        let beyond = |log: f64| match self.split(log) {
            Ok(split) => (sign * (self.target - split.response), -sign * split.slope),
            // A budget that is too small for a best split does not reach the target.
            Err(why) => {
                refusal = Some(why);
                (-1.0, 0.0)
            }
        };
        let middle = f64::midpoint(budgets[low], budgets[high]);
        let jump = || Refusal::Undefined(format!("the response of the best split jumps over {}", self.target));
        let log = root(beyond, budgets[low], budgets[high], middle).map_err(|_| jump())?;
        let found = self.split(log)?;
        let is_target = (found.response - self.target).abs() <= 1e-9 * self.target.abs();
        if is_target { Ok(found) } else { Err(refusal.unwrap_or_else(jump)) }
    }

    /// The refusal when the target is better than the best split of the largest budget.
    fn out_of_reach(&self, largest: &Split) -> Refusal {
        let end = if self.path.sign > 0.0 { "floor" } else { "ceiling" };
        let (response, compute) = (largest.response, &self.model.ready.law.roles.compute);
        let reason = if largest.slope.abs() <= LEVEL * response.abs() {
            format!("not reachable: the {end} is {response:.4} for any {compute}")
        } else {
            format!("not reachable: the response is still {response:.4} at {compute} = {LARGEST:.0e}")
        };
        Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) }
    }

    /// The refusal when the smallest budget is already better than the target.
    fn at_once(&self, response: f64) -> Refusal {
        let side = if self.path.sign > 0.0 { "below" } else { "above" };
        let c = FLOP_PER_PARAMETER_AND_TOKEN * exp(self.path.budgets[0]);
        let compute = &self.model.ready.law.roles.compute;
        Refusal::NotReachable {
            reason: format!(
                "the response is {side} {} at every {compute}: it is {response:.4} at {compute} = {c:.0}",
                self.target
            ),
            beyond: Some(Beyond::Smallest),
        }
    }
}

fn no_split() -> Refusal {
    Refusal::Undefined("the law has no best split at any budget".to_owned())
}
