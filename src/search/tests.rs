//! Tests of the search: known optima in every spelling of a formula, and no start that beats the search.

use super::*;
use crate::law::{Variable, find};
use crate::numerics::{Random, exp, ln};
use crate::objective::{LeastSquares, Objective, ResponseScale};

fn law_of(formula: &str, variable: &str) -> Law {
    let variable = Variable { name: variable.to_owned(), unit: None, meaning: None, counts: None };
    Law::from_formula("test", formula, &[variable]).unwrap()
}

#[test]
fn a_rate_is_found_in_every_spelling_of_an_exponential() {
    let x: Vec<f64> = (1..=12).map(f64::from).collect();
    let mut random = Random::new(3, "rate", 0);
    // A half-life of 3 from 5.
    let y: Vec<f64> = x.iter().map(|x| 5.0 * exp(-ln(2.0) / 3.0 * x) * random.log_normal(0.01)).collect();
    let fitted = |formula: &str, on: ResponseScale| {
        let law = law_of(formula, "x");
        let law = if on == ResponseScale::Log { law.above_zero() } else { law };
        let problem = Problem::new(&law, &Objective::least_squares(on), &[&x], &y, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima.swap_remove(0);
        let k = law.free().iter().position(|p| p.name == "k").unwrap();
        (found.cost, problem.parameters(&found.point)[k])
    };
    for on in [ResponseScale::Log, ResponseScale::Raw] {
        let (cost, rate) = fitted("y = a * exp(-k * x)", on);
        for (formula, wanted) in [
            ("y = a * exp(-x / k)", 1.0 / rate),
            ("y = a * 2^(-x / k)", ln(2.0) / rate),
            ("y = a * 0.5^(x / k)", ln(2.0) / rate),
            ("y = a * 2^((x - 3) / k)", -ln(2.0) / rate),
            ("y = a * 1.5^(k * (x - 3) / 7)", -7.0 / ln(1.5) * rate),
        ] {
            let (found, k) = fitted(formula, on);
            assert!(found < cost * (1.0 + 1e-8), "{formula}, {on:?}: {found:e} and {cost:e}");
            assert!((k / wanted - 1.0).abs() < 1e-5, "{formula}, {on:?}: {k} and {wanted}");
        }
    }
}

#[test]
fn a_step_is_placed_between_the_right_two_rows() {
    let law = find("scale_rl").unwrap().law().unwrap();
    for seed in [15, 53, 98, 110] {
        let mut random = Random::new(seed, "step", 0);
        let mut c: Vec<f64> = (0..27).map(|_| 1e4 * random.log_normal(2.0)).collect();
        c.sort_by(f64::total_cmp);
        let r: Vec<f64> = c.iter().map(|_| 0.56 * random.log_normal(0.01)).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&c], &r, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost;
        for (at, pair) in c.windows(2).enumerate() {
            let mean = |rows: &[f64]| rows.iter().sum::<f64>() / rows.len() as f64;
            let start = [mean(&r[..=at]), mean(&r[at + 1..]), ln(pair[0] * pair[1]) / 2.0, 20.0];
            let step = Solver::Newton.minimise(&problem, &start).cost;
            assert!(found <= step * (1.0 + 1e-8), "seed {seed}: {found:e} found, {step:e} after row {at}");
        }
    }
}

#[test]
fn no_start_along_a_span_beats_the_search_on_few_rows() {
    let law = find("gadre_error").unwrap().law().unwrap();
    for seed in [60, 181, 407] {
        let mut random = Random::new(seed, "few", 0);
        let loss: Vec<f64> = (0..25).map(|_| 3.0 * random.log_normal(0.2)).collect();
        let error = loss.iter().map(|l| 0.857 - 2.206 * exp(-0.715 * l));
        let error: Vec<f64> = error.map(|e| e * random.log_normal(0.05)).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&loss], &error, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost;
        for gamma in (1..=40).map(|i| 0.05 * f64::from(i)) {
            let end = Solver::Newton.minimise(&problem, &[0.857, ln(0.3) + 3.0 * gamma, gamma]).cost;
            // The law is not positive at the start, so there is no end.
            let lower = end < found * (1.0 - 1e-8);
            assert!(!lower, "seed {seed}: {found:e} found, {end:e} from gamma = {gamma}");
        }
    }
}

