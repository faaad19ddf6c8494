use std::collections::BTreeMap;

use super::draws::{Estimated, followed_or_sought};
use super::*;
use crate::fit::Span;
use crate::law::{Entry, Variable, catalogue, find};

fn quantities(values: &[(&str, f64)]) -> BTreeMap<String, OneOrMany<Quantity>> {
    values.iter().map(|(n, v)| ((*n).to_owned(), serde_json::from_value(serde_json::json!(v)).unwrap())).collect()
}

fn inputs(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect()
}

/// Answers one row of a query with a law at one parameter vector, as if that were the estimate.
fn solve_at(
    kind: &dyn Kind,
    law: &Law,
    parameters: &[f64],
    inputs: &BTreeMap<String, f64>,
) -> Result<Finding, Refusal> {
    let spans = BTreeMap::new();
    let ready = Ready::new(law, &spans, kind.moves(law).as_ref());
    let found = kind.solve(&Model { ready: &ready, parameters, other: None, trail: &Trail::default() }, inputs);
    found.map(in_letters)
}

/// A finding whose outputs have the letters of the literature.
fn in_letters(finding: Finding) -> Finding {
    let outputs = finding.outputs.into_iter().map(|(name, value)| (Cow::from(Roles::default().named(&name)), value));
    Finding { outputs: outputs.collect(), at: finding.at }
}

/// The rows of a query at one parameter vector.
fn solved(kind: &dyn Kind, law: &Law, parameters: &[f64]) -> Vec<Finding> {
    kind.rows(&law.roles).iter().map(|inputs| solve_at(kind, law, parameters, inputs).unwrap()).collect()
}

/// The response of a law.
fn response(law: &Law, parameters: &[f64], at: &BTreeMap<String, f64>) -> f64 {
    let at: Vec<f64> = law.variables.iter().map(|v| at[&v.name]).collect();
    law.tape().value_at(parameters, &at)
}

/// Besiroglu et al. 2024 at the optimum of their objective.
const CHINCHILLA: [f64; 5] = [1.817_218_099, 477.825_869, 0.347_310_499, 2_143.417_357, 0.367_172_432];

#[test]
fn budgets_are_split_as_in_the_closed_form_of_hoffmann() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let [_, a, alpha, b, beta] = CHINCHILLA;
    for c in [1e18, 5.76e23, 1e30] {
        let split =
            solve_at(&ComputeOptimal(quantities(&[("C", c)])), &law, &CHINCHILLA, &inputs(&[("C", c)])).unwrap();
        // N* = G (C/6)^(beta/(alpha+beta)), G = (alpha A / beta B)^(1/(alpha+beta)).
        let g = libm::pow(alpha * a / (beta * b), 1.0 / (alpha + beta));
        let n = g * libm::pow(c / 6.0, beta / (alpha + beta));
        assert!((split.outputs["N"] / n - 1.0).abs() < 1e-12, "{} {n}", split.outputs["N"]);
        assert!((split.outputs["N"] * split.outputs["D"] * 6.0 / c - 1.0).abs() < 1e-12);
    }
}

#[test]
fn published_answers_of_the_chinchilla_replication_are_reproduced() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let at = inputs(&[("C", 5.76e23)]);
    let split = solve_at(&ComputeOptimal(quantities(&[("C", 5.76e23)])), &law, &CHINCHILLA, &at).unwrap();
    assert_eq!(
        format!("{:.3e} {:.4e} {:.6}", split.outputs["N"], split.outputs["D"], split.outputs["loss"]),
        "7.319e10 1.3116e12 1.973912"
    );
    for (target, c) in [(2.0, "2.4305e23"), (1.95, "1.4566e24"), (1.9, "2.0561e25")] {
        let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", target)]) };
        let found = solve_at(&reach, &law, &CHINCHILLA, &inputs(&[("L", target)])).unwrap();
        assert_eq!(format!("{:.4e}", found.outputs["solution"]), c);
    }
}

#[test]
fn every_law_of_n_and_d_has_a_best_split_that_no_neighbour_beats() {
    for entry in catalogue() {
        let law = entry.law().unwrap();
        // A law of the best learning rate has N and D too, but nothing to split.
        if !can_split(&law) || law.response != "L" {
            continue;
        }
        for constants in entry.constants.values() {
            let parameters: Vec<f64> = law.parameters.iter().map(|p| constants.values[&p.name].0).collect();
            let decided = ["N", "D", "C"];
            let others = entry.variables.iter().filter(|(name, _)| !decided.contains(&name.as_str()));
            let held: BTreeMap<String, f64> = others.map(|(name, v)| (name.clone(), v.example())).collect();
            let mut asked = held.clone();
            asked.insert("C".to_owned(), 1e22);
            let split = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &parameters, &asked);
            // With its published constants, the floor falls without limit as models grow.
            if law.name == "farseer" {
                let refusal = split.unwrap_err();
                assert!(
                    matches!(&refusal, Refusal::Undefined(why) if why.contains("larger models are always better")),
                    "{refusal:?}"
                );
                continue;
            }
            let split = split.unwrap().outputs;
            for factor in [1e-3, 0.1, 0.9, 0.99, 1.01, 1.1, 10.0, 1e3] {
                let mut near = inputs(&[("N", split["N"] * factor), ("D", split["D"] / factor), ("C", 1e22)]);
                near.extend(held.clone());
                assert!(response(&law, &parameters, &near) > split["loss"], "{} at {factor}", law.name);
            }
        }
    }
}

#[test]
fn repeated_data_are_split_as_the_authors_do() {
    let entry = find("muennighoff").unwrap();
    let law = entry.law().unwrap();
    let constants = &entry.constants["muennighoff2023"].values;
    let parameters: Vec<f64> = law.parameters.iter().map(|p| constants[&p.name].0).collect();
    // README of huggingface/datablations: 1e22 FLOP with 25 billion unique tokens, found on a grid.
    let asked = inputs(&[("C", 1e22), ("U", 25e9)]);
    let split = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &parameters, &asked).unwrap().outputs;
    assert!((split["D"] / 237_336_955_477.55 - 1.0).abs() < 2e-3, "{}", split["D"]);
    assert!((split["N"] / 7_022_364_735.88 - 1.0).abs() < 2e-3, "{}", split["N"]);
}

#[test]
fn reach_inverts_loss_for_every_variable() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let reach = Reach { solve: "N".to_owned(), values: quantities(&[("L", 2.2), ("D", 1e12)]) };
    let found = solve_at(&reach, &law, &CHINCHILLA, &inputs(&[("L", 2.2), ("D", 1e12)])).unwrap();
    let back = response(&law, &CHINCHILLA, &inputs(&[("N", found.outputs["solution"]), ("D", 1e12)]));
    assert!((back - 2.2).abs() < 1e-12);
}

#[test]
fn a_target_below_the_floor_is_refused_with_the_floor() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", 1.8)]) };
    let refusal = solve_at(&reach, &law, &CHINCHILLA, &inputs(&[("L", 1.8)])).unwrap_err();
    let reason = "not reachable: the floor is 1.8172 for any C".to_owned();
    assert_eq!(refusal, Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) });
    let reach = Reach { solve: "N".to_owned(), values: quantities(&[("L", 1.9), ("D", 1e10)]) };
    assert!(matches!(
        solve_at(&reach, &law, &CHINCHILLA, &inputs(&[("L", 1.9), ("D", 1e10)])),
        Err(Refusal::NotReachable { .. })
    ));
}

