use super::*;
use crate::numerics::Random;

/// Sizes from 1e6 to 1e8, and responses of a power law with a floor and scatter.
fn curve(count: usize, scatter: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(seed, "forecast test", 0);
    let sizes: Vec<f64> = (0..count).map(|i| 1e6 * exp(ln(100.0) * i as f64 / (count - 1) as f64)).collect();
    let responses = sizes.iter().map(|&x| truth(x) * random.log_normal(scatter)).collect();
    (sizes, responses)
}

fn truth(x: f64) -> f64 {
    0.5 + exp(-0.35 * ln(x / 1e5))
}

fn along(sizes: &[f64], responses: &[f64], at: f64) -> Result<(Prediction, Account), NoForecast> {
    let measured = Measured { sizes: &[sizes], responses, ceiling: None, whole: None };
    forecast(&measured, &[vec![at]], 0.9).map(|(predictions, account)| (predictions[0], account))
}

#[test]
fn every_member_has_a_prior_for_each_parameter_of_its_law() {
    let of_shares = [(1, false), (1, true), (2, false), (2, true)].map(|(sizes, given)| shares::bending(sizes, given));
    for member in members::ONE.into_iter().chain(members::TWO).chain(of_shares) {
        member.compile().unwrap();
        let size = member.priors.len() + usize::from(member.needs_ceiling);
        assert_eq!(member.compiled().unwrap().problem.size(), size, "{}", member.name);
    }
}

#[test]
fn a_noiseless_power_law_with_a_floor_is_continued() {
    let (sizes, responses) = curve(20, 0.0, 0);
    for factor in [2.0, 4.0, 10.0] {
        let (found, _) = along(&sizes, &responses, 1e8 * factor).unwrap();
        let known = truth(1e8 * factor);
        assert!((found.value / known - 1.0).abs() < 0.01, "{factor}: {} against {known}", found.value);
        assert!(found.lower < known && known < found.upper, "{factor}: {found:?}");
    }
}

#[test]
fn years_are_no_sizes() {
    let years: Vec<f64> = (0..12).map(|i| 2014.0 + f64::from(i)).collect();
    let responses: Vec<f64> = years.iter().map(|year| exp(-0.1 * (year - 2014.0))).collect();
    let refused = along(&years, &responses, 2028.0).unwrap_err().0;
    assert!(refused.contains("as years do"), "{refused}");
}

#[test]
fn intervals_have_about_their_nominal_coverage_and_widen_with_distance() {
    let mut inside = 0;
    for seed in 1..=60 {
        let (sizes, responses) = curve(16, 0.01, seed);
        let (near, _) = along(&sizes, &responses, 4e8).unwrap();
        let (far, _) = along(&sizes, &responses, 4e9).unwrap();
        assert!(far.upper / far.lower > near.upper / near.lower);
        let observed = truth(4e8) * Random::new(seed, "next run", 0).log_normal(0.01);
        inside += usize::from(near.lower < observed && observed < near.upper);
    }
    // 60 draws at a nominal 90 %: fewer than 48 have a probability of one in five hundred.
    assert!(inside >= 48, "{inside} of 60");
}

/// The curve of four-digit addition, as fitted by one power with a break (Caballero et al. 2022): flat, then steep
/// from 612.
fn addition(x: f64) -> f64 {
    let turned = exp(-5.662_909 * 0.059_193_1 * crate::numerics::softplus(ln(x / 612.583_7) / 0.059_193_1));
    0.413_885 + 2.277_272 * exp(-0.055_077_4 * ln(x)) * turned
}

#[test]
fn a_curve_that_breaks_at_its_last_runs_is_refused() {
    for (last, seed) in [(590.0, 1), (640.0, 2), (900.0, 3)] {
        let mut random = Random::new(seed, "break", 0);
        let sizes: Vec<f64> = (0..14).map(|i| last / exp(ln(1.15) * f64::from(13 - i))).collect();
        let responses: Vec<f64> = sizes.iter().map(|&x| addition(x) * random.log_normal(0.003)).collect();
        let NoForecast(reason) = along(&sizes, &responses, 1.1 * last).unwrap_err();
        assert!(reason.contains("below its forecast from the first"), "{last}: {reason}");
    }
}

