//! Resolves the law definitions of a spec.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::law::{self, CONVENTIONAL, CoefficientPlace, Law, LawError, ParameterText, Variable, coefficient_place};
use crate::spec::{LawSpec, LawVariables};
use crate::unit::{Dimension, Unit};

/// The columns of all sources, with their units.
pub(super) type Columns = BTreeMap<String, Option<Unit>>;

/// The law that a spec defines, with variables named as the spec's columns, and warnings about names in it.
///
/// `columns` are the columns that a formula may use as variables.
pub(super) fn define(name: &str, text: &LawSpec, columns: &Columns) -> Result<(Law, Vec<Diagnostic>), Vec<Diagnostic>> {
    let path = SpecPath::of(&["laws", name]);
    match (&text.entry, &text.formula) {
        (Some(entry), None) => from_catalogue(name, entry, text, &path).map(|law| (law, Vec::new())),
        (None, Some(formula)) => {
            let law = from_formula(name, formula, text, columns, &path)?;
            let doubts = doubts(&law, name, text, columns, &path);
            Ok((named(law, name, &text.variables), doubts))
        }
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

/// A law of the catalogue without changes.
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
    errors.extend(wrong_names(&base, &text.variables, &path.key("variables")));
    if let LawVariables::Declared(names) = &text.variables
        && !names.is_empty()
    {
        let message = format!(
            "the catalogue defines the variables of `{entry}`; a list of variables is only \
         for your own formula"
        );
        errors.push(
            Diagnostic::error("bad-variables", Place::Value(path.key("variables")), message)
                .hint("rename them with a table: `variables = { x = \"your column\" }`"),
        );
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
    // Parameters in the spec take precedence over published values.
    parameters.extend(text.parameters.iter().map(|(k, v)| (k.clone(), v.clone())));
    match base.with_parameters(&parameters) {
        Ok(law) if errors.is_empty() => Ok(named(law, name, &text.variables)),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, path)));
            Err(errors)
        }
    }
}

/// Errors in the renaming of variables and response of a law.
fn wrong_names(law: &Law, variables: &LawVariables, path: &SpecPath) -> Vec<Diagnostic> {
    let LawVariables::Renamed(names) = variables else { return Vec::new() };
    let mut errors = Vec::new();
    let own: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).chain([law.response.as_str()]).collect();
    for variable in names.keys().filter(|name| !own.contains(&name.as_str())) {
        let message = format!("the law `{}` has no variable `{variable}`", law.formula);
        errors.push(
            Diagnostic::error("unknown-variable", Place::Key(path.key(variable)), message)
                .suggest(variable, own.clone()),
        );
    }
    let name_of = |own: &str| names.get(own).map_or_else(|| own.to_owned(), Clone::clone);
    for (old, new) in names.iter().filter(|(old, _)| own.contains(&old.as_str())) {
        let twice = own.iter().filter(|other| *other != old).any(|other| name_of(other) == *new);
        let taken = if twice {
            "another variable of the law"
        } else if law.parameters.iter().any(|p| p.name == *new) {
            "a parameter of the law"
        } else if !crate::expr::is_plain_name(new) {
            let message = format!("`{new}` cannot be the name of a variable");
            errors.push(
                Diagnostic::error("bad-name", Place::Value(path.key(old)), message)
                    .hint("name one of the source's variables; they have letters, digits and `_`"),
            );
            continue;
        } else {
            continue;
        };
        let message = format!("`{new}` is already the name of {taken}: {}", law.formula);
        errors.push(
            Diagnostic::error("taken-name", Place::Value(path.key(old)), message)
                .hint("give the column another name in `[sources.NAME.columns]`, on the left of the `=`"),
        );
    }
    errors
}

/// The law with its name in the spec and with renamed variables and response.
fn named(mut law: Law, name: &str, variables: &LawVariables) -> Law {
    name.clone_into(&mut law.name);
    let LawVariables::Renamed(names) = variables else { return law };
    let rename = |old: &str| names.get(old).cloned().unwrap_or_else(|| old.to_owned());
    let Ok(body) = law.body.resolve(&mut |symbol: &String, _| Ok::<_, std::convert::Infallible>(rename(symbol)));
    law.response = rename(&law.response);
    law.formula = format!("{} = {body}", law.response);
    law.body = body;
    law.holds = law.holds.renamed(rename);
    law.roles = law.roles.renamed(rename);
    for variable in &mut law.variables {
        variable.name = rename(&variable.name);
    }
    law
}

