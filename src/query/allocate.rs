//! The best use of a budget under constraints: training and serving, a family of sizes, limited unique data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::allocation::{check_budget, moves, nothing_to_split};
use super::budget::{Budget, FLOP_PER_PARAMETER_AND_TOKEN, FLOP_PER_SERVED_TOKEN, can_split};
use super::keyed::keyed;
use super::price::Curve;
use super::split::best_split;
use super::surface::Surface;
use super::{Fault, Finding, Kind, Model, Moves, Refusal, budgets};
use crate::law::{Law, Roles};
use crate::numerics::{exp, ln};
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::root;

/// The best use of a budget for training and serving: for one model, `{ C = 1e24, serve = "10T" }`, or for a family
/// of sizes, each with its own data, `{ C = 1e24, sizes = ["1B", "8B", "70B"] }`.
///
/// A family minimises the sum of its responses, weighted by `weights`. `unique` tokens may be repeated for `epochs`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Allocate {
    /// Budgets for training and serving together, under the name of compute.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// Tokens that each model serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serve: Option<Quantity>,
    /// The sizes of a family. Without this key, the answer is one model of the best size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<OneOrMany<Quantity>>,
    /// Weight of the response of each size; equal by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub weights: Vec<f64>,
    /// Tokens of unique data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Quantity>,
    /// Maximum number of passes over unique data; up to four passes are about as good as new data (Muennighoff et al.
    /// 2023, arXiv:2305.16264).
    #[schemars(default = "usual_epochs")]
    pub epochs: f64,
    /// Values of the law's other variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default)]
    pub hold: BTreeMap<String, Quantity>,
}

/// Default number of passes over unique data.
const fn usual_epochs() -> f64 {
    4.0
}

keyed!(Allocate, "{ C = 1e24, serve = \"10T\" }", {
    "serve" => serve or None,
    "sizes" => sizes or None,
    "weights" => weights or Vec::new(),
    "unique" => unique or None,
    "epochs" => epochs or usual_epochs(),
    "hold" => hold or BTreeMap::new(),
});

/// Share of a budget that gives the lower bound of a model's data.
const LEAST_PART: f64 = 1e-9;

impl Kind for Allocate {
    fn outputs(&self) -> Vec<&str> {
        vec!["{size}", "{data}", "training_{compute}", "serving_{compute}", "loss"]
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if !can_split(law) {
            return Err(vec![nothing_to_split(law)]);
        }
        check_budget(law, &self.values, Self::KEYS, &self.hold, &mut faults);
        if let Some(cost) = law.cost.as_ref().filter(|_| self.sizes.is_some()) {
            let message = format!(
                "the fit has the cost `{}` (`{}`), and a family of sizes counts 6 FLOP for each parameter and token",
                cost.name,
                cost.formula()
            );
            faults.push(
                Fault::at("sizes", message).hint("ask for one model, without `sizes`, or in a spec without `[costs]`"),
            );
        }
        let sizes = self.sizes.iter().flatten().chain(&self.unique);
        if let Some(wrong) = sizes.into_iter().find(|q| !(q.0 > 0.0 && q.0.is_finite())) {
            faults.push(Fault::whole(format!("{} is not a size: it must be positive and finite", wrong.0)));
        }
        if let Some(wrong) = self.serve.filter(|s| !(s.0 >= 0.0 && s.0.is_finite())) {
            faults.push(Fault::at("serve", format!("`serve` is {}; it must be zero or more", wrong.0)));
        }
        if !(self.epochs > 0.0 && self.epochs.is_finite()) {
            faults.push(Fault::at("epochs", "`epochs` must be above zero"));
        }
        let count = self.sizes.as_ref().map_or(1, |sizes| sizes.iter().len());
        if !self.weights.is_empty() && self.weights.len() != count {
            let message = format!("there are {} weights and {count} sizes", self.weights.len());
            faults.push(Fault::at("weights", message).hint("give a weight for each size, or no weights"));
        }
        if self.weights.iter().any(|w| !(*w > 0.0 && w.is_finite())) {
            faults.push(Fault::at("weights", "a weight must be above zero"));
        }
        super::finish(faults)
    }

