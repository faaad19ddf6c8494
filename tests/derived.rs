//! Derived quantities: they have intervals from the fit, and no value if the rows do not identify them.

use std::fmt::Write as _;

use lawfit::numerics::Random;
use serde_json::Value;

use crate::world::{SPEC, World, simulated_runs};

/// A study with queries to the fit of the simulated runs.
fn study(queries: &str) -> String {
    let fit = SPEC.find("[queries.budget]").unwrap();
    format!("{}{queries}", &SPEC[..fit])
}

#[test]
fn an_expression_of_parameters_has_a_value_and_an_interval() {
    let spec = study(
        r#"
[queries.exponents]
fit = "main"
derived = { a = "beta / (alpha + beta)", of_data = "1 - beta / (alpha + beta)" }
[queries.half]
fit = "main"
derived = { share = "(A / N^alpha) / (B / D^beta)", at = { N = ["1B", "8B"], D = "100B" } }
[[expect]]
that = "queries.exponents.a in [0.4, 0.5] and queries.exponents.a.lower < queries.exponents.a"
"#,
    );
    let world = World::with(&spec, &simulated_runs(0.005));
    let results = world.run("study.toml")["results"].clone();
    let value = |path: &str| path.split('.').fold(&results, |at, key| &at[key]).as_f64().unwrap();
    let parameter = |name: &str| value(&format!("fits.main.parameters.{name}.value"));
    let [a, alpha, b, beta] = ["A", "alpha", "B", "beta"].map(parameter);
    let row = &results["queries"]["exponents"]["rows"][0];
    let found = |name: &str, part: &str| row[name][part].as_f64().unwrap();
    assert!((found("a", "value") / (beta / (alpha + beta)) - 1.0).abs() < 1e-14);
    assert!(found("a", "lower") < 0.28 / 0.62 && 0.28 / 0.62 < found("a", "upper"), "{row}");
    // The two sum to one in every draw, so their intervals are mirror images.
    assert!((found("a", "lower") + found("of_data", "upper") - 1.0).abs() < 1e-9, "{row}");
    let rows = results["queries"]["half"]["rows"].as_array().unwrap();
    for (row, n) in rows.iter().zip([1e9, 8e9]) {
        let wanted = a * libm::pow(n, -alpha) / (b * libm::pow(1e11, -beta));
        assert!((row["share"]["value"].as_f64().unwrap() / wanted - 1.0).abs() < 1e-12, "{row}");
    }
    assert_eq!(results["expectations"][0]["status"], "passed");
}

/// The answer to `derived` for noiseless runs with the given sizes and data.
fn told(sizes: impl Iterator<Item = (f64, f64)>, derived: &str) -> Value {
    let mut table = "params,tokens,loss,family\n".to_owned();
    for (n, d) in sizes {
        let loss = 1.7 + 900.0 * libm::pow(n, -0.34) + 400.0 * libm::pow(d, -0.3);
        let _ = writeln!(table, "{n},{d},{loss},one");
    }
    let spec = study(&format!("[queries.told]\nfit = \"main\"\nderived = {derived}\n"));
    let spec = spec.replace("uncertainty = { bootstrap = { resamples = 100 } }\n", "");
    let results = World::with(&spec, &table).run("study.toml")["results"].clone();
    results["queries"]["told"]["rows"][0].clone()
}

const SIZES: [f64; 7] = [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9, 6.4e9];

#[test]
fn an_expression_that_the_rows_do_not_identify_has_no_value() {
    // All runs have the same data, so only the sum of floor and data term and the size term are identified.
    let row = told(
        SIZES.iter().map(|n| (*n, 1e11)),
        r#"{ floor = "E", at = { D = "100B" }, sum = "E + B / D^beta", exponent = "alpha", A_alone = "A" }"#,
    );
    assert!(row["floor"].is_null(), "{row}");
    let close = |name: &str, wanted: f64| (row[name]["value"].as_f64().unwrap() / wanted - 1.0).abs() < 1e-4;
    assert!(close("sum", 1.7 + 400.0 * libm::pow(1e11, -0.3)), "{row}");
    assert!(close("exponent", 0.34) && close("A_alone", 900.0), "{row}");
    let note = row["note"].as_str().unwrap();
    assert!(note.starts_with("no `floor`: the rows do not identify") && note.contains("`E`"), "{note}");
}

