//! Variable projection: a grid over the shapes of a law's terms, their sizes by least squares.
//!
//! On the log scale a residual is nearly (f - y)/y, so everything is taken in units of the response.
//! The grid is gone over twice: the second time rows that the first one misses count less, so that
//! outliers do not choose the valley. The valleys of both are where Newton's method starts.

use crate::law::{BoundPeels, Columns, Law, Parameter, Scale, Terms};
use crate::numerics::{Matrix, exp, ln, mean, median};
use crate::objective::ResponseScale;
use crate::problem::Problem;

/// Points of the grid along each coordinate, by how many are searched.
const POINTS: [usize; 6] = [1, 40, 16, 10, 6, 4];
/// Points of a low-discrepancy set where more are searched than a grid can hold.
const SCATTERED: usize = 1024;
/// Most valleys of one pass that are polished.
const VALLEYS: usize = 8;
/// Points that are spread over the grid.
const SPREAD: usize = 48;
/// Share of the response that a term starts with where least squares would leave it out.
const TRACE: f64 = 1e-3;

/// Best sizes at one point of the grid, and the sum of squares they leave.
#[derive(Clone, Debug)]
struct Node {
    sizes: Vec<f64>,
    cost: f64,
}

/// Coordinates that are searched together, and the values they take.
struct Dimension {
    coordinates: Vec<usize>,
    values: Vec<Vec<f64>>,
}

/// What the terms need of the data.
struct Bound {
    peels: BoundPeels,
    terms: Vec<Columns>,
    offset: Option<Columns>,
    responses: Vec<f64>,
    on_log: bool,
}

/// Something with one value per row at every combination of some dimensions.
struct Part {
    /// The dimensions it depends on.
    places: Vec<usize>,
    /// A column per combination, the first place running fastest.
    columns: Vec<Vec<f64>>,
}

/// A grid over what is searched, with the best sizes at every point.
pub(super) struct Grid<'a> {
    problem: &'a Problem,
    terms: &'a Terms,
    bound: Bound,
    dimensions: Vec<Dimension>,
    lengths: Vec<usize>,
    /// The terms, then what their sum should be, then what no size can change, where there is any.
    parts: Vec<Part>,
    weights: Vec<f64>,
    /// The first pass.
    nodes: Vec<Node>,
}

impl<'a> Grid<'a> {
    /// The grid of a law's terms.
    pub(super) fn new(problem: &'a Problem, law: &Law, terms: &'a Terms) -> Self {
        let searched = terms.searched();
        let free = law.free();
        let dimensions = match POINTS.get(searched.len()) {
            Some(&count) => searched
                .iter()
                .map(|&j| Dimension {
                    coordinates: vec![j],
                    values: along(free[j], count).into_iter().map(|x| vec![x]).collect(),
                })
                .collect(),
            None => vec![Dimension {
                values: super::scatter::points(searched.len(), SCATTERED)
                    .map(|shares| searched.iter().zip(shares).map(|(&j, s)| coordinate_at(free[j], s)).collect())
                    .collect(),
                coordinates: searched,
            }],
        };
        let (variables, rows) = (problem.variables(), problem.rows());
        let on_log = problem.objective().scale() == ResponseScale::Log;
        let bound = Bound {
            peels: terms.bind(&variables, rows),
            terms: terms.terms().iter().map(|term| term.tape().bind(&variables, rows)).collect(),
            offset: terms.offset().map(|offset| offset.tape.bind(&variables, rows)),
            responses: problem.responses().map(|y| if on_log { exp(y) } else { y }).collect(),
            on_log,
        };
        let mut grid = Self {
            problem,
            terms,
            bound,
            lengths: dimensions.iter().map(|d| d.values.len()).collect(),
            dimensions,
            parts: Vec::new(),
            weights: problem.weights().collect(),
            nodes: Vec::new(),
        };
        grid.parts = grid.all_parts();
        grid.nodes = grid.pass(&vec![1.0; problem.rows()]);
        grid
    }

    /// Number of points.
    pub(super) const fn points(&self) -> usize {
        self.nodes.len()
    }

