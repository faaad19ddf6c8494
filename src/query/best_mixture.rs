//! The mixture of domains with the best response.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::keyed;
use super::model::Solved;
use super::simplex::{Landscape, Local, Simplex, Valley};
use super::{Fault, Finding, Kind, Model, Moves, Outputs, Question, Refusal, check_names, check_values, rows_of};
use crate::answer::Interval;
use crate::diagnostic::{list, nearest};
use crate::law::symbolic::{Graph, Id};
use crate::law::{Law, Mixture, Roles, Share, TOLERANCE};
use crate::numeral::exact;
use crate::numerics::Matrix;
use crate::quantity::{OneOrMany, Quantity};

/// The mixture with the lowest response, at given values of the other variables: `{ N = "7B", D = "1T" }`. The shares
/// are those of the law's `sum_over`, and sum to 1; `subject_to` can limit them.
///
/// For a fit with a group for each validation domain, `weights` ask for the mixture with the lowest weighted average of
/// all groups.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BestMixture {
    /// Values of the law's other variables.
    #[serde(flatten)]
    pub values: BTreeMap<String, OneOrMany<Quantity>>,
    /// The variables that are shares; default: those of the law's `sum_over`.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<String>,
    /// The domain without a variable, whose share is what the others leave; default: that of the law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// A mixture to compare with: its shares, or the sizes of the domains, whose proportions are the shares: `{ web =
    /// "600B", code = "200B" }`.
    #[schemars(default)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reference: BTreeMap<String, Quantity>,
    /// Weights of the fit's groups in an average response: `{ web = 2, code = 1 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<BTreeMap<String, Quantity>>,
    /// Which response is the best: `lowest` (default) or `highest`, as for accuracies.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Aim::is_lowest")]
    pub best: Aim,
}

/// Which response is the best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// The lowest one.
    #[default]
    Lowest,
    /// The highest one.
    Highest,
}

impl Aim {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_lowest(&self) -> bool {
        *self == Self::Lowest
    }
}

keyed!(BestMixture, "{ N = \"7B\", D = \"1T\" }", {
    "shares" => shares or Vec::new(),
    "rest" => rest or None,
    "reference" => reference or BTreeMap::new(),
    "weights" => weights or None,
    "best" => best or Aim::Lowest,
});

/// Smallest share where the law has no slope at zero.
const FLOOR: f64 = 1e-9;
/// Largest share that counts as none.
const NONE: f64 = 1e-7;
/// Relative difference of two responses that count as equal.
const EQUAL: f64 = 1e-10;
/// Largest difference of a share between mixtures that count as one.
const SAME: f64 = 1e-3;
/// Number of starts for each share, and in addition to them, at the estimate.
const STARTS: [usize; 2] = [2, 8];
/// Number of starts at a draw, in addition to the local minima of the estimate.
const STARTS_OF_DRAW: usize = 2;
/// Maximum number of local minima of the estimate from which the search at a draw starts.
const MOST_VALLEYS: usize = 6;

