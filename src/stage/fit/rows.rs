//! The rows of a fit: selects usable rows, holds rows out, and assigns groups and weights.

use std::collections::BTreeMap;

use super::super::{Failure, NO_ROWS, name_rows};
use super::FitLaw;
use crate::dataset::{Column, Dataset, GroupName};
use crate::diagnostic::{list, numbered};
use crate::law::{Mixture, TOLERANCE, Takes};
use crate::numeral::exact;
use crate::objective::ResponseScale;
use crate::problem::Problem;
use crate::source::Missing;

/// The usable rows and their roles in the fit.
pub(super) struct Rows {
    pub(super) data: Dataset,
    /// The groups; one if rows are not fitted in groups.
    pub(super) groups: Vec<Group>,
    /// Warnings about dropped rows.
    pub(super) warnings: Vec<String>,
    weights: Option<Vec<f64>>,
    noise: Option<Vec<f64>>,
    /// The configuration of each row, where the spec defines it.
    configurations: Option<Vec<usize>>,
    /// The run of each row, where the spec defines it.
    runs: Option<Vec<usize>>,
}

/// Rows that are fitted together.
pub(super) struct Group {
    name: Option<String>,
    /// Indices of fitted rows.
    pub(super) fitted: Vec<usize>,
    /// Indices of held-out rows.
    pub(super) held: Vec<usize>,
}

impl Group {
    /// The value that defines the group; empty where there is only one group.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The group with other fitted rows and no held-out rows.
    pub(super) fn with_fitted(&self, fitted: Vec<usize>) -> Self {
        Self { name: self.name.clone(), fitted, held: Vec::new() }
    }

    /// The group's name in a message.
    fn label(&self) -> String {
        self.name.as_ref().map(|name| format!(" of the group `{name}`")).unwrap_or_default()
    }
}

impl Rows {
    pub(super) fn read(fit: &FitLaw, mut data: Dataset) -> Result<Self, Failure> {
        let warnings = settle_unusable(fit, &mut data)?;
        for mixture in std::iter::once(&fit.law).chain(&fit.alternatives).flat_map(|law| &law.mixtures) {
            check_shares(mixture, &data, &fit.files)?;
        }
        let held = match &fit.roles.holdout {
            Some(condition) => numbers(&data, condition)?.into_iter().map(|truth| truth != 0.0).collect(),
            None => vec![false; data.rows()],
        };
        let positive = |expr: &Option<String>, what: &str, least: &str, holds: fn(f64) -> bool| match expr {
            None => Ok(None),
            Some(expr) => {
                let values = numbers(&data, expr)?;
                let wrong: Vec<_> =
                    (0..values.len()).filter(|&r| !holds(values[r])).map(|r| data.origins()[r]).collect();
                if wrong.is_empty() {
                    return Ok(Some(values));
                }
                let message = format!("{what} `{expr}` is not {least} in {} rows", wrong.len());
                Err(Failure::new("bad-value", message).hint(format!("look at {}", name_rows(&wrong, &fit.files))))
            }
        };
        let weights = positive(&fit.roles.weights, "the weight", "zero or above", |w| w >= 0.0 && w.is_finite())?;
        let noise = positive(&fit.roles.noise, "the noise", "above zero", |s| s > 0.0 && s.is_finite())?;
        let configurations =
            (!fit.roles.replicates.is_empty()).then(|| configurations_by(&data, &fit.roles.replicates));
        let runs = (!fit.roles.clusters.is_empty()).then(|| configurations_by(&data, &fit.roles.clusters));
        let groups = groups(fit, &data, &held)?;
        Ok(Self { data, groups, warnings, weights, noise, configurations, runs })
    }

    /// The problem of one group.
    pub(super) fn problem(&self, fit: &FitLaw, group: &Group) -> Result<Problem, Failure> {
        let train = self.data.select(&group.fitted);
        let columns = fit.variables(&train)?;
        let response = fit.response(&train)?;
        let mut weights: Vec<f64> =
            group.fitted.iter().map(|&row| self.weights.as_ref().map_or(1.0, |w| w[row])).collect();
        if let Some(numbers) = self.configurations_of(group) {
            // Each configuration has the same total weight, however many runs it has.
            let mut counts = BTreeMap::new();
            numbers.iter().for_each(|&n| *counts.entry(n).or_insert(0_usize) += 1);
            weights.iter_mut().zip(&numbers).for_each(|(weight, n)| *weight /= counts[n] as f64);
        }
        let problem = Problem::new(&fit.law, &fit.method.objective, &columns, response, Some(&weights));
        Ok(match &self.noise {
            Some(noise) => problem.with_noise(&group.fitted.iter().map(|&row| noise[row]).collect::<Vec<_>>()),
            None => problem,
        })
    }

