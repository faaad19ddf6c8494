//! The results of a design: plain values for the cache and for reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::candidates::LeftOut;
use super::drift::Drift;
use super::search::Purpose;
use super::terms::Cost;

/// Which runs to train next, and their value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// The study's name of model size.
    pub size: String,
    /// The study's name of data.
    pub data: String,
    /// The advice in one sentence.
    pub advice: String,
    /// Description of the machine, where one is given.
    pub machine: Option<String>,
    /// Number of candidate runs.
    pub candidates: usize,
    /// Whether a table lists the candidate runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_listed: bool,
    /// Number of excluded runs, by reason.
    pub left_out: LeftOut,
    /// The laws and their weights.
    pub laws: BTreeMap<String, f64>,
    /// Scatter of one run, on the scale of the residuals.
    pub scatter: f64,
    /// Coverage of the intervals.
    pub level: f64,
    /// The laws that the rows do not identify. The runs then identify them, and no interval, waste or value is known yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unidentified: BTreeMap<String, Unidentified>,
    /// The decisions, now and after all runs.
    pub decisions: Vec<Decided>,
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// Cost of all runs together.
    pub total: Cost,
    /// Hours until the last run ends, where the machine is known.
    pub hours: Option<f64>,
    /// Value of the runs, where a wrong decision costs compute.
    pub value: Option<Worth>,
    /// Other designs for the same cost.
    pub rivals: Vec<Rival>,
    /// Changed assumptions that would change the advice.
    pub changes: Vec<Change>,
    /// Result of a simulation of the design with the fit's own draws.
    pub simulated: Option<Simulated>,
    /// Whether small models follow the law of the large ones.
    pub drift: Option<Drift>,
    /// Results of earlier runs of this design.
    pub outcomes: Option<Outcomes>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl Advice {
    /// Names of a design's numbers in expectations and lock files.
    pub const NUMBERS: [&'static str; 6] = ["runs", "flop", "stop_after", "saved", "waste_now", "waste_after"];

    /// The values of these numbers. Numbers about a decision belong to the first one.
    pub fn numbers(&self) -> Vec<(&'static str, Option<f64>)> {
        let first = self.decisions.first();
        let worth = self.value.as_ref();
        let numbers = [
            Some(self.runs.len() as f64),
            Some(self.total.flop),
            worth.map(|worth| worth.stop_after as f64),
            worth.map(|worth| worth.saved.flop),
            first.and_then(|decided| decided.now?.waste),
            first.and_then(|decided| decided.after?.waste),
        ];
        Self::NUMBERS.into_iter().zip(numbers).collect()
    }

    /// The settings of a run by the study's names: model size, data and the other variables.
    pub fn settings<'a>(&'a self, run: &'a Run) -> Vec<(&'a str, f64)> {
        let sizes = [(self.size.as_str(), run.size), (self.data.as_str(), run.data)];
        let sizes = sizes.into_iter().filter_map(|(name, value)| Some((name, value?)));
        sizes.chain(run.others.iter().map(|(name, value)| (name.as_str(), *value))).collect()
    }

    /// The names of the settings, which all runs share.
    pub fn names_of_settings(&self) -> Vec<&str> {
        self.runs.first().map(|run| self.settings(run).into_iter().map(|(name, _)| name).collect()).unwrap_or_default()
    }

    /// The name of a run in tables for readers; empty where it only repeats model size and data.
    pub fn name_of<'a>(&self, run: &'a Run) -> &'a str {
        if self.is_listed { &run.name } else { "" }
    }

    /// The runs as a table: column heads and rows of cells. A column without any value is left out.
    pub fn table(&self) -> (Vec<&str>, Vec<Vec<String>>) {
        let row = |run: &Run| {
            let or_none = |text: Option<String>| text.unwrap_or_default();
            let purpose = run.purpose.word();
            let mut cells = vec![run.order.to_string(), run.round.to_string(), self.name_of(run).to_owned()];
            cells.extend(self.settings(run).into_iter().map(|(_, value)| format!("{value:.3e}")));
            cells.extend([
                or_none(run.steps.map(|steps| steps.to_string())),
                format!("{:.2e}", run.cost.flop),
                or_none(run.cost.usd.map(|usd| format!("{usd:.0}"))),
                or_none(run.after.map(|after| {
                    after.waste.map_or_else(
                        || format!("{:.4e} to {:.4e}", after.lower, after.upper),
                        |waste| format!("{:.3} %", 100.0 * waste),
                    )
                })),
                if run.is_worth_it {
                    purpose.to_owned()
                } else {
                    format!("{purpose} after the stop").trim().to_owned()
                },
            ]);
            cells
        };
        let is_wasted = self.runs.iter().any(|run| run.after.is_some_and(|after| after.waste.is_some()));
        let then = if is_wasted { "wasted then" } else { "interval then" };
        let heads =
            [&["run", "round", "name"][..], &self.names_of_settings(), &["steps", "FLOP", "$", then, ""]].concat();
        let rows: Vec<Vec<String>> = self.runs.iter().map(row).collect();
        let has_values: Vec<bool> =
            (0..heads.len()).map(|column| rows.is_empty() || rows.iter().any(|row| !row[column].is_empty())).collect();
        let kept = |column: &usize| has_values[*column];
        (
            (0..heads.len()).filter(kept).map(|column| heads[column]).collect(),
            rows.iter().map(|row| (0..row.len()).filter(kept).map(|column| row[column].clone()).collect()).collect(),
        )
    }
}

