//! `lawfit run`: bring the reports of specs up to date.

use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use clap::Args;

use super::screen::Screen;
use super::{Exit, Study, compile_specs, lock_path};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::engine::{Engine, NOT_CACHED, Options, Outcome, Status};
use crate::lock::{Lock, LockedStage};
use crate::plan::{Compiled, Plan, SpecFile};
use crate::report::{Results, Severity};
use crate::spec::Places;
use crate::store::{PublishError, Store, publish, replace};

/// Bring the reports of specs up to date: compute what is not cached, write a report for each.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    #[command(flatten)]
    study: Study,
    /// Folder in which each spec's report gets a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    out: PathBuf,
    /// Print one JSON object with stages, outputs and results.
    #[arg(long)]
    json: bool,
    /// Threads, and stages at a time; all CPUs by default. Results do not depend on it.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Never open a socket.
    #[arg(long)]
    offline: bool,
    /// Look for pinned files in this folder, subfolders included, before the web.
    #[arg(long, value_name = "DIR")]
    mirror: Option<PathBuf>,
    /// Start nothing new after a stage has failed.
    #[arg(long)]
    fail_fast: bool,
    /// End with 3 where a lock file would change; write neither it nor a report.
    #[arg(long)]
    locked: bool,
    /// As --locked, and compute nothing: end with 4 where something is not in the cache.
    #[arg(long)]
    frozen: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (files, compiled) = match compile_specs(&arguments.study.specs, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    let store = Store::new(&arguments.study.cache);
    let options = Options {
        jobs: arguments.jobs.map(usize::from),
        offline: arguments.offline,
        mirror: arguments.mirror.clone(),
        fail_fast: arguments.fail_fast,
        frozen: arguments.frozen,
    };
    let progress = screen.progress(compiled.plan.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let engine = Engine::new(&compiled.plan, &store, &options, &observer, interrupted());
    let outcomes = match engine.run() {
        Ok(outcomes) => outcomes,
        Err(failure) => {
            screen.error(&failure.message, &failure.hints);
            return Exit::Internal;
        }
    };
    progress.clear();
    if interrupted().load(Ordering::SeqCst) {
        screen.error("interrupted", &["what was finished is in the cache; run again to go on".to_owned()]);
        return Exit::Interrupted;
    }
    show_failures(&compiled, &files, &outcomes, screen);
    finish(arguments, &files, &compiled, &engine, &outcomes, screen)
}

/// Publishes the reports there are and says what they conclude.
fn finish(
    arguments: &Arguments,
    files: &[SpecFile],
    compiled: &Compiled,
    engine: &Engine<'_>,
    outcomes: &[Outcome],
    screen: &Screen,
) -> Exit {
    let missing = |o: &Outcome| matches!(&o.status, Status::Failed(failure) if failure.code == NOT_CACHED);
    let mut exit = if outcomes.iter().any(missing) {
        Exit::NotCached
    } else if outcomes.iter().any(|o| matches!(o.status, Status::Failed(_))) {
        Exit::StageFailed
    } else {
        Exit::Done
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut all: Vec<(String, Results)> = Vec::new();
    for (spec, (file, report)) in files.iter().zip(&compiled.reports).enumerate() {
        let Some(index) = report.filter(|&i| matches!(outcomes[i].status, Status::Ran | Status::Cached)) else {
            continue;
        };
        let folder = arguments.out.join(file.stem());
        let mut stale = false;
        let written = if let Some(outputs) = engine.outputs(index) {
            let results = outputs.get("results.json").and_then(|bytes| serde_json::from_slice::<Results>(bytes).ok());
            if let Some(results) = &results
                && !keep_lock(arguments, file, &lock_of(spec, files.len(), compiled, outcomes, results), screen)
            {
                stale = true;
            }
            all.extend(results.map(|r| (file.stem(), r)));
            if stale {
                exit = if exit == Exit::Done { Exit::Stale } else { exit };
                continue;
            }
            publish(&folder, &relative(&folder, &file.path), &outputs)
        } else {
            screen.error("the report is no longer in the cache", &["run again".to_owned()]);
            return Exit::Internal;
        };
        match written {
            Ok(written) => paths.extend(written),
            Err(error) => {
                let hint = match error {
                    PublishError::Io { .. } => "free some space, or write elsewhere with --out",
                    _ => "write elsewhere with --out, or move the folder away",
                };
                screen.error(&error.to_string(), &[hint.to_owned()]);
                exit = Exit::Internal;
            }
        }
    }
    if tell_expectations(files, &all, screen) && exit == Exit::Done {
        exit = Exit::ExpectationFailed;
    }
    if arguments.json {
        print_json(&compiled.plan, outcomes, &paths, &all);
    } else {
        for (stem, results) in &all {
            println!("{}", summary(stem, results));
        }
        for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "html" || e == "md")) {
            screen.say(&format!("{:>12} {}", "wrote", path.display()));
        }
    }
    let cached = outcomes.iter().filter(|o| o.status == Status::Cached).count();
    screen.say(&format!(
        "{:>12} {} stages: {cached} cached, {} ran",
        "done",
        outcomes.len(),
        outcomes.iter().filter(|o| o.status == Status::Ran).count()
    ));
    exit
}

