//! Designs: the planned runs, their limits, and the use of their results.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::{World, simulated_columns, simulated_runs};

/// A fit of the smaller of the simulated runs, after `simulated_columns`.
const FIT: &str = r#"
[filters.small]
source = "runs"
rules = [{ keep = "6 * N * D < 3e20" }]
[fits.main]
rows = "small"
law = "hoffmann"
uncertainty = { sandwich = { draws = 1000 } }
"#;

const DESIGN: &str = r#"
[designs.next]
fit = "main"
decide = { compute_optimal = { C = 1e24 } }
budget = { FLOP = 2e21, usd = 5000 }
machine = { device = "H100", count = 64, slots = 8, price = 2.1 }
candidates = { N = "100M to 2B", D = "5 to 400 per parameter", batch = ["0.25M", "1M", "4M"], min_steps = 2000 }
limits = { runs = 9, hours = 40, run_hours = 30, run_FLOP = 8e20 }
rounds = 3
"#;

/// A study with a design.
fn spec(design: &str) -> String {
    format!("{}{FIT}{design}", simulated_columns())
}

fn world(design: &str) -> World {
    World::with(&spec(design), &simulated_runs(0.004))
}

fn advice(world: &World, arguments: &[&str]) -> Value {
    let all = [&["design"], arguments, &["--format", "advice"]].concat();
    let outcome = world.lawfit(&all);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn numbers(list: &Value, key: &str) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|item| item[key].as_f64().unwrap()).collect()
}

#[test]
fn runs_keep_every_limit_and_make_the_decision_surer_one_by_one() {
    let world = world(DESIGN);
    let advice = advice(&world, &["study.toml"]);
    let runs = &advice["runs"];
    assert!((5..=9).contains(&runs.as_array().unwrap().len()), "{advice:#}");
    assert!(advice["total"]["flop"].as_f64().unwrap() <= 2e21 && advice["total"]["usd"].as_f64().unwrap() <= 5000.0);
    assert!(advice["hours"].as_f64().unwrap() <= 40.0);
    for run in runs.as_array().unwrap() {
        let at = |key: &str| run[key].as_f64().unwrap();
        assert!(6.0 * at("size") * at("data") <= 8e20 && at("hours") <= 30.0 && at("steps") >= 2000.0, "{run}");
        assert_eq!(at("batch") * at("steps"), at("data"), "data are whole steps");
        assert!((4.9..=401.0).contains(&(at("data") / at("size"))), "{run}");
    }
    let wastes: Vec<f64> = runs.as_array().unwrap().iter().map(|run| run["after"]["waste"].as_f64().unwrap()).collect();
    let now = advice["decisions"][0]["now"]["waste"].as_f64().unwrap();
    assert!(wastes[0] < now && wastes.windows(2).all(|pair| pair[1] < pair[0]), "{now} {wastes:?}");
    let rounds = numbers(runs, "round");
    assert!(rounds[0] == 1.0 && rounds.last() == Some(&3.0) && rounds.windows(2).all(|pair| pair[0] <= pair[1]));
    let is_for = |purpose: &str| runs.as_array().unwrap().iter().filter(|run| run["purpose"] == purpose).count();
    assert_eq!((is_for("hold_out"), is_for("replicate") >= 2), (1, true), "{runs:#}");
    // The best size of the law that made the runs: (alpha A / beta B)^(1 / (alpha + beta)) (C / 6)^(beta / (alpha + beta)).
    let [a, alpha, b, beta] = [400.0, 0.34, 410.0, 0.28];
    let truth = libm::pow(alpha * a / (beta * b), 1.0 / (alpha + beta)) * libm::pow(1e24 / 6.0, beta / (alpha + beta));
    let decided = &advice["decisions"][0]["now"];
    assert!(decided["lower"].as_f64().unwrap() < truth && truth < decided["upper"].as_f64().unwrap(), "{decided}");
}

#[test]
fn files_for_launchers_hold_the_same_runs_in_three_languages() {
    let world = world(DESIGN);
    let printed = |format: &str| world.lawfit(&["design", "study.toml", "next", "--format", format]).stdout;
    let (csv, json, yaml) = (printed("csv"), printed("json"), printed("yaml"));
    let json: Vec<Value> = serde_json::from_str(&json).unwrap();
    let yaml: Vec<Value> = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(json, yaml);
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let size = header.iter().position(|name| *name == "N").unwrap();
    let sizes: Vec<f64> = csv.lines().skip(1).map(|line| line.split(',').nth(size).unwrap().parse().unwrap()).collect();
    assert_eq!(sizes, json.iter().map(|run| run["N"].as_f64().unwrap()).collect::<Vec<_>>());
}

