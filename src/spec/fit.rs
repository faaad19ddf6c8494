//! The part of a spec about fits and their variations.

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
    /// A filter, a table or a source. Optional if every parameter is fixed.
    #[serde(default)]
    pub rows: Option<String>,
    /// A law of this spec or of the catalogue.
    pub law: String,
    /// The name of the training cost in `[costs]`. Default: the only cost of the spec.
    #[serde(default)]
    pub cost: Option<String>,
    /// What the fit minimises.
    #[serde(default)]
    pub objective: Objective,
    /// The solver. The result of any solver other than Newton's method is compared with the best known optimum.
    #[serde(default)]
    pub solver: Solver,
    /// Starting points: a global search, or the grid of starts listed for the law.
    #[serde(default)]
    pub starts: Starts,
    /// Uncertainty method. Without one, results have no intervals.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
    /// Number of shards, which are stages that each compute a part of the refits, so that a long resampling resumes and
    /// can be computed on several machines. Results do not depend on it. Default: one shard for about 5,000 refits,
    /// from 10,000 refits; fewer refits are not divided.
    #[serde(default)]
    pub shards: Option<usize>,
    /// Rows that satisfy this condition are scored and never fitted: "C > 1e21".
    #[serde(default, deserialize_with = "condition")]
    #[schemars(with = "Option<String>")]
    pub holdout: Option<String>,
    /// Laws of this spec or of the catalogue that are fitted to the same rows for comparison.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Forecasts of later rows from earlier ones: `{ along = "C", folds = 5 }`.
    #[serde(default)]
    pub backtest: Option<Backtest>,
    /// Weight of each row, an expression of variables: "D / 1e9".
    #[serde(default)]
    pub weights: Option<String>,
    /// Standard deviation of each row's response. Residuals are divided by it.
    #[serde(default)]
    pub noise: Option<String>,
    /// Variables that identify a configuration: runs with equal values are replicates. Each configuration counts once
    /// and is resampled as a whole.
    #[serde(default)]
    pub replicates: Vec<String>,
    /// Variables that identify a run, for rows such as its checkpoints. A run is resampled as a whole.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// A separate fit for each value of this variable.
    #[serde(default)]
    pub by: Option<String>,
    /// Parameters that have the same value in all groups.
    #[serde(default)]
    pub share: Vec<String>,
    /// Variables of the law that are forecast by other fits: `{ L = "loss" }` for compute to loss to accuracy.
    #[serde(default)]
    pub through: BTreeMap<String, String>,
}

/// Backtest: at each of several origins, rows up to the origin are fitted and all later rows are forecast.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backtest {
    /// The order of the rows, as an expression of variables: "C", or "N * D".
    pub along: String,
    /// Number of origins, evenly spaced over the later half of the rows.
    #[serde(default = "default_folds")]
    pub folds: usize,
}

const fn default_folds() -> usize {
    5
}

/// Variations of a fit. Each changes one choice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Other objectives, or the same objective with other settings: `[{ huber = { delta = 1e-2 } }, { least_squares =
    /// {} }]`.
    #[serde(default)]
    pub objectives: Vec<Objective>,
    /// Other laws.
    #[serde(default)]
    pub laws: Vec<String>,
    /// Other filters, tables or sources.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Conditions. For each one, the rows that satisfy it are left out: `["family == 'a'", "C > 1e20"]`.
    #[serde(default)]
    pub without: Vec<String>,
    /// Variables. For each value of one, the rows with that value are left out: `["family"]` refits without each
    /// family.
    #[serde(default)]
    pub leave_out: Vec<String>,
}
