use std::collections::BTreeMap;

use super::*;
use crate::law::{catalogue, find};

fn quantities(values: &[(&str, f64)]) -> BTreeMap<String, OneOrMany<Quantity>> {
    values.iter().map(|(n, v)| ((*n).to_owned(), serde_json::from_value(serde_json::json!(v)).unwrap())).collect()
}

fn inputs(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect()
}

/// Besiroglu et al. 2024 at the optimum of their objective.
const CHINCHILLA: [f64; 5] = [1.817_218_099, 477.825_869, 0.347_310_499, 2_143.417_357, 0.367_172_432];

#[test]
fn budgets_are_split_as_the_closed_form_of_hoffmann_says() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let tape = law.tape();
    let model = Model { law: &law, tape: &tape, parameters: &CHINCHILLA };
    let [_, a, alpha, b, beta] = CHINCHILLA;
    for c in [1e18, 5.76e23, 1e30] {
        let split = ComputeOptimal(quantities(&[("C", c)])).solve(&model, &inputs(&[("C", c)])).unwrap();
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
    let tape = law.tape();
    let model = Model { law: &law, tape: &tape, parameters: &CHINCHILLA };
    let at = inputs(&[("C", 5.76e23)]);
    let split = ComputeOptimal(quantities(&[("C", 5.76e23)])).solve(&model, &at).unwrap();
    assert_eq!(
        format!("{:.3e} {:.4e} {:.6}", split.outputs["N"], split.outputs["D"], split.outputs["loss"]),
        "7.319e10 1.3116e12 1.973912"
    );
    for (target, c) in [(2.0, "2.4305e23"), (1.95, "1.4566e24"), (1.9, "2.0561e25")] {
        let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", target)]) };
        let found = reach.solve(&model, &inputs(&[("L", target)])).unwrap();
        assert_eq!(format!("{:.4e}", found.outputs["solution"]), c);
    }
}

#[test]
fn every_law_with_n_and_d_has_a_best_split_that_no_neighbour_beats() {
    for entry in catalogue() {
        let law = entry.law().unwrap();
        // A best learning rate has N and D too, and nothing to split.
        if !allocation::can_split(&law) || law.response != "L" {
            continue;
        }
        for constants in entry.constants.values() {
            let parameters: Vec<f64> = law.parameters.iter().map(|p| constants.values[&p.name].0).collect();
            let tape = law.tape();
            let model = Model { law: &law, tape: &tape, parameters: &parameters };
            let decided = ["N", "D", "C"];
            let others = entry.variables.iter().filter(|(name, _)| !decided.contains(&name.as_str()));
            let held: BTreeMap<String, f64> = others.map(|(name, v)| (name.clone(), v.example())).collect();
            let split = allocation::best_split(&model, 1e22, &held).unwrap();
            for factor in [0.9, 0.99, 1.01, 1.1] {
                let mut near = inputs(&[("N", split.n * factor), ("D", split.d / factor), ("C", 1e22)]);
                near.extend(held.clone());
                assert!(model.response(&near) > split.response, "{} at {factor}", law.name);
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
    let tape = law.tape();
    let model = Model { law: &law, tape: &tape, parameters: &parameters };
    // README of huggingface/datablations: 1e22 FLOP with 25 billion unique tokens, found on a grid.
    let split = allocation::best_split(&model, 1e22, &inputs(&[("U", 25e9)])).unwrap();
    assert!((split.d / 237_336_955_477.55 - 1.0).abs() < 2e-3, "{}", split.d);
    assert!((split.n / 7_022_364_735.88 - 1.0).abs() < 2e-3, "{}", split.n);
}

#[test]
fn reach_inverts_loss_for_every_variable() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let tape = law.tape();
    let model = Model { law: &law, tape: &tape, parameters: &CHINCHILLA };
    let reach = Reach { solve: "N".to_owned(), values: quantities(&[("L", 2.2), ("D", 1e12)]) };
    let found = reach.solve(&model, &inputs(&[("L", 2.2), ("D", 1e12)])).unwrap();
    let back = model.response(&inputs(&[("N", found.outputs["solution"]), ("D", 1e12)]));
    assert!((back - 2.2).abs() < 1e-12);
}

#[test]
fn a_target_below_the_floor_is_refused_with_the_floor() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let tape = law.tape();
    let model = Model { law: &law, tape: &tape, parameters: &CHINCHILLA };
    let reach = Reach { solve: "C".to_owned(), values: quantities(&[("L", 1.8)]) };
    let refusal = reach.solve(&model, &inputs(&[("L", 1.8)])).unwrap_err();
    assert_eq!(refusal, Refusal::NotReachable("not reachable: the floor is 1.8172, whatever C".to_owned()));
    let reach = Reach { solve: "N".to_owned(), values: quantities(&[("L", 1.9), ("D", 1e10)]) };
    assert!(matches!(reach.solve(&model, &inputs(&[("L", 1.9), ("D", 1e10)])), Err(Refusal::NotReachable(_))));
}

#[test]
fn questions_a_law_cannot_answer_are_refused_beforehand() {
    let power = find("power").unwrap().law().unwrap();
    assert!(ComputeOptimal(quantities(&[("C", 1e21)])).check(&power).is_err());
    let hoffmann = find("hoffmann").unwrap().law().unwrap();
    let faults = Loss(quantities(&[("N", 1e9)])).check(&hoffmann).unwrap_err();
    assert!(faults[0].message.contains("`D` is missing"));
    let faults = Loss(quantities(&[("N", 1e9), ("D", -1.0)])).check(&hoffmann).unwrap_err();
    assert_eq!(faults[0].key.as_deref(), Some("D"));
    let faults = Reach { solve: "X".to_owned(), values: quantities(&[("L", 2.0)]) }.check(&hoffmann).unwrap_err();
    assert_eq!(faults[0].hint.as_deref(), Some("it can be solved for `N`, `D` and `C`"));
}