    /// The configurations of a group's fitted rows, numbered from zero in order of appearance.
    pub(super) fn configurations_of(&self, group: &Group) -> Option<Vec<usize>> {
        let all = self.configurations.as_ref()?;
        Some(renumbered(group.fitted.iter().map(|&row| all[row])))
    }

    /// The fitted rows of a group that belong together according to the spec; `None` where the spec defines nothing.
    pub(super) fn together(&self, group: &Group) -> Option<Vec<usize>> {
        let all = self.configurations.as_ref().or(self.runs.as_ref())?;
        Some(group.fitted.iter().map(|&row| all[row]).collect())
    }

    /// The resampling cluster of each fitted row, numbered over several groups.
    pub(super) fn clusters(&self, groups: &[&Group]) -> Vec<usize> {
        let rows = groups.iter().flat_map(|group| group.fitted.iter().copied());
        match self.runs.as_ref().or(self.configurations.as_ref()) {
            Some(all) => renumbered(rows.map(|row| all[row])),
            None => (0..rows.count()).collect(),
        }
    }
}

/// Labels renumbered from zero in order of appearance.
pub(super) fn renumbered(labels: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = BTreeMap::new();
    labels
        .map(|label| {
            let next = seen.len();
            *seen.entry(label).or_insert(next)
        })
        .collect()
}

/// The number of each row's combination of values in some columns.
fn configurations_by(data: &Dataset, columns: &[String]) -> Vec<usize> {
    let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    (0..data.rows())
        .map(|row| {
            let key = columns.iter().map(|name| data.text(name, row)).collect();
            let next = seen.len();
            *seen.entry(key).or_insert(next)
        })
        .collect()
}

/// Number of groups that count as one when groups share parameters. They then form one problem, whose time grows with
/// the third power of their number.
const TOGETHER: usize = 5;

fn groups(fit: &FitLaw, data: &Dataset, held: &[bool]) -> Result<Vec<Group>, Failure> {
    let mut by_value: BTreeMap<Option<GroupName>, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (row, &held) in held.iter().enumerate() {
        let value = fit.roles.by.as_ref().map(|by| GroupName(data.text(by, row)));
        let (fitted, scored) = by_value.entry(value).or_default();
        if held { scored.push(row) } else { fitted.push(row) }
    }
    let most = if fit.roles.share.is_empty() { fit.most_groups } else { fit.most_groups / TOGETHER };
    if by_value.len() > most {
        let by = fit.roles.by.as_deref().unwrap_or_default();
        let how = if fit.roles.share.is_empty() { "fitted" } else { "fitted with parameters in common" };
        let message = format!("`{by}` has {} values; at most {most} groups are {how}", by_value.len());
        return Err(Failure::new("too-large", message)
            .hint("a column of few values makes groups, and `bin` a column of them; `--allow large` permits more"));
    }
    let group = |(name, (fitted, held)): (Option<GroupName>, _)| Group { name: name.map(|name| name.0), fitted, held };
    let groups: Vec<Group> = by_value.into_iter().map(group).collect();
    let mut groups = if fit.roles.leave_out { complements(&groups) } else { groups };
    if fit.roles.varied {
        groups.retain(|group| !group.fitted.is_empty());
    }
    if groups.is_empty() {
        let more = if fit.missing == Missing::Drop { ", and at the rows that `missing = \"drop\"` drops" } else { "" };
        return Err(
            Failure::new(NO_ROWS, "no rows are left to fit").hint(format!("check the rules of the filter{more}"))
        );
    }
    for group in &groups {
        if group.fitted.is_empty() {
            return Err(Failure::new(NO_ROWS, format!("no rows{} are left to fit", group.label()))
                .hint("check the rules of the filter and the holdout"));
        }
    }
    if fit.roles.holdout.is_some() && !fit.roles.leave_out && groups.iter().all(|group| group.held.is_empty()) {
        return Err(Failure::new("empty-holdout", "no row meets the condition of the holdout"));
    }
    Ok(groups)
}

