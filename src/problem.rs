//! A law, its rows and an objective: the function of the free parameters that a solver minimises.

use std::sync::Arc;

use crate::law::{Columns, Lanes, Law, Order, Scale, Sums, Tape, Workspace};
use crate::numerics::{LANES, Matrix, exp, ln};
use crate::objective::{Objective, ResponseScale, Weighted};

/// The place of one free parameter in a solver's vector.
///
/// A solver moves in *coordinates*: the parameter itself, or its logarithm where its scale is `log`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// Whether the coordinate is the logarithm of the parameter.
    pub log: bool,
    /// Lowest value of the coordinate.
    pub lower: f64,
    /// Highest value of the coordinate.
    pub upper: f64,
    /// The parameter's own bounds.
    pub bounds: (f64, f64),
}

impl Coordinate {
    /// The coordinate of a parameter's value, brought within the bounds.
    pub fn of(self, parameter: f64) -> f64 {
        let value = if self.log { ln(parameter) } else { parameter };
        value.clamp(self.lower, self.upper)
    }

    /// The parameter's value at a coordinate.
    pub fn parameter(self, coordinate: f64) -> f64 {
        let (lower, upper) = self.bounds;
        // A bound is given back as it was written, not as the exponential of its logarithm.
        if coordinate <= self.lower {
            lower
        } else if coordinate >= self.upper {
            upper
        } else if self.log {
            exp(coordinate)
        } else {
            coordinate
        }
    }
}

/// An objective over given rows as a function of coordinates.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    tape: &'a Tape,
    objective: &'a Objective,
    coordinates: Arc<Vec<Coordinate>>,
    columns: Arc<Columns>,
    responses: Arc<Vec<Lanes>>,
    weights: Vec<Lanes>,
}

/// The objective at a point, with derivatives by the coordinates.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// The objective; not finite where the law is not.
    pub cost: f64,
    /// The gradient, where asked for.
    pub gradient: Vec<f64>,
    /// Second derivatives, lower triangle by rows, where asked for.
    pub hessian: Vec<f64>,
    sums: Sums,
    parameters: Vec<f64>,
}

impl Evaluation {
    /// The second derivatives as a matrix.
    pub fn hessian_matrix(&self) -> Matrix {
        let p = self.gradient.len();
        let mut matrix = Matrix::zeros(p);
        for row in 0..p {
            for column in 0..=row {
                let cell = self.hessian[row * (row + 1) / 2 + column];
                matrix[(row, column)] = cell;
                matrix[(column, row)] = cell;
            }
        }
        matrix
    }
}

impl<'a> Problem<'a> {
    /// A problem over `rows` rows; `variables[i]` holds variable `i` of the law, `response` the response.
    pub fn new(
        law: &Law,
        tape: &'a Tape,
        objective: &'a Objective,
        variables: &[&[f64]],
        response: &[f64],
        weights: Option<&[f64]>,
    ) -> Self {
        let rows = response.len();
        let coordinates = law
            .free()
            .iter()
            .map(|p| {
                let log = p.scale == Scale::Log;
                let place = |value: f64| if log { ln(value) } else { value };
                Coordinate { log, lower: place(p.lower), upper: place(p.upper), bounds: (p.lower, p.upper) }
            })
            .collect();
        let transformed = |value: f64| match objective.scale() {
            ResponseScale::Log => ln(value),
            ResponseScale::Raw => value,
        };
        Self {
            tape,
            objective,
            coordinates: Arc::new(coordinates),
            columns: Arc::new(tape.bind(variables, rows)),
            responses: Arc::new(lanes(rows, 0.0, |row| transformed(response[row]))),
            weights: lanes(rows, 0.0, |row| weights.map_or(1.0, |w| w[row])),
        }
    }

    /// The same problem with other weights for its rows.
    #[must_use]
    pub fn reweighted(&self, weights: &[f64]) -> Self {
        Self { weights: lanes(weights.len(), 0.0, |row| weights[row]), ..self.clone() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.rows()
    }

    /// Number of free parameters.
    pub fn size(&self) -> usize {
        self.coordinates.len()
    }

    /// The coordinates, in the order of the free parameters.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.coordinates
    }

