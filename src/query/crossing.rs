//! The value of one variable at which a response crosses a target.

use std::sync::Arc;

use super::axis::Axis;
use super::model::{Model, Solved};
use super::{Beyond, Refusal};
use crate::law::Columns;
use crate::numerics::ln;
use crate::solver::root;

/// Search range of model size, data and compute.
const SIZES: [f64; 2] = [1.0, 1e60];
/// Smallest value in the search of any other variable, and its largest distance below the rows as a factor.
const SMALL: f64 = 1e-30;
/// Distance of neighbouring points, in the logarithm of the variable.
const STEP: f64 = 0.5;
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
    /// The crossing of the estimate.
    near: Option<f64>,
}

/// The smallest value of a variable at which the response equals a target, with other variables held in `base`. For a
/// variable that is searched by its value, it is the one nearest to the middle of the rows.
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
    Line::new(model, name, base)?.all(model, target)
}

/// The pairs of neighbours among the finite values between which the response crosses the target. A value that is not
/// finite is neither above nor below.
fn crossings(values: &[f64], finite: &[usize], target: f64) -> Vec<[usize; 2]> {
    let above = |i: usize| values[i] > target;
    let pairs = finite.windows(2).map(|pair| [pair[0], pair[1]]);
    pairs.filter(|&[from, to]| above(from) != above(to) || values[to] == target).collect()
}

impl Line {
    /// The same line with `near` as the crossing of the estimate.
    fn at(&self, near: Option<f64>) -> Self {
        Self { near, ..self.clone() }
    }

    fn new(model: &Model<'_>, name: &str, base: &[f64]) -> Result<Self, Refusal> {
        let span = model.span(name).filter(|span| span.lowest > 0.0);
        let [low, high] = match (name, span) {
            (name, _) if model.ready.law.roles.decided().contains(&name) => SIZES,
            (_, Some(span)) => [SMALL * span.lowest.min(1.0), SIZES[1].max(span.highest / SMALL)],
            (_, None) => [SMALL, SIZES[1]],
        };
        let (low, high) = (ln(low.max(f64::MIN_POSITIVE)), ln(high.min(f64::MAX)));
        let steps = ((high - low) / STEP).ceil();
        let logs = || (0..=steps as usize).map(|i| low + (high - low) * (i as f64 / steps)).collect();
        let axis = Axis::of(model.ready.law, name, model.span(name));
        let coordinates: Vec<f64> = axis.far().unwrap_or_else(logs);
        let points: Vec<[f64; 2]> = coordinates.iter().map(|&coordinate| [coordinate, 0.0]).collect();
        let columns = model.surface()?.bind(base, &points);
        Ok(Self { name: name.to_owned(), base: base.to_vec(), axis, coordinates, columns, near: None })
    }

