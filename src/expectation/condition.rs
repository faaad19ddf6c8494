//! Conditions on the numbers of results, such as `fits.main.alpha in [0.31, 0.38]`.

use std::collections::{BTreeMap, BTreeSet};

use super::{ExpectationResult, Expected};
use crate::expr::{Value, parse_printed};

/// The status of a condition that holds.
const PASSED: &str = "passed";
/// The status of a condition that does not hold.
const FAILED: &str = "failed";

impl Expected {
    /// Judges the condition on the numbers of results. `unidentified` are the names of numbers that are missing because
    /// the rows do not identify them.
    pub fn judge(&self, numbers: &BTreeMap<String, Option<f64>>, unidentified: &BTreeSet<String>) -> ExpectationResult {
        let mut actual: BTreeMap<String, Option<f64>> = BTreeMap::new();
        let mut values = Vec::new();
        let holds = parse_printed(&self.that).ok().and_then(|expr| {
            let resolved = expr.resolve(&mut |name: &String, _| {
                let value = numbers.get(name).copied().flatten();
                actual.insert(name.clone(), value);
                // A missing number fulfils no condition.
                values.push(Value::Number(value.unwrap_or(f64::NAN)));
                Ok::<_, ()>(values.len() - 1)
            });
            resolved.ok()?.truth(&values).ok()
        });
        let known = actual.values().all(Option::is_some);
        let not_told: Vec<&str> =
            actual.keys().filter(|name| unidentified.contains(*name)).map(String::as_str).collect();
        let reason = (!not_told.is_empty()).then(|| {
            let verb = if not_told.len() == 1 { "is" } else { "are" };
            format!("{} {verb} not identified by the rows", crate::evidence::in_words(&not_told))
        });
        let status = if holds == Some(true) && known { PASSED } else { FAILED };
        ExpectationResult {
            that: self.that.clone(),
            because: self.because.clone(),
            status: status.to_owned(),
            severity: self.severity,
            actual,
            reason,
        }
    }
}

impl ExpectationResult {
    /// Whether the condition holds.
    pub fn holds(&self) -> bool {
        self.status != FAILED
    }

    /// The numbers of the condition, or why there are none. `number` writes a number, and `nothing` stands for a missing
    /// one.
    pub fn found(&self, number: impl Fn(f64) -> String, nothing: &str) -> String {
        let written = |(name, value): (&String, &Option<f64>)| {
            format!("{name} = {}", value.map_or_else(|| nothing.to_owned(), &number))
        };
        self.reason.clone().unwrap_or_else(|| self.actual.iter().map(written).collect::<Vec<_>>().join(", "))
    }

    /// How many conditions hold, in a sentence; `None` if there are none.
    pub fn summary(all: &[Self]) -> Option<String> {
        let failed: Vec<&str> = all.iter().filter(|one| !one.holds()).map(|one| one.that.as_str()).collect();
        match (all.len(), failed.as_slice()) {
            (0, _) => None,
            (1, []) => Some("The expectation holds.".to_owned()),
            (count, []) => Some(format!("All {count} expectations hold.")),
            (count, failed) => Some(format!("{} of {count} expectations fail: {}.", failed.len(), failed.join("; "))),
        }
    }
}

/// Candidates for the correction of a name: those with the same last part, else the names in the same table, or all names.
pub fn near<'a>(name: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let of_that_name: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| n.rsplit_once('.').is_some_and(|(_, last)| last == name)).collect();
    if !of_that_name.is_empty() {
        return of_that_name;
    }
    let prefix: String = name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".") + ".";
    let of_table: Vec<&str> = names.iter().map(String::as_str).filter(|n| n.starts_with(&prefix)).collect();
    if of_table.is_empty() { names.iter().map(String::as_str).collect() } else { of_table }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::Severity;

    fn result(that: &str, unidentified: &[&str]) -> ExpectationResult {
        let expected = Expected { that: that.to_owned(), severity: Severity::Error, because: None };
        let numbers = BTreeMap::from([("fits.main.a".to_owned(), Some(0.25)), ("fits.main.b".to_owned(), None)]);
        expected.judge(&numbers, &unidentified.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_condition_holds_if_its_numbers_are_known_and_fulfil_it() {
        let holds = |that: &str| result(that, &[]).holds();
        assert!(holds("fits.main.a in [0.2, 0.3]"));
        assert!(!holds("fits.main.a > 0.3"));
        assert!(!holds("fits.main.b > 0"));
        // A missing number fulfils no condition, not even one that another number decides.
        assert!(!holds("fits.main.a > 0.2 or fits.main.b > 0"));
    }

    #[test]
    fn a_failed_condition_is_told_with_its_numbers_or_with_the_reason() {
        let missing = result("fits.main.a > fits.main.b", &[]);
        assert_eq!(missing.found(|number| number.to_string(), "-"), "fits.main.a = 0.25, fits.main.b = -");
        let unidentified = result("fits.main.a > fits.main.b", &["fits.main.b"]);
        assert_eq!(unidentified.found(|number| number.to_string(), "-"), "fits.main.b is not identified by the rows");
        let good = result("fits.main.a > 0", &[]);
        let summary = |all: &[&ExpectationResult]| {
            ExpectationResult::summary(&all.iter().map(|one| (*one).clone()).collect::<Vec<_>>())
        };
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[&good]).as_deref(), Some("The expectation holds."));
        assert_eq!(summary(&[&good, &good]).as_deref(), Some("All 2 expectations hold."));
        let sentence = format!("1 of 2 expectations fail: {}.", missing.that);
        assert_eq!(summary(&[&good, &missing]), Some(sentence));
    }
}
