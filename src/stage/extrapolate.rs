//! Extrapolate: answers a query from a fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::written::{Laws, WrittenQuery, WrittenStage};
use super::{Context, Failure, Inputs, Stage, json_bytes};
use crate::answer::{ALL, Answer, Verdict};
use crate::artifact::Outputs;
use crate::dataset::{Dataset, GroupName};
use crate::evidence::caveats;
use crate::fit::{Candidate, Fit, HELD, stacked};
use crate::forecast::{Measured, NoForecast, as_size, forecast};
use crate::law::{Law, Tape};
use crate::numerics::ln;
use crate::query::{Other, Question, answer};
use crate::schedule::of_knot;

/// The stage that answers a query.
#[derive(Clone, Debug)]
pub struct Extrapolate {
    /// The fit's law, joined with the law of another fit if that gives one of its variables.
    pub law: Arc<Law>,
    /// The query.
    pub question: Question,
    /// Whether another fit gives one of the law's variables.
    pub chained: bool,
    /// The law of the other fit of a query about two.
    pub other: Option<Arc<Law>>,
    /// Settings of the forecast by several laws, if the query asks for one.
    pub forecast: Option<ByDefault>,
    /// The fit's alternatives, if they answer together with the fit's own law.
    pub stack: Vec<Arc<Law>>,
    /// The groups to answer for; empty stands for all.
    pub groups: Vec<String>,
    /// Seed of the study.
    pub seed: u64,
}

/// Settings of the default forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByDefault {
    /// The response at chance level, where known.
    pub ceiling: Option<f64>,
    /// The column that defines the fit's groups.
    pub by: Option<String>,
}

impl Stage for Extrapolate {
    fn kind(&self) -> &'static str {
        "extrapolate"
    }

    fn impl_rev(&self) -> u32 {
        10
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "law": self.law.form_fingerprint(),
            "question": self.question,
            "forecast": self.forecast,
            "stack": self.stack.iter().map(|law| law.form_fingerprint()).collect::<Vec<_>>(),
            "other": self.other.as_ref().map(|law| law.form_fingerprint()),
            "seed": self.seed,
            "groups": self.groups,
            "numerics": crate::numerics::NUMERICS_REV,
        })
    }

    fn written(&self, laws: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Extrapolate(Box::new(WrittenQuery::of(self, laws))))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["answer"]
    }

    fn run(&self, inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, Failure> {
        let mut fit: Fit = inputs.json("fit")?;
        let draws = fit.read_draws(inputs.bytes("draws")?);
        if self.chained {
            let mut inner: Fit = inputs.json("fit.through")?;
            let inner_draws = inner.read_draws(inputs.bytes("draws.through")?).remove(0);
            let caveats = [&inner, &fit].into_iter().flat_map(caveats).collect();
            let (fit, draws) = chain(&inner, &inner_draws, &fit, &draws[0]);
            let mut answer = answer(&self.question, &self.law, &fit, &draws, None, self.seed);
            answer.warnings.insert(0, CHAINED.to_owned());
            answer.caveats.insert(ALL.to_owned(), caveats);
            return Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&answer)?)]));
        }
        let second = match &self.other {
            Some(law) => Some(SecondFit::read(law, self.question.kind().other().and_then(|o| o.group), inputs)?),
            None => None,
        };
        let mut whole: Option<Answer> = None;
        for group in &self.groups {
            require_group(&fit, group, "the fit")?;
        }
        let is_asked = |group: Option<&str>| {
            self.groups.is_empty() || group.is_some_and(|group| self.groups.iter().any(|asked| asked == group))
        };
        // A fit in groups has one answer for each group.
        for ((group, member), draws) in fit.members().into_iter().zip(&draws).filter(|((group, _), _)| is_asked(*group))
        {
            let other = second.as_ref().and_then(|second| second.beside(group));
            // A forecast by other laws does not depend on parameters that the rows leave open in this fit.
            let is_by_laws = self.forecast.is_some() || !self.stack.is_empty();
            let told = is_by_laws.then(|| Fit { flat: Vec::new(), ..member.clone() });
            let asked = told.as_ref().unwrap_or(member);
            let mut answer = answer(&self.question, &self.law, asked, draws, other, self.seed);
            if let Some(by_default) = &self.forecast {
                self.by_several_laws(by_default, &inputs.table("rows")?, group, member, &mut answer)?;
            }
            if !self.stack.is_empty() {
                self.by_stack(member, &mut answer);
            }
            // A forecast by other laws does not depend on this fit's parameters.
            let caveats = if self.forecast.is_some() { Vec::new() } else { caveats(member) };
            answer.caveats.insert(group.unwrap_or(ALL).to_owned(), caveats);
            answer.rows.iter_mut().for_each(|row| row.group = group.map(str::to_owned));
            if let Some(group) = group {
                answer.warnings.iter_mut().for_each(|warning| *warning = format!("{group}: {warning}"));
            }
            match &mut whole {
                None => whole = Some(answer),
                Some(whole) => {
                    whole.rows.extend(answer.rows);
                    whole.forecasts.extend(answer.forecasts);
                    whole.caveats.extend(answer.caveats);
                    whole.warnings.extend(answer.warnings);
                }
            }
        }
        let mut whole = whole.ok_or_else(|| Failure::internal("a fit without members"))?;
        // The query contains the schedule, so the values of its knots add nothing.
        let of_schedule = crate::schedule::names();
        let tells = |name: &str| {
            of_knot(name).is_none() && (self.law.variable(name).is_some() || !of_schedule.iter().any(|s| s == name))
        };
        whole.rows.iter_mut().for_each(|row| row.inputs.retain(|name, _| tells(name)));
        Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&whole)?)]))
    }
}

