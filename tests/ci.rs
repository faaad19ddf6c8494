//! Output for CI systems, and the state that a failed run leaves.

use crate::world::{SPEC, World, simulated_runs};

fn with_expectations(expectations: &[&str]) -> String {
    let all: Vec<String> = expectations.iter().map(|that| format!("[[expect]]\nthat = \"{that}\"\n")).collect();
    format!("{SPEC}{}", all.concat())
}

/// The simulated runs with slightly higher losses.
fn moved_runs() -> String {
    let table = simulated_runs(0.01);
    let rows = table.lines().map(|line| match line.split(',').collect::<Vec<_>>().as_slice() {
        [n, d, loss, family] => match loss.parse::<f64>() {
            Ok(loss) => format!("{n},{d},{},{family}\n", loss + 0.2),
            Err(_) => format!("{line}\n"),
        },
        _ => String::new(),
    });
    rows.collect()
}

#[test]
fn a_number_that_moves_further_than_expected_fails_until_it_is_accepted() {
    let spec = with_expectations(&["fits.main.E moved less than 2 se", "queries.target.N moved less than 5000 %"]);
    let world = World::with(&spec, &simulated_runs(0.01));
    let first = world.lawfit(&["run", "study.toml"]);
    assert_eq!(first.code, 0, "without a lock file nothing has moved: {}", first.stderr);
    let lock = world.read("study.lock");
    world.write("runs.csv", &moved_runs());
    for _ in 0..2 {
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 6, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("expected fits.main.E moved less than 2 se, found "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("--accept writes the new ones"), "{}", outcome.stderr);
        assert_eq!(world.read("study.lock"), lock, "a run that fails keeps what it failed against");
    }
    assert_eq!(world.lawfit(&["run", "study.toml", "--accept"]).code, 6);
    assert_ne!(world.read("study.lock"), lock);
    assert_eq!(world.lawfit(&["run", "study.toml"]).code, 0);
}

#[test]
fn a_lock_that_cannot_be_read_is_kept_and_nothing_counts_as_unmoved() {
    let world = World::with(&with_expectations(&["fits.main.E moved less than 2 se"]), &simulated_runs(0.01));
    assert_eq!(world.lawfit(&["run", "study.toml"]).code, 0);
    let lock = world.read("study.lock");
    for damaged in [
        lock[..lock.len() / 2].to_owned(),
        format!("<<<<<<< HEAD\n{lock}"),
        String::new(),
        "lock = 99\n".to_owned(),
        "not toml [".to_owned(),
    ] {
        world.write("study.lock", &damaged);
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 3, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("is not a lock file that this version can read"), "{}", outcome.stderr);
        assert_eq!(world.read("study.lock"), damaged, "the file may still hold the numbers");
    }
    assert_eq!(world.lawfit(&["run", "study.toml", "--accept"]).code, 0);
    assert_eq!(world.read("study.lock"), lock);
}

#[test]
fn an_invalid_expectation_on_drift_is_an_error_on_its_line() {
    let wrong = [
        ("fits.main.alhpa moved less than 2 se", "did you mean `fits.main.alpha`"),
        ("filters.main.kept moved less than 2 se", "the lock file has no number `filters.main.kept`"),
        ("fits.main.alpha moved less than two se", "`two` is not a number above zero"),
        ("fits.main.alpha moved less than 2", "ends in a number and `se` or `%`"),
    ];
    for (that, message) in wrong {
        let outcome = World::with(&with_expectations(&[that]), &simulated_runs(0.01)).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{that}");
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
    }
}

