//! Resolves the law definitions of a spec.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::indices;
use crate::law::{
    self, CONVENTIONAL, CoefficientPlace, Domains, Entry, Law, LawError, ParameterText, Variable, Vector,
    coefficient_place, parameters_over,
};
use crate::spec::{LawSpec, LawVariables};
use crate::unit::{Dimension, Unit};

/// The columns of all sources, with their units.
pub(super) type Columns = BTreeMap<String, Option<Unit>>;

/// The law that a spec defines, with variables named as the spec's columns, and warnings about names in it.
///
/// `columns` are the columns that a formula may use as variables, and `beside` those that fits of this law use outside
/// it, such as the column of their groups.
pub(super) fn define(
    name: &str,
    text: &LawSpec,
    columns: &Columns,
    beside: &BTreeSet<String>,
) -> Result<(Law, Vec<Diagnostic>), Vec<Diagnostic>> {
    let path = SpecPath::of(&["laws", name]);
    match (&text.entry, &text.formula) {
        (Some(entry), None) => from_catalogue(name, entry, text, columns, &path).map(|law| (law, Vec::new())),
        (None, Some(formula)) => {
            let law = from_formula(name, formula, text, columns, &path)?;
            let doubts = doubts(&law, name, text, columns, beside, &path);
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

/// A law of mixtures in the catalogue over the domains of columns; `None` for another law.
pub(super) fn of_mixture(name: &str, columns: &Columns) -> Option<Result<Law, Vec<LawError>>> {
    let entry = law::find(name).filter(|entry| !entry.domains.is_empty())?;
    Some(over_domains(entry, &LawSpec::default(), columns).map(|(law, _)| law))
}

fn from_catalogue(
    name: &str,
    entry: &str,
    text: &LawSpec,
    columns: &Columns,
    path: &SpecPath,
) -> Result<Law, Vec<Diagnostic>> {
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
    let (base, vectors) = over_domains(found, text, columns)
        .map_err(|errors| errors.into_iter().map(|e| located(e, text, path)).collect::<Vec<_>>())?;
    let variables = &for_domains(&text.variables, &base, found);
    errors.extend(wrong_names(&base, variables, &path.key("variables")));
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
    parameters.extend(parameters_over(&text.parameters, &vectors));
    match base.with_parameters(&parameters) {
        Ok(law) if errors.is_empty() => Ok(named(law, name, variables)),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, text, path)));
            Err(errors)
        }
    }
}

/// A law of the catalogue; a law of mixtures has the domains of the spec, or of its columns.
fn over_domains(found: &Entry, text: &LawSpec, columns: &Columns) -> Result<(Law, Vec<Vector>), Vec<LawError>> {
    let mut domains = text.domains();
    if found.domains.is_empty() {
        let is_given = domains != Domains::default();
        let fault = || LawError::of_law(format!("the law `{}` is not of a mixture, and has no domains", found.name));
        return if is_given { Err(vec![fault()]) } else { Ok((found.law()?, Vec::new())) };
    }
    if domains.every.is_empty() && domains.of_index.is_empty() {
        // The columns have the names of the study.
        let own_name = |base: &str| match &text.variables {
            LawVariables::Renamed(names) => names.get(base).cloned().unwrap_or_else(|| base.to_owned()),
            LawVariables::Declared(_) => base.to_owned(),
        };
        let of_base = |base: &str| {
            let own = own_name(base);
            let suffix = |name: &String| Some(name.strip_prefix(&own)?.strip_prefix('_')?.to_owned());
            columns.keys().filter_map(suffix).filter(|domain| !domain.is_empty()).collect::<Vec<_>>()
        };
        let bases: Vec<&str> = found.vectors_of_variables().collect();
        domains.every = bases.iter().map(|base| of_base(base)).find(|all| !all.is_empty()).unwrap_or_default();
        if domains.every.is_empty() {
            let names: Vec<String> = bases.iter().map(|base| format!("`{}_web`", own_name(base))).collect();
            let message = format!("the domains of the law `{}` are not known", found.name);
            return Err(vec![LawError::of_law(message).hint(format!(
                "declare them, as in `domains = [\"web\", \"code\"]`, or name the columns as in {}, or map them:                  `variables = {{ {} = \"share\" }}` for `share_web`",
                names.join(" and "),
                bases.first().copied().unwrap_or_default()
            ))]);
        }
    }
    Ok((found.law_over(&domains)?, found.vectors_over(&domains)?))
}

