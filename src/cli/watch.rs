//! `lawfit watch`: run again whenever a spec or its data changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use clap::Args;
use notify_debouncer_mini::notify::RecursiveMode;
use notify_debouncer_mini::{DebounceEventResult, new_debouncer};

use super::screen::Screen;
use super::{Exit, run, walk};
use crate::artifact::Digest;
use crate::file;
use crate::plan::{Allowed, SpecFile, compile_asking};
use crate::source::Limits;
use crate::spec;
use crate::stage::External;

/// Run specs, and run them again whenever a spec or one of its files changes, until Ctrl-C.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: run::Arguments,
}

/// Changes within this time count as one.
const TOGETHER: Duration = Duration::from_millis(300);
/// Interval at which cancellation is checked.
const GLANCE: Duration = Duration::from_millis(250);

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (sender, changes) = channel();
    let mut debouncer = match new_debouncer(TOGETHER, sender) {
        Ok(debouncer) => debouncer,
        Err(error) => {
            screen.error(&format!("files cannot be watched: {error}"), &[]);
            return Exit::Internal;
        }
    };
    let stopped = || walk::interrupted().load(Ordering::SeqCst);
    let specs = &arguments.run.study.specs;
    let allowed = arguments.run.study.allow.allowed();
    let mut watched: BTreeMap<PathBuf, RecursiveMode> = BTreeMap::new();
    while !stopped() {
        // The state before the run, so that changes during the run are seen after it.
        let before = Inputs::of(specs, allowed);
        for (folder, mode) in before.folders() {
            if watched.get(&folder) != Some(&mode) {
                match debouncer.watcher().watch(&folder, mode) {
                    Ok(()) => drop(watched.insert(folder, mode)),
                    Err(error) => screen.notice(&format!("{} is not watched: {error}", folder.display())),
                }
            }
        }
        run::run(&arguments.run, screen);
        if !stopped() {
            screen.say(&format!("{:>12} for changes; Ctrl-C ends this", "watching"));
        }
        before.wait_for_others(specs, allowed, &changes, &stopped);
    }
    Exit::Done
}

/// The files that specs depend on, in their present state.
#[derive(Debug, PartialEq, Eq)]
struct Inputs {
    /// The digest of each file; `None` for a file that cannot be read.
    files: BTreeMap<PathBuf, Option<Digest>>,
    /// Folders in which a new file may match a pattern.
    patterns: BTreeSet<PathBuf>,
}

impl Inputs {
    fn of(specs: &[PathBuf], allowed: Allowed) -> Self {
        let read = specs
            .iter()
            .map(|path| SpecFile { path: path.clone(), bytes: file::read(path, spec::MAX_BYTES).unwrap_or_default() });
        let files: Vec<SpecFile> = read.collect();
        let compiled = compile_asking(&files, None, allowed);
        let externals = compiled.plan.stages().flat_map(|stage| stage.stage.externals());
        let data = externals.filter_map(|external| match external {
            External::File { path, .. } | External::Snapshot { path, .. } => Some(path.clone()),
            External::Pinned { .. } => None,
        });
        let bases = compiled.bases.iter().map(|base| base.path.clone());
        let all: BTreeSet<PathBuf> = specs.iter().cloned().chain(bases).chain(data).collect();
        let digest = |path: &PathBuf| file::read(path, Limits::LARGE.bytes).ok().map(|bytes| Digest::of(&bytes));
        let patterns = files.iter().zip(&compiled.specs).flat_map(|(file, spec)| {
            let folder = folder_of(&file.path);
            spec.locations.values().filter_map(move |location| fixed_part(location).map(|part| folder.join(part)))
        });
        Self {
            files: all.into_iter().map(|path| (path.clone(), digest(&path))).collect(),
            patterns: patterns.collect(),
        }
    }

    /// The files once they have not changed for a while, so that a file is not read while it is written.
    fn at_rest(specs: &[PathBuf], allowed: Allowed, stopped: &dyn Fn() -> bool) -> Self {
        let mut last = Self::of(specs, allowed);
        while !stopped() {
            std::thread::sleep(TOGETHER);
            let now = Self::of(specs, allowed);
            if now == last {
                break;
            }
            last = now;
        }
        last
    }

    /// The folders to watch.
    fn folders(&self) -> Vec<(PathBuf, RecursiveMode)> {
        let files = self.files.keys().map(|path| (folder_of(path), RecursiveMode::NonRecursive));
        let patterns = self.patterns.iter().map(|folder| (folder.clone(), RecursiveMode::Recursive));
        let all: BTreeMap<PathBuf, RecursiveMode> = files.chain(patterns).collect();
        all.into_iter().filter(|(folder, _)| folder.is_dir()).collect()
    }

    /// Waits until the files have changed and are no longer being written. Events of other files, such as reports,
    /// are ignored.
    fn wait_for_others(
        &self,
        specs: &[PathBuf],
        allowed: Allowed,
        changes: &Receiver<DebounceEventResult>,
        stopped: &dyn Fn() -> bool,
    ) {
        let mut look = true;
        while !stopped() {
            if look && Self::of(specs, allowed) != *self && Self::at_rest(specs, allowed, stopped) != *self {
                return;
            }
            look = match changes.recv_timeout(GLANCE) {
                Ok(_) => {
                    // Later events belong to the same change.
                    while changes.try_recv().is_ok() {}
                    true
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("."));
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

/// The folder of a pattern before its first wildcard; `None` for a path without wildcards.
fn fixed_part(pattern: &str) -> Option<PathBuf> {
    let is_wild = |part: &str| part.contains(['*', '?', '[']);
    let parts: Vec<&str> = pattern.split('/').collect();
    let wild = parts.iter().position(|part| is_wild(part)).filter(|_| !pattern.contains("://"))?;
    Some(PathBuf::from(parts[..wild].join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_watched_from_its_last_fixed_folder() {
        assert_eq!(fixed_part("runs/2026/*/loss-?.csv"), Some(PathBuf::from("runs/2026")));
        assert_eq!(fixed_part("*.csv"), Some(PathBuf::new()));
        assert_eq!(fixed_part("runs/a.csv"), None);
        assert_eq!(fixed_part("https://example.org/a?b"), None);
    }
}
