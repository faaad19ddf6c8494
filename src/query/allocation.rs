//! The best split of a compute budget between model size and data, for any law that has both.

use std::collections::BTreeMap;

use super::{Model, Refusal};
use crate::law::Law;
use crate::numerics::{exp, ln};
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

/// The lowest response of a budget; none where the law has no best split.
pub fn best_response(model: &Model<'_>, c: f64) -> Option<f64> {
    best_split(model, c, &BTreeMap::new()).ok().map(|split| split.response)
}