/// For each group, the fitted rows of all other groups, under the group's name.
fn complements(groups: &[Group]) -> Vec<Group> {
    let others = |left_out: usize| {
        let kept = groups.iter().enumerate().filter(|(place, _)| *place != left_out);
        let mut rows: Vec<usize> = kept.flat_map(|(_, group)| group.fitted.iter().copied()).collect();
        rows.sort_unstable();
        rows
    };
    groups.iter().enumerate().map(|(place, group)| group.with_fitted(others(place))).collect()
}

/// Drops rows that the law cannot use, or fails. Sizes must be positive, and so must a response under a logarithm.
fn settle_unusable(fit: &FitLaw, data: &mut Dataset) -> Result<Vec<String>, Failure> {
    let mut reasons: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let why = |variable: usize, value: f64| match fit.law.part_without_value(variable, value) {
        Some(part) => format!("where `{part}` has no value"),
        None => "where the law has no value".to_owned(),
    };
    let needs = fit.law.variables.iter().enumerate().map(|(index, variable)| {
        let takes = fit.law.takes(index);
        let [at_zero, below] = [0.0, -1.0].map(|value| why(index, value));
        (variable.name.as_str(), takes, at_zero, below)
    });
    let on_log = fit.method.objective.scale() == ResponseScale::Log;
    let takes = Takes { zero: !on_log, negative: !on_log };
    let logarithm = || "and its logarithm is fitted".to_owned();
    let response = (fit.law.response.as_str(), takes, logarithm(), logarithm());
    for (name, takes, at_zero, below) in needs.chain([response]) {
        for (row, &value) in column(data, name)?.iter().enumerate() {
            let reason = match takes {
                _ if !value.is_finite() => format!("{name} is missing"),
                Takes { zero: false, negative: false } if value <= 0.0 => format!("{name} is not above zero, {below}"),
                Takes { zero: false, .. } if value == 0.0 => format!("{name} is zero, {at_zero}"),
                Takes { negative: false, .. } if value < 0.0 => format!("{name} is below zero, {below}"),
                _ => continue,
            };
            reasons.entry(reason).or_default().push(row);
        }
    }
    if let Some(by) = &fit.roles.by {
        let nameless: Vec<usize> = (0..data.rows()).filter(|&row| data.text(by, row).is_empty()).collect();
        if !nameless.is_empty() {
            reasons.insert(format!("{by} is empty, so the row belongs to no group"), nameless);
        }
    }
    let mut warnings = limits_at_zero(fit, data)?;
    if reasons.is_empty() {
        return Ok(warnings);
    }
    let mut rows: Vec<usize> = reasons.values().flatten().copied().collect();
    rows.sort_unstable();
    rows.dedup();
    if fit.missing == Missing::Error {
        let mut failure = Failure::new("bad-value", format!("{} cannot be fitted", numbered(rows.len(), "row")));
        for (reason, rows) in reasons {
            let places: Vec<_> = rows.iter().map(|&row| data.origins()[row]).collect();
            failure = failure.hint(format!("{reason}: {}", name_rows(&places, &fit.files)));
        }
        if on_log && column(data, &fit.law.response)?.iter().any(|&value| value <= 0.0) {
            // Huber's penalty has its bend in units of ln y.
            let name = fit.method.objective.name();
            let (name, response) = (if name == "huber" { "least_squares" } else { name }, &fit.law.response);
            failure = failure.hint(format!("`objective = {{ {name} = {{ on = \"raw\" }} }}` fits {response} itself"));
        }
        if rows.len() < data.rows() {
            failure =
                failure.hint("drop such rows by a rule of the filter, or write `missing = \"drop\"` in the source");
        }
        return Err(failure);
    }
    let kept: Vec<usize> = (0..data.rows()).filter(|row| rows.binary_search(row).is_err()).collect();
    if kept.is_empty() {
        let failure = Failure::new(NO_ROWS, "no row is left to fit: all were dropped, as `missing = \"drop\"` says");
        return Err(reasons.iter().fold(failure, |failure, (reason, rows)| {
            failure.hint(format!("{reason}: {}", numbered(rows.len(), "row")))
        }));
    }
    *data = data.select(&kept);
    let dropped = |(reason, rows): (String, Vec<usize>)| {
        let verb = if rows.len() == 1 { "was" } else { "were" };
        format!("{} {verb} dropped: {reason}.", numbered(rows.len(), "row"))
    };
    warnings.extend(reasons.into_iter().map(dropped));
    Ok(warnings)
}

