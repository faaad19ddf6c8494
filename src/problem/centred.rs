//! A problem over centred coordinates, in which the sizes of terms are their values at a middle of the rows.

use std::sync::Arc;

use super::Problem;
use super::block::Block;
use crate::law::{CentredSize, Law, Reference};
use crate::numerics::{exp, ln, mean};
use crate::objective::{Link, ResponseScale};

/// Maximum number of rows over which columns are compared.
const TELLING: usize = 1024;

/// A problem over centred coordinates, and the conversion of points.
#[derive(Clone, Debug)]
pub struct CentredProblem {
    /// The problem. Its points are those of the other problem, converted.
    pub problem: Problem,
    sizes: Vec<CentredSize>,
}

impl Problem {
    /// The problem over centred coordinates of its law, around an optimum; `None` where no coordinate is centred.
    ///
    /// Coordinates with a bound that the conversion would move keep their meaning, and so do coordinates that blocks share
    /// while the conversion differs between the blocks.
    pub fn centred(&self, law: &Law, optimum: &[f64]) -> Option<CentredProblem> {
        if self.rows() == 0 || !self.pulls.is_empty() {
            return None;
        }
        let log = self.objective.scale() == ResponseScale::Log;
        let is_shared =
            |j: usize| self.places.len() > 1 && self.places.iter().all(|places| places[j] == self.places[0][j]);
        let may_move = |j: usize, shape: &[usize], keeps_zero: bool| {
            let bounds = self.coordinates[self.places[0][j]];
            let is_open = bounds.lower == f64::NEG_INFINITY || (keeps_zero && bounds.lower == 0.0);
            let is_alike = !is_shared(j) || shape.iter().all(|&other| is_shared(other));
            is_open && bounds.upper == f64::INFINITY && is_alike
        };
        let centred = law.centred(&self.reference(), &self.point_of_block(0, optimum), log, may_move)?;
        let (tape, link) = (Arc::new(centred.tape), if log && !centred.as_exponent { Link::Log } else { Link::Same });
        let blocks = self.blocks.iter().map(|block| {
            let variables: Vec<&[f64]> = block.variables.iter().map(Vec::as_slice).collect();
            let columns = tape.bind(&variables, block.columns.rows());
            Arc::new(Block { tape: Arc::clone(&tape), link, columns, ..block.as_ref().clone() })
        });
        Some(CentredProblem { problem: Self { blocks: blocks.collect(), ..self.clone() }, sizes: centred.sizes })
    }

    /// The middle and the ends of each variable over the rows of all blocks. The middle is the geometric mean of positive
    /// values, else the mean.
    fn reference(&self) -> Reference {
        let columns = self.columns();
        let middle = |values: &Vec<f64>| {
            if values.iter().all(|x| *x > 0.0) {
                exp(mean(&values.iter().map(|x| ln(*x)).collect::<Vec<_>>()))
            } else {
                mean(values)
            }
        };
        let end = |pick: fn(f64, f64) -> f64| {
            columns.iter().map(|values| values.iter().copied().reduce(pick).unwrap_or(f64::NAN)).collect()
        };
        let (middle, ends) = (columns.iter().map(middle).collect(), [end(f64::min), end(f64::max)]);
        let all = columns.first().map_or(0, Vec::len);
        let some = |values: &Vec<f64>| (0..all.min(TELLING)).map(|i| values[i * all / all.min(TELLING)]).collect();
        Reference { middle, ends, rows: columns.iter().map(some).collect() }
    }
}

impl CentredProblem {
    /// The centred coordinates of a point of the other problem.
    #[must_use]
    pub fn enter(&self, point: &[f64]) -> Vec<f64> {
        let mut converted = point.to_vec();
        for (block, places) in self.problem.places.iter().enumerate() {
            let own = self.problem.point_of_block(block, point);
            for size in &self.sizes {
                converted[places[size.coordinate]] = size.enter(&own);
            }
        }
        converted
    }

