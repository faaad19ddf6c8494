//! The commands `explain` and `diff`: why a stage would run, and how two states of a study differ.

use std::process::Command;

use crate::world::{SPEC, World, simulated_runs};

fn world() -> World {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    world
}

#[test]
fn a_changed_setting_is_shown_with_both_values() {
    let world = world();
    world.write("study.toml", &SPEC.replace("resamples = 100", "resamples = 120"));
    let outcome = world.lawfit(&["explain", "fit.main", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "only what changed: {lines:?}");
    assert_eq!(lines[0], "fit.main: would run, because these changed");
    assert!(lines[1].contains("bootstrap.resamples") && lines[1].ends_with("100 -> 120"), "{lines:?}");
    let all = world.lawfit(&["explain", "fit.main", "study.toml", "--all"]).stdout;
    assert!(all.lines().count() > 10 && all.contains("inputs.table") && all.contains("(filter.main)"), "{all}");
}

#[test]
fn a_stage_with_unknown_inputs_is_explained_by_earlier_stages() {
    let world = world();
    world.write("runs.csv", &format!("{}2e10,5e11,1.93,even\n", simulated_runs(0.01)));
    let text = world.lawfit(&["explain", "extrapolate.budget", "study.toml"]).stdout;
    assert!(text.contains("ingest.runs: would run, because these changed"), "{text}");
    assert!(text.contains("inputs.file.0") && text.contains("(runs.csv)"), "{text}");
    assert!(text.contains("extrapolate.budget: unknown: its inputs are unknown until"), "{text}");
    let json = world.lawfit(&["explain", "extrapolate.budget", "study.toml", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["fields"][0]["from"], "runs.csv");
}

#[test]
fn a_stage_that_would_not_run_is_reported_as_cached() {
    let world = world();
    let text = world.lawfit(&["explain", "fit.main", "study.toml"]).stdout;
    assert_eq!(text, "fit.main: in the cache, and agrees with the lock file\n");
    let text = world.lawfit(&["explain", "fit.main", "study.toml", "--cache", "other"]).stdout;
    assert!(text.contains("ingest.runs: would run: agrees with the lock file, but is not in the cache"), "{text}");
    let outcome = world.lawfit(&["explain", "fit.mian", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("did you mean `fit.main`?"), "{}", outcome.stderr);
}

#[test]
fn two_specs_differ_in_settings_data_and_numbers() {
    let world = world();
    world.write("more/runs.csv", &format!("{}2e10,5e11,1.93,even\n", simulated_runs(0.01)));
    world.write("more/study.toml", &SPEC.replace("resamples = 100", "resamples = 120"));
    world.lawfit(&["run", "more/study.toml", "--out", "more/outputs"]);
    let text = world.lawfit(&["diff", "study.toml", "more/study.toml"]).stdout;
    assert!(text.contains("fits.main.uncertainty.bootstrap.resamples  100 -> 120"), "{text}");
    assert!(text.contains("1 new rows, 31 in total"), "{text}");
    let line = text.lines().find(|line| line.contains("fits.main.alpha ")).unwrap();
    assert!(line.contains(" -> ") && line.ends_with(" se)"), "{line}");
    assert!(text.contains("fit.main") && text.contains("settings or inputs changed, and the result changed"), "{text}");
    let json = world.lawfit(&["diff", "study.lock", "more/study.lock", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let alpha = json["numbers"].as_array().unwrap().iter().find(|n| n["number"] == "fits.main.alpha").unwrap();
    let value = |key: &str| alpha[key].as_f64().unwrap();
    assert!(((value("now") - value("then")) / value("se") - value("moved")).abs() < 1e-12);
    assert_eq!(json["settings"], serde_json::json!([]), "a lock file has no settings");
    let markdown = world.lawfit(&[
        "diff",
        "outputs/study/results.json",
        "more/outputs/study/results.json",
        "--format",
        "markdown",
    ]);
    assert!(
        markdown.stdout.contains("#### numbers") && !markdown.stdout.contains("#### stages"),
        "{}",
        markdown.stdout
    );
    assert_eq!(world.lawfit(&["diff", "study.toml", "study.toml"]).stdout, "nothing changed\n");
    assert_eq!(world.lawfit(&["diff", "study.toml", "nothing.toml"]).code, 2);
}

#[test]
fn a_revision_of_git_is_a_state() {
    let world = world();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
        let status = Command::new("git").args(identity).args(arguments).current_dir(world.path("")).output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "study.toml", "study.lock", "runs.csv"]);
    git(&["commit", "-q", "-m", "first"]);
    world.write("study.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    world.run("study.toml");
    for arguments in [["HEAD", "study.toml"], ["HEAD:study.toml", "study.toml"]] {
        let outcome = world.lawfit(&["diff", arguments[0], arguments[1]]);
        assert!(outcome.stdout.contains("queries.target.reach.L  2.2 -> 2.3"), "{}{}", outcome.stdout, outcome.stderr);
    }
    let outcome = world.lawfit(&["diff", "nowhere", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("nowhere"), "{}", outcome.stderr);
}
