//! Checks the rows of a fit for failed runs, for runs with different settings, and for checkpoints of one run.

use std::collections::BTreeMap;

use crate::dataset::{Column, Dataset};
use crate::diagnostic::numbered;
use crate::fit::Doubt;
use crate::law::Roles;
use crate::numeral::rounded;
use crate::numerics::{exp, fisher_tail, ln, mean, median};
use crate::plausible::name_rows;
use crate::warning::Warning;

/// The fitted rows with their responses and residuals.
pub struct Fitted<'a> {
    /// The rows with all columns.
    pub rows: &'a Dataset,
    /// The law's variables by name.
    pub columns: &'a BTreeMap<&'a str, &'a [f64]>,
    /// Names of the variables that say how large a run is.
    pub roles: &'a Roles,
    /// Name of the response.
    pub response: &'a str,
    /// The responses on the scale of the residuals.
    pub responses: &'a [f64],
    /// The law minus the response, on the same scale.
    pub residuals: &'a [f64],
    /// Whether that scale is the logarithm of the response.
    pub is_log: bool,
    /// Number of fitted parameters.
    pub parameters: usize,
}

/// Distance from the law, in robust standard deviations of the residuals, beyond which a run may have failed.
const FAR: f64 = 6.0;
/// Minimum number of residual degrees of freedom for that distance.
const FREEDOM: usize = 5;
/// Minimum number of smaller runs to compare with.
const SMALLER: usize = 3;
/// A run is larger than another one if no variable is smaller and one is larger by this factor.
const LARGER: f64 = 1.1;
/// Smallest difference of responses that counts: one per cent, or one per cent of their range.
const WORSE: f64 = 0.01;
/// Minimum number of pairs of a run and a smaller one, and the minimum share of pairs in which the larger run is
/// worse.
const RISING: (usize, f64) = (30, 0.1);
/// A law changes clearly over the rows if it changes by this many standard deviations of the scatter.
const CLEAR: f64 = 4.0;
/// Minimum share of pairs of runs of different size whose responses differ in the same direction, where the law predicts
/// no direction.
const MOSTLY: f64 = 0.6;
/// Minimum share of pairs for which the law predicts the same direction. If fewer do, it is not defined which responses
/// are worse.
const ONE_WAY: f64 = 0.95;
/// Median absolute deviation of a normal distribution, in standard deviations.
const OF_NORMAL: f64 = 0.674_489_75;
/// Minimum number of rows of a run, number of runs, and correlation of neighbouring residuals of checkpoints.
const CHECKPOINTS: (usize, usize, f64) = (5, 2, 0.5);
/// The same correlation where numbers tell runs apart. A setting is a number too, and the rows of one setting need not be
/// of one run.
const OF_NUMBERED_RUNS: f64 = 0.7;

