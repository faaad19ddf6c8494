//! Queries: questions to fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check;
use super::fits::plan_alternatives;
use super::graph::Input;
use super::limits::check_rows;
use super::scope::{PlannedFit, PlannedQuery, Scope};
use crate::design::Rate;
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::forecast::{Forecast, MOST_SIZES};
use crate::law::Law;
use crate::query::{ByForecast, Limits, Question, ROW_KEYS, Second, can_split};
use crate::spec::{self, Node};
use crate::stage::{ByDefault, Extrapolate, Origins, Stacked, stacked_as};

const SECONDS_PER_HOUR: f64 = 3600.0;

pub(super) fn plan_query(
    scope: &mut Scope<'_>,
    name: &str,
    query: &spec::Query,
    seed: u64,
    fits: &BTreeMap<&str, PlannedFit>,
) -> Option<PlannedQuery> {
    let path = SpecPath::of(&["queries", name]);
    let fit = fits.get(query.fit.as_str());
    if fit.is_none() {
        let known: Vec<&str> = fits.keys().copied().collect();
        scope.unknown("fit", &query.fit, &["fits"], Place::Value(path.key("fit")), &known);
    }
    let one = check::one_question(&format!("the query `{name}`"), &query.questions, &Question::NAMES, &path);
    let question = scope.take(one.map_err(|error| vec![*error]))?.clone();
    let planned = fit?;
    let PlannedFit { stage: fit, law, through, .. } = planned;
    let law = &through.as_ref().map_or_else(|| law.clone(), |chain| chain.law.clone());
    let law = &question.law(law);
    let question = question.member().for_law(law).unwrap_or(question);
    let path = path.key(question.name());
    let other = other_fit(scope, &question, planned, fits, &path)?;
    if law.takes_schedule() && !question.member().takes_schedules() {
        let message = format!("a law with a learning-rate schedule, such as `{}`, answers only `loss`", law.name);
        scope.error("bad-query", Place::Key(path), message);
        return None;
    }
    if let Err(faults) = question.member().check(law) {
        for fault in faults {
            let unit = fault.key.as_deref().and_then(|key| unit_of_unused(scope, law, key));
            let place = Place::Key(fault.key.map_or_else(|| path.clone(), |key| path.key(&key)));
            scope.tell(Diagnostic::error("bad-query", place, fault.message).hint_if(fault.hint).hint_if(unit));
        }
        return None;
    }
    check_rows(scope, &question, &law.roles, planned.draws, &path);
    if question.member().weights().is_some() && planned.by.is_none() {
        let message = format!("`weights` are of the groups of a fit, and the fit `{}` has no groups", query.fit);
        scope
            .error("no-groups", Place::Key(path.key("weights")), message)
            .hints
            .push("leave out `weights`, or give the fit `by = \"...\"`, with one group for each response".to_owned());
        return None;
    }
    let limits = scope.take(limits_of(name, query, &question, law))?;
    let groups = query.groups();
    if !groups.is_empty() && planned.by.is_none() {
        let message = format!("the fit `{}` has no groups", query.fit);
        scope
            .error("no-groups", Place::Key(SpecPath::of(&["queries", name, "group"])), message)
            .hints
            .push("leave out `group`, or give the fit `by = \"...\"`".to_owned());
        return None;
    }
    if let Some(variable) = law.variables.iter().find(|v| ROW_KEYS.contains(&v.name.as_str())) {
        let taken = &variable.name;
        let message = format!("answers have a key `{taken}`, so no variable of the law may have this name");
        scope
            .error("taken-name", Place::Key(SpecPath::of(&["queries", name])), message)
            .hints
            .push(format!("give the column another name: `my_{taken} = {{ column = \"{taken}\" }}`"));
        return None;
    }
    let fit = *fit;
    let forecast = forecast_of(scope, name, (query, &question), planned, other)?;
    if forecast.is_some() && limits.is_some() {
        let place = Place::Key(SpecPath::of(&["queries", name, "subject_to"]));
        let message = "the default forecast keeps no limits; `forecast = \"stack\"` does";
        scope.error("bad-forecast", place, message);
        return None;
    }
    let mut inputs = vec![fit.gives("fit"), fit.gives("draws")];
    if let Some(chain) = through {
        inputs.extend(["fit", "draws"].map(|role| chain.stage.gives_as(role, format!("{role}.through"))));
    }
    if forecast.is_some() {
        inputs.push(
            through.as_ref().map_or_else(|| fit.gives("rows"), |chain| chain.stage.gives_as("rows", "rows.through")),
        );
    }
    let is_stack = query.forecast == Some(Forecast::Stack);
    let mut stacked = Vec::new();
    if is_stack {
        stacked.extend(stacked_of(scope, &query.fit, planned, &question, "", &mut inputs));
        let second = question.member().other().zip(other);
        stacked.extend(
            second.and_then(|(second, other)| stacked_of(scope, second.fit, other, &question, ".other", &mut inputs)),
        );
    }
    let other = other.map(|other| {
        inputs.extend(["fit", "draws"].map(|role| other.stage.gives_as(role, format!("{role}.other"))));
        question.law(&other.law)
    });
    let (law, roles) = (law.clone(), law.roles.clone());
    let through = through.as_ref().map(|chain| chain.through.clone());
    let asked = question.clone();
    let stage = Extrapolate { law, question: asked, through, other, forecast, stacked, limits, groups, seed };
    let stage = Arc::new(stage);
    let stage = scope.stage(("queries", name), stage, inputs);
    Some(PlannedQuery { stage, question, roles, by: planned.by.clone() })
}

