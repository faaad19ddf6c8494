//! Evidence about an optimum and its rows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::solver::Solver;
use crate::warning::Warning;

/// Evidence about the optimum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Whether the solver converged at the best point.
    pub converged: bool,
    /// Euclidean norm of the gradient by the solver's coordinates, without coordinates on bounds.
    pub gradient_norm: Option<f64>,
    /// Number of starts.
    pub starts: usize,
    /// Number of grid points from which the starts were chosen; 0 without a grid.
    pub grid_points: usize,
    /// Number of starts that ended at the best point.
    pub starts_at_best: usize,
    /// The solver.
    pub solver: Solver,
    /// Number of starts from which the solver's line search failed.
    pub failed_starts: usize,
    /// Number of starts that ended where the law's values are rounding error; these are ignored.
    pub unresolved_starts: usize,
    /// The distinct optima, best first, at most ten.
    pub optima: Vec<LocalOptimum>,
    /// The global optimum, where a published procedure was used that may miss it.
    pub reference: Option<Reference>,
    /// Statistics of repeated runs, where the spec defines them.
    pub replicates: Option<Replicates>,
    /// Ratio of the largest to the smallest eigenvalue of the Hessian of reweighted least squares, scaled to a unit
    /// diagonal.
    pub condition_number: Option<f64>,
    /// Doubts about the law itself, independent of its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}

/// A doubt about a law or its rows, independent of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The law explains the rows no better than their mean.
    NoTrend,
    /// The residuals have a pattern.
    LackOfFit,
    /// Rows look like runs that failed.
    FailedRuns,
}

impl Doubt {
    /// A sentence to show next to answers.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NoTrend => "no trend in the rows",
            Self::LackOfFit => "lack of fit",
            Self::FailedRuns => "failed runs among the rows",
        }
    }
}

/// A local optimum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocalOptimum {
    /// The minimised sum.
    pub objective: f64,
    /// Number of starts that ended there.
    pub starts: usize,
}

/// The global optimum of a fit, for comparison with the result of a published procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The minimised sum, over all groups where they are fitted together.
    pub objective: f64,
    /// The parameters. Results contain only identified ones, and those of the first group where groups are fitted
    /// together.
    pub parameters: BTreeMap<String, f64>,
}

/// Statistics of repeated runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replicates {
    /// Number of distinct configurations.
    pub configurations: usize,
    /// Pooled standard deviation of residuals within configurations, which no law can explain.
    pub pure_error: Option<f64>,
    /// Root mean square over configurations of the mean residual.
    pub misfit: f64,
}

/// Two variables that vary together, so that the rows cannot separate their effects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ray {
    /// The first variable.
    pub first: String,
    /// The second.
    pub second: String,
    /// The range of second / first.
    pub ratio: Span,
}
