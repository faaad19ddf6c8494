//! A law, its rows and an objective: the function of the free parameters that a solver minimises.

use std::sync::Arc;

use crate::law::{Columns, Law, Order, Scale, Sums, Tape, Workspace};
use crate::numerics::{LANES, Matrix, exp, ln};
use crate::objective::{Link, Objective, ResponseScale, Weighted};

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

/// What does not change while a problem is solved.
#[derive(Debug)]
struct Fixed {
    tape: Tape,
    link: Link,
    /// The law over its parameters themselves, which may be zero.
    plain: Tape,
    coordinates: Vec<Coordinate>,
    columns: Columns,
    variables: Vec<Vec<f64>>,
    responses: Vec<f64>,
}

/// An objective over given rows as a function of coordinates.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    fixed: Arc<Fixed>,
    objective: &'a Objective,
    weights: Vec<f64>,
}

/// The objective at a point, with derivatives by the coordinates.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// The sums; the cost is not finite where the law is not.
    pub sums: Sums,
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

    /// The second derivatives as a matrix.
    pub fn hessian_matrix(&self) -> Matrix {
        let p = self.sums.gradient.len();
        let mut matrix = Matrix::zeros(p);
        for row in 0..p {
            for column in 0..=row {
                let cell = self.sums.hessian[row * (row + 1) / 2 + column];
                matrix[(row, column)] = cell;
                matrix[(column, row)] = cell;
            }
        }
        matrix
    }
}

impl<'a> Problem<'a> {
    /// A problem over rows; `variables[i]` holds variable `i` of the law, `response` the response.
    pub fn new(
        law: &Law,
        objective: &'a Objective,
        variables: &[&[f64]],
        response: &[f64],
        weights: Option<&[f64]>,
    ) -> Self {
        let rows = response.len();
        let on_log = objective.scale() == ResponseScale::Log;
        let (tape, as_exponent) = law.coordinate_tape(on_log);
        let plain = law.tape();
        let coordinates = law
            .free()
            .iter()
            .map(|p| {
                let log = p.scale == Scale::Log;
                let place = |value: f64| if log { ln(value) } else { value };
                Coordinate { log, lower: place(p.lower), upper: place(p.upper), bounds: (p.lower, p.upper) }
            })
            .collect();
        let fixed = Fixed {
            link: if on_log && !as_exponent { Link::Log } else { Link::Same },
            columns: tape.bind(variables, rows),
            variables: variables.iter().map(|column| column.to_vec()).collect(),
            responses: padded(rows, |row| if on_log { ln(response[row]) } else { response[row] }),
            tape,
            plain,
            coordinates,
        };
        Self { fixed: Arc::new(fixed), objective, weights: padded(rows, |row| weights.map_or(1.0, |w| w[row])) }
    }

    /// The same problem with other weights for its rows.
    #[must_use]
    pub fn reweighted(&self, weights: &[f64]) -> Self {
        let fixed = Arc::clone(&self.fixed);
        Self { fixed, objective: self.objective, weights: padded(weights.len(), |row| weights[row]) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.fixed.columns.rows()
    }

    /// Number of free parameters.
    pub fn size(&self) -> usize {
        self.fixed.coordinates.len()
    }

    /// The coordinates, in the order of the free parameters.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.fixed.coordinates
    }

    /// The law over its parameters themselves.
    pub fn plain_tape(&self) -> &Tape {
        &self.fixed.plain
    }

    /// The free parameters at a point.
    pub fn parameters(&self, point: &[f64]) -> Vec<f64> {
        self.fixed.coordinates.iter().zip(point).map(|(c, &x)| c.parameter(x)).collect()
    }

    /// The rows of each variable of the law.
    pub fn variables(&self) -> Vec<&[f64]> {
        self.fixed.variables.iter().map(Vec::as_slice).collect()
    }

    /// The residual at each row, on the objective's scale.
    pub fn residuals(&self, point: &[f64]) -> Vec<f64> {
        let values = self.fixed.tape.values(&self.fixed.columns, point);
        values.into_iter().zip(self.responses()).map(|(value, response)| self.linked(value) - response).collect()
    }

    fn linked(&self, value: f64) -> f64 {
        match self.fixed.link {
            Link::Same => value,
            Link::Log => ln(value),
        }
    }

    /// Each row's share of the gradient, by the coordinates.
    pub fn scores(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let rows = self.fixed.tape.rows(&self.fixed.columns, point).into_iter();
        rows.zip(self.responses().zip(self.weights()))
            .map(|((value, gradient), (response, weight))| {
                let slope = self.objective.slopes(self.linked(value) - response).0;
                let outer = weight * slope * if self.fixed.link == Link::Log { 1.0 / value } else { 1.0 };
                gradient.iter().map(|g| g * outer).collect()
            })
            .collect()
    }

    /// The objective.
    pub const fn objective(&self) -> &Objective {
        self.objective
    }

    /// The rows' weights.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.weights.iter().copied().take(self.rows())
    }

    /// The responses, or their logarithms on the log scale.
    pub fn responses(&self) -> impl Iterator<Item = f64> {
        self.fixed.responses.iter().copied().take(self.rows())
    }

    /// Evaluates the objective and, to `order`, its derivatives by the coordinates.
    pub fn evaluate(&self, point: &[f64], order: Order, workspace: &mut Workspace, out: &mut Evaluation) {
        let Fixed { tape, link, columns, responses, .. } = &*self.fixed;
        let weigh = Weighted { objective: self.objective, link: *link, responses, weights: &self.weights };
        tape.sum(columns, point, order, &weigh, workspace, &mut out.sums);
    }
}

/// A column, filled up to whole lanes with zeros.
fn padded(rows: usize, at: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut all: Vec<f64> = (0..rows).map(at).collect();
    all.resize(rows.div_ceil(LANES) * LANES, 0.0);
    all
}
