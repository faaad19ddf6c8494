//! Chains: fits whose law has a variable that another fit forecasts, as from compute to loss to accuracy.

use std::fmt::Write as _;

use lawfit::numerics::Random;
use serde_json::Value;

use crate::world::World;

fn run(spec: &str, table: &str) -> Value {
    World::with(spec, table).run("study.toml")["results"].clone()
}

/// Runs with an accuracy that follows the loss, for a chain of two laws.
fn runs_with_accuracy() -> String {
    let mut random = Random::new(21, "chain", 0);
    let mut table = "flop,loss,accuracy\n".to_owned();
    for i in 0..24 {
        let c = 1e18 * libm::pow(10.0, f64::from(i) / 8.0);
        let loss = (1.8 + 60.0 * libm::pow(c, -0.09)) * random.log_normal(0.01);
        let accuracy = 0.95 - 0.7 / (1.0 + libm::exp(-4.0 * (loss - 2.6))) + 0.003 * random.normal();
        let _ = writeln!(table, "{c},{loss},{accuracy}");
    }
    table
}

const CHAIN: &str = r#"
spec = 1
[study]
title = "Compute to loss to accuracy"
[sources.runs]
path = "runs.csv"
columns = { C = { column = "flop", unit = "FLOP" }, L = "loss", accuracy = "accuracy" }
[laws.power]
use = "power_floor"
variables = { x = "C" }
[fits.loss]
rows = "runs"
law = "power"
objective = { least_squares = {} }
uncertainty = { bootstrap = { resamples = 100 } }
[fits.accuracy]
rows = "runs"
law = "olmo_sigmoid"
objective = { least_squares = { on = "raw" } }
uncertainty = { bootstrap = { resamples = 100 } }
through = { L = "loss" }
[queries.next]
fit = "accuracy"
loss = { C = 1e22 }
[queries.half]
fit = "accuracy"
threshold = { accuracy = 0.6, solve = "C" }
"#;

#[test]
fn an_answer_of_a_chain_is_as_uncertain_as_the_loss_of_one_run() {
    // Inside the rows, parameters are certain, and the accuracy scatters little around the loss.
    let spec = CHAIN.replace("loss = { C = 1e22 }", "loss = { C = 3e19 }");
    let results = run(&spec, &runs_with_accuracy());
    let cell = &results["queries"]["next"]["rows"][0]["loss"];
    let half = (cell["upper"].as_f64().unwrap() - cell["lower"].as_f64().unwrap()) / 2.0;
    let loss = 1.8 + 60.0 * libm::pow(3e19, -0.09);
    let steep = libm::exp(-4.0 * (loss - 2.6));
    let slope = 0.7 * 4.0 * steep / ((1.0 + steep) * (1.0 + steep));
    // The scatter of 1 % of the loss, and that of 0.003 of the accuracy itself.
    let wanted = 1.645 * libm::hypot(slope * 0.01 * loss, 0.003);
    assert!((0.7..1.5).contains(&(half / wanted)), "{half} {wanted}");
}

#[test]
fn a_chain_includes_the_errors_of_both_fits_and_warns() {
    let results = run(CHAIN, &runs_with_accuracy());
    let next = &results["queries"]["next"];
    let value = next["rows"][0]["loss"]["value"].as_f64().unwrap();
    let loss = 1.8 + 60.0 * libm::pow(1e22, -0.09);
    let known = 0.95 - 0.7 / (1.0 + libm::exp(-4.0 * (loss - 2.6)));
    assert!((value - known).abs() < 0.05, "{value} {known}");
    assert!(next["warnings"].to_string().contains("uses a chain of two laws"), "{}", next["warnings"]);
    assert_eq!(next["rows"][0]["reach"]["verdict"], "far");
    // If the loss is given, the second law alone is more certain.
    let width = |results: &Value| {
        let row = &results["queries"]["next"]["rows"][0]["loss"];
        row["upper"].as_f64().unwrap() - row["lower"].as_f64().unwrap()
    };
    let given = CHAIN
        .replace("through = { L = \"loss\" }\n", "")
        .replace("loss = { C = 1e22 }", &format!("loss = {{ L = {loss} }}"));
    let given = given.split("[queries.half]").next().unwrap().to_owned();
    assert!(width(&results) > 1.1 * width(&run(&given, &runs_with_accuracy())), "{}", width(&results));
}

