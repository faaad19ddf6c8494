//! Statements about numbers: units, identification, uncertainty, and the cautions shown with them.

use std::fmt::Write as _;

use crate::world::{SPEC, World, simulated_runs};

/// Losses of six model sizes at two training lengths, which do not identify the data term.
fn two_lengths() -> String {
    let mut random = lawfit::numerics::Random::new(11, "lengths", 0);
    let mut table = "params,tokens,loss,family\n".to_owned();
    for n in [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9] {
        for d in [5e9, 2e10] {
            for _ in 0..2 {
                let loss = 1.8 + 480.0 * libm::pow(n, -0.35) + 2085.0 * libm::pow(d, -0.37);
                let _ = writeln!(table, "{n},{d},{},even", loss * random.log_normal(0.003));
            }
        }
    }
    table
}

fn results(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.read("outputs/study/results.json")).unwrap()
}

const FORMATS: &str = "[report]\nformats = [\"html\", \"markdown\", \"json\", \"latex\"]\n";

#[test]
fn a_loss_per_byte_is_headed_as_one() {
    let spec = SPEC.replacen("L = \"loss\"", "L = { column = \"loss\", unit = \"bits per byte\" }", 1);
    let world = World::with(&format!("{spec}[report]\nformats = [\"markdown\", \"latex\"]\n"), &simulated_runs(0.01));
    assert_eq!(world.lawfit(&["run", "study.toml"]).code, 0);
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("nats per byte"), "{report}");
    let table = world.read("outputs/study/tables.tex");
    assert!(table.contains("nats per byte") && !table.contains("(nats)"), "{table}");
}

#[test]
fn a_wrong_unit_is_found_in_a_column_with_a_gap() {
    // Tokens in billions, declared as plain counts; one row has none.
    let rows = simulated_runs(0.01);
    let in_billions = |(place, line): (usize, &str)| {
        let cells: Vec<&str> = line.split(',').collect();
        match (place, cells[1].parse::<f64>()) {
            (3, _) => format!("{},,{},{}\n", cells[0], cells[2], cells[3]),
            (_, Ok(tokens)) => format!("{},{},{},{}\n", cells[0], tokens / 1e9, cells[2], cells[3]),
            _ => format!("{line}\n"),
        }
    };
    let table: String = rows.lines().enumerate().map(in_billions).collect();
    let spec = SPEC
        .replace("[sources.runs]", "[sources.runs]\nmissing = \"keep\"")
        .replace("rules = [", "rules = [{ keep = \"D > 0\" }, ");
    assert!(spec.contains("missing = \"keep\"") && spec.contains("D > 0"));
    let world = World::with(&spec, &table);
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stdout.contains("too few for plain counts"), "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn a_source_that_drops_most_of_its_rows_says_so_among_the_serious_warnings() {
    let cell = |i: u32| if i < 7 { "3.12*".to_owned() } else { (3.0 - 0.1 * f64::from(i)).to_string() };
    let mut table = "x,y\n".to_owned();
    for i in 0..12 {
        let _ = writeln!(table, "{},{}", i + 1, cell(i));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Dropped\"\n[sources.runs]\npath = \"runs.csv\"\nmissing = \"drop\"\n\
        columns = { x = \"x\", y = \"y\" }\n[laws.line]\nformula = \"y = a + b * x\"\n[fits.main]\nrows = \"runs\"\nlaw = \"line\"\n\
        [queries.at]\nfit = \"main\"\nloss = { x = 12 }\n";
    let outcome = World::with(spec, &table).lawfit(&["run", "study.toml"]);
    assert!(outcome.stdout.contains("! source runs"), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("7 of 12 rows were dropped"), "{}", outcome.stdout);
    // Without `missing = "drop"` the error names the setting that takes the number of such a cell.
    let strict = spec.replace("missing = \"drop\"\n", "");
    let outcome = World::with(&strict, &table).lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("extract = "), "{}", outcome.stderr);
}

