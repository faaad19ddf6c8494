//! The best split of a budget between model size and data: every valley of a grid, polished with exact derivatives.

use std::sync::Arc;

use super::Refusal;
use super::budget::Budget;
use super::model::{Model, Solved};
use super::price::Curve;
use super::surface::Surface;
use crate::law::{Columns, Roles};
use crate::numerics::exp;
use crate::solver::{minimise, root};

/// Distance of neighbours on a grid, in ln(N / D): 0.25 in ln N.
const STEP: f64 = 0.5;
/// Minimum and maximum number of steps of a grid.
const STEPS: (f64, f64) = (32.0, 4096.0);
/// A response is flat when it is equal to the best one to the last digit at this distance in ln(N / D).
const APART: f64 = 0.25;
/// Largest relative difference, in rounding errors, between equal responses.
const SAME: f64 = 16.0 * f64::EPSILON;
/// Maximum number of valleys that are polished.
const VALLEYS: usize = 8;

/// The splits of a budget at which the law is evaluated, prepared for the law.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) budget: Budget,
    curve: Curve,
    base: Vec<f64>,
    pub(super) sign: f64,
    places: Vec<f64>,
    shares: Vec<f64>,
    columns: Columns,
}

impl Grid {
    pub(super) fn new(model: &Model<'_>, budget: Budget, base: &[f64], sign: f64) -> Result<Self, Refusal> {
        let (surface, curve) = (model.surface()?, model.curve(base, budget.served));
        let [low, high] = curve.ends(&budget).ok_or_else(|| {
            Refusal::Undefined(format!("{} FLOP are not enough to train one parameter on one token", budget.describe()))
        })?;
        let steps = ((high - low) / STEP).ceil().clamp(STEPS.0, STEPS.1);
        let places: Vec<f64> = (0..=steps as usize).map(|i| low + (high - low) * (i as f64 / steps)).collect();
        let points: Vec<[f64; 2]> = places.iter().map(|&r| curve.at(&budget, r)).collect();
        let shares = points.iter().map(|point| curve.exchange(budget.served, *point)[0]).collect();
        Ok(Self { budget, curve, base: base.to_vec(), sign, columns: surface.bind(base, &points), places, shares })
    }

    /// The places of its ends.
    pub(super) fn ends(&self) -> [f64; 2] {
        [self.places[0], self.places[self.places.len() - 1]]
    }

    /// ln N and ln D at a point of the curve.
    pub(super) fn at(&self, place: f64) -> [f64; 2] {
        self.curve.at(&self.budget, place)
    }

    fn is_of(&self, budget: &Budget, base: &[f64]) -> bool {
        self.budget == *budget && self.base == base
    }
}

/// The best split of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) n: f64,
    pub(super) d: f64,
    pub(super) response: f64,
    /// Derivative of the best response by the logarithm of the budget.
    pub(super) slope: f64,
    /// FLOP of training and serving.
    pub(super) compute: f64,
    /// ln(N / D).
    pub(super) place: f64,
    /// 1 where a lower response is better, -1 where a higher response is.
    pub(super) sign: f64,
}

/// The split of a budget with the best response; `base` holds the law's other variables.
///
/// The law is evaluated along the whole curve of the budget. A valley is where the response turns from better to
/// worse, by its exact slopes or by its values. The answer is the best of the polished valleys. Slopes find a valley
/// even where the values are equal to the last digit, as on the plateaus of a response that saturates.
///
/// # Errors
/// An end of the curve is better than all valleys, or the response is flat or not finite.
pub(super) fn best_split(model: &Model<'_>, budget: Budget, base: &[f64]) -> Result<Split, Refusal> {
    match model.ready.limits {
        Some(limits) => limits.best_split(model, budget, base),
        None => split_freely(model, budget, base),
    }
}

/// The same whatever limits there are.
///
/// # Errors
/// As [`best_split`].
pub(super) fn split_freely(model: &Model<'_>, budget: Budget, base: &[f64]) -> Result<Split, Refusal> {
    let surface = model.surface()?;
    let (grid, near) = match model.trail.step().and_then(Solved::read::<Laid>) {
        Some(Laid(grid, place)) if grid.is_of(&budget, base) => (Ok(Arc::clone(grid)), Some(*place)),
        _ => (Grid::new(model, budget, base, model.sign(base, &model.ready.law.roles.decided())).map(Arc::new), None),
    };
    let found = grid.clone().and_then(|grid| lowest(model, surface, &grid, near));
    let place = found.as_ref().ok().map(|split| split.place);
    model.trail.lay(|| Some(Solved::of(Arc::new(Laid(grid.ok()?, place?)))));
    found
}