#[test]
fn questions_that_a_law_cannot_answer_are_refused_beforehand() {
    let power = find("power").unwrap().law().unwrap();
    assert!(ComputeOptimal(quantities(&[("C", 1e21)])).check(&power).is_err());
    let hoffmann = find("hoffmann").unwrap().law().unwrap();
    let faults = Loss { at: quantities(&[("N", 1e9)]), schedule: None }.check(&hoffmann).unwrap_err();
    assert!(faults[0].message.contains("`D` is missing"));
    let faults = Loss { at: quantities(&[("N", 1e9), ("D", -1.0)]), schedule: None }.check(&hoffmann).unwrap_err();
    assert_eq!(faults[0].key.as_deref(), Some("D"));
    let faults = Reach { solve: "X".to_owned(), values: quantities(&[("L", 2.0)]) }.check(&hoffmann).unwrap_err();
    assert_eq!(faults[0].hint.as_deref(), Some("it can be solved for `N`, `D` and `C`"));
}

/// Rounded constants of Hoffmann et al. 2022, which arXiv:2603.22339 uses in its analysis of Approach 2.
const ROUNDED: [f64; 5] = [1.69, 406.4, 0.34, 410.7, 0.28];

fn spec<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn approach_2_misses_noise_free_curves_by_the_published_digits() {
    let law = find("hoffmann").unwrap().law().unwrap();
    for (width, known, bias) in [
        (2, "4.022640080e12", -0.326_938),
        (4, "3.983323493e12", -1.301_125),
        (8, "3.918678311e12", -2.902_905),
        (16, "3.829997308e12", -5.100_245),
    ] {
        let budgets = [1e17, 1e18, 1e19, 1e20, 1e21];
        let isoflop: Isoflop = spec(serde_json::json!({ "C": budgets, "at": 1e24, "width": width, "points": 15 }));
        let rows = solved(&isoflop, &law, &ROUNDED);
        let last = &rows[budgets.len()].outputs;
        assert_eq!(format!("{:.9e}", last["parabola_D"]), known);
        assert!((100.0 * (last["parabola_D"] / last["D"] - 1.0) - bias).abs() < 5e-7, "{width}");
        assert!((last["D"] / 4.035_834_749_563_681e12 - 1.0).abs() < 1e-12);
    }
}

#[test]
fn the_curve_of_a_budget_has_its_minimum_at_the_best_split() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let sizes = [1e9, 2e9, 4e9];
    let isoflop: Isoflop = spec(serde_json::json!({ "C": 1e21, "curve": true, "points": 9, "sizes": sizes }));
    let rows = solved(&isoflop, &law, &CHINCHILLA);
    assert_eq!(rows.len(), 10);
    for row in &rows[1..] {
        assert!(row.outputs["loss"] >= rows[0].outputs["loss"] * (1.0 - 1e-15));
        assert!((6.0 * row.outputs["N"] * row.outputs["D"] / 1e21 - 1.0).abs() < 1e-12);
    }
    // The best size is 2.79 billion; the nearest of the three is two billion.
    assert_eq!(rows[0].outputs["envelope_N"], 2e9);
}

#[test]
fn serving_makes_the_best_model_smaller_and_stationary() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let query: InferenceAware = spec(serde_json::json!({ "loss": 2.1, "serve": [0, "100B", "1T", "100T"] }));
    let rows = solved(&query, &law, &CHINCHILLA);
    let [e, a, alpha, b, beta] = CHINCHILLA;
    let cost = |n: f64, d: f64, serve: f64| 6.0 * n * d + 2.0 * n * serve;
    for (finding, serve) in rows.iter().zip([0.0, 1e11, 1e12, 1e14]) {
        let (n, d) = (finding.outputs["N"], finding.outputs["D"]);
        let (by_n, by_d) = (alpha * a * libm::pow(n, -alpha), beta * b * libm::pow(d, -beta));
        assert!((by_n / ((1.0 + serve / (3.0 * d)) * by_d) - 1.0).abs() < 1e-9, "{serve}");
        for factor in [0.98, 1.02] {
            let other = n * factor;
            let left = 2.1 - e - a * libm::pow(other, -alpha);
            assert!(cost(other, libm::pow(left / b, -1.0 / beta), serve) > finding.outputs["total_C"], "{serve}");
        }
    }
    assert_eq!(rows[0].outputs["saving"], 0.0);
    assert!(rows.windows(2).all(|pair| pair[1].outputs["N"] < pair[0].outputs["N"]));
    assert!(rows.windows(2).all(|pair| pair[1].outputs["saving"] > pair[0].outputs["saving"]));
}

#[test]
fn the_best_split_with_serving_is_the_cheapest_for_its_response() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let query: Allocate = spec(serde_json::json!({ "C": [1e22, 1e24], "serve": "2T" }));
    for finding in solved(&query, &law, &CHINCHILLA) {
        let [n, d] = ["N", "D"].map(|name| finding.outputs[name]);
        let total = finding.outputs["training_C"] + finding.outputs["serving_C"];
        assert!((total - n * (6.0 * d + 2.0 * 2e12)).abs() < 1e-9 * total);
        let loss = finding.outputs["loss"];
        let cheapest: InferenceAware = spec(serde_json::json!({ "loss": loss, "serve": "2T" }));
        let cheapest = solved(&cheapest, &law, &CHINCHILLA).remove(0).outputs;
        assert!((cheapest["N"] / n - 1.0).abs() < 1e-6 && (cheapest["total_C"] / total - 1.0).abs() < 1e-9);
    }
}

#[test]
fn a_family_shares_a_budget_with_equal_benefit_of_a_flop() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let [.., b, beta] = CHINCHILLA;
    let weights = [1.0, 2.0, 0.5];
    let query: Allocate =
        spec(serde_json::json!({ "C": 1e23, "serve": "100B", "sizes": ["1B", "8B", "30B"], "weights": weights }));
    let rows = solved(&query, &law, &CHINCHILLA);
    let used = |i: usize| {
        let [n, d] = ["N", "D"].map(|name| rows[i].outputs[name]);
        weights[i] * beta * b * libm::pow(d, -beta) / (n * d)
    };
    assert!((used(1) / used(0) - 1.0).abs() < 1e-7 && (used(2) / used(0) - 1.0).abs() < 1e-7);
    let spent: f64 = rows.iter().map(|r| r.outputs["training_C"] + r.outputs["serving_C"]).sum();
    assert!((spent / 1e23 - 1.0).abs() < 1e-7, "{spent}");
}

