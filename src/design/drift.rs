//! Tests whether small models follow the law of the large ones. If they do not, forecasts are biased, and no choice
//! of runs corrects that.
//!
//! For each cut, the linear model around the estimate gets one more term, which grows below the cut. If its t exceeds
//! the limit that noise alone rarely exceeds, the small models change the forecast.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::beliefs::Belief;
use crate::dataset::Dataset;
use crate::fit::HELD;
use crate::numerics::{Random, ln, quantile};

/// Result of the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Drift {
    /// The model size below which the drift has the largest t.
    pub below: f64,
    /// Change of the residuals for each factor of e in size below the cut. It is negative where small models are
    /// better than the law of the large ones.
    pub slope: f64,
    /// Its t statistic.
    pub t: f64,
    /// The 95 % quantile of the largest t over all cuts, if there is no drift.
    pub limit: f64,
}

impl Drift {
    /// Whether t exceeds the limit.
    pub fn is_real(&self) -> bool {
        self.t.abs() > self.limit
    }

    /// A warning if t exceeds the limit.
    pub fn warning(&self) -> Option<String> {
        let word = if self.slope > 0.0 { "worse" } else { "better" };
        self.is_real().then(|| {
            format!(
                "Models below {:.2e} parameters are {word} than the law of the larger models predicts (t = {:.1}; chance alone exceeds {:.1} once in twenty data sets). Forecasts that use them are biased, and no choice of further small runs removes the bias. Leave these models out and train larger ones.",
                self.below, self.t, self.limit
            )
        })
    }
}

/// Shares of the distinct sizes below the cuts. A bend is found by the cut nearest to it, so the cuts also cover large
/// sizes.
const CUTS: [f64; 5] = [0.2, 0.35, 0.5, 0.65, 0.8];
/// Probability of a false alarm.
const FALSE_ALARMS: f64 = 0.05;
/// Number of simulated noise tables for the distribution of the largest t. The tests at neighbouring cuts are strongly
/// correlated, so a limit for independent tests would be too high.
const TABLES: u64 = 2000;
/// Minimum number of distinct sizes and of residual degrees of freedom.
const FEWEST: (usize, usize) = (5, 4);

/// Tests for a drift over the rows of a fit; `None` where there are too few rows.
pub fn drift(belief: &Belief<'_>, rows: &Dataset) -> Option<Drift> {
    let law = belief.law;
    let columns: Vec<&[f64]> = law.variables.iter().map(|v| rows.numbers(&v.name)).collect::<Option<_>>()?;
    let (response, held) = (rows.numbers(&law.response)?, rows.numbers(HELD));
    let size = law.variable(law.roles.size.as_deref()?)?;
    let scale = belief.fit.scale;
    let (tape, free) = (law.tape(), &belief.fit.free);
    let mut residuals = Vec::new();
    let (mut jacobian, mut sizes): (Vec<Vec<f64>>, Vec<f64>) = (Vec::new(), Vec::new());
    for row in (0..rows.rows()).filter(|&row| held.is_none_or(|held| held[row] == 0.0)) {
        let at: Vec<f64> = columns.iter().map(|column| column[row]).collect();
        let (value, gradient) = tape.gradient_at(free, &at);
        let per = if scale == crate::objective::ResponseScale::Log { 1.0 / value } else { 1.0 };
        let residual = scale.place(response[row]) - scale.place(value);
        let slopes: Vec<f64> = gradient.iter().map(|g| g * per).collect();
        if residual.is_finite() && slopes.iter().all(|s| s.is_finite()) && columns[size][row] > 0.0 {
            residuals.push(residual);
            jacobian.push(slopes);
            sizes.push(ln(columns[size][row]));
        }
    }
    let mut distinct = sizes.clone();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    if distinct.len() < FEWEST.0 || residuals.len() < free.len() + FEWEST.1 {
        return None;
    }
    let basis = basis_of(&jacobian);
    let cut = |part: &f64| distinct[((distinct.len() as f64 * part) as usize).clamp(1, distinct.len() - 1)];
    let ramp = |cut: f64| {
        let ramp = sizes.iter().map(|size| (cut - size).max(0.0)).collect();
        Some((cut, left(&basis, ramp)?))
    };
    let mut cuts: Vec<f64> = CUTS.iter().map(cut).collect();
    cuts.dedup();
    let ramps: Vec<(f64, Vec<f64>)> = cuts.into_iter().filter_map(ramp).collect();
    let limit = by_chance(&basis, &ramps, sizes.len())?;
    let residuals = without(&basis, residuals);
    ramps
        .iter()
        .filter_map(|(cut, ramp)| {
            let (slope, t) = added(basis.len(), &residuals, ramp)?;
            Some(Drift { below: crate::numerics::exp(*cut), slope, t, limit })
        })
        .max_by(|a, b| a.t.abs().total_cmp(&b.t.abs()))
}

