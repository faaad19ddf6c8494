//! Extrapolate: answers a query from a fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::{self, Member, Through, WrittenThrough};
use super::inverted::{ByDefault, by_inverse, measured, whole};
use super::stack::{Read, Stacked, WrittenStacked};
use super::weighted::{Average, average};
use super::{Failure, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::answer::{ALL, Account, Answer, Prediction, Row, Verdict};
use crate::artifact::Outputs;
use crate::dataset::Dataset;
use crate::evidence::caveats;
use crate::fit::Fit;
use crate::forecast::{Measured, NoForecast, as_size, forecast};
use crate::law::Law;
use crate::numerics::Points;
use crate::quantity::Quantity;
use crate::query::{Limits, Other, Question, answer_within, left_range};
use crate::schedule::of_knot;
use crate::watch::Watch;

/// The stage that answers a query.
#[derive(Clone, Debug)]
pub struct Extrapolate {
    /// The fit's law, joined with the law of another fit if that gives one of its variables.
    pub law: Arc<Law>,
    /// The query.
    pub question: Question,
    /// The fit that provides one of the law's variables, if there is one.
    pub through: Option<Through>,
    /// The law of the other fit of a query about two.
    pub other: Option<Arc<Law>>,
    /// Settings of the forecast by several laws, if the query asks for one.
    pub forecast: Option<ByDefault>,
    /// The laws that answer together: those of the fit, and those of the other fit of a comparison.
    pub stacked: Vec<Stacked>,
    /// What answers must keep to.
    pub limits: Option<Limits>,
    /// The groups to answer for; empty stands for all.
    pub groups: Vec<String>,
    /// Seed of the study.
    pub seed: u64,
}

/// A query whose laws are indices in a list.
#[derive(Serialize, Deserialize)]
pub struct WrittenQuery {
    law: usize,
    question: Question,
    through: Option<WrittenThrough>,
    other: Option<usize>,
    forecast: Option<ByDefault>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stacked: Vec<WrittenStacked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    groups: Vec<String>,
    seed: u64,
}

impl WrittenQuery {
    fn of(stage: &Extrapolate, laws: &mut Laws) -> Self {
        let Extrapolate { law, question, through, other, forecast, stacked, limits, groups, seed } = stage;
        Self {
            law: laws.place(law),
            question: question.clone(),
            through: through.as_ref().map(|through| through.written(laws)),
            other: other.as_ref().map(|law| laws.place(law)),
            forecast: forecast.clone(),
            stacked: stacked.iter().map(|stacked| stacked.written(laws)).collect(),
            limits: limits.clone(),
            groups: groups.clone(),
            seed: *seed,
        }
    }

    pub(super) fn read(self, laws: &[Arc<Law>]) -> Option<Extrapolate> {
        let Self { law, question, through, other, forecast, stacked, limits, groups, seed } = self;
        let through = match through {
            Some(written) => Some(written.read(laws)?),
            None => None,
        };
        let other = match other {
            Some(place) => Some(laws.get(place)?.clone()),
            None => None,
        };
        let law = laws.get(law)?.clone();
        let stacked = stacked.into_iter().map(|stacked| stacked.read(laws)).collect::<Option<_>>()?;
        Some(Extrapolate { law, question, through, other, forecast, stacked, limits, groups, seed })
    }
}

impl Stage for Extrapolate {
    fn kind(&self) -> &'static str {
        "extrapolate"
    }

    fn impl_rev(&self) -> u32 {
        22
    }

    fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::json!({
            "law": self.law.form_fingerprint(),
            "question": self.question,
            "forecast": self.forecast,
            "through": self.through.as_ref().map(Through::settings),
            "other": self.other.as_ref().map(|law| law.form_fingerprint()),
            "seed": self.seed,
            "groups": self.groups,
            "numerics": crate::numerics::NUMERICS_REV,
        });
        if let Some(limits) = &self.limits {
            settings["limits"] = serde_json::json!(limits);
        }
        if !self.stacked.is_empty() {
            settings["stacked"] = self.stacked.iter().map(Stacked::settings).collect();
        }
        settings
    }

    fn written(&self, laws: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Extrapolate(Box::new(WrittenQuery::of(self, laws))))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["answer"]
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let mut fit: Fit = inputs.json("fit")?;
        let draws = fit.read_draws(inputs.bytes("draws")?);
        let second = match &self.other {
            Some(law) => Some(SecondFit::read(law, self.question.member().other().and_then(|o| o.group), inputs)?),
            None => None,
        };
        let together = self.laws_together(&fit, &draws, second.as_ref(), inputs)?;
        let members = match &self.through {
            Some(through) => {
                let mut inner: Fit = inputs.json("fit.through")?;
                let inner_draws = inner.read_draws(inputs.bytes("draws.through")?);
                // An answer that a run could measure includes the scatter of the run around both laws.
                let scatter = self.question.member().is_measured().then_some(self.seed);
                chain::members(through, (inner, inner_draws), (fit, draws), scatter)?
            }
            None => Member::of(fit, draws),
        };
        let known: Vec<&str> = members.iter().filter_map(|member| member.group.as_deref()).collect();
        for group in &self.groups {
            require_group(&known, group, "the fit")?;
        }
        if let Some(weights) = self.question.member().weights() {
            return self.of_average(weights, members);
        }
        let rows = match (&self.forecast, &self.through) {
            (Some(_), Some(_)) => Some(inputs.table("rows.through")?),
            (Some(_), None) => Some(inputs.table("rows")?),
            (None, _) => None,
        };
        let mut whole: Option<Answer> = None;
        // A fit in groups has one answer for each group.
        for member in &members {
            let group = member.group.as_deref();
            if !self.groups.is_empty() && !group.is_some_and(|group| self.groups.iter().any(|asked| asked == group)) {
                continue;
            }
            let other = second.as_ref().and_then(|second| second.beside(group));
            // A forecast by other laws does not depend on parameters that the rows leave open in this fit.
            let is_by_laws = self.forecast.is_some() || !self.stacked.is_empty();
            let told = is_by_laws.then(|| Fit {
                flat: Vec::new(),
                equals: Vec::new(),
                too_few_settings: Vec::new(),
                ..member.fit.clone()
            });
            let asked = told.as_ref().unwrap_or(&member.fit);
            let limits = self.limits.as_ref();
            let mut answer = match self.by_laws_together(&together, second.as_ref(), group)? {
                Some(answer) => answer,
                None => answer_within(&self.question, limits, &self.law, asked, &member.draws, other, self.seed),
            };
            if Self::is_unweighted(&together, &answer) {
                answer.rows.iter_mut().for_each(|row| refuse(row, UNWEIGHTED));
                answer.interval = None;
            }
            if let Some((by_default, rows)) = self.forecast.as_ref().zip(rows.as_ref()) {
                self.by_several_laws(by_default, rows, member, &mut answer)?;
            }
            if let Some(range) = member.fit.range.filter(|_| is_by_laws) {
                answer.rows.iter_mut().for_each(|row| keep_in_range(row, range));
            }
            // A forecast by other laws does not use this fit's parameters, except in a chain, where the outer law is
            // that of the fit.
            let caveats = match (&self.forecast, &member.inner) {
                (Some(_), Some(inner)) => caveats(&inner.outer),
                (Some(_), None) => Vec::new(),
                (None, Some(inner)) => [&inner.fit, &inner.outer].into_iter().flat_map(caveats).collect(),
                (None, None) => caveats(&member.fit),
            };
            answer.caveats.insert(group.unwrap_or(ALL).to_owned(), caveats);
            answer.rows.iter_mut().for_each(|row| row.group = group.map(str::to_owned));
            if let Some(group) = group {
                answer.warnings.iter_mut().for_each(|warning| warning.text = format!("{group}: {warning}"));
            }
            match &mut whole {
                None => whole = Some(answer),
                Some(whole) => {
                    whole.rows.extend(answer.rows);
                    whole.forecasts.extend(answer.forecasts);
                    whole.stacks.extend(answer.stacks);
                    whole.caveats.extend(answer.caveats);
                    whole.warnings.extend(answer.warnings);
                    // The first group may be refused, and have no interval to describe.
                    whole.interval = whole.interval.take().or(answer.interval);
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
        if self.through.is_some() {
            whole.warnings.insert(0, chain::warning(self.forecast.is_some()).into());
        }
        Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&whole)?)]))
    }
}

