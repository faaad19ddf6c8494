//! The inverse of a forecast: the size at which it reaches a response, and the best split of a budget.

use super::{Forecaster, NoForecast, STACK};
use crate::answer::Prediction;
use crate::numerics::{Matrix, Random, central, chosen, exp, ln, mean};
use crate::solver::minimise;

/// Distance of neighbouring points of a line, in its logarithmic coordinate.
const STEP: f64 = 0.5;
/// Number of bisections between two points, which leave an error below 1e-8.
const HALVINGS: usize = 26;
/// Half of the range in which the best split is searched, in ln(size / data) around that of the runs.
const HALF_RANGE: f64 = 10.0;
/// Number of points in that range.
const SPLITS: usize = 41;
/// The level of forecasts of which only the value is used.
const ANY: f64 = 0.5;
/// Number of draws of the best split.
const DRAWS: usize = 1000;

/// A line of sizes along which a forecast is inverted.
pub struct Line<'a> {
    /// The sizes at the logarithm of the coordinate.
    pub sizes: &'a dyn Fn(f64) -> Result<Vec<f64>, NoForecast>,
    /// The smallest and the largest logarithm of the coordinate.
    pub range: [f64; 2],
}

/// Where a curve of a forecast reaches a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reached {
    /// Already at the smallest size of the line.
    AtOnce,
    /// At the logarithm of a coordinate.
    At(f64),
    /// Nowhere on the line.
    Never,
}

/// The curves of ln y along the splits of a budget. The sizes are in the order of the measured ones.
pub struct Budgeted<'a> {
    /// The sizes at ln(size / data), for a budget.
    pub sizes: &'a dyn Fn(f64) -> Vec<f64>,
    /// ln(size / data) in the middle of the runs.
    pub middle: f64,
}

impl Forecaster {
    /// Where the forecast, its lower and its upper ends reach a response.
    ///
    /// # Errors
    /// No member is finite on the line, or the sizes of the line have no answer.
    pub fn reached(&self, line: &Line<'_>, response: f64, level: f64) -> Result<[Reached; 3], NoForecast> {
        let at = |log: f64| self.prediction(&(line.sizes)(log)?, level);
        let [low, high] = line.range;
        let steps = ((high - low) / STEP).ceil().max(1.0);
        let logs: Vec<f64> = (0..=steps as usize).map(|i| low + (high - low) * (i as f64 / steps)).collect();
        let places = logs.iter().map(|log| (line.sizes)(*log)).collect::<Result<Vec<_>, _>>()?;
        let (known, _) = self.at(&places, level)?;
        let curves: [fn(&Prediction) -> f64; 3] = [|p| p.value, |p| p.lower, |p| p.upper];
        let mut found = [Reached::Never; 3];
        for (curve, found) in curves.into_iter().zip(&mut found) {
            *found = match known.iter().position(|prediction| curve(prediction) <= response) {
                None => Reached::Never,
                Some(0) => Reached::AtOnce,
                Some(place) => {
                    let (mut before, mut after) = (logs[place - 1], logs[place]);
                    for _ in 0..HALVINGS {
                        let middle = f64::midpoint(before, after);
                        let is_reached = curve(&at(middle)?) <= response;
                        *(if is_reached { &mut after } else { &mut before }) = middle;
                    }
                    Reached::At(f64::midpoint(before, after))
                }
            };
        }
        Ok(found)
    }

    /// The forecast at one place.
    ///
    /// # Errors
    /// No member is finite there.
    pub fn prediction(&self, sizes: &[f64], level: f64) -> Result<Prediction, NoForecast> {
        let (predictions, _) = self.at(&[sizes.to_vec()], level)?;
        predictions.into_iter().next().ok_or_else(super::unfounded)
    }

    /// ln(size / data) of the split of a budget with the lowest forecast.
    ///
    /// # Errors
    /// The forecast has no minimum among the splits.
    pub fn best_split(&self, budget: &Budgeted<'_>) -> Result<f64, NoForecast> {
        let (places, near) = (places(budget), self.near_split(budget)?);
        let value = |place: f64| self.prediction(&(budget.sizes)(place), ANY).map_or(f64::NAN, |p| ln(p.value));
        let step = places[1] - places[0];
        minimise(value, near - step, near + step).map_err(|_| super::unfounded())
    }

    /// The same, from the parabola through the lowest of a few splits and its neighbours.
    ///
    /// # Errors
    /// As [`Forecaster::best_split`].
    pub fn near_split(&self, budget: &Budgeted<'_>) -> Result<f64, NoForecast> {
        let places = places(budget);
        let sizes: Vec<Vec<f64>> = places.iter().map(|place| (budget.sizes)(*place)).collect();
        let (predictions, _) = self.at(&sizes, ANY)?;
        let values: Vec<f64> = predictions.iter().map(|prediction| ln(prediction.value)).collect();
        let none = "the forecast has no best split: its minimum lies far from the splits of the runs";
        vertex(&places, &values).ok_or_else(|| NoForecast(none.to_owned()))
    }