impl Fitted<'_> {
    /// The warnings of all checks, with the doubt that some of them cast on every answer. `together` says that the spec
    /// groups the rows into runs already.
    pub fn warnings(&self, together: bool) -> Vec<(Option<Doubt>, Warning)> {
        let mut warnings = Vec::new();
        if let Some(pairs) = Pairs::of(self) {
            let failed = self.failed(&pairs);
            warnings
                .extend(self.on_failed(&failed).map(|warning| (Some(Doubt::FailedRuns), Warning::serious(warning))));
            let of_settings = self.on_settings(&failed);
            // Larger runs can be worse because their settings differ.
            let rising = of_settings.is_none().then(|| self.on_rising(&pairs, &failed)).flatten();
            warnings.extend(of_settings.or(rising).map(|warning| (None, warning.into())));
        }
        warnings.extend((!together).then(|| self.on_checkpoints()).flatten().map(|warning| (None, warning.into())));
        warnings
    }

    /// The law's variables that say how large a run is, or all of them if none has that role.
    fn scales(&self) -> Vec<&str> {
        let decided = self.roles.decided();
        let of_role: Vec<&str> = self.columns.keys().copied().filter(|name| decided.contains(name)).collect();
        if of_role.is_empty() { self.columns.keys().copied().collect() } else { of_role }
    }

    /// The rows far on the worse side of the law that are also worse than most smaller runs.
    fn failed(&self, pairs: &Pairs) -> Vec<usize> {
        let freedom = self.residuals.len().saturating_sub(self.parameters);
        let sizes: Vec<f64> = self.residuals.iter().map(|r| r.abs()).collect();
        let rest = freedom as f64 / self.residuals.len().max(1) as f64;
        let scatter = median(&sizes) / OF_NORMAL / rest.sqrt();
        if freedom < FREEDOM || scatter <= 0.0 || scatter.is_nan() {
            return Vec::new();
        }
        let is_failed = |&row: &usize| {
            let worse = pairs.smaller[row].iter().filter(|&&other| pairs.worse(self, row, other) > 0.0).count();
            let smaller = pairs.smaller[row].len();
            -pairs.worse_side * self.residuals[row] > FAR * scatter && smaller >= SMALLER && 2 * worse > smaller
        };
        (0..self.residuals.len()).filter(is_failed).collect()
    }

    fn on_failed(&self, failed: &[usize]) -> Option<String> {
        let (first, origins) = (failed.first()?, self.origins(failed));
        let of_failed = |values: &[f64]| ends(failed.iter().map(|&row| values[row]));
        // The condition that drops exactly these rows: on the response alone, or on it and a variable.
        let response = self.rows.numbers(self.response)?;
        let is_above = self.residuals[*first] < 0.0;
        let (lowest, highest) = of_failed(response);
        let edge = if is_above { lowest } else { highest };
        let is_beyond = |row: &usize| if is_above { response[*row] >= edge } else { response[*row] <= edge };
        let beyond: Vec<usize> = (0..response.len()).filter(is_beyond).collect();
        let number = crate::numeral::exact;
        let sign = if is_above { ">=" } else { "<=" };
        let by_response = format!("{} {sign} {}", self.response, number(edge));
        let with_variable = |(name, values): (&&str, &&[f64])| {
            let (bound, _) = of_failed(values);
            let dropped: Vec<usize> = beyond.iter().copied().filter(|&row| values[row] >= bound).collect();
            (dropped == failed).then(|| format!("{by_response} and {name} >= {}", number(bound)))
        };
        let limits =
            if beyond == failed { Some(by_response.clone()) } else { self.columns.iter().find_map(with_variable) };
        let line = limits.map_or_else(
            || "drop them in the filter".to_owned(),
            |limits| format!("write `{{ drop = \"{limits}\", because = \"diverged\" }}` in the filter"),
        );
        let (noun, verb) = if failed.len() == 1 { ("One row", "is") } else { ("Some rows", "are") };
        Some(format!(
            "{noun} of {} ({}) {verb} far from the law and worse than most smaller runs, as runs that diverged or were stopped early. If so, {line}.",
            self.residuals.len(),
            name_rows(&origins)
        ))
    }

    fn on_rising(&self, pairs: &Pairs, failed: &[usize]) -> Option<String> {
        let is_good = |row: &usize| !failed.contains(row);
        let least = self.apart();
        let mut all = 0;
        let mut rising: Vec<(f64, usize, usize)> = Vec::new();
        for row in (0..self.responses.len()).filter(is_good) {
            for &other in pairs.smaller[row].iter().filter(|other| is_good(other)) {
                all += 1;
                let worse = pairs.worse(self, row, other);
                // A law that turns predicts that some larger runs are worse.
                let by_law = worse + pairs.worse_side * (self.residuals[row] - self.residuals[other]);
                if worse > least && worse - by_law > least {
                    rising.push((worse, row, other));
                }
            }
        }
        if all < RISING.0 || (rising.len() as f64) < RISING.1 * all as f64 || self.is_mostly_scatter() {
            return None;
        }
        let (_, row, other) = rising.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
        let [one, two] = [row, other].map(|row| name_rows(&self.origins(&[row])));
        Some(format!(
            "In {} of {all} pairs of runs the one with larger {} is worse, for instance {one} compared with {two}: either the curve turns, and no law that only falls fits it, or the runs differ in something that the law does not contain. In the second case, fit groups with `by = \"...\"`, add the variable to the law, or keep the best run of each setting with `keep_lowest` or `keep_highest` in the filter.",
            rising.len(),
            super::in_words(&self.scales()),
        ))
    }

    /// A warning where residuals differ by a column of texts that the law does not use, such as the tokenizer. The mean
    /// residuals of its values are compared by the F test of a one-way analysis of variance.
    fn on_settings(&self, failed: &[usize]) -> Option<String> {
        let texts = self.rows.columns().iter().filter_map(|(name, column)| match column {
            Column::Texts(texts) => Some((name.as_str(), texts)),
            Column::Numbers(_) => None,
        });
        let all: Vec<(&str, Settings)> =
            texts.filter_map(|(name, texts)| Some((name, Settings::of(self, texts, failed)?))).collect();
        let limit = BY_CHANCE / all.len().max(1) as f64;
        let different =
            all.into_iter().filter(|(_, settings)| settings.chance < limit && settings.apart > self.apart());
        let (name, settings) = different.min_by(|a, b| a.1.chance.total_cmp(&b.1.chance))?;
        let words = |(value, rows, mean): &(String, Vec<usize>, f64)| {
            let size = if self.is_log {
                format!("{} %", rounded(100.0 * (exp(mean.abs()) - 1.0), 3))
            } else {
                rounded(mean.abs(), 3)
            };
            let side = if *mean > 0.0 { "below" } else { "above" };
            format!("`{value}` ({}) {size} {side} the law", numbered(rows.len(), "row"))
        };
        let most = &settings.groups[0];
        let shown: Vec<String> = settings.groups.iter().take(MOST_SETTINGS).map(words).collect();
        let others: Vec<usize> = settings.groups[1..].iter().flat_map(|(_, rows, _)| rows.iter().copied()).collect();
        Some(format!(
            "Rows with different `{name}` differ in {} by more than their scatter: {}. Most rows have `{}`; the others are {}. Fit each value with `by = \"{name}\"`, or keep one with `{{ keep = \"{name} == '{}'\" }}` in the filter.",
            self.response,
            super::in_words(&shown),
            most.0,
            name_rows(&self.origins(&others)),
            most.0
        ))
    }

    /// Whether the law changes so little over the rows, compared with their scatter, that chance puts many larger runs above
    /// smaller ones.
    fn is_mostly_scatter(&self) -> bool {
        let law = self.responses.iter().zip(self.residuals).map(|(response, residual)| response + residual);
        let (lowest, highest) = ends(law);
        let squares: f64 = self.residuals.iter().map(|residual| residual * residual).sum();
        let freedom = self.residuals.len().saturating_sub(self.parameters).max(1);
        highest - lowest < CLEAR * (squares / freedom as f64).sqrt()
    }

    /// The smallest difference of mean residuals that counts.
    fn apart(&self) -> f64 {
        let (lowest, highest) = ends(self.responses.iter().copied());
        if self.is_log { WORSE } else { WORSE * (highest - lowest) }
    }

    /// A warning where rows look like checkpoints of few runs: rows with one value of a column that the law does not use,
    /// equal in all variables but one that grows, with residuals that resemble those of their neighbours.
    fn on_checkpoints(&self) -> Option<String> {
        self.growing().into_iter().find_map(|(growing, along)| {
            let found = self.rows.columns().iter().filter_map(|(name, column)| match column {
                Column::Texts(texts) => Some((name.as_str(), texts.clone(), CHECKPOINTS.2)),
                Column::Numbers(numbers) if self.is_aside(name) => {
                    Some((name.as_str(), numbers.iter().map(|n| n.to_bits().to_string()).collect(), OF_NUMBERED_RUNS))
                }
                Column::Numbers(_) => None,
            });
            let mut found = found.filter_map(|(name, labels, least)| {
                self.correlation(&labels, growing, &along).filter(|correlation| *correlation > least).map(|c| (name, c))
            });
            let (name, correlation) = found.next()?;
            let growing = growing.map_or_else(String::new, |growing| format!(" at growing {growing}"));
            Some(format!(
                "Rows of one `{name}`{growing} look like checkpoints of one run: their residuals are correlated ({} between neighbours), so they count for fewer runs than rows and intervals are too narrow. Write `clusters = [\"{name}\"]` in the fit, or keep the last row of each run.",
                rounded(correlation, 3)
            ))
        })
    }

    /// What may grow over a run: data, else each variable of the law, else the order of the rows.
    fn growing(&self) -> Vec<(Option<&str>, Vec<f64>)> {
        // A law without data has checkpoints too: rows of a run then have equal variables.
        let values = |name: &str| self.columns.get(name).copied().or_else(|| self.rows.numbers(name));
        if let Some((name, column)) = self.roles.data.as_deref().and_then(|name| Some((name, values(name)?))) {
            return vec![(Some(name), column.to_vec())];
        }
        let order = (0..self.residuals.len()).map(|row| row as f64).collect();
        let variables = self.columns.iter().map(|(name, column)| (Some(*name), column.to_vec()));
        variables.chain([(None, order)]).collect()
    }

    /// Whether the law uses a column neither as a variable nor as its response.
    fn is_aside(&self, name: &str) -> bool {
        !self.columns.contains_key(name) && name != self.response
    }

    /// The correlation of neighbouring residuals within the runs that a column of labels tells apart; `None` if most rows
    /// are not of such runs.
    fn correlation(&self, labels: &[String], growing: Option<&str>, along: &[f64]) -> Option<f64> {
        let others = self.columns.iter().filter(|(name, _)| growing != Some(**name));
        let others: Vec<&[f64]> = others.map(|(_, values)| *values).collect();
        let mut runs: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        labels.iter().enumerate().for_each(|(row, label)| runs.entry(label).or_default().push(row));
        let is_run = |rows: &Vec<usize>| {
            let same = others.iter().all(|values| rows.iter().all(|&row| values[row] == values[rows[0]]));
            let mut seen: Vec<f64> = rows.iter().map(|&row| along[row]).collect();
            seen.sort_by(f64::total_cmp);
            rows.len() >= CHECKPOINTS.0 && same && seen.windows(2).all(|pair| pair[0] < pair[1])
        };
        let runs: Vec<Vec<usize>> = runs.into_values().filter(is_run).collect();
        let covered: usize = runs.iter().map(Vec::len).sum();
        if runs.len() < CHECKPOINTS.1 || 2 * covered <= labels.len() {
            return None;
        }
        let (mut shared, mut squares) = (Vec::new(), Vec::new());
        for mut rows in runs {
            rows.sort_by(|&a, &b| along[a].total_cmp(&along[b]));
            squares.extend(rows.iter().map(|&row| self.residuals[row] * self.residuals[row]));
            shared.extend(rows.windows(2).map(|pair| self.residuals[pair[0]] * self.residuals[pair[1]]));
        }
        Some(mean(&shared) / mean(&squares))
    }

    fn origins(&self, rows: &[usize]) -> Vec<crate::dataset::Origin> {
        rows.iter().map(|&row| self.rows.origins()[row]).collect()
    }
}