/// The laws of a fit for a question that they answer together; adds the artifacts of their fits to the inputs, with `of`
/// at the end of their roles. `None` for a fit without rows.
fn stacked_of(
    scope: &mut Scope<'_>,
    name: &str,
    planned: &PlannedFit,
    question: &Question,
    of: &str,
    inputs: &mut Vec<Input>,
) -> Option<Stacked> {
    let refit = planned.refit.as_ref()?;
    let stages = plan_alternatives(scope, name, refit);
    for (index, stage) in stages.into_iter().enumerate() {
        inputs.extend(["fit", "draws"].map(|role| stage.gives_as(role, stacked_as(role, of, index + 1))));
    }
    inputs.push(planned.stage.gives_as("rows", format!("rows{of}")));
    let laws = std::iter::once(&planned.law).chain(&planned.alternatives).map(|law| question.law(law)).collect();
    let Origins { along, folds } = refit.fit.hidden();
    Some(Stacked { laws, along, folds, by: planned.by.clone() })
}

/// The limits that the answers of a query must keep, if it has some.
///
/// # Errors
/// The unit of a column that a law does not use, because a unit decides what a column is; `None` for any other name.
fn unit_of_unused(scope: &Scope<'_>, law: &Law, name: &str) -> Option<String> {
    let sources = scope.tree().get("sources").filter(|_| law.variable(name).is_none())?;
    let unit = |source: &str| sources.get(source)?.get("columns")?.get(name)?.get("unit");
    match sources.keys().into_iter().find_map(unit)? {
        Node::Text(unit) => Some(format!(
            "`{name}` is a column in {unit}; model size is in parameters, data is in tokens, and compute is in FLOP"
        )),
        _ => None,
    }
}

/// The question takes no limits, or the limits or their machine have faults.
pub(super) fn limits_of(
    name: &str,
    query: &spec::Query,
    question: &Question,
    law: &Law,
) -> Result<Option<Limits>, Vec<Diagnostic>> {
    let path = SpecPath::of(&["queries", name]);
    let error = |path: SpecPath, message: String| Diagnostic::error("bad-limits", Place::Key(path), message);
    let Some(subject_to) = &query.subject_to else {
        let message = "`machine` applies only to `gpu_hours` in `subject_to`, which the query does not have";
        return match &query.machine {
            Some(_) => Err(vec![error(path.key("machine"), message.to_owned())]),
            None => Ok(None),
        };
    };
    let place = path.key("subject_to");
    if let Err(why) = question.member().takes_limits(law) {
        return Err(vec![error(place, format!("`{}` takes no limits: {why}", question.name()))]);
    }
    let rate = query.machine.as_ref().map(|machine| Rate::of(&machine.machine())).transpose();
    let rate = rate.map_err(|(key, message)| vec![error(path.key("machine").key(key), message)])?;
    let flop_per_hour = rate.map(|rate| SECONDS_PER_HOUR * rate.flop_per_second);
    let limits = match question.member().shares(law) {
        Some(shares) => Limits::of_shares(subject_to, &shares),
        None => Limits::of(subject_to, question.member(), law, flop_per_hour),
    };
    let limits = limits.and_then(|limits| {
        let faults = limits.faults(question.member(), law);
        if faults.is_empty() { Ok(Some(limits)) } else { Err(faults) }
    });
    limits.map_err(|faults| {
        let told = faults.into_iter().map(|fault| {
            let place = fault.key.map_or_else(|| place.clone(), |key| place.key(&key));
            error(place, fault.message).hint_if(fault.hint)
        });
        told.collect()
    })
}

