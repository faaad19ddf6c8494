//! Known answers: the shipped studies, published numbers, and simulated data.

use crate::world::{SPEC, World, repository, shared_data, simulated_runs};

fn number(object: &serde_json::Value, path: &str) -> f64 {
    let found = path.split('.').fold(object, |at, key| match key.parse::<usize>() {
        Ok(index) => &at[index],
        Err(_) => &at[key],
    });
    found.as_f64().unwrap_or_else(|| panic!("{path} is {found}"))
}

/// A folder with the shipped specs.
fn shipped() -> World {
    let world = World::new();
    for folder in ["specs", "specs/data"] {
        for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
                world.write(&name, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    world
}

#[test]
fn every_shipped_spec_is_valid() {
    let world = shipped();
    let specs: Vec<String> = world
        .files("specs")
        .into_keys()
        .filter(|name| !name.starts_with('.') && (name.contains(".toml") || name.contains(".yaml")))
        .map(|name| format!("specs/{name}"))
        .collect();
    assert!(specs.len() >= 3);
    for spec in specs {
        let outcome = world.lawfit(&["check", &spec]);
        assert_eq!(outcome.code, 0, "{spec}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("warning"), "{spec}: {}", outcome.stderr);
    }
}

#[test]
fn the_quick_start_forecasts_two_models_and_warns_of_one_ray() {
    let world = shipped();
    let results = world.run("specs/cerebras-gpt.toml")["results"].clone();
    assert_eq!(results["fits"]["compute"]["rows"], 5);
    assert_eq!(results["fits"]["compute"]["holdout"]["rows"], 2);
    for (row, observed) in [(0, 1.704), (1, 1.572)] {
        let forecast = number(&results, &format!("queries.forecast.rows.{row}.loss.value"));
        assert!((forecast / observed - 1.0).abs() < 0.03, "{forecast} against {observed}");
    }
    let warnings = results["fits"]["two_terms"]["evidence"]["warnings"].to_string();
    assert!(
        warnings.contains("one tokens-per-parameter ray")
            && warnings.contains("cannot separate the effects of N and D"),
        "{warnings}"
    );
    assert_eq!(results["queries"]["budget"]["rows"][0]["reach"]["verdict"], "not_identified");
    let report = world.read("outputs/cerebras-gpt/report.md");
    assert!(report.contains("cannot separate the effects of N and D"));
    // A parameter that is not identified has no value, and an interval of zero width is not shown.
    assert!(report.contains("| 2.3e22 FLOP | - | - | - | not identified;"), "{report}");
    // A floor on its bound may be above it, and the rows limit how far.
    let floor = &results["fits"]["compute"]["parameters"]["E"];
    assert_eq!(floor["lower"], 0.0);
    assert!((0.5..2.0).contains(&floor["upper"].as_f64().unwrap()), "{floor}");
}

#[test]
fn published_constants_answer_without_data() {
    let world = shipped();
    let results = world.run("specs/gpt3.yaml")["results"].clone();
    // 2.57 (3.14e23 / 8.64e19)^-0.048 and (3.1e8 x 8.64e19 / 3.14e23)^0.05, by hand.
    assert!((number(&results, "queries.after.rows.0.loss.value") - 1.733_936).abs() < 1e-5);
    assert!((number(&results, "queries.before.rows.0.loss.value") - 1.764_198).abs() < 1e-5);
}

#[test]
fn the_chinchilla_replication_reaches_the_published_optimum_and_answers() {
    let Some(data) = shared_data("chinchilla") else { return };
    let world = shipped();
    let mirror = data.to_string_lossy().into_owned();
    let outcome = world.lawfit(&["run", "specs/chinchilla.toml", "--json", "--offline", "--mirror", &mirror]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let results = &object["results"];
    assert_eq!(results["fits"]["main"]["rows"], 240);
    assert_eq!(results["filters"]["main"]["dropped"][0]["rows"], 5);
    assert!(number(results, "fits.main.objective") <= 0.001_018_274_018_0);
    // The replication's optimum and its answers, to the printed digits.
    for (path, value, half) in [
        ("fits.main.parameters.A.value", 477.8, 0.05),
        ("fits.main.parameters.B.value", 2143.0, 0.5),
        ("fits.main.parameters.E.value", 1.8172, 5e-5),
        ("fits.main.parameters.alpha.value", 0.3473, 5e-5),
        ("fits.main.parameters.beta.value", 0.3672, 5e-5),
        ("queries.budget.rows.1.N.value", 7.319e10, 5e6),
        ("queries.budget.rows.1.D.value", 1.3116e12, 5e7),
        ("queries.target.rows.0.solution.value", 2.4305e23, 5e18),
    ] {
        let found = number(results, path);
        assert!((found - value).abs() <= half, "{path} is {found}, not {value}");
    }
    // Standard errors of 4,000 resamples (Besiroglu et al. 2024). Their relative Monte Carlo error is about 1/sqrt(2
    // x 4000) for normal draws, and several times that for the long tail of B.
    for (path, value, within) in [
        ("fits.main.parameters.A.se", 124.5, 0.06),
        ("fits.main.parameters.B.se", 1312.0, 0.15),
        ("fits.main.parameters.E.se", 0.0257, 0.05),
        ("fits.main.parameters.alpha.se", 0.0154, 0.05),
        ("fits.main.parameters.beta.se", 0.0206, 0.05),
    ] {
        let found = number(results, path);
        assert!((found / value - 1.0).abs() <= within, "{path} is {found}, not {value}");
    }
    assert_eq!(results["queries"]["floor"]["rows"][0]["reach"]["verdict"], "not_reachable");
    assert!(number(results, "fits.forecast.holdout.rows") > 10.0);
}

#[test]
fn the_truth_behind_noiseless_runs_is_recovered() {
    let world = World::with(SPEC, &simulated_runs(0.0));
    let results = world.run("study.toml")["results"].clone();
    for (name, truth) in [("E", 1.7), ("A", 400.0), ("alpha", 0.34), ("B", 410.0), ("beta", 0.28)] {
        let found = number(&results, &format!("fits.main.parameters.{name}.value"));
        assert!((found / truth - 1.0).abs() < 1e-6, "{name} is {found}");
    }
}

#[test]
fn every_objective_recovers_the_truth_behind_noiseless_runs() {
    for objective in [
        "\"least_squares\"",
        "{ least_squares = { on = \"raw\" } }",
        "{ huber = { delta = 0.1, on = \"raw\" } }",
        "{ asymmetric_huber = { over = 10 } }",
        "{ student_t = { scale = 0.01 } }",
    ] {
        let spec = SPEC.replace("law = \"hoffmann\"", &format!("law = \"hoffmann\"\nobjective = {objective}"));
        let world = World::with(&spec, &simulated_runs(0.0));
        let results = world.run("study.toml")["results"].clone();
        let alpha = number(&results, "fits.main.parameters.alpha.value");
        assert!((alpha / 0.34 - 1.0).abs() < 1e-5, "{objective}: {alpha}");
    }
}

#[test]
fn a_users_formula_fits_like_the_catalogue_entry() {
    let own = SPEC
        .replace("law = \"hoffmann\"", "law = \"mine\"")
        .replace("[fits.main]", "[laws.mine]\nformula = \"L = floor + a * N^-p + b / D^q\"\n[fits.main]");
    let world = World::with(&own, &simulated_runs(0.01));
    world.write("catalogue.toml", SPEC);
    let mine = number(&world.run("study.toml"), "results.fits.main.objective");
    let entry = number(&world.run("catalogue.toml"), "results.fits.main.objective");
    assert!((mine / entry - 1.0).abs() < 1e-9, "{mine} {entry}");
}

#[test]
fn fixed_tied_and_bounded_parameters_are_kept_so() {
    let spec = SPEC
        .replace("law = \"hoffmann\"", "law = \"mine\"")
        .replace(
            "[fits.main]",
            "[laws.mine]\nuse = \"hoffmann\"\nparameters.E = { fixed = 1.6 }\nparameters.beta = { tied = \"alpha\" }\nparameters.A = { bounds = [1, 50] }\n[fits.main]",
        );
    let world = World::with(&spec, &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let fit = &results["fits"]["main"]["parameters"];
    assert_eq!((fit["E"]["value"].as_f64(), fit["E"]["status"].as_str()), (Some(1.6), Some("fixed")));
    assert_eq!(
        (fit["beta"]["value"].as_f64(), fit["beta"]["status"].as_str()),
        (fit["alpha"]["value"].as_f64(), Some("tied"))
    );
    assert_eq!((fit["A"]["value"].as_f64(), fit["A"]["status"].as_str()), (Some(50.0), Some("at_upper_bound")));
    assert!(results["fits"]["main"]["evidence"]["warnings"].to_string().contains("upper bound 50"));
}

#[test]
fn parquet_and_lines_of_json_give_the_numbers_of_csv() {
    use lawfit::dataset::{Column, Dataset, Origin};
    let table = simulated_runs(0.01);
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let mut data = Dataset::new((1..=rows.len() as u32).map(|row| Origin { file: 0, row }).collect());
    for (index, name) in ["params", "tokens", "loss"].into_iter().enumerate() {
        data.insert(name, Column::Numbers(rows.iter().map(|row| row[index].parse().unwrap()).collect()));
    }
    data.insert("family", Column::Texts(rows.iter().map(|row| row[3].to_owned()).collect()));
    let world = World::with(SPEC, &table);
    std::fs::write(world.path("runs.parquet"), lawfit::source::to_bytes(&data).unwrap()).unwrap();
    let lines: Vec<String> = rows
        .iter()
        .map(|r| {
            format!("{{\"params\": {}, \"tokens\": {}, \"loss\": {}, \"family\": \"{}\"}}", r[0], r[1], r[2], r[3])
        })
        .collect();
    world.write("runs.jsonl", &lines.join("\n"));
    let csv = world.run("study.toml")["results"]["fits"].clone();
    for file in ["runs.parquet", "runs.jsonl"] {
        let spec = file.replace('.', "-") + ".toml";
        world.write(&spec, &SPEC.replace("runs.csv", file));
        assert_eq!(world.run(&spec)["results"]["fits"], csv, "{file}");
    }
}

#[test]
fn a_glob_reads_its_files_in_order_of_name() {
    let table = simulated_runs(0.01);
    let mut lines = table.lines();
    let head = lines.next().unwrap();
    let rows: Vec<&str> = lines.collect();
    let world = World::with(&SPEC.replace("runs.csv", "runs/*.csv"), &table);
    world.write("runs/b.csv", &format!("{head}\n{}\n", rows[10..].join("\n")));
    world.write("runs/a.csv", &format!("{head}\n{}\n", rows[..10].join("\n")));
    world.write("one.toml", SPEC);
    let many = world.run("study.toml")["results"].clone();
    assert_eq!(many["fits"], world.run("one.toml")["results"]["fits"]);
    assert_eq!(many["sources"]["runs"]["rows"], 30);
}

#[test]
fn two_over_trained_models_are_forecast_with_the_errors_that_were_published() {
    let world = shipped();
    let results = world.run("specs/over-training.toml")["results"].clone();
    // The expectations of the spec hold the published errors; otherwise `run` would have ended with 6.
    assert_eq!(results["expectations"].as_array().unwrap().len(), 2);
    let loss = &results["fits"]["loss"]["parameters"];
    assert!((number(loss, "eta.value") - 0.272_851).abs() < 1e-6, "{loss}");
    assert!((number(&results, "fits.error.parameters.gamma.value") - 0.714_591).abs() < 1e-6);
}

#[test]
fn routed_models_are_fitted_to_the_optimum_of_the_published_objective() {
    let Some(data) = shared_data("routed models") else { return };
    let world = shipped();
    let mirror = data.join("clark2022_routing");
    let outcome =
        world.lawfit(&["run", "specs/routing.toml", "--json", "--offline", "--mirror", mirror.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let fit = &object["results"]["fits"]["sinkhorn"];
    let value = |name: &str| number(fit, &format!("parameters.{name}.value"));
    // More parameters and more experts help, and experts help large models less.
    assert!(value("a") < 0.0 && value("b") < 0.0 && value("c") > 0.0, "{fit}");
    let misses = (number(fit, "objective") / number(fit, "rows")).sqrt();
    assert!(misses < 0.01, "{misses}");
}

#[test]
fn every_kind_of_query_is_answered_with_an_interval_and_a_sentence() {
    let queries = r#"
[fits.steep]
rows = "main"
law = "hoffmann"
objective = { least_squares = {} }
uncertainty = { sandwich = { draws = 50 } }
[queries.at]
fit = "main"
loss = { N = "2B", D = "40B" }
[queries.split]
fit = "main"
isoflop = { C = [1e20, 1e21], at = 1e23, curve = true, points = 5 }
[queries.served]
fit = "main"
inference_aware = { loss = 2.2, serve = "1T" }
[queries.small]
fit = "main"
overtrain = { C = 1e22, N = "500M" }
[queries.next]
fit = "main"
marginal = { C = 1e22 }
[queries.both]
fit = "main"
compare = { with = "steep", C = 1e22 }
"#;
    let world = World::with(&format!("{SPEC}{queries}"), &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let inside = |path: &str| {
        let [value, lower, upper] =
            ["value", "lower", "upper"].map(|part| number(&results, &format!("queries.{path}.{part}")));
        assert!(lower < value && value < upper, "{path}: {lower} {value} {upper}");
        value
    };
    inside("at.rows.0.loss");
    // Three budgets, each with its optimal split and a curve of five sizes.
    assert_eq!(results["queries"]["split"]["rows"].as_array().unwrap().len(), 18);
    assert!(inside("split.rows.12.parabola_D") < inside("split.rows.12.D"));
    assert!(inside("served.rows.0.N") < inside("target.rows.0.N"));
    assert!(inside("small.rows.0.overhead") > 1.0);
    assert!(inside("next.rows.0.elasticity") < 0.0);
    // Two objectives on the same rows differ little.
    assert!((inside("both.rows.0.multiplier") - 1.0).abs() < 0.2);
    let report = world.read("outputs/study/report.md");
    for words in ["overhead = ", "elasticity = ", "times the compute", "saving = ", "parabola D = "] {
        assert!(report.contains(words), "{words} in {report}");
    }
}

#[test]
fn auto_selects_by_rows_and_checkpoints_of_a_run_count_once() {
    let auto = SPEC.replace("uncertainty = { bootstrap = { resamples = 100 } }", "uncertainty = \"auto\"");
    assert_ne!(auto, SPEC);
    let world = World::with(&auto, &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let words = results["fits"]["main"]["uncertainty"].as_str().unwrap().to_owned();
    assert!(
        words.starts_with("residual bootstrap") && words.contains("30 independent rows for 5 parameters"),
        "{words}"
    );
    let squares = "uncertainty = { wild = { resamples = 1000 } }\nobjective = { least_squares = {} }";
    let wild = auto.replace("uncertainty = \"auto\"", squares);
    assert_ne!(wild, auto);
    let alone = World::with(&wild, &simulated_runs(0.01)).run("study.toml")["results"].clone();
    let alone = number(&alone, "fits.main.parameters.E.se");
    // Each row occurs three times without an identifier: three times the information, unless the copies are one run.
    let table = simulated_runs(0.01);
    let mut lines = table.lines();
    let head = lines.next().unwrap();
    let rows: Vec<String> = lines.enumerate().map(|(i, line)| format!("{line},{i}\n").repeat(3)).collect();
    let threefold = format!("{head},run\n{}", rows.concat());
    let spec = wild
        .replace(squares, &format!("{squares}\nclusters = [\"run\"]"))
        .replace("L = \"loss\"", "L = \"loss\"\nrun = \"run\"");
    let clustered = World::with(&spec, &threefold).run("study.toml")["results"].clone();
    let together = number(&clustered, "fits.main.parameters.E.se");
    assert!((together / alone - 1.0).abs() < 0.15, "{together} against {alone}");
}

#[test]
fn sensitivity_repeats_every_answer_under_other_choices() {
    let sensitivity = r#"
[sensitivity.main]
objectives = [{ least_squares = {} }, { huber = { delta = 1e-2 } }]
laws = ["additive_nd"]
rows = ["runs"]
without = ["family == 'even'", "C > 1e21"]
[[expect]]
that = "sensitivity.main.moved < 1000"
"#;
    let world = World::with(&format!("{SPEC}{sensitivity}"), &simulated_runs(0.01));
    let ran = world.run("study.toml");
    let results = &ran["results"];
    let found = &results["sensitivity"]["main"];
    assert_eq!(found["choices"].as_array().unwrap().len(), 6);
    assert_eq!(found["choices"][5], "without C > 1e21");
    let answers = found["answers"].as_array().unwrap();
    // Two budgets with three outputs each, and a target with three.
    assert_eq!(answers.len(), 9);
    let n = answers.iter().find(|a| a["query"] == "budget" && a["output"] == "N").unwrap();
    let own = number(results, "queries.budget.rows.0.N.value");
    assert_eq!(n["value"].as_f64().unwrap(), own);
    let values: Vec<f64> = n["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    // The filter drops nothing here, so the alternative rows are the same rows.
    assert_eq!(values[3], own);
    assert!(values.iter().filter(|v| **v != own).count() == 5, "{values:?}");
    // Sizes are compared by factors.
    let log = |v: f64| lawfit::numerics::ln(v);
    let far = values.iter().map(|v| (log(*v) - log(own)).abs()).fold(0.0, f64::max);
    let end = |key: &str| log(number(results, &format!("queries.budget.rows.0.N.{key}")));
    let half = 0.5 * (end("upper") - end("lower"));
    assert!((n["moved"].as_f64().unwrap() / (far / half) - 1.0).abs() < 1e-12);
    // A spec that makes the choice itself has the same answer.
    let squares = SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { least_squares = {} }");
    let alone = World::with(&squares, &simulated_runs(0.01)).run("study.toml")["results"].clone();
    assert_eq!(values[0], number(&alone, "queries.budget.rows.0.N.value"));
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("With 6 other choices") && report.contains("half-widths of its interval"), "{report}");
    // One more choice runs only that choice; the others come from the cache.
    let more = format!("{SPEC}{sensitivity}").replace("[\"additive_nd\"]", "[\"additive_nd\", \"generalised\"]");
    world.write("study.toml", &more);
    let statuses = world.statuses("study.toml");
    let ran: Vec<&String> = statuses.iter().filter(|(_, status)| *status == "ran").map(|(id, _)| id).collect();
    assert_eq!(
        ran,
        ["extrapolate.budget[laws=2]", "extrapolate.target[laws=2]", "fit.main[laws=2]", "render", "results"],
        "{statuses:?}"
    );
}

#[test]
fn each_value_of_a_variable_is_left_out_in_turn() {
    let leaving =
        "[sensitivity.main]\nleave_out = [\"family\"]\nwithout = [\"family == 'even'\", \"family == 'odd'\"]\n";
    let world = World::with(&format!("{SPEC}{leaving}"), &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let found = &results["sensitivity"]["main"];
    let choices = ["without family == 'even'", "without family == 'odd'", "without family even", "without family odd"];
    assert_eq!(found["choices"], serde_json::json!(choices));
    // The same as explicitly listed conditions, in every answer.
    for answer in found["answers"].as_array().unwrap() {
        let values = answer["values"].as_array().unwrap();
        assert_eq!((&values[0], &values[1]), (&values[2], &values[3]), "{answer}");
        assert!(values[0] != values[1] && values[0].is_number());
    }
    let grouped = SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nby = \"family\"");
    let refused = World::with(&format!("{grouped}{leaving}"), &simulated_runs(0.01)).lawfit(&["check", "study.toml"]);
    assert!(refused.code == 2 && refused.stderr.contains("so `leave_out` cannot make others"), "{}", refused.stderr);
}

#[test]
fn a_choice_without_rows_has_no_answer_and_the_others_do() {
    let sensitivity = "[sensitivity.main]\nleave_out = [\"family\"]\nwithout = [\"D > 0\", \"C > 1e21\", \"D < 0\"]\n";
    let one_family = simulated_runs(0.01).replace(",odd", ",even");
    let world = World::with(&format!("{SPEC}{sensitivity}"), &one_family);
    let found = world.run("study.toml")["results"]["sensitivity"]["main"].clone();
    assert_eq!(
        found["choices"],
        serde_json::json!(["without D > 0", "without C > 1e21", "without D < 0", "without family"])
    );
    for answer in found["answers"].as_array().unwrap() {
        let values = answer["values"].as_array().unwrap();
        assert!(values[0].is_null() && values[1].is_number() && values[2].is_null() && values[3].is_null(), "{answer}");
    }
    let report = world.read("outputs/study/report.md");
    for words in [
        "No answer without D > 0: no rows are left to fit.",
        "No answer without family: no rows",
        "without D < 0: no row meets",
    ] {
        assert!(report.contains(words), "{words} in {report}");
    }
}

#[test]
fn learning_curves_are_extrapolated_model_by_model() {
    let Some(data) = shared_data("learning curves") else { return };
    let world = shipped();
    let spec = world.read("specs/learning-curves.toml");
    // The available part of the benchmark replaces the complete file that the spec pins.
    let from = spec.find("url = ").unwrap();
    let to = spec.find("[sources.benchmark.columns]").unwrap();
    let path = data.join("alabdulmohsin2022/benchmark.lang.part.csv");
    world.write("specs/part.toml", &format!("{}path = {path:?}\n{}", &spec[..from], &spec[to..]));
    let results = world.run("specs/part.toml")["results"].clone();
    let rmse = |fit: &str| -> f64 {
        let groups = results["fits"][fit]["groups"].as_object().unwrap();
        groups.values().map(|g| number(g, "holdout.rmse_log")).sum::<f64>() / groups.len() as f64
    };
    // Fits of the whole benchmark have errors of .0140, .0014 and .0033 (m1 to m3) in an independent computation. The
    // best fits of this part have slightly larger errors, which are the values tested here.
    for (fit, known) in [("m1", 0.014_921), ("m2", 0.001_371), ("m3", 0.003_922), ("broken", 0.000_693)] {
        assert!((rmse(fit) - known).abs() < 1e-6, "{fit}: {}", rmse(fit));
    }
}

#[test]
fn error_of_image_models_is_forecast_family_by_family() {
    let Some(data) = shared_data("image curves") else { return };
    let world = shipped();
    let spec = world.read("specs/vision.toml");
    // The available part of the benchmark replaces the complete file that the spec pins.
    let from = spec.find("url = ").unwrap();
    let to = spec.find("[sources.benchmark.columns]").unwrap();
    let path = data.join("alabdulmohsin2022/benchmark.vision.part.csv");
    let without_draws = spec[to..].replace("uncertainty = { sandwich = { draws = 200, level = 0.9 } }\n", "");
    world.write("specs/part.toml", &format!("{}path = {path:?}\n{without_draws}", &spec[..from]));
    let results = world.run("specs/part.toml")["results"].clone();
    let groups = results["fits"]["floor"]["groups"].as_object().unwrap();
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["BiT/50/1", "MiX/L/16", "ViT/S/16"]);
    // A law that bends at both ends forecasts each model better than a power law with a floor.
    for (model, floor) in groups {
        let both = number(&results, &format!("fits.both_ends.groups.{model}.holdout.mean_relative_error"));
        assert!(both < 0.8 * number(floor, "holdout.mean_relative_error"), "{model}: {both}");
    }
}

#[test]
fn the_study_of_limits_reports_why_laws_do_not_apply() {
    let Some(data) = shared_data("double descent") else { return };
    let world = shipped();
    let mirror = data.to_string_lossy().into_owned();
    let outcome = world.lawfit(&["run", "specs/limits.toml", "--json", "--offline", "--mirror", &mirror]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let report = world.read("outputs/limits/report.md");
    for words in [
        "3 rows for 3 free parameters: the law fits the points exactly, whether it is true or not",
        "The rows do not identify A",
        "far outside the data, by a factor of 68",
        "Its 90 % prediction intervals cover only 2 % of the 55 held-out rows",
    ] {
        assert!(report.contains(words), "{words} in {report}");
    }
}

#[test]
fn the_shipped_lock_files_are_reproduced_on_this_machine() {
    let world = shipped();
    let mut specs = vec![
        "specs/cerebras-gpt.toml",
        "specs/gpt3.yaml",
        "specs/over-training.toml",
        "specs/frontier.toml",
        "specs/bert.toml",
        "specs/openclip.toml",
    ];
    let data = shared_data("lock files of studies that fetch their tables");
    if data.is_some() {
        specs.extend(["specs/chinchilla.toml", "specs/routing.toml", "specs/limits.toml"]);
    }
    let mirror = data.unwrap_or_else(|| world.path("nowhere")).to_string_lossy().into_owned();
    for spec in specs {
        let outcome = world.lawfit(&["run", spec, "--locked", "--offline", "--mirror", &mirror]);
        assert_eq!(outcome.code, 0, "{spec}: {}", outcome.stderr);
    }
}

#[test]
fn a_profile_gives_intervals_a_region_and_its_figure() {
    let spec = SPEC.replace(
        "uncertainty = { bootstrap = { resamples = 100 } }",
        "uncertainty = { profile = { draws = 200, pairs = [[\"alpha\", \"beta\"]] } }",
    );
    let world = World::with(&spec, &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let fit = &results["fits"]["main"];
    for (name, truth) in [("E", 1.7), ("alpha", 0.34), ("beta", 0.28)] {
        let part = |part: &str| fit["parameters"][name][part].as_f64().unwrap();
        assert!(part("lower") < part("value") && part("value") < part("upper"));
        assert!(part("lower") - part("se") < truth && truth < part("upper") + part("se"), "{name}");
    }
    let region = &fit["regions"][0];
    assert_eq!(region["parameters"], serde_json::json!(["alpha", "beta"]));
    assert_eq!(region["closed"], true);
    // The joint region of two parameters is wider than the interval of one, on every side.
    let alphas: Vec<f64> =
        region["points"].as_array().unwrap().iter().map(|point| point[0].as_f64().unwrap()).collect();
    let alpha = &fit["parameters"]["alpha"];
    assert!(alphas.iter().copied().fold(f64::INFINITY, f64::min) < alpha["lower"].as_f64().unwrap());
    assert!(alphas.iter().copied().fold(0.0, f64::max) > alpha["upper"].as_f64().unwrap());
    assert!(world.read("outputs/study/figures/region-main-1.svg").contains("90 % region"));
    assert!(results["queries"]["budget"]["rows"][0]["N"]["lower"].as_f64().is_some(), "queries have intervals too");
    world.write("study.toml", &spec.replace("[\"alpha\", \"beta\"]", "[\"alpha\", \"betta\"]"));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("no free parameter `betta`") && outcome.stderr.contains("`beta`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_size_of_a_figure_does_not_grow_with_the_rows() {
    let world = World::new();
    let at = ["--at", "N=10M..100B:150", "--at", "D=1e9..1e13:150"];
    let simulate =
        [&["simulate", "hoffmann", "--constants", "hoffmann2022", "--noise", "0.02", "--out", "runs.csv"], &at[..]];
    assert_eq!(world.lawfit(&simulate.concat()).code, 0);
    let spec = "spec = 1\n[study]\ntitle = \"Many\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = \"N\", D = \"D\", L = \"L\" }\n[fits.main]\nrows = \"runs\"\nlaw = \"hoffmann\"\n";
    world.write("study.toml", spec);
    world.run("study.toml");
    let figure = world.read("outputs/study/figures/fit-main.svg");
    let (shown, _) = figure.split_once(" of 22500)").expect("it says that it is a part");
    let shown: usize = shown.rsplit_once("fitted (").unwrap().1.parse().unwrap();
    assert!((1500..=1750).contains(&shown), "{shown}");
    assert!(figure.contains("golden-ratio sampling"), "the picture says how it was thinned");
    assert!(figure.len() < 1_000_000 && world.read("outputs/study/report.html").len() < 2_000_000);
}