/// The largest t over all cuts that noise alone exceeds with the allowed probability.
fn by_chance(basis: &[Vec<f64>], ramps: &[(f64, Vec<f64>)], rows: usize) -> Option<f64> {
    let largest = |table: u64| {
        let mut random = Random::new(0, "drift", table);
        let noise = without(basis, (0..rows).map(|_| random.normal()).collect());
        let ts = ramps.iter().filter_map(|(_, ramp)| added(basis.len(), &noise, ramp));
        ts.map(|(_, t)| t.abs()).fold(0.0, f64::max)
    };
    let mut all: Vec<f64> = (0..TABLES).into_par_iter().map(largest).collect();
    all.sort_by(f64::total_cmp);
    (!ramps.is_empty()).then(|| quantile(&all, 1.0 - FALSE_ALARMS))
}

/// Orthonormal columns that span a linear model.
fn basis_of(jacobian: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for j in 0..jacobian.first().map_or(0, Vec::len) {
        push_orthogonal(&mut basis, jacobian.iter().map(|row| row[j]).collect());
    }
    basis
}

/// The component of a column outside a linear model; `None` where it is zero.
fn left(basis: &[Vec<f64>], column: Vec<f64>) -> Option<Vec<f64>> {
    let before: f64 = column.iter().map(|x| x * x).sum();
    let left = without(basis, without(basis, column));
    (left.iter().map(|x| x * x).sum::<f64>() > LEAST_OWN * before).then_some(left)
}

/// The coefficient and the t of a column that is added to a linear model with some parameters. Column and residuals
/// are given without their components in the model.
fn added(parameters: usize, residuals: &[f64], column: &[f64]) -> Option<(f64, f64)> {
    let rest: f64 = column.iter().map(|x| x * x).sum();
    let shared: f64 = column.iter().zip(residuals).map(|(a, b)| a * b).sum();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let freedom = residuals.len().checked_sub(parameters + 1).filter(|f| *f > 0)?;
    let variance = (squares - shared * shared / rest).max(0.0) / freedom as f64;
    let t = shared / (rest * variance).sqrt();
    t.is_finite().then_some((shared / rest, t))
}

/// Smallest share of a column's square that is outside the other columns.
const LEAST_OWN: f64 = 1e-8;

/// Adds the component of a column that is orthogonal to the basis.
fn push_orthogonal(basis: &mut Vec<Vec<f64>>, column: Vec<f64>) {
    let before: f64 = column.iter().map(|x| x * x).sum();
    // Two passes are enough (Giraud et al. 2005).
    let left = without(basis, without(basis, column));
    let square: f64 = left.iter().map(|x| x * x).sum();
    if square > 1e-20 * before && square > 0.0 {
        let norm = square.sqrt();
        basis.push(left.into_iter().map(|x| x / norm).collect());
    }
}

/// A column without its components along others.
fn without(basis: &[Vec<f64>], mut column: Vec<f64>) -> Vec<f64> {
    for own in basis {
        let along: f64 = own.iter().zip(&column).map(|(a, b)| a * b).sum();
        column.iter_mut().zip(own).for_each(|(x, a)| *x -= along * a);
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_column_has_the_coefficient_of_least_squares() {
        // y = 1 + 2 x + 3 z, with x and a constant in the model, and a small unexplained remainder.
        let x: Vec<f64> = (0..12).map(f64::from).collect();
        let z: Vec<f64> = x.iter().map(|x| (4.0 - x).max(0.0)).collect();
        let y: Vec<f64> = x
            .iter()
            .zip(&z)
            .enumerate()
            .map(|(i, (x, z))| 1.0 + 2.0 * x + 3.0 * z + 0.01 * f64::from(i as u32 % 3))
            .collect();
        let jacobian: Vec<Vec<f64>> = x.iter().map(|x| vec![1.0, *x]).collect();
        let basis = basis_of(&jacobian);
        let (slope, t) = added(2, &without(&basis, y), &left(&basis, z).unwrap()).unwrap();
        assert!((slope - 3.0).abs() < 0.01 && t > 100.0, "{slope} {t}");
    }

    #[test]
    fn noise_exceeds_the_limit_in_one_of_twenty_tables() {
        let sizes: Vec<f64> = (0..30).map(|i| f64::from(i % 10)).collect();
        let basis = basis_of(&sizes.iter().map(|x| vec![1.0, *x]).collect::<Vec<_>>());
        let ramp = |cut: f64| (cut, left(&basis, sizes.iter().map(|x| (cut - x).max(0.0)).collect()).unwrap());
        let ramps = [2.0, 5.0, 7.0].map(ramp);
        let limit = by_chance(&basis, &ramps, 30).unwrap();
        let is_beyond = |table: u64| {
            let mut random = Random::new(1, "other noise", table);
            let noise = without(&basis, (0..30).map(|_| random.normal()).collect());
            ramps.iter().any(|(_, ramp)| added(2, &noise, ramp).unwrap().1.abs() > limit)
        };
        let often = (0..4000).filter(|table| is_beyond(*table)).count();
        assert!((140..=260).contains(&often), "{often} of 4000");
        // Three separate tests at the same level would need a larger limit.
        assert!(limit < crate::numerics::student_quantile(1.0 - 0.05 / 6.0, 27), "{limit}");
    }

    #[test]
    fn a_column_inside_the_law_gives_no_drift() {
        let jacobian: Vec<Vec<f64>> = (0..8).map(|i| vec![1.0, f64::from(i)]).collect();
        let column = (0..8).map(|i| 2.0 * f64::from(i) + 1.0).collect();
        assert_eq!(left(&basis_of(&jacobian), column), None);
    }
}
