//! Answers within limits: no answer breaks a limit, and a query that none can satisfy says why.

use serde_json::Value;

use crate::fitting::two_optimizers;
use crate::world::{SPEC, World, simulated_runs};

/// The simulated study with other queries.
fn study(queries: &str) -> World {
    let head = &SPEC[..SPEC.find("[queries.budget]").unwrap()];
    World::with(&format!("{}{queries}", head.replace("resamples = 100", "resamples = 40")), &simulated_runs(0.003))
}

fn rows(world: &World, query: &str) -> Vec<Value> {
    world.run("study.toml")["results"]["queries"][query]["rows"].as_array().unwrap().clone()
}

fn value(row: &Value, name: &str) -> f64 {
    row[name]["value"].as_f64().unwrap_or_else(|| panic!("{name}: {row}"))
}

#[test]
fn every_number_of_an_answer_keeps_the_limits_with_its_interval() {
    let limited = study(
        "[queries.budget]\nfit = \"main\"\ncompute_optimal = { C = [1e21, 1e24] }\nsubject_to = { D = \"<= 200B\" }\n\
         [queries.shapes]\nfit = \"main\"\ncompute_optimal = { C = [1e21, 1e24] }\nsubject_to = { N = [\"1B\", \"8B\"] }\n",
    );
    for row in rows(&limited, "budget") {
        let data = &row["D"];
        let ends = ["value", "lower", "upper"].map(|end| data[end].as_f64().unwrap());
        assert!(ends.iter().all(|end| *end <= 200e9 * (1.0 + 1e-9)), "{row}");
    }
    for row in rows(&limited, "shapes") {
        let (size, data) = (value(&row, "N"), value(&row, "D"));
        assert!([1e9, 8e9].contains(&size), "{row}");
        assert!((6.0 * size * data / row["C"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{row}");
    }
}

#[test]
fn an_answer_within_limits_says_so_in_its_sentence_and_lies_where_its_compute_is() {
    let limited = study(
        "[queries.budget]\nfit = \"main\"\ncompute_optimal = { C = 1e23 }\nsubject_to = { gpu_hours = \"<= 5000\" }\n\
         machine = { device = \"H100\", mfu = 0.4 }\n",
    );
    let outcome = limited.run("study.toml");
    let conclusions = outcome["results"]["conclusions"].to_string();
    assert!(conclusions.contains("C = 1e23 FLOP within gpu_hours <= 5e3"), "{conclusions}");
    let row = &outcome["results"]["queries"]["budget"]["rows"][0];
    let spent = 6.0 * value(row, "N") * value(row, "D");
    assert!(spent < 1e22, "{spent:e}");
    let drawn = limited.read("outputs/study/figures/fit-main.csv");
    let line = drawn.lines().find(|line| line.contains("answer: budget")).unwrap();
    let places = line.split(',').filter_map(|cell| cell.parse::<f64>().ok());
    assert!(places.into_iter().any(|x| (x / spent - 1.0).abs() < 1e-3), "{line}");
}

#[test]
fn a_curve_has_only_points_within_the_limits() {
    let curve = study(
        "[queries.curve]\nfit = \"main\"\nisoflop = { C = 1e22, points = 5, curve = true, sizes = [\"1B\", \"10B\"] }\n\
         subject_to = { N = \"<= 2B\" }\n",
    );
    let rows = rows(&curve, "curve");
    let sizes = ["N", "parabola_N", "envelope_N"];
    let told: Vec<f64> = rows.iter().flat_map(|row| sizes.map(|size| row[size]["value"].as_f64())).flatten().collect();
    assert!(told.iter().all(|size| *size <= 2e9 * (1.0 + 1e-9)) && told.len() > 1, "{told:?}");
    let refused =
        rows.iter().filter(|row| row["note"].as_str().is_some_and(|note| note.contains("outside the limits")));
    assert!(refused.count() > 0, "{rows:?}");
}

#[test]
fn groups_and_costs_of_their_own_keep_the_limits() {
    let head = &SPEC[..SPEC.find("[filters.main]").unwrap()];
    let spec = format!(
        "{head}[costs.own]\ncompute = \"6 * N * D + 1e9 * D\"\n[fits.main]\nrows = \"runs\"\nlaw = \"hoffmann\"\n\
         by = \"family\"\ncost = \"own\"\n[queries.budget]\nfit = \"main\"\ncompute_optimal = {{ C = 1e23 }}\n\
         subject_to = {{ N = \">= 2B and <= 5B\", gpu_hours = \"<= 1e4\" }}\nmachine = {{ peak = \"1e15\", mfu = 0.5 }}\n"
    );
    let world = World::with(&spec, &two_optimizers(1e-4));
    let rows = rows(&world, "budget");
    assert!(rows.len() > 1);
    for row in rows {
        let (size, data) = (value(&row, "N"), value(&row, "D"));
        assert!((2e9 * (1.0 - 1e-9)..=5e9 * (1.0 + 1e-9)).contains(&size), "{row}");
        let hours = (6.0 * size + 1e9) * data / (0.5e15 * 3600.0);
        assert!((hours / 1e4 - 1.0).abs() < 1e-6, "{hours} hours in {row}");
    }
}

#[test]
fn limits_that_nothing_can_keep_give_a_reason_and_no_number() {
    let world = study(
        "[queries.budget]\nfit = \"main\"\ncompute_optimal = { C = 1e21 }\nsubject_to = { N = \">= 10T\", D = \">= 10T\" }\n\
         [queries.target]\nfit = \"main\"\nreach = { L = 2.2, solve = \"C\" }\nsubject_to = { N = \"<= 1M\" }\n\
         [queries.hours]\nfit = \"main\"\nreach = { L = 2.2, solve = \"C\" }\nsubject_to = { gpu_hours = \"<= 1\" }\n\
         machine = { device = \"H100\" }\n",
    );
    let results = world.run("study.toml")["results"]["queries"].clone();
    for (query, reason) in [("budget", "N >= 1e13, D >= 1e13"), ("target", "N <= 1e6"), ("hours", "C <= ")] {
        let row = &results[query]["rows"][0];
        assert!(row["note"].as_str().is_some_and(|note| note.contains(reason)), "{query}: {row}");
        assert!(["N", "D", "loss", "solution"].iter().all(|name| row[name]["value"].is_null()), "{query}: {row}");
    }
}

#[test]
fn faults_of_limits_are_found_before_anything_runs() {
    let ask = |question: &str, limits: &str| {
        let world = study(&format!("[queries.asked]\nfit = \"main\"\n{question}\nsubject_to = {limits}\n"));
        let told = world.lawfit(&["check", "study.toml"]);
        assert_eq!(told.code, 2, "{limits}: {}", told.stderr);
        told.stderr
    };
    let best = "compute_optimal = { C = 1e22 }";
    for (question, limits, says) in [
        (best, "{ D = \"<= 1Z\" }", "1Z"),
        (best, "{ D = \"<= 1T and >= 2T\" }", "no value of `D` keeps the limits >= 2e12 and <= 1e12"),
        (best, "{ D = \"< 1T\" }", "`< 1T` is not a limit"),
        (best, "{ D = 1e12 }", "a limit such as"),
        (best, "{ d = \"<= 1T\" }", "did you mean `D`?"),
        (best, "{ epochs = \"<= 4\" }", "limits are on `N`, `D`, `C` and `gpu_hours`"),
        (best, "{ gpu_hours = \"<= 1e6\" }", "machine = { device = \"H100\" }"),
        ("loss = { N = 1e9, D = 1e10 }", "{ D = \"<= 1T\" }", "`loss` takes no limits"),
        ("reach = { L = 2.2, solve = \"D\", N = 1e9 }", "{ N = \">= 2B\" }", "the question gives N = 1e9"),
        ("allocate = { C = 1e22 }", "{ D = \"<= 1T\" }", "`sizes`, `unique` and `epochs`"),
    ] {
        let told = ask(question, limits);
        assert!(told.contains(says), "{limits}: {told}");
    }
    let unused =
        study("[queries.asked]\nfit = \"main\"\ncompute_optimal = { C = 1e22 }\nmachine = { device = \"H100\" }\n");
    let told = unused.lawfit(&["check", "study.toml"]);
    assert!(told.stderr.contains("`machine` applies only to `gpu_hours`"), "{}", told.stderr);
}
