//! What compute buys: a budget spent best, the budget for a response, and what has to be held for it.

use std::collections::BTreeMap;

use super::crossing::cross;
use super::model::{Model, Trail};
use super::reaching::cheapest;
use super::split::{Budget, best_split};
use super::surface::Moves;
use super::{Fault, Refusal, check_names};
use crate::law::Law;
use crate::numerics::exp;
use crate::quantity::{OneOrMany, Quantity};

/// Training compute is about 6 FLOP per parameter and token (Kaplan et al. 2020, arXiv:2001.08361, section 2.1).
pub const FLOP_PER_PARAMETER_AND_TOKEN: f64 = 6.0;
/// Serving a token costs about 2 FLOP per parameter (Sardana et al. 2024, arXiv:2401.00448).
pub(super) const FLOP_PER_SERVED_TOKEN: f64 = 2.0;

/// The variables that a split decides itself.
pub(super) const DECIDED: [&str; 3] = ["N", "D", "C"];

/// Whether a law has the variables that a budget is split between.
pub(super) fn can_split(law: &Law) -> bool {
    law.variable("N").is_some() && law.variable("D").is_some()
}

/// Whether a law has a response for a budget of compute.
pub(super) fn takes_budget(law: &Law) -> bool {
    can_split(law) || law.variable("C").is_some()
}

/// What a question about budgets moves: model size and data, or compute alone.
pub(super) fn moves(law: &Law) -> Moves {
    if can_split(law) { Moves::sizes() } else { Moves::one("C") }
}

/// A budget spent best.
pub(super) struct Spent {
    pub(super) response: f64,
    /// Every variable there, and compute.
    pub(super) at: BTreeMap<String, f64>,
    /// The change of the response with the logarithm of the budget.
    pub(super) slope: f64,
    /// 1 where a lower response is better, -1 where a higher one is.
    pub(super) sign: f64,
}

/// The best response of a budget, other variables held.
pub(super) fn spend(model: &Model<'_>, c: f64, held: &BTreeMap<String, f64>) -> Result<Spent, Refusal> {
    let mut at = held.clone();
    at.insert("C".to_owned(), c);
    if can_split(model.ready.law) {
        let split = best_split(model, Budget::training(c), &model.ordered(held, &DECIDED)?)?;
        at.extend([("N", split.n), ("D", split.d)].map(|(name, value)| (name.to_owned(), value)));
        return Ok(Spent { response: split.response, at, slope: split.slope, sign: split.sign });
    }
    let variables = model.ordered(&at, &[])?;
    let response = model.value(&variables)?;
    let (_, slopes) = model.ready.tape.slope_at(model.parameters, &variables);
    let slope = model.ready.law.variable("C").map_or(0.0, |index| slopes[index] * c);
    let sign = model.laid_sign(&variables, &["C"]);
    Ok(Spent { response, at, slope, sign })
}

/// The best response of a budget, given by its logarithm, looked for everywhere.
pub(super) fn best_at(model: &Model<'_>, log: f64, held: &BTreeMap<String, f64>) -> Result<Spent, Refusal> {
    spend(&Model { trail: &Trail::default(), ..*model }, exp(log), held)
}

/// A budget split best between model size and data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allocation {
    /// Model size, in parameters.
    pub n: f64,
    /// Data, in tokens.
    pub d: f64,
    /// The response there.
    pub response: f64,
}

/// The best split of a budget of C FLOP, other variables held; none where the law has none.
pub fn best_allocation(model: &Model<'_>, c: f64, held: &BTreeMap<String, f64>) -> Option<Allocation> {
    if !can_split(model.ready.law) {
        return None;
    }
    let split = best_split(model, Budget::training(c), &model.ordered(held, &DECIDED).ok()?).ok()?;
    Some(Allocation { n: split.n, d: split.d, response: split.response })
}

/// The budget whose best response is a target.
pub(super) fn budget_for(model: &Model<'_>, target: f64, held: &BTreeMap<String, f64>) -> Result<f64, Refusal> {
    let base = model.ordered(held, &DECIDED)?;
    if can_split(model.ready.law) {
        return Ok(cheapest(model, target, 0.0, &base)?.compute());
    }
    Ok(exp(cross(model, target, "C", &base)?))
}

/// Faults of budgets and of what is held beside them.
pub(super) fn check_budget(
    law: &Law,
    budgets: &OneOrMany<Quantity>,
    hold: &BTreeMap<String, Quantity>,
    faults: &mut Vec<Fault>,
) {
    if !takes_budget(law) {
        faults.push(
            Fault::whole(format!("the law `{}` has no response for a budget of compute", law.formula))
                .hint("use a law of N and D, such as `hoffmann`, or one of C"),
        );
    }
    if let Some(wrong) = budgets.iter().find(|c| !(c.0 > 0.0 && c.0.is_finite())) {
        faults.push(Fault::at("C", format!("`C` is {}; a budget is above zero and finite", wrong.0)));
    }
    check_held(law, hold, faults);
}

/// Faults of what is held: every variable of the law that a split does not decide, and no other.
pub(super) fn check_held(law: &Law, hold: &BTreeMap<String, Quantity>, faults: &mut Vec<Fault>) {
    let needed: Vec<&str> =
        law.variables.iter().map(|v| v.name.as_str()).filter(|name| !DECIDED.contains(name)).collect();
    check_names(hold.keys(), &needed, law, faults);
    for name in needed {
        match hold.get(name) {
            None => {
                let fault = Fault::whole(format!("`{name}` is missing: the law is `{}`", law.formula));
                faults.push(fault.hint(format!("hold it: `hold = {{ {name} = ... }}`")));
            }
            Some(value) if !(value.0 > 0.0 && value.0.is_finite()) => {
                faults.push(Fault::at("hold", format!("`{name}` is {}; a size is above zero and finite", value.0)));
            }
            Some(_) => (),
        }
    }
}
