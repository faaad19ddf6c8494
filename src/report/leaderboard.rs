//! Ranks laws by their errors on held-out rows, over groups of rows.

use std::collections::{BTreeMap, BTreeSet};

use super::Described;
use super::results::{FitResult, Results};
use crate::dataset::GroupName;
use crate::fit::Holdout;
use crate::numerics::{exp, ln};

/// A comparison of laws.
pub(super) struct Leaderboard {
    /// The laws, best first.
    pub(super) laws: Vec<Standing>,
    /// The groups with the error of each law, in the order of the laws.
    pub(super) groups: Vec<(String, Vec<Option<f64>>)>,
}

/// The ranking of a law.
pub(super) struct Standing {
    /// The fit.
    pub(super) fit: String,
    /// Its law.
    pub(super) law: String,
    /// Number of groups in which it was scored.
    pub(super) scored: usize,
    /// Geometric mean of its mean relative errors, over groups that all laws have.
    pub(super) error: f64,
    /// Share of held-out rows inside their intervals, over all its groups.
    pub(super) coverage: Option<f64>,
    /// Number of groups in which it is the best.
    pub(super) first: usize,
    /// Its mean rank.
    pub(super) rank: f64,
}

impl Leaderboard {
    /// The comparison of a study; `None` where fewer than two fits were scored on the same groups.
    pub(super) fn of(described: &Described, results: &Results) -> Option<Self> {
        let scored = |fit: &FitResult| -> BTreeMap<GroupName, Holdout> {
            let own = fit.holdout.iter().map(|held| (GroupName("all rows".to_owned()), held.clone()));
            let groups = fit.groups.iter().filter_map(|(group, fit)| Some((group.clone(), fit.holdout.clone()?)));
            if fit.groups.is_empty() { own.collect() } else { groups.collect() }
        };
        let order = described.fits.iter();
        let fits: Vec<(&str, &FitResult, BTreeMap<GroupName, Holdout>)> = order
            .filter_map(|about| results.fits.get(&about.name).map(|fit| (about.name.as_str(), fit, scored(fit))))
            .filter(|(.., scored)| !scored.is_empty())
            .collect();
        // Errors are compared only on the same rows.
        let same = |scored: &BTreeMap<GroupName, Holdout>, other: &BTreeMap<GroupName, Holdout>| {
            scored.iter().filter(|(group, held)| other.get(*group).is_some_and(|own| own.rows == held.rows)).count()
        };
        let (_, _, first) = fits.first()?;
        let fits: Vec<_> = fits.iter().filter(|(.., scored)| same(scored, first) > 0).collect();
        if fits.len() < 2 {
            return None;
        }
        let groups: BTreeSet<&GroupName> = fits.iter().flat_map(|(.., scored)| scored.keys()).collect();
        let error = |scored: &BTreeMap<GroupName, Holdout>, group: &GroupName| {
            scored.get(group).map(|held| held.mean_relative_error)
        };
        let common: Vec<&GroupName> = groups
            .iter()
            .copied()
            .filter(|group| fits.iter().all(|(.., scored)| scored.contains_key(*group)))
            .collect();
        if common.is_empty() {
            return None;
        }
        let count = common.len() as f64;
        let mut laws: Vec<(usize, Standing)> = fits
            .iter()
            .enumerate()
            .map(|(at, (name, fit, scored))| {
                let errors = common.iter().filter_map(|group| error(scored, group));
                let places: Vec<usize> = common
                    .iter()
                    .map(|group| {
                        let own = error(scored, group).unwrap_or(f64::INFINITY);
                        1 + fits.iter().filter(|(.., other)| error(other, group).is_some_and(|e| e < own)).count()
                    })
                    .collect();
                let rows: usize = scored.values().map(|held| held.rows).sum();
                let held: Option<f64> =
                    scored.values().map(|held| Some(held.coverage? * held.rows as f64)).sum::<Option<f64>>();
                let standing = Standing {
                    fit: (*name).to_owned(),
                    law: law_of(fit),
                    scored: scored.len(),
                    error: exp(errors.map(|error| ln(error.max(f64::MIN_POSITIVE))).sum::<f64>() / count),
                    coverage: held.map(|held| held / rows as f64),
                    first: places.iter().filter(|place| **place == 1).count(),
                    rank: places.iter().sum::<usize>() as f64 / count,
                };
                (at, standing)
            })
            .collect();
        laws.sort_by(|(_, a), (_, b)| a.error.total_cmp(&b.error));
        let rows = groups.iter().map(|group| {
            let errors = laws.iter().map(|(at, _)| error(&fits[*at].2, group));
            (group.0.clone(), errors.collect())
        });
        let groups = rows.collect();
        Some(Self { laws: laws.into_iter().map(|(_, standing)| standing).collect(), groups })
    }

    /// A sentence about the best law.
    pub(super) fn sentence(&self) -> String {
        let count = self.groups.len();
        let of = |standing: &Standing| format!("{:.2} %", 100.0 * standing.error);
        match self.laws.as_slice() {
            [best, next, ..] if count > 1 => format!(
                "Over {count} groups `{}` ({}) forecasts best: it misses held-out rows by {} in the geometric mean, is first in {} of {count}, and `{}` comes next with {}.",
                best.fit,
                best.law,
                of(best),
                best.first,
                next.fit,
                of(next)
            ),
            [best, next, ..] => format!(
                "`{}` ({}) forecasts best: it misses the held-out rows by {}, and `{}` by {}.",
                best.fit,
                best.law,
                of(best),
                next.fit,
                of(next)
            ),
            _ => String::new(),
        }
    }

    /// The laws as a table.
    pub(super) fn standings(&self) -> Vec<[String; 7]> {
        let rows = self.laws.iter().enumerate().map(|(at, law)| {
            [
                (at + 1).to_string(),
                law.fit.clone(),
                law.law.clone(),
                format!("{:.2} %", 100.0 * law.error),
                law.coverage.map_or_else(|| "-".to_owned(), |held| format!("{:.0} %", 100.0 * held)),
                format!("{} of {}", law.first, law.scored),
                format!("{:.1}", law.rank),
            ]
        });
        rows.collect()
    }

    /// The errors by group as a table, with the rank of each law in its group: head and rows.
    pub(super) fn errors(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let head = std::iter::once("group".to_owned()).chain(self.laws.iter().map(|law| law.fit.clone()));
        let rows = self.groups.iter().map(|(group, errors)| {
            let place = |own: f64| 1 + errors.iter().flatten().filter(|error| **error < own).count();
            let cells = errors.iter().map(|error| {
                error.map_or_else(|| "-".to_owned(), |error| format!("{:.2} % ({})", 100.0 * error, place(error)))
            });
            std::iter::once(group.clone()).chain(cells).collect()
        });
        (head.collect(), rows.collect())
    }
}

/// The head of the table of laws.
pub(super) const STANDINGS: [&str; 7] = ["place", "fit", "law", "held-out error", "coverage", "first in", "mean place"];

/// The law of a fit, from one of its groups where the fit itself has none.
fn law_of(fit: &FitResult) -> String {
    if fit.law.is_empty() {
        fit.groups.values().next().map_or_else(String::new, |fit| fit.law.clone())
    } else {
        fit.law.clone()
    }
}