#[test]
fn limited_data_leave_budget_for_size_or_other_models() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let one: Allocate = spec(serde_json::json!({ "C": 1e24, "unique": "100B", "epochs": 4 }));
    let one = solved(&one, &law, &CHINCHILLA).remove(0).outputs;
    assert_eq!(one["D"], 4e11);
    assert!((one["training_C"] / 1e24 - 1.0).abs() < 1e-12);
    let open = serde_json::json!({ "C": 1e23, "sizes": ["1B", "8B", "30B"] });
    let mut few = open.clone();
    few["unique"] = serde_json::json!("200B");
    let data = |query: serde_json::Value| -> Vec<f64> {
        let query: Allocate = spec(query);
        solved(&query, &law, &CHINCHILLA).iter().map(|row| row.outputs["D"]).collect()
    };
    let (open, few) = (data(open), data(few));
    assert!(open[0] > 8e11 && (few[0] / 8e11 - 1.0).abs() < 1e-12, "{open:?} {few:?}");
    assert!(few[1] > open[1] && few[2] > open[2]);
}

#[test]
fn the_cost_of_a_smaller_model_is_the_wasted_compute() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let [e, a, alpha, b, beta] = CHINCHILLA;
    let best: Overtrain = spec(serde_json::json!({ "C": 1e22, "factor": 1 }));
    let best = solved(&best, &law, &CHINCHILLA).remove(0).outputs;
    assert!(best["excess"].abs() < 1e-15 && (best["overhead"] - 1.0).abs() < 1e-9, "{best:?}");
    let small: Overtrain = spec(serde_json::json!({ "C": 1e22, "N": "1B" }));
    let small = solved(&small, &law, &CHINCHILLA).remove(0).outputs;
    // C(L) = 6 ((L - E) / (A G^-alpha + B G^beta))^-(alpha + beta)/(alpha beta).
    let g = libm::pow(alpha * a / (beta * b), 1.0 / (alpha + beta));
    let scale = a * libm::pow(g, -alpha) + b * libm::pow(g, beta);
    let equal = 6.0 * libm::pow((small["loss"] - e) / scale, -(alpha + beta) / (alpha * beta));
    assert!((small["equal_C"] / equal - 1.0).abs() < 1e-9, "{small:?}");
    assert!((small["overhead"] * equal / 1e22 - 1.0).abs() < 1e-9 && small["excess"] > 0.0);
}

#[test]
fn the_gain_from_more_compute_agrees_with_the_closed_form() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let marginal: Marginal = spec(serde_json::json!({ "C": [1e20, 1e24] }));
    let [e, _, alpha, _, beta] = CHINCHILLA;
    for row in solved(&marginal, &law, &CHINCHILLA) {
        let out = row.outputs;
        let slope = -alpha * beta / (alpha + beta) * (out["loss"] - e) / out["loss"];
        assert!((out["elasticity"] / slope - 1.0).abs() < 1e-9);
        // A power law of compute above the floor.
        let shrinks = libm::pow(10.0, -alpha * beta / (alpha + beta));
        assert!(((out["next_loss"] - e) / ((out["loss"] - e) * shrinks) - 1.0).abs() < 1e-9);
        assert_eq!(out["gain"], out["loss"] - out["next_loss"]);
    }
}

#[test]
fn two_laws_are_compared_by_compute_and_cross_where_they_are_equal() {
    let variable = Variable { name: "C".to_owned(), unit: None, meaning: None, counts: None };
    let law = Law::from_formula("power", "L = A / C^alpha", &[variable]).unwrap();
    let at = |a: f64, alpha: f64| -> Vec<f64> {
        law.parameters.iter().map(|p| if p.name == "A" { a } else { alpha }).collect()
    };
    let (one, two) = (at(20.0, 0.05), at(40.0, 0.065));
    let compare: Compare = spec(serde_json::json!({ "with": "two", "C": 1e20 }));
    let compared = |one: &[f64], two: &[f64]| {
        let spans = BTreeMap::new();
        let ready = Ready::new(&law, &spans, compare.moves(&law).as_ref());
        let trails = [Trail::default(), Trail::default()];
        let other = Model { ready: &ready, parameters: two, other: None, trail: &trails[1] };
        let model = Model { ready: &ready, parameters: one, other: Some(&other), trail: &trails[0] };
        in_letters(compare.solve(&model, &compare.rows(&law.roles)[0]).unwrap()).outputs
    };
    let out = compared(&one, &two);
    let equal = libm::pow(40.0 / out["loss"], 1.0 / 0.065);
    assert!((out["multiplier"] * 1e20 / equal - 1.0).abs() < 1e-9, "{out:?}");
    let crossing = libm::pow(40.0 / 20.0, 1.0 / 0.015);
    assert!((out["crossover_C"] / crossing - 1.0).abs() < 1e-9, "{out:?}");
    let out = compared(&one, &one);
    assert!((out["multiplier"] - 1.0).abs() < 1e-9 && !out.contains_key("crossover_C"), "{out:?}");
}

/// The over-training study of this repository: average error as a function of the loss (Gadre et al. 2024,
/// arXiv:2403.08540).
const SATURATING: &str = "err = 0.857 - 2.206 * exp(-0.7146 * (1.8366 + 166.2 / N^0.27285 + 287.1 / D^0.27285))";

fn law_of(formula: &str) -> Law {
    let variables = ["N", "D", "C", "U", "x", "lr"].map(|name| Variable {
        name: name.to_owned(),
        unit: None,
        meaning: None,
        counts: None,
    });
    Law::from_formula("own", formula, &variables).unwrap()
}

/// N and D of the loss inside the saturating law, in closed form.
fn split_of_saturating(c: f64) -> (f64, f64) {
    let n = libm::pow(166.2 / 287.1, 1.0 / (2.0 * 0.27285)) * libm::pow(c / 6.0, 0.5);
    (n, c / 6.0 / n)
}

#[test]
fn a_saturating_response_has_the_split_of_the_loss_inside_it() {
    let law = law_of(SATURATING);
    for c in [1e16, 1e18, 1e20, 1e22, 1e26, 1e40] {
        let split = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], &inputs(&[("C", c)])).unwrap().outputs;
        let (n, d) = split_of_saturating(c);
        assert!((split["N"] / n - 1.0).abs() < 1e-11 && (split["D"] / d - 1.0).abs() < 1e-11, "{c}: {split:?}");
    }
    let split = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], &inputs(&[("C", 1e20)])).unwrap().outputs;
    assert_eq!(format!("{:.2e} {:.2e}", split["N"], split["D"]), "1.50e9 1.11e10");
}

