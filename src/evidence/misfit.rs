//! Tests whether a law fits its rows: lack of fit against repeated runs, patterns in residuals, and rows without a
//! trend.

use std::collections::BTreeMap;

use crate::fit::Replicates;
use crate::numeral::rounded;
use crate::numerics::{Line, fisher_tail, ln, mean, median, student_tail};

/// Statistics of repeated runs; `configurations[row]` is the number of the row's configuration.
pub fn replicates(residuals: &[f64], configurations: &[usize]) -> Replicates {
    let count = configurations.iter().max().map_or(0, |last| last + 1);
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); count];
    residuals.iter().zip(configurations).for_each(|(&r, &c)| groups[c].push(r));
    let means: Vec<f64> = groups.iter().map(|g| mean(g)).collect();
    let within: f64 = groups.iter().zip(&means).flat_map(|(g, m)| g.iter().map(move |r| (r - m) * (r - m))).sum();
    let freedom = residuals.len() - count;
    let squares: Vec<f64> = means.iter().map(|m| m * m).collect();
    Replicates {
        configurations: count,
        pure_error: (freedom > 0).then(|| (within / freedom as f64).sqrt()),
        misfit: mean(&squares).sqrt(),
    }
}

/// Ratio of misfit to pure error above which a lack of fit is reported.
const LACK_OF_FIT: f64 = 2.0;

/// A warning where repeated runs agree much better with each other than with the law.
pub fn lack_of_fit(replicates: &Replicates) -> Option<String> {
    let pure = replicates.pure_error.filter(|pure| *pure > 0.0 && replicates.misfit > LACK_OF_FIT * pure)?;
    Some(format!(
        "Lack of fit: repeated runs differ by {} from each other, and the law misses their means by {}. The \
         difference is an error of the law and not noise, and no interval includes it.",
        rounded(pure, 3),
        rounded(replicates.misfit, 3)
    ))
}

/// Probability of a false alarm about repeats.
const REPEATS_BY_CHANCE: f64 = 1e-3;
/// Minimum number of degrees of freedom among rows with equal variables.
const FEWEST_REPEATS: usize = 3;

/// A warning where rows with equal variables are closer to each other than to the law, by the F test of lack of fit
/// (Draper and Smith 1998, Applied Regression Analysis, section 2.1). Such rows have an error in common and count for
/// less than independent ones. `columns` are the variables, and `parameters` is the number of fitted parameters.
pub fn repeats(residuals: &[f64], columns: &BTreeMap<&str, &[f64]>, parameters: usize) -> Option<String> {
    let mut by_variables: BTreeMap<Vec<u64>, Vec<f64>> = BTreeMap::new();
    for (row, residual) in residuals.iter().enumerate() {
        by_variables.entry(columns.values().map(|column| column[row].to_bits()).collect()).or_default().push(*residual);
    }
    let configurations = by_variables.len();
    let between = configurations.checked_sub(parameters).filter(|between| *between > 0)?;
    let within = residuals.len().checked_sub(configurations).filter(|within| *within >= FEWEST_REPEATS)?;
    let means: Vec<f64> = by_variables.values().map(|rows| mean(rows)).collect();
    let rows_and_means = || by_variables.values().zip(&means);
    let apart: f64 = rows_and_means().flat_map(|(rows, mean)| rows.iter().map(move |r| (r - mean) * (r - mean))).sum();
    let missed: f64 = rows_and_means().map(|(rows, mean)| rows.len() as f64 * mean * mean).sum();
    let (apart, missed) = (apart / within as f64, missed / between as f64);
    let is_found = apart > 0.0 && fisher_tail(missed / apart, between, within) < REPEATS_BY_CHANCE;
    let names: Vec<&str> = columns.keys().copied().collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    is_found.then(|| {
        format!(
            "Rows with equal {} ({} rows of {configurations} configurations) differ by {} from each other, and their means miss the law by {}: such rows have an error in common, so they count for fewer than their number and intervals are too narrow. Write `replicates = [{}]` in the fit, which counts each configuration once.",
            super::in_words(&names),
            residuals.len(),
            rounded(apart.sqrt(), 3),
            rounded((means.iter().map(|mean| mean * mean).sum::<f64>() / configurations as f64).sqrt(), 3),
            quoted.join(", ")
        )
    })
}

