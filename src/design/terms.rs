//! The machine, the budget, the limits and the rounds, which determine what runs cost and which are allowed.

use serde::{Deserialize, Serialize};

use super::machine::Rate;
use super::settings::{Budget, Limits, MOST_RUNS};
use crate::quantity::Quantity;

/// The cost of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cost {
    /// Training compute in FLOP.
    pub flop: f64,
    /// Accelerators times hours, if the machine is known.
    pub gpu_hours: Option<f64>,
    /// Dollars, if the price is known.
    pub usd: Option<f64>,
}

/// The share of compute spent at the end of each round, for `count` rounds with equal shares.
pub fn rounds(count: usize) -> Vec<f64> {
    let count = count.max(1);
    (1..=count).map(|round| round as f64 / count as f64).collect()
}

/// What determines the cost of runs and which runs are allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The machine, if it is known.
    pub rate: Option<Rate>,
    /// The budget.
    pub budget: Budget,
    /// The other limits.
    pub limits: Limits,
    /// The share of a run in which the learning rate decays, if runs of one size share a trunk.
    pub shared_trunk: Option<f64>,
    /// Maximum number of runs of one configuration.
    pub copies: usize,
    /// The share of all compute spent at the end of each round. A round begins after the previous one has ended.
    pub rounds: Vec<f64>,
}

impl Terms {
    /// The cost of compute, in FLOP.
    pub fn cost(&self, flop: f64) -> Cost {
        let gpu_hours = self.rate.as_ref().map(|rate| rate.gpu_hours(flop));
        let price = self.rate.as_ref().and_then(|rate| rate.price);
        Cost { flop, gpu_hours, usd: gpu_hours.zip(price).map(|(hours, price)| hours * price) }
    }

    /// The share of the budget that compute uses. If several budgets are given, the largest share counts.
    pub fn share(&self, flop: f64) -> f64 {
        let cost = self.cost(flop);
        let part = |spent: Option<f64>, given: Option<Quantity>| {
            given.map_or(0.0, |given| spent.map_or(f64::INFINITY, |spent| spent / given.0))
        };
        let Budget { flop: flops, gpu_hours, usd } = self.budget;
        part(Some(cost.flop), flops).max(part(cost.gpu_hours, gpu_hours)).max(part(cost.usd, usd))
    }

    /// The compute in FLOP that uses the whole budget.
    pub fn most_flop(&self) -> f64 {
        // Every cost is proportional to compute.
        1.0 / self.share(1.0)
    }

    /// The same terms with at most this compute.
    #[must_use]
    pub fn within(&self, flop: f64) -> Self {
        let flop = self.budget.flop.map_or(flop, |given| given.0.min(flop));
        Self { budget: Budget { flop: Some(Quantity(flop)), ..self.budget }, ..self.clone() }
    }

    /// The terms that remain after this compute, these hours and this number of runs are spent.
    #[must_use]
    pub fn less(&self, flop: f64, hours: Option<f64>, runs: usize) -> Self {
        let spent = self.cost(flop);
        let left = |given: Option<Quantity>, spent: Option<f64>| {
            given.map(|given| Quantity((given.0 - spent.unwrap_or(0.0)).max(f64::MIN_POSITIVE)))
        };
        let budget = Budget {
            flop: left(self.budget.flop, Some(spent.flop)),
            gpu_hours: left(self.budget.gpu_hours, spent.gpu_hours),
            usd: left(self.budget.usd, spent.usd),
        };
        let hours = self.limits.hours.map(|most| Quantity((most.0 - hours.unwrap_or(0.0)).max(f64::MIN_POSITIVE)));
        let limits = Limits { runs: Some(self.most_runs().saturating_sub(runs)), hours, ..self.limits };
        let done = self.share(flop).min(1.0);
        let left: Vec<f64> =
            self.rounds.iter().filter(|end| **end > done).map(|end| (end - done) / (1.0 - done)).collect();
        let rounds = if left.is_empty() { vec![1.0] } else { left };
        Self { budget, limits, rounds, ..self.clone() }
    }

    /// Maximum number of runs.
    pub fn most_runs(&self) -> usize {
        self.limits.runs.unwrap_or(MOST_RUNS)
    }

    /// Hours for which a job of this compute occupies its slot; `None` if the machine is unknown.
    pub fn hours(&self, flop: f64) -> Option<f64> {
        self.rate.as_ref().map(|rate| rate.gpu_hours(flop) / f64::from(rate.per_run))
    }
}

/// Terms of a budget in FLOP without other limits, for tests.
#[cfg(test)]
pub(super) fn of_flop(flop: f64, copies: usize) -> Terms {
    Terms {
        rate: None,
        budget: Budget { flop: Some(Quantity(flop)), ..Budget::default() },
        limits: Limits::default(),
        shared_trunk: None,
        copies,
        rounds: rounds(1),
    }
}