#[test]
fn columns_in_different_units_are_stored_in_one_unit() {
    let mut table = "flop,pfdays,nats,bits\n".to_owned();
    for (flop, nats) in [(1e18, 4.0), (1e19, 3.5), (1e20, 3.1), (1e21, 2.8), (1e22, 2.6)] {
        let _ = writeln!(table, "{flop},{},{nats},{}", flop / 8.64e19, nats / std::f64::consts::LN_2);
    }
    let source = |name: &str, c: &str, l: &str| {
        format!(
            "[sources.{name}]\npath = \"runs.csv\"\ncolumns.C = {{ {c} }}\ncolumns.L = {{ {l} }}\n\
             [fits.{name}]\nrows = \"{name}\"\nlaw = \"p\"\n[queries.{name}]\nfit = \"{name}\"\nloss = {{ C = 1e22 }}\n"
        )
    };
    let spec = [
        "spec = 1\n[study]\ntitle = \"Units\"\n[laws.p]\nuse = \"power_floor\"\nvariables.x = \"C\"\n",
        &source("plain", "column = \"flop\", unit = \"FLOP\"", "column = \"nats\", unit = \"nats\""),
        &source("other", "column = \"pfdays\", unit = \"PFday\"", "column = \"bits\", unit = \"bits\""),
        FORMATS,
    ];
    let world = World::with(&spec.concat(), &table);
    world.run("study.toml");
    let results = results(&world);
    let at = |query: &str| results["queries"][query]["rows"][0]["loss"]["value"].as_f64().unwrap();
    assert!((at("plain") - 2.6).abs() < 0.1, "{}", at("plain"));
    assert!((at("other") / at("plain") - 1.0).abs() < 1e-6, "{} {}", at("other"), at("plain"));
    for report in ["report.md", "report.html"] {
        let text = world.read(&format!("outputs/study/{report}"));
        for said in ["bits, kept in nats (times 0.693147)", "PFday, kept in FLOP (times 8.64e19)"] {
            assert!(text.contains(said), "{report} does not say: {said}");
        }
    }
    assert!(results["conclusions"][0].as_str().unwrap().contains(" nats "), "{}", results["conclusions"]);
}

#[test]
fn an_unidentified_parameter_is_printed_nowhere() {
    let world = World::with(&format!("{SPEC}{FORMATS}"), &two_lengths());
    world.run("study.toml");
    let results = results(&world);
    let parameters = &results["fits"]["main"]["parameters"];
    for name in ["B", "E", "beta"] {
        assert_eq!(parameters[name]["status"], "not_identified", "{name}");
        for number in ["value", "se", "lower", "upper"] {
            assert!(parameters[name][number].is_null(), "{name}: {}", parameters[name]);
        }
    }
    for name in ["A", "alpha"] {
        assert_eq!(parameters[name]["status"], "estimated", "{name}: two lengths tell what size is worth");
    }
    let lock: toml::Value = toml::from_str(&world.read("study.lock")).unwrap();
    let unidentified = lock["unidentified"].as_array().unwrap();
    assert!(unidentified.iter().any(|name| name.as_str() == Some("fits.main.beta")), "{unidentified:?}");
    let numbers = lock["numbers"].as_table().unwrap();
    assert!(numbers.contains_key("fits.main.alpha") && !numbers.keys().any(|name| name.starts_with("fits.main.beta")));
    assert!(world.read("outputs/study/report.md").contains("| beta | - |  |  | not identified |"));
    let tables = world.read("outputs/study/tables.tex");
    assert!(tables.contains("$\\beta$ & -- & -- & -- & -- & not identified"), "{tables}");
    let conclusion = results["conclusions"][0].as_str().unwrap();
    assert!(conclusion.contains("B, E and beta not identified"), "{conclusion}");
}

#[test]
fn the_uncertainty_of_a_terms_size_is_a_factor() {
    let world = World::with(&format!("{SPEC}{FORMATS}"), &simulated_runs(0.01));
    world.run("study.toml");
    let results = results(&world);
    let of = |name: &str| results["fits"]["main"]["parameters"][name].clone();
    let factor = of("A")["factor"].as_f64().unwrap();
    assert!((1.05..10.0).contains(&factor), "{factor}");
    assert!(of("alpha")["factor"].is_null() && of("alpha")["se"].as_f64().unwrap() > 0.0);
    let lock: toml::Value = toml::from_str(&world.read("study.lock")).unwrap();
    assert_eq!(lock["numbers"]["fits.main.A.factor"].as_float(), Some(factor));
    assert!(world.read("outputs/study/report.md").contains(&format!("| ×/÷ {factor:.2} |")));
}

