//! Training cost by model size and data: 6 N D, or the cost that the study defines.

use crate::expr::{Expr, Value};
use crate::law::Law;
use crate::numerics::{exp, ln};
use crate::query::FLOP_PER_PARAMETER_AND_TOKEN;

/// Maximum length of a formula in the label of an axis.
const LONGEST: usize = 48;
/// Half-width of the search for a size, in logarithms, around the solution for 6 N D.
const REACH: f64 = 40.0;
/// Number of bisections of that interval.
const HALVINGS: usize = 80;

/// The training cost of a law's runs.
pub(super) struct Price<'a> {
    /// Model size, data and compute by their names in the study.
    names: [&'a str; 3],
    own: Option<Own<'a>>,
}

/// A cost that the study defines.
struct Own<'a> {
    name: &'a str,
    text: String,
    formula: Expr<usize>,
    variables: Vec<&'a str>,
}

impl<'a> Price<'a> {
    /// The training cost of a law's runs.
    pub(super) fn of(law: &'a Law) -> Self {
        let own = law.cost.as_ref().and_then(|cost| {
            let variables: Vec<&str> = cost.training.variables.iter().map(|v| v.name.as_str()).collect();
            let place = |symbol: &String| variables.iter().position(|name| name == symbol).ok_or(());
            let formula = cost.training.body.resolve(&mut |symbol: &String, _| place(symbol)).ok()?;
            Some(Own { name: &cost.name, text: cost.formula(), formula, variables })
        });
        Self { names: law.roles.decided(), own }
    }

    /// The cost of a run with given values of variables; NaN if one has no value.
    pub(super) fn at(&self, value: impl Fn(&str) -> Option<f64>) -> f64 {
        let of = |name: &str| value(name).unwrap_or(f64::NAN);
        match &self.own {
            None => FLOP_PER_PARAMETER_AND_TOKEN * of(self.names[0]) * of(self.names[1]),
            Some(own) => {
                let values: Vec<Value> = own.variables.iter().map(|name| Value::Number(of(name))).collect();
                own.formula.number(&values).unwrap_or(f64::NAN)
            }
        }
    }

    /// The size at which the cost equals a budget, if `cost` increases with size. `six` is the logarithm of the
    /// solution for 6 N D.
    pub(super) fn spent(&self, budget: f64, six: f64, cost: impl Fn(f64) -> f64) -> Option<f64> {
        if self.own.is_none() {
            return Some(exp(six));
        }
        let (mut low, mut high) = (six - REACH, six + REACH);
        let is_more = |place: f64| cost(exp(place)) > budget;
        if is_more(low) || !is_more(high) {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if is_more(middle) { high = middle } else { low = middle }
        }
        Some(exp(f64::midpoint(low, high)))
    }

    /// The number of tokens for which a model of size `n` costs a budget; `cost` is a function of tokens.
    pub(super) fn tokens(&self, n: f64, budget: f64, cost: impl Fn(f64) -> f64) -> Option<f64> {
        self.spent(budget, ln(budget / (FLOP_PER_PARAMETER_AND_TOKEN * n)), cost)
    }

    /// The label of the axis of compute.
    pub(super) fn label(&self) -> String {
        let [.., flop] = self.names;
        match &self.own {
            Some(own) if own.text.chars().count() <= LONGEST => format!("{flop} = {} (FLOP)", own.text),
            _ => format!("{flop} = {} (FLOP)", self.words()),
        }
    }

    /// The cost in short: 6 N D, or its name.
    pub(super) fn words(&self) -> String {
        let [size, data, _] = self.names;
        self.own.as_ref().map_or_else(|| format!("6 {size} {data}"), |own| format!("cost {}", own.name))
    }
}
