//! Compiles the costs of a spec.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::laws::Columns;
use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::law::{CONVENTIONAL, CONVENTIONS, Cost, Law, Variable};
use crate::spec::{self, CostSpec, Spec};
use crate::unit::{Dimension, Unit};

/// Reads the costs of a spec; `columns` are those of all sources.
pub(super) fn define_costs(scope: &mut Scope<'_>, spec: &Spec, columns: &Columns) {
    for (name, text) in &spec.costs {
        if let Some(cost) = define_cost(scope, name, text, columns) {
            scope.add_cost(name, cost);
        }
    }
}

fn define_cost(scope: &mut Scope<'_>, name: &str, text: &CostSpec, columns: &Columns) -> Option<Cost> {
    let path = SpecPath::of(&["costs", name]);
    let (compute, serve) = formulas_of(scope, name, text, &path)?;
    // The formula of a convention has no position in the spec.
    let [of_compute, of_serve] =
        [("compute", &text.compute), ("serve", &text.serve)].map(|(key, own)| own.as_ref().map(|_| key));
    let mut used = symbols_of(scope, name, &compute, columns, &path, of_compute)?;
    if let Some(serve) = &serve {
        used.extend(symbols_of(scope, name, serve, columns, &path, of_serve)?);
    }
    let variable = |name: &String| {
        let unit = columns.get(name).copied().flatten();
        let unit = crate::law::dimension(name, unit).and_then(Unit::base);
        Variable { name: name.clone(), unit, meaning: None, counts: None }
    };
    let variables: Vec<Variable> = used.iter().map(variable).collect();
    let serve = serve.unwrap_or_else(|| third_per_token(&compute, &variables));
    match Cost::new(name, &compute, &serve, &variables) {
        Ok(cost) => Some(cost),
        Err(error) => {
            let found = Diagnostic::error("bad-cost", Place::Key(path), error.message);
            scope.tell(found.hint_if(error.hint));
            None
        }
    }
}

/// The formulas of training and, if given, of serving a token, in the variable names of the study.
fn formulas_of(
    scope: &mut Scope<'_>,
    name: &str,
    text: &CostSpec,
    path: &SpecPath,
) -> Option<(String, Option<String>)> {
    match (&text.convention, &text.compute) {
        (Some(convention), None) => formulas_of_convention(scope, convention, text, path),
        (None, Some(compute)) => {
            if !text.variables.is_empty() {
                let message =
                    format!("`variables` renames the variables of a convention, but the cost `{name}` has a formula");
                scope
                    .error("bad-variables", Place::Key(path.key("variables")), message)
                    .hints
                    .push("use column names in `compute`".to_owned());
            }
            Some((compute.clone(), text.serve.clone()))
        }
        (given, _) => {
            let which = if given.is_some() { "both `use` and" } else { "neither `use` nor" };
            scope
                .error("no-cost", Place::Key(path.clone()), format!("the cost `{name}` has {which} `compute`"))
                .hints
                .push("write `compute = \"6 * N_active * D\"`, or `use = \"palm_attention\"`".to_owned());
            None
        }
    }
}

/// The variables in a cost formula, all of which must be columns; `key` is the key that has the formula.
fn symbols_of(
    scope: &mut Scope<'_>,
    cost: &str,
    formula: &str,
    columns: &Columns,
    path: &SpecPath,
    key: Option<&str>,
) -> Option<BTreeSet<String>> {
    let expr = match crate::expr::parse(formula) {
        Ok(expr) => expr,
        Err(error) => {
            let place = match key {
                Some(key) => Place::Inside(path.key(key), error.span),
                None => Place::Key(path.clone()),
            };
            scope.tell(Diagnostic::error("bad-cost", place, error.message).hint_if(error.hint));
            return None;
        }
    };
    let mut used = BTreeSet::new();
    expr.visit_symbols(&mut |symbol, _| {
        used.insert(symbol.clone());
    });
    let letters = CONVENTIONAL.iter().map(|(name, _)| *name);
    let names: BTreeSet<&str> = columns.keys().map(String::as_str).chain(letters).collect();
    // A study without data has no columns; every name is then a variable that queries set.
    let unknown: Vec<&String> =
        used.iter().filter(|symbol| !columns.is_empty() && !names.contains(symbol.as_str())).collect();
    for symbol in &unknown {
        let place = key.map_or_else(|| path.clone(), |key| path.key(key));
        let message = format!("the cost `{cost}` uses `{symbol}`, but no source has a column of this name");
        let error = Diagnostic::error("unknown-variable", Place::Key(place), message);
        scope.tell(error.suggest(symbol, names.iter().copied().collect::<Vec<_>>()));
    }
    unknown.is_empty().then_some(used)
}

/// The formulas of a convention in the variable names of the study.
fn formulas_of_convention(
    scope: &mut Scope<'_>,
    convention: &str,
    text: &CostSpec,
    path: &SpecPath,
) -> Option<(String, Option<String>)> {
    let Some(found) = CONVENTIONS.iter().find(|known| known.name == convention) else {
        let known: Vec<&str> = CONVENTIONS.iter().map(|known| known.name).collect();
        let message = format!("there is no compute convention `{convention}`");
        let error = Diagnostic::error("unknown-convention", Place::Value(path.key("use")), message);
        scope.tell(error.suggest(convention, known));
        return None;
    };
    let own: Vec<&str> = found.variables.iter().map(|(name, _)| *name).collect();
    for name in text.variables.keys().filter(|name| !own.contains(&name.as_str())) {
        let message = format!("the convention `{convention}` has no variable `{name}`: {}", found.compute);
        let error = Diagnostic::error("unknown-variable", Place::Key(path.key("variables").key(name)), message);
        scope.tell(error.suggest(name, own.clone()));
    }
    let renamed = |formula: &str| {
        let expr = crate::expr::parse(formula).ok()?;
        let rename = |symbol: &String| text.variables.get(symbol).unwrap_or(symbol).clone();
        let Ok(expr) = expr.resolve(&mut |symbol: &String, _| Ok::<_, std::convert::Infallible>(rename(symbol)));
        Some(expr.to_string())
    };
    Some((renamed(found.compute)?, text.serve.clone().or_else(|| renamed(found.serve))))
}

/// Whether the study defines training costs.
pub(super) fn is_priced(scope: &Scope<'_>) -> bool {
    scope.tree().at(&SpecPath::of(&["costs"]).0).is_some()
}

/// A law with the cost that its fit names, or with the only cost of the spec.
pub(super) fn costed(scope: &mut Scope<'_>, law: &Arc<Law>, fit: &spec::Fit, path: &SpecPath) -> Arc<Law> {
    let cost = match &fit.cost {
        Some(name) => {
            let found = scope.costs().get(name).cloned();
            if found.is_none() {
                let known: Vec<String> = scope.costs().keys().cloned().collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                scope.unknown("cost", name, &["costs"], Place::Value(path.key("cost")), &known);
            }
            found
        }
        None if scope.costs().len() == 1 => scope.costs().values().next().cloned(),
        None => None,
    };
    let Some(cost) = cost else { return Arc::clone(law) };
    scope.uses("costs", &cost.name);
    law.costing(&cost)
}

/// The default cost of serving a token: a forward pass, one third of the training cost of a token.
fn third_per_token(compute: &str, variables: &[Variable]) -> String {
    let is_data = |v: &&Variable| v.unit.is_some_and(|unit| unit.dimension == Dimension::Tokens);
    let data = variables.iter().find(is_data).map(|v| v.name.as_str());
    data.map_or_else(|| format!("({compute}) / 3"), |data| format!("({compute}) / (3 * {data})"))
}
