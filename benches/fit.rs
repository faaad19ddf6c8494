//! How fast the fit engine is: an evaluation beside the same law written by hand, a global fit, refits.
//!
//! `cargo bench` prints times; the ratios are what counts. The rows are simulated: 240 of them, as in
//! the Chinchilla replication.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "calls a version only where its features were detected")
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lawfit::law::{Law, Order, Workspace, find};
use lawfit::numerics::{Random, exp, ln};
use lawfit::objective::Objective;
use lawfit::problem::{Evaluation, Problem};
use lawfit::solver::{Solver, Watch, newton, search};
use lawfit::uncertainty::{Bootstrap, Fitted, Method};

const ROWS: usize = 240;

struct Runs {
    n: Vec<f64>,
    d: Vec<f64>,
    l: Vec<f64>,
}

fn runs() -> Runs {
    let mut random = Random::new(1, "bench", 0);
    let n: Vec<f64> = (0..ROWS).map(|_| 1e9 * random.log_normal(1.2)).collect();
    let d: Vec<f64> = (0..ROWS).map(|_| 2e10 * random.log_normal(1.5)).collect();
    let l = n
        .iter()
        .zip(&d)
        .map(|(n, d)| (1.8 + 480.0 * exp(-0.348 * ln(*n)) + 2085.0 * exp(-0.366 * ln(*d))) * random.log_normal(0.005))
        .collect();
    Runs { n, d, l }
}

fn law(name: &str) -> Law {
    find(name).and_then(|entry| entry.law().ok()).unwrap_or_else(|| unreachable!("{name} is in the catalogue"))
}

/// Value and gradient of the Huber-log objective of `hoffmann`, as one would write it by hand.
#[inline(always)]
fn by_hand(p: [f64; 5], ln_n: &[f64], ln_d: &[f64], ln_l: &[f64]) -> [f64; 6] {
    let [e, a, alpha, b, beta] = p;
    let mut sums = [[0.0; 8]; 6];
    let mut rows = [[0.0_f64; 8]; 6];
    for ((ln_n, ln_d), ln_l) in ln_n.chunks_exact(8).zip(ln_d.chunks_exact(8)).zip(ln_l.chunks_exact(8)) {
        for l in 0..8 {
            let t = exp(a - alpha * ln_n[l]);
            let u = exp(b - beta * ln_d[l]);
            let s = e + t + u;
            let r = ln(s) - ln_l[l];
            let size = r.abs();
            let cost = if size <= 1e-3 { 0.5 * r * r } else { 1e-3 * (size - 0.5e-3) };
            let w = r.clamp(-1e-3, 1e-3) / s;
            rows[0][l] = cost;
            rows[1][l] = w;
            rows[2][l] = w * t;
            rows[3][l] = -w * t * ln_n[l];
            rows[4][l] = w * u;
            rows[5][l] = -w * u * ln_d[l];
        }
        for k in 0..6 {
            for l in 0..8 {
                sums[k][l] += rows[k][l];
            }
        }
    }
    sums.map(|s| s.iter().sum())
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2")]
fn by_hand_wide(p: [f64; 5], ln_n: &[f64], ln_d: &[f64], ln_l: &[f64]) -> [f64; 6] {
    by_hand(p, ln_n, ln_d, ln_l)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn by_hand_avx2(p: [f64; 5], ln_n: &[f64], ln_d: &[f64], ln_l: &[f64]) -> [f64; 6] {
    by_hand(p, ln_n, ln_d, ln_l)
}

/// The same for the widest vectors the CPU has.
fn hand(p: [f64; 5], ln_n: &[f64], ln_d: &[f64], ln_l: &[f64]) -> [f64; 6] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512dq") && std::arch::is_x86_feature_detected!("avx512vl") {
        // SAFETY: the CPU has the features.
        return unsafe { by_hand_wide(p, ln_n, ln_d, ln_l) };
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has the feature.
        return unsafe { by_hand_avx2(p, ln_n, ln_d, ln_l) };
    }
    by_hand(p, ln_n, ln_d, ln_l)
}

fn evaluation(c: &mut Criterion) {
    let Runs { n, d, l } = runs();
    let objective = Objective::default();
    let mut group = c.benchmark_group("evaluation");
    let logs = |x: &[f64]| x.iter().map(|v| ln(*v)).collect::<Vec<f64>>();
    let (ln_n, ln_d, ln_l) = (logs(&n), logs(&d), logs(&l));
    let point = [1.8, ln(480.0), 0.348, ln(2085.0), 0.366];
    group.bench_function("hoffmann by hand, gradient", |b| b.iter(|| hand(black_box(point), &ln_n, &ln_d, &ln_l)));
    for name in ["hoffmann", "kaplan_nd"] {
        let law = law(name);
        let problem = Problem::new(&law, &objective, &[&n, &d], &l, None);
        let point = if name == "hoffmann" { point.to_vec() } else { vec![ln(6.4e13), 0.076, 0.103, ln(1.8e13)] };
        let (mut workspace, mut out) = (Workspace::default(), Evaluation::default());
        for (label, order) in
            [("value", Order::Value), ("gradient", Order::Gradient), ("second derivatives", Order::Hessian)]
        {
            group.bench_function(format!("{name}, {label}"), |b| {
                b.iter(|| problem.evaluate(black_box(&point), order, &mut workspace, &mut out));
            });
        }
    }
    group.finish();
}

fn fits(c: &mut Criterion) {
    let Runs { n, d, l } = runs();
    let objective = Objective::default();
    let law = law("hoffmann");
    let problem = Problem::new(&law, &objective, &[&n, &d], &l, None);
    let mut group = c.benchmark_group("fit");
    group.sample_size(20);
    group.bench_function("global search, hoffmann, 240 rows", |b| {
        b.iter(|| search(&problem, &law, Solver::Newton, &Watch::NOBODY));
    });
    let Ok(found) = search(&problem, &law, Solver::Newton, &Watch::NOBODY) else { return };
    let optimum = &found.optima[0].point;
    group.bench_function("one refit from the optimum", |b| b.iter(|| newton(&problem, black_box(optimum))));
    let clusters: Vec<usize> = (0..ROWS).collect();
    let bootstrap = Bootstrap { resamples: 4000, level: 0.9 };
    let fitted = Fitted { problem: &problem, optimum, clusters: &clusters, seed: 1, watch: Watch::NOBODY };
    group.bench_function("4,000 bootstrap refits", |b| b.iter(|| bootstrap.draw(&fitted)));
    group.finish();
}

criterion_group!(benches, evaluation, fits);
criterion_main!(benches);
