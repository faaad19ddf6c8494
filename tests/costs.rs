//! Training costs: any formula of a study's variables determines the optimal split.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::{SPEC, World, simulated_runs};

/// Queries about budgets, with further variables that must be held.
fn questions(hold: &str) -> String {
    let beside = if hold.is_empty() { String::new() } else { format!(", {hold}") };
    let held = if hold.is_empty() { String::new() } else { format!(", hold = {{ {hold} }}") };
    format!(
        r#"
[queries.best]
fit = "main"
compute_optimal = {{ C = [1e20, 1e23]{beside} }}
[queries.target]
fit = "main"
reach = {{ L = 2.1, solve = "C"{beside} }}
[queries.size]
fit = "main"
reach = {{ L = 2.1, solve = "C", N = "3B"{beside} }}
[queries.curve]
fit = "main"
isoflop = {{ C = [1e20, 1e21], at = 1e23, curve = true, points = 5, sizes = ["1B", "10B"]{held} }}
[queries.served]
fit = "main"
inference_aware = {{ loss = 2.1, serve = ["1T", "10T"]{held} }}
[queries.smaller]
fit = "main"
overtrain = {{ C = 1e22, factor = 0.25{held} }}
[queries.next]
fit = "main"
marginal = {{ C = 1e22{held} }}
[queries.beside]
fit = "main"
compare = {{ with = "again", C = 1e22{held} }}
"#
    )
}

/// A study of the simulated runs whose columns also have a width and a depth.
fn study(cost: &str, hold: &str) -> (String, String) {
    let head = &SPEC[..SPEC.find("[queries.budget]").unwrap()];
    let head = head.replace("resamples = 100", "resamples = 40");
    let head = head.replace("C = { expr = \"6 * N * D\", unit = \"FLOP\" }", "width = \"width\"\ndepth = \"depth\"");
    let again =
        "[fits.again]\nrows = \"main\"\nlaw = \"hoffmann\"\nobjective = { huber = { delta = 0.01, on = \"log\" } }\n";
    let mut rows = String::new();
    for (index, line) in simulated_runs(0.003).lines().enumerate() {
        let (width, depth) =
            if index == 0 { ("width", "depth".to_owned()) } else { ("1024", (12 + index % 3).to_string()) };
        let _ = writeln!(rows, "{line},{width},{depth}");
    }
    (format!("{head}{again}{cost}{}", questions(hold)), rows)
}

fn results(cost: &str, hold: &str) -> Value {
    let (spec, rows) = study(cost, hold);
    World::with(&spec, &rows).run("study.toml")["results"]["queries"].clone()
}

/// All numbers of the answers, with their paths.
fn numbers(value: &Value, path: &str, all: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| numbers(value, &format!("{path}.{key}"), all)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| numbers(value, &format!("{path}.{i}"), all));
        }
        Value::Number(number) => all.push((path.to_owned(), number.as_f64().unwrap())),
        _ => (),
    }
}

#[test]
fn six_n_d_as_a_formula_gives_the_default_answers() {
    let mut usual = Vec::new();
    let mut written = Vec::new();
    numbers(&results("", ""), "", &mut usual);
    // Written in a form that is not recognised as 6 N D.
    numbers(&results("[costs.own]\ncompute = \"(2 + 4) * D * N\"\nserve = \"2 * N\"\n", ""), "", &mut written);
    assert_eq!(usual.len(), written.len());
    for ((path, one), (_, other)) in usual.iter().zip(&written) {
        assert!((one - other).abs() <= 1e-6 * one.abs().max(1e-3), "{path}: {one} and {other}");
    }
}

#[test]
fn with_a_cost_of_attention_no_neighbour_beats_the_best_split() {
    // The context length equals the model width.
    let cost = "[costs.attention]\nuse = \"palm_attention\"\nvariables = { context = \"width\" }\n";
    let found = results(cost, "width = 65536, depth = 40");
    let row = &found["best"]["rows"][1];
    let [n, d] = ["N", "D"].map(|name| row[name]["value"].as_f64().unwrap());
    let flop = |n: f64, d: f64| (6.0 * n + 12.0 * 40.0 * 65536.0 * 65536.0) * d;
    assert!((flop(n, d) / 1e23 - 1.0).abs() < 1e-9, "the budget is spent: {row}");
    let (spec, rows) = study(cost, "width = 65536, depth = 40");
    let world = World::with(&spec, &rows);
    let fit = world.run("study.toml")["results"]["fits"]["main"]["parameters"].clone();
    let [e, a, alpha, b, beta] = ["E", "A", "alpha", "B", "beta"].map(|name| fit[name]["value"].as_f64().unwrap());
    let loss = |n: f64| e + a * libm::pow(n, -alpha) + b * libm::pow(1e23 / flop(n, 1.0), -beta);
    for factor in [0.5, 0.9, 0.999, 1.001, 1.1, 2.0] {
        assert!(loss(n * factor) > loss(n), "{factor}");
    }
    // Attention takes a considerable part of this budget, so less is left for data than under 6 N D.
    assert!(6.0 * n * d < 0.9e23, "{row}");
}

#[test]
fn unknown_columns_and_missing_values_of_a_cost_are_reported() {
    let refusal = |cost: &str, hold: &str| {
        let (spec, rows) = study(cost, hold);
        let outcome = World::with(&spec, &rows).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{cost}");
        outcome.stderr
    };
    let unknown = refusal("[costs.own]\ncompute = \"6 * N * D + widht\"\n", "");
    assert!(unknown.contains("uses `widht`") && unknown.contains("did you mean `width`"), "{unknown}");
    let held = refusal("[costs.own]\ncompute = \"6 * N * D + 12 * depth * width * D\"\n", "");
    assert!(held.contains("`depth` is missing"), "{held}");
    let convention = refusal("[costs.own]\nuse = \"palm_atention\"\n", "");
    assert!(convention.contains("did you mean `palm_attention`"), "{convention}");
    let renamed = refusal("[costs.own]\ncompute = \"6 * N * D\"\nvariables = { N = \"width\" }\n", "");
    assert!(renamed.contains("bad-variables") && renamed.contains("use column names"), "{renamed}");
    let serving = refusal("[costs.own]\nuse = \"six_nd\"\nserve = \"2 * * N\"\n", "");
    assert!(serving.contains("bad-cost") && serving.contains("serve = "), "{serving}");
    let none = refusal("[costs.own]\nserve = \"2 * N\"\n", "");
    assert!(none.contains("neither `use` nor `compute`"), "{none}");
}
