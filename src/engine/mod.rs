//! Walks a plan: each stage is taken from the store or run, independent ones in parallel.

mod fetch;
mod memory;
mod panic;
mod run;

use std::path::PathBuf;
use std::time::Duration;

pub use fetch::{FetchError, Fetcher};
pub use panic::{keep_panics_quiet, panic_in_words};
pub use run::{Engine, look, look_closely};

use crate::artifact::{Digest, Manifest};
use crate::plan::StageId;
use crate::stage::Failure;

/// What became of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was computed.
    Ran,
    /// Its result was in the store.
    Cached,
    /// It has no result.
    Failed(Failure),
    /// A stage that it needs has no result.
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

/// A stage that was dealt with.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What became of it.
    pub status: Status,
    /// Its key, where its inputs were known.
    pub key: Option<Digest>,
    /// What it produced.
    pub outputs: Manifest,
    /// How long that took.
    pub elapsed: Duration,
    /// Most memory, in bytes, that the program held while it was computed; shared with stages computed beside it.
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

/// What a look at the store says of a stage, without running anything.
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

/// Something that happened, for whoever shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A stage began to run.
    Started(&'a StageId),
    /// A running stage is at `done` of `total` steps.
    Progress(&'a StageId, usize, usize),
    /// A stage was dealt with.
    Finished(&'a StageId, &'a Outcome),
    /// Something a user should hear of.
    Notice(String),
}

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Stages and threads at a time; all CPUs where none is given.
    pub jobs: Option<usize>,
    /// Never open a socket.
    pub offline: bool,
    /// Folder in which pinned files are looked for first, subfolders included.
    pub mirror: Option<PathBuf>,
    /// Start nothing new after a failure.
    pub fail_fast: bool,
    /// Compute nothing: a stage that is not in the store fails.
    pub frozen: bool,
}

/// The code of a failure for want of an entry in the store.
pub const NOT_CACHED: &str = "not-cached";
