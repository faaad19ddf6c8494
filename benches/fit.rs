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
use lawfit::search::search;
use lawfit::solver::{Solver, newton};
use lawfit::uncertainty::{Bootstrap, Fitted, Method};
use lawfit::watch::Watch;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Rows that the hand-written laws take: logarithms of model size, data, unique data and loss.
struct Logs {
    n: Vec<f64>,
    d: Vec<f64>,
    u: Vec<f64>,
    l: Vec<f64>,
}

/// Value and gradient of the Huber-log objective of a law written by hand: eight rows at a time.
#[inline(always)]
fn sum_rows<const P: usize>(
    p: &[f64; P],
    logs: &Logs,
    row: impl Fn(&[f64; P], [f64; 3], f64) -> (f64, [f64; P]),
) -> f64 {
    let mut cost = [0.0; 8];
    let mut sums = [[0.0; 8]; P];
    for at in (0..logs.l.len()).step_by(8) {
        for lane in 0..8 {
            let i = at + lane;
            let (r, slopes) = row(p, [logs.n[i], logs.d[i], logs.u[i]], logs.l[i]);
            let size = r.abs();
            cost[lane] += if size <= 1e-3 { 0.5 * r * r } else { 1e-3 * (size - 0.5e-3) };
            let w = if r > 1e-3 { 1e-3 } else { r };
            let w = if w < -1e-3 { -1e-3 } else { w };
            for k in 0..P {
                sums[k][lane] += w * slopes[k];
            }
        }
    }
    cost.iter().chain(sums.iter().flatten()).sum()
}

/// E, A, alpha, B, beta, the sizes as logarithms.
#[inline(always)]
fn hoffmann(p: &[f64; 5], [n, d, _]: [f64; 3], l: f64) -> (f64, [f64; 5]) {
    let [e, a, alpha, b, beta] = *p;
    let (t, u) = (exp(a - alpha * n), exp(b - beta * d));
    let s = e + t + u;
    let w = 1.0 / s;
    (ln(s) - l, [w, w * t, -w * t * n, w * u, -w * u * d])
}

/// `N_c`, `alpha_N`, `alpha_D`, `D_c`, the sizes as logarithms.
#[inline(always)]
fn kaplan(p: &[f64; 4], [n, d, _]: [f64; 3], l: f64) -> (f64, [f64; 4]) {
    let [nc, an, ad, dc] = *p;
    let k = an / ad;
    let (t, u) = (exp(k * (nc - n)), exp(dc - d));
    let s = t + u;
    let (ln_s, w) = (ln(s), 1.0 / s);
    let turned = t * (nc - n) * w;
    (ad * ln_s - l, [an * t * w, turned, ln_s - k * turned, ad * u * w])
}

/// s, q, S, B, b, Q, A, a, E.
#[inline(always)]
fn farseer(p: &[f64; 9], [n, d, _]: [f64; 3], l: f64) -> (f64, [f64; 9]) {
    let [s, q, big_s, big_b, b, big_q, big_a, a, e] = *p;
    let (nq, nb, na) = (exp(q * n), exp(b * n), exp(a * n));
    let g = exp(big_a * na + e);
    let (f, h) = (exp(s * nq + big_s), exp(big_b * nb + big_q - g * d));
    let sum = f + h;
    let w = 1.0 / sum;
    let (f, h) = (f * w, h * w);
    let gd = h * g * d;
    (ln(sum) - l, [f * nq, f * s * nq * n, f, h * nb, h * big_b * nb * n, h, -gd * na, -gd * big_a * na * n, -gd])
}

/// E, A, alpha, beta, B, `R_N`, `R_D`, sizes and decays as logarithms.
#[inline(always)]
fn muennighoff(p: &[f64; 7], [n, d, u]: [f64; 3], l: f64) -> (f64, [f64; 7]) {
    let [e, a, alpha, beta, b, rn, rd] = *p;
    let (rn, rd) = (exp(rn), exp(rd));
    let both = alpha + beta;
    let ln_g = (ln(alpha) + a - ln(beta) - b) / both;
    let best = beta / alpha * (u + ln_g) + ln_g;
    let few = best < n;
    let un = if few { best } else { n };
    let over = exp(n - un);
    let left = exp(-(over - 1.0) / rn);
    let worth = 1.0 + rn * (1.0 - left);
    let t = exp(a - alpha * (un + ln(worth)));
    let ud = if u < d { u } else { d };
    let repeats = exp(d - ud) - 1.0;
    let kept = exp(-repeats / rd);
    let gain = 1.0 + rd * (1.0 - kept);
    let v = exp(b - beta * (ud + ln(gain)));
    let s = e + t + v;
    let w = 1.0 / s;
    // How the effective size changes with the best size, and that with the parameters.
    let by_un = if few { -w * t * alpha * (1.0 - left * over / worth) } else { 0.0 };
    let turn = beta / alpha + 1.0;
    let by_alpha = -beta / (alpha * alpha) * (u + ln_g) + turn * (1.0 / alpha - ln_g) / both;
    let by_beta = (u + ln_g) / alpha + turn * (-1.0 / beta - ln_g) / both;
    let by_rn = -w * t * alpha * (rn * (1.0 - left) - left * (over - 1.0)) / worth;
    let by_rd = -w * v * beta * (rd * (1.0 - kept) - kept * repeats) / gain;
    (
        ln(s) - l,
        [
            w,
            w * t + by_un / alpha,
            -w * t * (un + ln(worth)) + by_un * by_alpha,
            -w * v * (ud + ln(gain)) + by_un * by_beta,
            w * v - by_un / alpha,
            by_rn,
            by_rd,
        ],
    )
}