#[test]
fn a_steep_term_is_found_even_where_the_first_starts_agree_on_another() {
    let law = find("additive_nd").unwrap().law().unwrap();
    for seed in [605, 803, 1398, 1467] {
        let mut random = Random::new(seed, "open", 0);
        let n: Vec<f64> = (0..80).map(|_| 1e9 * random.log_normal(0.5)).collect();
        let d: Vec<f64> = (0..80).map(|_| 2e10 * random.log_normal(0.5)).collect();
        let l = n.iter().zip(&d).map(|(n, d)| exp(0.076 * ln(8.8e13 / n)) + exp(0.103 * ln(5.4e13 / d)));
        let l: Vec<f64> = l.map(|l| l * random.log_normal(0.05)).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&n, &d], &l, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost;
        for alpha in [0.5, 1.0, 2.0, 3.0] {
            for (n, d) in [(alpha, 0.05), (0.05, alpha)] {
                let scale = |alpha: f64, usual: f64| ln(usual) + ln(0.1) / alpha;
                let start = [scale(n, 1e9), n, scale(d, 2e10), d];
                let end = Solver::Newton.minimise(&problem, &start).cost;
                assert!(end >= found * (1.0 - 1e-8), "seed {seed}: {found:e} found, {end:e} from {n} and {d}");
            }
        }
    }
}