impl BestMixture {
    /// The shares with their domains, and last the domain without a variable, whose name here is that of its output.
    fn of_law(&self, law: &Law) -> Result<Vec<Share>, Fault> {
        let plain = |name: &String| Share { domain: name.clone(), variable: name.clone() };
        if self.shares.is_empty() {
            let [mixture] = law.mixtures.as_slice() else {
                return Err(if law.mixtures.is_empty() {
                    Fault::whole(format!("the law `{}` has no shares of domains", law.name)).hint(
                        "sum over them, as in `sum_over(d, t[d] * r[d])`, or name them: `shares = [\"web\", \"code\"]`",
                    )
                } else {
                    let names: Vec<&str> = law.mixtures.iter().map(|mixture| mixture.name.as_str()).collect();
                    Fault::whole(format!("the law has {} mixtures, {}", names.len(), list(&names))).hint(
                        "name the shares of one, as in `shares = [\"r_web\", \"r_code\"]`, and give the others values",
                    )
                });
            };
            let rest = self.rest.as_ref().or(mixture.rest.as_ref());
            return Ok(with_rest(mixture, rest));
        }
        for name in &self.shares {
            if law.variable(name).is_none() {
                let known: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).collect();
                let fault = Fault::at("shares", format!("the law `{}` has no variable `{name}`", law.formula));
                return Err(match nearest(name, known.iter().copied()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!("its variables are {}", list(&known))),
                });
            }
        }
        let of_law = |name: &String| {
            let mixture = law.mixture_of(name)?;
            mixture.shares.iter().find(|share| share.variable == *name).cloned()
        };
        let own = self.shares.iter().map(|name| of_law(name).unwrap_or_else(|| plain(name)));
        Ok(own.chain(self.rest.iter().map(plain)).collect())
    }

    /// The reference in the order of the shares, as proportions; empty without one.
    fn reference_of(&self, shares: &[Share]) -> Result<Vec<f64>, Fault> {
        if self.reference.is_empty() {
            return Ok(Vec::new());
        }
        let is_it = |share: &Share, name: &str| share.variable == name || share.domain == name;
        if let Some(name) = self.reference.keys().find(|name| !shares.iter().any(|share| is_it(share, name))) {
            let known: Vec<&str> = shares.iter().map(|share| share.domain.as_str()).collect();
            let fault = Fault::at("reference", format!("`{name}` is not a domain of the mixture"));
            return Err(match nearest(name, known.iter().copied()) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(format!("its domains are {}", list(&known))),
            });
        }
        let amount = |share: &Share| {
            let given = self.reference.iter().find(|(name, _)| is_it(share, name));
            given.map_or(0.0, |(_, amount)| amount.0)
        };
        let amounts: Vec<f64> = shares.iter().map(amount).collect();
        let sum: f64 = amounts.iter().sum();
        if amounts.iter().any(|amount| !(*amount >= 0.0 && amount.is_finite())) || sum <= 0.0 {
            return Err(Fault::at("reference", "the shares of the reference must be positive and finite"));
        }
        let are_shares = amounts.iter().all(|amount| *amount <= 1.0);
        if are_shares && (sum - 1.0).abs() > TOLERANCE {
            let fault =
                Fault::at("reference", format!("the shares of the reference sum to {}, and not to 1", exact(sum)));
            return Err(fault.hint("sizes of domains above 1, such as `\"600B\"`, are turned into shares"));
        }
        Ok(amounts.into_iter().map(|amount| amount / sum).collect())
    }

    /// Names of the outputs for the shares: the variables, and the domain without one.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.shares.iter().chain(&self.rest).map(String::as_str)
    }

    /// The lower and upper limits of the shares.
    fn bounds(&self, model: &Model<'_>) -> (Vec<f64>, Vec<f64>) {
        let limits = model.ready.limits.map(|limits| &limits.others);
        let allowed = |name: &str| limits.and_then(|limits| limits.get(name));
        let lower = self.names().map(|name| allowed(name).and_then(|a| a.least).unwrap_or(0.0));
        let upper = self.names().map(|name| allowed(name).and_then(|a| a.most).unwrap_or(1.0).min(1.0));
        (lower.collect(), upper.collect())
    }
}

/// The shares of a mixture, with the domain without a variable under a name such as those of the others.
fn with_rest(mixture: &Mixture, rest: Option<&String>) -> Vec<Share> {
    let of_rest = |domain: &String| {
        let is_like_the_others = mixture.shares.iter().all(|s| s.variable == format!("{}_{}", mixture.name, s.domain));
        let variable = if is_like_the_others { format!("{}_{domain}", mixture.name) } else { domain.clone() };
        Share { domain: domain.clone(), variable }
    };
    mixture.shares.iter().cloned().chain(rest.map(of_rest)).collect()
}

/// The law over the shares, with slopes and second derivatives.
struct Terrain {
    graph: Graph,
    nodes: Vec<Id>,
    /// Nodes of the value, of the slopes, and of the second derivatives as a lower triangle by rows.
    roots: Vec<Id>,
    /// The place of each share among the law's variables; `None` for the domain without a variable.
    places: Vec<Option<usize>>,
}

