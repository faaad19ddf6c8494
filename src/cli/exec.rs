//! `lawfit exec`: stages of a plan alone, for other engines that spread them over machines.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::output;
use super::screen::Screen;
use super::walk::{Walk, exit_of, interrupted, show_failures};
use super::{Allow, Cache, Exit, REMOTE_SECONDS, RemoteCache, compile_specs};
use crate::artifact::Digest;
use crate::engine::Engine;
use crate::plan::SpecFile;

/// Compute stages of a plan, taking what they need from the cache. Doing so again changes nothing.
///
/// `lawfit plan --json > plan.json` writes the plan; a stage may be executed when those in its `needs`
/// were. Afterwards `lawfit run --frozen` writes the reports.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What `lawfit plan --json` printed.
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The stages' ids, with commas between them.
    #[arg(long, value_name = "IDS", required = true)]
    stage: Vec<String>,
    /// The cache that all machines share: a directory, or a URL, of which a copy is kept in .lawfit/cache.
    #[arg(long, value_name = "DIR|URL", env = "LAWFIT_CACHE", default_value = ".lawfit/cache")]
    cache: String,
    #[command(flatten)]
    walk: Walk,
    #[command(flatten)]
    allow: Allow,
}

/// What a plan says of a spec.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedSpec {
    /// Where it is, from where the plan was made.
    pub(super) path: PathBuf,
    /// BLAKE3 of its bytes.
    pub(super) b3: Digest,
}

impl PlannedSpec {
    pub(super) fn of(file: &SpecFile) -> Self {
        Self { path: file.path.clone(), b3: Digest::of(&file.bytes) }
    }
}

/// Largest plan that is read.
const MAX_BYTES: u64 = 256 << 20;

/// What is read of a plan; its stages are those of the specs.
#[derive(Debug, Deserialize)]
struct PlanFile {
    specs: Vec<PlannedSpec>,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let plan = crate::file::read(&arguments.plan, MAX_BYTES)
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice::<PlanFile>(&bytes).map_err(|error| error.to_string()));
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let hint = "`lawfit plan SPEC --json` writes it".to_owned();
            screen.error(&format!("{}: {error}", arguments.plan.display()), &[hint]);
            return Exit::BadSpec;
        }
    };
    let paths: Vec<PathBuf> = plan.specs.iter().map(|spec| spec.path.clone()).collect();
    let (files, compiled) = match compile_specs(&paths, &arguments.allow, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    if let Some(file) = files.iter().zip(&plan.specs).find_map(|(f, p)| (Digest::of(&f.bytes) != p.b3).then_some(f)) {
        let hint = "make the plan anew: `lawfit plan --json`".to_owned();
        screen.error(&format!("{} is another than the plan was made of", file.path.display()), &[hint]);
        return Exit::Stale;
    }
    let mut targets = Vec::new();
    for id in arguments.stage.iter().flat_map(|ids| apart(ids)) {
        let Some(index) = compiled.plan.stages().position(|stage| stage.id.0 == id) else {
            screen.error(&format!("the plan has no stage `{id}`"), &[]);
            return Exit::BadSpec;
        };
        targets.push(index);
    }
    let (cache, remote) = shared(arguments);
    let store = match cache.open(&remote, screen) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let options = arguments.walk.options();
    let progress = screen.progress(targets.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let engine = Engine::new(&compiled.plan, &store, &options, &observer, interrupted()).towards(&targets, false);
    let outcomes = engine.run();
    progress.clear();
    show_failures(&compiled, &files, &outcomes, screen);
    for &index in &targets {
        let outcome = &outcomes[index];
        let line = serde_json::json!({
            "id": compiled.plan.stage(index).id.0,
            "status": outcome.status.name(),
            "key": outcome.key,
            "outputs": outcome.outputs,
            "seconds": outcome.elapsed.as_secs_f64(),
        });
        output::print_line(line);
    }
    if interrupted().load(Ordering::SeqCst) { Exit::Interrupted } else { exit_of(&outcomes) }
}

/// The ids in a list; a comma in the name of a matrix's member does not part it.
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

/// The cache directory and the remote one that `--cache` means.
fn shared(arguments: &Arguments) -> (Cache, RemoteCache) {
    let is_url = arguments.cache.contains("://");
    let directory = if is_url { ".lawfit/cache" } else { &arguments.cache };
    let remote = RemoteCache {
        remote_cache: is_url.then(|| arguments.cache.clone()),
        cache_write: is_url,
        remote_timeout: REMOTE_SECONDS,
        cache_secret: std::env::var("LAWFIT_CACHE_SECRET").ok(),
    };
    (Cache { cache: PathBuf::from(directory) }, remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comma_of_a_member_parts_no_ids() {
        assert_eq!(apart("fit.main[law=a,delta=0.1],report"), ["fit.main[law=a,delta=0.1]", "report"]);
    }
}
