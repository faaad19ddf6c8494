//! Settings of a fit: groups, weights, noise, replicates, objectives, named procedures.

use std::fmt::Write as _;

use lawfit::numerics::Random;

use crate::world::{SPEC, World, simulated_runs};

/// Runs of two optimizers with equal exponents and floor; the second uses data half as efficiently.
pub(crate) fn two_optimizers(sigma: f64) -> String {
    let mut random = Random::new(5, "optimizers", 0);
    let mut table = "params,tokens,loss,family\n".to_owned();
    for (family, efficiency) in [("adam", 1.0), ("sgd", 0.5)] {
        for n in [3e7, 1e8, 3e8, 1e9, 3e9] {
            for d in [1e9, 4e9, 2e10, 8e10] {
                let loss = 1.7 + 400.0 * libm::pow(n, -0.34) + 410.0 * libm::pow(efficiency * d, -0.28);
                let _ = writeln!(table, "{n},{d},{},{family}", loss * random.log_normal(sigma));
            }
        }
    }
    table
}

/// The spec with keys added to its fit.
fn with_fit(keys: &str) -> String {
    SPEC.replace("law = \"hoffmann\"", &format!("law = \"hoffmann\"\n{keys}"))
}

fn run(spec: &str, table: &str) -> serde_json::Value {
    World::with(spec, table).run("study.toml")["results"].clone()
}

fn close(found: &serde_json::Value, known: f64, within: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / known - 1.0).abs() < within, "{found} against {known}");
}

#[test]
fn each_group_has_its_own_fit_and_answers() {
    let results = run(&with_fit("by = \"family\""), &two_optimizers(1e-4));
    let groups = &results["fits"]["main"]["groups"];
    close(&groups["adam"]["parameters"]["beta"]["value"], 0.28, 0.02);
    close(&groups["sgd"]["parameters"]["B"]["value"], 410.0 * libm::pow(0.5, -0.28), 0.2);
    assert_eq!(groups["adam"]["rows"], 20);
    let rows = results["queries"]["budget"]["rows"].as_array().unwrap();
    let asked: Vec<&str> = rows.iter().map(|row| row["group"].as_str().unwrap()).collect();
    assert_eq!(asked, ["adam", "adam", "sgd", "sgd"]);
    assert!(rows[2]["loss"]["value"].as_f64() > rows[0]["loss"]["value"].as_f64());
    assert!(rows[0]["N"]["lower"].as_f64() < rows[0]["N"]["value"].as_f64());
}

#[test]
fn groups_are_compared_with_one_group_or_by_name() {
    let shared = "by = \"family\"\nshare = [\"E\", \"A\", \"alpha\", \"beta\"]";
    let queries = "[queries.beside]\nfit = \"main\"\ncompare = { with = \"main\", group = \"adam\", C = 1e22 }\n\
        [queries.named]\nfit = \"main\"\ncompare = { with = \"sgd\", C = 1e22 }\n\
        [filters.sgd]\nsource = \"runs\"\nrules = [{ keep = \"family == 'sgd'\", because = \"one optimizer\" }]\n\
        [fits.sgd]\nrows = \"sgd\"\nlaw = \"hoffmann\"\nby = \"family\"\n";
    let results = run(&format!("{}{queries}", with_fit(shared)), &two_optimizers(1e-5));
    let rows = results["queries"]["beside"]["rows"].as_array().unwrap();
    assert_eq!((&rows[0]["group"], &rows[1]["group"]), (&"adam".into(), &"sgd".into()));
    close(&rows[0]["multiplier"]["value"], 1.0, 1e-9);
    // Both sides use the same draws, so an optimizer compared with itself is exactly equal.
    close(&rows[0]["multiplier"]["upper"], 1.0, 1e-9);
    // Data count half: B is larger by a factor of 2^beta, and the optimal loss at C is that of adam at C / 2.
    close(&rows[1]["multiplier"]["value"], 0.5, 0.01);
    let named = results["queries"]["named"]["rows"].as_array().unwrap();
    close(&named[1]["multiplier"]["value"], 1.0, 0.05);
    assert!(named[0]["note"].as_str().unwrap().contains("the fit `sgd` has no group of this name"));
}