    fn rows(&self, roles: &Roles) -> Vec<BTreeMap<String, f64>> {
        let [size_name, ..] = roles.decided().map(str::to_owned);
        let of = |compute: &Quantity| -> Vec<BTreeMap<String, f64>> {
            let row = || BTreeMap::from([(roles.compute.clone(), compute.0)]);
            match &self.sizes {
                None => vec![row()],
                Some(sizes) => {
                    let with = |size: &Quantity| row().into_iter().chain([(size_name.clone(), size.0)]).collect();
                    sizes.iter().map(with).collect()
                }
            }
        };
        budgets(&self.values, roles).flat_map(of).collect()
    }

    fn moves(&self, law: &Law) -> Option<Moves> {
        Some(match self.sizes {
            None => moves(law),
            Some(_) => Moves { names: law.roles.data.iter().cloned().collect(), ties_compute: true },
        })
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Err("it has other limits of its own: `sizes`, `unique` and `epochs`")
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let held: BTreeMap<String, f64> = self.hold.iter().map(|(name, value)| (name.clone(), value.0)).collect();
        let roles = &model.ready.law.roles;
        let base = model.ordered(&held, &roles.decided())?;
        let compute = inputs[&roles.compute];
        let (n, d) = match roles.size.as_ref().and_then(|size| inputs.get(size)) {
            None => self.alone(model, &base, compute)?,
            Some(&size) => (size, self.in_family(model, &base, compute, size)?),
        };
        let served = Budget::as_training(self.served());
        let (training, serving) = match model.curve(&base, served) {
            Curve::SixNd => (FLOP_PER_PARAMETER_AND_TOKEN * n * d, FLOP_PER_SERVED_TOKEN * n * self.served()),
            priced @ Curve::Priced(..) => {
                let training = model.curve(&base, 0.0).flop([n, d], 0.0);
                (training, priced.flop([n, d], served) - training)
            }
        };
        let outputs = super::named([
            ("{size}", n),
            ("{data}", d),
            ("training_{compute}", training),
            ("serving_{compute}", serving),
            ("loss", model.at_sizes(&base, n, d)?),
        ]);
        let names = roles.decided().map(str::to_owned);
        Ok(Finding { outputs, at: held.into_iter().chain(names.into_iter().zip([n, d, training])).collect() })
    }

    fn splits(&self, _: &Roles) -> bool {
        true
    }
}

impl Allocate {
    fn served(&self) -> f64 {
        self.serve.map_or(0.0, |serve| serve.0)
    }

    /// Maximum number of tokens for one model.
    fn most_data(&self) -> f64 {
        self.unique.map_or(f64::INFINITY, |unique| unique.0 * self.epochs)
    }

    /// The best single model: the best split of the budget, or the largest model for which the data are enough.
    fn alone(&self, model: &Model<'_>, base: &[f64], compute: f64) -> Result<(f64, f64), Refusal> {
        let served = Budget::as_training(self.served());
        let budget = Budget { log: ln(compute / FLOP_PER_PARAMETER_AND_TOKEN), served };
        let split = best_split(model, budget, base)?;
        let most = self.most_data();
        if split.d <= most {
            return Ok((split.n, split.d));
        }
        let size = match model.curve(base, served) {
            Curve::SixNd => compute / (FLOP_PER_PARAMETER_AND_TOKEN * (most + served)),
            priced @ Curve::Priced(..) => priced.size_for(compute, most),
        };
        Ok((size, most))
    }

    /// Data for one size of the family. At the best allocation, a further FLOP reduces the sum by the same amount at
    /// every size.
    fn in_family(&self, model: &Model<'_>, base: &[f64], compute: f64, asked: f64) -> Result<f64, Refusal> {
        let surface = model.surface()?;
        let served = Budget::as_training(self.served());
        let sizes: Vec<f64> = self.sizes.iter().flatten().map(|q| q.0).collect();
        // Serving is paid first; the rest is for training.
        let left = compute / FLOP_PER_PARAMETER_AND_TOKEN - sizes.iter().map(|n| n * served).sum::<f64>();
        if left <= 0.0 {
            return Err(Refusal::Undefined(format!("{compute:.3e} FLOP are not enough for serving alone")));
        }
        let sign = model.laid_sign(base, &model.ready.law.roles.decided());
        let members: Vec<Member<'_>> = sizes
            .iter()
            .enumerate()
            .map(|(i, &size)| {
                let top = ln((left / size).min(self.most_data()));
                let weight = self.weights.get(i).copied().unwrap_or(1.0);
                Member {
                    surface,
                    parameters: model.parameters,
                    base: with_size(model, base, size),
                    size,
                    weight,
                    sign,
                    top,
                }
            })
            .collect();
        // If every size can have all the data, there is nothing to balance.
        let all: f64 = members.iter().map(|m| m.size * exp(m.top)).sum();
        let found = if all <= left { members.iter().map(|m| (m.top, 0.0)).collect() } else { spent(&members, left)? };
        let place = sizes.iter().position(|size| *size == asked);
        let log = place.and_then(|place| found.get(place)).map(|(log, _)| *log);
        log.map(exp).ok_or_else(|| Refusal::Undefined(format!("{asked:.3e} is not a size of the family")))
    }
}

