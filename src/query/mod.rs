//! Queries to a fit: one file per kind.
//!
//! A query is answered at the estimate and at every draw of the parameters. The answers at the draws give its
//! interval.

mod allocation;
mod asked;
mod axis;
mod budget;
mod crossing;
mod distance;
mod draws;
mod extremum;
mod identified;
mod interval;
mod keyed;
mod limits;
mod model;
mod price;
mod reaching;
mod scan;
mod several;
mod simplex;
mod split;
mod surface;
mod within;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};

pub use allocation::{Allocation, best_allocation};
pub use asked::{Asking, read as read_asking};
pub use budget::{FLOP_PER_PARAMETER_AND_TOKEN, FLOP_PER_SERVED_TOKEN, can_split};
pub(crate) use distance::extent;
pub use draws::left_range;
pub use limits::{Allowed, GPU_HOURS, Limited, Limits, SubjectTo};
pub use model::{Model, Ready, Solved, Trail};
pub use price::RunCost;
pub(crate) use reach::{moves_to_reach, value_that_reaches};
pub use several::{SeveralLaws, WeightedLaw};
pub use surface::Moves;

use crate::answer::{Answer, Interval, Row, Verdict};
use crate::fit::Fit;
use crate::law::{Law, Roles, Share};
use crate::numeral::exact;
use crate::numerics::Points;
use crate::quantity::{OneOrMany, Quantity};
use crate::registry::{keyed, registry};
use crate::warning::Warning;
use draws::Asked;
use several::WeightedLaws;

/// Implements reading and writing a question under its key, and lists the keys for decisions and for the schema of
/// queries.
macro_rules! keys_of_questions {
    ($($(#[$doc:meta])* $module:ident, $Member:ident;)+) => {
        keyed! { Question, QuestionKeys; $($(#[$doc])* $module, $Member;)+ }

        impl Question {
            /// Writes the question as an entry of a table, under its name.
            ///
            /// # Errors
            /// The errors of the writer.
            pub fn write<M: SerializeMap>(&self, table: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$Member(settings) => table.serialize_entry(stringify!($module), settings),)+
                }
            }

            /// The names of the questions that a design can decide.
            pub fn decisions() -> Vec<&'static str> {
                let mut all = Self::NAMES.to_vec();
                $(if !<$Member as Kind>::decides() { all.retain(|name| *name != stringify!($module)); })+
                all
            }
        }
    };
}

registry! {
    /// A kind of question.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub enum Question of dyn Kind, each keys_of_questions! {
        /// The response at given variables: `{ N = "280B", D = "300B" }`.
        loss::Loss,
        /// The value of a variable at which the response reaches a level: `{ L = 2.0, solve = "C" }`.
        reach::Reach,
        /// The optimal model size and amount of data for a budget: `{ C = [1e21, 5.76e23] }`.
        compute_optimal::ComputeOptimal,
        /// The value of a variable at which the response crosses a level: `{ accuracy = 0.5, solve = "C" }`.
        threshold::Threshold,
        /// Splits of a budget: the optimal split, the curve around it, and the minimum of a fitted parabola: `{ C =
        /// 1e21 }`.
        isoflop::Isoflop,
        /// The cheapest model for training and serving together: `{ loss = 2.0, serve = "10T" }`.
        inference_aware::InferenceAware,
        /// The cost of training a model smaller than the optimal one: `{ C = 1e22, factor = 0.25 }`.
        overtrain::Overtrain,
        /// The gain from ten times the compute: `{ C = 1e22 }`.
        marginal::Marginal,
        /// The minimum of the response over one variable: `{ over = "D" }`.
        minimum::Minimum,
        /// The maximum of the response over one variable: `{ over = "lr" }`.
        maximum::Maximum,
        /// The mixture of domains with the lowest response: `{ N = "7B", D = "1T" }`.
        best_mixture::BestMixture,
        /// Comparison with another fit: `{ with = "other", C = 1e22 }`.
        compare::Compare,
        /// Quantities derived from the fit's parameters, with intervals: `{ a = "beta / (alpha + beta)" }`.
        /// Quantities that also depend on variables take their values from `at`.
        derived::Derived,
        /// The optimal use of a budget for training and serving, for a family of sizes, or with limited data: `{ C =
        /// 1e24, serve = "10T" }`.
        allocate::Allocate,
    }
}

impl Question {
    /// The law as used by the question. A question about budgets needs values of all variables that determine the
    /// training cost.
    pub fn law(&self, law: &Arc<Law>) -> Arc<Law> {
        let is_priced = self.member().moves(law).is_some_and(|moves| moves.ties_compute);
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

/// The beginning of a warning about an answer outside the conditions of its law, before the reason.
pub const OUTSIDE: &str = "Where the law does not hold: ";

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

    /// A variable of the law that the question lacks.
    fn missing(name: &str, law: &Law) -> Self {
        Self::whole(format!("`{name}` is missing: the law is `{}`", law.formula))
    }

    /// The same fault in a table of the question.
    fn under(self, table: &str) -> Self {
        Self { key: Some(table.to_owned()), ..self }
    }
}

/// The second fit of a query about two fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second<'a> {
    /// Name of the fit.
    pub fit: &'a str,
    /// Name of its group, where the query gives one.
    pub group: Option<&'a str>,
}

/// The form of an answer in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// The response at the inputs.
    Response,
    /// The best split of the inputs, and the response there.
    Split,
    /// The value that reaches the inputs.
    Solution,
    /// The responses of two fits at the inputs, and how much more compute the other one needs.
    Comparison,
    /// Each output by its name.
    Outputs,
}

