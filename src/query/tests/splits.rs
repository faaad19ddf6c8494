//! The best split of a budget where the response saturates, is flat, or has several valleys.

use super::*;

/// The over-training study of this repository: average error as a function of the loss (Gadre et al. 2024,
/// arXiv:2403.08540).
const SATURATING: &str = "err = 0.857 - 2.206 * exp(-0.7146 * (1.8366 + 166.2 / N^0.27285 + 287.1 / D^0.27285))";

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
