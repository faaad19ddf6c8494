//! A decision: the choice, its uncertainty, and the compute that a wrong choice wastes.
//!
//! A wrong split of compute wastes compute. The waste is the budget minus the smaller budget whose best split reaches
//! the same response. It is found exactly by inverting the law at every draw. Near the optimum the expected relative
//! waste is 1/2 L'' / (-dL*/d ln C) Var(ln N*), where L'' is the second derivative of the response by ln N at a fixed
//! budget, and L* is the best response. The waste is proportional to a variance, and so is the waste that remains after
//! further runs.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::beliefs::{Belief, Beliefs};
use crate::law::Roles;
use crate::numerics::{exp, ln, mean};
use crate::query::{Finding, Kind, Model, Question, Ready, Solved, Trail, Waste, moves_to_reach, value_that_reaches};

/// Names of outputs in queries: model size, and compute of training and serving.
const SIZE: &str = "{size}";
const TOTAL: &str = "total_{compute}";
/// Largest waste, in the logarithm of compute: a factor of ten. All worse choices count as this waste.
const MOST_WASTE: f64 = std::f64::consts::LN_10;
/// Smallest share of draws that must have an answer.
const LEAST_ANSWERED: f64 = 0.5;

/// A query as a decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The query.
    pub question: Question,
    /// Inputs of one of its rows.
    pub inputs: BTreeMap<String, f64>,
    /// Weight.
    pub weight: f64,
}

/// The distribution of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Name of the chosen or forecast quantity.
    pub output: String,
    /// Whether the quantity is a model size.
    pub is_size: bool,
    /// Its value at every draw, as a logarithm where `log` is set; `NaN` where a draw has no answer.
    pub values: Vec<f64>,
    /// Whether values are logarithms.
    pub log: bool,
    /// Mean waste of the present choice, in the logarithm of compute; `None` for a forecast.
    pub waste: Option<f64>,
    /// Waste per unit of variance.
    pub per_variance: Option<f64>,
    /// Compute of the decision.
    pub stake: Option<f64>,
}

impl Decision {
    /// The kind of the query and its inputs.
    pub fn describe(&self) -> String {
        let inputs: Vec<String> = self.inputs.iter().map(|(name, value)| format!("{name} = {value:.3e}")).collect();
        format!("{} at {}", self.question.name(), inputs.join(", "))
    }

