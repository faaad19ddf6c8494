//! `lawfit export`: writes a plan as files for engines that use many machines; one file per engine.

mod hyperqueue;
mod slurm;
mod snakemake;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::compiled::{self, CompiledPlan, DONE, PLAN};
use super::exec::SharedCache;
use super::run::relative;
use super::screen::Screen;
use super::{Allow, Exit, ForReport, compile_for_report, output};
use crate::engine::{Basis, Look, expected_seconds, look};
use crate::plan::chunks;
use crate::store::{Store, replace};

/// Write the files with which an engine computes specs on many machines.
///
/// Stages that are not cached are divided into chunks of similar run time, and each chunk is a job. The last job
/// writes designs, reports and lock files, with the same bytes as `run` on one machine. Jobs may be killed, repeated
/// and run twice. All machines need access to the folder, the specs and the cache, and the same version of lawfit.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    engine: Engine,
}

/// The list of engines.
#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
enum Engine {
    /// A Snakefile, for any of Snakemake's executors.
    Snakemake(Common),
    /// A script that submits arrays to Slurm; it passes its options to sbatch: jobs/submit.sh --partition=NAME.
    Slurm {
        #[command(flatten)]
        common: Common,
        /// Maximum number of elements in an array; it must be below the site's MaxArraySize.
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        array_limit: u32,
    },
    /// A job file of HyperQueue.
    Hyperqueue(Common),
}

/// Options of every engine.
#[derive(Debug, Args)]
struct Common {
    /// The spec files, TOML or YAML; several are run as one graph.
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// The folder to write.
    #[arg(long, value_name = "DIR", default_value = "jobs")]
    to: PathBuf,
    /// Run time of a chunk, in seconds of one CPU.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = super::seconds)]
    chunk_seconds: f64,
    /// CPUs of each job.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    cpus: u16,
    /// Memory of each job, in MB.
    #[arg(long, value_name = "MB", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    memory: u32,
    /// Folder for reports, with a subfolder for each spec.
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    out: PathBuf,
    #[command(flatten)]
    cache: SharedCache,
    #[command(flatten)]
    allow: Allow,
    #[command(flatten)]
    report: ForReport,
}

/// The content of an engine's files.
struct Jobs<'a> {
    common: &'a Common,
    plan: &'a CompiledPlan,
    /// The folder of the files, relative to the folder in which lawfit runs.
    folder: String,
    /// The folder in which lawfit runs, relative to the folder of the files; absolute where the two have no common
    /// parent.
    root: String,
}

