//! Variable projection: a grid over the shapes of a law's terms, with their sizes from least squares.
//!
//! On the log scale a residual is nearly (f - y)/y, so all columns are in units of the response. The grid is
//! evaluated twice. In the second pass, rows with large residuals in the first pass count less, so that outliers do
//! not decide the valley. Newton's method starts from the valleys of both passes. Values that do not depend on the
//! weights of the rows are computed once and serve all draws of a bootstrap.

mod lattice;
mod sizes;

use std::collections::BTreeSet;
use std::ops::Range;

use lattice::{Lattice, Strides};
use sizes::BoundedLeastSquares;

use super::span::{Span, spans};
use crate::law::{BoundPeels, Columns, Law, Scale, Terms};
use crate::numerics::{ColumnsIn, LANES, Lanes, add_products, exp, fold, ln, mean, median, triangle};
use crate::objective::ResponseScale;
use crate::problem::Problem;

/// Points of the grid along each coordinate, by the number of searched coordinates.
const POINTS: [usize; 6] = [1, 40, 16, 10, 6, 4];
/// Factor of the number of points along a scale. A term that turns at a scale has a valley between every two rows.
const FINER: usize = 4;
/// Maximum number of points of a grid whose spans come from the rows.
const MOST_POINTS: usize = 16_384;
/// Minimum number of such points along each coordinate.
const FEWEST_ALONG: usize = 6;
/// Factor of the number of points along the only searched coordinate.
const ALONE: f64 = 4.0;
/// Points of a low-discrepancy set, used where a grid would have too many dimensions.
const SCATTERED: usize = 1024;
/// Maximum number of valleys of one pass that are polished.
const VALLEYS: usize = 8;
/// Number of places along one coordinate that are evaluated without polishing.
pub(super) const PLACES_ALONG: usize = 256;
/// Maximum number of valleys among these places that are polished.
const VALLEYS_ALONG: usize = 4;
/// Two points of the grid are near each other when they differ by at most 1/NEAR of each coordinate's span.
const NEAR: usize = 8;
/// Number of points that are spread over the grid.
const SPREAD: usize = 48;
/// Size of a positive term, as a share of the response, where least squares would set it to zero.
const TRACE: f64 = 1e-3;

/// The best sizes at every point of a grid, and the remaining sums of squares.
#[derive(Clone, Debug)]
struct Pass {
    /// Sizes, point by point.
    sizes: Vec<f64>,
    costs: Vec<f64>,
}

/// Coordinates that vary together, and their values on the grid.
struct Dimension {
    coordinates: Vec<usize>,
    values: Vec<Vec<f64>>,
}

/// The terms of the law with the values of the rows.
struct Bound {
    peels: BoundPeels,
    terms: Vec<Columns>,
    offset: Option<Columns>,
    responses: Vec<f64>,
    on_log: bool,
}

/// A column with one value per row, for every combination of some dimensions.
struct Part {
    /// The dimensions that it depends on.
    places: Vec<usize>,
    strides: Strides,
    /// The columns of all combinations, one after the other, each padded with zeros.
    columns: Vec<f64>,
    /// The unit of each column, by which its values are divided.
    units: Vec<f64>,
}

/// Two parts whose products are computed for every combination of the dimensions of either.
struct Pair {
    parts: (usize, usize),
    /// The start of each part's column, for every combination.
    starts: (Vec<usize>, Vec<usize>),
    /// The number of the combination at each point of the grid.
    combinations: Vec<usize>,
}

/// A grid over the searched coordinates with everything that does not depend on the rows' weights.
pub(super) struct Design<'a> {
    problem: &'a Problem,
    terms: Terms,
    bound: Bound,
    /// The span of each coordinate.
    spans: Vec<Span>,
    dimensions: Vec<Dimension>,
    lattice: Lattice,
    /// The terms, then the target of their sum, then the part that no size changes, where there is one.
    parts: Vec<Part>,
    /// The pairs of parts: the lower triangle by rows.
    pairs: Vec<Pair>,
    bounds: Vec<(f64, f64)>,
    rows: usize,
    /// Number of rows with padding.
    padded: usize,
}

/// A grid with the best sizes at every point, for given weights of the rows.
pub(super) struct Grid<'a> {
    design: &'a Design<'a>,
    weights: Vec<f64>,
    first: Pass,
}