/// Probability of a false alarm about settings, for all columns together.
const BY_CHANCE: f64 = 1e-4;
/// Minimum number of rows of a setting.
const ROWS_OF_SETTING: usize = 3;
/// Maximum number of settings that a warning lists.
const MOST_SETTINGS: usize = 4;

/// The rows by the values of a column of texts, the largest group first.
struct Settings {
    /// Value, rows and mean residual.
    groups: Vec<(String, Vec<usize>, f64)>,
    /// Probability that the means differ as much by chance.
    chance: f64,
    /// Difference of the largest and the smallest mean.
    apart: f64,
}

impl Settings {
    /// `None` where the column names runs, or there are too few rows of two values to compare.
    fn of(fitted: &Fitted<'_>, texts: &[String], failed: &[usize]) -> Option<Self> {
        let mut by_value: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, text) in texts.iter().enumerate().filter(|(row, _)| !failed.contains(row)) {
            by_value.entry(text).or_default().push(row);
        }
        by_value.retain(|_, rows| rows.len() >= ROWS_OF_SETTING);
        let rows: usize = by_value.values().map(Vec::len).sum();
        let between = by_value.len().checked_sub(1).filter(|between| *between > 0)?;
        let within = rows.checked_sub(by_value.len() + fitted.parameters).filter(|within| *within >= FREEDOM)?;
        // The residuals of a run's rows have a common part, which says nothing about a setting.
        let varies = |rows: &Vec<usize>, values: &[f64]| rows.iter().any(|&row| values[row] != values[rows[0]]);
        let scales = fitted.scales();
        let is_setting = scales.iter().all(|scale| {
            let values = fitted.columns[scale];
            2 * by_value.values().filter(|rows| varies(rows, values)).count() > by_value.len()
        });
        if !is_setting || scales.is_empty() {
            return None;
        }
        let residuals = |rows: &[usize]| rows.iter().map(|&row| fitted.residuals[row]).collect::<Vec<f64>>();
        let all: Vec<usize> = by_value.values().flatten().copied().collect();
        let whole = mean(&residuals(&all));
        let (mut explained, mut rest) = (0.0, 0.0);
        let mut groups = Vec::new();
        for (value, rows) in by_value {
            let own = residuals(&rows);
            let middle = mean(&own);
            explained += own.len() as f64 * (middle - whole) * (middle - whole);
            rest += own.iter().map(|residual| (residual - middle) * (residual - middle)).sum::<f64>();
            groups.push((value.to_owned(), rows, middle));
        }
        groups.sort_by_key(|(_, rows, _)| std::cmp::Reverse(rows.len()));
        let ratio = (explained / between as f64) / (rest / within as f64);
        let (lowest, highest) = ends(groups.iter().map(|(.., middle)| *middle));
        let chance = if rest > 0.0 { fisher_tail(ratio, between, within) } else { 0.0 };
        Some(Self { groups, chance, apart: highest - lowest })
    }
}

