//! `lawfit run`: brings the reports of specs up to date.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;

use super::conclusion::{Conclusion, judge};
use super::output;
use super::screen::Screen;
use super::walk::{Walk, exit_of, interrupted, show_failures};
use super::{Allow, Cache, Exit, ForReport, RemoteCache, Study, ci, compile_for_report, lock_path};
use crate::artifact::Outputs;
use crate::changes::Changes;
use crate::engine::{Engine, NOT_CACHED, Options, Outcome, Status};
use crate::expectation::Severity;
use crate::file::in_units;
use crate::lock::{Lock, LockedStage, MAX_BYTES};
use crate::plan::{Compiled, Plan, SpecFile};
use crate::report::{FIGURES, Results, mark_stale};
use crate::stage::{Failure, RESULTS};
use crate::store::{PublishError, Store, amend, publish, replace};

/// Bring reports up to date: compute what is not cached, and write a report for each spec.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) study: Study,
    #[command(flatten)]
    report: ForReport,
    #[command(flatten)]
    remote: RemoteCache,
    /// Folder for reports, with a subfolder for each spec.
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    out: PathBuf,
    /// Print one JSON object with stages, outputs and results.
    #[arg(long)]
    json: bool,
    /// Write the outcomes of expectations and stages as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    walk: Walk,
    /// Start no stage after a failure; by default, independent stages still run.
    #[arg(long)]
    fail_fast: bool,
    /// End with 3 if a lock file would change, without writing it or a report.
    #[arg(long)]
    locked: bool,
    /// Like --locked, and compute nothing: end with 4 if a result is not in the cache.
    #[arg(long)]
    frozen: bool,
    /// Write the lock file even if a number moved further than an expectation allows.
    #[arg(long)]
    accept: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (files, compiled) =
        match compile_for_report(&arguments.study.specs, &arguments.study.allow, &arguments.report, screen) {
            Ok(compiled) => compiled,
            Err(exit) => return exit,
        };
    bring(arguments, &files, &compiled, &|engine| engine, screen)
}

/// Settings for ending a study that was computed elsewhere.
pub(super) struct Ending {
    pub(super) specs: Vec<PathBuf>,
    pub(super) cache: Cache,
    pub(super) allow: Allow,
    pub(super) report: ForReport,
    pub(super) remote: RemoteCache,
    pub(super) out: PathBuf,
    pub(super) walk: Walk,
}

/// Computes the stages that end the studies of specs, takes all others from the cache, and writes reports and lock
/// files.
pub(super) fn finish(ending: Ending, files: &[SpecFile], compiled: &Compiled, screen: &Screen) -> Exit {
    let Ending { specs, cache, allow, report, remote, out, walk } = ending;
    let arguments = Arguments {
        study: Study { specs, cache, allow },
        report,
        remote,
        out,
        walk,
        json: false,
        junit: None,
        fail_fast: false,
        locked: false,
        frozen: false,
        accept: false,
    };
    let ends_study = |&index: &usize| compiled.plan.stage(index).stage.ends_study();
    let last: Vec<usize> = (0..compiled.plan.len()).filter(ends_study).collect();
    bring(&arguments, files, compiled, &|engine| engine.computing(&last), screen)
}

/// Runs a plan with a prepared engine, and concludes.
fn bring(
    arguments: &Arguments,
    files: &[SpecFile],
    compiled: &Compiled,
    prepared: &dyn for<'a> Fn(Engine<'a>) -> Engine<'a>,
    screen: &Screen,
) -> Exit {
    let mut remote = arguments.remote.clone();
    if arguments.walk.offline && remote.remote_cache.take().is_some() {
        screen.notice("--offline: the remote cache is not used");
    }
    let store = match arguments.study.cache.open(&remote, screen) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let options = Options { fail_fast: arguments.fail_fast, frozen: arguments.frozen, ..arguments.walk.options() };
    let progress = screen.progress(compiled.plan.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let engine = prepared(Engine::new(&compiled.plan, &store, &options, &observer, interrupted()));
    let outcomes = engine.run();
    progress.clear();
    if interrupted().load(Ordering::SeqCst) {
        screen.error("interrupted", &["completed stages are in the cache; run again to continue".to_owned()]);
        return Exit::Interrupted;
    }
    show_failures(compiled, files, &outcomes, screen);
    let finished = Finished { arguments, files, compiled, engine: &engine, outcomes: &outcomes };
    finished.conclude(&store, screen)
}

/// A completed run.
struct Finished<'a> {
    arguments: &'a Arguments,
    files: &'a [SpecFile],
    compiled: &'a Compiled,
    engine: &'a Engine<'a>,
    outcomes: &'a [Outcome],
}