impl<'a> Design<'a> {
    /// The span of each coordinate.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The grid of a law's terms.
    pub(super) fn new(problem: &'a Problem, law: &Law, terms: Terms) -> Self {
        let searched = terms.searched();
        let (variables, rows) = (problem.variables(), problem.rows());
        let spans = spans(problem, law, Some(&terms));
        let dimensions = dimensions(searched, &scales_of(&terms), &spans);
        let on_log = problem.objective().scale() == ResponseScale::Log;
        let bound = Bound {
            peels: terms.bind(&variables, rows),
            terms: terms.terms().iter().map(|term| term.tape().bind(&variables, rows)).collect(),
            offset: terms.offset().map(|offset| offset.tape.bind(&variables, rows)),
            responses: problem.responses().map(|y| if on_log { exp(y) } else { y }).collect(),
            on_log,
        };
        let lattice = Lattice::new(dimensions.iter().map(|d| d.values.len()).collect());
        let bounds = bounds(problem, &terms);
        let (parts, pairs, padded) = (Vec::new(), Vec::new(), rows.next_multiple_of(LANES));
        let mut design = Self { problem, terms, bound, spans, dimensions, lattice, parts, pairs, bounds, rows, padded };
        design.parts = design.all_parts();
        design.pairs = design.all_pairs();
        design
    }

    /// The grid for given weights of the rows.
    pub(super) fn weighted(&'a self, mut weights: Vec<f64>) -> Grid<'a> {
        weights.resize(self.padded, 0.0);
        let first = self.pass(&weights);
        Grid { design: self, weights, first }
    }

    fn all_parts(&self) -> Vec<Part> {
        let terms = &self.terms;
        let outer = self.places_of(terms.outer());
        let outer_strides = self.lattice.strides(&outer);
        let mut all_targets: Vec<Vec<Target>> = Vec::new();
        self.lattice.visit(&outer, |index| all_targets.push(targets(terms, &self.bound, &self.coordinates(index))));
        // A part depends on its own coordinates and on those that determine the target of the sum.
        let part = |shape: &[usize], bounds: (f64, f64), evaluate: &dyn Fn(&mut [f64]) -> Vec<f64>| {
            let own = [shape, terms.outer()].concat();
            let places = self.places_of(&own);
            let combinations: usize = places.iter().map(|&place| self.dimensions[place].values.len()).product();
            let mut columns = Vec::with_capacity(combinations * self.padded);
            let mut units = Vec::with_capacity(combinations);
            self.lattice.visit(&places, |index| {
                let column = evaluate(&mut self.coordinates(index));
                let column: Vec<f64> = scaled(&column, &all_targets[outer_strides.at(index)]).collect();
                let unit = unit(&column, bounds);
                columns.extend(column.iter().map(|x| x / unit));
                columns.resize(columns.len().next_multiple_of(self.padded), 0.0);
                units.push(unit);
            });
            Part { strides: self.lattice.strides(&places), places, columns, units }
        };
        let mut parts: Vec<Part> = Vec::new();
        for ((term, bound), bounds) in terms.terms().iter().zip(&self.bound.terms).zip(&self.bounds) {
            parts.push(part(&term.shape, *bounds, &|point| term.column(bound, point)));
        }
        let filling = std::iter::repeat_n(0.0, self.padded - self.rows);
        let wanted = all_targets.iter().flat_map(|all| all.iter().map(|t| t.value).chain(filling.clone())).collect();
        let units = vec![1.0; all_targets.len()];
        parts.push(Part { strides: outer_strides.clone(), places: outer, columns: wanted, units });
        if let (Some(offset), Some(bound)) = (terms.offset(), &self.bound.offset) {
            parts.push(part(&offset.shape, FIXED, &|point| offset.tape.values(bound, point)));
        }
        parts
    }

    fn all_pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(triangle(self.parts.len(), 0));
        for (i, one) in self.parts.iter().enumerate() {
            for (j, other) in self.parts[..=i].iter().enumerate() {
                let either = |place: &usize| one.places.contains(place) || other.places.contains(place);
                let places: Vec<usize> = (0..self.lattice.dimensions()).filter(either).collect();
                let mut starts = (Vec::new(), Vec::new());
                self.lattice.visit(&places, |index| {
                    starts.0.push(one.strides.at(index) * self.padded);
                    starts.1.push(other.strides.at(index) * self.padded);
                });
                let combinations = self.lattice.places(&self.lattice.strides(&places));
                pairs.push(Pair { parts: (i, j), starts, combinations });
            }
        }
        pairs
    }