/// A hand-written law for the widest vectors the CPU has.
macro_rules! for_this_cpu {
    ($name:ident, $row:path, $count:literal) => {
        fn $name(p: &[f64; $count], logs: &Logs) -> f64 {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2")]
                fn avx512(p: &[f64; $count], logs: &Logs) -> f64 {
                    sum_rows(p, logs, $row)
                }
                #[target_feature(enable = "avx2")]
                fn avx2(p: &[f64; $count], logs: &Logs) -> f64 {
                    sum_rows(p, logs, $row)
                }
                if std::arch::is_x86_feature_detected!("avx512dq") && std::arch::is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the CPU has the features.
                    return unsafe { avx512(p, logs) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the CPU has the feature.
                    return unsafe { avx2(p, logs) };
                }
            }
            sum_rows(p, logs, $row)
        }
    };
}

for_this_cpu!(hoffmann_here, hoffmann, 5);
for_this_cpu!(kaplan_here, kaplan, 4);
for_this_cpu!(farseer_here, farseer, 9);
for_this_cpu!(muennighoff_here, muennighoff, 7);

/// One law through the tape and by hand, value and gradient, which agree.
fn pair<const P: usize>(c: &mut Criterion, name: &str, point: [f64; P], hand: fn(&[f64; P], &Logs) -> f64, unit: f64) {
    let Runs { n, d, l } = runs();
    let (n, d): (Vec<f64>, Vec<f64>) = (n.iter().map(|x| x / unit).collect(), d.iter().map(|x| x / unit).collect());
    let u: Vec<f64> = d.iter().map(|d| d * 0.3).collect();
    let law = law(name);
    let objective = Objective::default();
    let named = [("N", &n), ("D", &d), ("U", &u)];
    let column = |v: &str| named.iter().find(|(name, _)| *name == v).map_or(&n[..], |(_, column)| &column[..]);
    let columns: Vec<&[f64]> = law.variables.iter().map(|v| column(&v.name)).collect();
    let problem = Problem::new(&law, &objective, &columns, &l, None);
    let of = |column: &[f64]| column.iter().map(|x| ln(*x)).collect::<Vec<f64>>();
    let logs = Logs { n: of(&n), d: of(&d), u: of(&u), l: of(&l) };
    let (mut workspace, mut out) = (Workspace::default(), Evaluation::default());
    problem.evaluate(&point, Order::Gradient, &mut workspace, &mut out);
    let tape: f64 = out.cost() + out.sums.gradient.iter().sum::<f64>();
    let by_hand = hand(&point, &logs);
    let size: f64 = out.cost() + out.sums.gradient.iter().map(|g| g.abs()).sum::<f64>();
    assert!((tape - by_hand).abs() < 1e-9 * size, "{name}: {tape} by the tape, {by_hand} by hand");
    let mut group = c.benchmark_group(name);
    group.bench_function("by hand, gradient", |b| b.iter(|| hand(black_box(&point), &logs)));
    for (label, order) in
        [("value", Order::Value), ("gradient", Order::Gradient), ("second derivatives", Order::Hessian)]
    {
        group.bench_function(format!("tape, {label}"), |b| {
            b.iter(|| problem.evaluate(black_box(&point), order, &mut workspace, &mut out));
        });
    }
    group.finish();
}

fn evaluation(c: &mut Criterion) {
    pair(c, "hoffmann", [1.8, ln(480.0), 0.35, ln(2085.0), 0.37], hoffmann_here, 1.0);
    pair(c, "kaplan_nd", [ln(6.4e13), 0.076, 0.103, ln(1.8e13)], kaplan_here, 1.0);
    pair(c, "farseer", [-0.1, 0.2, 0.7, 1.5, -0.1, -1.0, -0.2, 0.1, -1.0], farseer_here, 1e9);
    pair(c, "muennighoff", [1.8, ln(480.0), 0.35, 0.37, ln(2085.0), ln(5.3), ln(15.4)], muennighoff_here, 1.0);
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
    let fitted = Fitted::unwatched(&problem, &law, optimum, &clusters, 1);
    for (label, search) in [("4,000 bootstrap refits", false), ("4,000 bootstrap refits, each searched", true)] {
        let bootstrap = Bootstrap { resamples: 4000, level: 0.9, search };
        group.bench_function(label, |b| b.iter(|| bootstrap.draw(&fitted)));
    }
    group.finish();
}

criterion_group!(benches, evaluation, fits);
criterion_main!(benches);