#[test]
fn a_number_that_each_group_has_is_asked_of_a_group() {
    for number in ["fits.main.alpha > 0", "fits.main.holdout.coverage > 0", "fits.main.alpha moved less than 2 se"] {
        let spec = with_expectations(&[number]).replace("law = \"hoffmann\"", "law = \"hoffmann\"\nby = \"family\"");
        let outcome = World::with(&spec, &simulated_runs(0.01)).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{number}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("each group of `family` has its own: `fits.NAME.groups.GROUP.`"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn junit_replaces_neither_the_spec_nor_its_lock_nor_anything_but_a_file() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    assert_eq!(world.lawfit(&["run", "study.toml"]).code, 0);
    let before = (world.read("study.toml"), world.read("study.lock"));
    for path in ["study.toml", "study.lock", "outputs"] {
        let outcome = world.lawfit(&["run", "study.toml", "--junit", path]);
        assert_eq!(outcome.code, 1, "{path}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(path), "{}", outcome.stderr);
    }
    assert_eq!((world.read("study.toml"), world.read("study.lock")), before);
    #[cfg(unix)]
    {
        // A link stays a link, and leads to the results.
        world.write("kept.xml", "");
        std::os::unix::fs::symlink(world.path("kept.xml"), world.path("link.xml")).unwrap();
        assert_eq!(world.lawfit(&["run", "study.toml", "--junit", "link.xml"]).code, 0);
        assert!(std::fs::symlink_metadata(world.path("link.xml")).unwrap().is_symlink());
        assert!(world.read("kept.xml").contains("<testsuites"));
    }
}

#[test]
fn a_spec_that_is_named_like_a_lock_file_is_refused() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.write("study.lock", SPEC);
    let outcome = world.lawfit(&["run", "study.lock"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is the name of a lock file"), "{}", outcome.stderr);
    assert_eq!(world.read("study.lock"), SPEC);
}

#[test]
fn junit_has_a_case_for_each_expectation_and_each_failed_stage() {
    let spec =
        with_expectations(&["fits.main.alpha > 5", "filters.main.kept >= 20", "fits.main.alpha moved less than 1 se"]);
    let world = World::with(&spec, &simulated_runs(0.01));
    assert_eq!(world.lawfit(&["run", "study.toml", "--junit", "junit.xml"]).code, 6);
    let xml = world.read("junit.xml");
    assert!(xml.contains("<testsuites name=\"lawfit\" tests=\"4\" failures=\"1\" errors=\"0\">"), "{xml}");
    assert!(xml.contains("name=\"fits.main.alpha &gt; 5\" file=\"study.toml\" line=\""), "{xml}");
    assert!(xml.contains("<failure message=\"expected fits.main.alpha &gt; 5, found fits.main.alpha = 0."), "{xml}");
    world.write("runs.csv", "params,tokens,loss,family\n1e9,1e10,not a number,odd\n");
    assert_eq!(world.lawfit(&["run", "study.toml", "--junit", "junit.xml"]).code, 5);
    let xml = world.read("junit.xml");
    assert!(xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{xml}");
    assert!(xml.contains("<error message=\"1 row cannot be used\"/>"), "{xml}");
}

#[test]
fn a_job_on_github_gets_a_summary() {
    let world = World::with(&with_expectations(&["fits.main.alpha > 5"]), &simulated_runs(0.01));
    let summary = world.path("summary.md").to_string_lossy().into_owned();
    let run = || world.lawfit_with(&["run", "study.toml"], &[("GITHUB_STEP_SUMMARY", &summary)]);
    assert_eq!(run().code, 6);
    world.write("runs.csv", &moved_runs());
    run();
    let text = world.read("summary.md");
    assert_eq!(text.matches("### Simulated (study)").count(), 2, "each run adds to it: {text}");
    assert!(text.contains("| `fits.main.alpha > 5` | **fails** | fits.main.alpha = 0."), "{text}");
    assert!(text.contains("Changes since the lock file") && text.contains("| `fits.main.E` | "), "{text}");
}

#[test]
fn a_failed_run_marks_the_last_complete_report_as_stale() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    let good = world.files("outputs/study");
    world.write("runs.csv", "params,tokens,loss,family\n1e9,1e10,not a number,odd\n");
    for flag in ["--locked", "--frozen"] {
        assert_ne!(world.lawfit(&["run", "study.toml", flag]).code, 0);
        assert_eq!(world.files("outputs/study"), good, "{flag} writes nothing");
    }
    for _ in 0..2 {
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 5);
        assert!(outcome.stderr.contains("contains the last complete report, marked as stale"), "{}", outcome.stderr);
        let (html, markdown) = (world.read("outputs/study/report.html"), world.read("outputs/study/report.md"));
        let mark = "The last run failed in ingest.runs; this report comes from an earlier run.";
        assert_eq!((html.matches(mark).count(), markdown.matches(mark).count()), (1, 1));
        assert_eq!(world.files("outputs/study")["results.json"], good["results.json"]);
    }
    world.write("runs.csv", &simulated_runs(0.01));
    world.run("study.toml");
    assert_eq!(world.files("outputs/study"), good);
}

#[test]
fn a_failed_stage_stops_only_its_dependents() {
    let broken = "params,tokens,loss,family\n1e9,1e10,bad,odd\n";
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.write("broken.toml", &SPEC.replace("runs.csv", "broken.csv"));
    world.write("broken.csv", broken);
    let outcome = world.lawfit(&["run", "broken.toml", "study.toml", "--json"]);
    assert_eq!(outcome.code, 5);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let status = |id: &str| {
        let stages = object["stages"].as_array().unwrap();
        stages.iter().find(|s| s["id"] == id).unwrap()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((status("broken/ingest.runs").as_str(), status("broken/render").as_str()), ("failed", "skipped"));
    assert_eq!(status("study/render"), "ran");
    assert!(world.path("outputs/study/report.html").exists());
    let fit = object["stages"].as_array().unwrap().iter().find(|s| s["id"] == "study/fit.main").unwrap();
    assert!(fit["seconds"].as_f64().unwrap() > 0.0);
    // Peak memory is only measured on Linux.
    assert!(!cfg!(target_os = "linux") || fit["peak_memory"].as_u64().unwrap() > 1 << 20, "{fit}");
}
