//! `lawfit update`: takes snapshots of live sources, which runs read.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::screen::Screen;
use super::{Allow, Cache, Exit, lock_path, read_specs};
use crate::diagnostic::Severity;
use crate::engine::{Updated, update};
use crate::lock::{Lock, Pins};
use crate::plan::{LiveSource, SpecFile, live_sources};
use crate::store::{Store, replace};

/// Take a snapshot of each live source: servers of trackers, buckets, files on the web without `sha256`, and paths with
/// `live = true`. Runs read the snapshots and use no network.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The spec file, TOML or YAML.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// The names of live sources. Default: all.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    allow: Allow,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let file = match read_specs(std::slice::from_ref(&arguments.spec), screen) {
        Ok(mut files) => files.remove(0),
        Err(exit) => return exit,
    };
    let (sources, diagnostics) = live_sources(&file, arguments.allow.allowed());
    screen.diagnostics(&diagnostics, std::slice::from_ref(&file));
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Exit::BadSpec;
    }
    let wanted = match wanted(&sources, &arguments.sources, &file, screen) {
        Ok(wanted) => wanted,
        Err(exit) => return exit,
    };
    let path = lock_path(&file.path);
    let before = match Lock::text_of(&path) {
        Ok(text) => text.and_then(|text| Lock::read(&text)),
        Err(error) => return failed(&format!("{}: {error}", path.display()), screen),
    };
    if before.as_ref().is_some_and(Lock::is_earlier) {
        screen.error(
            &format!("{} has the format of an earlier version", path.display()),
            &["remove it, or convert it with `lawfit run`".to_owned()],
        );
        return Exit::Stale;
    }
    let before = before.unwrap_or_else(|| Lock::of_pins(Pins::new()));
    let mut lock = before.clone();
    lock.pins.retain(|name, _| sources.iter().any(|source| source.name == *name));
    let store = Store::new(&arguments.cache.cache);
    let mut exit = Exit::Done;
    for source in wanted {
        match update(source, lock.pins.get(&source.name), &store) {
            Ok(Updated { pin, moved, refused }) => {
                let unit = if source.has_runs { "run" } else { "row" };
                let plural = if moved.total == 1 { "" } else { "s" };
                output::print_line(format_args!(
                    "{}: {} new, {} changed, {} gone; {} {unit}{plural}",
                    source.name, moved.new, moved.changed, moved.gone, moved.total
                ));
                if let Some(refused) = refused {
                    screen.notice(&format!("the cache does not keep the snapshot: {refused}"));
                }
                lock.pins.insert(source.name.clone(), pin);
            }
            Err(failure) => {
                screen.error(&format!("{}: {}", source.name, failure.message), &failure.hints);
                exit = Exit::StageFailed;
            }
        }
    }
    store.keep_usage();
    // Without a change, the file stays as it is.
    if before != lock
        && let Err(error) = replace(&path, lock.text().as_bytes(), "lock")
    {
        return failed(&format!("{}: {error}", path.display()), screen);
    }
    exit
}

fn failed(message: &str, screen: &Screen) -> Exit {
    screen.error(message, &[]);
    Exit::Internal
}

/// The requested sources.
fn wanted<'a>(
    sources: &'a [LiveSource],
    names: &[String],
    file: &SpecFile,
    screen: &Screen,
) -> Result<Vec<&'a LiveSource>, Exit> {
    if sources.is_empty() {
        let hint = "a source is live if it is a tracker's server or a bucket, a `url` without `sha256`, or a `path` with `live = true`";
        screen.error(&format!("{} has no live source", file.path.display()), &[hint.to_owned()]);
        return Err(Exit::BadSpec);
    }
    if let Some(name) = names.iter().find(|name| sources.iter().all(|source| source.name != **name)) {
        let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        screen.error(
            &format!("there is no live source `{name}`"),
            &[format!("the live sources are {}", known.join(", "))],
        );
        return Err(Exit::BadSpec);
    }
    Ok(sources.iter().filter(|source| names.is_empty() || names.contains(&source.name)).collect())
}
