//! Runs a plan: each stage is taken from the store or computed, independent stages in parallel.

mod expect;
mod fetch;
mod memory;
mod panic;
mod run;
mod update;

use std::path::PathBuf;
use std::time::Duration;

pub use expect::{Basis, expected_seconds};
pub use fetch::{FetchError, Fetcher};
pub use panic::{keep_panics_quiet, panic_in_words};
pub use run::{Engine, look, look_closely};
pub use update::{Updated, update};

use crate::artifact::{Digest, Manifest};
use crate::plan::StageId;
use crate::stage::Failure;

/// The outcome of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The stage was computed.
    Ran,
    /// The result was in the store.
    Cached,
    /// The stage failed.
    Failed(Failure),
    /// The stage was skipped, because a stage that it needs has no result.
    Skipped,
}

impl Status {
    /// The status in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// The outcome of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Status.
    pub status: Status,
    /// Key, if the inputs were known.
    pub key: Option<Digest>,
    /// Outputs.
    pub outputs: Manifest,
    /// Elapsed time.
    pub elapsed: Duration,
    /// Peak memory of the program in bytes while the stage was computed; shared by stages that ran at the same time.
    pub peak_memory: Option<u64>,
}

impl Outcome {
    /// The outcome of a stage that was not considered.
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
    /// The result is in the store.
    Hit(Digest),
    /// The stage would run.
    Miss(Digest),
    /// The stage depends on a stage that would run, so its key is not known yet.
    Unknown,
    /// A file that the stage reads is missing.
    Unreadable(String),
}

impl Look {
    /// The state in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hit(_) => "cached",
            Self::Miss(_) => "run",
            Self::Unknown => "unknown",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// The stage's key, where known.
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
    /// A running stage completed `done` of `total` steps.
    Progress(&'a StageId, usize, usize),
    /// A stage has an outcome.
    Finished(&'a StageId, &'a Outcome),
    /// A notice for the user.
    Notice(String),
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Maximum number of stages and threads at a time; `None` stands for all CPUs.
    pub jobs: Option<usize>,
    /// Never open a socket.
    pub offline: bool,
    /// Folder that is searched first for pinned files, with its subfolders.
    pub mirror: Option<PathBuf>,
    /// Whether no stage starts after a failure.
    pub fail_fast: bool,
    /// Whether nothing is computed, so that a stage that is not in the store fails.
    pub frozen: bool,
}

/// Code of the failure of a stage that is not in the store.
pub const NOT_CACHED: &str = "not-cached";
