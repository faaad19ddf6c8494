//! Queries, expectations and conclusions: questions to fits and conditions on results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check;
use super::limits::check_rows;
use super::scope::{ExpectedDrift, PlannedFit, PlannedQuery, Rows, Scope, SourceStage};
use crate::changes::Drift;
use crate::design::Advice;
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::Kind;
use crate::forecast::{Forecast, MOST_SIZES};
use crate::query::{Question, Second};
use crate::report::{Expected, NamedAnswer, Piece, pieces};
use crate::spec::{self, Spec};
use crate::stage::{ByDefault, Extrapolate};

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
    let path = path.key(question.name());
    let other = other_fit(scope, &question, planned, fits, &path)?;
    if law.takes_schedule() && !question.member().takes_schedules() {
        let message = format!("a law with a learning-rate schedule, such as `{}`, answers only `loss`", law.name);
        scope.error("bad-query", Place::Key(path), message);
        return None;
    }
    if let Err(faults) = question.member().check(law) {
        for fault in faults {
            let place = Place::Key(fault.key.map_or_else(|| path.clone(), |key| path.key(&key)));
            scope.tell(Diagnostic::error("bad-query", place, fault.message).hint_if(fault.hint));
        }
        return None;
    }
    check_rows(scope, &question, &law.roles, planned.draws, &path);
    let groups = query.groups();
    if !groups.is_empty() && planned.by.is_none() {
        let message = format!("the fit `{}` has no groups", query.fit);
        scope
            .error("no-groups", Place::Key(SpecPath::of(&["queries", name, "group"])), message)
            .hints
            .push("leave out `group`, or give the fit `by = \"...\"`".to_owned());
        return None;
    }
    let fit = *fit;
    let forecast = forecast_of(scope, name, query, planned)?;
    let mut inputs = vec![fit.gives("fit"), fit.gives("draws")];
    if let Some(chain) = through {
        inputs.extend(["fit", "draws"].map(|role| chain.stage.gives_as(role, format!("{role}.through"))));
    }
    if forecast.is_some() {
        inputs.push(
            through.as_ref().map_or_else(|| fit.gives("rows"), |chain| chain.stage.gives_as("rows", "rows.through")),
        );
    }
    let other = other.map(|other| {
        inputs.extend(["fit", "draws"].map(|role| other.stage.gives_as(role, format!("{role}.other"))));
        question.law(&other.law)
    });
    let (law, roles) = (law.clone(), law.roles.clone());
    let through = through.as_ref().map(|chain| chain.through.clone());
    let stack = if query.forecast == Some(Forecast::Stack) { planned.alternatives.clone() } else { Vec::new() };
    let stage =
        Arc::new(Extrapolate { law, question: question.clone(), through, other, forecast, stack, groups, seed });
    let stage = scope.stage(("queries", name), stage, inputs);
    Some(PlannedQuery { stage, question, roles, by: planned.by.clone() })
}

/// The other fit that a question is about, if it is about two; none where that is at fault.
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
        question
            .member()
            .check(&question.law(&other.law))
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

/// How a query asks for a forecast by several laws, if it does; none where that is at fault.
#[expect(clippy::option_option, reason = "at fault, or nothing asked, or asked")]
fn forecast_of(scope: &mut Scope<'_>, name: &str, query: &spec::Query, fit: &PlannedFit) -> Option<Option<ByDefault>> {
    let path = SpecPath::of(&["queries", name]);
    let by_default = query.forecast == Some(Forecast::Default);
    let stack = query.forecast == Some(Forecast::Stack);
    let through = fit.through.as_ref();
    let sizes = through.map_or(&fit.law, |chain| &chain.through.inner).variables.len();
    let has_rows = through.map_or(fit.has_rows, |chain| chain.has_rows);
    let foreign = fit.alternatives.iter().flat_map(|law| &law.variables).find(|v| fit.law.variable(&v.name).is_none());
    let fault = if query.forecast.is_some() && !query.questions.iter().all(|question| question.member().is_measured()) {
        Some(("forecast", "`forecast` applies only to `loss`, but the query asks another question".to_owned()))
    } else if query.ceiling.is_some() && !by_default {
        Some(("ceiling", "`ceiling` applies only to `forecast = \"default\"`".to_owned()))
    } else if query.ceiling.is_some_and(|ceiling| !(ceiling.0 > 0.0 && ceiling.0.is_finite())) {
        Some(("ceiling", "the response at chance level must be positive".to_owned()))
    } else if stack && fit.alternatives.is_empty() {
        Some(("forecast", "a stack needs more laws than the fit's own: give the fit `alternatives`".to_owned()))
    } else if let (true, Some(variable)) = (stack, foreign) {
        Some(("forecast", format!("an alternative law needs `{}`, which the query does not set", variable.name)))
    } else if stack && through.is_some() {
        Some(("forecast", "a stack of laws does not go through another fit; `forecast = \"default\"` does".to_owned()))
    } else if let (Some(_), Some(chain)) = (query.ceiling, through) {
        let given = &chain.through.variable;
        Some(("ceiling", format!("the laws forecast `{given}`, which has no chance level")))
    } else if !by_default {
        None
    } else if !has_rows {
        Some(("forecast", "a forecast by several laws needs rows, but the fit has none".to_owned()))
    } else if sizes > MOST_SIZES {
        Some((
            "forecast",
            format!("a forecast by several laws needs one or two size variables, but the law has {sizes}"),
        ))
    } else {
        None
    };
    if let Some((key, message)) = fault {
        scope.error("bad-forecast", Place::Key(path.key(key)), message);
        return None;
    }
    let ceiling = query.ceiling.map(|ceiling| ceiling.0);
    Some(by_default.then(|| ByDefault { ceiling, by: fit.by.clone() }))
}

