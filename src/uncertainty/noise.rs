//! The scatter of a new row around a fitted law.

use std::collections::BTreeMap;

use crate::fit::{Noise, NoiseTrend, Seen, Span};
use crate::numerics::{LANES, exp, ln, mean, median, normal_quantile, quantile, student_quantile};

/// Minimum number of rows for which their own residuals represent those of a new row.
const ENOUGH: usize = 50;
/// Maximum number of stored residuals.
const KEPT: usize = 200;
/// Level of the test for uneven scatter, over all variables together.
const LEVEL: f64 = 0.01;
/// Minimum number of rows for that test, in total and for each parameter of the law.
const FEWEST: (usize, usize) = (20, 4);

/// The scatter of a new row, from the residuals of the fitted rows and their variables by name.
pub fn noise(residuals: &[f64], columns: &BTreeMap<&str, &[f64]>, parameters: usize) -> Noise {
    let trend = trend(residuals, columns, parameters);
    let scatter = |row: usize| {
        let at = |name: &str| Some(columns.get(name)?[row]);
        trend.as_ref().map_or(1.0, |trend| trend.factor(at))
    };
    let levelled: Vec<f64> = residuals.iter().enumerate().map(|(row, r)| r / scatter(row)).collect();
    Noise { residuals: equally_likely(&levelled, parameters), trend, ..Noise::default() }
}

/// Whether groups of residuals are consistent with one scatter, with `parameters` fitted to all of them: Bartlett's
/// test (1937, doi:10.1098/rspa.1937.0109) at a level of one in a hundred.
pub fn scatter_equally(groups: &[Vec<f64>], parameters: usize) -> bool {
    let rows: usize = groups.iter().map(Vec::len).sum();
    if rows <= parameters {
        return true;
    }
    // Each group loses degrees of freedom in proportion to its rows.
    let left = (rows - parameters) as f64 / rows as f64;
    let told: Vec<(f64, f64)> = groups
        .iter()
        .filter(|group| group.len() >= FEWEST_IN_GROUP)
        .map(|group| (group.len() as f64 * left, group.iter().map(|r| r * r).sum::<f64>()))
        .filter(|(_, squares)| *squares > 0.0)
        .collect();
    if told.len() < 2 {
        return true;
    }
    let freedom: f64 = told.iter().map(|(f, _)| f).sum();
    let pooled = told.iter().map(|(_, squares)| squares).sum::<f64>() / freedom;
    let apart: f64 = told.iter().map(|(f, squares)| f * (ln(pooled) - ln(squares / f))).sum();
    let others = (told.len() - 1) as f64;
    let correction = 1.0 + (told.iter().map(|(f, _)| 1.0 / f).sum::<f64>() - 1.0 / freedom) / (3.0 * others);
    apart / correction <= chi_square_quantile(1.0 - LEVEL, others)
}

/// Minimum number of rows for a group's own scatter.
const FEWEST_IN_GROUP: usize = 3;

/// The quantile of chi-square (Wilson and Hilferty 1931, doi:10.1073/pnas.17.12.684), accurate to one percent in the
/// tail.
pub fn chi_square_quantile(p: f64, freedom: f64) -> f64 {
    let step = 2.0 / (9.0 * freedom);
    let root = 1.0 - step + normal_quantile(p) * step.sqrt();
    freedom * root * root * root
}

/// Equally likely residuals of a new row.
///
/// These are the residuals of the rows, widened for the fitted parameters. Fewer than fifty rows contain little
/// information about the tails, so normal residuals with the same standard deviation are used for them. Each draw of
/// the parameters scales them by its own scatter, which gives a new row the tails of Student's t.
fn equally_likely(residuals: &[f64], parameters: usize) -> Vec<f64> {
    let n = residuals.len();
    if n <= parameters {
        return Vec::new();
    }
    let widening = (n as f64 / (n - parameters) as f64).sqrt();
    let count = n.clamp(LANES, KEPT);
    let place = |i: usize| (i as f64 + 0.5) / count as f64;
    if n < ENOUGH {
        let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
        let deviation = mean(&squares).sqrt() * widening;
        let quantile = |i: usize| normal_quantile((i as f64 + 0.5) / KEPT as f64);
        return (0..KEPT).map(|i| deviation * quantile(i)).collect();
    }
    let centre = median(residuals);
    let mut sorted: Vec<f64> = residuals.iter().map(|r| centre + (r - centre) * widening).collect();
    sorted.sort_by(f64::total_cmp);
    (0..count).map(|i| quantile(&sorted, place(i))).collect()
}