    /// The distribution of the decision.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn judge(&self, beliefs: &Beliefs<'_>) -> Result<Judged, String> {
        let kind = self.question.member();
        let found: Vec<Option<Finding>> =
            beliefs.members.iter().flat_map(|belief| self.of_draws(belief, kind)).collect();
        let answered = found.iter().flatten().count();
        if (answered as f64) < LEAST_ANSWERED * found.len() as f64 {
            return Err(format!("{} has an answer in {answered} of {} draws only", self.describe(), found.len()));
        }
        let mut outputs = kind.decided().into_iter().chain(kind.outputs());
        let output = outputs.find(|name| found.iter().flatten().all(|f| f.outputs.contains_key(*name)));
        let output = output.ok_or_else(|| format!("{} has no answer that all draws have", self.describe()))?;
        let name = beliefs.roles().map_or_else(|| output.to_owned(), |roles| roles.named(output));
        let raw: Vec<f64> = found.iter().map(|f| f.as_ref().map_or(f64::NAN, |f| f.outputs[output])).collect();
        let log = raw.iter().filter(|v| !v.is_nan()).all(|v| *v > 0.0);
        let values: Vec<f64> = raw.iter().map(|&v| if log { ln(v) } else { v }).collect();
        let mut judged =
            Judged { output: name, is_size: output == SIZE, values, log, waste: None, per_variance: None, stake: None };
        self.price(beliefs, &found, &mut judged);
        Ok(judged)
    }

    /// The answers at the draws of one law.
    fn of_draws(&self, belief: &Belief<'_>, kind: &dyn Kind) -> Vec<Option<Finding>> {
        let moves = kind.moves(belief.law);
        let ready = Ready::new(belief.law, &belief.fit.spans, moves.as_ref());
        let at = |parameters: &[f64], trail: Trail<'_>| {
            let model = Model { ready: &ready, parameters, other: None, trail: &trail };
            let finding = kind.solve(&model, &self.inputs).ok();
            (finding.filter(|f| f.outputs.values().all(|v| v.is_finite())), trail.laid())
        };
        let (_, laid) = at(&belief.fit.free, Trail::default());
        belief
            .draws
            .par_iter()
            .map(|draw| at(draw, Trail::following(&laid)).0.or_else(|| at(draw, Trail::default()).0))
            .collect()
    }

    /// Adds the waste of a wrong choice, where the query is about compute.
    fn price(&self, beliefs: &Beliefs<'_>, found: &[Option<Finding>], judged: &mut Judged) {
        let shares = beliefs.shares();
        let choice = judged.mean(&shares);
        let mut wasted: Vec<Option<f64>> = Vec::new();
        for belief in &beliefs.members {
            let own = &found[wasted.len()..wasted.len() + belief.draws.len()];
            let Some(of_member) = self.wasted(belief, own, exp(choice)) else { return };
            wasted.extend(of_member);
        }
        let (mut sum, mut off, mut share) = (0.0, 0.0, 0.0);
        for ((value, waste), weight) in judged.values.iter().zip(&wasted).zip(&shares) {
            let Some(waste) = waste.filter(|w| w.is_finite()) else { continue };
            sum += weight * waste.clamp(0.0, MOST_WASTE);
            off += weight * (value - choice) * (value - choice);
            share += weight;
        }
        if share > 0.0 {
            judged.waste = Some(sum / share);
            judged.per_variance = (off > 0.0).then_some(sum / off);
            judged.stake = beliefs.roles().and_then(|roles| self.stake(found, roles));
        }
    }

    /// Compute of the decision: the budget, or the cost of training and serving.
    fn stake(&self, found: &[Option<Finding>], roles: &Roles) -> Option<f64> {
        let totals = || found.iter().flatten().filter_map(|f| f.outputs.get(TOTAL).copied()).collect::<Vec<_>>();
        match self.question.member().waste() {
            Some(Waste::OfServing { .. }) => Some(mean(&totals())).filter(|v| v.is_finite()),
            _ => self.inputs.get(&roles.compute).copied(),
        }
    }

    /// The waste of a size at each draw of a law, in the logarithm of compute; `None` where the query does not choose
    /// a size.
    fn wasted(&self, belief: &Belief<'_>, found: &[Option<Finding>], size: f64) -> Option<Vec<Option<f64>>> {
        let estimate = belief.fit.free.as_slice();
        let draws = belief.draws.par_iter();
        match self.question.member().waste()? {
            Waste::OfBudget => {
                let compute = &belief.law.roles.compute;
                let budget = self.inputs.get(compute).copied()?;
                let data = belief.cost.data_for(budget, size);
                let held =
                    self.inputs.iter().filter(|(name, _)| *name != compute).map(|(n, v)| (n.clone(), *v)).collect();
                let inverse = Inverse::new(belief, compute, held, belief.response(estimate, size, data));
                let waste = |draw: &&[f64]| Some(ln(budget / inverse.at(draw, belief.response(draw, size, data))?));
                Some(draws.map(waste).collect())
            }
            Waste::OfServing { response, hold } => {
                let serve = self.inputs.get("serve").copied()?;
                let held = hold.iter().map(|(name, value)| (name.clone(), value.0));
                let [size_name, data] = belief.law.roles.sizes()?;
                let held = held.chain([(size_name.to_owned(), size)]).collect();
                let inverse = Inverse::new(belief, data, held, response);
                let total = |data: f64| belief.cost.with_serving(size, data, serve);
                let waste = |(draw, best): (&&[f64], &Option<Finding>)| {
                    let best = best.as_ref()?.outputs.get(TOTAL).copied()?;
                    // A model too small to reach the response with any amount of data has the maximum waste.
                    Some(inverse.at(draw, response).map_or(MOST_WASTE, |data| ln(total(data) / best)))
                };
                Some(draws.zip(found).map(waste).collect())
            }
        }
    }
}

/// A law that is solved for the variable that reaches a response, at one draw after another.
struct Inverse<'a> {
    solve: String,
    ready: Ready<'a>,
    laid: Vec<Option<Solved>>,
    held: BTreeMap<String, f64>,
}

impl<'a> Inverse<'a> {
    /// Prepares a law for solving near the estimate's solution.
    fn new(belief: &Belief<'a>, solve: &str, held: BTreeMap<String, f64>, response: f64) -> Self {
        let moves = moves_to_reach(belief.law, solve, |name| held.contains_key(name));
        let ready = Ready::new(belief.law, &belief.fit.spans, Some(&moves));
        let mut inverse = Self { solve: solve.to_owned(), ready, laid: Vec::new(), held };
        let trail = Trail::default();
        let _ = inverse.found(&belief.fit.free, response, &trail);
        inverse.laid = trail.laid();
        inverse
    }