    /// The dimensions that contain any of the given coordinates.
    fn places_of(&self, coordinates: &[usize]) -> Vec<usize> {
        let holds = |dimension: &Dimension| dimension.coordinates.iter().any(|j| coordinates.contains(j));
        (0..self.dimensions.len()).filter(|&i| holds(&self.dimensions[i])).collect()
    }

    /// The coordinates at an index of the grid, with sizes of zero.
    fn coordinates(&self, index: &[usize]) -> Vec<f64> {
        let mut point = vec![0.0; self.problem.size()];
        for (dimension, &i) in self.dimensions.iter().zip(index) {
            dimension.coordinates.iter().zip(&dimension.values[i]).for_each(|(&j, &x)| point[j] = x);
        }
        point
    }

    fn column(&self, part: usize, index: &[usize]) -> &[f64] {
        let part = &self.parts[part];
        let from = part.strides.at(index) * self.padded;
        &part.columns[from..from + self.rows]
    }

    /// Solves for the sizes at every point of the grid, several points at a time.
    fn pass(&self, weights: &[f64]) -> Pass {
        let products = self.products(weights);
        let (p, points) = (self.terms.terms().len(), self.lattice.points());
        let mut pass = Pass { sizes: Vec::with_capacity(points * p), costs: Vec::with_capacity(points) };
        let mut solver = BoundedLeastSquares::new(&self.bounds);
        for first in (0..points).step_by(LANES) {
            let some = first..points.min(first + LANES);
            let squares = self.enter(&products, some.clone(), &mut solver);
            solver.solve();
            let values = solver.value();
            for l in 0..some.len() {
                let cost = squares[l] + values[l];
                pass.costs.push(if cost.is_finite() { cost } else { f64::INFINITY });
                pass.sizes.extend(solver.solution.iter().map(|x| x[l]));
            }
        }
        pass
    }

    /// Fills the lanes of the solver with the least-squares problems of some points; returns the sums of squares of
    /// the targets.
    fn enter(&self, products: &[Vec<f64>], points: Range<usize>, solver: &mut BoundedLeastSquares) -> Lanes {
        let p = self.terms.terms().len();
        let (response, offset) = (p, (self.parts.len() > p + 1).then_some(p + 1));
        let at = |i: usize, j: usize| {
            let pair = triangle(i, j);
            let (products, combinations) = (&products[pair], &self.pairs[pair].combinations[points.clone()]);
            let mut lanes = [0.0; LANES];
            lanes.iter_mut().zip(combinations).for_each(|(lane, &at)| *lane = products[at]);
            lanes
        };
        for i in 0..p {
            (0..=i).for_each(|j| solver.normal[triangle(i, j)] = at(i, j));
            solver.right[i] = at(i, response);
        }
        let mut squares = at(response, response);
        if let Some(offset) = offset {
            for i in 0..p {
                let with_offset = at(i, offset);
                (0..LANES).for_each(|l| solver.right[i][l] -= with_offset[l]);
            }
            let (own, both) = (at(offset, offset), at(offset, response));
            (0..LANES).for_each(|l| squares[l] += own[l] - 2.0 * both[l]);
        }
        squares
    }

    /// The products of each pair of parts for every combination of the dimensions of either.
    fn products(&self, weights: &[f64]) -> Vec<Vec<f64>> {
        let (mut weighted, mut sums) = (Vec::new(), Vec::new());
        let mut before = usize::MAX;
        let products = self.pairs.iter().map(|pair| {
            let (one, other) = (&self.parts[pair.parts.0], &self.parts[pair.parts.1]);
            if before != pair.parts.0 {
                weighted.clear();
                for column in one.columns.chunks_exact(self.padded) {
                    weighted.extend(column.iter().zip(weights).map(|(x, w)| w * x));
                }
                before = pair.parts.0;
            }
            let (starts, all) = (&pair.starts, &other.columns);
            let mut values = Vec::with_capacity(starts.0.len());
            // Where consecutive pairs share a column, read that column once for several partners.
            for alike in starts.0.chunk_by(|a, b| a == b) {
                let partners = ColumnsIn { all, starts: &starts.1[values.len()..][..alike.len()], rows: self.padded };
                sums.clear();
                sums.resize(alike.len(), [0.0; LANES]);
                add_products(&weighted[alike[0]..][..self.padded], partners, &mut sums);
                values.extend(sums.iter().map(fold));
            }
            values
        });
        products.collect()
    }