#[test]
fn a_chain_through_a_fit_of_answers_waits_for_them() {
    // The inner fit has rows that a query of another fit gives, and the outer fit comes before it by name.
    let late = r#"
[queries.smooth]
fit = "first"
loss = { C = [1e18, 1e19, 1e20, 1e21] }
[sources.smooth]
from = "queries.smooth"
columns = { C = { column = "C", unit = "FLOP" }, L = "loss" }
[fits.loss]
rows = "smooth"
law = "power"
objective = { least_squares = {} }
uncertainty = { bootstrap = { resamples = 100 } }
"#;
    let spec = CHAIN.replace("[fits.loss]", "[fits.first]") + late;
    let [direct, through] = [CHAIN, &spec].map(|spec| first(&run(spec, &runs_with_accuracy()), "next")[1]);
    assert!((direct - through).abs() < 0.02, "{direct} {through}");
}

#[test]
fn a_threshold_has_an_interval_and_a_caution() {
    let results = run(CHAIN, &runs_with_accuracy());
    let half = &results["queries"]["half"];
    let cell = &half["rows"][0]["solution"];
    let [lower, value, upper] = ["lower", "value", "upper"].map(|part| cell[part].as_f64().unwrap());
    assert!(lower < value && value < upper, "{cell}");
    // Accuracy 0.6 corresponds to loss 2.6, which the true curve reaches at this compute.
    let loss = 2.6;
    let known = libm::pow((loss - 1.8) / 60.0, -1.0 / 0.09);
    assert!((libm::log(value / known)).abs() < 1.0, "{value:e} {known:e}");
    assert!(half["warnings"].to_string().contains("Rows below a jump cannot predict the jump"));
}

#[test]
fn an_invalid_chain_is_refused_with_its_reason() {
    for (to, wanted) in [
        ("through = { L = \"los\" }", "did you mean `loss`?"),
        ("through = { C = \"loss\" }", "has no variable `C`"),
        ("through = { L = \"accuracy\" }", "cannot go through itself"),
    ] {
        let spec = CHAIN.replace("through = { L = \"loss\" }", to);
        let outcome = World::with(&spec, &runs_with_accuracy()).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{to}");
        assert!(outcome.stderr.contains(wanted), "{to}: {}", outcome.stderr);
    }
}

fn first(results: &Value, query: &str) -> [f64; 3] {
    let cell = &results["queries"][query]["rows"][0]["loss"];
    ["lower", "value", "upper"].map(|part| cell[part].as_f64().unwrap_or_else(|| panic!("{query}: {cell}")))
}

/// The chain without its threshold, also with the default forecast.
fn asked_twice() -> String {
    let head = CHAIN.split("[queries.half]").next().unwrap();
    format!("{head}[queries.several]\nfit = \"accuracy\"\nforecast = \"default\"\nloss = {{ C = 1e22 }}\n")
}

#[test]
fn several_laws_forecast_the_loss_that_an_accuracy_goes_through() {
    let results = run(&asked_twice(), &runs_with_accuracy());
    let loss = 1.8 + 60.0 * libm::pow(1e22, -0.09);
    let known = 0.95 - 0.7 / (1.0 + libm::exp(-4.0 * (loss - 2.6)));
    let [lower, value, upper] = first(&results, "several");
    assert!(lower < value && value < upper && upper <= 1.0, "{lower} {value} {upper}");
    assert!(lower < known && known < upper, "{lower} {known} {upper}");
    let several = &results["queries"]["several"];
    assert!(several["forecasts"].to_string().contains("members"), "{several}");
    assert!(several["interval"].as_str().unwrap().contains("by several laws"), "{}", several["interval"]);
    // The error that the laws have in common is in it.
    let [narrow, _, wide] = first(&results, "next");
    assert!(upper - lower > wide - narrow, "{lower} {upper} {narrow} {wide}");
}

