//! Live sources, whose content changes: one file per kind.
//!
//! Only `lawfit update` reads them. A run reads the snapshot, which a digest in the lock file pins.

mod bucket;
mod database;
mod files;
mod moved;
mod web_file;

pub use bucket::{Bucket, is_bucket};
pub use database::DatabaseFile;
pub use files::Files;
pub use moved::{Moved, RowKey, moved};
pub use web_file::WebFile;

use serde::{Deserialize, Serialize};

use crate::registry::{keyed, registry};
use crate::source::{Limits, SourceError};
use crate::web::WebError;

/// A source that changes.
pub trait Live {
    /// The location and the request, in one line. A snapshot is valid for one location.
    fn location(&self) -> String;

    /// Whether a snapshot is one table with the requested columns (NDJSON). Otherwise it is a copy of the files.
    fn is_table(&self) -> bool;

    /// Reads the source.
    ///
    /// # Errors
    /// The source cannot be reached, its content is invalid, or it is too large.
    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError>;
}

/// Implements reading a tracker under its key, and lists the keys for the schema of sources.
macro_rules! keys_of_trackers {
    ($($members:tt)+) => {
        keyed! { Tracker, TrackerKeys; $($members)+ }
    };
}

registry! {
    /// A server that tracks runs. Its name is the key of a source.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Tracker of dyn TrackerServer, each keys_of_trackers! {
        /// Runs on an MLflow server: `{ url = "http://localhost:5000" }`. `lawfit update` takes a snapshot of them.
        mlflow::Mlflow,
        /// Runs of a W&B project: `{ project = "team/scaling" }`. `lawfit update` takes a snapshot of them.
        wandb::Wandb,
    }
}

/// The server of a tracker, a source whose snapshot is one table of histories.
pub trait TrackerServer: Live {
    /// Address of the server.
    fn url(&self) -> &str;
}

impl Live for Tracker {
    fn location(&self) -> String {
        self.member().location()
    }

    fn is_table(&self) -> bool {
        self.member().is_table()
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        self.member().read(asked)
    }
}

/// What to read from a live source.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The columns of the table.
    pub columns: &'a [String],
    /// The limits of its size.
    pub limits: &'a Limits,
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name, for messages and for values in file names.
    pub name: String,
    /// The part of its path that follows the name of the source in the snapshot folder: `.csv`, or `/runs/a.csv`.
    pub suffix: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The ending of a table's file.
const TABLE: &str = ".ndjson";

impl Taken {
    /// A table: one list of cells per name.
    fn table(name: String, names: &[String], columns: &crate::source::Columns) -> Self {
        Self { name, suffix: TABLE.to_owned(), bytes: crate::source::to_lines(names, columns) }
    }
}

/// Why a live source could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LiveError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl LiveError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<WebError> for LiveError {
    fn from(error: WebError) -> Self {
        Self::new(error.0)
    }
}

impl From<SourceError> for LiveError {
    fn from(error: SourceError) -> Self {
        let message = error.to_string();
        match error {
            SourceError::NoColumn { column, known } => Self::new(message).hint(SourceError::meant(&column, &known)),
            SourceError::TooLarge(_) => Self::new(message).hint("if it is meant to be so large: `--allow large`"),
            SourceError::NoReader { feature } => Self::new(message).hint(crate::source::ways_to_feature(feature)),
            _ => Self::new(message),
        }
    }
}

/// An environment variable that is not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Parses a JSON response, which may contain NaN as Python writes it.
fn json(bytes: &[u8]) -> Result<serde_json::Value, LiveError> {
    serde_json::from_slice(&crate::source::with_quoted_nan(bytes))
        .map_err(|error| LiveError::new(format!("the server's answer is not JSON: {error}")))
}

/// A string in a JSON response.
fn text<'a>(value: &'a serde_json::Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, key| value.get(key))?.as_str()
}

/// An integer in a JSON response, which may be written as a string.
fn whole(value: &serde_json::Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