fn from_formula(
    name: &str,
    formula: &str,
    text: &LawSpec,
    columns: &Columns,
    path: &SpecPath,
) -> Result<Law, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    if text.constants.is_some() {
        errors.push(
            Diagnostic::error(
                "no-constants",
                Place::Key(path.key("constants")),
                "your own formula has no published constants",
            )
            .hint("fix a parameter with `parameters.alpha = { fixed = 0.34 }`"),
        );
    }
    let response = crate::expr::parse_equation(formula).map(|(response, _)| response).unwrap_or_default();
    let declared: Vec<&String> = match &text.variables {
        LawVariables::Declared(names) => names.iter().collect(),
        LawVariables::Renamed(names) => names.keys().collect(),
    };
    for (index, variable) in declared.iter().enumerate().filter(|(_, name)| text.parameters.contains_key(**name)) {
        let place = match &text.variables {
            LawVariables::Declared(_) => Place::Value(path.key("variables").then(Step::Index(index))),
            LawVariables::Renamed(_) => Place::Key(path.key("variables").key(variable)),
        };
        let message = format!("`{variable}` is declared as a variable and as a parameter");
        errors.push(Diagnostic::error("two-meanings", place, message).hint("keep one of them"));
    }
    let variables: Vec<Variable> = known_variables(columns, &declared)
        .into_iter()
        .filter(|v| v.name != response && !text.parameters.contains_key(&v.name))
        .collect();
    let law = Law::from_formula(name, formula, &variables)
        .map_err(|error| vec![error])
        .and_then(|law| law.with_parameters(&text.parameters));
    let law = match law {
        Ok(law) => law,
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, path)));
            return Err(errors);
        }
    };
    errors.extend(wrong_names(&law, &text.variables, &path.key("variables")));
    if let LawVariables::Declared(names) = &text.variables {
        for (index, variable) in names.iter().enumerate().filter(|(_, name)| law.variable(name).is_none()) {
            if text.parameters.contains_key(variable) {
                continue;
            }
            let place = Place::Value(path.key("variables").then(Step::Index(index)));
            let error = if *variable == law.response {
                let message = format!("`{variable}` is the response; variables are on the right side of the formula");
                Diagnostic::error("unknown-variable", place, message)
            } else {
                let message = format!("the formula `{}` does not use `{variable}`", law.formula);
                let known: Vec<&str> = law.parameters.iter().map(|p| p.name.as_str()).collect();
                Diagnostic::error("unknown-variable", place, message).suggest(variable, known)
            };
            errors.push(error);
        }
    }
    if errors.is_empty() { Ok(law) } else { Err(errors) }
}

/// Names that a formula may use as variables: the columns of all sources, the names that the law declares, and N, D
/// and C.
fn known_variables(columns: &Columns, declared: &[&String]) -> Vec<Variable> {
    let names: BTreeSet<&str> = columns
        .keys()
        .chain(declared.iter().copied())
        .map(String::as_str)
        .chain(CONVENTIONAL.iter().map(|(name, _)| *name))
        .collect();
    names
        .into_iter()
        .map(|name| {
            let unit = CONVENTIONAL.iter().find(|(n, _)| *n == name).and_then(|(_, dimension)| Unit::base(*dimension));
            // The unit of the column takes precedence over the usual meaning of its letter.
            let told = columns.get(name).copied().flatten();
            let unit = unit.filter(|unit| told.is_none_or(|told| told.dimension == unit.dimension));
            Variable { name: name.to_owned(), unit, meaning: None, counts: None }
        })
        .collect()
}