#[test]
fn comparisons_of_groups_that_do_not_go_together_are_refused() {
    let grouped = with_fit("by = \"family\"");
    let asked = |fit: &str, with: &str| {
        let query = format!(
            "[fits.whole]\nrows = \"main\"\nlaw = \"hoffmann\"\n[queries.new]\nfit = \"{fit}\"\ncompare = {{ {with}, C = 1e22 }}\n"
        );
        World::with(&format!("{grouped}{query}"), &two_optimizers(1e-4)).lawfit(&["run", "study.toml"])
    };
    for (fit, with, code, message) in [
        ("whole", "with = \"main\"", 2, "has groups by `family`: name the group"),
        ("main", "with = \"whole\", group = \"adam\"", 2, "has no groups: leave out `group`"),
        ("whole", "with = \"main\", group = \"adan\"", 5, "its groups are `adam`, `sgd`"),
    ] {
        let outcome = asked(fit, with);
        assert!(outcome.code == code && outcome.stderr.contains(message), "{fit} {with}: {}", outcome.stderr);
    }
}

#[test]
fn shared_parameters_are_one_number_and_better_known_than_apart() {
    let table = two_optimizers(3e-3);
    let apart = run(&with_fit("by = \"family\""), &table);
    let together = run(&with_fit("by = \"family\"\nshare = [\"E\", \"A\", \"alpha\", \"beta\"]"), &table);
    let (fit, alone) = (&together["fits"]["main"], &apart["fits"]["main"]["groups"]);
    let own = |group: &str, name: &str, part: &str| fit["groups"][group]["parameters"][name][part].as_f64().unwrap();
    for name in ["E", "A", "alpha", "beta"] {
        assert_eq!(own("adam", name, "value"), own("sgd", name, "value"));
        assert_eq!(fit["parameters"][name]["value"], fit["groups"]["adam"]["parameters"][name]["value"]);
        assert!(own("adam", name, "se") < alone["adam"]["parameters"][name]["se"].as_f64().unwrap(), "{name}");
    }
    // Data count half: B is larger by a factor of 2^beta.
    let ratio = own("sgd", "B", "value") / own("adam", "B", "value");
    assert!((ratio - libm::pow(2.0, 0.28)).abs() < 0.02, "{ratio}");
    assert!(fit["objective"].as_f64().unwrap() >= apart["fits"]["main"]["objective"].as_f64().unwrap());
}

#[test]
fn the_joint_optimum_is_that_of_one_law_with_a_column_of_efficiencies() {
    // The same model without groups: D is replaced by the effective data of the second optimizer.
    let table = two_optimizers(3e-3);
    let shared = run(&with_fit("by = \"family\"\nshare = [\"E\", \"A\", \"alpha\", \"beta\"]"), &table);
    let single = SPEC
        .replace("[filters.main]", "[laws.one]\nformula = \"L = E + A / N^alpha + B * r^s / D^beta\"\nparameters.s = { bounds = [-3, 3], start = [-1, 0, 1] }\n[filters.main]")
        .replace("family = {", "r = \"r\"\nfamily = {")
        .replace("law = \"hoffmann\"", "law = \"one\"");
    let single = single.split("[queries.budget]").next().unwrap();
    let mut with_column = String::new();
    for (index, line) in table.lines().enumerate() {
        let r = if index == 0 {
            "r"
        } else if line.ends_with("sgd") {
            "2"
        } else {
            "1"
        };
        let _ = writeln!(with_column, "{line},{r}");
    }
    let single = run(single, &with_column);
    let objective = |results: &serde_json::Value| results["fits"]["main"]["objective"].as_f64().unwrap();
    assert!((objective(&shared) / objective(&single) - 1.0).abs() < 1e-9);
}

#[test]
fn a_weight_of_two_counts_a_row_twice() {
    let table = simulated_runs(0.01);
    let doubled = table.lines().skip(1).filter(|line| line.contains("even")).collect::<Vec<_>>().join("\n");
    let repeated = run(SPEC, &format!("{table}{doubled}\n"));
    let spec = with_fit("weights = \"1 + w\"").replace("family = {", "w = \"w\"\nfamily = {");
    let mut with_weights = String::new();
    for (index, line) in table.lines().enumerate() {
        let w = if index == 0 { "w" } else { ["0", "1"][usize::from(line.contains("even"))] };
        let _ = writeln!(with_weights, "{line},{w}");
    }
    let weighted = run(&spec, &with_weights);
    let alpha = |results: &serde_json::Value| results["fits"]["main"]["parameters"]["alpha"]["value"].as_f64().unwrap();
    assert!((alpha(&weighted) - alpha(&repeated)).abs() < 1e-7, "{} {}", alpha(&weighted), alpha(&repeated));
}

