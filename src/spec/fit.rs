//! What a spec may say of fits and of their variations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::condition;
use crate::objective::Objective;
use crate::search::Starts;
use crate::solver::Solver;
use crate::uncertainty::Uncertainty;

/// A law fitted to rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// A filter, a table or a source. Not needed if every parameter is fixed.
    #[serde(default)]
    pub rows: Option<String>,
    /// A law of this spec or of the catalogue.
    pub law: String,
    /// What training costs, of `[costs.NAME]`; where the spec has one cost, that one.
    #[serde(default)]
    pub cost: Option<String>,
    /// What the fit minimises.
    #[serde(default)]
    pub objective: Objective,
    /// The solver. The answer of another solver than Newton's method is compared with the best optimum.
    #[serde(default)]
    pub solver: Solver,
    /// Where the search starts: a global search, or the grid of the law's listed starts.
    #[serde(default)]
    pub starts: Starts,
    /// Method of uncertainty; without it there are no intervals.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
    /// Rows for which this holds are scored, never fitted: "C > 1e21".
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub holdout: Option<String>,
    /// Laws, of this spec or of the catalogue, that are fitted to the same rows and compared with the fit's own.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Forecasts of later rows from earlier ones: `{ along = "C", folds = 5 }`.
    #[serde(default)]
    pub backtest: Option<Backtest>,
    /// Weight of each row, an expression of variables: "D / 1e9".
    #[serde(default)]
    pub weights: Option<String>,
    /// Standard deviation of each row's response; residuals are taken in units of it.
    #[serde(default)]
    pub noise: Option<String>,
    /// Variables that are equal in runs of one configuration: each configuration counts once and is resampled whole.
    #[serde(default)]
    pub replicates: Vec<String>,
    /// Variables that are equal in rows of one run, such as its checkpoints: a run is resampled whole.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// Fit each group of rows that have the same value of this variable.
    #[serde(default)]
    pub by: Option<String>,
    /// Parameters that all groups have in common.
    #[serde(default)]
    pub share: Vec<String>,
    /// Variables of the law that other fits forecast: `{ L = "loss" }` for compute to loss to accuracy.
    #[serde(default)]
    pub through: BTreeMap<String, String>,
}

/// Rows up to an origin are fitted and all later ones forecast, at several origins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backtest {
    /// What the rows are ordered by, as an expression of variables: "C", or "N * D".
    pub along: String,
    /// Number of origins, evenly over the later half of the rows.
    #[serde(default = "default_folds")]
    pub folds: usize,
}

const fn default_folds() -> usize {
    5
}

/// Variations of a fit: one choice is changed at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Other objectives, or the same with other settings: `[{ huber = { delta = 1e-2 } }, { least_squares = {} }]`.
    #[serde(default)]
    pub objectives: Vec<Objective>,
    /// Other laws.
    #[serde(default)]
    pub laws: Vec<String>,
    /// Other filters, tables or sources.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Conditions: the rows for which one holds are left out, one condition at a time: `["family == 'a'", "C > 1e20"]`.
    #[serde(default)]
    pub without: Vec<String>,
    /// Variables: the rows of each value are left out in turn. `["family"]` refits without each family.
    #[serde(default)]
    pub leave_out: Vec<String>,
}