    /// The value that reaches a response at a parameter vector.
    fn at(&self, parameters: &[f64], response: f64) -> Option<f64> {
        let followed = self.found(parameters, response, &Trail::following(&self.laid));
        followed.or_else(|| self.found(parameters, response, &Trail::default()))
    }

    fn found(&self, parameters: &[f64], response: f64, trail: &Trail<'_>) -> Option<f64> {
        let model = Model { ready: &self.ready, parameters, other: None, trail };
        let found = value_that_reaches(&model, &self.solve, response, &mut self.held.clone()).ok()?;
        Some(found).filter(|v| v.is_finite() && *v > 0.0)
    }
}

impl Judged {
    /// A decision without an answer at any of `draws` draws. It has no effect on the choice of runs.
    pub(super) fn unanswered(draws: usize) -> Self {
        let output = String::new();
        Self {
            output,
            is_size: false,
            values: vec![0.0; draws],
            log: false,
            waste: None,
            per_variance: None,
            stake: None,
        }
    }

    /// Whether it has no answer.
    pub(super) fn is_unanswered(&self) -> bool {
        self.output.is_empty()
    }

    /// The same decision without the waste of a wrong choice.
    pub(super) fn without_price(self) -> Self {
        Self { waste: None, per_variance: None, stake: None, ..self }
    }

    /// The weighted mean over draws with an answer.
    pub fn mean(&self, shares: &[f64]) -> f64 {
        let known = || self.values.iter().zip(shares).filter(|(v, _)| v.is_finite());
        known().map(|(v, share)| v * share).sum::<f64>() / known().map(|(_, share)| share).sum::<f64>()
    }

    /// A value in the unit of the output.
    pub fn plain(&self, value: f64) -> f64 {
        if self.log { exp(value) } else { value }
    }

    /// The ends of the interval from the weighted draws.
    pub fn interval(&self, level: f64, shares: &[f64]) -> [f64; 2] {
        self.quantiles([(1.0 - level) / 2.0, f64::midpoint(1.0, level)], shares).map(|value| self.plain(value))
    }

    /// Quantiles of the weighted draws with an answer; `NaN` where there are none.
    ///
    /// Between neighbouring values they are linear in the cumulative weight, with each draw at the middle of its own
    /// weight, from the smallest value at 0 to the largest at 1. With equal weights this is type 7 of Hyndman and Fan
    /// 1996.
    pub fn quantiles<const COUNT: usize>(&self, at: [f64; COUNT], shares: &[f64]) -> [f64; COUNT] {
        let known = self.values.iter().copied().zip(shares.iter().copied()).filter(|(value, _)| value.is_finite());
        let mut sorted: Vec<(f64, f64)> = known.collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let steps = || sorted.windows(2).map(|pair| 0.5 * (pair[0].1 + pair[1].1));
        let whole: f64 = steps().sum();
        at.map(|p| {
            let mut left = p.clamp(0.0, 1.0) * whole;
            for (pair, step) in sorted.windows(2).zip(steps()) {
                if left <= step {
                    return pair[0].0 + (pair[1].0 - pair[0].0) * (left / step);
                }
                left -= step;
            }
            sorted.last().map_or(f64::NAN, |(value, _)| *value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::quantile;

    fn judged(values: &[f64]) -> Judged {
        let values = values.to_vec();
        Judged {
            output: "N".to_owned(),
            is_size: true,
            values,
            log: false,
            waste: None,
            per_variance: None,
            stake: None,
        }
    }

    #[test]
    fn with_equal_weights_the_interval_is_that_of_the_draws() {
        let values = [3.0, 1.0, f64::NAN, 7.0, 4.0, 9.0];
        let sorted = [1.0, 3.0, 4.0, 7.0, 9.0];
        let [low, high] = judged(&values).interval(0.7, &[0.2; 6]);
        assert!((low - quantile(&sorted, 0.15)).abs() < 1e-12 && (high - quantile(&sorted, 0.85)).abs() < 1e-12);
    }

    #[test]
    fn a_law_of_small_weight_moves_the_interval_little_with_many_draws() {
        // A hundred draws around 1 with a total weight of 0.99, and four hundred around 5 with a total weight of
        // 0.01.
        let draw = |place: usize| if place < 100 { 1.0 + 1e-3 * place as f64 } else { 5.0 + 1e-3 * place as f64 };
        let values: Vec<f64> = (0..500).map(draw).collect();
        let shares: Vec<f64> = (0..500).map(|place| if place < 100 { 0.99 / 100.0 } else { 0.01 / 400.0 }).collect();
        let [low, high] = judged(&values).interval(0.9, &shares);
        assert!(1.0 < low && low < 1.01 && 1.09 < high && high < 1.1, "{low} {high}");
    }
}