impl<'a> Finished<'a> {
    /// Publishes the reports and prints conclusions.
    fn conclude(&self, store: &Store, screen: &Screen) -> Exit {
        let mut exit = exit_of(self.outcomes);
        let mut conclusions = Vec::new();
        for spec in 0..self.files.len() {
            let (conclusion, own) = self.conclude_spec(spec, screen);
            exit = if exit == Exit::Done { own } else { exit };
            conclusions.push(conclusion);
        }
        tell_expectations(&conclusions, screen);
        ci::annotate(&conclusions);
        ci::summarize(&conclusions, screen);
        if let Some(path) = &self.arguments.junit
            && let Err(error) = ci::write_junit(path, &conclusions)
        {
            screen.error(&format!("{}: {error}", path.display()), &[]);
            exit = if exit == Exit::Done { Exit::Internal } else { exit };
        }
        if self.arguments.json {
            print_json(&self.compiled.plan, self.outcomes, &conclusions, store);
        } else {
            let terminal = output::terminal();
            for conclusion in &conclusions {
                if let (Some(results), Some(described)) = (&conclusion.results, &conclusion.described) {
                    let drawn = conclusion.drawn().filter(|_| terminal.has_room());
                    output::print_line(terminal.show(&conclusion.file.stem(), described, results, drawn.as_deref()));
                }
            }
            // Figures are not listed, because there are many and the report shows them.
            let is_of_figure = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with(FIGURES));
            let written = conclusions.iter().flat_map(|c| &c.written).filter(|path| !is_of_figure(path));
            for path in written.filter(|p| {
                p.extension().is_some_and(|e| e == "html" || e == "md" || e == "tex" || e == "csv" || e == "parquet")
            }) {
                screen.say(&format!("{:>12} {}", "wrote", path.display()));
            }
        }
        self.say_counts(store, screen);
        exit
    }

    /// Publishes the report of one spec and writes its lock file, or prints why not.
    fn conclude_spec(&self, spec: usize, screen: &Screen) -> (Conclusion<'a>, Exit) {
        let file = &self.files[spec];
        let mut conclusion = Conclusion {
            file,
            results: None,
            described: self.compiled.specs[spec].report.as_ref().map(|report| Arc::clone(&report.described)),
            changes: Changes::default(),
            expectations: Vec::new(),
            failures: self.failures(spec),
            written: Vec::new(),
        };
        let folder = self.arguments.out.join(file.stem());
        let owner = relative(&folder, &file.path);
        let is_made = |stage: usize| matches!(self.outcomes[stage].status, Status::Ran | Status::Cached);
        let report = self.compiled.specs[spec].report.as_ref();
        let Some(report) = report.filter(|report| is_made(report.results) && is_made(report.render)) else {
            let names: Vec<&str> = conclusion.failures.iter().map(|(name, _)| name.as_str()).collect();
            // These two options promise to write nothing.
            if !self.arguments.locked && !self.arguments.frozen {
                mark_report_stale(&folder, &owner, &names, screen);
            }
            return (conclusion, Exit::Done);
        };
        let outputs = self.engine.outputs(report.results).and_then(|results| {
            let rendered = self.engine.outputs(report.render)?;
            Ok(results.into_iter().chain(rendered).collect::<Outputs>())
        });
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(failure) => {
                screen.error(&failure.message, &failure.hints);
                return (conclusion, if failure.code == NOT_CACHED { Exit::NotCached } else { Exit::StageFailed });
            }
        };
        let results = outputs.get(RESULTS).map(|bytes| serde_json::from_slice::<Results>(bytes));
        let results = match results {
            Some(Ok(results)) => results,
            other => {
                let why =
                    other.and_then(Result::err).map_or("they are not there".to_owned(), |error| error.to_string());
                let failure = Failure::internal(format!("the results of {} cannot be read: {why}", file.stem()));
                screen.error(&failure.message, &failure.hints);
                return (conclusion, Exit::Internal);
            }
        };
        let lock = lock_of(spec, self.compiled, self.outcomes, &results);
        let mut exit = self.keep_lock(spec, &lock, &results, &mut conclusion, screen);
        conclusion.results = Some(results);
        if exit == Exit::Stale {
            return (conclusion, exit);
        }
        match publish(&folder, &owner, &outputs) {
            Ok(written) => conclusion.written = written,
            Err(error) => {
                let hint = match error {
                    PublishError::Io { .. } => "free some space, or write elsewhere with --out",
                    _ => "write elsewhere with --out, or move the folder away",
                };
                screen.error(&error.to_string(), &[hint.to_owned()]);
                exit = Exit::Internal;
            }
        }
        (conclusion, exit)
    }

    /// Evaluates expectations, prints moved numbers and writes the lock file. With --locked, prints the differences
    /// and writes nothing.
    fn keep_lock(
        &self,
        spec: usize,
        lock: &Lock,
        results: &Results,
        conclusion: &mut Conclusion<'a>,
        screen: &Screen,
    ) -> Exit {
        let path = lock_path(&conclusion.file.path);
        let text = lock.text();
        let before = match Lock::text_of(&path) {
            Ok(before) => before,
            Err(error) => return not_kept(&path, &error.to_string(), screen),
        };
        let unchanged = before.as_ref() == Some(&text);
        // Parsing the lock of a large study takes time, and an unchanged lock need not be parsed.
        let earlier = if unchanged { Some(lock.clone()) } else { before.as_deref().and_then(Lock::read) };
        if before.is_some() && earlier.is_none() && !self.arguments.accept {
            return unreadable_lock(&path, screen);
        }
        let is_migrated = earlier.as_ref().is_some_and(Lock::is_earlier);
        let earlier = earlier.map(|earlier| earlier.migrated(lock));
        if is_migrated {
            screen.notice(&format!(
                "{} was converted from an earlier version: its rows are named by their inputs, and it contains \
                 no report",
                path.display()
            ));
        }
        conclusion.changes = earlier.as_ref().map(|earlier| Changes::between(earlier, lock)).unwrap_or_default();
        let drifts = &self.compiled.specs[spec].drifts;
        conclusion.expectations = judge(conclusion.file, results, drifts, earlier.as_ref(), lock);
        let verdict = if conclusion.fails() { Exit::ExpectationFailed } else { Exit::Done };
        let only_reads = self.arguments.locked || self.arguments.frozen;
        // A lock of an earlier version with the same content is not rewritten.
        if unchanged || (only_reads && is_migrated && earlier.as_ref() == Some(lock)) {
            return verdict;
        }
        say_moved(&conclusion.changes.moved(), &path, screen);
        if only_reads {
            let why = if before.is_some() { "would change" } else { "is not there" };
            let hint = if before.is_some() && conclusion.changes.moved().is_empty() {
                "no number differs, only keys of stages or texts of `results.json`, as after an update of lawfit: run \
                 without --locked to accept them"
            } else {
                "run without --locked and check what changed"
            };
            let hint = hint.to_owned();
            screen.error(&format!("{} {why}", path.display()), &[hint]);
            return Exit::Stale;
        }
        let moved_too_far = conclusion.expectations.iter().any(|e| e.is_drift && e.fails());
        if moved_too_far && !self.arguments.accept {
            screen.notice(&format!(
                "{} keeps the earlier numbers, because some moved too far; --accept writes the new ones",
                path.display()
            ));
        } else if text.len() as u64 > MAX_BYTES {
            return not_kept(&path, &format!("it would be larger than {}", in_units(MAX_BYTES)), screen);
        } else if let Err(error) = replace(&path, text.as_bytes(), "lock") {
            return not_kept(&path, &error.to_string(), screen);
        }
        verdict
    }

    /// The stages of a spec that failed, by their names in it.
    fn failures(&self, spec: usize) -> Vec<(String, &'a Failure)> {
        let own = self.compiled.plan.stages().zip(self.outcomes).filter(|(stage, _)| stage.spec == spec);
        own.filter_map(|(stage, outcome)| match &outcome.status {
            Status::Failed(failure) => Some((stage.id.within(), failure)),
            _ => None,
        })
        .collect()
    }

    fn say_counts(&self, store: &Store, screen: &Screen) {
        let count = |name: &str| self.outcomes.iter().filter(|o| o.status.name() == name).count();
        let mut line = format!("{} stages: {} cached, {} ran", self.outcomes.len(), count("cached"), count("ran"));
        for what in ["failed", "skipped"].into_iter().filter(|what| count(what) > 0) {
            let _ = write!(line, ", {} {what}", count(what));
        }
        screen.say(&format!("{:>12} {line}", "done"));
        if let Some(counts) = store.remote_counts() {
            let mut line = format!("{} taken, {} written", counts.taken, counts.written);
            for (count, what) in [(counts.not_written, "not written"), (counts.failures, "failures")] {
                if count > 0 {
                    let _ = write!(line, ", {count} {what}");
                }
            }
            screen.say(&format!("{:>12} {line}", "remote cache"));
        }
    }
}

