//! Scatter that differs between groups of rows, or along a variable.

use super::freedom::stretch;
use super::group_scatter::{GroupResiduals, scatter_of_groups};
use crate::fit::Span;
use crate::numerics::{Matrix, Random, exp, ln, mean, median};

/// What the scatter of rows is estimated from.
pub(super) struct Residuals<'a> {
    /// The residual of each row, in units of the scatter of all rows.
    pub(super) units: &'a [f64],
    /// Orthonormal directions along which the law can follow the rows, each with an entry for every row.
    pub(super) directions: &'a [Vec<f64>],
    /// The group of each row.
    pub(super) groups: &'a [usize],
    /// The variables along which the scatter may change, by row.
    pub(super) columns: &'a [Vec<f64>],
}

/// The scatter of each row, in units of the scatter of all rows, as a distribution.
///
/// Each group has a scatter of its own, by [`scatter_of_groups`]. Along a variable the scatter is a power, with the
/// posterior of its exponent: rows that scatter evenly give exponents around zero, and few rows give many exponents.
///
/// The residuals are those of a linear fit in which each row has the weight of its scatter. Residuals of equal weights
/// would mix the scatters: the law follows the noisy rows and misses the others.
pub(super) struct Levels {
    /// Group of each row.
    groups: Vec<usize>,
    /// Common scatters in ascending order, and for each group its scatter relative to each of them.
    common: Vec<f64>,
    of_groups: Vec<Vec<f64>>,
    /// Equally likely trends along the variables.
    trends: Trends,
    /// The root mean square of each row's scatter.
    middle: Vec<f64>,
    /// The residual of each row in units of its scatter, corrected for its leverage.
    standardised: Vec<f64>,
}

/// Number of common scatters in the table.
const TABLE: usize = 1000;
/// Number of times that groups are weighted by their scatter.
const ROUNDS: usize = 3;
/// Smallest share of a residual that its own leverage leaves.
const LEAST_LEFT: f64 = 1e-3;

impl Levels {
    /// The scatter of rows; `None` where all rows belong to one group and show no trend.
    pub(super) fn of(residuals: &Residuals<'_>) -> Option<Self> {
        let Residuals { units, directions, groups, columns } = *residuals;
        let count = groups.iter().max()? + 1;
        let freedom = units.len().checked_sub(directions.len()).filter(|left| *left > 0)?;
        let mut random = Random::new(0, "levels", 0);
        let mut common: Vec<f64> = (0..TABLE).map(|_| stretch(&mut random, freedom)).collect();
        common.sort_by(f64::total_cmp);
        let mut of_groups = vec![common.clone(); count];
        let mut by_group = vec![1.0; units.len()];
        if count > 1 {
            for _ in 0..ROUNDS {
                let told = Weighted::of(residuals, &by_group)?.of_groups(groups, count);
                of_groups = scatter_of_groups(&told, &common);
                let middles: Vec<f64> = of_groups.iter().map(|scatter| median(scatter)).collect();
                by_group = groups.iter().map(|&group| middles[group]).collect();
            }
        }
        let trends = Trends::of(residuals, &by_group, columns);
        if count == 1 && trends.is_even() {
            return None;
        }
        let relative = |own: &mut Vec<f64>| own.iter_mut().zip(&common).for_each(|(own, common)| *own /= common);
        of_groups.iter_mut().for_each(relative);
        let middle = by_group.iter().enumerate().map(|(row, own)| own * trends.mean_square(row).sqrt());
        let middle: Vec<f64> = middle.collect();
        let standardised = Weighted::of(residuals, &middle)?.standardised(&middle);
        Some(Self { middle, groups: groups.to_vec(), common, of_groups, trends, standardised })
    }

    /// A draw of the scatter of each row that belongs to a common scatter, relative to it.
    pub(super) fn draw(&self, random: &mut Random, common: f64) -> Vec<f64> {
        let place = self.common.partition_point(|known| *known < common).min(self.common.len() - 1);
        let trend = self.trends.draw(random);
        let of_row = |(row, group): (usize, &usize)| self.of_groups[*group][place] * self.trends.factor(trend, row);
        self.groups.iter().enumerate().map(of_row).collect()
    }

    /// The root mean square of each row's scatter.
    pub(super) fn middle(&self) -> &[f64] {
        &self.middle
    }

    /// The residual of each row in units of its scatter, corrected for its leverage.
    pub(super) fn standardised(&self) -> &[f64] {
        &self.standardised
    }
}

