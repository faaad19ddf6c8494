//! Runs the program within limits, and judges how it ended.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::{Outcome, World, repository};

/// A file with its name.
pub(super) type Named = (String, Vec<u8>);
/// Makes the bytes of a file.
pub(super) type Make = Box<dyn Fn() -> Vec<u8> + Sync>;
/// Puts something into a folder.
pub(super) type Prepare = Box<dyn Fn(&World) + Sync>;

/// A folder with the spec that is run.
pub(super) struct Case {
    /// Its name, for messages and for the folder in which a finding is kept.
    pub(super) name: String,
    /// The spec that is run.
    pub(super) spec: &'static str,
    /// The files by name.
    pub(super) files: Vec<Named>,
    /// A large file, made when it is needed.
    pub(super) large: Option<(&'static str, Make)>,
    /// Adds entries to the folder that are not regular files.
    pub(super) prepare: Option<Prepare>,
}

impl Case {
    /// A TOML spec with other files.
    pub(super) fn new(name: impl Into<String>, spec: impl Into<Vec<u8>>, files: &[(&str, &[u8])]) -> Self {
        let mut all = vec![("study.toml".to_owned(), spec.into())];
        all.extend(files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())));
        Self { name: name.into(), spec: "study.toml", files: all, large: None, prepare: None }
    }

    fn world(&self) -> World {
        let world = World::new();
        for (name, bytes) in &self.files {
            let path = world.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        if let Some((name, make)) = &self.large {
            std::fs::write(world.path(name), make()).unwrap();
        }
        if let Some(prepare) = &self.prepare {
            prepare(&world);
        }
        world
    }
}

/// Limits of a run on memory and on address space, in KiB.
const MEMORY: u64 = 1 << 20;
const SPACE: u64 = 6 << 20;
/// Limit of a run on processor time in seconds, unless `LAWFIT_HOSTILE_SECONDS` sets another: a program built without
/// optimisation needs more than one built with it.
const SECONDS: u64 = 60;
/// Limit on wall-clock time, as a multiple of the limit on processor time, after which a run counts as hung. Other
/// work may load the machine.
const PATIENCE: u64 = 30;

/// Whether every case is run, as in `just hostile`; otherwise some are skipped.
pub(super) fn thorough() -> bool {
    std::env::var_os("LAWFIT_HOSTILE").is_some()
}

/// The outcome of a run and its resource use.
struct Held {
    outcome: Outcome,
    /// Whether it exceeded the limit on time.
    late: bool,
    /// Processor time in seconds.
    seconds: f64,
    /// Peak memory in KiB.
    memory: u64,
}

/// Runs the program within limits on time and address space.
fn held(world: &World, arguments: &[&str]) -> Held {
    static LIMIT: LazyLock<u64> =
        LazyLock::new(|| std::env::var("LAWFIT_HOSTILE_SECONDS").map_or(SECONDS, |text| text.parse().unwrap()));
    // The peak of a process begins at the peak of its parent, so the parent resets its own.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    // `LAWFIT_HOSTILE_PROGRAM` names another program to test; an optimised one is faster.
    let program = std::env::var_os("LAWFIT_HOSTILE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_lawfit").into());
    let mut command = world.prepared(Command::new("sh"));
    let limits = format!("ulimit -v {SPACE}; ulimit -t {}", *LIMIT);
    let script = format!("{limits}; exec timeout -s KILL {} \"$0\" \"$@\"", PATIENCE * *LIMIT);
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    #[expect(clippy::zombie_processes, reason = "it is waited for in a way that tells what it took")]
    let child = command
        .args(["-c", &script])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap();
    let (status, usage) = ended(&child);
    let code = status.code().unwrap_or(-1);
    let time = |of: libc::timeval| of.tv_sec as f64 + of.tv_usec as f64 / 1e6;
    Held {
        outcome: Outcome { code, stdout: text(&mut stdout), stderr: text(&mut stderr) },
        // `timeout` or the limit on processor time killed it. This shows as a signal or as an exit code of `timeout`.
        late: [libc::SIGKILL, libc::SIGXCPU]
            .iter()
            .any(|signal| status.signal() == Some(*signal) || code == 128 + signal),
        seconds: time(usage.ru_utime) + time(usage.ru_stime),
        memory: u64::try_from(usage.ru_maxrss).unwrap(),
    }
}