#[test]
fn an_accuracy_is_split_at_its_highest_and_reached_from_below() {
    let falling = law_of(SATURATING);
    let rising = law_of(&SATURATING.replace("err = 0.857 - ", "acc = 1 - 0.857 + "));
    for question in [
        Question::ComputeOptimal(ComputeOptimal(quantities(&[("C", 1e20)]))),
        Question::Isoflop(spec(serde_json::json!({ "C": [1e19, 1e20], "at": 1e22, "sizes": [1e8, 1e9, 1e10] }))),
        Question::Marginal(spec(serde_json::json!({ "C": [1e20, 1e22] }))),
        Question::Overtrain(spec(serde_json::json!({ "C": 1e20, "factor": 0.25 }))),
    ] {
        let kind = question.member();
        for (error, accuracy) in solved(kind, &falling, &[]).iter().zip(&solved(kind, &rising, &[])) {
            for name in ["N", "D", "gain", "parabola_D", "envelope_N", "equal_C", "overhead", "model_N"] {
                let [one, other] = [error, accuracy].map(|finding| finding.outputs.get(name).copied());
                let same = one.zip(other).is_none_or(|(a, b)| (a / b - 1.0).abs() < 1e-9);
                assert!(same && one.is_some() == other.is_some(), "{} {name}: {one:?} {other:?}", question.name());
            }
            if let Some(loss) = error.outputs.get("loss") {
                assert!((loss + accuracy.outputs["loss"] - 1.0).abs() < 1e-12);
            }
        }
    }
    for solve in ["C", "N"] {
        let question = |name: &str, value: f64| Reach {
            solve: solve.to_owned(),
            values: quantities(if solve == "N" { &[("D", 1e11)] } else { &[] })
                .into_iter()
                .chain(quantities(&[(name, value)]))
                .collect(),
        };
        let error = &solved(&question("err", 0.5), &falling, &[])[0].outputs["solution"];
        let accuracy = &solved(&question("acc", 0.5), &rising, &[])[0].outputs["solution"];
        assert!((error / accuracy - 1.0).abs() < 1e-9, "{error} {accuracy}");
    }
    let served = |response: f64| -> InferenceAware { spec(serde_json::json!({ "loss": response, "serve": "1T" })) };
    let [error, accuracy] =
        [solved(&served(0.4), &falling, &[]), solved(&served(0.6), &rising, &[])].map(|rows| rows[0].outputs.clone());
    for (name, value) in &error {
        assert!((value / accuracy[name] - 1.0).abs() < 1e-9, "{name}: {value} {}", accuracy[name]);
    }
}

#[test]
fn a_saturating_response_needs_the_budget_of_the_loss_inside_it() {
    let law = law_of(SATURATING);
    for target in [0.85, 0.7, 0.5, 0.4, 0.32] {
        let reach = Reach { solve: "C".to_owned(), values: quantities(&[("err", target)]) };
        let found = solve_at(&reach, &law, &[], &inputs(&[("err", target)])).unwrap().outputs;
        // With equal exponents the reducible loss of the best split is 2 sqrt(A B) (C / 6)^(-alpha / 2).
        let loss = libm::log(2.206 / (0.857 - target)) / 0.7146 - 1.8366;
        let c = 6.0 * libm::pow(2.0 * (166.2_f64 * 287.1).sqrt() / loss, 2.0 / 0.27285);
        assert!((found["solution"] / c - 1.0).abs() < 1e-10, "{target}: {} {c}", found["solution"]);
        assert!((found["N"] / split_of_saturating(c).0 - 1.0).abs() < 1e-10);
    }
    let threshold = Threshold(Reach { solve: "C".to_owned(), values: quantities(&[("err", 0.2)]) });
    let refusal = solve_at(&threshold, &law, &[], &inputs(&[("err", 0.2)])).unwrap_err();
    let floor = 0.857 - 2.206 * libm::exp(-0.7146 * 1.8366);
    let reason = format!("not reachable: the floor is {floor:.4} for any C");
    assert_eq!(refusal, Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) });
}

#[test]
fn a_cost_without_embeddings_is_spent_by_models_larger_than_them() {
    let law = Arc::new(law_of("L = 1.69 + 406.4 / N^0.34 + 410.7 / D^0.28"));
    for (compute, data) in [
        ("6 * (N - 1e8) * D", (|c, n| c / 6.0 / (n - 1e8)) as fn(f64, f64) -> f64),
        ("6 * (N - 1e8) * (D - 1e9)", |c, n| 1e9 + c / 6.0 / (n - 1e8)),
    ] {
        let cost = crate::law::Cost::new("own", compute, "2 * N", &law.variables).unwrap();
        let priced = law.costing(&Arc::new(cost));
        // For much less compute the best model has 1e8 parameters, which cost nothing.
        for c in [1e21, 1e23, 1e25] {
            let split = solve_at(&ComputeOptimal(BTreeMap::new()), &priced, &[], &inputs(&[("C", c)])).unwrap().outputs;
            let loss = |n: f64| 1.69 + 406.4 / libm::pow(n, 0.34) + 410.7 / libm::pow(data(c, n), 0.28);
            let all = (1..40_000).map(|i| 1e8 + libm::exp(10.0 + 25.0 * f64::from(i) / 40_000.0));
            let least = all.map(loss).fold(f64::INFINITY, f64::min);
            assert!((split["loss"] - least).abs() < 1e-7 && split["loss"] <= least, "{compute} {c}: {split:?}");
            assert!((split["D"] / data(c, split["N"]) - 1.0).abs() < 1e-8, "{compute} {c}: {split:?}");
        }
    }
}

#[test]
fn the_deeper_of_two_valleys_is_the_best_split() {
    // Two wells in tokens per parameter; the one at 200 is narrower and deeper than the one at 2.
    let law = law_of(
        "L = 2 + 1 / N^0.1 - 0.3 * exp(-((ln(D / N) - ln(2)) / 1.5)^2) - 0.5 * exp(-((ln(D / N) - ln(200)) / 0.2)^2)",
    );
    for c in [1e12, 1e18, 1e24] {
        let split = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], &inputs(&[("C", c)])).unwrap().outputs;
        let ratio = split["D"] / split["N"];
        assert!((ratio / 200.0 - 1.0).abs() < 0.05, "{c}: {ratio}");
        for step in -4000..4000 {
            let n = libm::exp(0.5 * (libm::log(c / 6.0) - libm::log(200.0) + 0.005 * f64::from(step)));
            let near = inputs(&[("N", n), ("D", c / 6.0 / n), ("C", c)]);
            assert!(response(&law, &[], &near) >= split["loss"] * (1.0 - 1e-14));
        }
    }
}

#[test]
fn no_split_is_best_where_the_response_is_flat_or_an_end_is_better() {
    let asked = inputs(&[("C", 1e20)]);
    let refused = |formula: &str, asked: &BTreeMap<String, f64>| {
        let law = law_of(formula);
        match solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], asked).unwrap_err() {
            Refusal::Undefined(reason) => reason,
            other @ Refusal::NotReachable { .. } => panic!("{other:?}"),
        }
    };
    // Only compute matters; saturated to the last digit; a floor below both terms; larger and larger models.
    assert!(refused("L = 2 + 1e3 / (N * D)^0.2", &asked).contains("no split is best"));
    assert!(refused(SATURATING, &inputs(&[("C", 1e6)])).contains("no split is best"));
    assert!(refused("L = max(2, 1 + 100 / N^0.3 + 100 / D^0.3)", &asked).contains("no split is best"));
    let larger = refused("L = 2 + 1e3 / N^0.3 + D^0.01", &asked);
    assert!(larger.contains("larger models are always better"), "{larger}");
    let smaller = refused("L = 2 + N^0.01 + 1e3 / D^0.3", &asked);
    assert!(smaller.contains("smaller models are always better"), "{smaller}");
    let nothing = refused("L = ln(N * D - 1e30)", &asked);
    assert!(nothing.contains("no finite value"), "{nothing}");
    assert!(
        refused("L = 1 / N^0.3 + 1 / D^0.3", &inputs(&[("C", 1e-300)]))
            .contains("are not enough to train one parameter")
    );
}