/// Probability of a false alarm about patterns, for all variables together.
const PATTERN_BY_CHANCE: f64 = 1e-3;
/// The same for a trend. A robust fit leaves a small one even where the law is right.
const TREND_BY_CHANCE: f64 = 1e-5;
/// Minimum number of different sizes for the test of curvature and for the test of sequences of one sign.
const SIZES_OF_PATTERN: [usize; 2] = [5, 12];

/// A warning if residuals have a trend or are curved along a variable, or if neighbours have the same sign more often
/// than by chance. These patterns show that the law has the wrong form. Residuals are on the scale of the objective,
/// with `parameters` fitted parameters.
///
/// A trend is the slope of a line through the residuals over ln x, and curvature the coefficient of (ln x)^2 in a
/// parabola; both are tested by Student's t. The number of sequences of one sign is tested as in Wald and Wolfowitz 1940.
pub fn pattern(residuals: &[f64], columns: &BTreeMap<&str, &[f64]>, parameters: usize) -> Option<String> {
    let chance = PATTERN_BY_CHANCE / (2 * columns.len().max(1)) as f64;
    let freedom = residuals.len().checked_sub(parameters + 1).filter(|freedom| *freedom >= 3)?;
    let size = (residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64).sqrt();
    let mut found: Option<(f64, String)> = None;
    for (name, column) in columns {
        let Some(along) = Along::of(residuals, column) else { continue };
        let bend = (along.sizes.len() >= SIZES_OF_PATTERN[0])
            .then(|| along.bend(freedom))
            .flatten()
            .map(|(t, chance)| (chance, format!("they are curved along {name}, by {t:.1} standard errors")));
        let signs = (along.sizes.len() >= SIZES_OF_PATTERN[1]).then(|| along.stretches()).flatten().map(
            |(counted, expected, chance)| {
                let sizes = along.sizes.len();
                (
                    chance,
                    format!(
                        "over {sizes} sizes {name} they change sign {counted} times, while scatter \
                 would {expected:.0} times"
                    ),
                )
            },
        );
        let trend = (along.sizes.len() >= SIZES_OF_PATTERN[0])
            .then(|| along.trend(freedom))
            .flatten()
            .map(|(t, by_chance)| {
                (by_chance, format!("they {} with {name}, by {:.1} standard errors", rises(t), t.abs()))
            })
            .filter(|(by_chance, _)| *by_chance < TREND_BY_CHANCE);
        for (by_chance, words) in [trend, bend, signs].into_iter().flatten() {
            if by_chance < chance && found.as_ref().is_none_or(|(least, _)| by_chance < *least) {
                found = Some((by_chance, words));
            }
        }
    }
    found.map(|(_, words)| {
        format!(
            "Lack of fit: the residuals have a pattern: {words}. Their root mean square, {}, includes an error \
             of the law that continues outside the rows and that no interval includes.",
            rounded(size, 3)
        )
    })
}

/// How residuals change along a variable, by the sign of their slope.
const fn rises(slope: f64) -> &'static str {
    if slope > 0.0 { "rise" } else { "fall" }
}

/// Residuals along a variable: their mean at each size, in order of size.
struct Along {
    sizes: Vec<f64>,
    means: Vec<f64>,
    counts: Vec<f64>,
}

