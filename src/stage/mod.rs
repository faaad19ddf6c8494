//! The stages of a study: pure functions of settings and input artifacts.

mod answered;
mod chain;
mod design;
mod extrapolate;
mod faults;
mod filter;
mod fit;
mod gather;
mod history;
mod ingest;
mod inverted;
mod render;
mod results;
mod stack;
mod table;
mod weighted;
mod written;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use answered::ANSWER;
pub use chain::Through;
pub use design::{DesignRuns, Judging, LAUNCHED, POOL, launched_as};
pub use extrapolate::{Extrapolate, WrittenQuery};
pub use filter::{Extreme, Filter, FilterRule, RuleKind};
pub use fit::{
    ESTIMATE, Estimate, FitLaw, FitMethod, Origins, REFITS, Refits, RowRoles, WrittenEstimate, WrittenFit,
    WrittenRefits,
};
pub use gather::Gather;
pub use history::IngestHistory;
pub use ingest::{Ingest, IngestColumn, IngestSchedule, Origin as ColumnOrigin};
pub use inverted::ByDefault;
pub use render::RenderReport;
pub use results::{GatherResults, RESULTS};
pub use stack::{Stacked, stacked_as};
pub use table::Tabulate;
pub use written::Laws;

use crate::artifact::Outputs;
use crate::law::Law;
use crate::watch::{Cancelled, Watch};

/// A file that a stage reads from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum External {
    /// A file on disk.
    File {
        /// Its path.
        path: PathBuf,
        /// Its name for messages and reports, relative to the spec.
        name: String,
        /// Maximum number of bytes.
        most: u64,
    },
    /// A file on the web with a pinned digest.
    Pinned {
        /// Its address.
        url: String,
        /// SHA-256 of its content.
        sha256: String,
        /// Maximum number of bytes.
        most: u64,
    },
    /// A file of a snapshot of a live source.
    Snapshot {
        /// Its path next to the spec. If it is not there, the cache may have it.
        path: PathBuf,
        /// The name of the original, for messages and reports.
        name: String,
        /// SHA-256 of its content.
        sha256: String,
        /// Maximum number of bytes.
        most: u64,
    },
}

impl External {
    /// The name for messages and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::File { name, .. } | Self::Snapshot { name, .. } => name,
            Self::Pinned { url, .. } => url,
        }
    }

    /// The pinned SHA-256, if any.
    pub fn pinned(&self) -> Option<&str> {
        match self {
            Self::File { .. } => None,
            Self::Pinned { sha256, .. } | Self::Snapshot { sha256, .. } => Some(sha256),
        }
    }
}

/// The inputs of a stage.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Artifacts of earlier stages, by role.
    pub artifacts: BTreeMap<String, Arc<Vec<u8>>>,
    /// Bytes of the external files, in order.
    pub files: Vec<Arc<Vec<u8>>>,
}

impl Inputs {
    /// The bytes of an artifact.
    ///
    /// # Errors
    /// The plan did not connect the artifact.
    pub fn bytes(&self, role: &str) -> Result<&Arc<Vec<u8>>, Failure> {
        self.artifacts.get(role).ok_or_else(|| Failure::internal(format!("no artifact `{role}`")))
    }

    /// An artifact parsed as JSON.
    ///
    /// # Errors
    /// The artifact is missing or has another type.
    pub fn json<T: DeserializeOwned>(&self, role: &str) -> Result<T, Failure> {
        serde_json::from_slice(self.bytes(role)?)
            .map_err(|error| Failure::internal(format!("artifact `{role}`: {error}")))
    }

    /// The artifacts whose role starts with a prefix, parsed as JSON, by the rest of the role.
    ///
    /// # Errors
    /// An artifact has another type.
    pub fn named<T: DeserializeOwned>(&self, prefix: &str) -> Result<BTreeMap<String, T>, Failure> {
        let roles = self.artifacts.keys().filter_map(|role| Some((role, role.strip_prefix(prefix)?)));
        roles.map(|(role, name)| Ok((name.to_owned(), self.json(role)?))).collect()
    }

    /// An artifact parsed as a table.
    ///
    /// # Errors
    /// The artifact is missing or has another type.
    pub fn table(&self, role: &str) -> Result<crate::dataset::Dataset, Failure> {
        crate::source::from_bytes(self.bytes(role)?)
            .map_err(|error| Failure::internal(format!("artifact `{role}`: {error}")))
    }
}

/// Why a stage has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable name in kebab case.
    pub code: &'static str,
    /// What was wrong.
    pub message: String,
    /// Hints, each in one line.
    pub hints: Vec<String>,
    /// The keys of the value at fault, below the stage's entry in the spec; empty for the entry itself.
    pub below: Vec<String>,
}

impl Failure {
    /// A failure with a stable name.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new(), below: Vec::new() }
    }

    /// A failure that is a defect of lawfit.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", message).hint("this is a defect of lawfit; please report it with the spec")
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the keys of the value at fault, below the stage's entry in the spec.
    #[must_use]
    pub fn below(mut self, keys: &[&str]) -> Self {
        self.below = keys.iter().map(|key| (*key).to_owned()).collect();
        self
    }

    /// Whether the stage was cancelled.
    pub fn is_interruption(&self) -> bool {
        self.code == INTERRUPTED
    }
}

