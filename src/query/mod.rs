//! Questions put to a fit: one file per kind.
//!
//! A question is answered at the estimate and at every draw of the parameters; what the draws
//! give is its interval.

mod allocation;
mod compare;
mod compute_optimal;
mod inference_aware;
mod isoflop;
mod loss;
mod marginal;
mod overtrain;
mod reach;
mod threshold;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use allocation::{FLOP_PER_PARAMETER_AND_TOKEN, best_response};
pub use compare::Compare;
pub use compute_optimal::ComputeOptimal;
pub use inference_aware::InferenceAware;
pub use isoflop::Isoflop;
pub use loss::Loss;
pub use marginal::Marginal;
pub use overtrain::Overtrain;
pub use reach::Reach;
pub use threshold::Threshold;

use crate::answer::{Answer, Extent, Interval, Row, Verdict};
use crate::fit::Fit;
use crate::law::{Law, Tape};
use crate::numerics::{Random, central};
use crate::quantity::{OneOrMany, Quantity};

/// A question; the list of kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The response at given variables.
    Loss(Loss),
    /// The variable that reaches a response.
    Reach(Reach),
    /// The best model size and data for a budget.
    ComputeOptimal(ComputeOptimal),
    /// Where an ability crosses a level.
    Threshold(Threshold),
    /// Every split of a budget.
    Isoflop(Isoflop),
    /// The cheapest model over training and serving.
    InferenceAware(InferenceAware),
    /// What another model than the best one costs.
    Overtrain(Overtrain),
    /// What the next compute buys.
    Marginal(Marginal),
    /// Two fits beside each other.
    Compare(Compare),
}

impl Question {
    /// The member of the list.
    pub fn kind(&self) -> &dyn Kind {
        match self {
            Self::Loss(kind) => kind,
            Self::Reach(kind) => kind,
            Self::ComputeOptimal(kind) => kind,
            Self::Threshold(kind) => kind,
            Self::Isoflop(kind) => kind,
            Self::InferenceAware(kind) => kind,
            Self::Overtrain(kind) => kind,
            Self::Marginal(kind) => kind,
            Self::Compare(kind) => kind,
        }
    }
}

/// What one row of a question gives at one parameter vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The outputs by name.
    pub outputs: BTreeMap<&'static str, f64>,
    /// Every variable's value where the law was used, by name.
    pub at: BTreeMap<String, f64>,
}

/// Why a question has no answer at a parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// No value of the variable reaches the target; in words.
    NotReachable(String),
    /// The law has no answer there; in words.
    Undefined(String),
}

/// A fault of a question that is found before anything runs: the key at fault, what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, where there is one.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    fn at(key: &str, message: impl Into<String>) -> Self {
        Self { key: Some(key.to_owned()), message: message.into(), hint: None }
    }

    fn whole(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The second fit of a question about two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second<'a> {
    /// Its name.
    pub fit: &'a str,
    /// Which of its groups, where the question says so.
    pub group: Option<&'a str>,
}

/// A kind of question.
pub trait Kind: Sync {
    /// Its name in a spec.
    fn name(&self) -> &'static str;

    /// The names of its outputs, in the order in which they are shown.
    fn outputs(&self) -> &'static [&'static str];

    /// Whether the question can be put to the law.
    ///
    /// # Errors
    /// Every fault.
    fn check(&self, law: &Law) -> Result<(), Vec<Fault>>;

    /// The inputs of each row.
    fn rows(&self) -> Vec<BTreeMap<String, f64>>;

    /// The answer to one row.
    ///
    /// # Errors
    /// Where there is none.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal>;

    /// Whether the answer is a measurement somebody could make, so that its interval holds the rows' noise.
    fn is_measured(&self) -> bool {
        false
    }

    /// What a reader has to know of every answer of this kind.
    fn caution(&self) -> Option<&'static str> {
        None
    }

    /// The other fit that the question is about, where there is one.
    fn other(&self) -> Option<Second<'_>> {
        None
    }

    /// Whether the answer weighs one variable against another.
    fn splits(&self) -> bool {
        false
    }
}

/// A law at one parameter vector.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The law.
    pub law: &'a Law,
    /// Its compiled form.
    pub tape: &'a Tape,
    /// The free parameters.
    pub parameters: &'a [f64],
    /// The law of another fit at one of its parameter vectors, where the question is about two.
    pub other: Option<&'a Self>,
}

/// Another fit that a question is about.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// Its law.
    pub law: &'a Law,
    /// The fit.
    pub fit: &'a Fit,
    /// Draws of its free parameters.
    pub draws: &'a [Vec<f64>],
}