impl Along {
    /// The residuals along a variable; `None` where it has values without a logarithm.
    fn of(residuals: &[f64], column: &[f64]) -> Option<Self> {
        if column.iter().any(|x| x.is_nan() || *x <= 0.0) {
            return None;
        }
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
        let mut along = Self { sizes: Vec::new(), means: Vec::new(), counts: Vec::new() };
        for row in order {
            let size = ln(column[row]);
            if along.sizes.last() == Some(&size) {
                let last = along.sizes.len() - 1;
                along.counts[last] += 1.0;
                along.means[last] += (residuals[row] - along.means[last]) / along.counts[last];
            } else {
                along.sizes.push(size);
                along.means.push(residuals[row]);
                along.counts.push(1.0);
            }
        }
        Some(along)
    }

    /// The slope of the means over ln x in standard errors, and its probability by chance; `None` for too few sizes.
    fn trend(&self, freedom: usize) -> Option<(f64, f64)> {
        let freedom = freedom.min(self.sizes.len().checked_sub(2).filter(|freedom| *freedom > 0)?);
        let t = Line::through(&self.sizes, &self.means).t();
        t.is_finite().then(|| (t, 2.0 * student_tail(t.abs(), freedom)))
    }

    /// The curvature of the means in standard errors, and its probability by chance; `None` for too few sizes.
    fn bend(&self, freedom: usize) -> Option<(f64, f64)> {
        let weighted = |values: &[f64]| -> f64 {
            values.iter().zip(&self.counts).map(|(v, c)| v * c).sum::<f64>() / self.counts.iter().sum::<f64>()
        };
        let product =
            |a: &[f64], b: &[f64]| a.iter().zip(b).zip(&self.counts).map(|((a, b), c)| a * b * c).sum::<f64>();
        let without = |values: &[f64], part: &[f64]| -> Vec<f64> {
            let share = product(values, part) / product(part, part);
            values.iter().zip(part).map(|(v, p)| v - share * p).collect()
        };
        let centred = |values: &[f64]| -> Vec<f64> {
            let middle = weighted(values);
            values.iter().map(|v| v - middle).collect()
        };
        let freedom = freedom.min(self.sizes.len().checked_sub(3).filter(|freedom| *freedom > 0)?);
        let line = centred(&self.sizes);
        let square = without(&centred(&line.iter().map(|x| x * x).collect::<Vec<_>>()), &line);
        let rest = without(&centred(&self.means), &line);
        let left = without(&rest, &square);
        let spread = product(&square, &square);
        let error = (product(&left, &left) / freedom as f64 / spread).sqrt();
        let t = (product(&rest, &square) / spread / error).abs();
        t.is_finite().then(|| (t, 2.0 * student_tail(t, freedom)))
    }

    /// The number of sign changes of the means, the number expected by chance, and the probability of so few; `None`
    /// where one sign is rare.
    fn stretches(&self) -> Option<(usize, f64, f64)> {
        let above = self.means.iter().filter(|mean| **mean > 0.0).count() as f64;
        let (all, below) = (self.means.len() as f64, self.means.len() as f64 - above);
        if above.min(below) < 4.0 {
            return None;
        }
        let changes = self.means.windows(2).filter(|pair| (pair[0] > 0.0) != (pair[1] > 0.0)).count();
        let expected = 2.0 * above * below / all;
        let variance = expected * (expected - 1.0) / (all - 1.0);
        let z = (changes as f64 + 0.5 - expected) / variance.sqrt();
        Some((changes, expected, 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)))
    }
}

/// Level of the test for a trend; above it a law has no trend to continue.
const NO_TREND: f64 = 0.05;

/// Limit of a deviation in the test, as a multiple of the scatter.
const BOUNDED_AT: f64 = 4.0;
/// The median of the absolute value of a standard normal number.
const NORMAL_MEDIAN: f64 = 0.6745;

/// A warning where a law explains its rows no better than their mean (Fisher's F) and the response has no trend along
/// any single variable. Residuals and responses are on the scale of the objective.
pub fn no_trend(
    residuals: &[f64],
    responses: &[f64],
    columns: &BTreeMap<&str, &[f64]>,
    parameters: usize,
) -> Option<String> {
    let goes_along = |column: &&[f64]| {
        chance_of_slope(column, responses).is_some_and(|chance| chance * columns.len() as f64 <= NO_TREND)
    };
    if columns.values().any(goes_along) {
        return None;
    }
    no_trend_in_groups(&[(residuals, responses)], parameters)
}