#[test]
fn a_loss_without_a_trend_gives_no_accuracy_by_several_laws() {
    let mut random = Random::new(5, "flat", 0);
    let mut table = "flop,loss,accuracy\n".to_owned();
    for i in 0..24 {
        let c = 1e18 * libm::pow(10.0, f64::from(i) / 8.0);
        let loss = 2.6 * random.log_normal(0.05);
        let accuracy = 0.95 - 0.7 / (1.0 + libm::exp(-4.0 * (loss - 2.6))) + 0.003 * random.normal();
        let _ = writeln!(table, "{c},{loss},{accuracy}");
    }
    let row = run(&asked_twice(), &table)["queries"]["several"]["rows"][0].clone();
    assert!(row["loss"]["value"].is_null(), "{row}");
    assert_eq!(row["reach"]["verdict"], "not_forecast");
    assert!(row["note"].as_str().unwrap().contains("no forecast"), "{row}");
}

#[test]
fn guessing_says_nothing_of_the_loss_in_between() {
    let spec = asked_twice().replacen("forecast = \"default\"", "forecast = \"default\"\nceiling = 0.75", 1);
    let outcome = World::with(&spec, &runs_with_accuracy()).lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("the laws forecast `L`, which has no chance level"), "{}", outcome.stderr);
}

/// Two tasks with plateaus of their own at the same losses.
fn runs_of_two_tasks() -> String {
    let mut random = Random::new(22, "tasks", 0);
    let mut table = "flop,loss,accuracy,task\n".to_owned();
    for (task, top) in [("cloze", 0.9), ("facts", 0.6)] {
        for i in 0..20 {
            let c = 1e18 * libm::pow(10.0, f64::from(i) / 7.0);
            let loss = (1.8 + 60.0 * libm::pow(c, -0.09)) * random.log_normal(0.005);
            let accuracy = top - (top - 0.25) / (1.0 + libm::exp(-4.0 * (loss - 2.6))) + 0.003 * random.normal();
            let _ = writeln!(table, "{c},{loss},{accuracy},{task}");
        }
    }
    table
}

#[test]
fn each_group_of_a_chain_has_its_own_answer() {
    let grouped = asked_twice()
        .replacen(
            "accuracy = \"accuracy\" }",
            "accuracy = \"accuracy\", task = { column = \"task\", type = \"text\" } }",
            1,
        )
        .replacen("law = \"olmo_sigmoid\"\n", "law = \"olmo_sigmoid\"\nby = \"task\"\n", 1);
    let both = grouped.replacen("law = \"power\"\n", "law = \"power\"\nby = \"task\"\n", 1);
    let loss = 1.8 + 60.0 * libm::pow(1e22, -0.09);
    for spec in [grouped, both] {
        assert!(spec.contains("by = \"task\""));
        let results = run(&spec, &runs_of_two_tasks());
        for query in ["next", "several"] {
            let rows = results["queries"][query]["rows"].as_array().unwrap().clone();
            assert_eq!(rows.len(), 2, "{query}");
            for (row, (task, top)) in rows.iter().zip([("cloze", 0.9), ("facts", 0.6)]) {
                assert_eq!(row["group"], task);
                let known = top - (top - 0.25) / (1.0 + libm::exp(-4.0 * (loss - 2.6)));
                let value = row["loss"]["value"].as_f64().unwrap();
                assert!((value - known).abs() < 0.06, "{query} {task}: {value} {known}");
            }
        }
    }
}

#[test]
fn fits_in_groups_of_different_columns_are_not_chained() {
    let spec = CHAIN
        .replacen(
            "accuracy = \"accuracy\" }",
            "accuracy = \"accuracy\", task = { column = \"task\", type = \"text\" } }",
            1,
        )
        .replacen("law = \"olmo_sigmoid\"\n", "law = \"olmo_sigmoid\"\nby = \"task\"\n", 1)
        .replacen("law = \"power\"\n", "law = \"power\"\nby = \"C\"\n", 1);
    let outcome = World::with(&spec, &runs_of_two_tasks()).lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("in groups of different columns"), "{}", outcome.stderr);
}
