//! The command line: one file per command. Only this folder prints, and only through `output`.

mod bundle;
mod cache;
mod check;
mod ci;
mod compiled;
mod completions;
mod conclusion;
mod design;
mod diff;
mod exec;
mod explain;
mod export;
mod init;
mod laws;
mod lock;
mod man;
mod open;
mod output;
mod plan;
mod query;
mod run;
mod schema;
mod screen;
mod self_check;
mod settle;
mod simulate;
mod update;
mod walk;
mod watch;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::diagnostic::Place;
use crate::file;
use crate::plan::{Allowed, Compiled, SpecFile, compile_asking, lock_path};
use crate::spec;
use crate::store::{Remote, RemoteOptions, Store};
use screen::Screen;

/// Neural scaling-law studies from a spec file: fit, forecast, plan, reproduce.
#[derive(Debug, Parser)]
#[command(name = "lawfit", version, max_term_width = 100, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    /// Print only errors and results.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Update(update::Arguments),
    Watch(watch::Arguments),
    Plan(plan::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Diff(diff::Arguments),
    Query(query::Arguments),
    Design(design::Arguments),
    Lock(lock::Arguments),
    Open(open::Arguments),
    Bundle(bundle::Arguments),
    Cache(cache::Arguments),
    Export(export::Arguments),
    Exec(exec::Arguments),
    Laws(laws::Arguments),
    Simulate(simulate::Arguments),
    Init(init::Arguments),
    Schema(schema::Arguments),
    SelfCheck(self_check::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 internal or I/O, 2 bad arguments or spec, 3 a lock file would change, 4 not in the cache under \
--frozen, 5 a stage failed, 6 an expectation failed, 130 interrupted.";

/// How a command ended. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Internal = 1,
    BadSpec = 2,
    Stale = 3,
    NotCached = 4,
    StageFailed = 5,
    ExpectationFailed = 6,
    Interrupted = 130,
}

/// The specs and the cache.
#[derive(Clone, Debug, Args)]
struct Study {
    /// The spec files, TOML or YAML; several are run as one graph.
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    allow: Allow,
}

/// Exceptions from default refusals.
#[derive(Clone, Debug, Default, Args)]
struct Allow {
    /// Allow work that is refused by default because it is usually a mistake; separate several values by commas.
    #[arg(id = "allow", long = "allow", value_name = "WHAT", value_delimiter = ',', env = "LAWFIT_ALLOW")]
    what: Vec<Allowance>,
}

/// Work that is refused by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowance {
    /// Work that takes hours, and many gigabytes of data
    Large,
    /// Patterns such as ../*.csv that leave the spec's folder and the working directory
    Outside,
}

impl Allow {
    /// Its arguments on the command line.
    fn words(&self) -> Vec<String> {
        let names = self.what.iter().filter_map(ValueEnum::to_possible_value).map(|value| value.get_name().to_owned());
        names.flat_map(|name| ["--allow".to_owned(), name]).collect()
    }

    fn allowed(&self) -> Allowed {
        let has = |what: Allowance| self.what.contains(&what);
        Allowed { large: has(Allowance::Large), outside: has(Allowance::Outside) }
    }
}

/// Options of reports for one run.
#[derive(Clone, Debug, Default, Args)]
struct ForReport {
    /// Set an option of reports for this run, over that of the spec: theme=dark, formats=html,latex. Results and lock
    /// files stay the same. Repeat it for several options.
    #[arg(long = "report", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl ForReport {
    /// Its arguments on the command line.
    fn words(&self) -> Vec<String> {
        self.options.iter().flat_map(|option| ["--report".to_owned(), option.clone()]).collect()
    }

    /// The options as part of a spec; `None` if there are none.
    fn over(&self, screen: &Screen) -> Result<Option<spec::Node>, Exit> {
        if self.options.is_empty() {
            return Ok(None);
        }
        spec::report_options(&self.options).map(Some).map_err(|why| {
            screen.error(&format!("--report: {why}"), &[]);
            Exit::BadSpec
        })
    }
}