/// What the draws take from the estimate.
struct Known {
    terrain: Arc<Terrain>,
    simplex: Option<Simplex>,
    scattered: Vec<Vec<f64>>,
    valleys: Vec<Vec<f64>>,
}

/// The terrain at one parameter vector.
struct At<'a> {
    terrain: &'a Terrain,
    model: &'a Model<'a>,
    base: &'a [f64],
    sign: f64,
}

impl Terrain {
    fn new<'n>(law: &Law, names: impl Iterator<Item = &'n str>) -> Self {
        let places: Vec<Option<usize>> = names.map(|name| law.variable(name)).collect();
        let (mut graph, value) = law.graph_with(Graph::variable);
        let leaves: Vec<Id> = places.iter().flatten().map(|&place| graph.variable(place)).collect();
        let slopes = graph.gradient(value, &leaves);
        let mut roots = vec![value];
        roots.extend(&slopes);
        for (row, &slope) in slopes.iter().enumerate() {
            roots.extend(graph.gradient(slope, &leaves[..=row]));
        }
        Self { nodes: graph.needed(&roots), graph, roots, places }
    }
}

impl At<'_> {
    /// The law's variables at some shares.
    fn variables(&self, shares: &[f64]) -> Vec<f64> {
        let mut variables = self.base.to_vec();
        for (place, share) in self.terrain.places.iter().zip(shares) {
            place.iter().for_each(|&place| variables[place] = *share);
        }
        variables
    }

    /// The response at some shares.
    fn response(&self, shares: &[f64]) -> Result<f64, Refusal> {
        self.model.value(&self.variables(shares))
    }
}

impl Landscape for At<'_> {
    fn value(&self, shares: &[f64]) -> f64 {
        self.sign * self.model.ready.tape.value_at(self.model.parameters, &self.variables(shares))
    }

    fn local(&self, shares: &[f64]) -> Option<Local> {
        let Terrain { graph, nodes, roots, places } = self.terrain;
        let values = graph.evaluate(nodes, self.model.parameters, &self.variables(shares));
        let found: Vec<f64> = roots.iter().map(|&root| self.sign * values[root as usize]).collect();
        if !found.iter().all(|x| x.is_finite()) {
            return None;
        }
        // The domain without a variable has no effect of its own.
        let own: Vec<usize> = (0..places.len()).filter(|&i| places[i].is_some()).collect();
        let mut local = Local { value: found[0], slopes: vec![0.0; places.len()], bends: Matrix::zeros(places.len()) };
        own.iter().zip(&found[1..]).for_each(|(&i, slope)| local.slopes[i] = *slope);
        let mut bends = found[1 + own.len()..].iter();
        for (row, &i) in own.iter().enumerate() {
            for (&j, bend) in own[..=row].iter().zip(bends.by_ref()) {
                (local.bends[(i, j)], local.bends[(j, i)]) = (*bend, *bend);
            }
        }
        Some(local)
    }
}

impl Known {
    /// Prepares the search at the estimate.
    fn new(question: &BestMixture, model: &Model<'_>, base: &[f64], sign: f64) -> Self {
        let terrain = Terrain::new(model.ready.law, question.names());
        let (mut lower, upper) = question.bounds(model);
        let at = At { terrain: &terrain, model, base, sign };
        // A power of a share has no slope at zero, so that the search must stay above.
        for i in 0..lower.len() {
            let others = 1.0 / (lower.len() - 1).max(1) as f64;
            let shares: Vec<f64> = (0..lower.len()).map(|j| if j == i { 0.0 } else { others }).collect();
            if lower[i] < FLOOR && upper[i] > FLOOR && at.local(&shares).is_none() {
                lower[i] = FLOOR;
            }
        }
        let simplex = Simplex::new(lower, upper);
        let scattered = simplex.as_ref().map(Simplex::scattered).unwrap_or_default();
        Self { terrain: Arc::new(terrain), simplex, scattered, valleys: Vec::new() }
    }

