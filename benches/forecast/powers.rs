//! Simulated power laws without a floor, with the runs that their forecasts should cover.

use lawfit::numerics::{Random, exp, ln};

use super::Series;

/// Exponents of the power laws, and standard deviations of the scatter of ln y.
const EXPONENTS: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];
const SCATTERS: [f64; 2] = [0.01, 0.02];
/// Numbers of different sizes, the ratio between the largest and the smallest, and the runs of each size.
const ROWS: [(usize, f64, usize); 3] = [(6, 30.0, 2), (12, 1e3, 1), (30, 1e3, 1)];
/// Tables of each setting.
const TABLES: u64 = 40;
/// Sizes of the forecasts, as multiples of the largest size.
const AHEAD: [f64; 3] = [3.0, 10.0, 30.0];

/// All tables, with one domain for each setting.
pub(super) fn powers() -> Vec<Series> {
    let mut all = Vec::new();
    for (sizes, ratio, runs) in ROWS {
        for exponent in EXPONENTS {
            for scatter in SCATTERS {
                let domain = format!("{sizes} sizes, {runs} each, exponent {exponent}, scatter {scatter}");
                let x = (0..sizes * runs).map(|i| exp(ln(ratio) * (i / runs) as f64 / (sizes - 1) as f64));
                let x: Vec<f64> = x.collect();
                all.extend((0..TABLES).map(|table| simulated(&domain, &x, exponent, scatter, table)));
            }
        }
    }
    all
}

fn simulated(domain: &str, x: &[f64], exponent: f64, scatter: f64, table: u64) -> Series {
    let mut random = Random::new(7, domain, table);
    let mut run = |x: f64| 30.0 * exp(-exponent * ln(x)) * random.log_normal(scatter);
    let largest = x[x.len() - 1];
    let ahead = AHEAD.map(|times| times * largest);
    Series {
        domain: domain.to_owned(),
        name: table.to_string(),
        responses: x.iter().map(|x| run(*x)).collect(),
        observed: ahead.iter().map(|x| run(*x)).collect(),
        targets: ahead.iter().map(|x| vec![*x]).collect(),
        sizes: vec![x.to_vec()],
        ..Series::default()
    }
}
