//! The cache: which stages are computed again, and that a cache never changes a byte.

use std::collections::BTreeMap;

use crate::world::{OTHERS, SPEC, World, http, serve, simulated_runs};

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
    assert_eq!(ran(&world.statuses("study.toml")), ["extrapolate.target", "render", "results"]);
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
fn names_of_files_and_of_unrelated_entries_do_not_count() {
    let world = world();
    std::fs::rename(world.path("runs.csv"), world.path("moved.csv")).unwrap();
    world.write(
        "study.toml",
        &SPEC
            .replace("runs.csv", "moved.csv")
            .replace("filters.main", "filters.sound")
            .replace("rows = \"main\"", "rows = \"sound\""),
    );
    // Only the report names the file and the filter.
    assert_eq!(ran(&world.statuses("study.toml")), ["render", "results"]);
}

#[test]
fn a_row_that_a_filter_drops_stops_after_the_filter() {
    let world = world();
    world.write("runs.csv", &(simulated_runs(0.01) + "1e9,1e10,11.5,odd\n"));
    // The report counts the row; fits and answers are not computed again.
    assert_eq!(ran(&world.statuses("study.toml")), ["filter.main", "ingest.runs", "render", "results"]);
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
fn damage_anywhere_in_the_cache_is_found_and_repaired() {
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
    assert!(outcome.stderr.contains("the cache could not be written"));
    let again = world.files("again/study");
    for (name, bytes) in clean.iter().filter(|(name, _)| !name.starts_with('.')) {
        assert_eq!(again[name], *bytes, "{name}");
    }
}

#[test]
fn a_plan_shows_hits_and_misses_without_running() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(plan.stdout.contains("run  ingest.runs") && plan.stdout.contains("unknown  fit.main"), "{}", plan.stdout);
    assert!(!world.path(".lawfit").exists(), "a plan writes nothing");
    world.run("study.toml");
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(plan.stdout.ends_with("7 stages: 7 cached, 0 to run\n"), "{}", plan.stdout);
}