    /// Sorted draws of the best split of a budget.
    ///
    /// A draw is the minimum of a curve of ln y: with the share of the stack, that of one of its members plus the change
    /// of the member with the process under a draw of its parameters, else the latter member alone. To each is added a
    /// tilt s r with r = ln(size / data), where s is a slope of the process.
    pub fn splits(&self, budget: &Budgeted<'_>, seed: u64) -> Vec<f64> {
        let Some(anchor) = self.ensemble.anchor(&self.posteriors) else { return Vec::new() };
        let places = places(budget);
        let logs: Vec<Vec<f64>> =
            places.iter().map(|place| (budget.sizes)(*place).iter().map(|size| ln(*size)).collect()).collect();
        let columns = anchor.bind(&self.history.columns(logs.iter()));
        let members: Vec<Vec<f64>> = self.posteriors.iter().map(|member| member.values_at(&columns)).collect();
        let cells = self.process.weighted();
        let estimates: Vec<Vec<f64>> = cells.iter().map(|(_, cell)| anchor.values_with(&columns, cell.point)).collect();
        let weights = self.raw_weights();
        let mut random = Random::new(seed, "best split of a forecast", 0);
        let mut found = Vec::new();
        for _ in 0..DRAWS {
            let Some(cell) = chosen(cells.iter().map(|(weight, _)| *weight), random.uniform()) else { break };
            let (of_stack, which) = (random.uniform() < STACK, random.uniform());
            let likely = &cells[cell].1;
            let normals: Vec<f64> = likely.point.iter().map(|_| random.normal()).collect();
            let step = with_precision(likely.spread, &normals);
            let point: Vec<f64> = likely.point.iter().zip(step).map(|(value, step)| value + step).collect();
            let slope = likely.slope() * random.normal();
            let moved = anchor.values_with(&columns, &point);
            let member = chosen(weights.iter().copied(), which).filter(|_| of_stack);
            let curve: Vec<f64> = (0..places.len())
                .map(|i| {
                    let base = member.map_or(0.0, |member| members[member][i] - estimates[cell][i]);
                    base + moved[i] + slope * (places[i] - budget.middle)
                })
                .collect();
            found.extend(vertex(&places, &curve));
        }
        found.sort_by(f64::total_cmp);
        found
    }
}

/// The ends of the interval of a split from its sorted draws.
pub fn ends_of_split(value: f64, draws: &[f64], level: f64) -> Option<(f64, f64)> {
    (2 * draws.len() >= DRAWS).then(|| central(draws, value, level, true))
}

/// The places at which the splits of a budget are compared.
fn places(budget: &Budgeted<'_>) -> Vec<f64> {
    let last = (SPLITS - 1) as f64;
    (0..SPLITS).map(|i| budget.middle + HALF_RANGE * (2.0 * i as f64 / last - 1.0)).collect()
}

/// The index of the lowest finite value.
fn lowest(values: &[f64]) -> Option<usize> {
    let finite = (0..values.len()).filter(|&i| values[i].is_finite());
    finite.min_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// The vertex of the parabola through the lowest point of a curve and its neighbours; `None` where the lowest point is
/// an end.
fn vertex(places: &[f64], values: &[f64]) -> Option<f64> {
    let at = lowest(values).filter(|at| 0 < *at && *at + 1 < places.len())?;
    let [before, here, after] = [values[at - 1], values[at], values[at + 1]];
    let bend = before - 2.0 * here + after;
    let step = places[at + 1] - places[at];
    let offset = if bend > 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    Some(places[at] + step * offset).filter(|place| place.is_finite())
}

/// A vector with the inverse of L L' as its covariance, from independent normal numbers; `factor` is L.
fn with_precision(factor: &Matrix, normals: &[f64]) -> Vec<f64> {
    let row = |i: usize| (0..=i).map(|k| factor[(i, k)] * normals[k]).sum();
    factor.solve_factored((0..normals.len()).map(row).collect())
}

/// ln(size / data) in the middle of some runs.
pub fn middle_of(size: &[f64], data: &[f64]) -> f64 {
    mean(&size.iter().zip(data).map(|(n, d)| ln(n / d)).collect::<Vec<_>>())
}

/// Model size and data of a budget at ln(size / data), at 6 FLOP for each parameter and token.
pub fn split_at(flop: f64, place: f64) -> [f64; 2] {
    let even = 0.5 * ln(flop / crate::law::FLOP_PER_PARAMETER_AND_TOKEN);
    [exp(even + 0.5 * place), exp(even - 0.5 * place)]
}
