//! A run under adverse conditions: it is stopped, its cache is removed or replaced, open files and memory are limited.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use crate::crash::{results, spec, thorough};
use crate::world::{OTHERS, SPEC, World, simulated_runs};

fn world() -> World {
    World::with(&spec(), &simulated_runs(0.01))
}

/// The products of an undisturbed run.
fn expected() -> BTreeMap<String, Vec<u8>> {
    let world = world();
    world.run("study.toml");
    results(&world)
}

fn signal(child: &Child, name: &str) {
    let command = format!("kill -{name} {}", child.id());
    Command::new("sh").args(["-c", &command]).status().unwrap();
}

/// Waits until a process is stopped; false if it has ended instead.
fn is_stopped(child: &Child) -> bool {
    loop {
        let about = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        match about.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()) {
            Some('T') => return true,
            Some('Z') | None => return false,
            Some(_) => std::thread::yield_now(),
        }
    }
}

/// An action in a folder.
type Happening = fn(&World);

/// Actions while a run is stopped.
const MEANWHILE: [(&str, Happening); 4] = [
    ("another run", |world| drop(world.run("study.toml"))),
    ("the cache is removed", |world| std::fs::remove_dir_all(world.path(".lawfit")).unwrap_or_default()),
    ("the cache is a file", |world| {
        std::fs::remove_dir_all(world.path(".lawfit")).unwrap_or_default();
        world.write(".lawfit", "");
    }),
    ("a collection", |world| drop(world.lawfit(&["cache", "gc", "--keep", "0s"]))),
];

#[test]
fn a_stopped_run_continues_after_any_change_to_its_cache() {
    let expected = expected();
    let points = [
        "find",
        "blob.half",
        "blob.written",
        "blob.named",
        "record.half",
        "record.written",
        "record.named",
        "output.half",
        "lock.half",
    ];
    let mut stopped = 0;
    for (turn, point) in points.into_iter().enumerate() {
        for (place, (what, meanwhile)) in MEANWHILE.into_iter().enumerate() {
            for time in if thorough() { 0..4 } else { 1..2 } {
                if !thorough() && (turn + place) % MEANWHILE.len() != 0 {
                    continue;
                }
                let world = world();
                let mut command = world.command(&["run", "study.toml", "--jobs", "2"]);
                command.env("FAILPOINTS", format!("{point}={time}*off->1*return(stop)->off"));
                let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
                if is_stopped(&child) {
                    stopped += 1;
                    meanwhile(&world);
                }
                signal(&child, "CONT");
                let output = child.wait_with_output().unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(0), "{point} {time}, {what}: {stderr}");
                assert_eq!(results(&world), expected, "{point} {time}, {what}");
            }
        }
    }
    assert!(stopped >= 5, "only {stopped} runs were stopped");
}

#[test]
fn a_run_that_is_stopped_repeatedly_still_completes() {
    let expected = expected();
    for _ in 0..if thorough() { 20 } else { 1 } {
        let world = world();
        let mut command = world.command(&["run", "study.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            signal(&child, "STOP");
            signal(&child, "CONT");
        }
        assert!(child.wait().unwrap().success());
        assert_eq!(results(&world), expected);
    }
}

#[test]
fn an_entry_that_replaces_a_cache_file_is_set_aside_and_reported() {
    let clean = world();
    clean.run("study.toml");
    let expected = results(&clean);
    let entries: Vec<String> = ["ac", "cas"]
        .iter()
        .flat_map(|folder| {
            let path = format!(".lawfit/cache/v1/{folder}");
            let names = std::fs::read_dir(clean.path(&path)).unwrap();
            names.map(move |name| format!("{path}/{}", name.unwrap().file_name().to_string_lossy()))
        })
        .collect();
    for (turn, entry) in entries.iter().enumerate() {
        for (place, (what, put)) in OTHERS.into_iter().enumerate() {
            if !thorough() && turn % OTHERS.len() != place {
                continue;
            }
            let world = clean.copy();
            std::fs::remove_file(world.path(entry)).unwrap();
            put(&world.path(entry));
            let verified = world.lawfit(&["cache", "verify"]);
            assert!(!verified.stdout.contains(" 0 files were damaged"), "{entry}, {what}: {}", verified.stdout);
            let world = clean.copy();
            std::fs::remove_file(world.path(entry)).unwrap();
            put(&world.path(entry));
            let outcome = world.lawfit(&["run", "study.toml"]);
            assert_eq!(outcome.code, 0, "{entry}, {what}: {}", outcome.stderr);
            assert_eq!(results(&world), expected, "{entry}, {what}");
            assert!(outcome.stderr.contains("damaged"), "{entry}, {what}: {}", outcome.stderr);
            assert!(world.statuses("study.toml").values().all(|status| status == "cached"), "{entry}, {what}");
        }
    }
}

/// Runs the study under a shell resource limit.
fn within(world: &World, limit: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = world.prepared(Command::new("sh"));
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    let output = command.args(["-c", &script, env!("CARGO_BIN_EXE_lawfit")]).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn sixty_four_open_files_and_half_a_gibibyte_of_addresses_are_enough() {
    let expected = expected();
    for limit in ["-n 64", "-v 524288", "-v 600000"] {
        for jobs in ["1", "8"] {
            let world = world();
            let (code, stderr) = within(&world, limit, &["run", "study.toml", "--jobs", jobs]);
            assert_eq!(code, Some(0), "ulimit {limit}, --jobs {jobs}: {stderr}");
            assert_eq!(results(&world), expected, "ulimit {limit}, --jobs {jobs}");
        }
    }
}

#[test]
fn a_source_of_more_files_than_may_be_open_is_read() {
    let world = World::new();
    let text = simulated_runs(0.01);
    let (head, rows) = text.split_once('\n').unwrap();
    for (index, row) in rows.lines().cycle().take(300).enumerate() {
        world.write(&format!("many/{index}.csv"), &format!("{head}\n{row}\n"));
    }
    world.write("study.toml", &spec().replace("runs.csv", "many/*.csv"));
    let (code, stderr) = within(&world, "-n 64", &["run", "study.toml", "--jobs", "8"]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn vectors_of_any_width_give_the_same_bytes() {
    let folder = crate::world::repository().join("specs");
    let locked = |name: &str, vectors: &str| {
        let world = World::new();
        for file in [name, &name.replace(".toml", ".lock"), "data/cerebras-gpt.csv", "data/redpajama-overtrain.csv"] {
            world.write(file, &std::fs::read_to_string(folder.join(file)).unwrap());
        }
        world.lawfit_with(&["run", name, "--locked"], &[("LAWFIT_VECTORS", vectors)])
    };
    let specs: &[&str] = if thorough() { &["cerebras-gpt.toml", "over-training.toml"] } else { &["cerebras-gpt.toml"] };
    for name in specs {
        for vectors in ["sse2", "avx2", "avx512"] {
            let outcome = locked(name, vectors);
            assert_eq!(outcome.code, 0, "{name}, {vectors}: {}", outcome.stderr);
        }
    }
    // The other methods, compared with the widest vectors.
    let study = |vectors: &str| {
        let world = World::with(&SPEC.replace("resamples = 100", "resamples = 30"), &simulated_runs(0.01));
        let outcome = world.lawfit_with(&["run", "study.toml"], &[("LAWFIT_VECTORS", vectors)]);
        assert_eq!(outcome.code, 0, "{vectors}: {}", outcome.stderr);
        results(&world)
    };
    let widest = study("avx512");
    assert!(study("sse2") == widest && study("avx2") == widest);
}
