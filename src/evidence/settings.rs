//! Whether rows have enough different settings to determine a law.

use std::collections::{BTreeMap, BTreeSet};

use crate::law::Law;
use crate::numerics::{Random, exp};

/// Number of points for each parameter at which a law's slopes are compared, and number of trials for each choice of
/// variables and parameters.
const POINTS: usize = 3;
const TRIALS: u64 = 2;
/// A column of slopes counts as new if this share of its length is not a combination of the columns before it.
const NEW: f64 = 1e-7;

/// The different settings of the rows, by the law's variables, if there are fewer than parameters that the law can tell
/// apart; otherwise none. Many curves of the law then meet the rows equally well. `columns` are the variables, and
/// `free` are the fitted parameters.
pub fn too_few_settings(law: &Law, columns: &BTreeMap<&str, &[f64]>, free: &[f64]) -> Vec<Vec<f64>> {
    let of_law: Vec<&[f64]> = law.variables.iter().filter_map(|v| columns.get(v.name.as_str()).copied()).collect();
    let rows = of_law.first().map_or(0, |column| column.len());
    let mut seen: BTreeSet<Vec<u64>> = BTreeSet::new();
    let mut settings: Vec<Vec<f64>> = Vec::new();
    for row in 0..rows {
        let setting: Vec<f64> = of_law.iter().map(|column| column[row]).collect();
        if seen.insert(setting.iter().map(|x| x.to_bits()).collect()) {
            settings.push(setting);
        }
        if settings.len() >= free.len() {
            return Vec::new();
        }
    }
    if settings.len() < told_apart(law, columns, free) { settings } else { Vec::new() }
}

/// The number of parameters that enough rows of any settings would determine: the largest rank of the slopes over several
/// choices of variables and parameters, of ordinary size and around the fitted ones.
fn told_apart(law: &Law, columns: &BTreeMap<&str, &[f64]>, free: &[f64]) -> usize {
    let count = POINTS * free.len();
    let tape = law.tape();
    let trial = |number: u64| {
        let mut random = Random::new(number, "settings", 0);
        let mut around = |centre: f64| centre * exp(2.0 * random.uniform() - 1.0);
        let is_ordinary = [number & 1 == 0, number & 2 == 0];
        let variables: Vec<Vec<f64>> = law
            .variables
            .iter()
            .map(|variable| {
                let column = columns.get(variable.name.as_str()).copied().unwrap_or_default();
                let middle = column.get(column.len() / 2).copied().filter(|x| *x != 0.0).unwrap_or(1.0);
                (0..count).map(|_| around(if is_ordinary[0] { 1.0 } else { middle })).collect()
            })
            .collect();
        let parameter = |value: &f64| around(if is_ordinary[1] || *value == 0.0 { 1.0 } else { *value });
        let parameters: Vec<f64> = free.iter().map(parameter).collect();
        let bound = tape.bind(&variables.iter().map(Vec::as_slice).collect::<Vec<_>>(), count);
        let slopes: Vec<Vec<f64>> = tape.rows(&bound, &parameters).into_iter().map(|(_, slopes)| slopes).collect();
        rank(&slopes)
    };
    (0..4 * TRIALS).map(trial).max().unwrap_or(0)
}

/// The number of independent columns of some rows, without rows that have no finite value.
fn rank(rows: &[Vec<f64>]) -> usize {
    let rows: Vec<&Vec<f64>> = rows.iter().filter(|row| row.iter().all(|x| x.is_finite())).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for j in 0..rows.first().map_or(0, |row| row.len()) {
        let column: Vec<f64> = rows.iter().map(|row| row[j]).collect();
        let largest = column.iter().map(|x| x.abs()).fold(0.0, f64::max);
        if largest == 0.0 {
            continue;
        }
        let mut left: Vec<f64> = column.iter().map(|x| x / largest).collect();
        let length = dot(&left, &left).sqrt();
        // Twice, because rounding leaves a part of the basis behind.
        for _ in 0..2 {
            for known in &basis {
                let along = dot(&left, known);
                left.iter_mut().zip(known).for_each(|(x, k)| *x -= along * k);
            }
        }
        let rest = dot(&left, &left).sqrt();
        if rest > NEW * length {
            left.iter_mut().for_each(|x| *x /= rest);
            basis.push(left);
        }
    }
    basis.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Variable;

    fn too_few(formula: &str, sizes: &[f64], free: &[f64]) -> usize {
        let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("test", formula, &[x]).unwrap();
        too_few_settings(&law, &BTreeMap::from([("x", sizes)]), free).len()
    }

    #[test]
    fn fewer_settings_than_parameters_are_too_few() {
        let repeated = [1.0, 1.0, 1.0, 10.0, 10.0, 10.0];
        assert_eq!(too_few("y = E + A * x^-a", &repeated, &[1.5, 1.1, 0.5]), 2);
        // The search may end where the exponent hardly matters.
        assert_eq!(too_few("y = E + A * x^-a", &repeated, &[1e5, -1e5, 1e-6]), 2);
        assert_eq!(too_few("y = E + A * (x / 1e9)^-a", &repeated.map(|x| 1e9 * x), &[1.5, 1.1, 0.5]), 2);
        assert_eq!(too_few("y = E + A * x^-a", &[1.0, 3.0, 10.0], &[1.5, 1.1, 0.5]), 0);
    }

    #[test]
    fn parameters_that_no_rows_tell_apart_do_not_count() {
        assert_eq!(too_few("y = A * B * x^-a", &[1.0, 10.0], &[1.5, 1.1, 0.5]), 0);
        assert_eq!(too_few("y = exp(c) * k * exp(-x / tau)", &[1e9, 2e9], &[0.1, 1.1, 1e9]), 0);
    }
}
