//! `lawfit diff`: compares settings, data and numbers of two states of a study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use super::output;
use super::screen::Screen;
use super::{Exit, lock_path};
use crate::changes::Changes;
use crate::lock::Lock;
use crate::plan::SpecFile;
use crate::report::Results;

/// Compare two states of a study: changed settings, data and numbers. Changes of numbers are given in standard
/// errors.
///
/// A state is a spec (with the lock file next to it), a lock file or a results.json, or one of these at a git
/// revision: HEAD~1:specs/study.toml. A revision alone means the file of the other state at that revision.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The earlier state.
    #[arg(value_name = "A")]
    then: String,
    /// The later state.
    #[arg(value_name = "B")]
    now: String,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Markdown,
    Html,
    Json,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let states = Operand::pair(&arguments.then, &arguments.now)
        .and_then(|(then, now)| Ok((State::read(&then)?, State::read(&now)?)));
    let (then, now) = match states {
        Ok(states) => states,
        Err(error) => {
            screen
                .error(&error, &["a state is a spec, a lock file, a results.json, or REVISION:one of them".to_owned()]);
            return Exit::BadSpec;
        }
    };
    let mut changes = Changes::between(&then.lock, &now.lock);
    if let (Some(then), Some(now)) = (&then.settings, &now.settings) {
        changes = changes.with_settings(then, now);
    }
    match arguments.format {
        Form::Text => output::print(&changes.text()),
        Form::Markdown => output::print(&changes.markdown()),
        Form::Html => output::print(&changes.html()),
        Form::Json => output::print_line(format_args!("{:#}", serde_json::json!(changes))),
    }
    Exit::Done
}

/// Maximum size of a file.
const MAX_BYTES: u64 = 256 << 20;

/// A file, in the working tree or at a git revision.
struct Operand {
    revision: Option<String>,
    path: PathBuf,
}

impl Operand {
    /// The two operands. A revision alone gets the path of the other operand.
    fn pair(then: &str, now: &str) -> Result<(Self, Self), String> {
        match (Self::parse(then), Self::parse(now)) {
            (Ok(then), Ok(now)) => Ok((then, now)),
            (Err(revision), Ok(now)) => Ok((Self { revision: Some(revision), path: now.path.clone() }, now)),
            (Ok(then), Err(revision)) => {
                let path = then.path.clone();
                Ok((then, Self { revision: Some(revision), path }))
            }
            (Err(_), Err(now)) => Err(format!("there is no file `{then}` and no file `{now}`")),
        }
    }

    /// Parses an operand. Text that names no file may be a revision.
    fn parse(text: &str) -> Result<Self, String> {
        if Path::new(text).exists() {
            return Ok(Self { revision: None, path: PathBuf::from(text) });
        }
        match text.split_once(':') {
            Some((revision, path)) => Ok(Self { revision: Some(revision.to_owned()), path: PathBuf::from(path) }),
            None => Err(text.to_owned()),
        }
    }

    fn name(&self) -> String {
        let path = self.path.display();
        self.revision.as_ref().map_or_else(|| path.to_string(), |revision| format!("{revision}:{path}"))
    }

    /// The bytes of this file, or of a file next to it.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let Some(revision) = &self.revision else {
            return crate::file::read(path, MAX_BYTES).map_err(|error| format!("{}: {error}", path.display()));
        };
        if revision.starts_with('-') {
            return Err(format!("`{revision}` is not a revision"));
        }
        // With `./`, git resolves the path from the working directory.
        let relative = if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) };
        let output = Command::new("git")
            .args(["show", &format!("{revision}:{}", relative.display())])
            .output()
            .map_err(|error| format!("git cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(format!("{revision}:{}: {}", path.display(), reason.lines().next().unwrap_or("git gave nothing")))
    }
}

/// The content of a state.
struct State {
    lock: Lock,
    settings: Option<BTreeMap<String, String>>,
}

impl State {
    fn read(operand: &Operand) -> Result<Self, String> {
        let bytes = operand.read(&operand.path)?;
        match operand.path.extension().and_then(|ending| ending.to_str()) {
            Some("lock") => Ok(Self { lock: lock(&bytes, &operand.name())?, settings: None }),
            Some("json") => {
                let results: Results = serde_json::from_slice(&bytes)
                    .map_err(|error| format!("{} contains no results: {error}", operand.name()))?;
                Ok(Self {
                    lock: Lock::new(&results, &BTreeMap::new(), &BTreeMap::new(), BTreeMap::new()),
                    settings: None,
                })
            }
            _ => {
                let path = lock_path(&operand.path);
                let beside = operand.read(&path).map_err(|error| format!("{error}; `lawfit run` writes it"))?;
                let file = SpecFile { path: operand.path.clone(), bytes };
                let settings = crate::spec::read_at(&file.bytes, &file.path).tree.leaves();
                Ok(Self { lock: lock(&beside, &path.display().to_string())?, settings: Some(settings) })
            }
        }
    }
}

fn lock(bytes: &[u8], name: &str) -> Result<Lock, String> {
    let lock = std::str::from_utf8(bytes).ok().and_then(Lock::read);
    lock.ok_or_else(|| format!("{name} is not a lock file of this version of lawfit"))
}
