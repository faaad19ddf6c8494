//! Targets and minima in one variable.

use super::*;

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
