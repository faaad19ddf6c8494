//! Answers of every kind of question: known answers, then what holds for each kind and law.

mod one_variable;
mod splits;

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

fn law_of(formula: &str) -> Law {
    let variables = ["N", "D", "C", "U", "x", "lr"].map(|name| Variable {
        name: name.to_owned(),
        unit: None,
        meaning: None,
        counts: None,
    });
    Law::from_formula("own", formula, &variables).unwrap()
}

#[test]
fn a_variable_without_a_value_is_refused() {
    let law = law_of("L = 1.7 + 400 / N^0.34 + 410 / D^0.28 + N / U");
    let refusal = solve_at(&ComputeOptimal(BTreeMap::new()), &law, &[], &inputs(&[("C", 1e20)])).unwrap_err();
    assert!(matches!(refusal, Refusal::Undefined(reason) if reason.contains("`U` has no value")));
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