/// Writes the files of an engine.
trait Target {
    /// The files by name, and whether each is executable.
    ///
    /// # Errors
    /// The working directory no longer exists.
    fn files(&self, jobs: &Jobs<'_>) -> io::Result<BTreeMap<&'static str, (String, bool)>>;

    /// The command that runs the files.
    fn command(&self, jobs: &Jobs<'_>) -> String;
}

impl Engine {
    fn target(&self) -> (&Common, Box<dyn Target>) {
        match self {
            Self::Snakemake(common) => (common, Box::new(snakemake::Snakemake)),
            Self::Slurm { common, array_limit } => {
                (common, Box::new(slurm::Slurm { array_limit: *array_limit as usize }))
            }
            Self::Hyperqueue(common) => (common, Box::new(hyperqueue::Hyperqueue)),
        }
    }
}

impl Jobs<'_> {
    /// The command that computes a chunk, without `--chunk N --jobs N`.
    fn exec(&self) -> Vec<String> {
        let plan = format!("{}/{PLAN}", self.folder);
        let mut words: Vec<String> = ["lawfit", "--quiet", "exec", "--plan", &plan].map(str::to_owned).to_vec();
        words.extend(self.common.cache.words());
        words
    }

    /// The command of the last job, without `--jobs N`.
    fn finish(&self) -> Vec<String> {
        let mut words = self.exec();
        words.extend(["--finish", "--out"].map(str::to_owned));
        words.push(self.common.out.to_string_lossy().into_owned());
        words.extend(self.common.allow.words());
        words.extend(self.common.report.words());
        words
    }

    /// A sentence for the head of a file.
    fn head(&self) -> String {
        // A line break in a name would end the comment.
        let in_one_line = |spec: &PathBuf| spec.display().to_string().escape_debug().to_string();
        let specs: Vec<String> = self.common.specs.iter().map(in_one_line).collect();
        format!("Written by `lawfit export` for {}; the next export overwrites changes.", specs.join(", "))
    }

    /// Number of waves.
    fn waves(&self) -> usize {
        self.plan.chunks.last().map_or(0, |chunk| chunk.wave + 1)
    }
}

/// A word quoted for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Words quoted for a shell.
fn command_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (common, target) = arguments.engine.target();
    let (files, compiled) = match compile_for_report(&common.specs, &common.allow, &common.report, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    if let Err(why) = ours(&common.to) {
        screen.error(&why, &["write elsewhere with --to, or move the folder away".to_owned()]);
        return Exit::BadSpec;
    }
    let store = Store::new(&common.cache.local().cache);
    let looks = look(&compiled.plan, &store);
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    if let Some(why) = looks.iter().find_map(|look| if let Look::Unreadable(why) = look { Some(why) } else { None }) {
        screen.error(why, &[]);
        return Exit::StageFailed;
    }
    let (seconds, basis) = expected_seconds(&compiled.plan, &looks, &store);
    let chunks = chunks(&compiled.plan, &seconds, common.chunk_seconds);
    let (plan, bytes) = match compiled::write(&compiled, &files, chunks) {
        Ok(written) => written,
        Err(why) => {
            screen.error(&why, &["this is a defect of lawfit; please report it with the spec".to_owned()]);
            return Exit::Internal;
        }
    };
    let (folder, root) = places(&common.to);
    let jobs = Jobs { common, plan: &plan, folder, root };
    if let Err(error) = target.files(&jobs).and_then(|files| write(&common.to, &bytes, &files)) {
        screen.error(&format!("{}: {error}", common.to.display()), &[]);
        return Exit::Internal;
    }
    say(&jobs, &looks, basis, screen);
    output::print_line(target.command(&jobs));
    Exit::Done
}

/// Checks that a folder may be written: it is missing, empty, or contains an earlier export.
fn ours(folder: &Path) -> Result<(), String> {
    let mut entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    if entries.next().is_none() || folder.join(PLAN).is_file() {
        return Ok(());
    }
    Err(format!("{} is not empty and was not written by `lawfit export`", folder.display()))
}

/// Writes the files and removes the marks of earlier plans, whose results may no longer be in the cache.
fn write(folder: &Path, plan: &[u8], files: &BTreeMap<&'static str, (String, bool)>) -> io::Result<()> {
    match std::fs::remove_dir_all(folder.join(DONE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    replace(&folder.join(PLAN), plan, "plan")?;
    for (name, (text, is_program)) in files {
        let path = folder.join(name);
        replace(&path, text.as_bytes(), "plan")?;
        #[cfg(unix)]
        if *is_program {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        #[cfg(not(unix))]
        let _ = is_program;
    }
    Ok(())
}

/// The folder of the files relative to the working directory, and the working directory relative to that folder.
fn places(folder: &Path) -> (String, String) {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    if absolute.starts_with(&here) {
        (relative(&here, &absolute), relative(&absolute, &here))
    } else {
        (absolute.to_string_lossy().into_owned(), here.to_string_lossy().into_owned())
    }
}

/// Prints a summary of the plan and the sources of the expected times.
fn say(jobs: &Jobs<'_>, looks: &[Look], basis: Basis, screen: &Screen) {
    let chunks = &jobs.plan.chunks;
    let cached = looks.iter().filter(|look| matches!(look, Look::Hit(_))).count();
    let stages: usize = chunks.iter().map(|chunk| chunk.stages).sum();
    // The sum of no numbers is -0.0.
    let total = chunks.iter().map(|chunk| chunk.seconds).sum::<f64>().abs();
    screen.say(&format!(
        "{stages} stages in {} chunks and {} waves, {total:.1} s in all; {cached} of {} stages are cached",
        chunks.len(),
        jobs.waves(),
        looks.len()
    ));
    let Basis { recorded, alike, guessed } = basis;
    if alike + guessed > 0 {
        screen.notice(&format!(
            "expected times: {recorded} stages have a recorded time, {alike} the median of their kind, and \
             {guessed} a guess (1 s for a fit, 60 s for a shard); run some chunks and export again to use recorded \
             times"
        ));
    }
    if jobs.common.cache.is_remote() {
        screen.notice(
            "`export` does not read the remote cache, so it may plan stages whose results are already there; \
             jobs read such results from the remote cache",
        );
    }
}
