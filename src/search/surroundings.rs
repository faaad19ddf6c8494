//! Starts around the best optimum so far, from which the search may find a better one.
//!
//! An exponent of a term that hardly matters may lie anywhere, also at a bound, with a valley at each place. A step
//! has a valley for every place between two rows. A flat ridge has a dent wherever a residual changes its sign.

use rayon::prelude::*;

use super::projection::{self, Grid};
use super::span::{Span, spans};
use crate::law::Law;
use crate::numerics::eigen_symmetric;
use crate::problem::Problem;
use crate::solver::{newton_within, smoothed, smoothed_hessian};
use crate::watch::Watch;

/// Number of places to which each coordinate is moved.
const PLACES: usize = 8;
/// Newton steps at each place along a profile; few are enough because the other coordinates start from the
/// neighbouring place.
const STEPS_ALONG: u64 = 3;

/// Two optima are apart when one of their searched coordinates differs by more than this share of its span.
const APART: f64 = 0.125;

/// Where to look for better optima.
pub(super) struct Surroundings<'a> {
    problem: &'a Problem,
    law: &'a Law,
    grid: Option<&'a Grid<'a>>,
    /// The span of each coordinate.
    spans: Vec<Span>,
    /// The searched coordinates.
    searched: Vec<usize>,
}

impl<'a> Surroundings<'a> {
    /// The surroundings of a problem's optima.
    pub(super) fn new(problem: &'a Problem, law: &'a Law, grid: Option<&'a Grid<'a>>) -> Self {
        let spans: Vec<Span> = grid.map_or_else(|| spans(problem, law, None), |grid| grid.spans().to_vec());
        let searched = grid.map_or_else(|| (0..spans.len()).collect(), Grid::searched);
        Self { problem, law, grid, spans, searched }
    }

    /// Starts around a point whose objective is `cost`. After a cancellation the list is incomplete.
    pub(super) fn starts(&self, (from, cost): (&[f64], f64), watch: &Watch<'_>) -> Vec<Vec<f64>> {
        let mut starts = along_ridges(self.problem, from, cost);
        starts.extend(self.moved_coordinates(from));
        starts.extend(self.grid.into_iter().flat_map(|grid| grid.steps(self.problem, self.law, from)));
        starts.extend(self.valleys_of_profiles(from, watch));
        starts
    }

    /// Whether two points are far enough apart to have different surroundings.
    pub(super) fn are_apart(&self, one: &[f64], other: &[f64]) -> bool {
        self.searched.iter().any(|&j| self.spans[j].distance(one[j], other[j]) > APART)
    }

    /// The point with each coordinate moved along its span and to its bounds.
    fn moved_coordinates(&self, from: &[f64]) -> Vec<Vec<f64>> {
        let mut all = Vec::new();
        for (j, span) in self.spans.iter().enumerate() {
            // Where a ridge is flat up to its bound, no step from inside reaches the bound.
            for value in span.values(PLACES).into_iter().chain(self.problem.coordinates()[j].finite_bounds()) {
                let mut moved = from.to_vec();
                moved[j] = value;
                all.push(moved);
            }
        }
        all
    }

    /// The lowest valleys of the objective's profile along each searched coordinate.
    ///
    /// For each finite bound of a coordinate, also those along each scale with the coordinate held at that bound,
    /// because a step has a valley for every place between two rows.
    fn valleys_of_profiles(&self, from: &[f64], watch: &Watch<'_>) -> Vec<Vec<f64>> {
        let problem = smoothed(self.problem, from);
        let scales = self.grid.map_or_else(Vec::new, Grid::scales);
        let mut walks: Vec<(Option<(usize, f64)>, usize)> = self.searched.iter().map(|&j| (None, j)).collect();
        for &steep in &self.searched {
            for bound in problem.coordinates()[steep].finite_bounds().chain(self.spans[steep].ends()) {
                walks.extend(scales.iter().filter(|&&j| j != steep).map(|&j| (Some((steep, bound)), j)));
            }
        }
        let valleys = walks.into_par_iter().map(|(held, moving)| {
            if (watch.cancelled)() {
                return Vec::new();
            }
            let mut from = from.to_vec();
            held.iter().for_each(|&(j, value)| from[j] = value);
            let values = self.spans[moving].values(projection::PLACES_ALONG);
            let above = self.spans[moving].before(&values, from[moving]);
            valleys_of_profile(&problem.holding(held.as_slice()), self.grid, (&values, above), &from, moving)
        });
        valleys.flatten_iter().collect()
    }
}