#[test]
fn a_number_that_is_not_identified_fails_its_expectations_and_says_why() {
    let expected = "[[expect]]\nthat = \"fits.main.beta moved less than 2 se\"\n\
                    [[expect]]\nthat = \"fits.main.beta < 10\"\n";
    let world = World::with(&format!("{SPEC}{expected}"), &simulated_runs(0.01));
    world.run("study.toml");
    world.write("runs.csv", &two_lengths());
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 6, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("it is not identified by the rows"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("fits.main.beta is not identified by the rows"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("-> not identified"), "{}", outcome.stderr);
}

#[test]
fn a_failed_run_is_named_and_the_rule_in_the_warning_drops_it() {
    let runs = simulated_runs(0.004);
    // The last run is the largest one.
    let (good, last) = runs.trim_end().rsplit_once('\n').unwrap();
    let cells: Vec<&str> = last.split(',').collect();
    let broken = format!("{good}\n{},{},5.5,odd\n", cells[0], cells[1]);
    let world = World::with(SPEC, &broken);
    let said = world.run("study.toml")["results"]["fits"]["main"]["evidence"]["warnings"].to_string();
    let rule = said.split("write `{ drop = ").nth(1).and_then(|rest| rest.split(" }` in the filter").next());
    let rule = rule.unwrap_or_else(|| panic!("{said}")).replace("\\\"", "\"");
    world.write("study.toml", &SPEC.replace("drop = \"L > 10\", because = \"diverged\"", &format!("drop = {rule}")));
    let results = &world.run("study.toml")["results"];
    assert!(!results["fits"]["main"]["evidence"]["warnings"].to_string().contains("diverged"), "{results}");
    assert_eq!(results["filters"]["main"]["dropped"][0]["rows"], 1, "{results}");
}

#[test]
fn repeated_rows_are_named_with_the_setting_that_counts_them_once() {
    let runs = simulated_runs(0.01);
    let lines: Vec<&str> = runs.lines().collect();
    let twice = format!("{runs}{}\n{}\n", lines[3], lines[7]);
    let notes = |spec: &str| {
        let world = World::with(spec, &twice);
        world.run("study.toml");
        results(&world)["notes"].to_string()
    };
    let warned = notes(SPEC);
    assert!(
        warned.contains("2 of 32 rows repeat another one in every column that is read (rows 3, 31; rows 7, 32)"),
        "{warned}"
    );
    let line = "replicates = [\"D\", \"N\", \"L\"]";
    assert!(warned.contains(&line.replace('"', "\\\"")), "{warned}");
    let handled = notes(&SPEC.replace("law = \"hoffmann\"\n", &format!("law = \"hoffmann\"\n{line}\n")));
    assert!(!handled.contains("repeat"), "{handled}");
}

#[test]
fn a_doubtful_column_is_reported_once_with_its_correction() {
    let spec = format!("{SPEC}[fits.other]\nrows = \"main\"\nlaw = \"hoffmann\"\n");
    let runs: Vec<String> = simulated_runs(0.01)
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let tokens = cells[1].parse::<f64>().map_or(cells[1].to_owned(), |d| (d / 1e9).to_string());
            format!("{},{tokens},{},{}\n", cells[0], cells[2], cells[3])
        })
        .collect();
    let world = World::with(&spec, &runs.concat());
    world.lawfit(&["run", "study.toml"]);
    let notes = results(&world)["notes"].as_array().unwrap().clone();
    let said: Vec<&str> =
        notes.iter().map(|note| note["text"].as_str().unwrap()).filter(|t| t.contains("too few")).collect();
    assert_eq!(said.len(), 1, "{notes:#?}");
    assert!(said[0].contains("`D = { column = \"tokens\", unit = \"B tokens\" }`"), "{}", said[0]);
}