/// What a forecast of the response can answer of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByForecast<'a> {
    /// The response itself.
    Response,
    /// The value of a variable at which the response reaches a level.
    Reaching(&'a str),
    /// The best split of a budget.
    Splitting,
}

/// The waste of a wrong choice of model size.
#[derive(Clone, Copy, Debug)]
pub enum Waste<'a> {
    /// Training compute: the part of the budget without which the best split reaches the same response.
    OfBudget,
    /// Compute of training and serving: the excess over the best size that reaches the same response.
    OfServing {
        /// The response.
        response: f64,
        /// Values of the law's other variables.
        hold: &'a BTreeMap<String, Quantity>,
    },
}

/// A kind of question.
pub trait Kind: Sync {
    /// The names of the outputs, in display order. `{size}`, `{data}` and `{compute}` stand for the names of the
    /// study's variables with these roles ([`Roles::named`]).
    fn outputs(&self) -> Vec<&str>;

    /// Checks whether the law can answer the query.
    ///
    /// # Errors
    /// All faults.
    fn check(&self, law: &Law) -> Result<(), Vec<Fault>>;

    /// Checks what depends on both laws of a comparison.
    ///
    /// # Errors
    /// All faults.
    fn check_both(&self, _own: &Law, _other: &Law) -> Result<(), Vec<Fault>> {
        Ok(())
    }

    /// The inputs of each row.
    fn rows(&self, roles: &Roles) -> Vec<BTreeMap<String, f64>>;

    /// Whether a row is an answer of its own, and not a point of a curve.
    fn is_answer(&self, _inputs: &BTreeMap<String, f64>, _roles: &Roles) -> bool {
        true
    }

    /// The work for a row, in multiples of that for a usual answer.
    fn effort(&self) -> usize {
        1
    }

    /// The variables that the query optimises or solves for; `None` if all are given.
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

    /// Whether it applies to a law over learning-rate schedules.
    fn takes_schedules(&self) -> bool {
        false
    }

    /// Whether each output stands for itself: at a draw, one may be undefined and the others not.
    fn is_in_parts(&self) -> bool {
        false
    }

    /// Whether an output is a response.
    fn is_response(&self, output: &str) -> bool {
        output == "loss" || output.ends_with("_loss")
    }

    /// The variable to which the values of an output belong: the one that is solved for or varied.
    fn variable_of(&self, _output: &str) -> Option<&str> {
        None
    }

    /// The form of an answer in a sentence.
    fn phrase(&self) -> Phrase {
        Phrase::Outputs
    }