#[test]
fn a_variable_without_a_value_is_refused() {
    let law = law_of("L = 1.7 + 400 / N^0.34 + 410 / D^0.28 + N / U");
    let refusal = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], &inputs(&[("C", 1e20)])).unwrap_err();
    assert!(matches!(refusal, Refusal::Undefined(reason) if reason.contains("`U` has no value")));
}

#[test]
fn one_variable_is_found_where_the_response_first_meets_the_target() {
    let law = law_of("L = 2 + 0.01 * (ln(C) - 20)^2");
    let reach = |target: f64| {
        let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", target)]) };
        solve_at(&reach, &law, &[], &inputs(&[("L", target)])).map(|found| libm::log(found.outputs["solution"]))
    };
    assert!((reach(2.25).unwrap() - 15.0).abs() < 1e-12);
    // Between two points of the grid.
    assert!((reach(2.000_001).unwrap() - 19.99).abs() < 1e-6);
    let refusal = reach(1.9).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::NotReachable { reason, beyond: None } if reason.contains("its lowest is 2.0000")),
        "{refusal:?}"
    );
}

/// A fit with given values and ranges, and default values for everything about its rows.
fn fit_of(law: &Law, free: &[f64], spans: &[(&str, [f64; 2])]) -> Fit {
    Fit {
        law: law.name.clone(),
        formula: law.formula.clone(),
        rows: 100,
        objective: Some(1.0),
        objective_kind: String::new(),
        scale: crate::objective::ResponseScale::Raw,
        free: free.to_vec(),
        parameters: BTreeMap::new(),
        evidence: crate::fit::Evidence { converged: true, ..Default::default() },
        holdout: None,
        backtest: None,
        choice: None,
        profiles: Vec::new(),
        regions: Vec::new(),
        uncertainty: None,
        level: Some(0.9),
        spans: spans
            .iter()
            .map(|(name, [lowest, highest])| ((*name).to_owned(), Span { lowest: *lowest, highest: *highest }))
            .collect(),
        rays: Vec::new(),
        noise: crate::fit::Noise { residuals: vec![-0.05, 0.0, 0.05], trend: None, ..Default::default() },
        draws: 0,
        flat: Vec::new(),
        equals: Vec::new(),
        far: Vec::new(),
        too_few_settings: Vec::new(),
        range: None,
        seen: None,
        by: None,
        groups: BTreeMap::new(),
    }
}

/// Draws around an estimate: each parameter multiplied by a factor around 1.
fn scattered(free: &[f64], deviation: f64, count: usize) -> Points {
    let mut random = crate::numerics::Random::new(7, "scattered", 0);
    let mut around = |value: f64| value * crate::numerics::exp(deviation * random.normal());
    (0..count).map(|_| free.iter().map(|value| around(*value)).collect()).collect()
}

/// Identical draws.
fn always(free: &[f64]) -> Points {
    std::iter::repeat_n(free.to_vec(), 200).collect()
}

/// Every kind of question that applies to a law, about one budget and the responses there.
fn questions(law: &Law, entry: Option<&Entry>, c: f64, response: f64) -> Vec<Question> {
    let example = |name: &str| {
        let variable = law.variables.iter().find(|v| v.name == name).unwrap();
        entry.map_or(1e9, |entry| entry.example(variable))
    };
    let others: Vec<&str> =
        law.sizes().map(|v| v.name.as_str()).filter(|name| !matches!(*name, "N" | "D" | "C")).collect();
    let hold: serde_json::Map<String, serde_json::Value> =
        others.iter().map(|name| ((*name).to_owned(), serde_json::json!(example(name)))).collect();
    let with = |mut table: serde_json::Value, more: &serde_json::Map<String, serde_json::Value>| {
        table.as_object_mut().unwrap().extend(more.clone());
        table
    };
    let of_response = |solve: &str| {
        let mut table = serde_json::json!({ "solve": solve });
        table[&law.response] = response.into();
        table
    };
    let held = serde_json::json!({ "hold": hold });
    let held = held.as_object().unwrap();
    let at: BTreeMap<&str, f64> = law.sizes().map(|v| (v.name.as_str(), example(&v.name))).collect();
    let mut all = vec![Question::Loss(spec(serde_json::json!(at)))];
    for name in at.keys() {
        let others: serde_json::Map<String, serde_json::Value> =
            at.iter().filter(|(other, _)| *other != name).map(|(n, v)| ((*n).to_owned(), (*v).into())).collect();
        all.push(Question::Reach(spec(with(of_response(name), &others))));
    }
    all.extend([
        Question::Reach(spec(with(of_response("C"), &hold))),
        Question::Threshold(Threshold(spec(with(of_response("C"), &hold)))),
        Question::ComputeOptimal(spec(with(serde_json::json!({ "C": c }), &hold))),
        Question::Isoflop(spec(with(
            serde_json::json!({ "C": [c, 10.0 * c], "at": 100.0 * c, "sizes": [1e8, 1e9] }),
            held,
        ))),
        Question::InferenceAware(spec(with(serde_json::json!({ "loss": response, "serve": [0, "1T"] }), held))),
        Question::Overtrain(spec(with(serde_json::json!({ "C": c, "factor": 0.25 }), held))),
        Question::Overtrain(spec(with(serde_json::json!({ "C": c, "N": "100M" }), held))),
        Question::Marginal(spec(with(serde_json::json!({ "C": c }), held))),
        Question::Compare(spec(with(serde_json::json!({ "with": "itself", "C": c }), held))),
    ]);
    all.retain(|question| question.member().check(law).is_ok());
    all
}

/// Laws of the catalogue at their constants or typical values, and two laws that saturate.
fn laws() -> Vec<(Law, Option<&'static Entry>, Vec<f64>)> {
    let known = catalogue().iter().filter_map(|entry| {
        let law = entry.law().ok().filter(|law| !law.takes_schedule())?;
        let free = entry.simulated(&law);
        Some((law, Some(entry), free))
    });
    let own = |formula: &str, free: &[f64]| (law_of(formula), None, free.to_vec());
    known
        .chain([
            own(
                "err = eps - k * exp(-g * (E + A / N^alpha + B / D^beta))",
                &[0.857, 2.206, 0.7146, 1.8366, 166.2, 0.27285, 287.1, 0.27285],
            ),
            own(
                "acc = a / (1 + exp(k * (E + A / N^alpha + B / D^beta - m)))",
                &[0.9, 8.0, 1.7, 400.0, 0.34, 410.0, 0.28, 2.2],
            ),
        ])
        .collect()
}

