//! Runs one spec without writing to the user's folders: returns its lock and the files of its report.

use std::sync::atomic::Ordering;

use super::Exit;
use super::run::lock_of;
use super::screen::Screen;
use super::walk::{exit_of, interrupted, show_failures};
use crate::artifact::Outputs;
use crate::engine::{Engine, Options};
use crate::lock::Lock;
use crate::plan::{Compiled, SpecFile};
use crate::report::Results;
use crate::stage::RESULTS;
use crate::store::Store;

/// The result of a spec.
pub(super) struct Settled {
    pub(super) lock: Lock,
    /// Files of its output folder by name.
    pub(super) outputs: Outputs,
}

/// Runs the plan of one spec; publishes nothing and writes no lock file.
pub(super) fn settle(
    file: &SpecFile,
    compiled: &Compiled,
    store: &Store,
    options: &Options,
    screen: &Screen,
) -> Result<Settled, Exit> {
    let progress = screen.progress(compiled.plan.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let engine = Engine::new(&compiled.plan, store, options, &observer, interrupted());
    let outcomes = engine.run();
    progress.clear();
    if interrupted().load(Ordering::SeqCst) {
        return Err(Exit::Interrupted);
    }
    show_failures(compiled, std::slice::from_ref(file), &outcomes, screen);
    let exit = exit_of(&outcomes);
    let report = compiled.specs[0].report.as_ref().filter(|_| exit == Exit::Done).ok_or(exit)?;
    let failed = |why: &str| {
        screen.error(&format!("{}: {why}", file.path.display()), &[]);
        Exit::Internal
    };
    let mut outputs = Outputs::new();
    for stage in [report.results, report.render] {
        outputs.extend(engine.outputs(stage).map_err(|failure| failed(&failure.message))?);
    }
    let results = outputs.get(RESULTS).and_then(|bytes| serde_json::from_slice::<Results>(bytes).ok());
    let results = results.ok_or_else(|| failed("its results cannot be read"))?;
    Ok(Settled { lock: lock_of(0, compiled, &outcomes, &results), outputs })
}
