//! What a design says: plain values, written to the cache and to reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::candidates::LeftOut;
use super::drift::Drift;
use super::ledger::Cost;
use super::search::Purpose;

/// Which runs to train next, and what they are worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// What the study calls model size.
    pub size: String,
    /// What the study calls data.
    pub data: String,
    /// The advice in a sentence.
    pub advice: String,
    /// The machine in words, where there is one.
    pub machine: Option<String>,
    /// How many runs were looked at.
    pub candidates: usize,
    /// How many runs were left out, by reason.
    pub left_out: LeftOut,
    /// The laws with their shares.
    pub laws: BTreeMap<String, f64>,
    /// Scatter of one run, on the scale of residuals.
    pub scatter: f64,
    /// Coverage of the intervals.
    pub level: f64,
    /// The decisions: now, and once all runs are done.
    pub decisions: Vec<Decided>,
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// What all runs cost together.
    pub total: Cost,
    /// Hours until the last run has ended, where the machine is known.
    pub hours: Option<f64>,
    /// What the runs are worth, where a wrong decision costs compute.
    pub value: Option<Worth>,
    /// Other designs for the same money.
    pub rivals: Vec<Rival>,
    /// What would change the advice.
    pub changes: Vec<Change>,
    /// What a simulation of the design on the fit's own draws gives.
    pub simulated: Option<Simulated>,
    /// Whether small models follow the law of the large ones.
    pub drift: Option<Drift>,
    /// What came out of runs of this design, where results are given.
    pub outcomes: Option<Outcomes>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

impl Advice {
    /// The names of the numbers that expectations and lock files have of a design.
    pub const NUMBERS: [&'static str; 6] = ["runs", "flop", "stop_after", "saved", "waste_now", "waste_after"];

    /// Those numbers; of the first decision where they are of one.
    pub fn numbers(&self) -> Vec<(&'static str, Option<f64>)> {
        let first = self.decisions.first();
        let worth = self.value.as_ref();
        let numbers = [
            Some(self.runs.len() as f64),
            Some(self.total.flop),
            worth.map(|worth| worth.stop_after as f64),
            worth.map(|worth| worth.saved.flop),
            first.and_then(|decided| decided.now.waste),
            first.and_then(|decided| decided.after.waste),
        ];
        Self::NUMBERS.into_iter().zip(numbers).collect()
    }

    /// The runs as a table: heads and rows of cells.
    pub fn table(&self) -> ([&str; 9], Vec<[String; 9]>) {
        let row = |run: &Run| {
            let or_none = |text: Option<String>| text.unwrap_or_default();
            let purpose = run.purpose.word();
            [
                run.order.to_string(),
                run.round.to_string(),
                format!("{:.3e}", run.size),
                format!("{:.3e}", run.data),
                or_none(run.steps.map(|steps| steps.to_string())),
                format!("{:.2e}", run.cost.flop),
                or_none(run.cost.usd.map(|usd| format!("{usd:.0}"))),
                run.after.waste.map_or_else(
                    || format!("{:.4e} to {:.4e}", run.after.lower, run.after.upper),
                    |waste| format!("{:.3} %", 100.0 * waste),
                ),
                if run.is_worth_it {
                    purpose.to_owned()
                } else {
                    format!("{purpose} after the stop").trim().to_owned()
                },
            ]
        };
        let heads = ["run", "round", &self.size, &self.data, "steps", "FLOP", "$", "wasted then", ""];
        (heads, self.runs.iter().map(row).collect())
    }
}

/// A decision now and later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// What is asked.
    pub asks: String,
    /// The name of what is chosen or forecast.
    pub output: String,
    /// How much it counts.
    pub weight: f64,
    /// Compute of what is decided on, where that is a budget.
    pub stake: Option<f64>,
    /// What is believed now.
    pub now: Believed,
    /// What will be believed, in expectation, once all runs are done.
    pub after: Believed,
}

/// A number with its interval and what a wrong choice wastes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Believed {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Expected waste, as a share of the compute of what is decided on.
    pub waste: Option<f64>,
}

/// A run to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its name: the same for the same run.
    pub name: String,
    /// Its place in the order.
    pub order: usize,
    /// The round in which it is trained.
    pub round: usize,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it is worth more than it costs; runs that are not come after the stop.
    pub is_worth_it: bool,
    /// Model size.
    pub size: f64,
    /// Training data.
    pub data: f64,
    /// Number of layers.
    pub layers: Option<u32>,
    /// Width of the residual stream.
    pub width: Option<u32>,
    /// Tokens of a batch.
    pub batch: Option<f64>,
    /// Optimiser steps.
    pub steps: Option<u64>,
    /// Which runs share a trunk with it: those with the same number.
    pub trunk: Option<usize>,
    /// What it adds to the cost of those before it.
    pub cost: Cost,
    /// Hours that it takes alone.
    pub hours: Option<f64>,
    /// Its slot.
    pub slot: Option<u32>,
    /// Hours after which it starts.
    pub start: Option<f64>,
    /// The response that is forecast of it, with the interval of a run.
    pub forecast: Believed,
    /// The first decision once it and all before it are done.
    pub after: Believed,
    /// What is saved so far less what is spent so far, in compute.
    pub net: Option<f64>,
}

/// What runs are worth: compute saved at the target against compute spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Worth {
    /// Compute saved by the runs up to the stop, in expectation.
    pub saved: Cost,
    /// What they cost.
    pub spent: Cost,
    /// Saved less spent, in compute.
    pub net: f64,
    /// Number of runs after which the next costs more than it saves.
    pub stop_after: usize,
    /// Compute of what is decided on from which the runs up to the stop, or the first where there are none, pay.
    pub break_even: Option<f64>,
}

/// Another design for the same money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rival {
    /// The design in words.
    pub design: String,
    /// Number of runs.
    pub runs: usize,
    /// Its compute.
    pub flop: f64,
    /// Expected waste of the first decision, as a share of its compute, where small runs follow the law as well as large
    /// ones; none of a forecast.
    pub waste: Option<f64>,
    /// Its standard deviation of the first decision over that of the design, runs counted as they are chosen: above 1
    /// where it tells less.
    pub wider: f64,
}

/// Something that would change the advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// If this were so.
    pub if_so: String,
    /// This many runs would be worth their cost.
    pub stop_after: Option<usize>,
    /// And so much of the first decision's compute would still be wasted.
    pub waste: Option<f64>,
    /// How many of the design's runs would still be chosen.
    pub kept: usize,
}

/// What a simulation gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Simulated {
    /// Number of simulated truths.
    pub trials: usize,
    /// Predicted over realised variance of the first decision.
    pub ratio: f64,
    /// How often the interval after the runs held the truth.
    pub coverage: f64,
}

/// What came out of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Each run that was named in the results.
    pub runs: Vec<Outcome>,
    /// Runs of the design that the results do not name.
    pub missing: usize,
    /// Realised over predicted mean square of outcomes around their forecasts.
    pub surprise: Option<f64>,
}

/// What came out of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The run's name, or its sizes.
    pub name: String,
    /// What became of it: `done`, `failed`, `diverged`, `missing`.
    pub status: String,
    /// The response.
    pub response: Option<f64>,
    /// The response that was forecast.
    pub forecast: Option<Believed>,
    /// The distance from it in standard deviations.
    pub z: Option<f64>,
}