    /// Sets the sizes of the terms at a point. `sizes` are in the units of the columns, `means` holds the mean of each
    /// column.
    fn set_sizes(&self, point: &mut [f64], sizes: &[f64], means: &[f64], units: &[f64], response: f64) {
        for (i, (term, &size)) in self.terms.terms().iter().zip(sizes).enumerate() {
            let size = size / units[i];
            // A size of zero is infinitely far away on a log scale, so start from a small share of the response.
            let trace = TRACE * response / means[i].abs() / units[i];
            let size = if term.is_positive() && size < trace { trace } else { size };
            let c = self.problem.coordinates()[term.size];
            let coordinate = term.coordinate(size, point).or_else(|| term.coordinate(trace, point));
            point[term.size] = coordinate.unwrap_or(c.lower).clamp(c.lower, c.upper);
        }
    }

    /// The coordinates of a point of the grid with its sizes.
    fn point(&self, pass: &Pass, at: usize) -> Vec<f64> {
        let (index, p) = (self.lattice.index(at), self.terms.terms().len());
        let mut point = self.coordinates(&index);
        let means: Vec<f64> = (0..p).map(|i| mean(self.column(i, &index))).collect();
        let units: Vec<f64> = self.parts[..p].iter().map(|part| part.units[part.strides.at(&index)]).collect();
        let response = mean(self.column(p, &index)).abs();
        self.set_sizes(&mut point, &pass.sizes[at * p..(at + 1) * p], &means, &units, response);
        point
    }
}

/// The coordinates that set a scale, each once.
fn scales_of(terms: &Terms) -> Vec<usize> {
    let scales: BTreeSet<usize> = terms.scales().iter().map(|scale| scale.coordinate).collect();
    scales.into_iter().collect()
}

/// The dimensions of the grid: one for each coordinate, or a single one for all where there are too many.
fn dimensions(searched: Vec<usize>, scales: &[usize], spans: &[Span]) -> Vec<Dimension> {
    let Some(counts) = counts(&searched, scales, spans) else {
        let points = super::scatter::points(searched.len(), SCATTERED);
        let values = points.map(|shares| searched.iter().zip(shares).map(|(&j, s)| spans[j].at(s)).collect()).collect();
        return vec![Dimension { coordinates: searched, values }];
    };
    let along = |j: usize, count: usize| spans[j].values(count).into_iter().map(|x| vec![x]).collect();
    let each = searched.into_iter().zip(counts);
    each.map(|(j, count)| Dimension { coordinates: vec![j], values: along(j, count) }).collect()
}

/// Number of values of each searched coordinate; `None` where a grid would have too many points.
fn counts(searched: &[usize], scales: &[usize], spans: &[Span]) -> Option<Vec<usize>> {
    if searched.iter().any(|&j| spans[j].is_of_rows()) {
        let wanted: Vec<f64> = searched.iter().map(|&j| spans[j].fineness() as f64).collect();
        let wanted = if let [one] = wanted[..] { vec![one * ALONE] } else { wanted };
        let dimensions = i32::try_from(searched.len()).unwrap_or(i32::MAX);
        let excess = (wanted.iter().product::<f64>() / MOST_POINTS as f64).max(1.0);
        let shrunk = exp(ln(excess) / f64::from(dimensions));
        // An even number, so that a span of both signs does not contain zero.
        let counts: Vec<usize> = wanted.iter().map(|count| 2 * ((count / shrunk / 2.0) as usize)).collect();
        return counts.iter().all(|count| *count >= FEWEST_ALONG).then_some(counts);
    }
    let count = *POINTS.get(searched.len())?;
    Some(searched.iter().map(|j| if scales.contains(j) { count * FINER } else { count }).collect())
}