/// Says that the numbers of the last run cannot be read. A run that replaced them could not tell what moved.
fn unreadable_lock(path: &Path, screen: &Screen) -> Exit {
    let hint = "it may be damaged, contain the marks of a merge, or be of a newer version; restore it, or run with \
                --accept to write a new one"
        .to_owned();
    screen.error(&format!("{} is not a lock file that this version can read", path.display()), &[hint]);
    Exit::Stale
}

/// Prints why a lock file is not written.
fn not_kept(path: &Path, why: &str, screen: &Screen) -> Exit {
    let hint = "without it, the next run cannot show changes; correct the problem and run again".to_owned();
    screen.error(&format!("the lock file {} could not be written: {why}", path.display()), &[hint]);
    Exit::Internal
}

/// Marks an earlier report as stale, where there is one.
fn mark_report_stale(folder: &Path, owner: &str, failed: &[&str], screen: &Screen) {
    let why = match failed {
        [] => "The last run did not produce a report; this report comes from an earlier run.".to_owned(),
        names => format!("The last run failed in {}; this report comes from an earlier run.", names.join(", ")),
    };
    match amend(folder, owner, &|name, text| mark_stale(name, text, &why)) {
        Ok(true) => screen.notice(&format!("{} contains the last complete report, marked as stale", folder.display())),
        Ok(false) => {}
        Err(error) => screen.notice(&format!("the last complete report could not be marked as stale: {error}")),
    }
}