    fn cross(&self, model: &Model<'_>, target: f64) -> Result<f64, Refusal> {
        let surface = model.surface()?;
        let (values, slopes) =
            surface.over(model.parameters, &self.columns, |values, [slopes, _]| (values.to_vec(), slopes.to_vec()));
        let finite: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
        let (Some(&first), Some(&last)) = (finite.first(), finite.last()) else {
            return Err(Refusal::Undefined(format!("the law has no finite value at any {}", self.name)));
        };
        let above = |value: f64| value > target;
        let crossings = crossings(&values, &finite, target);
        let from_middle = |[from, to]: &[usize; 2]| (from + to).abs_diff(self.coordinates.len() - 1);
        let crossing = match self.axis {
            Axis::Logarithm => crossings.into_iter().next(),
            Axis::Value(_) => crossings.into_iter().min_by_key(from_middle),
        };
        let meet = |low: f64, high: f64, falls: bool| self.meet(model, target, [low, high], falls);
        if let Some([from, to]) = crossing {
            return meet(self.coordinates[from], self.coordinates[to], above(values[from]));
        }
        // The response may still turn between two points, so look near the value that is closest to the target.
        let is_above = above(values[first]);
        let nearest = if is_above {
            finite.iter().copied().min_by(|&a, &b| values[a].total_cmp(&values[b]))
        } else {
            finite.iter().copied().max_by(|&a, &b| values[a].total_cmp(&values[b]))
        };
        let nearest = nearest.unwrap_or(first);
        if nearest != first && nearest != last {
            let turned = self.turn(model, nearest, is_above)?;
            let value = surface.at(model.parameters, &self.base, [turned, 0.0]).value;
            if above(value) != is_above {
                return meet(self.coordinates[nearest - 1], turned, is_above);
            }
            let (side, end) = if is_above { ("above", "lowest") } else { ("below", "highest") };
            return Err(Refusal::NotReachable {
                reason: format!(
                    "the response is {side} {target} at every {name}: its {end} is {value:.4}, at {name} = {:.3e}",
                    self.axis.value(turned),
                    name = self.name
                ),
                beyond: None,
            });
        }
        let (name, value) = (&self.name, values[nearest]);
        if nearest == first {
            let side = if is_above { "above" } else { "below" };
            let at = crate::numeral::exact(self.axis.value(self.coordinates[first]));
            return Err(Refusal::NotReachable {
                reason: format!("the response is {side} {target} at every {name}: it is {value:.4} at {name} = {at}"),
                beyond: Some(Beyond::Smallest),
            });
        }
        let end = if is_above { "floor" } else { "ceiling" };
        let (at, next) = (self.coordinates[last], self.coordinates[last.saturating_sub(1)]);
        let over_last = if self.axis == Axis::Logarithm { 1.0 } else { at - next };
        let reason = if (over_last * slopes[last]).abs() <= LEVEL * value.abs() {
            format!("not reachable: the {end} is {value:.4} for any {name}")
        } else {
            format!("not reachable: the response is still {value:.4} at {name} = {:.0e}", self.axis.value(at))
        };
        Err(Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) })
    }

    /// The coordinate between two others at which the response equals the target.
    fn meet(&self, model: &Model<'_>, target: f64, [low, high]: [f64; 2], falls: bool) -> Result<f64, Refusal> {
        let surface = model.surface()?;
        let turn = if falls { -1.0 } else { 1.0 };
        let missing = |coordinate: f64| {
            let here = surface.at(model.parameters, &self.base, [coordinate, 0.0]);
            (turn * (here.value - target), turn * here.slope[0])
        };
        let start = self.near.filter(|near| low < *near && *near < high).unwrap_or(f64::midpoint(low, high));
        root(missing, low, high, start)
            .map_err(|_| Refusal::Undefined(format!("the law has no finite value on the way to {target}")))
    }

    /// All values at which the response equals the target, in ascending order.
    fn all(&self, model: &Model<'_>, target: f64) -> Result<Vec<f64>, Refusal> {
        let values = model.surface()?.over(model.parameters, &self.columns, |values, _| values.to_vec());
        let finite: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
        let found = crossings(&values, &finite, target).into_iter().map(|[from, to]| {
            let ends = [self.coordinates[from], self.coordinates[to]];
            self.meet(model, target, ends, values[from] > target).map(|coordinate| self.axis.value(coordinate))
        });
        found.collect()
    }

    /// The extremum of the response next to a point on the line.
    fn turn(&self, model: &Model<'_>, near: usize, is_above: bool) -> Result<f64, Refusal> {
        let surface = model.surface()?;
        let sign = if is_above { 1.0 } else { -1.0 };
        let slope = |coordinate: f64| {
            let here = surface.at(model.parameters, &self.base, [coordinate, 0.0]);
            (sign * here.slope[0], sign * here.bend[0])
        };
        let (low, high) = (self.coordinates[near - 1], self.coordinates[near + 1]);
        let turns = slope(low).0 < 0.0 && slope(high).0 > 0.0;
        let found = turns.then(|| root(slope, low, high, self.coordinates[near]).ok()).flatten();
        Ok(found.unwrap_or(self.coordinates[near]))
    }
}