/// The same for groups that share parameters: the law explains the rows no better than the mean of each group. A group has
/// its residuals and its responses; `parameters` is the number of all parameters.
pub fn no_trend_in_groups(groups: &[(&[f64], &[f64])], parameters: usize) -> Option<String> {
    let rows: usize = groups.iter().map(|(residuals, _)| residuals.len()).sum();
    let (numerator, freedom) = (parameters.checked_sub(groups.len())?, rows.checked_sub(parameters)?);
    if numerator == 0 || freedom == 0 {
        return None;
    }
    // One row that diverged would outweigh all others in sums of squares.
    let sizes: Vec<f64> = groups.iter().flat_map(|(residuals, _)| residuals.iter().map(|r| r.abs())).collect();
    let scatter = median(&sizes) / NORMAL_MEDIAN * (rows as f64 / freedom as f64).sqrt();
    let is_bounded = scatter > 0.0 && sizes.iter().any(|size| *size > BOUNDED_AT * scatter);
    let most = if is_bounded { BOUNDED_AT * scatter } else { f64::INFINITY };
    let square = |deviation: f64| deviation.abs().min(most) * deviation.abs().min(most);
    let around = |(_, responses): &(&[f64], &[f64])| {
        let middle = if is_bounded { median(responses) } else { mean(responses) };
        responses.iter().map(|y| square(y - middle)).sum::<f64>()
    };
    let total: f64 = groups.iter().map(around).sum();
    let left: f64 = groups.iter().flat_map(|(residuals, _)| residuals.iter().map(|r| square(*r))).sum();
    // A robust fit can lie a little farther from the rows than their mean.
    let f = (((total - left) / numerator as f64) / (left / freedom as f64)).max(0.0);
    let chance = fisher_tail(f, numerator, freedom);
    (chance > NO_TREND).then(|| {
        format!(
            "No trend: the law explains the rows no better than their mean (F = {f:.2} with {numerator} and {freedom} degrees of freedom; rows without any trend reach that in {:.0} % of cases). There is nothing to extrapolate.",
            100.0 * chance
        )
    })
}

