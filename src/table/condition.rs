//! Conditions on the variables of rows, for steps that keep or drop rows.

use super::{Fault, Variables};
use crate::dataset::{Column, Dataset};
use crate::expr::{Expr, Kind, parse};

/// Checks a condition against the variables of its input.
///
/// # Errors
/// It cannot be parsed, names a missing variable, or is no condition.
pub(super) fn check(text: &str, before: &Variables) -> Result<(), Fault> {
    let expr = parsed(text)?;
    known_symbols(text, &expr, before)?;
    let kind = expr.kind(&|name: &String| before.get(name).copied().unwrap_or(Kind::Number));
    match kind {
        Ok(Kind::Truth) => Ok(()),
        Ok(kind) => Err(fault(text, &format!("expected a condition, found {}", kind.describe()))),
        Err(error) => {
            Err(fault(text, &format!("expected {}, found {}", error.expected.describe(), error.found.describe())))
        }
    }
}

/// Whether a condition holds in each row. It does not hold where a value is missing.
///
/// # Errors
/// It cannot be evaluated, which [`check`] excludes.
pub(super) fn holds(text: &str, data: &Dataset) -> Result<Vec<bool>, Fault> {
    match data.evaluate(&parsed(text)?) {
        Some(Column::Numbers(truths)) => Ok(truths.into_iter().map(|truth| truth != 0.0 && !truth.is_nan()).collect()),
        _ => Err(fault(text, "it cannot be evaluated")),
    }
}

/// Checks that every variable of an expression exists.
pub(super) fn known_symbols(text: &str, expr: &Expr, before: &Variables) -> Result<(), Fault> {
    let mut unknown = None;
    expr.visit_symbols(&mut |symbol, _| {
        if !before.contains_key(symbol) {
            unknown.get_or_insert(symbol.clone());
        }
    });
    let Some(symbol) = unknown else { return Ok(()) };
    let near = crate::diagnostic::nearest(&symbol, before.keys().map(String::as_str));
    let hint = near.map(|near| format!("did you mean `{near}`?"));
    Err(Fault { hint, ..fault(text, &format!("there is no variable `{symbol}` here")) })
}

fn parsed(text: &str) -> Result<Expr, Fault> {
    parse(text).map_err(|error| Fault { hint: error.hint, ..fault(text, &error.message) })
}

fn fault(text: &str, message: &str) -> Fault {
    Fault { key: None, message: format!("{text}: {message}"), hint: None }
}
