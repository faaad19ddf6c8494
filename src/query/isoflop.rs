//! Splits of a budget: the curve of the response, its minimum, and the minimum of a parabola through the curve.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::allocation::{check_budget, moves, nothing_to_split};
use super::budget::{Budget, can_split};
use super::keyed::keyed;
use super::split::{Split, best_split, split_freely};
use super::{Fault, Finding, Kind, Model, Moves, Refusal, budgets, named};
use crate::law::{Law, Roles};
use crate::numerics::{Matrix, exp, ln};
use crate::quantity::{OneOrMany, Quantity};

/// Splits of budgets of compute: the best split, the splits around it, and the results of Approaches 1 and 2.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Isoflop {
    /// Budgets in FLOP, under the name of compute.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// A budget to which Approach 2 extrapolates: parabolas of the budgets, then a power law through their minima.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Quantity>,
    /// Model sizes range from the best one divided by this factor to the best one times this factor.
    #[schemars(default = "usual_width")]
    pub width: Quantity,
    /// Number of model sizes on a curve.
    #[schemars(default = "usual_points")]
    pub points: usize,
    /// Whether the result includes the curve, with one row per model size.
    #[schemars(default)]
    pub curve: bool,
    /// Model sizes of Approach 1; the answer names the one with the best response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<OneOrMany<Quantity>>,
    /// Values of the law's other variables.
    #[schemars(default)]
    pub hold: BTreeMap<String, Quantity>,
}

keyed!(Isoflop, "{ C = [1e19, 1e20] }", {
    "at" => at or None,
    "width" => width or usual_width(),
    "points" => points or usual_points(),
    "curve" => curve or false,
    "sizes" => sizes or None,
    "hold" => hold or BTreeMap::new(),
});

const fn usual_width() -> Quantity {
    Quantity(4.0)
}

const fn usual_points() -> usize {
    15
}

/// The name of an input of a row: model size relative to the best one.
fn ratio_of(roles: &Roles) -> String {
    format!("{}_ratio", roles.size.as_deref().unwrap_or_default())
}

/// Minimum number of points of a parabola.
const FEWEST: usize = 3;
/// Maximum number of points of a curve, since each draw of the parameters has its own curve.
const MOST: usize = 1000;

impl Kind for Isoflop {
    fn outputs(&self) -> Vec<&str> {
        vec!["{size}", "{data}", "loss", "parabola_{size}", "parabola_{data}", "envelope_{size}"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if !can_split(law) {
            return Err(vec![nothing_to_split(law)]);
        }
        check_budget(law, &self.values, Self::KEYS, &self.hold, &mut faults);
        if !(self.width.0 > 1.0 && self.width.0.is_finite()) {
            faults.push(Fault::at("width", format!("`width` is {}; it must be above 1", self.width.0)));
        }
        if self.points < FEWEST {
            faults.push(Fault::at("points", format!("a parabola needs at least {FEWEST} points, not {}", self.points)));
        }
        if self.points > MOST {
            faults.push(Fault::at("points", format!("a curve has at most {MOST} points, not {}", self.points)));
        }
        if self.at.is_some() && budgets(&self.values, &law.roles).count() < 2 {
            let fault = Fault::at("at", "Approach 2 extrapolates from the minima of at least two budgets");
            faults.push(fault.hint(format!("list the budgets: {} = [1e18, 1e19, 1e20]", law.roles.compute)));
        }
        super::finish(faults)
    }

    fn rows(&self, roles: &Roles) -> Vec<BTreeMap<String, f64>> {
        let ratios: Vec<f64> = if self.curve { self.ratios() } else { Vec::new() };
        let budgets = budgets(&self.values, roles).chain(&self.at).flat_map(|budget| {
            let of = |ratio: Option<f64>| {
                let ratio = ratio.map(|ratio| (ratio_of(roles), ratio));
                std::iter::once((roles.compute.clone(), budget.0)).chain(ratio).collect::<BTreeMap<_, _>>()
            };
            std::iter::once(of(None)).chain(ratios.iter().map(|&ratio| of(Some(ratio)))).collect::<Vec<_>>()
        });
        budgets.collect()
    }

    fn is_answer(&self, inputs: &BTreeMap<String, f64>, roles: &Roles) -> bool {
        !inputs.contains_key(&ratio_of(roles))
    }

    fn effort(&self) -> usize {
        self.points.div_ceil(usual_points())
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(moves(law))
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Ok(())
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let roles = &model.ready.law.roles;
        let [size, data, compute] = roles.decided();
        let (c, held) = (inputs[compute], self.held());
        let base = model.ordered(&held, &[size, data, compute])?;
        let best = best_split(model, Budget::training(c), &base)?;
        // The curve and its parabola are those of the budget without limits; only points within the limits are told.
        let limits = model.ready.limits;
        let middle = if limits.is_some() { split_freely(model, Budget::training(c), &base) } else { Ok(best) };
        let curve = model.curve(&base, 0.0);
        let is_allowed = |n: f64, d: f64| {
            let at = [(size, n), (data, d), (compute, c)].map(|(name, value)| (name.to_owned(), value));
            limits.is_none_or(|limits| limits.check(roles, &at.into()).is_ok())
        };
        let mut at = held;
        at.insert(compute.to_owned(), c);
        let mut outputs = BTreeMap::new();
        if let Some(ratio) = inputs.get(&ratio_of(roles)) {
            let n = middle?.n * ratio;
            let d = curve.data_for(c, n);
            if !is_allowed(n, d) {
                return Err(Refusal::Undefined(format!("outside the limits: {size} = {n:.3e}, {data} = {d:.3e}")));
            }
            at.extend([(size.to_owned(), n), (data.to_owned(), d)]);
            outputs.extend(named([("{size}", n), ("{data}", d), ("loss", model.response(&at)?)]));
            return Ok(Finding { outputs, at });
        }
        at.extend(best.sizes(model.ready.law));
        if limits.is_some() {
            // The limits may leave a part of the budget.
            at.insert(compute.to_owned(), best.compute);
        }
        outputs.extend(named([("{size}", best.n), ("{data}", best.d), ("loss", best.response)]));
        let parabola = match self.at {
            Some(target) if target.0 == c => self.extrapolated(model, c, &base)?,
            _ => middle.ok().and_then(|middle| self.parabola(model, c, &middle, &base)),
        };
        if let Some((n, d)) = parabola.map(|d| (curve.size_for(c, d), d)).filter(|(n, d)| is_allowed(*n, *d)) {
            outputs.extend(named([("parabola_{data}", d), ("parabola_{size}", n)]));
        }
        let envelope = self.envelope(model, &best, c, &base).filter(|n| is_allowed(*n, curve.data_for(c, *n)));
        outputs.extend(envelope.map(|n| ("envelope_{size}".into(), n)));
        Ok(Finding { outputs, at })
    }

    fn caution(&self) -> Option<&'static str> {
        Some(
            "`parabola_{size}` and `parabola_{data}` are the results of Approach 2 for this law without noise. \
             A parabola in ln {data} misses the minimum of a curve that is not a parabola, by a factor that grows with the width of the grid and, extrapolated, by a constant factor at every budget (arXiv:2603.22339). The difference from {size} and {data} is a bias of the method, not of the rows.",
        )
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}

impl Isoflop {
    fn held(&self) -> BTreeMap<String, f64> {
        self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect()
    }