#[test]
fn a_last_run_unlike_the_others_is_named_and_ordinary_scatter_is_not() {
    let mut refused = 0;
    for seed in 1..=60 {
        let (sizes, mut responses) = curve(16, 0.01, seed);
        refused += usize::from(along(&sizes, &responses, 4e8).is_err());
        responses[15] *= 1.15;
        let NoForecast(reason) = along(&sizes, &responses, 4e8).unwrap_err();
        assert!(reason.contains("above its forecast from the first"), "{seed}: {reason}");
    }
    assert_eq!(refused, 0);
}

#[test]
fn rows_may_come_in_any_order_and_several_times() {
    let (sizes, responses) = curve(12, 0.01, 3);
    let (known, _) = along(&sizes, &responses, 1e9).unwrap();
    let turned = |v: &[f64]| v.iter().rev().copied().collect::<Vec<f64>>();
    assert_eq!(along(&turned(&sizes), &turned(&responses), 1e9).unwrap().0, known);
    let twice = |v: &[f64]| [v, v].concat();
    let (found, account) = along(&twice(&sizes), &twice(&responses), 1e9).unwrap();
    assert_eq!(account.configurations, 12);
    assert!((found.value / known.value - 1.0).abs() < 1e-9);
}

#[test]
fn an_error_rate_uses_the_member_with_a_ceiling() {
    let (sizes, responses) = curve(16, 0.01, 4);
    let scaled: Vec<f64> = responses.iter().map(|y| y / 2.0).collect();
    let measured = Measured { sizes: &[&sizes], responses: &scaled, ceiling: Some(0.9), whole: None };
    let (_, account) = forecast(&measured, &[vec![1e9]], 0.9).unwrap();
    assert_eq!(account.members.len(), 14);
    assert_eq!(along(&sizes, &responses, 1e9).unwrap().1.members.len(), 12);
    let shares: f64 = account.members.iter().map(|m| m.share).sum();
    assert!((shares - 1.0).abs() < 1e-12);
}

#[test]
fn few_sizes_have_no_break_however_often_they_were_run() {
    let (sizes, responses) = curve(6, 0.01, 4);
    let twice = |values: &[f64]| values.iter().chain(values).copied().collect::<Vec<f64>>();
    let (_, account) = along(&twice(&sizes), &twice(&responses), 1e9).unwrap();
    assert!(account.members.iter().all(|member| member.law != "broken_powers"), "{account:?}");
}

#[test]
fn curves_that_turn_rise_or_are_too_short_are_refused() {
    let (sizes, responses) = curve(20, 0.002, 5);
    let descent_twice: Vec<f64> =
        responses.iter().enumerate().map(|(i, y)| if (10..15).contains(&i) { y * 1.5 } else { *y }).collect();
    let refused = |responses: &[f64]| along(&sizes, responses, 1e9).unwrap_err().0;
    assert!(refused(&descent_twice).contains("does not fall throughout"));
    let accuracies: Vec<f64> = responses.iter().map(|y| 1.0 / y).collect();
    assert!(refused(&accuracies).contains("rises with scale"));
    assert!(along(&sizes[..3], &responses[..3], 1e9).unwrap_err().0.contains("4 configurations"));
    // One failed run is not a trend.
    let mut one_off = responses;
    one_off[7] *= 1.5;
    assert!(along(&sizes, &one_off, 1e9).is_ok());
}

/// The share of tables that are refused because they show no trend, when the response falls by `errors` standard
/// errors of its slope.
fn refused(rows: usize, errors: f64) -> f64 {
    const TABLES: u64 = 1000;
    let sizes: Vec<f64> = (0..rows).map(|i| exp(10.0 + 5.0 * i as f64 / (rows - 1) as f64)).collect();
    let x: Vec<f64> = sizes.iter().map(|size| ln(*size) - 12.5).collect();
    let slope = errors * 0.01 / x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let none = (0..TABLES).filter(|&seed| {
        let mut random = Random::new(seed, "trend", rows as u64);
        let run = |x: &f64| Run { logs: vec![x + 12.5], z: 0.01 * random.normal() - slope * x };
        let history = History::new(x.iter().map(run).collect(), Scatter::Equal);
        trend::no_trend(&history).is_some() || trend::turns(&history).is_some()
    });
    none.count() as f64 / TABLES as f64
}

#[test]
fn noise_without_a_trend_is_refused_and_a_clear_fall_is_not() {
    for rows in [4, 5, 8, 12, 30, 200] {
        assert!(refused(rows, 0.0) >= 0.95, "{rows} rows: {}", refused(rows, 0.0));
    }
    for rows in [12, 30, 200] {
        assert!(refused(rows, 5.0) <= 0.02, "{rows} rows: {}", refused(rows, 5.0));
    }
}