#[test]
fn equal_warnings_are_counted_and_answers_name_query_and_laws() {
    let more = "[queries.far]\nfit = \"main\"\nloss = { N = [\"100B\", \"200B\"], D = \"5T\" }\n\
                [queries.farther]\nfit = \"main\"\nloss = { N = \"400B\", D = \"9T\" }\n\
                [queries.several]\nfit = \"main\"\nloss = { N = \"20B\", D = \"500B\" }\nforecast = \"default\"\n";
    let world = World::with(&format!("{SPEC}{more}{FORMATS}"), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let results = results(&world);
    let notes = results["notes"].as_array().unwrap();
    let beyond: Vec<_> =
        notes.iter().filter(|n| n["text"].as_str().unwrap().starts_with("Where the law does not hold")).collect();
    assert_eq!(beyond.len(), 1, "{notes:#?}");
    assert!(beyond[0]["of"].as_array().unwrap().len() >= 2, "{}", beyond[0]);
    let page = world.read("outputs/study/report.html");
    assert_eq!(page.matches("Where the law does not hold").count(), 1);
    assert!(outcome.stdout.contains(&format!("{} warning", notes.len())), "{}", outcome.stdout);
    for said in ["(query far, fit main, one law; ", "(query several, fit main, several laws"] {
        assert!(results["conclusions"].to_string().contains(said), "{said}: {}", results["conclusions"]);
    }
}

#[test]
fn a_parameter_on_its_bound_is_shown_next_to_each_answer() {
    let held = "[laws.low]\nuse = \"hoffmann\"\n[laws.low.parameters]\nE = { bounds = [0, 1.2] }\n";
    let spec = format!("{}{held}", SPEC.replace("law = \"hoffmann\"", "law = \"low\""));
    let world = World::with(&spec, &simulated_runs(0.002));
    let said = "; E at its upper bound 1.2)";
    world.run("study.toml");
    let conclusions = results(&world)["conclusions"].to_string();
    assert!(conclusions.contains(said), "{conclusions}");
    let asked = world.lawfit(&["query", "study.toml", "loss N=1B D=20B"]);
    assert!(asked.stdout.contains(said), "{}", asked.stdout);
}

#[test]
fn a_number_that_is_not_converted_with_its_response_is_told_in_the_report() {
    let mut table = "x,acc,sd\n".to_owned();
    for i in 1..=10 {
        let x = f64::from(i);
        let _ = writeln!(table, "{x},{},0.5", 25.0 + 6.0 * x);
    }
    let spec = "spec = 1\n[study]\ntitle = \"Percent\"\n[sources.runs]\npath = \"runs.csv\"\n\
        columns = { x = \"x\", acc = { column = \"acc\", unit = \"%\" }, sd = \"sd\" }\n\
        [laws.line]\nformula = \"acc = 25 + b * x\"\n[laws.plain]\nformula = \"acc = a + b * x\"\n\
        [fits.main]\nrows = \"runs\"\nlaw = \"line\"\nobjective = { least_squares = { on = \"raw\" } }\n\
        [fits.weighted]\nrows = \"runs\"\nlaw = \"plain\"\nnoise = \"sd\"\n\
        [queries.at]\nfit = \"main\"\nloss = { x = 8 }\n[queries.as_well]\nfit = \"weighted\"\nloss = { x = 8 }\n";
    let world = World::with(spec, &table);
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let report = world.read("outputs/study/report.md");
    for sentence in [
        "the number 25 in the formula is taken in share: if it is meant in %, write 0.25.",
        "for deviations in %, write `sd = {",
    ] {
        assert!(report.contains(sentence), "{sentence}\n{report}");
        assert!(!outcome.stdout.contains("No warnings"), "{}", outcome.stdout);
    }
    // With their unit, the deviations are converted.
    let with_unit = spec.replace("sd = \"sd\" }", "sd = { column = \"sd\", unit = \"%\" } }");
    let world = World::with(&with_unit, &table);
    world.run("study.toml");
    assert!(!world.read("outputs/study/report.md").contains("for deviations in"));
}

/// A table of eleven years with values of a function of the years since 2018 and a scatter of 1 %.
fn years(value: impl Fn(f64) -> f64) -> String {
    let row = |i: i32| format!("{},{}\n", 2014 + i, value(f64::from(i - 4)) * if i % 2 == 0 { 1.01 } else { 0.99 });
    std::iter::once("year,y\n".to_owned()).chain((0..11).map(row)).collect()
}

/// The answer for 2026 and the warnings of a formula over years.
fn fit_over_years(formula: &str, table: &str) -> (f64, String) {
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Years\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ year = \"year\", y = \"y\" }}\n\
         [laws.own]\nformula = \"{formula}\"\n[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = {{ least_squares = {{ on = \"raw\" }} }}\n\
         uncertainty = \"auto\"\n[queries.next]\nfit = \"main\"\nloss = {{ year = 2026 }}\n"
    );
    let results = World::with(&spec, table).run("study.toml")["results"].clone();
    let answer = results["queries"]["next"]["rows"][0]["loss"]["value"].as_f64().unwrap_or(f64::NAN);
    (answer, results["fits"]["main"]["evidence"]["warnings"].to_string())
}

#[test]
fn a_law_over_years_is_fitted_as_over_years_since_one_of_them() {
    let table = years(|t| libm::exp(0.3 * t));
    for (raw, shifted) in [
        ("y = a * exp(k * year)", "y = a * exp(k * (year - 2019))"),
        ("y = a + b * year + c * year^2", "y = a + b * (year - 2019) + c * (year - 2019)^2"),
    ] {
        let ((value, warnings), (wanted, _)) = (fit_over_years(raw, &table), fit_over_years(shifted, &table));
        assert!((value / wanted - 1.0).abs() < 1e-4, "{raw}: {value} {wanted}");
        for unwanted in ["far from zero", "not identif", "second optimum", "converge"] {
            assert!(!warnings.contains(unwanted), "{raw}: {warnings}");
        }
    }
}

#[test]
fn a_law_over_years_that_cannot_be_fitted_names_the_formula_that_can() {
    // b is e^1211, which no number can hold.
    let table = years(|t| 5.0 / (1.0 + libm::exp(-0.6 * t)));
    let (_, warnings) = fit_over_years("y = A / (1 + b * exp(-k * year))", &table);
    assert!(warnings.contains("Write `(year - 2019)` for `year`"), "{warnings}");
    let (_, warnings) = fit_over_years("y = A / (1 + b * exp(-k * (year - 2019)))", &table);
    assert!(!warnings.contains("far from zero"), "{warnings}");
}