pub(super) fn plan_expectations(
    scope: &mut Scope<'_>,
    spec: &Spec,
    sources: &BTreeMap<&str, SourceStage>,
    filters: &BTreeMap<&str, Rows<'_>>,
    fits: &BTreeMap<&str, PlannedFit>,
    queries: &BTreeMap<&str, PlannedQuery>,
) -> Vec<Expected> {
    // A spec of thousands of fits has hundreds of thousands of numbers; they are named where one is asked for.
    if spec.expect.is_empty() {
        return Vec::new();
    }
    let names = names_of_results(spec, sources, filters, fits, queries);
    let left_out: Vec<String> = ["sources", "tables", "filters", "fits", "queries", "designs"]
        .iter()
        .flat_map(|table| {
            scope.written(&SpecPath::of(&[table])).into_iter().map(move |name| format!("{table}.{name}."))
        })
        .filter(|prefix| names.range(prefix.clone()..).next().is_none_or(|name| !name.starts_with(prefix)))
        .collect();
    let mut all = Vec::new();
    for (index, expectation) in spec.expect.iter().enumerate() {
        let path = SpecPath(vec![Step::Key("expect".to_owned()), Step::Index(index)]).key("that");
        if let Some(drift) = Drift::parse(&expectation.that) {
            plan_drift(scope, index, expectation, drift, &path, &names);
            continue;
        }
        let Some(expr) = scope.take(check::syntax(&expectation.that, &path)) else { continue };
        let mut errors = Vec::new();
        expr.visit_symbols(&mut |name, span| {
            // What the groups of a fit are called, the data say.
            let mut parts = name.split('.').skip(1);
            let of_group = parts.next().and_then(|fit| spec.fits.get(fit)).is_some_and(|fit| fit.by.is_some())
                && name.starts_with("fits.")
                && parts.next() == Some("groups");
            if !of_group && !names.contains(name) && !left_out.iter().any(|prefix| name.starts_with(prefix)) {
                let error = Diagnostic::error(
                    "unknown-result",
                    Place::Inside(path.clone(), span.clone()),
                    format!("the results have no number `{name}`"),
                );
                errors.push(error.suggest(name, near_prefix(name, &names)));
            }
        });
        if errors.is_empty()
            && let Err(more) = check::of_kind(&expr, &path, Kind::Truth, &|_| Kind::Number)
        {
            errors.extend(more);
        }
        if errors.is_empty() {
            all.push(Expected {
                that: expr.to_string(),
                severity: expectation.severity,
                because: expectation.because.clone(),
            });
        }
        scope.tell_all(errors);
    }
    all
}

