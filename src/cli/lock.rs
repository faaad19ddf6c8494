//! `lawfit lock`: checks whether lock files are up to date, for a hook before a commit.

use clap::Args;

use super::screen::Screen;
use super::{Exit, Study, compile_specs, lock_path};
use crate::engine::{Look, look};
use crate::lock::Lock;
use crate::plan::PlanStage;
use crate::store::Store;

/// Check that the lock file next to each spec matches the spec and its data, without running anything.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    study: Study,
    /// List the stages that a run would compute, and end with 3 if there are any.
    #[arg(long, required = true)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (files, compiled) = match compile_specs(&arguments.study.specs, &arguments.study.allow, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    let looks = look(&compiled.plan, &Store::new(&arguments.study.cache.cache));
    let mut exit = Exit::Done;
    for (index, file) in files.iter().enumerate() {
        let path = lock_path(&file.path);
        let text = match Lock::text_of(&path) {
            Ok(text) => text,
            Err(error) => {
                screen.error(&format!("{}: {error}", path.display()), &[]);
                return Exit::Internal;
            }
        };
        let Some(lock) = text.and_then(|text| Lock::read(&text)).map(Lock::without_report) else {
            screen.error(
                &format!("{} is missing or of another version", path.display()),
                &["`lawfit run` writes it".to_owned()],
            );
            exit = Exit::Stale;
            continue;
        };
        if lock.is_earlier() {
            screen
                .notice(&format!("{} has the format of an earlier version; `lawfit run` converts it", path.display()));
        }
        let gathers = compiled.specs[index].report.as_ref().map(|report| report.results);
        let is_locked = |(stage, of): (&PlanStage, usize)| {
            // An earlier version had no stage that collects results.
            stage.spec == index && stage.stage.is_locked() && !(lock.is_earlier() && gathers == Some(of))
        };
        let own = compiled.plan.stages().zip(&looks).enumerate();
        let own = own.filter(|(of, (stage, _))| is_locked((stage, *of))).map(|(_, own)| own);
        let mut names = Vec::new();
        for (stage, look) in own {
            let name = stage.id.within();
            let fresh = match look {
                Look::Hit(key) | Look::Miss(key) => lock.stages.get(&name).is_some_and(|locked| locked.key == *key),
                // Its inputs are stale or not in the cache, so the earlier stages decide.
                Look::Unknown => lock.stages.contains_key(&name),
                Look::Unreadable(_) => false,
            };
            if !fresh {
                screen.error(&format!("{}: stage {name} differs from the lock file", file.path.display()), &[]);
                exit = Exit::Stale;
            }
            names.push(name);
        }
        for name in lock.stages.keys().filter(|name| !names.contains(name)) {
            screen.error(&format!("{}: the spec no longer has the stage {name}", file.path.display()), &[]);
            exit = Exit::Stale;
        }
    }
    if exit == Exit::Stale {
        screen.error("a lock file is stale", &["`lawfit run` updates it; check its diff".to_owned()]);
    }
    exit
}
