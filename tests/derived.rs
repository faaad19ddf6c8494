//! Quantities that follow from a fit's parameters have the fit's intervals, and none where the rows do not tell them.

use crate::world::{SPEC, World, simulated_runs};

/// The queries that are put to the fit of the simulated runs.
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
    // The two sum to one in every draw, so their intervals mirror each other.
    assert!((found("a", "lower") + found("of_data", "upper") - 1.0).abs() < 1e-9, "{row}");
    let rows = results["queries"]["half"]["rows"].as_array().unwrap();
    for (row, n) in rows.iter().zip([1e9, 8e9]) {
        let wanted = a * libm::pow(n, -alpha) / (b * libm::pow(1e11, -beta));
        assert!((row["share"]["value"].as_f64().unwrap() / wanted - 1.0).abs() < 1e-12, "{row}");
    }
    assert_eq!(results["expectations"][0]["status"], "passed");
}

#[test]
fn what_the_rows_leave_open_of_an_expression_has_no_value() {
    // One tokens-per-parameter ray: the rows tell the sum of the two terms, not each of them.
    let mut table = "params,tokens,loss,family\n".to_owned();
    for n in [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9, 6.4e9] {
        table += &format!("{n},{},{},one\n", 20.0 * n, 1.7 + 900.0 * libm::pow(n, -0.34));
    }
    let queries = r#"
[queries.told]
fit = "main"
derived = { floor = "E", at = { N = "1B", D = "20B" }, here = "E + A / N^alpha + B / D^beta", A_alone = "A" }
"#;
    let spec = study(queries).replace("uncertainty = { bootstrap = { resamples = 100 } }\n", "");
    let world = World::with(&spec, &table);
    let results = world.run("study.toml")["results"].clone();
    let row = &results["queries"]["told"]["rows"][0];
    for name in ["A_alone", "floor"] {
        assert!(row[name]["value"].is_null(), "{name}: {row}");
    }
    assert!(row["note"].as_str().unwrap().contains("the rows do not tell"), "{row}");
}

#[test]
fn what_an_expression_lacks_is_said_before_anything_runs() {
    for (derived, said) in [
        (r#"{ a = "beta / (alfa + beta)" }"#, "has no parameter `alfa`"),
        (r#"{ a = "A / N^alpha" }"#, "`N` is a variable and has no value"),
        (r#"{ N = "A" }"#, "cannot be the name of a derived quantity"),
        (r#"{ a = "A >" }"#, "error"),
        (r#"{ at = { N = 1 } }"#, "there is no expression"),
    ] {
        let world = World::with(&study(&format!("[queries.q]\nfit = \"main\"\nderived = {derived}\n")), "");
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{derived}");
        assert!(outcome.stderr.contains(said), "{derived}: {}", outcome.stderr);
    }
}