/// Names of variables by those of the law: a name for a vector, such as `r = "share"`, stands for `r_web =
/// "share_web"`.
fn for_domains(names: &LawVariables, law: &Law, found: &Entry) -> LawVariables {
    let LawVariables::Renamed(names) = names else { return names.clone() };
    let mut all = BTreeMap::new();
    for (old, new) in names {
        if !found.vectors_of_variables().any(|base| base == old) {
            all.insert(old.clone(), new.clone());
            continue;
        }
        for variable in &law.variables {
            if let Some(domain) = variable.name.strip_prefix(old.as_str()).and_then(|rest| rest.strip_prefix('_')) {
                all.entry(variable.name.clone()).or_insert_with(|| format!("{new}_{domain}"));
            }
        }
    }
    LawVariables::Renamed(all)
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
    law.mixtures = law.mixtures.iter().map(|mixture| mixture.renamed(rename)).collect();
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
    let law = Law::over_domains(name, formula, &variables, &text.domains())
        .map_err(|error| vec![error])
        .and_then(|(law, vectors)| Ok((law.with_parameters(&parameters_over(&text.parameters, &vectors))?, vectors)));
    let (law, vectors) = match law {
        Ok(law) => law,
        Err(found) => {
            errors.extend(found.into_iter().map(|e| located(e, text, path)));
            return Err(errors);
        }
    };
    errors.extend(wrong_names(&law, &text.variables, &path.key("variables")));
    if let LawVariables::Declared(names) = &text.variables {
        for (index, variable) in names.iter().enumerate().filter(|(_, name)| law.variable(name).is_none()) {
            let is_vector = vectors.iter().any(|vector| vector.name == *variable);
            if text.parameters.contains_key(variable) || is_vector {
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
fn doubts(
    law: &Law,
    name: &str,
    text: &LawSpec,
    columns: &Columns,
    beside: &BTreeSet<String>,
    path: &SpecPath,
) -> Vec<Diagnostic> {
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
        if law.mixture_of(variable).is_some() {
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
    // N, D and C need no column only where there are no rows.
    let conventional = CONVENTIONAL.iter().map(|(name, _)| *name).filter(|_| columns.is_empty());
    let is_used = |name: &str| law.variable(name).is_some() || law.response == name || beside.contains(name);
    let unused: Vec<&str> = columns
        .keys()
        .map(String::as_str)
        .chain(conventional)
        .filter(|name| !is_used(name) && !text.parameters.contains_key(*name))
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

fn located(error: LawError, text: &LawSpec, path: &SpecPath) -> Diagnostic {
    // The settings of a vector are those of each of its members.
    let of_vector = |parameter: &str| {
        let base = |key: &&String| {
            indices(key).is_some_and(|(base, _)| parameter.strip_prefix(base).is_some_and(|rest| rest.starts_with('_')))
        };
        text.parameters.keys().find(base).filter(|_| !text.parameters.contains_key(parameter)).cloned()
    };
    let place = match (&error.span, &error.parameter) {
        (Some(span), _) if text.formula.is_some() => Place::Inside(path.key("formula"), span.clone()),
        (None, Some(parameter)) => {
            let key = of_vector(parameter).unwrap_or_else(|| parameter.clone());
            Place::Key(path.key("parameters").key(&key))
        }
        (Some(_), _) | (None, None) => Place::Key(path.clone()),
    };
    Diagnostic::error("bad-law", place, error.message).hint_if(error.hint)
}