/// The variable along which the scatter changes most clearly; `None` where the scatter is consistent with being even.
///
/// The size of the residuals is regressed on the logarithm of each variable in turn (Glejser 1969,
/// doi:10.1080/01621459.1969.10500976). The steepest slope, in units of its error, is accepted if even scatter would
/// show it in one study of a hundred. Then |r| = s x^e is fitted by quasi-likelihood with a variance proportional to
/// the squared mean, which a single outlier affects less than a fit to squared residuals.
fn trend(residuals: &[f64], columns: &BTreeMap<&str, &[f64]>, parameters: usize) -> Option<NoiseTrend> {
    let n = residuals.len();
    if n < FEWEST.0.max(FEWEST.1 * parameters) {
        return None;
    }
    let sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    let candidates: Vec<(&str, Logs, f64)> = columns
        .iter()
        .filter_map(|(name, values)| {
            let logs = Logs::of(values)?;
            let slope = slope_in_errors(&logs.centred, &sizes)?;
            Some((*name, logs, slope))
        })
        .collect();
    let bar = student_quantile(1.0 - LEVEL / (2 * candidates.len().max(1)) as f64, n - 2);
    let (name, logs, _) = candidates
        .into_iter()
        .filter(|(_, _, slope)| slope.abs() > bar)
        .max_by(|(_, _, a), (_, _, b)| a.abs().total_cmp(&b.abs()))?;
    let exponent = exponent(&logs.centred, &sizes)?;
    let trend = NoiseTrend {
        variable: name.to_owned(),
        exponent,
        even_at: exp(logs.middle),
        span: Span::of(columns.get(name)?.iter().copied())?,
        seen: seen(columns),
    };
    Some(trend)
}

/// The ranges of the variables and of the products of any two.
fn seen(columns: &BTreeMap<&str, &[f64]>) -> Vec<Seen> {
    let all: Vec<(&str, &[f64])> = columns.iter().map(|(name, values)| (*name, *values)).collect();
    let single = all.iter().map(|(name, values)| (vec![*name], values.to_vec()));
    let pairs = all.iter().enumerate().flat_map(|(place, (first, left))| {
        let product = |right: &[f64]| left.iter().zip(right).map(|(a, b)| a * b).collect::<Vec<f64>>();
        all[place + 1..].iter().map(move |(second, right)| (vec![*first, *second], product(right)))
    });
    let span = |(names, values): (Vec<&str>, Vec<f64>)| {
        Some(Seen { product_of: names.into_iter().map(str::to_owned).collect(), span: Span::of(values)? })
    };
    single.chain(pairs).filter_map(span).collect()
}

/// Centred logarithms of a variable.
struct Logs {
    centred: Vec<f64>,
    middle: f64,
}

impl Logs {
    /// The centred logarithms; `None` for a variable that hardly varies or is not positive.
    fn of(values: &[f64]) -> Option<Self> {
        Span::of(values.iter().copied()).filter(|s| s.lowest > 0.0 && s.highest > 1.5 * s.lowest)?;
        let logs: Vec<f64> = values.iter().map(|v| ln(*v)).collect();
        let middle = mean(&logs);
        Some(Self { centred: logs.into_iter().map(|l| l - middle).collect(), middle })
    }
}

/// The least-squares slope of y along centred x, in units of its standard error.
fn slope_in_errors(x: &[f64], y: &[f64]) -> Option<f64> {
    let across: f64 = x.iter().map(|x| x * x).sum();
    let slope = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / across;
    let level = mean(y);
    let rest = x.iter().zip(y).map(|(x, y)| y - level - slope * x);
    let left: f64 = rest.map(|r| r * r).sum();
    let error = (left / (x.len() - 2) as f64 / across).sqrt();
    Some(slope / error).filter(|t| t.is_finite())
}

