//! The lock file: its content, when it changes, and the CI modes that use it.

use crate::world::{SPEC, World, simulated_runs};

fn world() -> World {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    world
}

/// The simulated runs and one more.
fn one_more_run() -> String {
    format!("{}2e10,5e11,1.93,even\n", simulated_runs(0.01))
}

#[test]
fn a_lock_records_sources_stages_and_numbers() {
    let world = world();
    let lock: toml::Value = toml::from_str(&world.read("study.lock")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
    assert_eq!(lock["sources"]["runs"]["location"].as_str(), Some("runs.csv"));
    assert_eq!(lock["sources"]["runs"]["rows"].as_integer(), Some(30));
    assert_eq!(lock["sources"]["runs"]["sha256"].as_str(), results["sources"]["runs"]["sha256"].as_str());
    let alpha = results["fits"]["main"]["parameters"]["alpha"]["value"].as_f64();
    assert_eq!(lock["numbers"]["fits.main.alpha"].as_float(), alpha);
    assert!(lock["numbers"].get("queries.budget[C=1e23].N.upper").is_some(), "{lock}");
    let plan = world.lawfit(&["plan", "study.toml", "--json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert!(lock["stages"].get("render").is_none(), "the look of a report is no result");
    for stage in plan["stages"].as_array().unwrap().iter().filter(|stage| stage["kind"] != "render") {
        let locked = &lock["stages"][stage["id"].as_str().unwrap()];
        assert_eq!(locked["key"].as_str(), stage["key"].as_str());
    }
}

#[test]
fn the_same_study_writes_the_same_lock_wherever_it_runs() {
    let (one, other) = (world(), World::with(SPEC, &simulated_runs(0.01)));
    other.lawfit(&["run", "study.toml", "--jobs", "1", "--cache", "elsewhere"]);
    assert_eq!(one.read("study.lock"), other.read("study.lock"));
    // A second run does not rewrite the file.
    let before = std::fs::metadata(one.path("study.lock")).unwrap().modified().unwrap();
    one.run("study.toml");
    assert_eq!(std::fs::metadata(one.path("study.lock")).unwrap().modified().unwrap(), before);
}

#[test]
fn a_run_lists_changes_since_the_lock() {
    let world = world();
    world.write("runs.csv", &one_more_run());
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("moved sources.runs: 1 new rows, 31 in total"), "{}", outcome.stderr);
    let line = outcome.stderr.lines().find(|l| l.contains("moved fits.main.alpha:")).unwrap();
    assert!(line.contains(" -> ") && line.contains(" se)"), "{line}");
    assert!(!outcome.stderr.contains("moved fits.main.alpha.lower"), "parts of a number are not told apart");
}

#[test]
fn locked_refuses_what_would_change_the_lock_and_writes_nothing() {
    let world = world();
    assert_eq!(world.lawfit(&["run", "study.toml", "--locked"]).code, 0);
    let (lock, report) = (world.read("study.lock"), world.files("outputs/study"));
    world.write("runs.csv", &one_more_run());
    let outcome = world.lawfit(&["run", "study.toml", "--locked"]);
    assert_eq!(outcome.code, 3);
    assert!(
        outcome.stderr.contains("study.lock would change") && outcome.stderr.contains("moved fits.main"),
        "{}",
        outcome.stderr
    );
    assert_eq!((world.read("study.lock"), world.files("outputs/study")), (lock, report));
    std::fs::remove_file(world.path("study.lock")).unwrap();
    assert_eq!(world.lawfit(&["run", "study.toml", "--locked"]).code, 3);
}

#[test]
fn frozen_takes_everything_from_the_cache_or_ends_with_4() {
    let world = world();
    assert_eq!(world.lawfit(&["run", "study.toml", "--frozen"]).code, 0);
    let outcome = world.lawfit(&["run", "study.toml", "--frozen", "--cache", "empty"]);
    assert_eq!(outcome.code, 4);
    assert!(outcome.stderr.contains("not in the cache, and --frozen computes nothing"), "{}", outcome.stderr);
}

#[test]
fn a_lock_is_checked_without_running_anything() {
    let world = world();
    assert_eq!(world.lawfit(&["lock", "--check", "study.toml"]).code, 0);
    world.write("study.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    let outcome = world.lawfit(&["lock", "--check", "study.toml"]);
    assert_eq!(outcome.code, 3);
    assert!(outcome.stderr.contains("stage extrapolate.target differs from the lock file"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("stage fit.main differs"), "{}", outcome.stderr);
    world.write("study.toml", SPEC);
    // A comment is not a change; a new row is one.
    world.write("study.toml", &format!("# remark\n{SPEC}"));
    assert_eq!(world.lawfit(&["lock", "--check", "study.toml"]).code, 0);
    world.write("runs.csv", &one_more_run());
    assert_eq!(world.lawfit(&["lock", "--check", "study.toml"]).code, 3);
}

#[test]
fn many_specs_have_a_lock_each_as_if_run_alone() {
    let world = world();
    let alone = world.read("study.lock");
    world.write("other.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    std::fs::remove_file(world.path("study.lock")).unwrap();
    assert_eq!(world.lawfit(&["run", "study.toml", "other.toml"]).code, 0);
    assert_eq!(world.read("study.lock"), alone);
    assert_eq!(world.lawfit(&["lock", "--check", "study.toml", "other.toml"]).code, 0);
}

#[test]
fn a_stale_lock_withholds_only_its_own_report() {
    let world = world();
    world.write("other.toml", SPEC);
    assert_eq!(world.lawfit(&["run", "other.toml"]).code, 0);
    std::fs::remove_dir_all(world.path("outputs")).unwrap();
    world.write("study.lock", "torn");
    assert_eq!(world.lawfit(&["run", "study.toml", "other.toml", "--locked"]).code, 3);
    assert!(!world.path("outputs/study").exists());
    assert!(world.path("outputs/other/report.html").exists());
}

#[test]
fn an_expectation_may_warn_and_is_annotated_on_github() {
    let expect =
        |severity: &str| format!("{SPEC}[[expect]]\nthat = \"fits.main.alpha > 5\"\nseverity = \"{severity}\"\n");
    let world = World::with(&expect("warn"), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("expected fits.main.alpha > 5, found fits.main.alpha = "), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("::warning"), "only on GitHub");
    world.write("study.toml", &expect("error"));
    let outcome = world.lawfit_with(&["run", "study.toml"], &[("GITHUB_ACTIONS", "true")]);
    assert_eq!(outcome.code, 6);
    let line = SPEC.lines().count() + 2;
    assert!(
        outcome.stderr.contains(&format!("::error file=study.toml,line={line}::study: expected")),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_lock_that_cannot_be_written_is_an_error_even_when_quiet() {
    for (what, put) in crate::world::OTHERS {
        let world = World::with(SPEC, &simulated_runs(0.01));
        put(&world.path("study.lock"));
        let outcome = world.lawfit(&["run", "study.toml", "--quiet"]);
        assert_eq!(outcome.code, 1, "{what}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("study.lock"), "{what}: {}", outcome.stderr);
        assert!(world.path("outputs/study/report.html").exists(), "{what}: the report is written all the same");
        for arguments in [["lock", "study.toml", "--check"], ["explain", "fit.main", "study.toml"]] {
            let outcome = world.lawfit(&arguments);
            assert!(!outcome.stderr.contains("panicked"), "{what}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_huge_lock_is_not_read() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let lock = std::fs::File::create(world.path("study.lock")).unwrap();
    lock.set_len(8 << 30).unwrap();
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("larger than 64 MiB"), "{}", outcome.stderr);
}

/// A lock in the form of version 1: rows by number, and a stage `report` instead of `results`.
fn earlier(lock: &str) -> String {
    let mut lock: toml::Table = toml::from_str(lock).unwrap();
    let rows = lock.remove("rows").unwrap();
    let mut numbers = toml::Table::new();
    for (name, value) in lock["numbers"].as_table().unwrap() {
        let of_row = rows.as_table().unwrap().iter().find_map(|(query, keys)| {
            let rest = name.strip_prefix(&format!("queries.{query}["))?;
            let index = keys.as_array().unwrap().iter().position(|key| rest.starts_with(key.as_str().unwrap()))?;
            Some(format!("queries.{query}.row{}{}", index + 1, rest.split_once(']')?.1))
        });
        numbers.insert(of_row.unwrap_or_else(|| name.clone()), value.clone());
    }
    lock["numbers"] = toml::Value::Table(numbers);
    let stages = lock["stages"].as_table_mut().unwrap();
    let results = stages.remove("results").unwrap();
    stages.insert("report".to_owned(), results);
    lock.insert("lock".to_owned(), toml::Value::Integer(1));
    let version = lock.remove("lock").unwrap();
    format!("lock = {version}\n{}", toml::to_string(&lock).unwrap())
}

#[test]
fn a_lock_file_of_version_1_is_migrated_once() {
    let world = world();
    let present = world.read("study.lock");
    let before = earlier(&present);
    assert!(before.contains("queries.budget.row2.N.upper") && !before.contains("C=1e23"), "{before}");
    world.write("study.lock", &before);
    assert_eq!(world.lawfit(&["lock", "--check", "study.toml"]).code, 0);
    let outcome = world.lawfit(&["run", "study.toml", "--locked"]);
    assert_eq!(outcome.code, 0, "it says the same: {}", outcome.stderr);
    assert_eq!(world.read("study.lock"), before, "--locked writes nothing");
    world.write("present.lock", &present);
    assert_eq!(world.lawfit(&["diff", "study.lock", "present.lock"]).stdout, "nothing changed\n");
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("was converted from an earlier version"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(" moved "), "{}", outcome.stderr);
    assert_eq!(world.read("study.lock"), present);
    assert!(!world.lawfit(&["run", "study.toml"]).stderr.contains("earlier version"), "once");
}

#[test]
fn a_row_keeps_its_name_in_the_lock_where_a_value_is_added() {
    let world = world();
    let spec = SPEC.replace("C = [1e21, 1e23]", "C = [1e20, 1e21, 1e23]");
    world.write("study.toml", &spec);
    let outcome = world.lawfit(&["run", "study.toml"]);
    let moved: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("moved queries.budget")).collect();
    assert!(
        !moved.is_empty() && moved.iter().all(|line| line.contains("[C=1e20]") && line.contains(": new,")),
        "{moved:?}"
    );
}

#[test]
fn the_layout_of_a_report_does_not_change_the_lock() {
    let world = world();
    world.write("study.toml", &format!("{SPEC}[report]\nformats = [\"latex\"]\n"));
    assert_eq!(world.lawfit(&["run", "study.toml", "--locked"]).code, 0);
    assert!(world.path("outputs/study/tables.tex").exists());
}