/// Bounds of the sizes. The size of a positive term is only bounded below by zero.
fn bounds(problem: &Problem, terms: &Terms) -> Vec<(f64, f64)> {
    let bounds = terms.terms().iter().map(|term| {
        let c = problem.coordinates()[term.size];
        term.sizes_within(c.lower, c.upper)
    });
    bounds.collect()
}

impl Grid<'_> {
    /// The span of each coordinate.
    pub(super) fn spans(&self) -> &[Span] {
        &self.design.spans
    }

    /// The coordinates that least squares does not determine.
    pub(super) fn searched(&self) -> Vec<usize> {
        self.design.terms.searched()
    }

    /// The coordinates that set the size of a term.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.design.terms.terms().iter().map(|term| term.size).collect()
    }

    /// The searched coordinates that set a scale, each once.
    pub(super) fn scales(&self) -> Vec<usize> {
        scales_of(&self.design.terms)
    }

    /// Number of points.
    pub(super) const fn points(&self) -> usize {
        self.first.costs.len()
    }

    /// Whether a point far from the best one is so nearly as good that the rows do not decide between them.
    ///
    /// `share` is the largest excess over the best objective, relative to it.
    pub(super) fn leaves_open(&self, share: f64) -> bool {
        let Design { dimensions, lattice, .. } = self.design;
        let costs = &self.first.costs;
        let Some(best) = lowest(&self.first) else { return true };
        let (most, middle) = (costs[best] * (1.0 + share), lattice.index(best));
        let is_near = |at: usize| {
            // A scattered set has no neighbours, so no point counts as near.
            let steps = lattice.index(at).into_iter().zip(&middle).map(|(i, &of_best)| i.abs_diff(of_best));
            steps.zip(dimensions).all(|(steps, d)| d.coordinates.len() == 1 && steps * NEAR <= d.values.len())
        };
        (0..costs.len()).any(|at| costs[at] <= most && !is_near(at))
    }

    /// The valleys of the first pass, best first.
    pub(super) fn plain_valleys(&self) -> Vec<Vec<f64>> {
        self.low_points(&self.first).into_iter().map(|at| self.between(&self.first, at)).collect()
    }

    /// Whether the law can be fitted at some point of the grid.
    pub(super) fn is_defined(&self) -> bool {
        self.first.costs.iter().any(|cost| cost.is_finite())
    }

    /// The valleys of both passes, best first.
    pub(super) fn valleys(&self) -> Vec<Vec<f64>> {
        let Some(best) = lowest(&self.first) else { return Vec::new() };
        let trust = self.trust(best);
        let mut weights = self.weights.clone();
        weights.iter_mut().zip(trust).for_each(|(w, t)| *w *= t);
        let second = self.design.pass(&weights);
        let (trusted, plain) = (self.low_points(&second), self.low_points(&self.first));
        // A point that is a valley in both passes is polished once.
        let once = plain.into_iter().filter(|at| !trusted.contains(at)).map(|at| (at, &self.first));
        let chosen = trusted.iter().map(|&at| (at, &second)).chain(once);
        chosen.map(|(at, pass)| self.between(pass, at)).collect()
    }

    /// A low point of the grid, moved to the minimum of the parabola through it and its neighbours.
    fn between(&self, pass: &Pass, at: usize) -> Vec<f64> {
        let Design { dimensions, lattice, .. } = self.design;
        let mut point = self.design.point(pass, at);
        let (index, mut stride) = (lattice.index(at), 1);
        for (dimension, &i) in dimensions.iter().zip(&index) {
            let length = dimension.values.len();
            if let ([j], true) = (&dimension.coordinates[..], i > 0 && i + 1 < length) {
                let x = [-1, 0, 1].map(|k| dimension.values[i.wrapping_add_signed(k)][0]);
                let costs = [at - stride, at, at + stride].map(|at| pass.costs[at]);
                point[*j] = self.design.spans[*j].vertex(x, costs);
            }
            stride *= length;
        }
        self.resized(&point)
    }

    /// A weight for each row, which is smaller for a row with a larger residual at a point of the grid.
    fn trust(&self, at: usize) -> Vec<f64> {
        let Design { lattice, terms, parts, .. } = self.design;
        let (index, p) = (lattice.index(at), terms.terms().len());
        let mut misses: Vec<f64> = self.design.column(p, &index).iter().map(|wanted| -wanted).collect();
        let mut add = |size: f64, part: usize| {
            misses.iter_mut().zip(self.design.column(part, &index)).for_each(|(miss, x)| *miss += size * x);
        };
        (0..p).for_each(|i| add(self.first.sizes[at * p + i], i));
        if parts.len() > p + 1 {
            add(1.0, p + 1);
        }
        trust(misses)
    }

    /// Numbers of the points that are lower than their neighbours, best first. A scattered set has no neighbours;
    /// there, these are the lowest points.
    fn low_points(&self, pass: &Pass) -> Vec<usize> {
        let Design { dimensions, lattice, .. } = self.design;
        let scattered = dimensions.iter().any(|d| d.coordinates.len() > 1);
        let low = if scattered { (0..pass.costs.len()).collect() } else { lattice.low_points(&pass.costs) };
        lowest_of(low, &pass.costs, VALLEYS)
    }

    /// Points spread evenly over the grid, for use when the valleys do not agree.
    pub(super) fn spread(&self) -> impl Iterator<Item = Vec<f64>> {
        self.spread_numbers().map(|at| self.design.point(&self.first, at))
    }

    /// Points from the better quarter of the spread points, away from the valleys, as a check that they lead to the
    /// same optimum.
    pub(super) fn elsewhere(&self, count: usize) -> Vec<Vec<f64>> {
        let mut numbers: Vec<usize> = self.spread_numbers().collect();
        numbers.sort_by(|&a, &b| self.first.costs[a].total_cmp(&self.first.costs[b]));
        let quarter = numbers.len().div_ceil(4);
        (1..=count).map(|i| self.design.point(&self.first, numbers[quarter * i / (count + 1)])).collect()
    }

    fn spread_numbers(&self) -> impl Iterator<Item = usize> + use<> {
        // An odd step shares no factor with even lengths, so it reaches every row and column of the grid.
        (0..self.points()).step_by(self.points().div_ceil(SPREAD) | 1)
    }

    /// Points at which the law is a step, placed between the two rows where that fits best.
    ///
    /// A law whose bounds allow a steep turn has a valley for every place between two rows. The size of a steep power
    /// determines the place of its turn.
    pub(super) fn steps(&self, problem: &Problem, law: &Law, from: &[f64]) -> Vec<Vec<f64>> {
        let (free, scales) = (law.free(), self.scales());
        let turns = |j: &usize| free[*j].scale == Scale::Log || scales.contains(j);
        let places: Vec<usize> = self.searched().into_iter().filter(turns).collect();
        let ends = |j: usize| problem.coordinates()[j].finite_bounds().chain(self.spans()[j].ends());
        let bounds = self.searched().into_iter().flat_map(|j| ends(j).map(move |bound| (j, bound)));
        let mut all = Vec::new();
        for (steep, bound) in bounds {
            let mut point = from.to_vec();
            point[steep] = bound;
            all.extend(places.iter().flat_map(|&scale| self.valleys_along(problem, &point, scale)));
        }
        all
    }

    /// The lowest points among the places along one coordinate, with the other coordinates fixed and the best sizes.
    fn valleys_along(&self, problem: &Problem, from: &[f64], moving: usize) -> Vec<Vec<f64>> {
        let mut moved = from.to_vec();
        let resized = self.design.spans[moving].values(PLACES_ALONG).into_iter().map(|value| {
            moved[moving] = value;
            self.resized(&moved)
        });
        let points: Vec<Vec<f64>> = resized.collect();
        let costs: Vec<f64> = points.iter().map(|point| problem.cost(point)).collect();
        valleys(&costs).into_iter().map(|at| points[at].clone()).collect()
    }

    /// The point with the same searched coordinates and the best sizes for them.
    pub(super) fn resized(&self, point: &[f64]) -> Vec<f64> {
        let Design { terms, bound, bounds, .. } = self.design;
        let mut point = point.to_vec();
        let targets = targets(terms, bound, &point);
        let columns = terms.terms().iter().zip(&bound.terms);
        let mut columns: Vec<Vec<f64>> =
            columns.map(|(term, bound)| scaled(&term.column(bound, &mut point), &targets).collect()).collect();
        let units: Vec<f64> = columns.iter().zip(bounds).map(|(column, bounds)| unit(column, *bounds)).collect();
        columns.iter_mut().zip(&units).for_each(|(column, unit)| column.iter_mut().for_each(|x| *x /= unit));
        let mut wanted: Vec<f64> = targets.iter().map(|t| t.value).collect();
        let response = mean(&wanted).abs();
        if let (Some(offset), Some(bound)) = (terms.offset(), &bound.offset) {
            let column = offset.tape.values(bound, &point);
            wanted.iter_mut().zip(scaled(&column, &targets)).for_each(|(w, o)| *w -= o);
        }
        let mut solver = BoundedLeastSquares::new(bounds);
        for (i, one) in columns.iter().enumerate() {
            let product = |other: &[f64]| one.iter().zip(other).zip(&self.weights).map(|((x, y), w)| w * x * y).sum();
            (0..=i).for_each(|j| solver.normal[triangle(i, j)] = [product(&columns[j]); LANES]);
            solver.right[i] = [product(&wanted); LANES];
        }
        solver.solve();
        let sizes: Vec<f64> = solver.solution.iter().map(|x| x[0]).collect();
        let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
        self.design.set_sizes(&mut point, &sizes, &means, &units, response);
        point
    }
}

