//! Laws with learning-rate schedules: from rows of steps and rates to forecasts of other schedules.

use std::fmt::Write as _;

use crate::world::{World, shared_data};

/// `L_0`, A, alpha, B, C, beta, gamma that Luo et al. 2025 published for 400M parameters.
const PUBLISHED: [f64; 7] = [2.375, 0.654, 0.429, 523.425, 2.025, 0.594, 0.635];

/// The multi-power law as published, over every step: L after the last of `rates`.
fn loss(rates: &[f64], warm: f64) -> f64 {
    let [l_0, a, alpha, b, c, beta, gamma] = PUBLISHED;
    let mut area = 0.0;
    let mut gain = 0.0;
    for (k, &rate) in rates.iter().enumerate().rev() {
        area += rate;
        let drop = if k == 0 { -rate } else { rates[k - 1] - rate };
        gain += drop * (1.0 - libm::pow(1.0 + c * area * libm::pow(rate, -gamma), -beta));
    }
    l_0 + a * libm::pow(area + warm, -alpha) - b * gain
}

const WARMUP: usize = 1000;
const LAST: usize = 20_000;
const PEAK: f64 = 3e-4;

fn rate(schedule: &str, step: usize) -> f64 {
    let share = (step - WARMUP) as f64 / (LAST - WARMUP) as f64;
    match schedule {
        "cosine" => PEAK * (0.55 + 0.45 * libm::cos(std::f64::consts::PI * share)),
        "step" if step >= 12_000 => PEAK / 3.0,
        "constant" | "step" => PEAK,
        _ => PEAK * (1.0 - 0.9 * share),
    }
}

fn simulated(schedules: &[&str]) -> String {
    let mut table = "schedule,step,lr,loss\n".to_owned();
    for schedule in schedules {
        let rates: Vec<f64> = (WARMUP..=LAST).map(|step| rate(schedule, step)).collect();
        // Every step around the sudden drop is included, since linear interpolation would smooth it.
        for step in (WARMUP..=LAST).filter(|step| step % 1000 == 0 || [11_999, 12_001].contains(step)) {
            let l = loss(&rates[..=step - WARMUP], 0.5 * WARMUP as f64 * PEAK);
            writeln!(table, "{schedule},{step},{},{l}", rates[step - WARMUP]).unwrap();
        }
    }
    table
}

const SPEC: &str = r#"
spec = 1
study = { title = "Schedules" }
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
step = "step"
lr = "lr"
name = { column = "schedule", type = "text" }
L = "loss"
[sources.runs.schedule]
step = "step"
rate = "lr"
run = ["name"]
warmup = 1000
[laws.mpl]
use = "multi_power"
[laws.mpl.parameters]
beta = { fixed = 0.594 }
gamma = { fixed = 0.635 }
[fits.main]
rows = "runs"
law = "mpl"
objective = { least_squares = { on = "log" } }
holdout = "name == 'linear'"
[queries.end]
fit = "main"
loss = { schedule = { shape = "linear", peak = 3e-4, end = 3e-5, warmup = 1000, steps = 20000 } }
"#;

#[test]
fn three_schedules_forecast_a_fourth() {
    let world = World::with(SPEC, &simulated(&["constant", "cosine", "step", "linear"]));
    world.run("study.toml");
    let results: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
    let fit = &results["fits"]["main"];
    let value = |name: &str| fit["parameters"][name]["value"].as_f64().unwrap();
    // The rows are sums over every step; the law sums over sixteen knots.
    for (name, known, slack) in [("L_0", 2.375, 0.01), ("A", 0.654, 0.03), ("alpha", 0.429, 0.03), ("B", 523.4, 0.1)] {
        assert!((value(name) / known - 1.0).abs() < slack, "{name} {}", value(name));
    }
    assert!(fit["holdout"]["mean_relative_error"].as_f64().unwrap() < 1e-3, "{fit}");
    let row = &results["queries"]["end"]["rows"][0];
    let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["S1", "SW", "loss", "observed", "reach"], "knots are nothing to read");
    let rates: Vec<f64> = (WARMUP..=LAST).map(|step| rate("linear", step)).collect();
    let (found, known) = (row["loss"]["value"].as_f64().unwrap(), loss(&rates, 0.15));
    assert!((found - known).abs() < 1e-3, "{found} {known}");
}