    fn all_parts(&self) -> Vec<Part> {
        let terms = self.terms;
        let outer = self.places_of(terms.outer());
        let targets: Vec<Vec<Target>> =
            self.points_of(&outer).map(|point| targets(terms, &self.bound, &point)).collect();
        // A part depends on its own coordinates and on those that decide what the sum should be.
        let part = |shape: &[usize], evaluate: &dyn Fn(&mut [f64]) -> Vec<f64>| {
            let own = [shape, terms.outer()].concat();
            let places = self.places_of(&own);
            let columns = combinations(&self.lengths_of(&places))
                .map(|chosen| {
                    let mut index = vec![0; self.lengths.len()];
                    places.iter().zip(&chosen).for_each(|(&place, &i)| index[place] = i);
                    let column = evaluate(&mut self.coordinates(&index));
                    let targets = &targets[self.number(&outer, &index)];
                    column.iter().zip(targets).map(|(v, t)| if t.slope == 0.0 { 0.0 } else { v * t.slope }).collect()
                })
                .collect();
            Part { places, columns }
        };
        let mut parts: Vec<Part> = Vec::new();
        for (term, bound) in terms.terms().iter().zip(&self.bound.terms) {
            parts.push(part(&term.shape, &|point| term.column(bound, point)));
        }
        let wanted = targets.iter().map(|column| column.iter().map(|t| t.value).collect()).collect();
        parts.push(Part { places: outer.clone(), columns: wanted });
        if let (Some(offset), Some(bound)) = (terms.offset(), &self.bound.offset) {
            parts.push(part(&offset.shape, &|point| offset.tape.values(bound, point)));
        }
        parts
    }

    /// The dimensions that hold any of some coordinates.
    fn places_of(&self, coordinates: &[usize]) -> Vec<usize> {
        let holds = |dimension: &Dimension| dimension.coordinates.iter().any(|j| coordinates.contains(j));
        (0..self.dimensions.len()).filter(|&i| holds(&self.dimensions[i])).collect()
    }

    /// The coordinates at an index of the grid, those of sizes zero.
    fn coordinates(&self, index: &[usize]) -> Vec<f64> {
        let mut point = vec![0.0; self.problem.size()];
        for (dimension, &i) in self.dimensions.iter().zip(index) {
            dimension.coordinates.iter().zip(&dimension.values[i]).for_each(|(&j, &x)| point[j] = x);
        }
        point
    }

    /// The coordinates at every combination of some dimensions, the others at their first value.
    fn points_of(&self, places: &[usize]) -> impl Iterator<Item = Vec<f64>> {
        combinations(&self.lengths_of(places)).map(move |chosen| {
            let mut index = vec![0; self.lengths.len()];
            places.iter().zip(&chosen).for_each(|(&place, &i)| index[place] = i);
            self.coordinates(&index)
        })
    }

    /// Points from which to polish: the valleys of both passes, best first.
    pub(super) fn valleys(&self) -> Vec<Vec<f64>> {
        let best = (0..self.nodes.len()).min_by(|&a, &b| self.nodes[a].cost.total_cmp(&self.nodes[b].cost));
        let Some(best) = best else { return Vec::new() };
        let second = self.pass(&self.trust(best, &self.nodes[best]));
        let (trusted, plain) = (self.low_points(&second), self.low_points(&self.nodes));
        let all: Vec<Vec<usize>> = combinations(&self.lengths).collect();
        // Where both passes have a valley at one point, it is polished once.
        let once = plain.into_iter().filter(|at| !trusted.contains(at)).map(|at| (at, &self.nodes));
        let chosen: Vec<(usize, &Vec<Node>)> = trusted.iter().map(|&at| (at, &second)).chain(once).collect();
        chosen.into_iter().map(|(at, nodes)| self.point(&all[at], &nodes[at].sizes)).collect()
    }

    fn lengths_of(&self, places: &[usize]) -> Vec<usize> {
        places.iter().map(|&i| self.lengths[i]).collect()
    }

    /// The number of a combination among those of some places.
    fn number(&self, places: &[usize], index: &[usize]) -> usize {
        places.iter().rev().fold(0, |number, &i| number * self.lengths[i] + index[i])
    }

    fn column(&self, part: usize, index: &[usize]) -> &[f64] {
        let part = &self.parts[part];
        &part.columns[self.number(&part.places, index)]
    }

    /// Solves for the sizes at every point, rows weighted by `trust`.
    fn pass(&self, trust: &[f64]) -> Vec<Node> {
        let weights: Vec<f64> = self.weights.iter().zip(trust).map(|(w, t)| w * t).collect();
        let products = self.products(&weights);
        let bounds = self.bounds();
        combinations(&self.lengths).map(|index| self.solve(&index, &products, &bounds)).collect()
    }

