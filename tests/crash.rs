//! Interrupted runs: after a kill, a panic, a signal or a full disk at any step, the next run completes the study.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::world::{SPEC, World, simulated_runs};

/// Where a run is interrupted: at half-written, complete and renamed files of each kind, and while reading a result.
const FILES: [&str; 8] = ["blob", "record", "mark", "usage", "took", "owner", "output", "lock"];
const MOMENTS: [&str; 3] = ["half", "written", "named"];
const BLOWS: [&str; 4] = ["return(kill)", "panic", "return(term)", "return(full)"];

/// Whether all combinations are tried, not only a part: `just stress`.
pub(crate) fn thorough() -> bool {
    std::env::var_os("LAWFIT_STRESS").is_some()
}

/// The study with a fast uncertainty method.
pub(crate) fn spec() -> String {
    SPEC.replace("bootstrap = { resamples = 100 }", "sandwich = { draws = 50 }")
}

/// The outputs and the lock file of a folder.
pub(crate) fn results(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut all = world.files("outputs/study");
    // Unfinished temporary files of a killed run are removed after an hour.
    all.retain(|name, _| !name.starts_with(".lawfit-"));
    all.insert("study.lock".to_owned(), world.read("study.lock").into_bytes());
    all
}

/// Three starting states: an empty folder, a full cache without reports, and an earlier report.
fn beginnings() -> [(&'static str, World); 3] {
    let nothing = World::with(&spec(), &simulated_runs(0.01));
    let cached = World::with(&spec(), &simulated_runs(0.01));
    cached.run("study.toml");
    std::fs::remove_dir_all(cached.path("outputs")).unwrap();
    std::fs::remove_file(cached.path("study.lock")).unwrap();
    let earlier = World::with(&spec().replace("L = 2.2,", "L = 2.4,"), &simulated_runs(0.01));
    earlier.run("study.toml");
    earlier.write("study.toml", &spec());
    [("from nothing", nothing), ("from the cache", cached), ("after a change", earlier)]
}

#[test]
fn a_run_interrupted_anywhere_is_completed_by_the_next() {
    let clean = World::with(&spec(), &simulated_runs(0.01));
    clean.run("study.toml");
    let clean = results(&clean);
    let beginnings = beginnings();
    let points =
        FILES.iter().flat_map(|file| MOMENTS.map(|moment| format!("{file}.{moment}"))).chain(["find".to_owned()]);
    let times: &[usize] = if thorough() { &[1, 2, 5] } else { &[1] };
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    for (turn, point) in points.enumerate() {
        for (blow_turn, blow) in BLOWS.into_iter().enumerate() {
            for time in times {
                for (begin_turn, (begins, world)) in beginnings.iter().enumerate() {
                    // The short form uses each pair of a point and an interruption with one starting state.
                    if !thorough() && (turn + blow_turn) % 3 != begin_turn {
                        continue;
                    }
                    let world = world.copy();
                    let failpoint = format!("{point}={}*off->1*{blow}->off", time - 1);
                    let first = world.lawfit_with(&["run", "study.toml"], &[("FAILPOINTS", &failpoint)]);
                    let hit = first.code != 0 || first.stderr.contains("not be written");
                    *hits.entry(point.clone()).or_default() += usize::from(hit);
                    let next = world.lawfit(&["run", "study.toml"]);
                    assert_eq!(next.code, 0, "{begins}, {failpoint}: {}", next.stderr);
                    assert_eq!(results(&world), clean, "{begins}, {failpoint}");
                }
            }
        }
    }
    let missed: Vec<&String> = hits.iter().filter(|(_, hits)| **hits == 0).map(|(point, _)| point).collect();
    assert!(missed.is_empty(), "no blow landed at {missed:?}");
}

#[test]
fn a_full_disk_is_reported_and_existing_files_stay() {
    let world = World::with(&spec(), &simulated_runs(0.01));
    world.run("study.toml");
    let before = results(&world);
    world.write("study.toml", &spec().replace("L = 2.2,", "L = 2.4,"));
    let outcome = world.lawfit_with(&["run", "study.toml"], &[("FAILPOINTS", "output.half=return(full)")]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("free some space"), "{}", outcome.stderr);
    assert_eq!(world.read("outputs/study/report.html").into_bytes(), before["report.html"]);
    let outcome = world.lawfit_with(&["run", "study.toml"], &[("FAILPOINTS", "blob.half=return(full)")]);
    assert_eq!(outcome.code, 0, "a cache that is full costs time alone: {}", outcome.stderr);
}

#[test]
fn eight_processes_and_a_collector_share_a_cache() {
    let clean = World::with(&spec(), &simulated_runs(0.01));
    clean.run("study.toml");
    let clean = clean.files("outputs/study");
    let world = World::with(&spec(), &simulated_runs(0.01));
    let rounds = if thorough() { 200 } else { 3 };
    for round in 0..rounds {
        let start = |arguments: &[&str]| {
            Command::new(env!("CARGO_BIN_EXE_lawfit"))
                .args(arguments)
                .current_dir(world.path(""))
                .env_remove("LAWFIT_CACHE")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let outs: Vec<String> = (0..8).map(|process| format!("out{process}")).collect();
        let mut running: Vec<_> = outs.iter().map(|out| start(&["run", "study.toml", "--out", out])).collect();
        // The collector removes whatever it can until all processes have ended.
        while running.iter_mut().any(|process| process.try_wait().unwrap().is_none()) {
            let collector = start(&["cache", "gc", "--keep", "0s"]).wait_with_output().unwrap();
            assert!(collector.status.success(), "{}", String::from_utf8_lossy(&collector.stderr));
        }
        for (process, out) in running.into_iter().zip(&outs) {
            let output = process.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "round {round}: {stderr}");
            assert!(!stderr.contains("damaged"), "round {round}: {stderr}");
            let files = world.files(&format!("{out}/study"));
            for (name, bytes) in clean.iter().filter(|(name, _)| !name.starts_with('.')) {
                assert_eq!(files[name], *bytes, "round {round}: {name}");
            }
        }
    }
    let verified = world.lawfit(&["cache", "verify"]);
    assert!(verified.stdout.contains(" 0 files were damaged"), "{}", verified.stdout);
}

#[test]
fn eight_processes_that_write_one_output_folder_agree() {
    let world = World::with(&spec(), &simulated_runs(0.01));
    world.run("study.toml");
    let clean = results(&world);
    for round in 0..if thorough() { 200 } else { 5 } {
        std::fs::remove_dir_all(world.path("outputs")).unwrap();
        std::fs::remove_file(world.path("study.lock")).unwrap();
        let mut commands: Vec<_> = (0..8).map(|_| world.command(&["run", "study.toml"])).collect();
        let start = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let running: Vec<_> = commands.iter_mut().map(start).collect();
        for process in running {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(results(&world), clean, "round {round}");
    }
}

/// A record with each of its roles renamed to another existing role and to an unknown one.
fn renamed(record: &[u8]) -> Vec<Vec<u8>> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(record) else { return Vec::new() };
    let Some(outputs) = value.get("outputs").and_then(serde_json::Value::as_object) else { return Vec::new() };
    let roles: Vec<&String> = outputs.keys().collect();
    let text = String::from_utf8_lossy(record);
    let renamed = |(index, role): (usize, &&String)| {
        let next = roles[(index + 1) % roles.len()];
        let swapped = [(role.as_str(), "\u{1}"), (next, role), ("\u{1}", next)];
        let swap = |text: String, (from, to): &(&str, &str)| {
            text.replace(&format!("\"{from}\": {{"), &format!("\"{to}\": {{"))
        };
        let other = text.replace(&format!("\"{role}\": {{"), &format!("\"other-{role}\": {{"));
        [swapped.iter().fold(text.to_string(), swap), other]
    };
    roles.iter().enumerate().flat_map(renamed).map(String::into_bytes).collect()
}

#[test]
fn every_damage_to_every_file_of_the_cache_is_repaired() {
    let clean = World::with(&spec(), &simulated_runs(0.01));
    clean.run("study.toml");
    let (world, clean) = (clean.copy(), results(&clean));
    let files: Vec<_> = ["ac", "cas"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(world.path(&format!(".lawfit/cache/v1/{folder}"))).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    let mut damages = 0;
    for (index, path) in files.iter().enumerate() {
        let bytes = std::fs::read(path).unwrap();
        let other = std::fs::read(&files[(index + 1) % files.len()]).unwrap();
        let flipped = |at: usize| {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            Some(flipped)
        };
        let half = bytes[..bytes.len() / 2].to_vec();
        let longer = [bytes.as_slice(), b"\n"].concat();
        let plain =
            [Some(half), Some(Vec::new()), flipped(0), flipped(bytes.len() / 2), Some(longer), Some(other), None];
        let kinds = plain.into_iter().chain(renamed(&bytes).into_iter().map(Some));
        // An empty file has no half.
        for damaged in kinds.filter(|damaged| damaged.as_deref() != Some(&bytes)) {
            std::fs::remove_file(path).unwrap();
            if let Some(damaged) = &damaged {
                std::fs::write(path, damaged).unwrap();
            }
            let outcome = world.lawfit(&["run", "study.toml"]);
            assert_eq!(outcome.code, 0, "{}: {}", path.display(), outcome.stderr);
            assert_eq!(results(&world), clean, "{}", path.display());
            // A missing file is an ordinary cache miss.
            let told = outcome.stderr.contains("damaged") || damaged.is_none();
            assert!(told, "{}: {}", path.display(), outcome.stderr);
            assert_eq!(world.lawfit(&["cache", "verify"]).code, 0, "{}", path.display());
            damages += 1;
        }
    }
    assert!(damages > 100, "{damages}");
}
