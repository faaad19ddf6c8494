//! Budgets of compute: their best use, the budget that reaches a response, and the variables to hold.

use std::collections::BTreeMap;

use super::budget::{Budget, can_split, takes_budget};
use super::crossing::cross;
use super::model::{Model, Trail};
use super::reaching::cheapest;
use super::split::best_split;
use super::surface::Moves;
use super::{Fault, Refusal, check_names, impossible, is_possible, left_out};
use crate::evidence::in_words;
use crate::law::{Law, Variable};
use crate::numerics::exp;
use crate::quantity::{OneOrMany, Quantity};
use crate::unit::Dimension;

/// The variables that a query about budgets optimises: model size and data, or compute alone.
pub(super) fn moves(law: &Law) -> Moves {
    law.roles.sizes().filter(|_| can_split(law)).map_or_else(|| Moves::one(&law.roles.compute), Moves::sizes)
}

/// The best use of a budget.
pub(super) struct Spent {
    pub(super) response: f64,
    /// The values of every variable, and compute.
    pub(super) at: BTreeMap<String, f64>,
    /// Derivative of the response by the logarithm of the budget.
    pub(super) slope: f64,
    /// 1 where a lower response is better, -1 where a higher one is.
    pub(super) sign: f64,
}

/// The best response for a budget, with other variables held.
pub(super) fn spend(model: &Model<'_>, c: f64, held: &BTreeMap<String, f64>) -> Result<Spent, Refusal> {
    let (law, mut at) = (model.ready.law, held.clone());
    at.insert(law.roles.compute.clone(), c);
    if can_split(law) {
        let split = best_split(model, Budget::training(c), &model.ordered(held, &law.roles.decided())?)?;
        at.extend(split.sizes(law));
        at.insert(law.roles.compute.clone(), if model.ready.limits.is_some() { split.compute } else { c });
        return Ok(Spent { response: split.response, at, slope: split.slope, sign: split.sign });
    }
    let variables = model.ordered(&at, &[])?;
    let response = model.value(&variables)?;
    let (_, slopes) = model.ready.tape.slope_at(model.parameters, &variables);
    let slope = law.variable(&law.roles.compute).map_or(0.0, |index| slopes[index] * c);
    let sign = model.laid_sign(&variables, &[&law.roles.compute]);
    Ok(Spent { response, at, slope, sign })
}

/// The best response for a budget, given by its logarithm, searched without a warm start.
pub(super) fn best_at(model: &Model<'_>, log: f64, held: &BTreeMap<String, f64>) -> Result<Spent, Refusal> {
    spend(&Model { trail: &Trail::default(), ..*model }, exp(log), held)
}

/// The best split of a budget between model size and data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allocation {
    /// Model size, in parameters.
    pub n: f64,
    /// Data, in tokens.
    pub d: f64,
    /// The response.
    pub response: f64,
}

/// The best split of a budget of `c` FLOP, with other variables held; `None` where the law has none.
pub fn best_allocation(model: &Model<'_>, c: f64, held: &BTreeMap<String, f64>) -> Option<Allocation> {
    if !can_split(model.ready.law) {
        return None;
    }
    let split =
        best_split(model, Budget::training(c), &model.ordered(held, &model.ready.law.roles.decided()).ok()?).ok()?;
    Some(Allocation { n: split.n, d: split.d, response: split.response })
}

/// The budget whose best response equals a target.
pub(super) fn budget_for(model: &Model<'_>, target: f64, held: &BTreeMap<String, f64>) -> Result<f64, Refusal> {
    let law = model.ready.law;
    let base = model.ordered(held, &law.roles.decided())?;
    if can_split(law) {
        return Ok(cheapest(model, target, 0.0, &base)?.compute);
    }
    cross(model, target, &law.roles.compute, &base)
}

/// The fault of a law that lacks the variables between which a budget is split.
pub(super) fn nothing_to_split(law: &Law) -> Fault {
    let of = |wanted: Dimension| -> Vec<String> {
        let is = |v: &&Variable| crate::law::dimension(&v.name, v.unit) == Some(wanted);
        law.variables.iter().filter(is).map(|v| format!("`{}`", v.name)).collect()
    };
    let several = [of(Dimension::Parameters), of(Dimension::Tokens)].into_iter().find(|names| names.len() > 1);
    let fault = Fault::whole(format!(
        "the law `{}` does not have both a model size and data, so there is nothing to split",
        law.formula
    ));
    match several {
        Some(names) => fault.hint(format!("{} have one unit: only one can be split", in_words(&names))),
        None => fault.hint(
            "use a law with model size and data, such as `hoffmann`; the units of columns, `parameters` and \
             `tokens`, identify them",
        ),
    }
}

/// Faults in a table of budgets and held variables; `others` are the further keys that the table may have.
pub(super) fn check_budget(
    law: &Law,
    values: &BTreeMap<String, OneOrMany<Quantity>>,
    others: &[&str],
    hold: &BTreeMap<String, Quantity>,
    faults: &mut Vec<Fault>,
) {
    if !takes_budget(law) {
        faults.push(
            Fault::whole(format!("the law `{}` has no response for a budget of compute", law.formula))
                .hint("use a law of model size and data, such as `hoffmann`, or one of compute"),
        );
    }
    let budget = law.roles.compute.as_str();
    if !left_out(values.keys(), [budget], law).is_empty() {
        let fault = Fault::whole(format!("`{budget}` is missing: the query needs budgets of compute"));
        faults.push(fault.hint(format!("write the budget in FLOP: {{ {budget} = 5.76e23 }}")));
    }
    let mut budgets = values.get(budget).into_iter().flat_map(OneOrMany::iter);
    if let Some(wrong) = budgets.find(|c| !(c.0 > 0.0 && c.0.is_finite())) {
        faults.push(Fault::at(budget, format!("`{budget}` is {}; a budget must be positive and finite", wrong.0)));
    }
    let known: Vec<&str> = others.iter().copied().chain([budget]).collect();
    check_names(values.keys(), &known, law, faults);
    check_held(law, hold, faults);
}

/// Faults of held variables: exactly the variables that a split does not determine must be held.
pub(super) fn check_held(law: &Law, hold: &BTreeMap<String, Quantity>, faults: &mut Vec<Fault>) {
    let decided = law.roles.decided();
    let needed: Vec<&str> =
        law.variables.iter().map(|v| v.name.as_str()).filter(|name| !decided.contains(name)).collect();
    check_names(hold.keys(), &needed, law, faults);
    for name in left_out(hold.keys(), needed.iter().copied(), law) {
        faults.push(Fault::missing(name, law).hint(format!("hold it: `hold = {{ {name} = ... }}`")));
    }
    for name in needed {
        if let Some(value) = hold.get(name).filter(|value| !is_possible(law, name, value.0)) {
            faults.push(impossible(law, name, value.0).under("hold"));
        }
    }
}