/// Residuals of a linear fit whose rows have given scatters.
struct Weighted {
    residuals: Vec<f64>,
    /// The directions in units of the rows' scatter, and the Cholesky factor of their normal matrix.
    scaled: Vec<Vec<f64>>,
    factor: Matrix,
}

impl Weighted {
    /// The fit; `None` where rows of these scatters do not determine the directions.
    fn of(rows: &Residuals<'_>, scatter: &[f64]) -> Option<Self> {
        let Residuals { units, directions, .. } = rows;
        let size = directions.len();
        let scaled: Vec<Vec<f64>> =
            directions.iter().map(|q| q.iter().zip(scatter).map(|(q, s)| q / s).collect()).collect();
        let mut normal = Matrix::zeros(size);
        for i in 0..size {
            for j in 0..=i {
                let cell = dot(&scaled[i], &scaled[j]);
                (normal[(i, j)], normal[(j, i)]) = (cell, cell);
            }
        }
        let factor = normal.cholesky()?;
        let own: Vec<f64> = units.iter().zip(scatter).map(|(unit, s)| unit / s).collect();
        let along = factor.solve_factored(scaled.iter().map(|q| dot(q, &own)).collect());
        let followed = |row: usize| directions.iter().zip(&along).map(|(q, t)| q[row] * t).sum::<f64>();
        let residuals = units.iter().enumerate().map(|(row, unit)| unit - followed(row)).collect();
        Some(Self { residuals, scaled, factor })
    }

    fn leverages(&self) -> Vec<f64> {
        let leverage = |row: usize| {
            let across = self.factor.solve_lower(self.scaled.iter().map(|q| q[row]).collect());
            dot(&across, &across)
        };
        (0..self.residuals.len()).map(leverage).collect()
    }

    /// The logarithm of the determinant of the directions' normal matrix.
    fn log_determinant(&self) -> f64 {
        (0..self.scaled.len()).map(|i| 2.0 * ln(self.factor[(i, i)])).sum()
    }

    /// What the residuals of each group say about its scatter.
    fn of_groups(&self, groups: &[usize], count: usize) -> Vec<GroupResiduals> {
        let mut told = vec![GroupResiduals { variance: 0.0, freedom: 0.0 }; count];
        for ((residual, leverage), &group) in self.residuals.iter().zip(self.leverages()).zip(groups) {
            told[group].variance += residual * residual;
            told[group].freedom += 1.0 - leverage;
        }
        told.iter_mut().filter(|group| group.freedom > 0.0).for_each(|group| group.variance /= group.freedom);
        told
    }

