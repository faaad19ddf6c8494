//! The part of a spec about designs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::design::{Budget, Candidates, Decisions, Discrepancy, Limits, Machine};
use crate::texts::OneOrMoreTexts;

/// Which runs to train next: the runs that make a decision most certain for their price, within all limits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The fit, or several fits with rival laws.
    pub fit: OneOrMoreTexts,
    /// The decision that the runs inform: `{ compute_optimal = { C = 1e24 } }`, or a list of decisions.
    pub decide: Decisions,
    /// The budget: `{ usd = 40_000 }`, `{ FLOP = 1e21 }`, `{ gpu_hours = 5000 }`. If several are given, all apply.
    pub budget: Budget,
    /// The machine on which the runs are trained; required for budgets in hours or money.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// The runs that can be chosen.
    #[serde(default)]
    pub candidates: Candidates,
    /// Limits in addition to the budget.
    #[serde(default)]
    pub limits: Limits,
    /// Number of rounds. Each round is planned from the results of the rounds before it.
    #[serde(default = "one_round")]
    pub rounds: usize,
    /// How closely runs much smaller than the largest are assumed to follow the law.
    #[serde(default)]
    pub discrepancy: Discrepancy,
    /// Results of runs of this design: a CSV file, relative to the spec, with `name` (or the sizes), the response
    /// and, for failed runs, `status`. The remaining budget is planned again from them.
    #[serde(default)]
    pub results: Option<String>,
}

const fn one_round() -> usize {
    1
}
