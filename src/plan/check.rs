//! Checks of expressions and names against what a spec defines.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::expr::{Expr, Function, Kind, parse};
use crate::query::Question;

/// The variables of a source, with their kinds.
pub(super) type Variables = BTreeMap<String, Kind>;

/// The code of an error about a missing kind.
pub(super) const NO_KIND: &str = "no-kind";

/// Parses an expression over variables of a source and checks its names and kinds.
pub(super) fn expression(
    text: &str,
    path: &SpecPath,
    variables: &Variables,
    wanted: Kind,
) -> Result<Expr, Vec<Diagnostic>> {
    let expr = syntax(text, path)?;
    let mut errors = Vec::new();
    let has_texts = {
        let mut has = false;
        expr.visit_symbols(&mut |name, _| has |= variables.get(name) == Some(&Kind::Text));
        has
    };
    expr.visit_symbols(&mut |name, span| {
        if !variables.contains_key(name) {
            let text = has_texts.then(|| format!("write text in quotes: '{name}'"));
            errors.push(
                Diagnostic::error(
                    "unknown-variable",
                    Place::Inside(path.clone(), span.clone()),
                    format!("there is no variable `{name}` here"),
                )
                .suggest(name, variables.keys().map(String::as_str).collect::<Vec<_>>())
                .hint_if(text),
            );
        }
    });
    if !errors.is_empty() {
        return Err(errors);
    }
    of_kind(&expr, path, wanted, &|name: &String| variables.get(name).copied().unwrap_or(Kind::Number))?;
    Ok(expr)
}

/// Parses an expression.
pub(super) fn syntax(text: &str, path: &SpecPath) -> Result<Expr, Vec<Diagnostic>> {
    let expr = parse(text).map_err(|error| {
        vec![
            Diagnostic::error("bad-expression", Place::Inside(path.clone(), error.span), error.message)
                .hint_if(error.hint),
        ]
    })?;
    let sums = [
        (Function::SumOverKnots, "sums over a learning-rate schedule"),
        (Function::SumOver, "sums over the domains of a mixture"),
    ];
    match expr.first_call(&sums.map(|(function, _)| function)) {
        Some((function, span)) => {
            let over = sums.iter().find(|(sum, _)| *sum == function).map_or("", |(_, over)| *over);
            let message = format!("`{}` {over} and is allowed only in formulas of laws", function.name());
            Err(vec![Diagnostic::error("bad-expression", Place::Inside(path.clone(), span.clone()), message)])
        }
        None => Ok(expr),
    }
}

/// Checks that an expression has a given kind.
pub(super) fn of_kind(
    expr: &Expr,
    path: &SpecPath,
    wanted: Kind,
    of: &impl Fn(&String) -> Kind,
) -> Result<(), Vec<Diagnostic>> {
    let wrong = |span, expected: Kind, found: Kind| {
        let message = format!("expected {}, found {}", expected.describe(), found.describe());
        vec![Diagnostic::error("wrong-kind", Place::Inside(path.clone(), span), message)]
    };
    match expr.kind(of) {
        Ok(kind) if kind.can_be(wanted) => Ok(()),
        Ok(kind) => Err(wrong(expr.span.clone(), wanted, kind)),
        Err(error) => Err(wrong(error.span, error.expected, error.found)),
    }
}

/// The error for a name that no table of the spec defines; `None` if the entry exists and has errors of its own.
pub(super) fn unknown_name<'a>(
    what: &str,
    name: &str,
    place: Place,
    known: impl IntoIterator<Item = &'a str> + Clone,
    left_out: &[&str],
) -> Option<Diagnostic> {
    if left_out.contains(&name) {
        return None;
    }
    let empty = known.clone().into_iter().next().is_none();
    let error = Diagnostic::error("unknown-name", place, format!("there is no {what} `{name}`"));
    Some(if empty { error.hint(format!("the spec defines no {what}")) } else { error.suggest(name, known) })
}

/// The single question of an entry, which must have exactly one of the `known` kinds.
pub(super) fn one_question<'a>(
    what: &str,
    asked: &'a [Question],
    known: &[&str],
    place: &SpecPath,
) -> Result<&'a Question, Box<Diagnostic>> {
    let is_asked = |name: &&str| asked.iter().any(|question| question.name() == *name);
    let given: Vec<(&str, bool)> = known.iter().map(|name| (*name, is_asked(name))).collect();
    if let Some(error) = exactly_one(what, &given, Place::Key(place.clone())) {
        return Err(Box::new(error));
    }
    let found = asked.iter().find(|question| known.contains(&question.name()));
    found.ok_or_else(|| {
        Box::new(Diagnostic::error(NO_KIND, Place::Key(place.clone()), format!("{what} has no question")))
    })
}

/// The error if not exactly one of several keys was given.
pub(super) fn exactly_one(what: &str, given: &[(&str, bool)], place: Place) -> Option<Diagnostic> {
    let all: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    let found: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    let choices = crate::diagnostic::list(&all).replace(" and ", " or ");
    match found.as_slice() {
        [_] => None,
        [] => Some(Diagnostic::error(NO_KIND, place, format!("{what} needs one of {choices}"))),
        many => Some(
            Diagnostic::error("two-kinds", place, format!("{what} has {} at once", crate::diagnostic::list(many)))
                .hint("keep one of them"),
        ),
    }
}
