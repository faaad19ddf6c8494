use super::*;
use crate::law::find;
use crate::numerics::{Random, exp, ln, mean, quantile};
use crate::objective::{LeastSquares, Objective, ResponseScale};
use crate::search::search;
use crate::solver::Solver;

/// Rows of L = 3 / x^0.3 with normal scatter of ln L; least squares of ln L is then linear regression.
fn line(rows: usize, scatter: impl Fn(usize) -> f64) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(11, "line", rows as u64);
    let x: Vec<f64> = (0..rows).map(|i| exp(i as f64 * 8.0 / rows as f64)).collect();
    let y = x.iter().enumerate().map(|(i, x)| 3.0 * exp(-0.3 * ln(*x) + scatter(i) * random.normal())).collect();
    (x, y)
}

fn problem(x: &[f64], y: &[f64]) -> (Problem, Vec<f64>) {
    let law = find("power").unwrap().law().unwrap();
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(&law, &objective, &[x], y, None);
    let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
    (problem, optimum)
}

fn draws(method: &dyn Method, problem: &Problem, optimum: &[f64], clusters: &[usize]) -> Draws {
    let law = find("power").unwrap().law().unwrap();
    let fitted = Fitted::unwatched(problem, &law, optimum, clusters, 5);
    method.draw(&fitted).unwrap()
}

/// Half the width of the 90 % interval of the exponent, and that of linear regression with its Student-t quantile.
fn half_widths(draws: &Draws, problem: &Problem, optimum: &[f64], x: &[f64], t: f64) -> (f64, f64) {
    let exponent = 1;
    let mut sorted: Vec<f64> = draws.points.iter().map(|p| p[exponent]).collect();
    sorted.sort_by(f64::total_cmp);
    let found = 0.5 * (quantile(&sorted, 0.95) - quantile(&sorted, 0.05));
    let logs: Vec<f64> = x.iter().map(|x| ln(*x)).collect();
    let middle = mean(&logs);
    let across: f64 = logs.iter().map(|l| (l - middle) * (l - middle)).sum();
    let squares: f64 = problem.residuals(optimum).iter().map(|r| r * r).sum();
    (found, t * (squares / (x.len() - 2) as f64 / across).sqrt())
}

