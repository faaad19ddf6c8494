//! Other parameters that fit the rows as well as an optimum: two rate constants that may be exchanged, or a phase and the
//! sign of its amplitude.

use std::f64::consts::{PI, TAU};

use super::projection::Grid;
use super::{SAME, resolved};
use crate::law::{Chain, Law, Role, Symmetries};
use crate::problem::Problem;
use crate::solver::Solver;

/// Largest excess of the objective at which an exchange is polished, as a share. Sizes from least squares are not exactly
/// those of another objective.
const NEARLY: f64 = 0.5;
/// Smallest difference of a coordinate between two solutions, as a share of it.
const APART: f64 = 1e-3;

/// The solutions that fit as well as an optimum and are apart from it: those in which two coordinates have taken each other's
/// place. Solutions that a symmetry of the formula makes equal count as one.
pub(super) fn twins(
    problem: &Problem,
    symmetries: &Symmetries,
    grid: Option<&Grid<'_>>,
    best: (&[f64], f64),
) -> Vec<Vec<f64>> {
    let (point, cost) = best;
    let coordinates = problem.coordinates();
    let is_alike = |a: usize, b: usize| coordinates[a] == coordinates[b] && coordinates[a].is_free();
    let pairs = (0..point.len()).flat_map(|a| (a + 1..point.len()).map(move |b| (a, b)));
    let mut found: Vec<Vec<f64>> = Vec::new();
    for (a, b) in pairs.filter(|&(a, b)| is_alike(a, b)) {
        let mut exchanged = point.to_vec();
        exchanged.swap(a, b);
        let resized = grid.map(|grid| grid.resized(&exchanged));
        let start =
            std::iter::once(exchanged).chain(resized).find(|start| problem.cost(start) <= cost * (1.0 + NEARLY));
        let Some(end) = start.map(|start| resolved(problem, Solver::default().minimise(problem, &start))) else {
            continue;
        };
        let mut twin = end.point;
        symmetries.settle(&mut twin);
        let is_new = std::iter::once(point).chain(found.iter().map(Vec::as_slice)).all(|other| are_apart(&twin, other));
        if end.cost <= cost * (1.0 + SAME) && is_new && !is_one_valley(problem, (point, cost), &twin) {
            found.push(twin);
        }
    }
    found
}

/// Number of points between two solutions at which the objective is evaluated.
const BETWEEN: usize = 7;

/// Whether the objective between two solutions stays within one standard error of the best. Then they are one solution,
/// and its intervals contain both. Robust objectives of few rows have such flat valleys.
fn is_one_valley(problem: &Problem, (point, cost): (&[f64], f64), other: &[f64]) -> bool {
    let Some(freedom) = problem.rows().checked_sub(point.len()).filter(|freedom| *freedom > 0) else {
        return false;
    };
    let between = |step: usize| {
        let share = (step + 1) as f64 / (BETWEEN + 1) as f64;
        let middle: Vec<f64> = point.iter().zip(other).map(|(a, b)| a + share * (b - a)).collect();
        problem.cost(&middle)
    };
    (0..BETWEEN).map(between).all(|there| there <= cost * (1.0 + 1.0 / freedom as f64))
}

/// Whether two points are different solutions and not one with rounding.
fn are_apart(one: &[f64], other: &[f64]) -> bool {
    one.iter().zip(other).any(|(a, b)| (a - b).abs() > APART * a.abs().max(b.abs()))
}

/// The optimum with positive frequencies, phases between -pi and pi and, where a phase decides it, a positive amplitude.
pub(super) fn wrapped(problem: &Problem, law: &Law, grid: &Grid<'_>, optimum: &[f64]) -> Option<Vec<f64>> {
    let cost = problem.cost(optimum);
    let is_as_good = |point: &Vec<f64>| problem.cost(point) <= cost * (1.0 + SAME);
    let negative = |point: &[f64]| grid.sizes().into_iter().filter(|&j| point[j] < 0.0).count();
    let mut point = optimum.to_vec();
    for (f, of_frequency) in in_role(law, |role| matches!(role, Role::Frequency)) {
        let frequency = of_frequency.scalar(point[f]);
        for (j, of_phase) in phases(law).into_iter().filter(|_| frequency < 0.0) {
            // sin(-x + p) is sin(x + pi - p), and cos(-x + p) is cos(x - p).
            let turned = [PI, 0.0].into_iter().find_map(|from| {
                let mut turned = point.clone();
                turned[f] = of_frequency.coordinate(-frequency);
                turned[j] = of_phase.coordinate(wrap(from - of_phase.scalar(point[j])));
                Some(turned).filter(|turned| turned[f].is_finite() && turned[j].is_finite()).filter(is_as_good)
            });
            point = turned.unwrap_or(point);
        }
    }
    for (j, chain) in phases(law) {
        let moved = |to: &dyn Fn(f64) -> f64| {
            let mut moved = point.clone();
            moved[j] = chain.coordinate(wrap(to(chain.scalar(point[j]))));
            moved[j].is_finite().then_some(moved)
        };
        let turned = moved(&|phase| phase + PI).map(|turned| grid.resized(&turned));
        let turned = turned.filter(|turned| negative(turned) < negative(&point)).filter(is_as_good);
        let same = || moved(&|phase| phase).filter(is_as_good);
        if let Some(better) = turned.or_else(same) {
            point = better;
        }
    }
    (point != optimum).then_some(point)
}

/// An angle between -pi and pi.
fn wrap(angle: f64) -> f64 {
    angle - TAU * (angle / TAU).round()
}

/// The coordinates that are phases of a periodic function.
fn phases(law: &Law) -> Vec<(usize, Chain)> {
    in_role(law, |role| matches!(role, Role::Phase))
}

/// The coordinates in a role, with the conversion to their scalar.
fn in_role(law: &Law, is_it: impl Fn(&Role) -> bool) -> Vec<(usize, Chain)> {
    let all = law.meetings().into_iter().filter(|meeting| is_it(&meeting.role));
    all.map(|meeting| (meeting.coordinate, meeting.chain)).collect()
}