/// Says which expectations do not hold; whether any of them is more than a warning.
fn tell_expectations(files: &[SpecFile], all: &[(String, Results)], screen: &Screen) -> bool {
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some();
    let mut failed = false;
    for (stem, results) in all {
        for (index, expectation) in results.expectations.iter().enumerate().filter(|(_, e)| e.status == "failed") {
            let found: Vec<String> = expectation
                .actual
                .iter()
                .map(|(name, value)| format!("{name} = {}", value.map_or("nothing".to_owned(), |v| v.to_string())))
                .collect();
            let message = format!("{stem}: expected {}, found {}", expectation.that, found.join(", "));
            let word = match expectation.severity {
                Severity::Error => {
                    failed = true;
                    screen.error(&message, &[]);
                    "error"
                }
                Severity::Warn => {
                    screen.notice(&message);
                    "warning"
                }
            };
            if let Some(file) = files.iter().find(|file| on_github && file.stem() == *stem) {
                // GitHub's command, which puts the message beside the line of the spec.
                eprintln!("::{word} file={},line={}::{message}", file.path.display(), line_of_expectation(file, index));
            }
        }
    }
    failed
}

/// The line of a spec on which an expectation stands, from 1.
fn line_of_expectation(file: &SpecFile, index: usize) -> usize {
    let text = String::from_utf8_lossy(&file.bytes);
    let path = SpecPath(vec![Step::Key("expect".to_owned()), Step::Index(index)]).key("that");
    let at = Places::of(&text, file.format()).bytes(&Place::Value(path)).map_or(0, |bytes| bytes.start);
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// The lock of one spec of a run.
fn lock_of(spec: usize, specs: usize, compiled: &Compiled, outcomes: &[Outcome], results: &Results) -> Lock {
    let own = compiled.plan.stages().zip(outcomes).filter(|(stage, _)| stage.spec == spec);
    let stages = own.filter_map(|(stage, outcome)| {
        let outputs = outcome.outputs.iter().map(|(role, blob)| (role.clone(), blob.digest.clone())).collect();
        Some((stage.id.within(specs > 1).to_owned(), LockedStage { key: outcome.key.clone()?, outputs }))
    });
    Lock::new(results, &compiled.locations[spec], stages.collect())
}

/// Most numbers that are told to have moved.
const MOST_TOLD: usize = 12;

/// Writes the lock file and says what moved since; with --locked says so and writes nothing. Whether all is well.
fn keep_lock(arguments: &Arguments, file: &SpecFile, lock: &Lock, screen: &Screen) -> bool {
    let path = lock_path(&file.path);
    let earlier = std::fs::read_to_string(&path).ok();
    let text = lock.text();
    if earlier.as_ref() == Some(&text) {
        return true;
    }
    let moved = match earlier.as_deref().map(Lock::read) {
        Some(Some(earlier)) => lock.moved_since(&earlier),
        _ => Vec::new(),
    };
    for line in moved.iter().take(MOST_TOLD) {
        screen.say(&format!("{:>12} {line}", "moved"));
    }
    if moved.len() > MOST_TOLD {
        screen.say(&format!("{:>12} and {} more: look at the diff of {}", "", moved.len() - MOST_TOLD, path.display()));
    }
    if arguments.locked || arguments.frozen {
        let why = if earlier.is_some() { "would change" } else { "is not there" };
        screen.error(&format!("{} {why}", path.display()), &["run without --locked and look at what moved".to_owned()]);
        return false;
    }
    if let Err(error) = replace(&path, text.as_bytes()) {
        screen.notice(&format!("{} is not written: {error}", path.display()));
    }
    true
}

/// The conclusions of a study, for the terminal.
fn summary(stem: &str, results: &Results) -> String {
    let mut lines = vec![format!("{} ({stem})", results.study.title)];
    lines.extend(results.conclusions.iter().map(|c| format!("  {c}")));
    let warnings: usize = results.shown_fits().iter().map(|(_, _, f)| f.evidence.warnings.len()).sum();
    if warnings > 0 {
        lines.push(format!(
            "  {warnings} warning{} in the report: read them before you quote this.",
            if warnings == 1 { "" } else { "s" }
        ));
    }
    lines.join("\n")
}

fn print_json(plan: &Plan, outcomes: &[Outcome], paths: &[PathBuf], all: &[(String, Results)]) {
    let stages: Vec<serde_json::Value> = plan
        .stages()
        .zip(outcomes)
        .map(|(stage, outcome)| {
            serde_json::json!({
                "id": stage.id.0,
                "kind": stage.stage.kind(),
                "status": outcome.status.name(),
                "seconds": outcome.elapsed.as_secs_f64(),
            })
        })
        .collect();
    // One spec has its results at the top; several have theirs by name.
    let results = match all {
        [(_, one)] => serde_json::json!(one),
        many => many
            .iter()
            .map(|(stem, results)| (stem.clone(), serde_json::json!(results)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    };
    let object = serde_json::json!({ "stages": stages, "outputs": paths, "results": results });
    println!("{object:#}");
}

fn show_failures(compiled: &Compiled, files: &[SpecFile], outcomes: &[Outcome], screen: &Screen) {
    let diagnostics: Vec<Diagnostic> = compiled
        .plan
        .stages()
        .zip(outcomes)
        .filter_map(|(stage, outcome)| {
            let Status::Failed(failure) = &outcome.status else { return None };
            let mut diagnostic =
                Diagnostic::error(failure.code, Place::Key(stage.path.clone()), failure.message.clone());
            diagnostic.file = Some(files[stage.spec].path.clone());
            diagnostic.label = Some(format!("stage {} failed", stage.id));
            diagnostic.hints.clone_from(&failure.hints);
            Some(diagnostic)
        })
        .collect();
    screen.diagnostics(&diagnostics, files);
}

/// Set by Ctrl-C; a second one ends the program at once.
fn interrupted() -> &'static AtomicBool {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&flag);
        // Without a handler Ctrl-C still ends the program, only less politely.
        let _ = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::Interrupted as i32);
            }
        });
        flag
    })
}

/// The path from a folder to a file, so that a checkout may be moved.
fn relative(folder: &Path, file: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, file) = (absolute(folder), absolute(file));
    let from: Vec<Component<'_>> = folder.components().collect();
    let to: Vec<Component<'_>> = file.components().collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut path = PathBuf::new();
    (common..from.len()).for_each(|_| path.push(".."));
    to[common..].iter().for_each(|part| path.push(part));
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_named_from_its_output_folder() {
        assert_eq!(relative(Path::new("outputs/a"), Path::new("specs/a.toml")), "../../specs/a.toml");
        assert_eq!(relative(Path::new("/x/out/a"), Path::new("/x/a.toml")), "../../a.toml");
    }
}