/// For each row, the smaller runs, and the direction in which a response is worse.
struct Pairs {
    smaller: Vec<Vec<usize>>,
    /// 1 if larger responses are worse, -1 if smaller ones are.
    worse_side: f64,
}

/// Maximum number of rows whose pairs are compared.
const MOST_ROWS: usize = 2000;

impl Pairs {
    /// `None` if neither the law predicts one direction, nor the responses of runs of different sizes have one.
    fn of(fitted: &Fitted<'_>) -> Option<Self> {
        let count = fitted.responses.len();
        if count > MOST_ROWS {
            return None;
        }
        let scales = fitted.scales();
        let (sizes, settings): (Vec<_>, Vec<_>) = fitted.columns.iter().partition(|(name, _)| scales.contains(name));
        let sizes: Vec<Vec<f64>> = sizes.iter().map(|(_, values)| values.iter().map(|v| ln(*v)).collect()).collect();
        let is_smaller = |other: usize, row: usize| {
            settings.iter().all(|(_, values)| values[other] == values[row])
                && sizes.iter().all(|size| size[other] <= size[row])
                && sizes.iter().any(|size| size[row] - size[other] > ln(LARGER))
        };
        let smaller: Vec<Vec<usize>> =
            (0..count).map(|row| (0..count).filter(|&other| is_smaller(other, row)).collect()).collect();
        let law = |row: usize| fitted.responses[row] + fitted.residuals[row];
        let has_sizes = !fitted.roles.decided().is_empty();
        // A law of one's own can rise where failed runs do. A law of a setting may turn, and then both sides are right.
        let worse_side = side(&smaller, law, ONE_WAY)
            .or_else(|| has_sizes.then(|| side(&smaller, |row| fitted.responses[row], MOSTLY)).flatten())?;
        Some(Self { smaller, worse_side })
    }

