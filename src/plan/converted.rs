//! Checks formulas against units that are converted when rows are read.

use super::scope::{Scope, SourceStage};
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::law::Law;
use crate::spec::{self, Spec};
use crate::unit::Dimension;

/// Warns of numbers in a formula, of deviations and of variables whose unit is converted, so that they mean something else
/// than what is written: values in bits are kept in nats, and values in percent as shares. Returns the warnings of which
/// the report of the fit tells too, because its numbers are other than expected.
pub(super) fn check_converted(
    scope: &mut Scope<'_>,
    (name, fit): (&str, &spec::Fit),
    law: &Law,
    source: &SourceStage,
    spec: &Spec,
) -> Vec<String> {
    let mut doubts = Vec::new();
    let converted = |name: &str| {
        let unit = source.columns.get(name)?.unit.filter(|unit| unit.size != 1.0)?;
        Some((unit, unit.stored()))
    };
    let path = SpecPath::of(&["sources"]);
    let place = || Place::Key(SpecPath::of(&["laws", &fit.law]).key("formula"));
    let is_written = spec.laws.get(&fit.law).is_some_and(|written| written.formula.is_some());
    if let Some((unit, base)) = converted(&law.response).filter(|_| is_written) {
        // One is the natural ceiling of a share, however it is read.
        let is_natural = |number: &f64| unit.dimension == Dimension::Share && number.abs() <= 1.0;
        for number in law.numbers_of_response().into_iter().filter(|number| !is_natural(number)) {
            let message = format!(
                "`{}` is read in {unit} and stored in {base}, and the number {number} in the formula is taken in {base}",
                law.response
            );
            let hint = format!("if it is meant in {unit}, write {}", crate::numeral::rounded(number * unit.size, 6));
            doubts.push(format!("{message}: {hint}."));
            scope.tell(Diagnostic::warning("converted-number", place(), message).hint(hint));
        }
    }
    if let Some((unit, base)) = converted(&law.response)
        && let Some(noise) =
            fit.noise.as_deref().filter(|noise| source.columns.get(*noise).is_some_and(|c| c.unit.is_none()))
    {
        let message = format!(
            "`{}` is read in {unit} and stored in {base}, and the standard deviations `{noise}` have no unit and stay as they are",
            law.response
        );
        let hint =
            format!("for deviations in {unit}, write `{noise} = {{ column = ..., unit = \"{unit}\" }}` in the source");
        doubts.push(format!("{message}: {hint}."));
        let place = Place::Key(SpecPath::of(&["fits", name]).key("noise"));
        scope.tell(Diagnostic::warning("converted-number", place, message).hint(hint));
    }
    let is_provided = |name: &str| fit.through.contains_key(name);
    let is_response =
        |name: &str| spec.laws.values().any(|law| law.formula.as_deref().is_some_and(|f| names_response(f, name)));
    for variable in &law.variables {
        let name = variable.name.as_str();
        let Some((unit, base)) = converted(name).filter(|(unit, _)| unit.dimension == Dimension::Nats) else {
            continue;
        };
        if is_provided(name) || is_response(name) {
            continue;
        }
        let message = format!(
            "`{name}` is a variable in {unit}, which are units of losses: 4 {unit} are kept as {:.4} {base}, and a query gives it in {base}",
            4.0 * unit.size
        );
        let warning = Diagnostic::warning("loss-unit", Place::Key(path.clone()), message);
        scope.tell(warning.hint("for a number of bits, as of a weight's precision, write `unit = \"1\"`"));
    }
    doubts
}

/// Whether a formula is of this response.
fn names_response(formula: &str, name: &str) -> bool {
    formula.split_once('=').is_some_and(|(left, _)| left.trim() == name)
}
