//! What is computed again, and what is not; and that a cache never changes a byte.

use std::collections::BTreeMap;

use crate::world::{SPEC, World, http, serve, simulated_runs};

fn world() -> World {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    world
}

/// The stages that ran.
fn ran(statuses: &BTreeMap<String, String>) -> Vec<&str> {
    statuses.iter().filter(|(_, status)| *status == "ran").map(|(id, _)| id.as_str()).collect()
}

#[test]
fn a_second_run_computes_nothing_and_changes_nothing() {
    let world = world();
    let before = world.files("outputs/study");
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0]);
    assert_eq!(world.files("outputs/study"), before);
}

#[test]
fn a_changed_query_computes_itself_and_the_report() {
    let world = world();
    world.write("study.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    assert_eq!(ran(&world.statuses("study.toml")), ["extrapolate.target", "report"]);
}

#[test]
fn comments_order_and_language_compute_nothing() {
    let world = world();
    world.write(
        "study.toml",
        &SPEC
            .replace("[fits.main]", "# a remark\n[fits.main]")
            .replace("title = \"Simulated\"\nseed = 3", "seed=3\ntitle='Simulated'"),
    );
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0]);
    let value: toml::Value = toml::from_str(SPEC).unwrap();
    world.write("study.yaml", &serde_yaml::to_string(&value).unwrap());
    let outcome = world.lawfit(&["run", "study.yaml", "--json", "--out", "elsewhere"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(object["stages"].as_array().unwrap().iter().all(|s| s["status"] == "cached"), "{object}");
}

#[test]
fn names_of_files_and_of_other_things_do_not_count() {
    let world = world();
    std::fs::rename(world.path("runs.csv"), world.path("moved.csv")).unwrap();
    world.write(
        "study.toml",
        &SPEC
            .replace("runs.csv", "moved.csv")
            .replace("filters.main", "filters.sound")
            .replace("rows = \"main\"", "rows = \"sound\""),
    );
    // The report names the file and the filter; nothing else does.
    assert_eq!(ran(&world.statuses("study.toml")), ["report"]);
}

#[test]
fn a_row_that_a_filter_drops_stops_after_the_filter() {
    let world = world();
    world.write("runs.csv", &(simulated_runs(0.01) + "1e9,1e10,11.5,odd\n"));
    // The report counts the row; no fit and no answer is computed again.
    assert_eq!(ran(&world.statuses("study.toml")), ["filter.main", "ingest.runs", "report"]);
    assert!(world.read("outputs/study/report.md").contains("| drop L > 10 | 1 | diverged |"));
}

#[test]
fn a_touched_file_with_equal_bytes_computes_nothing() {
    let world = world();
    world.write("runs.csv", &simulated_runs(0.01));
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0]);
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    for (jobs, out) in [("1", "one"), ("2", "two"), ("7", "seven")] {
        let outcome = world.lawfit(&["run", "study.toml", "--jobs", jobs, "--out", out, "--cache", out]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }
    assert_eq!(world.files("one/study"), world.files("two/study"));
    assert_eq!(world.files("one/study"), world.files("seven/study"));
}

#[test]
fn damage_anywhere_in_the_cache_is_found_and_mended() {
    let world = world();
    let clean = world.files("outputs/study");
    for folder in ["ac", "cas"] {
        let names: Vec<_> = std::fs::read_dir(world.path(&format!(".lawfit/cache/v1/{folder}")))
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        for path in names {
            let mut bytes = std::fs::read(&path).unwrap();
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len().saturating_sub(1)]).unwrap();
        }
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("damaged"), "{}", outcome.stderr);
        assert_eq!(world.files("outputs/study"), clean, "{folder}");
        assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0], "{folder}");
    }
}

#[test]
fn outputs_that_were_edited_or_lost_are_restored() {
    let world = world();
    let clean = world.files("outputs/study");
    std::fs::remove_file(world.path("outputs/study/report.md")).unwrap();
    world.write("outputs/study/results.json", "{}");
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0]);
    assert_eq!(world.files("outputs/study"), clean);
}

#[test]
fn a_cache_that_cannot_be_written_changes_nothing_but_the_time() {
    let world = world();
    let clean = world.files("outputs/study");
    world.write("blocked", "a file where the cache should be");
    let outcome = world.lawfit(&["run", "study.toml", "--cache", "blocked", "--out", "again"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the cache is not written"));
    let again = world.files("again/study");
    for (name, bytes) in clean.iter().filter(|(name, _)| !name.starts_with('.')) {
        assert_eq!(again[name], *bytes, "{name}");
    }
}

#[test]
fn a_plan_tells_hits_from_misses_without_running() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(plan.stdout.contains("run  ingest.runs") && plan.stdout.contains("unknown  fit.main"), "{}", plan.stdout);
    assert!(!world.path(".lawfit").exists(), "a plan writes nothing");
    world.run("study.toml");
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(plan.stdout.ends_with("6 stages: 6 cached, 0 to run\n"), "{}", plan.stdout);
}

#[test]
fn a_spec_does_not_write_over_the_report_of_another() {
    let world = world();
    world.write("other/study.toml", &SPEC.replace("runs.csv", "../runs.csv"));
    let outcome = world.lawfit(&["run", "other/study.toml"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("holds the results of another spec"), "{}", outcome.stderr);
}

/// The spec with its source on the web.
fn remote(url: &str, table: &str) -> String {
    let sha = lawfit::artifact::sha256(table.as_bytes());
    SPEC.replace("path = \"runs.csv\"", &format!("url = \"{url}/runs.csv\"\nsha256 = \"{sha}\""))
}

#[test]
fn a_pinned_file_is_fetched_once_and_then_never_again() {
    let table = simulated_runs(0.01);
    let url = serve(vec![http("200 OK", table.as_bytes(), table.len())]);
    let world = World::with(&remote(&url, &table), "");
    world.run("study.toml");
    world.write("study.toml", &remote(&url, &table).replace("\"loss\"", "{ column = \"loss\", unit = \"nats\" }"));
    // The source's settings changed, so it is read again: from the cache.
    let outcome = world.lawfit(&["run", "study.toml", "--offline"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn other_bytes_a_short_answer_or_a_refusal_stop_the_stage() {
    let table = simulated_runs(0.01);
    let answers = [
        (http("200 OK", b"N,D,L\n", 6), "has SHA-256"),
        (http("200 OK", &table.as_bytes()[..100], table.len()), "could not be fetched"),
        (http("404 Not Found", b"", 0), "could not be fetched"),
    ];
    for (answer, message) in answers {
        let url = serve(vec![answer]);
        let world = World::with(&remote(&url, &table), "");
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 5, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
        assert!(!world.path("outputs").exists());
    }
}

#[test]
fn offline_a_file_comes_from_a_mirror_or_not_at_all() {
    let table = simulated_runs(0.01);
    let world = World::with(&remote("http://127.0.0.1:9", &table), "");
    let outcome = world.lawfit(&["run", "study.toml", "--offline"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("--mirror DIR"), "{}", outcome.stderr);
    world.write("mirror/deep/down/another-name.csv", &table);
    let outcome = world.lawfit(&["run", "study.toml", "--offline", "--mirror", "mirror"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}
