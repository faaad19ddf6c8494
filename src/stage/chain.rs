//! Joins two fits into one if the law of one has a variable that the other forecasts, as from compute to loss to
//! accuracy.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Failure;
use super::written::Laws;
use crate::answer::{Interval, Prediction};
use crate::fit::Fit;
use crate::law::{Law, Variable};
use crate::numerics::{Points, Random, exp, ln, normal_quantile};
use crate::objective::ResponseScale;
use crate::quantity::{OneOrMany, Quantity};
use crate::query::{Question, answer};

/// The warning of a chain. `by_several` says whether several laws forecast the variable.
///
/// The published results are those of the 13B model of the `OLMo` ladder (Bhagia et al. 2024, arXiv:2412.04403), and of
/// 46 tasks (Lourie et al. 2025).
pub(super) fn warning(by_several: bool) -> String {
    let included = if by_several {
        "Its interval includes the common error of the laws that forecast the variable, but not the error of the second law"
    } else {
        "Its interval includes the errors of both fits, but not the errors of the laws themselves"
    };
    format!(
        "This answer uses a chain of two laws. {included}: published chains missed accuracies by 0.7 to 17.5 %, and only 18 of 46 tasks followed such a chain."
    )
}

/// The fit that provides a variable of a law.
#[derive(Clone, Debug)]
pub struct Through {
    /// The variable.
    pub variable: String,
    /// The law of the fit that provides it.
    pub inner: Arc<Law>,
    /// The law that uses it.
    pub outer: Arc<Law>,
    /// The column that groups the providing fit.
    pub by: Option<String>,
}

/// The same with laws as indices in a list.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenThrough {
    variable: String,
    inner: usize,
    outer: usize,
    by: Option<String>,
}

/// A fit or one of its groups, as the subject of a query.
pub(super) struct Member {
    /// The group, if the fit has groups.
    pub(super) group: Option<String>,
    /// The fit. If another fit provides a variable, this is the fit of the composed law.
    pub(super) fit: Fit,
    /// Its draws.
    pub(super) draws: Points,
    /// The two fits of a chain, if another fit provides a variable.
    pub(super) inner: Option<Parts>,
}

impl Member {
    /// The members of a fit with their draws.
    pub(super) fn of(fit: Fit, draws: Vec<Points>) -> Vec<Self> {
        let groups: Vec<Option<String>> =
            fit.members().into_iter().map(|(group, _)| group.map(str::to_owned)).collect();
        let fits = if fit.groups.is_empty() { vec![fit] } else { fit.groups.into_values().collect() };
        let members = groups.into_iter().zip(fits).zip(draws);
        members.map(|((group, fit), draws)| Self { group, fit, draws, inner: None }).collect()
    }
}

/// The two fits of a chain.
pub(super) struct Parts {
    /// The fit that provides the variable.
    pub(super) fit: Fit,
    /// The fit that uses it, and its draws.
    pub(super) outer: Fit,
    outer_draws: Points,
}

/// Number of draws of a forecast that passes through a law without draws.
const DRAWS: usize = 1000;

impl Through {
    /// The settings that determine an answer: the laws of both fits and the grouping of the rows.
    pub(super) fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "variable": self.variable,
            "inner": self.inner.form_fingerprint(),
            "outer": self.outer.form_fingerprint(),
            "by": self.by,
        })
    }

    pub(super) fn written(&self, laws: &mut Laws) -> WrittenThrough {
        let Self { variable, inner, outer, by } = self;
        let (inner, outer) = (laws.place(inner), laws.place(outer));
        WrittenThrough { variable: variable.clone(), inner, outer, by: by.clone() }
    }

    /// The outer law at the values forecast for the inner one; `None` if it has no value there.
    ///
    /// The forecast is taken as log-normal. Each draw of the outer fit is paired with one quantile of the forecast.
    /// Multiples of the golden ratio choose the quantiles: any number of them is spread evenly, and their order is
    /// unrelated to that of the draws.
    pub(super) fn put_through(
        &self,
        parts: &Parts,
        given: Prediction,
        at: &BTreeMap<String, f64>,
        level: f64,
        seed: u64,
    ) -> Option<Interval> {
        let law = self.outer.at_unknown(&self.variable);
        let spread = (ln(given.upper) - ln(given.value)) / normal_quantile(f64::midpoint(1.0, level));
        let count = if parts.outer_draws.is_empty() { DRAWS } else { parts.outer_draws.len() };
        let share = |i: usize| ((i as f64 + 0.5) * GOLDEN).fract();
        let draw = |i: usize| {
            let own = if parts.outer_draws.is_empty() { &parts.outer.free[..] } else { &parts.outer_draws[i] };
            joined(&[given.value * exp(spread * normal_quantile(share(i)))], own)
        };
        let draws: Points = (0..count).map(draw).collect();
        let flat = parts.outer.flat.iter().map(|flat| joined(&[0.0], flat)).collect();
        let free = joined(&[given.value], &parts.outer.free);
        let equals = parts.outer.equals.iter().map(|equal| joined(&[given.value], equal)).collect();
        let fit = Fit { free, flat, equals, level: Some(level), ..parts.outer.clone() };
        let variables = law.variables.iter().filter_map(|v| Some((v.name.clone(), *at.get(&v.name)?)));
        let at = variables.map(|(name, value)| (name, OneOrMany::from(Quantity(value)))).collect();
        let question = Question::response_at(at);
        answer(&question, &law, &fit, &draws, None, seed).rows.first()?.outputs.get("loss").copied()
    }
}