#[test]
fn one_and_seven_threads_plan_the_same_runs_to_the_last_byte() {
    let world = world(DESIGN);
    let planned = |jobs: &str, cache: &str| {
        world.lawfit(&["design", "study.toml", "--format", "advice", "--jobs", jobs, "--cache", cache]).stdout
    };
    let one = planned("1", "one");
    assert!(one.len() > 1000);
    assert_eq!(one, planned("7", "seven"));
}

#[test]
fn the_weight_of_the_only_decision_changes_nothing() {
    let weighted = DESIGN.replace("C = 1e24 } }", "C = 1e24 }, weight = 100 }");
    assert_ne!(weighted, DESIGN);
    let [plain, weighted] = [DESIGN, &weighted].map(|design| advice(&world(design), &["study.toml"]));
    assert_eq!(plain["value"], weighted["value"]);
    assert_eq!(plain["runs"], weighted["runs"]);
}

#[test]
fn dear_candidates_beside_cheap_ones_do_not_make_pilot_runs_worthless() {
    // A target for which runs of the whole budget cost more than they save.
    let design = |sizes: &str| {
        format!(
            "[designs.next]\nfit = \"main\"\ndecide = {{ compute_optimal = {{ C = 3e21 }} }}\nbudget = {{ FLOP = 1e21 }}\n\
             candidates = {{ N = {sizes}, D = [\"1B\", \"4B\", \"16B\"] }}\nlimits = {{ runs = 8 }}\n"
        )
    };
    let saved = |sizes: &str| {
        let value = advice(&world(&design(sizes)), &["study.toml"])["value"].clone();
        value["net"].as_f64().unwrap()
    };
    let (few, many) = (saved("[\"20M\", \"50M\"]"), saved("[\"20M\", \"50M\", \"2B\", \"6B\"]"));
    assert!(few > 0.0, "the cheap runs are worth their cost: {few:e}");
    assert!(many > 0.0, "{few:e} and {many:e}");
}

#[test]
fn a_target_that_is_small_is_not_worth_a_pilot_run() {
    let small = DESIGN.replace("C = 1e24", "C = 1e19");
    let advice = advice(&world(&small), &["study.toml"]);
    assert_eq!(advice["value"]["stop_after"], 0, "{}", advice["value"]);
    assert!(advice["advice"].as_str().unwrap().starts_with("Train no more pilot runs"));
}

