//! A law, its rows and an objective: the function of the free parameters that a solver minimises.
//!
//! A problem has one block of rows, or several whose laws share some of their parameters.

mod block;
mod centred;
mod coordinate;
mod variances;

use std::sync::Arc;

pub use centred::CentredProblem;
pub use coordinate::Coordinate;

use crate::law::{Law, Order, Sums, Wanted, Workspace};
use crate::numerics::{Matrix, exp, triangle};
use crate::objective::{Link, Objective, ResponseScale};
use block::{Block, padded};

/// Largest residual of noise-free rows, relative to the responses.
const EXACT: f64 = 1e-11;
/// Largest change of a law's value by rounding, as a share of the value (or of the largest response) that still counts as
/// resolved.
const RESOLVED: f64 = 1e-8;

/// An objective over rows, as a function of coordinates.
#[derive(Clone, Debug)]
pub struct Problem {
    blocks: Vec<Arc<Block>>,
    /// For each block, the index in the problem of each coordinate of the block's law.
    places: Vec<Vec<usize>>,
    coordinates: Arc<[Coordinate]>,
    objective: Objective,
    /// Weights of the rows by block, padded with zeros to whole lanes.
    weights: Vec<Vec<f64>>,
    /// Prior of each coordinate; empty where there is none.
    pulls: Arc<[Pull]>,
}

/// A normal prior of a coordinate: adds `strength (x - centre)^2` to the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pull {
    /// The most probable value under the prior.
    pub centre: f64,
    /// Factor of the squared distance from the centre.
    pub strength: f64,
}

/// The objective and its derivatives by the coordinates at a point.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Sums over all rows; the cost is not finite where the law is not finite.
    pub sums: Sums,
    /// Scratch space for the sums of one block.
    part: Sums,
}

impl Evaluation {
    /// The objective.
    pub const fn cost(&self) -> f64 {
        self.sums.cost
    }

    /// Whether the objective and its derivatives are finite.
    pub fn is_finite(&self) -> bool {
        self.sums.cost.is_finite() && self.sums.gradient.iter().chain(&self.sums.hessian).all(|v| v.is_finite())
    }

    /// The Hessian as a matrix.
    pub fn hessian_matrix(&self) -> Matrix {
        let all: Vec<usize> = (0..self.sums.gradient.len()).collect();
        self.hessian_of(&all)
    }

    /// The Hessian of some of the coordinates as a matrix.
    pub fn hessian_of(&self, coordinates: &[usize]) -> Matrix {
        let mut matrix = Matrix::zeros(coordinates.len());
        for (row, &j) in coordinates.iter().enumerate() {
            for (column, &k) in coordinates.iter().enumerate().take(row + 1) {
                let cell = self.sums.hessian[triangle(j, k)];
                matrix[(row, column)] = cell;
                matrix[(column, row)] = cell;
            }
        }
        matrix
    }
}

impl Problem {
    /// A problem over rows. `variables[i]` holds variable `i` of the law; `response` holds the response.
    pub fn new(
        law: &Law,
        objective: &Objective,
        variables: &[&[f64]],
        response: &[f64],
        weights: Option<&[f64]>,
    ) -> Self {
        let rows = response.len();
        let on_log = objective.scale() == ResponseScale::Log;
        let (tape, as_exponent) = law.coordinate_tape(on_log);
        let coordinates: Vec<Coordinate> = law.free().into_iter().map(Coordinate::of_parameter).collect();
        let link = if on_log && !as_exponent { Link::Log } else { Link::Same };
        let block = Block::new(Arc::new(tape), link, objective.scale(), variables, response);
        Self {
            blocks: vec![Arc::new(block)],
            places: vec![(0..coordinates.len()).collect()],
            coordinates: coordinates.into(),
            objective: objective.clone(),
            weights: vec![padded(rows, |row| weights.map_or(1.0, |w| w[row]))],
            pulls: Arc::new([]),
        }
    }

