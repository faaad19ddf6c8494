//! The part of a spec about queries.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::text::GroupsAsked;
use crate::design::Machine;
use crate::forecast::Forecast;
use crate::quantity::Quantity;
use crate::query::{Asking, Question, QuestionKeys, SubjectTo, read_asking};
use crate::table::Label;

/// A question about a fit. Exactly one of its keys names a kind of question.
#[derive(Clone, Debug, JsonSchema)]
pub struct Query {
    /// The fit.
    pub fit: String,
    /// The groups of the fit that are asked, one or a list. Default: all.
    #[serde(default)]
    pub group: Option<GroupsAsked>,
    /// The questions of the table; a valid query has exactly one.
    #[serde(default)]
    #[schemars(with = "QuestionKeys", flatten)]
    pub questions: Vec<Question>,
    /// The laws that answer: the law of the fit, or several laws weighted by their errors on hidden runs. `"stack"` answers
    /// every question about the response; `"default"` answers `loss`, `reach`, `threshold` and `compute_optimal`.
    #[serde(default)]
    pub forecast: Option<Forecast>,
    /// Response at chance level, for `forecast = "default"`: 1 - 1/k for error rates over k classes.
    #[serde(default)]
    pub ceiling: Option<Quantity>,
    /// Limits that the answer must keep: `{ D = "<= 1T", N = ["1B", "8B", "70B"], gpu_hours = "<= 2e7" }`. A limit is on
    /// model size, data, compute, or hours of the accelerator that `machine` names.
    #[serde(default)]
    pub subject_to: Option<SubjectTo>,
    /// The accelerator whose hours are limited: `{ device = "H100" }`.
    #[serde(default)]
    pub machine: Option<Accelerator>,
}

/// An accelerator, to convert compute to hours.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accelerator {
    /// An accelerator of the price table: "H100". Keys that are not given take their values from there.
    #[serde(default)]
    pub device: Option<String>,
    /// Peak FLOP per second: "989T".
    #[serde(default)]
    pub peak: Option<Quantity>,
    /// The fraction of the peak that training reaches.
    #[serde(default)]
    pub mfu: Option<Quantity>,
}

impl Accelerator {
    /// One accelerator as a machine.
    pub fn machine(&self) -> Machine {
        Machine { device: self.device.clone(), peak: self.peak, mfu: self.mfu, ..Machine::default() }
    }
}

/// The keys of a query that are not questions.
#[derive(Deserialize)]
struct Others {
    fit: String,
    group: Option<GroupsAsked>,
    forecast: Option<Forecast>,
    ceiling: Option<Quantity>,
    subject_to: Option<SubjectTo>,
    machine: Option<Accelerator>,
}

impl Asking for Query {
    const NAME: &'static str = "Query";

    fn keys() -> &'static [&'static str] {
        static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            [&["fit", "group"], Question::NAMES.as_slice(), &["forecast", "ceiling", "subject_to", "machine"]].concat()
        });
        &KEYS
    }

    fn from_others<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Others { fit, group, forecast, ceiling, subject_to, machine } = Others::deserialize(deserializer)?;
        Ok(Self { fit, group, questions: Vec::new(), forecast, ceiling, subject_to, machine })
    }

    fn questions(&mut self) -> &mut Vec<Question> {
        &mut self.questions
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_asking(deserializer)
    }
}

impl Query {
    /// The requested groups as texts; empty means all.
    pub fn groups(&self) -> Vec<String> {
        match &self.group {
            None => Vec::new(),
            Some(GroupsAsked::One(label)) => vec![label.text()],
            Some(GroupsAsked::Many(labels)) => labels.iter().map(Label::text).collect(),
        }
    }
}