/// The exponent e in sizes proportional to exp(a + e x), by Fisher scoring; x is centred.
fn exponent(x: &[f64], sizes: &[f64]) -> Option<f64> {
    let across: f64 = x.iter().map(|x| x * x).sum();
    let (mut a, mut e) = (ln(mean(sizes)), 0.0);
    for _ in 0..50 {
        let excess: Vec<f64> = x.iter().zip(sizes).map(|(x, s)| s / exp(a + e * x) - 1.0).collect();
        let step = x.iter().zip(&excess).map(|(x, r)| x * r).sum::<f64>() / across;
        a += mean(&excess).clamp(-1.0, 1.0);
        e += step.clamp(-1.0, 1.0);
        if step.abs() < 1e-10 {
            break;
        }
    }
    Some(e).filter(|e| e.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::{Random, standard_deviation};

    /// Residuals at sizes over four decades. Their scatter is 0.01 at the middle, times a power of the size.
    fn residuals(rows: usize, exponent: f64, set: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut random = Random::new(5, "scatter", set);
        let spread = |random: &mut Random| (0..rows).map(|_| exp(9.2 * random.uniform())).collect::<Vec<f64>>();
        let (n, d) = (spread(&mut random), spread(&mut random));
        let size = |d: f64| 0.01 * exp(exponent * (ln(d) - 4.6));
        let residuals = d.iter().map(|d| size(*d) * random.normal()).collect();
        (residuals, n, d)
    }

    fn found(rows: usize, exponent: f64, set: u64) -> Noise {
        let (residuals, n, d) = residuals(rows, exponent, set);
        noise(&residuals, &BTreeMap::from([("N", n.as_slice()), ("D", d.as_slice())]), 5)
    }

    #[test]
    fn even_scatter_is_called_uneven_in_one_study_of_a_hundred() {
        for rows in [25, 240] {
            let false_alarms = (0..1000).filter(|&set| found(rows, 0.0, set).trend.is_some()).count();
            // The expected number is 10; three standard errors of a count are 9.4.
            assert!(false_alarms <= 20, "{rows} rows: {false_alarms}");
        }
    }

    #[test]
    fn scatter_that_falls_with_data_is_found_with_its_exponent() {
        let trends: Vec<NoiseTrend> = (0..100).filter_map(|set| found(100, -0.3, set).trend).collect();
        assert!(trends.len() > 95 && trends.iter().all(|t| t.variable == "D"), "{}", trends.len());
        let exponents: Vec<f64> = trends.iter().map(|t| t.exponent).collect();
        // 100 sizes |r| with a relative spread of 0.756, over 2.66 in ln D: each exponent has a standard error of
        // 0.028.
        assert!((mean(&exponents) + 0.3).abs() < 0.01, "{}", mean(&exponents));
        assert!((standard_deviation(&exponents) - 0.028).abs() < 0.008, "{}", standard_deviation(&exponents));
    }

    #[test]
    fn a_new_row_has_the_scatter_of_its_size_and_far_outside_at_least_the_mean() {
        let noise = found(240, -0.3, 3);
        let trend = noise.trend.unwrap();
        let along = |d: f64| trend.factor(|name| (name == "D").then_some(d));
        let usual = standard_deviation(&noise.residuals);
        for (d, known) in [(exp(0.5), 0.01 * exp(0.3 * 4.1)), (exp(8.7), 0.01 * exp(-0.3 * 4.1))] {
            let ratio = usual * along(d) / known;
            assert!((ratio - 1.0).abs() < 0.2, "{ratio}");
        }
        let Span { lowest, highest } = trend.span;
        assert!(along(3.0 * highest) > along(highest) && along(3.0 * highest) < 1.0);
        assert_eq!(along(10.0 * highest), 1.0);
        assert_eq!(along(lowest / 10.0), along(lowest));
        // The largest models were not run on the most tokens, so that combination lies outside the rows.
        let largest = trend.seen[1].span.highest;
        assert_eq!(trend.seen[1].product_of, ["N"]);
        assert!(trend.factor(|name| Some(if name == "D" { highest } else { largest })) > along(highest));
    }

    #[test]
    fn few_rows_count_as_evenly_scattered() {
        assert!((0..200).all(|set| found(19, -0.6, set).trend.is_none()));
    }
}