/// Sentences about rows where a variable is zero and the formula has only a limit.
fn limits_at_zero(fit: &FitLaw, data: &Dataset) -> Result<Vec<String>, Failure> {
    let mut sentences = Vec::new();
    for (index, variable) in fit.law.variables.iter().enumerate() {
        if !fit.law.takes(index).zero || !fit.law.takes_limit_at_zero(index) {
            continue;
        }
        let values = column(data, &variable.name)?;
        let rows: Vec<_> = (0..data.rows()).filter(|&row| values[row] == 0.0).map(|row| data.origins()[row]).collect();
        if !rows.is_empty() {
            let (name, places) = (&variable.name, name_rows(&rows, &fit.files));
            sentences
                .push(format!("{name} is zero at {places}: the formula has no value there, and its limit counts."));
        }
    }
    Ok(sentences)
}

/// Number of rows whose sum of shares a message gives.
const MOST_SUMS: usize = 3;

/// Fails if the shares of a mixture are negative or do not sum to 1.
fn check_shares(mixture: &Mixture, data: &Dataset, files: &[String]) -> Result<(), Failure> {
    let names: Vec<&str> = mixture.variables().collect();
    let columns = names.iter().map(|name| column(data, name)).collect::<Result<Vec<_>, _>>()?;
    let sum = |row: usize| columns.iter().map(|column| column[row]).sum::<f64>();
    let is_share = |row: usize| columns.iter().all(|column| column[row] >= -TOLERANCE);
    let wrong: Vec<usize> = (0..data.rows()).filter(|&row| !mixture.allows_sum(sum(row)) || !is_share(row)).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the shares {} must be at least 0 and sum to {}, which they do not in {} of {} rows; a difference of up to \
         {TOLERANCE} counts as rounding",
        list(&names),
        mixture.wanted_sum(),
        wrong.len(),
        data.rows()
    );
    let mut failure = Failure::new("bad-shares", message);
    // A table can have several rows from one row of a file.
    let mut shown: Vec<String> = Vec::new();
    for &row in &wrong {
        let place = name_rows(&[data.origins()[row]], files);
        if shown.contains(&place) {
            continue;
        }
        if shown.len() == MOST_SUMS {
            break;
        }
        shown.push(place.clone());
        let negative = names.iter().zip(&columns).find(|(_, column)| column[row] < -TOLERANCE);
        failure = failure.hint(match negative {
            Some((name, column)) => format!("{place}: {name} is {}", exact(column[row])),
            None => format!("{place}: the sum is {:.4}", sum(row)),
        });
    }
    let is_percent = wrong.len() == data.rows() && wrong.iter().all(|&row| mixture.allows_sum(sum(row) / 100.0));
    Err(if is_percent {
        failure.hint("they are in percent: give each column the unit `unit = \"%\"`")
    } else {
        failure.hint(format!(
            "drop such rows by a rule of the filter, name a domain without a column by `rest = \"...\"` in the law, or, \
             if `{}` are not shares, give the columns another unit, such as `unit = \"1\"`",
            mixture.name
        ))
    })
}

/// The values of an expression, which are numbers or truth values, at every row.
pub(in crate::stage) fn numbers(data: &Dataset, expr: &str) -> Result<Vec<f64>, Failure> {
    let parsed = crate::expr::parse_printed(expr).map_err(|error| Failure::internal(error.to_string()))?;
    match data.evaluate(&parsed) {
        Some(Column::Numbers(numbers)) => Ok(numbers),
        _ => Err(Failure::internal(format!("`{expr}` cannot be evaluated"))),
    }
}

pub(super) fn column<'a>(data: &'a Dataset, name: &str) -> Result<&'a [f64], Failure> {
    data.numbers(name).ok_or_else(|| Failure::internal(format!("no column of numbers `{name}`")))
}