/// The fractional part of the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl WrittenThrough {
    pub(super) fn read(self, laws: &[Arc<Law>]) -> Option<Through> {
        let Self { variable, inner, outer, by } = self;
        Some(Through { variable, inner: laws.get(inner)?.clone(), outer: laws.get(outer)?.clone(), by })
    }
}

/// The members of two chained fits: those of the grouped one, or the groups that both have. With a seed for the `scatter`,
/// the draws are those of single runs, which scatter around the inner law too.
pub(super) fn members(
    through: &Through,
    (inner, inner_draws): (Fit, Vec<Points>),
    (outer, outer_draws): (Fit, Vec<Points>),
    scatter: Option<u64>,
) -> Result<Vec<Member>, Failure> {
    let (inner, outer) = (Member::of(inner, inner_draws), Member::of(outer, outer_draws));
    let mut joined = Vec::new();
    for one in &inner {
        for other in &outer {
            if one.group.is_none() || other.group.is_none() || one.group == other.group {
                let (fit, draws) = chain(through, (&one.fit, &one.draws), (&other.fit, &other.draws), scatter);
                let group = other.group.clone().or_else(|| one.group.clone());
                let (outer, outer_draws) = (other.fit.clone(), other.draws.clone());
                joined.push(Member {
                    group,
                    fit,
                    draws,
                    inner: Some(Parts { fit: one.fit.clone(), outer, outer_draws }),
                });
            }
        }
    }
    if joined.is_empty() {
        return Err(Failure::new("no-group", "the two fits of a chain have no group in common".to_owned())
            .hint(format!("one has {}, the other {}", groups(&inner), groups(&outer))));
    }
    Ok(joined)
}

fn groups(members: &[Member]) -> String {
    members.iter().filter_map(|member| Some(format!("`{}`", member.group.as_ref()?))).collect::<Vec<_>>().join(", ")
}

fn joined(one: &[f64], other: &[f64]) -> Vec<f64> {
    [one, other].concat()
}

/// The response of a law at the middle of its rows.
fn typical(law: &Law, fit: &Fit) -> f64 {
    let middle = |variable: &Variable| match fit.spans.get(&variable.name) {
        Some(span) if span.lowest > 0.0 => (span.lowest * span.highest).sqrt(),
        Some(span) => f64::midpoint(span.lowest, span.highest),
        None => 1.0,
    };
    law.tape().value_at(&fit.free, &law.variables.iter().map(middle).collect::<Vec<_>>())
}

/// Two fits as one fit of the composed law, with joint draws and the data of the inner fit.
fn chain(
    through: &Through,
    (inner, inner_draws): (&Fit, &Points),
    (outer, outer_draws): (&Fit, &Points),
    scatter: Option<u64>,
) -> (Fit, Points) {
    let mut random = scatter.map(|seed| Random::new(seed, "inner noise", 0));
    let typical = typical(&through.inner, inner);
    let mut scattered = |draw: usize| {
        let residual = random.as_mut().map_or(0.0, |random| inner.noise.draw(draw, random));
        match inner.scale {
            ResponseScale::Log => -residual,
            ResponseScale::Raw => Some(ln(1.0 - residual / typical)).filter(|change| change.is_finite()).unwrap_or(0.0),
        }
    };
    let whole = |one: &[f64], other: &[f64], scatter: f64| [one, other, &[scatter]].concat();
    let count = inner_draws.len().max(outer_draws.len());
    // A fit without draws has fixed parameters. If both have draws, they are paired one by one.
    let draw = |draws: &Points, free: &[f64], i: usize| {
        if draws.is_empty() { free.to_vec() } else { draws[i % draws.len()].to_vec() }
    };
    let of_draw = |i: usize| {
        let (own, others) = (draw(inner_draws, &inner.free, i), draw(outer_draws, &outer.free, i));
        whole(&own, &others, scattered(i))
    };
    let draws = (0..count).map(of_draw).collect();
    let still = |fit: &Fit| vec![0.0; fit.free.len()];
    let flat = inner.flat.iter().map(|flat| whole(flat, &still(outer), 0.0));
    let flat = flat.chain(outer.flat.iter().map(|flat| whole(&still(inner), flat, 0.0)));
    let equals = inner.equals.iter().map(|equal| whole(equal, &outer.free, 0.0));
    let equals = equals.chain(outer.equals.iter().map(|equal| whole(&inner.free, equal, 0.0)));
    let far = inner.far.iter().map(|far| whole(far, &outer.free, 0.0));
    let far = far.chain(outer.far.iter().map(|far| whole(&inner.free, far, 0.0)));
    let mut fit = Fit {
        equals: equals.collect(),
        far: far.collect(),
        free: whole(&inner.free, &outer.free, 0.0),
        spans: inner.spans.clone(),
        rays: inner.rays.clone(),
        flat: flat.collect(),
        rows: inner.rows.min(outer.rows),
        level: outer.level.or(inner.level),
        ..outer.clone()
    };
    fit.evidence.converged = inner.evidence.converged && outer.evidence.converged;
    (fit, draws)
}
