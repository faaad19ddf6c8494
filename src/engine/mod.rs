//! Runs a plan: each stage is taken from the store or computed, independent stages in parallel.

mod expect;
mod fetch;
mod memory;
mod panic;
mod run;

use std::path::PathBuf;
use std::time::Duration;

pub use expect::{Basis, expected_seconds};
pub use fetch::{FetchError, Fetcher};
pub use panic::{keep_panics_quiet, panic_in_words};
pub use run::{Engine, look, look_closely};

use crate::artifact::{Digest, Manifest};
use crate::plan::StageId;
use crate::stage::Failure;

/// The outcome of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was computed.
    Ran,
    /// Its result was in the store.
    Cached,
    /// It failed.
    Failed(Failure),
    /// It was skipped, because a stage that it needs has no result.
    Skipped,
}

impl Status {
    /// The status as JSON names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A stage with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its outcome.
    pub status: Status,
    /// Its key, if its inputs were known.
    pub key: Option<Digest>,
    /// Its outputs.
    pub outputs: Manifest,
    /// How long that took.
    pub elapsed: Duration,
    /// Peak memory of the program, in bytes, while it was computed. Stages that ran at the same time share it.
    pub peak_memory: Option<u64>,
}

impl Outcome {
    /// That of a stage that was not looked at.
    fn skipped() -> Self {
        Self {
            status: Status::Skipped,
            key: None,
            outputs: Manifest::new(),
            elapsed: Duration::ZERO,
            peak_memory: None,
        }
    }
}

/// The state of a stage in the store, found without running anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Its result is in the store.
    Hit(Digest),
    /// It would run.
    Miss(Digest),
    /// It depends on a stage that would run, so its key is not known yet.
    Unknown,
    /// A file it reads is not there.
    Unreadable(String),
}

impl Look {
    /// The look as JSON names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hit(_) => "cached",
            Self::Miss(_) => "run",
            Self::Unknown => "unknown",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// The stage's key, where it is known.
    pub const fn key(&self) -> Option<&Digest> {
        match self {
            Self::Hit(key) | Self::Miss(key) => Some(key),
            Self::Unknown | Self::Unreadable(_) => None,
        }
    }
}

/// An event of a run, for display.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A stage began to run.
    Started(&'a StageId),
    /// A running stage is at `done` of `total` steps.
    Progress(&'a StageId, usize, usize),
    /// A stage has an outcome.
    Finished(&'a StageId, &'a Outcome),
    /// A notice for the user.
    Notice(String),
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Stages and threads at a time; all CPUs where none is given.
    pub jobs: Option<usize>,
    /// Never open a socket.
    pub offline: bool,
    /// Folder in which pinned files are looked for first, subfolders included.
    pub mirror: Option<PathBuf>,
    /// Start no stage after a failure.
    pub fail_fast: bool,
    /// Compute nothing: a stage that is not in the store fails.
    pub frozen: bool,
}

/// The code of a failure for want of an entry in the store.
pub const NOT_CACHED: &str = "not-cached";
