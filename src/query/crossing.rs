//! The value of one variable at which a response crosses a target.

use std::sync::Arc;

use super::axis::Axis;
use super::model::{Model, Solved};
use super::scan::{Domain, Stop, stops};
use super::{Beyond, Refusal};
use crate::law::Columns;
use crate::numeral::rounded;
use crate::numerics::ln;
use crate::solver::root;

/// Search range of model size, data and compute.
const SIZES: [f64; 2] = [1.0, 1e60];
/// Smallest value in the search of any other variable, and its largest distance below the rows as a factor.
const SMALL: f64 = 1e-30;
/// Distance of neighbouring points, in the logarithm of the variable.
const STEP: f64 = 0.5;
/// Relative difference up to which a response at the end of the range equals its lowest or highest value.
const FLOOR: f64 = 1e-12;
/// A law has reached its limit when it changes by less than this share of itself over the last e-fold of the range.
const LEVEL: f64 = 1e-3;

/// The search range of a variable, prepared for the law.
#[derive(Clone, Debug)]
pub(super) struct Line {
    name: String,
    base: Vec<f64>,
    axis: Axis,
    /// Ascending coordinates on the axis.
    coordinates: Vec<f64>,
    columns: Columns,
    /// The range of the rows, for a variable of which the value nearest to them counts.
    rows: Option<[f64; 2]>,
    /// The crossing of the estimate.
    near: Option<f64>,
}

/// The value of a variable at which the response equals a target, with other variables held in `base`. Of several, it is
/// the smallest for model size, data and compute, which costs least, and the one nearest to the rows for any other
/// variable; of several among the rows, the smallest.
///
/// # Errors
/// The response never equals the target; the error names the side on which it would.
pub(super) fn cross(model: &Model<'_>, target: f64, name: &str, base: &[f64]) -> Result<f64, Refusal> {
    let line = match model.trail.step().and_then(Solved::shared::<Line>) {
        Some(line) if line.name == name && line.base == base => line,
        _ => Arc::new(Line::new(model, name, base)?),
    };
    let found = line.cross(model, target);
    model.trail.lay(|| Some(Solved::of(Arc::new(line.at(found.as_ref().ok().copied())))));
    found.map(|coordinate| line.axis.value(coordinate))
}

/// All values of a variable at which the response equals a target, in ascending order.
///
/// # Errors
/// The law has no finite value where they are sought.
pub(super) fn all_crossings(model: &Model<'_>, target: f64, name: &str, base: &[f64]) -> Result<Vec<f64>, Refusal> {
    let line = Line::new(model, name, base)?;
    let stops = line.stops(model)?;
    let found = crossings(&stops, target).into_iter().map(|pair| line.meet(model, target, pair));
    found.map(|coordinate| coordinate.map(|coordinate| line.axis.value(coordinate))).collect()
}

/// The neighbouring stops between which the response crosses the target.
fn crossings(stops: &[Stop], target: f64) -> Vec<[Stop; 2]> {
    let above = |stop: &Stop| stop.value > target;
    let pairs = stops.windows(2).map(|pair| [pair[0], pair[1]]).filter(|[from, _]| from.joined);
    pairs.filter(|[from, to]| above(from) != above(to) || to.value == target).collect()
}

impl Line {
    /// The same line with `near` as the crossing of the estimate.
    fn at(&self, near: Option<f64>) -> Self {
        Self { near, ..self.clone() }
    }

    fn new(model: &Model<'_>, name: &str, base: &[f64]) -> Result<Self, Refusal> {
        let law = model.ready.law;
        let span = model.span(name).filter(|span| span.lowest > 0.0);
        let [low, high] = match (name, span) {
            (name, _) if law.roles.decided().contains(&name) => SIZES,
            (_, Some(span)) => [SMALL * span.lowest.min(1.0), SIZES[1].max(span.highest / SMALL)],
            (_, None) => [SMALL, SIZES[1]],
        };
        let (low, high) = (ln(low.max(f64::MIN_POSITIVE)), ln(high.min(f64::MAX)));
        let steps = ((high - low) / STEP).ceil();
        let logs = || (0..=steps as usize).map(|i| low + (high - low) * (i as f64 / steps)).collect();
        let axis = Axis::of(law, name, model.span(name));
        let mut coordinates: Vec<f64> = axis.far().unwrap_or_else(logs);
        let among_rows = axis.among_rows(law, name, span);
        coordinates.extend(among_rows.into_iter().filter(|coordinate| (low..=high).contains(coordinate)));
        let [least, most] = Domain::of(model, name).ends.map(|end| end.map(|value| axis.coordinate(value)));
        let [least, most] = [least.unwrap_or(f64::NEG_INFINITY), most.unwrap_or(f64::INFINITY)];
        coordinates.extend([least, most].into_iter().filter(|end| end.is_finite()));
        coordinates.retain(|coordinate| (least..=most).contains(coordinate));
        coordinates.sort_by(f64::total_cmp);
        coordinates.dedup();
        let points: Vec<[f64; 2]> = coordinates.iter().map(|&coordinate| [coordinate, 0.0]).collect();
        let columns = model.surface()?.bind(base, &points);
        let rows = model.span(name).filter(|_| !law.is_count(name));
        let rows = rows.map(|span| [span.lowest, span.highest].map(|value| axis.coordinate(value)));
        Ok(Self { name: name.to_owned(), base: base.to_vec(), axis, coordinates, columns, rows, near: None })
    }

    /// The response along the line; there is at least one stop.
    fn stops(&self, model: &Model<'_>) -> Result<Vec<Stop>, Refusal> {
        let surface = model.surface()?;
        let values = surface.over(model.parameters, &self.columns, |values, _| values.to_vec());
        let response = |coordinate: f64| surface.at(model.parameters, &self.base, [coordinate, 0.0]).value;
        let stops = stops(&self.coordinates, &values, response);
        if stops.is_empty() {
            return Err(Refusal::Undefined(format!("the law has no finite value at any {}", self.name)));
        }
        Ok(stops)
    }