impl Model<'_> {
    /// The response at variables given by name; those not given are 1.
    pub fn response(&self, at: &BTreeMap<String, f64>) -> f64 {
        self.tape.value_at(self.parameters, &self.ordered(at))
    }

    fn ordered(&self, at: &BTreeMap<String, f64>) -> Vec<f64> {
        self.law.variables.iter().map(|v| at.get(&v.name).copied().unwrap_or(1.0)).collect()
    }
}

/// Answers a question by a fit and draws of its free parameters; each draw meets one of the other fit.
pub fn answer(
    question: &Question,
    law: &Law,
    fit: &Fit,
    draws: &[Vec<f64>],
    other: Option<Other<'_>>,
    seed: u64,
) -> Answer {
    let tape = law.tape();
    let other_tape = other.map(|other| other.law.tape());
    let kind = question.kind();
    let has_values = fit.free.len() == law.free().len();
    let solve = |parameters: &[f64], draw: Option<usize>, inputs: &BTreeMap<String, f64>| {
        if !has_values {
            return Err(Refusal::Undefined(fit.evidence.warnings.join(" ")));
        }
        let second = other.zip(other_tape.as_ref()).map(|(other, tape)| {
            let drawn = draw.filter(|_| !other.draws.is_empty()).map(|i| &other.draws[i % other.draws.len()]);
            Model { law: other.law, tape, parameters: drawn.unwrap_or(&other.fit.free), other: None }
        });
        kind.solve(&Model { law, tape: &tape, parameters, other: second.as_ref() }, inputs)
    };
    let mut outside: BTreeSet<String> = BTreeSet::new();
    let rows: Vec<Row> = kind
        .rows()
        .into_iter()
        .enumerate()
        .map(|(index, inputs)| match solve(&fit.free, None, &inputs) {
            Ok(finding) => {
                let samples: Vec<Option<Finding>> =
                    draws.par_iter().enumerate().map(|(i, draw)| solve(draw, Some(i), &inputs).ok()).collect();
                let at = |name: &str| finding.at.get(name).copied();
                let scatter = fit.noise.trend.as_ref().map_or(1.0, |trend| trend.factor(at));
                let outputs = finding
                    .outputs
                    .iter()
                    .map(|(&name, &value)| {
                        let sample =
                            samples.iter().map(|s| s.as_ref().and_then(|f| f.outputs.get(name).copied())).collect();
                        let sample =
                            if kind.is_measured() { with_noise(sample, fit, scatter, seed, index) } else { sample };
                        (name.to_owned(), interval(value, sample, fit.level))
                    })
                    .collect();
                outside.extend(law.holds.outside(&finding.at));
                let reach = extent(fit, &finding.at, kind.splits());
                Row { group: None, inputs, outputs, reach, note: None }
            }
            Err(refusal) => refused(fit, inputs, refusal),
        })
        .collect();
    let mut warnings: Vec<String> = kind.caution().map(str::to_owned).into_iter().collect();
    warnings.extend(outside.into_iter().map(|reason| format!("Where the law does not hold: {reason}.")));
    if !fit.evidence.converged && fit.objective.is_some() {
        warnings.push("The fit did not converge; this answer stands on sand.".to_owned());
    }
    if rows.iter().any(|r| r.reach.verdict == Verdict::NotIdentified) {
        warnings.push(
            "The rows of the fit cannot tell the variables apart that this answer weighs against each other."
                .to_owned(),
        );
    }
    let described = (!draws.is_empty()).then(|| {
        let percent = 100.0 * fit.level.unwrap_or(0.0);
        if kind.is_measured() && fit.noise.envelope {
            format!("{percent:.0} % interval of the envelope, from the parameters alone: most runs lie on one side of it")
        } else if kind.is_measured() {
            let trend = fit.noise.trend.as_ref().map_or_else(String::new, |trend| format!(" along {}", trend.variable));
            format!("{percent:.0} % prediction interval of one run: parameters and the scatter of the rows{trend}, not the error of the law itself")
        } else {
            format!("{percent:.0} % interval from the parameters alone")
        }
    });
    Answer {
        kind: kind.name().to_owned(),
        interval: described,
        rows,
        forecasts: BTreeMap::new(),
        caveats: BTreeMap::new(),
        warnings,
    }
}

