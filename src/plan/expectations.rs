//! Expectations, conclusions and figures: conditions on results, sentences that quote them, and the formats of files.

use std::collections::BTreeSet;

use super::check;
use super::scope::{Planned, PlannedFit, Scope};
use crate::design::Advice;
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expectation::{Drift, Expected, ExpectedDrift, near};
use crate::expr::Kind;
use crate::report::{NamedAnswer, PictureFormat, Piece, pieces};
use crate::spec;
use crate::texts::OneOrMoreTexts;

/// The code of the error about a name that no result has.
pub(super) const UNKNOWN_RESULT: &str = "unknown-result";

/// Checks the expectations on results. Those on how far a number moves are added to the scope.
pub(super) fn plan_expectations(scope: &mut Scope<'_>, planned: &Planned<'_>) -> Vec<Expected> {
    let spec = planned.spec;
    // A spec of thousands of fits has hundreds of thousands of numbers; they are named where one is asked for.
    if spec.expect.is_empty() {
        return Vec::new();
    }
    let names = names_of_results(planned);
    let left_out = left_out(scope, &names);
    let mut all = Vec::new();
    for (index, expectation) in spec.expect.iter().enumerate() {
        let path = SpecPath(vec![Step::Key("expect".to_owned()), Step::Index(index)]).key("that");
        if let Some(drift) = Drift::parse(&expectation.that) {
            plan_drift(scope, index, expectation, drift, &path, &names, planned);
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
            let of_group = of_group || is_of_group(planned, &names, name);
            if !of_group && !names.contains(name) && !left_out.iter().any(|prefix| name.starts_with(prefix)) {
                let error = Diagnostic::error(
                    UNKNOWN_RESULT,
                    Place::Inside(path.clone(), span.clone()),
                    format!("the results have no number `{name}`"),
                );
                errors.push(suggesting(error, name, &names, spec));
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

/// Refuses formats of figures that this program was built without.
pub(super) fn check_figures(scope: &mut Scope<'_>, spec: &spec::Spec) {
    let missing = spec.report.figures.first().zip(PictureFormat::missing_feature());
    if let Some((format, feature)) = missing {
        let place = Place::Value(SpecPath::of(&["report"]).key("figures").then(Step::Index(0)));
        let name = format.name().to_uppercase();
        let message = format!("this lawfit was built without the feature `{feature}`, which figures as {name} need");
        scope.error("no-writer", place, message).hints.push(crate::source::ways_to_feature(feature));
    }
}

/// The author's conclusions, and the answer that the author recommends: a query, and its row from 0.
pub(super) fn plan_statements(scope: &mut Scope<'_>, planned: &Planned<'_>) -> (Vec<String>, Option<(String, usize)>) {
    let Planned { spec, queries, .. } = planned;
    let table = SpecPath::of(&["report"]);
    let statements: Vec<String> = spec.report.conclusion.iter().flat_map(OneOrMoreTexts::all).collect();
    let is_list = matches!(spec.report.conclusion, Some(OneOrMoreTexts::Many(_)));
    let names = if statements.is_empty() && spec.report.answer.is_none() {
        BTreeSet::new()
    } else {
        let mut names = names_of_results(planned);
        // An answer as a whole has a name too.
        for (name, query) in *queries {
            names.insert(format!("queries.{name}"));
            let rows = query.question.member().rows(&query.roles).len();
            names.extend((1..=rows).map(|row| format!("queries.{name}.row{row}")));
        }
        names
    };
    let left_out = left_out(scope, &names);
    for (index, statement) in statements.iter().enumerate() {
        let path = table.key("conclusion");
        let path = if is_list { path.then(Step::Index(index)) } else { path };
        match pieces(statement) {
            Ok(pieces) => {
                for (name, at) in pieces.into_iter().filter_map(|piece| match piece {
                    Piece::Name(name, at) => Some((name, at)),
                    Piece::Text(_) => None,
                }) {
                    let is_left_out = || left_out.iter().any(|prefix| format!("{name}.").starts_with(prefix));
                    let is_known = names.contains(name) || name.contains(".groups.");
                    if !is_known && !is_of_group(planned, &names, name) && !is_left_out() {
                        let error = Diagnostic::error(
                            UNKNOWN_RESULT,
                            Place::Inside(path.clone(), at),
                            format!("the results have no number `{name}`"),
                        );
                        scope.tell(suggesting(error, name, &names, spec));
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
            let is_known = || names.contains(name) || is_of_group(planned, &names, name);
            let named = NamedAnswer::of(name, query).filter(|named| named.output.is_empty() && is_known())?;
            Some(((*query).to_owned(), named.row.unwrap_or(0)))
        };
        let found = queries.keys().find_map(of_query);
        if found.is_none() {
            let error = Diagnostic::error(
                UNKNOWN_RESULT,
                Place::Value(table.key("answer")),
                format!("there is no answer `{name}`; an answer is `queries.NAME` or `queries.NAME.row2`"),
            );
            let answers: Vec<String> = queries.keys().map(|query| format!("queries.{query}")).collect();
            scope.tell(error.suggest(name, answers.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        found
    });
    (statements, answer)
}

/// The prefixes of the names of entries that are written and have no numbers, because they have errors.
fn left_out(scope: &Scope<'_>, names: &BTreeSet<String>) -> Vec<String> {
    ["sources", "tables", "filters", "fits", "queries", "designs"]
        .iter()
        .flat_map(|table| scope.entries(table).into_iter().map(move |name| format!("{table}.{name}.")))
        .filter(|prefix| names.range(prefix.clone()..).next().is_none_or(|name| !name.starts_with(prefix)))
        .collect()
}

/// Whether a name is that of an answer for one of several groups. How many groups there are, the data say.
fn is_of_group(planned: &Planned<'_>, names: &BTreeSet<String>, name: &str) -> bool {
    planned.queries.iter().filter(|(_, query)| query.by.is_some()).any(|(query, _)| {
        NamedAnswer::of(name, query).filter(|named| named.row.is_some()).is_some_and(
            |NamedAnswer { output, .. }| output.is_empty() || names.contains(&format!("queries.{query}.row1.{output}")),
        )
    })
}

/// An error about an unknown number with the names that could be meant.
fn suggesting(error: Diagnostic, number: &str, names: &BTreeSet<String>, spec: &spec::Spec) -> Diagnostic {
    let error = error.suggest(number, near(number, names));
    let fit = number.strip_prefix("fits.").and_then(|rest| rest.split('.').next());
    match fit.and_then(|fit| spec.fits.get(fit)?.by.as_deref()) {
        None => error,
        Some(by) => error.hint(format!(
            "each group of `{by}` has its own: `fits.NAME.groups.GROUP.`, and then the name of the number"
        )),
    }
}

/// Takes an expectation on how far a number moves.
fn plan_drift(
    scope: &mut Scope<'_>,
    index: usize,
    expectation: &spec::Expectation,
    drift: Result<Drift, String>,
    path: &SpecPath,
    names: &BTreeSet<String>,
    planned: &Planned<'_>,
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
    let of_groups = drift.number.contains(".groups.") || is_of_group(planned, names, &drift.number);
    let known = names.contains(&drift.number) || of_groups;
    if !of_results || !known {
        let error = Diagnostic::error(
            UNKNOWN_RESULT,
            Place::Inside(path.clone(), 0..drift.number.len()),
            format!("the lock file has no number `{}`", drift.number),
        );
        scope.tell(suggesting(error, &drift.number, names, planned.spec));
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
fn names_of_results(planned: &Planned<'_>) -> BTreeSet<String> {
    let Planned { spec, sources, filters, fits, queries, .. } = planned;
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.extend(sources.iter().map(|(name, source)| {
        format!("{}.{name}.rows", if source.described.is_some() { "sources" } else { "tables" })
    }));
    names.extend(filters.keys().flat_map(|f| [format!("filters.{f}.kept"), format!("filters.{f}.dropped")]));
    for (fit, PlannedFit { law, by, .. }) in *fits {
        // Each group has its own parameters, except those that all share, and its own tests.
        let share = spec.fits.get(*fit).map_or(&[][..], |fit| &fit.share[..]);
        let is_common = |name: &str| by.is_none() || share.iter().any(|shared| shared == name);
        let parameters = law.parameters.iter().map(|p| p.name.as_str()).filter(|name| is_common(name));
        let own = [format!("fits.{fit}.holdout."), format!("fits.{fit}.backtest.")];
        let of_fit = crate::report::names_of_fit(fit, parameters).into_iter();
        names.extend(of_fit.filter(|name| by.is_none() || !own.iter().any(|own| name.starts_with(own))));
    }
    names.extend(spec.sensitivity.keys().map(|fit| format!("sensitivity.{fit}.moved")));
    let of_design = |design: &String| Advice::NUMBERS.map(|number| format!("designs.{design}.{number}"));
    names.extend(spec.designs.keys().flat_map(of_design));
    for (name, query) in *queries {
        names.extend(crate::report::names_of_query(name, query.question.member(), &query.roles));
    }
    names
}