#[test]
fn a_break_between_any_two_rows_is_found() {
    let law = find("bnsl").unwrap().law().unwrap();
    for seed in [24, 30, 96, 111, 129, 139] {
        let mut random = Random::new(seed, "break", 0);
        let x: Vec<f64> = (0..30).map(|i| 1e8 * exp(ln(300.0) * f64::from(i) / 30.0)).collect();
        let l = x.iter().map(|x| 0.8 + 400.0 * exp(-0.36 * ln(*x)));
        let l: Vec<f64> = l.map(|l| l * random.log_normal(0.003)).collect();
        let objective = Objective::LeastSquares(LeastSquares::default());
        let problem = Problem::new(&law, &objective, &[&x], &l, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost;
        for (pair, change) in x.windows(2).flat_map(|pair| [-0.3, -0.05, 0.05, 0.3].map(|change| (pair, change))) {
            let start = [0.8, ln(400.0), 0.36, ln(pair[0] * pair[1]) / 2.0, 0.01, change];
            let end = Solver::Newton.minimise(&problem, &start).cost;
            let lower = end < found * (1.0 - 1e-8);
            assert!(!lower, "seed {seed}: {found:e} found, {end:e} from a break by {change} after {:e}", pair[0]);
        }
    }
}

#[test]
fn an_end_of_rounding_error_is_not_an_optimum() {
    let law = law_of("L = E + (L_0 - E) * (A / x^alpha) / (1 + A / x^alpha)", "x");
    let mut random = Random::new(3, "rounding", 0);
    let x: Vec<f64> = (0..18).map(|_| 1e8 * random.log_normal(1.0)).collect();
    let l: Vec<f64> = x.iter().map(|_| 3.0 * random.log_normal(0.05)).collect();
    let problem = Problem::new(&law, &Objective::default(), &[&x], &l, None);
    let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap();
    assert!(found.unresolved > 0, "no start led to where large numbers cancel");
    for optimum in &found.optima {
        assert!(problem.is_resolved(&optimum.point), "{:?}", optimum.point);
    }
}

#[test]
fn a_search_with_other_weights_finds_what_a_refit_may_miss() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let mut missed = 0;
    for rows in [14, 120] {
        let mut random = Random::new(4, "valleys", rows as u64);
        let n: Vec<f64> = (0..rows).map(|_| 1e8 * random.log_normal(1.0)).collect();
        let d: Vec<f64> = (0..rows).map(|_| 1e10 * random.log_normal(1.0)).collect();
        let sizes = n.iter().zip(&d).map(|(n, d)| 1.8 + 480.0 * exp(-0.35 * ln(*n)) + 2085.0 * exp(-0.37 * ln(*d)));
        let l: Vec<f64> = sizes.map(|l| l * random.log_normal(0.03)).collect();
        let problem = Problem::new(&law, &Objective::default(), &[&n, &d], &l, None);
        let known = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
        let searcher = Searcher::new(&problem, &law, &known);
        for _ in 0..20 {
            let mut weights = vec![0.0; rows];
            (0..rows).for_each(|_| weights[random.below(rows)] += 1.0);
            let resample = problem.reweighted(&weights);
            let found = searcher.best(&resample, &|| false).unwrap().cost;
            let from_nothing = search(&resample, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost;
            assert!(found <= from_nothing + 1e-8 * from_nothing, "{rows} rows: {found} {from_nothing}");
            let refitted = Solver::Newton.minimise(&resample, &known).cost;
            assert!(found <= refitted * (1.0 + 1e-12));
            missed += usize::from(found < refitted * (1.0 - 1e-4));
        }
    }
    assert!(missed > 0, "every refit found the best optimum: the rows tell nothing of the search");
}

#[test]
fn a_rate_over_years_is_found_with_and_without_a_shift_of_the_years() {
    let t: Vec<f64> = (0..12).map(|i| 2014.0 + f64::from(i)).collect();
    let mut random = Random::new(5, "years", 0);
    let noise: Vec<f64> = t.iter().map(|_| 0.02 * random.normal()).collect();
    let fitted = |formula: &str, true_value: &dyn Fn(f64) -> f64| {
        let y: Vec<f64> = t.iter().zip(&noise).map(|(t, e)| true_value(t - 2018.0) + e).collect();
        let law = law_of(formula, "t");
        let problem = Problem::new(&law, &Objective::least_squares(ResponseScale::Raw), &[&t], &y, None);
        search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].cost
    };
    let same = |raw: &str, shifted: &str, true_value: &dyn Fn(f64) -> f64| {
        let (a, b) = (fitted(raw, true_value), fitted(shifted, true_value));
        // Of a cubic over raw years, eight digits are left.
        assert!((a / b - 1.0).abs() < 1e-4, "{raw}: {a:e} and {b:e}");
    };
    let s = "(t - 2018)";
    same("y = a * exp(k * t)", &format!("y = a * exp(k * {s})"), &|t| exp(0.3 * t));
    same("y = a * b^t", &format!("y = a * b^{s}"), &|t| exp(0.2 * t));
    same("y = a * t^p", &format!("y = a * (1 + {s} / 2018)^p"), &|t| exp(0.03 * t));
    same("y = E + A * exp(-t / k)", &format!("y = E + A * exp(-{s} / k)"), &|t| 1.0 + exp(-t / 4.0));
    let cubic = format!("y = a + b * {s} + c * {s}^2 + d * {s}^3");
    same("y = a + b * t + c * t^2 + d * t^3", &cubic, &|t| 5.0 + 0.03 * t * t * t);
}

#[test]
fn a_constant_beside_a_product_is_sought_among_its_sizes() {
    let x: Vec<f64> = (0..12).map(|i| 1e22 * exp(0.8 * f64::from(i))).collect();
    let y: Vec<f64> = x.iter().map(|x| 3.0 * x / (1e23 + x * (1.0 + x / 1e25))).collect();
    for formula in ["y = V * x / (K + x * (1 + x / I))", "y = V * x / (K + x + x^2 / I)"] {
        let law = law_of(formula, "x").above_zero();
        let problem = Problem::new(&law, &Objective::least_squares(ResponseScale::Log), &[&x], &y, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap();
        let parameters = problem.parameters(&found.optima[0].point);
        for (value, wanted) in parameters.iter().zip([3.0, 1e23, 1e25]) {
            assert!((value / wanted - 1.0).abs() < 1e-5, "{formula}: {parameters:?}");
        }
    }
}
