//! The best split of a compute budget between model size and data, for any law that has both.

use std::collections::BTreeMap;

use super::{Fault, Kind, Model, Reach, Refusal, check_names};
use crate::law::Law;
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// Training compute is about 6 FLOP per parameter and token (Kaplan et al. 2020, arXiv:2001.08361, section 2.1).
pub const FLOP_PER_PARAMETER_AND_TOKEN: f64 = 6.0;

/// Model size, tokens and response at the optimum of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) n: f64,
    pub(super) d: f64,
    pub(super) response: f64,
}

/// Whether a law has the variables that a budget is split between.
pub(super) fn can_split(law: &Law) -> bool {
    law.variable("N").is_some() && law.variable("D").is_some()
}

/// The split of C = 6 N D with the lowest response, other variables held.
///
/// Along the budget the response is stationary where N dL/dN = D dL/dD; the root is found in ln N
/// with exact derivatives, so it has all its digits, for any law.
pub(super) fn best_split(model: &Model<'_>, c: f64, held: &BTreeMap<String, f64>) -> Result<Split, Refusal> {
    let product = c / FLOP_PER_PARAMETER_AND_TOKEN;
    let [index_n, index_d, index_c] = ["N", "D", "C"].map(|name| model.law.variable(name));
    let base = model.ordered(held);
    let at = |log_n: f64| {
        let n = exp(log_n);
        let mut variables = base.clone();
        for (index, value) in [(index_n, n), (index_d, product / n), (index_c, c)] {
            if let Some(index) = index {
                variables[index] = value;
            }
        }
        variables
    };
    let unbalance = |log_n: f64| {
        let variables = at(log_n);
        let (_, slopes) = model.tape.slope_at(model.parameters, &variables);
        let by_log = |index: Option<usize>| index.map_or(0.0, |i| slopes[i] * variables[i]);
        by_log(index_n) - by_log(index_d)
    };
    let found = root(unbalance, 0.0, ln(product)).map_err(|_| {
        Refusal::Undefined(format!(
            "at C = {c:e} the law has no best split: it prefers ever {} models",
            if unbalance(ln(product) / 2.0) < 0.0 { "larger" } else { "smaller" }
        ))
    })?;
    let n = exp(found);
    Ok(Split { n, d: product / n, response: model.tape.value_at(model.parameters, &at(found)) })
}

/// Whether a law has a response for a budget of compute.
pub(super) fn takes_budget(law: &Law) -> bool {
    can_split(law) || law.variable("C").is_some()
}

/// The lowest response of a budget, and every variable there.
pub(super) fn spend(
    model: &Model<'_>,
    c: f64,
    held: &BTreeMap<String, f64>,
) -> Result<(f64, BTreeMap<String, f64>), Refusal> {
    let mut at = held.clone();
    at.insert("C".to_owned(), c);
    if can_split(model.law) {
        let split = best_split(model, c, held)?;
        at.extend([("N", split.n), ("D", split.d)].map(|(name, value)| (name.to_owned(), value)));
        return Ok((split.response, at));
    }
    let response = model.response(&at);
    if !response.is_finite() {
        return Err(Refusal::Undefined(format!("the law has no finite value at C = {c:e}")));
    }
    Ok((response, at))
}

/// The budget whose lowest response is a target.
pub(super) fn budget_for(model: &Model<'_>, target: f64, held: &BTreeMap<String, f64>) -> Result<f64, Refusal> {
    let mut inputs = held.clone();
    inputs.insert(model.law.response.clone(), target);
    let found = Reach { solve: "C".to_owned(), values: BTreeMap::new() }.solve(model, &inputs)?;
    Ok(found.outputs["solution"])
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
        law.variables.iter().map(|v| v.name.as_str()).filter(|name| !matches!(*name, "N" | "D" | "C")).collect();
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

/// The lowest response of a budget; none where the law has no best split.
pub fn best_response(model: &Model<'_>, c: f64) -> Option<f64> {
    best_split(model, c, &BTreeMap::new()).ok().map(|split| split.response)
}