/// The author's conclusions, and the answer that the author recommends: a query, and its row from 0.
pub(super) fn plan_statements(
    scope: &mut Scope<'_>,
    spec: &Spec,
    sources: &BTreeMap<&str, SourceStage>,
    filters: &BTreeMap<&str, Rows<'_>>,
    fits: &BTreeMap<&str, PlannedFit>,
    queries: &BTreeMap<&str, PlannedQuery>,
) -> (Vec<String>, Option<(String, usize)>) {
    let table = SpecPath::of(&["report"]);
    let statements: Vec<String> = spec.report.conclusion.iter().flat_map(spec::OneOrMoreTexts::all).collect();
    let is_list = matches!(spec.report.conclusion, Some(spec::OneOrMoreTexts::Many(_)));
    let names = if statements.is_empty() && spec.report.answer.is_none() {
        BTreeSet::new()
    } else {
        let mut names = names_of_results(spec, sources, filters, fits, queries);
        // An answer as a whole has a name too.
        for (name, planned) in queries {
            names.insert(format!("queries.{name}"));
            let rows = planned.question.member().rows(&planned.roles).len();
            names.extend((1..=rows).map(|row| format!("queries.{name}.row{row}")));
        }
        names
    };
    for (index, statement) in statements.iter().enumerate() {
        let path = table.key("conclusion");
        let path = if is_list { path.then(Step::Index(index)) } else { path };
        match pieces(statement) {
            Ok(pieces) => {
                for (name, at) in pieces.into_iter().filter_map(|piece| match piece {
                    Piece::Name(name, at) => Some((name, at)),
                    Piece::Text(_) => None,
                }) {
                    if !names.contains(name) && !name.contains(".groups.") {
                        let error = Diagnostic::error(
                            "unknown-result",
                            Place::Inside(path.clone(), at),
                            format!("the results have no number `{name}`"),
                        );
                        scope.tell(error.suggest(name, near_prefix(name, &names)));
                    }
                }
            }
            Err(at) => {
                let place = Place::Inside(path, at..at + 1);
                scope
                    .error(
                        "bad-conclusion",
                        place,
                        "this brace has no partner: write the name of a number between two braces",
                    )
                    .hints
                    .push("write a literal brace twice: {{".to_owned());
            }
        }
    }
    let answer = spec.report.answer.as_ref().and_then(|name| {
        let of_query = |query: &&str| {
            let named = NamedAnswer::of(name, query).filter(|named| named.output.is_empty() && names.contains(name))?;
            Some(((*query).to_owned(), named.row.unwrap_or(0)))
        };
        let found = queries.keys().find_map(of_query);
        if found.is_none() {
            let error = Diagnostic::error(
                "unknown-result",
                Place::Value(table.key("answer")),
                format!("there is no answer `{name}`; an answer is `queries.NAME` or `queries.NAME.row2`"),
            );
            let near: Vec<String> = queries.keys().map(|query| format!("queries.{query}")).collect();
            scope.tell(error.suggest(name, near.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        found
    });
    (statements, answer)
}

/// Takes an expectation on how far a number moves.
fn plan_drift(
    scope: &mut Scope<'_>,
    index: usize,
    expectation: &spec::Expectation,
    drift: Result<Drift, String>,
    path: &SpecPath,
    names: &BTreeSet<String>,
) {
    let drift = match drift {
        Ok(drift) => drift,
        Err(message) => {
            scope.error("bad-drift", Place::Value(path.clone()), message);
            return;
        }
    };
    // The lock file holds the numbers of fits and queries; the names of groups only the data know.
    let of_results = ["fits.", "queries.", "designs."].iter().any(|table| drift.number.starts_with(table));
    let known = names.contains(&drift.number) || drift.number.contains(".groups.");
    if !of_results || !known {
        let error = Diagnostic::error(
            "unknown-result",
            Place::Inside(path.clone(), 0..drift.number.len()),
            format!("the lock file has no number `{}`", drift.number),
        );
        scope.tell(error.suggest(&drift.number, near_prefix(&drift.number, names)));
        return;
    }
    scope.add_drift(ExpectedDrift {
        index,
        that: expectation.that.clone(),
        drift,
        severity: expectation.severity,
        because: expectation.because.clone(),
    });
}

/// The names of all numbers in the results of a spec, except those of groups.
fn names_of_results(
    spec: &Spec,
    sources: &BTreeMap<&str, SourceStage>,
    filters: &BTreeMap<&str, Rows<'_>>,
    fits: &BTreeMap<&str, PlannedFit>,
    queries: &BTreeMap<&str, PlannedQuery>,
) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.extend(sources.iter().map(|(name, source)| {
        format!("{}.{name}.rows", if source.described.is_some() { "sources" } else { "tables" })
    }));
    names.extend(filters.keys().flat_map(|f| [format!("filters.{f}.kept"), format!("filters.{f}.dropped")]));
    for (fit, PlannedFit { law, .. }) in fits {
        let parameters = law.parameters.iter().map(|p| p.name.as_str());
        names.extend(crate::report::names_of_fit(fit, parameters));
    }
    names.extend(spec.sensitivity.keys().map(|fit| format!("sensitivity.{fit}.moved")));
    let of_design = |design: &String| Advice::NUMBERS.map(|number| format!("designs.{design}.{number}"));
    names.extend(spec.designs.keys().flat_map(of_design));
    for (query, planned) in queries {
        names.extend(crate::report::names_of_query(query, planned.question.member(), &planned.roles));
    }
    names
}

/// Candidates for a suggestion: the names in the same table, or all names.
fn near_prefix<'a>(name: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let of_that_name: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| n.rsplit_once('.').is_some_and(|(_, last)| last == name)).collect();
    if !of_that_name.is_empty() {
        return of_that_name;
    }
    let prefix: String = name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".") + ".";
    let near: Vec<&str> = names.iter().map(String::as_str).filter(|n| n.starts_with(&prefix)).collect();
    if near.is_empty() { names.iter().map(String::as_str).collect() } else { near }
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