    /// The product of each pair of parts at every combination of the places that either depends on.
    fn products(&self, weights: &[f64]) -> Vec<Vec<(Vec<usize>, Vec<f64>)>> {
        let full = |places: &[usize], chosen: &[usize]| {
            let mut index = vec![0; self.lengths.len()];
            places.iter().zip(chosen).for_each(|(&place, &i)| index[place] = i);
            index
        };
        (0..self.parts.len())
            .map(|i| {
                (0..=i)
                    .map(|j| {
                        let either = |place: &usize| {
                            self.parts[i].places.contains(place) || self.parts[j].places.contains(place)
                        };
                        let places: Vec<usize> = (0..self.lengths.len()).filter(either).collect();
                        let values = combinations(&self.lengths_of(&places))
                            .map(|chosen| {
                                let index = full(&places, &chosen);
                                product(weights, self.column(i, &index), self.column(j, &index))
                            })
                            .collect();
                        (places, values)
                    })
                    .collect()
            })
            .collect()
    }

    /// Bounds of the sizes: a positive term has no other than zero.
    fn bounds(&self) -> Vec<(f64, f64)> {
        let bounds = self.terms.terms().iter().map(|term| {
            let c = self.problem.coordinates()[term.size];
            if term.is_positive() { (0.0, f64::INFINITY) } else { (c.lower, c.upper) }
        });
        bounds.collect()
    }

    fn solve(&self, index: &[usize], products: &[Vec<(Vec<usize>, Vec<f64>)>], bounds: &[(f64, f64)]) -> Node {
        let at = |i: usize, j: usize| {
            let (places, values) = &products[i.max(j)][i.min(j)];
            values[self.number(places, index)]
        };
        let p = self.terms.terms().len();
        let (response, offset) = (p, (self.parts.len() > p + 1).then_some(p + 1));
        let mut normal = Matrix::zeros(p);
        for i in 0..p {
            for j in 0..=i {
                let product = at(i, j);
                (normal[(i, j)], normal[(j, i)]) = (product, product);
            }
        }
        let right: Vec<f64> = (0..p).map(|i| at(i, response) - offset.map_or(0.0, |o| at(i, o))).collect();
        let square = at(response, response) + offset.map_or(0.0, |o| at(o, o) - 2.0 * at(o, response));
        let sizes = bounded_least_squares(&normal, &right, bounds);
        let quadratic: f64 = (0..p).map(|i| sizes[i] * (0..p).map(|j| normal[(i, j)] * sizes[j]).sum::<f64>()).sum();
        let cost = square + quadratic - 2.0 * (0..p).map(|i| sizes[i] * right[i]).sum::<f64>();
        Node { sizes, cost: if cost.is_finite() { cost } else { f64::INFINITY } }
    }

    /// How far each row is to be believed: less the more a point of the grid misses it.
    fn trust(&self, at: usize, node: &Node) -> Vec<f64> {
        let Some(index) = combinations(&self.lengths).nth(at) else { return vec![1.0; self.weights.len()] };
        let p = node.sizes.len();
        let misses: Vec<f64> = (0..self.weights.len())
            .map(|row| {
                let terms: f64 = (0..p).map(|i| node.sizes[i] * self.column(i, &index)[row]).sum();
                let offset = if self.parts.len() > p + 1 { self.column(p + 1, &index)[row] } else { 0.0 };
                (terms + offset - self.column(p, &index)[row]).abs()
            })
            .collect();
        let usual = median(&misses).max(1e-12);
        misses.into_iter().map(|miss| usual / miss.max(usual)).collect()
    }

    /// The numbers of the points that are lower than their neighbours, best first; of a scattered set,
    /// which has no neighbours, those of the lowest.
    fn low_points(&self, nodes: &[Node]) -> Vec<usize> {
        let all: Vec<Vec<usize>> = combinations(&self.lengths).collect();
        let scattered = self.dimensions.iter().any(|d| d.coordinates.len() > 1);
        let is_low = |at: usize| {
            let mut stride = 1;
            nodes[at].cost.is_finite()
                && (scattered
                    || self.lengths.iter().zip(&all[at]).all(|(&length, &i)| {
                        let below = i == 0 || nodes[at - stride].cost >= nodes[at].cost;
                        let above = i + 1 == length || nodes[at + stride].cost >= nodes[at].cost;
                        stride *= length;
                        below && above
                    }))
        };
        let mut low: Vec<usize> = (0..nodes.len()).filter(|&at| is_low(at)).collect();
        low.sort_by(|&a, &b| nodes[a].cost.total_cmp(&nodes[b].cost));
        low.truncate(VALLEYS);
        low
    }