#[test]
fn every_interval_of_every_kind_and_law_contains_its_estimate() {
    let mut answered = BTreeMap::new();
    for (law, entry, free) in laws() {
        let spans = [("N", [1e7, 1e9]), ("D", [1e9, 1e11]), ("C", [1e17, 1e21])];
        let fit = fit_of(&law, &free, &spans);
        let draws = scattered(&free, 0.03, 60);
        let other = fit_of(&law, &scattered(&free, 0.05, 1)[0], &spans);
        let at: BTreeMap<String, f64> = law
            .variables
            .iter()
            .map(|v| (v.name.clone(), entry.as_ref().map_or(3e9, |entry| entry.example(v))))
            .collect();
        let level = response(&law, &free, &at);
        for question in questions(&law, entry, 1e21, level) {
            let beside = Other { law: &law, fit: &other, draws: &draws };
            let answer = answer(&question, &law, &fit, &draws, Some(beside), 1);
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer, "{} {question:?}", law.name);
            for row in &answer.rows {
                assert!(row.note.is_some() || !row.outputs.is_empty(), "{} {question:?}: {row:?}", law.name);
                for (name, interval) in &row.outputs {
                    let value = interval.value.unwrap_or(if interval.upper.is_none() { f64::INFINITY } else { 0.0 });
                    let above = interval.lower.is_none_or(|lower| lower <= value);
                    let below = interval.upper.is_none_or(|upper| value <= upper);
                    assert!(above && below, "{} {question:?} {name}: {interval:?}", law.name);
                }
                *answered.entry(question.name()).or_insert(0) += usize::from(row.note.is_none());
            }
        }
    }
    // Every kind was queried, and several laws answered each.
    assert_eq!(answered.len(), 9, "{answered:?}");
    assert!(answered.values().all(|count| *count >= 10), "{answered:?}");
}

#[test]
fn a_warm_start_gives_the_answer_of_a_search_from_scratch() {
    for (law, entry, free) in laws() {
        let spans = BTreeMap::new();
        let at: BTreeMap<String, f64> = law
            .variables
            .iter()
            .map(|v| (v.name.clone(), entry.as_ref().map_or(3e9, |entry| entry.example(v))))
            .collect();
        let level = response(&law, &free, &at);
        for question in questions(&law, entry, 1e21, level) {
            let kind = question.member();
            let ready = Ready::new(&law, &spans, kind.moves(&law).as_ref());
            for inputs in kind.rows(&law.roles) {
                let solve = |parameters: &[f64], trails: [&Trail<'_>; 2]| {
                    let other = Model { ready: &ready, parameters: &free, other: None, trail: trails[1] };
                    let model = Model { ready: &ready, parameters, other: Some(&other), trail: trails[0] };
                    kind.solve(&model, &inputs)
                };
                let laid = [Trail::default(), Trail::default()];
                // Draws are answered only where the estimate has an answer or is out of reach.
                let estimate = solve(&free, [&laid[0], &laid[1]]);
                let estimated = match &estimate {
                    Ok(finding) => Estimated::Outputs(finding.outputs.len()),
                    Err(Refusal::NotReachable { beyond, .. }) => Estimated::OutOfReach(*beyond),
                    Err(Refusal::Undefined(_)) => continue,
                };
                // Only the outputs of the estimate count; without a crossing at the estimate, crossings of draws are
                // not used.
                let is_read = |name: &str| estimate.as_ref().map_or(true, |found| found.outputs.contains_key(name));
                let laid = laid.map(Trail::laid);
                for draw in &scattered(&free, 0.1, 5) {
                    let trails = [laid[0].as_slice(), laid[1].as_slice()];
                    let warm = followed_or_sought(trails, estimated, |[own, other]| solve(draw, [&own, &other]));
                    let cold = solve(draw, [&Trail::default(), &Trail::default()]);
                    match (warm, cold) {
                        (Ok(warm), Ok(cold)) => {
                            let read = |found: &Finding| found.outputs.keys().filter(|name| is_read(name)).count();
                            assert_eq!(read(&warm), read(&cold), "{} {question:?}", law.name);
                            for (name, value) in cold.outputs.iter().filter(|(name, _)| is_read(name)) {
                                let apart = (warm.outputs[name] - value).abs();
                                let scale = if *name == "saving" || *name == "gain" { 1.0 } else { value.abs() };
                                assert!(
                                    apart <= 1e-7 * scale,
                                    "{} {question:?} {name}: {} {value}",
                                    law.name,
                                    warm.outputs[name]
                                );
                            }
                        }
                        (Err(warm), Err(cold)) => assert_eq!(
                            std::mem::discriminant(&warm),
                            std::mem::discriminant(&cold),
                            "{} {question:?}: {warm:?} {cold:?}",
                            law.name
                        ),
                        (warm, cold) => panic!("{} {question:?}: {warm:?} {cold:?}", law.name),
                    }
                }
            }
        }
    }
}

#[test]
fn extreme_inputs_are_answered_with_numbers_or_refused_with_a_reason() {
    let extremes =
        [(1e-300, 1e-300), (1e-300, 1.0), (5.9, 1e300), (1.0, 1e-3), (1e30, 1e-300), (1e300, 1.0), (1e300, 1e300)];
    for (law, entry, free) in laws() {
        let fit = fit_of(&law, &free, &[("N", [1e7, 1e9]), ("D", [1e9, 1e11]), ("C", [1e17, 1e21])]);
        let draws = scattered(&free, 0.03, 4);
        for (c, response) in extremes {
            for mut question in questions(&law, entry, c, response) {
                match &mut question {
                    Question::Loss(loss) => loss.at.values_mut().for_each(|at| *at = spec(serde_json::json!(c))),
                    Question::Marginal(marginal) => marginal.factor = Quantity(1e300),
                    Question::Overtrain(overtrain) => overtrain.factor = overtrain.factor.map(|_| Quantity(c)),
                    _ => (),
                }
                let other = Other { law: &law, fit: &fit, draws: &draws };
                let answer = answer(&question, &law, &fit, &draws, Some(other), 1);
                let text = serde_json::to_string(&answer).unwrap();
                let read: Answer = serde_json::from_str(&text)
                    .unwrap_or_else(|error| panic!("{} {question:?}: {error} in {text}", law.name));
                assert_eq!(read, answer, "{} {question:?}", law.name);
                let said = |row: &Row| row.note.as_ref().is_some_and(|note| !note.is_empty());
                let numbers = |row: &Row| row.outputs.values().all(|cell| cell.value.is_some());
                assert!(answer.rows.iter().all(|row| said(row) || numbers(row)), "{} {question:?}", law.name);
            }
        }
    }
}

#[test]
fn a_target_near_the_floor_reports_the_share_of_draws_that_reach_it() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let fit = fit_of(&law, &CHINCHILLA, &[]);
    // Floors from 1.7672 to 1.8672 in equal steps.
    let draw = |i: u32| [vec![CHINCHILLA[0] + 0.001 * (f64::from(i) - 50.0)], CHINCHILLA[1..].to_vec()].concat();
    let draws: Points = (0..=100).map(draw).collect();
    let ask = |target: f64| {
        let question = Question::Reach(Reach { solve: "C".to_owned(), values: quantities(&[("L", target)]) });
        answer(&question, &law, &fit, &draws, None, 1).rows.remove(0)
    };
    let beyond = ask(1.8);
    assert_eq!((beyond.reach.verdict, beyond.answered), (Verdict::NotReachable, Some(33.0 / 101.0)));
    let solution = beyond.outputs["solution"];
    assert!(solution.value.is_none() && solution.upper.is_none() && solution.lower.unwrap() > 1e24, "{solution:?}");
    let note = beyond.note.unwrap();
    assert!(
        note.starts_with("not reachable: the floor is 1.8172 for any C; 33 % of the draws reach it, from"),
        "{note}"
    );
    let within = ask(1.83);
    assert_eq!(within.answered, Some(63.0 / 101.0));
    let solution = within.outputs["solution"];
    assert!(solution.lower.unwrap() < solution.value.unwrap() && solution.upper.is_none(), "{solution:?}");
    // The smallest budget exceeds the target's budget, so every split is already better.
    let at_once = ask(1e9);
    assert_eq!((at_once.reach.verdict, at_once.answered), (Verdict::NotReachable, None));
    assert!(at_once.outputs.is_empty());
}