/// The law's variables with the given model size.
fn with_size(model: &Model<'_>, base: &[f64], size: f64) -> Vec<f64> {
    let mut at = base.to_vec();
    let law = model.ready.law;
    if let Some(index) = law.roles.size.as_deref().and_then(|name| law.variable(name)) {
        at[index] = size;
    }
    at
}

/// One size of a family.
struct Member<'a> {
    surface: &'a Surface,
    parameters: &'a [f64],
    base: Vec<f64>,
    size: f64,
    weight: f64,
    sign: f64,
    /// Logarithm of the largest amount of data.
    top: f64,
}

impl Member<'_> {
    /// The logarithm of the reduction of the response by a further FLOP, and its slope by the logarithm of data.
    fn use_of(&self, log: f64) -> (f64, f64) {
        let here = self.surface.at(self.parameters, &self.base, [log, 0.0]);
        let (falls, bends) = (-self.sign * here.slope[0], -self.sign * here.bend[0]);
        if falls <= 0.0 {
            return (f64::MIN, -1.0);
        }
        (ln(self.weight * falls / self.size) - log, bends / falls - 1.0)
    }

    /// The logarithm of data at which a further FLOP has a given benefit, and its slope by that benefit; the upper
    /// limit where the benefit is larger even there.
    fn data_at(&self, worth: f64) -> Result<(f64, f64), Refusal> {
        let low = self.top + ln(LEAST_PART);
        if self.use_of(self.top).0 >= worth {
            return Ok((self.top, 0.0));
        }
        let falls = |log: f64| {
            let (own, slope) = self.use_of(log);
            (worth - own, -slope)
        };
        let log = root(falls, low, self.top, f64::midpoint(low, self.top)).map_err(|_| undefined())?;
        Ok((log, 1.0 / self.use_of(log).1))
    }
}

fn undefined() -> Refusal {
    Refusal::Undefined("the law has no finite slope over the data that the budget pays for".to_owned())
}