    /// The residuals in units of the rows' scatter, corrected for leverage.
    fn standardised(&self, scatter: &[f64]) -> Vec<f64> {
        let rows = self.residuals.iter().zip(self.leverages()).zip(scatter);
        rows.map(|((residual, leverage), s)| residual / s / (1.0 - leverage).max(LEAST_LEFT).sqrt()).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Equally likely changes of the scatter along a variable.
struct Trends {
    /// Centred logarithms of the variables.
    logs: Vec<Vec<f64>>,
    trends: Vec<Trend>,
}

/// The scatter as a power of a variable.
#[derive(Clone, Copy)]
struct Trend {
    /// Place of the variable.
    along: usize,
    exponent: f64,
    /// Logarithm of the scatter in the middle.
    level: f64,
}

/// Minimum number of rows for a trend, in total and for each parameter of the law.
const FEWEST: (usize, usize) = (12, 3);
/// Maximum number of rows; more need no assumption about their scatter.
const MOST_ROWS: usize = 20_000;
/// Number of trends.
const TRENDS: usize = 200;
/// The prior of the logarithm of the factor between the scatters at both ends of a variable: Cauchy with this scale.
const PRIOR: f64 = 1.0;
/// The share of even scatter in the prior.
const EVEN: f64 = 0.5;
/// The largest logarithm of that factor, and the number of steps up to it.
const MOST: (f64, i32) = (6.0, 40);

impl Trends {
    const EVEN: Self = Self { logs: Vec::new(), trends: Vec::new() };

    /// The posterior of trends for normal rows, by the restricted likelihood of their residuals (Patterson and Thompson
    /// 1971, doi:10.1093/biomet/58.3.545), with the scatter in the middle at its estimate. `scatter` is that of each row
    /// without a trend.
    fn of(rows: &Residuals<'_>, scatter: &[f64], columns: &[Vec<f64>]) -> Self {
        let (count, size) = (rows.units.len(), rows.directions.len());
        let logs: Vec<Vec<f64>> = columns.iter().filter_map(|column| centred_logs(column)).collect();
        if count < FEWEST.0.max(FEWEST.1 * size) || count > MOST_ROWS || logs.is_empty() {
            return Self::EVEN;
        }
        let freedom = (count - size) as f64;
        // The logarithm of the likelihood, and that of the scatter in the middle.
        let fitted = |log: &[f64], exponent: f64| {
            let moved: Vec<f64> = scatter.iter().zip(log).map(|(s, log)| s * exp(exponent * log)).collect();
            let fit = Weighted::of(rows, &moved)?;
            let squares: f64 = fit.residuals.iter().zip(&moved).map(|(r, s)| (r / s) * (r / s)).sum();
            let logs: f64 = moved.iter().map(|s| ln(*s)).sum();
            let likelihood = -logs - 0.5 * fit.log_determinant() - 0.5 * freedom * ln(squares);
            likelihood.is_finite().then(|| (likelihood, 0.5 * ln(squares / freedom)))
        };
        let Some((none, level)) = fitted(&logs[0], 0.0) else { return Self::EVEN };
        let (most, steps) = MOST;
        let factors: Vec<f64> = (-steps..=steps).map(|step| most * f64::from(step) / f64::from(steps)).collect();
        let density = |factor: f64| 1.0 / (1.0 + factor * factor / (PRIOR * PRIOR));
        let whole: f64 = factors.iter().map(|factor| density(*factor)).sum::<f64>() * logs.len() as f64;
        let mut all = vec![(Trend { along: 0, exponent: 0.0, level }, EVEN)];
        for (along, log) in logs.iter().enumerate() {
            let Some(Span { lowest, highest }) = Span::of(log.iter().copied()) else { continue };
            for factor in &factors {
                let exponent = factor / (highest - lowest);
                let Some((likelihood, level)) = fitted(log, exponent) else { continue };
                let mass = (1.0 - EVEN) * density(*factor) / whole * exp((likelihood - none).min(MOST_CERTAIN));
                all.push((Trend { along, exponent, level }, mass));
            }
        }
        Self { trends: equally_likely(&all), logs }
    }

    fn is_even(&self) -> bool {
        self.trends.iter().all(|trend| trend.exponent == 0.0)
    }

    fn draw(&self, random: &mut Random) -> Option<Trend> {
        (!self.trends.is_empty()).then(|| self.trends[random.below(self.trends.len())])
    }

    /// The scatter of a row relative to that without a trend.
    fn factor(&self, trend: Option<Trend>, row: usize) -> f64 {
        trend.map_or(1.0, |trend| exp(trend.level + trend.exponent * self.logs[trend.along][row]))
    }

    /// The mean over the trends of the squared factor of a row.
    fn mean_square(&self, row: usize) -> f64 {
        if self.trends.is_empty() {
            return 1.0;
        }
        let squared = |trend: &Trend| {
            let factor = self.factor(Some(*trend), row);
            factor * factor
        };
        mean(&self.trends.iter().map(squared).collect::<Vec<f64>>())
    }
}

/// Largest logarithm of a ratio of likelihoods that a number can hold.
const MOST_CERTAIN: f64 = 600.0;

/// Trends in proportion to their masses.
fn equally_likely(all: &[(Trend, f64)]) -> Vec<Trend> {
    let total: f64 = all.iter().map(|(_, mass)| mass).sum();
    let (mut place, mut passed) = (0, all[0].1);
    let one = |i: usize| {
        let at = (i as f64 + 0.5) / TRENDS as f64 * total;
        while passed < at && place + 1 < all.len() {
            place += 1;
            passed += all[place].1;
        }
        all[place].0
    };
    (0..TRENDS).map(one).collect()
}

/// The centred logarithms of a variable; `None` for one that hardly varies or is not positive.
fn centred_logs(values: &[f64]) -> Option<Vec<f64>> {
    Span::of(values.iter().copied()).filter(|span| span.lowest > 0.0 && span.highest > 1.5 * span.lowest)?;
    let logs: Vec<f64> = values.iter().map(|value| ln(*value)).collect();
    let middle = mean(&logs);
    Some(logs.into_iter().map(|log| log - middle).collect())
}