/// Waits for a process; returns its exit status, and the resource use of the process and its children.
#[expect(unsafe_code, reason = "nothing safe tells what a process took")]
fn ended(process: &Child) -> (ExitStatus, libc::rusage) {
    let process = libc::pid_t::try_from(process.id()).unwrap();
    let mut status = 0;
    // SAFETY: a struct of numbers may be all zeros, and both pointers refer to live values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let ended = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut usage) };
    assert_eq!(ended, process);
    (ExitStatus::from_raw(status), usage)
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Words that indicate a defect of lawfit and occur in no message to a user.
const INTERNAL: [&str; 6] =
    ["internal", "panicked", "defect of lawfit", "overflowed its stack", "memory allocation", "RUST_BACKTRACE"];

/// What is wrong with the end of a case; empty if everything is as documented.
fn fault(case: &Case, world: &World) -> Option<String> {
    let Held { outcome, late, memory, seconds } =
        held(world, &["run", case.spec, "--json", "--offline", "--jobs", "2"]);
    // The exit code is 1 if another entry replaces a folder, so that nothing can be written there.
    let is_documented = [0, 2, 5, 6].contains(&outcome.code) || (outcome.code == 1 && case.prepare.is_some());
    let told = outcome.stderr.lines().find(|line| line.contains("error")).unwrap_or_default();
    if late {
        return Some(format!("it was killed after {seconds:.0} s of processor time"));
    } else if memory > MEMORY {
        return Some(format!("it held {} MiB: {told}", memory >> 10));
    } else if !is_documented {
        return Some(format!("exit code {}: {}", outcome.code, outcome.stderr.lines().last().unwrap_or_default()));
    } else if let Some(word) = INTERNAL.iter().find(|word| outcome.stderr.contains(**word)) {
        let line = outcome.stderr.lines().find(|line| line.contains(word)).unwrap_or_default();
        return Some(format!("a message of a defect: {line}"));
    } else if outcome.code != 0 {
        return told.is_empty().then(|| format!("exit code {} without an error", outcome.code));
    }
    let object: serde_json::Value = match serde_json::from_str(&outcome.stdout) {
        Ok(object) => object,
        Err(error) => return Some(format!("what it prints is no JSON: {error}")),
    };
    let results = &object["results"];
    SCHEMA.iter_errors(results).next().map(|error| format!("results: {error} at {}", error.instance_path())).or_else(
        || {
            let strays = |name: &str| {
                let report = std::fs::read_to_string(world.path(&format!("outputs/study/{name}"))).ok()?;
                // A cell that a report quotes is a text of the file.
                let report =
                    ["NaN", "inf"].iter().fold(report, |text, cell| text.replace(&format!("<code>{cell}</code>"), ""));
                let word = [">NaN<", ">inf<", "\"NaN\"", "NaN,", ",NaN", "| NaN |", "| inf |"]
                    .into_iter()
                    .find(|word| report.contains(word))?;
                Some(format!("{name} shows {word}"))
            };
            strays("report.html").or_else(|| strays("report.md"))
        },
    )
}

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = std::fs::read_to_string(repository().join("schemas/results.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
});

/// Runs every case, or one of every `one_of`. Fails with all faults, and keeps the folders of the failed cases.
pub(super) fn hold(what: &str, cases: &[Case], one_of: usize) {
    let chosen: Vec<&Case> = cases.iter().step_by(if thorough() { 1 } else { one_of }).collect();
    let (next, findings) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(case) = chosen.get(at) else { return };
            if thorough() && at.is_multiple_of(50) {
                println!("{at} of {} {what}", chosen.len());
            }
            let world = case.world();
            if let Some(fault) = fault(case, &world) {
                println!("{what} {}: {fault}", case.name);
                keep(case, &world);
                findings.lock().unwrap().push(format!("{}: {fault}", case.name));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut findings = findings.into_inner().unwrap();
    findings.sort();
    assert!(findings.is_empty(), "{} of {} {what}:\n{}", findings.len(), chosen.len(), findings.join("\n"));
}

/// Keeps the folder of a finding for inspection.
fn keep(case: &Case, world: &World) {
    let name: String = case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    let into = folder.join(name);
    let _ = std::fs::remove_dir_all(&into);
    let _ = Command::new("cp").arg("-a").arg(world.path("")).arg(into).status();
}