/// The logarithms of data at which a further FLOP has the same benefit at every size and the budget is spent.
fn spent(members: &[Member<'_>], left: f64) -> Result<Vec<(f64, f64)>, Refusal> {
    let ends = |log: fn(&Member<'_>) -> f64| members.iter().map(move |m| m.use_of(log(m)).0);
    let least = ends(|m| m.top).fold(f64::INFINITY, f64::min);
    let most = ends(|m| m.top + ln(LEAST_PART)).fold(f64::NEG_INFINITY, f64::max);
    if !(least.is_finite() && most.is_finite() && least > f64::MIN) {
        return Err(undefined());
    }
    // Spending falls as the required benefit rises, and so rises with its negative.
    let over = |minus: f64| {
        let data: Result<Vec<(f64, f64)>, Refusal> = members.iter().map(|m| m.data_at(-minus)).collect();
        let Ok(data) = data else { return (f64::NAN, 1.0) };
        let each: Vec<f64> = members.iter().zip(&data).map(|(m, (log, _))| m.size * exp(*log)).collect();
        let all: f64 = each.iter().sum();
        let slope = each.iter().zip(&data).map(|(own, (_, by))| -own * by).sum::<f64>() / all;
        (ln(all / left), slope)
    };
    let minus = root(over, -most, -least, f64::midpoint(-most, -least)).map_err(|_| undefined())?;
    members.iter().map(|m| m.data_at(-minus)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Cost, find};
    use crate::query::{Question, Ready, Trail};
    use std::sync::Arc;

    /// Besiroglu et al. 2024, rounded: E, A, alpha, B, beta.
    const PARAMETERS: [f64; 5] = [1.8172, 477.83, 0.347_31, 2143.4, 0.367_17];
    const BUDGET: f64 = 1e22;

    fn loss(n: f64, d: f64) -> f64 {
        let [floor, a, alpha, b, beta] = PARAMETERS;
        floor + a * libm::pow(n, -alpha) + b * libm::pow(d, -beta)
    }

    /// The law with 6 FLOP for each parameter and token.
    fn usual() -> Arc<Law> {
        Arc::new(find("hoffmann").unwrap().law().unwrap())
    }

    /// The law with a cost per token that does not depend on the size, and with expensive serving.
    fn with_cost() -> Arc<Law> {
        let law = usual();
        law.costing(&Arc::new(Cost::new("own", "6 * N * D + 1e9 * D", "4 * N", &law.variables).unwrap()))
    }

    fn asked(value: serde_json::Value) -> Allocate {
        serde_json::from_value(value).unwrap()
    }

    /// Size, data, training and serving of each row.
    fn answers(law: &Arc<Law>, asked: &Allocate) -> Vec<[f64; 4]> {
        let law = Question::Allocate(asked.clone()).law(law);
        assert!(asked.check(&law).is_ok());
        let spans = BTreeMap::new();
        let ready = Ready::new(&law, &spans, asked.moves(&law).as_ref());
        let answer = |inputs: &BTreeMap<String, f64>| {
            let trail = Trail::default();
            let model = Model { ready: &ready, parameters: &PARAMETERS, other: None, trail: &trail };
            let outputs = asked.solve(&model, inputs).unwrap().outputs;
            ["{size}", "{data}", "training_{compute}", "serving_{compute}"].map(|name| outputs[name])
        };
        asked.rows(&law.roles).iter().map(answer).collect()
    }

    fn is_near(one: f64, other: f64) -> bool {
        (one / other - 1.0).abs() < 1e-9
    }

    #[test]
    fn training_and_serving_use_the_cost_of_the_fit() {
        let served = 1e12;
        let asked = asked(serde_json::json!({ "C": BUDGET, "serve": served }));
        // FLOP per token, and FLOP per parameter and served token.
        for (law, [per_token, serve]) in [(usual(), [0.0, 2.0]), (with_cost(), [1e9, 4.0])] {
            let [n, d, training, serving] = answers(&law, &asked)[0];
            assert!(is_near(training, (6.0 * n + per_token) * d) && is_near(serving, serve * n * served), "{serve}");
            assert!(is_near(training + serving, BUDGET), "{serve}: {training:e} {serving:e}");
            for factor in [0.9, 0.99, 1.01, 1.1] {
                let other = n * factor;
                let left = (BUDGET - serve * other * served) / (6.0 * other + per_token);
                assert!(loss(other, left) > loss(n, d), "{serve}: {factor}");
            }
        }
    }

    #[test]
    fn limited_data_go_to_the_largest_affordable_model() {
        let served = 1e11;
        let asked = asked(serde_json::json!({ "C": BUDGET, "serve": served, "unique": 2.5e10, "epochs": 4.0 }));
        for (law, [per_token, serve]) in [(usual(), [0.0, 2.0]), (with_cost(), [1e9, 4.0])] {
            let [n, d, ..] = answers(&law, &asked)[0];
            assert!(is_near(d, 1e11), "{d:e}");
            assert!(is_near((6.0 * n + per_token) * d + serve * n * served, BUDGET), "{serve}: {n:e}");
        }
    }

    #[test]
    fn a_further_flop_has_the_same_benefit_at_every_size_of_a_family() {
        let weights = [1.0, 2.0, 1.0];
        let asked = asked(serde_json::json!({ "C": BUDGET, "sizes": [4e8, 1e9, 3e9], "weights": weights }));
        let rows = answers(&usual(), &asked);
        assert!(is_near(rows.iter().map(|[n, d, ..]| 6.0 * n * d).sum(), BUDGET), "{rows:?}");
        let [.., b, beta] = PARAMETERS;
        let used = |([n, d, ..], weight): (&[f64; 4], f64)| weight * beta * b * libm::pow(*d, -beta - 1.0) / (6.0 * n);
        let uses: Vec<f64> = rows.iter().zip(weights).map(used).collect();
        assert!(uses.windows(2).all(|pair| (pair[0] / pair[1] - 1.0).abs() < 1e-6), "{uses:?}");
    }

    #[test]
    fn a_family_of_sizes_is_refused_where_the_fit_has_a_cost() {
        let asked = asked(serde_json::json!({ "C": BUDGET, "sizes": [4e8, 1e9] }));
        let faults = asked.check(&Question::Allocate(asked.clone()).law(&with_cost())).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.key.as_deref()).collect::<Vec<_>>(), [Some("sizes")]);
    }
}
