//! A temporary folder for each test, in which the program is run, and the outcome of a run.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder in which the program runs.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// The outcome of a run of the program.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a spec and a table.
    pub(crate) fn with(spec: &str, table: &str) -> Self {
        let world = Self::new();
        world.write("study.toml", spec);
        world.write("runs.csv", table);
        world
    }

    /// A copy of this folder.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        let status =
            Command::new("cp").args(["-a", "."]).arg(copy.folder.path()).current_dir(self.folder.path()).status();
        assert!(status.unwrap().success());
        copy
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Runs `lawfit` with arguments.
    pub(crate) fn lawfit(&self, arguments: &[&str]) -> Outcome {
        self.lawfit_with(arguments, &[])
    }

    /// Runs `lawfit` with arguments and environment variables.
    pub(crate) fn lawfit_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program with arguments in this folder, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.prepared(Command::new(env!("CARGO_BIN_EXE_lawfit")));
        command.args(arguments);
        command
    }

    /// A command in this folder, isolated from the environment.
    pub(crate) fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).env("NO_COLOR", "1");
        for variable in ["LAWFIT_CACHE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs a spec and returns the object that `--json` prints.
    pub(crate) fn run(&self, spec: &str) -> serde_json::Value {
        let outcome = self.lawfit(&["run", spec, "--json"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// Runs a spec and returns the status of each stage.
    pub(crate) fn statuses(&self, spec: &str) -> BTreeMap<String, String> {
        let object = self.run(spec);
        let stages = object["stages"].as_array().unwrap().iter();
        stages.map(|s| (s["id"].as_str().unwrap().to_owned(), s["status"].as_str().unwrap().to_owned())).collect()
    }

    /// Every file of a folder with its bytes.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(self.path(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                all.insert(path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap());
            }
        }
        all
    }
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of real tables next to the repository; prints a notice if it is missing.
pub(crate) fn shared_data(test: &str) -> Option<PathBuf> {
    let folder = repository().join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("{test}: skipped, ../shared/data is not there");
    None
}

/// Losses of a law on a grid of sizes and data, with noise of standard deviation `sigma` in the logarithm.
pub(crate) fn simulated_runs(sigma: f64) -> String {
    use std::fmt::Write as _;
    let mut random = lawfit::numerics::Random::new(7, "runs", 0);
    let mut table = "params,tokens,loss,family\n".to_owned();
    for (i, n) in [3e7, 1e8, 3e8, 1e9, 3e9, 1e10].into_iter().enumerate() {
        for d in [1e9, 4e9, 2e10, 8e10, 3e11] {
            let loss = 1.7 + 400.0 * libm::pow(n, -0.34) + 410.0 * libm::pow(d, -0.28);
            let family = if i % 2 == 0 { "even" } else { "odd" };
            let _ = writeln!(table, "{n},{d},{},{family}", loss * random.log_normal(sigma));
        }
    }
    table
}

/// A spec over the simulated runs.
pub(crate) const SPEC: &str = r#"
spec = 1
[study]
title = "Simulated"
seed = 3
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
N = { column = "params", unit = "parameters" }
D = { column = "tokens", unit = "tokens" }
C = { expr = "6 * N * D", unit = "FLOP" }
L = "loss"
family = { column = "family", type = "text" }
[filters.main]
source = "runs"
rules = [{ drop = "L > 10", because = "diverged" }]
[fits.main]
rows = "main"
law = "hoffmann"
uncertainty = { bootstrap = { resamples = 100 } }
[queries.budget]
fit = "main"
compute_optimal = { C = [1e21, 1e23] }
[queries.target]
fit = "main"
reach = { L = 2.2, solve = "C" }
"#;

/// The study and the columns of the simulated runs with units: the part of [`SPEC`] before the filters.
pub(crate) fn simulated_columns() -> String {
    let (columns, _) = SPEC.split_once("[filters.main]").unwrap();
    columns.replace("L = \"loss\"", "L = { column = \"loss\", unit = \"nats\" }")
}

/// Serves one answer per connection on a local port, in order; returns the base URL.
pub(crate) fn serve(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}")
}

/// An HTTP answer with a body.
pub(crate) fn http(status: &str, body: &[u8], promised: usize) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Creates something at the path of a file.
pub(crate) type Put = fn(&Path);

/// Objects other than regular files that may exist at the path of a file.
pub(crate) const OTHERS: [(&str, Put); 4] = [
    ("a folder", |path| std::fs::create_dir_all(path.join("full")).unwrap()),
    ("a pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("a link to a device", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
    ("a link to itself", |path| std::os::unix::fs::symlink(path, path).unwrap()),
];