    /// By how much the response of a row is worse than that of another one.
    fn worse(&self, fitted: &Fitted<'_>, row: usize, other: usize) -> f64 {
        self.worse_side * (fitted.responses[row] - fitted.responses[other])
    }
}

/// 1 if a value falls from the smaller run to the larger one in at least a share of the pairs, -1 if it rises.
fn side(smaller: &[Vec<usize>], value: impl Fn(usize) -> f64, least: f64) -> Option<f64> {
    let pairs = smaller.iter().enumerate().flat_map(|(row, others)| others.iter().map(move |&other| (row, other)));
    let (mut falls, mut rises) = (0, 0);
    for (row, other) in pairs {
        falls += usize::from(value(row) < value(other));
        rises += usize::from(value(row) > value(other));
    }
    let most = falls.max(rises);
    let is_one_way = most > 0 && most as f64 >= least * (falls + rises) as f64;
    is_one_way.then_some(if falls >= rises { 1.0 } else { -1.0 })
}

/// The smallest and the largest value.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Origin;
    use crate::numerics::Random;

    /// Runs of six sizes and six amounts of data of a known law; `change` edits the response of a row.
    fn warned(change: impl Fn(usize, f64, f64, f64) -> f64, with_runs: bool) -> Vec<String> {
        warned_with(change, |row| with_runs.then(|| ("model", format!("m{}", row / 6))))
    }

    /// The same with a column of texts: its name, and its value in a row.
    fn warned_with(
        change: impl Fn(usize, f64, f64, f64) -> f64,
        text: impl Fn(usize) -> Option<(&'static str, String)>,
    ) -> Vec<String> {
        let mut random = Random::new(5, "runs", 0);
        let (mut n, mut d, mut l, mut law) = (vec![], vec![], vec![], vec![]);
        for row in 0..36 {
            let (size, data) = (1e7 * exp(1.2 * f64::from(row / 6)), 1e9 * exp(1.1 * f64::from(row % 6)));
            let loss = 1.7 + exp(6.0 - 0.34 * ln(size)) + exp(6.0 - 0.28 * ln(data));
            n.push(size);
            d.push(data);
            law.push(ln(loss));
            l.push(change(row as usize, size, data, loss * random.log_normal(0.004)));
        }
        let mut rows = Dataset::new((1..=36).map(|row| Origin { file: 0, row }).collect());
        rows.insert("L", Column::Numbers(l.clone()));
        if let Some((name, _)) = text(0) {
            rows.insert(name, Column::Texts((0..36).filter_map(|row| Some(text(row)?.1)).collect()));
        }
        let responses: Vec<f64> = l.iter().map(|l| ln(*l)).collect();
        let residuals: Vec<f64> = law.iter().zip(&responses).map(|(law, y)| law - y).collect();
        let columns = BTreeMap::from([("N", n.as_slice()), ("D", d.as_slice())]);
        let roles = Roles { size: Some("N".to_owned()), data: Some("D".to_owned()), ..Roles::default() };
        let fitted = Fitted {
            rows: &rows,
            columns: &columns,
            roles: &roles,
            response: "L",
            responses: &responses,
            residuals: &residuals,
            is_log: true,
            parameters: 5,
        };
        fitted.warnings(false).into_iter().map(|(_, warning)| warning.text).collect()
    }

    #[test]
    fn good_runs_give_no_warning() {
        assert_eq!(warned(|_, _, _, loss| loss, true), [] as [&str; 0]);
    }

    #[test]
    fn a_run_that_diverged_is_named_with_the_rule_that_drops_it() {
        let one = warned(|row, _, _, loss| if row == 34 { 1.6 * loss } else { loss }, false);
        assert_eq!(one.len(), 1, "{one:#?}");
        assert!(one[0].starts_with("One row of 36 (row 35)"), "{}", one[0]);
        assert!(one[0].contains("drop = \"L >= ") && one[0].contains("because = \"diverged\""), "{}", one[0]);
        // A run far from the law does not count as diverged if no run is smaller.
        assert_eq!(warned(|row, _, _, loss| if row == 0 { 1.6 * loss } else { loss }, false), [] as [&str; 0]);
    }

    #[test]
    fn runs_of_two_recipes_are_told_to_rise_with_size() {
        let two = warned(|row, _, _, loss| if row % 2 == 0 { loss } else { 1.25 * loss }, false);
        assert!(two.iter().any(|w| w.contains("pairs of runs the one with larger D and N is worse")), "{two:#?}");
    }

    #[test]
    fn rows_of_another_tokenizer_are_named_with_the_lines_that_part_them() {
        let tokenizer = |row: usize| if row % 4 == 3 { "bytes" } else { "bpe" };
        let texts = |row: usize| Some(("tokenizer", tokenizer(row).to_owned()));
        let shifted = |row: usize, loss: f64| if tokenizer(row) == "bytes" { 0.93 * loss } else { loss };
        let found = warned_with(|row, _, _, loss| shifted(row, loss), texts);
        assert_eq!(found.len(), 1, "{found:#?}");
        for part in ["`bpe` (27 rows)", "`bytes` (9 rows)", "below", "rows 4, 8, 12 and 6 more"] {
            assert!(found[0].contains(part), "{part}: {}", found[0]);
        }
        for line in ["`by = \"tokenizer\"`", "`{ keep = \"tokenizer == 'bpe'\" }`"] {
            assert!(found[0].contains(line), "{line}: {}", found[0]);
        }
        // Labels that make no difference are not worth a word.
        assert_eq!(warned_with(|_, _, _, loss| loss, texts), [] as [&str; 0]);
    }

    #[test]
    fn checkpoints_of_a_few_runs_are_recognised_by_their_residuals() {
        let offset = |row: usize| 1.0 + 0.02 * [1.0, -1.0, 0.5, 1.5, -0.5, -1.5][row / 6];
        let runs = |with| warned(move |row, _, _, loss| loss * offset(row), with);
        let found = runs(true);
        assert!(found.iter().any(|w| w.contains("`clusters = [\"model\"]`")), "{found:#?}");
        assert!(runs(false).iter().all(|w| !w.contains("clusters")), "no column names the runs");
    }
}
