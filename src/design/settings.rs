//! The settings of a design in a spec: decisions, limits, machine and candidate runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quantity::{OneOrMany, Quantity};
use crate::query::{Asking, Question, QuestionKeys, read_asking};

/// A decision that the runs inform: exactly one question.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Decide {
    /// Weight of the decision relative to the others in the choice of runs.
    #[serde(default)]
    pub weight: Option<Quantity>,
    /// The questions of the decision; a valid decision has exactly one.
    #[serde(default)]
    #[schemars(with = "QuestionKeys", flatten)]
    pub questions: Vec<Question>,
}

/// The keys of a decision that are not questions.
#[derive(Deserialize)]
struct Others {
    weight: Option<Quantity>,
}

impl Serialize for Decide {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_map(None)?;
        if let Some(weight) = &self.weight {
            table.serialize_entry("weight", weight)?;
        }
        self.questions.iter().try_for_each(|question| question.write(&mut table))?;
        table.end()
    }
}

impl Asking for Decide {
    const NAME: &'static str = "Decide";

    fn keys() -> &'static [&'static str] {
        static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| [&["weight"], Question::decisions().as_slice()].concat());
        &KEYS
    }

    fn from_others<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Others { weight } = Others::deserialize(deserializer)?;
        Ok(Self { weight, questions: Vec::new() })
    }

    fn questions(&mut self) -> &mut Vec<Question> {
        &mut self.questions
    }
}

impl<'de> Deserialize<'de> for Decide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_asking(deserializer)
    }
}

/// One decision, or several that share the runs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Decisions {
    /// Several decisions.
    Many(Vec<Decide>),
    /// One decision.
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

/// Limits on the cost of the runs; all given limits apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Training compute of all runs.
    #[serde(default, rename = "FLOP", alias = "flop", skip_serializing_if = "Option::is_none")]
    pub flop: Option<Quantity>,
    /// Accelerator hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<Quantity>,
    /// Dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Quantity>,
}

/// The machine on which the runs are trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// An accelerator of the price table, such as "H100". It gives the defaults of the following keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Peak FLOP per second of one accelerator: "989T".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Quantity>,
    /// Number of accelerators; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Number of runs that are trained at a time, each on an equal part of the accelerators; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Dollars per accelerator hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Quantity>,
    /// The share of the peak that training reaches (model FLOP utilisation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfu: Option<Quantity>,
    /// Bytes of memory of one accelerator: "80B".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// The learning-rate schedule, which determines what runs can share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Cosine decay: the decay of each run has its own length, so runs share nothing.
    #[default]
    Cosine,
    /// A constant rate with a decay at the end. Runs of one size share a trunk, from which each branches off to
    /// decay.
    Wsd,
}

/// Candidate values of a variable: a list, or a range as text.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// A range: "1 to 1000 per parameter", "1B to 100B", "20 per parameter".
    Range(String),
    /// A list of values.
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

/// The shape of a network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Number of layers.
    pub layers: u32,
    /// Width of the residual stream.
    pub width: u32,
    /// Model size as the fit counts it; 12 layers width^2 by default.
    #[serde(default, alias = "N", skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
}

/// The candidate runs: `{ N = "40M to 2B", D = "1 to 1000 per parameter" }`, under the study's names of model size
/// and data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidates {
    /// Model sizes are a list or a range such as "40M to 2B"; by default from the smallest size of the fit's rows to
    /// four times the largest. Data are a list, a range such as "1B to 100B", or "1 to 1000 per parameter", which is
    /// the default. A wider range of data per parameter needs fewer runs for the same information about a split, as
    /// long as the law holds over that range.
    #[serde(flatten)]
    pub values: BTreeMap<String, Choice>,
    /// Shapes of networks, in place of model sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// The learning-rate schedule.
    #[serde(default)]
    pub schedule: Schedule,
    /// The part of a run in which the learning rate of `wsd` decays.
    #[serde(default = "default_cooldown")]
    pub cooldown: f64,
    /// Minimum number of optimiser steps of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_steps: Option<u64>,
    /// Batch sizes in tokens. Each run uses the batch nearest to the best one for its compute that leaves enough
    /// steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<OneOrMany<Quantity>>,
    /// Parameters in memory for each parameter that the model size counts: for a mixture of experts whose size counts
    /// active parameters, all of them over the active ones; 1 by default. Such runs have no proposed shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_per_active: Option<Quantity>,
    /// Values of the law's other variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hold: BTreeMap<String, Quantity>,
    /// The rows that describe the runs, in place of sizes: the name of a source, table or filter with one row per run
    /// and a column for each variable of the laws. Each run can be chosen once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Compute of the run of a row in FLOP, as an expression of its columns; by default the cost of the fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// The column with the names of the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
            total_per_active: None,
            hold: BTreeMap::new(),
            rows: None,
            cost: None,
            name: None,
        }
    }
}

const fn default_cooldown() -> f64 {
    COOLDOWN
}

/// The share of a run in which the learning rate decays. In Hägele et al. 2024 (arXiv:2405.18392, section 3), a fifth
/// gives as low a loss as a cosine schedule.
pub(super) const COOLDOWN: f64 = 0.2;

/// Limits in addition to the budget. A design never exceeds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Maximum number of runs; 30 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    /// Hours until the last run ends, for all rounds together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Quantity>,
    /// Hours of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_hours: Option<Quantity>,
    /// Training compute of one run.
    #[serde(default, rename = "run_FLOP", alias = "run_flop", skip_serializing_if = "Option::is_none")]
    pub run_flop: Option<Quantity>,
}

/// Default maximum number of runs.
pub(super) const MOST_RUNS: usize = 30;
/// Maximum number of runs of one configuration, unless a table lists the runs.
pub(super) const MOST_COPIES: usize = 2;

/// Default scale of the discrepancy. It was chosen, not derived; the page on the validation of designs shows the effect
/// of other values.
const USUAL_SCALE: f64 = 1.5;

/// How closely runs far below the largest one are expected to follow the law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discrepancy {
    /// The scatter with which a run counts is that of the rows times a factor of e for every `2 scale` in the
    /// logarithm of compute below the largest run.
    pub scale: Quantity,
}

impl Default for Discrepancy {
    fn default() -> Self {
        Self { scale: Quantity(USUAL_SCALE) }
    }
}

/// The settings of a design with all names resolved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// The decisions.
    pub decide: Vec<Decide>,
    /// The budget.
    pub budget: Budget,
    /// The machine.
    pub machine: Option<Machine>,
    /// The candidate runs.
    pub candidates: Candidates,
    /// Other limits.
    pub limits: Limits,
    /// Number of rounds in which the runs are trained. Each round is planned again with the results of earlier
    /// rounds.
    pub rounds: usize,
    /// How closely small runs are expected to follow the law.
    pub discrepancy: Discrepancy,
    /// Seed of the study.
    pub seed: u64,
}
