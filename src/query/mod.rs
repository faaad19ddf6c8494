//! Queries to a fit: one file per kind.
//!
//! A query is answered at the estimate and at every draw of the parameters. The answers at the draws give its
//! interval.

mod allocate;
mod allocation;
mod compare;
mod compute_optimal;
mod crossing;
mod derived;
mod distance;
mod draws;
mod identified;
mod inference_aware;
mod interval;
mod isoflop;
mod keyed;
mod loss;
mod marginal;
mod minimum;
mod model;
mod overtrain;
mod price;
mod reach;
mod reaching;
mod split;
mod surface;
mod threshold;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use allocate::Allocate;
pub use allocation::{Allocation, FLOP_PER_PARAMETER_AND_TOKEN, FLOP_PER_SERVED_TOKEN, best_allocation, can_split};
pub use compare::Compare;
pub use compute_optimal::ComputeOptimal;
pub use derived::Derived;
pub use inference_aware::InferenceAware;
pub use isoflop::Isoflop;
pub use loss::Loss;
pub use marginal::Marginal;
pub use minimum::Minimum;
pub use model::{Model, Ready, Solved, Trail};
pub use overtrain::Overtrain;
pub use reach::Reach;
pub use surface::Moves;
pub use threshold::Threshold;

use crate::answer::{Answer, Row, Verdict};
use crate::fit::Fit;
use crate::law::{Law, Roles};
use crate::quantity::{OneOrMany, Quantity};
use draws::Asked;

/// A query: the list of kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The response at given variables.
    Loss(Loss),
    /// The variable that reaches a response.
    Reach(Reach),
    /// The best model size and data for a budget.
    ComputeOptimal(ComputeOptimal),
    /// The value at which a response crosses a level.
    Threshold(Threshold),
    /// Splits of a budget.
    Isoflop(Isoflop),
    /// The cheapest model over training and serving.
    InferenceAware(InferenceAware),
    /// The cost of a model that is not the best one.
    Overtrain(Overtrain),
    /// The gain from more compute.
    Marginal(Marginal),
    /// The minimum of the response over one variable.
    Minimum(Minimum),
    /// Comparison of two fits.
    Compare(Compare),
    /// Expressions of the fit's parameters.
    Derived(Derived),
    /// The best use of a budget under constraints.
    Allocate(Allocate),
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
            Self::Minimum(kind) => kind,
            Self::Compare(kind) => kind,
            Self::Derived(kind) => kind,
            Self::Allocate(kind) => kind,
        }
    }

    /// The law that answers the query. A query about budgets needs every variable on which the cost of training
    /// depends.
    pub fn law(&self, law: &Arc<Law>) -> Arc<Law> {
        let is_priced = self.kind().moves(law).is_some_and(|moves| moves.ties_compute);
        if is_priced { law.priced() } else { Arc::clone(law) }
    }
}

/// Keys of a row of results apart from the inputs and outputs of its query. No output can have such a name.
pub const ROW_KEYS: [&str; 5] = [GROUP, REACH, CAVEATS, NOTE, OBSERVED];
/// Key of the group whose fit answers.
pub const GROUP: &str = "group";
/// Key of the distance between the answer and the rows.
pub const REACH: &str = "reach";
/// Key of warnings about the numbers.
pub const CAVEATS: &str = "caveats";
/// Key of the reason why there is no number.
pub const NOTE: &str = "note";
/// Key of the observed response at the same place.
pub const OBSERVED: &str = "observed";

/// Results of a query by name. Names contain roles in braces, as [`Kind::outputs`] explains.
pub type Outputs = BTreeMap<Cow<'static, str>, f64>;

/// Outputs with fixed names.
fn named<const COUNT: usize>(outputs: [(&'static str, f64); COUNT]) -> Outputs {
    outputs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The answer to one row of a query at one parameter vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The outputs by name.
    pub outputs: Outputs,
    /// The values of all variables at which the law was evaluated, by name.
    pub at: BTreeMap<String, f64>,
}

/// Why a query has no answer at a parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// No value of the variable reaches the target.
    NotReachable {
        /// The reason, for reports.
        reason: String,
        /// The side of the range on which the target would be reached, if known.
        beyond: Option<Beyond>,
    },
    /// The law has no answer; the text gives the reason.
    Undefined(String),
}

/// The side of a variable's range on which the answer would lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Below the range: the smallest value is more than enough.
    Smallest,
    /// Above the range: the largest value is not enough.
    Largest,
}

