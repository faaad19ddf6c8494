//! `lawfit exec`: computes a part of a plan, for engines that distribute it over machines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use serde::Deserialize;

use super::compiled::{CompiledPlan, FINISHED, Lines, PlanError, PlannedSpec, mark};
use super::output;
use super::run::{Ending, finish};
use super::screen::Screen;
use super::walk::{Walk, exit_of, interrupted, show_failures};
use super::{Allow, Cache, Exit, ForReport, REMOTE_SECONDS, RemoteCache, compile_for_report};
use crate::artifact::Digest;
use crate::engine::{Engine, Outcome, Status};
use crate::plan::{Plan, SpecFile};

/// Compute a part of a plan, with inputs from the cache. Repeating a part changes nothing.
///
/// `lawfit export` writes a plan in chunks and the files with which an engine runs it; specs are not read until
/// --finish. The plan of `lawfit plan --json` has stages. A stage can be computed once the stages in its `needs` are;
/// `lawfit run` then writes the reports.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The output of `lawfit export` or of `lawfit plan --json`.
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    cache: SharedCache,
    /// With --finish: the folder for reports, with a subfolder for each spec.
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    out: PathBuf,
    #[command(flatten)]
    walk: Walk,
    #[command(flatten)]
    allow: Allow,
    #[command(flatten)]
    report: ForReport,
}

/// The shared cache.
#[derive(Clone, Debug, Args)]
pub(super) struct SharedCache {
    /// The cache that all machines share: a directory, or a URL, of which each machine keeps a copy in .lawfit/cache.
    #[arg(long, value_name = "DIR|URL", env = "LAWFIT_CACHE", default_value = ".lawfit/cache")]
    cache: String,
}

impl SharedCache {
    /// Its arguments on the command line.
    pub(super) fn words(&self) -> [String; 2] {
        ["--cache".to_owned(), self.cache.clone()]
    }

    /// Whether it has a URL.
    pub(super) fn is_remote(&self) -> bool {
        self.cache.contains("://")
    }

    /// The local cache directory, or the local copy of a remote cache.
    pub(super) fn local(&self) -> Cache {
        Cache { cache: PathBuf::from(if self.is_remote() { ".lawfit/cache" } else { &self.cache }) }
    }

    /// The remote cache with write access, if there is one.
    fn remote(&self) -> RemoteCache {
        RemoteCache {
            remote_cache: self.is_remote().then(|| self.cache.clone()),
            cache_write: self.is_remote(),
            remote_timeout: REMOTE_SECONDS,
            cache_secret: std::env::var("LAWFIT_CACHE_SECRET").ok(),
        }
    }
}

/// The part to compute.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A chunk of an exported plan, by number.
    #[arg(long, value_name = "N")]
    chunk: Option<usize>,
    /// After all chunks of an exported plan: write designs, reports and lock files, with everything else from the
    /// cache.
    #[arg(long)]
    finish: bool,
    /// Stages of a plan of `lawfit plan --json`, by id, separated by commas.
    #[arg(long, value_name = "IDS")]
    stage: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    if !arguments.what.stage.is_empty() {
        return stages(arguments, screen);
    }
    let (plan, lines) = match CompiledPlan::open(&arguments.plan) {
        Ok(opened) => opened,
        Err(error) => return no_plan(&arguments.plan, &error, screen),
    };
    let marks = plan.marks(&arguments.plan);
    let (exit, done) = match arguments.what.chunk {
        Some(number) => (chunk(arguments, &plan, lines, number, screen), number.to_string()),
        None => (end(arguments, &plan, screen), FINISHED.to_owned()),
    };
    if exit == Exit::Done
        && let Err(error) = mark(&marks, &done)
    {
        screen.error(&format!("{}: {error}", marks.display()), &[]);
        return Exit::Internal;
    }
    exit
}

/// Reports why a plan cannot run.
fn no_plan(path: &Path, error: &PlanError, screen: &Screen) -> Exit {
    let anew = "create it again: `lawfit export`";
    let (exit, hint) = match error {
        PlanError::Io(_) | PlanError::Other(_) => (Exit::BadSpec, "`lawfit export ENGINE SPEC` writes one"),
        PlanError::Version(_) => (Exit::Stale, anew),
        PlanError::NoChunk(..) => (Exit::BadSpec, anew),
        PlanError::Damaged(_) => (Exit::Internal, anew),
    };
    screen.error(&format!("{}: {error}", path.display()), &[hint.to_owned()]);
    exit
}