const INTERRUPTED: &str = "interrupted";

impl From<Cancelled> for Failure {
    fn from(_: Cancelled) -> Self {
        Self::new(INTERRUPTED, "interrupted")
    }
}

/// The code of a failure of a stage that has no rows.
pub const NO_ROWS: &str = "no-rows";

/// A stage of a study.
pub trait Stage: Send + Sync {
    /// Its kind: `ingest`, `table`, `filter`, `estimate`, `refits`, `fit`, `extrapolate`, `design`, `results`,
    /// `render`.
    fn kind(&self) -> &'static str;

    /// Raise this number when the stage gives other bytes for the same settings and inputs.
    fn impl_rev(&self) -> u32;

    /// The resolved settings, which determine the result together with the inputs. They contain no names, paths or
    /// comments.
    fn settings(&self) -> serde_json::Value;

    /// The external files that the stage reads.
    fn externals(&self) -> &[External] {
        &[]
    }

    /// Whether the key and outputs are in the lock file. A stage that determines no number is not.
    fn is_locked(&self) -> bool {
        true
    }

    /// Whether the stage ends a study: it describes the whole spec for people, or it plans the next runs. When a
    /// study is divided over machines, the last job runs these stages.
    fn ends_study(&self) -> bool {
        false
    }

    /// The stage in plain values, for another machine; `None` for a stage that ends a study.
    fn written(&self, laws: &mut Laws) -> Option<WrittenStage>;

    /// What the stage did with its rows, in lines such as `drop L > 10: 3 rows`, for an error about missing rows.
    fn account(&self, _: &Outputs) -> Vec<String> {
        Vec::new()
    }

    /// Whether the stage produces exactly these roles, in this order. A cache record with other roles is damaged.
    fn produces(&self, roles: &[&str]) -> bool;

    /// Computes the result.
    ///
    /// # Errors
    /// The inputs allow no result.
    fn run(&self, inputs: &Inputs, watch: &Watch<'_>) -> Result<Outputs, Failure>;
}

/// A stage in plain values: the list of stages that can run outside their study. Stages that end a study
/// ([`Stage::ends_study`]) are missing here, because the last job computes them from the specs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenStage {
    /// Reads files into a table.
    Ingest(Box<Ingest>),
    /// Joins the tables of several files.
    Gather(Gather),
    /// Applies steps to a table.
    Table(Tabulate),
    /// Selects rows.
    Filter(Filter),
    /// Finds the optima of a fit whose refits are divided.
    Estimate(Box<WrittenEstimate>),
    /// Computes a range of the refits of a fit.
    Refits(Box<WrittenRefits>),
    /// Fits a law to rows.
    Fit(Box<WrittenFit>),
    /// Answers a query from a fit.
    Extrapolate(Box<WrittenQuery>),
}

impl WrittenStage {
    /// The stage; `None` where it names a law that is not in the list.
    pub fn read(self, laws: &[Arc<Law>]) -> Option<Arc<dyn Stage>> {
        Some(match self {
            Self::Ingest(stage) => Arc::new(*stage),
            Self::Gather(stage) => Arc::new(stage),
            Self::Table(stage) => Arc::new(stage),
            Self::Filter(stage) => Arc::new(stage),
            Self::Estimate(written) => Arc::new(written.read(laws)?),
            Self::Refits(written) => Arc::new(written.read(laws)?),
            Self::Fit(written) => Arc::new(written.read(laws)?),
            Self::Extrapolate(written) => Arc::new(written.read(laws)?),
        })
    }
}

/// A value as canonical JSON bytes: sorted keys, shortest numbers, and a newline at the end.
///
/// JSON has no infinities. A value with an infinity could not be read back, so it fails here and not in the next
/// stage.
fn json_bytes<T: Serialize + DeserializeOwned>(value: &T) -> Result<Arc<Vec<u8>>, Failure> {
    let value = serde_json::to_value(value).map_err(|error| Failure::internal(error.to_string()))?;
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(|error| Failure::internal(error.to_string()))?;
    if serde_json::from_value::<T>(value).is_err() {
        let message = "a number of the result is not finite: it exceeds the range of floating-point numbers, \
         about 1e308";
        return Err(
            Failure::new("not-finite", message).hint("use other units for the columns, or query nearer to the rows")
        );
    }
    bytes.push(b'\n');
    Ok(Arc::new(bytes))
}

/// Names rows in a message: `runs.csv row 3, 17 and 5 more`.
fn name_rows(origins: &[crate::dataset::Origin], files: &[String]) -> String {
    let shown: Vec<String> = origins
        .iter()
        .take(3)
        .map(|o| format!("{} row {}", files.get(o.file as usize).map_or("?", String::as_str), o.row))
        .collect();
    let more = origins.len().saturating_sub(shown.len());
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