#[test]
fn results_are_held_against_forecasts_and_what_is_left_is_planned_anew() {
    let world = world(DESIGN);
    let before = advice(&world, &["study.toml"]);
    let mut table = "name,L,status\n".to_owned();
    for (place, run) in before["runs"].as_array().unwrap().iter().enumerate() {
        let name = run["name"].as_str().unwrap();
        let line = match place {
            0 => format!("{name},,failed\n"),
            1 => format!("{name},nan,diverged\n"),
            2 => String::new(),
            _ => format!("{name},{},done\n", run["forecast"]["value"].as_f64().unwrap() * 1.001),
        };
        table.push_str(&line);
    }
    world.write("results.csv", &table);
    let after = advice(&world, &["check", "study.toml", "results.csv"]);
    let outcomes = &after["outcomes"];
    assert_eq!(outcomes["missing"], 1, "{outcomes}");
    let statuses: Vec<&str> =
        outcomes["runs"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(&statuses[..2], ["failed", "diverged"]);
    assert!(outcomes["runs"][2]["z"].as_f64().unwrap().abs() < 2.0, "{outcomes}");
    let waste = |advice: &Value| advice["decisions"][0]["now"]["waste"].as_f64().unwrap();
    assert!(waste(&after) < waste(&before));
    let names = |advice: &Value| -> Vec<String> {
        advice["runs"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    let diverged = names(&before)[1].trim_end_matches("-2").to_owned();
    assert!(names(&after).iter().all(|name| !name.starts_with(&diverged)), "what diverged is not planned again");
    assert!(after["value"]["net"].as_f64().unwrap() >= 0.0, "a new plan stops or gains");
    assert!(names(&after).len() + names(&before).len() - 1 <= 9, "all rounds together keep the number of runs");
}

#[test]
fn results_that_are_other_than_forecast_are_told() {
    let world = world(DESIGN);
    let before = advice(&world, &["study.toml"]);
    let told = |off: f64| {
        let line = |run: &Value| {
            format!("{},{}\n", run["name"].as_str().unwrap(), run["forecast"]["value"].as_f64().unwrap() * off)
        };
        let lines: String = before["runs"].as_array().unwrap().iter().map(line).collect();
        world.write("results.csv", &format!("name,L\n{lines}"));
        advice(&world, &["check", "study.toml", "results.csv"])["warnings"].to_string()
    };
    assert!(told(1.05).contains("deviate from their forecasts"), "{}", told(1.05));
    assert!(!told(1.0).contains("from their forecasts"), "{}", told(1.0));
}

#[test]
fn a_design_for_the_gain_of_more_compute_decides_on_the_gain() {
    let design = DESIGN.replace("compute_optimal = { C = 1e24 }", "marginal = { C = 1e22 }");
    let advice = advice(&world(&design), &["study.toml"]);
    let decision = &advice["decisions"][0];
    assert_eq!(decision["output"], "gain", "{decision}");
    // Ten times the compute lowers a loss of about two nats by a tenth or less.
    let gain = decision["now"]["value"].as_f64().unwrap();
    assert!(gain > 0.0 && gain < 0.2, "{decision}");
}

#[test]
fn a_result_that_no_run_can_have_is_refused_with_its_forecast() {
    let world = world(DESIGN);
    let before = advice(&world, &["study.toml"]);
    let (name, forecast) = (&before["runs"][0]["name"], before["runs"][0]["forecast"]["value"].as_f64().unwrap());
    // A shifted decimal point, bits for nats, a huge number, and no value of a loss.
    for (response, why) in [
        (10.0 * forecast, "standard deviations from its forecast"),
        (forecast / libm::log(2.0), "standard deviations from its forecast"),
        (1e300, "standard deviations from its forecast"),
        (-2.9, "the fitted response is above zero"),
        (0.0, "the fitted response is above zero"),
    ] {
        world.write("results.csv", &format!("name,L\n{},{response}\n", name.as_str().unwrap()));
        let outcome = world.lawfit(&["design", "check", "study.toml", "results.csv"]);
        assert_ne!(outcome.code, 0, "{response}");
        assert!(outcome.stderr.contains(why), "{response}: {}", outcome.stderr);
    }
    world.write("results.csv", &("name,L\n".to_owned() + &"a,2.5\n".repeat(3000)));
    let outcome = world.lawfit(&["design", "check", "study.toml", "results.csv"]);
    assert!(outcome.stderr.contains("3000 rows, and at most 2000"), "{}", outcome.stderr);
}

#[test]
fn a_study_with_names_of_its_own_is_planned_and_checked_by_them() {
    let named = |text: &str| {
        let text = text.replace("N = { column", "params = { column").replace("D = { column", "tokens = { column");
        text.replace("6 * N * D", "6 * params * tokens").replace("law = \"hoffmann\"", "law = \"mine\"")
    };
    let law = "[laws.mine]\nformula = \"L = E + A / params^alpha + B / tokens^beta\"\n";
    let design = DESIGN.replace("N = \"100M", "params = \"100M").replace("D = \"5 to", "tokens = \"5 to");
    let world = World::with(&named(&spec(&format!("{law}{design}"))), &simulated_runs(0.004));
    let advice = advice(&world, &["study.toml"]);
    assert_eq!([&advice["size"], &advice["data"], &advice["decisions"][0]["output"]], ["params", "tokens", "params"]);
    let csv = world.lawfit(&["design", "study.toml", "--format", "csv"]).stdout;
    assert!(csv.lines().next().unwrap().contains(",params,tokens,"), "{csv}");
    let run = &advice["runs"][0];
    let line = format!("params,tokens,L\n{},{},{}\n", run["size"], run["data"], run["forecast"]["value"]);
    world.write("results.csv", &line);
    let after = self::advice(&world, &["check", "study.toml", "results.csv"]);
    assert_eq!(after["outcomes"]["runs"][0]["status"], "done");
}

#[test]
fn a_grid_within_the_limits_is_never_surer_than_the_design() {
    for data in ["5 to 400", "0.5 to 3000"] {
        let advice = advice(&world(&DESIGN.replace("5 to 400", data)), &["study.toml"]);
        let rival = &advice["rivals"][0];
        assert_eq!(rival["design"], "isoFLOP grid within the limits");
        assert!(rival["wider"].as_f64().unwrap() >= 1.0, "{rival}");
        assert!(rival["flop"].as_f64().unwrap() <= 2e21 && rival["runs"].as_u64().unwrap() <= 9, "{rival}");
    }
}

#[test]
fn with_all_results_in_a_new_plan_stops_or_gains() {
    let world = world(&DESIGN.replace("runs = 9", "runs = 14"));
    let before = advice(&world, &["study.toml"]);
    for off in [0.997, 1.0, 1.004] {
        let mut table = "name,L\n".to_owned();
        for run in before["runs"].as_array().unwrap() {
            let line =
                format!("{},{}\n", run["name"].as_str().unwrap(), run["forecast"]["value"].as_f64().unwrap() * off);
            table.push_str(&line);
        }
        world.write("results.csv", &table);
        let after = advice(&world, &["check", "study.toml", "results.csv"]);
        assert_eq!(after["outcomes"]["missing"], 0, "{}", after["outcomes"]);
        let (net, stop) = (after["value"]["net"].as_f64().unwrap(), after["value"]["stop_after"].as_u64().unwrap());
        assert!(if stop == 0 { net == 0.0 } else { net > 0.0 }, "{off}: {stop} {net}");
        let spent = before["total"]["flop"].as_f64().unwrap() + after["total"]["flop"].as_f64().unwrap();
        assert!(spent <= 2e21 * (1.0 + 1e-9), "{off}: {spent:e}");
    }
}

#[test]
fn runs_that_share_trunks_are_as_sure_for_less_than_two_thirds_of_the_compute() {
    // The longest run and the decays of the others share a size, so the remaining variance refers to the same runs.
    let planned = |seed: u64, schedule: &str, flop: &str| {
        let design = format!(
            "[designs.next]\nfit = \"main\"\ndecide = {{ compute_optimal = {{ C = 1e24 }} }}\nbudget = {{ FLOP = {flop} }}\ncandidates = {{ N = \"100M to 2B\", D = \"5 to 400 per parameter\", schedule = \"{schedule}\" }}\nlimits = {{ runs = 30 }}\n"
        );
        let spec = spec(&design).replacen("seed = 3", &format!("seed = {seed}"), 1);
        advice(&World::with(&spec, &simulated_runs(0.004)), &["study.toml"])
    };
    // Which runs are chosen depends on the draws of the fit, so the shares of some seeds are averaged.
    let mut shares = Vec::new();
    for seed in 3..7 {
        let shared = planned(seed, "wsd", "1e21");
        let runs = numbers(&shared["runs"], "size").into_iter().zip(numbers(&shared["runs"], "data"));
        let apart: f64 = runs.map(|(n, d)| 6.0 * n * d).sum();
        shares.push(shared["total"]["flop"].as_f64().unwrap() / apart);
        // Separate runs of the same total cost are hardly more certain, although they are chosen for certainty.
        let separate = planned(seed, "cosine", &format!("{apart:e}"));
        let left = |advice: &Value| advice["decisions"][0]["after"]["waste"].as_f64().unwrap();
        assert!(left(&shared) <= 1.05 * left(&separate), "{} {}", left(&shared), left(&separate));
    }
    assert!(shares.iter().sum::<f64>() / shares.len() as f64 <= 0.65, "{shares:?}");
}

#[test]
fn runs_cost_what_the_study_says_they_cost() {
    let with =
        |cost: &str| spec(DESIGN).replace("[fits.main]", &format!("[costs.own]\ncompute = \"{cost}\"\n[fits.main]"));
    let planned = |spec: &str| advice(&World::with(spec, &simulated_runs(0.004)), &["study.toml"]);
    // The default cost as a formula.
    let [default, written] = [spec(DESIGN), with("6 * N * D")].map(|spec| planned(&spec));
    for key in ["size", "data"] {
        assert_eq!(numbers(&default["runs"], key), numbers(&written["runs"], key));
    }
    // A head that costs as much as 5e8 parameters.
    let cost = |n: f64, d: f64| 6.0 * n * d + 3e9 * d;
    let own = planned(&with("6 * N * D + 3e9 * D"));
    let [sizes, data] = ["size", "data"].map(|key| numbers(&own["runs"], key));
    let of_runs: Vec<f64> =
        own["runs"].as_array().unwrap().iter().map(|run| run["cost"]["flop"].as_f64().unwrap()).collect();
    for ((n, d), flop) in sizes.iter().zip(&data).zip(&of_runs) {
        assert!((cost(*n, *d) / flop - 1.0).abs() < 1e-9 && *flop <= 8e20, "{n:e} {d:e} {flop:e}");
    }
    assert!(of_runs.iter().sum::<f64>() <= 2e21);
    // The best size of the true law under this cost.
    let loss = |log: f64| {
        let n = libm::exp(log);
        400.0 * libm::pow(n, -0.34) + 410.0 * libm::pow(1e24 / (6.0 * n + 3e9), -0.28)
    };
    let sizes = (0..4000).map(|i| 18.0 + f64::from(i) * 0.003);
    let best = libm::exp(sizes.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap());
    let decided = &own["decisions"][0]["now"];
    assert!(
        decided["lower"].as_f64().unwrap() < best && best < decided["upper"].as_f64().unwrap(),
        "{best:e} {decided}"
    );
    assert!(own["advice"].as_str().unwrap().ends_with("counted by the cost `own`."), "{}", own["advice"]);
}

#[test]
fn a_design_that_cannot_be_is_told_where_it_is_wrong() {
    for (from, to, message) in [
        ("\"5 to 400 per parameter\"", "\"20 per parameter\"", "cannot show how to split compute"),
        ("\"H100\"", "\"H10\"", "did you mean `H100`?"),
        ("slots = 8", "slots = 80", "cannot be parted"),
        ("slots = 8", "slots = 8, memory = 0", "`memory` is in bytes"),
        ("fit = \"main\"\ndecide", "fit = \"mian\"\ndecide", "mian"),
        ("compute_optimal = { C = 1e24 }", "compute_optimal = { C = 1e24, K = 1 }", "no variable `K`"),
        ("budget = { FLOP = 2e21, usd = 5000 }", "budget = {}", "`usd`, `gpu_hours` or `FLOP`"),
        ("\"100M to 2B\"", "\"100M till 2B\"", "is not a range"),
        ("rounds = 3", "rounds = 0", "from 1 to 100"),
        (
            "[designs.next]\nfit = \"main\"",
            "[costs.one]\ncompute = \"6 * N * D\"\n[costs.two]\ncompute = \"7 * N * D\"\n[fits.other]\nrows = \"small\"\n\
             law = \"generalised\"\ncost = \"two\"\nuncertainty = \"auto\"\n[designs.next]\nfit = [\"main\", \"other\"]",
            "count compute in different ways, 6 N D and `two`",
        ),
        ("min_steps = 2000 }", "min_steps = 2000, hold = { K = 1 } }", "has a variable `K` to hold"),
        ("min_steps = 2000 }", "min_steps = 2000, cooldown = 0.3 }", "write `schedule = \"wsd\"` too"),
        ("candidates = { N =", "candidates = { M =", "`M` does not describe runs"),
        ("candidates = { N =", "candidates = { size = [1e9], N =", "are the same"),
    ] {
        let spec = spec(DESIGN);
        assert!(spec.contains(from), "{from}");
        let world = World::with(&spec.replace(from, to), &simulated_runs(0.004));
        let outcome = world.lawfit(&["design", "study.toml"]);
        assert_eq!(outcome.code, 2, "{to}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(message), "{to}: {}", outcome.stderr);
    }
}

#[test]
fn a_ratio_that_is_read_as_data_is_refused() {
    let design = DESIGN.replace(
        "D = \"5 to 400 per parameter\", batch = [\"0.25M\", \"1M\", \"4M\"], min_steps = 2000",
        "D = \"5 to 400\"",
    );
    let outcome = world(&design).lawfit(&["design", "study.toml"]);
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("for a ratio of data to size, write `D = \"5 to 200 per parameter\"`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_budget_that_pays_for_no_run_is_told() {
    let outcome = world(&DESIGN.replace("FLOP = 2e21, usd = 5000", "usd = 0.01")).lawfit(&["design", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("dearer than the whole budget"), "{}", outcome.stderr);
}

#[test]
fn small_models_that_leave_the_law_are_told() {
    let mut table = String::new();
    for line in simulated_runs(0.002).lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let line = match (cells[0].parse::<f64>(), cells[2].parse::<f64>()) {
            (Ok(size), Ok(loss)) if size < 2e8 => {
                format!("{},{},{},{}", cells[0], cells[1], loss * (1.0 + 0.08 * libm::log(2e8 / size)), cells[3])
            }
            _ => line.to_owned(),
        };
        table.push_str(&line);
        table.push('\n');
    }
    let spec = spec(DESIGN);
    let told = advice(&World::with(&spec, &table), &["study.toml"]);
    let warned = |advice: &Value| advice["warnings"].to_string().contains("parameters are worse than the law");
    assert!(warned(&told), "{:#}", told["drift"]);
    assert!(!warned(&advice(&World::with(&spec, &simulated_runs(0.002)), &["study.toml"])));
}

/// Rows of learning rates and sizes that a lab could train, with their cost.
fn listed() -> String {
    let mut table = "config,lr,N,D,flop\n".to_owned();
    for (i, n) in [1e8, 2e8, 4e8, 8e8].into_iter().enumerate() {
        for k in 0..5 {
            let name = format!("size{i}-rate{k}");
            let _ = writeln!(
                table,
                "{name},{},{n},{},{}",
                1e-4 * libm::pow(10.0, 0.5 * f64::from(k)),
                20.0 * n,
                120.0 * n * n
            );
        }
    }
    table
}

/// A law of the learning rate and the size, fitted to five small runs, with a table of candidates.
fn world_of_table(design: &str) -> World {
    let mut table = "lr,N,L\n".to_owned();
    for (i, (lr, n)) in [(1e-4, 2e7), (1e-3, 2e7), (1e-2, 2e7), (3e-4, 4e7), (3e-3, 4e7), (1e-3, 6e7), (3e-4, 8e7)]
        .into_iter()
        .enumerate()
    {
        let off = libm::log(lr / 1e-3) + 0.1 * libm::log(n / 1e8);
        let loss = 2.0 + 8.0 * libm::pow(n / 1e6, -0.4) + 0.02 * off * off;
        let _ = writeln!(table, "{lr},{n},{}", loss * (1.0 + 0.002 * f64::from(i as u8 % 3) - 0.002));
    }
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Rates\"\n[sources.runs]\npath = \"runs.csv\"\n\
         columns = {{ lr = \"lr\", N = \"N\", L = \"L\" }}\n[sources.pool]\npath = \"pool.csv\"\n[sources.pool.columns]\nlr = \"lr\"\nN = \"N\"\nD = \"D\"\nflop = \"flop\"\n\
         config = {{ column = \"config\", type = \"text\" }}\n\
         [laws.rates]\nformula = \"L = 2 + A * (N / 1e6)^-a + c * (ln(lr) - m)^2\"\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"rates\"\nuncertainty = {{ sandwich = {{ draws = 200 }} }}\n\
         [designs.next]\nfit = \"main\"\ndecide = {{ loss = {{ lr = 1e-3, N = \"1B\" }} }}\nbudget = {{ FLOP = 2e20 }}\n{design}"
    );
    let world = World::with(&spec, &table);
    world.write("pool.csv", &listed());
    world
}

#[test]
fn runs_are_chosen_from_a_table_once_each_within_the_budget() {
    let world =
        world_of_table("candidates = { rows = \"pool\", cost = \"flop\", name = \"config\" }\nlimits = { runs = 4 }\n");
    let advice = advice(&world, &["study.toml"]);
    let runs = advice["runs"].as_array().unwrap();
    assert!(!runs.is_empty() && runs.len() <= 4, "{advice:#}");
    assert!(advice["total"]["flop"].as_f64().unwrap() <= 2e20);
    let mut names: Vec<&str> = runs.iter().map(|run| run["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), runs.len(), "each run once");
    assert!(names.iter().all(|name| name.starts_with("size")) && runs[0]["others"]["lr"].is_number(), "{names:?}");
    let (now, after) = (&advice["decisions"][0]["now"], &advice["decisions"][0]["after"]);
    let width = |belief: &Value| belief["upper"].as_f64().unwrap() - belief["lower"].as_f64().unwrap();
    assert!(width(after) < width(now));
    assert_eq!(advice["rivals"][0]["design"], "the cheapest runs");
    let csv = world.lawfit(&["design", "study.toml", "--format", "csv"]).stdout;
    assert!(csv.lines().next().unwrap().contains(",N,lr,"), "{csv}");
    // Results are matched by name, and a run with a result is not chosen again.
    world.write("results.csv", &format!("name,L\n{},2.75\n", names[0]));
    let outcome = world.lawfit(&["design", "check", "study.toml", "results.csv", "--format", "csv"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!outcome.stdout.contains(&format!("{},", names[0])), "{}", outcome.stdout);
}

#[test]
fn a_table_of_runs_without_a_cost_or_a_variable_is_refused_with_the_remedy() {
    let stderr = |design: &str| world_of_table(design).lawfit(&["check", "study.toml"]).stderr;
    assert!(stderr("candidates = { rows = \"pool\" }\n").contains("the cost of the runs is unknown"));
    assert!(stderr("candidates = { rows = \"pools\", cost = \"flop\" }\n").contains("did you mean `pool`"));
    assert!(stderr("candidates = { rows = \"pool\", cost = \"flops\" }\n").contains("did you mean `flop`"));
    assert!(
        stderr("candidates = { rows = \"pool\", cost = \"flop\", name = \"label\" }\n").contains("no column `label`")
    );
    assert!(
        stderr("candidates = { rows = \"pool\", cost = \"flop\", batch = [1e6] }\n")
            .contains("runs of `rows` are complete")
    );
    assert!(stderr("candidates = { cost = \"flop\" }\n").contains("give `rows` too"));
}

/// Published surfaces L = E + A / N^alpha + B / D^beta: Hoffmann et al. 2022, Besiroglu et al. 2024, Llama 3.
const SURFACES: [[f64; 5]; 3] = [
    [1.69, 406.4, 0.34, 410.7, 0.28],
    [1.816_86, 482.005_72, 0.347_81, 2_085.434_2, 0.365_85],
    [0.604_67, 59.1411, 0.310_006, 155.1142, 0.313_643],
];

fn loss([e, a, alpha, b, beta]: [f64; 5], n: f64, d: f64) -> f64 {
    e + a * libm::pow(n, -alpha) + b * libm::pow(d, -beta)
}

/// A pilot on a surface, and a design of twelve runs for a decision.
fn world_of_pilot(surface: [f64; 5], pilot: &[(f64, f64)], decide: &str) -> World {
    let line = |(place, &(n, d)): (usize, &(f64, f64))| {
        // A scatter of 0.4 % without random numbers.
        format!("{n},{d},{}\n", loss(surface, n, d) * (1.0 + 0.004 * libm::sin(5.0 * place as f64)))
    };
    let table: String = pilot.iter().enumerate().map(line).collect();
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Pilot\"\n[sources.runs]\npath = \"runs.csv\"\n\
         columns = {{ N = {{ column = \"N\", unit = \"parameters\" }}, D = {{ column = \"D\", unit = \"tokens\" }}, L = \"L\" }}\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"hoffmann\"\nuncertainty = {{ sandwich = {{ draws = 200 }} }}\n\
         [designs.next]\nfit = \"main\"\ndecide = {{ {decide} }}\nbudget = {{ FLOP = 2e20 }}\nlimits = {{ runs = 12 }}\n\
         candidates = {{ N = \"30M to 2B\", D = \"1 to 400 per parameter\" }}\n"
    );
    World::with(&spec, &format!("N,D,L\n{table}"))
}

const FORECAST: &str = "loss = { N = 1e10, D = 1e11 }";

/// Runs at 20 tokens per parameter.
fn ray() -> Vec<(f64, f64)> {
    (0..6).map(|i| 5e7 * f64::from(1 << i)).map(|n| (n, 20.0 * n)).collect()
}

fn sizes(advice: &Value) -> Vec<(f64, f64)> {
    numbers(&advice["runs"], "size").into_iter().zip(numbers(&advice["runs"], "data")).collect()
}

#[test]
fn a_pilot_on_one_ray_gets_runs_that_leave_the_ray_and_no_decorated_numbers() {
    for decide in [FORECAST, "compute_optimal = { C = 1e23 }"] {
        let world = world_of_pilot(SURFACES[1], &ray(), decide);
        let advice = advice(&world, &["study.toml"]);
        let text = advice["advice"].as_str().unwrap();
        assert!(
            text.starts_with("The rows do not identify the law `hoffmann`: all rows have about the same D/N."),
            "{text}"
        );
        let ratios: Vec<f64> = sizes(&advice).iter().map(|(n, d)| d / n).collect();
        assert!(ratios.iter().any(|r| *r < 5.0) && ratios.iter().any(|r| *r > 80.0), "{ratios:?}");
        assert!(advice["total"]["flop"].as_f64().unwrap() <= 2e20);
        assert_eq!((&advice["value"], &advice["simulated"]), (&Value::Null, &Value::Null));
        assert!(advice["decisions"][0].get("now").is_none() && advice["decisions"][0].get("after").is_none());
        let run = &advice["runs"][0];
        assert!(run.get("forecast").is_none() && run.get("after").is_none(), "{run}");
        let left = &advice["unidentified"]["hoffmann"]["left"];
        assert!(left["alpha"].as_f64().unwrap() < 1.0 && left["beta"].as_f64().unwrap() < 1.0, "{left}");
        // The table for readers has no column for numbers that are not known.
        let printed = world.lawfit(&["design", "study.toml"]).stdout;
        assert!(!printed.contains("interval  ") && !printed.contains("NaN"), "{printed}");
    }
}

#[test]
fn a_forecast_along_the_ray_of_the_rows_keeps_its_interval() {
    let world = world_of_pilot(SURFACES[1], &ray(), "loss = { N = 5e9, D = 1e11 }");
    let spec = std::fs::read_to_string(world.path("study.toml")).unwrap();
    // Off the ray, the same draws would be of no use.
    world.write("study.toml", &spec.replace("{ sandwich = { draws = 200 } }", "\"auto\""));
    let advice = advice(&world, &["study.toml"]);
    let now = &advice["decisions"][0]["now"];
    assert!(now["lower"].as_f64().unwrap() < now["upper"].as_f64().unwrap(), "{advice:#}");
    assert!(advice.get("unidentified").is_none());
}

/// The variance of ln L at the target of [`FORECAST`] after least squares on runs of a surface, in units of their own.
/// A wide normal prior of the parameters keeps it finite.
fn left([e, a, alpha, b, beta]: [f64; 5], runs: &[(f64, f64)]) -> f64 {
    let slopes = |n: f64, d: f64| {
        let (of_n, of_d) = (a * libm::pow(n, -alpha), b * libm::pow(d, -beta));
        [e, of_n, -of_n * libm::log(n), of_d, -of_d * libm::log(d)].map(|slope| slope / (e + of_n + of_d))
    };
    let mut system = [[0.0; 6]; 5];
    for (j, sd) in [1.0, 3.0, 0.3, 3.0, 0.3].into_iter().enumerate() {
        system[j][j] = 1.0 / (sd * sd);
    }
    for &(n, d) in runs {
        let slopes = slopes(n, d);
        for j in 0..5 {
            (0..5).for_each(|k| system[j][k] += slopes[j] * slopes[k] / (0.004 * 0.004));
        }
    }
    let target = slopes(1e10, 1e11);
    (0..5).for_each(|j| system[j][5] = target[j]);
    // The matrix is positive definite, so elimination needs no exchanges.
    for i in 0..5 {
        for row in (0..5).filter(|row| *row != i) {
            let factor = system[row][i] / system[i][i];
            (i..6).for_each(|column| system[row][column] -= factor * system[i][column]);
        }
    }
    (0..5).map(|j| target[j] * system[j][5] / system[j][j]).sum()
}

#[test]
fn runs_for_an_unidentified_law_are_at_least_as_good_as_a_grid_for_the_same_cost() {
    let three = vec![(1e8, 2e9), (2e8, 8e9), (4e8, 3e9)];
    let cheap: Vec<(f64, f64)> =
        [5e7, 7e7].into_iter().flat_map(|n| [1.0, 3.0, 10.0, 30.0, 100.0].map(|ratio| (n, ratio * n))).collect();
    // Two isoFLOP curves of six runs over the ratios of the candidates.
    let on_curve = |flop: f64| {
        (0..6).map(move |i| {
            let ratio = 1.3 * libm::pow(300.0 / 1.3, f64::from(i) / 5.0);
            let n = (flop / 36.0 / ratio).sqrt();
            (n, ratio * n)
        })
    };
    let grid: Vec<(f64, f64)> = on_curve(0.5e20).chain(on_curve(1.5e20)).collect();
    for pilot in [ray(), three, cheap, vec![(1e8, 2e9)]] {
        for surface in SURFACES {
            let advice = advice(&world_of_pilot(surface, &pilot, FORECAST), &["study.toml"]);
            assert!(advice["unidentified"]["hoffmann"].is_object(), "{pilot:?} {}", advice["advice"]);
            let [own, of_grid] =
                [sizes(&advice), grid.clone()].map(|runs| left(surface, &[pilot.clone(), runs].concat()));
            assert!(own <= of_grid, "{pilot:?} {surface:?}: {own:e} {of_grid:e}");
            assert!(own < 0.25 * left(surface, &pilot), "the runs reduce the variance");
        }
    }
}

#[test]
fn a_decision_that_no_plausible_curve_answers_is_told_and_the_curves_are_told_apart() {
    let world = world_of_pilot(SURFACES[0], &ray(), "reach = { solve = \"D\", L = 0.2, N = 1e9 }");
    let advice = advice(&world, &["study.toml"]);
    assert!(advice["warnings"].to_string().contains("has no answer for most of the plausible curves"), "{advice:#}");
    assert!(advice["runs"].as_array().unwrap().len() > 3);
}

#[test]
fn results_of_an_unidentified_law_are_used_without_forecasts_of_them() {
    let world = world_of_pilot(SURFACES[1], &ray(), FORECAST);
    let before = advice(&world, &["study.toml"]);
    let runs = sizes(&before);
    let lines: Vec<String> =
        runs[..8].iter().map(|(n, d)| format!("{n},{d},{}\n", loss(SURFACES[1], *n, *d))).collect();
    let lines = lines.concat();
    world.write("results.csv", &format!("N,D,L\n{lines}"));
    let after = advice(&world, &["check", "study.toml", "results.csv"]);
    assert!(
        after["outcomes"]["runs"].as_array().unwrap().iter().all(|run| run["z"].is_null() && run["forecast"].is_null())
    );
    assert_eq!(after["outcomes"]["missing"], 4);
    let spent = |advice: &Value| advice["total"]["flop"].as_f64().unwrap();
    let done: f64 = runs[..8].iter().map(|(n, d)| 6.0 * n * d).sum();
    assert!(done + spent(&after) <= 2e20 * (1.0 + 1e-9));
}