/// Fails where a fit lacks a group; `which` names the fit in the message.
fn require_group(fit: &Fit, group: &str, which: &str) -> Result<(), Failure> {
    if fit.groups.contains_key(&GroupName(group.to_owned())) {
        return Ok(());
    }
    let known = fit.groups.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Failure::new("no-group", format!("{which} has no group `{group}`")).hint(format!("its groups are {known}")))
}

/// The other fit of a comparison.
struct SecondFit<'a> {
    law: &'a Law,
    fit: Fit,
    draws: Vec<Vec<Vec<f64>>>,
    /// The group with which everything is compared, where the query names one.
    group: Option<&'a str>,
}

impl<'a> SecondFit<'a> {
    fn read(law: &'a Law, group: Option<&'a str>, inputs: &Inputs) -> Result<Self, Failure> {
        let mut fit: Fit = inputs.json("fit.other")?;
        if let Some(group) = group {
            require_group(&fit, group, "the fit that is compared with")?;
        }
        let draws = fit.read_draws(inputs.bytes("draws.other")?);
        Ok(Self { law, fit, draws, group })
    }

    /// The group with which a group is compared: the named one, else the one of the same name, else the whole fit.
    fn beside(&self, own: Option<&str>) -> Option<Other<'_>> {
        let wanted = self.group.or(own).filter(|_| !self.fit.groups.is_empty());
        let mut members = self.fit.members().into_iter().zip(&self.draws);
        let ((_, fit), draws) = members.find(|((name, _), _)| *name == wanted)?;
        Some(Other { law: self.law, fit, draws })
    }
}

/// Coverage of a forecast's intervals where the fit defines none.
const LEVEL: f64 = 0.9;

impl Extrapolate {
    /// Replaces the answer of the fit's law by a forecast of that law and its alternatives.
    fn by_stack(&self, fit: &Fit, answer: &mut Answer) {
        let level = fit.level.unwrap_or(LEVEL);
        let candidates = fit.choice.iter().flat_map(|choice| &choice.laws);
        let laws: Vec<(&Law, Tape, &Candidate)> = std::iter::once(&self.law)
            .chain(&self.stack)
            .zip(candidates)
            .map(|(law, c)| (law.as_ref(), law.tape(), c))
            .collect();
        for row in &mut answer.rows {
            let known = laws.iter().filter_map(|(law, tape, candidate)| {
                let free: Option<Vec<f64>> =
                    law.free().iter().map(|p| candidate.parameters.get(&p.name).copied()).collect();
                let at: Option<Vec<f64>> = law.variables.iter().map(|v| row.inputs.get(&v.name).copied()).collect();
                let z = ln(tape.value_at(&free?, &at?));
                Some((candidate.share, z, candidate.rolling_origin?)).filter(|_| z.is_finite())
            });
            if let Some(prediction) = stacked(&known.collect::<Vec<_>>(), level) {
                row.outputs.insert("loss".to_owned(), prediction.into());
            } else {
                row.outputs.clear();
                row.reach.verdict = Verdict::NotForecast;
                row.note =
                    Some("no forecast: there are too few rows to hide the largest and weigh the laws".to_owned());
            }
        }
        answer.interval = Some(format!(
            "{:.0} % interval of {} laws stacked: their disagreement, and their errors when the largest runs were hidden",
            100.0 * level,
            laws.len()
        ));
    }