    fn cross(&self, model: &Model<'_>, target: f64) -> Result<f64, Refusal> {
        let stops = self.stops(model)?;
        let crossings = crossings(&stops, target);
        let chosen = match self.rows {
            None => crossings.into_iter().next(),
            Some([lowest, highest]) => {
                let distance =
                    |[from, to]: &[Stop; 2]| (lowest - to.coordinate).max(from.coordinate - highest).max(0.0);
                crossings.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
            }
        };
        if let Some(pair) = chosen {
            return self.meet(model, target, pair);
        }
        // The response may still turn between two points, so look near the value that is closest to the target.
        let (first, last) = (0, stops.len() - 1);
        let is_above = stops[first].value > target;
        let all = 0..stops.len();
        let by_value = |a: &usize, b: &usize| stops[*a].value.total_cmp(&stops[*b].value);
        let nearest = if is_above { all.min_by(by_value) } else { all.max_by(by_value) }.unwrap_or(first);
        // Far out, a floor is reached to the last digit at many stops: the last of them counts.
        let is_floor = (stops[last].value - stops[nearest].value).abs() <= FLOOR * stops[nearest].value.abs();
        let nearest = if is_floor && nearest != first { last } else { nearest };
        let joined = |from: usize| stops.get(from).is_some_and(|stop| stop.joined);
        if nearest != first && nearest != last {
            let (name, here) = (&self.name, stops[nearest]);
            let is_joined = joined(nearest - 1) && joined(nearest);
            let turned = if is_joined {
                self.turn(model, [stops[nearest - 1], here, stops[nearest + 1]], is_above)?
            } else {
                here
            };
            let is_past = (turned.value > target) != is_above;
            if is_past && is_joined {
                return self.meet(model, target, [stops[nearest - 1], turned]);
            }
            if is_past {
                let at = rounded(self.axis.value(here.coordinate), 5);
                let reason = format!("the response passes {target} only where it jumps, at {name} = {at}");
                return Err(Refusal::NotReachable { reason, beyond: None });
            }
            let (side, end) = if is_above { ("above", "lowest") } else { ("below", "highest") };
            return Err(Refusal::NotReachable {
                reason: format!(
                    "the response is {side} {target} at every {name}: its {end} is {:.4}, at {name} = {}",
                    turned.value,
                    rounded(self.axis.value(turned.coordinate), 5),
                ),
                beyond: None,
            });
        }
        Err(self.never(target, &stops, nearest == first, is_above))
    }

    /// Why the response never equals the target, where an end of the line comes closest to it.
    fn never(&self, target: f64, stops: &[Stop], is_first: bool, is_above: bool) -> Refusal {
        let name = &self.name;
        let last = stops.len() - 1;
        let nearest = stops[if is_first { 0 } else { last }];
        let value = nearest.value;
        let at = rounded(self.axis.value(nearest.coordinate), 5);
        if is_first {
            let side = if is_above { "above" } else { "below" };
            return Refusal::NotReachable {
                reason: format!("the response is {side} {target} at every {name}: it is {value:.4} at {name} = {at}"),
                beyond: Some(Beyond::Smallest),
            };
        }
        let end = if is_above { "floor" } else { "ceiling" };
        let before = stops[last.saturating_sub(1)];
        // The change over the last e-fold of a logarithm, or over the last step of a value.
        let step = nearest.coordinate - before.coordinate;
        let times = if self.axis == Axis::Logarithm && step > 0.0 { 1.0 / step } else { 1.0 };
        let reason = if (times * (value - before.value)).abs() <= LEVEL * value.abs() {
            format!("not reachable: the {end} is {value:.4} for any {name}")
        } else {
            format!("not reachable: the response is still {value:.4} at {name} = {at}")
        };
        Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) }
    }

    /// The coordinate between two stops at which the response equals the target.
    fn meet(&self, model: &Model<'_>, target: f64, [from, to]: [Stop; 2]) -> Result<f64, Refusal> {
        let surface = model.surface()?;
        let turn = if from.value > target { -1.0 } else { 1.0 };
        let missing = |coordinate: f64| {
            let here = surface.at(model.parameters, &self.base, [coordinate, 0.0]);
            (turn * (here.value - target), turn * here.slope[0])
        };
        let (low, high) = (from.coordinate, to.coordinate);
        let start = self.near.filter(|near| low < *near && *near < high).unwrap_or(f64::midpoint(low, high));
        root(missing, low, high, start)
            .map_err(|_| Refusal::Undefined(format!("the law has no finite value on the way to {target}")))
    }

    /// The extremum of the response between the neighbours of a stop.
    fn turn(&self, model: &Model<'_>, [before, here, after]: [Stop; 3], is_above: bool) -> Result<Stop, Refusal> {
        let surface = model.surface()?;
        let sign = if is_above { 1.0 } else { -1.0 };
        let slope = |coordinate: f64| {
            let here = surface.at(model.parameters, &self.base, [coordinate, 0.0]);
            (sign * here.slope[0], sign * here.bend[0])
        };
        let (low, high) = (before.coordinate, after.coordinate);
        let turns = slope(low).0 < 0.0 && slope(high).0 > 0.0;
        let found = turns.then(|| root(slope, low, high, here.coordinate).ok()).flatten();
        let coordinate = found.unwrap_or(here.coordinate);
        let value = surface.at(model.parameters, &self.base, [coordinate, 0.0]).value;
        Ok(Stop { coordinate, value, joined: true })
    }
}
