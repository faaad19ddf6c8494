//! Shards: the refits of a long resampling as stages of their own, which the fit merges.

use std::ops::Range;
use std::sync::Arc;

use super::graph::Input;
use super::scope::Scope;
use crate::diagnostic::{Place, SpecPath};
use crate::spec;
use crate::stage::{ESTIMATE, FitLaw, REFITS};

/// Number of refits from which a fit is divided without `shards`.
const MANY: usize = 10_000;
/// Number of refits of a shard of such a fit.
const REFITS_OF_SHARD: usize = 5_000;
/// Maximum number of shards of such a fit; more refits make larger shards.
const MOST_BY_DEFAULT: usize = 64;
/// Maximum number of shards of a fit.
const MOST: usize = 1000;

/// Checks the number of shards of a fit.
pub(super) fn check_shards(scope: &mut Scope<'_>, fit: &spec::Fit, path: &SpecPath) {
    let Some(shards) = fit.shards else { return };
    let path = path.key("shards");
    let Some(uncertainty) = &fit.uncertainty else {
        let error = scope.error("needs-uncertainty", Place::Key(path), "`shards` needs `uncertainty`");
        error.hints.push("shards divide the refits of an uncertainty method: uncertainty = { auto = {} }".to_owned());
        return;
    };
    let (key, count) = uncertainty.member().count();
    if !(1..=MOST).contains(&shards) {
        scope.error("bad-shards", Place::Value(path), format!("`shards` must be from 1 to {MOST}"));
    } else if shards > count {
        let message = format!("`shards` is {shards}, but the fit has only {count} {key}");
        scope.error("bad-shards", Place::Value(path), message);
    }
}

/// The refits of each shard of a fit; empty for a fit that is not divided.
fn shards(fit: &spec::Fit) -> Vec<Range<usize>> {
    let count = fit.uncertainty.as_ref().map_or(0, |uncertainty| uncertainty.member().count().1);
    // The product of both numbers could exceed the largest number.
    let start = |k: usize, shards: usize| k * (count / shards) + k * (count % shards) / shards;
    let even = |shards: usize| (0..shards).map(|k| start(k, shards)..start(k + 1, shards)).collect();
    match fit.shards {
        Some(0 | 1) => Vec::new(),
        Some(shards) => even(shards.min(MOST)),
        None if count < MANY => Vec::new(),
        None if count > MOST_BY_DEFAULT * REFITS_OF_SHARD => even(MOST_BY_DEFAULT),
        None => {
            // Only the last shard differs in size, so that more refits leave the others as they are.
            let last = (count + REFITS_OF_SHARD / 2) / REFITS_OF_SHARD - 1;
            let start = |k: usize| k * REFITS_OF_SHARD;
            (0..=last).map(|k| start(k)..if k == last { count } else { start(k + 1) }).collect()
        }
    }
}

/// The inputs of a fit: its table, and the parts that are stages of their own.
pub(super) fn plan_parts(
    scope: &mut Scope<'_>,
    name: &str,
    fit: &spec::Fit,
    stage: &FitLaw,
    table: &Input,
) -> Vec<Input> {
    let mut inputs = vec![table.clone()];
    let shards = shards(fit);
    if shards.is_empty() {
        return inputs;
    }
    let folds = stage.method.backtest.as_ref().map_or(0, |origins| origins.folds);
    for origin in std::iter::once(None).chain((0..folds).map(Some)) {
        let parts = origin.map(|origin| format!("origin={}", origin + 1));
        let role = |role: &str, shard: Option<usize>| {
            let numbers = origin.into_iter().chain(shard).map(|number| format!(".{}", number + 1));
            std::iter::once(role.to_owned()).chain(numbers).collect::<String>()
        };
        let own = parts.as_ref().map_or_else(|| name.to_owned(), |part| member(name, part));
        let estimate = scope.stage(("fits", &own), Arc::new(stage.estimate(origin)), vec![table.clone()]);
        inputs.push(estimate.gives_as(ESTIMATE, role(ESTIMATE, None)));
        for (shard, numbers) in shards.iter().enumerate() {
            let own = member(&own, &format!("shard={}", shard + 1));
            let needs = vec![table.clone(), estimate.gives(ESTIMATE)];
            let refits = scope.stage(("fits", &own), Arc::new(stage.refits(origin, numbers.clone())), needs);
            inputs.push(refits.gives_as(REFITS, role(REFITS, Some(shard))));
        }
    }
    inputs
}

/// The name of a part of an entry, which may itself be a member of a matrix: `main[law=hoffmann,shard=1]`.
fn member(entry: &str, part: &str) -> String {
    match entry.strip_suffix(']') {
        Some(entry) => format!("{entry},{part}]"),
        None => format!("{entry}[{part}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(resamples: usize, shards: Option<usize>) -> spec::Fit {
        let mut fit: spec::Fit = serde_json::from_value(serde_json::json!({
            "law": "hoffmann", "uncertainty": { "bootstrap": { "resamples": resamples } }
        }))
        .unwrap();
        fit.shards = shards;
        fit
    }

    #[test]
    fn few_refits_are_not_divided_and_many_are_in_shards_of_five_thousand() {
        assert!(shards(&fit(9_999, None)).is_empty());
        assert_eq!(shards(&fit(10_000, None)), [0..5_000, 5_000..10_000]);
        assert_eq!(shards(&fit(12_499, None)), [0..5_000, 5_000..12_499]);
        assert_eq!(shards(&fit(12_500, None)), [0..5_000, 5_000..10_000, 10_000..12_500]);
        assert_eq!(shards(&fit(320_000, None)).len(), 64);
        assert_eq!(shards(&fit(10_000_000, None)).len(), 64);
        assert_eq!(shards(&fit(10_000_000, None))[63], 9_843_750..10_000_000);
        assert_eq!(shards(&fit(usize::MAX, None))[63].end, usize::MAX);
    }

    #[test]
    fn the_shards_of_a_spec_are_even_and_leave_no_refit_out() {
        assert!(shards(&fit(20_000, Some(1))).is_empty());
        assert_eq!(shards(&fit(100, Some(3))), [0..33, 33..66, 66..100]);
    }

    #[test]
    fn a_part_of_a_matrix_member_has_one_pair_of_brackets() {
        assert_eq!(member("main", "shard=1"), "main[shard=1]");
        assert_eq!(member("main[law=hoffmann]", "shard=1"), "main[law=hoffmann,shard=1]");
    }
}