#[test]
fn residuals_are_divided_by_the_noise() {
    // Equal noise in all rows only changes the unit of delta and of the objective.
    let table = simulated_runs(0.01);
    let plain = run(&with_fit("objective = { least_squares = { on = \"raw\" } }"), &table);
    let noisy = run(&with_fit("objective = { least_squares = { on = \"raw\" } }\nnoise = \"0.1 + 0 * N\""), &table);
    close(&noisy["fits"]["main"]["objective"], 100.0 * plain["fits"]["main"]["objective"].as_f64().unwrap(), 1e-9);
    let value = plain["fits"]["main"]["parameters"]["alpha"]["value"].as_f64().unwrap();
    close(&noisy["fits"]["main"]["parameters"]["alpha"]["value"], value, 1e-7);
    // Rows with larger declared noise have less weight. On the log scale, noise is relative to the response.
    let spec = with_fit("objective = { least_squares = {} }\nnoise = \"L * max(0.01, 10 - D / 2e8)\"");
    let without = SPEC
        .replace("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { least_squares = {} }")
        .replace("rules = [", "rules = [{ drop = \"D < 2e9\" }, ");
    let (down, dropped) = (run(&spec, &table), run(&without, &table));
    let value = dropped["fits"]["main"]["parameters"]["beta"]["value"].as_f64().unwrap();
    close(&down["fits"]["main"]["parameters"]["beta"]["value"], value, 1e-3);
}

/// The width of the interval in logarithms for each row of the query `ahead`.
fn widths(results: &serde_json::Value) -> Vec<f64> {
    let rows = results["queries"]["ahead"]["rows"].as_array().unwrap();
    let end = |row: &serde_json::Value, name: &str| row["loss"][name].as_f64().unwrap();
    rows.iter().map(|row| libm::log(end(row, "upper") / end(row, "lower"))).collect()
}

#[test]
fn a_new_run_has_the_scatter_of_rows_under_any_declared_noise() {
    // Noise in arbitrary units only weights the rows; it does not set the scatter of a new run.
    let table = simulated_runs(0.01);
    let query = "\n[queries.ahead]\nfit = \"main\"\nloss = { N = 2e9, D = 4e10 }\n";
    let spec = |keys: &str| with_fit(&format!("objective = {{ least_squares = {{}} }}\n{keys}")) + query;
    let (plain, noisy) = (widths(&run(&spec(""), &table)), widths(&run(&spec("noise = \"5 * L + 0 * N\""), &table)));
    assert!((noisy[0] / plain[0] - 1.0).abs() < 1e-6, "{noisy:?} against {plain:?}");
}

#[test]
fn a_forecast_has_the_scatter_of_rows_of_its_size() {
    let mut random = Random::new(9, "uneven", 0);
    let mut table = "params,tokens,loss,family\n".to_owned();
    for n in [3e7, 6e7, 1e8, 2e8, 3e8, 6e8, 1e9, 2e9, 3e9, 6e9, 1e10] {
        for d in [1e9, 2e9, 4e9, 1e10, 2e10, 4e10, 8e10, 3e11] {
            let loss = 1.7 + 400.0 * libm::pow(n, -0.34) + 410.0 * libm::pow(d, -0.28);
            // From 3 % at 1e9 tokens to 0.54 % at 3e11.
            let sigma = 0.03 * libm::pow(d / 1e9, -0.3);
            let _ = writeln!(table, "{n},{d},{},all", loss * random.log_normal(sigma));
        }
    }
    let query = "\n[queries.ahead]\nfit = \"main\"\nloss = { N = 3e9, D = [1e9, 3e11] }\n";
    let outcome = World::with(&(with_fit("objective = { least_squares = {} }") + query), &table).run("study.toml");
    let results = &outcome["results"];
    let trend = &results["fits"]["main"]["noise_trend"];
    assert_eq!(trend["variable"], "D");
    let exponent = trend["exponent"].as_f64().unwrap();
    assert!((exponent + 0.3).abs() < 0.1, "{exponent}");
    let said = results["queries"]["ahead"]["interval"].as_str().unwrap();
    assert!(said.contains("the scatter of the rows along D"), "{said}");
    // A 90 % normal interval is 3.29 standard deviations wide; the parameters add a little.
    for (found, sigma) in widths(results).into_iter().zip([0.03, 0.03 * libm::pow(300.0, -0.3)]) {
        let ratio = found / (3.29 * sigma);
        assert!((0.7..2.2).contains(&ratio), "{ratio}");
    }
}