#[test]
fn intervals_of_few_rows_have_the_tails_of_students_t() {
    let (x, y) = line(8, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let rows: Vec<usize> = (0..8).collect();
    let all: [&dyn Method; 4] = [
        &Posterior { draws: 4000, level: 0.9 },
        &Residual { resamples: 4000, level: 0.9 },
        &Wild { resamples: 4000, level: 0.9 },
        &Sandwich { draws: 4000, level: 0.9 },
    ];
    // The 95 % quantile of Student's t with 6 degrees of freedom. The posterior and the residual bootstrap have the
    // interval of linear regression; the others weight the rows by their residuals, and eight residuals say little.
    for (method, slack) in all.into_iter().zip([0.05, 0.08, 0.35, 0.35]) {
        let drawn = draws(method, &problem, &optimum, &rows);
        let (found, known) = half_widths(&drawn, &problem, &optimum, &x, 1.943);
        assert!((found / known - 1.0).abs() < slack, "{}: {found} against {known}", method.describe());
    }
}

const CASES: Bootstrap = Bootstrap { resamples: 2000, level: 0.9, search: false };

#[test]
fn searched_and_refitted_resamples_agree_where_there_is_one_optimum() {
    let (x, y) = line(60, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let rows: Vec<usize> = (0..60).collect();
    let few = Bootstrap { resamples: 50, ..CASES };
    let refitted = draws(&few, &problem, &optimum, &rows).points;
    let searched = draws(&Bootstrap { search: true, ..few }, &problem, &optimum, &rows).points;
    assert_eq!(refitted.len(), searched.len());
    for (one, other) in refitted.iter().flatten().zip(searched.iter().flatten()) {
        assert!((one - other).abs() < 1e-7 * one.abs(), "{one} {other}");
    }
}

#[test]
fn whole_runs_are_resampled() {
    // Every row four times, which adds no information.
    let (x, y) = line(20, |_| 0.02);
    let four = |v: &[f64]| -> Vec<f64> { v.iter().flat_map(|v| [*v; 4]).collect() };
    let (once, optimum) = problem(&x, &y);
    let (fourfold, _) = problem(&four(&x), &four(&y));
    let rows: Vec<usize> = (0..20).collect();
    let runs: Vec<usize> = (0..80).map(|row| row / 4).collect();
    for method in [&Wild { resamples: 2000, level: 0.9 } as &dyn Method, &CASES] {
        let (alone, _) = half_widths(&draws(method, &once, &optimum, &rows), &once, &optimum, &x, 1.734);
        let (whole, _) = half_widths(&draws(method, &fourfold, &optimum, &runs), &once, &optimum, &x, 1.734);
        assert!((whole / alone - 1.0).abs() < 0.1, "{}: {whole} against {alone}", method.describe());
    }
}

#[test]
fn a_parameter_that_every_run_determines_has_a_narrow_interval_and_the_common_level_a_wide_one() {
    // Six runs with a level of their own (0.1) and eight checkpoints each (0.004), at the same sizes.
    let (runs, length, of_run, of_row) = (6, 8, 0.1, 0.004);
    let clusters: Vec<usize> = (0..runs * length).map(|row| row / length).collect();
    let logs: Vec<f64> = (0..length).map(|i| i as f64).collect();
    let across: f64 = logs.iter().map(|l| (l - 3.5) * (l - 3.5)).sum();
    let width = |drawn: &Draws, coordinate: usize| {
        let mut sorted: Vec<f64> = drawn.points.iter().map(|p| p[coordinate]).collect();
        sorted.sort_by(f64::total_cmp);
        0.5 * (quantile(&sorted, 0.95) - quantile(&sorted, 0.05))
    };
    let (mut level, mut exponent) = (0.0, 0.0);
    let sets = 20;
    for set in 0..sets {
        let mut random = Random::new(set, "runs", 0);
        let levels: Vec<f64> = (0..runs).map(|_| of_run * random.normal()).collect();
        let x: Vec<f64> = clusters.iter().enumerate().map(|(row, _)| exp(logs[row % length])).collect();
        let y: Vec<f64> = clusters
            .iter()
            .zip(&x)
            .map(|(run, x)| 3.0 * exp(-0.3 * ln(*x) + levels[*run] + of_row * random.normal()))
            .collect();
        let (problem, optimum) = problem(&x, &y);
        let drawn = draws(&Wild { resamples: 1000, level: 0.9 }, &problem, &optimum, &clusters);
        // Half-widths of regression with a level for each run, with 1.684 for 41 and 2.015 for 5 degrees of freedom.
        exponent += width(&drawn, 1) / (1.684 * of_row / (runs as f64 * across).sqrt());
        let spread = crate::numerics::standard_deviation(&levels);
        level += width(&drawn, 0) / (2.015 * spread / (runs as f64).sqrt());
    }
    let (level, exponent) = (level / sets as f64, exponent / sets as f64);
    assert!((0.8..1.4).contains(&level) && (0.8..1.8).contains(&exponent), "{level} {exponent}");
}

#[test]
fn weights_are_inverse_variances_where_the_scatter_agrees_with_them() {
    let deviations: Vec<f64> = (0..12).map(|i| [0.002, 0.02, 0.1][i % 3]).collect();
    let weights: Vec<f64> = deviations.iter().map(|sd| 1.0 / (sd * sd)).collect();
    let weighted = |scatter: &dyn Fn(usize) -> f64| {
        let (x, y) = line(12, scatter);
        let law = find("power").unwrap().law().unwrap();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
        let problem = Problem::new(&law, &objective, &[&x], &y, Some(&weights));
        let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
        (problem, optimum)
    };
    let (problem, optimum) = weighted(&|row| deviations[row]);
    let same = problem.with_weights_as_variances(&optimum).unwrap();
    assert!((same.cost(&optimum) / problem.cost(&optimum) - 1.0).abs() < 1e-12);
    // The residuals have the scale of the noise: close to one.
    let size = (same.residuals(&optimum).iter().map(|r| r * r).sum::<f64>() / 10.0).sqrt();
    assert!((0.6..1.5).contains(&size), "{size}");
    let (even, optimum) = weighted(&|_| 0.02);
    assert!(even.with_weights_as_variances(&optimum).is_none());
}

#[test]
fn auto_chooses_by_the_rows_and_gives_its_reason() {
    let auto = Auto { resamples: 1000, level: 0.9 };
    for (rows, picked) in [(8, "posterior"), (60, "case bootstrap")] {
        let (x, y) = line(rows, |_| 0.02);
        let (problem, optimum) = problem(&x, &y);
        let clusters: Vec<usize> = (0..rows).collect();
        let drawn = draws(&auto, &problem, &optimum, &clusters);
        let reason = drawn.picked.unwrap();
        assert!(reason.starts_with(picked) && reason.contains(&format!("{rows} independent rows for 2")), "{reason}");
        assert!(rows < 60 || drawn.disagreements.is_empty(), "{:?}", drawn.disagreements);
    }
}

/// Rows of y = x^(a a - 2), which do not determine the sign of a; with the positive optimum and the negative one.
fn two_valleys(rows: usize, lower: f64) -> (Law, Problem, Vec<f64>, Vec<Vec<f64>>) {
    let (x, y) = line(rows, |_| 0.02);
    let variable = crate::law::Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
    let mut law = Law::from_formula("squared", "y = 3 * x^(a * a - 2)", &[variable]).unwrap();
    (law.parameters[0].lower, law.parameters[0].upper) = (lower, 5.0);
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(&law, &objective, &[&x], &y, None);
    let optimum = Solver::Newton.minimise(&problem, &[1.2]).point;
    let rival = vec![-optimum[0]];
    (law, problem, optimum, vec![rival])
}

#[test]
fn two_equally_deep_valleys_share_the_posterior_equally() {
    let (law, problem, optimum, rivals) = two_valleys(12, -5.0);
    let clusters: Vec<usize> = (0..12).collect();
    let above = |seed: u64| {
        let fitted = Fitted { rivals: &rivals, ..Fitted::unwatched(&problem, &law, &optimum, &clusters, seed) };
        let drawn = Posterior { draws: 2000, level: 0.9 }.draw(&fitted).unwrap();
        assert!(drawn.warnings.is_empty(), "{:?}", drawn.warnings);
        drawn.points.iter().filter(|point| point[0] > 0.0).count()
    };
    // Single seeds have a standard deviation of 136, found from 60 of them.
    let seeds = 16;
    let mean = (1..=seeds).map(above).sum::<usize>() as f64 / seeds as f64;
    assert!((900.0..1100.0).contains(&mean), "{mean}");
}

#[test]
fn a_refit_ends_in_the_valley_that_fits_its_rows_best() {
    // The lower bound cuts off the negative valley before its minimum, so every resample prefers the other valley.
    let (law, problem, rival, _) = two_valleys(12, -1.25);
    let (stuck, rivals, clusters) = (vec![-1.25], vec![rival], (0..12).collect::<Vec<usize>>());
    let alone = Fitted::unwatched(&problem, &law, &stuck, &clusters, 5);
    let few = Bootstrap { resamples: 50, ..CASES };
    assert!(few.draw(&alone).unwrap().points.iter().all(|point| point[0] < 0.0));
    assert!(few.draw(&Fitted { rivals: &rivals, ..alone }).unwrap().points.iter().all(|point| point[0] > 0.0));
}

#[test]
fn repeated_rows_of_clusters_do_not_narrow_the_posterior() {
    let (x, y) = line(20, |_| 0.02);
    let four = |v: &[f64]| -> Vec<f64> { v.iter().flat_map(|v| [*v; 4]).collect() };
    let (once, optimum) = problem(&x, &y);
    let (fourfold, _) = problem(&four(&x), &four(&y));
    let (rows, runs): (Vec<usize>, Vec<usize>) = ((0..20).collect(), (0..80).map(|row| row / 4).collect());
    let method = Posterior { draws: 4000, level: 0.9 };
    let (alone, _) = half_widths(&draws(&method, &once, &optimum, &rows), &once, &optimum, &x, 1.734);
    let (whole, _) = half_widths(&draws(&method, &fourfold, &optimum, &runs), &once, &optimum, &x, 1.734);
    assert!((whole / alone - 1.0).abs() < 0.2, "{whole} against {alone}");
}

#[test]
fn methods_that_disagree_are_both_named() {
    // Rows in the middle scatter most and say least about the slope, which no power of x describes.
    let (x, y) = line(16, |i| if (5..11).contains(&i) { 0.1 } else { 0.001 });
    let (problem, optimum) = problem(&x, &y);
    let clusters: Vec<usize> = (0..16).collect();
    let drawn = draws(&Auto { resamples: 1000, level: 0.9 }, &problem, &optimum, &clusters);
    assert!(drawn.disagreements.iter().any(|(j, _)| *j == 1), "{:?}", drawn.disagreements);
}

#[test]
fn as_many_parameters_as_rows_give_no_intervals_and_a_warning() {
    let (x, y) = line(2, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let drawn = draws(&Residual { resamples: 100, level: 0.9 }, &problem, &optimum, &[0, 1]);
    assert!(drawn.points.is_empty() && drawn.warnings[0].contains("no degrees of freedom"), "{:?}", drawn.warnings);
}

fn profile() -> Profile {
    Profile { draws: 4000, level: 0.9, pairs: vec![["A".to_owned(), "alpha".to_owned()]] }
}

fn profiled(problem: &Problem, optimum: &[f64], clusters: &[usize]) -> Draws {
    let names = ["A".to_owned(), "alpha".to_owned()];
    let law = find("power").unwrap().law().unwrap();
    let fitted = Fitted { names: &names, ..Fitted::unwatched(problem, &law, optimum, clusters, 5) };
    profile().draw(&fitted).unwrap()
}

#[test]
fn the_profile_of_linear_regression_is_the_known_interval_and_ellipse() {
    let (x, y) = line(8, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let rows: Vec<usize> = (0..8).collect();
    let drawn = profiled(&problem, &optimum, &rows);
    // 6 degrees of freedom, with t as printed in tables.
    let (found, known) = half_widths(&drawn, &problem, &optimum, &x, 1.943_180);
    assert!((found / known - 1.0).abs() < 0.05, "draws answer queries: {found} against {known}");
    let [lower, upper] = drawn.curves[1].ends.map(Option::unwrap);
    assert!(((upper - lower) / 2.0 / known - 1.0).abs() < 1e-6, "{lower} {upper} {known}");
    assert!((f64::midpoint(lower, upper) - optimum[1]).abs() < 1e-6 * known);
    // Every point of the border satisfies d' X'X d = 2 s^2 F with F(0.9; 2, 6) = 3.463304.
    let region = &drawn.regions[0];
    let variance = problem.residuals(&optimum).iter().map(|r| r * r).sum::<f64>() / 6.0;
    assert!(region.closed && region.points.len() > 50);
    for [a, b] in &region.points {
        let moved: f64 = x.iter().map(|x| (a - optimum[0]) - (b - optimum[1]) * ln(*x)).map(|d| d * d).sum();
        assert!((moved / (2.0 * variance * 3.463_304) - 1.0).abs() < 1e-5, "{moved}");
    }
    assert!(drawn.warnings.is_empty(), "{:?}", drawn.warnings);
}

#[test]
fn the_profile_counts_repeated_rows_of_a_run_once() {
    let (x, y) = line(20, |_| 0.02);
    let four = |v: &[f64]| -> Vec<f64> { v.iter().flat_map(|v| [*v; 4]).collect() };
    let (once, optimum) = problem(&x, &y);
    let (fourfold, _) = problem(&four(&x), &four(&y));
    let width = |drawn: &Draws| {
        let [lower, upper] = drawn.curves[1].ends.map(Option::unwrap);
        upper - lower
    };
    let alone = width(&profiled(&once, &optimum, &(0..20).collect::<Vec<_>>()));
    let whole = width(&profiled(&fourfold, &optimum, &(0..80).map(|row| row / 4).collect::<Vec<_>>()));
    // The sandwich of twenty runs is near the pooled variance of twenty rows, but not equal to it.
    assert!((whole / alone - 1.0).abs() < 0.25, "{whole} against {alone}");
}

#[test]
fn a_profile_is_open_where_the_objective_never_rises_enough() {
    // Over one decade, a power law does not determine its floor: zero is as good.
    let mut random = Random::new(3, "floor", 0);
    let x: Vec<f64> = (0..20).map(|i| exp(f64::from(i) * 0.12)).collect();
    let y: Vec<f64> = x.iter().map(|x| (0.3 + 3.0 * exp(-0.3 * ln(*x))) * exp(0.02 * random.normal())).collect();
    let law = find("power_floor").unwrap().law().unwrap();
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(&law, &objective, &[&x], &y, None);
    let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
    let clusters: Vec<usize> = (0..20).collect();
    let names: Vec<String> = law.free().iter().map(|p| p.name.clone()).collect();
    let fitted = Fitted { names: &names, ..Fitted::unwatched(&problem, &law, &optimum, &clusters, 5) };
    let drawn = Profile { draws: 200, level: 0.9, pairs: Vec::new() }.draw(&fitted).unwrap();
    let floor = names.iter().position(|name| name == "E").unwrap();
    let Curve { ends: [lower, upper], threshold, points, .. } = &drawn.curves[floor];
    assert!(drawn.curves[floor].is_interval);
    assert!(lower.is_none() && upper.is_some(), "{lower:?} {upper:?}");
    let left: Vec<[f64; 2]> = points.iter().copied().take_while(|[at, _]| *at < optimum[floor]).collect();
    assert!(
        left[0][0] == 0.0 && left.iter().all(|[_, rise]| rise < threshold),
        "the curve goes to the bound: {left:?}"
    );
    assert!(points.last().unwrap()[1] > *threshold);
}

#[test]
fn a_flat_objective_has_no_interval_and_curves_that_show_where_it_is_flat() {
    let (x, y) = line(12, |_| 0.02);
    let variable = crate::law::Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
    let mut law = Law::from_formula("flat", "y = A / x^alpha + max(B, 0)", &[variable]).unwrap();
    assert_eq!(law.parameters[2].name, "B");
    (law.parameters[2].lower, law.parameters[2].upper) = (-5.0, 5.0);
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let flat = Problem::new(&law, &objective, &[&x], &y, None);
    let start = flat.coordinates().iter().zip([3.0, 0.3, -1.0]).map(|(c, value)| c.of(value)).collect::<Vec<_>>();
    let optimum = Solver::Newton.minimise(&flat, &start).point;
    assert!(optimum[2] < 0.0, "any B below zero is as good: {optimum:?}");
    let clusters: Vec<usize> = (0..12).collect();
    let method = Profile { draws: 100, level: 0.9, pairs: Vec::new() };
    let drawn = method.draw(&Fitted::unwatched(&flat, &law, &optimum, &clusters, 5)).unwrap();
    assert!(drawn.points.is_empty() && drawn.warnings[0].contains("flat"), "{:?}", drawn.warnings);
    assert!(drawn.curves.iter().all(|curve| !curve.is_interval) && drawn.curves.len() == 3);
    let curve = &drawn.curves[2];
    assert_eq!(curve.closed(), [false, true]);
    let (left, right): (Vec<[f64; 2]>, Vec<[f64; 2]>) = curve.points.iter().copied().partition(|[at, _]| *at < 0.0);
    assert!((left[0][0] + 5.0).abs() < 1e-9 && left.iter().all(|[_, rise]| rise.abs() < 1e-6), "{left:?}");
    assert!(right.last().unwrap()[1] > curve.threshold, "{right:?}");
    // The exponent has the curve of the law without B, except that B counts as a parameter: 9 degrees of freedom
    // instead of 10. t(0.95; 9) = 1.833113 and t(0.95; 10) = 1.812461 as printed in tables.
    let (without, best) = problem(&x, &y);
    let known = draws(&method, &without, &best, &clusters);
    let half = |curve: &Curve| 0.5 * (curve.ends[1].unwrap() - curve.ends[0].unwrap());
    let ratio = 1.833_113 / 1.812_461 * (10.0_f64 / 9.0).sqrt();
    let found = half(&drawn.curves[1]) / half(&known.curves[1]);
    assert!((found / ratio - 1.0).abs() < 1e-4, "{found} against {ratio}");
}

#[test]
fn the_curve_of_a_product_is_flat_in_both_factors() {
    let (x, y) = line(20, |_| 0.02);
    let variable = crate::law::Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
    let law = Law::from_formula("product", "y = A * B / x^alpha", &[variable]).unwrap();
    let clusters: Vec<usize> = (0..20).collect();
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Log });
    let problem = Problem::new(&law, &objective, &[&x], &y, None);
    let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
    let method = Profile { draws: 100, level: 0.9, pairs: Vec::new() };
    let drawn = method.draw(&Fitted::unwatched(&problem, &law, &optimum, &clusters, 5)).unwrap();
    for curve in &drawn.curves[..2] {
        let inner = &curve.points[2..curve.points.len() - 2];
        assert!(inner.iter().all(|[_, rise]| rise.abs() < 0.05), "{curve:?}");
    }
    assert_eq!(drawn.curves[2].closed(), [true, true]);
}

#[test]
fn the_curve_of_a_linear_law_is_a_parabola_that_ends_at_the_student_interval() {
    let x: Vec<f64> = (0..7).map(|i| f64::from(i * i)).collect();
    let y = [2.1, 2.9, 4.2, 6.5, 10.4, 14.6, 20.3];
    let variable = crate::law::Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
    let mut law = Law::from_formula("line", "y = a + b * x", &[variable]).unwrap();
    for parameter in &mut law.parameters {
        (parameter.scale, parameter.lower, parameter.upper) = (crate::law::Scale::Linear, -100.0, 100.0);
    }
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    let problem = Problem::new(&law, &objective, &[&x], &y, None);
    let optimum = Solver::Newton.minimise(&problem, &[1.0, 1.0]).point;
    let clusters: Vec<usize> = (0..7).collect();
    let fitted = Fitted::unwatched(&problem, &law, &optimum, &clusters, 5);
    let drawn = Profile { draws: 100, level: 0.9, pairs: Vec::new() }.draw(&fitted).unwrap();
    // Linear regression by hand, with t(0.95; 5) as printed in tables.
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let across: f64 = x.iter().map(|x| (x - mean_x) * (x - mean_x)).sum();
    let slope = x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / across;
    let floor = mean_y - slope * mean_x;
    let variance = x.iter().zip(&y).map(|(x, y)| y - floor - slope * x).map(|r| r * r).sum::<f64>() / 5.0;
    let errors = [(variance * (1.0 / 7.0 + mean_x * mean_x / across)).sqrt(), (variance / across).sqrt()];
    for (curve, (estimate, error)) in drawn.curves.iter().zip([floor, slope].into_iter().zip(errors)) {
        assert!((curve.threshold - 2.015_048 * 2.015_048).abs() < 1e-5, "{}", curve.threshold);
        for (end, sign) in curve.ends.into_iter().zip([-1.0, 1.0]) {
            let known = estimate + sign * 2.015_048 * error;
            assert!((end.unwrap() - known).abs() < 1e-5 * error, "{end:?} against {known}");
        }
        assert_eq!(curve.points.len(), 21);
        for [value, rise] in &curve.points {
            let t = (value - estimate) / error;
            assert!((rise - t * t).abs() < 1e-6, "{rise} against {}", t * t);
        }
    }
}

#[test]
fn the_curves_of_a_bent_law_are_those_of_bates_and_watts() {
    // Puromycin, treated (Bates and Watts 1988, table A1.3). Computed with scipy's least_squares and brentq; R's
    // `confint` of this fit, which interpolates, prints 197.302 to 229.290 and 0.046925 to 0.086160.
    let x = [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1];
    let y = [76.0, 47.0, 97.0, 107.0, 123.0, 139.0, 159.0, 152.0, 191.0, 201.0, 207.0, 200.0];
    let known = [
        (212.683_743, [197.301_932_9, 229.289_055_1], [1.196_659_38, 1.291_930_27]),
        (0.064_121_281_5, [0.046_920_342_04, 0.086_156_913_43], [1.093_201_17, 1.400_391_51]),
    ];
    let variable = crate::law::Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
    let mut law = Law::from_formula("enzyme", "y = V * x / (K + x)", &[variable]).unwrap();
    assert_eq!(law.parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["V", "K"]);
    for parameter in &mut law.parameters {
        parameter.scale = crate::law::Scale::Linear;
        (parameter.lower, parameter.upper) = (0.0, 1e6);
    }
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    let problem = Problem::new(&law, &objective, &[&x], &y, None);
    let optimum = Solver::Newton.minimise(&problem, &[200.0, 0.1]).point;
    let clusters: Vec<usize> = (0..12).collect();
    let fitted = Fitted::unwatched(&problem, &law, &optimum, &clusters, 5);
    let drawn = Profile { draws: 100, level: 0.95, pairs: Vec::new() }.draw(&fitted).unwrap();
    let is_near = |found: f64, known: f64| (found / known - 1.0).abs() < 2e-6;
    for (curve, (estimate, ends, halfway)) in drawn.curves.iter().zip(known) {
        assert!(is_near(curve.threshold, 4.964_602_744) && is_near(curve.points[10][0], estimate), "{curve:?}");
        assert!(curve.ends.into_iter().zip(ends).all(|(end, known)| is_near(end.unwrap(), known)), "{curve:?}");
        // Ten points on either side of the estimate, the eighth at the end.
        for (at, known) in [6, 14].into_iter().zip(halfway) {
            assert!(is_near(curve.points[at][1], known), "{:?} against {known}", curve.points[at]);
        }
    }
}

#[test]
fn intervals_hold_where_the_penalty_becomes_linear_inside_the_noise() {
    // Huber(1e-3) over rows with a scatter of 0.03 is nearly least absolute deviations, whose standard error is
    // sqrt(pi/2) times that of least squares, which is known.
    let rows = 40;
    let x: Vec<f64> = (0..rows).map(|i| exp(i as f64 * 8.0 / rows as f64)).collect();
    let logs: Vec<f64> = x.iter().map(|x| ln(*x)).collect();
    let middle = mean(&logs);
    let across: f64 = logs.iter().map(|l| (l - middle) * (l - middle)).sum();
    let known = 1.2533 * 0.03 / across.sqrt() * 1.686;
    let law = find("power").unwrap().law().unwrap();
    let clusters: Vec<usize> = (0..rows).collect();
    let objectives =
        [Objective::default(), Objective::LeastAbsolute(crate::objective::LeastAbsolute { on: ResponseScale::Log })];
    for objective in objectives {
        let (mut sandwich, mut profile, mut bootstrap) = (Vec::new(), Vec::new(), Vec::new());
        for set in 0..24 {
            let mut random = Random::new(23, "linear within", set);
            let y: Vec<f64> = logs.iter().map(|l| 3.0 * exp(-0.3 * l + 0.03 * random.normal())).collect();
            let problem = Problem::new(&law, &objective, &[&x], &y, None);
            let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
            let drawn = draws(&Sandwich { draws: 1000, level: 0.9 }, &problem, &optimum, &clusters);
            sandwich.push(half_widths(&drawn, &problem, &optimum, &x, 1.686).0 / known);
            let cases = draws(&Bootstrap { resamples: 200, ..CASES }, &problem, &optimum, &clusters);
            bootstrap.push(half_widths(&cases, &problem, &optimum, &x, 1.686).0 / known);
            let [lower, upper] = profiled(&problem, &optimum, &clusters).curves[1].ends.map(Option::unwrap);
            profile.push((upper - lower) / 2.0 / known);
        }
        for (name, ratios) in [("sandwich", sandwich), ("profile", profile), ("bootstrap", bootstrap)] {
            let mean = mean(&ratios);
            assert!((mean - 1.0).abs() < 0.3, "{name} of {}: {mean}, {ratios:?}", objective.describe());
            assert!(ratios.iter().all(|ratio| (0.4..2.5).contains(ratio)), "{name}: {ratios:?}");
        }
    }
}

#[test]
fn refits_computed_in_ranges_give_the_draws_of_a_method_to_the_bit() {
    let names = ["A".to_owned(), "alpha".to_owned()];
    let law = find("power").unwrap().law().unwrap();
    for (rows, runs, count) in [(8, 8, 90), (48, 48, 300), (24, 6, 90), (2, 2, 90)] {
        let (x, y) = line(rows, |row| 0.02 * (1 + row % 3) as f64);
        let (problem, optimum) = problem(&x, &y);
        let clusters: Vec<usize> = (0..rows).map(|row| row * runs / rows).collect();
        // The posterior also draws from the valley of a rival.
        let rivals = [vec![optimum[0] * 1.01, optimum[1] * 0.99]];
        let (draws, resamples, level) = (count, count, 0.9);
        let methods: [Box<dyn Method>; 8] = [
            Box::new(Bootstrap { resamples, level, search: false }),
            Box::new(Bootstrap { resamples, level, search: true }),
            Box::new(Sandwich { draws, level }),
            Box::new(Residual { resamples, level }),
            Box::new(Wild { resamples, level }),
            Box::new(Posterior { draws, level }),
            Box::new(Profile { draws, ..profile() }),
            Box::new(Auto { resamples, level }),
        ];
        for method in methods {
            let whole =
                Fitted { rivals: &rivals, names: &names, ..Fitted::unwatched(&problem, &law, &optimum, &clusters, 5) };
            let batches: Vec<Batch> = [0..count / 3, count / 3..count - 7, count - 7..count]
                .into_iter()
                .flat_map(|numbers| {
                    let recorder = Recorder::new(numbers);
                    let division = Division::Range(&recorder);
                    method.refit(&Fitted { division, ..whole }).unwrap();
                    recorder.batches()
                })
                .collect();
            let computed = std::sync::atomic::AtomicBool::new(false);
            let tick = |_, _| computed.store(true, std::sync::atomic::Ordering::Relaxed);
            let watch = Watch { tick: &tick, ..Watch::NOBODY };
            let known = Division::Known(&batches);
            let merged = method.draw(&Fitted { division: known, watch, ..whole }).unwrap();
            let whole = method.draw(&whole).unwrap();
            let bits = |draws: &Draws| -> Vec<u64> {
                let numbers = draws.points.iter().flatten().chain(&draws.scatter);
                numbers.map(|number| number.to_bits()).collect()
            };
            assert_eq!(bits(&merged), bits(&whole), "{}", method.describe());
            assert_eq!(merged, whole, "{}", method.describe());
            // The profile also moves parameters, and `auto` has a second method with more refits than these ranges.
            let has_more = method.describe().starts_with("profile") || method.describe().starts_with("selected");
            assert!(has_more || !computed.into_inner(), "{} refitted again", method.describe());
        }
    }
}

/// Methods of few rows, with 400 draws each.
fn of_few_rows() -> [Box<dyn Method>; 4] {
    [
        Box::new(Posterior { draws: 400, level: 0.9 }),
        Box::new(Residual { resamples: 400, level: 0.9 }),
        Box::new(Wild { resamples: 400, level: 0.9 }),
        Box::new(Sandwich { draws: 400, level: 0.9 }),
    ]
}

/// The variance of a coordinate among draws.
fn variance(draws: &Draws, coordinate: usize) -> f64 {
    let values: Vec<f64> = draws.points.iter().map(|point| point[coordinate]).collect();
    let middle = mean(&values);
    mean(&values.iter().map(|x| (x - middle) * (x - middle)).collect::<Vec<f64>>())
}

/// Number of simulated tables over which variances are averaged.
const TABLES: u64 = 20;

/// The mean variances of coordinates among the draws of each method, over simulated problems with their coordinates.
fn mean_variances(simulated: impl Fn(u64) -> (Problem, Vec<usize>)) -> Vec<(String, Vec<f64>)> {
    let law = find("power").unwrap().law().unwrap();
    let mut all: Vec<(String, Vec<f64>)> = of_few_rows().iter().map(|method| (method.describe(), Vec::new())).collect();
    for table in 0..TABLES {
        let (problem, coordinates) = simulated(table);
        let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
        let rows: Vec<usize> = (0..problem.rows()).collect();
        for (method, (_, found)) in of_few_rows().iter().zip(&mut all) {
            let drawn = draws(method.as_ref(), &problem, &optimum, &rows);
            found.resize(coordinates.len(), 0.0);
            found.iter_mut().zip(&coordinates).for_each(|(sum, j)| *sum += variance(&drawn, *j) / TABLES as f64);
        }
    }
    all
}

/// Rows of ln y = ln 3 - 0.3 ln x with a scatter each.
fn scattered(x: &[f64], scatter: impl Fn(usize) -> f64, random: &mut Random) -> Problem {
    let law = find("power").unwrap().law().unwrap();
    let rows = x.iter().enumerate();
    let y: Vec<f64> = rows.map(|(row, x)| 3.0 * exp(-0.3 * ln(*x) + scatter(row) * random.normal())).collect();
    Problem::new(&law, &Objective::least_squares(ResponseScale::Log), &[x], &y, None)
}

#[test]
fn groups_that_share_an_exponent_keep_their_own_scatter() {
    // The exponent says nothing about the size of a group in the middle of its rows.
    let x: Vec<f64> = (0..12).map(|i| exp(f64::from(i) - 5.5)).collect();
    let scatter = [0.005, 0.05];
    let found = mean_variances(|table| {
        let mut random = Random::new(3, "own scatter", table);
        let problem = Problem::joint(&scatter.map(|s| scattered(&x, |_| s, &mut random)), &[1]);
        let sizes = problem.places().iter().map(|places| places[0]).collect();
        (problem, sizes)
    });
    for (method, variances) in found {
        for (variance, scatter) in variances.into_iter().zip(scatter) {
            let ratio = (variance / (scatter * scatter / x.len() as f64)).sqrt();
            assert!((0.85..1.4).contains(&ratio), "{method}: {ratio}");
        }
    }
}

#[test]
fn rows_keep_the_scatter_that_falls_along_a_variable() {
    let logs: Vec<f64> = (0..24).map(|i| f64::from(i) / 3.0).collect();
    let x: Vec<f64> = logs.iter().map(|log| exp(*log)).collect();
    let scatter: Vec<f64> = logs.iter().map(|log| 0.1 * exp(-0.5 * log)).collect();
    // The variance of the slope of linear regression, if each row has its own.
    let middle = mean(&logs);
    let across: f64 = logs.iter().map(|log| (log - middle) * (log - middle)).sum();
    let square = |x: f64| x * x;
    let known: f64 = logs.iter().zip(&scatter).map(|(log, s)| square((log - middle) * s / across)).sum();
    let pooled = mean(&scatter.iter().map(|s| s * s).collect::<Vec<f64>>()) / across;
    assert!((known / pooled).sqrt() > 1.2, "an even scatter would be too narrow");
    let found = mean_variances(|table| {
        (scattered(&x, |row| scatter[row], &mut Random::new(3, "falling scatter", table)), vec![1])
    });
    for (method, variances) in found {
        let ratio = (variances[0] / known).sqrt();
        assert!((0.85..1.4).contains(&ratio), "{method}: {ratio}");
    }
}