/// Prints the expectations that do not hold.
fn tell_expectations(conclusions: &[Conclusion<'_>], screen: &Screen) {
    for conclusion in conclusions {
        for judged in conclusion.expectations.iter().filter(|judged| !judged.holds) {
            let message = format!("{}: {}", conclusion.file.stem(), judged.in_words());
            match judged.severity {
                Severity::Error => screen.error(&message, &[]),
                Severity::Warn => screen.notice(&message),
            }
        }
    }
}

/// The lock of one spec of a run.
pub(super) fn lock_of(spec: usize, compiled: &Compiled, outcomes: &[Outcome], results: &Results) -> Lock {
    let own = compiled.plan.stages().zip(outcomes);
    let own = own.filter(|(stage, _)| stage.spec == spec && stage.stage.is_locked());
    let stages = own.filter_map(|(stage, outcome)| {
        let outputs = outcome.outputs.iter().map(|(role, blob)| (role.clone(), blob.digest.clone())).collect();
        Some((stage.id.within(), LockedStage { key: outcome.key.clone()?, outputs }))
    });
    let spec = &compiled.specs[spec];
    Lock::new(results, &spec.locations, &spec.pins, stages.collect())
}

/// Maximum number of moved numbers that are listed.
const MOST_TOLD: usize = 12;

fn say_moved(moved: &[String], lock: &Path, screen: &Screen) {
    for line in moved.iter().take(MOST_TOLD) {
        screen.say(&format!("{:>12} {line}", "moved"));
    }
    if moved.len() > MOST_TOLD {
        screen.say(&format!("{:>12} and {} more: look at the diff of {}", "", moved.len() - MOST_TOLD, lock.display()));
    }
}

fn print_json(plan: &Plan, outcomes: &[Outcome], conclusions: &[Conclusion<'_>], store: &Store) {
    let stages: Vec<serde_json::Value> = plan
        .stages()
        .zip(outcomes)
        .map(|(stage, outcome)| {
            serde_json::json!({
                "id": stage.id.to_string(),
                "kind": stage.stage.kind(),
                "status": outcome.status.name(),
                "seconds": outcome.elapsed.as_secs_f64(),
                "peak_memory": outcome.peak_memory,
            })
        })
        .collect();
    let paths: Vec<&PathBuf> = conclusions.iter().flat_map(|c| &c.written).collect();
    let all: Vec<(String, &Results)> =
        conclusions.iter().filter_map(|c| Some((c.file.stem(), c.results.as_ref()?))).collect();
    // The results of one spec are at the top level; those of several are listed by name.
    let results = match all.as_slice() {
        [(_, one)] => serde_json::json!(one),
        many => many
            .iter()
            .map(|(stem, results)| (stem.clone(), serde_json::json!(results)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    };
    let mut object = serde_json::json!({ "stages": stages, "outputs": paths, "results": results });
    if let Some(counts) = store.remote_counts() {
        object["remote_cache"] = serde_json::json!(counts);
    }
    output::print_line(format_args!("{object:#}"));
}

/// The relative path from a folder to a file, which stays valid when a checkout moves.
pub(super) fn relative(folder: &Path, file: &Path) -> String {
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
