//! Common parts of the commands that run a plan: options, cancellation, outcomes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;

use super::screen::Screen;
use super::{Allow, Cache, Exit};
use crate::artifact::Outputs;
use crate::diagnostic::{Diagnostic, Place};
use crate::engine::{Engine, Event, NOT_CACHED, Options, Outcome, Status};
use crate::plan::{Compiled, SpecFile};
use crate::store::Store;

/// Options for running a plan.
#[derive(Clone, Debug, Args)]
pub(super) struct Walk {
    /// Maximum number of threads and stages at a time; all CPUs by default. Results do not depend on it.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Never open a socket; `run` does not use a remote cache either.
    #[arg(long)]
    pub(super) offline: bool,
    /// Look for pinned files in this folder and its subfolders before the web.
    #[arg(long, value_name = "DIR")]
    mirror: Option<PathBuf>,
}

impl Walk {
    /// The engine's options.
    pub(super) fn options(&self) -> Options {
        Options {
            jobs: self.jobs.map(usize::from),
            offline: self.offline,
            mirror: self.mirror.clone(),
            ..Options::default()
        }
    }
}

/// Options of a command that computes stages of one spec.
#[derive(Clone, Debug, Args)]
pub(super) struct Computing {
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) walk: Walk,
    #[command(flatten)]
    pub(super) allow: Allow,
}

/// The exit code of a run. A result missing from the cache takes precedence over other failures.
pub(super) fn exit_of(outcomes: &[Outcome]) -> Exit {
    let missing = |o: &Outcome| matches!(&o.status, Status::Failed(failure) if failure.code == NOT_CACHED);
    if outcomes.iter().any(missing) {
        Exit::NotCached
    } else if outcomes.iter().any(|o| matches!(o.status, Status::Failed(_))) {
        Exit::StageFailed
    } else {
        Exit::Done
    }
}

/// Prints each failed stage at its entry in the spec.
pub(super) fn show_failures(compiled: &Compiled, files: &[SpecFile], outcomes: &[Outcome], screen: &Screen) {
    let diagnostics: Vec<Diagnostic> = compiled
        .plan
        .stages()
        .zip(outcomes)
        .filter_map(|(stage, outcome)| {
            let Status::Failed(failure) = &outcome.status else { return None };
            let at_fault = failure.below.iter().fold(stage.path.clone(), |path, key| path.key(key));
            let place = if failure.below.is_empty() { Place::Key(at_fault) } else { Place::Value(at_fault) };
            let mut diagnostic = Diagnostic::error(failure.code, place, failure.message.clone());
            diagnostic.file = Some(files[stage.spec].path.clone());
            diagnostic.label = Some(format!("stage {} failed", stage.id));
            diagnostic.hints.clone_from(&failure.hints);
            Some(diagnostic)
        })
        .collect();
    screen.diagnostics(&diagnostics, files);
}

/// Computes the stages `targets` with results from the cache and prints failures. `each` receives the outputs of
/// every target with outputs, in order.
pub(super) fn walk_towards(
    (compiled, files): (&Compiled, &[SpecFile]),
    targets: &[usize],
    computing: &Computing,
    screen: &Screen,
    mut each: impl FnMut(usize, &Outputs),
) -> Exit {
    let store = Store::new(&computing.cache.cache);
    let options = computing.walk.options();
    let progress = screen.progress(compiled.plan.with_needs(targets.iter().copied()).len());
    let observer = |event: &Event<'_>| progress.show(event);
    let engine = Engine::new(&compiled.plan, &store, &options, &observer, interrupted()).towards(targets, true);
    let outcomes = engine.run();
    progress.clear();
    show_failures(compiled, files, &outcomes, screen);
    for &index in targets {
        if let Ok(outputs) = engine.outputs(index) {
            each(index, &outputs);
        }
    }
    exit_of(&outcomes)
}

/// Time for a cancelled run to end; writing may be cut short at any step.
const GRACE: Duration = Duration::from_millis(600);

/// Set by Ctrl-C or SIGTERM. The program ends within a second, and immediately after a second signal.
pub(super) fn interrupted() -> &'static AtomicBool {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&flag);
        // Without a handler, Ctrl-C still ends the program.
        let _ = ctrlc::set_handler(move || {
            let end = || std::process::exit(Exit::Interrupted as i32);
            if handler.swap(true, Ordering::SeqCst) {
                end();
            }
            // A long step of a stage, or a blocked terminal, is not waited for.
            let late = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(GRACE);
                end();
            });
            if late.is_err() {
                end();
            }
        });
        flag
    })
}