    /// Model sizes relative to the best one, evenly spaced in the logarithm.
    fn ratios(&self) -> Vec<f64> {
        let (reach, last) = (ln(self.width.0), (self.points - 1) as f64);
        (0..self.points).map(|i| exp(reach * (2.0 * i as f64 / last - 1.0))).collect()
    }

    /// The data at the minimum of a parabola through the curve of a budget; `None` where the parabola opens the other
    /// way.
    fn parabola(&self, model: &Model<'_>, c: f64, best: &Split, base: &[f64]) -> Option<f64> {
        // The logarithm of data relative to the best data keeps the numbers small.
        let curve = model.curve(base, 0.0);
        let response = |ratio: f64| {
            let (d, log) = curve.data_at_ratio(c, [best.n, best.d], ratio);
            Some((log, model.at_sizes(base, best.n * ratio, d).ok()?))
        };
        let curve: Vec<(f64, f64)> = self.ratios().into_iter().map(response).collect::<Option<_>>()?;
        let [_, slope, bend] = quadratic(&curve)?;
        (best.sign * bend > 0.0).then(|| best.d * exp(-slope / (2.0 * bend)))
    }

    /// The data at a budget on a power law through the minima of the parabolas (Approach 2).
    fn extrapolated(&self, model: &Model<'_>, c: f64, base: &[f64]) -> Result<Option<f64>, Refusal> {
        let mut minima = Vec::new();
        for budget in budgets(&self.values, &model.ready.law.roles) {
            let best = split_freely(model, Budget::training(budget.0), base)?;
            let Some(d) = self.parabola(model, budget.0, &best, base) else { return Ok(None) };
            minima.push((ln(budget.0), ln(d)));
        }
        let count = minima.len() as f64;
        let (x, y) = minima.iter().fold((0.0, 0.0), |(x, y), m| (x + m.0 / count, y + m.1 / count));
        let across: f64 = minima.iter().map(|m| (m.0 - x) * (m.0 - x)).sum();
        if across == 0.0 {
            return Err(Refusal::Undefined("the budgets are all the same".to_owned()));
        }
        let slope = minima.iter().map(|m| (m.0 - x) * (m.1 - y)).sum::<f64>() / across;
        Ok(Some(exp(y + slope * (ln(c) - x))))
    }

    /// The listed model size with the best response (Approach 1).
    fn envelope(&self, model: &Model<'_>, best: &Split, c: f64, base: &[f64]) -> Option<f64> {
        let known = self.sizes.as_ref()?.iter().filter_map(|size| {
            let d = model.curve(base, 0.0).data_for(c, size.0);
            Some((best.sign * model.at_sizes(base, size.0, d).ok()?, size.0))
        });
        known.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, n)| n)
    }
}

/// Constant, linear and quadratic coefficient of the least-squares parabola through points.
fn quadratic(points: &[(f64, f64)]) -> Option<[f64; 3]> {
    let mut normal = Matrix::zeros(3);
    let mut right = [0.0; 3];
    for &(x, y) in points {
        let powers = [1.0, x, x * x];
        for i in 0..3 {
            right[i] += powers[i] * y;
            for k in 0..3 {
                normal[(i, k)] += powers[i] * powers[k];
            }
        }
    }
    let solved = normal.cholesky()?.solve_factored(right.to_vec());
    Some([solved[0], solved[1], solved[2]])
}