#[test]
fn repeated_runs_count_once_and_are_resampled_together() {
    let table = simulated_runs(0.01);
    let once = run(SPEC, &table);
    let copies = format!("{table}{}\n", table.lines().skip(1).collect::<Vec<_>>().join("\n"));
    let repeated = run(&with_fit("replicates = [\"N\", \"D\"]"), &copies);
    let cell = |results: &serde_json::Value, part: &str| {
        results["fits"]["main"]["parameters"]["alpha"][part].as_f64().unwrap()
    };
    assert!((cell(&repeated, "value") - cell(&once, "value")).abs() < 1e-9);
    // Copies are not new evidence: the interval is that of the original rows.
    close(&repeated["fits"]["main"]["parameters"]["alpha"]["se"], cell(&once, "se"), 1e-6);
    let replicates = &repeated["fits"]["main"]["evidence"]["replicates"];
    assert_eq!(replicates["configurations"], 30);
    // Identical copies contain no information about the noise, so they must not show lack of fit.
    let warnings = repeated["fits"]["main"]["evidence"]["warnings"].to_string();
    assert!(!warnings.contains("an error of the law and not noise"), "{warnings}");
}

#[test]
fn least_absolute_deviation_goes_through_as_many_rows_as_it_has_parameters() {
    let table = simulated_runs(0.01);
    let spec = with_fit("objective = { least_absolute = {} }").replace("uncertainty = { bootstrap", "# ");
    let world = World::with(&spec, &table);
    let results = world.run("study.toml")["results"].clone();
    let objective = results["fits"]["main"]["objective"].as_f64().unwrap();
    let parameter = |name: &str| results["fits"]["main"]["parameters"][name]["value"].as_f64().unwrap();
    let [e, a, alpha, b, beta] = ["E", "A", "alpha", "B", "beta"].map(parameter);
    let residuals: Vec<f64> = table
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<f64> = line.split(',').take(3).map(|c| c.parse().unwrap()).collect();
            let law = e + a * libm::pow(cells[0], -alpha) + b * libm::pow(cells[1], -beta);
            libm::log(law / cells[2]).abs()
        })
        .collect();
    assert!((residuals.iter().sum::<f64>() / objective - 1.0).abs() < 1e-9);
    assert_eq!(residuals.iter().filter(|r| **r < 1e-9).count(), 5, "{residuals:?}");
}

#[test]
fn every_named_solver_is_run_and_compared_with_the_optimum() {
    let table = simulated_runs(0.01);
    let best = run(SPEC, &table)["fits"]["main"]["objective"].as_f64().unwrap();
    for solver in ["lbfgs", "nelder_mead", "levenberg_marquardt"] {
        let results = run(&with_fit(&format!("solver = \"{solver}\"")), &table);
        let fit = &results["fits"]["main"];
        assert_eq!(fit["evidence"]["solver"], solver);
        close(&fit["evidence"]["reference"]["objective"], best, 1e-9);
        assert!(fit["objective"].as_f64().unwrap() >= best * (1.0 - 1e-9), "{solver}");
    }
    let marquardt = run(&with_fit("solver = \"levenberg_marquardt\""), &table);
    close(&marquardt["fits"]["main"]["objective"], best, 1e-6);
}