impl Extrapolate {
    /// The fits of several laws that answer together: those of the fit, and those of the other fit of a comparison.
    fn laws_together(
        &self,
        fit: &Fit,
        draws: &[Points],
        second: Option<&SecondFit<'_>>,
        inputs: &Inputs,
    ) -> Result<Vec<Read<'_>>, Failure> {
        let own = self.stacked.first().map(|own| Read::new(own, (fit.clone(), draws.to_vec()), "", inputs));
        let of_second = self.stacked.get(1).zip(second);
        let other = of_second
            .map(|(other, second)| Read::new(other, (second.fit.clone(), second.draws.clone()), OTHER, inputs));
        own.into_iter().chain(other).collect()
    }

    /// The answer of several laws together for a group; `None` where one law answers, or where the laws have no weights.
    fn by_laws_together(
        &self,
        together: &[Read<'_>],
        second: Option<&SecondFit<'_>>,
        group: Option<&str>,
    ) -> Result<Option<Answer>, Failure> {
        let Some(own) = together.first() else { return Ok(None) };
        let other = together.get(1).zip(second).map(|(other, second)| other.of_group(second.wanted(group)));
        let (Some(own), other) = (own.of_group(group)?, other.transpose()?) else { return Ok(None) };
        if other.as_ref().is_some_and(Option::is_none) {
            return Ok(None);
        }
        let (mut answer, stack) = own.answer(&self.question, self.limits.as_ref(), other.flatten().as_ref(), self.seed);
        answer.stacks.insert(group.unwrap_or(ALL).to_owned(), stack);
        Ok(Some(answer))
    }

    /// Whether several laws should answer together, and have no weights.
    fn is_unweighted(together: &[Read<'_>], answer: &Answer) -> bool {
        !together.is_empty() && answer.stacks.is_empty()
    }

    /// The answer for the weighted average of the groups.
    fn of_average(&self, weights: &BTreeMap<String, Quantity>, mut members: Vec<Member>) -> Result<Outputs, Failure> {
        let is_asked = |group: &str| self.groups.is_empty() || self.groups.iter().any(|asked| asked == group);
        members.retain(|member| member.group.as_deref().is_some_and(is_asked));
        let Average { law, member, caveats } = average(&self.law, &members, weights)?;
        let limits = self.limits.as_ref();
        let mut answer = answer_within(&self.question, limits, &law, &member.fit, &member.draws, None, self.seed);
        answer.caveats.insert(ALL.to_owned(), caveats);
        if self.through.is_some() {
            answer.warnings.insert(0, chain::warning(false).into());
        }
        Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&answer)?)]))
    }
}