/// Computes a chunk of an exported plan.
fn chunk(arguments: &Arguments, plan: &CompiledPlan, mut lines: Lines, number: usize, screen: &Screen) -> Exit {
    let (part, own) = match lines.chunk(plan, number) {
        Ok(read) => read,
        Err(error) => return no_plan(&arguments.plan, &error, screen),
    };
    let failures = |outcomes: &[Outcome]| {
        for (stage, outcome) in part.stages().zip(outcomes) {
            let Status::Failed(failure) = &outcome.status else { continue };
            let spec = plan.specs.get(stage.spec).map_or_else(String::new, |spec| format!("{}: ", spec.path.display()));
            screen.error(&format!("{spec}stage {} failed: {}", stage.id, failure.message), &failure.hints);
        }
    };
    compute(arguments, &part, &own, screen, failures)
}

/// Computes stages of a plan, with everything else from the cache, and prints the outcomes.
fn compute(
    arguments: &Arguments,
    plan: &Plan,
    targets: &[usize],
    screen: &Screen,
    show_failures: impl Fn(&[Outcome]),
) -> Exit {
    let store = match arguments.cache.local().open(&arguments.cache.remote(), screen) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let options = arguments.walk.options();
    let progress = screen.progress(targets.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let outcomes = Engine::new(plan, &store, &options, &observer, interrupted()).towards(targets, false).run();
    progress.clear();
    show_failures(&outcomes);
    for &index in targets {
        let outcome = &outcomes[index];
        let line = serde_json::json!({
            "id": plan.stage(index).id.to_string(),
            "status": outcome.status.name(),
            "key": outcome.key,
            "outputs": outcome.outputs,
            "seconds": outcome.elapsed.as_secs_f64(),
        });
        output::print_line(line);
    }
    if interrupted().load(Ordering::SeqCst) { Exit::Interrupted } else { exit_of(&outcomes) }
}

/// Ends the studies of an exported plan: writes designs, reports and lock files.
fn end(arguments: &Arguments, plan: &CompiledPlan, screen: &Screen) -> Exit {
    let specs: Vec<PathBuf> = plan.specs.iter().map(|spec| spec.path.clone()).collect();
    let (files, compiled) = match compile_for_report(&specs, &arguments.allow, &arguments.report, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    if let Some(file) = plan.stale(&files, &compiled) {
        return changed(file, "create the plan again: `lawfit export`; completed stages are in the cache", screen);
    }
    let (cache, remote) = (arguments.cache.local(), arguments.cache.remote());
    let (out, walk) = (arguments.out.clone(), arguments.walk.clone());
    let (allow, report) = (arguments.allow.clone(), arguments.report.clone());
    finish(Ending { specs, cache, allow, report, remote, out, walk }, &files, &compiled, screen)
}

/// Reports that a spec was changed after the plan was written.
fn changed(file: &SpecFile, hint: &str, screen: &Screen) -> Exit {
    screen.error(&format!("{} was changed after the plan was made", file.path.display()), &[hint.to_owned()]);
    Exit::Stale
}

/// Maximum size of a plan of `plan --json`.
const MAX_BYTES: u64 = 256 << 20;

/// The parts of a `plan --json` plan that are read; the stages come from the specs.
#[derive(Debug, Deserialize)]
struct PlanFile {
    specs: Vec<PlannedSpec>,
}

/// Computes stages of a plan of `plan --json`.
fn stages(arguments: &Arguments, screen: &Screen) -> Exit {
    let plan = crate::file::read(&arguments.plan, MAX_BYTES)
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice::<PlanFile>(&bytes).map_err(|error| error.to_string()));
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let hint = "`lawfit plan SPEC --json` writes it; an exported plan has chunks: `--chunk N`".to_owned();
            screen.error(&format!("{}: {error}", arguments.plan.display()), &[hint]);
            return Exit::BadSpec;
        }
    };
    let paths: Vec<PathBuf> = plan.specs.iter().map(|spec| spec.path.clone()).collect();
    let (files, compiled) = match compile_for_report(&paths, &arguments.allow, &arguments.report, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    if let Some(file) = files.iter().zip(&plan.specs).find_map(|(f, p)| (Digest::of(&f.bytes) != p.b3).then_some(f)) {
        return changed(file, "create the plan again: `lawfit plan --json`", screen);
    }
    let mut targets = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, stage) in compiled.plan.stages().enumerate() {
        // Two specs of one name give stages of one name, of which the first counts.
        places.entry(stage.id.to_string()).or_insert(index);
    }
    for id in arguments.what.stage.iter().flat_map(|ids| apart(ids)) {
        let Some(index) = places.get(id).copied() else {
            screen.error(&format!("the plan has no stage `{id}`"), &[]);
            return Exit::BadSpec;
        };
        targets.push(index);
    }
    let failures = |outcomes: &[Outcome]| show_failures(&compiled, &files, outcomes, screen);
    compute(arguments, &compiled.plan, &targets, screen, failures)
}

/// The ids in a list. A comma inside the name of a matrix member does not separate ids.
fn apart(ids: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    ids.split(|letter| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_inside_a_member_does_not_separate_ids() {
        assert_eq!(apart("fit.main[law=a,delta=0.1],report"), ["fit.main[law=a,delta=0.1]", "report"]);
    }
}