    /// The compiled law.
    pub const fn tape(&self) -> &Tape {
        self.tape
    }

    /// The free parameters at a point.
    pub fn parameters(&self, point: &[f64]) -> Vec<f64> {
        self.coordinates.iter().zip(point).map(|(c, &x)| c.parameter(x)).collect()
    }

    /// The law's value at each row, at a point.
    pub fn predictions(&self, point: &[f64]) -> Vec<f64> {
        self.values_at(&self.parameters(point))
    }

    /// The law's value at each row, at given parameters, whatever their bounds.
    pub fn values_at(&self, parameters: &[f64]) -> Vec<f64> {
        self.tape.values(&self.columns, parameters)
    }

    /// The bounds of a free parameter itself.
    pub fn bounds(&self, index: usize) -> (f64, f64) {
        self.coordinates[index].bounds
    }

    /// The residual at each row, on the objective's scale.
    pub fn residuals(&self, point: &[f64]) -> Vec<f64> {
        let on_log = self.objective.scale() == ResponseScale::Log;
        let responses = self.responses.iter().flatten();
        self.predictions(point)
            .into_iter()
            .zip(responses)
            .map(|(value, response)| if on_log { ln(value) - response } else { value - response })
            .collect()
    }

    /// Each row's share of the gradient, by the coordinates.
    pub fn scores(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let parameters = self.parameters(point);
        let on_log = self.objective.scale() == ResponseScale::Log;
        let rows = self.tape.rows(&self.columns, &parameters).into_iter();
        rows.zip(self.responses().zip(self.weights()))
            .map(|((value, gradient), (response, weight))| {
                let residual = if on_log { ln(value) - response } else { value - response };
                let outer = weight * self.objective.slopes(residual).0 * if on_log { 1.0 / value } else { 1.0 };
                let inner = self.coordinates.iter().zip(&parameters).map(|(c, p)| if c.log { *p } else { 1.0 });
                gradient.iter().zip(inner).map(|(g, inner)| g * outer * inner).collect()
            })
            .collect()
    }

    /// The objective.
    pub const fn objective(&self) -> &Objective {
        self.objective
    }

    /// The rows' weights.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.weights.iter().flatten().copied().take(self.rows())
    }

    /// The responses, or their logarithms on the log scale.
    pub fn responses(&self) -> impl Iterator<Item = f64> {
        self.responses.iter().flatten().copied().take(self.rows())
    }

    /// Evaluates the objective and, to `order`, its derivatives.
    pub fn evaluate(&self, point: &[f64], order: Order, workspace: &mut Workspace, out: &mut Evaluation) {
        let Evaluation { cost, gradient, hessian, sums, parameters } = out;
        parameters.clear();
        parameters.extend(self.coordinates.iter().zip(point).map(|(c, &x)| c.parameter(x)));
        let weigh = Weighted { objective: self.objective, responses: &self.responses, weights: &self.weights };
        self.tape.sum(&self.columns, parameters, order, &weigh, workspace, sums);
        *cost = sums.cost;
        gradient.clone_from(&sums.gradient);
        hessian.clone_from(&sums.hessian);
        // A logarithmic coordinate c = ln p: d/dc = p d/dp, d2/dc2 = p2 d2/dp2 + p d/dp.
        let log = |j: usize| self.coordinates[j].log;
        for j in 0..gradient.len() {
            if log(j) {
                gradient[j] *= parameters[j];
            }
        }
        let mut cell = 0;
        for j in 0..if hessian.is_empty() { 0 } else { gradient.len() } {
            for k in 0..=j {
                hessian[cell] *= (if log(j) { parameters[j] } else { 1.0 }) * if log(k) { parameters[k] } else { 1.0 };
                if j == k && log(j) {
                    hessian[cell] += gradient[j];
                }
                cell += 1;
            }
        }
    }
}

/// A column in lanes, the last filled up with `fill`.
fn lanes(rows: usize, fill: f64, at: impl Fn(usize) -> f64) -> Vec<Lanes> {
    let mut all = vec![[fill; LANES]; rows.div_ceil(LANES)];
    for row in 0..rows {
        all[row / LANES][row % LANES] = at(row);
    }
    all
}