/// Warnings for names in a formula that may not mean what they are read as.
fn doubts(law: &Law, name: &str, text: &LawSpec, columns: &Columns, path: &SpecPath) -> Vec<Diagnostic> {
    let is_declared = |name: &str| match &text.variables {
        LawVariables::Declared(names) => names.iter().any(|n| n == name),
        LawVariables::Renamed(names) => names.contains_key(name),
    };
    let mut doubts = Vec::new();
    let place_of = |name: &str| {
        let mut place = None;
        if let Some(formula) = &text.formula
            && let Ok((_, body)) = crate::expr::parse_equation(formula)
        {
            body.visit_symbols(&mut |symbol, span| {
                if symbol == name {
                    place.get_or_insert(span.clone());
                }
            });
        }
        place.map_or_else(|| Place::Key(path.clone()), |span| Place::Inside(path.key("formula"), span))
    };
    for variable in law.variables.iter().map(|v| v.name.as_str()).filter(|name| !is_declared(name)) {
        if !columns.contains_key(variable) || CONVENTIONAL.iter().any(|(name, _)| *name == variable) {
            continue;
        }
        let Some(stands) = coefficient_place(variable, &law.body, &|symbol| law.variable(symbol).is_some()) else {
            continue;
        };
        let unit = columns.get(variable).copied().flatten().map(|unit| unit.dimension);
        let of_response = columns.get(&law.response).copied().flatten().map(|unit| unit.dimension);
        let is_natural = match stands {
            // A variable in the unit of the response can be added to it.
            CoefficientPlace::Addend => unit.is_some() && unit == of_response,
            CoefficientPlace::Whole => {
                matches!(unit, Some(Dimension::Parameters | Dimension::Tokens | Dimension::Flop))
            }
            CoefficientPlace::Factor | CoefficientPlace::Exponent => false,
        };
        if is_natural {
            continue;
        }
        let stands = match stands {
            CoefficientPlace::Factor | CoefficientPlace::Whole => "a coefficient",
            CoefficientPlace::Addend => "a constant term",
            CoefficientPlace::Exponent => "an exponent",
        };
        doubts.push(
            Diagnostic::warning(
                "column-as-coefficient",
                place_of(variable),
                format!(
                    "`{variable}` is a column and stands where {stands} would: it is not fitted, each row has its own"
                ),
            )
            .hint(format!(
                "if it is a parameter, declare it: `[laws.{name}]` with `parameters.{variable} = {{}}`, or \
                 rename the column"
            ))
            .hint(format!("if the column is meant, declare it: `[laws.{name}]` with `variables = [\"{variable}\"]`")),
        );
    }
    let unused: Vec<&str> = columns
        .keys()
        .map(String::as_str)
        .chain(CONVENTIONAL.iter().map(|(name, _)| *name))
        .filter(|name| law.variable(name).is_none() && law.response != *name && !text.parameters.contains_key(*name))
        .collect();
    for parameter in law.parameters.iter().map(|p| p.name.as_str()) {
        if text.parameters.contains_key(parameter) {
            continue;
        }
        if let Some(near) = unused.iter().find(|column| is_slip(parameter, column)) {
            doubts.push(
                Diagnostic::warning(
                    "near-name",
                    place_of(parameter),
                    format!("`{parameter}` is read as a parameter, and the variable `{near}` is not used"),
                )
                .hint(format!("if the variable is meant, write `{near}`"))
                .hint(format!(
                    "if the parameter is meant, declare it: `[laws.{name}]` with `parameters.{parameter} = {{}}`"
                )),
            );
        }
    }
    doubts
}

/// Whether one name may be a typing error for another: different case, or one letter of difference in a longer name.
fn is_slip(written: &str, meant: &str) -> bool {
    const LONG: usize = 5;
    written.eq_ignore_ascii_case(meant)
        || (meant.chars().count() >= LONG
            && written.chars().count() >= LONG
            && strsim::osa_distance(written, meant) <= 1
            // Names that differ only in a number form a series: beta1, beta2.
            && written.trim_end_matches(|c: char| c.is_ascii_digit()) != meant.trim_end_matches(|c: char| c.is_ascii_digit()))
}

fn located(error: LawError, path: &SpecPath) -> Diagnostic {
    let place = match (&error.span, &error.parameter) {
        (Some(span), _) => Place::Inside(path.key("formula"), span.clone()),
        (None, Some(parameter)) => Place::Key(path.key("parameters").key(parameter)),
        (None, None) => Place::Key(path.clone()),
    };
    Diagnostic::error("bad-law", place, error.message).hint_if(error.hint)
}
