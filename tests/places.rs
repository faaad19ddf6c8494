//! Variables that are no sizes: dates, temperatures and logarithms, which may be zero or negative, and whose distance from
//! the rows is no factor.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::World;

/// A table of two columns, and a study of a formula over it.
fn study([x, y]: [&str; 2], rows: impl Iterator<Item = (f64, f64)>, formula: &str, queries: &str) -> World {
    let mut table = format!("{x},{y}\n");
    for (at, found) in rows {
        let _ = writeln!(table, "{at},{found}");
    }
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Places\"\n[sources.runs]\npath = \"runs.csv\"\n\
         columns = {{ {x} = \"{x}\", {y} = \"{y}\" }}\n[laws.law]\nformula = \"{y} = {formula}\"\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"law\"\nobjective = {{ least_squares = {{ on = \"raw\" }} }}\n\
         uncertainty = {{ sandwich = {{ draws = 200 }} }}\n{queries}[report]\nformats = [\"json\", \"markdown\"]\n"
    );
    World::with(&spec, &table)
}

fn results(world: &World) -> Value {
    world.run("study.toml");
    serde_json::from_str(&world.read("outputs/study/results.json")).unwrap()
}

fn row<'a>(results: &'a Value, query: &str, row: usize) -> &'a Value {
    &results["queries"][query]["rows"][row]
}

fn number(cell: &Value) -> f64 {
    cell["value"].as_f64().unwrap_or_else(|| panic!("no value: {cell}"))
}

/// A small scatter with the same values in every test.
fn scatter(place: usize) -> f64 {
    0.004 * ((place as f64 * 0.618_033_988_749_894_9).fract() - 0.5)
}

/// The best learning rate of runs whose table holds its logarithm.
fn learning_rates(queries: &str) -> World {
    let rows = (0..11).map(|i| -4.5 + 0.25 * f64::from(i));
    let rows = rows.enumerate().map(|(i, x)| (x, 2.5 + 0.3 * (x + 3.1) * (x + 3.1) + scatter(i)));
    study(["log_lr", "L"], rows, "a + c * (log_lr - m)^2", queries)
}

#[test]
fn a_minimum_is_found_at_a_negative_value() {
    let world = learning_rates("[queries.best]\nfit = \"main\"\nminimum = { over = \"log_lr\" }\n");
    let results = results(&world);
    let best = row(&results, "best", 0);
    assert!((number(&best["at"]) + 3.1).abs() < 0.01 && (number(&best["lowest"]) - 2.5).abs() < 0.005, "{best}");
    let at = &best["at"];
    assert!(at["lower"].as_f64().unwrap() > -3.2 && at["upper"].as_f64().unwrap() < -3.0, "{at}");
    assert_eq!(best["reach"]["verdict"], "inside");
}

#[test]
fn a_response_is_reached_at_the_value_nearest_to_the_rows() {
    let world = learning_rates("[queries.at]\nfit = \"main\"\nreach = { L = 2.8, solve = \"log_lr\" }\n");
    let results = results(&world);
    let found = number(&row(&results, "at", 0)["solution"]);
    assert!((found + 2.1).abs() < 0.02 || (found + 4.1).abs() < 0.02, "{found}");
}

#[test]
fn zero_and_negative_values_can_be_asked_for_and_a_count_cannot_be_negative() {
    let world = learning_rates("[queries.at]\nfit = \"main\"\nloss = { log_lr = [-3.1, 0, -4] }\n");
    let results = results(&world);
    let (best, zero) = (number(&row(&results, "at", 0)["loss"]), number(&row(&results, "at", 1)["loss"]));
    assert!((best - 2.5).abs() < 0.005 && (zero - (2.5 + 0.3 * 3.1 * 3.1)).abs() < 0.05, "{best} {zero}");
    let text = "[queries.at]\nfit = \"main\"\nloss = { N = -1 }\n";
    let counts =
        study(["N", "L"], (1..9).map(|i| (f64::from(i) * 1e8, 3.0 - 0.1 * f64::from(i))), "a + b * ln(N)", text);
    let outcome = counts.lawfit(&["check", "study.toml"]);
    assert!(outcome.stderr.contains("a size must be positive"), "{}", outcome.stderr);
}