#[test]
fn a_spec_does_not_overwrite_the_report_of_another() {
    let world = world();
    world.write("other/study.toml", &SPEC.replace("runs.csv", "../runs.csv"));
    let outcome = world.lawfit(&["run", "other/study.toml"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("contains the results of another spec"), "{}", outcome.stderr);
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
    // The source's settings changed, so it is read again from the cache.
    let outcome = world.lawfit(&["run", "study.toml", "--offline"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn wrong_bytes_a_short_response_or_a_refusal_stop_the_stage() {
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

/// Number of files in a folder of the cache.
fn count(world: &World, folder: &str) -> usize {
    std::fs::read_dir(world.path(&format!(".lawfit/cache/v1/{folder}"))).map_or(0, Iterator::count)
}

#[test]
fn a_collection_keeps_used_results_and_removes_the_rest() {
    let world = world();
    let records = count(&world, "ac");
    // Nothing is older than the default limit of 30 days.
    assert_eq!(world.lawfit(&["cache", "gc"]).code, 0);
    assert_eq!(count(&world, "ac"), records);
    world.write("study.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    world.run("study.toml");
    // The usage lists of 40 days ago belong to the first run; the second run is recent.
    let used = world.path(".lawfit/cache/v1/used");
    let mut lists: Vec<_> = std::fs::read_dir(&used).unwrap().map(|e| e.unwrap().path()).collect();
    lists.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let first = lists[0].file_name().unwrap().to_string_lossy().into_owned();
    let (day, digest) = first.split_once('-').unwrap();
    let old: u64 = day.parse::<u64>().unwrap() - 40;
    std::fs::rename(&lists[0], used.join(format!("{old}-{digest}"))).unwrap();
    make_old(&world);
    let dry = world.lawfit(&["cache", "gc", "--dry-run"]);
    assert!(dry.stdout.starts_with("would remove 3 results"), "{}", dry.stdout);
    assert_eq!(count(&world, "ac"), records + 3);
    let outcome = world.lawfit(&["cache", "gc"]);
    assert!(outcome.stdout.starts_with("removed 3 results"), "{}", outcome.stdout);
    assert_eq!(count(&world, "ac"), records);
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0], "what the second run used is there");
    assert!(world.lawfit(&["cache", "verify"]).stdout.ends_with("0 files were damaged, 0 results incomplete\n"));
    world.write("study.toml", SPEC);
    assert_eq!(ran(&world.statuses("study.toml")), ["extrapolate.target", "render", "results"]);
}

/// Sets the modification time of every cache file to 40 days ago.
fn make_old(world: &World) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_hours(40 * 24);
    for folder in ["ac", "cas"] {
        for entry in std::fs::read_dir(world.path(&format!(".lawfit/cache/v1/{folder}"))).unwrap() {
            std::fs::File::open(entry.unwrap().path()).unwrap().set_modified(then).unwrap();
        }
    }
}

#[test]
fn the_size_of_a_cache_can_be_limited() {
    let world = world();
    let bytes = |world: &World| {
        let info: serde_json::Value = serde_json::from_str(&world.lawfit(&["cache", "info", "--json"]).stdout).unwrap();
        info["bytes"].as_u64().unwrap()
    };
    let before = bytes(&world);
    assert!(before > 20_000, "{before}");
    make_old(&world);
    assert_eq!(world.lawfit(&["cache", "gc", "--max-size", "20K"]).code, 0);
    assert!(bytes(&world) <= 20 << 10, "{}", bytes(&world));
    world.run("study.toml");
}

#[test]
fn a_bundle_carries_results_to_another_cache() {
    let world = world();
    let outcome = world.lawfit(&["cache", "export", "bundle.tar.zst", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("7 results and "), "{}", outcome.stdout);
    let bundle = std::fs::read(world.path("bundle.tar.zst")).unwrap();
    world.lawfit(&["cache", "export", "again.tar.zst"]);
    assert_eq!(std::fs::read(world.path("again.tar.zst")).unwrap(), bundle, "the same results give the same bytes");
    assert_eq!(world.lawfit(&["cache", "import", "bundle.tar.zst", "--cache", "new"]).code, 0);
    let outcome = world.lawfit(&["run", "study.toml", "--frozen", "--cache", "new"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn an_export_takes_the_place_of_a_file_and_of_nothing_else() {
    let world = world();
    for (what, put) in OTHERS.into_iter().filter(|(what, _)| *what != "a link to itself") {
        put(&world.path("there"));
        let before = std::fs::symlink_metadata(world.path("there")).unwrap().file_type();
        let outcome = world.lawfit(&["cache", "export", "there"]);
        assert!(outcome.code == 1 && outcome.stderr.contains("not a regular file"), "{what}: {}", outcome.stderr);
        assert_eq!(std::fs::symlink_metadata(world.path("there")).unwrap().file_type(), before, "{what}");
        std::fs::rename(world.path("there"), world.path(&what.replace(' ', "-"))).unwrap();
    }
    world.write("there", "an earlier bundle");
    assert_eq!(world.lawfit(&["cache", "export", "there"]).code, 0);
    assert_eq!(world.lawfit(&["cache", "import", "there", "--cache", "other"]).code, 0);
}

#[test]
fn a_truncated_or_hostile_bundle_adds_no_wrong_result() {
    let world = world();
    world.lawfit(&["cache", "export", "bundle.tar.zst"]);
    let bundle = std::fs::read(world.path("bundle.tar.zst")).unwrap();
    for length in [0, 10, bundle.len() / 2, bundle.len() - 1] {
        std::fs::write(world.path("short.tar.zst"), &bundle[..length]).unwrap();
        assert_eq!(world.lawfit(&["cache", "import", "short.tar.zst", "--cache", "short"]).code, 1, "{length}");
    }
    let digest = lawfit::artifact::Digest::of(b"other bytes");
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for name in [&format!("cas/{digest}"), "cas/../../escaped", "../escaped", "ac/x.json", "escaped"] {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(4);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &b"evil"[..]).unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    std::fs::write(world.path("hostile.tar.zst"), bytes).unwrap();
    let outcome = world.lawfit(&["cache", "import", "hostile.tar.zst", "--cache", "a/b/hostile"]);
    assert!(outcome.stdout.starts_with("0 results and 0 blobs"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("5 entries were damaged or unknown"), "{}", outcome.stderr);
    assert!(
        !world.path("a/escaped").exists() && !world.path("a/b/escaped").exists() && !world.path("escaped").exists()
    );
    assert!(world.lawfit(&["run", "study.toml", "--cache", "short"]).code == 0);
}

#[test]
fn verify_finds_what_is_damaged_and_sets_it_aside() {
    let world = world();
    assert_eq!(world.lawfit(&["cache", "verify"]).code, 0);
    let blob = std::fs::read_dir(world.path(".lawfit/cache/v1/cas")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&blob).unwrap();
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, &bytes[1..]).unwrap();
    let outcome = world.lawfit(&["cache", "verify"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("1 files were damaged, 1 results incomplete"), "{}", outcome.stdout);
    world.run("study.toml");
    assert_eq!(world.lawfit(&["cache", "verify"]).code, 0);
}

#[test]
fn a_read_only_cache_is_read() {
    let world = world();
    let status =
        std::process::Command::new("chmod").args(["-R", "a-w", ".lawfit"]).current_dir(world.path("")).status();
    assert!(status.unwrap().success());
    let outcome = world.lawfit(&["run", "study.toml", "--frozen"]);
    let restored =
        std::process::Command::new("chmod").args(["-R", "u+w", ".lawfit"]).current_dir(world.path("")).status();
    assert!(restored.unwrap().success());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn a_stage_is_executed_alone_and_a_run_then_computes_nothing() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.write("plan.json", &world.lawfit(&["plan", "study.toml", "--json"]).stdout);
    let exec = |stage: &str| world.lawfit(&["exec", "--plan", "plan.json", "--stage", stage]);
    let early = exec("fit.main");
    assert_eq!(early.code, 4, "{}", early.stderr);
    assert!(early.stderr.contains("its result is needed and is not in the cache"), "{}", early.stderr);
    for stage in
        ["ingest.runs", "filter.main", "fit.main", "extrapolate.budget,extrapolate.target", "results", "render"]
    {
        let first = exec(stage);
        assert_eq!(first.code, 0, "{}", first.stderr);
        assert!(first.stdout.contains("\"status\":\"ran\""), "{}", first.stdout);
        assert!(exec(stage).stdout.contains("\"status\":\"cached\""), "again changes nothing");
    }
    assert!(!world.path("outputs").exists(), "other engines say when a report is written");
    assert_eq!(world.lawfit(&["run", "study.toml", "--frozen"]).code, 3, "there is no lock file yet");
    assert_eq!(ran(&world.statuses("study.toml")), [] as [&str; 0]);
    world.write("study.toml", &SPEC.replace("L = 2.2,", "L = 2.3,"));
    assert_eq!(exec("render").code, 3, "the plan is of another spec");
}