#[test]
fn every_value_that_meets_the_target_is_named_with_the_answer() {
    let law = law_of("L = 2 + 0.01 * (ln(lr) + a)^2");
    let fit = fit_of(&law, &[7.0], &[("lr", [1e-4, 1e-2])]);
    let ask = |target: f64| {
        let reach = Reach { solve: "lr".to_owned(), values: quantities(&[("L", target)]) };
        let answer = answer(&Question::Reach(reach), &law, &fit, &always(&[7.0]), None, 1);
        (answer.rows[0].outputs["solution"].value.unwrap(), answer.warnings)
    };
    // ln lr = -7 +- 1.
    let (value, warnings) = ask(2.01);
    assert!((libm::log(value) + 8.0).abs() < 1e-12);
    let told = "At L = 2.01: L is reached at lr = 0.0003355 and lr = 0.002479; the answer is the smallest among the rows, \
                or else the nearest to them.";
    assert!(warnings.iter().any(|warning| warning.text == told), "{warnings:?}");
    let falling = law_of("L = 2 + a / C");
    let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", 2.5)]) };
    let fit = fit_of(&falling, &[7.0], &[("C", [1.0, 10.0])]);
    let answer = answer(&Question::Reach(reach), &falling, &fit, &always(&[7.0]), None, 1);
    assert!(answer.warnings.iter().all(|warning| !warning.text.contains("is reached at")));
}

/// The answer at the estimate of a law in one variable `x`, whose rows span `rows`, within `subject_to`.
fn over_x(formula: &str, rows: [f64; 2], question: serde_json::Value, subject_to: &str) -> Answer {
    let law = law_of(formula);
    let fit = fit_of(&law, &[], &[("x", rows)]);
    let question: Question = serde_json::from_value(question).unwrap();
    let limits = Limits::of(&toml::from_str(subject_to).unwrap(), question.member(), &law, None).unwrap();
    answer_within(&question, Some(&limits), &law, &fit, &Points::default(), None, 1)
}

fn value_of(answer: &Answer, output: &str) -> f64 {
    answer.rows[0].outputs.get(output).and_then(|cell| cell.value).unwrap_or_else(|| panic!("{answer:?}"))
}

#[test]
fn a_target_is_found_among_rows_that_differ_by_little_and_next_to_a_pole() {
    let reach = |y: f64| serde_json::json!({ "reach": { "y": y, "solve": "x" } });
    for (formula, rows, y, known) in [
        // Years differ by less than a thousandth, and the formula overflows two centuries earlier.
        (
            "y = exp(2 * exp(-0.05 * (x - 2018)))",
            [2018.0, 2024.0],
            6.0,
            2018.0 + 20.0 * libm::log(2.0 / libm::log(6.0)),
        ),
        ("y = 2 / (1 - x / 100)", [5.0, 85.0], 50.0, 96.0),
        ("y = 2 / (1 - x / 100)", [5.0, 85.0], 5000.0, 99.96),
        // The root of a negative number ends the law at 30.
        ("y = 1 + sqrt(x - 30)", [31.0, 60.0], 1.5, 30.25),
        ("y = 3 - ln(x - 30)", [31.0, 60.0], 10.0, 30.0 + libm::exp(-7.0)),
    ] {
        let answer = over_x(formula, rows, reach(y), "");
        let found = value_of(&answer, "solution");
        assert!((found / known - 1.0).abs() < 1e-9, "{formula}: {found} {known}");
    }
    // With a row at zero, the search begins there; a number of examples is not negative.
    let answer = over_x("y = 1 - 0.2 * ln(1 + x)", [0.0, 64.0], reach(0.9), "");
    assert!((value_of(&answer, "solution") - (libm::exp(0.5) - 1.0)).abs() < 1e-9, "{answer:?}");
    let below = over_x("y = 1 - 0.2 * x", [0.0, 64.0], reach(1.1), "");
    assert_eq!(below.rows[0].reach.verdict, Verdict::NotReachable);
    // A parabola in ln x with roots at -3 and 1; only the second is among the rows.
    let answer = over_x("y = 2 + (ln(x) + 3) * (ln(x) - 1)", [1.0, 10.0], reach(2.0), "");
    assert!((libm::log(value_of(&answer, "solution")) - 1.0).abs() < 1e-9);
    let answer = over_x("y = 2 / (1 - x / 100)", [5.0, 85.0], reach(0.0), "");
    assert_eq!(answer.rows[0].reach.verdict, Verdict::NotReachable);
}

#[test]
fn a_limit_chooses_among_the_values_that_reach_a_target() {
    let reach = serde_json::json!({ "reach": { "y": 2.01, "solve": "x" } });
    let answer = over_x("y = 2 + 0.01 * (ln(x) + 7)^2", [1e-4, 1e-2], reach, "x = '>= 1e-3'");
    assert!((libm::log(value_of(&answer, "solution")) + 6.0).abs() < 1e-9);
}

#[test]
fn the_minimum_among_the_rows_counts_where_the_formula_falls_far_away() {
    let minimum = serde_json::json!({ "minimum": { "over": "x" } });
    // A cubic in ln x with its minimum at ln x = -6, which falls without end below ln x = -10.
    let cubic = "y = 2 + 0.01 * (ln(x) + 6)^2 + 0.0025 * (ln(x) + 6)^3";
    let answer = over_x(cubic, [2e-4, 2e-2], minimum.clone(), "");
    assert!((libm::log(value_of(&answer, "at")) + 6.0).abs() < 1e-6);
    assert!(answer.warnings.iter().any(|warning| warning.text.contains("minimum among the rows")), "{answer:?}");
    // Two periods of a cosine, with its first minimum at 6.
    let wave = over_x("y = 3 + cos(2 * pi * x / 12)", [0.0, 24.0], minimum.clone(), "");
    assert!((value_of(&wave, "at") - 6.0).abs() < 1e-6, "{wave:?}");
    let none = over_x("y = 2 / (1 - x / 100)", [5.0, 85.0], minimum.clone(), "");
    assert!(none.rows[0].note.as_ref().is_some_and(|note| note.contains("there is no minimum")), "{none:?}");
    let limited = over_x("y = 3 + 1 / x", [1.0, 10.0], minimum, "x = '<= 4'");
    assert_eq!((value_of(&limited, "at"), value_of(&limited, "lowest")), (4.0, 3.25));
}

#[test]
fn a_minimum_below_one_is_found_without_rows() {
    let law = law_of("y = 1 + x^0.5 + 0.7 * x^-0.5");
    let asked: Question = serde_json::from_value(serde_json::json!({ "minimum": { "over": "x" } })).unwrap();
    let answer = answer(
        &asked,
        &law,
        &Fit { spans: BTreeMap::new(), rows: 0, ..fit_of(&law, &[], &[]) },
        &Points::new(0),
        None,
        1,
    );
    assert!((value_of(&answer, "at") - 0.7).abs() < 1e-5, "{answer:?}");
}