/// The lowest points of a profile along one coordinate, and the number of values below the coordinate's present
/// value.
///
/// `values` are in order. At each value the sizes, or all other coordinates, are refitted. The walk goes out from the
/// point on both sides. At each value, Newton's method takes a few steps from the end at the neighbouring value, or
/// from the point itself with refitted sizes, whichever is lower. The second start is needed because a walk stays in
/// its valley.
fn valleys_of_profile(
    problem: &Problem,
    grid: Option<&Grid<'_>>,
    (values, above): (&[f64], usize),
    from: &[f64],
    moving: usize,
) -> Vec<Vec<f64>> {
    let (mut moved, mut followed) = (vec![Place::default(); values.len()], vec![Place::default(); values.len()]);
    let outward = [(0..above).rev().collect::<Vec<_>>(), (above..values.len()).collect()];
    for walk in outward {
        let mut last = from.to_vec();
        for at in walk {
            let held = problem.holding(&[(moving, values[at])]);
            let mut start = from.to_vec();
            (start[moving], last[moving]) = (values[at], values[at]);
            if let Some(grid) = grid {
                start = grid.resized(&start);
            }
            moved[at] = Place { cost: held.cost(&start), point: start };
            let lower = if held.cost(&last) <= moved[at].cost { &last } else { &moved[at].point };
            let end = newton_within(&held, lower, STEPS_ALONG, 0.0);
            last.clone_from(&end.point);
            followed[at] = Place { cost: end.cost, point: end.point };
        }
    }
    [moved, followed].iter().flat_map(|profile| lowest_valleys(profile)).collect()
}

/// A place along a profile.
#[derive(Clone, Debug, Default)]
struct Place {
    cost: f64,
    point: Vec<f64>,
}

fn lowest_valleys(profile: &[Place]) -> Vec<Vec<f64>> {
    let costs: Vec<f64> = profile.iter().map(|place| place.cost).collect();
    projection::valleys(&costs).into_iter().map(|at| profile[at].point.clone()).collect()
}

/// Growth of the objective at the walked distances along a ridge, if it were a parabola, as shares of the best
/// objective.
const GROWTHS: [f64; 8] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// Number of directions that are walked; the flattest one may lead through a bound.
const RIDGES: usize = 2;

/// Points on both sides of a point, along the directions in which the objective has the least curvature.
pub(super) fn along_ridges(problem: &Problem, from: &[f64], cost: f64) -> Vec<Vec<f64>> {
    let hessian = smoothed_hessian(problem, from);
    let (values, directions) = eigen_symmetric(&hessian.unit_diagonal());
    let most = values.last().copied().unwrap_or(0.0);
    let mut points = Vec::new();
    for (row, least) in values.iter().enumerate().take(RIDGES) {
        let least = least.abs().max(most * 1e-16);
        for (growth, side) in GROWTHS.iter().flat_map(|growth| [(growth, -1.0), (growth, 1.0)]) {
            let distance = side * (2.0 * growth * cost / least).sqrt();
            let walked = |(j, x): (usize, &f64)| {
                let c = problem.coordinates()[j];
                let unit = 1.0 / hessian[(j, j)].abs().sqrt().max(1e-150);
                (x + distance * directions[(row, j)] * unit).clamp(c.lower, c.upper)
            };
            points.push(from.iter().enumerate().map(walked).collect());
        }
    }
    points.retain(|point: &Vec<f64>| point.iter().all(|x| x.is_finite()));
    points
}