/// Fails if a fit lacks a group; `which` names the fit in the message.
fn require_group(known: &[&str], group: &str, which: &str) -> Result<(), Failure> {
    if known.contains(&group) {
        return Ok(());
    }
    let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Failure::new("no-group", format!("{which} has no group `{group}`")).hint(format!("its groups are {known}")))
}

/// The other fit of a comparison.
struct SecondFit<'a> {
    law: &'a Law,
    fit: Fit,
    draws: Vec<Points>,
    /// The one group of the second fit for all comparisons, if the question names one.
    group: Option<&'a str>,
}

impl<'a> SecondFit<'a> {
    fn read(law: &'a Law, group: Option<&'a str>, inputs: &Inputs) -> Result<Self, Failure> {
        let mut fit: Fit = inputs.json("fit.other")?;
        if let Some(group) = group {
            let known: Vec<&str> = fit.groups.keys().map(|name| name.0.as_str()).collect();
            require_group(&known, group, "the fit that is compared with")?;
        }
        let draws = fit.read_draws(inputs.bytes("draws.other")?);
        Ok(Self { law, fit, draws, group })
    }

    /// The name of the group with which a group is compared: the named one, else the one of the same name; `None` for
    /// the whole fit.
    fn wanted<'b>(&'b self, own: Option<&'b str>) -> Option<&'b str> {
        self.group.or(own).filter(|_| !self.fit.groups.is_empty())
    }

    /// The group with which a group is compared.
    fn beside(&self, own: Option<&str>) -> Option<Other<'_>> {
        let wanted = self.wanted(own);
        let mut members = self.fit.members().into_iter().zip(&self.draws);
        let ((_, fit), draws) = members.find(|((name, _), _)| *name == wanted)?;
        Some(Other { law: self.law, fit, draws })
    }
}

/// Why laws have no weights.
const UNWEIGHTED: &str = "there are too few rows to weight the laws by their errors on the largest ones";
/// The end of the roles of artifacts of the other fit of a comparison.
const OTHER: &str = ".other";
/// Coverage of a forecast's intervals where the fit defines none.
const LEVEL: f64 = 0.9;

impl Extrapolate {
    /// Replaces the answer of the fit's law by that of the forecast of several laws.
    fn by_inverse(
        &self,
        by_default: &ByDefault,
        rows: &Dataset,
        member: &Member,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let (fit, group) = (&member.fit, member.group.as_deref());
        let how = (fit.level.unwrap_or(LEVEL), self.seed);
        match by_inverse(&self.question, &self.law, by_default, rows, (fit, group), how, answer)? {
            Ok(account) => {
                answer.forecasts.insert(group.unwrap_or(ALL).to_owned(), account);
            }
            Err(NoForecast(reason)) => {
                answer.rows.iter_mut().for_each(|row| refuse(row, &reason));
                answer.interval = None;
            }
        }
        Ok(())
    }