fn refused(fit: &Fit, inputs: BTreeMap<String, f64>, refusal: Refusal) -> Row {
    let (verdict, note) = match refusal {
        Refusal::NotReachable(note) => (Verdict::NotReachable, note),
        Refusal::Undefined(note) => (if fit.rows == 0 { Verdict::NotFitted } else { Verdict::NotIdentified }, note),
    };
    let reach = Extent { verdict, factor: None, by_variable: BTreeMap::new() };
    Row { group: None, inputs, outputs: BTreeMap::new(), reach, note: Some(note) }
}

/// Adds a residual of the rows to each draw, in a place where their scatter is `scatter` times the usual.
fn with_noise(sample: Vec<Option<f64>>, fit: &Fit, scatter: f64, seed: u64, row: usize) -> Vec<Option<f64>> {
    let mut random = Random::new(seed, "noise", row as u64);
    sample
        .into_iter()
        .enumerate()
        .map(|(draw, value)| {
            let residual = scatter * fit.noise.draw(draw, &mut random);
            value.map(|v| fit.scale.value(fit.scale.place(v) - residual))
        })
        .collect()
}

/// The central interval of a sample; a draw without an answer counts as beyond every number.
fn interval(value: f64, sample: Vec<Option<f64>>, level: Option<f64>) -> Interval {
    let level = match level {
        Some(level) if !sample.is_empty() => level,
        _ => return Interval { value: Some(value), lower: None, upper: None },
    };
    let mut sorted: Vec<f64> = sample.into_iter().map(|v| v.unwrap_or(f64::INFINITY)).collect();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = central(&sorted, value, level);
    let end = |v: f64| Some(v).filter(|v| v.is_finite());
    Interval { value: Some(value), lower: end(lower), upper: end(upper) }
}

/// How far a point leaves the rows of a fit.
fn extent(fit: &Fit, at: &BTreeMap<String, f64>, splits: bool) -> Extent {
    if fit.rows == 0 {
        return Extent { verdict: Verdict::NotFitted, factor: None, by_variable: BTreeMap::new() };
    }
    let by_variable: BTreeMap<String, f64> = at
        .iter()
        .filter_map(|(name, &value)| fit.spans.get(name).map(|span| (name.clone(), span.factor(value))))
        .collect();
    let factor = by_variable.values().copied().fold(1.0, f64::max);
    let off_ray = fit.rays.iter().any(|ray| match (at.get(&ray.first), at.get(&ray.second)) {
        (Some(first), Some(second)) => splits || ray.ratio.factor(second / first) > 1.5,
        _ => false,
    });
    let verdict = match factor {
        _ if off_ray => Verdict::NotIdentified,
        f if f <= 1.0 => Verdict::Inside,
        f if f <= 10.0 => Verdict::Near,
        _ => Verdict::Far,
    };
    Extent { verdict, factor: Some(factor), by_variable }
}

/// Rows from lists of values: lists of one length go side by side, a single value goes with all.
fn rows_of(values: &BTreeMap<String, OneOrMany<Quantity>>) -> Vec<BTreeMap<String, f64>> {
    let count = values.values().map(|v| v.iter().len()).max().unwrap_or(1);
    (0..count)
        .map(|row| {
            values
                .iter()
                .filter_map(|(name, list)| {
                    let value = list.iter().nth(row).or_else(|| list.iter().next())?;
                    Some((name.clone(), value.0))
                })
                .collect()
        })
        .collect()
}

/// Faults of a table of values: lists of different lengths, values that no size can have.
fn check_values(values: &BTreeMap<String, OneOrMany<Quantity>>, faults: &mut Vec<Fault>) {
    let longest = values.values().map(|v| v.iter().len()).max().unwrap_or(1);
    for (name, list) in values {
        if list.iter().len() != 1 && list.iter().len() != longest {
            faults.push(
                Fault::at(name, format!("`{name}` has {} values where another list has {longest}", list.iter().len()))
                    .hint("lists go side by side: give each the same length, or one value for all"),
            );
        }
        if let Some(wrong) = list.iter().find(|q| !(q.0 > 0.0 && q.0.is_finite())) {
            faults.push(Fault::at(name, format!("`{name}` is {}; a size is above zero and finite", wrong.0)));
        }
    }
}

/// A fault for each key that is not one of `known`.
fn check_names<'a>(given: impl Iterator<Item = &'a String>, known: &[&str], law: &Law, faults: &mut Vec<Fault>) {
    for name in given {
        if !known.contains(&name.as_str()) {
            let hint = match crate::diagnostic::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the law is `{}`", law.formula),
            };
            faults.push(Fault::at(name, format!("the law `{}` has no variable `{name}`", law.name)).hint(hint));
        }
    }
}

fn finish(faults: Vec<Fault>) -> Result<(), Vec<Fault>> {
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