/// Numbers of the lowest places along one coordinate that are lower than their neighbours.
pub(super) fn valleys(costs: &[f64]) -> Vec<usize> {
    lowest_of(Lattice::new(vec![costs.len()]).low_points(costs), costs, VALLEYS_ALONG)
}

/// A weight for each row from its residual: rows with large residuals count less.
pub(super) fn trust(mut misses: Vec<f64>) -> Vec<f64> {
    misses.iter_mut().for_each(|miss| *miss = miss.abs());
    let usual = median(&misses).max(f64::MIN_POSITIVE);
    misses.iter_mut().for_each(|miss| *miss = usual / miss.max(usual));
    misses
}

/// At most `most` of the given points, by number, best first.
fn lowest_of(mut points: Vec<usize>, costs: &[f64], most: usize) -> Vec<usize> {
    points.retain(|&at| costs[at].is_finite());
    points.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]));
    points.truncate(most);
    points
}

/// The number of the lowest point.
fn lowest(pass: &Pass) -> Option<usize> {
    (0..pass.costs.len()).min_by(|&a, &b| pass.costs[a].total_cmp(&pass.costs[b]))
}

/// The value that a sum should have at a row, in units in which a miss of one is a residual of one.
struct Target {
    value: f64,
    /// Factor of the sum; zero where no value of the sum gives the response.
    slope: f64,
}

