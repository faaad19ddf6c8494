//! `lawfit self-check`: checks whether this machine computes the bits that lawfit's own lock files record.

use std::path::Path;

use clap::Args;

use super::screen::Screen;
use super::settle::settle;
use super::{Exit, output};
use crate::changes::Changes;
use crate::engine::Options;
use crate::lock::Lock;
use crate::numerics::{NUMERICS_REV, vectors};
use crate::plan::{SpecFile, compile};
use crate::store::Store;

/// Compute built-in studies and compare every bit with known results.
///
/// The cache is neither read nor written. Ends with 1 if there is any difference.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Maximum number of threads and stages at a time; all CPUs by default. Results do not depend on it.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// A study with known results.
struct Known {
    spec: &'static str,
    tables: &'static [(&'static str, &'static str)],
    lock: &'static str,
    name: &'static str,
}

/// A study of the folder `specs` with its tables and its lock file.
macro_rules! known {
    ($name:literal, $($table:literal),+) => {
        Known {
            name: $name,
            spec: include_str!(concat!("../../specs/", $name, ".toml")),
            tables: &[$(($table, include_str!(concat!("../../specs/", $table)))),+],
            lock: include_str!(concat!("../../specs/", $name, ".lock")),
        }
    };
}

/// Together they cover grid searches, solved sizes, draws, forecasts by several laws, chains of laws, and groups.
const KNOWN: [Known; 3] = [
    known!("cerebras-gpt", "data/cerebras-gpt.csv"),
    known!("over-training", "data/redpajama-overtrain.csv"),
    known!("openclip", "data/openclip.csv", "data/clip.csv"),
];

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let options = Options { jobs: arguments.jobs.map(usize::from), offline: true, ..Options::default() };
    let mut exit = Exit::Done;
    for known in &KNOWN {
        let found = match compute(known, &options, screen) {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        let differing = differences(known.lock, &found);
        if differing.is_empty() {
            let (stages, numbers) = (found.lock.stages.len(), found.lock.numbers.len());
            let line = format!("{}: {stages} stages and {numbers} numbers have the expected bits", known.name);
            output::print_line(line);
            continue;
        }
        for line in differing {
            output::print_line(format_args!("{}: {line}", known.name));
        }
        exit = Exit::Internal;
    }
    let (version, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    output::print_line(format_args!(
        "lawfit {version}, numerics {NUMERICS_REV}, {machine} {}, {}",
        std::env::consts::OS,
        vectors()
    ));
    if exit != Exit::Done {
        let hint = "please report this with the complete output".to_owned();
        screen.error("the results of this machine differ in some bits from the lock files of lawfit", &[hint]);
    }
    exit
}

/// The results of a study on this machine.
struct Found {
    lock: Lock,
    /// Names of its stages, each after the stages that it needs.
    order: Vec<String>,
}

fn compute(known: &Known, options: &Options, screen: &Screen) -> Result<Found, Exit> {
    let failed = |why: String| {
        screen.error(&format!("{}: {why}", known.name), &[]);
        Exit::Internal
    };
    let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let file = lay_out(known, folder.path()).map_err(|error| failed(error.to_string()))?;
    let files = [file];
    let compiled = compile(&files);
    if compiled.has_errors() {
        screen.diagnostics(&compiled.diagnostics, &files);
        return Err(Exit::Internal);
    }
    let store = Store::new(&folder.path().join("cache"));
    let lock = settle(&files[0], &compiled, &store, options, screen)?.lock;
    let order = compiled.plan.stages().map(|stage| stage.id.to_string()).collect();
    Ok(Found { lock, order })
}

/// Writes a study to a folder.
fn lay_out(known: &Known, folder: &Path) -> std::io::Result<SpecFile> {
    for (name, table) in known.tables {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(&path, table)?;
    }
    Ok(SpecFile { path: folder.join(format!("{}.toml", known.name)), bytes: known.spec.as_bytes().to_vec() })
}

/// Differences between a study and its lock file, one line each: the first stage that differs, then numbers.
fn differences(known: &str, found: &Found) -> Vec<String> {
    if known == found.lock.text() {
        return Vec::new();
    }
    let Some(known) = Lock::read(known) else { return vec!["its lock file is of another version".to_owned()] };
    let mut lines = Vec::new();
    let stages =
        found.order.iter().filter_map(|name| Some((name, known.stages.get(name)?, found.lock.stages.get(name)?)));
    if let Some((name, then, now)) = stages.into_iter().find(|(_, then, now)| then != now) {
        let roles: Vec<&str> = then
            .outputs
            .keys()
            .filter(|role| then.outputs.get(*role) != now.outputs.get(*role))
            .map(String::as_str)
            .collect();
        let what = if then.key == now.key { roles.join(", ") } else { "its inputs or settings".to_owned() };
        lines.push(format!("the first stage to differ is {name}: {what}"));
    }
    let text = |value: Option<f64>| value.map_or("none".to_owned(), |value| value.to_string());
    let numbers = Changes::between(&known, &found.lock).numbers;
    lines.extend(numbers.iter().map(|of| format!("{}: {} instead of {}", of.number, text(of.now), text(of.then))));
    if lines.is_empty() {
        lines.push("its lock file has the same stages and numbers in another text".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_start_with_the_first_stage_that_differs() {
        let Some(lock) = Lock::read(KNOWN[0].lock) else { panic!("the lock file can be read") };
        let order = ["ingest.paper", "fit.compute", "fit.two_terms", "results"].map(str::to_owned).to_vec();
        let mut found = Found { lock, order };
        assert_eq!(differences(KNOWN[0].lock, &found), [] as [&str; 0]);
        found.lock.numbers.insert("fits.compute.E".to_owned(), 0.5);
        for stage in ["results", "fit.compute"] {
            let outputs = found.lock.stages.get_mut(stage).map(|stage| &mut stage.outputs);
            outputs.into_iter().flat_map(|outputs| outputs.values_mut()).for_each(|digest| {
                *digest = crate::artifact::Digest::of(digest.as_str().as_bytes());
            });
        }
        let lines = differences(KNOWN[0].lock, &found);
        assert_eq!(
            lines,
            ["the first stage to differ is fit.compute: draws, fit, rows", "fits.compute.E: 0.5 instead of 0"]
        );
    }
}