    /// Replaces the answer of the fit's law by a forecast of several laws.
    fn by_several_laws(
        &self,
        by_default: &ByDefault,
        rows: &Dataset,
        group: Option<&str>,
        fit: &Fit,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let no_column = || Failure::internal("the rows of a fit lack a column");
        let held = rows.numbers(HELD).ok_or_else(no_column)?;
        let is_of_group = |row: usize| match (&by_default.by, group) {
            (Some(by), Some(group)) => rows.text(by, row) == group,
            _ => true,
        };
        let fitted: Vec<usize> = (0..rows.rows()).filter(|&row| held[row] == 0.0 && is_of_group(row)).collect();
        let fitted = rows.select(&fitted);
        let names = self.law.variables.iter().map(|v| v.name.as_str());
        let is_compute = |name: &str| name == self.law.roles.compute;
        let columns: Vec<Vec<f64>> = names
            .clone()
            .map(|name| {
                let column = fitted.numbers(name).ok_or_else(no_column)?;
                Ok(column.iter().map(|&x| as_size(is_compute(name), x)).collect())
            })
            .collect::<Result<_, Failure>>()?;
        let sizes: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let responses = fitted.numbers(&self.law.response).ok_or_else(no_column)?;
        let targets: Vec<Vec<f64>> = answer
            .rows
            .iter()
            .map(|row| names.clone().map(|name| as_size(is_compute(name), row.inputs[name])).collect())
            .collect();
        let level = fit.level.unwrap_or(LEVEL);
        let measured = Measured { sizes: &sizes, responses, ceiling: by_default.ceiling };
        match forecast(&measured, &targets, level) {
            Ok((predictions, account)) => {
                for (row, prediction) in answer.rows.iter_mut().zip(predictions) {
                    row.outputs.insert("loss".to_owned(), prediction.into());
                    row.note = None;
                }
                if account.origins == 0 {
                    answer.warnings.push("There are too few runs to hide the last ones and see how each law forecasts them: all members count the same.".to_owned());
                }
                answer.forecasts.insert(group.unwrap_or(ALL).to_owned(), account);
                answer.interval = Some(format!(
                    "{:.0} % prediction interval of one run: scatter, parameters, disagreement of the laws, and the error that they have in common",
                    100.0 * level
                ));
            }
            Err(NoForecast(reason)) => {
                for row in &mut answer.rows {
                    row.outputs.clear();
                    row.reach.verdict = Verdict::NotForecast;
                    row.note = Some(format!("no forecast: {reason}"));
                }
                answer.interval = None;
            }
        }
        Ok(())
    }
}

/// Published results of chains: the 13B model of the `OLMo` ladder (Bhagia et al. 2024, arXiv:2412.04403), and 46
/// tasks (Lourie et al. 2025).
const CHAINED: &str = "This answer goes through two laws. Both errors are in its interval, the error of the laws themselves is not: in public such chains missed accuracies by 0.7 to 17.5 %, and of 46 tasks only 18 followed one at all.";

/// Joins two fits into one fit of the joined law, with the draws of both paired and the data of the inner fit.
fn chain(inner: &Fit, inner_draws: &[Vec<f64>], outer: &Fit, outer_draws: &[Vec<f64>]) -> (Fit, Vec<Vec<f64>>) {
    let joined = |one: &[f64], other: &[f64]| [one, other].concat();
    let count = inner_draws.len().max(outer_draws.len());
    // A fit without draws uses its estimate. Otherwise each draw of one fit is paired with a draw of the other.
    let draw = |draws: &[Vec<f64>], free: &[f64], i: usize| {
        if draws.is_empty() { free.to_vec() } else { draws[i % draws.len()].clone() }
    };
    let draws =
        (0..count).map(|i| joined(&draw(inner_draws, &inner.free, i), &draw(outer_draws, &outer.free, i))).collect();
    let still = |fit: &Fit| vec![0.0; fit.free.len()];
    let flat = inner.flat.iter().map(|flat| joined(flat, &still(outer)));
    let flat = flat.chain(outer.flat.iter().map(|flat| joined(&still(inner), flat)));
    let mut fit = Fit {
        free: joined(&inner.free, &outer.free),
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