    /// The same law and objective over other rows. The problem must have one block.
    #[must_use]
    pub fn over(&self, variables: &[&[f64]], response: &[f64], weights: &[f64]) -> Self {
        let (like, rows) = (&self.blocks[0], response.len());
        let block = Block::new(Arc::clone(&like.tape), like.link, self.objective.scale(), variables, response);
        Self { blocks: vec![Arc::new(block)], weights: vec![padded(rows, |row| weights[row])], ..self.clone() }
    }

    /// The same problem with a normal prior for each coordinate.
    #[must_use]
    pub fn with_pulls(&self, pulls: &[Pull]) -> Self {
        Self { pulls: pulls.into(), ..self.clone() }
    }

    /// The same problem with residuals in units of the noise: `noise` holds the standard deviation of each response.
    ///
    /// On the log scale the standard deviation of ln y is taken as noise / y.
    #[must_use]
    pub fn with_noise(mut self, noise: &[f64]) -> Self {
        let on_log = self.objective.scale() == ResponseScale::Log;
        let mut from = 0;
        for block in &mut self.blocks {
            let rows = block.columns.rows();
            let noise = &noise[from..from + rows];
            from += rows;
            let precision = |row: usize| if on_log { exp(block.responses[row]) / noise[row] } else { 1.0 / noise[row] };
            let precisions = padded(rows, precision);
            if let Some(block) = Arc::get_mut(block) {
                block.precisions = precisions;
            }
        }
        self
    }

    /// Joins several problems over the same law into one. The parameters at the indices `shared` are common to all
    /// problems; each problem keeps its own copy of the others. The coordinates are those of the first problem,
    /// followed by the own coordinates of the other problems.
    pub fn joint(problems: &[Self], shared: &[usize]) -> Self {
        let mut coordinates: Vec<Coordinate> = Vec::new();
        let mut all: Vec<Vec<usize>> = Vec::new();
        for problem in problems {
            let places = (0..problem.size())
                .map(|j| match all.first() {
                    Some(first) if shared.contains(&j) => first[j],
                    _ => {
                        coordinates.push(problem.coordinates[j]);
                        coordinates.len() - 1
                    }
                })
                .collect();
            all.push(places);
        }
        Self {
            blocks: problems.iter().flat_map(|p| p.blocks.iter().cloned()).collect(),
            places: all,
            coordinates: coordinates.into(),
            objective: problems.first().map_or_else(Objective::default, |p| p.objective.clone()),
            weights: problems.iter().flat_map(|p| p.weights.iter().cloned()).collect(),
            pulls: Arc::new([]),
        }
    }

    /// The problem of one block.
    #[must_use]
    pub fn block(&self, block: usize) -> Self {
        let places = &self.places[block];
        Self {
            blocks: vec![Arc::clone(&self.blocks[block])],
            places: vec![(0..places.len()).collect()],
            coordinates: places.iter().map(|&place| self.coordinates[place]).collect(),
            objective: self.objective.clone(),
            weights: vec![self.weights[block].clone()],
            pulls: places.iter().filter_map(|&place| self.pulls.get(place).copied()).collect(),
        }
    }

    /// The same problem with some coordinates held at the given values.
    #[must_use]
    pub fn holding(&self, held: &[(usize, f64)]) -> Self {
        let mut coordinates = self.coordinates.to_vec();
        for &(j, value) in held {
            (coordinates[j].lower, coordinates[j].upper) = (value, value);
        }
        Self { coordinates: coordinates.into(), ..self.clone() }
    }

    /// For each block, the index in the problem of each coordinate of the block's law.
    pub fn places(&self) -> &[Vec<usize>] {
        &self.places
    }

    /// The coordinates of one block's law at a point of the problem.
    pub fn point_of_block(&self, block: usize, point: &[f64]) -> Vec<f64> {
        self.places[block].iter().map(|&place| point[place]).collect()
    }

    /// Number of rows of each block.
    pub fn block_rows(&self) -> Vec<usize> {
        self.blocks.iter().map(|block| block.columns.rows()).collect()
    }

