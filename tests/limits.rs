//! Inputs that are too large, too deep or not files: refused quickly, with the position and what to do.

use std::fmt::Write as _;

use crate::world::{OTHERS, Outcome, SPEC, World, simulated_runs};

fn check(spec: &str) -> Outcome {
    World::with(spec, &simulated_runs(0.01)).lawfit(&["check", "study.toml"])
}

#[test]
fn more_draws_than_usual_are_refused_until_they_are_allowed() {
    let large = SPEC.replace("resamples = 100", "resamples = 2000000");
    let refused = check(&large);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--allow large"), "{}", refused.stderr);
    let world = World::with(&large, &simulated_runs(0.01));
    let allowed = world.lawfit(&["check", "study.toml", "--allow", "large"]);
    assert_eq!(allowed.code, 0);
    // The permission does not suppress the size.
    assert!(allowed.stderr.contains("15.3 MiB") && allowed.stderr.contains("2000 times as long"), "{}", allowed.stderr);
    assert_eq!(world.lawfit_with(&["check", "study.toml"], &[("LAWFIT_ALLOW", "outside,large")]).code, 0);
}

#[test]
fn more_draws_than_can_be_counted_are_refused_as_any_other_number() {
    let refused = check(&SPEC.replace("resamples = 100", "resamples = 9223372036854775807"));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the limit is 10000000"), "{}", refused.stderr);
}

#[test]
fn a_curve_of_too_many_points_is_refused_in_the_spec_and_in_a_question() {
    for points in ["1001", "10000000", "9223372036854775807"] {
        let curve = format!("isoflop = {{ C = 1e21, points = {points} }}");
        let refused = check(&SPEC.replace("compute_optimal = { C = [1e21, 1e23] }", &curve));
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("at most 1000 points"), "{}", refused.stderr);
    }
    let world = World::with(SPEC, &simulated_runs(0.01));
    let refused = world.lawfit(&["query", "study.toml", "isoflop C=1e21 points=1000000000000"]);
    assert!(refused.code == 2 && refused.stderr.contains("at most 1000 points"), "{}", refused.stderr);
}

#[test]
fn sizes_whose_product_is_beyond_all_numbers_are_drawn_in_no_picture_that_fails() {
    for sizes in ["N = 1e300, D = 1e300", "N = 1e-300, D = 1e-300", "N = 1e-300, D = 1e300"] {
        let spec = SPEC.replace("compute_optimal = { C = [1e21, 1e23] }", &format!("loss = {{ {sizes} }}"));
        let world = World::with(&spec.replace("resamples = 100", "resamples = 20"), &simulated_runs(0.01));
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 0, "{sizes}: {}", outcome.stderr);
    }
}

#[test]
fn an_answer_of_too_many_rows_is_refused() {
    let budgets = vec!["1e21"; 20_000].join(", ");
    let refused = check(&SPEC.replace("C = [1e21, 1e23]", &format!("C = [{budgets}]")));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("20000 rows"), "{}", refused.stderr);
}

#[test]
fn thousands_of_errors_are_counted_and_a_few_are_shown() {
    let mut spec = SPEC.to_owned();
    for i in 0..3000 {
        let _ = writeln!(spec, "[unknown{i}]");
    }
    let outcome = check(&spec);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("of which 50 are shown"), "{}", outcome.stderr);
    assert!(outcome.stderr.lines().count() < 1000);
}

#[test]
fn every_accepted_expression_can_be_computed() {
    let column = |terms: usize| SPEC.replace("6 * N * D", &format!("N{}", " + D".repeat(terms)));
    let world = World::with(&column(2000), &simulated_runs(0.01));
    assert_eq!(world.lawfit(&["run", "study.toml"]).code, 0);
    let refused = check(&column(3000));
    assert!(refused.code == 2 && refused.stderr.contains("3000 operators"), "{}", refused.stderr);
}

#[test]
fn a_missing_or_special_file_is_an_error_wherever_it_is_named() {
    for (what, put) in OTHERS {
        let world = World::with(SPEC, &simulated_runs(0.01));
        put(&world.path("odd.toml"));
        world.write("over.toml", "extends = \"odd.toml\"\n");
        world.write(
            "data.toml",
            &SPEC.replace("runs.csv", "odd.toml").replace("[sources.runs]", "[sources.runs]\nformat = \"csv\""),
        );
        for spec in ["odd.toml", "over.toml", "data.toml"] {
            let outcome = world.lawfit(&["check", spec]);
            assert_eq!(outcome.code, 2, "{what}, {spec}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_pattern_stays_in_the_studys_folder_unless_more_is_allowed() {
    let world = World::new();
    world.write("data/a.csv", &simulated_runs(0.01));
    world.write("specs/study.toml", &SPEC.replace("runs.csv", "../data/*.csv"));
    assert_eq!(world.lawfit(&["check", "specs/study.toml"]).code, 0, "it is below the working directory");
    let inside = |arguments: &[&str]| world.command(arguments).current_dir(world.path("specs")).output().unwrap();
    let refused = inside(&["check", "study.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--allow outside"));
    assert_eq!(inside(&["check", "study.toml", "--allow", "outside"]).status.code(), Some(0));
}

#[test]
fn a_file_larger_than_any_table_is_refused_unread() {
    let world = World::with(SPEC, "");
    std::fs::File::create(world.path("runs.csv")).unwrap().set_len(3 << 30).unwrap();
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("larger than 256 MiB"), "{}", outcome.stderr);
}

#[test]
fn extreme_numbers_give_results_or_reasons() {
    let base = simulated_runs(0.01);
    for (column, factor) in [(0, 1e290), (0, 1e-310), (1, 1e290), (1, 1e-310), (2, 1e300), (2, 1e-305)] {
        let scaled = |line: &str| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            cells[column] = (cells[column].parse::<f64>().unwrap() * factor).to_string();
            cells.join(",")
        };
        let lines: Vec<String> =
            base.lines().enumerate().map(|(i, line)| if i == 0 { line.to_owned() } else { scaled(line) }).collect();
        let spec = SPEC
            .replace("C = { expr = \"6 * N * D\", unit = \"FLOP\" }\n", "")
            .replace("resamples = 100", "resamples = 20");
        let world = World::with(&spec, &lines.join("\n"));
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert!([0, 5].contains(&outcome.code), "column {column} by {factor}: {}", outcome.stderr);
        let own = outcome.stderr.contains("artifact `fit`") || outcome.stderr.contains("panicked");
        assert!(!own, "column {column} by {factor}: {}", outcome.stderr);
        if outcome.code == 0 {
            let page = world.read("outputs/study/report.html");
            // The script of the page contains the word.
            let shown = |part: &str| !part.split_once("</script>").map_or(part, |(_, rest)| rest).contains("NaN");
            assert!(page.split("<script").all(shown), "column {column} by {factor}");
        }
    }
}