fn targets(terms: &Terms, bound: &Bound, point: &[f64]) -> Vec<Target> {
    let Bound { peels, responses, on_log, .. } = bound;
    let targets = terms.targets(peels, point, responses).into_iter().zip(responses);
    targets
        .map(|((sum, slope), y)| {
            let slope = if *on_log { slope / y } else { slope };
            let value = sum * slope;
            if value.is_finite() && slope.is_finite() {
                Target { value, slope }
            } else {
                // Out of reach: the residual is the whole response.
                Target { value: if *on_log { 1.0 } else { *y }, slope: 0.0 }
            }
        })
        .collect()
}

/// Bounds of the size of a part that has none.
const FIXED: (f64, f64) = (1.0, 1.0);

/// The power of two next to the largest value of a column. Products of columns in this unit cannot overflow, as those of
/// e^(k x) over years would, and have the same digits. One where a bound of the size would change with the unit.
fn unit(column: &[f64], bounds: (f64, f64)) -> f64 {
    let largest = column.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let keeps = |bound: f64| bound == 0.0 || bound.is_infinite();
    if largest.is_normal() && keeps(bounds.0) && keeps(bounds.1) {
        f64::from_bits(largest.to_bits() & EXPONENT)
    } else {
        1.0
    }
}

/// The bits of a number that hold its exponent.
const EXPONENT: u64 = 0x7ff0_0000_0000_0000;

/// A column in the units of the targets.
fn scaled<'t>(column: &'t [f64], targets: &'t [Target]) -> impl Iterator<Item = f64> + 't {
    column.iter().zip(targets).map(|(v, t)| if t.slope == 0.0 { 0.0 } else { v * t.slope })
}
