use super::*;
use crate::law::find;
use crate::numerics::{Random, exp, ln, quantile};
use crate::objective::{LeastSquares, Objective, ResponseScale};
use crate::solver::{Solver, search};

/// Rows of L = 3 / x^0.3 with normal scatter of ln L: least squares of ln L is linear regression.
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
    method.draw(&Fitted { problem, optimum, clusters, seed: 5, watch: Watch::NOBODY }).unwrap()
}

/// Half the width of the 90 % interval of the exponent, and that of linear regression with its Student-t quantile.
fn half_widths(draws: &Draws, problem: &Problem, optimum: &[f64], x: &[f64], t: f64) -> (f64, f64) {
    let exponent = 1;
    let mut sorted: Vec<f64> = draws.points.iter().map(|p| p[exponent]).collect();
    sorted.sort_by(f64::total_cmp);
    let found = 0.5 * (quantile(&sorted, 0.95) - quantile(&sorted, 0.05));
    let logs: Vec<f64> = x.iter().map(|x| ln(*x)).collect();
    let middle = crate::numerics::mean(&logs);
    let across: f64 = logs.iter().map(|l| (l - middle) * (l - middle)).sum();
    let squares: f64 = problem.residuals(optimum).iter().map(|r| r * r).sum();
    (found, t * (squares / (x.len() - 2) as f64 / across).sqrt())
}

#[test]
fn few_rows_have_the_tails_of_students_t() {
    let (x, y) = line(8, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let rows: Vec<usize> = (0..8).collect();
    let all: [&dyn Method; 3] = [
        &Residual { resamples: 4000, level: 0.9 },
        &Wild { resamples: 4000, level: 0.9 },
        &Sandwich { draws: 4000, level: 0.9 },
    ];
    // The 95 % quantile of Student's t with 6 degrees of freedom. The residual bootstrap has the regression's own
    // interval; the others weigh the rows at hand by their residuals, eight of which tell little.
    for (method, slack) in all.into_iter().zip([0.08, 0.35, 0.35]) {
        let drawn = draws(method, &problem, &optimum, &rows);
        let (found, known) = half_widths(&drawn, &problem, &optimum, &x, 1.943);
        assert!((found / known - 1.0).abs() < slack, "{}: {found} against {known}", method.name());
    }
}

#[test]
fn runs_are_resampled_whole() {
    // Every row four times over: four times the rows tell nothing new.
    let (x, y) = line(20, |_| 0.02);
    let four = |v: &[f64]| -> Vec<f64> { v.iter().flat_map(|v| [*v; 4]).collect() };
    let (once, optimum) = problem(&x, &y);
    let (fourfold, _) = problem(&four(&x), &four(&y));
    let rows: Vec<usize> = (0..20).collect();
    let runs: Vec<usize> = (0..80).map(|row| row / 4).collect();
    for method in [&Wild { resamples: 2000, level: 0.9 } as &dyn Method, &Bootstrap { resamples: 2000, level: 0.9 }] {
        let (alone, _) = half_widths(&draws(method, &once, &optimum, &rows), &once, &optimum, &x, 1.734);
        let (whole, _) = half_widths(&draws(method, &fourfold, &optimum, &runs), &once, &optimum, &x, 1.734);
        assert!((whole / alone - 1.0).abs() < 0.1, "{}: {whole} against {alone}", method.name());
    }
}

#[test]
fn the_rows_pick_the_method_and_are_told_why() {
    let auto = Auto { resamples: 1000, level: 0.9 };
    for (rows, picked) in [(8, "residual bootstrap"), (60, "case bootstrap")] {
        let (x, y) = line(rows, |_| 0.02);
        let (problem, optimum) = problem(&x, &y);
        let clusters: Vec<usize> = (0..rows).collect();
        let drawn = draws(&auto, &problem, &optimum, &clusters);
        let reason = drawn.picked.unwrap();
        assert!(reason.starts_with(picked) && reason.contains(&format!("{rows} independent rows for 2")), "{reason}");
        assert!(rows < 60 || drawn.disagreements.is_empty(), "{:?}", drawn.disagreements);
    }
}

#[test]
fn methods_that_disagree_are_both_named() {
    // One run of five at the end has all the weight on the slope: resampled, it is often not there at all.
    let (mut x, mut y) = line(16, |_| 0.001);
    x[15] = exp(60.0);
    y[15] = 3.0 * exp(-0.3 * 60.0 + 0.05);
    let (problem, optimum) = problem(&x, &y);
    let clusters: Vec<usize> = (0..16).collect();
    let drawn = draws(&Auto { resamples: 1000, level: 0.9 }, &problem, &optimum, &clusters);
    assert!(drawn.disagreements.iter().any(|(j, _)| *j == 1), "{:?}", drawn.disagreements);
}

#[test]
fn as_many_parameters_as_rows_leave_no_intervals_and_say_so() {
    let (x, y) = line(2, |_| 0.02);
    let (problem, optimum) = problem(&x, &y);
    let drawn = draws(&Residual { resamples: 100, level: 0.9 }, &problem, &optimum, &[0, 1]);
    assert!(drawn.points.is_empty() && drawn.warnings[0].contains("no degrees of freedom"), "{:?}", drawn.warnings);
}