#[test]
fn correlated_noise_of_neighbours_is_not_a_trend() {
    let none = (0..500).filter(|&seed| {
        let mut random = Random::new(seed, "checkpoints", 0);
        let mut last = 0.0;
        let run = |i: i32| {
            last = 0.7 * last + 0.01 * random.normal();
            Run { logs: vec![10.0 + 0.05 * f64::from(i)], z: last }
        };
        let history = History::new((0..120).map(run).collect(), Scatter::Equal);
        trend::no_trend(&history).is_some() || trend::turns(&history).is_some()
    });
    let none = none.count();
    assert!(none >= 450, "{none} of 500");
}

#[test]
fn a_second_descent_is_refused_even_where_the_rise_is_small() {
    let (sizes, responses) = curve(60, 0.0005, 7);
    // A twelfth of the total fall.
    let bump = |i: usize| if (20..30).contains(&i) { 1.045 } else { 1.0 };
    let responses: Vec<f64> = responses.iter().enumerate().map(|(i, y)| y * bump(i)).collect();
    let reason = along(&sizes, &responses, 1e9).unwrap_err().0;
    assert!(reason.contains("does not fall throughout"), "{reason}");
}

#[test]
fn a_fall_at_the_start_counts_as_a_trend() {
    let sizes: Vec<f64> = (0..24).map(|i| exp(10.0 + 0.3 * f64::from(i))).collect();
    let responses: Vec<f64> = (0..24).map(|i| 1.0 + exp(-0.9 * f64::from(i))).collect();
    assert!(along(&sizes, &responses, 1e9).is_ok());
}

#[test]
fn a_forecast_over_two_sizes_follows_both() {
    let known = |n: f64, d: f64| 1.8 + 480.0 * exp(-0.35 * ln(n)) + 2000.0 * exp(-0.37 * ln(d));
    let (mut n, mut d, mut l) = (Vec::new(), Vec::new(), Vec::new());
    let mut random = Random::new(6, "forecast test", 0);
    for model in 0..6 {
        for budget in 0..5 {
            n.push(1e7 * exp(f64::from(model)));
            d.push(1e9 * exp(f64::from(budget)));
            l.push(known(n[n.len() - 1], d[d.len() - 1]) * random.log_normal(0.004));
        }
    }
    let measured = Measured { sizes: &[&n, &d], responses: &l, ceiling: None, whole: None };
    let targets = [vec![1e10, 2e11], vec![1e10, 1e10]];
    let (found, _) = forecast(&measured, &targets, 0.9).unwrap();
    for (prediction, target) in found.iter().zip(&targets) {
        let known = known(target[0], target[1]);
        assert!((prediction.value / known - 1.0).abs() < 0.02, "{prediction:?} against {known}");
        assert!(prediction.lower < known && known < prediction.upper, "{prediction:?} against {known}");
    }
}

/// Error rates of a task that falls from chance level around the size 1e9, as a logistic curve of ln(size), with scatter.
fn task(sizes: &[f64], scatter: f64, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed, "task", 0);
    sizes.iter().map(|x| error_rate(*x) + scatter * random.normal()).collect()
}

fn error_rate(size: f64) -> f64 {
    0.05 + 0.7 / (1.0 + size / 1e9)
}

/// A forecast of error rates, which are parts of `whole`.
fn of_share(sizes: &[f64], responses: &[f64], (ceiling, whole): (Option<f64>, f64), at: f64) -> Option<Prediction> {
    let measured = Measured { sizes: &[sizes], responses, ceiling, whole: Some(whole) };
    forecast(&measured, &[vec![at]], 0.9).ok().map(|(predictions, _)| predictions[0])
}

#[test]
fn intervals_of_a_task_whose_fall_has_just_begun_cover_its_error_rate() {
    let sizes: Vec<f64> = (0..12).map(|i| 3e7 * exp(ln(100.0) * f64::from(i) / 11.0)).collect();
    let at = 6e9;
    for ceiling in [None, Some(0.75)] {
        let (mut answered, mut covered) = (0, 0);
        for seed in 0..100 {
            let responses = task(&sizes, 0.006, seed);
            let run = task(&[at], 0.006, 1000 + seed)[0];
            if let Some(p) = of_share(&sizes, &responses, (ceiling, 1.0), at) {
                answered += 1;
                covered += usize::from(p.lower <= run && run <= p.upper);
            }
        }
        assert!(answered >= 90 && covered * 100 >= 84 * answered, "{ceiling:?}: {covered} of {answered}");
    }
}