    /// Replaces the answer of the fit's law by the forecast of several laws. If another fit provides a variable of
    /// the law, the several laws forecast that variable, and the fit's law is evaluated at the forecast.
    fn by_several_laws(
        &self,
        by_default: &ByDefault,
        rows: &Dataset,
        member: &Member,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let group = member.group.as_deref();
        let through = self.through.as_ref().zip(member.inner.as_ref());
        let (law, by, fit) = match through {
            Some((through, parts)) => (&through.inner, &through.by, &parts.fit),
            None => (&self.law, &by_default.by, &member.fit),
        };
        let of_group = by.as_deref().zip(group);
        let level = member.fit.level.unwrap_or(LEVEL);
        if !self.question.member().is_measured() {
            return self.by_inverse(by_default, rows, member, answer);
        }
        let asked: Vec<&BTreeMap<String, f64>> = answer.rows.iter().map(|row| &row.inputs).collect();
        match several(law, rows, of_group, (by_default.ceiling, whole(fit)), &asked, level)? {
            Ok((predictions, account)) => {
                for (row, prediction) in answer.rows.iter_mut().zip(predictions) {
                    let output = match through {
                        Some((through, parts)) => through.put_through(parts, prediction, &row.inputs, level, self.seed),
                        None => Some(prediction.into()),
                    };
                    row.note = None;
                    match output {
                        Some(output) => {
                            row.outputs.insert("loss".to_owned(), output);
                        }
                        None => refuse(row, &format!("the law has no value at the forecast {}", law.response)),
                    }
                }
                if account.origins == 0 {
                    let warning =
                        "There are too few runs for a test on hidden runs: past errors do not count in the weights.";
                    answer.warnings.push(warning.into());
                }
                answer.forecasts.insert(group.unwrap_or(ALL).to_owned(), account);
                let percent = 100.0 * level;
                answer.interval = Some(match through {
                    Some((through, _)) => format!(
                        "{percent:.0} % prediction interval of one run: the forecast of {} by several laws, with their \
                         common error and their disagreement; the parameters and the scatter of the fit's law; not the \
                         error of the fit's law itself",
                        through.variable
                    ),
                    None => format!(
                        "{percent:.0} % prediction interval of one run: scatter, parameters, and the common error of the \
                         laws and their disagreement"
                    ),
                });
            }
            Err(NoForecast(reason)) => {
                answer.rows.iter_mut().for_each(|row| refuse(row, &reason));
                answer.interval = None;
            }
        }
        Ok(())
    }
}

/// Refuses a forecast outside the range of the response, and limits the ends of others to the range.
fn keep_in_range(row: &mut Row, range @ [least, most]: [f64; 2]) {
    let Some(value) = row.outputs.get("loss").and_then(|cell| cell.value) else { return };
    if !(least..=most).contains(&value) {
        return refuse(row, &left_range(value, range).replacen("the law gives", "the laws give", 1));
    }
    if let Some(cell) = row.outputs.get_mut("loss") {
        cell.lower = cell.lower.map(|end| end.clamp(least, most));
        cell.upper = cell.upper.map(|end| end.clamp(least, most));
    }
}

fn refuse(row: &mut Row, reason: &str) {
    row.outputs.clear();
    row.reach.verdict = Verdict::NotForecast;
    row.note = Some(format!("no forecast: {reason}"));
}

/// Forecasts targets with several laws from the fitted rows. `of_group` selects one group by its column and value.
fn several(
    law: &Law,
    rows: &Dataset,
    of_group: Option<(&str, &str)>,
    (ceiling, whole): (Option<f64>, Option<f64>),
    asked: &[&BTreeMap<String, f64>],
    level: f64,
) -> Result<Result<(Vec<Prediction>, Account), NoForecast>, Failure> {
    let names = law.variables.iter().map(|v| v.name.as_str());
    let is_compute = |name: &str| name == law.roles.compute;
    let (mut columns, responses) = measured(law, rows, of_group)?;
    for (column, name) in columns.iter_mut().zip(names.clone()) {
        column.iter_mut().for_each(|x| *x = as_size(is_compute(name), *x));
    }
    let sizes: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let target = |inputs: &&BTreeMap<String, f64>| {
        names.clone().map(|name| Some(as_size(is_compute(name), *inputs.get(name)?))).collect::<Option<Vec<f64>>>()
    };
    let targets: Vec<Vec<f64>> =
        asked.iter().map(target).collect::<Option<_>>().ok_or_else(|| Failure::internal("a question lacks a size"))?;
    Ok(forecast(&Measured { sizes: &sizes, responses: &responses, ceiling, whole }, &targets, level))
}