/// A budget's grid and the place of its best split, at the estimate.
struct Laid(Arc<Grid>, f64);

/// A stretch of a grid in which the response turns from better to worse.
struct Valley {
    low: usize,
    high: usize,
    /// Whether the slopes at its ends show the turn.
    by_slope: bool,
    /// The best value at its ends, multiplied by the sign.
    best: f64,
}

/// The values of the law along a grid.
struct Profile {
    valleys: Vec<Valley>,
    /// The best value and its index.
    best: (f64, usize),
    /// Values multiplied by the sign; infinite where there is none.
    values: Vec<f64>,
}

impl Profile {
    fn of(surface: &Surface, parameters: &[f64], grid: &Grid) -> Self {
        surface.over(parameters, &grid.columns, |values, [by_n, by_d]| {
            let value = |i: usize| {
                let value = grid.sign * values[i];
                if value.is_nan() { f64::INFINITY } else { value }
            };
            let slope = |i: usize| grid.sign * (grid.shares[i] * by_n[i] - by_d[i]);
            let values: Vec<f64> = (0..values.len()).map(value).collect();
            let best = values.iter().copied().zip(0..).min_by(|a, b| a.0.total_cmp(&b.0));
            let mut valleys: Vec<Valley> = Vec::new();
            let mut falls = None;
            for i in 0..values.len() {
                let here = slope(i);
                if here < 0.0 {
                    falls = Some(i);
                } else if here != 0.0
                    && let Some(low) = falls.take().filter(|_| here > 0.0)
                {
                    valleys.push(Valley { low, high: i, by_slope: true, best: values[low].min(values[i]) });
                }
            }
            let best = best.unwrap_or((f64::INFINITY, 0));
            let inside = 0 < best.1 && best.1 + 1 < values.len() && best.0 < f64::INFINITY;
            if inside && !valleys.iter().any(|valley| (valley.low..=valley.high).contains(&best.1)) {
                valleys.push(Valley { low: best.1 - 1, high: best.1 + 1, by_slope: false, best: best.0 });
            }
            valleys.sort_by(|a, b| a.best.total_cmp(&b.best));
            valleys.truncate(VALLEYS);
            Self { valleys, best, values }
        })
    }
}

/// The best split on the curve of a grid. The search in a valley starts at `near` where that is inside the valley.
pub(super) fn lowest(model: &Model<'_>, surface: &Surface, grid: &Grid, near: Option<f64>) -> Result<Split, Refusal> {
    let profile = Profile::of(surface, model.parameters, grid);
    let polished = profile.valleys.iter().map(|valley| {
        let place = polish(model, surface, grid, valley, near);
        let value = grid.sign * surface.at(model.parameters, &grid.base, grid.at(place)).value;
        (value, place)
    });
    let best = polished.filter(|(value, _)| value.is_finite()).min_by(|a, b| a.0.total_cmp(&b.0));
    let (budget, roles) = (grid.budget.describe(), &model.ready.law.roles);
    let compute = &roles.compute;
    let (on_grid, index) = profile.best;
    let last = grid.places.len() - 1;
    let Some((value, place)) = best.filter(|(value, _)| *value <= on_grid || is_same(*value, on_grid)) else {
        return Err(Refusal::Undefined(if on_grid == f64::INFINITY {
            format!("the law has no finite value for any split of {budget} FLOP")
        } else if is_same(on_grid, profile.values[0]) && is_same(on_grid, profile.values[last]) {
            flat(grid, 0, last, on_grid, roles)
        } else if index == 0 || index == last {
            let end = if index == 0 { "smaller" } else { "larger" };
            format!("at {compute} = {budget} the law has no best split: {end} models are always better")
        } else {
            format!("at {compute} = {budget} the law jumps where its response is best, and has no best split")
        }));
    };
    if let Some((low, high)) = flat_around(&profile.values, grid, place, value) {
        return Err(Refusal::Undefined(flat(grid, low, high, value, roles)));
    }
    let logs = grid.at(place);
    let [n, d] = logs.map(exp);
    let slope = surface.at(model.parameters, &grid.base, logs).slope[0] / grid.curve.by_size(logs);
    let compute = grid.curve.flop([n, d], grid.budget.served);
    Ok(Split { n, d, response: model.at_sizes(&grid.base, n, d)?, slope, compute, place, sign: grid.sign })
}