/// Where results are stored.
#[derive(Clone, Debug, Args)]
struct Cache {
    /// The cache directory.
    #[arg(long, value_name = "DIR", env = "LAWFIT_CACHE", default_value = ".lawfit/cache")]
    cache: PathBuf,
}

/// Default timeout of a remote cache for one file.
const REMOTE_SECONDS: f64 = 20.0;

/// A cache shared by many machines, behind the cache directory.
#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
struct RemoteCache {
    /// Also read results from here: s3://bucket/path, gs://, az://, https:// or file://.
    #[arg(long, value_name = "URL", env = "LAWFIT_REMOTE_CACHE")]
    remote_cache: Option<String>,
    /// Write the results of this run to the remote cache.
    #[arg(long, requires = "remote_cache")]
    cache_write: bool,
    /// Timeout of the remote cache for one file, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = REMOTE_SECONDS, value_parser = seconds)]
    remote_timeout: f64,
    /// Seal results in the remote cache with this secret, and ignore all others.
    #[arg(long, value_name = "SECRET", env = "LAWFIT_CACHE_SECRET", hide_env_values = true)]
    cache_secret: Option<String>,
}

/// A time in seconds above zero.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 1e6);
    seconds.ok_or_else(|| "expected a number of seconds above zero".to_owned())
}

impl Cache {
    /// The store, with the remote cache behind it.
    fn open(&self, remote: &RemoteCache, screen: &Screen) -> Result<Store, Exit> {
        let store = Store::new(&self.cache);
        let Some(url) = &remote.remote_cache else { return Ok(store) };
        let options = RemoteOptions {
            url: url.clone(),
            write: remote.cache_write,
            patience: Duration::from_secs_f64(remote.remote_timeout),
            secret: remote.cache_secret.clone(),
        };
        match Remote::new(options) {
            Ok(remote) => Ok(store.behind(remote)),
            Err(error) => {
                screen.error(&format!("the remote cache cannot be used: {error}"), &[]);
                Err(Exit::BadSpec)
            }
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    crate::engine::keep_panics_quiet();
    // A defect is reported like any other error, with a documented exit code.
    let exit = std::panic::catch_unwind(command).unwrap_or_else(|panic| {
        let hint = "this is a defect of lawfit; please report it with the command".to_owned();
        Screen::new(false)
            .error(&format!("lawfit panicked: {}", crate::engine::panic_in_words(panic.as_ref())), &[hint]);
        Exit::Internal
    });
    let exit = match output::failure() {
        Some(why) => {
            Screen::new(false).error(&format!("results cannot be written to standard output: {why}"), &[]);
            if exit == Exit::Done { Exit::Internal } else { exit }
        }
        None => exit,
    };
    output::flush_messages();
    ExitCode::from(exit as u8)
}

/// Runs the command in the arguments.
fn command() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return help_or_error(&error),
    };
    // Builds for tests read from FAILPOINTS where the program should fail; other builds have no fail points.
    let _scenario = fail::has_failpoints().then(fail::FailScenario::setup);
    let screen = Screen::new(arguments.quiet);
    match arguments.command {
        Command::Run(command) => run::run(&command, &screen),
        Command::Update(command) => update::run(&command, &screen),
        Command::Watch(command) => watch::run(&command, &screen),
        Command::Plan(command) => plan::run(&command, &screen),
        Command::Check(command) => check::run(&command, &screen),
        Command::Explain(command) => explain::run(&command, &screen),
        Command::Diff(command) => diff::run(&command, &screen),
        Command::Query(command) => query::run(&command, &screen),
        Command::Design(command) => design::run(&command, &screen),
        Command::Lock(command) => lock::run(&command, &screen),
        Command::Open(command) => open::run(&command, &screen),
        Command::Bundle(command) => bundle::run(&command, &screen),
        Command::Cache(command) => cache::run(&command, &screen),
        Command::Export(command) => export::run(&command, &screen),
        Command::Exec(command) => exec::run(&command, &screen),
        Command::Laws(command) => laws::run(&command, &screen),
        Command::Simulate(command) => simulate::run(&command, &screen),
        Command::Init(command) => init::run(&command, &screen),
        Command::Schema(command) => schema::run(&command),
        Command::SelfCheck(command) => self_check::run(&command, &screen),
        Command::Completions(command) => completions::run(&command),
        Command::Man(command) => man::run(&command, &screen),
    }
}