    /// The output on which a design decides; `None` for the first output that every draw has.
    fn decided(&self) -> Option<&str> {
        None
    }

    /// Whether a design can have it as its decision.
    fn decides() -> bool
    where
        Self: Sized,
    {
        false
    }

    /// The waste of a wrong choice of model size; `None` if the answer is not such a choice.
    fn waste(&self) -> Option<Waste<'_>> {
        None
    }

    /// A caution for every answer of this kind, with names as in [`Kind::outputs`].
    fn caution(&self) -> Option<&'static str> {
        None
    }

    /// The parameters in the expression of an output; empty where the output is the law's answer.
    fn parameters_of<'a>(&self, _output: &str, _law: &'a Law) -> Vec<&'a str> {
        Vec::new()
    }

    /// Whether several laws can answer it together.
    ///
    /// # Errors
    /// Why they cannot.
    fn takes_several_laws(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// What a forecast of the response, without a law for all sizes, can answer; `None` where it cannot.
    fn by_forecast(&self) -> Option<ByForecast<'_>> {
        None
    }

    /// The second fit of the question, if it has one.
    fn other(&self) -> Option<Second<'_>> {
        None
    }

    /// Whether limits of model size, data and compute have a meaning for the question.
    ///
    /// # Errors
    /// Where they have none: why, and what to ask instead.
    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("every variable is given, and nothing is left to limit")
    }

    /// The variable, other than model size, data and compute, whose values can be limited.
    fn limited(&self, _: &Law) -> Option<Limited<'_>> {
        None
    }

    /// The question with what follows from the law; `None` where nothing follows.
    fn for_law(&self, _: &Law) -> Option<Question> {
        None
    }

    /// The shares that it optimises, if it is about a mixture.
    fn shares(&self, _: &Law) -> Option<Vec<Share>> {
        None
    }

    /// The weights of the groups of the fit, if the answer is one for all groups together.
    fn weights(&self) -> Option<&BTreeMap<String, Quantity>> {
        None
    }

    /// Remarks about an answer, from the values at which the law was evaluated and the outputs.
    fn remarks(&self, _at: &BTreeMap<String, f64>, _outputs: &BTreeMap<String, Interval>) -> Vec<String> {
        Vec::new()
    }

    /// Remarks about an answer that follow from the law at the estimate, such as other solutions.
    fn remarks_at_estimate(&self, _model: &Model<'_>, _inputs: &BTreeMap<String, f64>) -> Vec<String> {
        Vec::new()
    }

    /// Whether the answer balances one variable against another.
    fn splits(&self, _: &Roles) -> bool {
        false
    }
}

/// The other fit of a query about two fits.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// Its law.
    pub law: &'a Law,
    /// The fit.
    pub fit: &'a Fit,
    /// Draws of its free parameters.
    pub draws: &'a Points,
}

/// Answers a query from a fit and draws of its free parameters. Each draw is paired with one draw of the other fit.
pub fn answer(
    question: &Question,
    law: &Law,
    fit: &Fit,
    draws: &Points,
    other: Option<Other<'_>>,
    seed: u64,
) -> Answer {
    answer_within(question, None, law, fit, draws, other, seed)
}

/// The same for answers that keep to limits.
pub fn answer_within(
    question: &Question,
    limits: Option<&Limits>,
    law: &Law,
    fit: &Fit,
    draws: &Points,
    other: Option<Other<'_>>,
    seed: u64,
) -> Answer {
    let kind = question.member();
    let moves = |law: &Law| kind.moves(law);
    let ready = Ready::new(law, &fit.spans, moves(law).as_ref()).within(limits);
    let other = other.map(|other| (other, Ready::new(other.law, &other.fit.spans, moves(other.law).as_ref())));
    answered(question, &Asked { kind, ready, fit, draws, other, laws: None, seed })
}

