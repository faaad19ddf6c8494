//! The rows of one group and the law that is fitted to them.

use std::sync::Arc;

use crate::law::{Columns, Order, Sums, Tape, Wanted, Workspace};
use crate::numerics::{LANES, ln};
use crate::objective::{Curvature, Link, Objective, ResponseScale, Weighted};

/// Number of rows at which the rounding error of a law is checked.
const ROWS_LOOKED_AT: usize = 16;
/// The rows of one group and the law that is fitted to them.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) tape: Arc<Tape>,
    pub(super) link: Link,
    pub(super) columns: Columns,
    pub(super) variables: Vec<Vec<f64>>,
    pub(super) responses: Vec<f64>,
    /// One over the noise of each row, by which residuals are multiplied before the penalty; empty where the noise is
    /// unknown.
    pub(super) precisions: Vec<f64>,
}

impl Block {
    /// A block with rows. `variables[i]` holds variable `i` of the law. On the log scale the block stores the
    /// logarithm of the response.
    pub(super) fn new(
        tape: Arc<Tape>,
        link: Link,
        scale: ResponseScale,
        variables: &[&[f64]],
        response: &[f64],
    ) -> Self {
        let (rows, on_log) = (response.len(), scale == ResponseScale::Log);
        Self {
            link,
            columns: tape.bind(variables, rows),
            variables: variables.iter().map(|column| column.to_vec()).collect(),
            responses: padded(rows, |row| if on_log { ln(response[row]) } else { response[row] }),
            precisions: Vec::new(),
            tape,
        }
    }

    /// The rows at `chosen`.
    pub(super) fn of_rows(&self, chosen: &[usize]) -> Self {
        let pick = |column: &[f64]| padded(chosen.len(), |row| column[chosen[row]]);
        let variables = self.variables.iter().map(|column| chosen.iter().map(|&row| column[row]).collect());
        Self {
            tape: Arc::clone(&self.tape),
            link: self.link,
            columns: self.columns.of_rows(chosen),
            variables: variables.collect(),
            responses: pick(&self.responses),
            precisions: if self.precisions.is_empty() { Vec::new() } else { pick(&self.precisions) },
        }
    }

    /// Whether rounding changes the law's values at some rows by at most a share of each value, or of `largest` where
    /// given.
    pub(super) fn is_resolved(&self, point: &[f64], share: f64, largest: Option<f64>) -> bool {
        let rows = self.columns.rows();
        (0..rows).step_by(rows.div_ceil(ROWS_LOOKED_AT).max(1)).all(|row| {
            let variables: Vec<f64> = self.variables.iter().map(|column| column[row]).collect();
            let (value, moved) = self.tape.rounding_at(point, &variables);
            moved <= share * largest.unwrap_or_else(|| value.abs())
        })
    }

    /// The same rows with other precisions of their residuals.
    pub(super) fn with_precisions(&self, precisions: Vec<f64>) -> Arc<Self> {
        Arc::new(Self { precisions, ..self.clone() })
    }

    pub(super) fn precision(&self, row: usize) -> f64 {
        self.precisions.get(row).copied().unwrap_or(1.0)
    }

    pub(super) fn residuals(&self, point: &[f64]) -> Vec<f64> {
        let unscaled = self.unscaled_residuals(point).into_iter().enumerate();
        unscaled.map(|(row, residual)| residual * self.precision(row)).collect()
    }

    pub(super) fn unscaled_residuals(&self, point: &[f64]) -> Vec<f64> {
        let values = self.tape.values(&self.columns, point).into_iter().enumerate();
        let linked = |value: f64| if self.link == Link::Log { ln(value) } else { value };
        values.map(|(row, value)| linked(value) - self.responses[row]).collect()
    }

    pub(super) fn evaluate(
        &self,
        objective: &Objective,
        weights: &[f64],
        point: &[f64],
        wanted: Wanted,
        workspace: &mut Workspace,
        sums: &mut Sums,
    ) {
        let curvature = if wanted.order == Order::GaussNewton { Curvature::Majorised } else { Curvature::Exact };
        let weigh = Weighted {
            objective,
            link: self.link,
            responses: &self.responses,
            weights,
            precisions: &self.precisions,
            curvature,
        };
        self.tape.sum(&self.columns, point, wanted, &weigh, workspace, sums);
    }
}

/// A column, padded with zeros to a whole number of lanes.
pub(super) fn padded(rows: usize, at: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut all: Vec<f64> = (0..rows).map(at).collect();
    all.resize(rows.div_ceil(LANES) * LANES, 0.0);
    all
}