/// Prints help or version, or an error about the arguments.
fn help_or_error(error: &clap::Error) -> Exit {
    let text = error.render();
    let shown = |terminal: bool| {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        if colour { text.ansi().to_string() } else { text.to_string() }
    };
    if error.use_stderr() {
        output::tell(shown(std::io::stderr().is_terminal()).trim_end());
        Exit::BadSpec
    } else {
        output::print(&shown(std::io::stdout().is_terminal()));
        Exit::Done
    }
}

/// Parses and compiles specs, and prints their errors and warnings.
fn compile_specs(paths: &[PathBuf], allow: &Allow, screen: &Screen) -> Result<(Vec<SpecFile>, Compiled), Exit> {
    compile_for_report(paths, allow, &ForReport::default(), screen)
}

/// Like [`compile_specs`], with options of reports.
fn compile_for_report(
    paths: &[PathBuf],
    allow: &Allow,
    report: &ForReport,
    screen: &Screen,
) -> Result<(Vec<SpecFile>, Compiled), Exit> {
    let files = read_specs(paths, screen)?;
    let over = report.over(screen)?;
    let mut compiled = compile_asking(&files, over.as_ref(), allow.allowed());
    // The options have no place in a file, so their errors name the argument.
    for diagnostic in compiled.diagnostics.iter_mut().filter(|diagnostic| diagnostic.place == Place::Question) {
        diagnostic.message = format!("--report: {}", diagnostic.message);
    }
    let compiled = compiled_or_shown(&files, compiled, screen)?;
    Ok((files, compiled))
}

/// Reads specs, which must have different names.
fn read_specs(paths: &[PathBuf], screen: &Screen) -> Result<Vec<SpecFile>, Exit> {
    let mut files: Vec<SpecFile> = Vec::new();
    for path in paths {
        match file::read(path, spec::MAX_BYTES) {
            Ok(bytes) => files.push(SpecFile { path: path.clone(), bytes }),
            Err(error) => {
                screen.error(&format!("{}: {error}", path.display()), &hint_for_missing(path));
                return Err(Exit::BadSpec);
            }
        }
    }
    // The name becomes an output folder, which must not lead out of its parent.
    if let Some(file) = files.iter().find(|file| matches!(file.stem().as_str(), "" | "." | "..")) {
        let hint = "a report is written to a folder of the spec's name; rename the spec".to_owned();
        screen.error(&format!("{} has no name for a folder", file.path.display()), &[hint]);
        return Err(Exit::BadSpec);
    }
    if let Some(file) = files.iter().find(|file| lock_path(&file.path) == file.path) {
        let hint =
            "its lock file would have this name; write the spec to a file that ends in `.toml` or `.yaml`".to_owned();
        screen.error(&format!("{} is the name of a lock file", file.path.display()), &[hint]);
        return Err(Exit::BadSpec);
    }
    let mut stems: Vec<String> = files.iter().map(SpecFile::stem).collect();
    stems.sort();
    if let Some(twice) = stems.iter().zip(stems.iter().skip(1)).find_map(|(one, next)| (one == next).then_some(one)) {
        screen.error(
            &format!("two specs are called `{twice}`"),
            &["their reports would share a folder; rename one".to_owned()],
        );
        return Err(Exit::BadSpec);
    }
    Ok(files)
}

/// Prints errors and warnings of specs; returns the plan where there are no errors.
fn compiled_or_shown(files: &[SpecFile], compiled: Compiled, screen: &Screen) -> Result<Compiled, Exit> {
    let shown = [files, compiled.bases.as_slice()].concat();
    screen.diagnostics(&compiled.diagnostics, &shown);
    if compiled.has_errors() { Err(Exit::BadSpec) } else { Ok(compiled) }
}

fn hint_for_missing(path: &Path) -> Vec<String> {
    if path.exists() { Vec::new() } else { vec!["`lawfit init` writes a starter spec".to_owned()] }
}