#[test]
fn a_maximum_is_found_and_a_line_has_none() {
    let rows = (0..9).map(|i| (i, 1e-4 * libm::pow(10.0, 0.25 * f64::from(i))));
    let rows = rows.map(|(i, lr)| (lr, 0.8 - 0.05 * libm::pow(libm::log(lr / 1e-3), 2.0) + scatter(i as usize)));
    let world = study(
        ["lr", "accuracy"],
        rows,
        "top - c * (ln(lr) - m)^2",
        "[queries.best]\nfit = \"main\"\nmaximum = { over = \"lr\" }\n[queries.worst]\nfit = \"main\"\nminimum = { over = \"lr\" }\n",
    );
    let results = results(&world);
    let best = row(&results, "best", 0);
    assert!((number(&best["at"]) / 1e-3 - 1.0).abs() < 0.05 && (number(&best["highest"]) - 0.8).abs() < 0.01, "{best}");
    let note = row(&results, "worst", 0)["note"].as_str().unwrap();
    assert!(note.contains("there is no minimum"), "{note}");
}

/// The logarithm of compute by year, half a decade per year.
fn by_year(queries: &str) -> World {
    let rows = (0..16).map(|i| (2016.5 + 0.5 * f64::from(i), 19.0 + 0.25 * f64::from(i) + 10.0 * scatter(i as usize)));
    study(["year", "logC"], rows, "a + b * (year - 2020)", queries)
}

#[test]
fn a_year_outside_the_rows_is_told_from_the_years_of_the_rows() {
    let world = by_year(
        "[queries.at]\nfit = \"main\"\nloss = { year = [2020, 2027, 2050] }\n\
         [queries.when]\nfit = \"main\"\nreach = { logC = 25, solve = \"year\" }\n",
    );
    let results = results(&world);
    let verdict = |place: usize| row(&results, "at", place)["reach"]["verdict"].as_str().unwrap().to_owned();
    assert_eq!([verdict(0), verdict(1), verdict(2)], ["inside", "near", "far"]);
    assert!(!row(&results, "at", 0)["observed"].is_null());
    assert!(row(&results, "at", 1)["observed"].is_null(), "no row is of 2027");
    let when = number(&row(&results, "when", 0)["solution"]);
    assert!((when - 2028.5).abs() < 0.2, "{when}");
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("2028.") && !report.contains("2.03K"), "{report}");
    assert!(report.contains("times the range of `year` beyond it"), "{report}");
}

#[test]
fn a_logarithm_of_compute_far_beyond_the_rows_is_far() {
    let rows = (0..12).map(|i| (18.0 + 0.35 * f64::from(i), 3.0 - 0.1 * f64::from(i) + scatter(i as usize)));
    let world =
        study(["logC", "L"], rows, "a + b * logC", "[queries.at]\nfit = \"main\"\nloss = { logC = [23, 30] }\n");
    let results = results(&world);
    assert_eq!(row(&results, "at", 0)["reach"]["verdict"], "near");
    assert_eq!(row(&results, "at", 1)["reach"]["verdict"], "far");
}

#[test]
fn a_variable_whose_rows_span_decades_is_compared_by_factors() {
    let rows = (0..13).map(|i| (i, libm::pow(10.0, 0.5 * f64::from(i))));
    let rows = rows.map(|(i, steps)| (steps, 2.0 + 3.0 * libm::pow(steps, -0.5) + scatter(i as usize)));
    let world = study(
        ["steps", "L"],
        rows,
        "E + A * steps^-a",
        "[queries.at]\nfit = \"main\"\nloss = { steps = [5e6, 1e10] }\n",
    );
    let results = results(&world);
    assert_eq!(row(&results, "at", 0)["reach"]["verdict"], "near");
    assert_eq!(row(&results, "at", 1)["reach"]["verdict"], "far");
}

#[test]
fn pi_is_the_number_and_a_column_of_that_name_is_a_column() {
    let wave = |x: f64| 2.0 + 0.5 * libm::sin(2.0 * std::f64::consts::PI * x / 24.0);
    let rows = (0..24).map(|i| (f64::from(i), wave(f64::from(i)) + 0.1 * scatter(i as usize)));
    let world = study(["hour", "y"], rows, "a + b * sin(2 * pi * hour / 24)", "");
    let results = results(&world);
    let parameters = &results["fits"]["main"]["parameters"];
    assert!(parameters.get("pi").is_none() && (number(&parameters["b"]) - 0.5).abs() < 1e-3, "{parameters}");
}