    /// The same problem with other row weights.
    #[must_use]
    pub fn reweighted(&self, weights: &[f64]) -> Self {
        let mut from = 0;
        let weights = self
            .block_rows()
            .into_iter()
            .map(|rows| {
                from += rows;
                padded(rows, |row| weights[from - rows + row])
            })
            .collect();
        Self { weights, ..self.clone() }
    }

    /// The same problem with responses chosen so that the law has the given residuals at `point`.
    #[must_use]
    pub fn missed_by(&self, point: &[f64], residuals: &[f64]) -> Self {
        let mut from = 0;
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| {
            let rows = block.columns.rows();
            let wanted = &residuals[from..from + rows];
            from += rows;
            let now = block.residuals(&self.point_of_block(index, point));
            let response = |row: usize| block.responses[row] + (now[row] - wanted[row]) / block.precision(row);
            Arc::new(Block { responses: padded(rows, response), ..block.as_ref().clone() })
        });
        Self { blocks: blocks.collect(), ..self.clone() }
    }

    /// The same problem with another objective on the same scale.
    #[must_use]
    pub fn minimising(&self, objective: Objective) -> Self {
        Self { objective, ..self.clone() }
    }

    /// A least-squares problem over the same rows with other weights.
    #[must_use]
    pub fn squared(&self, weights: &[f64]) -> Self {
        let on = self.objective.scale();
        self.minimising(Objective::least_squares(on)).reweighted(weights)
    }

    /// The same problem over the rows at `chosen`. The problem must have one block.
    #[must_use]
    pub fn of_rows(&self, chosen: &[usize]) -> Self {
        let weights = padded(chosen.len(), |row| self.weights[0][chosen[row]]);
        Self { blocks: vec![Arc::new(self.blocks[0].of_rows(chosen))], weights: vec![weights], ..self.clone() }
    }

    /// The same problem without the rows of weight zero, which are a third of the rows in a bootstrap.
    ///
    /// A block in which every weight is zero is left unchanged.
    #[must_use]
    pub fn without_idle_rows(&self) -> Self {
        let (mut blocks, mut all_weights) = (Vec::new(), Vec::new());
        for (block, weights) in self.blocks.iter().zip(&self.weights) {
            let rows = block.columns.rows();
            let busy: Vec<usize> = (0..rows).filter(|&row| weights[row] != 0.0).collect();
            if busy.is_empty() || busy.len() == rows {
                blocks.push(Arc::clone(block));
                all_weights.push(weights.clone());
            } else {
                blocks.push(Arc::new(block.of_rows(&busy)));
                all_weights.push(padded(busy.len(), |row| weights[busy[row]]));
            }
        }
        Self { blocks, weights: all_weights, ..self.clone() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.blocks.iter().map(|block| block.columns.rows()).sum()
    }

    /// Number of free parameters.
    pub fn size(&self) -> usize {
        self.coordinates.len()
    }

    /// The coordinates, in the order of the free parameters.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.coordinates
    }

    /// The parameters at a point.
    pub fn parameters(&self, point: &[f64]) -> Vec<f64> {
        self.coordinates.iter().zip(point).map(|(c, &x)| c.parameter(x)).collect()
    }

    /// The values of each variable of the law by row, for the first block.
    pub fn variables(&self) -> Vec<&[f64]> {
        self.blocks.first().map_or_else(Vec::new, |block| block.variables.iter().map(Vec::as_slice).collect())
    }

    /// The values of each variable of the law by row, for all blocks.
    pub fn columns(&self) -> Vec<Vec<f64>> {
        let count = self.blocks.first().map_or(0, |block| block.variables.len());
        let of_variable = |variable: usize| {
            let of_block = |block: &Arc<Block>| block.variables[variable][..block.columns.rows()].to_vec();
            self.blocks.iter().flat_map(of_block).collect()
        };
        (0..count).map(of_variable).collect()
    }

    /// The residual of each row on the objective's scale, in units of the noise where the noise is known.
    pub fn residuals(&self, point: &[f64]) -> Vec<f64> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(index, block)| block.residuals(&self.point_of_block(index, point))).collect()
    }

    /// The residual of each row on the objective's scale, without division by the noise.
    pub fn unscaled_residuals(&self, point: &[f64]) -> Vec<f64> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(index, block)| block.unscaled_residuals(&self.point_of_block(index, point))).collect()
    }

    /// The size of a residual as large as the largest response.
    pub fn unit(&self) -> f64 {
        match self.objective.scale() {
            ResponseScale::Log => 1.0,
            ResponseScale::Raw => self.responses().map(f64::abs).fold(0.0, f64::max),
        }
    }

    /// Whether every residual is within rounding error. No other point can then have a lower objective.
    pub fn is_exact(&self, point: &[f64]) -> bool {
        let residuals = self.unscaled_residuals(point);
        let largest = self.unit();
        // A residual that is no number is not small.
        let is_small = |residual: &f64| residual.abs() <= EXACT * largest;
        !residuals.is_empty() && self.pulls.is_empty() && residuals.iter().all(is_small)
    }

    /// Whether the law's values at a point are more than rounding error. At a sample of rows, the values must keep
    /// eight digits when every operation is rounded differently.
    ///
    /// An example that fails is E + (M - E) s / (1 + s) with E = 1e15 and responses near 2: the difference of the two
    /// large terms is noise, which a search could mistake for a fit.
    pub fn is_resolved(&self, point: &[f64]) -> bool {
        self.is_resolved_to(point, RESOLVED)
    }

    /// Whether rounding changes the law's values at a point by at most a share of each value, or of the largest response
    /// where residuals are those of the response itself.
    pub fn is_resolved_to(&self, point: &[f64], share: f64) -> bool {
        let largest = match self.objective.scale() {
            ResponseScale::Log => None,
            ResponseScale::Raw => Some(self.unit()),
        };
        let mut blocks = self.blocks.iter().enumerate();
        blocks.all(|(index, block)| block.is_resolved(&self.point_of_block(index, point), share, largest))
    }

    /// The derivatives of each row's residual by the coordinates, in units of the noise where the noise is known.
    pub fn jacobian(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let mut all = Vec::with_capacity(self.rows());
        for (index, block) in self.blocks.iter().enumerate() {
            let own = self.point_of_block(index, point);
            for (row, (value, gradient)) in block.tape.rows(&block.columns, &own).into_iter().enumerate() {
                let outer = block.precision(row) * if block.link == Link::Log { 1.0 / value } else { 1.0 };
                let mut slopes = vec![0.0; self.size()];
                self.places[index].iter().zip(gradient).for_each(|(&place, g)| slopes[place] += g * outer);
                all.push(slopes);
            }
        }
        all
    }

    /// The contribution of each row to the gradient, by the coordinates.
    pub fn scores(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let slopes = self.residuals(point).into_iter().zip(self.weights()).map(|(r, w)| w * self.objective.slopes(r).0);
        let times = |(mut row, slope): (Vec<f64>, f64)| {
            row.iter_mut().for_each(|g| *g *= slope);
            row
        };
        self.jacobian(point).into_iter().zip(slopes).map(times).collect()
    }

    /// The same problem without bounds on its coordinates; held coordinates stay held.
    #[must_use]
    pub fn unbounded(&self) -> Self {
        let coordinates = self.coordinates.iter().map(|c| c.unbounded());
        Self { coordinates: coordinates.collect(), ..self.clone() }
    }

    /// The same problem with the bounds of `other`, which has the same law.
    #[must_use]
    pub fn bounded_as(&self, other: &Self) -> Self {
        Self { coordinates: Arc::clone(&other.coordinates), ..self.clone() }
    }

    /// The objective.
    pub const fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The rows' weights.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.blocks.iter().zip(&self.weights).flat_map(|(block, all)| all.iter().copied().take(block.columns.rows()))
    }

    /// The responses; on the log scale, their logarithms.
    pub fn responses(&self) -> impl Iterator<Item = f64> {
        self.blocks.iter().flat_map(|block| block.responses.iter().copied().take(block.columns.rows()))
    }

    /// Evaluates the objective at a point, with the derivatives that `wanted` asks for.
    pub fn evaluate(&self, point: &[f64], wanted: impl Into<Wanted>, workspace: &mut Workspace, out: &mut Evaluation) {
        let wanted = wanted.into();
        if let ([block], [weights]) = (&self.blocks[..], &self.weights[..]) {
            block.evaluate(&self.objective, weights, point, wanted, workspace, &mut out.sums);
            self.add_pulls(point, &mut out.sums);
            return;
        }
        let (p, Wanted { order, most }) = (self.size(), wanted);
        let Evaluation { sums, part } = out;
        sums.cost = 0.0;
        sums.gradient.clear();
        sums.gradient.resize(if order >= Order::Gradient { p } else { 0 }, 0.0);
        sums.hessian.clear();
        sums.hessian.resize(if order >= Order::GaussNewton { triangle(p, 0) } else { 0 }, 0.0);
        for (index, (block, weights)) in self.blocks.iter().zip(&self.weights).enumerate() {
            let own = self.point_of_block(index, point);
            block.evaluate(&self.objective, weights, &own, order.below(most - sums.cost), workspace, part);
            sums.cost += part.cost;
            let places = &self.places[index];
            for (&place, g) in places.iter().zip(&part.gradient) {
                sums.gradient[place] += g;
            }
            for (row, &to_row) in places.iter().enumerate() {
                for (column, &to_column) in places.iter().enumerate().take(row + 1) {
                    if let Some(cell) = part.hessian.get(triangle(row, column)) {
                        sums.hessian[triangle(to_row, to_column)] += cell;
                    }
                }
            }
        }
        self.add_pulls(point, sums);
    }

    fn add_pulls(&self, point: &[f64], sums: &mut Sums) {
        for (j, (Pull { centre, strength }, x)) in self.pulls.iter().zip(point).enumerate() {
            sums.cost += strength * (x - centre) * (x - centre);
            if let Some(slope) = sums.gradient.get_mut(j) {
                *slope += 2.0 * strength * (x - centre);
            }
            if let Some(curvature) = sums.hessian.get_mut(triangle(j, j)) {
                *curvature += 2.0 * strength;
            }
        }
    }

    /// The objective at a point, without derivatives.
    pub fn cost(&self, point: &[f64]) -> f64 {
        self.evaluation(point, Order::Value).cost()
    }

    /// The objective at a point with the derivatives that `wanted` asks for, in newly allocated memory.
    pub fn evaluation(&self, point: &[f64], wanted: impl Into<Wanted>) -> Evaluation {
        let mut out = Evaluation::default();
        self.evaluate(point, wanted, &mut Workspace::default(), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Variable, find};
    use crate::numerics::{Random, ln};

    /// Two groups of 300 rows, so that each spans more than one block of the tape.
    fn two_groups() -> Problem {
        let law = find("hoffmann").unwrap().law().unwrap();
        let groups: Vec<Problem> = (0..2)
            .map(|group| {
                let mut random = Random::new(2, "groups", group);
                let mut drawn = |middle: f64, spread: f64| -> Vec<f64> {
                    (0..300).map(|_| middle * random.log_normal(spread)).collect()
                };
                let (n, d, l) = (drawn(1e9, 1.0), drawn(1e10, 1.0), drawn(3.0, 0.1));
                Problem::new(&law, &Objective::default(), &[&n, &d], &l, None)
            })
            .collect();
        Problem::joint(&groups, &[2, 4])
    }

    #[test]
    fn a_point_where_large_terms_cancel_is_not_resolved() {
        let size = Variable { name: "N".to_owned(), unit: None, meaning: None, counts: None };
        let formula = "L = E + (L_0 - E) * (A / N^alpha) / (1 + A / N^alpha)";
        let law = Law::from_formula("saturating", formula, &[size]).unwrap();
        let n: Vec<f64> = (0..20).map(|i| 1e7 * exp(f64::from(i) / 4.0)).collect();
        let l: Vec<f64> = n.iter().map(|n| 2.0 + 30.0 * exp(-0.3 * ln(*n))).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&n], &l, None);
        let is_resolved = |parameters: [f64; 4]| {
            let names = ["E", "L_0", "A", "alpha"].iter().map(|name| law.free().iter().position(|p| p.name == *name));
            let mut point = vec![0.0; 4];
            names.zip(parameters).for_each(|(j, x)| point[j.unwrap()] = problem.coordinates()[j.unwrap()].of(x));
            problem.is_resolved(&point)
        };
        assert!(is_resolved([2.0, 11.0, 3.0, 0.3]));
        // Nearly the same values as 2 + E / s; with E = 1e15 at most one digit remains.
        assert!(is_resolved([1e3, 2.0, 33.0, 0.0]));
        assert!(!is_resolved([1e15, 2.0, 1e15 / 30.0, 0.0]));
    }

    #[test]
    fn derivatives_are_complete_up_to_the_limit_and_the_objective_always() {
        let problem = two_groups().with_pulls(&[Pull { centre: 1.0, strength: 0.005 }]);
        let point: Vec<f64> = [1.8, 6.0, 0.35, 7.6, 0.37, 1.7, 6.0, 7.6].to_vec();
        let at = |most: f64| {
            let mut out = Evaluation::default();
            problem.evaluate(&point, Order::Hessian.below(most), &mut Workspace::default(), &mut out);
            out.sums
        };
        let plain = at(f64::INFINITY);
        assert!(plain.cost > 0.0 && plain.gradient.iter().all(|g| *g != 0.0));
        assert_eq!(at(plain.cost), plain);
        for share in [0.9, 0.5, 0.1, 0.0] {
            let given_up = at(share * plain.cost);
            assert_eq!(given_up.cost, plain.cost, "{share}");
            assert_ne!(given_up.hessian, plain.hessian, "{share}");
        }
    }

    #[test]
    fn leaving_out_rows_of_weight_zero_changes_nothing() {
        let law = find("hoffmann").unwrap().law().unwrap();
        let mut random = Random::new(1, "idle", 0);
        let n: Vec<f64> = (0..37).map(|_| 1e9 * random.log_normal(1.0)).collect();
        let d: Vec<f64> = (0..37).map(|_| 1e10 * random.log_normal(1.0)).collect();
        let l: Vec<f64> = (0..37).map(|_| 3.0 * random.log_normal(0.1)).collect();
        let noise: Vec<f64> = (0..37).map(|row| 0.01 + 0.001 * f64::from(row)).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&n, &d], &l, None).with_noise(&noise);
        let point = [1.8, 6.0, 0.35, 7.6, 0.37];
        for every in [2, 3, 36] {
            let weights: Vec<f64> = (0..37).map(|row| if row % every == 0 { 2.0 } else { 0.0 }).collect();
            let all = problem.reweighted(&weights);
            let some = all.without_idle_rows();
            assert_eq!(some.rows(), 37_usize.div_ceil(every));
            let [mut of_all, mut of_some] = [Evaluation::default(), Evaluation::default()];
            all.evaluate(&point, Order::Hessian, &mut Workspace::default(), &mut of_all);
            some.evaluate(&point, Order::Hessian, &mut Workspace::default(), &mut of_some);
            let flat = |e: &Evaluation| [&[e.sums.cost], &e.sums.gradient[..], &e.sums.hessian].concat();
            for (a, b) in flat(&of_all).into_iter().zip(flat(&of_some)) {
                assert!((a - b).abs() <= 1e-13 * a.abs().max(1e-3), "{a} {b}");
            }
        }
        let none = problem.reweighted(&[0.0; 37]);
        assert_eq!(none.without_idle_rows().rows(), 37);
    }
}
