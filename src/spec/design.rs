//! What a spec may say of designs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::OneOrMoreTexts;
use crate::design::{Budget, Candidates, Decisions, Discrepancy, Limits, Machine};

/// Which runs to train next: those that make a decision the surest for their price, within every limit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The fit, or several whose laws may each be right.
    pub fit: OneOrMoreTexts,
    /// What the runs are to decide: `{ compute_optimal = { C = 1e24 } }`, or a list of such.
    pub decide: Decisions,
    /// What may be spent: `{ usd = 40_000 }`, `{ FLOP = 1e21 }`, `{ gpu_hours = 5000 }`; of several all hold.
    pub budget: Budget,
    /// Where the runs are trained; needed for hours and money.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// The runs that could be trained.
    #[serde(default)]
    pub candidates: Candidates,
    /// Limits besides the budget.
    #[serde(default)]
    pub limits: Limits,
    /// In how many rounds they are trained; each is planned anew from what came out before.
    #[serde(default = "one_round")]
    pub rounds: usize,
    /// How far runs much smaller than the largest are believed to follow the law.
    #[serde(default)]
    pub discrepancy: Discrepancy,
    /// What came out of runs of this design: a CSV file, relative to the spec, with `name` (or the sizes), the response
    /// and, where runs failed, `status`. What is left is planned anew.
    #[serde(default)]
    pub results: Option<String>,
}

const fn one_round() -> usize {
    1
}
