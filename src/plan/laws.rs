//! From what a spec says of a law to the law.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::law::{self, Law, LawError, ParameterText, Variable};
use crate::spec::LawSpec;
use crate::unit::{Dimension, Unit};

/// The law that a spec defines, with its variables named as the spec's columns are.
///
/// `columns` names the variables a formula may use: those of all sources.
pub(super) fn define(name: &str, text: &LawSpec, columns: &[String]) -> Result<Law, Vec<Diagnostic>> {
    let path = SpecPath::of(&["laws", name]);
    match (&text.entry, &text.formula) {
        (Some(entry), None) => from_catalogue(name, entry, text, &path),
        (None, Some(formula)) => from_formula(name, formula, text, columns, &path),
        (Some(_), Some(_)) => Err(vec![
            Diagnostic::error("two-laws", Place::Key(path), format!("the law `{name}` has both `use` and `formula`"))
                .hint("keep one of them"),
        ]),
        (None, None) => Err(vec![
            Diagnostic::error("no-law", Place::Key(path), format!("the law `{name}` has neither `use` nor `formula`"))
                .hint("write `use = \"hoffmann\"`, or `formula = \"L = E + A / N^alpha\"`"),
        ]),
    }
}

/// A law of the catalogue, as it stands there.
pub(super) fn from_name(name: &str) -> Option<Law> {
    law::find(name)?.law().ok()
}

fn from_catalogue(name: &str, entry: &str, text: &LawSpec, path: &SpecPath) -> Result<Law, Vec<Diagnostic>> {
    let Some(found) = law::find(entry) else {
        let names: Vec<&str> = law::names().collect();
        return Err(vec![
            Diagnostic::error(
                "unknown-law",
                Place::Value(path.key("use")),
                format!("the catalogue has no law `{entry}`"),
            )
            .suggest(entry, names),
        ]);
    };
    let mut errors = Vec::new();
    let base = found.law().map_err(|errors| errors.into_iter().map(|e| located(e, path)).collect::<Vec<_>>())?;
    for variable in text.variables.keys() {
        if base.variable(variable).is_none() {
            let known: Vec<&str> = base.variables.iter().map(|v| v.name.as_str()).collect();
            errors.push(
                Diagnostic::error(
                    "unknown-variable",
                    Place::Key(path.key("variables").key(variable)),
                    format!("the law `{entry}` has no variable `{variable}`"),
                )
                .suggest(variable, known),
            );
        }
    }
    let mut parameters: BTreeMap<String, ParameterText> = BTreeMap::new();
    if let Some(source) = &text.constants {
        match found.constants.get(source) {
            Some(constants) => {
                for (parameter, value) in &constants.values {
                    parameters
                        .insert(parameter.clone(), ParameterText { fixed: Some(*value), ..ParameterText::default() });
                }
            }
            None => errors.push(
                Diagnostic::error(
                    "unknown-constants",
                    Place::Value(path.key("constants")),
                    format!("the law `{entry}` has no constants `{source}`"),
                )
                .suggest(source, found.constants.keys().map(String::as_str).collect::<Vec<_>>()),
            ),
        }
    }
    // What the spec says of a parameter goes before what was published of it.
    parameters.extend(text.parameters.iter().map(|(k, v)| (k.clone(), v.clone())));
    match base.with_parameters(&parameters) {
        Ok(law) if errors.is_empty() => Ok(renamed(law, name, &text.variables)),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, path)));
            Err(errors)
        }
    }
}

/// The law with other names for its variables.
fn renamed(mut law: Law, name: &str, names: &BTreeMap<String, String>) -> Law {
    name.clone_into(&mut law.name);
    let rename = |old: &str| names.get(old).cloned().unwrap_or_else(|| old.to_owned());
    let Ok(body) = law.body.resolve(&mut |symbol: &String, _| Ok::<_, std::convert::Infallible>(rename(symbol)));
    law.formula = format!("{} = {body}", law.response);
    law.body = body;
    law.holds = law.holds.renamed(rename);
    for variable in &mut law.variables {
        variable.name = rename(&variable.name);
    }
    law
}

fn from_formula(
    name: &str,
    formula: &str,
    text: &LawSpec,
    columns: &[String],
    path: &SpecPath,
) -> Result<Law, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    if text.constants.is_some() {
        errors.push(
            Diagnostic::error(
                "no-constants",
                Place::Key(path.key("constants")),
                "a formula of your own has no published constants",
            )
            .hint("hold a parameter with `parameters.alpha = { fixed = 0.34 }`"),
        );
    }
    if !text.variables.is_empty() {
        errors.push(
            Diagnostic::error(
                "no-renaming",
                Place::Key(path.key("variables")),
                "the variables of a formula are those it names",
            )
            .hint("write your columns' names into the formula"),
        );
    }
    let response = crate::expr::parse_equation(formula).map(|(response, _)| response).unwrap_or_default();
    let variables: Vec<Variable> = known_variables(columns)
        .into_iter()
        .filter(|v| v.name != response && !text.parameters.contains_key(&v.name))
        .collect();
    let law = Law::from_formula(name, formula, &variables)
        .map_err(|error| vec![error])
        .and_then(|law| law.with_parameters(&text.parameters));
    match law {
        Ok(law) if errors.is_empty() => Ok(law),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, path)));
            Err(errors)
        }
    }
}

/// Names that a formula may use as variables: the columns of all sources, and N, D and C, which need none.
fn known_variables(columns: &[String]) -> Vec<Variable> {
    let conventional = [("N", Dimension::Parameters), ("D", Dimension::Tokens), ("C", Dimension::Flop)];
    let mut names: Vec<String> = columns.to_vec();
    names.extend(conventional.iter().map(|(name, _)| (*name).to_owned()));
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let unit = conventional.iter().find(|(n, _)| *n == name).and_then(|(_, dimension)| Unit::base(*dimension));
            Variable { name, unit, meaning: None, counts: None }
        })
        .collect()
}

fn located(error: LawError, path: &SpecPath) -> Diagnostic {
    let place = match (&error.span, &error.parameter) {
        (Some(span), _) => Place::Inside(path.key("formula"), span.clone()),
        (None, Some(parameter)) => Place::Key(path.key("parameters").key(parameter)),
        (None, None) => Place::Key(path.clone()),
    };
    Diagnostic::error("bad-law", place, error.message).hint_if(error.hint)
}