    /// The coordinates of the other problem at a point of this one.
    #[must_use]
    pub fn leave(&self, point: &[f64]) -> Vec<f64> {
        let mut converted = point.to_vec();
        for (block, places) in self.problem.places.iter().enumerate() {
            let mut own = self.problem.point_of_block(block, point);
            // A conversion depends only on coordinates that are converted after it.
            for size in self.sizes.iter().rev() {
                own[size.coordinate] = size.leave(&own);
                converted[places[size.coordinate]] = own[size.coordinate];
            }
        }
        converted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Variable;
    use crate::objective::{LeastSquares, Objective};

    const ROWS: usize = 8;

    /// The values of a formula's law at points of the ordinary and of the centred problem.
    fn values(formula: &str, point: &[f64]) -> Option<(Vec<f64>, Vec<f64>, Vec<f64>)> {
        let law = Law::from_formula("test", formula, &[Variable::plain("x"), Variable::plain("z")]).unwrap();
        let x: Vec<f64> = (1..=ROWS).map(|i| 3e8 * i as f64).collect();
        let z: Vec<f64> = (1..=ROWS).map(|i| 0.1 * i as f64).collect();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
        let problem = Problem::new(&law, &objective, &[&x, &z], &[1.0; ROWS], None);
        let centred = problem.centred(&law, point)?;
        let entered = centred.enter(point);
        let same = centred.leave(&entered);
        for (back, own) in same.iter().zip(point) {
            assert!((back / own - 1.0).abs() < 1e-12, "{formula}: {back} and {own}");
        }
        Some((problem.residuals(point), centred.problem.residuals(&entered), entered))
    }

    #[test]
    fn a_centred_law_has_the_same_values_at_converted_points() {
        for (formula, point) in [
            ("y = E + A / x^a", [1.8, 400.0, 0.3].as_slice()),
            ("y = E - A / x^a", &[1.8, -400.0, 0.3]),
            ("y = E + x^-a / k", &[1.8, 0.01, 0.3]),
            ("y = E + k^2 * x^-a", &[1.8, -20.0, 0.3]),
            ("y = E + exp(k - a * ln(x))", &[1.8, 6.0, 0.3]),
            ("y = A / x^a * exp(-z / t)", &[400.0, 0.3, 2.0]),
            ("y = E + A / x^a + B * z^b", &[1.8, 400.0, 0.3, 2.0, 0.5]),
            ("y = E + A * (1 - exp(-x / t))", &[1.8, 400.0, 2e9]),
            ("y = E + A * (1 - exp(-x / t))", &[1.8, -400.0, -2e9]),
            ("y = E + c * (z - m)^2", &[1.8, 2.0, 0.35]),
            ("y = (E + A / x^a)^1.5 * z", &[1.8, 400.0, 0.3]),
            ("y = A / (1 + b * exp(-x / t))", &[4.0, 12.0, 1e9]),
            ("y = A * exp(-b * exp(-x / t))", &[4.0, 2.0, 1e9]),
            ("y = 1 / (1 + exp(-(a + b * (x / 1e9 + 500))))", &[-1400.0, 2.8]),
            ("y = a + b * cos(w * (x / 1e9 + 500) + p)", &[1.0, 2.0, 3.0, 0.5]),
            ("y = a + b * (x / 1e9 + 500) + c * (x / 1e9 + 500)^2", &[500.0, -20.0, 0.2]),
        ] {
            let (own, centred, entered) = values(formula, point).unwrap();
            for (a, b) in own.iter().zip(&centred) {
                assert!((a - b).abs() < 1e-11 * a.abs().max(1.0), "{formula}: {own:?} {centred:?}");
            }
            assert_ne!(entered, point, "{formula}");
        }
    }

    #[test]
    fn a_size_becomes_the_value_of_its_term_at_the_middle_of_the_rows() {
        let (.., entered) = values("y = E + A / x^a", &[1.8, 400.0, 0.3]).unwrap();
        // The geometric mean of 1 to 8 is the eighth root of 40320.
        let middle = 3e8 * libm::pow(40320.0, 0.125);
        assert!((entered[1] - 400.0 * libm::pow(middle, -0.3)).abs() < 1e-12, "{entered:?}");
        assert_eq!((entered[0], entered[2]), (1.8, 0.3));
    }

    #[test]
    fn a_law_whose_terms_change_their_sign_stays_as_it_is() {
        // x goes from 3e8 to 2.4e9.
        assert!(values("y = E + A * (x - m)", &[1.8, 400.0, 1e9]).is_none());
        assert!(values("y = E + A * (ln(x) - k)", &[1.8, 400.0, 20.7]).is_none());
        // A size that cannot be negative does not follow a term that changes its sign with t.
        assert!(values("y = E + A^2 * (1 - exp(-x / t))", &[1.8, 400.0, 1e9]).is_none());
    }
}