/// The place with the best response on a stretch of the curve, its ends included; none where no value is finite.
pub(super) fn best_between(
    model: &Model<'_>,
    surface: &Surface,
    grid: &Grid,
    near: Option<f64>,
    [low, high]: [f64; 2],
) -> Option<f64> {
    let profile = Profile::of(surface, model.parameters, grid);
    let is_inside = |place: &f64| (low..=high).contains(place);
    let valleys =
        profile.valleys.iter().filter(|valley| grid.places[valley.high] > low && grid.places[valley.low] < high);
    let polished = valleys.map(|valley| polish(model, surface, grid, valley, near));
    let on_grid = grid.places.iter().copied().zip(&profile.values).filter(|(place, _)| is_inside(place));
    let on_grid = on_grid.min_by(|a, b| a.1.total_cmp(b.1)).map(|(place, _)| place);
    let value = |place: f64| (grid.sign * surface.at(model.parameters, &grid.base, grid.at(place)).value, place);
    let all = polished.filter(is_inside).chain(on_grid).chain([low, high]).map(value);
    all.filter(|(value, _)| value.is_finite()).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place)| place)
}

/// The bottom of a valley, as r = ln(N / D).
///
/// Let v be the slope of the cost by ln D divided by the slope by ln N: D / (D + S / 3) for 6 N D + 2 N S. Along the
/// curve dN / N = v / (1 + v) dr and dD / D = -1 / (1 + v) dr, so the response is stationary where v dL/d ln N = dL/d
/// ln D. The root of this equation is accurate to all digits.
fn polish(model: &Model<'_>, surface: &Surface, grid: &Grid, valley: &Valley, near: Option<f64>) -> f64 {
    let (low, high) = (grid.places[valley.low], grid.places[valley.high]);
    if valley.by_slope {
        let unbalance = |r: f64| {
            let logs = grid.at(r);
            let [v, v_by_n, v_by_d] = grid.curve.exchange(grid.budget.served, logs);
            let here = surface.at(model.parameters, &grid.base, logs);
            let ([by_n, by_d], [first, mixed, second]) = (here.slope, here.bend);
            let along = v * (v * first - mixed + v_by_n * by_n) - (v * mixed - second + v_by_d * by_n);
            (grid.sign * (v * by_n - by_d), grid.sign * along / (1.0 + v))
        };
        let middle = f64::midpoint(low, high);
        let start = near.filter(|near| low < *near && *near < high).unwrap_or(middle);
        if let Ok(found) = root(unbalance, low, high, start) {
            return found;
        }
    }
    let value = |r: f64| grid.sign * surface.at(model.parameters, &grid.base, grid.at(r)).value;
    minimise(value, low, high).unwrap_or_else(|_| f64::midpoint(low, high))
}

/// Whether two values differ by rounding only.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME * one.abs().max(other.abs())
}

/// The part of the grid around the best point over which the response equals the best one to the last digit, where
/// there is one.
fn flat_around(values: &[f64], grid: &Grid, place: f64, best: f64) -> Option<(usize, usize)> {
    let below = grid.places.partition_point(|r| *r <= place - APART);
    let above = grid.places.partition_point(|r| *r < place + APART);
    let low = (0..below).rev().take_while(|&i| is_same(values[i], best)).last();
    let high = (above..values.len()).take_while(|&i| is_same(values[i], best)).last();
    match (low, high) {
        (None, None) => None,
        (low, high) => Some((low.unwrap_or(below), high.unwrap_or(above.saturating_sub(1)))),
    }
}

/// Why there is no best split where the response is flat.
fn flat(grid: &Grid, low: usize, high: usize, value: f64, roles: &Roles) -> String {
    let [size, _, compute] = roles.decided();
    let [from, to] = [low, high].map(|i| exp(grid.at(grid.places[i])[0]));
    format!(
        "at {compute} = {} no split is best: from {size} = {from:.3e} to {size} = {to:.3e} the response is {:.6} to the last digit",
        grid.budget.describe(),
        grid.sign * value
    )
}
