//! A law scanned along one variable: its values, with the edges of its domain and its poles.

use super::model::Model;
use crate::query::limits::Allowed;

/// A point of a scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stop {
    /// The coordinate on the axis of the variable.
    pub(super) coordinate: f64,
    /// The response, which is finite.
    pub(super) value: f64,
    /// Whether the response is defined and has no pole between this stop and the next.
    pub(super) joined: bool,
}

/// Halvings that find an edge or a pole to the last digits.
const HALVINGS: usize = 100;

/// The finite points of a scan in ascending order. `values` holds the response at `coordinates`. Where it ceases to be
/// finite between two points, or has a pole there, stops on both sides of the place are added.
pub(super) fn stops(coordinates: &[f64], values: &[f64], response: impl Fn(f64) -> f64) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::with_capacity(coordinates.len());
    let part = |stops: &mut Vec<Stop>| stops.last_mut().into_iter().for_each(|last| last.joined = false);
    let stop = |(coordinate, value): (f64, f64)| Stop { coordinate, value, joined: true };
    for (i, (&coordinate, &value)) in coordinates.iter().zip(values).enumerate() {
        if i > 0 {
            let (before, last) = (coordinates[i - 1], values[i - 1]);
            match (last.is_finite(), value.is_finite()) {
                (true, false) => stops.extend(edge(before, coordinate, &response).map(stop)),
                (false, true) => {
                    part(&mut stops);
                    stops.extend(edge(coordinate, before, &response).map(stop));
                }
                (true, true) if grows_towards(values, i) => {
                    if let Some([left, right]) = pole([before, coordinate], [last, value], &response) {
                        stops.push(stop(left));
                        part(&mut stops);
                        stops.push(stop(right));
                    }
                }
                _ => {}
            }
        }
        if value.is_finite() {
            stops.push(stop((coordinate, value)));
        } else {
            part(&mut stops);
        }
    }
    part(&mut stops);
    stops
}

/// The last place with a finite response on the way from a place with one to a place without.
fn edge(mut finite: f64, mut other: f64, response: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let from = finite;
    let mut value = f64::NAN;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(finite, other);
        if middle == finite || middle == other {
            break;
        }
        let there = response(middle);
        if there.is_finite() {
            (finite, value) = (middle, there);
        } else {
            other = middle;
        }
    }
    (finite != from).then_some((finite, value))
}

/// Whether the response changes its sign between two points and grows in magnitude towards the gap from both sides.
fn grows_towards(values: &[f64], to: usize) -> bool {
    let from = to - 1;
    let grows = |near: usize, far: Option<usize>| {
        far.and_then(|far| values.get(far)).is_none_or(|far| !far.is_finite() || values[near].abs() > far.abs())
    };
    (values[from] < 0.0) != (values[to] < 0.0) && grows(from, from.checked_sub(1)) && grows(to, Some(to + 1))
}

/// The places on both sides of a pole between two points whose responses differ in sign.
fn pole([low, high]: [f64; 2], [first, last]: [f64; 2], response: impl Fn(f64) -> f64) -> Option<[(f64, f64); 2]> {
    let (mut left, mut right) = ((low, first), (high, last));
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(left.0, right.0);
        if middle == left.0 || middle == right.0 {
            break;
        }
        let value = response(middle);
        if !value.is_finite() {
            break;
        }
        let side = if (value < 0.0) == (first < 0.0) { &mut left } else { &mut right };
        *side = (middle, value);
    }
    // At a root both values are close to zero; at a pole they are larger than before.
    let is_pole = left.1.abs() > first.abs() && right.1.abs() > last.abs();
    is_pole.then_some([left, right])
}

/// The values of a variable among which an answer is sought.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Domain {
    /// The lowest and highest value, where there are some: those of a share, zero for a variable that starts there, and
    /// the limits of the question.
    pub(super) ends: [Option<f64>; 2],
    /// The only values that are allowed; empty where all between the ends are.
    pub(super) one_of: Vec<f64>,
}

impl Domain {
    /// The domain of a variable of a law.
    pub(super) fn of(model: &Model<'_>, name: &str) -> Self {
        let is_share = model.ready.law.roles.shares.contains(name)
            && model.span(name).is_none_or(|span| span.lowest >= 0.0 && span.highest <= 1.0);
        let none = Allowed::default();
        let limits = model.ready.limits.and_then(|limits| limits.others.get(name)).unwrap_or(&none);
        let inner = |one: Option<f64>, other: Option<f64>, pick: fn(f64, f64) -> f64| match (one, other) {
            (Some(one), Some(other)) => Some(pick(one, other)),
            (one, other) => one.or(other),
        };
        // A variable that is zero in some row and negative in none counts something: steps, examples, a distance.
        let is_from_zero = limits.least.is_none() && model.span(name).is_some_and(|span| span.lowest == 0.0);
        let [least, most] = match (is_share, is_from_zero) {
            (true, _) => [Some(0.0), Some(1.0)],
            (false, true) => [Some(0.0), None],
            (false, false) => [None, None],
        };
        Self {
            ends: [inner(least, limits.least, f64::max), inner(most, limits.most, f64::min)],
            one_of: limits.one_of.clone(),
        }
    }
}