    /// The minima to which the starts lead, lowest first.
    fn valleys(&self, simplex: &Simplex, at: &At<'_>, reference: &[f64]) -> Vec<Valley> {
        let mut ranked: Vec<(f64, &[f64])> =
            self.scattered.iter().map(|start| (at.value(start), start.as_slice())).collect();
        ranked.retain(|(value, _)| !value.is_nan());
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = if self.valleys.is_empty() { STARTS[0] * simplex.size() + STARTS[1] } else { STARTS_OF_DRAW };
        let own = self.valleys.iter().map(Vec::as_slice);
        let given = Some(reference).filter(|reference| !reference.is_empty());
        let starts = own.chain(given).chain(ranked.iter().take(count).map(|(_, start)| *start));
        let mut found: Vec<Valley> = starts.filter_map(|start| simplex.descend(start, at)).collect();
        found.sort_by(|a, b| a.value.total_cmp(&b.value));
        found
    }
}

/// The largest difference of a share between two mixtures.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Minima without those that are near a lower one.
fn distinct(found: &[Valley]) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for valley in found {
        if kept.len() < MOST_VALLEYS && kept.iter().all(|other| distance(other, &valley.shares) > SAME) {
            kept.push(valley.shares.clone());
        }
    }
    kept
}

impl Kind for BestMixture {
    fn outputs(&self) -> Vec<&str> {
        let compared: &[&str] = if self.reference.is_empty() { &[] } else { &["reference_loss", "gain"] };
        self.names().chain(["best_loss"]).chain(compared.iter().copied()).collect()
    }

    fn variable_of(&self, output: &str) -> Option<&str> {
        self.names().find(|name| *name == output)
    }