#[test]
fn a_poor_grid_of_starts_is_run_and_reported_as_poor() {
    // One start on the plateau where both powers vanish, from which L-BFGS cannot move.
    let starts = "starts = \"grid\"\nsolver = \"lbfgs\"";
    let spec = SPEC
        .replace("[filters.main]", "[laws.listed]\nuse = \"hoffmann\"\nparameters.E = { start = 4 }\nparameters.A = { start = 1 }\nparameters.B = { start = 1 }\nparameters.alpha = { start = 2.0 }\nparameters.beta = { start = 2.0 }\n[filters.main]")
        .replace("law = \"hoffmann\"", &format!("law = \"listed\"\n{starts}"));
    let results = run(&spec, &simulated_runs(0.01));
    let fit = &results["fits"]["main"];
    assert_eq!(fit["evidence"]["starts"], 1);
    let reference = fit["evidence"]["reference"]["objective"].as_f64().unwrap();
    assert!(fit["objective"].as_f64().unwrap() > 1.01 * reference);
    let warnings = fit["evidence"]["warnings"].to_string();
    assert!(warnings.contains("above the best optimum") && warnings.contains("alpha"), "{warnings}");
}

#[test]
fn a_grid_has_every_combination_of_listed_starts() {
    let spec = SPEC
        .replace("[filters.main]", "[laws.listed]\nuse = \"hoffmann\"\nparameters.E = { start = [\"exp(0)\", \"exp(0.5)\"] }\nparameters.A = { start = [\"exp(5)\", \"exp(10)\"] }\nparameters.B = { start = [\"exp(5)\", \"exp(10)\"] }\nparameters.alpha = { start = [0.25, 0.5, 1] }\nparameters.beta = { start = [0.25, 0.5, 1] }\n[filters.main]")
        .replace("law = \"hoffmann\"", "law = \"listed\"\nstarts = \"grid\"");
    let fit = run(&spec, &simulated_runs(0.01))["fits"]["main"].clone();
    assert_eq!(fit["evidence"]["starts"], 72);
    close(&fit["objective"], fit["evidence"]["reference"]["objective"].as_f64().unwrap(), 1e-9);
    let optima = fit["evidence"]["optima"].as_array().unwrap();
    assert_eq!(optima[0]["starts"], fit["evidence"]["starts_at_best"]);
}