/// A fault of a query that is found before anything runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Key at fault, where there is one.
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

/// The second fit of a query about two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second<'a> {
    /// Name of the fit.
    pub fit: &'a str,
    /// Name of its group, where the query gives one.
    pub group: Option<&'a str>,
}

/// A kind of query.
pub trait Kind: Sync {
    /// The name in a spec.
    fn name(&self) -> &'static str;

    /// The names of the outputs in display order. `{size}`, `{data}` and `{compute}` stand for the study's variables
    /// with these roles ([`Roles::named`]).
    fn outputs(&self) -> Vec<&str>;

    /// Checks whether the law can answer the query.
    ///
    /// # Errors
    /// All faults.
    fn check(&self, law: &Law) -> Result<(), Vec<Fault>>;

    /// The inputs of each row.
    fn rows(&self, roles: &Roles) -> Vec<BTreeMap<String, f64>>;

    /// The variables that the query optimises or solves for; `None` where all are given.
    fn moves(&self, law: &Law) -> Option<Moves>;

    /// The answer to one row.
    ///
    /// # Errors
    /// The reason why there is no answer.
    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal>;

    /// Whether the answer is a measurement, whose interval includes the scatter of the rows.
    fn is_measured(&self) -> bool {
        false
    }

    /// A caution about every answer of this kind; names are written as in [`Kind::outputs`].
    fn caution(&self) -> Option<&'static str> {
        None
    }

    /// The parameters in the expression of an output; empty where the output is the law's answer.
    fn parameters_of<'a>(&self, _output: &str, _law: &'a Law) -> Vec<&'a str> {
        Vec::new()
    }

    /// The other fit that the question is about, where there is one.
    fn other(&self) -> Option<Second<'_>> {
        None
    }

    /// Whether the answer balances one variable against another.
    fn splits(&self, _: &Roles) -> bool {
        false
    }
}

/// The other fit of a query about two.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// Its law.
    pub law: &'a Law,
    /// The fit.
    pub fit: &'a Fit,
    /// Draws of its free parameters.
    pub draws: &'a [Vec<f64>],
}

/// Answers a query from a fit and draws of its free parameters. Each draw is paired with one draw of the other fit.
pub fn answer(
    question: &Question,
    law: &Law,
    fit: &Fit,
    draws: &[Vec<f64>],
    other: Option<Other<'_>>,
    seed: u64,
) -> Answer {
    let kind = question.kind();
    let moves = |law: &Law| kind.moves(law);
    let ready = Ready::new(law, &fit.spans, moves(law).as_ref());
    let other = other.map(|other| (other, Ready::new(other.law, &other.fit.spans, moves(other.law).as_ref())));
    let asked = Asked { kind, ready, fit, draws, other, seed };
    let mut outside: BTreeSet<String> = BTreeSet::new();
    let mut warnings: Vec<String> = kind.caution().map(|text| law.roles.named(text)).into_iter().collect();
    let rows: Vec<Row> = kind
        .rows(&law.roles)
        .into_iter()
        .map(|inputs| {
            let found = asked.row(inputs);
            outside.extend(law.holds.outside(&found.at, &law.roles));
            found.row
        })
        .collect();
    warnings.extend(outside.into_iter().map(|reason| format!("Where the law does not hold: {reason}.")));
    if !fit.evidence.converged && fit.objective.is_some() {
        warnings.push("The fit did not converge, so this answer cannot be relied on.".to_owned());
    }
    if rows.iter().any(|r| r.reach.verdict == Verdict::NotIdentified && r.note.is_none()) {
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

/// Rows from lists of values. Lists of equal length are combined element by element, and a single value is repeated.
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

/// Faults in a table of values: lists of different lengths, and values that no size can have.
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

/// The budgets in a table, under the study's name of compute.
fn budgets<'a>(
    values: &'a BTreeMap<String, OneOrMany<Quantity>>,
    roles: &Roles,
) -> impl Iterator<Item = &'a Quantity> + Clone {
    values.get(&roles.compute).map(OneOrMany::iter).into_iter().flatten()
}

/// Adds a fault for each key that is not in `known`.
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