/// The probability that a response without a trend has at least as steep a slope over the logarithm of a variable, by
/// Student's t.
fn chance_of_slope(column: &[f64], responses: &[f64]) -> Option<f64> {
    let freedom = column.len().checked_sub(2).filter(|freedom| *freedom > 0)?;
    if column.len() != responses.len() || column.iter().any(|x| x.is_nan() || *x <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = column.iter().map(|x| ln(*x)).collect();
    let t = Line::through(&logs, responses).t().abs();
    (!t.is_nan()).then(|| 2.0 * student_tail(t, freedom))
}

#[cfg(test)]
mod tests {
    /// Residuals of four rows in each of several configurations, with an error of the configuration and one of the row.
    fn in_configurations(configurations: usize, of_configuration: f64, of_row: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let mut random = Random::new(seed, "repeats", 0);
        let mut rows = (Vec::new(), Vec::new());
        for place in 0..configurations {
            let common = of_configuration * random.normal();
            for _ in 0..4 {
                rows.0.push(place as f64);
                rows.1.push(common + of_row * random.normal());
            }
        }
        rows
    }

    #[test]
    fn rows_with_an_error_in_common_are_reported_and_independent_rows_are_not() {
        let found = |of_configuration: f64, seed: u64| {
            let (sizes, residuals) = in_configurations(8, of_configuration, 0.004, seed);
            repeats(&residuals, &BTreeMap::from([("N", sizes.as_slice())]), 3)
        };
        assert!((0..1000).filter(|&seed| found(0.0, seed).is_some()).count() <= 8);
        assert!((0..100).all(|seed| found(0.03, seed).is_some()));
        assert!(found(0.03, 0).unwrap().contains("`replicates = [\"N\"]`"));
    }

    use super::*;
    use crate::numerics::{Random, exp};

    const SIZES: usize = 30;

    fn sizes() -> Vec<f64> {
        (0..SIZES).map(|i| exp(f64::from(i as u32) * 0.2)).collect()
    }

    /// The share of 1,000 simulated tables that give a warning.
    fn share(beside: impl Fn(f64) -> f64, said: impl Fn(&[f64], &[f64]) -> bool) -> f64 {
        let x = sizes();
        let table = |seed: u64| {
            let mut random = Random::new(seed, "evidence", 0);
            let values: Vec<f64> = x.iter().map(|x| 0.01 * random.normal() + beside(ln(*x) - 2.9)).collect();
            said(&x, &values)
        };
        (0..1000).filter(|seed| table(*seed)).count() as f64 / 1000.0
    }

    #[test]
    fn patterns_have_the_stated_false_alarm_rate_and_a_bend_is_found() {
        let said = |x: &[f64], residuals: &[f64]| pattern(residuals, &[("N", x)].into(), 2).is_some();
        assert!(share(|_| 0.0, said) < 0.005);
        assert!(share(|u| 0.01 * (u * u - 3.0), said) > 0.99);
        // Left by a law that cannot rise.
        assert!(share(|u| 0.01 * u, said) > 0.98);
        // Waves have no curvature, but keep their sign over neighbours.
        assert!(share(|u| 0.05 * libm::sin(2.0 * u), said) > 0.98);
    }

    #[test]
    fn one_row_that_diverged_does_not_hide_a_trend_and_groups_share_one() {
        let logs: Vec<f64> = (0..16).map(f64::from).collect();
        let mut random = Random::new(3, "diverged", 0);
        let mut residuals: Vec<f64> = logs.iter().map(|_| 0.01 * random.normal()).collect();
        residuals[7] = 8.0;
        let responses: Vec<f64> = logs.iter().zip(&residuals).map(|(x, r)| 3.0 - 0.05 * x + r).collect();
        assert_eq!(no_trend(&residuals, &responses, &BTreeMap::new(), 3), None);
        // Two rows in each of eight groups with one slope: no group shows it alone.
        let rows: Vec<(Vec<f64>, Vec<f64>)> = (0..8)
            .map(|group| {
                let residuals: Vec<f64> = (0..2).map(|_| 0.01 * random.normal()).collect();
                let level = f64::from(group);
                let responses = residuals.iter().zip([0.0, 0.1]).map(|(r, trend)| level + trend + r).collect();
                (residuals, responses)
            })
            .collect();
        let groups: Vec<(&[f64], &[f64])> = rows.iter().map(|(r, y)| (r.as_slice(), y.as_slice())).collect();
        assert_eq!(no_trend_in_groups(&groups, 9), None);
        let flat: Vec<(&[f64], &[f64])> = rows.iter().map(|(r, _)| (r.as_slice(), r.as_slice())).collect();
        assert!(no_trend_in_groups(&flat, 9).is_some());
    }

    #[test]
    fn a_line_through_rows_without_a_trend_gives_a_warning() {
        let said = |x: &[f64], values: &[f64]| {
            let logs: Vec<f64> = x.iter().map(|x| ln(*x)).collect();
            let (middle, level) = (mean(&logs), mean(values));
            let slope = Line::through(&logs, values).slope;
            let residuals: Vec<f64> = logs.iter().zip(values).map(|(u, z)| z - level - slope * (u - middle)).collect();
            no_trend(&residuals, values, &[("N", x)].into(), 2).is_some()
        };
        let none = share(|_| 0.0, said);
        assert!((0.93..0.97).contains(&none), "{none}");
        // Five standard errors of the slope.
        assert!(share(|u| -0.0053 * u, said) < 0.02);
    }
}