/// Answers a query by several laws together; `other` is the other fit of a comparison. The answer does not describe its
/// intervals, which depend on how the laws were drawn.
pub fn answer_by_several(
    question: &Question,
    limits: Option<&Limits>,
    own: &SeveralLaws,
    other: Option<&SeveralLaws>,
    seed: u64,
) -> Answer {
    fn ready<'a>(of: &'a SeveralLaws, kind: &dyn Kind) -> Ready<'a> {
        Ready::new(&of.law, &of.fit.spans, kind.moves(&of.law).as_ref())
    }
    let (kind, none) = (question.member(), Points::default());
    let second = other.map(|other| (Other { law: &other.law, fit: &other.fit, draws: &none }, ready(other, kind)));
    let laws = Some(WeightedLaws::new(kind, limits, own, other));
    let own_ready = ready(own, kind).within(limits);
    let asked = Asked { kind, ready: own_ready, fit: &own.fit, draws: &none, other: second, laws, seed };
    Answer { interval: None, ..answered(question, &asked) }
}

/// The answer to a prepared question.
fn answered(question: &Question, asked: &Asked<'_>) -> Answer {
    let Asked { kind, fit, draws, .. } = *asked;
    let (law, limits) = (asked.ready.law, asked.ready.limits);
    let mut outside: BTreeSet<String> = BTreeSet::new();
    let mut holding: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    let mut remarks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut warnings: Vec<Warning> =
        kind.caution().map(|text| Warning::remark(law.roles.named(text))).into_iter().collect();
    let rows: Vec<Row> = kind
        .rows(&law.roles)
        .into_iter()
        .map(|inputs| {
            let found = asked.row(inputs);
            outside.extend(law.holds.outside(&found.at, &law.roles));
            if !found.at.is_empty() {
                let inputs = found.row.inputs.iter().map(|(name, value)| format!("{name} = {}", exact(*value)));
                let place = inputs.collect::<Vec<_>>().join(", ");
                let at_estimate = asked.remarks_at_estimate(&found.row.inputs);
                for remark in kind.remarks(&found.at, &found.row.outputs).into_iter().chain(at_estimate) {
                    remarks.entry(remark).or_default().push(place.clone());
                }
                if let Some(limits) = limits {
                    holding.entry(limits.holding(&law.roles, &found.at)).or_default().push(place);
                }
            }
            found.row
        })
        .collect();
    let held = holding.into_iter().filter(|(limits, _)| !limits.is_empty());
    // A question without inputs has one row, which needs no name.
    let named_rows =
        |rows: &[String]| rows.iter().filter(|row| !row.is_empty()).cloned().collect::<Vec<_>>().join("; ");
    warnings.extend(remarks.into_iter().map(|(remark, rows)| match named_rows(&rows).as_str() {
        "" => format!("{remark}.").into(),
        rows => format!("At {rows}: {remark}.").into(),
    }));
    warnings.extend(held.map(|(limits, rows)| match named_rows(&rows).as_str() {
        "" => format!("The answer lies on these limits: {}.", limits.join(", ")).into(),
        rows => format!("The answer at {rows} lies on these limits: {}.", limits.join(", ")).into(),
    }));
    warnings.extend(outside.into_iter().map(|reason| format!("{OUTSIDE}{reason}.").into()));
    if !fit.evidence.converged && fit.objective.is_some() {
        warnings.push("The fit did not converge, so this answer cannot be relied on.".into());
    }
    if rows.iter().any(|r| r.reach.verdict == Verdict::NotIdentified && r.note.is_none()) {
        warnings.push(
            "The rows of the fit cannot separate the effects of the variables that this answer balances against \
             each other."
                .into(),
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
        kind: question.name().to_owned(),
        interval: described,
        rows,
        forecasts: BTreeMap::new(),
        stacks: BTreeMap::new(),
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

/// Faults in a table of values: lists of different lengths, and values that no size or share can have.
fn check_values(values: &BTreeMap<String, OneOrMany<Quantity>>, law: &Law, faults: &mut Vec<Fault>) {
    let longest = values.values().map(|v| v.iter().len()).max().unwrap_or(1);
    for (name, list) in values {
        if list.iter().len() != 1 && list.iter().len() != longest {
            faults.push(
                Fault::at(name, format!("`{name}` has {} values where another list has {longest}", list.iter().len()))
                    .hint("lists are combined element by element: give each the same length, or a single value"),
            );
        }
        if law.mixture_of(name).is_some() {
            if let Some(wrong) = list.iter().find(|q| !(0.0..=1.0).contains(&q.0)) {
                let fault = Fault::at(name, format!("`{name}` is {}; a share is between 0 and 1", wrong.0));
                faults.push(fault.hint("in percent write `\"50 %\"`"));
            }
        } else if let Some(wrong) = list.iter().find(|q| !is_possible(law, name, q.0)) {
            faults.push(impossible(law, name, wrong.0));
        }
    }
}

/// Whether a variable or the response can have a value: a count is positive, and anything else is finite.
fn is_possible(law: &Law, name: &str, value: f64) -> bool {
    value.is_finite() && (value > 0.0 || !law.is_count(name))
}

/// The fault of a value that a variable cannot have.
fn impossible(law: &Law, name: &str, value: f64) -> Fault {
    let wanted = if law.is_count(name) { "a size must be positive and finite" } else { "it must be finite" };
    Fault::at(name, format!("`{name}` is {value}; {wanted}"))
}

/// Faults of shares that do not sum to 1.
fn check_sums(values: &BTreeMap<String, OneOrMany<Quantity>>, law: &Law, faults: &mut Vec<Fault>) {
    if !faults.is_empty() {
        return;
    }
    for mixture in &law.mixtures {
        let sums = rows_of(values).into_iter().filter_map(|row| mixture.variables().map(|name| row.get(name)).sum());
        if let Some(wrong) = sums.into_iter().find(|sum: &f64| !mixture.allows_sum(*sum)) {
            let names: Vec<&str> = mixture.variables().collect();
            let names = crate::diagnostic::list(&names);
            let message = format!("the shares {names} sum to {wrong:.4}, and must sum to {}", mixture.wanted_sum());
            faults.push(Fault::whole(message));
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
    let given: Vec<&String> = given.collect();
    for name in &given {
        if !known.contains(&name.as_str()) {
            let is_of_law = law.variable(name).is_some();
            let hint = match meant_by(name, &given, known, law) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the law is `{}`", law.formula),
            };
            let message = if is_of_law {
                format!("the query solves for `{name}`, so it cannot be given")
            } else {
                format!("the law `{}` has no variable `{name}`", law.name)
            };
            faults.push(Fault::at(name, message).hint(hint));
        }
    }
}

/// The needed names that are not given. A name that one of the given names misspells is left to [`check_names`].
fn left_out<'a, 'b>(
    given: impl Iterator<Item = &'b String>,
    needed: impl IntoIterator<Item = &'a str>,
    law: &Law,
) -> Vec<&'a str> {
    let (given, needed): (Vec<&String>, Vec<&str>) = (given.collect(), needed.into_iter().collect());
    let unknown = given.iter().filter(|name| !needed.contains(&name.as_str()));
    let meant: Vec<&str> = unknown.filter_map(|name| meant_by(name, &given, &needed, law)).collect();
    let is_given = |name: &str| given.iter().any(|given| *given == name);
    needed.into_iter().filter(|name| !is_given(name) && !meant.contains(name)).collect()
}

/// The known name that an unknown one among the given names stands for: the nearest one, or else the only one that is
/// missing. `None` for the name of another variable of the law.
fn meant_by<'a>(name: &str, given: &[&String], known: &[&'a str], law: &Law) -> Option<&'a str> {
    let only_missing = || {
        let mut missing = known.iter().filter(|known| !given.iter().any(|given| given == *known));
        let is_alone = given.iter().filter(|given| !known.contains(&given.as_str())).count() == 1;
        missing.next().copied().filter(|_| is_alone && missing.next().is_none())
    };
    let meant = crate::diagnostic::nearest(name, known.iter().copied()).or_else(only_missing);
    meant.filter(|_| law.variable(name).is_none())
}

fn finish(faults: Vec<Fault>) -> Result<(), Vec<Fault>> {
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