#[test]
fn a_share_has_its_best_value_at_one_where_the_formula_goes_on_rising() {
    let mut law = law_of("y = 1 - (x - 1.6)^2");
    law.roles.shares.insert("x".to_owned());
    let fit = fit_of(&law, &[], &[("x", [0.1, 0.9])]);
    let question: Question = serde_json::from_value(serde_json::json!({ "maximum": { "over": "x" } })).unwrap();
    let answer = answer(&question, &law, &fit, &Points::default(), None, 1);
    assert!((value_of(&answer, "at") - 1.0).abs() < 1e-12);
    let told = answer.warnings.iter().any(|warning| warning.text.contains("at the end of the range, x = 1"));
    assert!(told, "{:?}", answer.warnings);
}

#[test]
fn draws_that_do_not_reach_a_target_above_the_floor_leave_the_upper_end_open() {
    let law = law_of("y = E + 3 / x^0.3");
    let fit = fit_of(&law, &[1.8], &[("x", [10.0, 1e3])]);
    // Floors from 1.7 to 1.9 in equal steps; a quarter of them is above the target.
    let draws: Points = (0..=100).map(|i| vec![1.7 + 0.002 * f64::from(i)]).collect();
    let reach = Reach { solve: "x".to_owned(), values: quantities(&[("y", 1.85)]) };
    let row = answer(&Question::Reach(reach), &law, &fit, &draws, None, 1).rows.remove(0);
    let solution = row.outputs["solution"];
    assert!(row.answered.is_some_and(|share| (0.7..0.8).contains(&share)), "{row:?}");
    // At the floor of 1.7 + 5 % of the range.
    let known = libm::pow(3.0 / (1.85 - 1.71), 1.0 / 0.3);
    assert!(solution.upper.is_none() && (solution.lower.unwrap() / known - 1.0).abs() < 0.02, "{solution:?}");
}

#[test]
fn a_quantity_that_some_draws_do_not_define_takes_no_interval_from_the_others() {
    let law = law_of("L = E + 3 / x^a");
    let fit = fit_of(&law, &[1.75, 0.5], &[("x", [10.0, 1e3])]);
    // A quarter of the draws have E below 1.7.
    let draws: Points = (0..=100).map(|i| vec![1.65 + 0.002 * f64::from(i), 0.45 + 0.001 * f64::from(i)]).collect();
    let question = serde_json::json!({ "derived": { "log": "ln(E - 1.7)", "twice": "2 * a" } });
    let question: Question = serde_json::from_value(question).unwrap();
    let row = answer(&question, &law, &fit, &draws, None, 1).rows.remove(0);
    let (log, twice) = (row.outputs["log"], row.outputs["twice"]);
    assert!(log.value.is_some() && log.lower.is_none() && log.upper.is_none(), "{log:?}");
    assert!((twice.lower.unwrap() - 0.91).abs() < 1e-9 && (twice.upper.unwrap() - 1.09).abs() < 1e-9, "{twice:?}");
}

#[test]
fn an_accuracy_with_scatter_stays_between_zero_and_one() {
    let law = law_of("acc = a / (1 + exp(k * (ln(C) - m)))");
    let free = vec![0.99, -2.0, 40.0];
    let fit = fit_of(&law, &free, &[("C", [1e17, 1e21])]);
    let draws = always(&free);
    let at = |c: f64| {
        let question = Question::Loss(Loss { at: quantities(&[("C", c)]), schedule: None });
        answer(&question, &law, &fit, &draws, None, 1).rows.remove(0).outputs["loss"]
    };
    assert_eq!((at(1e22).upper, at(1e14).lower), (Some(1.0), Some(0.0)));
    let loss = law_of("L = E + A / C^0.1");
    let fit = fit_of(&loss, &[0.98, 0.1], &[]);
    let question = Question::Loss(Loss { at: quantities(&[("C", 1e20)]), schedule: None });
    let row = answer(&question, &loss, &fit, &always(&[0.98, 0.1]), None, 1).rows.remove(0);
    assert!(row.outputs["loss"].upper.unwrap() > 1.02, "a loss is no share: {row:?}");
}

#[test]
fn an_interval_may_pass_a_limit_of_the_law_that_a_row_passed() {
    let law = law_of("y = a / (1 + exp(k * (ln(C) - m)))");
    let free = vec![0.99, -2.0, 40.0];
    let fit = Fit { seen: Some([0.2, 1.03]), ..fit_of(&law, &free, &[("C", [1e17, 1e21])]) };
    let at = |c: f64| {
        let question = Question::Loss(Loss { at: quantities(&[("C", c)]), schedule: None });
        answer(&question, &law, &fit, &always(&free), None, 1).rows.remove(0).outputs["loss"]
    };
    assert!(at(1e22).upper.unwrap() > 1.02, "a row was above 1 already");
    assert_eq!(at(1e14).lower, Some(0.0), "none was below 0");
}

#[test]
fn an_interval_does_not_depend_on_the_other_rows_of_a_question() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let fit = fit_of(&law, &CHINCHILLA, &[]);
    let draws = always(&CHINCHILLA);
    let ask = |sizes: &[f64]| {
        let sizes: OneOrMany<Quantity> = spec(serde_json::json!(sizes));
        let at = [("N".to_owned(), sizes), ("D".to_owned(), spec(serde_json::json!(1e11)))].into();
        answer(&Question::Loss(Loss { at, schedule: None }), &law, &fit, &draws, None, 1).rows
    };
    assert_eq!(ask(&[1e8, 1e9, 1e10])[2], ask(&[1e10])[0]);
}

#[test]
fn every_kind_of_question_measures_the_same_distance_from_the_rows() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let fit = fit_of(&law, &CHINCHILLA, &[("N", [1e7, 1e10]), ("D", [1e9, 1e12]), ("C", [1e17, 1e22])]);
    let reach_of = |question: Question| answer(&question, &law, &fit, &Points::default(), None, 1).rows.remove(0);
    let best = reach_of(Question::ComputeOptimal(ComputeOptimal(quantities(&[("C", 4.4e23)]))));
    let [n, d, loss] = ["N", "D", "loss"].map(|name| best.outputs[name].value.unwrap());
    let others = [
        Question::Loss(Loss { at: quantities(&[("N", n), ("D", d)]), schedule: None }),
        Question::Reach(Reach { solve: "D".to_owned(), values: quantities(&[("N", n), ("L", loss)]) }),
        Question::Reach(Reach { solve: "C".to_owned(), values: quantities(&[("L", loss)]) }),
        Question::Overtrain(spec(serde_json::json!({ "C": 4.4e23, "factor": 1 }))),
    ];
    assert!((best.reach.factor.unwrap() - 44.0).abs() < 1e-6);
    for question in others {
        let other = reach_of(question.clone());
        assert_eq!(other.reach.verdict, best.reach.verdict, "{question:?}");
        for (name, factor) in &best.reach.by_variable {
            assert!((other.reach.by_variable[name] / factor - 1.0).abs() < 1e-6, "{question:?}");
        }
    }
}