/// The second fit of a comparison, if the query is one; `None` if it has an error.
#[expect(clippy::option_option, reason = "at fault, or one fit, or two")]
fn other_fit<'a>(
    scope: &mut Scope<'_>,
    question: &Question,
    own: &PlannedFit,
    fits: &'a BTreeMap<&str, PlannedFit>,
    path: &SpecPath,
) -> Option<Option<&'a PlannedFit>> {
    let Some(Second { fit: name, group }) = question.member().other() else { return Some(None) };
    let place = || Place::Value(path.key("with"));
    let Some(other) = fits.get(name) else {
        let known: Vec<&str> = fits.keys().copied().collect();
        scope.unknown("fit", name, &["fits"], place(), &known);
        return None;
    };
    let fault = if other.law.response != own.law.response {
        Some(format!(
            "the fit `{name}` forecasts `{}`, but this one forecasts `{}`",
            other.law.response, own.law.response
        ))
    } else if let Some(fault) = apart(name, other.by.as_deref(), group, own.by.as_deref()) {
        Some(fault)
    } else if other.through.is_some() || own.through.is_some() {
        Some("fits that take a variable from another fit cannot be compared".to_owned())
    } else {
        let (kind, law) = (question.member(), question.law(&other.law));
        kind.check(&law)
            .and_then(|()| kind.check_both(&own.law, &law))
            .err()
            .and_then(|faults| faults.into_iter().next())
            .map(|f| f.message)
    };
    if let Some(fault) = fault {
        scope.error("bad-comparison", place(), fault);
        return None;
    }
    Some(Some(other))
}

/// How several laws are combined in an answer, if the query asks for it; `None` if it has an error.
#[expect(clippy::option_option, reason = "at fault, or nothing asked, or asked")]
fn forecast_of(
    scope: &mut Scope<'_>,
    name: &str,
    (query, question): (&spec::Query, &Question),
    fit: &PlannedFit,
    other: Option<&PlannedFit>,
) -> Option<Option<ByDefault>> {
    let path = SpecPath::of(&["queries", name]);
    let by_default = query.forecast == Some(Forecast::Default);
    let of_stack = || (query.forecast == Some(Forecast::Stack)).then(|| not_stacked(question, fit, other)).flatten();
    let of_default = || by_default.then(|| not_by_default(question, fit)).flatten();
    let fault = if query.ceiling.is_some() && !by_default {
        Some(("ceiling", "`ceiling` applies only to `forecast = \"default\"`".to_owned()))
    } else if query.ceiling.is_some_and(|ceiling| !(ceiling.0 > 0.0 && ceiling.0.is_finite())) {
        Some(("ceiling", "the response at chance level must be positive".to_owned()))
    } else if let Some(why) = of_stack() {
        Some(("forecast", why))
    } else if let (Some(_), Some(chain)) = (query.ceiling, &fit.through) {
        let given = &chain.through.variable;
        Some(("ceiling", format!("the laws forecast `{given}`, which has no chance level")))
    } else {
        of_default().map(|why| ("forecast", why))
    };
    if let Some((key, message)) = fault {
        scope.error("bad-forecast", Place::Key(path.key(key)), message);
        return None;
    }
    let roles = fit.refit.as_ref().map(|refit| &refit.fit.roles).filter(|_| by_default);
    let ignored = roles.and_then(|roles| {
        let given = [("weights", &roles.weights), ("noise", &roles.noise)];
        given.into_iter().find(|(_, expression)| expression.is_some())
    });
    if let Some((key, _)) = ignored {
        let message =
            format!("the default forecast counts all rows equally: the `{key}` of the fit have no effect on it");
        let hint = "drop rows that should not count in a filter, or ask with `forecast = \"stack\"`";
        scope.tell(Diagnostic::warning("ignored-weights", Place::Key(path.key("forecast")), message).hint(hint));
    }
    let ceiling = query.ceiling.map(|ceiling| ceiling.0);
    Some(by_default.then(|| ByDefault { ceiling, by: fit.by.clone() }))
}

