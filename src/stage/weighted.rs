//! Joins the groups of a fit into one fit of the weighted average of their laws, as for one law per validation domain.

use std::collections::BTreeMap;

use super::Failure;
use super::chain::Member;
use crate::evidence::caveats;
use crate::fit::{Fit, Span};
use crate::law::Law;
use crate::numerics::Points;
use crate::quantity::Quantity;

/// The weighted average of the laws of several groups, and its fit.
pub(super) struct Average {
    pub(super) law: Law,
    pub(super) member: Member,
    pub(super) caveats: Vec<String>,
}

/// The average of the groups that have weights.
///
/// # Errors
/// A weight belongs to no group, or a group has no weight.
pub(super) fn average(law: &Law, members: &[Member], weights: &BTreeMap<String, Quantity>) -> Result<Average, Failure> {
    let name = |member: &Member| member.group.clone().unwrap_or_default();
    let known: Vec<String> = members.iter().map(name).collect();
    let in_words = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = weights.keys().find(|group| !known.contains(group)) {
        let failure =
            Failure::new("no-group", format!("a weight is given for `{unknown}`, and the fit has no such group"));
        return Err(failure.hint(format!("its groups are {}", in_words(&known))));
    }
    let without: Vec<String> = known.iter().filter(|group| !weights.contains_key(*group)).cloned().collect();
    if !without.is_empty() {
        let failure = Failure::new("no-weight", format!("there is no weight for {}", in_words(&without)));
        return Err(failure.hint("give each group a weight, or name the groups that count by `group = [...]`"));
    }
    let sum: f64 = weights.values().map(|weight| weight.0).sum();
    let parts: Vec<(String, f64)> = known.iter().map(|group| (group.clone(), weights[group].0 / sum)).collect();
    let fits: Vec<&Fit> = members.iter().map(|member| &member.fit).collect();
    let caveats = members
        .iter()
        .flat_map(|member| caveats(&member.fit).into_iter().map(|caveat| format!("{}: {caveat}", name(member))))
        .collect();
    let member = Member { group: None, fit: joint(&fits, &known), draws: draws(members), inner: None };
    Ok(Average { law: law.averaged(&parts), member, caveats })
}

/// One fit of all groups, with their parameters one after the other.
fn joint(fits: &[&Fit], names: &[String]) -> Fit {
    let before = |place: usize| fits[..place].iter().map(|fit| fit.free.len()).sum::<usize>();
    let count = before(fits.len());
    let flat = |(place, fit): (usize, &&Fit)| -> Vec<Vec<f64>> {
        let among_all = |own: &Vec<f64>| {
            let mut all = vec![0.0; count];
            all[before(place)..][..own.len()].copy_from_slice(own);
            all
        };
        fit.flat.iter().map(among_all).collect()
    };
    let named = |(fit, name): (&&Fit, &String)| {
        let own = |(parameter, estimate): (&String, &_)| (format!("{name}.{parameter}"), Clone::clone(estimate));
        fit.parameters.iter().map(own).collect::<Vec<_>>()
    };
    let mut fit = fits.first().map_or_else(Fit::default, |fit| (*fit).clone());
    fit.free = fits.iter().flat_map(|fit| fit.free.iter().copied()).collect();
    fit.flat = fits.iter().enumerate().flat_map(flat).collect();
    fit.parameters = fits.iter().zip(names).flat_map(named).collect();
    fit.spans = common(fits);
    fit.rows = fits.iter().map(|fit| fit.rows).min().unwrap_or_default();
    fit.evidence.converged = fits.iter().all(|fit| fit.evidence.converged);
    fit
}

/// The ranges of the variables that the rows of all groups have in common, or of the first group where there are none.
fn common(fits: &[&Fit]) -> BTreeMap<String, Span> {
    let Some((first, others)) = fits.split_first() else { return BTreeMap::new() };
    let narrowed = |(name, span): (&String, &Span)| {
        let spans = others.iter().filter_map(|fit| fit.spans.get(name));
        let all = spans.fold(*span, |all, span| Span {
            lowest: all.lowest.max(span.lowest),
            highest: all.highest.min(span.highest),
        });
        (name.clone(), if all.lowest <= all.highest { all } else { *span })
    };
    first.spans.iter().map(narrowed).collect()
}

/// Joint draws of all groups.
///
/// Each group starts at another of its draws, because methods that draw from a normal distribution use the same random
/// numbers for each group, whose errors are independent.
fn draws(members: &[Member]) -> Points {
    let count = members.iter().map(|member| member.draws.len()).max().unwrap_or(0);
    let draw = |i: usize| -> Vec<f64> {
        let own = |(place, member): (usize, &Member)| match member.draws.len() {
            0 => member.fit.free.clone(),
            own => member.draws[(i + place * own / members.len()) % own].to_vec(),
        };
        members.iter().enumerate().flat_map(own).collect()
    };
    (0..count).map(draw).collect()
}