#[test]
fn a_share_in_per_cent_has_the_forecast_of_the_fraction() {
    let sizes: Vec<f64> = (0..12).map(|i| 3e7 * exp(ln(100.0) * f64::from(i) / 11.0)).collect();
    let fractions = task(&sizes, 0.006, 1);
    let in_per_cent: Vec<f64> = fractions.iter().map(|y| 100.0 * y).collect();
    let fraction = of_share(&sizes, &fractions, (Some(0.75), 1.0), 6e9).unwrap();
    let per_cent = of_share(&sizes, &in_per_cent, (Some(75.0), 100.0), 6e9).unwrap();
    for (one, other) in [(fraction.value, per_cent.value), (fraction.upper, per_cent.upper)] {
        assert!((other / (100.0 * one) - 1.0).abs() < 1e-6, "{one} and {other}");
    }
}

#[test]
fn a_curve_that_rises_over_its_last_runs_is_refused_and_one_that_reaches_its_floor_is_not() {
    for count in [6, 8, 10, 20] {
        let sizes: Vec<f64> = (0..count).map(|i| 1e7 * exp(ln(1e3) * f64::from(i) / f64::from(count - 1))).collect();
        let mut random = Random::new(5, "U", 0);
        let mut responses = |of: &dyn Fn(f64) -> f64| -> Vec<f64> {
            sizes.iter().map(|x| of(ln(x / 1e9)) * random.log_normal(0.003)).collect()
        };
        let turned = responses(&|x| 2.5 + 0.02 * x * x);
        let NoForecast(reason) = along(&sizes, &turned, 2e10).unwrap_err();
        assert!(reason.contains("does not fall throughout") || reason.contains("no trend"), "{count}: {reason}");
        let flat = responses(&|x| 2.2 + 0.05 * exp(-0.6 * x));
        assert!(along(&sizes, &flat, 2e10).is_ok(), "{count} runs at a floor");
    }
}

#[test]
fn weak_signs_of_a_turn_count_together() {
    let sizes: Vec<f64> = (0..16).map(|i| 1e8 * exp(ln(1e3) * f64::from(i) / 15.0)).collect();
    let refused = |of: &dyn Fn(f64) -> f64| {
        let is_refused = |seed: &u64| {
            let mut random = Random::new(*seed, "turn", 0);
            let responses: Vec<f64> = sizes.iter().map(|&x| of(x) * random.log_normal(0.01)).collect();
            along(&sizes, &responses, 1e12).is_err()
        };
        (0..60).filter(is_refused).count()
    };
    // The last four of sixteen runs rise, by two per cent each.
    let turned = refused(&|x| 1.5 + 2.0 * exp(-0.35 * ln(x / 1e8)) + 0.2 * ln(x / 1.8e10).max(0.0));
    assert!(turned >= 50, "{turned} of 60");
    // Runs that have almost reached a floor go up and down by their scatter.
    let flat = refused(&|x| 1.5 + 2.0 * exp(-0.8 * ln(x / 1e8)));
    assert!(flat <= 1, "{flat} of 60");
}

#[test]
fn intervals_of_a_power_law_without_a_floor_cover_larger_runs() {
    let sizes: Vec<f64> = (0..12).map(|i| 1e6 * exp(ln(1e3) * f64::from(i) / 11.0)).collect();
    for exponent in [0.1, 0.3] {
        let truth = |x: f64| 30.0 * exp(-exponent * ln(x / 1e6));
        let (mut covered, mut asked) = (0, 0);
        for seed in 0..60 {
            let mut random = Random::new(seed, "power", 0);
            let responses: Vec<f64> = sizes.iter().map(|&x| truth(x) * random.log_normal(0.01)).collect();
            let (prediction, _) = along(&sizes, &responses, 1e10).unwrap();
            let run = truth(1e10) * random.log_normal(0.01);
            covered += usize::from(prediction.lower <= run && run <= prediction.upper);
            asked += 1;
        }
        assert!(covered * 100 >= 84 * asked, "{exponent}: {covered} of {asked}");
    }
}
