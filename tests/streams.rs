//! Closed, full or blocked output streams, and signals: none of them affects what is computed.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::world::{Outcome, SPEC, World, simulated_runs};

/// Commands that print results, for a folder in which `study.toml` ran and `live.toml` has a live source.
const PRINTING: [&[&str]; 26] = [
    &["help"],
    &["help", "run"],
    &["diff", "earlier.lock", "study.lock"],
    &["design", "study.toml"],
    &["design", "study.toml", "--format", "csv"],
    &["cache", "verify"],
    &["cache", "gc", "--keep", "365d"],
    &["export", "snakemake", "study.toml"],
    &["exec", "--plan", "plan.json", "--stage", "fit.main"],
    &["bundle", "study.toml", "--to", "crate", "--license", "CC0-1.0"],
    &["self-check"],
    &["--help"],
    &["--version"],
    &["laws"],
    &["laws", "hoffmann"],
    &["laws", "--json"],
    &["schema"],
    &["completions", "bash"],
    &["plan", "study.toml"],
    &["plan", "study.toml", "--json"],
    &["explain", "fit.main", "study.toml", "--all"],
    &["cache", "info"],
    &["query", "study.toml", "loss N=1e9 D=1e10"],
    &["simulate", "hoffmann", "--constants", "besiroglu2024", "--at", "N=1e8..1e10:50", "--at", "D=1e9..1e11:50"],
    &["run", "study.toml", "--json"],
    &["update", "live.toml"],
];

/// Commands that print nothing on success.
const SILENT: [&[&str]; 4] =
    [&["check", "study.toml"], &["lock", "--check", "study.toml"], &["init", "new.toml"], &["man", "manual"]];
/// Commands that are not tried: one ends only by a signal, the other opens a browser.
const APART: [&str; 2] = ["watch", "open"];

const DESIGN: &str = r#"
[designs.next]
fit = "main"
decide = { compute_optimal = { C = 1e23 } }
budget = { FLOP = 1e20 }
candidates = { N = [1e8, 1e9], D = [2e9, 2e10] }
"#;

fn world_that_ran() -> World {
    let spec = SPEC.replace("bootstrap = { resamples = 100 }", "sandwich = { draws = 50 }");
    let world = World::with(&(spec + DESIGN), &simulated_runs(0.01));
    world.run("study.toml");
    world.write("live.toml", &SPEC.replace("path = \"runs.csv\"", "path = \"runs.csv\"\nlive = true"));
    world.write("earlier.lock", &world.read("study.lock"));
    world.write("plan.json", &world.lawfit(&["plan", "study.toml", "--json"]).stdout);
    world
}

fn full() -> Stdio {
    Stdio::from(File::options().write(true).open("/dev/full").unwrap())
}

/// A pipe whose reader is closed.
fn closed() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    Stdio::from(writer)
}

/// A full pipe, and its reader, which does not read.
fn blocked() -> (Stdio, std::io::PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'.'; 65536]).unwrap();
    (Stdio::from(writer), reader)
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.stdin(Stdio::null());
    command
}

/// The exit code, and the output on those streams that are pipes to this process.
fn ended(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn every_command_is_tried_with_streams_that_take_nothing() {
    let help = World::new().lawfit(&["--help"]).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(names.contains(&"run"), "{names:?}");
    let tried: Vec<&str> = PRINTING.iter().chain(&SILENT).map(|arguments| arguments[0]).chain(APART).collect();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        assert!(tried.contains(&name), "`{name}` is not tried");
    }
}

#[test]
fn a_closed_reader_ends_every_command_quietly() {
    let world = world_that_ran();
    for arguments in PRINTING.into_iter().chain(SILENT) {
        std::fs::remove_dir_all(world.path("crate")).unwrap_or_default();
        std::fs::remove_file(world.path("new.toml")).unwrap_or_default();
        let mut command = command(&world, arguments);
        command.stdout(closed());
        let outcome = ended(command);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        let told = outcome.stderr.to_lowercase();
        assert!(!told.contains("pipe") && !told.contains("panic"), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn results_that_cannot_be_written_end_with_1_and_say_why() {
    let world = world_that_ran();
    for arguments in PRINTING {
        std::fs::remove_dir_all(world.path("crate")).unwrap_or_default();
        let mut command = command(&world, arguments);
        command.stdout(full());
        let outcome = ended(command);
        assert_eq!(outcome.code, 1, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("standard output"), "{arguments:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("panic"), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn messages_without_a_reader_change_no_result() {
    let clean = world_that_ran();
    let plan = clean.lawfit(&["plan", "study.toml", "--json"]).stdout;
    let expected = clean.files("outputs/study");
    let runs: [&[&str]; 4] = [
        &["run", "study.toml", "--jobs", "1"],
        &["run", "study.toml", "--jobs", "2"],
        &["run", "study.toml", "--jobs", "2", "--frozen"],
        &["exec", "--plan", "plan.json", "--stage", "ingest.runs", "--jobs", "2"],
    ];
    for arguments in runs {
        for which in ["full", "closed", "blocked"] {
            let world = clean.copy();
            world.write("plan.json", &plan);
            if !arguments.contains(&"--frozen") {
                std::fs::remove_dir_all(world.path(".lawfit")).unwrap();
            }
            let mut command = command(&world, arguments);
            let (stderr, _reader) = match which {
                "full" => (full(), None),
                "closed" => (closed(), None),
                _ => {
                    let (stderr, reader) = blocked();
                    (stderr, Some(reader))
                }
            };
            command.stderr(stderr);
            let outcome = ended(command);
            assert_eq!(outcome.code, 0, "{arguments:?}, stderr {which}: {}", outcome.stdout);
            assert_eq!(world.files("outputs/study"), expected, "{arguments:?}, stderr {which}");
        }
    }
}

#[test]
fn errors_without_a_reader_keep_their_exit_code() {
    let world = World::with("spec = 2", "");
    for stderr in [full(), closed()] {
        let mut command = command(&world, &["check", "study.toml"]);
        command.stderr(stderr);
        assert_eq!(ended(command).code, 2);
    }
}

#[test]
fn a_signal_ends_a_run_that_hangs_in_a_step_or_in_its_messages() {
    // The program sends itself a signal and would then sleep for a day in the next step.
    let hang = "blob.half=1*return(term)->off;blob.written=sleep(86400000)";
    for jobs in ["1", "2"] {
        let world = World::with(SPEC, &simulated_runs(0.01));
        let (stderr, _reader) = blocked();
        let mut command = command(&world, &["run", "study.toml", "--jobs", jobs]);
        command.env("FAILPOINTS", hang).stderr(stderr);
        assert_eq!(ended(command).code, 130, "--jobs {jobs}");
        let next = world.lawfit(&["run", "study.toml"]);
        assert_eq!(next.code, 0, "{}", next.stderr);
    }
}