/// Why the laws of a fit cannot answer a question together; `None` if they can.
fn not_stacked(question: &Question, fit: &PlannedFit, other: Option<&PlannedFit>) -> Option<String> {
    let kind = question.member();
    let foreign = fit.alternatives.iter().flat_map(|law| &law.variables).find(|v| fit.law.variable(&v.name).is_none());
    if let Err(why) = kind.takes_several_laws() {
        Some(format!("`{}` is not answered by several laws: {why}", question.name()))
    } else if fit.alternatives.is_empty() {
        Some("a stack needs more laws than the fit's own: give the fit `alternatives`".to_owned())
    } else if let Some(variable) = foreign {
        Some(format!("an alternative law needs `{}`, which the query does not set", variable.name))
    } else if fit.through.is_some() {
        Some("a stack of laws does not go through another fit; `forecast = \"default\"` does".to_owned())
    } else if other.is_some_and(|other| other.alternatives.is_empty()) {
        let with = kind.other().map(|other| other.fit).unwrap_or_default();
        Some(format!("a stack needs several laws on both sides: give the fit `{with}` `alternatives`, too"))
    } else {
        None
    }
}

/// Why the default forecast cannot answer a question; `None` if it can.
fn not_by_default(question: &Question, fit: &PlannedFit) -> Option<String> {
    let through = fit.through.as_ref();
    let sizes = through.map_or(&fit.law, |chain| &chain.through.inner).variables.len();
    let has_rows = through.map_or(fit.has_rows, |chain| chain.has_rows);
    let kind = question.member();
    let Some(by_forecast) = kind.by_forecast() else {
        return Some(match kind.takes_several_laws() {
            Err(why) => format!("`{}` is not answered by several laws: {why}", question.name()),
            Ok(()) => format!(
                "the default forecast answers `loss`, `reach`, `threshold` and `compute_optimal`, and not `{}`: give the \
                 fit `alternatives`, and ask with `forecast = \"stack\"`",
                question.name()
            ),
        });
    };
    let is_split = matches!(by_forecast, ByForecast::Splitting)
        || by_forecast == ByForecast::Reaching(&fit.law.roles.compute) && can_split(&fit.law);
    if through.is_some() && by_forecast != ByForecast::Response {
        Some("a default forecast through another fit answers only `loss`".to_owned())
    } else if is_split && fit.law.cost.is_some() {
        Some(
            "the default forecast splits budgets at 6 FLOP for each parameter and token, and the fit has another cost"
                .to_owned(),
        )
    } else if !has_rows {
        Some("a forecast by several laws needs rows, but the fit has none".to_owned())
    } else if sizes > MOST_SIZES {
        Some(format!("a forecast by several laws needs one or two size variables, but the law has {sizes}"))
    } else {
        None
    }
}

/// Why the groups of two compared fits do not match; `None` if they do.
fn apart(other: &str, other_by: Option<&str>, group: Option<&str>, own_by: Option<&str>) -> Option<String> {
    match (other_by, group) {
        (None, None) | (Some(_), Some(_)) => None,
        (None, Some(_)) => Some(format!("the fit `{other}` has no groups: leave out `group`")),
        (Some(by), None) => match own_by {
            Some(own) if own == by => None,
            Some(own) => Some(format!(
                "the fit `{other}` has groups by `{by}`, this one by `{own}`: name the group to compare with, \
                 as in group = \"...\""
            )),
            None => Some(format!(
                "the fit `{other}` has groups by `{by}`: name the group to compare with, as in \
             group = \"...\""
            )),
        },
    }
}