#[test]
fn errors_in_a_fit_are_found_before_anything_runs() {
    for (keys, wanted) in [
        ("by = \"famly\"", "did you mean `family`?"),
        ("share = [\"E\"]", "`share` needs `by`"),
        ("by = \"family\"\nshare = [\"alhpa\"]", "did you mean `alpha`?"),
        ("replicates = [\"n\"]", "there is no variable `n`"),
        ("weights = \"family\"", "expected a number, found a text"),
        ("noise = \"sigma\"", "there is no variable `sigma`"),
        ("solver = \"newtown\"", "newton"),
        ("starts = \"gird\"", "grid"),
    ] {
        let outcome = World::with(&with_fit(keys), &simulated_runs(0.01)).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{keys}");
        assert!(outcome.stderr.contains(wanted), "{keys}: {}", outcome.stderr);
    }
    let world = World::with(&with_fit("noise = \"L - 2.5\""), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(
        outcome.stderr.contains("is not above zero in") && outcome.stderr.contains("runs.csv row"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_hundred_thousand_rows_are_searched_on_a_part_and_fitted_on_all() {
    let mut random = Random::new(9, "many", 0);
    let mut table = "params,tokens,loss,family\n".to_owned();
    for _ in 0..100_000 {
        let (n, d) = (1e9 * random.log_normal(1.5), 3e10 * random.log_normal(1.5));
        let loss = 1.7 + 400.0 * libm::pow(n, -0.34) + 410.0 * libm::pow(d, -0.28);
        let _ = writeln!(table, "{n},{d},{},x", loss * random.log_normal(0.01));
    }
    let spec = with_fit("").replace("resamples = 100", "resamples = 20");
    let fit = run(&spec, &table)["fits"]["main"].clone();
    assert_eq!(fit["rows"], 100_000);
    close(&fit["parameters"]["alpha"]["value"], 0.34, 0.01);
    close(&fit["parameters"]["beta"]["value"], 0.28, 0.01);
    assert!(fit["evidence"]["gradient_norm"].as_f64().unwrap() < 1e-6 * fit["objective"].as_f64().unwrap());
}

#[test]
fn queries_and_rows_outside_the_published_range_are_named() {
    let spec = "spec = 1\nstudy.title = \"x\"\n[laws.p]\nuse = \"muennighoff\"\nconstants = \"muennighoff2023\"\n[fits.p]\nlaw = \"p\"\n[queries.q]\nfit = \"p\"\nloss = { N = \"1T\", D = \"100B\", U = \"1B\" }\n";
    let results = run(spec, "unused\n");
    let warnings = results["queries"]["q"]["warnings"].to_string();
    assert!(warnings.contains("N = 1.000e12 is outside 7e6 to 9e9"), "{warnings}");
    assert!(warnings.contains("tokens are seen 100.0 times, and the law holds for up to 60 times"), "{warnings}");
    let results = run(&with_fit(""), &simulated_runs(0.01));
    let warnings = results["fits"]["main"]["evidence"]["warnings"].to_string();
    assert!(warnings.contains("rows lie outside the conditions of the law"), "{warnings}");
}

#[test]
fn a_procedure_over_shared_groups_is_compared_with_the_optimum() {
    let keys =
        "by = \"family\"\nshare = [\"E\", \"A\", \"alpha\", \"beta\"]\nstarts = \"grid\"\nsolver = \"nelder_mead\"";
    // One start that is far from the optimum in more directions than a simplex can correct.
    let law = "\n[laws.listed]\nuse = \"hoffmann\"\n[laws.listed.parameters]\nA = { start = [10] }\nB = { start = [1e5] }\nE = { start = [3] }\nalpha = { start = [0.05] }\nbeta = { start = [1] }\n";
    let spec = with_fit(keys).replace("law = \"hoffmann\"", "law = \"listed\"") + law;
    let fit = run(&spec, &two_optimizers(3e-3))["fits"]["main"].clone();
    let best = run(&with_fit(&keys[..keys.find("\nstarts").unwrap()]), &two_optimizers(3e-3))["fits"]["main"].clone();
    let group = &fit["groups"]["adam"];
    let reference = group["evidence"]["reference"]["objective"].as_f64().unwrap();
    let over_both = |fit: &serde_json::Value| -> f64 {
        fit["groups"].as_object().unwrap().values().map(|group| group["objective"].as_f64().unwrap()).sum()
    };
    close(&reference.into(), over_both(&best), 1e-9);
    assert!(over_both(&fit) > reference * (1.0 + 1e-8));
    let warnings = fit["evidence"]["warnings"].to_string();
    assert!(warnings.contains("The named procedure ends") && warnings.contains("not the best fit"), "{warnings}");
}

#[test]
fn points_where_large_numbers_cancel_are_left_out_and_reported() {
    // A floor without an upper bound, and rows that do not identify it: E and A may grow together without limit.
    let mut random = Random::new(3, "rounding", 0);
    let mut table = "compute,loss\n".to_owned();
    for _ in 0..18 {
        let _ = writeln!(table, "{},{}", 1e8 * random.log_normal(1.0), 3.0 * random.log_normal(0.05));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Simulated\"\n\
        [sources.runs]\npath = \"runs.csv\"\ncolumns.C = \"compute\"\ncolumns.L = \"loss\"\n\
        [laws.saturating]\nformula = \"L = E + (L_0 - E) * (A / C^alpha) / (1 + A / C^alpha)\"\n\
        [fits.main]\nrows = \"runs\"\nlaw = \"saturating\"\n";
    let evidence = run(spec, &table)["fits"]["main"]["evidence"].clone();
    let unresolved = evidence["unresolved_starts"].as_u64().unwrap();
    assert!(unresolved > 0 && unresolved < evidence["starts"].as_u64().unwrap(), "{evidence}");
    let said =
        format!("From {unresolved} of {} starts the solver reached points where the law cannot be", evidence["starts"]);
    assert!(evidence["warnings"].to_string().contains(&said), "{}", evidence["warnings"]);
}

#[test]
fn lack_of_fit_and_missing_trends_are_shown_next_to_answers() {
    let spec = |law: &str| {
        format!(
            "spec = 1\n[study]\ntitle = \"t\"\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\nx = \"x\"\ny = \"y\"\n[laws.law]\nformula = \"{law}\"\n[fits.main]\nrows = \"runs\"\nlaw = \"law\"\n[queries.far]\nfit = \"main\"\nloss = {{ x = 1e6 }}\n"
        )
    };
    let mut random = Random::new(5, "doubts", 0);
    let table = |value: &dyn Fn(f64) -> f64, random: &mut Random| {
        (0..30).fold("x,y\n".to_owned(), |text, i| {
            let x = 10.0 * libm::pow(1.2, f64::from(i));
            text + &x.to_string() + "," + &(value(x) * random.log_normal(0.01)).to_string() + "\n"
        })
    };
    let doubts = |law: &str, table: &str| {
        let results = World::with(&spec(law), table).run("study.toml")["results"].clone();
        let caveats = results["queries"]["far"]["rows"][0]["caveats"].to_string();
        (results["fits"]["main"]["evidence"]["doubts"].to_string(), caveats)
    };
    let bent = table(&|x| 1.0 + 5.0 / x, &mut random);
    let (found, caveats) = doubts("y = k * x^-a", &bent);
    assert_eq!(found, "[\"lack_of_fit\"]");
    assert!(caveats.contains("lack of fit"), "{caveats}");
    assert_eq!(doubts("y = E + A * x^-a", &bent).0, "null");
    let (found, caveats) = doubts("y = k * x^-a", &table(&|_| 2.0, &mut random));
    assert_eq!(found, "[\"no_trend\"]");
    assert!(caveats.contains("no trend in the rows"), "{caveats}");
}

#[test]
fn a_sign_is_kept_where_a_part_of_the_law_is_small_at_usual_values() {
    // At sizes near 1 the part with the rate vanishes, so that the sign of its place seems free.
    let mut table = "size,rate,loss\n".to_owned();
    for size in [1e49_f64, 1e50, 1e51] {
        for rate in [-9.0_f64, -7.0, -5.5, -4.0, -3.0] {
            let loss = 2.0 + 0.05 * (rate + 6.0) * (rate + 6.0) * libm::pow(size / 1e50, 0.3);
            let _ = writeln!(table, "{size:e},{},{loss}", libm::exp(rate));
        }
    }
    let spec = r#"
spec = 1
study.title = "Rates"
[sources.runs]
path = "runs.csv"
columns = { N = "size", r = "rate", L = "loss" }
[laws.bowl]
formula = "L = E + c * (ln(r) - m)^2 * (N / 1e50)^x"
[filters.main]
source = "runs"
[fits.main]
rows = "main"
law = "bowl"
"#;
    let world = World::with(spec, &table);
    let parameters = world.run("study.toml")["results"]["fits"]["main"]["parameters"].clone();
    for (name, value) in [("E", 2.0), ("c", 0.05), ("m", -6.0), ("x", 0.3)] {
        let found = parameters[name]["value"].as_f64().unwrap();
        assert!((found - value).abs() < 1e-6, "{name}: {parameters}");
    }
}

#[test]
fn laws_with_different_variables_are_compared_at_held_values() {
    let spec = with_fit("objective = { least_squares = {} }")
        + "[laws.wide]\nformula = \"L = E * (1 + 1e-6 * (width / 1024 - 1)) + A / N^alpha + B / D^beta\"\n";
    let table = simulated_runs(0.01);
    let head = table.lines().next().unwrap();
    let rows: Vec<String> = table.lines().skip(1).map(|line| format!("{line},1024")).collect();
    let table = format!("{head},width\n{}\n", rows.join("\n"));
    let spec = spec.replace("[sources.runs.columns]\n", "[sources.runs.columns]\nwidth = \"width\"\n");
    let query = |fit: &str, with: &str, hold: &str| {
        format!(
            "[fits.wide]\nrows = \"main\"\nlaw = \"wide\"\nobjective = {{ least_squares = {{}} }}\n\
             [queries.beside]\nfit = \"{fit}\"\ncompare = {{ with = \"{with}\", C = 1e22, hold = {hold} }}\n"
        )
    };
    for (fit, with) in [("main", "wide"), ("wide", "main")] {
        let results = run(&format!("{spec}{}", query(fit, with, "{ width = 1024 }")), &table);
        let row = &results["queries"]["beside"]["rows"][0];
        // Both laws are the same function of size and data.
        let ratio = row["loss"]["value"].as_f64().unwrap() / row["other_loss"]["value"].as_f64().unwrap();
        assert!((ratio - 1.0).abs() < 1e-3, "{row}");
    }
    let world = World::with(&format!("{spec}{}", query("main", "wide", "{ width = 1024, depth = 2 }")), &table);
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("no variable `depth`"), "{}", outcome.stderr);
}