#[test]
fn a_schedule_gives_the_areas_of_an_annealing_law() {
    let spec = SPEC.replace(
        "use = \"multi_power\"\n[laws.mpl.parameters]\nbeta = { fixed = 0.594 }\ngamma = { fixed = 0.635 }",
        "use = \"lr_annealing\"",
    );
    let world = World::with(&spec, &simulated(&["constant", "cosine", "linear"]));
    world.run("study.toml");
    let results: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
    assert_eq!(results["fits"]["main"]["rows"], 44);
    // A constant rate has no annealing area and is an ordinary row.
    let span = &results["fits"]["main"]["spans"]["S2"];
    assert_eq!(span["lowest"], 0.0);
    assert!(span["highest"].as_f64().unwrap() > 0.0);
    let row = results["queries"]["end"]["rows"][0].as_object().unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["S1", "S2", "caveats", "loss", "observed", "reach"]);
}

#[test]
fn an_error_in_a_schedule_is_reported_in_its_place() {
    let table = simulated(&["constant", "linear"]);
    let told = |spec: &str| {
        let outcome = World::with(spec, &table).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        outcome.stderr
    };
    let without =
        SPEC.replace("[sources.runs.schedule]\nstep = \"step\"\nrate = \"lr\"\nrun = [\"name\"]\nwarmup = 1000\n", "");
    assert!(told(&without).contains("needs a learning-rate schedule, but the source has none"));
    let misnamed = told(&SPEC.replace("rate = \"lr\"", "rate = \"l_r\""));
    assert!(
        misnamed.contains("the source has no variable `l_r`")
            && misnamed.contains("there is `L`, `lr`, `name` and `step`"),
        "{misnamed}"
    );
    let unasked = told(&SPEC.replace(
        "{ schedule = { shape = \"linear\", peak = 3e-4, end = 3e-5, warmup = 1000, steps = 20000 } }",
        "{ S1 = 3 }",
    ));
    assert!(unasked.contains("needs a learning-rate schedule") && unasked.contains("as in: loss"), "{unasked}");
    let endless = told(&SPEC.replace(", end = 3e-5", ""));
    assert!(endless.contains("a falling rate needs an `end`"), "{endless}");
    let filtered = told(&SPEC.replace("'linear'\"", "'linear' and sum_over_knots(step) > 1\""));
    assert!(filtered.contains("is allowed only in formulas of laws"), "{filtered}");
    let otherwise = told(&SPEC.replace("loss = { schedule", "reach = { L = 2, solve = \"S1\" }\n#"));
    assert!(otherwise.contains("answers only `loss`"), "{otherwise}");
}

#[test]
fn a_step_with_two_rates_is_named() {
    let table = simulated(&["constant", "cosine", "step", "linear"]) + "cosine,1000,0.5,3\n";
    let outcome = World::with(SPEC, &table).lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("step 1000 of cosine has two values of lr"), "{}", outcome.stderr);
}

#[test]
fn published_multi_power_constants_reproduce_the_published_error() {
    let Some(data) = shared_data("multi-power law") else { return };
    let table = std::fs::read_to_string(data.join("luo2025_multipower/loss_curves.csv")).unwrap();
    let mut runs: Vec<(String, usize, f64, f64)> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |cell: &str| cell.parse::<f64>().unwrap();
            (cells[0] == "400")
                .then(|| (cells[1].to_owned(), number(cells[2]) as usize, number(cells[3]), number(cells[4])))
        })
        .collect();
    runs.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let law = lawfit::law::find("multi_power").unwrap().law().unwrap();
    let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    let names = ["L_0", "A", "alpha", "B", "C", "beta", "gamma"];
    let theta: Vec<f64> = free.iter().map(|f| PUBLISHED[names.iter().position(|n| n == f).unwrap()]).collect();
    let (tape, order) = (law.tape(), lawfit::schedule::names());
    let mut by_run = Vec::new();
    for run in runs.chunk_by(|a, b| a.0 == b.0) {
        let known: Vec<(usize, f64)> = run.iter().map(|r| (r.1, r.2)).collect();
        let steps: Vec<usize> = run.iter().map(|r| r.1).collect();
        let features = lawfit::schedule::Schedule::through(2160, &known, 0.999).features(&steps);
        let misses = features.iter().zip(run).map(|(found, row)| {
            let at = |name: &str| found.values[order.iter().position(|n| n == name).unwrap()];
            let x: Vec<f64> = law.variables.iter().map(|v| at(&v.name)).collect();
            (tape.value_at(&theta, &x) - row.3).abs()
        });
        by_run.push(misses.sum::<f64>() / run.len() as f64);
    }
    assert_eq!(by_run.len(), 9);
    let mean = by_run.iter().sum::<f64>() / 9.0;
    // Printed as MAE of the model of 400M: README of thu-yao-01-luo/MultiPowerLaw.
    assert_eq!(format!("{mean:.4}"), "0.0048");
}