#[test]
fn an_expression_has_no_value_where_two_variables_vary_together() {
    // On a single tokens-per-parameter ray, the rows identify the sum of the two terms but not each of them.
    let row = told(
        SIZES.iter().map(|n| (*n, 20.0 * n)),
        r#"{ floor = "E", exponent = "alpha", A_alone = "A", at = { N = "1B", D = "20B" }, here = "E + A / N^alpha + B / D^beta" }"#,
    );
    let wanted = 1.7 + 900.0 * libm::pow(1e9, -0.34) + 400.0 * libm::pow(2e10, -0.3);
    assert!((row["here"]["value"].as_f64().unwrap() / wanted - 1.0).abs() < 1e-4, "{row}");
    assert!(row["exponent"].is_null() && row["A_alone"].is_null(), "{row}");
    let note = row["note"].as_str().unwrap();
    assert!(note.contains("the rows do not identify") && note.contains("`alpha`"), "{note}");
}

#[test]
fn missing_parts_of_an_expression_are_reported_before_a_run() {
    for (derived, said) in [
        (r#"{ a = "beta / (alfa + beta)" }"#, "has no parameter `alfa`"),
        (r#"{ a = "A / N^alpha" }"#, "`N` is a variable without a value"),
        (r#"{ N = "A" }"#, "cannot be the name of a derived quantity"),
        (r#"{ observed = "A" }"#, "cannot be the name of a derived quantity"),
        (r#"{ a = "A >" }"#, "error"),
        (r"{ at = { N = 1 } }", "there is no expression"),
    ] {
        let world = World::with(&study(&format!("[queries.q]\nfit = \"main\"\nderived = {derived}\n")), "");
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{derived}");
        assert!(outcome.stderr.contains(said), "{derived}: {}", outcome.stderr);
    }
}

#[test]
fn far_along_a_ridge_a_ratio_that_hardly_changes_is_not_identified() {
    // The terms share their exponent and all runs lie on one ray, so that only A + B / 20^a is identified.
    let mut random = Random::new(8, "ridge", 0);
    let mut table = "params,tokens,loss\n".to_owned();
    for n in [2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10, 2e10] {
        let term = |size: f64| libm::pow(size, -0.3);
        let loss = (1.7 + 120.0 * term(n) + 123.0 * term(20.0 * n)) * random.log_normal(0.002);
        let _ = writeln!(table, "{n},{},{loss}", 20.0 * n);
    }
    let spec = r#"spec = 1
[study]
title = "ridge"
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
N = { column = "params", unit = "parameters" }
D = { column = "tokens", unit = "tokens" }
L = { column = "loss", unit = "nats" }
[laws.own]
formula = "L = E + A / N^a + B / D^a"
[fits.main]
rows = "runs"
law = "own"
objective = "least_squares"
uncertainty = "auto"
[queries.told]
fit = "main"
derived = { ratio = "A / B", part = "A / N^a", difference = "A - B", whole = "(A + B / 20^a) / 1e9^a", at = { N = "1B", D = "20B" } }
"#;
    let results = World::with(spec, &table).run("study.toml")["results"].clone();
    let row = &results["queries"]["told"]["rows"][0];
    for name in ["ratio", "part", "difference"] {
        assert!(row[name].is_null(), "{name}: {row}");
    }
    let wanted = (120.0 + 123.0 * libm::pow(20.0, -0.3)) * libm::pow(1e9, -0.3);
    let found = |part: &str| row["whole"][part].as_f64().unwrap();
    assert!(found("lower") < wanted && wanted < found("upper"), "{row} {wanted}");
}

#[test]
fn one_expression_that_is_not_finite_leaves_the_others_their_answers() {
    let row = told(
        SIZES.iter().flat_map(|n| [(*n, 1e10), (*n, 1e11)]),
        r#"{ endless = "exp(A * 1e6)", exponent = "alpha" }"#,
    );
    assert!(
        row["endless"].is_null() && row["note"].as_str().unwrap().contains("no `endless`: it is not finite"),
        "{row}"
    );
    assert!((row["exponent"]["value"].as_f64().unwrap() / 0.34 - 1.0).abs() < 1e-4, "{row}");
}