/// A law that the rows do not identify, and what the runs settle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unidentified {
    /// Why the rows do not identify the law, as a clause.
    pub reason: String,
    /// The part of the present spread of each free parameter over plausible curves that remains after all runs. This is
    /// rough, because the spread is that of a weak prior.
    pub left: BTreeMap<String, f64>,
}

/// A decision, now and after the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// The decision as text.
    pub asks: String,
    /// Name of the chosen or forecast quantity.
    pub output: String,
    /// Weight.
    pub weight: f64,
    /// Compute of the decision, where it is about a budget.
    pub stake: Option<f64>,
    /// Present knowledge, where the rows identify the laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Believed>,
    /// Expected knowledge after all runs, where the rows identify the laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Believed>,
}

/// A number, its interval, and the cost of a wrong choice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Believed {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Expected waste, as a share of the decision's compute.
    pub waste: Option<f64>,
}

/// A run to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Name, which depends only on the run.
    pub name: String,
    /// Place in the order of the runs.
    pub order: usize,
    /// The round in which it is trained.
    pub round: usize,
    /// Purpose.
    pub purpose: Purpose,
    /// Whether the run saves more at the target than it costs; runs after the stop do not.
    pub is_worth_it: bool,
    /// Model size, where the laws have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// Training data, where the laws have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<f64>,
    /// Values of other variables of the laws, where a table lists the candidates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, f64>,
    /// Number of layers.
    pub layers: Option<u32>,
    /// Width of the residual stream.
    pub width: Option<u32>,
    /// Tokens per batch.
    pub batch: Option<f64>,
    /// Optimiser steps.
    pub steps: Option<u64>,
    /// Number of the trunk that it shares with other runs.
    pub trunk: Option<usize>,
    /// Cost in addition to the runs before it.
    pub cost: Cost,
    /// Hours of the run alone.
    pub hours: Option<f64>,
    /// Its slot.
    pub slot: Option<u32>,
    /// Start, in hours.
    pub start: Option<f64>,
    /// Forecast of its response, with the interval of a single run, where the rows identify the laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Believed>,
    /// Knowledge for the first decision after this run and all before it, where the rows identify the laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Believed>,
    /// Compute saved so far minus compute spent so far.
    pub net: Option<f64>,
}

/// The value of the runs: compute saved at the target, and compute spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Worth {
    /// Expected compute saved by the runs up to the stop.
    pub saved: Cost,
    /// Cost of these runs.
    pub spent: Cost,
    /// Compute saved minus compute spent.
    pub net: f64,
    /// Number of runs after which the next run costs more than it saves.
    pub stop_after: usize,
    /// Compute of the decision above which the runs up to the stop are worth their cost; the first run where there is
    /// no stop.
    pub break_even: Option<f64>,
}

/// Another design for the same cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rival {
    /// Description.
    pub design: String,
    /// Number of runs.
    pub runs: usize,
    /// Its compute.
    pub flop: f64,
    /// Expected waste of the first decision, as a share of its compute, if small runs follow the law as well as large
    /// ones; `None` for a forecast.
    pub waste: Option<f64>,
    /// Standard deviation of the first decision relative to that of this design, with the weights used for the choice
    /// of runs. A value above 1 means that the other design is less informative.
    pub wider: f64,
}

/// An assumption that would change the advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The changed assumption.
    pub if_so: String,
    /// Number of runs worth their cost under it.
    pub stop_after: Option<usize>,
    /// Remaining waste of the first decision, as a share of its compute.
    pub waste: Option<f64>,
    /// Number of the design's runs that would still be chosen.
    pub kept: usize,
}

/// Results of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Simulated {
    /// Number of simulated truths.
    pub trials: usize,
    /// Ratio of predicted to realised variance of the first decision.
    pub ratio: f64,
    /// Share of trials in which the interval after the runs contained the truth.
    pub coverage: f64,
}

/// Results of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Each run in the table of results.
    pub runs: Vec<Outcome>,
    /// Number of the design's runs that are missing from the results.
    pub missing: usize,
    /// Ratio of realised to predicted mean squared deviation of results from their forecasts.
    pub surprise: Option<f64>,
    /// The ratio that chance alone exceeds in one of twenty cases.
    pub surprise_limit: Option<f64>,
}

impl Outcomes {
    /// A warning if results are further from their forecasts than chance explains.
    pub fn warning(&self) -> Option<String> {
        let (surprise, limit) = (self.surprise?, self.surprise_limit?);
        (surprise > limit).then(|| {
            format!(
                "The results deviate from their forecasts {:.1} times as much as the forecasts' intervals allow. Either the law does not hold at the new sizes, or the new runs scatter more than the fitted rows. The interval of the decision is therefore too narrow. Add the results to the rows, fit again, and compare other laws.",
                surprise.sqrt()
            )
        })
    }
}

/// The result of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Name of the run, or its sizes.
    pub name: String,
    /// Status: `done`, `failed`, `diverged` or `missing`.
    pub status: String,
    /// The response.
    pub response: Option<f64>,
    /// Forecast of the response.
    pub forecast: Option<Believed>,
    /// Deviation from the forecast in standard deviations.
    pub z: Option<f64>,
}