    /// Points spread evenly over the grid, for when the valleys do not agree.
    pub(super) fn spread(&self) -> Vec<Vec<f64>> {
        // A step that shares no factor with the lengths meets every row and column of the grid.
        let step = self.nodes.len().div_ceil(SPREAD) | 1;
        combinations(&self.lengths)
            .zip(&self.nodes)
            .step_by(step)
            .map(|(index, node)| self.point(&index, &node.sizes))
            .collect()
    }

    /// The point at which what is searched is as it is and the sizes are the best for that.
    pub(super) fn resized(&self, point: &[f64]) -> Vec<f64> {
        let mut point = point.to_vec();
        let targets = targets(self.terms, &self.bound, &point);
        let scaled = |column: Vec<f64>| -> Vec<f64> {
            column.iter().zip(&targets).map(|(v, t)| if t.slope == 0.0 { 0.0 } else { v * t.slope }).collect()
        };
        let terms = self.terms.terms().iter().zip(&self.bound.terms);
        let columns: Vec<Vec<f64>> = terms.map(|(term, bound)| scaled(term.column(bound, &mut point))).collect();
        let mut wanted: Vec<f64> = targets.iter().map(|t| t.value).collect();
        let response = mean(&wanted).abs();
        if let (Some(offset), Some(bound)) = (self.terms.offset(), &self.bound.offset) {
            let column = scaled(offset.tape.values(bound, &point));
            wanted.iter_mut().zip(column).for_each(|(w, o)| *w -= o);
        }
        let mut normal = Matrix::zeros(columns.len());
        for (i, one) in columns.iter().enumerate() {
            for (j, other) in columns.iter().enumerate() {
                normal[(i, j)] = product(&self.weights, one, other);
            }
        }
        let right: Vec<f64> = columns.iter().map(|column| product(&self.weights, column, &wanted)).collect();
        let sizes = bounded_least_squares(&normal, &right, &self.bounds());
        let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
        self.set_sizes(&mut point, &sizes, &means, response);
        point
    }

    /// The coordinates of a point of the grid with its sizes.
    fn point(&self, index: &[usize], sizes: &[f64]) -> Vec<f64> {
        let mut point = self.coordinates(index);
        let means: Vec<f64> = (0..sizes.len()).map(|i| mean(self.column(i, index))).collect();
        self.set_sizes(&mut point, sizes, &means, mean(self.column(sizes.len(), index)).abs());
        point
    }

    /// Gives the terms of a point their sizes; `means` are those of their columns for size one.
    fn set_sizes(&self, point: &mut [f64], sizes: &[f64], means: &[f64], response: f64) {
        for (i, (term, &size)) in self.terms.terms().iter().zip(sizes).enumerate() {
            // On a log scale nothing is infinitely far away; a trace of the response is a start.
            let trace = TRACE * response / means[i].abs();
            let size = if term.is_positive() && size < trace { trace } else { size };
            let c = self.problem.coordinates()[term.size];
            point[term.size] = term.coordinate(size, point).unwrap_or(c.lower).clamp(c.lower, c.upper);
        }
    }
}

/// What a sum should be at a row, in units in which a miss of one is a residual of one.
struct Target {
    value: f64,
    /// What the sum is multiplied by; zero where no value of the sum gives the response.
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
                // Out of reach: missed by the whole response.
                Target { value: if *on_log { 1.0 } else { *y }, slope: 0.0 }
            }
        })
        .collect()
}

/// The weighted product of two columns, in eight partial sums.
fn product(weights: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = weights.chunks_exact(8).zip(a.chunks_exact(8)).zip(b.chunks_exact(8));
    for ((w, a), b) in chunks {
        for l in 0..8 {
            lanes[l] += w[l] * a[l] * b[l];
        }
    }
    let tail = weights.len() / 8 * 8;
    let rest: f64 = (tail..weights.len()).map(|i| weights[i] * a[i] * b[i]).sum();
    lanes.iter().sum::<f64>() + rest
}

/// A trace of damping keeps columns that nearly coincide solvable.
const DAMPING: f64 = 1e-10;

