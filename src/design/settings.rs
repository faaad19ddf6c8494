//! What a spec says of a design: the decision, the limits, the machine and the runs that could be trained.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::quantity::{OneOrMany, Quantity};
use crate::query::{ComputeOptimal, InferenceAware, Loss, Marginal, Minimum, Question, Reach, Threshold};

/// A decision that the runs are to serve: exactly one question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// How much it counts beside the other decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Quantity>,
    /// The best model size and data for a budget: `{ C = 1e24 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_optimal: Option<ComputeOptimal>,
    /// The cheapest model over training and serving: `{ loss = 2.0, serve = "10T" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference_aware: Option<InferenceAware>,
    /// A forecast of the response: `{ N = "70B", D = "1.4T" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// What reaches a response: `{ L = 2.0, solve = "C" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// Where an ability crosses a level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// What ten times the compute buys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marginal: Option<Marginal>,
    /// Where the response is lowest over one variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Minimum>,
}

impl Decide {
    /// What is asked, by name; sound where exactly one is there.
    pub fn questions(&self) -> [(&'static str, Option<Question>); 7] {
        [
            ("compute_optimal", self.compute_optimal.clone().map(Question::ComputeOptimal)),
            ("inference_aware", self.inference_aware.clone().map(Question::InferenceAware)),
            ("loss", self.loss.clone().map(Question::Loss)),
            ("reach", self.reach.clone().map(Question::Reach)),
            ("threshold", self.threshold.clone().map(Question::Threshold)),
            ("marginal", self.marginal.clone().map(Question::Marginal)),
            ("minimum", self.minimum.clone().map(Question::Minimum)),
        ]
    }
}

/// One decision, or several that share the runs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Decisions {
    /// Several.
    Many(Vec<Decide>),
    /// One.
    One(Box<Decide>),
}

impl Decisions {
    /// The decisions, in order.
    pub fn all(&self) -> Vec<&Decide> {
        match self {
            Self::One(decide) => vec![decide],
            Self::Many(list) => list.iter().collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Decisions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DecisionsVisitor;
        impl<'de> Visitor<'de> for DecisionsVisitor {
            type Value = Decisions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decision such as { compute_optimal = { C = 1e24 } }, or a list of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Decisions, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Decisions::Many)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Decisions, A::Error> {
                Decide::deserialize(MapAccessDeserializer::new(map)).map(|one| Decisions::One(Box::new(one)))
            }
        }
        deserializer.deserialize_any(DecisionsVisitor)
    }
}

/// What may be spent on the runs; all that is given holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Training compute of all runs.
    #[serde(default, rename = "FLOP", alias = "flop", skip_serializing_if = "Option::is_none")]
    pub flop: Option<Quantity>,
    /// Accelerators times hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<Quantity>,
    /// Dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Quantity>,
}

/// Where the runs are trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// An accelerator of the price table: "H100". What follows is taken from there where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Peak FLOP per second of one accelerator: "989T".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Quantity>,
    /// Number of accelerators; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Runs that are trained at a time, each on an equal part of the accelerators; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Dollars for an accelerator and hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Quantity>,
    /// The share of the peak that training reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfu: Option<Quantity>,
    /// Bytes of memory of one accelerator: "80B".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// How the learning rate goes, which decides what runs may share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Every run has a decay of its own length and is trained alone.
    #[default]
    Cosine,
    /// A constant rate with a decay at the end: runs of one size share a trunk, from which each branches off to decay.
    Wsd,
}

/// Values of a variable that are tried: a list, or a range in words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// "1 to 1000 per parameter", "1B to 100B", "20 per parameter".
    Range(String),
    /// The values.
    Values(OneOrMany<Quantity>),
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = Choice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or a range such as \"1B to 100B\" or \"5 to 400 per parameter\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Choice, E> {
                Ok(Choice::Range(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Choice, E> {
                Ok(Choice::Values(Quantity(value as f64).into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Choice, E> {
                Ok(Choice::Values(Quantity(value).into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Choice, A::Error> {
                OneOrMany::deserialize(SeqAccessDeserializer::new(list)).map(Choice::Values)
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

/// A shape of network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Number of layers.
    pub layers: u32,
    /// Width of the residual stream.
    pub width: u32,
    /// Model size, as the fit counts it; 12 layers width^2 where it is not given.
    #[serde(default, alias = "N", skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
}

/// The runs that could be trained: `{ N = "40M to 2B", D = "1 to 1000 per parameter" }`, under the names that model size
/// and data have in the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidates {
    /// Model sizes, a list or "40M to 2B"; by default from the least of the fit's rows to four times the largest. Data, a
    /// list, "1B to 100B" or "1 to 1000 per parameter", which is the default. The wider the range of data per parameter,
    /// the fewer runs tell as much of a split, as long as the law holds that far.
    #[serde(flatten)]
    pub values: BTreeMap<String, Choice>,
    /// Shapes of networks; they take the place of model sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// How the learning rate goes.
    #[serde(default)]
    pub schedule: Schedule,
    /// The part of a run in which the learning rate of `wsd` decays.
    #[serde(default = "default_cooldown")]
    pub cooldown: f64,
    /// Fewest optimiser steps of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_steps: Option<u64>,
    /// Batch sizes in tokens; each run takes the one nearest to the best batch of its compute that leaves it steps enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<OneOrMany<Quantity>>,
    /// Values of the law's other variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hold: BTreeMap<String, Quantity>,
}

impl Default for Candidates {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            shapes: Vec::new(),
            schedule: Schedule::default(),
            cooldown: COOLDOWN,
            min_steps: None,
            batch: None,
            hold: BTreeMap::new(),
        }
    }
}

const fn default_cooldown() -> f64 {
    COOLDOWN
}

/// The share of a run that Hägele et al. 2024 (arXiv:2405.18392, section 3) let decay: a fifth does as well as cosine.
pub(super) const COOLDOWN: f64 = 0.2;

/// Limits besides the budget; none of them is ever exceeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most runs; 30 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    /// Hours until the last run has ended, all rounds together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Quantity>,
    /// Hours of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_hours: Option<Quantity>,
    /// Training compute of one run.
    #[serde(default, rename = "run_FLOP", alias = "run_flop", skip_serializing_if = "Option::is_none")]
    pub run_flop: Option<Quantity>,
}

/// Most runs where a spec does not say.
pub(super) const MOST_RUNS: usize = 30;
/// Runs of one configuration, at most.
pub(super) const MOST_COPIES: usize = 2;

/// How far runs far below the largest are believed to follow the law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discrepancy {
    /// The scatter with which a run counts is the rows' times e for every `2 scale` in the logarithm of compute below
    /// the largest run.
    pub scale: Quantity,
}

impl Default for Discrepancy {
    fn default() -> Self {
        Self { scale: Quantity(1.5) }
    }
}

/// What a design is planned by, all names resolved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// The decisions.
    pub decide: Vec<Decide>,
    /// What may be spent.
    pub budget: Budget,
    /// Where the runs are trained.
    pub machine: Option<Machine>,
    /// The runs that could be.
    pub candidates: Candidates,
    /// Other limits.
    pub limits: Limits,
    /// In how many rounds the runs are trained; each is planned anew from what came out of those before.
    pub rounds: usize,
    /// How far small runs are believed.
    pub discrepancy: Discrepancy,
    /// Seed of the study.
    pub seed: u64,
}