    fn takes_several_laws(&self) -> Result<(), &'static str> {
        Err("the errors of laws are measured on larger runs, and not on other mixtures")
    }

    fn for_law(&self, law: &Law) -> Option<Question> {
        let shares = self.of_law(law).ok()?;
        let reference = self.reference_of(&shares).ok()?;
        let of_law = |share: &&Share| law.variable(&share.variable).is_some();
        let named = shares.iter().zip(reference).map(|(share, part)| (share.variable.clone(), Quantity(part)));
        Some(Question::BestMixture(Self {
            reference: named.collect(),
            shares: shares.iter().filter(of_law).map(|share| share.variable.clone()).collect(),
            rest: shares.iter().find(|share| !of_law(share)).map(|share| share.variable.clone()),
            ..self.clone()
        }))
    }

    fn shares(&self, law: &Law) -> Option<Vec<Share>> {
        let domain = |name: &str| {
            let of_law = law.mixture_of(name)?.shares.iter().find(|share| share.variable == name)?;
            Some(of_law.domain.clone())
        };
        // The domain without a variable has the prefix of the others.
        let of_rest =
            |name: &str| law.mixtures.iter().filter_map(|m| m.rest.clone()).find(|rest| name.ends_with(rest.as_str()));
        let share = |name: &str| Share {
            domain: domain(name).or_else(|| of_rest(name)).unwrap_or_else(|| name.to_owned()),
            variable: name.to_owned(),
        };
        Some(self.names().map(share).collect())
    }

    fn weights(&self) -> Option<&BTreeMap<String, Quantity>> {
        self.weights.as_ref()
    }

    fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let shares = match self.of_law(law) {
            Ok(shares) => shares,
            Err(fault) => return Err(vec![fault]),
        };
        if shares.len() < 2 {
            let fault = Fault::at("shares", "a mixture has at least two domains");
            faults.push(fault.hint("name all shares, or the domain without a variable by `rest = \"...\"`"));
        }
        faults.extend(self.reference_of(&shares).err());
        if let Some(taken) = law.variables.iter().find(|variable| Self::KEYS.contains(&variable.name.as_str())) {
            let message = format!("the variable `{}` has the name of a key of the question", taken.name);
            faults.push(Fault::at(&taken.name, message).hint("give the column another name in the source's columns"));
        }
        let is_share = |name: &str| shares.iter().any(|share| share.variable == name);
        let others: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).filter(|name| !is_share(name)).collect();
        check_names(self.values.keys(), &others, law, &mut faults);
        check_values(&self.values, law, &mut faults);
        for name in others {
            if !self.values.contains_key(name) {
                let fault = Fault::whole(format!("`{name}` has no value: the law is `{}`", law.formula));
                faults.push(fault.hint(format!("write `best_mixture = {{ {name} = ... }}`")));
            }
        }
        let wrong = self.weights.iter().flatten().find(|(_, weight)| !(weight.0 >= 0.0 && weight.0.is_finite()));
        if let Some((group, weight)) = wrong {
            faults.push(Fault::at(
                "weights",
                format!("the weight of `{group}` is {}; it must be zero or more", weight.0),
            ));
        }
        if self.weights.as_ref().is_some_and(|weights| weights.values().map(|w| w.0).sum::<f64>() == 0.0) {
            faults.push(Fault::at("weights", "no group has a weight above zero"));
        }
        super::finish(faults)
    }

    fn rows(&self, _: &Roles) -> Vec<BTreeMap<String, f64>> {
        rows_of(&self.values)
    }

    fn effort(&self) -> usize {
        20
    }

    fn moves(&self, _: &Law) -> Option<Moves> {
        None
    }

    fn takes_limits(&self, _: &Law) -> Result<(), &'static str> {
        Ok(())
    }

    fn solve(&self, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Finding, Refusal> {
        let names: Vec<&str> = self.names().collect();
        let base = model.ordered(inputs, &names)?;
        let sign = if self.best == Aim::Lowest { 1.0 } else { -1.0 };
        let told = model.trail.step().and_then(Solved::shared::<Known>);
        let known = told.unwrap_or_else(|| Arc::new(Known::new(self, model, &base, sign)));
        let at = At { terrain: &known.terrain, model, base: &base, sign };
        let reference: Vec<f64> = names.iter().filter_map(|name| Some(self.reference.get(*name)?.0)).collect();
        let simplex =
            known.simplex.as_ref().ok_or_else(|| Refusal::Undefined("no mixture keeps the limits".to_owned()))?;
        let found = known.valleys(simplex, &at, &reference);
        let Some(best) = found.first() else {
            return Err(Refusal::Undefined("the law has no finite value at any mixture within the limits".to_owned()));
        };
        model.trail.lay(|| {
            let Known { terrain, simplex, scattered, .. } = &*known;
            let (terrain, simplex) = (Arc::clone(terrain), simplex.clone());
            Some(Solved::of(Arc::new(Known {
                terrain,
                simplex,
                scattered: scattered.clone(),
                valleys: distinct(&found),
            })))
        });
        let is_equal = |valley: &&Valley| valley.value <= best.value + EQUAL * best.value.abs();
        let equal: Vec<&Valley> = found.iter().filter(is_equal).collect();
        let mut shares: Vec<f64> = best.shares.iter().map(|share| if *share <= NONE { 0.0 } else { *share }).collect();
        let response = if let Ok(response) = at.response(&shares) {
            response
        } else {
            shares.clone_from(&best.shares);
            at.response(&shares)?
        };
        let mut outputs = Outputs::from([("best_loss".into(), response)]);
        for (i, name) in names.iter().enumerate() {
            if equal.iter().all(|other| (other.shares[i] - best.shares[i]).abs() <= SAME) {
                outputs.insert((*name).to_owned().into(), shares[i]);
            }
        }
        if !reference.is_empty() {
            let there = at.response(&reference)?;
            outputs.insert("reference_loss".into(), there);
            outputs.insert("gain".into(), sign * (there - response));
        }
        let mut at = inputs.clone();
        at.extend(names.iter().map(|name| (*name).to_owned()).zip(shares));
        Ok(Finding { outputs, at })
    }

    fn remarks(&self, at: &BTreeMap<String, f64>, outputs: &BTreeMap<String, Interval>) -> Vec<String> {
        let open: Vec<&str> = self.names().filter(|name| !outputs.contains_key(*name)).collect();
        let is_none = |name: &&str| outputs.contains_key(*name) && at.get(*name) == Some(&0.0);
        let none: BTreeSet<&str> = self.names().filter(is_none).collect();
        let mut remarks = Vec::new();
        if !none.is_empty() {
            let names = list(&none.into_iter().collect::<Vec<_>>());
            remarks.push(format!("the best mixture is at the border, with a share of zero for {names}"));
        }
        if !open.is_empty() && outputs.contains_key("best_loss") {
            remarks.push(format!(
                "the minimum is flat: mixtures with other values of {} have the same response, and these shares are not \
                 identified",
                list(&open)
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Ready, Trail};
    use super::super::{Limits, SubjectTo};
    use super::*;
    use crate::law::{Domains, Variable};

    /// A law of shares `r[d]` of some domains.
    fn law(formula: &str, domains: &[&str], rest: Option<&str>) -> Law {
        let every = domains.iter().map(|domain| (*domain).to_owned()).collect();
        let domains = Domains { every, rest: rest.map(str::to_owned), ..Domains::default() };
        let variables = [Variable::plain("r"), Variable::plain("N")];
        Law::over_domains("test", formula, &variables, &domains).unwrap().0
    }

    /// The question as it is planned for a law.
    fn question(text: &str, law: &Law) -> BestMixture {
        let asked: BestMixture = toml::from_str(text).unwrap();
        assert_eq!(asked.check(law), Ok(()));
        match asked.for_law(law) {
            Some(Question::BestMixture(planned)) => planned,
            other => panic!("{other:?}"),
        }
    }

    fn solve(law: &Law, parameters: &[f64], asked: &BestMixture, limits: &str) -> Result<Finding, Refusal> {
        let spans = BTreeMap::new();
        let subject_to: SubjectTo = toml::from_str(limits).unwrap();
        let limits = Limits::of_shares(&subject_to, &asked.shares(law).unwrap()).unwrap();
        let ready = Ready::new(law, &spans, None).within(Some(&limits));
        let model = Model { ready: &ready, parameters, other: None, trail: &Trail::default() };
        asked.solve(&model, &asked.rows(&law.roles)[0])
    }

    /// The lowest response on a lattice of mixtures of three domains with at least `least` of each.
    fn lowest_on_lattice(law: &Law, parameters: &[f64], steps: usize, least: f64) -> (f64, [f64; 3]) {
        let tape = law.tape();
        let mut best = (f64::INFINITY, [0.0; 3]);
        for i in 0..=steps {
            for j in 0..=steps - i {
                let [a, b] = [i, j].map(|part| part as f64 / steps as f64);
                let shares = [a, b, (1.0 - a - b).max(0.0)];
                let value = tape.value_at(parameters, &shares);
                if shares.iter().all(|share| *share >= least) && value < best.0 {
                    best = (value, shares);
                }
            }
        }
        best
    }

    #[test]
    fn the_best_mixture_of_a_convex_law_is_where_lagrange_puts_it() {
        // The slopes -k g r^-(g+1) are equal where r is proportional to k^(1/(g+1)).
        let law = law("L = E + sum_over(d, k[d] / r[d]^g)", &["web", "code", "books"], None);
        let (g, k) = (0.5, [1.0, 2.0, 4.0]);
        let found = solve(&law, &[1.5, k[0], g, k[1], k[2]], &question("", &law), "").unwrap();
        let weights = k.map(|k| libm::pow(k, 1.0 / (g + 1.0)));
        let sum: f64 = weights.iter().sum();
        for (name, weight) in ["r_web", "r_code", "r_books"].iter().zip(weights) {
            assert!((found.outputs[*name] - weight / sum).abs() < 1e-9, "{name}: {:?}", found.outputs);
        }
    }

    #[test]
    fn no_mixture_of_a_lattice_is_better_than_the_best_one_of_a_law_with_many_valleys() {
        let law = law(
            "L = E + sum_over(d, a[d] * r[d] + b[d] * sin(w[d] * r[d])) + q * exp(sum_over(d, t[d] * r[d]))",
            &["web", "code", "books"],
            None,
        );
        let mut random = crate::numerics::Random::new(7, "valleys", 0);
        for _ in 0..40 {
            let value = |name: &str, u: f64| match name.split('_').next() {
                Some("w") => 4.0 + 8.0 * u,
                Some("E") => 2.0,
                Some("q") => 0.2 * u,
                _ => 2.0 * u - 1.0,
            };
            let parameters: Vec<f64> = law.free().iter().map(|p| value(&p.name, random.uniform())).collect();
            let found = solve(&law, &parameters, &question("", &law), "").unwrap();
            let (lowest, shares) = lowest_on_lattice(&law, &parameters, 60, 0.0);
            assert!(found.outputs["best_loss"] <= lowest + 1e-12, "{:?} {lowest} {shares:?}", found.outputs);
            assert!((found.at.values().sum::<f64>() - 1.0).abs() < 1e-6, "{:?}", found.at);
        }
    }

    #[test]
    fn a_mixture_at_the_border_and_within_limits_is_the_best_that_is_allowed() {
        let law = law("L = 1 + exp(sum_over(d, t[d] * r[d]))", &["web", "code", "books"], None);
        let parameters = [-0.5, 0.4, 0.9];
        let asked = question("reference = { web = 2e9, code = 1e9, books = 1e9 }", &law);
        let found = solve(&law, &parameters, &asked, "").unwrap();
        assert_eq!(["r_web", "r_code", "r_books"].map(|name| found.outputs[name]), [1.0, 0.0, 0.0]);
        let there = 1.0 + crate::numerics::exp(0.5 * -0.5 + 0.25 * 0.4 + 0.25 * 0.9);
        assert!((found.outputs["reference_loss"] - there).abs() < 1e-12, "{:?}", found.outputs);
        assert!((found.outputs["gain"] - (there - found.outputs["best_loss"])).abs() < 1e-12);
        let cells = found.outputs.keys().map(|name| (name.to_string(), interval())).collect();
        assert!(asked.remarks(&found.at, &cells)[0].contains("share of zero for `r_books` and `r_code`"));
        let limited = solve(&law, &parameters, &asked, "web = '<= 50 %'\nr_books = '>= 0.1'").unwrap();
        let shares = ["r_web", "r_code", "r_books"].map(|name| limited.outputs[name]);
        assert!(shares.iter().zip([0.5, 0.4, 0.1]).all(|(x, e)| (x - e).abs() < 1e-12), "{shares:?}");
        assert!(limited.outputs["best_loss"] > found.outputs["best_loss"]);
        // The highest response is at the other end.
        let highest = question("best = 'highest'", &law);
        assert_eq!(solve(&law, &parameters, &highest, "").unwrap().outputs["r_books"], 1.0);
    }

    fn interval() -> Interval {
        Interval { value: Some(0.0), lower: None, upper: None }
    }

    #[test]
    fn shares_that_the_minimum_leaves_open_have_no_value() {
        // The response depends on the share of code alone.
        let law = law("L = 1 + (sum_over(d, k[d] * r[d]) - 0.3)^2", &["web", "code", "books"], None);
        let parameters = [0.0, 1.0, 0.0];
        let asked = question("", &law);
        let found = solve(&law, &parameters, &asked, "").unwrap();
        let names: Vec<&str> = found.outputs.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["best_loss", "r_code"]);
        assert!((found.outputs["r_code"] - 0.3).abs() < 1e-7, "{:?}", found.outputs);
        let cells = names.iter().map(|name| ((*name).to_owned(), interval())).collect();
        let remarks = asked.remarks(&found.at, &cells);
        assert!(remarks[0].contains("flat") && remarks[0].contains("`r_web` and `r_books`"), "{remarks:?}");
    }

    #[test]
    fn a_domain_without_a_column_has_what_the_others_leave() {
        let whole = law("L = 1 + sum_over(d, k[d] * (r[d] - m[d])^2)", &["web", "code", "books"], None);
        let part = law("L = 1 + sum_over(d, k[d] * (r[d] - m[d])^2)", &["web", "code"], Some("books"));
        let parameters = [1.0, 0.3, 2.0, 0.2, 0.5, 0.4];
        let found = [&whole, &part].map(|law| {
            let outputs = solve(law, &parameters, &question("", law), "").unwrap().outputs;
            ["r_web", "r_code", "r_books", "best_loss"].map(|name| outputs[name])
        });
        assert!(found[0].iter().zip(found[1]).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        let limited = solve(&part, &parameters, &question("", &part), "books = '<= 0.2'").unwrap().outputs;
        assert!((limited["r_books"] - 0.2).abs() < 1e-12, "{limited:?}");
    }

    #[test]
    fn the_mixture_of_a_law_with_a_power_of_each_share_is_found_at_a_share_near_zero() {
        let law = law("L = 1 / sum_over(d, C[d] * r[d]^g[d]) + A / N^a", &["web", "code"], None);
        // The powers have no slope at zero; with g above 1 a corner is best, with g below 1 the inside.
        for (g, is_inside) in [(0.5, true), (1.5, false)] {
            let parameters: Vec<f64> = law
                .free()
                .iter()
                .map(|p| match p.name.as_str() {
                    "C_web" => 1.0,
                    "C_code" => 0.8,
                    "A" => 400.0,
                    "a" => 0.34,
                    _ => g,
                })
                .collect();
            let found = solve(&law, &parameters, &question("N = '1B'", &law), "").unwrap().outputs;
            // C r^g with g = 1/2: shares in the ratio of the squares of C.
            let web = if is_inside { 1.0 / 1.64 } else { 1.0 };
            assert!((found["r_web"] - web).abs() < 1e-7, "{found:?}");
        }
    }

    #[test]
    fn a_question_about_no_mixture_or_an_unknown_domain_is_refused_with_a_hint() {
        let mixture = law("L = 1 + exp(sum_over(d, t[d] * r[d])) / N^a", &["web", "code"], None);
        let plain = crate::law::find("hoffmann").unwrap().law().unwrap();
        for (law, text, said) in [
            (&plain, "N = '1B'", "has no shares of domains"),
            (&mixture, "", "`N` has no value"),
            (&mixture, "N = 1e9\nr_web = 0.5", "solves for `r_web`"),
            (&mixture, "N = 1e9\nreference = { wbe = 1 }", "`wbe` is not a domain"),
            (&mixture, "N = 1e9\nreference = { web = 0.5, code = 0.4 }", "sum to 0.9"),
            (&mixture, "N = 1e9\nshares = ['r_web']", "at least two domains"),
            (&mixture, "N = 1e9\nshares = ['r_wbe', 'r_code']", "no variable `r_wbe`"),
            (&mixture, "N = 1e9\nweights = { a = -1 }", "must be zero or more"),
        ] {
            let asked: BestMixture = toml::from_str(text).unwrap();
            let faults = asked.check(law).unwrap_err();
            assert!(faults.iter().any(|fault| fault.message.contains(said)), "{text}: {faults:?}");
        }
        let asked = question("N = 1e9", &mixture);
        for (limits, said) in [
            ("cod = '<= 0.5'", "`cod` is not a share"),
            ("code = '<= 0.4'\nweb = '<= 0.5'", "sum to 0.9"),
            ("code = '>= 0.7'\nweb = '>= 0.5'", "sum to 1.2"),
            ("code = [0.1, 0.2]", "can only have limits"),
            ("code = '>= 50'", "a share is at most 1"),
        ] {
            let subject_to: SubjectTo = toml::from_str(limits).unwrap();
            let faults = Limits::of_shares(&subject_to, &asked.shares(&mixture).unwrap()).unwrap_err();
            assert!(faults[0].message.contains(said), "{limits}: {faults:?}");
        }
    }
}