/// Minimises x'Nx/2 - r'x within bounds: solve, hold the coordinate that leaves its bounds furthest, repeat.
fn bounded_least_squares(normal: &Matrix, right: &[f64], bounds: &[(f64, f64)]) -> Vec<f64> {
    let p = right.len();
    // Most often no bound is met.
    let mut damped = normal.clone();
    (0..p).for_each(|i| damped[(i, i)] *= 1.0 + DAMPING);
    if let Some(factor) = damped.cholesky() {
        let x = factor.solve_factored(right);
        if x.iter().zip(bounds).all(|(x, (lower, upper))| lower <= x && x <= upper) {
            return x;
        }
    }
    let mut x: Vec<f64> = bounds.iter().map(|&(lower, upper)| 0.0_f64.clamp(lower, upper)).collect();
    let mut free: Vec<usize> = (0..p).collect();
    while !free.is_empty() {
        let rest: Vec<f64> = free
            .iter()
            .map(|&i| right[i] - (0..p).filter(|j| !free.contains(j)).map(|j| normal[(i, j)] * x[j]).sum::<f64>())
            .collect();
        let mut minor = normal.minor(&free);
        for i in 0..free.len() {
            minor[(i, i)] *= 1.0 + DAMPING;
        }
        let Some(factor) = minor.cholesky() else { break };
        let solved = factor.solve_factored(&rest);
        let outside = free
            .iter()
            .zip(&solved)
            .map(|(&i, &v)| (i, (bounds[i].0 - v).max(v - bounds[i].1) * normal[(i, i)].sqrt(), v))
            .filter(|(_, excess, _)| *excess > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, _, value)) = outside {
            x[i] = value.clamp(bounds[i].0, bounds[i].1);
            free.retain(|&j| j != i);
        } else {
            free.iter().zip(solved).for_each(|(&i, v)| x[i] = v);
            break;
        }
    }
    x
}

/// Every index of a grid, the first coordinate running fastest.
fn combinations(lengths: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let lengths = lengths.to_vec();
    let total: usize = lengths.iter().product();
    (0..total).map(move |mut at| {
        let mut index = Vec::with_capacity(lengths.len());
        for length in &lengths {
            index.push(at % length);
            at /= length;
        }
        index
    })
}

/// Values of a coordinate to try: from one end of its span to the other, and its bounds beyond that,
/// where an exponent goes whose term the rows do not want.
pub(super) fn along(parameter: &Parameter, count: usize) -> Vec<f64> {
    let last = (count.max(2) - 1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| coordinate_at(parameter, i as f64 / last)).collect();
    if parameter.scale == Scale::Linear {
        // At an exponent of nothing a term has no size.
        let least = if parameter.lower == 0.0 { LEAST } else { parameter.lower };
        let (first, last) = (values[0], values[values.len() - 1]);
        if least.is_finite() && least < first {
            values.insert(0, least);
        }
        if parameter.upper.is_finite() && parameter.upper > last {
            values.push(parameter.upper);
        }
    }
    values
}

/// The least exponent that is tried: where a power is nearly a logarithm.
const LEAST: f64 = 1e-4;

/// The coordinate at a share of the span in which a parameter is sought: that of its starts and somewhat
/// more, within its bounds; even in the logarithm where the starts are positive.
pub(super) fn coordinate_at(parameter: &Parameter, share: f64) -> f64 {
    let finite = parameter.start.iter().copied().filter(|s| s.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)));
    let (low, high) = if low > high { (parameter.lower.max(-10.0), parameter.upper.min(10.0)) } else { (low, high) };
    if parameter.scale == Scale::Log {
        let (low, high) = (ln(low) - 2.0, ln(high) + 2.0);
        return low + share * (high - low);
    }
    if low > 0.0 {
        let low = (low / 20.0).max(parameter.lower).max(LEAST);
        let high = (high * 2.0).min(parameter.upper);
        return low * exp(share * ln(high / low));
    }
    let margin = 0.25 * (high - low).abs().max(1e-6);
    let (low, high) = ((low - margin).max(parameter.lower), (high + margin).min(parameter.upper));
    low + share * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_parameters_are_solved_within_their_bounds() {
        let mut normal = Matrix::zeros(2);
        normal.cells_mut().copy_from_slice(&[2.0, 0.0, 0.0, 1.0]);
        let free = (f64::NEG_INFINITY, f64::INFINITY);
        assert!((bounded_least_squares(&normal, &[4.0, -3.0], &[free, free])[1] + 3.0).abs() < 1e-6);
        assert_eq!(bounded_least_squares(&normal, &[4.0, -3.0], &[free, (0.0, 1.0)])[1], 0.0);
    }
}
